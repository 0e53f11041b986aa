//! `map` and `unmap`: memory that this client sees as well.

use super::Answer;
use crate::Vm;
use crate::conversation::Channel;
use crate::session::Session;
use cosmos_rpc::message::vm::{Map, Mapped, Unmap};
use cosmos_rpc::{Fault, FaultCode, Frame};

pub(super) fn map<V: Vm>(channel: &Channel<V>, mut frame: Frame) -> Result<Answer, Fault> {
    let request: Map = frame.message()?;
    let session = &channel.session;
    if !session.vm.shares_memory() {
        return Err(Fault::caller(
            FaultCode::Unsupported,
            format!(
                "a {} VM shares no memory with its client",
                session.vm.kind()
            ),
        ));
    }
    let Some(file) = frame.descriptors.pop() else {
        let message = "memory to share without its descriptor";
        return Err(Fault::peer(FaultCode::Protocol, message));
    };
    let address = session.segments().add(&request, &file, channel.number)?;
    Answer::of::<Map>(&Mapped { address })
}

pub(super) fn unmap<V: Vm>(session: &Session<V>, frame: &Frame) -> Result<Answer, Fault> {
    let request: Unmap = frame.message()?;
    session.segments().remove(request.segment)?;
    Answer::of::<Unmap>(&())
}
