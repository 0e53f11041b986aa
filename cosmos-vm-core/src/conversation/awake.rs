//! Requests that fit into a line, and longer ones of plain bytes, which are answered without a frame being
//! made of them.

use super::Channel;

use crate::drain::{self, Gate};
use crate::session::Entry;
use crate::verb::{self, Scratch};
use crate::{Vm, count};
use cosmos_rpc::ahead::Ahead;
use cosmos_rpc::message::REPLY;
use cosmos_rpc::message::vm::{CALL, COMPACT_CALL};
use cosmos_rpc::ring::{Message, Short};
use cosmos_rpc::{Fault, Frame};
use std::cell::Cell;

/// Bytes of code by which most calls are answered, and of that by which their thread sleeps.
const ANSWERING: usize = 3328;
const BETWEEN: usize = 1664;

/// What comes after calls that were answered while the thread was awake.
pub(super) enum Awake {
    /// Nothing, without sleeping, or what is no short request.
    Nothing,
    /// A request that is not answered that way.
    Short(Message, Short),
    /// The same of a longer one.
    Frame(Frame),
    /// A request that is refused.
    Refuses(u64, Fault),
    /// The end of the connection.
    Failed(Fault),
    /// The end of all conversations.
    Drains,
}

impl<V: Vm> Channel<V> {
    /// Answers calls of a few numbers, and of plain bytes, as long as they come before this thread sleeps;
    /// says what comes then.
    ///
    /// A call is in one function from the line it comes in to the line that it is answered in, so that
    /// its numbers stay in registers. A panic is therefore caught around all of them, and is the answer
    /// to the one that was under way.
    pub(super) fn answer_while_awake(&self, gate: &Gate, scratch: &mut Scratch) -> Awake {
        let under_way = Cell::new(0);
        let answer = || Ok(self.run_numbers(|| self.answer_calls(gate, scratch, &under_way)));
        match self.guarded(answer) {
            Ok(awake) => awake,
            Err(fault) => {
                let id = under_way.get();
                self.counter
                    .end(self.counter.begin(), (CALL, id), Some(fault.code));
                Awake::Refuses(id, fault)
            }
        }
    }

    #[inline(never)]
    fn answer_calls(&self, gate: &Gate, scratch: &mut Scratch, under_way: &Cell<u64>) -> Awake {
        loop {
            let next = self.connection.borrow_mut().hears(CALL);
            let Some((id, body)) = next else {
                match self.answer_others(gate, scratch, under_way) {
                    Some(awake) => return awake,
                    None => continue,
                }
            };
            let (kind, message) = (CALL, Message { kind: CALL, id });
            if !gate.enter() {
                return Awake::Drains;
            }
            if self.has_ended() {
                return Awake::Short(message, body);
            }
            under_way.set(id);
            let begun = self.counter.begin();
            let call = |entry: &Entry<V>| verb::quick(self, entry, body);
            let [number, ..] = *body.words();
            match self.recent.with(&self.session, number, call) {
                Some(Some(Ok(reply))) => {
                    self.counter.end(begun, (kind, id), None);
                    let mut connection = self.connection.borrow_mut();
                    if let Err(fault) = connection.send_short(kind | REPLY, id, &reply) {
                        return Awake::Failed(fault);
                    }
                }
                Some(Some(Err(fault))) => {
                    self.counter.end(begun, (kind, id), Some(fault.code));
                    return Awake::Refuses(id, *fault);
                }
                Some(None) | None => return Awake::Short(message, body),
            }
            gate.leave();
        }
    }

    /// Where no call of a few numbers has come: answers one of plain bytes, or sleeps until there is a message, or
    /// says what comes then.
    #[inline(never)]
    fn answer_others(
        &self,
        gate: &Gate,
        scratch: &mut Scratch,
        under_way: &Cell<u64>,
    ) -> Option<Awake> {
        let next = self.connection.borrow_mut().next_short();
        let Some((message, body)) = next else {
            return match self.answer_longer(gate, scratch, under_way) {
                None if self.sleeps_until_more() => None,
                None => Some(Awake::Nothing),
                Some(awake) => awake,
            };
        };
        if !gate.enter() {
            return Some(Awake::Drains);
        }
        let Message { kind, id } = message;
        if kind != COMPACT_CALL || id == 0 || self.has_ended() {
            return Some(Awake::Short(message, body));
        }
        under_way.set(id);
        match self.answer_compact(id, body.bytes(), scratch) {
            Some(Ok(())) => gate.leave(),
            Some(Err(awake)) => return Some(awake),
            None => return Some(Awake::Short(message, body)),
        }
        None
    }

