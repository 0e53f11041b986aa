//! Commands with a deadline.

use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How a command ended and what it said.
#[derive(Debug)]
pub struct Ran {
    /// How it ended.
    pub status: ExitStatus,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
    /// How long it took.
    pub took: Duration,
}

/// Runs a command to its end, without input.
///
/// # Panics
///
/// When it cannot be started, or has not ended after `patience`; it is killed then.
pub fn run(command: &mut Command, patience: Duration) -> Ran {
    let begun = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let stdout = collect(child.stdout.take());
    let stderr = collect(child.stderr.take());
    let status = wait(&mut child, begun + patience);
    let (stdout, stderr) = (text(stdout), text(stderr));
    let Some(status) = status else {
        panic!("{command:?} did not end within {patience:?}\n{stdout}\n{stderr}");
    };
    Ran {
        status,
        stdout,
        stderr,
        took: begun.elapsed(),
    }
}

impl Ran {
    /// The exit code; 128 and the number of the signal where one ended it.
    pub fn code(&self) -> i32 {
        self.status
            .code()
            .unwrap_or_else(|| 128 + self.status.signal().unwrap_or(0))
    }

    /// Standard output of a command that must have succeeded.
    #[track_caller]
    pub fn succeeded(&self) -> &str {
        assert!(self.status.success(), "should have succeeded: {self:?}");
        &self.stdout
    }

    /// Asserts that it failed with this code and that its standard error holds all of `words`.
    #[track_caller]
    pub fn failed(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code(), code, "{self:?}");
        for word in words {
            assert!(self.stderr.contains(word), "no {word:?} in {self:?}");
        }
    }
}

type Collector = std::thread::JoinHandle<Vec<u8>>;

fn collect(stream: Option<impl Read + Send + 'static>) -> Collector {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut stream) = stream {
            stream.read_to_end(&mut bytes).ok();
        }
        bytes
    })
}

/// A descendant that outlives the command may hold its pipe open; that is a failure of its own.
fn text(collector: Collector) -> String {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !collector.is_finished() {
        assert!(
            Instant::now() < deadline,
            "something the command left behind holds its standard output or error open"
        );
        std::thread::sleep(Duration::from_millis(2));
    }
    String::from_utf8_lossy(&collector.join().expect("the collector")).into_owned()
}

fn wait(child: &mut Child, deadline: Instant) -> Option<ExitStatus> {
    loop {
        if let Some(status) = child.try_wait().expect("waiting for a child") {
            return Some(status);
        }
        if Instant::now() >= deadline {
            child.kill().ok();
            child.wait().ok();
            return None;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}
