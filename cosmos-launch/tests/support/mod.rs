//! A launcher, and what it starts.

// Each test uses its own part of it.
#![allow(dead_code)]

use cosmos_rpc::blocking::Connection;
use cosmos_rpc::message::Message;
use cosmos_rpc::message::coordinator::Ending;
use cosmos_rpc::message::launch::{Bounds, Ended, Start, Started, Walls};
use cosmos_rpc::{Fault, Role};
use std::io::{PipeReader, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::{Duration, Instant};

pub const PATIENCE: Duration = Duration::from_secs(20);

pub struct Launcher {
    pub process: Child,
    pub coordinator: Option<Connection>,
    pub control: UnixStream,
    stream: Option<UnixStream>,
}

impl Launcher {
    /// One that was told nothing yet.
    pub fn untold(words: &[&str]) -> Launcher {
        Launcher::untold_into(words, Stdio::piped())
    }

    /// One whose VM writes there.
    fn untold_into(words: &[&str], written: Stdio) -> Launcher {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let process = Command::new(env!("CARGO_BIN_EXE_cosmos-launch"))
            .args(words)
            .stdin(OwnedFd::from(theirs))
            .stderr(written)
            .spawn()
            .unwrap();
        let (control, _) = UnixStream::pair().unwrap();
        Launcher {
            process,
            coordinator: None,
            control,
            stream: Some(ours),
        }
    }

    /// Shakes hands with it.
    pub fn greet(&mut self) {
        if let Some(stream) = self.stream.take() {
            let mut coordinator = Connection::connect(stream, Role::Coordinator).unwrap();
            coordinator.set_timeout(Some(PATIENCE));
            self.coordinator = Some(coordinator);
        }
    }

    /// Has it start this.
    pub fn order(&mut self, start: &Start) -> Result<Started, Fault> {
        let (output, _) = std::io::pipe().unwrap();
        self.order_from(start, &output)
    }

    /// The same; what the VM writes can be read from `output`.
    fn order_from(&mut self, start: &Start, output: &PipeReader) -> Result<Started, Fault> {
        self.greet();
        let (control, vm) = UnixStream::pair().unwrap();
        control.set_read_timeout(Some(PATIENCE)).unwrap();
        self.control = control;
        let coordinator = self.coordinator.as_mut().unwrap();
        let answer = coordinator.call(start, &[vm.as_fd(), output.as_fd()]);
        answer.map(|(started, _)| started)
    }

    pub fn spawn(start: &Start) -> (Launcher, Result<Started, Fault>) {
        let mut launcher = Launcher::untold(&[]);
        let answer = launcher.order(start);
        (launcher, answer)
    }

    /// One whose VM writes there, and that can read it from `output`.
    pub fn spawn_into(
        start: &Start,
        written: Stdio,
        output: &PipeReader,
    ) -> (Launcher, Result<Started, Fault>) {
        let mut launcher = Launcher::untold_into(&[], written);
        let answer = launcher.order_from(start, output);
        (launcher, answer)
    }

    /// Hangs up on one that was told nothing.
    pub fn hang_up(&mut self) {
        self.stream = None;
    }

    pub fn ending(&mut self) -> Ending {
        let frame = self
            .coordinator
            .as_mut()
            .unwrap()
            .receive()
            .unwrap()
            .unwrap();
        assert_eq!(frame.kind, Ended::KIND);
        frame.message::<Ended>().unwrap().ending
    }

    pub fn output(&mut self) -> String {
        let mut text = String::new();
        let mut stderr: ChildStderr = self.process.stderr.take().unwrap();
        stderr.read_to_string(&mut text).unwrap();
        text
    }
}

impl Drop for Launcher {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub fn shell(script: &str) -> Start {
    Start {
        bounds: Bounds::default(),
        walls: Walls::None,
        view: None,
        traced: true,
        registry: "/nonexistent".into(),
        output_bytes: None,
        program: "/bin/sh".into(),
        arguments: vec!["-c".into(), script.into()],
        environment: vec![
            ("PATH".into(), "/usr/bin:/bin".into()),
            ("LANG".into(), "C".into()),
        ],
        limits: vec![],
    }
}

pub fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "still not: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

pub fn runs(pid: i32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.contains(") Z ") && !stat.contains(") X "))
}
