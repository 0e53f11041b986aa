//! `cosmos_vfn`: how one call goes to a VM and comes back.
//!
//! The closures of the C face, [`Symbol::call`](crate::Symbol) and
//! [`Function::call`](crate::Function::call) all come here, with the addresses of the argument
//! values, as a C function finds them in its registers and on its stack.

mod clock;
mod failure;
pub(crate) mod together;

pub(crate) use clock::{Clock, time_limit};
pub(crate) use failure::closed;

use crate::again;
use crate::callback::{self, Asked, Progress};
use crate::channel::{self, Channel};
use crate::descriptor::{is_taken, is_what_it_says};
use crate::error::Error;
use crate::library::Target;
use crate::memory::{CallMemory, borrow_descriptors};
use crate::quick::{Underway, Way};
use crate::resolved::Resolved;
use crate::session::Session;
use crate::shelf::Question;
use crate::token;
use crate::trace;
use crate::turn::{Begun, Busy};
use callframe::marshal::{CallerBytes, MarshalError, Outcome, Pending, Sent};
use cosmos_rpc::message::REPLY;
use cosmos_rpc::message::vm::{BRIEF_CALLBACK, CALL, COMPACT_CALL};
use cosmos_rpc::{Blame, Fault, FaultCode, Frame};
use std::cell::{Cell, OnceCell};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::fd::{AsFd, AsRawFd, IntoRawFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

/// Calls `function` with the values at these addresses; writes its outputs, and its result, as
/// wide as C has it, to address `result` (0: nowhere).
///
/// # Safety
/// The arguments, and what they lead to, are memory as the prototype says: see
/// [`CallMemory::new`]. `result` is 0 or leads to room for the result.
pub(crate) unsafe fn invoke(
    function: &Resolved,
    arguments: &[u64],
    errno: i32,
    result: u64,
) -> Result<Outcome, Error> {
    // SAFETY: the caller's promise.
    unsafe { invoke_noting(function, arguments, errno, result, &mut Vec::new()) }
}

/// The same; notes address and size of every copy that it made for the program.
///
/// # Safety
/// As [`invoke`].
pub(crate) unsafe fn invoke_noting(
    function: &Resolved,
    arguments: &[u64],
    errno: i32,
    result: u64,
    copies: &mut Vec<(u64, usize)>,
) -> Result<Outcome, Error> {
    // SAFETY: the caller's promise.
    let way = unsafe {
        match (function.quick(), function.plain()) {
            (Some(quick), _) => quick.call(function, arguments, errno, result),
            (None, Some(plain)) => plain.call(function, arguments, errno, result),
            (None, None) => Way::No,
        }
    };
    if let Way::Done(errno) = way {
        let success = true;
        return Ok(Outcome { errno, success });
    }
    // SAFETY: the caller's promise.
    unsafe { go_on(function, way, arguments, (errno, result), copies) }
}

/// Goes on with a call that has come so far.
///
/// # Safety
/// As [`invoke`].
pub(crate) unsafe fn go_on(
    function: &Resolved,
    way: Way,
    arguments: &[u64],
    wanted: (i32, u64),
    copies: &mut Vec<(u64, usize)>,
) -> Result<Outcome, Error> {
    let mut span = trace::is_on().then(|| trace::span("call", function.name()));
    let library = match &way {
        Way::Begun(underway) => underway.library.clone(),
        Way::Done(_) | Way::No => function.library(),
    };
    let outcome = match library {
        None => Err(closed(function)),
        // SAFETY: the caller's promise.
        Some(library) => unsafe { perform(function, &library, way, arguments, wanted, copies) },
    };
    outcome.map_err(|error| {
        if let Some(span) = &mut span {
            span.fail(&error);
        }
        error.in_function(function.name())
    })
}

/// Makes the call, or what is left of it, and makes it again where that is allowed; see [`again`].
///
/// # Safety
/// As [`invoke`].
unsafe fn perform(
    function: &Resolved,
    library: &Arc<Target>,
    way: Way,
    arguments: &[u64],
    (errno, result): (i32, u64),
    copies: &mut Vec<(u64, usize)>,
) -> Result<Outcome, Error> {
    let call = Call::new(function, library, arguments);
    let mut outcome = match way {
        // SAFETY: the caller's promise.
        Way::Begun(underway) => unsafe { call.finish(library, *underway, errno, result) },
        // SAFETY: the caller's promise.
        Way::Done(_) | Way::No => unsafe { call.make(library, errno, result, copies) },
    };
    let mut runs = u32::from(call.has_begun());
    while let Err(error) = &outcome
        && runs < 2
        && let Some((function, spare)) = again::instead(function, library, error)
    {
        runs += 1;
        let call = Call::new(&function, &spare, arguments);
        // SAFETY: the caller's promise, for a function of the same prototype.
        outcome = unsafe { call.make(library, errno, result, copies) };
    }
    outcome
}

/// Writes what the function returns when a call of it fails.
///
/// # Safety
/// `result` is 0 or leads to room for the result.
pub(crate) unsafe fn fail(function: &Resolved, result: u64) {
    let shelf = crate::shelf::Shelf::default();
    let Some(number) = crate::token::VmNumber::new(1) else {
        return;
    };
    // SAFETY: only `result` is written.
    let mut memory = unsafe { CallMemory::new(&shelf, number) };
    function.caller().write_failure(&mut memory, result);
}

/// Bytes of a request before what it says of the call itself.
const ERRNO: usize = 4;

/// A call that was begun on a channel: what is left of its time, and what came first: the request's id,
/// and a frame.
type Answered = (Box<Channel>, Begun, Clock, Result<(u64, Frame), Fault>);

struct Call<'call> {
    function: &'call Resolved,
    library: &'call Arc<Target>,
    arguments: &'call [u64],
    /// Whether the VM may have got it.
    begun: Cell<bool>,
    /// Set where more comes of it than its reply.
    busy: OnceCell<Busy>,
    /// Set where it was sent as a call of plain bytes.
    sent: OnceCell<Sent>,
}

