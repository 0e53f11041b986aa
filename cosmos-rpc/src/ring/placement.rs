//! Where the VM's thread sleeps, and where it runs when calls are dense.
//!
//! A thread that is woken on the CPU of its waker runs after some 5 microseconds; on another one that
//! is idle, which has to be woken itself, after some 45. So where the kernel woke it on another CPU,
//! and that was slow, the VM's thread moves, before it goes to sleep, to the CPU that its caller was
//! on. It takes its whole mask again as soon as it wakes, before any foreign code runs: threads that
//! this code makes, and its looks at its own mask, see nothing of it. Both changes of the mask cost a
//! system call, in a cache that went cold meanwhile; where the kernel chooses the caller's CPU
//! by itself, as it does on a machine that was busy of late, none of this happens: nothing is asked of the kernel, and
//! the clock is read after one sleep in [`LOOKS`] alone.
//!
//! On one CPU the two then hand it to each other by yields, which is the best there is while there
//! is one CPU, and twenty times worse than two. So when calls are dense the thread moves off; and
//! where they come in bursts, a pause after each, it sleeps apart from its caller from the start: a
//! burst is worth a slow wake-up.
//!
//! ```text
//!            goes to sleep, the caller's CPU is in the mask
//!            and waking elsewhere was slow on average           woken within SLUGGISH
//!   Free ───────────────────────────────────────────▶ Beside ───────────────────────▶ Free
//!    │ ▲ │                                               │ woken later: somebody else had that CPU
//!    │ │ │   goes to sleep, BURST requests came           └────▶ Free, and no Beside for REST
//!    │ │ │   between each two of the last sleeps             woken within TOO_SLOW on average
//!    │ │ └────────────────────────────────────────────▶ Apart ───────────────────────▶ Free
//!    │ │                                                 │ woken later: the others are wanted; or most callers
//!    │ │                                                 │ had to be woken for their answers
//!    │ │ whole mask again                                └────▶ Free, and no Apart for REST
//!    │ └──────────────────────────┐
//!    │ DENSE requests from this   │
//!    │ CPU, each within CLOSE     │
//!    └─────────────▶ mask without that CPU       not again for HOLD, doubling to LONGEST_HOLD
//!                                                 while it was not worth it (`moves`)
//! ```
//!
//! While it moves off, and while it sleeps apart, the thread states no CPU but [`COMING`]: its caller
//! then neither yields nor sleeps for as long as that takes. Asleep it would be woken by a thread on
//! another CPU, and the kernel often wakes where the waker is: the two would be on one CPU again.
//!
//! Where many pairs share the CPUs, two that run at once get done in one time slice what takes two
//! that share a CPU twenty slices. They meet when one of them moves off, looks out for the other
//! (`waiting`), and nobody else is on either CPU until a slice ends; then the kernel may wake one
//! beside the other again. So each pair has to get there again and again, or some of them hardly get
//! anything done: a move that was worth it may be repeated soon, and where waking takes long even on
//! the caller's own CPU, for there are others, requests need not be as close to count.
//!
//! | rule | why it holds |
//! |---|---|
//! | Only this thread changes an affinity, its own. | [`Affinity`] has no way to name another. |
//! | It never leaves its mask. | A mask to sleep with is one CPU of its mask or all others of it; that for moving is the latter, and not empty. |
//! | Pinning and moving off cannot alternate without end. | A thread moves off at most once per hold, and holds double, to 1.6 seconds at last, but for moves that paid for themselves. Pinning happens only before a sleep. |
//! | A CPU that a hostile peer makes up costs one look. | It is not in the mask. |
//!
//! [`COMING`]: super::handover::COMING

mod moves;

#[cfg(test)]
pub(super) use moves::HOLD;

use moves::{CLOSE, CLOSE_AMONG_OTHERS, DENSE, DENSE_IN_BURSTS, Moves};
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

/// Waking on the caller's CPU takes as long on average: it is wanted by others.
const WANTED: u64 = 20_000;
/// Requests between two sleeps that make a burst: being apart is worth waking more slowly.
const BURST: u32 = 30;
/// Bursts of late that make a habit, and the most that are counted.
const BURSTS: u32 = 2;
const MOST_BURSTS: u32 = 3;
/// Waking apart takes as long on average: the other CPUs are wanted by others.
const TOO_SLOW: u64 = 150_000;
/// For how long a thread that sleeps is thought to have the mask that it took to sleep. Whoever gives it
/// another meanwhile (`taskset`) may have to do it again where calls come more often than that, or
/// where that is the very one.
const BELIEVED: u64 = 100_000_000;
/// Waking elsewhere takes as long on average: it is worth trying whether it is faster on the caller's
/// CPU.
const SLOW: u64 = 7_000;
/// Of so many sleeps one is of the kind that is slower on average, to see whether it still is. What
/// the kernel does changes with how busy the machine was a moment ago.
const PROBE: u32 = 16;
/// Of so many sleeps beside the caller one is looked at though they are short.
const LOOKS: u32 = 8;
/// A wake-up that took as long: the caller's CPU is somebody else's.
const SLUGGISH: u64 = 500_000;
/// For how long the thread then sleeps where it is.
const REST: u64 = 1_000_000_000;

