//! `call`, of numbers and plain bytes: a shorter way, to the same effect.
//!
//! The body is the runable's id, eight bytes little-endian, then a request of
//! [`callframe::marshal::Compact`]; the answer is a reply of it.

use super::Answer;
use super::call::{Scratch, fault, of};
use crate::conversation::Channel;
use crate::memory::{Allocated, CallMemory};
use crate::session::Entry;
use crate::{Vm, Words};
use cosmos_rpc::{Fault, FaultCode, Frame};

/// Largest buffer kept from one call of a channel for the next.
const KEPT_BUFFER: usize = 1 << 20;

/// Answers a request that came as a frame.
pub(super) fn answer<V: Vm>(
    channel: &Channel<V>,
    frame: Frame,
    scratch: &mut Scratch,
) -> Result<Answer, Fault> {
    let Some((number, request)) = frame.body.split_first_chunk::<8>() else {
        return Err(malformed("a call without the number of its function"));
    };
    if !frame.descriptors.is_empty() {
        return Err(malformed("a compact call with descriptors"));
    }
    let number = u64::from_le_bytes(*number);
    let call = |entry: &Entry<V>| run(channel, entry, request, scratch);
    let called = channel.in_function(number, call)?;
    if called.is_none() {
        // It is called from within another function.
        let entry = channel.runable(number)?;
        run(channel, &entry, request, scratch)?;
    }
    called.transpose()?;
    scratch.keep_request(frame.body);
    Ok(Answer {
        body: scratch.take_reply(),
        descriptors: Vec::new(),
    })
}

/// Makes the call; the reply is in `scratch`.
#[inline]
pub(crate) fn run<V: Vm>(
    channel: &Channel<V>,
    entry: &Entry<V>,
    request: &[u8],
    scratch: &mut Scratch,
) -> Result<(), Fault> {
    let vm = &*channel.session.vm;
    let Some(compact) = entry.compact.as_ref().filter(|_| vm.shares_memory()) else {
        let message = "this VM takes the call in its general form only";
        return Err(Fault::caller(FaultCode::Unsupported, message));
    };
    let depth = channel.numbers_begin();
    let mut memory = CallMemory {
        channel,
        session: &channel.session,
        entry,
        depth,
        thunks: Vec::new(),
        consumed: Vec::new(),
        received: Vec::new(),
        leaving: Vec::new(),
        seen: std::mem::take(&mut scratch.seen),
        allocated: Allocated::default(),
    };
    let call = &mut scratch.entered;
    let entered = compact.enter(request, &mut memory, call);
    let mut words = Words {
        errno: call.errno(),
        arguments: call.arguments(),
        result: [0; 2],
    };
    let called = entered
        .map_err(fault)
        .map(|()| vm.call_words(&entry.runable, &mut words));
    let Words { errno, result, .. } = words;
    let failure = channel.numbers_end(depth);
    if !called? {
        let message = "this VM takes the call in its general form only";
        return Err(Fault::caller(FaultCode::Unsupported, message));
    }
    if let Some(failure) = failure {
        return Err(of(entry, *failure));
    }
    let [result, _] = result;
    let left = compact.leave(call, errno, result, &mut scratch.reply);
    call.shrink_to(KEPT_BUFFER);
    memory.seen.clear();
    scratch.seen = memory.seen;
    left.map_err(|error| of(entry, fault(error)))
}

fn malformed(what: &str) -> Fault {
    Fault::peer(FaultCode::Protocol, format!("the peer sent {what}"))
}
