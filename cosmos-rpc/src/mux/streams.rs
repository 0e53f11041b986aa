//! What an end knows of each stream. No I/O: who has threads or sockets asks here what may be sent,
//! and tells what came.
//!
//! ```text
//! sending      open ──▶ ended            ended: this end said End
//! receiving    open ──▶ stopped ──▶ ended   stopped: this end said Stop and drops what comes
//! ```

use super::{Header, Kind, MOST_DATA, MOST_STREAMS, WINDOW, breach};
use crate::Fault;
use std::collections::{BTreeMap, VecDeque};

/// Which end this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Who connects; opens odd streams.
    Near,
    /// Who is connected to; opens even streams.
    Far,
}

/// The streams of one end.
#[derive(Debug)]
pub struct Streams {
    side: Side,
    /// The number of the next that this end opens.
    next: Option<u32>,
    table: BTreeMap<u32, State>,
    /// The near end has not said yet that it opened its first stream, which is here already.
    untold: bool,
}

/// The first stream of the near end.
pub(super) const FIRST: u32 = 1;

#[derive(Debug, Default)]
struct State {
    /// Bytes that may be sent.
    credit: u32,
    /// The other end wants no more.
    unwanted: bool,
    /// This end said End.
    sent_all: bool,
    /// Bytes that came and were not taken.
    unread: VecDeque<u8>,
    /// Bytes that the other end may still send.
    granted: u32,
    /// Bytes that were taken, and not yet granted again.
    owed: u32,
    /// This end said Stop.
    stopped: bool,
    /// The other end said End.
    got_all: bool,
}

/// How much is taken before credit is given for it.
const PORTION: u32 = WINDOW / 4;

impl Streams {
    /// No streams yet.
    pub fn new(side: Side) -> Streams {
        Streams {
            side,
            next: Some(match side {
                Side::Near => FIRST,
                Side::Far => 2,
            }),
            table: BTreeMap::new(),
            untold: false,
        }
    }

    /// A new stream, and what to send for it. `None` when there are as many as there may be, or this end
    /// has had as many as there are numbers.
    pub fn open(&mut self) -> Option<Header> {
        if self.table.len() >= MOST_STREAMS {
            return None;
        }
        let stream = self.next?;
        self.next = stream.checked_add(2);
        self.table.insert(stream, State::new());
        Some(header(stream, Kind::Open, 0))
    }

    /// Has the first stream of the near end from the beginning; what to send for that. The far end may be
    /// told of it later.
    pub fn first(&mut self) -> Option<Header> {
        match self.side {
            Side::Near => self.open(),
            Side::Far => {
                self.table.insert(FIRST, State::new());
                self.untold = true;
                None
            }
        }
    }

