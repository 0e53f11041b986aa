//! One call back, from the VM's request to the answer.
//!
//! While a thread waits for the reply to its call, it runs the functions that the VM asks it to.
//! The channel is lent to what they do meanwhile (see [`channel`]): a call of the same VM goes over
//! it, and the VM, which waits for this end, serves it.
//!
//! # What fails how
//!
//! | what | the VM is told | the call under way |
//! |---|---|---|
//! | a number that names no function that this VM may call now | a fault | fails: the VM did wrong |
//! | a request that is none of the callback's type | nothing: it broke the protocol | fails, the VM is ended |
//! | a closure that panics, or gives a value of another type | a fault | fails, with the panic's message |
//! | more calls back than a call may make, or than may nest | a fault | fails |
//! | a further call back after such a fault | nothing: it broke the protocol | fails, the VM is ended |
//! | a fork in the function, in the child | nothing: the connection is its parent's | fails |
//!
//! In each case the function that the VM runs gets zero from its callback, and returns.

use super::closure;
use super::code;
use super::memory::CallbackMemory;
use super::registry::{Allowed, Function, Passed, thread};
use crate::channel::{self, Channel};
use crate::descriptor::{is_taken, is_what_it_says};
use crate::link::Link;
use crate::memory::borrow_descriptors;
use crate::session::Session;
use callframe::marshal::{Image, MarshalError};
use cosmos_rpc::message::REPLY;
use cosmos_rpc::message::vm::{CALL_DESCRIPTORS, CALLBACK, CALLBACK_DEPTH};
use cosmos_rpc::{Fault, FaultCode, Frame};
use std::os::fd::{AsFd, AsRawFd};
use std::sync::Arc;

/// How far the calls back of one call have come.
#[derive(Debug)]
pub(crate) struct Progress {
    /// How many more it may make; `None` where its prototype says that it makes none.
    pub(crate) left: Option<u64>,
    /// Why the call fails, though its function may return.
    pub(crate) failed: Option<Fault>,
}

/// What became of a call back.
pub(crate) enum Asked {
    /// The VM has its answer, and the channel is in step.
    Answered(Box<Channel>),
    /// The exchange failed: the channel is lost.
    Lost(Fault),
    /// This process is a fork of the one that made the call.
    Elsewhere,
}

/// Serves a request that the VM makes during a call.
pub(crate) fn serve(
    link: &Arc<Link>,
    mut channel: Box<Channel>,
    frame: Frame,
    progress: &mut Progress,
) -> Asked {
    let request = match Request::of(&frame, progress) {
        Ok(request) => request,
        Err(fault) => return Asked::Lost(fault),
    };
    let passed = match admit(link, &channel, &request, progress) {
        Ok(passed) => passed,
        Err(fault) => return refuse(channel, frame, fault, progress),
    };
    if link.is_walled() {
        let mut taken = frame.descriptors.iter().map(|one| is_taken(one.as_fd()));
        if let Err(fault) = taken.try_for_each(|taken| taken) {
            return refuse(channel, frame, fault, progress);
        }
    }
    let Frame {
        id,
        body,
        descriptors,
        ..
    } = frame;
    let mut image = std::mem::take(&mut channel.image);
    image.set_outer(Arc::clone(&passed.outer));
    let mut memory = CallbackMemory::new(link, descriptors);
    let request = body.get(NUMBER..).unwrap_or_default();
    let decoded = passed
        .signature
        .callee
        .decode_into(request, &mut memory, &mut image);
    channel.connection.recycle(body);
    match decoded {
        Ok(()) => {}
        // No honest VM sends this.
        Err(MarshalError::Malformed(what)) => {
            return Asked::Lost(Fault::peer(FaultCode::Protocol, named(&passed, what)));
        }
        Err(error) => {
            let fault = Fault::vm(FaultCode::CallbackFailed, named(&passed, error));
            return answer_fault(channel, id, fault, progress);
        }
    }
    let mut reply = std::mem::take(&mut channel.reply);
    let left = run(link, channel, &passed, &mut image, &mut memory, &mut reply);
    let (mut channel, left) = match left {
        Ran::Here(channel, left) => (channel, left),
        Ran::Lost => return Asked::Lost(gone()),
        Ran::Elsewhere => return Asked::Elsewhere,
    };
    channel.image = image;
    if let Err(fault) = left {
        return answer_fault(channel, id, fault, progress);
    }
    let numbers: Vec<i32> = memory.leaving.iter().map(AsRawFd::as_raw_fd).collect();
    let descriptors = borrow_descriptors(&numbers);
    if link.is_walled() {
        let mut passed = descriptors.iter().map(|one| is_what_it_says(*one));
        if let Err(fault) = passed.try_for_each(|passed| passed) {
            return answer_fault(channel, id, fault, progress);
        }
    }
    let sent = channel
        .connection
        .send_raw(CALLBACK | REPLY, id, &[&reply], &descriptors);
    channel.reply = reply;
    match sent {
        Ok(()) => Asked::Answered(channel),
        Err(fault) => Asked::Lost(fault),
    }
}

/// Bytes of the number before the request.
const NUMBER: usize = 8;

