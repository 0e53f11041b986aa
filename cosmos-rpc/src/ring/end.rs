//! An end of a ring, as the crates above use it.

use super::handover::{HandOver, Look};
use super::layout::{INLINE, Side};
use super::machine::{Machine, Native};
use super::placement::{OwnThread, Placement};
use super::segment::Segment;
use super::short::Short;
use super::waiting::{Broken, FIRST_NAP, Limits, Settings, Waiting, nanoseconds};
use crate::{Fault, FaultCode};
use std::sync::atomic::Ordering;
use std::time::Duration;

/// What came: kind and id as [`message`](crate::message) numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// What it is.
    pub kind: u16,
    /// What it is about.
    pub id: u64,
}

/// Who is at the other end, asked after every nap.
pub trait Peer {
    /// Whether it is gone: its process has ended, or its end of the socket is closed.
    fn is_gone(&mut self) -> bool;
}

/// An end of a ring. Whoever has the turn may [`post`](End::post), the other one may
/// [`take`](End::take); the client has it first. An end belongs to the thread that uses it, for the
/// VM's end changes where its thread sleeps.
#[derive(Debug)]
pub struct End {
    machine: Native,
    ring: HandOver,
    waiting: Waiting,
    placement: Option<Placement<OwnThread>>,
    naps: (u64, u64),
    area: usize,
    /// Whether this end may post.
    turn: bool,
    /// Whether the peer slept when this end last posted.
    woke: bool,
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
        let colocate = side == Side::Vm && settings.colocate;
        let longest = nanoseconds(settings.nap).max(1);
        let first = (longest / 4).clamp(1, nanoseconds(FIRST_NAP));
        End {
            machine: Native { mapping },
            ring: HandOver::new(side, 0),
            waiting: Waiting::new(settings),
            placement: colocate.then(|| Placement::new(OwnThread)),
            naps: (first, longest),
            area,
            turn: side == Side::Client,
            woke: false,
            broken: None,
        }
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
        self.usable(true)?;
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
        let side = self.ring.side();
        let line = side.line();
        let mapping = &self.machine.mapping;
        let at = if length <= INLINE {
            line.inline
        } else {
            side.bodies(self.area)
        };
        mapping.copy_in(at, body);
        mapping
            .word(line.kind)
            .store(u32::from(kind), Ordering::Relaxed);
        mapping.word(line.length).store(number, Ordering::Relaxed);
        mapping.long(line.id).store(id, Ordering::Relaxed);
        self.turn = false;
        self.woke = self.ring.publish(&self.machine);
        Ok(())
    }

    /// As [`post`](End::post), of a body that fits into the line.
    ///
    /// # Errors
    /// As [`post`](End::post).
    pub fn post_short(&mut self, kind: u16, id: u64, body: &Short) -> Result<(), Fault> {
        self.usable(true)?;
        let line = self.ring.side().line();
        let mapping = &self.machine.mapping;
        for (place, word) in line.words.iter().zip(body.words()) {
            mapping.long(*place).store(word, Ordering::Relaxed);
        }
        let length = body.bytes().len() as u32;
        mapping
            .word(line.kind)
            .store(u32::from(kind), Ordering::Relaxed);
        mapping.word(line.length).store(length, Ordering::Relaxed);
        mapping.long(line.id).store(id, Ordering::Relaxed);
        self.turn = false;
        self.woke = self.ring.publish(&self.machine);
        Ok(())
    }

    /// Waits for a message; its body is what `body` holds afterwards.
    ///
    /// `timeout` counts the time asleep: what passes before, spinning, is bounded by
    /// [`Settings::spin`].
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
        let line = self.ring.other().line();
        let mapping = &self.machine.mapping;
        let kind = mapping.word(line.kind).load(Ordering::Relaxed);
        let length = mapping.word(line.length).load(Ordering::Relaxed);
        let (Ok(kind), Ok(length @ 0..=INLINE)) = (u16::try_from(kind), usize::try_from(length))
        else {
            // Read once more, for what it is then.
            return Ok((self.read(body)?, None));
        };
        let id = mapping.long(line.id).load(Ordering::Relaxed);
        let words = line
            .words
            .map(|place| mapping.long(place).load(Ordering::Relaxed));
        Ok((Message { kind, id }, Some(Short::of(words, length))))
    }

    /// Waits until a message is there.
    fn arrival(&mut self, timeout: Option<Duration>, peer: &mut impl Peer) -> Result<(), Fault> {
        self.usable(false)?;
        self.make_room();
        match self.waiting.awake(&self.machine, &mut self.ring, self.woke) {
            Look::Arrived => {}
            Look::NotYet(_) => self.sleep(timeout, peer)?,
            Look::Forged(word) => return self.breaks(broken(Broken::Forged(word))),
        }
        self.ring.accept();
        self.turn = true;
        Ok(())
    }

    /// Where requests are dense on one CPU, the VM's thread moves off: while the caller, who was just
    /// answered, is at work.
    fn make_room(&mut self) {
        let Some(placement) = &mut self.placement else {
            return;
        };
        let caller = self.machine.cpu_of(self.ring.other());
        if caller == self.machine.cpu() {
            let now = self.machine.now();
            if placement.crowded(now) && placement.move_off(now, caller) {
                self.ring.stands_on(self.machine.cpu());
                self.ring.state_cpu(&self.machine);
            }
        }
    }

    fn sleep(&mut self, timeout: Option<Duration>, peer: &mut impl Peer) -> Result<(), Fault> {
        let limits = Limits {
            timeout: timeout.map(nanoseconds),
            naps: self.naps,
        };
        let other = self.ring.other();
        let begun = self.machine.now();
        if let Some(placement) = &mut self.placement {
            let caller = self.machine.cpu_of(other);
            if placement.settle(begun, caller) {
                self.ring.stands_on(caller);
                self.ring.state_cpu(&self.machine);
            }
        }
        let mut gone = || peer.is_gone();
        let waited = self
            .waiting
            .asleep(&self.machine, &self.ring, limits, begun, &mut gone);
        if let Some(placement) = &mut self.placement {
            let stamp = self.machine.stamp_of(other);
            let woken = (stamp > begun).then_some(stamp);
            placement.rise();
            placement.learn(self.machine.now(), woken);
        }
        self.ring.stands_on(self.machine.cpu());
        self.ring.state_cpu(&self.machine);
        match waited {
            Ok(_) => Ok(()),
            Err(reason) => self.breaks(broken(reason)),
        }
    }

    /// Reads each field once, and checks what it read.
    fn read(&mut self, body: &mut Vec<u8>) -> Result<Message, Fault> {
        let other = self.ring.other();
        let line = other.line();
        let mapping = &self.machine.mapping;
        let kind = mapping.word(line.kind).load(Ordering::Relaxed);
        let length = mapping.word(line.length).load(Ordering::Relaxed);
        let id = mapping.long(line.id).load(Ordering::Relaxed);
        let (Ok(kind), Ok(length)) = (u16::try_from(kind), usize::try_from(length)) else {
            return self.breaks(forged(&format!("a message of kind {kind:#x}")));
        };
        let at = if length <= INLINE {
            line.inline
        } else {
            other.bodies(self.area)
        };
        body.clear();
        if !self.fits(length) || !mapping.copy_out(at, length, body) {
            return self.breaks(forged(&format!("a body of {length} bytes")));
        }
        Ok(Message { kind, id })
    }

    fn usable(&self, turn: bool) -> Result<(), Fault> {
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
            (true, false) => Err(Fault::peer(
                FaultCode::Protocol,
                "the peer sent something instead of an answer, and now both ends would wait",
            )),
            (false, true) => Err(Fault::host(
                FaultCode::Protocol,
                "it is the peer's turn to send something",
            )),
            _ => Ok(()),
        }
    }

    fn breaks<T>(&mut self, fault: Fault) -> Result<T, Fault> {
        Err(self.broken.get_or_insert(fault).clone())
    }
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
mod tests {
    use super::super::layout::{Line, SLEEP};
    use super::*;

