//! An end of a ring, as the crates above use it.

use super::handover::Look;
use super::layout::{Head, INLINE, LINES, Line, Side};
use super::machine::{Machine, Native};
use super::mapping::Begin;
use super::placement::OwnThread;
use super::segment::Segment;
use super::short::{Form, Short, WORDS};
use super::waiter::Waiter;
use super::waiting::{Broken, Settings, nanoseconds};
use crate::ahead::Ahead;
use crate::{Fault, FaultCode};
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Bytes of the code by which a thread sleeps; it decides nothing but what is asked for.
const ASLEEP: usize = 3200;

/// What came: kind and id as [`message`](crate::message) numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// What it is.
    pub kind: u16,
    /// What it is about.
    pub id: u64,
}

/// How far the wait for a message has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// It has not begun.
    Fresh,
    /// It was in vain while awake.
    Waited,
    /// The message is there, to be read.
    Arrived,
}

/// Who may post.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    Ours,
    Theirs,
    /// The ring is broken.
    Nobodys,
}

/// Who is at the other end, asked after every nap.
pub trait Peer {
    /// Whether it is gone: its process has ended, or its end of the socket is closed.
    fn is_gone(&mut self) -> bool;
}

/// An end of a ring. Whoever has the turn may [`post`](End::post), the other one may
/// [`take`](End::take); the client has it first. An end belongs to the thread that uses it, for the
/// VM's end changes where its thread sleeps.
///
/// What every message needs lies at the begin, in a line of the processor's.
#[derive(Debug)]
#[repr(C, align(64))]
pub struct End {
    machine: Native,
    turn: Turn,
    /// How far the wait for the next message has come.
    stage: Stage,
    waiter: Waiter<OwnThread>,
    area: usize,
    broken: Option<Fault>,
}

impl End {
    /// The client's end of a segment that it made.
    pub fn client(segment: Segment, settings: &Settings) -> End {
        End::new(segment, Side::Client, settings)
    }

    /// The VM's end of a segment that it received.
    pub fn vm(segment: Segment, settings: &Settings) -> End {
        End::new(segment, Side::Vm, settings)
    }

    fn new(segment: Segment, side: Side, settings: &Settings) -> End {
        let (mapping, area) = segment.into_mapping();
        let machine = Native {
            mapping,
            ahead: Ahead::default(),
        };
        let mut waiter = Waiter::new(side, 0, settings, OwnThread);
        // The other end may wait for this one before this one ever waits.
        waiter.ring.stands_on(machine.cpu());
        waiter.ring.state_cpu(&machine);
        End {
            machine,
            waiter,
            area,
            turn: match side {
                Side::Client => Turn::Ours,
                Side::Vm => Turn::Theirs,
            },
            stage: Stage::Fresh,
            broken: None,
        }
    }

    /// Asks for this, and for what the end itself needs, at the turn of a sleep: where it is now, and as long as
    /// it stays there.
    pub fn needs(&mut self, mut ahead: Ahead) {
        ahead.add(self);
        let lines = std::ptr::from_ref(self.machine.mapping.word(Side::Client.line().word()));
        ahead.add_range(lines.addr(), 2 * LINES);
        // That of the wait before it is in each crate that waits, so it has no one place.
        let asleep = Waiter::<OwnThread>::asleep::<Native> as *const ();
        ahead.add_range(asleep.addr(), ASLEEP);
        self.machine.ahead = ahead;
    }

    /// Whether a body of this length goes through this ring.
    pub fn fits(&self, length: usize) -> bool {
        length <= self.area
    }

    /// Hands a message over; its body is the parts one after the other.
    ///
    /// # Errors
    /// `TooLarge` where it does not fit, and nothing was handed over; `Forked` in a child of the
    /// process that made this end; what broke the ring before; `Protocol` without the turn.
    pub fn post(&mut self, kind: u16, id: u64, body: &[&[u8]]) -> Result<(), Fault> {
        self.usable(Turn::Ours)?;
        let length = body
            .iter()
            .map(|part| part.len())
            .fold(0, usize::saturating_add);
        let (true, Ok(number)) = (self.fits(length), u32::try_from(length)) else {
            return Err(Fault::caller(
                FaultCode::TooLarge,
                format!(
                    "{length} bytes do not fit into a ring of {} bytes",
                    self.area
                ),
            ));
        };
        let side = self.waiter.ring.side();
        let line = side.line();
        let mapping = &self.machine.mapping;
        let at = if length <= INLINE {
            line.inline()
        } else {
            side.bodies(self.area)
        };
        mapping.copy_in(at, body);
        let kind = u32::from(kind);
        let length = number;
        write_head(mapping.begin(), line, Head { kind, length }, id);
        self.hand_over();
        Ok(())
    }

    /// Hands over the message that is in its place.
    #[inline(always)]
    fn hand_over(&mut self) {
        self.turn = Turn::Theirs;
        self.waiter.publish(&self.machine);
    }

