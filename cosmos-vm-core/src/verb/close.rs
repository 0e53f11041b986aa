//! `close`: let go of an object.

use super::Answer;
use crate::Vm;
use crate::session::Session;
use cosmos_rpc::message::vm::Close;
use cosmos_rpc::{Fault, Frame};

pub(super) fn answer<V: Vm>(session: &Session<V>, frame: &Frame) -> Result<Answer, Fault> {
    let request: Close = frame.message()?;
    let object = session.remove_object(request.object.0)?;
    session.vm.close(object)?;
    Answer::of::<Close>(&())
}
