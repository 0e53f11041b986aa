//! A daemon, and who asks it for sessions.

use super::{Report, Session};
use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use nix::unistd::Pid;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

/// A daemon, which ends with the test.
pub struct Daemon {
    pub session: Session,
    pub job: PathBuf,
    pub report: Report,
}

impl Daemon {
    pub fn start(change: impl FnOnce(&mut Session)) -> Self {
        let mut session = Session::of("daemon");
        let job = session.path("job-of-a-long-name");
        session.set("Job", job.to_str().expect("text"));
        session.input(b"nobody reads this");
        change(&mut session);
        let report = session.run();
        Self {
            session,
            job,
            report,
        }
    }

    pub fn pid(&self) -> Pid {
        let connection = UnixStream::connect(&self.job).expect("a daemon");
        let broker = getsockopt(&connection, PeerCredentials).expect("credentials");
        Pid::from_raw(broker.pid())
    }

    /// The daemon's manifest for another session: other files, of these names.
    pub fn manifest(&self, name: &str, input: &[u8]) -> String {
        self.session.write(&format!("stdin-{name}"), input);
        let directory = self.session.directory.path().display().to_string();
        let mut text = self.session.manifest();
        for stream in ["stdin", "stdout", "stderr"] {
            let old = format!("{directory}/{stream},");
            text = text.replace(&old, &format!("{directory}/{stream}-{name},"));
        }
        text
    }

    pub fn ask(&self, manifest: &str) -> Report {
        let mut connection = UnixStream::connect(&self.job).expect("a daemon");
        let length = format!("{:#08x}", manifest.len());
        connection
            .write_all(format!("{length}{manifest}").as_bytes())
            .expect("sent");
        answer(connection)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Ok(connection) = UnixStream::connect(&self.job) {
            let broker = getsockopt(&connection, PeerCredentials).expect("credentials");
            let _ = kill(Pid::from_raw(broker.pid()), Signal::SIGTERM);
        }
    }
}

/// What a session answers on a connection.
pub fn answer(mut connection: UnixStream) -> Report {
    let mut prefix = [0; 8];
    connection.read_exact(&mut prefix).expect("an answer");
    let prefix = std::str::from_utf8(&prefix).expect("text");
    let length = prefix.strip_prefix("0x").expect("a number of base 16");
    let length = usize::from_str_radix(length, 16).expect("a number");
    let mut text = vec![0; length];
    connection.read_exact(&mut text).expect("a report");
    // Nothing more comes; what was sent and not read makes a reset of the end.
    let ended = connection.read(&mut [0]);
    let is_reset = |error: &std::io::Error| error.kind() == std::io::ErrorKind::ConnectionReset;
    assert!(
        matches!(&ended, Ok(0)) || ended.as_ref().is_err_and(is_reset),
        "{ended:?}"
    );
    let text = String::from_utf8(text).expect("text");
    Report {
        status: None,
        lines: text.split('\n').map(str::to_owned).collect(),
        text,
    }
}
