//! How an end waits: spin, yield or sleep.
//!
//! Waking a sleeping thread on another core costs some 40 microseconds, spinning beside somebody who
//! wants the processor costs milliseconds, so:
//!
//! | situation | what is done |
//! |---|---|
//! | the peer is on this CPU | no spin, which would keep it from running: two yields, then sleep. A yield that took [`LONG_YIELD`] went to somebody else: no more of them for [`YIELD_BAN`], doubling to [`LONGEST_YIELD_BAN`] while it happens again |
//! | always at first otherwise | [`GLANCES`] looks without a clock |
//! | recent waits were shorter than [`Settings::spin`] | spins that long, with the clock read every [`STRIDE`] looks |
//! | the clock jumps by [`JUMP`] while it spins | this thread was off the CPU: no spinning for [`SKIPS`] waits, doubling to [`MOST_SKIPS`] while it happens again |
//! | nothing came | sleeps in naps, each followed by a look at deadline and peer |
//!
//! "Recent waits" is an average: a hit among the glances lowers it by an eighth, a hit while spinning
//! enters with an eighth, a sleep with a quarter: by the time at which the waker says that it woke,
//! not by when this thread ran again, for how long a wake-up takes says nothing about the peer. The
//! waker's word is bounded by this end's own clock.

use super::handover::{HandOver, Look};
use super::machine::Machine;
use std::time::Duration;

/// Settings of an end. The default needs no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long to spin for an answer at most, and how long waits must be on average at most for it
    /// to be tried. Zero: never spin.
    pub spin: Duration,
    /// Whether the VM's thread comes to the caller's CPU to sleep; see `placement`.
    pub colocate: bool,
    /// The longest nap of this end, after which it looks whether its peer is still there. Naps begin
    /// at [`FIRST_NAP`] and double.
    pub nap: Duration,
}

impl Settings {
    /// For who waits for an answer: a peer that died is noticed within a tenth of a second.
    pub const ASKING: Settings = Settings {
        spin: Duration::from_micros(50),
        colocate: true,
        nap: Duration::from_millis(100),
    };
    /// For who waits for work: it hardly ever wakes for nothing.
    pub const SERVING: Settings = Settings {
        nap: Duration::from_secs(10),
        ..Settings::ASKING
    };
}

/// The first nap of a wait.
pub const FIRST_NAP: Duration = Duration::from_millis(5);

/// Looks before the clock is read.
const GLANCES: u32 = 64;
/// Looks from one reading of the clock to the next.
const STRIDE: u32 = 16;
/// A distance of two readings that only being descheduled explains.
const JUMP: u64 = 30_000;
/// For how many waits spinning is left out then.
const SKIPS: u32 = 16;
const MOST_SKIPS: u32 = 512;
/// Yields to a peer on the same CPU.
const YIELDS: u32 = 2;
/// A yield as long as this went to somebody else.
const LONG_YIELD: u64 = 200_000;
/// For how long yielding is left out then.
const YIELD_BAN: u64 = 50_000_000;
const LONGEST_YIELD_BAN: u64 = 1_600_000_000;
/// The most that one wait counts in the average.
const LONGEST_WAIT: u64 = 400_000;

/// Bounds of one wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// The deadline in nanoseconds from when the thread goes to sleep.
    pub timeout: Option<u64>,
    /// First and longest nap in nanoseconds.
    pub naps: (u64, u64),
}

/// Why a wait ended without a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// The peer wrote what no hand-over leads to.
    Forged(u32),
    /// The deadline passed.
    Late,
    /// The peer is gone.
    Gone,
}

/// What an end remembers from wait to wait.
#[derive(Debug)]
pub(super) struct Waiting {
    spin: u64,
    /// Average of recent waits.
    average: u64,
    /// Waits that still go without spinning, and how many at the next jump.
    skips: u32,
    next_skips: u32,
    /// Until when there are no yields, and for how long at the next long one.
    no_yield_until: u64,
    next_ban: u64,
}

impl Waiting {
    pub fn new(settings: &Settings) -> Waiting {
        Waiting {
            spin: nanoseconds(settings.spin),
            average: 0,
            skips: 0,
            next_skips: SKIPS,
            no_yield_until: 0,
            next_ban: YIELD_BAN,
        }
    }