impl<'call> Call<'call> {
    fn new(
        function: &'call Resolved,
        library: &'call Arc<Target>,
        arguments: &'call [u64],
    ) -> Call<'call> {
        Call {
            function,
            library,
            arguments,
            begun: Cell::new(false),
            busy: OnceCell::new(),
            sent: OnceCell::new(),
        }
    }

    /// Whether the VM may have got it.
    fn has_begun(&self) -> bool {
        self.begun.get()
    }

    /// Makes the call; `kept_by` keeps what it returns.
    ///
    /// # Safety
    /// As [`invoke`].
    unsafe fn make(
        &self,
        kept_by: &Target,
        errno: i32,
        result: u64,
        copies: &mut Vec<(u64, usize)>,
    ) -> Result<Outcome, Error> {
        self.library.usable()?;
        // SAFETY: the caller's promise.
        let memory = unsafe { CallMemory::new(kept_by.shelf(), self.library.link().number()) };
        let mut memory = memory.passing(self.function, self.library);
        let outcome = self.carry(&mut memory, errno, result);
        if self.function.caller().carries_numbers_alone() {
            // Nothing was kept, and there are no objects.
            return outcome;
        }
        let lenders = self.words(&memory, self.function.lenders());
        match self.library.link().is_foreign() {
            // A callback has forked, and this is the child: its parent's other threads may hold the
            // locks of what is kept.
            true => std::mem::forget(memory),
            false => *copies = memory.finish(self.function.id(), &lenders, outcome.is_ok()),
        }
        outcome
    }

    fn carry(&self, memory: &mut CallMemory, errno: i32, result: u64) -> Result<Outcome, Error> {
        let link = self.library.link();
        let timeout = self.timeout();
        let mut channel = channel::take(link, timeout).map_err(|fault| self.lost(fault, memory))?;
        let begun = channel.seat.begin(self.library.object().0);
        self.begun.set(true);
        if let Err(error) = self.encode(memory, errno, &mut channel) {
            channel.seat.end(begun);
            channel::park(link, channel);
            return Err(self.unmarshalled(error));
        }
        let announced = {
            let Channel {
                connection,
                staging,
                ..
            } = &mut *channel;
            staging.announce(connection)
        };
        match announced {
            Ok(true) => {}
            Ok(false) => {
                channel.staging.turn_off();
                if let Err(error) = self.encode(memory, errno, &mut channel) {
                    channel.seat.end(begun);
                    channel::park(link, channel);
                    return Err(self.unmarshalled(error));
                }
            }
            Err(fault) => return Err(self.lost(fault, memory)),
        }
        if !self.function.lenders().is_empty() {
            memory.ask(self.question(&channel.request));
        }
        let mut clock = Clock::new(timeout);
        let first = self.send(&mut channel).and_then(|id| {
            let connection = &mut channel.connection;
            let frame = clock.run(connection, |connection| connection.answer(id))?;
            Ok((id, frame))
        });
        self.complete(memory, (channel, begun, clock, first), result)
    }

    /// Goes on with a call that was begun a shorter way.
    ///
    /// # Safety
    /// As [`invoke`].
    unsafe fn finish(
        &self,
        kept_by: &Target,
        underway: Underway,
        errno: i32,
        result: u64,
    ) -> Result<Outcome, Error> {
        self.begun.set(true);
        let Underway {
            mut channel,
            begun,
            first,
            clock,
            sent,
            ..
        } = underway;
        let mut clock = clock.unwrap_or_else(|| Clock::new(self.timeout()));
        // SAFETY: the caller's promise.
        let memory = unsafe { CallMemory::new(kept_by.shelf(), self.library.link().number()) };
        let mut memory = memory.passing(self.function, self.library);
        match sent {
            Some(sent) => {
                self.sent.get_or_init(|| sent);
            }
            // What is known of a call is kept beside its request.
            None => {
                let encoded = self.encode(&mut memory, errno, &mut channel);
                encoded.map_err(|error| self.unmarshalled(error))?;
            }
        }
        let first = Underway::wait(&mut channel, first, &mut clock);
        self.complete(&mut memory, (channel, begun, clock, first), result)
    }

    /// Does what comes of a call until its reply has been received.
    fn complete(
        &self,
        memory: &mut CallMemory,
        (channel, begun, clock, first): Answered,
        result: u64,
    ) -> Result<Outcome, Error> {
        let link = self.library.link();
        let (mut channel, mut frame) = match first {
            Ok((_, frame)) if frame.kind & REPLY != 0 => {
                channel.seat.end(begun);
                (channel, frame)
            }
            Err(fault) if fault.blame == Blame::Caller => {
                // Refused before a byte went out: the channel is in step.
                channel.seat.end(begun);
                channel::park(link, channel);
                return Err(link.named(fault));
            }
            first => {
                self.hold(&channel, begun);
                let (id, frame) = first.map_err(|fault| self.lost(fault, memory))?;
                self.serve(memory, channel, clock, id, frame)?
            }
        };
        memory.swap_staging(&mut channel.staging);
        let pending = channel.pending.get_or_insert_default();
        let answer = self.receive(memory, pending, &mut frame, result);
        memory.swap_staging(&mut channel.staging);
        channel.connection.recycle(frame.body);
        let answer = answer.map_err(|error| self.explained(error, &mut channel));
        if !link.is_gone() && trace::recall(link, &mut channel.connection, "call", frame.id) {
            channel::park(link, channel);
        }
        let outcome = answer?;
        if !self.function.caller().carries_numbers_alone() {
            self.end_scopes(memory);
        }
        Ok(outcome)
    }

    /// More comes of the call than its reply.
    fn hold(&self, channel: &Channel, begun: Begun) {
        let busy = channel.seat.hold(begun);
        self.busy.get_or_init(|| busy);
    }

    /// Does what the VM asks, at first by `frame`, until the reply to request `id` comes.
    ///
    /// What is short goes straight from where it was read to where it is answered: moved about between
    /// the two, its words would be waited for each time.
    fn serve(
        &self,
        memory: &CallMemory,
        channel: Box<Channel>,
        mut clock: Clock,
        id: u64,
        frame: Frame,
    ) -> Result<(Box<Channel>, Frame), Error> {
        let link = self.library.link();
        let mut progress = Progress::new(match self.function.frame().contract().no_callback {
            true => None,
            false => Some(self.library.callbacks()),
        });
        let called_back = || trace::is_on().then(|| trace::span("callback", ""));
        let mut asked = {
            let _span = called_back();
            callback::serve(link, channel, frame, &mut progress)
        };
        let (mut channel, frame) = loop {
            let mut channel = match asked {
                Asked::Answered(channel) => channel,
                Asked::Lost(fault) => return Err(self.lost(fault, memory)),
                Asked::Elsewhere if self.is_cancelled() => return Err(self.cancelled(memory)),
                Asked::Elsewhere => {
                    return match link.usable() {
                        Err(error) => Err(error),
                        Ok(()) => Err(closed(self.function)),
                    };
                }
            };
            if channel.seat.is_cancelled() {
                return Err(self.cancelled(memory));
            }
            let connection = &mut channel.connection;
            asked = match clock.run(connection, |it| it.hears(BRIEF_CALLBACK)) {
                Some((id, body)) => {
                    let _span = called_back();
                    callback::serve_brief(link, channel, id, &body, &mut progress)
                }
                None => {
                    let answer = clock.run(connection, |it| it.answer(id));
                    let frame = answer.map_err(|fault| self.lost(fault, memory))?;
                    if frame.kind & REPLY != 0 {
                        break (channel, frame);
                    }
                    let _span = called_back();
                    callback::serve(link, channel, frame, &mut progress)
                }
            };
        };
        // What this end knows of a failure, the VM cannot talk away.
        match progress.failed {
            Some(fault) => {
                channel.connection.recycle(frame.body);
                channel::park(link, channel);
                Err(link.named(fault))
            }
            None => Ok((channel, frame)),
        }
    }

    /// The call has destroyed handles: what was lent from them goes, and functions that were scoped
    /// by them may not be called any more.
    fn end_scopes(&self, memory: &CallMemory) {
        let destroyed = self.library.destroyed_by(self.function.frame());
        let callbacks = Session::current().callbacks();
        for object in self.words(memory, &destroyed) {
            self.library.shelf().close_object(object);
            if callbacks.has_scopes()
                && let Some((_, handle)) = token::take_apart(object)
            {
                callbacks.handle_closed(self.library.link().key(), handle);
            }
        }
    }

    /// The arguments at these indices, as pointers.
    fn words(&self, memory: &CallMemory, indices: &[usize]) -> Vec<u64> {
        let word = |index: &usize| {
            let mut word = [0; 8];
            memory.read(*self.arguments.get(*index)?, &mut word).ok()?;
            Some(u64::from_le_bytes(word))
        };
        indices.iter().filter_map(word).collect()
    }

    /// What the call asks, as it is sent but for errno: the function and its arguments.
    fn question(&self, request: &[u8]) -> Question {
        let mut hasher = DefaultHasher::new();
        self.function.id().hash(&mut hasher);
        request.get(ERRNO..).unwrap_or_default().hash(&mut hasher);
        hasher.finish()
    }

    fn timeout(&self) -> Option<Duration> {
        time_limit(self.function, self.library)
    }

    fn encode(
        &self,
        memory: &mut CallMemory,
        errno: i32,
        channel: &mut Channel,
    ) -> Result<(), MarshalError> {
        let Channel {
            request,
            descriptors,
            pending,
            staging,
            ..
        } = channel;
        memory.swap_staging(staging);
        let encoded = self.function.caller().encode_into(
            memory,
            self.arguments,
            errno,
            request,
            descriptors,
            pending.get_or_insert_default(),
        );
        memory.swap_staging(staging);
        encoded
    }

    fn send(&self, channel: &mut Channel) -> Result<u64, Fault> {
        let Channel {
            connection,
            request,
            descriptors,
            ..
        } = channel;
        let runable = self.function.runable().to_le_bytes();
        let descriptors = borrow_descriptors(descriptors);
        if !descriptors.is_empty() && self.library.link().is_walled() {
            descriptors
                .iter()
                .try_for_each(|descriptor| is_what_it_says(*descriptor))?;
        }
        connection.request_raw(CALL, &[&runable, request], &descriptors)
    }

    fn receive(
        &self,
        memory: &mut CallMemory,
        pending: &Pending,
        frame: &mut Frame,
        result: u64,
    ) -> Result<Outcome, Error> {
        if let Some(mut fault) = frame.fault() {
            // What the function left breaks its prototype; no argument of the program's is wrong.
            if (fault.blame, fault.code) == (Blame::Vm, FaultCode::BadArgument) {
                fault.code = FaultCode::Protocol;
            }
            return Err(self.library.link().named(fault));
        }
        let plain = self.sent.get().zip(self.function.plain());
        let kind = if plain.is_some() { COMPACT_CALL } else { CALL };
        if frame.kind != kind | REPLY {
            let message = format!(
                "it answered a call with a message of kind {:#06x}",
                frame.kind
            );
            return Err(self.lost(Fault::peer(FaultCode::Protocol, message), memory));
        }
        let descriptors = std::mem::take(&mut frame.descriptors);
        if !descriptors.is_empty() && self.library.link().is_walled() {
            let mut taken = descriptors
                .iter()
                .map(|descriptor| is_taken(descriptor.as_fd()));
            taken
                .try_for_each(|taken| taken)
                .map_err(|fault| self.library.link().named(fault))?;
        }
        let numbers: Vec<RawFd> = descriptors.iter().map(AsRawFd::as_raw_fd).collect();
        let outcome = match plain {
            Some((sent, plain)) if numbers.is_empty() => {
                plain.receive(memory, sent, &frame.body, result)
            }
            _ => {
                let caller = self.function.caller();
                caller.decode(memory, pending, &frame.body, &numbers, result)
            }
        };
        let outcome = outcome.map_err(|error| match error {
            // No honest VM sends this: it checks the same before it answers.
            MarshalError::Malformed(_) | MarshalError::Protocol { .. } => {
                self.lost(Fault::peer(FaultCode::Protocol, error.to_string()), memory)
            }
            error => self.unmarshalled(error),
        })?;
        // They are the program's now; after any failure they are closed.
        for descriptor in descriptors {
            let _ = descriptor.into_raw_fd();
        }
        Ok(outcome)
    }
}
