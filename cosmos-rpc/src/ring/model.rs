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
//! | each CPU field, each stamp and each mask has one writer | asserted wherever one is written, in every test |
//! | a narrowed mask is whole again whenever a wait ends, whichever way | asserted after every wait, in every test |
//! | pinning, moving off and taking the whole mask again go on for ever neither within a wait nor from wait to wait | `placing` |
//!
//! Each check goes through 400 interleavings, or through as many as `COSMOSTEST_INTERLEAVINGS` says:
//! `make soak` lets them go on.

mod placing;

use super::handover::{COMING, Look};
use super::layout::{SLEEP, Side};
use super::machine::Machine;
use super::placement::Affinity;
use super::waiter::Waiter;
use super::waiting::{Broken, Settings};
use nix::sched::CpuSet;
use shuttle::rand::{Rng, thread_rng};
use shuttle::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use shuttle::sync::{Arc, Condvar, Mutex};
use shuttle::thread::{self, ThreadId};
use std::sync::OnceLock;

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

/// Where the kernel has the threads run, as far as their masks allow it.
#[derive(Clone, Copy, Debug)]
enum Kernel {
    /// Both on CPU 1.
    Together,
    /// The client's on CPU 1, the VM's on CPU 2.
    Apart,
    /// On any, and elsewhere at any moment.
    Anywhere,
}

/// The CPUs that both threads may run on at first.
const CPUS: [usize; 2] = [1, 2];

/// What the kernel knows of a side's thread, which only that thread changes. Nobody waits for it, so
/// these are no atomics of the checker's.
struct Placed {
    mask: std::sync::Mutex<CpuSet>,
    /// How often that changed.
    changes: std::sync::atomic::AtomicU32,
    owner: OnceLock<ThreadId>,
}

/// A clock that goes forward.
struct Clock {
    now: std::sync::atomic::AtomicU64,
    /// How far from reading to reading, in nanoseconds, at most.
    step: u64,
}

