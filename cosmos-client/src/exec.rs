//! Programs that run in a VM to their end.

use crate::error::Error;
use crate::library::target_name;
use crate::link::Hold;
use crate::options::Options;
use crate::session::{Session, configured_timeout};
use cosmos_rpc::message::coordinator::{Placement, Purpose, TargetName, Which};
use cosmos_rpc::message::vm::{Close, Exec, Open};
use cosmos_rpc::{Fault, FaultCode};
use std::os::fd::BorrowedFd;

/// The one kind of VM of this release that runs programs.
const KIND: &str = "zerovm";

/// A program to run, and what it gets.
#[derive(Clone, Copy, Debug)]
pub struct Program<'a> {
    /// Its path. A bare name is one of the current directory.
    pub path: &'a str,
    /// What follows its name.
    pub arguments: &'a [Vec<u8>],
    /// Its standard input, output and error.
    pub streams: [BorrowedFd<'a>; 3],
    /// A file with its manifest, open for reading; without one it gets the streams alone.
    pub manifest: Option<BorrowedFd<'a>>,
}

/// Runs a program in a VM; the code that it ended with. This release runs nexes of ZeroVM.
///
/// # Errors
/// [`FaultCode::NotLoadable`] when it is no nexe or is refused as one, [`FaultCode::TimedOut`] when
/// its time was over, [`FaultCode::VmDied`] when it came to another end than its own, and
/// [`FaultCode::Cancelled`] when nobody reads what it writes.
pub fn exec(program: &Program<'_>, options: &Options) -> Result<i32, Error> {
    let session = Session::current();
    let name = name(program.path)?;
    let placement = session.ask_coordinator(&Which {
        target: name.clone(),
    })?;
    refuse_others(&placement)?;
    let (hold, opened) = session.open_vm(Purpose::Target(name), options)?;
    run(&hold, opened.target, program, options)
}

fn run(hold: &Hold, path: String, program: &Program<'_>, options: &Options) -> Result<i32, Error> {
    let timeout = match options.timeout {
        Some(timeout) => Some(timeout),
        None => configured_timeout()?,
    };
    let place = format!("running {path}");
    let mut arguments = vec![path.clone().into_bytes()];
    arguments.extend_from_slice(program.arguments);
    let object = hold.request(&Open { target: path }, timeout, &place)?;
    let mut descriptors = program.streams.to_vec();
    descriptors.extend(program.manifest);
    let request = Exec { object, arguments };
    let ended = hold.request_with(&request, &descriptors, timeout, &place);
    if !hold.is_gone() {
        // The program has ended; what is told is how.
        let _ = hold.request(&Close { object }, timeout, &place);
    }
    ended
}

/// A bare name is not searched for where libraries are.
fn name(path: &str) -> Result<TargetName, Fault> {
    if path.is_empty() || path.contains('/') {
        target_name(path)
    } else {
        target_name(&format!("./{path}"))
    }
}

/// What another kind of VM would open, a library say, is not even opened there.
fn refuse_others(placement: &Placement) -> Result<(), Fault> {
    let mut candidates = placement.candidates.iter();
    let reasons = match candidates.find(|candidate| candidate.kind == KIND) {
        Some(candidate) if candidate.refused.is_empty() => return Ok(()),
        Some(candidate) => candidate.refused.join("; "),
        None => format!("cosmosd knows no kind {KIND}"),
    };
    let path = &placement.path;
    let message = format!("{path} cannot be run: this release runs nexes only ({reasons})");
    Err(Fault::caller(FaultCode::NotLoadable, message))
}