struct Request {
    number: u64,
}

impl Request {
    fn of(frame: &Frame, progress: &Progress) -> Result<Request, Fault> {
        let wrong = |message: String| Err(Fault::peer(FaultCode::Protocol, message));
        if frame.kind != CALLBACK {
            return wrong(format!("a VM makes no request of kind {:#06x}", frame.kind));
        }
        if progress.failed.is_some() {
            return wrong("it calls back in a call that has failed".to_owned());
        }
        if frame.descriptors.len() > usize::from(CALL_DESCRIPTORS) {
            return wrong("a call back with more descriptors than one may carry".to_owned());
        }
        match frame.body.first_chunk::<NUMBER>() {
            Some(number) => Ok(Request {
                number: u64::from_le_bytes(*number),
            }),
            None => wrong("a call back without the number of its function".to_owned()),
        }
    }
}

/// The function that is to be called, where it may be called now.
fn admit(
    link: &Arc<Link>,
    channel: &Channel,
    request: &Request,
    progress: &mut Progress,
) -> Result<Arc<Passed>, Fault> {
    let Some(left) = progress.left else {
        let message = "the prototype of what it calls back from says '__nocallback'";
        return Err(Fault::vm(FaultCode::CallbackFailed, message));
    };
    let Some(left) = left.checked_sub(1) else {
        let message =
            "the call has made all the calls back it may make (see the option 'callbacks')";
        return Err(Fault::vm(FaultCode::LimitReached, message));
    };
    progress.left = Some(left);
    if channel.nesting >= CALLBACK_DEPTH {
        let message = format!("{CALLBACK_DEPTH} calls back of this thread are under way already");
        return Err(Fault::vm(FaultCode::LimitReached, message));
    }
    let passed = Session::current().callbacks().get(request.number);
    let allowed = passed.filter(|passed| {
        passed.link == link.key()
            && match passed.allowed {
                Allowed::During(owner) => owner == thread(),
                Allowed::Until(_) => true,
            }
    });
    allowed.ok_or_else(|| {
        Fault::vm(
            FaultCode::CallbackFailed,
            "the VM called back a function that it may not call (any more): a callback is valid \
             during the call that it is passed to, with '__scope(h)' until h is closed",
        )
    })
}

/// Where a function that was run left this end.
enum Ran {
    /// In step, with its reply or why there is none.
    Here(Box<Channel>, Result<(), Fault>),
    /// A call that it made lost the channel.
    Lost,
    /// In a fork of the process.
    Elsewhere,
}

/// Runs the function; its reply is written to `reply`. What it does has the channel meanwhile.
fn run(
    link: &Arc<Link>,
    channel: Box<Channel>,
    passed: &Passed,
    image: &mut Image,
    memory: &mut CallbackMemory<'_>,
    reply: &mut Vec<u8>,
) -> Ran {
    let lent = channel::lend(link, channel);
    let left = match &passed.function {
        Function::Code(address) => {
            // SAFETY: the program passed the pointer as a function of this type.
            let left = unsafe { code::enter(&passed.signature, *address, image) };
            left.ok_or_else(|| Fault::host(FaultCode::System, named(passed, "out of memory")))
                .and_then(|left| encode(passed, image, memory, &left.result, left.errno, reply))
        }
        Function::Closure(callback) => {
            memory.made_here = true;
            let left = closure::enter(callback, &passed.signature.callee, link.number(), image);
            left.map_err(|problem| Fault::caller(FaultCode::CallbackFailed, named(passed, problem)))
                .and_then(|left| encode(passed, image, memory, &left.result, image.errno(), reply))
        }
    };
    if link.is_foreign() {
        return Ran::Elsewhere;
    }
    match channel::reclaim(lent) {
        Some(channel) => Ran::Here(channel, left),
        None => Ran::Lost,
    }
}

fn encode(
    passed: &Passed,
    image: &Image,
    memory: &mut CallbackMemory<'_>,
    result: &[u8],
    errno: i32,
    reply: &mut Vec<u8>,
) -> Result<(), Fault> {
    passed
        .signature
        .callee
        .encode_reply(image, memory, errno, result, reply)
        .map_err(|error| Fault::caller(FaultCode::CallbackFailed, named(passed, error)))
}

/// Refuses a call back that was not looked into.
fn refuse(channel: Box<Channel>, frame: Frame, fault: Fault, progress: &mut Progress) -> Asked {
    let id = frame.id;
    drop(frame);
    answer_fault(channel, id, fault, progress)
}

fn answer_fault(
    mut channel: Box<Channel>,
    id: u64,
    fault: Fault,
    progress: &mut Progress,
) -> Asked {
    let sent = channel.connection.fault(id, &fault);
    progress.failed.get_or_insert(fault);
    match sent {
        Ok(()) => Asked::Answered(channel),
        Err(fault) => Asked::Lost(fault),
    }
}

fn named(passed: &Passed, problem: impl std::fmt::Display) -> String {
    format!("callback '{}': {problem}", passed.signature.name())
}

fn gone() -> Fault {
    Fault::peer(
        FaultCode::Disconnected,
        "the connection was lost in a call that a callback made",
    )
}
