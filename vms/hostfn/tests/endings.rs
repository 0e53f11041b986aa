//! Calls that end the VM, and calls side by side.

mod common;

use common::harness::{Failure, at, attach};
use common::{World, located};
use cosmos_rpc::message::vm::{CALL, Close};
use cosmos_rpc::{Blame, FaultCode};
use std::ffi::{c_char, c_int, c_uint, c_ulong};
use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

/// Calls and gives the fault; the VM must be gone afterwards, by the signal or with the status.
fn ends(world: &mut World, prototype: &str, arguments: &[u64]) -> (Option<i32>, Option<i32>) {
    let function = world.function("libc.so.6", prototype);
    // SAFETY: the arguments are integers as the prototypes say.
    let failure = unsafe { world.try_call::<c_int>(&function, arguments) }.unwrap_err();
    let Failure::Fault(fault) = failure else {
        panic!("{failure:?}")
    };
    assert_eq!(
        (fault.code, fault.blame),
        (FaultCode::Disconnected, Blame::Peer)
    );
    let status = world.vm.ended();
    (status.signal(), status.code())
}

#[test]
fn a_signal_ends_it() {
    let (seven, zero): (c_int, c_int) = (7, 0);
    let status = ends(
        &mut World::new(),
        "div_t div(int numer, int denom);",
        &[at(&seven), at(&zero)],
    );
    assert_eq!(status, (Some(libc::SIGFPE), None));
    let segv: c_int = libc::SIGSEGV;
    let status = ends(&mut World::new(), "int raise(int sig);", &[at(&segv)]);
    assert_eq!(status, (Some(libc::SIGSEGV), None));
}

#[test]
fn abort_and_exit_end_it() {
    let status = ends(&mut World::new(), "void abort(void) __noreturn;", &[]);
    assert_eq!(status, (Some(libc::SIGABRT), None));
    let five: c_int = 5;
    let status = ends(
        &mut World::new(),
        "void exit(int status) __noreturn;",
        &[at(&five)],
    );
    assert_eq!(status, (None, Some(5)));
}

#[test]
fn a_thread_that_ends_itself_does_not_hang_the_client() {
    let nothing = 0u64;
    let function = "void pthread_exit(void *__opaque value) __noreturn;";
    let mut world = World::new();
    let function = world.function("libc.so.6", function);
    // SAFETY: a cookie.
    let failure = unsafe { world.try_call::<()>(&function, &[at(&nothing)]) }.unwrap_err();
    assert!(matches!(failure, Failure::Fault(_)), "{failure:?}");
}

#[test]
fn a_wrong_pointer_of_the_library_ends_it() {
    let mut world = World::new();
    // atol's number taken for a pointer: what it returns leads nowhere.
    let function = world.function("libc.so.6", "char *__borrowed atol(const char *text);");
    let text: *const c_char = c"4096".as_ptr();
    // SAFETY: a string; the result is not looked at.
    let failure = unsafe { world.try_call::<u64>(&function, &[at(&text)]) }.unwrap_err();
    assert!(matches!(failure, Failure::Fault(_)), "{failure:?}");
    assert_eq!(world.vm.ended().signal(), Some(libc::SIGSEGV));
}

#[test]
fn malformed_calls_are_refused_and_dropped() {
    for round in 0..40u8 {
        let mut world = World::new();
        let crc = world.function(
            "libz.so.1",
            "uLong crc32(uLong crc, const Bytef *__sized_by(len) buf, uInt len);",
        );
        let mut channel = attach(&mut world.client);
        let mut body = crc.runable.to_le_bytes().to_vec();
        // A good request of a call, then damage to it.
        let (start, text, length): (c_ulong, *const u8, c_uint) = (0, b"12345678".as_ptr(), 8);
        let (mut request, mut none) = (Vec::new(), Vec::new());
        let mut memory = common::harness::own();
        let arguments = [at(&start), at(&text), at(&length)];
        crc.caller
            .encode(&mut memory, &arguments, 0, &mut request, &mut none)
            .unwrap();
        match round {
            0 => request.clear(),
            1..20 => request.truncate(request.len() * usize::from(round) / 20),
            20..30 => request.extend(vec![round; usize::from(round)]),
            _ => request[usize::from(round - 26)] = 0xee,
        }
        body.extend(&request);
        channel.send_raw(CALL, 7, &[&body], &[]).unwrap();
        let answer = channel.receive().unwrap().unwrap();
        let fault = answer
            .fault()
            .unwrap_or_else(|| panic!("round {round} was called"));
        assert_eq!(fault.blame, Blame::Peer, "round {round}: {fault}");
        assert!(
            channel.receive().unwrap().is_none(),
            "round {round}: not dropped"
        );
        // The main connection goes on.
        // SAFETY: as the prototype says.
        let (sum, _) = unsafe { world.call::<c_ulong>(&crc, &arguments) };
        assert_eq!(sum, 0x9ae0_daaf);
    }
}

