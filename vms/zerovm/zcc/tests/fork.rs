//! The functional test of daemons, written again as a guest: a session whose manifest has a Job forks,
//! and sessions that are asked for over its socket go on from there.

mod support;

use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use nix::unistd::Pid;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use support::{DIALECTS, Report, Session, compile_in, open_directory, source};
use tempfile::TempDir;

/// A session that became a daemon, which ends with the test.
struct Daemon {
    directory: TempDir,
    job: PathBuf,
    report: Report,
}

impl Daemon {
    fn of(nexe: &Path) -> Self {
        let session = Session::of(nexe);
        let job = session.path("job");
        let (report, directory) = session
            .line(&format!("Job = {}", job.display()))
            .run_keeping();
        Self {
            directory,
            job,
            report,
        }
    }

    fn connect(&self) -> UnixStream {
        UnixStream::connect(&self.job).expect("a daemon listens")
    }

    /// A session that reads this input; its files have this name behind theirs.
    fn ask(&self, name: &str, input: &[u8]) -> Report {
        let place = self.directory.path();
        let read_from = place.join(format!("input-{name}"));
        std::fs::write(&read_from, input).expect("it is written");
        let manifest = std::fs::read_to_string(place.join("manifest")).expect("the manifest");
        let manifest = manifest
            .replace("/output,", &format!("/output-{name},"))
            .replace("/errors,", &format!("/errors-{name},"))
            .replace(
                "/dev/null, /dev/stdin,",
                &format!("{}, /dev/stdin,", read_from.display()),
            );
        let mut connection = self.connect();
        let request = format!("{:#08x}{manifest}", manifest.len());
        connection.write_all(request.as_bytes()).expect("sent");
        let mut answer = String::new();
        connection.read_to_string(&mut answer).expect("an answer");
        let (length, text) = answer.split_at(8);
        assert_eq!(length, format!("{:#08x}", text.len()));
        Report::of(text, self.file("output", name), self.file("errors", name))
    }

    fn file(&self, stream: &str, name: &str) -> Vec<u8> {
        std::fs::read(self.directory.path().join(format!("{stream}-{name}"))).unwrap_or_default()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Ok(connection) = UnixStream::connect(&self.job) {
            let broker = getsockopt(&connection, PeerCredentials).expect("credentials");
            _ = kill(Pid::from_raw(broker.pid()), Signal::SIGTERM);
        }
    }
}

/// Reads, bytes read, writes, bytes written, of files and then of the network.
fn counted(report: &Report) -> String {
    let fields: Vec<&str> = report.accounting.split(' ').skip(2).collect();
    fields.join(" ")
}

#[test]
fn with_a_job_sessions_go_on_behind_the_fork() {
    for dialect in DIALECTS {
        sessions_go_on(dialect);
    }
}

fn sessions_go_on(dialect: &str) {
    let built = open_directory();
    let nexe = built.path().join("daemon.nexe");
    let text = source("functional").join("daemon.c");
    compile_in(dialect, [Path::new("-O2"), &text], &nexe);
    let daemon = Daemon::of(&nexe);
    let first = &daemon.report;
    assert_eq!(first.state, "ok", "{}{}", first.errors, first.explained);
    assert_eq!((first.daemon.as_str(), first.ended.code), ("1", 0));
    assert_eq!(counted(first), "0 0 1 14 0 0 0 0");
    assert_eq!(first.errors, "before it did\n");

    for (name, input) in [("one", "input of one"), ("two", "another"), ("none", "")] {
        let report = daemon.ask(name, input.as_bytes());
        assert_eq!(report.state, "ok", "{}", report.errors);
        let copied = input.len();
        assert_eq!(
            (report.daemon.as_str(), report.ended.code),
            ("0", copied as i32)
        );
        assert_eq!(report.ended.text(), input);
        // Positions go on, so that a new file begins with a hole where the first session wrote.
        let hole = "\0".repeat("before it did\n".len());
        assert_eq!(report.errors, format!("{hole}after it did\n"));
        // The end counts where a read comes to it behind bytes, and once more where a read finds nothing
        // else; behind that no read counts. A write of nothing is none.
        let [reads, writes] = if copied == 0 { [1, 1] } else { [3, 2] };
        let expected = format!("{reads} {copied} {writes} {} 0 0 0 0", copied + 13);
        assert_eq!(counted(&report), expected);
    }
}
