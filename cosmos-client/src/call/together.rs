//! Many calls in a few messages.
//!
//! Calls that follow each other, of functions of a few numbers of one library, are a *stretch*: they
//! travel together, in messages of [`stretch::AT_ONCE`]. While the VM is at work on one message the next is
//! written, and while it is at work on that, the results of the one before are put where they belong.
//! Other calls are made at their place in the order. Each call has an end of its own; one that fails
//! leaves the others alone.
//!
//! | what | then |
//! |---|---|
//! | the VM refuses a call, or a callback of it fails | that call fails |
//! | the VM dies, or does not answer in time | every call of the message fails: nobody knows how far it came |
//! | calls are cancelled | every call of the message and of what is left of the stretch fails |
//! | a reply that is none | every call of the message, and of the next if that is out, fails; the VM is ended |
//! | time limits | the shortest of a message holds for all of it |

mod answers;
mod stretch;

use super::{Clock, closed, invoke, time_limit};
use crate::callback::{self, Asked, Progress};
use crate::channel::{self, Channel};
use crate::error::Error;
use crate::library::Target;
use crate::link::Link;
use crate::memory::CallMemory;
use crate::resolved::Resolved;
use crate::shelf::Shelf;
use crate::summary::summary;
use crate::token::VmNumber;
use crate::turn::Busy;
use answers::Answers;
use callframe::marshal::Outcome;
use cosmos_rpc::message::REPLY;
use cosmos_rpc::message::calls::CALLS;
use cosmos_rpc::{Blame, Fault, FaultCode, Frame};
use std::sync::Arc;
use stretch::{Chunk, Stretch};

/// Calls of one function that follow each other.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) function: Arc<Resolved>,
    pub(crate) calls: usize,
}

/// What the calls are made with, and what becomes of them. Calls are counted from 0 on, over all runs.
pub(crate) trait Steps {
    /// Where the value of an argument of a call is.
    fn argument(&self, call: usize, parameter: usize) -> *const u8;

    /// Where the result of a call goes; 0: nowhere.
    fn result(&self, call: usize) -> u64;

    /// Is told how each call has ended, in their order.
    fn ended(&self, call: usize, how: Ended);
}

/// How a call ended.
pub(crate) type Ended = Result<Outcome, Error>;

/// Makes the calls in order.
///
/// # Safety
/// As [`invoke`], for each: there is a value for each parameter, of its type, and room for the result, or
/// an address of 0.
pub(crate) unsafe fn invoke_all(runs: &[Run], steps: &impl Steps, errno: i32) {
    let mut call = 0;
    let mut left = runs;
    while let Some((run, rest)) = left.split_first() {
        if let Some((stretch, after)) = Stretch::at(left, call) {
            call += stretch.calls();
            left = after;
            // SAFETY: the caller's promise.
            unsafe { make_stretch(stretch, steps, errno) };
            continue;
        }
        for call in call..call + run.calls {
            // SAFETY: the caller's promise.
            unsafe { make_alone(&run.function, call, steps, errno) };
        }
        call += run.calls;
        left = rest;
    }
}

/// Makes a call as if there were no other.
///
/// # Safety
/// As [`invoke`].
unsafe fn make_alone(function: &Resolved, call: usize, steps: &impl Steps, errno: i32) {
    let arguments = addresses(function, call, steps);
    // SAFETY: the caller's promise.
    steps.ended(call, unsafe {
        invoke(function, &arguments, errno, steps.result(call))
    });
}

fn addresses(function: &Resolved, call: usize, steps: &impl Steps) -> Vec<u64> {
    let count = function.frame().parameters().len();
    let address = |parameter| steps.argument(call, parameter).expose_provenance() as u64;
    (0..count).map(address).collect()
}

