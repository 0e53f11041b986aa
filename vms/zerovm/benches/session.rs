//! What a ZeroVM session costs, each row in turns with its yardstick.
//!
//! | row | yardstick |
//! |---|---|
//! | a crossing into the host and back, with a call and a return that pair | a system call that does nothing (getppid) |
//! | one that clears what a trap clears | one that does not |
//! | a trap whose id nothing has | what it may take: 1.3 times a crossing, and what clearing takes there |
//! | one that compiled code answers: a fork without a job, a read of no bytes | the same |
//! | what a trap may do beside, each alone through the original's trampolines | nothing at all |
//! | a session from its start to its exit | a process that exits at once |
//! | a session of a daemon, from its request to its report | fork and exit of a process that has the same mapped and touched |
//! | a file of 1 GiB through the copy guest | `cat`, which has the kernel copy without seeing a byte |
//! | the same | `dd` with 64 KiB at once, as the guest |
//!
//! On a machine that does other things too, processor time says more than the clock: sessions and
//! copies have a row for each.
//!
//! `cargo bench -p zerovm --bench session`. Timing decides nothing: the exit status says whether
//! every session did what it should.

#[path = "session/bare_trap.rs"]
mod bare_trap;
#[path = "session/double.rs"]
mod double;
#[path = "../tests/support/mod.rs"]
mod support;

use double::Double;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use nix::sys::time::TimeValLike;
use nix::unistd::Pid;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use support::Session;

/// So many that hundredths of a second, in which a report tells time, do not count.
const TRAPS: u32 = 250_000_000;
const OTHERS: u32 = 50_000_000;
/// Times a bare crossing, beside what clearing takes.
const MOST: f64 = 1.3;
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
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let parts: [(&str, fn()); 4] = [
        ("traps", traps),
        ("starts", starts),
        ("daemon", daemon),
        ("copies", copies),
    ];
    let named = parts
        .iter()
        .any(|(name, _)| wanted.iter().any(|word| word == name));
    for (name, part) in parts {
        if !named || wanted.iter().any(|word| word == name) {
            part();
        }
    }
}

fn row(name: &str, unit: &str, subject: f64, yardstick: f64, what: &str) {
    let ratio = subject / yardstick;
    println!("{name:<28}{subject:>9.1} {unit}{yardstick:>11.1} {unit}{ratio:>8.2}  {what}");
}

/// Time of the processor: a guest is nice, and would wait for everybody else.
fn traps() {
    let [session, forks, reads] = ["traps", "forks", "reads"].map(Session::of);
    let user_time = |session: &Session| {
        let report = session.run();
        let times = &report.expect_ok().lines[4];
        let seconds = times.split(' ').nth(1).expect("a number");
        Duration::from_secs_f64(seconds.parse().expect("a number"))
    };
    let (mut traps, mut fork_traps) = (Vec::new(), Vec::new());
    let (mut read_traps, mut calls) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        traps.push(user_time(&session));
        fork_traps.push(user_time(&forks));
        read_traps.push(user_time(&reads));
        calls.push(processor_time(|| {
            for _ in 0..CALLS {
                std::hint::black_box(nix::unistd::getppid());
            }
        }));
    }
    let each = |times, count| median(times).as_secs_f64() * 1e9 / f64::from(count);
    let [trap, fork, read] = [(traps, TRAPS), (fork_traps, OTHERS), (read_traps, OTHERS)]
        .map(|(times, count)| each(times, count));
    let call = each(calls, CALLS);
    let [(_, crossing), (_, clears)] =
        bare_trap::DIRECT.map(|(name, handler)| (name, bare_trap::time_direct(handler)));
    row("a crossing", "ns", crossing, call, "getppid");
    row(
        "a crossing that clears",
        "ns",
        clears,
        crossing,
        "one that does not",
    );
    let most = MOST * crossing + (clears - crossing);
    row("a trap", "ns", trap, most, "what it may take");
    for (name, time) in [
        ("a trap that forks nothing", fork),
        ("a trap that reads nothing", read),
    ] {
        row(name, "ns", time, trap, "one whose id nothing has");
    }
    let times = bare_trap::ORIGINAL.map(|(name, handler)| (name, bare_trap::time(handler)));
    let [(_, bare), ..] = times;
    for (name, time) in times {
        row(name, "ns", time, bare, "one that does nothing");
    }
}