/// Shared memory, and a machine that is as unhelpful as allowed.
struct Shared {
    lines: [Line; 2],
    /// Whether naps, and sleeps that nobody ends, end by themselves.
    naps: bool,
    kernel: Kernel,
    /// Whether threads may change their masks.
    permitted: bool,
    /// The time, where it goes forward.
    clock: Option<Clock>,
    placed: [Placed; 2],
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
        let kernels = [Kernel::Together, Kernel::Apart, Kernel::Anywhere];
        let kernel = kernels[thread_rng().gen_range(0..3)];
        Shared::on(kernel, sequence, naps, None)
    }

    fn on(kernel: Kernel, sequence: u32, naps: bool, clock: Option<Clock>) -> Arc<Shared> {
        let shared = Shared {
            lines: Default::default(),
            naps,
            kernel,
            permitted: thread_rng().gen_bool(0.9),
            clock,
            placed: [Placed::new(), Placed::new()],
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

impl Clock {
    fn new(step: u64) -> Clock {
        // The machine has been on for a while.
        let now = 1_000_000_000.into();
        Clock { now, step }
    }

    fn now(&self) -> u64 {
        self.now.load(std::sync::atomic::Ordering::SeqCst)
    }

    fn passes(&self, time: u64) -> u64 {
        let passed = time % self.step + 1;
        let before = self
            .now
            .fetch_add(passed, std::sync::atomic::Ordering::SeqCst);
        before + passed
    }
}

impl Placed {
    fn new() -> Placed {
        Placed {
            mask: std::sync::Mutex::new(cpus(&CPUS)),
            changes: Default::default(),
            owner: OnceLock::new(),
        }
    }

    fn mask(&self) -> CpuSet {
        *self.mask.lock().unwrap()
    }

    /// What is this thread's alone is written by it alone.
    fn is_written(&self) {
        let me = thread::current().id();
        assert_eq!(*self.owner.get_or_init(|| me), me, "two writers");
    }
}

fn cpus(list: &[usize]) -> CpuSet {
    let mut set = CpuSet::new();
    list.iter().for_each(|cpu| set.set(*cpu).unwrap());
    set
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
        self.placed().is_written();
        self.shared.line(side).cpu.store(cpu, Ordering::Relaxed);
    }

    fn stamp_of(&self, side: Side) -> u64 {
        self.shared.line(side).stamp.load(Ordering::Relaxed)
    }

    fn set_stamp(&self, side: Side, now: u64) {
        assert_eq!(side, self.side, "a stamp with two writers");
        self.placed().is_written();
        self.shared.line(side).stamp.store(now, Ordering::Relaxed);
    }

    /// Any clock is as good as another, but where a property depends on it.
    fn now(&self) -> u64 {
        let passes = thread_rng().gen_range(1..1_000_000);
        match &self.shared.clock {
            Some(clock) => clock.passes(passes),
            None => passes,
        }
    }

    fn cpu(&self) -> u32 {
        let wanted = match self.shared.kernel {
            Kernel::Together => CPUS[0],
            Kernel::Apart => CPUS[self.side as usize],
            Kernel::Anywhere => CPUS[thread_rng().gen_range(0..2)],
        };
        let mask = self.placed().mask();
        let allowed = |cpu: &usize| mask.is_set(*cpu).unwrap();
        let other = || CPUS.into_iter().find(allowed).expect("a CPU");
        Some(wanted).filter(allowed).unwrap_or_else(other) as u32
    }

    fn pause(&self) {
        thread::yield_now();
    }

    fn give_way(&self) {
        thread::yield_now();
    }
}

impl Affinity for Modelled {
    fn get(&self) -> Option<CpuSet> {
        Some(self.placed().mask())
    }

    fn set(&self, mask: &CpuSet) -> bool {
        assert_eq!(self.side, Side::Vm, "a client changes its mask");
        self.placed().is_written();
        if self.shared.permitted {
            assert_ne!(*mask, CpuSet::new(), "no CPU is left");
            *self.placed().mask.lock().unwrap() = *mask;
            let changes = &self.placed().changes;
            changes.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            // Whoever looks now sees it so.
            thread::yield_now();
        }
        self.shared.permitted
    }
}

impl Modelled {
    fn placed(&self) -> &Placed {
        &self.shared.placed[self.side as usize]
    }
}

/// An end over the modelled machine: what [`super::End`] does, but for bodies.
struct End {
    machine: Modelled,
    waiter: Waiter<Modelled>,
    /// Steps after which this side stops, as if it were killed.
    life: u32,
}

impl End {
    fn new(shared: &Arc<Shared>, side: Side, sequence: u32) -> End {
        let machine = Modelled {
            shared: Arc::clone(shared),
            side,
        };
        End {
            waiter: Waiter::new(side, sequence, &Settings::ASKING, machine.clone()),
            machine,
            life: u32::MAX,
        }
    }

    fn lives(&mut self) -> bool {
        self.life = self.life.saturating_sub(1);
        self.life > 0
    }

    fn post(&mut self, payload: u32) {
        let side = self.waiter.ring.side();
        let line = self.machine.shared.line(side);
        line.payload.store(payload, Ordering::Relaxed);
        self.waiter.publish(&self.machine);
    }

    fn take(&mut self) -> Result<u32, Broken> {
        let taken = self.wait();
        self.has_its_whole_mask();
        taken.map(|()| self.accept())
    }

    /// Whatever came of a wait, foreign code may run after it.
    fn has_its_whole_mask(&self) {
        assert_eq!(self.machine.placed().mask(), cpus(&CPUS), "a narrow mask");
    }

    fn wait(&mut self) -> Result<(), Broken> {
        if self.waiter.ring.side() == Side::Vm && thread_rng().gen_bool(0.2) {
            self.waiter.ring.stands_on(COMING);
            self.waiter.ring.state_cpu(&self.machine);
        }
        // On a real machine it always does so first, which makes runs long.
        if thread_rng().gen_bool(0.3) {
            match self.waiter.awake(&self.machine) {
                Look::Arrived => return Ok(()),
                Look::NotYet(_) => {}
                Look::Forged(word) => return Err(Broken::Forged(word)),
            }
        }
        self.sleep(None)
    }

    fn sleep(&mut self, timeout: Option<u64>) -> Result<(), Broken> {
        let other = self.waiter.ring.other();
        let shared = Arc::clone(&self.machine.shared);
        let mut gone = || shared.gone[other as usize].load(Ordering::SeqCst);
        self.waiter.asleep(&self.machine, timeout, &mut gone)
    }

    fn accept(&mut self) -> u32 {
        self.waiter.ring.accept();
        let line = self.machine.shared.line(self.waiter.ring.other());
        line.payload.load(Ordering::Relaxed)
    }

    /// Ends this side as the end of its process would: naps of the other one end, and it is seen.
    fn stop(self) {
        let side = self.waiter.ring.side();
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
