//! A machine of two CPUs with a clock of its own: what calls cost by their pattern, where a wake-up, a
//! move and a yield take as long as on the machine that [`super`] was measured on.
//!
//! Both ends run their own code, on a thread each, and every step of it goes through [`Machine`] or
//! [`Affinity`]. The simulated time of a step is known, so the thread that is behind goes on and the
//! other one waits: what comes out depends on the code alone, and not on the machine that simulates it.
//!
//! | step | nanoseconds |
//! |---|---:|
//! | a look, a swap, reading clock or CPU | 20 |
//! | PAUSE | 25 |
//! | a yield, nobody else being there; until the other one runs | 400; 1,100 |
//! | falling asleep; waking somebody | 1,000; 2,000 |
//! | running after a wake-up on the waker's CPU, once that is free; on another one | 3,000; 45,000 |
//! | a mask; one that drives the thread to another CPU | 1,000; 75,000 |
//!
//! A thread is woken on its waker's CPU where its mask has that, or where it slept: the kernel does
//! either.

use super::handover::Look;
use super::layout::Side;
use super::machine::Machine;
use super::placement::Affinity;
use super::waiter::Waiter;
use super::waiting::Settings;
use nix::sched::CpuSet;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

const LOOK: u64 = 20;
const PAUSE: u64 = 25;
const VAIN_YIELD: u64 = 400;
const SWITCH: u64 = 1_100;
const FALLING_ASLEEP: u64 = 1_000;
const WAKING: u64 = 2_000;
const WOKEN_BESIDE: u64 = 3_000;
const WOKEN_APART: u64 = 45_000;
const MASK: u64 = 1_000;
const MOVE: u64 = 75_000;
const MILLISECOND: u64 = 1_000_000;

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Running,
    /// Waits for its CPU.
    Queued,
    /// Until then at most; on which side's word, where on any.
    Asleep(u64, Option<Side>),
    Ended,
}

#[derive(Debug)]
struct Task {
    state: State,
    now: u64,
    cpu: usize,
    mask: [bool; 2],
    /// How often it gave itself another one.
    masks: u32,
    /// What it put into its line.
    word: u32,
    stated: u32,
    stamp: u64,
    /// Nanoseconds that it was neither asleep nor queued.
    ran: u64,
}

#[derive(Debug)]
struct World {
    tasks: Mutex<[Task; 2]>,
    changed: Condvar,
    /// Whether the kernel wakes a thread on its waker's CPU.
    pulls: bool,
}

/// The machine as one of the two threads sees it.
#[derive(Clone, Debug)]
struct Simulated {
    world: Arc<World>,
    me: usize,
}

impl Simulated {
    fn pair(pulls: bool, cpus: [bool; 2]) -> [Simulated; 2] {
        let task = |cpu| Task {
            state: State::Running,
            now: MILLISECOND,
            cpu,
            mask: cpus,
            masks: 0,
            word: 0,
            stated: 0,
            stamp: 0,
            ran: 0,
        };
        let mut tasks = [task(0), task(usize::from(cpus[1]))];
        if tasks[0].cpu == tasks[1].cpu {
            tasks[1].state = State::Queued;
        }
        let world = Arc::new(World {
            tasks: Mutex::new(tasks),
            changed: Condvar::new(),
            pulls,
        });
        [0, 1].map(|me| Simulated {
            world: Arc::clone(&world),
            me,
        })
    }

    /// Takes so long, and goes on when this thread is the one that is behind.
    fn step<T>(&self, takes: u64, then: impl FnOnce(&mut [Task; 2]) -> T) -> T {
        let mut tasks = self.world.tasks.lock().unwrap();
        tasks[self.me].now += takes;
        tasks[self.me].ran += takes;
        self.world.changed.notify_all();
        tasks = self.turn(tasks);
        let result = then(&mut tasks);
        self.world.changed.notify_all();
        drop(self.turn(tasks));
        result
    }

