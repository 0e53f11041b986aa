//! The process that was started: it reads the manifest, has another one run the guest, and prints
//! the report.
//!
//! It never runs guest code. It passes signals on, ends a guest whose time is over and whose process
//! does not say so itself, and says what became of one that died.

use crate::process::Child;
use crate::processor::Stay;
use crate::told::{self, Heard, Limit};
use crate::validation::Rules;
use crate::{broker, crash_site, doctor, session, signals, syslog, user};
use clap::CommandFactory as _;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::WaitStatus;
use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::process::ExitCode;
use zerovm_session::Error;
use zerovm_session::command_line::{CommandLine, HELP};
use zerovm_session::manifest::{MAX_BYTES, Manifest};
use zerovm_session::report::Report;

const ERRORS_ARE_LOGGED: i32 = 1;
/// Most are shorter, and read at once.
const USUAL_MANIFEST: usize = 0x1000;

/// Runs `zerovm` with the words of a command line; the exit status.
pub fn main(words: impl IntoIterator<Item = OsString>, rules: &dyn Rules) -> u8 {
    let Some(line) = CommandLine::read(words) else {
        print(HELP.as_bytes());
        return nix::libc::EINVAL as u8;
    };
    if line.help {
        print(HELP.as_bytes());
        return 0;
    }
    if let Some(directory) = &line.pages {
        let written = cosmos_pages::write(CommandLine::command(), directory);
        return u8::from(written != ExitCode::SUCCESS);
    }
    if line.doctor {
        return doctor::examine(&line.user);
    }
    let report = session(&line, rules).unwrap_or_else(|error| {
        let code = error.code();
        Report::failed(error, code)
    });
    publish(&line, &report);
    u8::try_from(report.code).unwrap_or(u8::MAX)
}

fn session(line: &CommandLine, rules: &dyn Rules) -> Result<Report, Error> {
    user::leave_root(&line.user)?;
    let path = line.manifest().map(|path| path.as_path());
    let manifest = read_manifest(path.unwrap_or(Path::new("")))?;
    let manifest = Manifest::parse(&manifest)?;
    let mut report = run(line, &manifest, rules)?;
    if line.explain && report.detail.is_none() {
        report.detail = crash_site::of(&manifest.program, &report.state);
    }
    Ok(report)
}

/// Runs what a manifest says; its report. The process is one of a single thread, and not root's.
pub fn run(line: &CommandLine, manifest: &Manifest, rules: &dyn Rules) -> Result<Report, Error> {
    let signals = watch_signals()?;
    let Some(job) = &manifest.job else {
        return watch_guest(line, manifest, rules, &signals).map(|(report, _)| report);
    };
    let broker = Child::start(|told| broker::run(line, manifest, job, rules, told));
    let broker = broker.map_err(|error| host("starting the broker", error))?;
    let mut signalled = || pass_on(&broker, &signals);
    let signals: (_, &mut dyn FnMut()) = (&signals, &mut signalled);
    let heard = told::listen(&broker.told, Limit::None, Some(signals), None);
    let report = match heard {
        Heard::Report(report) if report.daemon => {
            broker.leave();
            return Ok(*report);
        }
        Heard::Report(report) => *report,
        Heard::Nothing | Heard::Late => without_report(),
    };
    let _ = broker.end();
    Ok(report)
}

/// Has a guest run in a process of its own. The process is there still if it has become a daemon.
pub(crate) fn watch_guest(
    line: &CommandLine,
    manifest: &Manifest,
    rules: &dyn Rules,
    signals: &SignalFd,
) -> Result<(Report, Option<Child>), Error> {
    let stay = Stay::here();
    let child = Child::start(|mut told| {
        if let Some(stay) = &stay {
            stay.leave();
        }
        let report = session::run(line, manifest, rules, &mut told);
        if told::report(&told, &report).is_err() {
            return u8::MAX;
        }
        if manifest.job.is_some() {
            told::wait_for_end(&told);
        }
        report.code as u8
    });
    let child = child.map_err(|error| host("starting the guest's process", error))?;
    let limit = Limit::WhenRunning(told::time_limit(manifest));
    let mut signalled = || pass_on(&child, signals);
    let heard = told::listen(&child.told, limit, Some((signals, &mut signalled)), stay);
    match heard {
        Heard::Report(report) if report.daemon && manifest.job.is_some() => {
            Ok((*report, Some(child)))
        }
        Heard::Report(report) => {
            let _ = child.end();
            Ok((*report, None))
        }
        Heard::Nothing => Ok((died(child.end()), None)),
        Heard::Late => {
            let _ = child.end();
            Ok((too_late(), None))
        }
    }
}

/// A report for a session whose time was over long ago.
pub(crate) fn too_late() -> Report {
    Report::failed(signals::describe(nix::libc::SIGALRM, 0), nix::libc::EINTR)
}

/// A report for a process that ended without one, nobody knows how.
pub(crate) fn without_report() -> Report {
    Report::failed(
        "the guest's process ended without a report",
        nix::libc::EINTR,
    )
}

fn read_manifest(path: &Path) -> Result<Vec<u8>, Error> {
    let unreadable = |error: std::io::Error| Error::ManifestUnreadable(error.to_string());
    let mut text = Vec::with_capacity(USUAL_MANIFEST);
    let file = File::open(path).map_err(unreadable)?;
    // A directory can be opened; what it holds is no text.
    match file.take(MAX_BYTES as u64).read_to_end(&mut text) {
        Ok(_) => Ok(text),
        Err(_) => Err(Error::ManifestEmpty),
    }
}

/// From now on signals are read instead of received.
pub(crate) fn watch_signals() -> Result<SignalFd, Error> {
    let mut set = SigSet::empty();
    for signal in signals::HANDLED {
        set.add(signal);
    }
    set.thread_block()
        .map_err(|error| host("blocking signals", error))?;
    let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
    SignalFd::with_flags(&set, flags).map_err(|error| host("watching signals", error))
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
        _ => return without_report(),
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
