//! The connection breaks: whoever waits is told at once, and nothing is left running there.

use super::{PATIENCE, running, there};
use cosmos::{FaultCode, Stream};
use cosmos_tests::machine::Machine;
use cosmos_tests::{Process, World, eventually, in_world};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::Read;
use std::time::{Duration, Instant};

/// Every way a connection breaks that one machine can show: the near ssh, the relay, the far relay,
/// and sshd's part of it.
const WAYS: [&str; 4] = ["ssh", "cosmos-relay", "cosmosd --stdio", "sshd"];

fn is_part(process: &Process, part: &str) -> bool {
    let line = std::fs::read(format!("/proc/{}/cmdline", process.pid)).unwrap_or_default();
    let line = String::from_utf8_lossy(&line).replace('\0', " ");
    match part {
        // Not its watcher, which has the same words and another name.
        "cosmosd --stdio" => line.contains("cosmosd --stdio") && process.name == "cosmosd",
        // Not the one that listens.
        "sshd" => process.name.starts_with("sshd") && !line.contains(" -f "),
        part => process.name == part,
    }
}

/// The processes of a part.
pub(super) fn parts(world: &World, part: &str) -> Vec<Process> {
    let mut parts = world.processes();
    parts.retain(|process| is_part(process, part));
    parts
}

/// Sends this to each process of a part, of which there is one at least.
pub(super) fn signal(world: &World, part: &str, signal: Signal) {
    let parts = parts(world, part);
    assert!(!parts.is_empty(), "no {part} in {:?}", world.processes());
    for process in parts {
        let _ = kill(Pid::from_raw(process.pid), signal);
    }
}

fn break_it(world: &World, part: &str) {
    signal(world, part, Signal::SIGKILL);
}

pub(super) fn nothing_is_left(world: &World, part: &str) {
    let left = || {
        let mut left = running(world, &["sleep", "sh", "yes", "cat", "ssh", "cosmos-relay"]);
        left.extend(parts(world, "cosmosd --stdio"));
        left.extend(world.processes_named("cosmos-watcher"));
        left
    };
    let gone = eventually(PATIENCE, || left().is_empty().then_some(()));
    assert!(gone.is_some(), "{part}: {:?}", left());
}

#[test]
fn a_call_that_is_under_way_fails_at_once_with_ecomm() {
    in_world(|world| {
        let Some(_machine) = Machine::start(world) else {
            return;
        };
        for part in WAYS {
            let c = cosmos::dlopen_with("libc.so.6", &there()).expect("a library");
            let sleep = c
                .function("unsigned sleep(unsigned seconds)")
                .expect("sleep");
            let call = sleep.start(vec![1000.into()]).expect("a call");
            // Usually it has arrived there by then; where it has not, its end is the same.
            std::thread::sleep(Duration::from_millis(200));
            let broken = Instant::now();
            break_it(world, part);
            let error = call.wait().expect_err("it was cut off");
            let took = broken.elapsed();
            assert_eq!(error.errno(), libc::ECOMM, "{part}: {error}");
            assert_eq!(error.code(), FaultCode::Disconnected, "{part}: {error}");
            assert!(error.to_string().contains("ssh://there"), "{part}: {error}");
            assert!(took < Duration::from_secs(20), "{part}: after {took:?}");
            // The VM is gone for good, and another one can be had.
            let abs = c.function("int abs(int number)");
            assert!(abs.is_err(), "{part}");
            drop((sleep, c));
            nothing_is_left(world, part);
        }
    });
}

#[test]
fn a_program_in_the_middle_of_its_streams_ends_and_the_command_says_why() {
    in_world(|world| {
        let Some(_machine) = Machine::start(world) else {
            return;
        };
        for part in WAYS {
            let mut command = cosmos::Command::new("yes");
            command
                .options(&there())
                .stdin(Stream::Null)
                .stdout(Stream::Pipe);
            let mut running = command.spawn().expect("started");
            let mut stdout = running.stdout.take().expect("its output");
            let mut piece = vec![0; 1 << 16];
            for _ in 0..100 {
                stdout.read_exact(&mut piece).expect("its output");
            }
            break_it(world, part);
            while let Ok(1..) = stdout.read(&mut piece) {}
            let error = running.wait().expect_err("it was cut off");
            assert_eq!(error.errno(), libc::ECOMM, "{part}: {error}");
            nothing_is_left(world, part);
        }
    });
}

#[test]
fn after_a_break_the_next_open_connects_anew() {
    in_world(|world| {
        let Some(_machine) = Machine::start(world) else {
            return;
        };
        for part in WAYS {
            let c = cosmos::dlopen_with("libc.so.6", &there()).expect("a library");
            let abs = c.function("int abs(int number)").expect("abs");
            abs.call(&[(-4).into()]).expect("a call");
            break_it(world, part);
            // Whichever is found first: the call fails or the open does what it is for.
            let error = eventually(PATIENCE, || abs.call(&[(-4).into()]).err());
            let error = error.expect("the VM is gone");
            assert_eq!(error.errno(), libc::ECOMM, "{part}: {error}");
        }
    });
}