fn starts() {
    let mut session = Session::of("empty");
    for alias in ["/dev/stdout", "/dev/stderr"] {
        session.channel("/dev/null", alias, 0, [0, 0, 99, 99]);
    }
    let mut command = session.command();
    // Cargo has the loader look for libraries in directories of its own first.
    command.env_clear().stdout(Stdio::null());
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
    let beyond: Vec<Both> = subject
        .iter()
        .zip(&empty)
        .map(|(session, empty)| Both {
            clock: session.clock.saturating_sub(empty.clock),
            processor: session.processor.saturating_sub(empty.processor),
        })
        .collect();
    let most = [Both {
        clock: Duration::from_millis(1),
        processor: Duration::from_millis(1),
    }];
    rows("a session beyond it", &beyond, &most, "what it may take");
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

/// The yardstick is a fork of a process of the same size as the daemon's guest, which waits for everybody
/// else as that does.
fn daemon() {
    let mut session = Session::of("daemon");
    let job = session.path("job");
    session.set("Job", job.to_str().expect("text"));
    session.run().expect_ok();
    let manifest = session.manifest();
    let request = format!("{:#08x}{manifest}", manifest.len());
    let ask = || {
        let mut connection = UnixStream::connect(&job).expect("a daemon");
        connection.write_all(request.as_bytes()).expect("sent");
        let report = answer(&mut connection);
        assert!(report.ends_with(b"\nok\n\n"), "{report:?}");
        let peer = getsockopt(&connection, PeerCredentials);
        peer.expect("credentials").pid()
    };
    let broker = ask();
    let guest = double::child_of(broker);
    let mut double = Double::start(guest);
    let (mut subject, mut yardstick) = (Vec::new(), Vec::new());
    // What is left to do after a session is not to disturb the other row.
    let settle = || std::thread::sleep(Duration::from_millis(2));
    for _ in 0..SESSIONS {
        subject.push(time(ask));
        settle();
        yardstick.push(double.fork());
        settle();
    }
    let sizes = [guest, double.number()].map(double::size);
    kill(Pid::from_raw(broker), Signal::SIGTERM).expect("it runs");
    let micros = |times| median(times).as_secs_f64() * 1e6;
    let (subject, yardstick) = (micros(subject), micros(yardstick));
    let what = "fork and exit of a process of that size";
    row(
        "a session of a daemon, clock",
        "us",
        subject,
        yardstick,
        what,
    );
    for (whose, size) in ["the guest's", "the yardstick's"].iter().zip(sizes) {
        println!("  {whose} size: {size}");
    }
}

/// What a session says, as its clients read it: eight characters with a length, and so many bytes.
fn answer(connection: &mut UnixStream) -> Vec<u8> {
    let mut length = [0; 8];
    connection.read_exact(&mut length).expect("a length");
    let length = std::str::from_utf8(&length).expect("text");
    let length = length.strip_prefix("0x").expect("a number of base 16");
    let mut report = vec![0; usize::from_str_radix(length, 16).expect("a number")];
    connection.read_exact(&mut report).expect("a report");
    report
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
            // What `cat` did before it had the kernel copy.
            copy_with("exec dd if=\"$0\" of=\"$1\" bs=128k status=none")
        }));
    }
    rows(
        "copy of 1 GiB",
        &subject,
        &cat,
        "cat, which has the kernel copy",
    );
    rows(
        "copy of 1 GiB",
        &subject,
        &dd,
        "dd bs=128k, which sees the bytes",
    );
}

fn time<T>(work: impl FnOnce() -> T) -> Duration {
    let start = Instant::now();
    std::hint::black_box(work());
    start.elapsed()
}

/// Time of the processor that this process takes, whoever else is there.
fn processor_time(work: impl FnOnce()) -> Duration {
    let taken = || {
        let usage = getrusage(UsageWho::RUSAGE_SELF).expect("usage");
        let times = [usage.user_time(), usage.system_time()];
        let micros = times.map(|time| time.num_microseconds().unsigned_abs());
        Duration::from_micros(micros.iter().sum())
    };
    let before = taken();
    work();
    taken() - before
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
