//! Many calls in one message.
//!
//! Calls that follow each other, of functions of a few numbers of one library, travel together: one
//! message there and one back, whatever their number. Others are made at their place in the order. Each
//! call has an end of its own; one that fails leaves the others alone.
//!
//! | what | then |
//! |---|---|
//! | the VM refuses a call, or a callback of it fails | that call fails |
//! | the VM dies, is cancelled, or does not answer in time | every call of the message fails: nobody knows how far it came |
//! | a reply that is none | the same, and the VM is ended |
//! | time limits | the shortest of a message holds for all of it |

use super::{Call, Clock, closed, invoke, time_limit};
use crate::callback::{self, Asked, Progress};
use crate::channel::{self, Channel};
use crate::error::Error;
use crate::library::Target;
use crate::memory::CallMemory;
use crate::resolved::Resolved;
use crate::shelf::Shelf;
use crate::token::VmNumber;
use callframe::marshal::Outcome;
use cosmos_rpc::message::REPLY;
use cosmos_rpc::message::vm::{ANSWER_WORDS, CALLS, MOST_CALLS, REFUSED};
use cosmos_rpc::{Blame, Fault, FaultCode, Frame, codec};
use std::sync::Arc;
use std::time::Duration;

/// A call to be made.
pub(crate) struct Step<'a> {
    pub(crate) function: &'a Resolved,
    /// Addresses of the arguments' values.
    pub(crate) arguments: &'a [u64],
    /// Where the result goes; 0: nowhere.
    pub(crate) result: u64,
}

/// How a call ended.
pub(crate) type Ended = Result<Outcome, Error>;

