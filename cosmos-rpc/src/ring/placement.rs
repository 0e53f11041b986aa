//! Where the VM's thread sleeps, and where it runs when calls are dense.
//!
//! A thread that is woken on the CPU of its waker runs after some 5 microseconds; on another one that
//! is idle, which has to be woken itself, after some 45. So where the kernel woke it on another CPU,
//! and that was slow, the VM's thread moves, before it goes to sleep, to the CPU that its caller was
//! on. It takes its whole mask again as soon as it wakes, before any foreign code runs: threads that
//! this code makes, and its looks at its own mask, see nothing of it. Both changes of the mask cost a
//! system call, in a cache that went cold meanwhile; where the kernel chooses the caller's CPU
//! by itself, as it does on a machine that was busy of late, none of this happens.
//!
//! On one CPU the two then hand it to each other by yields, which is the best there is while there
//! is one CPU, and twenty times worse than two. So when calls are dense the thread moves off.
//!
//! ```text
//!            goes to sleep, waking was slow on average, elsewhere,
//!            and caller's CPU is in the mask                     woken within SLUGGISH
//!   Free ───────────────────────────────────────────▶ Narrow ────────────────────────▶ Free
//!    │ ▲                                                 │ woken later: somebody else had that CPU
//!    │ │ whole mask again                                └────▶ Free, and no Narrow for REST
//!    │ └──────────────────────────┐
//!    │ DENSE requests from this   │
//!    │ CPU, each within CLOSE     │
//!    └─────────────▶ mask without that CPU       not again for HOLD, doubling to LONGEST_HOLD
//!                                                 while it was not worth it
//! ```
//!
//! Where many pairs share the CPUs, two that run at once get done in one time slice what takes two
//! that share a CPU twenty slices. They meet when one of them moves off, looks out for the other
//! (`waiting`), and nobody else is on either CPU until a slice ends; then the kernel may wake one
//! beside the other again. So each pair has to get there again and again, or some of them hardly get
//! anything done: a move after which [`WORTH`] requests came may be repeated soon, and where
//! waking takes long even on the caller's own CPU, for there are others, requests need not be as
//! close to count.
//!
//! | rule | why it holds |
//! |---|---|
//! | Only this thread changes an affinity, its own. | [`Affinity`] has no way to name another. |
//! | It never leaves its mask. | The narrow mask is one CPU of its mask; the mask without a CPU is a part of it, and not empty. |
//! | Pinning and moving off cannot alternate without end. | A thread moves off at most once per hold, and holds double, to 1.6 seconds at last, but for moves that paid for themselves many times over. Pinning happens only before a sleep. |
//! | A CPU that a hostile peer makes up costs one look. | It is not in the mask. |

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

/// Requests from the same CPU after which the thread moves off.
const DENSE: u32 = 20;
/// How close requests are that count as dense; and where the CPU is wanted by others.
const CLOSE: u64 = 60_000;
const CLOSE_AMONG_OTHERS: u64 = 1_000_000;
/// Waking on the caller's CPU takes as long on average: it is wanted by others.
const WANTED: u64 = 20_000;
/// Requests after a move that make it worth the 26 microseconds that it took: apart, a call takes
/// two microseconds less at least.
const WORTH: u32 = 200;
/// For how long a mask that was read is believed, and a thread that sleeps is thought to have its
/// narrow one. Whoever gives the thread another (`taskset`) may have to do it again where calls come
/// more often than that.
const BELIEVED: u64 = 100_000_000;
/// Waking elsewhere takes as long on average: it is worth trying whether it is faster on the caller's
/// CPU.
const SLOW: u64 = 7_000;
/// Of so many sleeps one is of the kind that is slower on average, to see whether it still is. What
/// the kernel does changes with how busy the machine was a moment ago.
const PROBE: u32 = 16;
/// A wake-up that took as long: the caller's CPU is somebody else's.
const SLUGGISH: u64 = 500_000;
/// For how long the thread then sleeps where it is.
const REST: u64 = 1_000_000_000;
/// For how long it does not move off again.
const HOLD: u64 = 1_000_000;
const LONGEST_HOLD: u64 = 1_600_000_000;

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
    /// The thread's own mask as it was last read, and until when that is believed.
    mask: Option<CpuSet>,
    mask_until: u64,
    /// Whether the thread has a narrow mask now.
    narrow: bool,
    asleep_on: CpuSet,
    no_narrow_until: u64,
    /// How long waking takes on average: on its whole mask, where being woken on the caller's CPU,
    /// which a narrow mask cannot better, counts as no time; and on a narrow mask.
    whole_latency: u64,
    narrow_latency: Option<u64>,
    /// How long waking takes on average on the caller's CPU, whatever the mask.
    beside_latency: u64,
    /// Sleeps since the last that was of the kind that is slower.
    sleeps: u32,
    dense: u32,
    last_request: u64,
    no_move_until: u64,
    next_hold: u64,
    /// The number of the request at which it last moved.
    moved_at: u32,
}

