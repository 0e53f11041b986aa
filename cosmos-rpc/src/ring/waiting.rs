//! How an end waits: spin, yield or sleep.
//!
//! Waking a sleeping thread on another core costs some 40 microseconds, spinning beside somebody who
//! wants the processor costs milliseconds, so:
//!
//! | situation | what is done |
//! |---|---|
//! | the peer is on this CPU | no spin, which would keep it from running: two yields, then sleep |
//! | the VM is on its way to another CPU (`placement`), and this is its client | no yield and no sleep for [`WAY`] times [`Settings::spin`], [`LONGEST_WAY`] at most |
//! | the peer slept and was woken | one yield, for it may have been woken on this CPU; it says where it is when it runs |
//! | a yield took [`LONG_YIELD`] | it went to somebody else. Each yield that brought an answer saved [`SAVED`] beside sleeping, and such a loss is paid from that; where it cannot be, there are no more yields for [`YIELD_BAN`], doubling to [`LONGEST_YIELD_BAN`] while it happens again |
//! | always at first otherwise | [`GLANCES`] looks without a clock |
//! | all yields of [`VAIN_WAITS`] waits in a row came back at once, without an answer | the scheduler does not count the two as equals (another weight, another group): no yields for [`SKIPS`] waits, doubling to [`MOST_SKIPS`] while it happens again |
//! | recent waits were shorter than [`Settings::spin`] | spins that long, with the clock read every [`STRIDE`] looks |
//! | they were longer | an end that asks spins all the same once in [`RETRY`] waits, doubling to [`LONGEST_RETRY`] while it is in vain: where many pairs share the CPUs, the other one may be about to get one |
//! | the clock jumps by [`JUMP`] while it spins | this thread was off the CPU: no spinning for [`SKIPS`] waits, doubling to [`MOST_SKIPS`] while it happens again |
//! | a spin was in vain, and the answer came within [`SOON`] of falling asleep | the peer needed this CPU: the same |
//! | nothing came | sleeps in naps, each followed by a look at deadline and peer |
//!
//! "Recent waits" is an average: a hit among the glances lowers it by an eighth, a hit while spinning
//! enters with an eighth, a sleep with a quarter: by the time at which the waker says that it woke,
//! not by when this thread ran again, for how long a wake-up takes says nothing about the peer. The
//! waker's word is bounded by this end's own clock. Sleeps that begin and end beside the peer do not count: there
//! nobody spins, and the clock need not be read.

use super::handover::{COMING, HandOver, Look};
use super::layout::Side;
use super::machine::Machine;
use std::time::Duration;

#[cfg(test)]
mod tests;

/// Settings of an end. The default needs no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long to spin for an answer at most (for a peer that is on its way to another CPU `WAY` times as
    /// long), and how long waits must be on average at most for it to be tried. Zero: never spin.
    pub spin: Duration,
    /// Whether the VM's thread comes to the caller's CPU to sleep; see `placement`.
    pub colocate: bool,
    /// Whether to try now and then whether spinning has become worth it.
    pub retry: bool,
    /// The longest nap of this end, after which it looks whether its peer is still there. Naps begin
    /// with a quarter of it, at most 50 milliseconds, and double.
    pub nap: Duration,
}

impl Settings {
    /// For who waits for an answer: a peer that died is noticed within a fiftieth of a second.
    pub const ASKING: Settings = Settings {
        spin: Duration::from_micros(50),
        colocate: true,
        retry: true,
        nap: Duration::from_millis(20),
    };
    /// For who waits for work: it hardly ever wakes for nothing. Only a hostile client loses a wake-up,
    /// and its own; a private VM sees the end of its client by other means, and one that several use
    /// lets go of what a client had after a nap at most.
    pub const SERVING: Settings = Settings {
        retry: false,
        nap: Duration::from_secs(10),
        ..Settings::ASKING
    };
}

/// The longest that a first nap is.
pub(super) const FIRST_NAP: Duration = Duration::from_millis(50);

