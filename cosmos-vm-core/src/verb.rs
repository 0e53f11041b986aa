//! What a VM answers, one verb a file.

use crate::Vm;
use crate::conversation::Channel;
use callframe::DataModel;
use cosmos_rpc::message::calls::CALLS;
use cosmos_rpc::message::vm;
use cosmos_rpc::message::{Message, REPLY};
use cosmos_rpc::{Fault, FaultCode, Frame, codec};
use std::os::fd::OwnedFd;

mod attach;
mod call;
mod calls;
mod close;
mod compact;
mod exec;
mod map;
mod open;
mod recall;
mod sym;

pub(crate) use call::{Scratch, quick};
pub(crate) use compact::run as compact;
pub(crate) use open::leave_closed;

/// Does once what answers need, while nobody waits for one.
pub(crate) fn prepare(model: DataModel) {
    sym::prepare(model);
}

/// The body of a reply and what goes with it.
pub(crate) struct Answer {
    pub body: Vec<u8>,
    pub descriptors: Vec<OwnedFd>,
}

/// Answers one request.
pub(crate) fn answer<V: Vm>(
    channel: &Channel<V>,
    frame: Frame,
    scratch: &mut Scratch,
) -> Result<Answer, Fault> {
    let session = &channel.session;
    match frame.kind {
        vm::CALL => call::answer(channel, frame, scratch),
        vm::COMPACT_CALL => compact::answer(channel, frame, scratch),
        CALLS => calls::answer(channel, frame, scratch),
        vm::Attach::KIND => attach::answer(session, frame),
        vm::Open::KIND => open::answer(session, &frame),
        vm::Sym::KIND => sym::answer(session, &frame),
        vm::Exec::KIND => exec::answer(session, frame),
        vm::Close::KIND => close::answer(session, &frame),
        vm::Map::KIND => map::map(channel, frame),
        vm::Recall::KIND => recall::answer(channel, &frame),
        vm::Unmap::KIND => map::unmap(session, &frame),
        vm::Fell::KIND => Answer::of::<vm::Fell>(&session.vm.casualty()),
        kind if kind & REPLY == 0 && frame.descriptors.is_empty() => Err(Fault::caller(
            FaultCode::Unsupported,
            format!("a VM has no request of kind {kind:#06x}"),
        )),
        kind => Err(Fault::peer(
            FaultCode::Protocol,
            format!("kind {kind:#06x} is no request, or has descriptors and is unknown"),
        )),
    }
}

impl Answer {
    fn of<M: Message>(reply: &M::Reply) -> Result<Answer, Fault> {
        Ok(Answer {
            body: codec::encode(reply)?,
            descriptors: Vec::new(),
        })
    }
}
