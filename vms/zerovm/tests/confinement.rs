//! The second wall: what code in a guest's process cannot do, validated or not.

mod support;

use nix::libc;
use support::{Report, Runner, Session};

const BASE: u64 = 0x440A_0000_0000;
const HEAP: u64 = BASE + 0x40000;

fn call(number: libc::c_long, arguments: [u64; 6]) -> (Session, Report) {
    call_in(Session::of("raw"), number, arguments)
}

fn call_in(mut session: Session, number: libc::c_long, arguments: [u64; 6]) -> (Session, Report) {
    session.runner = Runner::Trusting;
    session.input(&words(number, arguments, false));
    let report = session.run();
    (session, report)
}

/// What the guest `raw` reads.
fn words(number: libc::c_long, arguments: [u64; 6], loops: bool) -> Vec<u8> {
    let words = [number as u64].into_iter().chain(arguments);
    let words = words.chain([u64::from(loops)]);
    words.flat_map(u64::to_le_bytes).collect()
}

fn expect_killed(name: &str, number: libc::c_long, arguments: [u64; 6]) {
    let (session, report) = call(number, arguments);
    let state = "killed for a system call that no session needs";
    assert_eq!((report.status, report.state()), (Some(4), state), "{name}");
    assert_eq!(session.read("stdout"), b"", "{name}");
}

macro_rules! expect_killed_for {
    ($($name:ident)*) => {
        $(expect_killed(stringify!($name), libc::$name, [0; 6]);)*
    };
}

#[test]
fn calls_that_no_session_needs_end_it() {
    expect_killed_for! {
        SYS_open SYS_openat SYS_creat SYS_socket SYS_socketpair SYS_connect SYS_sendto SYS_sendmsg
        SYS_fork SYS_vfork SYS_clone SYS_clone3 SYS_execve SYS_execveat SYS_kill SYS_tkill
        SYS_tgkill SYS_ptrace SYS_process_vm_readv SYS_process_vm_writev SYS_pidfd_open
        SYS_pidfd_getfd SYS_prlimit64 SYS_setpriority SYS_sched_setattr SYS_io_uring_setup
        SYS_userfaultfd SYS_bpf SYS_perf_event_open SYS_keyctl SYS_add_key SYS_modify_ldt
        SYS_personality SYS_memfd_create SYS_memfd_secret SYS_vmsplice SYS_seccomp SYS_pkey_alloc
        SYS_pkey_mprotect SYS_prctl SYS_arch_prctl SYS_unshare SYS_setns SYS_mount SYS_umount2
        SYS_chroot SYS_chmod SYS_fchmod SYS_utimensat SYS_setxattr SYS_shmget SYS_msgget
        SYS_semget SYS_mq_open SYS_ioctl SYS_dup SYS_dup2 SYS_sendfile SYS_splice SYS_mremap
        SYS_remap_file_pages SYS_setitimer SYS_alarm SYS_unlink SYS_rename SYS_stat SYS_getdents64
        SYS_setuid SYS_uname SYS_getpid SYS_rt_sigaction SYS_rt_sigqueueinfo
    }
    // With the bit of the x32 interface.
    expect_killed("x32", 0x4000_0000 | libc::SYS_read, [0; 6]);
}

#[test]
fn memory_is_not_made_writable_and_executable() {
    let rwx = (libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC) as u64;
    let rx = (libc::PROT_READ | libc::PROT_EXEC) as u64;
    let rw = (libc::PROT_READ | libc::PROT_WRITE) as u64;
    let outside = 0x5AFE_CA11_0000;
    for (address, length, protection) in [
        (HEAP, 0x1000, rwx),
        (HEAP, 0x1000, libc::PROT_EXEC as u64),
        (outside, 0x1000, rw),
        (BASE - 0x1000, 0x1000, rw),
        (BASE + (1 << 32), 0x1000, rw),
        (BASE, 1 << 32, rw),
    ] {
        let arguments = [address, length, protection, 0, 0, 0];
        expect_killed("mprotect", libc::SYS_mprotect, arguments);
    }
    let anonymous = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS) as u64;
    let fixed = anonymous | libc::MAP_FIXED as u64;
    let nowhere = u64::MAX;
    for (address, protection, flags, descriptor) in [
        (0, rx, anonymous, nowhere),
        (0, rwx, anonymous, nowhere),
        (0, rw, libc::MAP_PRIVATE as u64, 3),
        (HEAP, rw, fixed, nowhere),
    ] {
        let arguments = [address, 0x1000, protection, flags, descriptor, 0];
        expect_killed("mmap", libc::SYS_mmap, arguments);
    }
}