    /// Which end this is.
    pub fn side(&self) -> Side {
        self.side
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Whether it is a stream that the other end opened.
    pub fn is_theirs(&self, stream: u32) -> bool {
        self.table.contains_key(&stream) && self.theirs(stream)
    }

    fn theirs(&self, stream: u32) -> bool {
        match self.side {
            Side::Near => stream.is_multiple_of(2),
            Side::Far => !stream.is_multiple_of(2),
        }
    }

    /// Takes a message that came, with its data.
    ///
    /// # Errors
    ///
    /// `Protocol` for what no end may send; the carrier is of no more use then.
    pub fn receive(&mut self, message: Header, data: &[u8]) -> Result<(), Fault> {
        let id = message.stream;
        match message.kind {
            Kind::Alive => return Ok(()),
            Kind::Open => return self.opened(id),
            Kind::Data | Kind::End | Kind::Credit | Kind::Stop => {}
        }
        let Some(state) = self.table.get_mut(&id) else {
            // A direction that ended may have been asked to end, or given credit, just before.
            return match message.kind {
                Kind::Credit | Kind::Stop => Ok(()),
                _ => Err(breach("data of a stream that is not there")),
            };
        };
        match message.kind {
            Kind::Data => state.fill(data),
            Kind::End if state.got_all => Err(breach("the end of a stream twice")),
            Kind::End => {
                state.got_all = true;
                self.tidy(id);
                Ok(())
            }
            Kind::Credit => state.refill(message.amount),
            _ => {
                state.unwanted = true;
                Ok(())
            }
        }
    }

    fn opened(&mut self, id: u32) -> Result<(), Fault> {
        if id == FIRST && std::mem::take(&mut self.untold) {
            return Ok(());
        }
        if !self.theirs(id) || self.table.contains_key(&id) {
            return Err(breach("the opening of a stream that is not its to open"));
        }
        // Some that the other end has forgotten may have bytes here still, and both may have opened some
        // that the other does not know yet.
        if self.table.len() >= MOST_STREAMS * 2 {
            return Err(breach("more streams than there may be"));
        }
        self.table.insert(id, State::new());
        Ok(())
    }

    /// How many bytes may be sent now; `None` where no more are wanted, or it has ended.
    pub fn sendable(&self, stream: u32) -> Option<usize> {
        let state = self.table.get(&stream)?;
        (!state.unwanted && !state.sent_all).then_some(state.credit as usize)
    }

    /// What to send before `length` bytes of data, which [`Streams::sendable`] allowed and one
    /// message carries.
    pub fn send(&mut self, stream: u32, length: usize) -> Option<Header> {
        let state = self.table.get_mut(&stream)?;
        let amount = u32::try_from(length.min(MOST_DATA)).ok()?;
        if state.sent_all || amount == 0 {
            return None;
        }
        state.credit = state.credit.checked_sub(amount)?;
        Some(header(stream, Kind::Data, amount))
    }

    /// What to send to end the sending direction; `None` when it has ended.
    pub fn end(&mut self, stream: u32) -> Option<Header> {
        let state = self.table.get_mut(&stream)?;
        if std::mem::replace(&mut state.sent_all, true) {
            return None;
        }
        self.tidy(stream);
        Some(header(stream, Kind::End, 0))
    }

    /// Wants no more of the receiving direction; what to send for that, where it has not ended.
    pub fn stop(&mut self, stream: u32) -> Option<Header> {
        let state = self.table.get_mut(&stream)?;
        state.unread = VecDeque::new();
        let said = std::mem::replace(&mut state.stopped, true);
        let ended = state.got_all;
        self.tidy(stream);
        (!said && !ended).then(|| header(stream, Kind::Stop, 0))
    }

    /// Takes up to `into.len()` bytes that came, and what to send for that. `Some((0, _))` at the
    /// end; `None` while there are none.
    pub fn take(&mut self, stream: u32, into: &mut [u8]) -> Option<(usize, Option<Header>)> {
        let Some(state) = self.table.get_mut(&stream) else {
            return Some((0, None));
        };
        if state.unread.is_empty() {
            return (state.got_all || state.stopped).then_some((0, None));
        }
        let (front, _) = state.unread.as_slices();
        let length = front.len().min(into.len());
        if let (Some(place), Some(bytes)) = (into.get_mut(..length), front.get(..length)) {
            place.copy_from_slice(bytes);
        }
        state.unread.drain(..length);
        state.owed += u32::try_from(length).unwrap_or(0);
        let mut credit = None;
        if state.owed >= PORTION && !state.got_all {
            state.granted += state.owed;
            credit = Some(header(stream, Kind::Credit, state.owed));
            state.owed = 0;
        }
        self.tidy(stream);
        Some((length, credit))
    }

    /// Forgets a stream that has ended both ways and was read to its end.
    fn tidy(&mut self, stream: u32) {
        let over = |state: &State| {
            state.sent_all && state.got_all && (state.stopped || state.unread.is_empty())
        };
        if self.table.get(&stream).is_some_and(over) {
            self.table.remove(&stream);
        }
    }
}

impl State {
    fn new() -> State {
        State {
            credit: WINDOW,
            granted: WINDOW,
            ..State::default()
        }
    }

