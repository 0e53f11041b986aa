//! Starting a daemon: a clean environment for it, and its word that it is ready.

use super::{Rendezvous, SocketDirectory};
use crate::{Fault, FaultCode};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// What a daemon says when it serves.
pub(crate) const READY: &str = "ready";
/// What a daemon says when another one has the field.
pub(crate) const TAKEN: &str = "taken";
/// Program that carries connections to another machine.
const RELAY: &str = "cosmos-relay";
/// Longest sentence a daemon may say instead.
const SENTENCE: usize = 4096;
/// Variables a daemon gets from whoever starts it; `LC_*` and `COSMOS_*` besides.
const ALLOWED: [&str; 9] = [
    "PATH",
    "HOME",
    "LANG",
    "TZ",
    "USER",
    "LOGNAME",
    "XDG_RUNTIME_DIR",
    "XDG_CONFIG_HOME",
    "XDG_STATE_HOME",
];

/// Starts `<libexec>/program --detach` and waits until it serves, or leaves the field to another.
///
/// # Errors
///
/// `LaunchFailed` when it is not there, cannot be executed, says why it does not serve, or ended
/// without a word; `TimedOut`.
pub(super) fn start(
    program: &str,
    rendezvous: &Rendezvous,
    directory: &SocketDirectory,
    deadline: Instant,
) -> Result<(), Fault> {
    let executable = rendezvous.libexec.join(program);
    let log = format!("{program}.log");
    let stderr = directory
        .log(&log)
        .map_or_else(|_| Stdio::null(), Stdio::from);
    let mut child = Command::new(&executable)
        .arg("--detach")
        .env_clear()
        .envs(environment())
        .env("COSMOS_SOCKET_DIRECTORY", directory.path())
        .env("COSMOS_LIBEXEC_DIRECTORY", &rendezvous.libexec)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(stderr)
        .spawn()
        .map_err(|error| not_executable(program, &executable, &error))?;
    let said = match child.stdout.take() {
        Some(stdout) => listen(stdout, deadline),
        None => Said::Nothing,
    };
    match said {
        Said::Ready | Said::Taken => {
            reap(&mut child);
            Ok(())
        }
        Said::Sentence(sentence) => {
            reap(&mut child);
            Err(launch_failed(format!(
                "{program} did not start: {sentence}"
            )))
        }
        Said::Nothing => {
            reap(&mut child);
            let log = directory.path().join(log);
            Err(launch_failed(format!(
                "{program} ended before it was ready{}",
                last_words(&log)
            )))
        }
        Said::TooLate => {
            // It is left to itself: it may be slow, and a pid is no safe name to kill it by.
            reap(&mut child);
            Err(Fault::host(
                FaultCode::TimedOut,
                format!(
                    "{program} was not ready within {} ms; see {}",
                    rendezvous.patience.as_millis(),
                    directory.path().join(log).display()
                ),
            ))
        }
    }
}

/// Starts `<libexec>/cosmos-relay` for a host; gives the socket on which it answers as the cosmosd
/// there. It runs in the session of this process and with its whole environment, by which ssh finds
/// keys and agents.
///
/// # Errors
///
/// `LaunchFailed` when it is not there or cannot be executed.
pub fn start_relay(
    rendezvous: &Rendezvous,
    host: &str,
    ssh: &Path,
    silence: u64,
) -> Result<UnixStream, Fault> {
    let system = |error: std::io::Error| {
        Fault::host(FaultCode::System, format!("a socket for a relay: {error}"))
    };
    let executable = rendezvous.libexec.join(RELAY);
    let (ours, theirs) = UnixStream::pair().map_err(system)?;
    let mut command = Command::new(&executable);
    if set_id() {
        command.env_clear().envs(environment());
    }
    if !ssh.as_os_str().is_empty() {
        command.arg("--ssh").arg(ssh);
    }
    let mut child = command
        .args(["--silence", &silence.to_string(), "--", host])
        .stdin(OwnedFd::from(theirs))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| not_executable(RELAY, &executable, &error))?;
    // It goes on in a child of its own.
    reap(&mut child);
    Ok(ours)
}