/// Makes the calls in order; `tell` is told how each ended, in the same order.
///
/// # Safety
/// As [`invoke`], for each.
pub(crate) unsafe fn invoke_all(steps: &[Step<'_>], errno: i32, mut tell: impl FnMut(Ended)) {
    let mut left = steps;
    while let Some((first, rest)) = left.split_first() {
        let count = together(left);
        let Some((_, after)) = left.split_at_checked(count).filter(|_| count > 1) else {
            // SAFETY: the caller's promise.
            tell(unsafe { invoke(first.function, first.arguments, errno, first.result) });
            left = rest;
            continue;
        };
        let batch = &left[..count];
        // SAFETY: the caller's promise.
        match unsafe { send(batch, errno, &mut tell) } {
            Ok(()) => {}
            Err(Unsent::Alone) => {
                for step in batch {
                    // SAFETY: the caller's promise.
                    tell(unsafe { invoke(step.function, step.arguments, errno, step.result) });
                }
            }
            Err(Unsent::Failed(error)) => {
                for step in batch {
                    tell(Err(error.clone().in_function(step.function.name())));
                }
            }
        }
        left = after;
    }
}

/// Why no call of a message has an end of its own.
enum Unsent {
    /// The VM takes no such messages; nothing was called.
    Alone,
    /// This happened to all of them.
    Failed(Error),
}

impl From<Error> for Unsent {
    fn from(error: Error) -> Unsent {
        Unsent::Failed(error)
    }
}

/// How many calls at the front go in one message.
fn together(steps: &[Step<'_>]) -> usize {
    let Some(gate) = steps.first().and_then(|step| step.function.quick()) else {
        return 1;
    };
    let of_it = |step: &&Step<'_>| {
        let quick = step.function.quick();
        quick.is_some_and(|quick| Arc::ptr_eq(quick.gate(), gate.gate()))
    };
    steps.iter().take(MOST_CALLS).take_while(of_it).count()
}

/// Makes calls of one library in one message.
///
/// # Safety
/// As [`invoke`], for each.
unsafe fn send(steps: &[Step<'_>], errno: i32, tell: &mut impl FnMut(Ended)) -> Result<(), Unsent> {
    let Some(first) = steps.first() else {
        return Ok(());
    };
    let Some(library) = first.function.library() else {
        return Err(closed(first.function).into());
    };
    library.usable()?;
    let link = library.link();
    let number = VmNumber::new(1).ok_or(Unsent::Alone)?;
    let shelf = Shelf::default();
    // SAFETY: nothing is read or written through it but what the summary of a failure shows.
    let memory = unsafe { CallMemory::new(&shelf, number) };
    let call = Call::new(first.function, &library, first.arguments);
    let timeout = shortest(steps, &library);
    let lost = |fault| Unsent::Failed(call.lost(fault, &memory));
    let mut channel = channel::take(link, timeout).map_err(lost)?;
    let mut request = std::mem::take(&mut channel.request);
    request.clear();
    for step in steps {
        if let Some(quick) = step.function.quick() {
            // SAFETY: the caller's promise.
            let words = unsafe { quick.request(step.arguments, errno) };
            for word in words {
                request.extend_from_slice(&word.to_le_bytes());
            }
        }
    }
    let begun = channel.seat.begin(library.object().0);
    let busy = channel.seat.hold(begun);
    call.busy.get_or_init(|| busy);
    let mut clock = Clock::new(timeout);
    let sent = clock.run(&mut channel.connection, |connection| {
        connection.request_raw(CALLS, &[&request], &[])
    });
    channel.request = request;
    let id = sent.map_err(lost)?;
    let (mut channel, frame, failed) = serve(&call, &memory, channel, clock, id, steps)?;
    if let Some(fault) = frame.fault() {
        channel::park(link, channel);
        return match fault.code {
            FaultCode::Unsupported => Err(Unsent::Alone),
            _ => Err(Unsent::Failed(link.named(fault))),
        };
    }
    let Some(answers) = Answers::of(&frame, steps.len(), failed) else {
        let fault = Fault::peer(FaultCode::Protocol, "its answer to many calls is none");
        return Err(lost(fault));
    };
    let mut faults = answers.faults;
    for (step, words) in steps.iter().zip(answers.words) {
        let quick = step.function.quick();
        let words = words.as_chunks::<8>().0;
        let word = |at: usize| words.get(at).map_or(0, |bytes| u64::from_le_bytes(*bytes));
        let words = [word(0), word(1), word(2), word(3)];
        if words[0] == REFUSED {
            let (fault, rest) = faults
                .split_at_checked(words[1] as usize)
                .unwrap_or_default();
            faults = rest;
            let error = link.named(refusal(fault));
            tell(Err(error.in_function(step.function.name())));
            continue;
        }
        // SAFETY: the caller's promise.
        let left = quick.and_then(|quick| unsafe { quick.deliver(words, errno, step.result) });
        tell(match left {
            Some(errno) => Ok(Outcome {
                errno,
                success: true,
            }),
            None => Err(call.lost(
                Fault::peer(
                    FaultCode::Protocol,
                    "its answer to one of many calls is none",
                ),
                &memory,
            )),
        });
    }
    channel.connection.recycle(frame.body);
    if !link.is_gone() {
        channel::park(link, channel);
    }
    Ok(())
}

/// The limit of a message.
fn shortest(steps: &[Step<'_>], library: &Target) -> Option<Duration> {
    let mut limit = None;
    let mut last: Option<&Resolved> = None;
    for step in steps {
        if last.is_some_and(|last| std::ptr::eq(last, step.function)) {
            continue;
        }
        last = Some(step.function);
        let own = time_limit(step.function, library);
        limit = match (limit, own) {
            (Some(limit), Some(own)) => Some(Duration::min(limit, own)),
            (limit, own) => limit.or(own),
        };
    }
    limit
}

/// Does what the VM asks until the reply comes; gives how many callbacks failed, too.
fn serve(
    call: &Call<'_>,
    memory: &CallMemory<'_>,
    mut channel: Box<Channel>,
    mut clock: Clock,
    id: u64,
    steps: &[Step<'_>],
) -> Result<(Box<Channel>, Frame, usize), Error> {
    let link = call.library.link();
    let silent = |step: &Step<'_>| step.function.frame().contract().no_callback;
    let most = call.library.callbacks().saturating_mul(steps.len() as u64);
    let mut progress = Progress {
        left: (!steps.iter().all(silent)).then_some(most),
        failed: None,
    };
    let mut failed = 0;
    loop {
        let answer = clock.run(&mut channel.connection, |connection| connection.answer(id));
        let frame = answer.map_err(|fault| call.lost(fault, memory))?;
        if frame.kind & REPLY != 0 {
            return Ok((channel, frame, failed));
        }
        channel = match callback::serve(link, channel, frame, &mut progress) {
            Asked::Answered(channel) => channel,
            Asked::Lost(fault) => return Err(call.lost(fault, memory)),
            Asked::Elsewhere if call.is_cancelled() => return Err(call.cancelled(memory)),
            Asked::Elsewhere => {
                link.usable()?;
                return Err(closed(call.function));
            }
        };
        // The next call may call back again.
        failed += usize::from(progress.failed.take().is_some());
    }
}

/// A reply to many calls, whose lengths are right.
struct Answers<'a> {
    words: &'a [[u8; 8 * ANSWER_WORDS]],
    faults: &'a [u8],
}

impl<'a> Answers<'a> {
    /// `None` where it is no reply to so many calls, of which callbacks failed so often.
    fn of(frame: &'a Frame, count: usize, failed: usize) -> Option<Answers<'a>> {
        if frame.kind != CALLS | REPLY || !frame.descriptors.is_empty() {
            return None;
        }
        let (words, faults) = frame.body.split_at_checked(count * 8 * ANSWER_WORDS)?;
        let (words, _) = words.as_chunks();
        let mut refused = 0;
        let mut bytes = 0usize;
        for answer in words {
            let (first, rest) = answer.split_first_chunk::<8>()?;
            if u64::from_le_bytes(*first) == REFUSED {
                let length = u64::from_le_bytes(*rest.first_chunk()?);
                bytes = bytes.checked_add(usize::try_from(length).ok()?)?;
                refused += 1;
            }
        }
        // What this end knows of a failure, the VM cannot talk away.
        let is_one = bytes == faults.len() && (failed == 0 || refused > 0);
        is_one.then_some(Answers { words, faults })
    }
}

/// Why a call was refused.
fn refusal(bytes: &[u8]) -> Fault {
    let mut fault = codec::decode::<Fault>(bytes).unwrap_or_else(|broken| broken);
    if (fault.blame, fault.code) == (Blame::Vm, FaultCode::BadArgument) {
        fault.code = FaultCode::Protocol;
    }
    fault
}
