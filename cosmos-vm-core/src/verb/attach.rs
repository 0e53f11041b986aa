//! `attach`: one more channel for this client, served by a thread of its own.

use super::Answer;
use crate::session::Session;
use crate::{Vm, channel};
use cosmos_rpc::message::vm::Attach;
use cosmos_rpc::{Fault, Frame};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

pub(super) fn answer<V: Vm>(session: &Arc<Session<V>>, mut frame: Frame) -> Result<Answer, Fault> {
    let Attach = frame.message()?;
    for descriptor in frame.descriptors.drain(..) {
        channel::attach(session, UnixStream::from(descriptor))?;
    }
    Answer::of::<Attach>(&())
}