/// A guest that may become a daemon has a few calls more, and of these only what it needs.
#[test]
fn a_guest_with_a_job_forks_and_does_no_more() {
    let thread = (libc::CLONE_VM | libc::CLONE_THREAD | libc::CLONE_SIGHAND) as u64;
    let namespace = (libc::CLONE_NEWUSER | libc::SIGCHLD) as u64;
    let cases = [
        (libc::SYS_fork, [0; 6]),
        (libc::SYS_vfork, [0; 6]),
        (libc::SYS_clone3, [0; 6]),
        (libc::SYS_clone, [thread, 0, 0, 0, 0, 0]),
        (libc::SYS_clone, [namespace, 0, 0, 0, 0, 0]),
        (
            libc::SYS_prctl,
            [libc::PR_SET_DUMPABLE as u64, 1, 0, 0, 0, 0],
        ),
        (
            libc::SYS_prctl,
            [libc::PR_SET_SECCOMP as u64, 0, 0, 0, 0, 0],
        ),
        (libc::SYS_socket, [1, 1, 0, 0, 0, 0]),
        (libc::SYS_connect, [3, 0, 0, 0, 0, 0]),
        (libc::SYS_execve, [0; 6]),
        (libc::SYS_openat, [0; 6]),
        (libc::SYS_kill, [1, 0, 0, 0, 0, 0]),
    ];
    for (number, arguments) in cases {
        let mut session = Session::of("raw");
        let job = session.path("job").display().to_string();
        session.set("Job", &job);
        let (_, report) = call_in(session, number, arguments);
        let state = "killed for a system call that no session needs";
        assert_eq!(report.state(), state, "{number}");
    }
}

#[test]
fn calls_that_sessions_need_are_made() {
    let (session, report) = call(libc::SYS_futex, [HEAP, libc::FUTEX_WAKE as u64, 1, 0, 0, 0]);
    report.expect_ok();
    assert_eq!(session.read("stdout"), 0u64.to_le_bytes());
}

/// Descriptors that whoever starts `zerovm` forgot are not there.
#[test]
fn nothing_is_inherited() {
    for descriptor in [0, 1, 2, 10, 11, 50] {
        let mut session = Session::of("raw");
        session.runner = Runner::Trusting;
        let arguments = [descriptor, HEAP, 0, 0, 0, 0];
        session.input(&words(libc::SYS_fstat, arguments, false));
        let zerovm = session.command();
        let mut shell = std::process::Command::new("bash");
        shell.args([
            "-c",
            "exec \"$0\" \"$@\" 10</dev/null 11>/dev/null 50</dev/null",
        ]);
        shell.arg(zerovm.get_program()).args(zerovm.get_args());
        let report = Report::of(shell.output().expect("a shell"));
        report.expect_ok();
        // Channels take the lowest free numbers, behind the standard streams and the pipe: 4 to 6.
        let bad_descriptor = (-i64::from(libc::EBADF)).to_le_bytes();
        assert_eq!(session.read("stdout"), bad_descriptor, "{descriptor}");
    }
}

/// A guest that could block its signals would run for ever, had its parent no clock.
#[test]
fn the_parent_has_a_clock_of_its_own() {
    let mut session = Session::of("raw");
    session.runner = Runner::Trusting;
    session.set("Timeout", "1");
    // The set of all signals is the last argument, in the guest's data.
    let block = libc::SIG_BLOCK as u64;
    let set = HEAP + 8 * 6;
    let arguments = [block, set, 0, 8, 0, u64::MAX];
    session.input(&words(libc::SYS_rt_sigprocmask, arguments, true));
    let report = session.run();
    assert_eq!(
        (report.status, report.state()),
        (Some(4), "session timeout")
    );
    assert_eq!(session.read("stdout"), 0u64.to_le_bytes());
    // The guest's own clock would have left its counters.
    assert_eq!(report.counters(), [0; 8]);
}

#[test]
fn the_doctor_says_what_is_in_force() {
    let output = std::process::Command::new(Runner::Zerovm.path())
        .arg("--doctor")
        .output()
        .expect("zerovm starts");
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{text}");
    for name in [
        "user",
        "address space",
        "system calls and files",
        "dialect fast",
    ] {
        assert!(text.lines().any(|line| line.starts_with(name)), "{text}");
    }
}
