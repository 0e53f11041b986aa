//! Publishing a message and noticing one; see "Hand-over" in [`super`].

use super::layout::{SLEEP, Side};
use super::machine::Machine;

/// In place of a CPU: its owner will be on another one than its peer as soon as it runs.
pub(super) const COMING: u32 = u32::MAX - 1;

/// The sequence numbers of one end, in private memory.
#[derive(Debug)]
pub(super) struct HandOver {
    side: Side,
    sent: u32,
    received: u32,
    /// The CPU this thread was last seen on, and what the line says.
    cpu: u32,
    stated: u32,
}

/// What a look at the other side's word shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// The next message is there.
    Arrived,
    /// It is not; the word as it was.
    NotYet(u32),
    /// The word has a number that no hand-over leads to.
    Forged(u32),
}

impl HandOver {
    /// Both words hold `0`, or the sequence number given.
    pub fn new(side: Side, sequence: u32) -> HandOver {
        HandOver {
            side,
            sent: sequence,
            received: sequence,
            cpu: 0,
            stated: 0,
        }
    }

    /// This end.
    #[inline]
    pub fn side(&self) -> Side {
        self.side
    }

    /// The end whose word this one waits on.
    #[inline]
    pub fn other(&self) -> Side {
        self.side.other()
    }

    /// Hands over what was written into this end's line. Whether the other side slept.
    #[inline(always)]
    pub fn publish(&mut self, machine: &impl Machine) -> bool {
        self.sent = next(self.sent);
        self.state_cpu(machine);
        let slept = machine.swap(self.side, self.sent << 1) & SLEEP != 0;
        if slept {
            self.wake(machine);
        }
        slept
    }

    #[cold]
    fn wake(&self, machine: &impl Machine) {
        machine.set_stamp(self.side, machine.now());
        machine.wake(self.side);
    }

    /// Notes where this thread is. The other side is told with the next message, for writing into the
    /// line while it reads would cost both; or at once, by [`state_cpu`](HandOver::state_cpu).
    #[inline]
    pub fn stands_on(&mut self, cpu: u32) {
        self.cpu = cpu;
    }

    /// Tells the other side where this thread is.
    #[inline]
    pub fn state_cpu(&mut self, machine: &impl Machine) {
        if self.stated != self.cpu {
            self.stated = self.cpu;
            machine.set_cpu(self.side, self.cpu);
        }
    }

    /// Whether the next message has come.
    #[inline]
    pub fn look(&self, machine: &impl Machine) -> Look {
        let word = machine.load(self.other());
        match word >> 1 {
            sequence if sequence == next(self.received) => Look::Arrived,
            sequence if sequence == self.received => Look::NotYet(word),
            _ => Look::Forged(word),
        }
    }

    /// Sleeps until the next message, `nanoseconds` at most; it may end sooner for any reason.
    #[inline]
    pub fn sleep(&self, machine: &impl Machine, nanoseconds: u64) -> Look {
        let Look::NotYet(word) = self.look(machine) else {
            return self.look(machine);
        };
        let announced = word | SLEEP;
        if word != announced && !machine.exchange(self.other(), word, announced) {
            // Something else is there now: the message, or what a hostile peer wrote.
            return self.look(machine);
        }
        machine.sleep(self.other(), announced, nanoseconds);
        self.look(machine)
    }

    /// The number of the last message that came.
    #[inline]
    pub fn received(&self) -> u32 {
        self.received
    }

    /// Counts the message that [`Look::Arrived`] showed.
    #[inline]
    pub fn accept(&mut self) {
        self.received = next(self.received);
    }
}

/// The number after this one, of 31 bits.
fn next(sequence: u32) -> u32 {
    sequence.wrapping_add(1) & (u32::MAX >> 1)
}
