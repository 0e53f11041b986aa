//! The connection is there and says nothing: a part of it was stopped. Whoever waits is told when the
//! time that is configured is over, nobody hangs, and nothing is left running there.

use super::broken::{nothing_is_left, parts, signal};
use super::{PATIENCE, there};
use cosmos::{Error, FaultCode, Started, Stream};
use cosmos_tests::machine::{Machine, THERE};
use cosmos_tests::{World, eventually, in_world_for, run};
use nix::sys::signal::Signal;
use std::io::{Read, Write};
use std::process::{Child, Stdio};
use std::time::Duration;

/// Of a whole test.
const TIME: Duration = Duration::from_secs(110);
const SECONDS: u64 = 5;

/// Everything that can wait for the other machine.
struct Waiting {
    call: Started,
    sleeps: cosmos::Running,
    /// Endless bytes there and back, by threads that end when the streams do.
    streams: cosmos::Running,
    threads: Vec<std::thread::JoinHandle<()>>,
    command: Child,
}

impl Waiting {
    fn begin(world: &World) -> Waiting {
        let c = cosmos::dlopen_with("libc.so.6", &there()).expect("a library");
        let sleep = c
            .function("unsigned sleep(unsigned seconds)")
            .expect("sleep");
        let call = sleep.start(vec![1000.into()]).expect("a call");
        let run = |words: &[&str], stream: fn() -> Stream| {
            let mut command = cosmos::Command::new(words[0]);
            command.args(&words[1..]).options(&there());
            command.stdin(stream()).stdout(stream());
            command.spawn().expect("started")
        };
        let sleeps = run(&["sleep", "1001"], || Stream::Null);
        let mut streams = run(&["cat"], || Stream::Pipe);
        let mut input = streams.stdin.take().expect("its input");
        let mut output = streams.stdout.take().expect("its output");
        let (begun, begins) = std::sync::mpsc::channel();
        let threads = vec![
            std::thread::spawn(move || while input.write_all(&[7; 1 << 14]).is_ok() {}),
            std::thread::spawn(move || {
                let mut piece = [0; 1 << 14];
                while let Ok(1..) = output.read(&mut piece) {
                    let _ = begun.send(());
                }
            }),
        ];
        for _ in 0..100 {
            begins.recv_timeout(PATIENCE).expect("bytes come back");
        }
        let mut command = world.cosmos();
        command.args(["exec", "--host", THERE, "--", "sh", "-c"]);
        command.arg("echo ready; sleep 1002");
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut command = command.stderr(Stdio::piped()).spawn().expect("cosmos exec");
        let mut word = [0; 6];
        let output = command.stdout.as_mut().expect("its output");
        output.read_exact(&mut word).expect("a word");
        Waiting {
            call,
            sleeps,
            streams,
            threads,
            command,
        }
    }

    /// Each of them ends, and says why.
    fn end(mut self, part: &str) {
        let was_silent = |error: Error| {
            assert_eq!(error.errno(), libc::ECOMM, "{part}: {error}");
            assert_eq!(error.code(), FaultCode::Disconnected, "{part}: {error}");
            // What ended it is this, and not a patience of ssh's or of the machine's.
            let said = format!("for {SECONDS} seconds");
            assert!(error.to_string().contains(&said), "{part}: {error}");
        };
        was_silent(self.call.wait().expect_err("no call ends"));
        was_silent(self.sleeps.wait().expect_err("it does not end by itself"));
        was_silent(self.streams.wait().expect_err("nor does this"));
        for thread in self.threads {
            thread.join().expect("no panic");
        }
        let ended = eventually(PATIENCE, || self.command.try_wait().expect("its end"));
        assert_eq!(ended.and_then(|status| status.code()), Some(125), "{part}");
        let mut said = String::new();
        let mut errors = self.command.stderr.take().expect("its errors");
        errors.read_to_string(&mut said).expect("text");
        assert!(said.contains(&format!("for {SECONDS} seconds")), "{said}");
    }
}

/// Stops a part of every connection, and sees what becomes of who waits.
fn stopped(world: &World, part: &str) {
    let waiting = Waiting::begin(world);
    signal(world, part, Signal::SIGSTOP);
    waiting.end(part);
    if part == "sshd" {
        // It was stopped, and nobody but the test can end it; what it had started ends without it.
        let programs = || super::running(world, &["sleep", "cat"]);
        let gone = eventually(PATIENCE, || programs().is_empty().then_some(()));
        assert!(gone.is_some(), "{:?}", programs());
        signal(world, part, Signal::SIGKILL);
    }
    nothing_is_left(world, part);
    // What was stopped is no machine that is out of reach: the next open connects anew.
    let c = cosmos::dlopen_with("libc.so.6", &there()).expect("a library");
    let abs = c.function("int abs(int number)").expect("abs");
    assert!(abs.call(&[(-4).into()]).is_ok());
}

fn with_a_machine(body: impl FnOnce(&World, &Machine)) -> impl FnOnce(&World) {
    move |world| {
        if let Some(machine) = Machine::start(world) {
            machine.gives_up_after(SECONDS);
            body(world, &machine);
        }
    }
}

#[test]
fn an_ssh_that_is_stopped_is_given_up_and_leaves_nothing() {
    in_world_for(TIME, |world| {
        with_a_machine(|world, _| stopped(world, "ssh"))(world)
    });
}

#[test]
fn a_far_relay_that_is_stopped_is_given_up_and_leaves_nothing() {
    in_world_for(TIME, |world| {
        with_a_machine(|world, _| stopped(world, "cosmosd --stdio"))(world);
    });
}

#[test]
fn an_sshd_that_is_stopped_is_given_up_and_leaves_nothing() {
    in_world_for(TIME, |world| {
        with_a_machine(|world, _| stopped(world, "sshd"))(world)
    });
}

#[test]
fn over_a_master_a_far_relay_that_is_stopped_leaves_nothing_either() {
    in_world_for(TIME, |world| {
        with_a_machine(|world, machine| {
            let socket = machine.directory().join("m");
            let more = format!(
                " ControlMaster auto\n ControlPath {}\n ControlPersist 600\n",
                socket.display()
            );
            machine.settings("user", &more);
            let mut first = std::process::Command::new(machine.ssh());
            run(
                first.args(["there", "true"]).stderr(Stdio::null()),
                PATIENCE,
            )
            .succeeded();
            let waiting = Waiting::begin(world);
            signal(world, "cosmosd --stdio", Signal::SIGSTOP);
            waiting.end("over a master");
            // The connection lives on, and what went over it ends by its watcher.
            let left = || parts(world, "cosmosd --stdio");
            let gone = eventually(PATIENCE, || left().is_empty().then_some(()));
            assert!(gone.is_some(), "{:?}", left());
            let mut end = std::process::Command::new(machine.ssh());
            run(
                end.args(["-O", "exit", "there"]).stderr(Stdio::null()),
                PATIENCE,
            )
            .succeeded();
            nothing_is_left(world, "over a master");
        })(world);
    });
}

#[test]
fn a_machine_that_lives_and_has_nothing_to_say_is_not_given_up() {
    in_world_for(TIME, |world| {
        with_a_machine(|_, _| {
            let c = cosmos::dlopen_with("libc.so.6", &there()).expect("a library");
            let sleep = c
                .function("unsigned sleep(unsigned seconds)")
                .expect("sleep");
            // Longer than either end is believed without a word.
            let outcome = sleep.call(&[(SECONDS as i64 + 3).into()]);
            assert_eq!(outcome.expect("a call").result, 0.into());
        })(world);
    });
}