    /// As [`post`](End::post), of a body that fits into the line.
    ///
    /// # Errors
    /// As [`post`](End::post).
    #[inline(always)]
    pub fn post_short(&mut self, kind: u16, id: u64, body: &Short) -> Result<(), Fault> {
        if !self.is_usable(Turn::Ours) {
            return self.usable(Turn::Ours);
        }
        let kind = u32::from(kind);
        let length = body.length() as u32;
        self.write_line(Head { kind, length }, id, body.words());
        Ok(())
    }

    /// As [`post_short`](End::post_short), of a body in words; whether it was handed over, for
    /// [`post_short`](End::post_short) to say why it was not.
    #[inline(always)]
    pub fn posts(&mut self, form: Form, id: u64, words: &[u64; WORDS]) -> bool {
        let usable = self.is_usable(Turn::Ours);
        if usable {
            self.write_line(form.head(), id, words);
        }
        usable
    }

    #[inline(always)]
    fn write_line(&mut self, head: Head, id: u64, words: &[u64; WORDS]) {
        let line = self.waiter.ring.side().line();
        let memory = self.machine.mapping.begin();
        let places = line.words();
        for index in 0..places.len() {
            memory
                .long(places[index])
                .store(words[index], Ordering::Relaxed);
        }
        write_head(memory, line, head, id);
        self.hand_over();
    }

    /// Waits for a message; its body is what `body` holds afterwards.
    ///
    /// `timeout` counts the time asleep: what passes before, spinning, is bounded by
    /// [`Settings::spin`], or by a fifth of a millisecond where the VM's thread changes its CPU.
    ///
    /// # Errors
    /// `TimedOut`; `Disconnected` when the peer is gone; `Protocol` for what no honest peer writes,
    /// or with the turn; `Forked` in a child of the process that made this end. The ring cannot be
    /// used any more after any of them.
    pub fn take(
        &mut self,
        timeout: Option<Duration>,
        peer: &mut impl Peer,
        body: &mut Vec<u8>,
    ) -> Result<Message, Fault> {
        self.arrival(timeout, peer)?;
        self.read(body)
    }

    /// As [`take`](End::take), where a body that fits into the line is given back, and `body` is left
    /// as it is.
    ///
    /// # Errors
    /// As [`take`](End::take).
    pub fn take_short(
        &mut self,
        timeout: Option<Duration>,
        peer: &mut impl Peer,
        body: &mut Vec<u8>,
    ) -> Result<(Message, Option<Short>), Fault> {
        self.arrival(timeout, peer)?;
        match self.read_short() {
            Some((message, short)) => Ok((message, Some(short))),
            // Read once more, for what it is then.
            None => Ok((self.read(body)?, None)),
        }
    }

    /// Waits for a message without sleeping, as long as that is worth it. Whether one is there, for
    /// [`read_short`](End::read_short); where not, any `take` goes on from here.
    #[inline(always)]
    pub fn arrives(&mut self) -> bool {
        if self.stage == Stage::Fresh && self.is_usable(Turn::Theirs) {
            self.stage = match self.waiter.awake(&self.machine) {
                Look::Arrived => Stage::Arrived,
                // Whatever is forged is found once more.
                Look::NotYet(_) | Look::Forged(_) => Stage::Waited,
            };
        }
        self.stage == Stage::Arrived
    }

    /// Takes the message that has come, where its body fits into the line; where it does not, and
    /// where none has come, any `take` finds it as it was.
    #[inline(always)]
    pub fn read_short(&mut self) -> Option<(Message, Short)> {
        if self.stage != Stage::Arrived {
            return None;
        }
        let (head, id, words) = self.read_line();
        let Head { kind, length } = head;
        let kind = u16::try_from(kind).ok()?;
        let length = usize::try_from(length).ok().filter(|it| *it <= INLINE)?;
        self.accept();
        Some((Message { kind, id }, Short::of(words, length)))
    }

    /// As [`read_short`](End::read_short), where it is a request of this kind: its id and its body. Where it is
    /// not, any `take` finds it as it was.
    #[inline(always)]
    pub fn read_request(&mut self, kind: u16) -> Option<(u64, Short)> {
        if self.stage != Stage::Arrived {
            return None;
        }
        let (head, id, words) = self.read_line();
        let length = usize::try_from(head.length).ok()?;
        if head.kind != u32::from(kind) || length > INLINE || id == 0 {
            return None;
        }
        self.accept();
        Some((id, Short::of(words, length)))
    }

    /// Takes the body of the message that has come, where it is of this form and about this; where it is not,
    /// any `take` finds it as it was.
    #[inline(always)]
    pub fn reads(&mut self, form: Form, id: u64) -> Option<[u64; WORDS]> {
        if self.stage != Stage::Arrived {
            return None;
        }
        let (head, about, words) = self.read_line();
        if head != form.head() || about != id {
            return None;
        }
        self.accept();
        Some(words)
    }

