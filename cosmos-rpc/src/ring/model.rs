//! The hand-over and the waiting, checked over modelled atomics: shuttle runs the same code under
//! many interleavings of its loads, swaps, compare-exchanges, sleeps and wakes.
//!
//! | property | test |
//! |---|---|
//! | every message arrives once, in order, with its payload; no wake is lost, though no nap ends by itself | `nothing_is_lost_without_naps` |
//! | the same with naps and wakes that end for no reason, and with any clock | `nothing_is_lost_with_naps_of_any_length` |
//! | sequence numbers wrap | both begin shortly before the wrap |
//! | a side that stops anywhere leaves the other one with an answer or an error | `a_side_that_stops_leaves_no_hang` |
//! | a peer that writes anything into both words leads to an error or to what it wrote, never to a hang | `a_hostile_peer_leaves_no_hang` |
//! | each CPU field has one writer | asserted in `set_cpu` of every test |
//!
//! Each check goes through 400 interleavings, or through as many as `COSMOSTEST_INTERLEAVINGS` says:
//! `make soak` lets them go on.

use super::handover::{COMING, HandOver, Look};
use super::layout::{SLEEP, Side};
use super::machine::Machine;
use super::waiting::{Broken, Limits, Settings, Waiting};
use shuttle::rand::{Rng, thread_rng};
use shuttle::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use shuttle::sync::{Arc, Condvar, Mutex};
use shuttle::thread;

/// The last sequence number before the wrap.
const LAST: u32 = u32::MAX >> 1;

fn iterations() -> usize {
    let said = std::env::var("COSMOSTEST_INTERLEAVINGS").ok();
    said.map_or(400, |count| count.parse().expect("a number"))
}

#[derive(Default)]
struct Line {
    word: AtomicU32,
    payload: AtomicU32,
    cpu: AtomicU32,
    stamp: AtomicU64,
    sleepers: Mutex<()>,
    woken: Condvar,
}

/// Shared memory, and a machine that is as unhelpful as allowed.
struct Shared {
    lines: [Line; 2],
    /// Whether naps, and sleeps that nobody ends, end by themselves.
    naps: bool,
    /// Whether both sides say that they are on one CPU.
    crowded: bool,
    gone: [AtomicBool; 2],
}

/// The machine as one side sees it.
#[derive(Clone)]
struct Modelled {
    shared: Arc<Shared>,
    side: Side,
}

impl Shared {
    fn new(sequence: u32, naps: bool) -> Arc<Shared> {
        let shared = Shared {
            lines: Default::default(),
            naps,
            crowded: thread_rng().gen_bool(0.5),
            gone: Default::default(),
        };
        for line in &shared.lines {
            line.word.store(sequence << 1, Ordering::Relaxed);
        }
        Arc::new(shared)
    }

    fn line(&self, side: Side) -> &Line {
        &self.lines[side as usize]
    }
}

impl Machine for Modelled {
    fn load(&self, side: Side) -> u32 {
        self.shared.line(side).word.load(Ordering::Acquire)
    }

    fn swap(&self, side: Side, new: u32) -> u32 {
        self.shared.line(side).word.swap(new, Ordering::AcqRel)
    }

