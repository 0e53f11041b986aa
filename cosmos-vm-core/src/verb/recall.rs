//! `Recall`: when the last request of this channel was answered, for a client that follows its requests.

use super::Answer;
use crate::Vm;
use crate::conversation::Channel;
use cosmos_rpc::message::vm::Recall;
use cosmos_rpc::{Fault, Frame};

pub(super) fn answer<V: Vm>(channel: &Channel<V>, frame: &Frame) -> Result<Answer, Fault> {
    let Recall { request } = frame.message()?;
    channel.counter.follow();
    Answer::of::<Recall>(&channel.counter.recall(request))
}
