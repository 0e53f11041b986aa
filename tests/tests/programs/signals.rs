//! Signals through `cosmos exec`, and what stops it.

use super::PATIENCE;
use cosmos_tests::{World, eventually, in_world};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Stdio};

/// A program under `cosmos exec` that says `ready`, and then one line for each signal.
struct Running {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Running {
    fn of(world: &World, line: &str) -> Running {
        let mut command = world.cosmos();
        command.args(["exec", "--", "sh", "-c", line]);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("cosmos");
        let lines = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut running = Running { child, lines };
        assert_eq!(running.line(), "ready");
        running
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).expect("a line");
        line.trim_end().to_owned()
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id() as i32)
    }

    fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).expect("it runs");
    }

    fn code(&mut self) -> Option<i32> {
        self.child.wait().expect("its end").code()
    }
}

#[test]
fn signals_reach_the_program() {
    in_world(|world| {
        let signals = [
            (Signal::SIGINT, "INT"),
            (Signal::SIGTERM, "TERM"),
            (Signal::SIGHUP, "HUP"),
            (Signal::SIGQUIT, "QUIT"),
            (Signal::SIGUSR1, "USR1"),
            (Signal::SIGUSR2, "USR2"),
        ];
        let traps: String = signals
            .map(|(_, name)| format!("trap 'echo {name}' {name}; "))
            .concat();
        let line = format!("{traps} echo ready; while :; do sleep 0.05; done");
        let mut running = Running::of(world, &line);
        for (signal, name) in signals {
            running.signal(signal);
            assert_eq!(running.line(), name);
        }
        // It still runs, and so does the command.
        assert!(running.child.try_wait().expect("a child").is_none());
        running.child.kill().expect("it runs");
        running.child.wait().expect("its end");
    });
}

#[test]
fn a_signal_that_ends_the_program_ends_the_command_with_its_code() {
    in_world(|world| {
        for (signal, code) in [
            (Signal::SIGINT, 130),
            (Signal::SIGTERM, 143),
            (Signal::SIGHUP, 129),
        ] {
            let mut running = Running::of(world, "echo ready; exec sleep 1000");
            running.signal(signal);
            assert_eq!(running.code(), Some(code), "{signal}");
        }
        // What a terminal sends goes to all of the group, other signals to the program alone.
        let line = "trap 'echo parent' USR1; trap : HUP; \
                    (trap 'echo child; exit 0' HUP USR1; echo ready; while :; do sleep 0.05; done) & \
                    wait; wait; wait; exit 5";
        let mut running = Running::of(world, line);
        running.signal(Signal::SIGUSR1);
        assert_eq!(running.line(), "parent");
        running.signal(Signal::SIGHUP);
        assert_eq!(running.line(), "child");
        assert_eq!(running.code(), Some(5));
    });
}

#[test]
fn a_program_that_stops_stops_the_command_until_it_goes_on() {
    in_world(|world| {
        let state = |pid: Pid| {
            eventually(PATIENCE, || {
                let flags = WaitPidFlag::WUNTRACED | WaitPidFlag::WCONTINUED | WaitPidFlag::WNOHANG;
                match waitpid(pid, Some(flags)).expect("a child") {
                    WaitStatus::StillAlive => None,
                    status => Some(status),
                }
            })
            .expect("a change")
        };
        // By a signal, as from a terminal.
        let mut running = Running::of(world, "echo ready; exec cat /dev/zero > /dev/null");
        running.signal(Signal::SIGTSTP);
        assert_eq!(
            state(running.pid()),
            WaitStatus::Stopped(running.pid(), Signal::SIGSTOP)
        );
        running.signal(Signal::SIGCONT);
        assert_eq!(state(running.pid()), WaitStatus::Continued(running.pid()));
        running.signal(Signal::SIGTERM);
        assert_eq!(running.code(), Some(143));
        // By itself.
        let mut running = Running::of(world, "echo ready; kill -STOP $$; echo on");
        assert!(matches!(state(running.pid()), WaitStatus::Stopped(..)));
        running.signal(Signal::SIGCONT);
        assert_eq!(running.line(), "on");
        assert_eq!(running.code(), Some(0));
    });
}