/// Makes the calls of a stretch.
///
/// # Safety
/// As [`invoke`], for each.
unsafe fn make_stretch(mut stretch: Stretch<'_>, steps: &impl Steps, errno: i32) {
    while !stretch.is_empty() {
        // SAFETY: the caller's promise.
        match unsafe { travel(&mut stretch, steps, errno) } {
            Ok(()) => {}
            Err(Stop::Alone(chunk)) => {
                let rest = std::iter::from_fn(|| stretch.next_chunk());
                for part in std::iter::once(chunk).chain(rest).flatten() {
                    for call in part.calls() {
                        // SAFETY: the caller's promise.
                        unsafe { make_alone(part.function, call, steps, errno) };
                    }
                }
            }
            Err(Stop::Failed { under_way, error }) => {
                let is_cancelled = error.code() == FaultCode::Cancelled;
                let next = || is_cancelled.then(|| stretch.next_chunk()).flatten();
                let rest = std::iter::from_fn(next);
                for part in under_way.into_iter().chain(rest).flatten() {
                    let error = error.clone().in_function(part.function.name());
                    for call in part.calls() {
                        steps.ended(call, Err(error.clone()));
                    }
                }
            }
        }
    }
}

/// Why no more messages go out.
enum Stop<'a> {
    /// The VM takes no such messages; none of these calls was made.
    Alone(Chunk<'a>),
    /// This happened to all calls of these messages.
    Failed {
        under_way: Vec<Chunk<'a>>,
        error: Error,
    },
}

impl<'a> Stop<'a> {
    fn failed(chunk: Chunk<'a>, error: Error) -> Stop<'a> {
        let under_way = vec![chunk];
        Stop::Failed { under_way, error }
    }
}

/// Takes chunks out of a stretch, each into a message, until there are none or something stops it. What
/// was taken out has ended, or is told of.
///
/// # Safety
/// As [`invoke`], for each.
unsafe fn travel<'a>(
    stretch: &mut Stretch<'a>,
    steps: &impl Steps,
    errno: i32,
) -> Result<(), Stop<'a>> {
    let Some(mut this) = stretch.next_chunk() else {
        return Ok(());
    };
    let mut way = match Way::begin(&this) {
        Ok(way) => way,
        Err(error) => return Err(Stop::failed(this, error)),
    };
    // SAFETY: the caller's promise.
    unsafe { way.write(&this, steps, errno) };
    let sent = way.send(&this);
    let mut sent = match sent {
        Ok(sent) => sent,
        Err(fault) => return Err(way.unsent(this, fault, steps)),
    };
    loop {
        let before = *stretch;
        let next = stretch.next_chunk();
        if let Some(next) = &next {
            // SAFETY: the caller's promise.
            unsafe { way.write(next, steps, errno) };
        }
        let (frame, failed) = match way.answer(&this, sent, steps) {
            Ok(answer) => answer,
            Err(error) => {
                *stretch = before;
                return Err(Stop::failed(this, error));
            }
        };
        if let Some(fault) = frame.fault() {
            *stretch = before;
            let link = Arc::clone(way.link());
            way.end(None);
            return Err(match fault.code {
                FaultCode::Unsupported => Stop::Alone(this),
                _ => Stop::failed(this, link.named(fault)),
            });
        }
        let following = match next {
            Some(next) if Answers::may_be(&frame, &this) => {
                let sent = way.send(&next);
                Some((next, sent))
            }
            Some(_) => {
                *stretch = before;
                None
            }
            None => None,
        };
        // SAFETY: the caller's promise.
        let delivered = unsafe { deliver(&way, &frame, &this, failed, steps, errno) };
        let Some(()) = delivered else {
            let fault = Fault::peer(FaultCode::Protocol, "its answer to many calls is none");
            let lost = way.lost(this, fault, steps);
            return Err(lost.with(following.map(|(next, _)| next)));
        };
        match following {
            None => {
                way.end(Some(frame));
                return Ok(());
            }
            Some((next, Ok(again))) => {
                way.recycle(frame);
                (this, sent) = (next, again);
            }
            Some((next, Err(fault))) => return Err(way.unsent(next, fault, steps)),
        }
    }
}