    struct Here;

    impl Peer for Here {
        fn is_gone(&mut self) -> bool {
            false
        }
    }

    struct Gone;

    impl Peer for Gone {
        fn is_gone(&mut self) -> bool {
            true
        }
    }

    const SOON: Option<Duration> = Some(Duration::from_millis(3));

    fn pair(area: usize) -> (End, End) {
        let segment = Segment::new(area).unwrap();
        let sent = segment.descriptor().try_clone_to_owned().unwrap();
        let there = Segment::received(sent).unwrap();
        (
            End::client(segment, &Settings::ASKING),
            End::vm(there, &Settings::SERVING),
        )
    }

    /// The VM's end taken apart: what a hostile VM writes.
    fn hostile(vm: &End) -> (&Native, &'static Line) {
        (&vm.machine, Side::Vm.line())
    }

    #[test]
    fn messages_of_every_size_go_there_and_back_nested() {
        let (mut client, mut vm) = pair(8192);
        let mut body = Vec::new();
        for length in [0, 1, 39, 40, 41, 64, 4096, 8192] {
            let bytes: Vec<u8> = (0..length).map(|at| at as u8 ^ 0x5a).collect();
            client
                .post(0x310, 7, &[&bytes[..length / 2], &bytes[length / 2..]])
                .unwrap();
            let call = vm.take(None, &mut Here, &mut body).unwrap();
            assert_eq!((call.kind, call.id, &body), (0x310, 7, &bytes));
            // A callback inside of the call.
            vm.post(0x311, 9, &[b"ask"]).unwrap();
            let callback = client.take(None, &mut Here, &mut body).unwrap();
            assert_eq!((callback.kind, callback.id), (0x311, 9));
            client.post(0x8311, 9, &[]).unwrap();
            vm.take(None, &mut Here, &mut body).unwrap();
            vm.post(0x8310, u64::MAX, &[&bytes]).unwrap();
            let reply = client.take(None, &mut Here, &mut body).unwrap();
            assert_eq!((reply.kind, reply.id, &body), (0x8310, u64::MAX, &bytes));
        }
        let fault = client.post(1, 1, &[&[0; 8193]]).unwrap_err();
        assert_eq!(fault.code, FaultCode::TooLarge);
        client.post(1, 1, &[]).unwrap();
    }

