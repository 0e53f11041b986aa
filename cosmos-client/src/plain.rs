//! The short way of a call, for functions that take numbers and pointers to plain bytes: texts, small
//! structs, buffers, memory that both ends see.
//!
//! As the [shortest way](crate::quick), it goes as far as everything is as usual, and leaves what is not
//! to [`call`](crate::call), where it was noticed. What it spares is everything that keeps track of a
//! call: what is known of one is [`Sent`], and is forgotten when the reply has been copied back.
//!
//! Arguments are a word each from the registers that the program passed them in to the line of the ring,
//! where they fit into one.

use crate::call::{Clock, time_limit};
use crate::channel::{self, Channel};
use crate::gate::Gate;
use crate::memory::CallMemory;
use crate::memory::plain::Program;
use crate::memory::program::may_lead_somewhere;
use crate::quick::{First, Underway, Way, patiently};
use crate::resolved::Resolved;
use crate::turn::Begun;
use crate::uncancelled::uncancelled;
use callframe::Template;
use callframe::marshal::{
    COMPACT_PARAMETERS as MOST_PARAMETERS, Caller, CallerBytes as _, Compact, Outcome, Sent,
};
use callframe_native::Scalars;
use cosmos_rpc::message::REPLY;
use cosmos_rpc::message::vm::{COMPACT_CALL, COMPACT_CALL_SINCE};
use cosmos_rpc::ring::{INLINE, Short};
use cosmos_rpc::{Blame, Fault, FaultCode, Frame};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Bytes of a request before what marshalling writes: the function's number.
const RUNABLE: usize = size_of::<u64>();

/// How calls of a function go this way.
#[derive(Debug)]
pub(crate) struct Plain {
    compact: Compact,
    /// In which registers the arguments and the result are, where a C pointer to it needs no libffi.
    scalars: Option<Scalars>,
    gate: Arc<Gate>,
    runable: u64,
    /// The VM takes none of them.
    refused: AtomicBool,
}

/// The word of a result, and the errno that the function left.
type Returned = (u64, i32);

/// A call that was begun.
struct Asked {
    channel: Box<Channel>,
    begun: Begun,
    sent: Sent,
}

impl Asked {
    #[cold]
    fn underway(self, function: &Resolved, first: First, clock: Option<Clock>) -> Box<Underway> {
        Box::new(Underway {
            library: function.library(),
            channel: self.channel,
            begun: self.begun,
            first,
            clock,
            sent: Some(self.sent),
        })
    }
}

/// A reply.
enum Reply {
    Short(Short),
    Frame(Frame),
}

impl Reply {
    fn bytes(&self) -> &[u8] {
        match self {
            Reply::Short(short) => short.bytes(),
            Reply::Frame(frame) => &frame.body,
        }
    }

    fn into_frame(self, id: u64) -> Frame {
        match self {
            Reply::Frame(frame) => frame,
            Reply::Short(short) => Frame {
                kind: COMPACT_CALL | REPLY,
                id,
                body: short.bytes().to_vec(),
                descriptors: Vec::new(),
                lost: false,
            },
        }
    }
}

impl Plain {
    /// For a function of a library, in a VM of this minor version; `None` where its calls do not go
    /// this way.
    pub(crate) fn of(
        caller: &Caller,
        gate: &Arc<Gate>,
        runable: u64,
        native: &Template,
        minor: u16,
    ) -> Option<Plain> {
        let compact = caller.compact().filter(|_| minor >= COMPACT_CALL_SINCE)?;
        Some(Plain {
            compact,
            scalars: Scalars::of(native),
            gate: Arc::clone(gate),
            runable,
            refused: AtomicBool::new(false),
        })
    }

    /// In which registers its arguments and its result travel, where a C pointer to it needs no libffi.
    pub(crate) fn scalars(&self) -> Option<&Scalars> {
        self.scalars.as_ref()
    }