/// Where the thread sleeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bed {
    /// On its caller's CPU.
    Beside,
    /// On any other of its mask.
    Apart,
}

/// Whether the thread was apart from its caller for nothing: what it was asked for took longer than callers spin, so
/// that each of them slept, and had to be woken on a CPU of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Apart {
    InVain,
    NotInVain,
}

/// The CPUs that the calling thread may run on.
pub(super) trait Affinity {
    fn get(&self) -> Option<CpuSet>;
    fn set(&self, mask: &CpuSet) -> bool;
}

/// That of the thread which uses it.
#[derive(Debug)]
pub(super) struct OwnThread;

impl Affinity for OwnThread {
    fn get(&self) -> Option<CpuSet> {
        sched_getaffinity(Pid::from_raw(0)).ok()
    }

    fn set(&self, mask: &CpuSet) -> bool {
        sched_setaffinity(Pid::from_raw(0), mask).is_ok()
    }
}

/// What the VM's thread remembers of its places.
#[derive(Debug)]
pub(super) struct Placement<A> {
    affinity: A,
    /// The thread's own mask as it was last read.
    mask: Option<CpuSet>,
    /// Where the thread sleeps, if it has a mask for that now.
    bed: Option<Bed>,
    asleep_on: CpuSet,
    no_beside_until: u64,
    no_apart_until: u64,
    /// How long waking takes on average: on its whole mask, where being woken on the caller's CPU,
    /// which a narrow mask cannot better, counts as no time; and on a narrow mask.
    whole_latency: u64,
    narrow_latency: Option<u64>,
    /// The same where it sleeps apart from its caller.
    apart_latency: u64,
    /// How long waking takes on average on the caller's CPU, whatever the mask.
    beside_latency: u64,
    /// Sleeps since the last that was of the kind that is slower.
    sleeps: u32,
    /// Sleeps beside the caller since the last that was looked at.
    unseen: u32,
    /// The number of the last request before it last slept, and how often of late more than [`BURST`]
    /// came between two sleeps.
    slept_at: u32,
    bursts: u32,
    /// Callers that slept until they were answered, since the thread last did.
    woken: u32,
    /// Whether it last slept apart from its caller.
    was_apart: bool,
    moves: Moves,
}

impl<A: Affinity> Placement<A> {
    pub fn new(affinity: A) -> Placement<A> {
        Placement {
            affinity,
            mask: None,
            bed: None,
            asleep_on: CpuSet::new(),
            no_beside_until: 0,
            no_apart_until: 0,
            whole_latency: 0,
            narrow_latency: None,
            apart_latency: 0,
            beside_latency: 0,
            sleeps: 0,
            unseen: 0,
            slept_at: 0,
            bursts: 0,
            woken: 0,
            was_apart: false,
            moves: Moves::new(),
        }
    }

    /// Before a sleep beside the caller, after request `number`: whether the thread is woken there well enough
    /// as it is, and need not [`settle`](Placement::settle). One sleep in [`LOOKS`] is looked at all the same.
    pub fn stays(&mut self, number: u32) -> bool {
        let run = number.wrapping_sub(self.slept_at);
        let comes_alone = self.bursts == 0 && run < BURST;
        let is_fast = self.whole_latency < SLOW && self.beside_latency < WANTED / 2;
        self.unseen = (self.unseen + 1) % LOOKS;
        let stays = comes_alone && is_fast && self.unseen > 0;
        if stays {
            self.count_run(number);
        }
        stays
    }

    /// Before a sleep, after request `number`: goes to where it is best woken. Where that is, if it did.
    pub fn settle(&mut self, now: u64, caller: u32, number: u32) -> Option<Bed> {
        if self.count_run(number) == Apart::InVain {
            self.no_apart_until = now.saturating_add(REST);
        }
        let apart = self.comes_in_bursts() && now >= self.no_apart_until;
        if !apart && (now < self.no_beside_until || !self.is_worth_it()) {
            return None;
        }
        let (mask, cpu) = (self.mask()?, usize::try_from(caller).ok()?);
        if !mask.is_set(cpu).unwrap_or(false) {
            return None;
        }
        // None where the mask has no other CPU.
        let others = without(&mask, cpu)?;
        if apart {
            return self.lie_down(now, Bed::Apart, others);
        }
        let mut only = CpuSet::new();
        only.set(cpu).ok()?;
        self.lie_down(now, Bed::Beside, only)
    }

    fn lie_down(&mut self, now: u64, bed: Bed, on: CpuSet) -> Option<Bed> {
        self.asleep_on = on;
        if self.affinity.set(&on) {
            self.bed = Some(bed);
            self.was_apart = bed == Bed::Apart;
        } else {
            // Not permitted; it may be that a CPU went offline as well.
            self.no_beside_until = now.saturating_add(REST);
            self.no_apart_until = self.no_beside_until;
        }
        self.bed
    }

