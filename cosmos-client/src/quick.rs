//! The shortest way of a call, for functions that take and return a few numbers.
//!
//! Request and reply then fit into one line of shared memory each, nothing of the program's memory is
//! involved but the arguments and the result, and nothing has to be kept for afterwards. The way goes
//! as far as everything is as usual; what is not is left to [`call`](crate::call), at the point where
//! it was noticed: no such call is begun twice.
//!
//! Between the entry of a C function pointer and the message that goes out there is nothing but the
//! arguments, and between the message that comes and the return nothing but the result. What else has
//! to be done is done while the VM is at work:
//!
//! | what | when |
//! |---|---|
//! | is the library open, has no VM ended, is this process the one that opened it | before |
//! | the thread's channel, and noting there that a call is under way | before |
//! | time limits | once waiting has become sleeping |
//! | was it cancelled; was the library left to it | after |
//!
//! The library is not held: who lets go of it [leaves](crate::turn) it to the calls that are under way. A
//! close that comes before the thread has noted its call comes before the call.

use crate::call::{self, Clock};
use crate::channel::{self, Channel};
use crate::gate::Gate;
use crate::library::Target;
use crate::resolved::Resolved;
use crate::turn::Begun;
use crate::uncancelled::uncancelled;
use callframe::Template;
use callframe::marshal::{Caller, LINE_WORDS as WORDS, Line, Piece, Sent};
use callframe_ffi::NarrowResult;
use callframe_native::Convention;
use cosmos_rpc::blocking::Connection;
use cosmos_rpc::message::REPLY;
use cosmos_rpc::message::vm::CALL;
use cosmos_rpc::ring::{Form, Short};
use cosmos_rpc::{Fault, Frame};
use std::ffi::c_void;
use std::sync::Arc;

/// Bytes of a request before what marshalling writes: the function's number.
const RUNABLE: usize = 8;

/// How calls of a function go this way. What a call needs is first, in a line of the processor's.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Quick {
    gate: Arc<Gate>,
    runable: u64,
    request: Form,
    reply: Form,
    line: Line,
    narrow: Option<NarrowResult>,
    /// Where arguments and result are in words in this process as they are in the VM: in which registers.
    convention: Option<Convention>,
}

/// How far a call came.
pub(crate) enum Way {
    /// It has returned, and left this errno.
    Done(i32),
    /// It is begun, and what came first is not its reply, or nothing did yet.
    Begun(Box<Underway>),
    /// It was not begun.
    No,
}

/// A call that was begun.
pub(crate) struct Underway {
    pub(crate) library: Option<Arc<Target>>,
    pub(crate) channel: Box<Channel>,
    pub(crate) begun: Begun,
    pub(crate) first: First,
    /// What is left of its time, where some of it has passed.
    pub(crate) clock: Option<Clock>,
    /// What was sent, of a call of plain bytes.
    pub(crate) sent: Option<Sent>,
}

/// What came of a request.
pub(crate) enum First {
    /// Not even the reply yet, to the request of this id.
    Nothing(u64),
    /// This, where the reply to the request of this id was awaited.
    Came(u64, Frame),
    /// The exchange failed.
    Failed(Fault),
}

/// The result of a call, in words.
struct Returned {
    words: [u64; 2],
    errno: i32,
}

impl Quick {
    /// For a function of a library; `None` where its calls do not go this way.
    pub(crate) fn of(
        caller: &Caller,
        gate: &Arc<Gate>,
        runable: u64,
        native: &Template,
    ) -> Option<Quick> {
        let line = caller.line()?;
        Some(Quick {
            request: Form::new(CALL, RUNABLE + line.request_length())?,
            reply: Form::new(CALL | REPLY, line.reply_length())?,
            line,
            gate: Arc::clone(gate),
            runable,
            narrow: callframe_ffi::result_of(native.frame()),
            convention: match caller.callee_template() {
                template if template.model() == native.model() => Convention::of(native),
                _ => None,
            },
        })
    }

    /// In which registers its arguments and its result travel, where a C pointer to it needs no libffi.
    pub(crate) fn convention(&self) -> Option<&Convention> {
        self.convention.as_ref()
    }

    /// What of the words of its arguments, as the registers of its convention hold them, is the arguments'.
    #[inline(always)]
    pub(crate) fn slots(&self, words: [u64; 2]) -> [u64; 2] {
        self.line.slots_of_words(words)
    }

    /// Calls the function with these arguments; gives the words of its result, as the registers hold them, and
    /// the errno that it left.
    #[inline(always)]
    pub(crate) fn enter_words(
        &self,
        function: &Resolved,
        slots: [u64; 2],
        errno: i32,
    ) -> Result<((u64, u64), i32), Way> {
        let returned = self.exchange(function, errno, slots)?;
        let [mut first, second] = self.line.result_in_words(returned.words);
        if let Some(narrow) = self.narrow {
            first = narrow.widened(first.to_le_bytes()) as u64;
        }
        Ok(((first, second), returned.errno))
    }

