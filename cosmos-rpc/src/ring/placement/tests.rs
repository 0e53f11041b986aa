//! A thread whose CPUs are modelled.

use super::moves::{HOLD, LONGEST_HOLD, WORTH};
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
            assert_ne!(*mask, CpuSet::new(), "no CPU is left");
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

fn cpus(mask: &CpuSet) -> impl Iterator<Item = usize> {
    (0..CpuSet::count()).filter(|cpu| mask.is_set(*cpu).unwrap_or(false))
}

/// Whether it goes to sleep beside its caller, where requests are few.
fn settles(placement: &mut Placement<&Modelled>, now: u64, caller: u32) -> bool {
    let bed = placement.settle(now, caller, 0);
    assert_ne!(bed, Some(Bed::Apart));
    bed.is_some()
}

fn list(thread: &Modelled) -> Vec<usize> {
    cpus(&thread.mask.get()).collect()
}

#[test]
fn it_sleeps_beside_its_caller_and_wakes_with_its_whole_mask() {
    let thread = Modelled::on(&[0, 1, 5]);
    let mut placement = slow(&thread);
    assert!(settles(&mut placement, 10, 5));
    assert_eq!(list(&thread), [5]);
    placement.rise(0);
    placement.learn(20, Some(15), false);
    assert_eq!(list(&thread), [0, 1, 5]);
    // A CPU that is none, or not in the mask, is not gone to.
    for cpu in [2, 1023, 1024, u32::MAX] {
        assert!(!settles(&mut placement, 30, cpu));
    }
    assert_eq!(list(&thread), [0, 1, 5]);
}

#[test]
fn a_mask_that_it_was_given_is_kept() {
    let thread = Modelled::on(&[0, 1]);
    let mut placement = slow(&thread);
    let sleep = |placement: &mut Placement<&Modelled>, caller, slept| {
        assert!(settles(placement, 0, caller));
        placement.rise(slept);
        placement.learn(10, None, false);
    };
    sleep(&mut placement, 1, 0);
    let mut other = CpuSet::new();
    other.set(0).unwrap();
    other.set(3).unwrap();
    thread.mask.set(other);
    sleep(&mut placement, 3, 0);
    assert_eq!(list(&thread), [0, 3]);
    // While it sleeps, too, where it sleeps long.
    assert!(settles(&mut placement, 0, 3));
    other.set(5).unwrap();
    thread.mask.set(other);
    placement.rise(BELIEVED);
    placement.learn(10, None, false);
    assert_eq!(list(&thread), [0, 3, 5]);
    sleep(&mut placement, 5, BELIEVED);
    assert_eq!(list(&thread), [0, 3, 5]);
    // And before it moves.
    other.unset(0).unwrap();
    thread.mask.set(other);
    assert!(placement.move_off(0, 3, 0));
    assert_eq!(list(&thread), [3, 5]);
}