/// Looks before the clock is read.
const GLANCES: u32 = 64;
/// Looks from one reading of the clock to the next.
const STRIDE: u32 = 16;
/// A distance of two readings that only being descheduled explains.
const JUMP: u64 = 30_000;
/// An answer that comes so soon after a spin in vain: the peer needed this CPU.
const SOON: u64 = 20_000;
/// For how many waits spinning is left out after either.
const SKIPS: u32 = 16;
const MOST_SKIPS: u32 = 512;
/// Yields to a peer on the same CPU.
const YIELDS: u32 = 2;
/// A yield as long as this went to somebody else.
const LONG_YIELD: u64 = 200_000;
/// What a yield that brings an answer saves, and the most that is counted as saved.
const SAVED: u64 = 1_000;
const MOST_SAVED: u64 = 20_000_000;
/// So many waits in a row whose yields brought nothing: they do not reach the peer.
const VAIN_WAITS: u32 = 4;
/// For how long yielding is left out when a long one was not paid for.
const YIELD_BAN: u64 = 400_000_000;
const LONGEST_YIELD_BAN: u64 = 12_800_000_000;
/// Waits without spinning from one try to the next.
const RETRY: u32 = 4;
const LONGEST_RETRY: u32 = 64;
/// For how many times as long a peer is awaited that is on its way to another CPU, and for how long at most.
const WAY: u64 = 4;
const LONGEST_WAY: u64 = 200_000;
const MOST_STRIDES: u32 = 1_000;
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
    /// Waits until spinning is tried again though they are long, and until the next try; `None`: never.
    retry: Option<u32>,
    next_retry: u32,
    /// Until when there are no yields, and for how long at the next long one.
    no_yield_until: u64,
    next_ban: u64,
    /// Waits in a row whose yields were all in vain, waits that still go without, and how many then.
    vain_waits: u32,
    yield_skips: u32,
    next_yield_skips: u32,
    /// What yields saved so far.
    saved: u64,
    /// When the clock was last read at a yield or after a sleep, and whether a yield since may have been a long one.
    yielded: u64,
    suspect: bool,
    /// Whether the wait under way spun in vain.
    vain: bool,
}

impl Waiting {
    pub fn new(settings: &Settings) -> Waiting {
        Waiting {
            spin: nanoseconds(settings.spin),
            average: 0,
            skips: 0,
            next_skips: SKIPS,
            retry: settings.retry.then_some(RETRY),
            next_retry: RETRY,
            no_yield_until: 0,
            next_ban: YIELD_BAN,
            vain_waits: 0,
            yield_skips: 0,
            next_yield_skips: SKIPS,
            saved: MOST_SAVED / 4,
            yielded: 0,
            suspect: true,
            vain: false,
        }
    }

