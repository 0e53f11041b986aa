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
use super::in_line::InLine;
use super::memory::CallbackMemory;
use super::registry::{Allowed, Function, Passed, Registry, thread};
use crate::channel::{self, Channel};
use crate::descriptor::{is_taken, is_what_it_says};
use crate::link::Link;
use crate::memory::borrow_descriptors;
use crate::session::Session;
use callframe::marshal::{Image, MarshalError};
use cosmos_rpc::message::REPLY;
use cosmos_rpc::message::vm::{BRIEF_CALLBACK, CALL_DESCRIPTORS, CALLBACK, CALLBACK_DEPTH};
use cosmos_rpc::{Fault, FaultCode, Frame};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::Arc;

/// How far the calls back of one call have come.
#[derive(Debug)]
pub(crate) struct Progress {
    /// How many more it may make; `None` where its prototype says that it makes none.
    left: Option<u64>,
    /// Why the call fails, though its function may return.
    pub(crate) failed: Option<Fault>,
    /// The function that was called last.
    known: Option<Admitted>,
    /// Of this process, which a fork that a function makes leaves.
    registry: &'static Registry,
}

/// A function that may be called.
#[derive(Debug)]
pub(super) struct Admitted {
    number: u64,
    /// How often scopes had ended before it was looked up.
    ended: u64,
    pub(super) passed: Arc<Passed>,
    /// How it is called in a line, where that can be.
    pub(super) in_line: Option<InLine>,
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

impl Progress {
    /// Of a call that may make so many calls back; `None` where its prototype says that it makes none.
    pub(crate) fn new(left: Option<u64>) -> Progress {
        Progress {
            left,
            failed: None,
            known: None,
            registry: Session::current().callbacks(),
        }
    }

    /// How the function of this number is called in a line, and what `enter` makes of the request, where it is
    /// the function that was called last and may be called once more on a channel of this nesting. That is
    /// counted.
    #[inline]
    pub(super) fn again<T>(
        &mut self,
        number: u64,
        nesting: usize,
        enter: impl FnOnce(&InLine) -> Option<T>,
    ) -> Option<(&InLine, T)> {
        let known = self.known.as_ref()?;
        let in_line = known.in_line.as_ref()?;
        let left = self.left?.checked_sub(1)?;
        let may = known.number == number
            && known.ended == self.registry.ended()
            && nesting < CALLBACK_DEPTH
            && self.failed.is_none();
        let entered = may.then(|| enter(in_line))??;
        self.left = Some(left);
        Some((in_line, entered))
    }

