//! Where the VM's thread sleeps and runs, under every interleaving with its caller.
//!
//! The clock goes forward here, for how often a thread may move is a matter of time; how far between
//! two readings, and on which CPU a thread wakes, is not known.

use super::super::placement::HOLD;
use super::*;
use std::sync::atomic::AtomicU32 as Count;

/// Calls, more than make a thread move off twice, and enough that they are bursts.
const CALLS: u32 = 110;
/// Steps of the clock by which requests are dense, and by which waking is slow.
const SHORT: std::ops::Range<u64> = 1_000..6_000;
const LONG: u64 = 6_000;
/// Changes of the mask in what is waited awake, and in a sleep: there and back.
const CHANGES: u32 = 2;

/// How often a thread moved off and went to bed, in all runs.
#[derive(Default)]
struct Seen {
    moves: Count,
    beds: Count,
}

/// The VM's thread, which is watched.
struct Watched<'a> {
    end: End,
    seen: &'a Seen,
    /// Before it last moved off.
    moved: Option<u64>,
}

impl Watched<'_> {
    /// Waits as [`super::super::End`] does, now and then with a deadline.
    fn take(&mut self) -> Result<u32, Broken> {
        loop {
            match self.wait() {
                Ok(()) => return Ok(self.end.accept()),
                // It may have gone on to something else.
                Err(Broken::Late) => {}
                Err(reason) => return Err(reason),
            }
        }
    }

    fn wait(&mut self) -> Result<(), Broken> {
        let (before, begun) = (self.changes(), self.time());
        let look = self.end.waiter.awake(&self.end.machine);
        self.end.has_its_whole_mask();
        self.may_have_moved(begun, self.changes() - before);
        match look {
            Look::Arrived => return Ok(()),
            Look::NotYet(_) => {}
            Look::Forged(word) => return Err(Broken::Forged(word)),
        }
        let before = self.changes();
        let timeout = thread_rng().gen_bool(0.2).then_some(5 * LONG);
        let waited = self.end.sleep(timeout);
        self.end.has_its_whole_mask();
        let changes = self.changes() - before;
        assert!(changes == 0 || changes == CHANGES, "{changes} in one sleep");
        self.seen.beds.fetch_add(changes / CHANGES, RELAXED);
        waited
    }

    /// It moves off once in a wait at most, and not again before it held that place.
    fn may_have_moved(&mut self, begun: u64, changes: u32) {
        if changes == 0 {
            return;
        }
        assert_eq!(changes, CHANGES, "in one wait");
        if let Some(moved) = self.moved.replace(begun) {
            let held = self.time() - moved;
            assert!(held >= HOLD, "moved again after {held} ns");
        }
        self.seen.moves.fetch_add(1, RELAXED);
    }

    fn changes(&self) -> u32 {
        self.end.machine.placed().changes.load(RELAXED)
    }

    fn time(&self) -> u64 {
        self.end.machine.shared.clock.as_ref().unwrap().now()
    }
}

const RELAXED: std::sync::atomic::Ordering = std::sync::atomic::Ordering::Relaxed;

/// Calls in bursts of any length, the last of which is long; all are served.
fn is_called(kernel: Kernel, step: u64, seen: &'static Seen) {
    let shared = Shared::on(kernel, LAST, true, Some(Clock::new(step)));
    let vm = End::new(&shared, Side::Vm, LAST);
    let served = thread::spawn(move || {
        let (end, moved) = (vm, None);
        let mut vm = Watched { end, seen, moved };
        for call in 0..CALLS {
            assert_eq!(vm.take(), Ok(call));
            vm.end.post(call);
        }
    });
    let mut client = End::new(&shared, Side::Client, LAST);
    for call in 0..CALLS {
        client.post(call);
        assert_eq!(client.take(), Ok(call));
    }
    served.join().unwrap();
}

/// Runs long, so fewer of them.
fn runs() -> usize {
    iterations().div_ceil(4)
}

/// The kernel has both on one CPU whenever the masks allow it, so that the VM's thread has to move off
/// again and again; it goes on serving, and moves off no more often than it may.
#[test]
fn a_thread_that_is_driven_back_moves_off_ever_again_and_serves() {
    static SEEN: Seen = Seen::new();
    let check = || is_called(Kernel::Together, thread_rng().gen_range(SHORT), &SEEN);
    shuttle::check_random(check, runs());
    assert!(SEEN.moves.load(RELAXED) > 0, "it never moved off");
}

/// It wakes on any CPU: it goes to sleep beside its caller and rises, is beside it and moves off, in any order.
#[test]
fn sleeping_beside_and_moving_off_go_on_serving() {
    static SEEN: Seen = Seen::new();
    shuttle::check_random(|| is_called(Kernel::Anywhere, LONG, &SEEN), runs());
    shuttle::check_random(|| is_called(Kernel::Apart, LONG, &SEEN), runs());
    assert!(SEEN.beds.load(RELAXED) > 0, "it never slept elsewhere");
}

impl Seen {
    const fn new() -> Seen {
        Seen {
            moves: Count::new(0),
            beds: Count::new(0),
        }
    }
}

/// A caller that makes up CPUs, times and messages, and then is gone.
#[test]
fn a_hostile_caller_leaves_the_thread_its_mask() {
    static SEEN: Seen = Seen::new();
    let check = || {
        let kernels = [Kernel::Together, Kernel::Apart, Kernel::Anywhere];
        let kernel = kernels[thread_rng().gen_range(0..3)];
        let shared = Shared::on(kernel, LAST, true, Some(Clock::new(LONG)));
        let attacker = Arc::clone(&shared);
        let attack = thread::spawn(move || {
            let line = attacker.line(Side::Client);
            for _ in 0..30 {
                let cpus = [0, 1, 2, 3, 1023, 1024, COMING, u32::MAX];
                line.cpu
                    .store(cpus[thread_rng().gen_range(0..8)], Ordering::SeqCst);
                let now = attacker.clock.as_ref().unwrap().now();
                let stamps = [0, now, now, now, u64::MAX];
                line.stamp
                    .store(stamps[thread_rng().gen_range(0..5)], Ordering::SeqCst);
                match thread_rng().gen_range(0..40) {
                    0 => line.word.store(LAST << 1 | SLEEP, Ordering::SeqCst),
                    1 => drop(line.word.fetch_or(SLEEP, Ordering::SeqCst)),
                    2 => drop(line.word.fetch_and(!SLEEP, Ordering::SeqCst)),
                    // The message that is due, and a wake-up or none.
                    kind => {
                        let answered = attacker.line(Side::Vm).word.load(Ordering::SeqCst) >> 1;
                        let due = answered.wrapping_add(1) & LAST;
                        line.word.store(due << 1, Ordering::SeqCst);
                        if kind % 2 == 0 {
                            line.woken.notify_all();
                        }
                    }
                }
                // Now and then it falls asleep meanwhile.
                (0..thread_rng().gen_range(0..300)).for_each(|_| thread::yield_now());
            }
            attacker.gone[Side::Client as usize].store(true, Ordering::SeqCst);
            drop(line.sleepers.lock().unwrap());
            line.woken.notify_all();
        });
        let (end, seen, moved) = (End::new(&shared, Side::Vm, LAST), &SEEN, None);
        let mut vm = Watched { end, seen, moved };
        while vm.take().is_ok() {
            vm.end.post(0);
        }
        attack.join().unwrap();
    };
    shuttle::check_random(check, runs());
    assert!(SEEN.beds.load(RELAXED) > 0, "it never slept elsewhere");
}