    fn turn<'a>(&self, mut tasks: MutexGuard<'a, [Task; 2]>) -> MutexGuard<'a, [Task; 2]> {
        loop {
            let [me, other] = [&tasks[self.me], &tasks[1 - self.me]];
            let others = match other.state {
                State::Running => other.now,
                State::Asleep(until, _) => until,
                State::Queued | State::Ended => u64::MAX,
            };
            match me.state {
                State::Running if (me.now, self.me) <= (others, 1 - self.me) => return tasks,
                State::Asleep(until, _) if (until, self.me) <= (others, 1 - self.me) => {
                    let now = until.max(me.now);
                    self.world.runs(&mut tasks, self.me, now);
                    self.world.changed.notify_all();
                }
                _ => tasks = self.world.changed.wait(tasks).unwrap(),
            }
        }
    }

    fn ends(&self) {
        let mut tasks = self.world.tasks.lock().unwrap();
        let now = tasks[self.me].now;
        tasks[self.me].state = State::Ended;
        self.world.leaves(&mut tasks, self.me, now);
        self.world.changed.notify_all();
    }

    /// Does nothing for so long.
    fn rests(&self, nanoseconds: u64) {
        self.step(FALLING_ASLEEP, |tasks| {
            let now = tasks[self.me].now;
            tasks[self.me].state = State::Asleep(now + nanoseconds, None);
            self.world.leaves(tasks, self.me, now);
        });
    }
}

impl World {
    /// A thread that could run goes on from now, as soon as its CPU is free.
    fn runs(&self, tasks: &mut [Task; 2], who: usize, now: u64) {
        let other = &tasks[1 - who];
        let busy = other.state == State::Running && other.cpu == tasks[who].cpu;
        tasks[who].state = if busy { State::Queued } else { State::Running };
        tasks[who].now = now;
    }

    /// A thread leaves its CPU to the other one.
    fn leaves(&self, tasks: &mut [Task; 2], who: usize, now: u64) {
        if tasks[1 - who].state == State::Queued {
            tasks[1 - who].state = State::Running;
            tasks[1 - who].now = tasks[1 - who].now.max(now + SWITCH);
        }
    }
}

impl Machine for Simulated {
    fn load(&self, side: Side) -> u32 {
        self.step(LOOK, |tasks| tasks[side as usize].word)
    }

    fn swap(&self, side: Side, new: u32) -> u32 {
        self.step(LOOK, |tasks| {
            std::mem::replace(&mut tasks[side as usize].word, new)
        })
    }

    fn exchange(&self, side: Side, current: u32, new: u32) -> bool {
        self.step(LOOK, |tasks| {
            let word = &mut tasks[side as usize].word;
            let is_current = *word == current;
            if is_current {
                *word = new;
            }
            is_current
        })
    }

    fn sleep(&self, side: Side, value: u32, nanoseconds: u64) {
        self.step(FALLING_ASLEEP, |tasks| {
            if tasks[side as usize].word == value {
                let now = tasks[self.me].now;
                tasks[self.me].state = State::Asleep(now + nanoseconds, Some(side));
                self.world.leaves(tasks, self.me, now);
            }
        });
    }

    fn wake(&self, side: Side) {
        self.step(WAKING, |tasks| {
            let (here, now) = (tasks[self.me].cpu, tasks[self.me].now);
            let other = &mut tasks[1 - self.me];
            let State::Asleep(_, Some(word)) = other.state else {
                return;
            };
            if word != side {
                return;
            }
            let goes_here = other.mask[here] && (self.world.pulls || !other.mask[other.cpu]);
            if goes_here {
                other.cpu = here;
            } else if !other.mask[other.cpu] {
                other.cpu = 1 - other.cpu;
            }
            let late = if other.cpu == here {
                WOKEN_BESIDE
            } else {
                WOKEN_APART
            };
            self.world.runs(tasks, 1 - self.me, now + late);
        });
    }

    fn cpu_of(&self, side: Side) -> u32 {
        self.step(0, |tasks| tasks[side as usize].stated)
    }

    fn set_cpu(&self, side: Side, cpu: u32) {
        self.step(0, |tasks| tasks[side as usize].stated = cpu);
    }