/// What came through the readiness pipe.
enum Said {
    Ready,
    Taken,
    Sentence(String),
    Nothing,
    TooLate,
}

fn listen(mut stdout: ChildStdout, deadline: Instant) -> Said {
    let mut text = Vec::new();
    let mut buffer = [0; 512];
    while !text.contains(&b'\n') && text.len() < SENTENCE {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Said::TooLate;
        }
        let millis = i32::try_from(left.as_millis()).unwrap_or(i32::MAX).max(1);
        let timeout = PollTimeout::try_from(millis).unwrap_or(PollTimeout::MAX);
        match poll(
            &mut [PollFd::new(stdout.as_fd(), PollFlags::POLLIN)],
            timeout,
        ) {
            Ok(0) | Err(Errno::EINTR) => continue,
            Ok(_) => {}
            Err(_) => break,
        }
        match stdout.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => text.extend_from_slice(buffer.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    let line = text.split(|&byte| byte == b'\n').next().unwrap_or_default();
    match String::from_utf8_lossy(line).trim() {
        READY => Said::Ready,
        TAKEN => Said::Taken,
        "" => Said::Nothing,
        sentence => Said::Sentence(sentence.to_owned()),
    }
}

/// Collects the process that detached the daemon: it ends right after. One that does not (a daemon
/// that stays in the foreground) is left alone.
fn reap(child: &mut Child) {
    for _ in 0..100 {
        match child.try_wait() {
            Ok(None) => std::thread::sleep(Duration::from_millis(1)),
            // Somebody else may have collected it: the program may wait for any child.
            Ok(Some(_)) | Err(_) => return,
        }
    }
}

/// The allow-listed part of this process's environment; of a set-id program nothing.
fn environment() -> Vec<(OsString, OsString)> {
    if set_id() {
        return vec![("PATH".into(), "/usr/local/bin:/usr/bin:/bin".into())];
    }
    std::env::vars_os()
        .filter(|(name, _)| allowed(name))
        .collect()
}

fn allowed(name: &OsStr) -> bool {
    let bytes = name.as_bytes();
    ALLOWED.iter().any(|known| known.as_bytes() == bytes)
        || bytes.starts_with(b"LC_")
        || bytes.starts_with(b"COSMOS_")
}

fn set_id() -> bool {
    // SAFETY: getauxval only reads what the kernel gave the process at its start.
    unsafe { libc::getauxval(libc::AT_SECURE) != 0 }
}

fn not_executable(program: &str, executable: &Path, error: &std::io::Error) -> Fault {
    let what = match error.kind() {
        ErrorKind::NotFound => "it is not there (set libexec_directory to where it is installed)",
        ErrorKind::PermissionDenied => "it may not be executed",
        _ => return launch_failed(format!("cannot start {}: {error}", executable.display())),
    };
    launch_failed(format!(
        "cannot start {program}: {}: {what}",
        executable.display()
    ))
}

fn launch_failed(message: String) -> Fault {
    Fault::host(FaultCode::LaunchFailed, message)
}

/// The last line of a log, to be appended to a sentence.
fn last_words(log: &Path) -> String {
    let place = format!("; see {}", log.display());
    let Ok(mut file) = File::open(log) else {
        return place;
    };
    let length = file.metadata().map_or(0, |found| found.len());
    let mut tail = Vec::new();
    let read = file
        .seek(SeekFrom::Start(length.saturating_sub(1024)))
        .and_then(|_| file.take(1024).read_to_end(&mut tail));
    let text = String::from_utf8_lossy(&tail);
    match (
        read,
        text.lines().rev().find(|line| !line.trim().is_empty()),
    ) {
        (Ok(_), Some(line)) => format!(": {}{place}", line.trim()),
        _ => place,
    }
}
