//! What ends a guest's run from within and from without.

mod support;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use support::{Report, Session};

/// The guest `misbehave` with its order.
fn misbehave(order: char) -> Session {
    let mut session = Session::of("misbehave");
    session.input(order.to_string().as_bytes());
    session
}

fn expect_signal(order: char, signal: i32, whose: &str) {
    let session = misbehave(order);
    let report = session.run();
    let state = format!("Signal {signal} from {whose}trusted code: Halting at 0x");
    let address = report.state().strip_prefix(&state);
    let address = address.unwrap_or_else(|| panic!("{order}: {}", report.text));
    assert_eq!(address.len(), 12, "{}", report.text);
    assert_eq!((report.status, report.code()), (Some(4), 0));
    if whose == "un" {
        assert!(address.starts_with("440A0"), "{address}");
    }
}

#[test]
fn faults_of_the_guest_are_signals() {
    expect_signal('d', 8, "un");
    expect_signal('h', 11, "un");
    expect_signal('u', 4, "un");
    expect_signal('0', 11, "un");
}

#[test]
fn memory_is_protected() {
    for order in ['t', 'c', 'm', 'x', 'g'] {
        expect_signal(order, 11, "un");
    }
}

/// The trap itself uses the guest's stack, as the original's does.
#[test]
fn a_trap_without_stack_is_a_fault_of_trusted_code() {
    expect_signal('b', 11, "");
}

fn expect_exit(order: char, written: &[u8]) {
    let session = misbehave(order);
    let report = session.run();
    report.expect_ok();
    assert_eq!(report.code(), 77, "{order}");
    assert_eq!(session.read("stdout"), written, "{order}");
}

/// The direction flag set, or every floating point exception unmasked and one of them pending.
#[test]
fn traps_survive_what_the_guest_left_in_the_processor() {
    expect_exit('S', b"S");
    expect_exit('M', b"M");
    expect_exit('F', b"F");
}

#[test]
fn a_return_address_is_masked() {
    expect_exit('r', b"r");
    expect_exit('o', b"");
}

#[test]
fn only_the_trap_is_served() {
    let report = misbehave('s').run();
    assert_eq!(
        (report.status, report.state()),
        (Some(22), "nacl syscall #5 received")
    );
    let report = misbehave('n').run();
    assert_eq!(
        (report.status, report.state()),
        (Some(14), "trap called without arguments")
    );
}

#[test]
fn without_a_job_nobody_becomes_a_daemon() {
    let session = misbehave('f');
    let report = session.run();
    report.expect_ok();
    assert_eq!(report.code(), 0);
}

#[test]
fn time_ends_what_computes_and_what_waits() {
    let mut session = misbehave('l');
    session.set("Timeout", "1");
    let report = session.run();
    assert_eq!(
        (report.status, report.state()),
        (Some(4), "session timeout")
    );

    let (mut session, _fifo) = waiting();
    session.set("Timeout", "1");
    let report = session.run();
    assert_eq!(
        (report.status, report.state()),
        (Some(4), "session timeout")
    );
}

/// A copy guest whose input never comes: the other end of it is open.
fn waiting() -> (Session, std::fs::File) {
    let mut session = Session::of("copy");
    let fifo = session.path("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::from_bits_truncate(0o666)).expect("a fifo");
    let everybody = std::os::unix::fs::PermissionsExt::from_mode(0o666);
    std::fs::set_permissions(&fifo, everybody).expect("permissions");
    let both = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(&fifo);
    let path = fifo.to_str().expect("text");
    session.channel(path, "/dev/stdin", 0, [1 << 40, 1 << 40, 0, 0]);
    (session, both.expect("the fifo"))
}

fn start(session: &Session) -> Child {
    let mut command = session.command();
    command
        .stdout(Stdio::piped())
        .spawn()
        .expect("zerovm starts")
}

/// Wherever it is by then.
#[test]
fn sixteen_signals_end_a_session() {
    let numbers = [2, 3, 4, 5, 7, 8, 11, 16, 6, 25, 24, 1, 13, 14, 15, 30];
    for number in numbers {
        let (session, _fifo) = waiting();
        let child = start(&session);
        // From when on it watches for signals: its other process has made its first file.
        while !session.path("stderr").exists() {
            std::thread::yield_now();
        }
        let signal = Signal::try_from(number).expect("a signal");
        kill(Pid::from_raw(child.id() as i32), signal).expect("it runs");
        let report = Report::of(child.wait_with_output().expect("it ends"));
        assert_eq!(report.status, Some(4), "{number}: {}", report.text);
        let expected = match number {
            14 => "session timeout".to_owned(),
            25 => "disk quota exceeded".to_owned(),
            // It nearly always waits for its input, but nobody can be sure.
            _ => format!("Signal {number} from trusted code: Halting at 0x"),
        };
        let state = report.state().replace("untrusted", "trusted");
        assert!(state.starts_with(&expected), "{}", report.text);
    }
}

/// Whatever the guest's stack pointer is right now.
#[test]
fn a_signal_between_a_write_to_esp_and_its_rebase() {
    expect_an_end_by_signal('e');
}

/// Wherever between guest and host.
#[test]
fn a_signal_while_traps_are_taken() {
    expect_an_end_by_signal('q');
}

/// The guest has said that it begins, and does the same all the time.
fn expect_an_end_by_signal(order: char) {
    let mut session = misbehave(order);
    let fifo = session.path("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).expect("a fifo");
    let everybody = std::os::unix::fs::PermissionsExt::from_mode(0o666);
    std::fs::set_permissions(&fifo, everybody).expect("permissions");
    let path = fifo.to_str().expect("text");
    session.channel(path, "/dev/stdout", 0, [0, 0, 1 << 40, 1 << 40]);
    for _ in 0..30 {
        let child = start(&session);
        let mut said = std::fs::File::open(&fifo).expect("the fifo");
        said.read_exact(&mut [0]).expect("it says so");
        kill(Pid::from_raw(child.id() as i32), Signal::SIGTERM).expect("it runs");
        let report = Report::of(child.wait_with_output().expect("it ends"));
        assert_eq!(report.status, Some(4), "{}", report.text);
        assert!(
            report.state().starts_with("Signal 15 from "),
            "{}",
            report.text
        );
    }
}

/// Where a channel waits to be opened, too.
#[test]
fn a_signal_ends_a_session_that_does_not_run_yet() {
    let (session, fifo) = waiting();
    drop(fifo);
    let child = start(&session);
    kill(Pid::from_raw(child.id() as i32), Signal::SIGTERM).ok();
    let output = child.wait_with_output().expect("it ends");
    // It came before anybody watched for it, or it is reported.
    if output.status.code().is_some() {
        let report = Report::of(output);
        assert_eq!(report.status, Some(4), "{}", report.text);
        assert!(
            report.state().starts_with("Signal 15 from trusted code"),
            "{}",
            report.text
        );
    }
}

#[test]
fn a_disk_quota_is_a_signal() {
    let mut session = Session::of("noise");
    session.file_channel("stdout", "/dev/stdout", 0, [0, 0, 1 << 40, 1 << 40]);
    for preallocate in [false, true] {
        session.options = match preallocate {
            true => Vec::new(),
            false => vec!["-P".into()],
        };
        let zerovm = session.command();
        let mut shell = Command::new("bash");
        shell.args(["-c", "ulimit -f 100; exec \"$0\" \"$@\""]);
        shell.arg(zerovm.get_program()).args(zerovm.get_args());
        let report = Report::of(shell.output().expect("a shell"));
        assert_eq!(
            (report.status, report.state()),
            (Some(4), "disk quota exceeded")
        );
    }
}