    #[test]
    fn who_has_the_turn_posts_and_the_other_takes() {
        let (mut client, mut vm) = pair(4096);
        let mut body = Vec::new();
        assert!(client.take(SOON, &mut Here, &mut body).is_err());
        assert!(vm.post(1, 1, &[]).is_err());
        client.post(1, 1, &[]).unwrap();
        assert!(client.post(1, 1, &[]).is_err());
    }

    #[test]
    fn silence_ends_with_the_deadline_or_the_peer() {
        let (mut client, mut vm) = pair(4096);
        let mut body = Vec::new();
        client.post(1, 1, &[]).unwrap();
        let late = client.take(SOON, &mut Here, &mut body).unwrap_err();
        assert_eq!(late.code, FaultCode::TimedOut);
        // What broke it stays, even when the answer comes after all.
        vm.take(None, &mut Here, &mut body).unwrap();
        vm.post(2, 1, &[]).unwrap();
        assert_eq!(
            client.take(None, &mut Here, &mut body).unwrap_err().code,
            FaultCode::TimedOut
        );

        let (mut client, _vm) = pair(4096);
        client.post(1, 1, &[]).unwrap();
        let gone = client.take(None, &mut Gone, &mut body).unwrap_err();
        assert_eq!(gone.code, FaultCode::Disconnected);
    }

