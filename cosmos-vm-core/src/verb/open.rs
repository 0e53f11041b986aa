//! `open`: load a target.

use super::Answer;
use crate::Vm;
use crate::session::Session;
use cosmos_rpc::message::vm::{ObjectToken, Open};
use cosmos_rpc::{Fault, FaultCode, Frame};
use std::path::Path;

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
    let object = session.vm.open(target)?;
    let token = session.add_object(object)?;
    Answer::of::<Open>(&ObjectToken(token))
}