    /// Calls the function with the arguments that libffi gives a closure, whose result goes where
    /// libffi has it.
    ///
    /// # Safety
    /// `arguments` has a pointer to each argument's value, `result` is libffi's room for the result,
    /// both of `function`, of which this is.
    #[inline]
    pub(crate) unsafe fn enter(
        &self,
        function: &Resolved,
        result: *mut c_void,
        arguments: *mut *mut c_void,
        errno: i32,
    ) -> Way {
        // SAFETY: the caller's promise; a piece is a part of its argument.
        let read = |piece: &Piece| unsafe {
            let argument = *arguments.add(usize::from(piece.index));
            load(argument.cast(), piece)
        };
        let slots = self.line.slots(read);
        let returned = match self.exchange(function, errno, slots) {
            Ok(returned) => returned,
            Err(way) => return way,
        };
        match self.narrow {
            Some(narrow) => {
                let register = returned.words[0].to_le_bytes();
                let value = narrow.widened(register);
                // SAFETY: libffi has room for a whole register where the result is a narrow integer.
                unsafe { result.cast::<usize>().write_unaligned(value) };
            }
            // SAFETY: the caller's promise; the pieces are parts of the result.
            None => self.line.result(returned.words, |piece, value| unsafe {
                store(result.cast(), piece, value);
            }),
        }
        Way::Done(returned.errno)
    }

    /// Calls the function with arguments whose values are at these addresses, and whose result goes to
    /// its address, if to one.
    ///
    /// # Safety
    /// There is an address of a value for each parameter of `function`, of which this is, and `result`
    /// is 0 or leads to room for the result.
    #[inline]
    pub(crate) unsafe fn call(
        &self,
        function: &Resolved,
        arguments: &[u64],
        errno: i32,
        result: u64,
    ) -> Way {
        // SAFETY: the caller's promise; a piece is a part of its argument.
        let read = |piece: &Piece| unsafe { load(argument(arguments, piece), piece) };
        let slots = self.line.slots(read);
        let returned = match self.exchange(function, errno, slots) {
            Ok(returned) => returned,
            Err(way) => return way,
        };
        if result != 0 {
            let to = std::ptr::with_exposed_provenance_mut::<u8>(result as usize);
            // SAFETY: the caller's promise; the pieces are parts of the result.
            self.line.result(returned.words, |piece, value| unsafe {
                store(to, piece, value);
            });
        }
        Way::Done(returned.errno)
    }

    /// The entrance of its library.
    pub(crate) fn gate(&self) -> &Arc<Gate> {
        &self.gate
    }

    /// How its calls travel.
    #[inline]
    pub(crate) fn line(&self) -> &Line {
        &self.line
    }

    /// Its number in the VM.
    pub(crate) fn number(&self) -> u64 {
        self.runable
    }

    /// The request of a call.
    #[inline(always)]
    fn body(&self, errno: i32, slots: [u64; 2]) -> [u64; 1 + WORDS] {
        let [header, rest, first, second] = self.line.request_of_slots(errno, slots);
        [self.runable, header, rest, first, second]
    }

    #[inline(always)]
    fn exchange(&self, function: &Resolved, errno: i32, slots: [u64; 2]) -> Result<Returned, Way> {
        let gate = &*self.gate;
        if gate.is_closed() {
            return Err(Way::No);
        }
        let mut clock = None;
        let mut channel = channel::take_ready(gate.key).ok_or(Way::No)?;
        let begun = channel.seat.begin(gate.object);
        let Some(mut lane) = channel.connection.lane() else {
            return Err(unsent(self, function, channel, begun, (errno, slots)));
        };
        let request = self.body(errno, slots);
        let Some(id) = lane.request(self.request, &request) else {
            return Err(unsent(self, function, channel, begun, (errno, slots)));
        };
        // The VM is at work from here on.
        let reply = if lane.arrives() {
            lane.reply(self.reply, id)
        } else {
            let library = function.library();
            patiently(function, library.as_deref(), &mut channel, &mut clock);
            let lane = channel.connection.lane();
            lane.and_then(|mut lane| lane.reply(self.reply, id))
        };
        let Some(reply) = reply else {
            return Err(unanswered(function, channel, begun, id, clock));
        };
        let [header, rest, first, second, _] = reply;
        let words = [header, rest, first, second];
        let Some((after, words)) = self.line.whole_reply(words, errno) else {
            let reply = Short::of(reply, self.reply.length());
            let first = First::Came(id, wrong(&reply));
            return Err(underway(function, channel, begun, first, clock));
        };
        if channel.seat.end_unheld(begun) {
            put_back_and_leave(gate.key, channel);
        } else {
            channel::put_ready_again(gate.key, channel);
        }
        Ok(Returned {
            words,
            errno: after,
        })
    }
}

