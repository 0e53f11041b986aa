//! The carrier of the near relay: `ssh HOST cosmosd --stdio`.
//!
//! | option | why |
//! |---|---|
//! | `-T`, `-e none` | bytes go through as they are |
//! | `-a`, `-x`, `ClearAllForwardings` | the other machine gets nothing of this one |
//! | `BatchMode`, where there is no terminal | nobody could answer a question |
//! | `ConnectTimeout`, `ServerAliveInterval` | a machine that is not there says nothing |
//! | `--` before the host | no host is an option |
//!
//! All else is what `ssh_config` says: keys, jump hosts, a master connection.

use cosmos_config::SshHost;
use cosmos_rpc::mux::Carrier;
use cosmos_rpc::{Blame, Fault, FaultCode};
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How long ssh may take to end when its connection has.
const ENDING: Duration = Duration::from_secs(2);
/// How much of what ssh says is kept: the end of it.
const KEPT: usize = 2048;
/// How long what it said last may take to be read.
const LISTENING: Duration = Duration::from_millis(300);
const PAUSE: Duration = Duration::from_millis(5);
/// ssh's own exit code for what went wrong with the connection.
const FAILED: i32 = 255;
/// A shell's, for a command that is not there.
const NOT_FOUND: i32 = 127;

/// An ssh that connects.
pub(crate) struct Ssh {
    host: SshHost,
    child: Arc<Mutex<Child>>,
    stdin: ChildStdin,
    stdout: ChildStdout,
    said: Arc<Mutex<Vec<u8>>>,
    listener: JoinHandle<()>,
}