    /// Sleeps until a message comes through shared memory. Whether one has; where not, the general way tells why.
    fn sleeps_until_more(&self) -> bool {
        let mut connection = self.connection.borrow_mut();
        if self.knows_more.take() {
            connection.needs(self.needs());
        }
        connection.takes_short() && connection.await_short()
    }

    /// What a call needs after a pause.
    #[cold]
    fn needs(&self) -> Ahead {
        let mut ahead = Ahead::default();
        ahead.add_range((Self::answer_calls as *const ()).addr(), ANSWERING);
        ahead.add_range((Self::answer_others as *const ()).addr(), BETWEEN);
        ahead.add(self);
        drain::needs(&mut ahead);
        count::needs(&mut ahead);
        self.recent.needs(&self.session, &mut ahead);
        ahead
    }

    /// Answers one request that is short. An error ends the conversation.
    pub(super) fn answer_short(
        &self,
        message: Message,
        body: &Short,
        scratch: &mut Scratch,
    ) -> Result<(), Fault> {
        let Message { kind, id } = message;
        if kind == CALL && id != 0 && !self.has_ended() {
            let [number, ..] = *body.words();
            let begun = self.counter.begin();
            let called = self.recent.with(&self.session, number, |entry| {
                self.guarded(|| Ok(self.run_numbers(|| verb::quick(self, entry, *body))))
            });
            match called {
                Some(Ok(Some(Ok(reply)))) => {
                    self.counter.end(begun, (kind, id), None);
                    let mut connection = self.connection.borrow_mut();
                    return connection.send_short(kind | REPLY, id, &reply);
                }
                Some(Ok(Some(Err(fault)))) => {
                    self.counter.end(begun, (kind, id), Some(fault.code));
                    return self.refuse(id, &fault);
                }
                Some(Err(fault)) => {
                    self.counter.end(begun, (kind, id), Some(fault.code));
                    return self.refuse(id, &fault);
                }
                Some(Ok(None)) | None => {}
            }
        }
        let frame = self.connection.borrow_mut().unpacked(message, body);
        self.answer(frame, scratch)
    }

    /// Answers a call of plain bytes that does not fit into a line, where one has come, or says what comes
    /// then; `None` where none has.
    #[inline(never)]
    fn answer_longer(
        &self,
        gate: &Gate,
        scratch: &mut Scratch,
        under_way: &Cell<u64>,
    ) -> Option<Option<Awake>> {
        let (id, body) = self.connection.borrow_mut().next_longer(COMPACT_CALL)?;
        if !gate.enter() {
            return Some(Some(Awake::Drains));
        }
        let answered = match self.has_ended() {
            true => None,
            false => {
                under_way.set(id);
                self.answer_compact(id, &body, scratch)
            }
        };
        Some(match answered {
            Some(Ok(())) => {
                self.connection.borrow_mut().recycle(body);
                gate.leave();
                None
            }
            Some(Err(awake)) => Some(awake),
            None => Some(Awake::Frame(Frame {
                kind: COMPACT_CALL,
                id,
                body,
                descriptors: Vec::new(),
                lost: false,
            })),
        })
    }

    /// Answers a call of plain bytes, or says what comes then; `None` where its function is not one that
    /// was called just before, and nothing was done.
    #[inline(never)]
    fn answer_compact(
        &self,
        id: u64,
        body: &[u8],
        scratch: &mut Scratch,
    ) -> Option<Result<(), Awake>> {
        let (number, request) = body.split_first_chunk()?;
        let number = u64::from_le_bytes(*number);
        let begun = self.counter.begin();
        let call = |entry: &Entry<V>| verb::compact(self, entry, request, scratch);
        let called = self.recent.with(&self.session, number, call)?;
        let failure = called.as_ref().err().map(|fault| fault.code);
        self.counter.end(begun, (COMPACT_CALL, id), failure);
        if let Err(fault) = called {
            return Some(Err(Awake::Refuses(id, fault)));
        }
        let mut connection = self.connection.borrow_mut();
        let reply = scratch.reply();
        let short = Short::filled(reply.len(), |body| {
            body.copy_from_slice(reply);
            Some(())
        });
        let sent = match short {
            Some(short) => connection.send_short(COMPACT_CALL | REPLY, id, &short),
            None => connection.send_raw(COMPACT_CALL | REPLY, id, &[reply], &[]),
        };
        Some(sent.map_err(Awake::Failed))
    }
}