    fn stamp_of(&self, side: Side) -> u64 {
        self.step(0, |tasks| tasks[side as usize].stamp)
    }

    fn set_stamp(&self, side: Side, now: u64) {
        self.step(0, |tasks| tasks[side as usize].stamp = now);
    }

    fn now(&self) -> u64 {
        self.step(LOOK, |tasks| tasks[self.me].now)
    }

    fn cpu(&self) -> u32 {
        self.step(0, |tasks| tasks[self.me].cpu as u32)
    }

    fn pause(&self) {
        self.step(PAUSE, |_| ());
    }

    fn give_way(&self) {
        self.step(VAIN_YIELD, |tasks| {
            let now = tasks[self.me].now;
            if tasks[1 - self.me].state == State::Queued {
                tasks[self.me].state = State::Queued;
                self.world.leaves(tasks, self.me, now);
            }
        });
    }
}

impl Affinity for Simulated {
    fn get(&self) -> Option<CpuSet> {
        self.step(MASK, |tasks| {
            let mut set = CpuSet::new();
            for cpu in [0, 1].into_iter().filter(|cpu| tasks[self.me].mask[*cpu]) {
                set.set(cpu).unwrap();
            }
            Some(set)
        })
    }

    fn set(&self, mask: &CpuSet) -> bool {
        self.step(MASK, |tasks| {
            let me = &mut tasks[self.me];
            me.mask = [0, 1].map(|cpu| mask.is_set(cpu).unwrap());
            me.masks += 1;
            let (now, stays) = (me.now, me.mask[me.cpu]);
            if !stays {
                self.world.leaves(tasks, self.me, now);
                tasks[self.me].cpu = 1 - tasks[self.me].cpu;
                self.world.runs(tasks, self.me, now + MOVE);
            }
            true
        })
    }
}

/// Bursts of calls with pauses between them.
struct Pattern {
    calls: u32,
    pause: u64,
    /// What the caller does between two calls takes so long.
    work: u64,
    /// And the function that it calls.
    function: u64,
    bursts: u32,
    colocate: bool,
}

/// What a pattern came to.
struct Cost {
    /// Nanoseconds a call, where the pattern has been found.
    call: u64,
    /// How much of the time the VM ran.
    load: f64,
    /// How often the VM's thread changed its mask, and the one that it ended with.
    masks: u32,
    mask: [bool; 2],
}

impl Pattern {
    fn of(calls: u32, pause: u64) -> Pattern {
        Pattern {
            calls,
            pause,
            work: 50,
            function: 0,
            bursts: 8,
            colocate: true,
        }
    }

    fn cost(&self, pulls: bool, cpus: [bool; 2]) -> Cost {
        let settings = Settings {
            colocate: self.colocate,
            ..Settings::SERVING
        };
        let [near, far] = Simulated::pair(pulls, cpus);
        let (calls, function) = (self.bursts * self.calls, self.function);
        let serving = far.clone();
        let served = std::thread::spawn(move || {
            let mut vm = Waiter::new(Side::Vm, 0, &settings, serving.clone());
            for _ in 0..calls {
                take(&mut vm, &serving);
                serving.step(function, |_| ());
                vm.publish(&serving);
            }
            serving.ends();
        });
        let mut means = self.calls_from(&near);
        near.ends();
        served.join().unwrap();
        let tasks = near.world.tasks.lock().unwrap();
        let load = tasks[1].ran as f64 / tasks[0].now as f64;
        let later = &mut means[self.bursts as usize / 2..];
        later.sort_unstable();
        Cost {
            call: later[later.len() / 2],
            load,
            masks: tasks[1].masks,
            mask: tasks[1].mask,
        }
    }

    fn calls_from(&self, near: &Simulated) -> Vec<u64> {
        let mut client = Waiter::new(Side::Client, 0, &Settings::ASKING, near.clone());
        let burst = |_| {
            near.rests(self.pause);
            let begun = near.now();
            for _ in 0..self.calls {
                client.publish(near);
                take(&mut client, near);
                near.step(self.work, |_| ());
            }
            (near.now() - begun) / u64::from(self.calls) - self.work - self.function
        };
        (0..self.bursts).map(burst).collect()
    }
}