    /// Checks the reply to a call that went this way, and copies it back.
    pub(crate) fn receive(
        &self,
        memory: &mut CallMemory<'_>,
        sent: &Sent,
        reply: &[u8],
        result: u64,
    ) -> Result<Outcome, callframe::marshal::MarshalError> {
        self.compact.decode(memory, sent, reply, result)
    }

    /// Calls the function with arguments whose values are at these addresses, and whose result goes to
    /// its address, if to one.
    ///
    /// # Safety
    /// As [`invoke`](crate::call::invoke).
    pub(crate) unsafe fn call(
        &self,
        function: &Resolved,
        arguments: &[u64],
        errno: i32,
        result: u64,
    ) -> Way {
        // SAFETY: the caller's promise.
        let mut program = unsafe { Program::alone() };
        let words = self.compact.arguments(&program, arguments);
        let has_room = result == 0 || may_lead_somewhere(result);
        let (Some(words), true) = (words, has_room) else {
            return Way::No;
        };
        // SAFETY: the caller's promise.
        let (word, errno) = match unsafe { self.call_words(function, &words, errno) } {
            Ok(returned) => returned,
            Err(way) => return way,
        };
        let bytes = word.to_le_bytes();
        let bytes = bytes.get(..self.compact.result_size()).unwrap_or_default();
        if result != 0 {
            // It cannot fail: there is room.
            let _ = program.write(result, bytes);
        }
        Way::Done(errno)
    }

    /// Calls the function with these arguments, a word for each parameter; gives the word of its result, and
    /// the errno that it left.
    ///
    /// # Safety
    /// As [`invoke`](crate::call::invoke).
    #[inline]
    pub(crate) unsafe fn call_words(
        &self,
        function: &Resolved,
        arguments: &[u64; MOST_PARAMETERS],
        errno: i32,
    ) -> Result<Returned, Way> {
        if self.gate.is_closed() || self.refused.load(Ordering::Relaxed) {
            return Err(Way::No);
        }
        let mut channel = channel::take_ready(self.gate.key).ok_or(Way::No)?;
        // SAFETY: the caller's promise.
        let mut memory = unsafe { Program::of(&channel.arena, &mut channel.staging) };
        let sent = self.compact.prepare(&mut memory, arguments, errno);
        // What the VM does not have yet is sent the general way.
        let Some(sent) = sent.filter(|_| channel.staging.is_announced()) else {
            self.put_back(function, channel);
            return Err(Way::No);
        };
        let begun = channel.seat.begin(self.gate.object);
        let asked = Asked {
            channel,
            begun,
            sent,
        };
        // SAFETY: the caller's promise.
        let (asked, returned) = unsafe { self.finish(function, asked) }.map_err(Way::Begun)?;
        let Asked { channel, begun, .. } = asked;
        if channel.seat.end_unheld(begun) {
            self.put_back_and_leave(function, channel);
        } else {
            self.put_back(function, channel);
        }
        returned.ok_or(Way::No)
    }

    /// Sends the request and takes the reply; gives the result and the errno that the function left, or
    /// `None` where the call does not go this way, and was not made.
    ///
    /// # Safety
    /// As [`invoke`](crate::call::invoke).
    #[inline]
    unsafe fn finish(
        &self,
        function: &Resolved,
        mut asked: Asked,
    ) -> Result<(Asked, Option<Returned>), Box<Underway>> {
        // SAFETY: the caller's promise.
        let posted = unsafe { self.send(&mut asked) };
        let id = match posted {
            Ok(Some(id)) => id,
            Ok(None) => return Ok((asked, None)),
            Err(fault) => return Err(asked.underway(function, First::Failed(fault), None)),
        };
        let mut clock = None;
        let channel = &mut *asked.channel;
        let reply = match self.await_reply(function, channel, id, &mut clock) {
            Ok(Some(reply)) => reply,
            Ok(None) => {
                self.refused.store(true, Ordering::Relaxed);
                return Ok((asked, None));
            }
            Err(first) => return Err(asked.underway(function, first, clock)),
        };
        // SAFETY: the caller's promise.
        let mut memory = unsafe { Program::of(&channel.arena, &mut channel.staging) };
        let returned = self
            .compact
            .receive(&mut memory, &asked.sent, reply.bytes());
        let Ok((errno, word)) = returned else {
            // It is looked at once more, and said what is wrong with it.
            let first = First::Came(id, reply.into_frame(id));
            return Err(asked.underway(function, first, clock));
        };
        if let Reply::Frame(frame) = reply {
            channel.connection.recycle(frame.body);
        }
        Ok((asked, Some((word, errno))))
    }