    #[test]
    fn an_answer_given_before_the_end_is_taken() {
        struct Leaving<'a>(&'a mut End);
        impl Peer for Leaving<'_> {
            fn is_gone(&mut self) -> bool {
                self.0.post(2, 5, &[b"last words"]).unwrap();
                true
            }
        }
        let (mut client, mut vm) = pair(4096);
        let mut body = Vec::new();
        client.post(1, 1, &[]).unwrap();
        vm.take(None, &mut Here, &mut body).unwrap();
        let answer = client.take(None, &mut Leaving(&mut vm), &mut body).unwrap();
        assert_eq!((answer.id, &body[..]), (5, &b"last words"[..]));
    }

    #[test]
    fn forged_words_kinds_and_lengths_are_refused() {
        let mut body = Vec::new();
        let forge: [fn(&Native, &Line); 6] = [
            |machine, line| machine.mapping.word(line.word).store(4, Ordering::Release),
            |machine, line| {
                machine
                    .mapping
                    .word(line.word)
                    .store(u32::MAX, Ordering::Release)
            },
            |machine, line| {
                machine
                    .mapping
                    .word(line.word)
                    .store(1 << 31, Ordering::Release)
            },
            |machine, line| {
                machine
                    .mapping
                    .word(line.kind)
                    .store(1 << 16, Ordering::Relaxed);
                machine.mapping.word(line.word).store(2, Ordering::Release);
            },
            |machine, line| {
                machine
                    .mapping
                    .word(line.length)
                    .store(8193, Ordering::Relaxed);
                machine.mapping.word(line.word).store(2, Ordering::Release);
            },
            |machine, line| {
                machine
                    .mapping
                    .word(line.length)
                    .store(u32::MAX, Ordering::Relaxed);
                machine.mapping.word(line.word).store(2, Ordering::Release);
            },
        ];
        for forge in forge {
            let (mut client, vm) = pair(8192);
            client.post(1, 1, &[]).unwrap();
            let (machine, line) = hostile(&vm);
            forge(machine, line);
            let fault = client.take(SOON, &mut Here, &mut body).unwrap_err();
            assert_eq!(fault.code, FaultCode::Protocol, "{fault}");
        }
    }

    /// A peer that goes on writing while its message is read: each field was read once, so a length is
    /// the one that was checked, and what was read is nobody's but the reader's.
    #[test]
    fn what_changes_while_it_is_read_was_checked_as_it_was_read() {
        const LENGTHS: [u32; 5] = [64, 8193, 8192, u32::MAX, 0];
        let mut taken = 0;
        for round in 0..200u32 {
            let (mut client, vm) = pair(8192);
            client.post(1, 1, &[]).unwrap();
            let stop = std::sync::atomic::AtomicBool::new(false);
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    let (machine, line) = hostile(&vm);
                    let bodies = Side::Vm.bodies(8192);
                    let mut fill = round as u8;
                    while !stop.load(Ordering::Relaxed) {
                        for length in LENGTHS {
                            machine
                                .mapping
                                .word(line.length)
                                .store(length, Ordering::Relaxed);
                            machine.mapping.word(line.word).store(2, Ordering::Release);
                            fill = fill.wrapping_add(1);
                            machine.mapping.copy_in(bodies, &[&[fill; 128]]);
                        }
                    }
                });
                let mut body = Vec::new();
                let came = client.take(None, &mut Here, &mut body);
                let read = body.clone();
                std::thread::yield_now();
                assert_eq!(body, read);
                stop.store(true, Ordering::Relaxed);
                match came {
                    Ok(_) => {
                        assert!(LENGTHS.contains(&(body.len() as u32)) && body.len() <= 8192);
                        taken += 1;
                    }
                    Err(fault) => assert_eq!(fault.code, FaultCode::Protocol, "{fault}"),
                }
            });
        }
        println!("{taken} of 200 were messages");
    }

    #[test]
    fn a_sleeping_flag_that_stays_set_harms_nobody() {
        let (mut client, mut vm) = pair(4096);
        let mut body = Vec::new();
        for _ in 0..100 {
            for side in [Side::Client, Side::Vm] {
                let word = vm.machine.mapping.word(side.line().word);
                word.fetch_or(SLEEP, Ordering::AcqRel);
            }
            client.post(1, 1, &[]).unwrap();
            vm.take(None, &mut Here, &mut body).unwrap();
            vm.post(2, 1, &[]).unwrap();
            client.take(SOON, &mut Here, &mut body).unwrap();
        }
    }

    #[test]
    fn a_child_is_told_before_it_touches_memory_it_does_not_have() {
        let (mut client, _vm) = pair(4096);
        // SAFETY: the child only uses the ring and ends by _exit.
        let child = unsafe { libc::fork() };
        if child == 0 {
            let refused = client.post(1, 1, &[]).map_err(|fault| fault.code);
            drop(client);
            let fine = refused == Err(FaultCode::Forked);
            // SAFETY: ends the child without running anything of the test harness.
            unsafe { libc::_exit(i32::from(!fine)) }
        }
        let mut status = 0;
        // SAFETY: waits for the child made above; `status` is ours.
        assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
        assert_eq!(status, 0);
        client.post(1, 1, &[]).unwrap();
    }
}