    /// Waits without sleeping, as long as that is worth it. `woke`: the peer slept until just now.
    ///
    /// A part of whoever waits: from the look that shows the message to what is done with it is
    /// time that the peer waits.
    #[inline(always)]
    pub fn awake(&mut self, machine: &impl Machine, ring: &mut HandOver, woke: bool) -> Look {
        self.vain = false;
        let look = ring.look(machine);
        if !matches!(look, Look::NotYet(_)) {
            return look;
        }
        let cpu = machine.cpu();
        ring.stands_on(cpu);
        let other = machine.cpu_of(ring.other());
        if (woke || other == cpu || other == COMING)
            && let Some(look) = self.near(machine, ring, woke, cpu)
        {
            return look;
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

    /// Where the peer may be on this CPU, or on its way from there; `None`: it is not.
    #[inline(never)]
    fn near(
        &mut self,
        machine: &impl Machine,
        ring: &HandOver,
        woke: bool,
        cpu: u32,
    ) -> Option<Look> {
        let other = || machine.cpu_of(ring.other());
        if ring.side() == Side::Client && other() == COMING && self.spin > 0 {
            let most = self.spin.saturating_mul(WAY).min(LONGEST_WAY);
            return Some(await_coming(machine, ring, most));
        }
        if !woke && other() != cpu {
            return None;
        }
        let yields = if woke { 1 } else { YIELDS };
        let look = self.give_way(machine, ring, yields);
        let is_over = !matches!(look, Look::NotYet(_)) || other() == cpu;
        is_over.then_some(look)
    }

    /// Messages will be dense from now on.
    pub fn expects_more(&mut self) {
        self.average = 0;
    }

    /// The clock as it was when the last message came, where it came by a yield or after a sleep.
    pub fn clock(&self) -> u64 {
        self.yielded
    }

    /// Sleeps from now, `begun`, until a message comes or the wait ends; `gone` says whether the peer
    /// is. Only a wait with a timeout needs to know what the time is.
    #[inline]
    pub fn asleep(
        &mut self,
        machine: &impl Machine,
        ring: &HandOver,
        limits: Limits,
        begun: Option<u64>,
        gone: &mut dyn FnMut() -> bool,
    ) -> Result<(), Broken> {
        let (mut nap, longest) = limits.naps;
        let mut left = limits.timeout.unwrap_or(u64::MAX);
        loop {
            if left == 0 {
                return Err(Broken::Late);
            }
            match ring.sleep(machine, nap.min(left)) {
                Look::Arrived => return Ok(()),
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
            if let (Some(timeout), Some(begun)) = (limits.timeout, begun) {
                left = timeout.saturating_sub(machine.now().saturating_sub(begun));
            }
        }
    }

    /// The peer is on this CPU, which it needs to answer.
    ///
    /// The clock is read once a yield: the end of the last one is near enough to where this one
    /// begins, as long as calls are dense. Where it is not, the next wait reads it before, too.
    fn give_way(&mut self, machine: &impl Machine, ring: &HandOver, yields: u32) -> Look {
        if self.yield_skips > 0 {
            self.yield_skips -= 1;
            return ring.look(machine);
        }
        let mut exact = std::mem::take(&mut self.suspect);
        let mut before = self.yielded;
        if exact || before < self.no_yield_until {
            exact = true;
            before = machine.now();
            self.yielded = before;
        }
        if before < self.no_yield_until {
            return ring.look(machine);
        }
        for _ in 0..yields {
            machine.give_way();
            let look = ring.look(machine);
            let after = machine.now();
            let took = after.saturating_sub(before);
            self.yielded = after;
            if took > LONG_YIELD && exact {
                self.pay(after, took);
                return look;
            }
            // It may have been this thread's own work since the last yield.
            self.suspect |= took > LONG_YIELD;
            if !matches!(look, Look::NotYet(_)) {
                self.saved = (self.saved + SAVED).min(MOST_SAVED);
                self.vain_waits = 0;
                self.next_yield_skips = SKIPS;
                return look;
            }
            (before, exact) = (after, true);
        }
        self.were_vain();
        ring.look(machine)
    }

    #[cold]
    fn were_vain(&mut self) {
        self.vain_waits += 1;
        if self.vain_waits >= VAIN_WAITS {
            self.yield_skips = self.next_yield_skips;
            self.next_yield_skips = (2 * self.next_yield_skips).min(MOST_SKIPS);
        }
    }

    fn pay(&mut self, now: u64, took: u64) {
        if let Some(left) = self.saved.checked_sub(took) {
            self.saved = left;
            return;
        }
        self.saved = 0;
        // Long after the last ban this one is a first again.
        if now.saturating_sub(self.no_yield_until) > 2 * self.next_ban {
            self.next_ban = YIELD_BAN;
        }
        self.no_yield_until = now.saturating_add(self.next_ban);
        self.next_ban = (2 * self.next_ban).min(LONGEST_YIELD_BAN);
    }

    #[inline(never)]
    fn spin(&mut self, machine: &impl Machine, ring: &HandOver) -> Look {
        let unspun = ring.look(machine);
        if self.skips > 0 {
            self.skips -= 1;
            return unspun;
        }
        if self.spin == 0 || (self.average > self.spin && !self.tries_again()) {
            return unspun;
        }
        let begun = machine.now();
        let mut last = begun;
        loop {
            for _ in 0..STRIDE {
                machine.pause();
                let look = ring.look(machine);
                if !matches!(look, Look::NotYet(_)) {
                    // As of the last reading: another one would delay what came.
                    self.count(last.saturating_sub(begun), 8);
                    self.next_skips = (self.next_skips - self.next_skips / 16).max(SKIPS);
                    self.next_retry = RETRY;
                    return look;
                }
            }
            let now = machine.now();
            if now.saturating_sub(last) > JUMP {
                self.leave_out_spinning();
                return ring.look(machine);
            }
            if now.saturating_sub(begun) >= self.spin {
                self.vain = true;
                return ring.look(machine);
            }
            last = now;
        }
    }

    /// Waits are too long to spin. Whether this one is to find out if that is still so.
    fn tries_again(&mut self) -> bool {
        let Some(left) = &mut self.retry else {
            return false;
        };
        *left -= 1;
        let tries = *left == 0;
        if tries {
            *left = self.next_retry;
            self.next_retry = (2 * self.next_retry).min(LONGEST_RETRY);
        }
        tries
    }

    /// After a sleep beside the caller, who woke this thread at that time, if it did: the clock was not read.
    pub fn woke_beside(&mut self, woken: Option<u64>) {
        self.yielded = woken.unwrap_or(self.yielded);
        self.suspect = true;
    }

    /// After a sleep from `begun` to `now`, which the peer ended at that time, if it did.
    pub fn slept(&mut self, begun: u64, woken: Option<u64>, now: u64) {
        self.yielded = now;
        // Where it came before the sleeper slept, nobody woke it.
        let waited = woken.unwrap_or(now).min(now).saturating_sub(begun);
        if self.vain && waited < SOON {
            self.leave_out_spinning();
        }
        self.count(waited, 4);
    }

    fn leave_out_spinning(&mut self) {
        self.skips = self.next_skips;
        self.next_skips = (2 * self.next_skips).min(MOST_SKIPS);
    }

    /// Enters a wait into the average, with a weight of one in `weight`.
    fn count(&mut self, waited: u64, weight: u64) {
        let waited = waited.min(LONGEST_WAIT);
        self.average = self.average - self.average / weight + waited / weight;
    }
}

/// The peer is on its way to another CPU, which may have to be woken itself: this one is not in its
/// way, and asleep this thread might be woken on that very CPU, beside its peer again.
#[cold]
fn await_coming(machine: &impl Machine, ring: &HandOver, most: u64) -> Look {
    let begun = machine.now();
    for _ in 0..MOST_STRIDES {
        for _ in 0..STRIDE {
            machine.pause();
            let look = ring.look(machine);
            if !matches!(look, Look::NotYet(_)) {
                return look;
            }
        }
        if machine.now().saturating_sub(begun) >= most {
            break;
        }
    }
    ring.look(machine)
}

pub(super) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