    /// Writes and sends the request: its number, or `None` where it does not go this way.
    ///
    /// # Safety
    /// As [`invoke`](crate::call::invoke).
    #[inline]
    unsafe fn send(&self, asked: &mut Asked) -> Result<Option<u64>, Fault> {
        let Channel {
            connection,
            request,
            arena,
            staging,
            ..
        } = &mut *asked.channel;
        let sent = &asked.sent;
        // SAFETY: the caller's promise.
        let memory = unsafe { Program::of(arena, staging) };
        let length = RUNABLE + sent.length();
        let write = |body: &mut [u8]| {
            let (number, behind) = body.split_first_chunk_mut::<RUNABLE>()?;
            *number = self.runable.to_le_bytes();
            self.compact.write(&memory, sent, behind)
        };
        if length <= INLINE {
            return match Short::filled(length, write) {
                Some(body) => connection.request_short(COMPACT_CALL, &body).map(Some),
                None => Ok(None),
            };
        }
        request.clear();
        // Where there is no memory the general way says so.
        if request.try_reserve(length).is_err() {
            return Ok(None);
        }
        request.resize(length, 0);
        match write(request) {
            Some(()) => connection.request_shared(COMPACT_CALL, request),
            None => Ok(None),
        }
    }

    /// The reply to request `id`; `None` where the VM takes no such requests.
    fn await_reply(
        &self,
        function: &Resolved,
        channel: &mut Channel,
        id: u64,
        clock: &mut Option<Clock>,
    ) -> Result<Option<Reply>, First> {
        if !channel.connection.short_arrives() {
            let library = function.library();
            patiently(function, library.as_deref(), channel, clock);
        }
        if let Some(short) = channel.connection.read_reply(COMPACT_CALL, id) {
            return Ok(Some(Reply::Short(short)));
        }
        let library = function.library().ok_or(First::Nothing(id))?;
        let clock = clock.get_or_insert_with(|| Clock::new(time_limit(function, &library)));
        let connection = &mut channel.connection;
        let answer = uncancelled(|| clock.run(connection, |connection| connection.answer(id)));
        let frame = answer.map_err(First::Failed)?;
        if frame.kind == COMPACT_CALL | REPLY {
            return Ok(Some(Reply::Frame(frame)));
        }
        let refusal = frame
            .fault()
            .filter(|fault| fault.blame == Blame::Caller && fault.code == FaultCode::Unsupported);
        match refusal {
            Some(_) => Ok(None),
            None => Err(First::Came(id, frame)),
        }
    }

    /// Puts the channel back, which is in step, with nothing staged.
    fn put_back(&self, function: &Resolved, mut channel: Box<Channel>) {
        channel.staging.rewind();
        if !channel.staging.owes() {
            return channel::put_ready(self.gate.key, channel);
        }
        // Where it is closed, and its VM with it, the channel has nothing to give back.
        if let Some(library) = function.library() {
            uncancelled(|| channel::park(library.link(), channel));
        }
    }

    /// As well, and lets go of the library that was left to the call.
    #[cold]
    fn put_back_and_leave(&self, function: &Resolved, channel: Box<Channel>) {
        let left = channel.seat.left();
        self.put_back(function, channel);
        drop(left);
    }
}