    /// Waits without sleeping, as long as that is worth it.
    pub fn awake(&mut self, machine: &impl Machine, ring: &HandOver) -> Look {
        let look = ring.look(machine);
        if !matches!(look, Look::NotYet(_)) {
            return look;
        }
        if machine.cpu_of(ring.other()) == machine.cpu() {
            return self.beside(machine, ring, look);
        }
        for _ in 0..GLANCES {
            machine.pause();
            let look = ring.look(machine);
            if !matches!(look, Look::NotYet(_)) {
                self.average -= self.average / 8;
                return look;
            }
        }
        self.spin(machine, ring)
    }

    /// Sleeps until a message comes or the wait ends; `gone` says whether the peer is.
    pub fn asleep(
        &mut self,
        machine: &impl Machine,
        ring: &HandOver,
        limits: Limits,
        gone: &mut impl FnMut() -> bool,
    ) -> Result<(), Broken> {
        let begun = machine.now();
        let (mut nap, longest) = limits.naps;
        loop {
            let slept = machine.now().saturating_sub(begun);
            let left = limits
                .timeout
                .map_or(u64::MAX, |timeout| timeout.saturating_sub(slept));
            if left == 0 {
                return Err(Broken::Late);
            }
            match ring.sleep(machine, nap.min(left)) {
                Look::Arrived => {
                    self.slept(machine, ring, begun);
                    return Ok(());
                }
                Look::Forged(word) => return Err(Broken::Forged(word)),
                Look::NotYet(_) => {}
            }
            if gone() {
                // It may have answered before it went.
                return match ring.look(machine) {
                    Look::Arrived => Ok(()),
                    Look::Forged(word) => Err(Broken::Forged(word)),
                    Look::NotYet(_) => Err(Broken::Gone),
                };
            }
            nap = nap.saturating_mul(2).min(longest);
        }
    }

    /// The peer is on this CPU: it needs it to answer.
    fn beside(&mut self, machine: &impl Machine, ring: &HandOver, mut look: Look) -> Look {
        let mut before = machine.now();
        if before < self.no_yield_until {
            return look;
        }
        for _ in 0..YIELDS {
            machine.give_way();
            look = ring.look(machine);
            let after = machine.now();
            if after.saturating_sub(before) > LONG_YIELD {
                self.ban_yields(after);
                break;
            }
            if !matches!(look, Look::NotYet(_)) {
                break;
            }
            before = after;
        }
        look
    }

    fn ban_yields(&mut self, now: u64) {
        // Long after the last ban this one is a first again.
        if now.saturating_sub(self.no_yield_until) > 2 * self.next_ban {
            self.next_ban = YIELD_BAN;
        }
        self.no_yield_until = now.saturating_add(self.next_ban);
        self.next_ban = (2 * self.next_ban).min(LONGEST_YIELD_BAN);
    }

    fn spin(&mut self, machine: &impl Machine, ring: &HandOver) -> Look {
        let unspun = ring.look(machine);
        if self.skips > 0 {
            self.skips -= 1;
            return unspun;
        }
        if self.spin == 0 || self.average > self.spin {
            return unspun;
        }
        let begun = machine.now();
        let mut last = begun;
        loop {
            for _ in 0..STRIDE {
                machine.pause();
                let look = ring.look(machine);
                if !matches!(look, Look::NotYet(_)) {
                    self.count(machine.now().saturating_sub(begun), 8);
                    self.next_skips = (self.next_skips - self.next_skips / 16).max(SKIPS);
                    return look;
                }
            }
            let now = machine.now();
            if now.saturating_sub(last) > JUMP {
                self.skips = self.next_skips;
                self.next_skips = (2 * self.next_skips).min(MOST_SKIPS);
                return ring.look(machine);
            }
            if now.saturating_sub(begun) >= self.spin {
                return ring.look(machine);
            }
            last = now;
        }
    }

    fn slept(&mut self, machine: &impl Machine, ring: &HandOver, begun: u64) {
        let now = machine.now();
        let stamp = machine.stamp_of(ring.other());
        // Where it came before the sleeper slept, nobody woke it, and the stamp is an old one.
        let woken = if stamp < begun { now } else { stamp.min(now) };
        self.count(woken.saturating_sub(begun), 4);
    }

    /// Enters a wait into the average, with a weight of one in `weight`.
    fn count(&mut self, waited: u64, weight: u64) {
        let waited = waited.min(LONGEST_WAIT);
        self.average = self.average - self.average / weight + waited / weight;
    }
}

pub(super) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