impl<A: Affinity> Placement<A> {
    pub fn new(affinity: A) -> Placement<A> {
        Placement {
            affinity,
            mask: None,
            mask_until: 0,
            narrow: false,
            asleep_on: CpuSet::new(),
            no_narrow_until: 0,
            whole_latency: 0,
            narrow_latency: None,
            beside_latency: 0,
            sleeps: 0,
            dense: 0,
            last_request: 0,
            no_move_until: 0,
            next_hold: HOLD,
            moved_at: 0,
        }
    }

    /// Before a sleep: goes to the caller's CPU, where it may. Whether it did.
    pub fn settle(&mut self, now: u64, caller: u32) -> bool {
        if now < self.no_narrow_until || !self.is_worth_it() {
            return false;
        }
        let (Some(mask), Ok(cpu)) = (self.mask(now), usize::try_from(caller)) else {
            return false;
        };
        let mut narrow = CpuSet::new();
        if !mask.is_set(cpu).unwrap_or(false) || narrow.set(cpu).is_err() || narrow == mask {
            return false;
        }
        self.narrow = self.affinity.set(&narrow);
        self.asleep_on = narrow;
        if !self.narrow {
            // Not permitted; it may be the CPU that went offline as well.
            self.no_narrow_until = now.saturating_add(REST);
        }
        self.narrow
    }

    /// After the sleep, which took as long as `slept`: takes the whole mask again. Not where somebody
    /// gave the thread another one in a sleep that was long.
    pub fn rise(&mut self, now: u64, slept: u64) {
        let (true, Some(mask)) = (self.narrow, self.mask) else {
            return;
        };
        if slept >= BELIEVED {
            self.mask_until = 0;
            let given = self.mask(now);
            if given.is_none_or(|given| given != self.asleep_on) {
                return;
            }
            self.mask = Some(mask);
        }
        self.affinity.set(&mask);
    }