    /// Keeps what was called, for the next time.
    #[inline]
    pub(super) fn keep(&mut self, admitted: Admitted) {
        self.known = Some(admitted);
    }
}

/// Serves a request that the VM makes during a call.
pub(crate) fn serve(
    link: &Arc<Link>,
    channel: Box<Channel>,
    frame: Frame,
    progress: &mut Progress,
) -> Asked {
    if frame.kind == BRIEF_CALLBACK && frame.descriptors.is_empty() {
        let mut asked = super::brief::serve(link, channel, frame.id, &frame.body, progress);
        if let Asked::Answered(channel) = &mut asked {
            channel.connection.recycle(frame.body);
        }
        return asked;
    }
    let number = match number_of(&frame, progress) {
        Ok(number) => number,
        Err(fault) => return Asked::Lost(fault),
    };
    let Frame {
        id,
        body,
        descriptors,
        ..
    } = frame;
    let admitted = match admit(link, &channel, number, progress) {
        Ok(admitted) => admitted,
        Err(fault) => {
            drop(descriptors);
            return answer_fault(channel, id, fault, progress);
        }
    };
    if link.is_walled() {
        let mut taken = descriptors.iter().map(|one| is_taken(one.as_fd()));
        if let Err(fault) = taken.try_for_each(|taken| taken) {
            drop(descriptors);
            return answer_fault(channel, id, fault, progress);
        }
    }
    let request = body.get(NUMBER..).unwrap_or_default();
    let ran = run(link, channel, &admitted.passed, request, descriptors);
    progress.keep(admitted);
    let (mut channel, leaving) = match ran {
        Ran::Here(channel, leaving) => (channel, leaving),
        Ran::Wrong(fault) => return Asked::Lost(fault),
        Ran::Lost => return Asked::Lost(gone()),
        Ran::Elsewhere => return Asked::Elsewhere,
    };
    channel.connection.recycle(body);
    let leaving = match leaving {
        Ok(leaving) => leaving,
        Err(fault) => return answer_fault(channel, id, fault, progress),
    };
    let numbers: Vec<i32> = leaving.iter().map(AsRawFd::as_raw_fd).collect();
    let descriptors = borrow_descriptors(&numbers);
    if link.is_walled() {
        let mut passed = descriptors.iter().map(|one| is_what_it_says(*one));
        if let Err(fault) = passed.try_for_each(|passed| passed) {
            return answer_fault(channel, id, fault, progress);
        }
    }
    let Channel {
        connection, reply, ..
    } = &mut *channel;
    match connection.send_raw(CALLBACK | REPLY, id, &[reply], &descriptors) {
        Ok(()) => Asked::Answered(channel),
        Err(fault) => Asked::Lost(fault),
    }
}

/// Bytes of the number before the request.
const NUMBER: usize = 8;

/// The number of the function that a frame asks for.
fn number_of(frame: &Frame, progress: &Progress) -> Result<u64, Fault> {
    if frame.kind != CALLBACK {
        let kind = frame.kind;
        return Err(wrong(format!("a VM makes no request of kind {kind:#06x}")));
    }
    may_ask(progress)?;
    if frame.descriptors.len() > usize::from(CALL_DESCRIPTORS) {
        return Err(wrong(
            "a call back with more descriptors than one may carry",
        ));
    }
    match frame.body.first_chunk::<NUMBER>() {
        Some(number) => Ok(u64::from_le_bytes(*number)),
        None => Err(wrong("a call back without the number of its function")),
    }
}

/// Refuses a call back in a call that has failed.
#[inline]
pub(super) fn may_ask(progress: &Progress) -> Result<(), Fault> {
    match progress.failed {
        None => Ok(()),
        Some(_) => Err(wrong("it calls back in a call that has failed")),
    }
}

/// The function that is to be called, where it may be called now.
#[inline]
pub(super) fn admit(
    link: &Link,
    channel: &Channel,
    number: u64,
    progress: &mut Progress,
) -> Result<Admitted, Fault> {
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
    // Before the table is looked into: what ends meanwhile is then looked up again.
    let ended = Session::current().callbacks().ended();
    match progress.known.take() {
        Some(known) if known.number == number && known.ended == ended => Ok(known),
        _ => look_up(link, number, ended),
    }
}

fn look_up(link: &Link, number: u64, ended: u64) -> Result<Admitted, Fault> {
    let passed = Session::current().callbacks().get(number);
    let allowed = passed.filter(|passed| {
        passed.link == link.key()
            && match passed.allowed {
                Allowed::During(owner) => owner == thread(),
                Allowed::Until(_) => true,
            }
    });
    let passed = allowed.ok_or_else(|| {
        Fault::vm(
            FaultCode::CallbackFailed,
            "the VM called back a function that it may not call (any more): a callback is valid \
             during the call that it is passed to, with '__scope(h)' until h is closed",
        )
    })?;
    Ok(Admitted {
        number,
        ended,
        in_line: InLine::of(&passed),
        passed,
    })
}

/// Where a function that was run left this end.
pub(super) enum Ran<T> {
    /// In step, with what comes of it or why nothing does.
    Here(Box<Channel>, Result<T, Fault>),
    /// What was asked is no request of the function.
    Wrong(Fault),
    /// A call that it made lost the channel.
    Lost,
    /// In a fork of the process.
    Elsewhere,
}

/// Runs the function for a request. The reply is then the channel's, and the descriptors that go with it
/// are given.
pub(super) fn run(
    link: &Arc<Link>,
    mut channel: Box<Channel>,
    passed: &Passed,
    request: &[u8],
    descriptors: Vec<OwnedFd>,
) -> Ran<Vec<OwnedFd>> {
    let mut image = std::mem::take(&mut channel.image);
    image.set_outer(Arc::clone(&passed.outer));
    let mut memory = CallbackMemory::new(link, descriptors);
    let callee = &passed.signature.callee;
    match callee.decode_into(request, &mut memory, &mut image) {
        Ok(()) => {}
        // No honest VM sends this.
        Err(MarshalError::Malformed(what)) => return Ran::Wrong(wrong(named(passed, what))),
        Err(error) => {
            let fault = Fault::vm(code_of(&error), named(passed, error));
            return Ran::Here(channel, Err(fault));
        }
    }
    let mut reply = std::mem::take(&mut channel.reply);
    let lent = channel::lend(link, channel);
    let left = enter(link, passed, &mut image, &mut memory, &mut reply);
    if link.is_foreign() {
        return Ran::Elsewhere;
    }
    let Some(mut channel) = channel::reclaim(lent) else {
        return Ran::Lost;
    };
    channel.image = image;
    channel.reply = reply;
    Ran::Here(channel, left.map(|()| memory.leaving))
}

/// Runs the function; its reply is written to `reply`.
fn enter(
    link: &Link,
    passed: &Passed,
    image: &mut Image,
    memory: &mut CallbackMemory<'_>,
    reply: &mut Vec<u8>,
) -> Result<(), Fault> {
    match &passed.function {
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
        .map_err(|error| Fault::caller(code_of(&error), named(passed, error)))
}

/// What is too large for a call is so for one back.
fn code_of(error: &MarshalError) -> FaultCode {
    match error {
        MarshalError::TooLarge { .. } => FaultCode::TooLarge,
        _ => FaultCode::CallbackFailed,
    }
}

/// Answers with a fault, by which the call under way fails.
pub(super) fn answer_fault(
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

pub(super) fn named(passed: &Passed, problem: impl std::fmt::Display) -> String {
    format!("callback '{}': {problem}", passed.signature.name())
}

pub(super) fn gone() -> Fault {
    Fault::peer(
        FaultCode::Disconnected,
        "the connection was lost in a call that a callback made",
    )
}

/// The VM sent what no honest one does.
pub(super) fn wrong(message: impl Into<String>) -> Fault {
    Fault::peer(FaultCode::Protocol, message)
}