    fn exchange(&self, side: Side, current: u32, new: u32) -> bool {
        let word = &self.shared.line(side).word;
        word.compare_exchange(current, new, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }

    /// As the kernel does it: the comparison and falling asleep are one step for wakers.
    fn sleep(&self, side: Side, value: u32, _nanoseconds: u64) {
        let line = self.shared.line(side);
        let guard = line.sleepers.lock().unwrap();
        if line.word.load(Ordering::SeqCst) != value {
            return;
        }
        if self.shared.naps && thread_rng().gen_bool(0.5) {
            drop(guard);
            return thread::yield_now();
        }
        if self.shared.naps && self.shared.gone[side as usize].load(Ordering::SeqCst) {
            return;
        }
        drop(line.woken.wait(guard).unwrap());
    }

    fn wake(&self, side: Side) {
        let line = self.shared.line(side);
        drop(line.sleepers.lock().unwrap());
        line.woken.notify_all();
    }

    fn cpu_of(&self, side: Side) -> u32 {
        self.shared.line(side).cpu.load(Ordering::Relaxed)
    }

    fn set_cpu(&self, side: Side, cpu: u32) {
        assert_eq!(side, self.side, "a CPU field with two writers");
        self.shared.line(side).cpu.store(cpu, Ordering::Relaxed);
    }

    fn stamp_of(&self, side: Side) -> u64 {
        self.shared.line(side).stamp.load(Ordering::Relaxed)
    }

    fn set_stamp(&self, side: Side, now: u64) {
        assert_eq!(side, self.side, "a stamp with two writers");
        self.shared.line(side).stamp.store(now, Ordering::Relaxed);
    }

    /// Any clock is as good as another: no property may depend on it.
    fn now(&self) -> u64 {
        thread_rng().gen_range(1..1_000_000)
    }

    fn cpu(&self) -> u32 {
        if self.shared.crowded {
            1
        } else {
            1 + self.side as u32
        }
    }

    fn pause(&self) {
        thread::yield_now();
    }

    fn give_way(&self) {
        thread::yield_now();
    }
}

/// An end over the modelled machine: what [`super::End`] does, but for bodies.
struct End {
    machine: Modelled,
    ring: HandOver,
    waiting: Waiting,
    woke: bool,
    /// Steps after which this side stops, as if it were killed.
    life: u32,
}

impl End {
    fn new(shared: &Arc<Shared>, side: Side, sequence: u32) -> End {
        End {
            machine: Modelled {
                shared: Arc::clone(shared),
                side,
            },
            ring: HandOver::new(side, sequence),
            waiting: Waiting::new(&Settings::ASKING),
            woke: false,
            life: u32::MAX,
        }
    }

    fn lives(&mut self) -> bool {
        self.life = self.life.saturating_sub(1);
        self.life > 0
    }

    fn post(&mut self, payload: u32) {
        let side = self.ring.side();
        let line = self.machine.shared.line(side);
        line.payload.store(payload, Ordering::Relaxed);
        self.woke = self.ring.publish(&self.machine);
    }

    fn take(&mut self) -> Result<u32, Broken> {
        if self.ring.side() == Side::Vm && thread_rng().gen_bool(0.2) {
            self.ring.stands_on(COMING);
            self.ring.state_cpu(&self.machine);
        }
        // Fewer looks than on a real machine, which would only make runs longer.
        if thread_rng().gen_bool(0.3) {
            match self.waiting.awake(&self.machine, &mut self.ring, self.woke) {
                Look::Arrived => return Ok(self.accept()),
                Look::NotYet(_) => {}
                Look::Forged(word) => return Err(Broken::Forged(word)),
            }
        }
        let other = self.ring.other();
        let shared = Arc::clone(&self.machine.shared);
        let mut gone = || shared.gone[other as usize].load(Ordering::SeqCst);
        let limits = Limits {
            timeout: None,
            naps: (1, 8),
        };
        self.waiting
            .asleep(&self.machine, &self.ring, limits, 1, &mut gone)
            .map(|_| self.accept())
    }

    fn accept(&mut self) -> u32 {
        self.ring.accept();
        let line = self.machine.shared.line(self.ring.other());
        line.payload.load(Ordering::Relaxed)
    }

