//! What a ZeroVM session costs, each row in turns with its yardstick.
//!
//! | row | yardstick |
//! |---|---|
//! | a trap that answers at once | a system call that does (getppid) |
//! | a session from its start to its exit | a process that exits at once |
//! | a session of a daemon, from its request to its report | a fork of this process that exits |
//! | a file of 1 GiB through the copy guest | `cat`, which has the kernel copy without seeing a byte |
//! | the same | `dd` with 64 KiB at once, as the guest |
//!
//! On a machine that does other things too, processor time says more than the clock: sessions and
//! copies have a row for each.
//!
//! `cargo bench -p zerovm --bench session`. Timing decides nothing: the exit status says whether
//! every session did what it should.

#[path = "../tests/support/mod.rs"]
mod support;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use nix::sys::time::TimeValLike;
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use support::Session;

const TRAPS: u32 = 10_000_000;
const CALLS: u32 = 2_000_000;
const STARTS: usize = 101;
const SESSIONS: usize = 201;
const COPIES: usize = 5;
const SIZE: usize = 1 << 30;

fn main() {
    // `cargo test` runs this without the word.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    println!(
        "{:<28}{:>12}{:>14}{:>8}  yardstick",
        "zerovm", "", "yardstick", "ratio"
    );
    traps();
    starts();
    daemon();
    copies();
}

fn row(name: &str, unit: &str, subject: f64, yardstick: f64, what: &str) {
    let ratio = subject / yardstick;
    println!("{name:<28}{subject:>9.1} {unit}{yardstick:>11.1} {unit}{ratio:>8.2}  {what}");
}

/// Time of the processor: a guest is nice, and would wait for everybody else.
fn traps() {
    let session = Session::of("traps");
    let (mut traps, mut calls) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        let report = session.run();
        let seconds = report.expect_ok().lines[4]
            .split(' ')
            .nth(1)
            .expect("a number");
        traps.push(Duration::from_secs_f64(seconds.parse().expect("a number")));
        calls.push(time(|| {
            for _ in 0..CALLS {
                std::hint::black_box(nix::unistd::getppid());
            }
        }));
    }
    let trap = median(traps).as_secs_f64() * 1e9 / f64::from(TRAPS);
    let call = median(calls).as_secs_f64() * 1e9 / f64::from(CALLS);
    row("a trap", "ns", trap, call, "getppid");
}

fn starts() {
    let session = Session::of("empty");
    let mut command = session.command();
    command.stdout(Stdio::null());
    let mut yardstick = Command::new("/bin/true");
    yardstick.env_clear();
    let (mut subject, mut empty) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        subject.push(both(|| {
            assert!(command.status().expect("zerovm").success())
        }));
        empty.push(both(|| {
            assert!(yardstick.status().expect("true").success())
        }));
    }
    rows("a session", &subject, &empty, "/bin/true");
}

/// By the clock and by the processor.
fn rows(name: &str, subject: &[Both], yardstick: &[Both], what: &str) {
    let micros = |times: &[Both], pick: fn(&Both) -> Duration| {
        median(times.iter().map(pick).collect()).as_secs_f64() * 1e6
    };
    for (kind, pick) in [
        ("clock", (|both| both.clock) as fn(&Both) -> Duration),
        ("processor", |both| both.processor),
    ] {
        let (subject, yardstick) = (micros(subject, pick), micros(yardstick, pick));
        row(&format!("{name}, {kind}"), "us", subject, yardstick, what);
    }
}

struct Both {
    clock: Duration,
    processor: Duration,
}

fn both(work: impl FnOnce()) -> Both {
    let before = processor_of_children();
    let clock = time(work);
    Both {
        clock,
        processor: processor_of_children() - before,
    }
}

fn processor_of_children() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("usage");
    let times = [usage.user_time(), usage.system_time()];
    let micros = times.map(|time| time.num_microseconds().unsigned_abs());
    Duration::from_micros(micros.iter().sum())
}

fn daemon() {
    let mut session = Session::of("daemon");
    let job = session.path("job");
    session.set("Job", job.to_str().expect("text"));
    session.run().expect_ok();
    let manifest = session.manifest();
    let request = format!("{:#08x}{manifest}", manifest.len());
    let (mut subject, mut yardstick) = (Vec::new(), Vec::new());
    let mut broker = 0;
    for _ in 0..SESSIONS {
        subject.push(time(|| {
            let mut connection = UnixStream::connect(&job).expect("a daemon");
            connection.write_all(request.as_bytes()).expect("sent");
            let mut report = String::new();
            connection.read_to_string(&mut report).expect("a report");
            assert!(report.ends_with("\nok\n\n"), "{report}");
            let peer = getsockopt(&connection, PeerCredentials).expect("credentials");
            broker = peer.pid();
        }));
        yardstick.push(time(fork));
    }
    kill(Pid::from_raw(broker), Signal::SIGTERM).expect("it runs");
    let micros = |times| median(times).as_secs_f64() * 1e6;
    let (subject, yardstick) = (micros(subject), micros(yardstick));
    row(
        "a session of a daemon",
        "us",
        subject,
        yardstick,
        "fork and exit",
    );
}

fn fork() {
    // SAFETY: this process has one thread, and the child ends at once.
    match unsafe { nix::unistd::fork() }.expect("a fork") {
        // SAFETY: nothing is to be finished in the child.
        ForkResult::Child => unsafe { nix::libc::_exit(0) },
        ForkResult::Parent { child } => {
            waitpid(child, None).expect("it ends");
        }
    }
}

fn copies() {
    let mut session = Session::of("copy");
    session.input(&vec![7; SIZE]);
    let (input, output) = (session.path("stdin"), session.path("cat"));
    let copy_with = |script: &str| {
        std::fs::remove_file(&output).ok();
        let mut shell = Command::new("sh");
        let status = shell.args(["-c", script]).arg(&input).arg(&output).status();
        assert!(status.expect("a shell").success());
    };
    let (mut subject, mut cat, mut dd) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..COPIES {
        std::fs::remove_file(session.path("stdout")).ok();
        subject.push(both(|| assert_eq!(session.run().expect_ok().code(), 0)));
        cat.push(both(|| copy_with("exec cat \"$0\" >\"$1\"")));
        dd.push(both(|| {
            copy_with("exec dd if=\"$0\" of=\"$1\" bs=64k status=none")
        }));
    }
    rows("copy of 1 GiB", &subject, &cat, "cat");
    rows("copy of 1 GiB", &subject, &dd, "dd bs=64k");
}

fn time<T>(work: impl FnOnce() -> T) -> Duration {
    let start = Instant::now();
    std::hint::black_box(work());
    start.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