    /// After [`rise`](Placement::rise): learns how long it took since the caller woke the thread, as
    /// far as it did, and whether it woke beside its caller.
    pub fn learn(&mut self, now: u64, woken: Option<u64>, beside: bool) {
        let narrow = std::mem::take(&mut self.narrow);
        let Some(latency) = woken.map(|woken| now.saturating_sub(woken)) else {
            return;
        };
        if narrow && latency > SLUGGISH {
            self.no_narrow_until = now.saturating_add(REST);
            return;
        }
        let latency = latency.min(SLUGGISH);
        if beside {
            self.beside_latency = self.beside_latency - self.beside_latency / 8 + latency / 8;
        }
        if narrow {
            let average = self.narrow_latency.unwrap_or(latency);
            // One that was late among many says nothing, and where calls are rare it would keep the
            // thread away for seconds; many of them raise the average all the same.
            let counted = latency.min(2 * average.max(SLOW));
            self.narrow_latency = Some(average - average / 8 + counted / 8);
        } else {
            let avoidable = if beside { 0 } else { latency };
            self.whole_latency = (self.whole_latency + avoidable) / 2;
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

    /// The mask of the thread, read anew now and then.
    fn mask(&mut self, now: u64) -> Option<CpuSet> {
        if now >= self.mask_until {
            self.mask = self.affinity.get();
            self.mask_until = now.saturating_add(BELIEVED);
        }
        self.mask
    }

    /// The request `number` came from this very CPU. Whether it is time to move off.
    pub fn crowded(&mut self, now: u64, number: u32) -> bool {
        let near = match self.beside_latency > WANTED {
            true => CLOSE_AMONG_OTHERS,
            false => CLOSE,
        };
        let close = now.saturating_sub(self.last_request) < near;
        self.last_request = now;
        self.dense = if close { self.dense + 1 } else { 0 };
        if self.dense < DENSE {
            return false;
        }
        if number.wrapping_sub(self.moved_at) > WORTH + DENSE && self.next_hold > HOLD {
            let began = self.no_move_until.saturating_sub(self.next_hold / 2);
            self.no_move_until = began.saturating_add(HOLD);
            self.next_hold = HOLD;
        }
        now >= self.no_move_until
    }

    /// Moves off the CPU `caller` and takes the whole mask again. Whether it moved.
    pub fn move_off(&mut self, now: u64, caller: u32, number: u32) -> bool {
        self.dense = 0;
        // A first move after a long time without one.
        if now.saturating_sub(self.no_move_until) > 4 * self.next_hold {
            self.next_hold = HOLD;
        }
        self.no_move_until = now.saturating_add(self.next_hold);
        self.next_hold = (2 * self.next_hold).min(LONGEST_HOLD);
        self.moved_at = number;
        let Some(mask) = self.mask(now) else {
            return false;
        };
        let mut without = mask;
        let left = usize::try_from(caller).is_ok_and(|cpu| without.unset(cpu).is_ok());
        if !left || cpus(&without).next().is_none() || !self.affinity.set(&without) {
            return false;
        }
        self.affinity.set(&mask)
    }
}

fn cpus(mask: &CpuSet) -> impl Iterator<Item = usize> {
    (0..CpuSet::count()).filter(|cpu| mask.is_set(*cpu).unwrap_or(false))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::cell::Cell;

    /// A thread that may run on the CPUs of a mask, and is counted when it is told to.
    struct Modelled {
        mask: Cell<CpuSet>,
        changes: Cell<u32>,
        permitted: bool,
    }

    impl Modelled {
        fn on(cpus: &[usize]) -> Modelled {
            let mut mask = CpuSet::new();
            for &cpu in cpus {
                mask.set(cpu).unwrap();
            }
            Modelled {
                mask: Cell::new(mask),
                changes: Cell::new(0),
                permitted: true,
            }
        }
    }

    impl Affinity for &Modelled {
        fn get(&self) -> Option<CpuSet> {
            Some(self.mask.get())
        }

        fn set(&self, mask: &CpuSet) -> bool {
            if self.permitted {
                assert!(cpus(mask).next().is_some(), "no CPU is left");
                self.mask.set(*mask);
                self.changes.set(self.changes.get() + 1);
            }
            self.permitted
        }
    }

    /// Of a thread that takes long to wake.
    fn slow(thread: &Modelled) -> Placement<&Modelled> {
        let mut placement = Placement::new(thread);
        placement.learn(4 * SLOW, Some(0), false);
        placement
    }

    fn list(thread: &Modelled) -> Vec<usize> {
        cpus(&thread.mask.get()).collect()
    }

    #[test]
    fn it_sleeps_beside_its_caller_and_wakes_with_its_whole_mask() {
        let thread = Modelled::on(&[0, 1, 5]);
        let mut placement = slow(&thread);
        assert!(placement.settle(10, 5));
        assert_eq!(list(&thread), [5]);
        placement.rise(0, 0);
        placement.learn(20, Some(15), false);
        assert_eq!(list(&thread), [0, 1, 5]);
        // A CPU that is none, or not in the mask, is not gone to.
        for cpu in [2, 1023, 1024, u32::MAX] {
            assert!(!placement.settle(30, cpu));
        }
        assert_eq!(list(&thread), [0, 1, 5]);
    }

    #[test]
    fn a_mask_that_somebody_else_gave_it_is_kept_from_when_it_is_read() {
        let thread = Modelled::on(&[0, 1]);
        let mut placement = slow(&thread);
        assert!(placement.settle(0, 1));
        placement.rise(0, 0);
        placement.learn(10, None, false);
        let mut other = CpuSet::new();
        other.set(0).unwrap();
        other.set(3).unwrap();
        thread.mask.set(other);
        assert!(placement.settle(BELIEVED, 3));
        placement.rise(0, 0);
        placement.learn(BELIEVED + 10, None, false);
        assert_eq!(list(&thread), [0, 3]);
        // While it sleeps, too, where it sleeps long.
        assert!(placement.settle(BELIEVED + 20, 3));
        other.set(5).unwrap();
        thread.mask.set(other);
        placement.rise(3 * BELIEVED, 2 * BELIEVED);
        placement.learn(3 * BELIEVED, None, false);
        assert_eq!(list(&thread), [0, 3, 5]);
        assert!(placement.settle(3 * BELIEVED + 10, 5));
        placement.rise(5 * BELIEVED, 2 * BELIEVED);
        assert_eq!(list(&thread), [0, 3, 5]);
    }

    #[test]
    fn where_waking_is_fast_it_stays_and_now_and_then_it_looks() {
        let thread = Modelled::on(&[0, 1]);
        let mut placement = Placement::new(&thread);
        for now in 0..10 {
            assert!(!placement.settle(1000 * now, 1));
            placement.rise(0, 0);
            placement.learn(1000 * now + 900, Some(1000 * now), false);
        }
        assert_eq!(thread.changes.get(), 0);
        placement.learn(20_000 + 4 * SLOW, Some(20_000), false);
        let mut sleeps = |latency: u64, count: u32| -> u32 {
            (0..count)
                .map(|_| {
                    let settled = placement.settle(0, 1);
                    placement.rise(0, 0);
                    let (there, elsewhere) = (latency, 4 * SLOW);
                    placement.learn(if settled { there } else { elsewhere }, Some(0), false);
                    u32::from(settled)
                })
                .sum()
        };
        // Faster there: it goes there but for the looks.
        assert_eq!(sleeps(SLOW / 3, 10 * PROBE), 10 * (PROBE - 1));
        // No more: soon it does not, but for the looks.
        sleeps(5 * SLOW, PROBE);
        assert_eq!(sleeps(5 * SLOW, 10 * PROBE), 10);
    }

    #[test]
    fn a_move_that_many_requests_followed_is_soon_repeated() {
        let thread = Modelled::on(&[0, 1]);
        let move_at = |placement: &mut Placement<&Modelled>, from: u64, number: u32| {
            let late = (0..).find(|step| placement.crowded(from + step * 1_000, number));
            let at = from + late.expect("it moves at last") * 1_000;
            placement.move_off(at, 0, number);
            at
        };
        let mut vain = slow(&thread);
        let mut worth = slow(&thread);
        let (mut vain_at, mut worth_at) = (0, 0);
        for round in 1..10 {
            vain_at = move_at(&mut vain, vain_at, round * DENSE);
            worth_at = move_at(&mut worth, worth_at, round * 10 * WORTH);
        }
        assert!(worth_at <= 10 * HOLD, "{worth_at}");
        assert!(vain_at >= 200 * HOLD, "{vain_at}");
    }

    #[test]
    fn among_others_requests_need_not_be_as_close() {
        let thread = Modelled::on(&[0, 1]);
        let mut placement = slow(&thread);
        let apart = CLOSE_AMONG_OTHERS / 2;
        let drives = |placement: &mut Placement<&Modelled>, from: u64| {
            (1..3 * DENSE).any(|request| placement.crowded(from + u64::from(request) * apart, 0))
        };
        assert!(!drives(&mut placement, 0));
        for _ in 0..20 {
            placement.learn(2 * WANTED, Some(0), true);
        }
        assert!(drives(&mut placement, 0));
    }

    #[test]
    fn where_the_kernel_wakes_it_beside_its_caller_it_stays() {
        let thread = Modelled::on(&[0, 1]);
        let mut placement = slow(&thread);
        // It went there when waking elsewhere was slow, and finds out when it looks.
        let went = (0..100 * PROBE)
            .filter(|_| {
                let settled = placement.settle(0, 1);
                placement.rise(0, 0);
                placement.learn(4 * SLOW, Some(0), !settled);
                settled
            })
            .count();
        assert!(went < 4 * PROBE as usize, "went {went} times");
        // Once it is woken elsewhere, and slowly, it goes again.
        placement.learn(8 * SLOW, Some(0), false);
        assert!((0..=PROBE).any(|_| placement.settle(0, 1)));
    }

    #[test]
    fn one_late_wake_up_does_not_keep_it_away() {
        let thread = Modelled::on(&[0, 1]);
        let mut placement = slow(&thread);
        for round in 1..100 {
            let settled = placement.settle(0, 1);
            assert_eq!(settled, round % PROBE != 0, "round {round}");
            placement.rise(0, 0);
            let latency = match (settled, round % 20) {
                (false, _) => 4 * SLOW,
                (true, 0) => SLUGGISH,
                (true, _) => SLOW / 2,
            };
            placement.learn(latency, Some(0), false);
        }
    }

    #[test]
    fn where_waking_is_sluggish_it_sleeps_where_it_is() {
        let thread = Modelled::on(&[0, 1]);
        let mut placement = slow(&thread);
        assert!(placement.settle(0, 1));
        placement.rise(0, 0);
        placement.learn(SLUGGISH + 11, Some(10), false);
        assert!(!placement.settle(SLUGGISH + 12, 1));
        assert!(placement.settle(SLUGGISH + 11 + REST, 1));
    }

    #[test]
    fn what_is_not_permitted_is_not_tried_all_the_time() {
        let thread = Modelled {
            permitted: false,
            ..Modelled::on(&[0, 1])
        };
        let mut placement = slow(&thread);
        assert!(!placement.settle(0, 1));
        placement.rise(0, 0);
        placement.learn(5, Some(1), false);
        assert!(!placement.move_off(10, 0, 0));
        assert_eq!(list(&thread), [0, 1]);
    }

    #[test]
    fn dense_requests_from_its_own_cpu_drive_it_off_and_sparse_ones_do_not() {
        let thread = Modelled::on(&[0, 1]);
        let mut placement = slow(&thread);
        for request in 0..100 {
            assert!(!placement.crowded(request * CLOSE, 0));
        }
        let from = 100 * CLOSE;
        let driven = (0..).find(|request| placement.crowded(from + request * 3000, 0));
        assert_eq!(driven, Some(u64::from(DENSE)));
        assert!(placement.move_off(from, 0, 0));
        assert_eq!(list(&thread), [0, 1]);
        assert_eq!(thread.changes.get(), 2);
        let alone = Modelled::on(&[3]);
        assert!(!Placement::new(&alone).move_off(0, 3, 0));
        assert_eq!(list(&alone), [3]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        /// Whatever callers do, and whatever they say, the thread ends with the mask it had, and
        /// moves off ever more rarely while it is driven off again and again for nothing.
        #[test]
        fn pinning_and_moving_off_do_not_chase_each_other(
            steps in prop::collection::vec(
                (0u64..200_000, 0u32..4, any::<bool>(), 0u64..1_000_000, 1u32..12),
                1..4000,
            ),
        ) {
            let thread = Modelled::on(&[0, 1, 2]);
            let mut placement = slow(&thread);
            let (mut now, mut number, mut last) = (0u64, 0u32, None::<(u64, u32)>);
            let (mut moves, mut hold) = (0u32, HOLD);
            for (passes, caller, sleeps, late, requests) in steps {
                now += passes;
                number += requests;
                if sleeps {
                    placement.settle(now, caller);
                    now += late;
                    placement.rise(0, 0);
                    placement.learn(now, Some(now - late), caller == 1);
                }
                prop_assert_eq!(list(&thread), vec![0, 1, 2]);
                if placement.crowded(now, number) {
                    placement.move_off(now, caller, number);
                    if let Some((then, at)) = last {
                        let passed = now - then;
                        let worth = number - at > WORTH + DENSE;
                        let least = if worth { HOLD } else { hold };
                        prop_assert!(passed >= least, "moved after {passed} ns");
                        let next = (2 * hold).min(LONGEST_HOLD);
                        let rare = passed > hold + 4 * next;
                        hold = if worth || rare { HOLD } else { next };
                    }
                    last = Some((now, number));
                    moves += 1;
                }
            }
            let most = 2 + now / HOLD;
            prop_assert!(u64::from(moves) <= most);
        }
    }
}