/// Puts the results of a message where they belong. `None` where it is no answer, and nothing was done.
///
/// # Safety
/// As [`invoke`], for each.
unsafe fn deliver(
    way: &Way,
    frame: &Frame,
    chunk: &Chunk<'_>,
    failed: usize,
    steps: &impl Steps,
    errno: i32,
) -> Option<()> {
    let mut answers = Answers::of(frame, chunk, failed)?;
    for part in chunk {
        // SAFETY: the caller's promise.
        unsafe { answers.deliver(part, steps, errno, |fault| way.link().named(fault)) };
    }
    Some(())
}

/// A message that went out.
struct Sent {
    id: u64,
    clock: Clock,
}

/// A thread's channel to a VM while the messages of a stretch go there and back.
struct Way {
    library: Arc<Target>,
    /// `None` once it is lost.
    channel: Option<Box<Channel>>,
    busy: Busy,
    request: Vec<u8>,
}

impl Way {
    fn begin(chunk: &Chunk<'_>) -> Result<Way, Error> {
        let first = chunk.first().map(|part| part.function);
        let Some(library) = first.and_then(Resolved::library) else {
            return Err(match first {
                Some(function) => closed(function),
                None => Fault::host(FaultCode::System, "there is no call").into(),
            });
        };
        library.usable()?;
        let link = library.link();
        let timeout = shortest(chunk, &library);
        let channel = channel::take(link, timeout);
        let mut channel = channel.map_err(|fault| link.diagnose(fault, "before many calls"))?;
        let begun = channel.seat.begin(library.object().0);
        let busy = channel.seat.hold(begun);
        let request = std::mem::take(&mut channel.request);
        Ok(Way {
            library,
            channel: Some(channel),
            busy,
            request,
        })
    }

    fn link(&self) -> &Arc<Link> {
        self.library.link()
    }

    /// Writes the request of a chunk.
    ///
    /// # Safety
    /// As [`invoke`], for each call of it.
    unsafe fn write(&mut self, chunk: &Chunk<'_>, steps: &impl Steps, errno: i32) {
        // SAFETY: the caller's promise.
        unsafe { stretch::write(chunk, steps, errno, &mut self.request) };
    }

    /// Sends what was written.
    fn send(&mut self, chunk: &Chunk<'_>) -> Result<Sent, Fault> {
        let mut clock = Clock::new(shortest(chunk, &self.library));
        let request = &self.request;
        let Some(channel) = &mut self.channel else {
            return Err(elsewhere());
        };
        let id = clock.run(&mut channel.connection, |connection| {
            connection.request_raw(CALLS, &[request], &[])
        })?;
        Ok(Sent { id, clock })
    }

    /// Does what the VM asks until the answer to a chunk comes; gives how many callbacks failed, too.
    fn answer(
        &mut self,
        chunk: &Chunk<'_>,
        mut sent: Sent,
        steps: &impl Steps,
    ) -> Result<(Frame, usize), Error> {
        let link = Arc::clone(self.library.link());
        let silent = |part: &stretch::Part<'_>| part.function.frame().contract().no_callback;
        let calls = stretch::count(chunk) as u64;
        let most = self.library.callbacks().saturating_mul(calls);
        let mut progress = Progress::new((!chunk.iter().all(silent)).then_some(most));
        let mut failed = 0;
        loop {
            let Some(mut channel) = self.channel.take() else {
                return Err(self.diagnose(elsewhere(), chunk, steps));
            };
            let Sent { id, clock } = &mut sent;
            let answer = clock.run(&mut channel.connection, |connection| connection.answer(*id));
            let frame = answer.map_err(|fault| self.diagnose(fault, chunk, steps))?;
            if frame.kind & REPLY != 0 {
                self.channel = Some(channel);
                return Ok((frame, failed));
            }
            match callback::serve(&link, channel, frame, &mut progress) {
                Asked::Answered(channel) => self.channel = Some(channel),
                Asked::Lost(fault) => return Err(self.diagnose(fault, chunk, steps)),
                Asked::Elsewhere if self.busy.is_cancelled() => {
                    return Err(self.diagnose(elsewhere(), chunk, steps));
                }
                Asked::Elsewhere => {
                    link.usable()?;
                    return Err(match chunk.first() {
                        Some(part) => closed(part.function),
                        None => elsewhere().into(),
                    });
                }
            }
            // The next call may call back again.
            failed += usize::from(progress.failed.take().is_some());
        }
    }