    /// An answer was one that its caller had to be woken for: it would have come sooner on one CPU, where that
    /// caller had waited to be next.
    pub fn woke_caller(&mut self) {
        self.woken = self.woken.saturating_add(1);
        self.moves.sleeps();
    }

    /// Counts what came between two sleeps.
    fn count_run(&mut self, number: u32) -> Apart {
        self.moves.sleeps();
        let run = number.wrapping_sub(std::mem::replace(&mut self.slept_at, number));
        let woken = std::mem::take(&mut self.woken);
        self.bursts = match run >= BURST {
            true => (self.bursts + 1).min(MOST_BURSTS),
            false => self.bursts.saturating_sub(1),
        };
        match std::mem::take(&mut self.was_apart) && woken > run / 2 {
            true => Apart::InVain,
            false => Apart::NotInVain,
        }
    }

    fn comes_in_bursts(&self) -> bool {
        self.bursts >= BURSTS
    }

    /// After the sleep, which took as long as `slept`: takes the whole mask again. Not where somebody
    /// gave the thread another one in a sleep that was long.
    pub fn rise(&mut self, slept: u64) {
        let (Some(_), Some(mask)) = (self.bed, self.mask) else {
            return;
        };
        let is_as_it_was = || self.affinity.get() == Some(self.asleep_on);
        if slept < BELIEVED || is_as_it_was() {
            self.affinity.set(&mask);
        }
    }

    /// After [`rise`](Placement::rise): learns how long it took since the caller woke the thread, as
    /// far as it did, and whether it woke beside its caller.
    pub fn learn(&mut self, now: u64, woken: Option<u64>, beside: bool) {
        let bed = self.bed.take();
        let Some(latency) = woken.map(|woken| now.saturating_sub(woken)) else {
            return;
        };
        let rested = now.saturating_add(REST);
        match bed {
            Some(Bed::Beside) if latency > SLUGGISH => {
                self.no_beside_until = rested;
                return;
            }
            Some(Bed::Apart) if latency > SLUGGISH => {
                self.no_apart_until = rested;
                return;
            }
            _ => {}
        }
        let latency = latency.min(SLUGGISH);
        if beside {
            self.beside_latency = self.beside_latency - self.beside_latency / 8 + latency / 8;
        }
        match bed {
            Some(Bed::Beside) => {
                let average = self.narrow_latency.unwrap_or(latency);
                // One that was late among many says nothing, and where calls are rare it would keep the
                // thread away for seconds; many of them raise the average all the same.
                let counted = latency.min(2 * average.max(SLOW));
                self.narrow_latency = Some(average - average / 8 + counted / 8);
            }
            Some(Bed::Apart) => {
                self.apart_latency = self.apart_latency - self.apart_latency / 4 + latency / 4;
                if self.apart_latency > TOO_SLOW {
                    self.apart_latency = 0;
                    self.no_apart_until = rested;
                }
            }
            None => {
                let avoidable = if beside { 0 } else { latency };
                self.whole_latency = (self.whole_latency + avoidable) / 2;
            }
        }
    }

    fn is_worth_it(&mut self) -> bool {
        if self.whole_latency < SLOW {
            return false;
        }
        let better = self
            .narrow_latency
            .is_none_or(|narrow| narrow + narrow / 4 < self.whole_latency);
        self.sleeps += 1;
        if self.sleeps == PROBE {
            self.sleeps = 0;
            return !better;
        }
        better
    }

    /// The mask of the thread, read anew: what it called may have changed it.
    fn mask(&mut self) -> Option<CpuSet> {
        self.mask = self.affinity.get();
        self.mask
    }

    /// The request `number` came from this very CPU. Whether it is time to move off.
    pub fn crowded(&mut self, now: u64, number: u32) -> bool {
        let close = match self.beside_latency > WANTED {
            true => CLOSE_AMONG_OTHERS,
            false => CLOSE,
        };
        let enough = match self.comes_in_bursts() {
            true => DENSE_IN_BURSTS,
            false => DENSE,
        };
        self.moves.request(now, number, close, enough)
    }

    /// Moves off the CPU `caller` and takes the whole mask again. Whether it moved.
    pub fn move_off(&mut self, now: u64, caller: u32, number: u32) -> bool {
        self.moves.begin(now, number);
        let (Some(mask), Ok(cpu)) = (self.mask(), usize::try_from(caller)) else {
            return false;
        };
        without(&mask, cpu)
            .is_some_and(|others| self.affinity.set(&others) && self.affinity.set(&mask))
    }

    /// How long that took.
    pub fn moved(&mut self, took: u64) {
        self.moves.done(took);
    }
}

/// The mask without a CPU; none where there is no other.
fn without(mask: &CpuSet, cpu: usize) -> Option<CpuSet> {
    let mut others = *mask;
    others.unset(cpu).ok()?;
    (others != CpuSet::new()).then_some(others)
}

#[cfg(test)]
mod tests;
