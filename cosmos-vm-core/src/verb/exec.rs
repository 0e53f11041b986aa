//! `exec`: run a program.

use super::Answer;
use crate::Vm;
use crate::session::Session;
use cosmos_rpc::message::vm::Exec;
use cosmos_rpc::{Fault, Frame};

pub(super) fn answer<V: Vm>(session: &Session<V>, mut frame: Frame) -> Result<Answer, Fault> {
    let request: Exec = frame.message()?;
    let object = session.object(request.object.0)?;
    let descriptors = std::mem::take(&mut frame.descriptors);
    let status = session.vm.exec(&object, &request.arguments, descriptors)?;
    Answer::of::<Exec>(&status)
}