/// Waits asleep for a reply, within the time that the call may take.
#[cold]
pub(crate) fn patiently(
    function: &Resolved,
    library: Option<&Target>,
    channel: &mut Channel,
    clock: &mut Option<Clock>,
) {
    if let Some(library) = library {
        let clock = clock.insert(Clock::new(call::time_limit(function, library)));
        uncancelled(|| clock.run(&mut channel.connection, Connection::await_short));
    }
}

/// Puts a channel back, and lets go of the library that was left to its call.
#[cold]
fn put_back_and_leave(key: u64, channel: Box<Channel>) {
    let left = channel.seat.left();
    channel::put_ready(key, channel);
    drop(left);
}

/// A call whose request did not go the shortest way: it goes another one, or it is said why not.
#[cold]
fn unsent(
    quick: &Quick,
    function: &Resolved,
    mut channel: Box<Channel>,
    begun: Begun,
    (errno, slots): (i32, [u64; 2]),
) -> Way {
    let request = Short::of(quick.body(errno, slots), quick.request.length());
    let first = match channel.connection.request_short(CALL, &request) {
        Ok(id) => First::Nothing(id),
        Err(fault) => First::Failed(fault),
    };
    underway(function, channel, begun, first, None)
}

/// A call to which no reply as it should be has come.
#[cold]
fn unanswered(
    function: &Resolved,
    mut channel: Box<Channel>,
    begun: Begun,
    id: u64,
    clock: Option<Clock>,
) -> Way {
    let first = match channel.connection.read_reply(CALL, id) {
        Some(reply) => First::Came(id, wrong(&reply)),
        None => First::Nothing(id),
    };
    underway(function, channel, begun, first, clock)
}

#[cold]
fn underway(
    function: &Resolved,
    channel: Box<Channel>,
    begun: Begun,
    first: First,
    clock: Option<Clock>,
) -> Way {
    Way::Begun(Box::new(Underway {
        library: function.library(),
        channel,
        begun,
        first,
        clock,
        sent: None,
    }))
}

impl Underway {
    /// Waits for what comes first, within the time of a clock.
    pub(crate) fn wait(
        channel: &mut Channel,
        first: First,
        clock: &mut Clock,
    ) -> Result<(u64, Frame), Fault> {
        match first {
            First::Failed(fault) => Err(fault),
            First::Came(id, frame) => Ok((id, frame)),
            First::Nothing(id) => {
                let connection = &mut channel.connection;
                let frame = clock.run(connection, |connection| connection.answer(id))?;
                Ok((id, frame))
            }
        }
    }
}

/// A reply that is wrong, to be looked at closely.
#[cold]
fn wrong(reply: &Short) -> Frame {
    Frame {
        kind: CALL | REPLY,
        id: 0,
        body: reply.bytes().to_vec(),
        descriptors: Vec::new(),
        lost: false,
    }
}

/// The argument of a piece, by the addresses of all.
#[inline]
fn argument(addresses: &[u64], piece: &Piece) -> *const u8 {
    let address = addresses.get(usize::from(piece.index)).copied();
    std::ptr::with_exposed_provenance(address.unwrap_or_default() as usize)
}

/// A part of a value.
///
/// # Safety
/// `from` leads to the value, of which `piece` is a part.
#[inline]
pub(crate) unsafe fn load(from: *const u8, piece: &Piece) -> u64 {
    // SAFETY: the caller's promise; a value need not be aligned.
    unsafe {
        let from = from.add(usize::from(piece.offset));
        match piece.size {
            8 => from.cast::<u64>().read_unaligned(),
            4 => from.cast::<u32>().read_unaligned().into(),
            2 => from.cast::<u16>().read_unaligned().into(),
            _ => from.read().into(),
        }
    }
}

/// Puts a part of a value in its place.
///
/// # Safety
/// `to` leads to room for the value, of which `piece` is a part.
#[inline]
pub(crate) unsafe fn store(to: *mut u8, piece: &Piece, value: u64) {
    // SAFETY: the caller's promise.
    unsafe {
        let to = to.add(usize::from(piece.offset));
        match piece.size {
            8 => to.cast::<u64>().write_unaligned(value),
            4 => to.cast::<u32>().write_unaligned(value as u32),
            2 => to.cast::<u16>().write_unaligned(value as u16),
            _ => to.write(value as u8),
        }
    }
}
