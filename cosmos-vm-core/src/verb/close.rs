//! `close`: let go of an object.

use super::Answer;
use crate::Vm;
use crate::session::Session;
use cosmos_rpc::message::vm::Close;
use cosmos_rpc::{Fault, Frame};
use std::sync::Arc;

pub(super) fn answer<V: Vm>(session: &Session<V>, frame: &Frame) -> Result<Answer, Fault> {
    let request: Close = frame.message()?;
    let library = session.remove_object(request.object.0)?;
    // With calls in flight, the last of them ends it.
    if let Some(library) = Arc::into_inner(library) {
        library.end()?;
    }
    Answer::of::<Close>(&())
}