    /// Ends this side as the end of its process would: naps of the other one end, and it is seen.
    fn stop(self) {
        let side = self.ring.side();
        self.machine.shared.gone[side as usize].store(true, Ordering::SeqCst);
        self.machine.wake(side);
    }
}

/// `rounds` calls, each with a callback inside of every second one.
fn converse(naps: bool, rounds: u32) {
    let sequence = LAST - thread_rng().gen_range(0..3);
    let shared = Shared::new(sequence, naps);
    let mut vm = End::new(&shared, Side::Vm, sequence);
    let served = thread::spawn(move || {
        for round in 0..rounds {
            assert_eq!(vm.take(), Ok(round));
            if round % 2 == 1 {
                vm.post(1000 + round);
                assert_eq!(vm.take(), Ok(2000 + round));
            }
            vm.post(3000 + round);
        }
    });
    let mut client = End::new(&shared, Side::Client, sequence);
    for round in 0..rounds {
        client.post(round);
        if round % 2 == 1 {
            assert_eq!(client.take(), Ok(1000 + round));
            client.post(2000 + round);
        }
        assert_eq!(client.take(), Ok(3000 + round));
    }
    served.join().unwrap();
}

#[test]
fn nothing_is_lost_without_naps() {
    shuttle::check_random(|| converse(false, 4), iterations());
    shuttle::check_pct(|| converse(false, 3), iterations(), 3);
}

#[test]
fn nothing_is_lost_with_naps_of_any_length() {
    shuttle::check_random(|| converse(true, 4), iterations());
}

#[test]
fn a_side_that_stops_leaves_no_hang() {
    let check = || {
        let shared = Shared::new(0, true);
        let (client_life, vm_life) = (thread_rng().gen_range(1..8), thread_rng().gen_range(1..8));
        let mut vm = End::new(&shared, Side::Vm, 0);
        vm.life = vm_life;
        let served = thread::spawn(move || {
            let mut expected = 0;
            while vm.lives() {
                match vm.take() {
                    Ok(number) => assert_eq!(number, expected, "lost or doubled"),
                    Err(reason) => {
                        assert_eq!(reason, Broken::Gone);
                        break;
                    }
                }
                if !vm.lives() {
                    break;
                }
                vm.post(expected + 100);
                expected += 1;
            }
            vm.stop();
        });
        let mut client = End::new(&shared, Side::Client, 0);
        client.life = client_life;
        let mut call = 0;
        while client.lives() {
            client.post(call);
            if !client.lives() {
                break;
            }
            match client.take() {
                Ok(number) => assert_eq!(number, call + 100, "lost or doubled"),
                Err(reason) => {
                    assert_eq!(reason, Broken::Gone);
                    break;
                }
            }
            call += 1;
        }
        client.stop();
        served.join().unwrap();
    };
    shuttle::check_random(check, iterations());
}

#[test]
fn a_hostile_peer_leaves_no_hang() {
    let check = || {
        let shared = Shared::new(LAST, true);
        let attacked = Arc::clone(&shared);
        let attack = thread::spawn(move || {
            for _ in 0..6 {
                let line = attacked.line(if thread_rng().gen_bool(0.7) {
                    Side::Vm
                } else {
                    Side::Client
                });
                let value = [0, 2, LAST << 1, u32::MAX][thread_rng().gen_range(0..4)];
                match thread_rng().gen_range(0..5) {
                    0 => line.word.store(value, Ordering::SeqCst),
                    1 => drop(line.word.fetch_or(SLEEP, Ordering::SeqCst)),
                    2 => drop(line.word.fetch_and(!SLEEP, Ordering::SeqCst)),
                    3 => line.cpu.store(COMING, Ordering::SeqCst),
                    _ => line.woken.notify_all(),
                }
            }
            // At last it is silent and ends, as every process does.
            attacked.gone[Side::Vm as usize].store(true, Ordering::SeqCst);
            drop(attacked.line(Side::Vm).sleepers.lock().unwrap());
            attacked.line(Side::Vm).woken.notify_all();
        });
        let mut client = End::new(&shared, Side::Client, LAST);
        for call in 0..3 {
            client.post(call);
            // What it gets is the peer's word, which may be anything; that it ends is what counts.
            if client.take().is_err() {
                break;
            }
        }
        attack.join().unwrap();
    };
    shuttle::check_random(check, iterations());
}
