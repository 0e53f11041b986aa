//! The short way of a call, for functions that take numbers and pointers to plain bytes: texts, small
//! structs, buffers, memory that both ends see.
//!
//! As the [shortest way](crate::quick), it goes as far as everything is as usual, and leaves what is not
//! to [`call`](crate::call), where it was noticed. What it spares is everything that keeps track of a
//! call: what is known of one is [`Sent`], and is forgotten when the reply has been copied back.

use crate::call::{Clock, time_limit};
use crate::channel::{self, Channel};
use crate::gate::Gate;
use crate::library::Target;
use crate::memory::CallMemory;
use crate::quick::{First, Underway, Way, patiently};
use crate::resolved::Resolved;
use crate::turn::Begun;
use callframe::marshal::{Caller, Compact, Outcome, Sent};
use cosmos_rpc::message::REPLY;
use cosmos_rpc::message::vm::{COMPACT_CALL, COMPACT_CALL_SINCE};
use cosmos_rpc::ring::Short;
use cosmos_rpc::{Blame, FaultCode, Frame};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// How calls of a function go this way.
#[derive(Debug)]
pub(crate) struct Plain {
    compact: Compact,
    gate: Arc<Gate>,
    runable: u64,
    /// The VM takes none of them.
    refused: AtomicBool,
}

/// A call that was begun.
struct Asked {
    library: Arc<Target>,
    channel: Box<Channel>,
    begun: Begun,
    sent: Sent,
}

impl Asked {
    #[cold]
    fn underway(self, first: First, clock: Option<Clock>) -> Box<Underway> {
        Box::new(Underway {
            library: Some(self.library),
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
            },
        }
    }
}

impl Plain {
    /// For a function of a library, in a VM of this minor version; `None` where its calls do not go
    /// this way.
    pub(crate) fn of(caller: &Caller, gate: &Arc<Gate>, runable: u64, minor: u16) -> Option<Plain> {
        let compact = caller.compact().filter(|_| minor >= COMPACT_CALL_SINCE)?;
        Some(Plain {
            compact,
            gate: Arc::clone(gate),
            runable,
            refused: AtomicBool::new(false),
        })
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
        if !self.gate.is_open() || self.refused.load(Ordering::Relaxed) {
            return Way::No;
        }
        // Before the call begins: a close lets it finish.
        let Some(library) = function.library() else {
            return Way::No;
        };
        let Some(mut channel) = channel::take_ready(self.gate.key) else {
            return Way::No;
        };
        // SAFETY: the caller's promise.
        let memory = unsafe { CallMemory::new(library.shelf(), library.link().number()) };
        let mut memory = memory.passing(function, &library);
        let Some(sent) = self.encode(&mut memory, &mut channel, arguments, errno) else {
            self.put_back(&library, channel);
            return Way::No;
        };
        let begun = channel.seat.begin(self.gate.object);
        let asked = Asked {
            library: Arc::clone(&library),
            channel,
            begun,
            sent,
        };
        match self.finish(function, asked, &mut memory, result) {
            Ok((asked, errno)) => {
                let Asked { channel, begun, .. } = asked;
                channel.seat.end(begun);
                self.put_back(&library, channel);
                errno.map_or(Way::No, Way::Done)
            }
            Err(underway) => Way::Begun(underway),
        }
    }

    /// Sends the request and takes the reply; gives the errno that the function left, or `None` where the
    /// call does not go this way, and was not made.
    #[inline]
    fn finish(
        &self,
        function: &Resolved,
        mut asked: Asked,
        memory: &mut CallMemory<'_>,
        result: u64,
    ) -> Result<(Asked, Option<i32>), Box<Underway>> {
        let channel = &mut *asked.channel;
        let sent = channel
            .connection
            .request_shared(COMPACT_CALL, &channel.request);
        let id = match sent {
            Ok(Some(id)) => id,
            Ok(None) => return Ok((asked, None)),
            Err(fault) => return Err(asked.underway(First::Failed(fault), None)),
        };
        let mut clock = None;
        let reply = match self.await_reply(function, &asked.library, channel, id, &mut clock) {
            Ok(Some(reply)) => reply,
            Ok(None) => {
                self.refused.store(true, Ordering::Relaxed);
                return Ok((asked, None));
            }
            Err(first) => return Err(asked.underway(first, clock)),
        };
        memory.swap_staging(&mut channel.staging);
        let outcome = self.receive(memory, &asked.sent, reply.bytes(), result);
        memory.swap_staging(&mut channel.staging);
        let Ok(Outcome { errno, .. }) = outcome else {
            // It is looked at once more, and said what is wrong with it.
            let first = First::Came(id, reply.into_frame(id));
            return Err(asked.underway(first, clock));
        };
        if let Reply::Frame(frame) = reply {
            channel.connection.recycle(frame.body);
        }
        Ok((asked, Some(errno)))
    }

    /// Writes the request; `None` where the call does not go this way.
    fn encode(
        &self,
        memory: &mut CallMemory<'_>,
        channel: &mut Channel,
        arguments: &[u64],
        errno: i32,
    ) -> Option<Sent> {
        if !channel.connection.takes_short() {
            return None;
        }
        channel.request.clear();
        channel
            .request
            .extend_from_slice(&self.runable.to_le_bytes());
        memory.swap_staging(&mut channel.staging);
        let encoded = self
            .compact
            .encode(memory, arguments, errno, &mut channel.request);
        memory.swap_staging(&mut channel.staging);
        // What the VM does not have yet is sent the general way.
        encoded.filter(|_| channel.staging.is_announced())
    }

    /// The reply to request `id`; `None` where the VM takes no such requests.
    fn await_reply(
        &self,
        function: &Resolved,
        library: &Target,
        channel: &mut Channel,
        id: u64,
        clock: &mut Option<Clock>,
    ) -> Result<Option<Reply>, First> {
        if !channel.connection.short_arrives() {
            patiently(function, Some(library), channel, clock);
        }
        if let Some(short) = channel.connection.read_reply(COMPACT_CALL, id) {
            return Ok(Some(Reply::Short(short)));
        }
        let clock = clock.get_or_insert_with(|| Clock::new(time_limit(function, library)));
        let answer = clock.run(&mut channel.connection, |connection| connection.answer(id));
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
    fn put_back(&self, library: &Target, mut channel: Box<Channel>) {
        channel.staging.rewind();
        match channel.staging.owes() {
            false => channel::put_ready(self.gate.key, channel),
            true => channel::park(library.link(), channel),
        }
    }
}
