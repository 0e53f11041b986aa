//! `cosmos exec [OPTIONS] -- PROGRAM ARG...`: a program in a VM, as if it ran here.
//!
//! | code | meaning |
//! |---|---|
//! | 0 to 255 | the program's own |
//! | 124 | its time was over |
//! | 125 | cosmos failed, or was used wrongly |
//! | 126 | it cannot be run |
//! | 127 | it is not there |
//! | 128 + n | signal n ended it |

mod signals;
mod terminal;

use super::call::note_denials;
use super::print_json;
use crate::arguments::Exec;
use crate::progress::Waiting;
use crate::report::{self, COSMOS, Problem, Report, Verdict, say};
use crate::streams;
use cosmos::{Blame, Captured, Command, Ended, Error, FaultCode, Options, Stream};
use serde_json::{Value as Json, json};
use signals::Signals;
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;

const LATE: u8 = 124;
const CANNOT_RUN: u8 = 126;
const NOT_FOUND: u8 = 127;

/// Runs the program; its code.
pub fn run(exec: &Exec) -> Verdict {
    let mut command = command(exec)?;
    leave_closed(&mut command);
    if exec.json {
        return match streams::closed() {
            [_, true, _] => Err(report::no_output()),
            _ => captured(exec, &mut command),
        };
    }
    match pass_through(exec, &mut command) {
        Ok(ended) => {
            note_denials(&ended.denials);
            note_crash(&ended);
            if let Some(limit) = ended.limit {
                say(&format!("note: it was ended, for it reached {limit}"));
            }
            Ok(ended.shell_code())
        }
        Err(Trouble::Cosmos(error)) => Err(problem(error)),
        Err(Trouble::System(error)) => Err(Problem::cosmos(Report::new(error.to_string()))),
    }
}

/// What this command has closed its program has closed.
fn leave_closed(command: &mut Command) {
    let [input, output, error] = streams::closed();
    if input {
        command.stdin(Stream::Closed);
    }
    if output {
        command.stdout(Stream::Closed);
    }
    if error {
        command.stderr(Stream::Closed);
    }
}

/// Says where it crashed, and where more of that is.
fn note_crash(ended: &Ended) {
    let Some(crash) = &ended.crash else {
        return;
    };
    let signal = cosmos_crash::text::signal(ended.signal);
    let at = crash.address.map(|address| format!(" at {address:#x}"));
    let place = crash.backtrace.first().map(|frame| {
        let frame = frame.trim_start_matches(['#', '0', ' ']);
        format!(
            " in {}",
            frame.split_whitespace().collect::<Vec<_>>().join(" ")
        )
    });
    let report = match crash.report.as_str() {
        "" => String::new(),
        id => format!("; cosmos crash show {id}"),
    };
    let (at, place) = (at.unwrap_or_default(), place.unwrap_or_default());
    say(&format!(
        "note: it was killed by {signal}{at}{place}{report}"
    ));
}

fn command(exec: &Exec) -> Result<Command, Problem> {
    let mut command = Command::new(&exec.program);
    command.args(&exec.arguments).options(&options(exec));
    for path in &exec.env_file {
        command.env_file(path).map_err(usage)?;
    }
    for variable in &exec.env {
        let bytes = variable.as_bytes();
        match bytes.iter().position(|byte| *byte == b'=') {
            Some(0) => {
                let message = "a variable has a name: --env NAME=VALUE";
                return Err(Problem::cosmos(Report::new(message)));
            }
            Some(end) => command.env(
                OsStr::from_bytes(&bytes[..end]),
                OsStr::from_bytes(&bytes[end + 1..]),
            ),
            None => command.env_inherit(variable),
        };
    }
    if let Some(directory) = &exec.cwd {
        command.current_dir(directory);
    }
    if let Some(mask) = exec.umask {
        command.umask(mask);
    }
    command.crash_report(!exec.no_crash_report);
    if let Some(path) = &exec.manifest {
        let file = File::open(path).map_err(|error| {
            let message = format!("the manifest {}: {error}", path.display());
            Problem::Told(Report::new(message), CANNOT_RUN)
        })?;
        command.manifest(file);
    }
    if let Some(path) = &exec.report {
        command.report(File::create(path).map_err(|error| {
            let message = format!("the report {}: {error}", path.display());
            Problem::cosmos(Report::new(message))
        })?);
    }
    Ok(command)
}

