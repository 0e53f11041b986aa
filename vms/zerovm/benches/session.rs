//! What a ZeroVM session costs, each row in turns with its yardstick.
//!
//! | row | yardstick |
//! |---|---|
//! | a trap that answers at once | a system call that does (getppid) |
//! | a session from its start to its exit | a process that exits at once |
//! | a file of 1 GiB through the copy guest | the same through `cat` |
//!
//! `cargo bench -p zerovm --bench session`. Timing decides nothing: the exit status says whether
//! every session did what it should.

#[path = "../tests/support/mod.rs"]
mod support;

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use support::Session;

const TRAPS: u32 = 10_000_000;
const CALLS: u32 = 2_000_000;
const STARTS: usize = 101;
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
    copies();
}

fn row(name: &str, unit: &str, subject: f64, yardstick: f64, what: &str) {
    let ratio = subject / yardstick;
    println!("{name:<28}{subject:>9.1} {unit}{yardstick:>11.1} {unit}{ratio:>8.2}  {what}");
}

fn traps() {
    let session = Session::of("traps");
    let empty = Session::of("empty");
    let (mut with, mut without, mut calls) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..5 {
        with.push(time(|| session.run().expect_ok().code()));
        without.push(time(|| empty.run().expect_ok().code()));
        calls.push(time(|| {
            for _ in 0..CALLS {
                std::hint::black_box(nix::unistd::getppid());
            }
        }));
    }
    let trap = (median(with) - median(without)).as_secs_f64() * 1e9 / f64::from(TRAPS);
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
        subject.push(time(|| {
            assert!(command.status().expect("zerovm").success())
        }));
        empty.push(time(|| {
            assert!(yardstick.status().expect("true").success())
        }));
    }
    let micros = |times| median(times).as_secs_f64() * 1e6;
    let (subject, empty) = (micros(subject), micros(empty));
    row(
        "a session, start to exit",
        "us",
        subject,
        empty,
        "/bin/true",
    );
}

fn copies() {
    let mut session = Session::of("copy");
    session.input(&vec![7; SIZE]);
    let (input, output) = (session.path("stdin"), session.path("cat"));
    let cat = || {
        let script = "exec cat \"$0\" >\"$1\"";
        let status = Command::new("sh")
            .args(["-c", script])
            .arg(&input)
            .arg(&output)
            .status();
        assert!(status.expect("cat").success());
    };
    let (mut subject, mut yardstick) = (Vec::new(), Vec::new());
    for _ in 0..COPIES {
        std::fs::remove_file(session.path("stdout")).ok();
        subject.push(time(|| session.run().expect_ok().code()));
        std::fs::remove_file(&output).ok();
        yardstick.push(time(cat));
    }
    let speed = |times| SIZE as f64 / 1e6 / median(times).as_secs_f64();
    let (subject, yardstick) = (speed(subject), speed(yardstick));
    row("copy", "MB/s", subject, yardstick, "cat");
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
