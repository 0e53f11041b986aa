//! `exec`: run a program.

use super::Answer;
use crate::session::Session;
use crate::{Run, Vm};
use cosmos_rpc::message::vm::Exec;
use cosmos_rpc::{Fault, FaultCode, Frame};
use std::os::fd::OwnedFd;

pub(super) fn answer<V: Vm>(session: &Session<V>, mut frame: Frame) -> Result<Answer, Fault> {
    let request: Exec = frame.message()?;
    let object = session.object(request.object.0)?;
    let run = run(request, std::mem::take(&mut frame.descriptors))?;
    let end = session.vm.exec(&object, run)?;
    Answer::of::<Exec>(&end)
}

/// Tells the descriptors apart, and refuses what no program can be started with.
fn run(request: Exec, descriptors: Vec<OwnedFd>) -> Result<Run, Fault> {
    let mut descriptors = descriptors.into_iter();
    let streams: Vec<OwnedFd> = descriptors.by_ref().take(3).collect();
    let streams =
        <[OwnedFd; 3]>::try_from(streams).map_err(|_| bad("it came without its streams"))?;
    let mut next = |wanted: bool| match wanted {
        true => descriptors.next().map(Some),
        false => Some(None),
    };
    let attached = [
        next(request.steered),
        next(request.has_manifest),
        next(request.wants_report),
    ];
    let [Some(steering), Some(manifest), Some(report)] = attached else {
        return Err(bad("a descriptor is missing"));
    };
    if descriptors.next().is_some() {
        return Err(bad("it came with surplus descriptors"));
    }
    let mut texts = request.arguments.iter().chain(&request.environment);
    if texts.any(|text| text.contains(&0)) || request.directory.contains(&0) {
        return Err(bad(
            "a NUL byte in an argument, a variable or the directory",
        ));
    }
    if !request.directory.is_empty() && !request.directory.starts_with(b"/") {
        return Err(bad("the working directory is no absolute path"));
    }
    Ok(Run {
        arguments: request.arguments,
        environment: request.environment,
        directory: request.directory,
        umask: request.umask & 0o777,
        timeout: (request.timeout > 0).then(|| std::time::Duration::from_millis(request.timeout)),
        terminal: request.terminal.is_some(),
        streams,
        steering,
        manifest,
        report,
        untraced: request.untraced,
        closed: request.closed,
    })
}

fn bad(what: &str) -> Fault {
    let message = format!("the program cannot be started: {what}");
    Fault::caller(FaultCode::BadArgument, message)
}