fn options(exec: &Exec) -> Options {
    let mut options = Options::default();
    if let Some(timeout) = exec.timeout {
        options = options.timeout(timeout);
    }
    exec.confinement.apply(options)
}

/// Why a program that passes its streams through came to no end.
enum Trouble {
    Cosmos(Error),
    System(io::Error),
}

fn pass_through(exec: &Exec, command: &mut Command) -> Result<Ended, Trouble> {
    if exec.terminal {
        if !command.has_env("TERM") {
            command.env_inherit("TERM");
        }
        return terminal::run(command);
    }
    let signals = Signals::take(false).map_err(Trouble::System)?;
    let waiting = Waiting::for_what(format!("starting a VM for {}", exec.program.display()));
    let running = command.spawn().map_err(Trouble::Cosmos)?;
    // From here on the terminal is the program's.
    drop(waiting);
    signals.forward(running.steering(), None);
    running.wait().map_err(Trouble::Cosmos)
}

/// Keeps what the program writes, and prints all in one object.
fn captured(exec: &Exec, command: &mut Command) -> Verdict {
    if !streams::closed()[0] {
        let input = io::stdin().as_fd().try_clone_to_owned();
        command.stdin(Stream::File(input.map_err(Problem::from)?));
    }
    match command.output(&[], exec.capture) {
        Ok(captured) => {
            print_json(&report(&captured))?;
            Ok(captured.ended.shell_code())
        }
        Err(error) => {
            let report = json!({ "error": {
                "code": format!("{:?}", error.code()),
                "message": error.to_string(),
                "vm": error.vm(),
            }});
            print_json(&report)?;
            Err(problem(error))
        }
    }
}

fn report(captured: &Captured) -> Json {
    let ended = &captured.ended;
    let was_killed = ended.signal != 0;
    json!({
        "exit": if was_killed { Json::Null } else { ended.code.into() },
        "signal": if was_killed { ended.signal.into() } else { Json::Null },
        "timed_out": ended.timed_out,
        "stdout": text(&captured.stdout),
        "stderr": text(&captured.stderr),
        "truncated": captured.is_truncated,
        "seconds": ended.elapsed.as_secs_f64(),
        "user_seconds": ended.user.as_secs_f64(),
        "system_seconds": ended.system.as_secs_f64(),
        "peak_bytes": ended.peak,
        "crash": ended.crash.as_ref().map(|crash| json!({
            "report": crash.report,
            "address": crash.address,
            "backtrace": crash.backtrace,
        })),
        "limit": ended.limit.map(|limit| limit.to_string()),
        "denied": ended.denials.iter().map(|(call, times)| (call.clone(), Json::from(*times)))
            .collect::<serde_json::Map<_, _>>(),
    })
}

/// A string, or its bytes where it is none, as in the results of calls.
fn text(bytes: &[u8]) -> Json {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => json!({ "bytes": crate::format::hexadecimal(bytes) }),
    }
}

fn usage(error: Error) -> Problem {
    Problem::cosmos(Report::new(error.to_string()))
}

fn problem(error: Error) -> Problem {
    let code = match (error.blame(), error.code()) {
        (_, FaultCode::Cancelled) => return Problem::Closed,
        (Blame::Vm, FaultCode::TimedOut) => LATE,
        (Blame::Caller, FaultCode::NoSuchTarget) => NOT_FOUND,
        (Blame::Caller, FaultCode::Configuration) => COSMOS,
        (Blame::Caller, _) => CANNOT_RUN,
        _ => COSMOS,
    };
    match Problem::from(error) {
        Problem::Told(report, _) => Problem::Told(report, code),
        Problem::Closed => Problem::Closed,
    }
}