    /// Reads each field of a line once.
    #[inline(always)]
    fn read_line(&self) -> (Head, u64, [u64; WORDS]) {
        let line = self.waiter.ring.other().line();
        let memory = self.machine.mapping.begin();
        let [first, second, third, fourth, fifth] = line.words();
        let word = |place| memory.long(place).load(Ordering::Relaxed);
        // Not by `map`, by which they would go through memory.
        let words = [
            word(first),
            word(second),
            word(third),
            word(fourth),
            word(fifth),
        ];
        (Head::of(word(line.head())), word(line.id()), words)
    }

    /// Takes the message that has come, whatever its length, as [`take`](End::take) does; `None` where none
    /// has.
    ///
    /// # Errors
    /// As [`take`](End::take).
    #[inline]
    pub fn read_arrived(&mut self, body: &mut Vec<u8>) -> Option<Result<Message, Fault>> {
        (self.stage == Stage::Arrived).then(|| self.read(body))
    }

    /// Counts the message that has come.
    #[inline]
    fn accept(&mut self) {
        self.waiter.ring.accept();
        self.stage = Stage::Fresh;
        self.turn = Turn::Ours;
    }

    /// Waits until a message is there, for [`read_short`](End::read_short) or any `take`.
    ///
    /// # Errors
    /// As [`take`](End::take).
    #[inline]
    pub fn arrival(
        &mut self,
        timeout: Option<Duration>,
        peer: &mut impl Peer,
    ) -> Result<(), Fault> {
        if !self.is_usable(Turn::Theirs) {
            self.usable(Turn::Theirs)?;
        }
        if !self.arrives() {
            self.sleep(timeout, peer)?;
            self.stage = Stage::Arrived;
        }
        Ok(())
    }

    #[inline]
    fn sleep(&mut self, timeout: Option<Duration>, peer: &mut impl Peer) -> Result<(), Fault> {
        let timeout = timeout.map(nanoseconds);
        let mut gone = || peer.is_gone();
        match self.waiter.asleep(&self.machine, timeout, &mut gone) {
            Ok(()) => Ok(()),
            Err(reason) => self.breaks(broken(reason)),
        }
    }

    /// Reads each field once, and checks what it read.
    fn read(&mut self, body: &mut Vec<u8>) -> Result<Message, Fault> {
        let other = self.waiter.ring.other();
        let line = other.line();
        self.accept();
        let mapping = &self.machine.mapping;
        let Head { kind, length } = Head::of(mapping.long(line.head()).load(Ordering::Relaxed));
        let id = mapping.long(line.id()).load(Ordering::Relaxed);
        let (Ok(kind), Ok(length)) = (u16::try_from(kind), usize::try_from(length)) else {
            return self.breaks(forged(&format!("a message of kind {kind:#x}")));
        };
        let at = if length <= INLINE {
            line.inline()
        } else {
            other.bodies(self.area)
        };
        body.clear();
        if !self.fits(length) || !mapping.copy_out(at, length, body) {
            return self.breaks(forged(&format!("a body of {length} bytes")));
        }
        Ok(Message { kind, id })
    }

    #[inline(always)]
    fn is_usable(&self, turn: Turn) -> bool {
        self.turn == turn && self.machine.mapping.is_ours()
    }

    #[cold]
    fn usable(&self, turn: Turn) -> Result<(), Fault> {
        if !self.machine.mapping.is_ours() {
            return Err(Fault::caller(
                FaultCode::Forked,
                "this process is a fork of the one that shares memory with the VM",
            ));
        }
        if let Some(fault) = &self.broken {
            return Err(fault.clone());
        }
        match (self.turn, turn) {
            (Turn::Ours, Turn::Theirs) => Err(Fault::peer(
                FaultCode::Protocol,
                "the peer sent something instead of an answer, and now both ends would wait",
            )),
            (Turn::Theirs, Turn::Ours) => Err(Fault::host(
                FaultCode::Protocol,
                "it is the peer's turn to send something",
            )),
            _ => Ok(()),
        }
    }

    fn breaks<T>(&mut self, fault: Fault) -> Result<T, Fault> {
        self.turn = Turn::Nobodys;
        Err(self.broken.get_or_insert(fault).clone())
    }
}

/// Writes what a line says of the message whose body is in its place.
#[inline(always)]
fn write_head(memory: Begin<'_>, line: Line, head: Head, id: u64) {
    memory
        .long(line.head())
        .store(head.bits(), Ordering::Relaxed);
    memory.long(line.id()).store(id, Ordering::Relaxed);
}

fn broken(reason: Broken) -> Fault {
    match reason {
        Broken::Late => Fault::peer(FaultCode::TimedOut, "the peer did not answer in time"),
        Broken::Gone => Fault::peer(
            FaultCode::Disconnected,
            "the peer closed the connection instead of answering",
        ),
        Broken::Forged(word) => forged(&format!("the sequence number of {word:#010x}")),
    }
}

fn forged(what: &str) -> Fault {
    Fault::peer(
        FaultCode::Protocol,
        format!("the peer wrote {what} into shared memory, which cannot be"),
    )
}

#[cfg(test)]
mod tests;
