//! The shortest way of a call, for functions that take and return a few numbers.
//!
//! Request and reply then fit into one line of shared memory each, nothing of the program's memory is
//! involved but the arguments and the result, and nothing has to be kept for afterwards. The way goes
//! as far as everything is as usual; what is not is left to [`call`](crate::call), at the point where
//! it was noticed: no such call is begun twice.

use crate::call::Clock;
use crate::channel::{self, Channel};
use crate::library::Target;
use crate::memory::program;
use crate::resolved::Resolved;
use crate::turn::Begun;
use callframe::marshal::{Caller, Outcome};
use cosmos_rpc::blocking::ShortAnswer;
use cosmos_rpc::message::REPLY;
use cosmos_rpc::message::vm::CALL;
use cosmos_rpc::ring::{INLINE, Short};
use cosmos_rpc::{Fault, Frame};
use std::sync::Arc;
use std::time::Duration;

/// Bytes of a request before what marshalling writes.
const RUNABLE: usize = 8;

/// How far a call came.
pub(crate) enum Quick {
    /// It has returned.
    Done(Outcome),
    /// It is begun, and what came first is not its reply.
    Begun(Underway),
    /// It was not begun.
    No,
}

/// A call that was begun.
pub(crate) struct Underway {
    pub(crate) channel: Box<Channel>,
    pub(crate) begun: Begun,
    pub(crate) clock: Clock,
    /// The request's id, and the first frame that came.
    pub(crate) first: Result<(u64, Frame), Fault>,
}

/// Whether calls of a function may go this way.
pub(crate) fn goes(caller: &Caller) -> bool {
    caller.is_short(INLINE - RUNABLE)
}

/// Calls a function that goes this way; the arguments are the addresses of their values, which are
/// read, and the result is written to its address, if to one.
pub(crate) fn call(
    function: &Resolved,
    library: &Arc<Target>,
    arguments: &[u64],
    (errno, result): (i32, u64),
    timeout: Option<Duration>,
) -> Quick {
    let mut request = Short::new();
    let Some((runable, room)) = request.room().split_first_chunk_mut::<RUNABLE>() else {
        return Quick::No;
    };
    *runable = function.runable().to_le_bytes();
    let caller = function.caller();
    let Some(length) = caller.encode_numbers(program::read, arguments, errno, room) else {
        return Quick::No;
    };
    request.set_length(RUNABLE + length);
    if !library.is_usable() {
        return Quick::No;
    }
    let link = library.link();
    let Some(mut channel) = channel::take_idle(link, timeout) else {
        return Quick::No;
    };
    if !channel.connection.takes_short() {
        channel::park(link, channel);
        return Quick::No;
    }
    let begun = channel.seat.begin(library.object().0);
    let mut clock = Clock::new(timeout);
    let answer = clock.run(&mut channel.connection, |connection| {
        connection.call_short(CALL, &request)
    });
    let first = match answer {
        Ok(ShortAnswer::Reply(reply)) => {
            match caller.decode_numbers(program::write, errno, reply.bytes(), result) {
                Some(errno) => {
                    channel.seat.end(begun);
                    if !link.is_gone() {
                        channel::park(link, channel);
                    }
                    let success = true;
                    return Quick::Done(Outcome { errno, success });
                }
                None => Ok((0, reply_frame(&reply))),
            }
        }
        Ok(ShortAnswer::Frame(id, frame)) => Ok((id, frame)),
        Err(fault) => Err(fault),
    };
    Quick::Begun(Underway {
        channel,
        begun,
        clock,
        first,
    })
}

/// A reply that is wrong, to be looked at closely.
fn reply_frame(reply: &Short) -> Frame {
    Frame {
        kind: CALL | REPLY,
        id: 0,
        body: reply.bytes().to_vec(),
        descriptors: Vec::new(),
    }
}