    /// A chunk could not be sent.
    fn unsent<'a>(self, chunk: Chunk<'a>, fault: Fault, steps: &impl Steps) -> Stop<'a> {
        if (fault.blame, fault.code) == (Blame::Caller, FaultCode::TooLarge) {
            // Refused before a byte went out: the VM takes smaller messages only.
            self.end(None);
            return Stop::Alone(chunk);
        }
        self.lost(chunk, fault, steps)
    }

    /// The exchange itself failed, at a chunk.
    fn lost<'a>(mut self, chunk: Chunk<'a>, fault: Fault, steps: &impl Steps) -> Stop<'a> {
        let error = self.diagnose(fault, &chunk, steps);
        self.channel = None;
        Stop::failed(chunk, error)
    }

    fn diagnose(&self, fault: Fault, chunk: &Chunk<'_>, steps: &impl Steps) -> Error {
        let link = self.library.link();
        let calls = summary_of(chunk, steps);
        if !self.busy.is_cancelled() {
            return link.diagnose(fault, &format!("in {calls}"));
        }
        let after = match link.is_shared() {
            true => "what they do in the VM goes on",
            false => "their VM was killed",
        };
        let message = format!("{calls} were cancelled; {after}");
        link.named(Fault::caller(FaultCode::Cancelled, message))
    }

    /// Keeps the body of an answer for a later one.
    fn recycle(&mut self, frame: Frame) {
        if let Some(channel) = &mut self.channel {
            channel.connection.recycle(frame.body);
        }
    }

    /// Leaves the channel to the next call of this thread.
    fn end(mut self, frame: Option<Frame>) {
        if let Some(frame) = frame {
            self.recycle(frame);
        }
        drop(self.busy);
        let link = self.library.link();
        if let Some(mut channel) = self.channel.filter(|_| !link.is_gone()) {
            channel.request = self.request;
            channel::park(link, channel);
        }
    }
}

fn elsewhere() -> Fault {
    Fault::caller(FaultCode::Forked, "the calls are those of another process")
}

/// The calls of a message in words.
fn summary_of(chunk: &Chunk<'_>, steps: &impl Steps) -> String {
    let calls = stretch::count(chunk);
    let (Some(first), Some(number)) = (chunk.first(), VmNumber::new(1)) else {
        return format!("{calls} calls");
    };
    let shelf = Shelf::default();
    // SAFETY: only what the summary shows is read, of arguments that are all numbers.
    let memory = unsafe { CallMemory::new(&shelf, number) };
    let arguments = addresses(first.function, first.first, steps);
    let first = summary(first.function, &memory, &arguments);
    format!("{calls} calls at once, the first of them {first}")
}

/// The limit of a message.
fn shortest(chunk: &Chunk<'_>, library: &Target) -> Option<std::time::Duration> {
    let limits = chunk.iter().map(|part| time_limit(part.function, library));
    limits.flatten().min()
}

impl<'a> Stop<'a> {
    /// Another message was out already.
    fn with(mut self, chunk: Option<Chunk<'a>>) -> Stop<'a> {
        if let Stop::Failed { under_way, .. } = &mut self {
            under_way.extend(chunk);
        }
        self
    }
}
