//! `call`: bytes to arguments, the function, its results to bytes.
//!
//! The body is the runable's id, eight bytes little-endian, then a request body of
//! [`callframe::marshal`]; the answer is a reply body of it.

use super::Answer;
use crate::conversation::Channel;
use crate::memory::{Allocated, CallMemory};
use crate::session::Entry;
use crate::{Call, Numbers, Vm};
use callframe::marshal::{Entered, Image, MarshalError};
use cosmos_rpc::arena::Memory;
use cosmos_rpc::message::vm::CALL_DESCRIPTORS;
use cosmos_rpc::ring::Short;
use cosmos_rpc::{Fault, FaultCode, Frame};
use std::sync::Arc;

/// Bytes of a request before what marshalling writes: the function's number.
const RUNABLE: usize = 8;

/// Largest buffer kept from one call of a channel for the next.
const KEPT_BUFFER: usize = 4 << 20;

/// The buffers of a channel's calls, used again and again: fresh memory for each would cost a page
/// fault every four kilobytes, several times the copying itself.
#[derive(Default)]
pub(crate) struct Scratch {
    image: Image,
    /// Of a compact call.
    pub(super) entered: Entered,
    /// What of shared memory a compact call uses, of which nothing is left after it.
    pub(super) seen: Vec<Arc<Memory>>,
    result: Vec<u8>,
    pub(super) reply: Vec<u8>,
    request: Vec<u8>,
}

impl Scratch {
    /// Keeps the body of an answer that was sent.
    pub(crate) fn keep_reply(&mut self, body: Vec<u8>) {
        if body.capacity() <= KEPT_BUFFER {
            self.reply = body;
        }
    }

    /// The reply that was written last.
    pub(crate) fn reply(&self) -> &[u8] {
        &self.reply
    }

    /// A body for an answer.
    pub(crate) fn take_reply(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.reply)
    }

    /// Keeps the body of a request that was answered.
    pub(crate) fn keep_request(&mut self, body: Vec<u8>) {
        self.request = body;
    }

    /// The body of the last call's request, for the connection to fill again.
    pub(crate) fn take_request(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.request)
    }
}

pub(super) fn answer<V: Vm>(
    channel: &Channel<V>,
    frame: Frame,
    scratch: &mut Scratch,
) -> Result<Answer, Fault> {
    if frame.descriptors.len() > usize::from(CALL_DESCRIPTORS) {
        return Err(malformed("a call with more descriptors than one may carry"));
    }
    let Some((id, request)) = frame.body.split_first_chunk::<8>() else {
        return Err(malformed("a call without the number of its function"));
    };
    let session = &*channel.session;
    let entry = channel.runable(u64::from_le_bytes(*id))?;
    let depth = channel.call_begins();
    let mut memory = CallMemory {
        channel,
        session,
        entry: &entry,
        depth,
        thunks: Vec::new(),
        consumed: Vec::new(),
        received: frame.descriptors,
        leaving: Vec::new(),
        seen: Vec::new(),
        allocated: Allocated::default(),
    };
    let answer = run(&entry, channel, request, &mut memory, scratch);
    let answer = answer.map_err(|fault| of(&entry, fault));
    // Refused before the function was called, the call is still there.
    channel.call_ends(depth);
    session.scope_ends(&memory.consumed);
    if scratch.image.bytes().len() > KEPT_BUFFER {
        scratch.image = Image::default();
    }
    let descriptors = memory.leaving;
    scratch.request = frame.body;
    answer.map(|body| Answer { body, descriptors })
}

/// Makes a call of a few numbers, within [`Channel::run_numbers`]; `None` where it is no such one, and nothing
/// was done.
///
/// Everything is passed as it is, not by reference, so that the numbers stay in registers: written by the word and
/// read back by two words they would wait for the writes to arrive.
#[inline(always)]
pub(crate) fn quick<V: Vm>(
    channel: &Channel<V>,
    entry: &Entry<V>,
    body: Short,
) -> Option<Result<Short, Box<Fault>>> {
    let line = entry.line.as_ref()?;
    let [_, header, rest, first, second] = *body.words();
    let length = body.length().wrapping_sub(RUNABLE);
    let (errno, slots) = line.enter([header, rest, first, second], length)?;
    let mut numbers = Numbers {
        slots,
        result: [0; 2],
        errno,
    };
    if !channel
        .session
        .vm
        .call_numbers(&entry.runable, &mut numbers)
    {
        return None;
    }
    Some(match channel.take_failure() {
        None => {
            let [header, rest, first, second] = line.leave(numbers.errno, numbers.result);
            Ok(Short::of(
                [header, rest, first, second, 0],
                line.reply_length(),
            ))
        }
        Some(failure) => Err(Box::new(of(entry, *failure))),
    })
}

/// By what a call of this function failed.
#[cold]
pub(super) fn of<V: Vm>(entry: &Entry<V>, failure: Fault) -> Fault {
    Fault {
        message: prefixed(entry, failure.message),
        ..failure
    }
}

fn run<V: Vm>(
    entry: &Entry<V>,
    channel: &Channel<V>,
    request: &[u8],
    memory: &mut CallMemory<'_, V>,
    scratch: &mut Scratch,
) -> Result<Vec<u8>, Fault> {
    let template = entry.callee.template();
    let image = &mut scratch.image;
    entry
        .callee
        .decode_into(request, memory, image)
        .map_err(fault)?;
    let result = &mut scratch.result;
    result.clear();
    result.resize(usize::try_from(template.result().size).unwrap_or(0), 0);
    let mut call = Call::new(template, image, result);
    channel.session.vm.call(&entry.runable, &mut call)?;
    let errno = call.errno();
    let failure = channel.call_ends(memory.depth);
    memory.called();
    let mut reply = std::mem::take(&mut scratch.reply);
    let encoded = entry
        .callee
        .encode_reply(image, memory, errno, result, &mut reply);
    memory.settle();
    encoded.map_err(fault)?;
    // Only now: what the function gave away has been freed.
    failure.map_or(Ok(reply), Err)
}

fn prefixed<V: Vm>(entry: &Entry<V>, message: String) -> String {
    format!("{}: {message}", entry.callee.template().frame().name())
}

fn malformed(what: &str) -> Fault {
    Fault::peer(FaultCode::Protocol, format!("the peer sent {what}"))
}

/// An error of marshalling as the peer gets it.
pub(super) fn fault(error: MarshalError) -> Fault {
    let message = error.to_string();
    match error {
        MarshalError::Argument { .. } | MarshalError::WrongHandle { .. } => {
            Fault::caller(FaultCode::BadArgument, message)
        }
        MarshalError::TooLarge { .. } => Fault::caller(FaultCode::TooLarge, message),
        MarshalError::StaleHandle { .. } => Fault::caller(FaultCode::StaleHandle, message),
        MarshalError::Malformed(_) => Fault::peer(FaultCode::Protocol, message),
        MarshalError::Protocol { .. } => Fault::peer(FaultCode::Protocol, message),
        MarshalError::Memory { .. } => Fault::vm(FaultCode::System, message),
        // What the function left behind breaks the promises of its prototype.
        _ => Fault::vm(FaultCode::Protocol, message),
    }
}
