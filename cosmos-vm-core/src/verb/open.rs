//! `open`: load a target.

use super::Answer;
use crate::Vm;
use crate::confine;
use crate::pins::Pins;
use crate::session::Session;
use cosmos_rpc::message::vm::{ObjectToken, Open};
use cosmos_rpc::{Fault, FaultCode, Frame};
use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::OnceLock;

pub(super) fn answer<V: Vm>(session: &Session<V>, frame: &Frame) -> Result<Answer, Fault> {
    let request: Open = frame.message()?;
    let target = Path::new(&request.target);
    if !target.is_absolute() || request.target.contains('\0') {
        // The VM's working directory is no business of the client's.
        return Err(Fault::caller(
            FaultCode::BadArgument,
            format!("'{}' is no absolute path", request.target.escape_debug()),
        ));
    }
    confine::until_looked_after();
    readable(target)?;
    may_be_open(target)?;
    let object = session.vm.open(target)?;
    let token = session.add_object(object)?;
    Answer::of::<Open>(&ObjectToken(token))
}

/// Targets that are pinned, where this VM does not compare contents.
static CLOSED: OnceLock<Pins> = OnceLock::new();

/// Has none of these targets opened.
pub(crate) fn leave_closed(pins: Pins) {
    // There is one VM in a process, and it is told once.
    let _ = CLOSED.set(pins);
}

fn may_be_open(target: &Path) -> Result<(), Fault> {
    match CLOSED.get().and_then(|pins| pins.digest(target)) {
        None => Ok(()),
        Some(_) => Err(Fault::caller(
            FaultCode::NotPermitted,
            format!(
                "{} is pinned (pins), and this kind of VM cannot promise what it loads",
                target.display()
            ),
        )),
    }
}

/// A VM that was confined for other targets cannot read this one.
fn readable(target: &Path) -> Result<(), Fault> {
    // Nothing that was put in its place makes the thread wait.
    let mut options = File::options();
    match options
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(target)
    {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Err(Fault::caller(
            FaultCode::NotPermitted,
            format!(
                "this VM may not read {}: open it without naming a VM, or grant it to be read",
                target.display()
            ),
        )),
        // What else is wrong the kind of VM says better.
        _ => Ok(()),
    }
}