fn take(end: &mut Waiter<Simulated>, machine: &Simulated) {
    if !matches!(end.awake(machine), Look::Arrived) {
        end.asleep(machine, None, &mut || false).unwrap();
    }
    end.ring.accept();
}

const TWO: [bool; 2] = [true, true];
const ONE: [bool; 2] = [true, false];
/// What a call costs where the two ends hand one CPU to each other.
const ON_ONE: u64 = 2 * (VAIN_YIELD + SWITCH);

#[test]
fn in_bursts_after_any_pause_calls_are_soon_made_on_two_cpus() {
    for pulls in [false, true] {
        for pause in [1, 100] {
            let pause = pause * MILLISECOND;
            let few = Pattern::of(100, pause).cost(pulls, TWO).call;
            assert!(few < ON_ONE / 4, "{few} ns after {pause}, {pulls}");
            let many = Pattern::of(400, pause).cost(pulls, TWO).call;
            assert!(many < ON_ONE / 12, "{many} ns after {pause}, {pulls}");
        }
    }
}

#[test]
fn work_between_calls_does_not_bring_the_ends_together() {
    for pulls in [false, true] {
        let pattern = Pattern {
            work: 10_000,
            ..Pattern::of(200, 10 * MILLISECOND)
        };
        let call = pattern.cost(pulls, TWO).call;
        assert!(call < ON_ONE / 6, "{call} ns, {pulls}");
    }
}

#[test]
fn short_bursts_cost_no_more_than_on_one_cpu() {
    for calls in [5, 20] {
        let call = Pattern::of(calls, 10 * MILLISECOND).cost(true, TWO).call;
        let alone = Pattern::of(calls, 10 * MILLISECOND).cost(true, ONE).call;
        assert!(call < alone + alone / 2, "{call} ns beside {alone}");
    }
}

/// Whose callers are still looking when they are answered, and whose sleep by then.
#[test]
fn functions_that_take_long_cost_no_more_than_on_one_cpu() {
    for pulls in [false, true] {
        for function in [25_000, 60_000] {
            for calls in [40, 320] {
                let pattern = Pattern {
                    function,
                    bursts: 16,
                    ..Pattern::of(calls, 3 * MILLISECOND)
                };
                let call = pattern.cost(pulls, TWO).call;
                assert!(
                    call < ON_ONE + ON_ONE / 2,
                    "{call} ns for each of {calls} that take {function}, {pulls}"
                );
            }
        }
    }
}

#[test]
fn single_calls_wake_the_vm_beside_its_caller() {
    for pulls in [false, true] {
        for pause in [1, 10] {
            let pattern = Pattern {
                bursts: 200,
                ..Pattern::of(1, pause * MILLISECOND)
            };
            let Cost { call, load, .. } = pattern.cost(pulls, TWO);
            assert!(
                call < WOKEN_APART / 4,
                "{call} ns after {pause} ms, {pulls}"
            );
            assert!(load < 0.015, "{load} of a CPU after {pause} ms, {pulls}");
        }
    }
}

#[test]
fn on_one_cpu_calls_cost_little_more_than_yields() {
    let call = Pattern::of(500, MILLISECOND).cost(true, ONE).call;
    assert!(call < ON_ONE + ON_ONE / 10, "{call} ns");
}

/// Calls of every kind: by it the thread narrows its mask, and has all of it when it serves the last one.
#[test]
fn a_thread_that_is_to_stay_where_it_is_never_changes_its_mask() {
    for (calls, pause, bursts) in [(1, 1, 200), (1, 10, 200), (100, 1, 8), (400, 100, 8)] {
        for colocate in [true, false] {
            let pattern = Pattern {
                bursts,
                colocate,
                ..Pattern::of(calls, pause * MILLISECOND)
            };
            let cost = pattern.cost(false, TWO);
            assert_eq!(
                cost.masks > 0,
                colocate,
                "{calls} calls, {} masks",
                cost.masks
            );
            assert_eq!(cost.mask, TWO);
        }
    }
}