impl Ssh {
    /// Starts ssh for this host; both ends are to give each other up after that silence.
    ///
    /// # Errors
    ///
    /// `Unreachable` where there is no ssh.
    pub(crate) fn connect(
        host: &SshHost,
        program: Option<&Path>,
        silence: Duration,
    ) -> Result<Ssh, Fault> {
        let program = program.unwrap_or(Path::new("ssh"));
        let failed = |error: std::io::Error| {
            let message = format!("cannot start {}: {error}", program.display());
            Fault::host(FaultCode::Unreachable, message)
        };
        let batch = match has_terminal() {
            true => "BatchMode=no",
            false => "BatchMode=yes",
        };
        let mut child = Command::new(program)
            .args(["-T", "-a", "-x", "-e", "none", "-o", batch])
            .args(["-o", "ClearAllForwardings=yes", "-o", "ConnectTimeout=30"])
            .args(["-o", "ServerAliveInterval=15"])
            .args(host.ssh_arguments())
            .arg(format!("cosmosd --stdio --silence {}", silence.as_secs()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let (Some(stdin), Some(stdout), Some(stderr)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(failed(std::io::ErrorKind::BrokenPipe.into()));
        };
        let said = Arc::default();
        let keeps = Arc::clone(&said);
        let listener = thread::Builder::new().spawn(move || listen(stderr, &keeps));
        let listener = listener.map_err(failed)?;
        Ok(Ssh {
            listener,
            host: host.clone(),
            child: Arc::new(Mutex::new(child)),
            stdin,
            stdout,
            said,
        })
    }

    /// What ends it at last.
    pub(crate) fn leash(&self) -> Leash {
        Leash(Arc::clone(&self.child))
    }
}

/// Ends an ssh when it goes, by force where that takes long: one that hangs, or is stopped, would stay.
pub(crate) struct Leash(Arc<Mutex<Child>>);

impl Drop for Leash {
    fn drop(&mut self) {
        end(&self.0);
    }
}

impl Carrier for Ssh {
    type Reader = ChildStdout;
    type Writer = ChildStdin;
    type Explain = Box<dyn FnOnce(Fault, bool) -> Fault + Send>;

    fn split(self) -> (ChildStdout, ChildStdin, Self::Explain) {
        let Ssh {
            host,
            child,
            stdin,
            stdout,
            said,
            listener,
        } = self;
        let explain = move |fault, answered| {
            let status = end(&child);
            let deadline = Instant::now() + LISTENING;
            while !listener.is_finished() && Instant::now() < deadline {
                thread::sleep(PAUSE);
            }
            let said = said.lock().unwrap_or_else(PoisonError::into_inner);
            explained(&host, fault, answered, status, &words(&said))
        };
        (stdout, stdin, Box::new(explain))
    }
}

/// What a person is told about the end of a connection.
fn explained(
    host: &SshHost,
    fault: Fault,
    answered: bool,
    status: Option<ExitStatus>,
    said: &str,
) -> Fault {
    let quoted = match said {
        "" => String::new(),
        said => format!(": {said}"),
    };
    let code = status.and_then(|status| status.code());
    // Not Disconnected: nothing is to be asked again that was never asked.
    let unreached = |what: &str| Fault::host(FaultCode::Unreachable, format!("{what}{quoted}"));
    match (answered, fault.code) {
        (true, FaultCode::Disconnected) => {
            let message = match said {
                "" => format!("the connection to {host} was lost ({})", fault.message),
                said => format!("the connection to {host} was lost: {said}"),
            };
            Fault::peer(FaultCode::Disconnected, message)
        }
        (false, FaultCode::Disconnected) => match code {
            Some(FAILED) => unreached(&format!("ssh cannot connect to {host}")),
            Some(NOT_FOUND) => unreached(&format!(
                "{host} has no cosmosd in the PATH of its commands; install cosmos_vm there"
            )),
            Some(code) => unreached(&format!(
                "cosmosd --stdio on {host} ended with code {code} before it answered"
            )),
            None => unreached(&format!("ssh to {host} ended before cosmosd answered")),
        },
        (_, code) => Fault {
            blame: Blame::Peer,
            code,
            message: format!("{host}: {}{quoted}", fault.message),
        },
    }
}

/// Waits for ssh to end, by force after a while.
fn end(child: &Mutex<Child>) -> Option<ExitStatus> {
    let deadline = Instant::now() + ENDING;
    loop {
        let mut child = child.lock().unwrap_or_else(PoisonError::into_inner);
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if Instant::now() < deadline => {
                drop(child);
                thread::sleep(PAUSE);
            }
            Ok(None) => {
                let _ = child.kill();
                return child.wait().ok();
            }
            Err(_) => return None,
        }
    }
}

/// Keeps the end of what ssh says. It is not waited for to its end: a master connection that ssh left behind may
/// keep the pipe open.
fn listen(mut stderr: ChildStderr, said: &Mutex<Vec<u8>>) {
    let mut piece = [0; 512];
    while let Ok(count @ 1..) = stderr.read(&mut piece) {
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        said.extend_from_slice(piece.get(..count).unwrap_or_default());
        let surplus = said.len().saturating_sub(KEPT);
        said.drain(..surplus);
    }
}

/// As part of a sentence: lines joined, nothing that a terminal obeys.
fn words(said: &[u8]) -> String {
    let text = String::from_utf8_lossy(said);
    let lines = text.lines().map(|line| {
        let shown = line.chars().filter(|letter| !letter.is_control());
        shown.collect::<String>().trim().to_owned()
    });
    let lines: Vec<String> = lines.filter(|line| !line.is_empty()).collect();
    lines.join("; ")
}

/// Whether somebody could answer what ssh asks.
fn has_terminal() -> bool {
    File::options()
        .read(true)
        .write(true)
        .open("/dev/tty")
        .is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;

    #[test]
    fn each_end_of_a_connection_is_told_apart() {
        let host: SshHost = "ssh://apu2".parse().expect("a host");
        let gone = || Fault::peer(FaultCode::Disconnected, "it ended");
        let exited = |code: i32| Some(ExitStatus::from_raw(code << 8));
        let told = |fault, answered, status, said| explained(&host, fault, answered, status, said);
        let refused = told(
            gone(),
            false,
            exited(255),
            "me@apu2: Permission denied (publickey).",
        );
        assert_eq!(refused.code, FaultCode::Unreachable);
        assert_eq!(
            refused.message,
            "ssh cannot connect to ssh://apu2: me@apu2: Permission denied (publickey)."
        );
        let missing = told(gone(), false, exited(127), "sh: 1: cosmosd: not found");
        assert!(
            missing.message.contains("no cosmosd in the PATH"),
            "{missing}"
        );
        let lost = told(gone(), true, exited(255), "");
        assert_eq!(lost.code, FaultCode::Disconnected);
        assert!(lost.message.contains("was lost (it ended)"), "{lost}");
        let version = Fault::peer(FaultCode::Version, "another version");
        let version = told(version, false, exited(0), "");
        assert_eq!(version.code, FaultCode::Version);
        assert_eq!(version.message, "ssh://apu2: another version");
    }

    #[test]
    fn what_ssh_says_becomes_part_of_a_sentence() {
        assert_eq!(words(b"one\r\n\n \x1b[31mtwo\n"), "one; [31mtwo");
        assert_eq!(words(b""), "");
    }
}