#[test]
fn where_waking_is_fast_it_stays_and_now_and_then_it_looks() {
    let thread = Modelled::on(&[0, 1]);
    let mut placement = Placement::new(&thread);
    for now in 0..10 {
        assert!(!settles(&mut placement, 1000 * now, 1));
        placement.rise(0);
        placement.learn(1000 * now + 900, Some(1000 * now), false);
    }
    assert_eq!(thread.changes.get(), 0);
    placement.learn(20_000 + 4 * SLOW, Some(20_000), false);
    let mut sleeps = |latency: u64, count: u32| -> u32 {
        (0..count)
            .map(|_| {
                let settled = settles(&mut placement, 0, 1);
                placement.rise(0);
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

/// Sleeps and wakes after so many more requests, late by so much.
fn run_of(
    placement: &mut Placement<&Modelled>,
    number: &mut u32,
    requests: u32,
    late: u64,
) -> Option<Bed> {
    *number += requests;
    let bed = placement.settle(0, 1, *number);
    let asleep = list(placement.affinity);
    match bed {
        Some(Bed::Beside) => assert_eq!(asleep, [1]),
        Some(Bed::Apart) => assert_eq!(asleep, [0, 5]),
        None => assert_eq!(asleep, [0, 1, 5]),
    }
    placement.rise(0);
    assert_eq!(list(placement.affinity), [0, 1, 5]);
    placement.learn(late, Some(0), bed == Some(Bed::Beside));
    bed
}

#[test]
fn between_bursts_it_sleeps_apart_and_between_single_calls_beside() {
    let thread = Modelled::on(&[0, 1, 5]);
    let (mut placement, mut number) = (slow(&thread), 0);
    let mut run = |requests| run_of(&mut placement, &mut number, requests, SLOW);
    assert_eq!(run(1), Some(Bed::Beside));
    assert_eq!(run(BURST), Some(Bed::Beside));
    for _ in 0..5 {
        assert_eq!(run(BURST), Some(Bed::Apart));
    }
    // One that was interrupted is not yet another habit.
    assert_eq!(run(3), Some(Bed::Apart));
    assert_eq!(run(BURST), Some(Bed::Apart));
    run(1);
    for _ in 0..5 {
        assert_eq!(run(1), Some(Bed::Beside));
    }
    // Bursts now and then among single calls are none either.
    for _ in 0..3 {
        run(1000);
        assert_eq!(run(1), Some(Bed::Beside));
    }
}

#[test]
fn where_waking_apart_is_slow_it_sleeps_beside() {
    for late in [SLUGGISH + 1, 4 * TOO_SLOW] {
        let thread = Modelled::on(&[0, 1, 5]);
        let (mut placement, mut number) = (slow(&thread), 0);
        let mut run = || run_of(&mut placement, &mut number, BURST, late);
        let apart = (0..10).filter(|_| run() == Some(Bed::Apart)).count();
        assert!((1..4).contains(&apart), "{apart} times");
        number += BURST;
        assert_eq!(placement.settle(2 * REST, 1, number), Some(Bed::Apart));
    }
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
            let settled = settles(&mut placement, 0, 1);
            placement.rise(0);
            placement.learn(4 * SLOW, Some(0), !settled);
            settled
        })
        .count();
    assert!(went < 4 * PROBE as usize, "went {went} times");
    // Once it is woken elsewhere, and slowly, it goes again.
    placement.learn(8 * SLOW, Some(0), false);
    assert!((0..=PROBE).any(|_| settles(&mut placement, 0, 1)));
}

#[test]
fn one_late_wake_up_does_not_keep_it_away() {
    let thread = Modelled::on(&[0, 1]);
    let mut placement = slow(&thread);
    for round in 1..100 {
        let settled = settles(&mut placement, 0, 1);
        assert_eq!(settled, round % PROBE != 0, "round {round}");
        placement.rise(0);
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
    assert!(settles(&mut placement, 0, 1));
    placement.rise(0);
    placement.learn(SLUGGISH + 11, Some(10), false);
    assert!(!settles(&mut placement, SLUGGISH + 12, 1));
    assert!(settles(&mut placement, SLUGGISH + 11 + REST, 1));
}

#[test]
fn what_is_not_permitted_is_not_tried_all_the_time() {
    let thread = Modelled {
        permitted: false,
        ..Modelled::on(&[0, 1])
    };
    let mut placement = slow(&thread);
    assert!(!settles(&mut placement, 0, 1));
    placement.rise(0);
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
            (0u64..200_000, 0u32..4, any::<bool>(), 0u64..1_000_000, 1u32..60),
            1..4000,
        ),
    ) {
        let thread = Modelled::on(&[0, 1, 2]);
        let mut placement = slow(&thread);
        let whole = thread.mask.get();
        let (mut now, mut number, mut last) = (0u64, 0u32, None::<(u64, u32)>);
        let (mut moves, mut hold, mut others) = (0u32, HOLD, 0);
        for (passes, caller, sleeps, late, requests) in steps {
            now += passes;
            number += requests;
            if sleeps {
                placement.settle(now, caller, number);
                others += 1;
                now += late;
                placement.rise(0);
                placement.learn(now, Some(now - late), caller == 1);
            }
            prop_assert_eq!(thread.mask.get(), whole);
            others += 1;
            if placement.crowded(now, number) {
                placement.move_off(now, caller, number);
                if let Some((then, at)) = last {
                    let passed = now - then;
                    let worth = (number - at).saturating_sub(others) >= WORTH;
                    let least = if worth { HOLD } else { hold };
                    prop_assert!(passed >= least, "moved after {passed} ns");
                    let next = (2 * hold).min(LONGEST_HOLD);
                    let rare = passed > hold + 4 * next;
                    hold = if worth || rare { HOLD } else { next };
                }
                (last, others) = (Some((now, number)), 0);
                moves += 1;
            }
        }
        let most = 2 + now / HOLD;
        prop_assert!(u64::from(moves) <= most);
    }
}

#[test]
fn where_waking_beside_is_fast_few_sleeps_are_looked_at() {
    let thread = Modelled::on(&[0, 1]);
    let mut placement = Placement::new(&thread);
    let looks = |placement: &mut Placement<&Modelled>, from: u32| {
        let requests = from..from + 10 * LOOKS;
        requests.filter(|number| !placement.stays(*number)).count()
    };
    assert_eq!(looks(&mut placement, 1), 10);
    // Others want that CPU.
    placement.learn(8 * WANTED, Some(0), true);
    assert_eq!(looks(&mut placement, 100), 10 * LOOKS as usize);
    // It is woken elsewhere, and slowly.
    let mut placement = slow(&thread);
    assert_eq!(looks(&mut placement, 1), 10 * LOOKS as usize);
    // Many requests came since the last sleep.
    let mut placement = Placement::new(&thread);
    assert!(!placement.stays(BURST));
    assert_eq!(thread.changes.get(), 0);
}
