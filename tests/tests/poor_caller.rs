//! A program that runs short of memory, or of descriptors, has its calls fail, and goes on; and its threads' stacks may
//! be small.

use cosmos::{Command, FaultCode, Stream};
use cosmos_tests::{Prefix, errno, in_world, run, set_errno};
use std::ffi::{c_uint, c_ulong, c_void};
use std::time::Duration;

type Adler = extern "C" fn(c_ulong, *const u8, c_uint) -> c_ulong;

/// More than is left of the 64 MiB of addresses that malloc sets aside for a thread, and less than a call may carry.
const SIZE: usize = (64 << 20) - (64 << 10);

#[test]
fn a_copy_that_there_is_no_memory_for_fails_the_call_and_nothing_else() {
    in_world(|_| {
        // Through memory that both map it is copied into addresses that are there already.
        // SAFETY: no other thread looks at the environment yet.
        unsafe { std::env::set_var("COSMOS_RING", "0") };
        let zlib = cosmos::dlopen("libz.so.1").expect("zlib");
        let adler = zlib
            .function("uLong adler32(uLong adler, const Bytef *__sized_by(len) buf, uInt len)")
            .expect("adler32");
        let bytes = vec![0u8; SIZE];
        // SAFETY: the function has this type.
        let adler = unsafe { std::mem::transmute::<*const c_void, Adler>(adler.pointer()) };
        let sum = |length: usize| {
            set_errno(0);
            let sum = adler(1, bytes.as_ptr(), length as c_uint);
            (sum, errno())
        };
        let small = sum(16);
        assert_eq!(small.1, 0);
        let all = limit(libc::RLIMIT_AS);
        set_limit(
            libc::RLIMIT_AS,
            libc::rlimit {
                rlim_cur: mapped() + (1 << 20),
                ..all
            },
        );
        let (large, after) = (sum(SIZE), sum(16));
        set_limit(libc::RLIMIT_AS, all);
        assert_eq!(large.1, libc::ECOMM, "a copy without memory");
        assert_eq!(after, small);
        assert_eq!(sum(SIZE).1, 0, "with memory");
    });
}

/// The first calls of a thread take the most; what they take without optimization is nobody's affair.
#[test]
fn a_thread_with_a_small_stack_calls_like_any() {
    in_world(|world| {
        let prefix = Prefix::installed(world);
        let program = world.directory().join("small_stack");
        let flags = ["-std=gnu99", "-Wall", "-Wextra", "-Werror", "-pthread"];
        prefix.compile("gcc", "small_stack.c", &flags, &program);
        let most = if cfg!(debug_assertions) { 128 } else { 40 };
        let mut command = std::process::Command::new(&program);
        command.arg((most << 10).to_string());
        let ran = run(prefix.environment(&mut command), Duration::from_secs(60));
        assert_eq!(ran.succeeded(), "fine\n");
    });
}

/// As some programs have it that shut themselves in, behind what they have opened.
#[test]
fn a_program_that_may_open_no_files_any_more_has_its_calls_return_and_fail() {
    in_world(|_| {
        let libc = cosmos::dlopen("libc.so.6").expect("libc");
        let nap = libc.function("int usleep(unsigned useconds)").expect("it");
        let end = libc.function("void abort(void)").expect("it");
        nap.call(&[1.into()]).expect("it returns");
        let all = limit(libc::RLIMIT_NOFILE);
        set_limit(libc::RLIMIT_NOFILE, libc::rlimit { rlim_cur: 0, ..all });
        // So long that this thread sleeps, and looks whether the VM is there.
        let naps: Vec<_> = (0..3).map(|_| nap.call(&[300_000.into()])).collect();
        let ended = end.call(&[]);
        set_limit(libc::RLIMIT_NOFILE, all);
        for nap in naps {
            assert_eq!(nap.expect("it returns").result, cosmos::Value::Int(0));
        }
        let ended = ended.expect_err("it ends");
        assert_eq!(ended.code(), FaultCode::VmDied, "{ended}");
    });
}

/// What a program writes is read by threads, and there are none where there are no addresses for their stacks.
#[test]
fn a_program_whose_output_nobody_can_read_is_ended() {
    in_world(|_| {
        let start = || {
            let mut cat = Command::new("cat");
            cat.stdin(Stream::Pipe).stdout(Stream::Pipe);
            cat.stderr(Stream::Pipe).spawn().expect("cat")
        };
        let (refused, fine) = (start(), start());
        let steering = refused.steering();
        let all = limit(libc::RLIMIT_AS);
        set_limit(
            libc::RLIMIT_AS,
            libc::rlimit {
                rlim_cur: mapped() + (64 << 10),
                ..all
            },
        );
        let error = refused.output(100).map(drop);
        set_limit(libc::RLIMIT_AS, all);
        let error = error.expect_err("no thread");
        assert_eq!(error.code(), FaultCode::System, "{error}");
        assert_eq!(steering.next(), None, "it is gone");
        assert!(fine.output(100).expect("cat").ended.success());
    });
}

/// How many bytes of addresses this process has in use.
fn mapped() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").expect("statm");
    let pages = pages.split(' ').next().map(str::parse::<u64>);
    4096 * pages.expect("a number").expect("a number")
}

fn limit(of: libc::__rlimit_resource_t) -> libc::rlimit {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the limit is written there.
    assert_eq!(unsafe { libc::getrlimit(of, &mut limit) }, 0);
    limit
}

fn set_limit(of: libc::__rlimit_resource_t, limit: libc::rlimit) {
    // SAFETY: a limit of this process, which is a world of its own.
    assert_eq!(unsafe { libc::setrlimit(of, &limit) }, 0);
}