    fn fill(&mut self, data: &[u8]) -> Result<(), Fault> {
        if self.got_all {
            return Err(breach("data after the end of its stream"));
        }
        let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
        self.granted = self
            .granted
            .checked_sub(length)
            .ok_or_else(|| breach("more data than it was given credit for"))?;
        if !self.stopped {
            self.unread.extend(data);
        }
        Ok(())
    }

    fn refill(&mut self, amount: u32) -> Result<(), Fault> {
        self.credit = self
            .credit
            .checked_add(amount)
            .filter(|credit| *credit <= WINDOW)
            .ok_or_else(|| breach("credit for more than it was sent"))?;
        Ok(())
    }
}

fn header(stream: u32, kind: Kind, amount: u32) -> Header {
    Header {
        stream,
        amount,
        kind,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Two ends, and what is on its way between them, in order.
    struct Pair {
        ends: [Streams; 2],
        ways: [VecDeque<(Header, Vec<u8>)>; 2],
    }

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Open(usize),
        Send(usize, u32, usize),
        End(usize, u32),
        Stop(usize, u32),
        Take(usize, u32, usize),
        Deliver(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        let stream = 1..7u32;
        let length = prop_oneof![1..100usize, MOST_DATA - 1..MOST_DATA + 1];
        prop_oneof![
            (0..2usize).prop_map(Step::Open),
            (0..2usize, stream.clone(), length.clone()).prop_map(|(e, s, l)| Step::Send(e, s, l)),
            (0..2usize, stream.clone()).prop_map(|(e, s)| Step::End(e, s)),
            (0..2usize, stream.clone()).prop_map(|(e, s)| Step::Stop(e, s)),
            (0..2usize, stream, length).prop_map(|(e, s, l)| Step::Take(e, s, l)),
            (0..2usize).prop_map(Step::Deliver),
            (0..2usize).prop_map(Step::Deliver),
        ]
    }

    impl Pair {
        fn new() -> Pair {
            Pair {
                ends: [Streams::new(Side::Near), Streams::new(Side::Far)],
                ways: Default::default(),
            }
        }

        fn put(&mut self, end: usize, header: Option<Header>, data: Vec<u8>) {
            self.ways[end].extend(header.map(|header| (header, data)));
        }

        fn deliver(&mut self, end: usize) -> Result<(), Fault> {
            match self.ways[1 - end].pop_front() {
                Some((header, data)) => self.ends[end].receive(header, &data),
                None => Ok(()),
            }
        }
    }

    proptest! {
        /// Whatever two ends do that keep to the rules, neither refuses the other; every byte that is
        /// taken is the next one that was sent; no more is held than the window; and when all is over
        /// nothing is left.
        #[test]
        fn ends_that_keep_to_the_rules_understand_each_other(
            steps in proptest::collection::vec(step(), 1..300),
        ) {
            let mut pair = Pair::new();
            let mut sent: BTreeMap<(usize, u32), u8> = BTreeMap::new();
            let mut taken: BTreeMap<(usize, u32), u8> = BTreeMap::new();
            for step in steps {
                match step {
                    Step::Open(end) => {
                        let opened = pair.ends[end].open();
                        pair.put(end, opened, Vec::new());
                    }
                    Step::Send(end, stream, length) => {
                        let allowed = pair.ends[end].sendable(stream).unwrap_or(0);
                        let length = length.min(allowed);
                        if let Some(header) = pair.ends[end].send(stream, length) {
                            let next = sent.entry((end, stream)).or_default();
                            let data = (0..header.data()).map(|_| {
                                *next = next.wrapping_add(1);
                                *next
                            });
                            let data = data.collect();
                            pair.put(end, Some(header), data);
                        }
                    }
                    Step::End(end, stream) => {
                        let ended = pair.ends[end].end(stream);
                        pair.put(end, ended, Vec::new());
                    }
                    Step::Stop(end, stream) => {
                        let stopped = pair.ends[end].stop(stream);
                        pair.put(end, stopped, Vec::new());
                    }
                    Step::Take(end, stream, length) => {
                        let mut into = vec![0; length];
                        if let Some((count, credit)) = pair.ends[end].take(stream, &mut into) {
                            let next = taken.entry((1 - end, stream)).or_default();
                            for byte in &into[..count] {
                                *next = next.wrapping_add(1);
                                prop_assert_eq!(*byte, *next);
                            }
                            pair.put(end, credit, Vec::new());
                        }
                    }
                    Step::Deliver(end) => pair.deliver(end).expect("kept to the rules"),
                }
                for end in &pair.ends {
                    for state in end.table.values() {
                        prop_assert!(state.unread.len() <= WINDOW as usize);
                    }
                }
            }
            // Both wind up: what is open ends, and what is unread is dropped.
            for _ in 0..3 {
                for end in 0..2 {
                    while !pair.ways[1 - end].is_empty() {
                        pair.deliver(end).expect("kept to the rules");
                    }
                    for stream in pair.ends[end].table.keys().copied().collect::<Vec<_>>() {
                        let ended = pair.ends[end].end(stream);
                        pair.put(end, ended, Vec::new());
                        let stopped = pair.ends[end].stop(stream);
                        pair.put(end, stopped, Vec::new());
                    }
                }
            }
            prop_assert!(pair.ends.iter().all(Streams::is_empty));
        }

        /// Whatever comes, it is taken or refused, and what is held stays bounded.
        #[test]
        fn whatever_comes_is_held_within_bounds(
            messages in proptest::collection::vec((0..9u32, 0..7u8, 0..70_000usize), 1..200),
        ) {
            let mut streams = Streams::new(Side::Far);
            for (stream, kind, amount) in messages {
                let mut bytes = [0; super::super::HEADER];
                bytes[0] = stream as u8;
                bytes[4..8].copy_from_slice(&(amount as u32).to_le_bytes());
                bytes[8] = kind;
                let Ok(header) = Header::decode(&bytes) else { continue };
                if streams.receive(header, &vec![0; header.data()]).is_err() {
                    break;
                }
                for state in streams.table.values() {
                    prop_assert!(state.unread.len() <= WINDOW as usize);
                    prop_assert!(state.credit <= WINDOW);
                }
            }
        }
    }

    #[test]
    fn what_is_against_the_rules_is_refused() {
        let message = |stream, kind, amount| header(stream, kind, amount);
        let refused = |messages: &[(Header, usize)]| {
            let mut streams = Streams::new(Side::Far);
            let mut result = Ok(());
            for (message, length) in messages {
                result = streams.receive(*message, &vec![7; *length]);
            }
            result.is_err()
        };
        let open = (message(1, Kind::Open, 0), 0);
        let full = (message(1, Kind::Data, MOST_DATA as u32), MOST_DATA);
        let end = (message(1, Kind::End, 0), 0);
        assert!(!refused(&[open]));
        assert!(refused(&[open, open]), "opened twice");
        assert!(refused(&[(message(2, Kind::Open, 0), 0)]), "ours to open");
        assert!(refused(&[full]), "not open");
        assert!(refused(&[open, end, end]), "ended twice");
        assert!(refused(&[open, end, full]), "data after the end");
        assert!(
            refused(&[open, (message(1, Kind::Credit, 1), 0)]),
            "credit for nothing"
        );
        let mut ready = Streams::new(Side::Far);
        assert_eq!(ready.first(), None);
        assert!(
            ready.receive(full.0, &[7; MOST_DATA]).is_ok(),
            "there before it is told"
        );
        assert!(ready.receive(open.0, &[]).is_ok(), "told once");
        assert!(ready.receive(open.0, &[]).is_err(), "told twice");
        let mut flood = vec![full; WINDOW as usize / MOST_DATA + 1];
        flood.insert(0, open);
        assert!(refused(&flood), "beyond the credit");
        flood.pop();
        assert!(!refused(&flood), "within the credit");
        let opens: Vec<_> = (0..3 * MOST_STREAMS as u32)
            .map(|number| (message(2 * number + 1, Kind::Open, 0), 0))
            .collect();
        assert!(refused(&opens), "too many");
    }
}
