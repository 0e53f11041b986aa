//! The process that was started: it reads the manifest, has another one run the guest, and prints
//! the report.
//!
//! It never runs guest code. It passes signals on, ends a guest whose time is over and whose process
//! does not say so itself, and says what became of one that died.

use crate::process::Child;
use crate::session::{self, RUNNING};
use crate::{doctor, signals, syslog, user};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::WaitStatus;
use std::ffi::OsString;
use std::fs::File;
use std::io::{BufWriter, ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::time::{Duration, Instant};
use zerovm_session::Error;
use zerovm_session::command_line::{CommandLine, HELP};
use zerovm_session::manifest::{MAX_BYTES, Manifest};
use zerovm_session::memory::Validator;
use zerovm_session::report::Report;

/// What a guest's process may take after its time for its report, and for the digest of its memory.
const GRACE: Duration = Duration::from_secs(2);
const DIGEST_GRACE: Duration = Duration::from_secs(60);
/// No report is longer.
const MAX_REPORT: u64 = 16 << 20;
const ERRORS_ARE_LOGGED: i32 = 1;
/// Runs `zerovm` with the words of a command line; the exit status.
pub fn main(words: impl IntoIterator<Item = OsString>, validator: &dyn Validator) -> u8 {
    let Some(line) = CommandLine::read(words) else {
        print(HELP.as_bytes());
        return nix::libc::EINVAL as u8;
    };
    if line.help {
        print(HELP.as_bytes());
        return 0;
    }
    if line.doctor {
        return doctor::examine(&line.user);
    }
    let report = session(&line, validator).unwrap_or_else(|error| {
        let code = error.code();
        Report::failed(error, code)
    });
    publish(&line, &report);
    u8::try_from(report.code).unwrap_or(u8::MAX)
}

fn session(line: &CommandLine, validator: &dyn Validator) -> Result<Report, Error> {
    user::leave_root(&line.user)?;
    let path = line.manifest().map(|path| path.as_path());
    let manifest = read_manifest(path.unwrap_or(Path::new("")))?;
    let manifest = Manifest::parse(&manifest)?;
    let signals = watch_signals()?;
    let child = Child::start(|mut told| {
        let report = session::run(line, &manifest, validator, &mut told);
        match tell(told, &report) {
            Ok(()) => report.code as u8,
            Err(_) => u8::MAX,
        }
    });
    let mut child = child.map_err(|error| host("starting the guest's process", error))?;
    let heard = listen(&mut child, &signals, &manifest);
    let ended = child.end();
    Ok(match heard {
        Heard::Report(report) => *report,
        Heard::Nothing => died(ended),
        Heard::Late => Report::failed(signals::describe(nix::libc::SIGALRM, 0), nix::libc::EINTR),
    })
}

fn read_manifest(path: &Path) -> Result<Vec<u8>, Error> {
    let unreadable = |error: std::io::Error| Error::ManifestUnreadable(error.to_string());
    let mut text = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    // A directory can be opened; what it holds is no text.
    match file.take(MAX_BYTES as u64).read_to_end(&mut text) {
        Ok(_) => Ok(text),
        Err(_) => Err(Error::ManifestEmpty),
    }
}

/// From now on signals are read instead of received.
fn watch_signals() -> Result<SignalFd, Error> {
    let mut set = SigSet::empty();
    for signal in signals::HANDLED {
        set.add(signal);
    }
    set.thread_block()
        .map_err(|error| host("blocking signals", error))?;
    let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
    SignalFd::with_flags(&set, flags).map_err(|error| host("watching signals", error))
}

/// The report as the child tells it. It is written in small pieces: the child may not move memory
/// around any more.
fn tell(told: File, report: &Report) -> std::io::Result<()> {
    let mut told = BufWriter::new(told);
    serde_json::to_writer(&mut told, report)?;
    told.flush()
}

/// What came from a child.
enum Heard {
    Report(Box<Report>),
    /// It ended without one.
    Nothing,
    /// Its time was over long ago.
    Late,
}

fn listen(child: &mut Child, signals: &SignalFd, manifest: &Manifest) -> Heard {
    let mut text = Vec::new();
    let mut deadline = None;
    loop {
        let timeout = match deadline {
            None => PollTimeout::NONE,
            Some(deadline) => {
                let left: Duration = Instant::saturating_duration_since(&deadline, Instant::now());
                if left.is_zero() {
                    return Heard::Late;
                }
                // Rounded up, so that nothing is asked at zero distance again and again.
                PollTimeout::try_from(left + Duration::from_millis(1)).unwrap_or(PollTimeout::MAX)
            }
        };
        let mut sources = [
            PollFd::new(child.told.as_fd(), PollFlags::POLLIN),
            PollFd::new(signals.as_fd(), PollFlags::POLLIN),
        ];
        // An error leaves no events, and the next turn sees whatever there is.
        let _ = poll(&mut sources, timeout);
        let [told, signalled] = sources.map(|source| source.any().unwrap_or(false));
        if signalled {
            pass_on(child, signals);
        }
        if told && !hear(&mut child.told, &mut text) {
            break;
        }
        if deadline.is_none() && text.first() == Some(&RUNNING) {
            deadline = Some(Instant::now() + time_limit(manifest));
        }
    }
    let text = text.strip_prefix(&[RUNNING]).unwrap_or(&text);
    match serde_json::from_slice(text) {
        Ok(report) => Heard::Report(Box::new(report)),
        Err(_) => Heard::Nothing,
    }
}

fn time_limit(manifest: &Manifest) -> Duration {
    let grace = if manifest.memory_etag {
        DIGEST_GRACE
    } else {
        GRACE
    };
    Duration::from_secs(manifest.timeout.unsigned_abs().into()) + grace
}

/// Reads what there is; whether there may be more.
fn hear(told: &mut File, text: &mut Vec<u8>) -> bool {
    let mut buffer = [0; 0x2000];
    match told.read(&mut buffer) {
        Ok(0) => false,
        Ok(count) => {
            text.extend(&buffer[..count]);
            text.len() as u64 <= MAX_REPORT
        }
        Err(error) => error.kind() == ErrorKind::Interrupted,
    }
}

fn pass_on(child: &Child, signals: &SignalFd) {
    while let Ok(Some(information)) = signals.read_signal() {
        if let Ok(signal) = Signal::try_from(information.ssi_signo as i32) {
            child.signal(signal);
        }
    }
}

/// A report for a process that left none.
fn died(ended: nix::Result<WaitStatus>) -> Report {
    let state = match ended {
        Ok(WaitStatus::Signaled(_, Signal::SIGSYS, _)) => {
            "killed for a system call that no session needs".to_owned()
        }
        Ok(WaitStatus::Signaled(_, signal, _)) => signals::describe(signal as i32, 0),
        _ => "the guest's process ended without a report".to_owned(),
    };
    Report::failed(state, nix::libc::EINTR)
}

fn publish(line: &CommandLine, report: &Report) {
    if line.json {
        let mut text = serde_json::to_vec_pretty(&report.as_json()).unwrap_or_default();
        text.push(b'\n');
        print(&text);
    } else {
        match line.report {
            0 => print(&report.text("\n")),
            1 => syslog::report(&String::from_utf8_lossy(&report.text("; "))),
            _ => syslog::error("invalid report mode"),
        }
    }
    if report.code != 0 && line.verbosity >= ERRORS_ARE_LOGGED {
        syslog::error(&report.state);
    }
    if line.explain && report.code != 0 {
        let detail = report.detail.as_deref().map(|detail| format!(": {detail}"));
        let text = format!("zerovm: {}{}\n", report.state, detail.unwrap_or_default());
        let _ = std::io::stderr().write_all(text.as_bytes());
    }
}

/// Nobody may be listening.
fn print(text: &[u8]) {
    let mut output = std::io::stdout().lock();
    let _ = output.write_all(text).and_then(|()| output.flush());
}

fn host(what: &'static str, error: nix::Error) -> Error {
    Error::Host {
        code: nix::libc::EFAULT,
        what,
        why: error.desc().to_owned(),
    }
}