#[test]
fn eight_channels_at_once() {
    let mut world = World::new();
    let crc = world.function(
        "libz.so.1",
        "uLong crc32(uLong crc, const Bytef *__sized_by(len) buf, uInt len);",
    );
    let strtol = world.function(
        "libc.so.6",
        "long strtol(const char *nptr, char *__alias(nptr) *__out endptr, int base);",
    );
    let threads: Vec<_> = (0..8u8)
        .map(|number| {
            let mut channel = attach(&mut world.client);
            let (crc, strtol) = (crc.clone(), strtol.clone());
            std::thread::spawn(move || {
                for round in 0..200u32 {
                    let text = vec![number; 1 + round as usize * 37];
                    let (start, source) = (0 as c_ulong, text.as_ptr());
                    let length = text.len() as c_uint;
                    let arguments = [at(&start), at(&source), at(&length)];
                    // SAFETY: as the prototype says.
                    let (sum, errno): (c_ulong, i32) =
                        unsafe { crc.call(&mut channel, &arguments, i32::from(number)) }.unwrap();
                    assert_eq!((sum, errno), (checksum(&text), i32::from(number)));
                    // errno is each thread's own: every other one overflows.
                    let digits = if (round + u32::from(number)).is_multiple_of(2) {
                        c"99999999999999999999"
                    } else {
                        c"77"
                    };
                    let (source, end, base) = (digits.as_ptr(), 0u64, 10 as c_int);
                    let arguments = [at(&source), at(&end), at(&base)];
                    // SAFETY: as the prototype says.
                    let got: (i64, i32) =
                        unsafe { strtol.call(&mut channel, &arguments, 3) }.unwrap();
                    let overflow = digits == c"99999999999999999999";
                    let expected = if overflow {
                        (i64::MAX, libc::ERANGE)
                    } else {
                        (77, 3)
                    };
                    assert_eq!(got, expected);
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
}

/// CRC-32, a bit at a time.
fn checksum(bytes: &[u8]) -> c_ulong {
    let step = |sum: u32, _| (sum >> 1) ^ (0xedb8_8320 & 0u32.wrapping_sub(sum & 1));
    let sum = bytes.iter().fold(u32::MAX, |sum, &byte| {
        (0..8).fold(sum ^ u32::from(byte), step)
    });
    c_ulong::from(!sum)
}

#[test]
fn a_thousand_opens_and_closes_leave_nothing() {
    let mut world = World::new();
    let path = located("libz.so.1");
    let resident = |world: &World| {
        let process = format!("/proc/{}", world.vm.pid());
        let fds = std::fs::read_dir(format!("{process}/fd")).unwrap().count();
        let statm = std::fs::read_to_string(format!("{process}/statm")).unwrap();
        (
            fds,
            statm.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096,
        )
    };
    let cycle = |world: &mut World| {
        let object = common::harness::open(&mut world.client, &path).unwrap();
        let prototype = "uLong crc32(uLong crc, const Bytef *__sized_by(len) buf, uInt len);";
        common::harness::sym(&mut world.client, object, prototype).unwrap();
        drop(attach(&mut world.client));
        world.client.call(&Close { object }, &[]).unwrap();
    };
    (0..100).for_each(|_| cycle(&mut world));
    let before = resident(&world);
    (0..1000).for_each(|_| cycle(&mut world));
    // It notices the end of a channel in its own time.
    let deadline = Instant::now() + common::harness::PATIENCE;
    let mut after = resident(&world);
    while after.0 > before.0 && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(20));
        after = resident(&world);
    }
    println!(
        "descriptors {} -> {}, resident {} -> {}",
        before.0, after.0, before.1, after.1
    );
    assert!(
        after.0 <= before.0,
        "descriptors: {} -> {}",
        before.0,
        after.0
    );
    assert!(
        after.1 <= before.1 + (4 << 20),
        "resident: {} -> {}",
        before.1,
        after.1
    );
}
