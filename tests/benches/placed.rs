//! A whole call beside the floors of this machine, both processes placed, in one run.
//!
//! A floor is the least that two processes can do to hand a number to each other: spinning on a
//! shared word, yielding between looks, sleeping on a futex. Calls and floors take turns in batches,
//! and the ratio of the medians is what to look at: absolute times move with where the host puts the
//! virtual CPUs. Far ends of floors that never sleep are stopped while it is not their turn. A floor
//! *apart* has its far end in a session of its own, as a VM is in one: the kernel may share out the CPUs
//! by sessions, and then a hand-over between two of them takes longer. One *as a VM* has it under a VM's filters of
//! system calls as well, and each sleep of either end has a timeout, as where the other one may be hostile: the least
//! that a call which wakes somebody can take here. One *as many pages* is as a VM, and each end goes over as much memory
//! besides as an end of a call does, for that is what takes time after a pause.
//!
//! | row | what a turn is |
//! |---|---|
//! | two cores, one core | `cos` through the C function pointer, and the floors |
//! | callback | a comparison of a `qsort` of 10,000 elements, and a scalar call |
//! | batch | 1,000 calls of a function that does next to nothing, in one message, and a scalar call |
//! | sparse | one call after a pause, the futex, as it is, as a VM, and over as many pages, and a call of which each wait is a futex's alone |
//! | bursts | many calls after a pause, placed by nobody, and as many by spinning without one |
//!
//! `cargo bench -p cosmos-tests --bench placed [-- WORD...]`. Timing decides nothing.

#[path = "placed/floor.rs"]
mod floor;
#[path = "placed/pages.rs"]
mod pages;
#[path = "placed/sparse.rs"]
mod sparse;
#[path = "placed/work.rs"]
mod work;

use cosmos_tests::targets::Target;
use floor::Floor;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;
use std::ffi::{c_int, c_void};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const ROUNDS: usize = 41;
const BATCH: u32 = 2_000;
/// A call of a burst that takes longer was not made while both ends were awake on CPUs of their own.
const SLOW: Duration = Duration::from_nanos(1_500);
const ELEMENTS: usize = 10_000;
/// What far ends are asked the cosine of, and that: computed beforehand, or who asks would do so at the same time in
/// a floor, and after the answer in a call, which the compiler cannot look into.
const ASKED: f64 = 0.5;
static EXPECTED: LazyLock<f64> = LazyLock::new(|| ASKED.cos());

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;
type Cos = extern "C" fn(f64) -> f64;

fn main() -> Outcome {
    if let Some(floor) = floor::asked_for() {
        return floor::far_end(&floor);
    }
    if sparse::is_asked_for() {
        return sparse::by_the_futex();
    }
    if !cosmos_tests::is_measuring() {
        return Ok(());
    }
    let words: Vec<String> = std::env::args().skip(1).collect();
    let wanted = |row: &str| {
        let mut named = words
            .iter()
            .filter(|word| !word.starts_with('-'))
            .peekable();
        named.peek().is_none() || named.any(|word| word == row)
    };
    let whole = sched_getaffinity(Pid::from_raw(0))?;
    let cpus: Vec<usize> = (0..CpuSet::count())
        .filter(|cpu| whole.is_set(*cpu) == Ok(true))
        .collect();
    let (first, last) = (only(cpus[0])?, only(cpus[cpus.len() - 1])?);
    let library = cosmos::dlopen("libm.so.6")?;
    let function = library.function("double cos(double x)")?;
    // SAFETY: the prototype is the type.
    let cos: Cos = unsafe { std::mem::transmute(function.pointer()) };
    let system = cosmos::dlopen("libc.so.6")?;
    let vm = Vm::of(&system)?;
    if library.vm() != system.vm() {
        return Err("the two libraries are not in one VM".into());
    }
    if wanted("two") {
        vm.place(&last)?;
        sched_setaffinity(Pid::from_raw(0), &first)?;
        let floors = &[
            "spin",
            "spin, and 15 ns",
            "spin, and 30 ns",
            "yield",
            "futex",
        ];
        let ratios = dense("two cores", cos, floors, &last)?;
        Target::at_most("scalar call, two cores", 1.35, "x spinning").reached(ratios[0])?;
    }
    if wanted("callback") {
        vm.place(&last)?;
        sched_setaffinity(Pid::from_raw(0), &first)?;
        callbacks(&system, cos)?;
    }
    if wanted("batch") {
        vm.place(&last)?;
        sched_setaffinity(Pid::from_raw(0), &first)?;
        many(cos)?;
    }
    if wanted("one") {
        vm.place(&first)?;
        sched_setaffinity(Pid::from_raw(0), &first)?;
        let floors = &["yield", "futex", "yield, apart", "futex, apart"];
        let ratios = dense("one core", cos, floors, &first)?;
        Target::at_most(
            "scalar call, one core",
            1.2,
            "x the better of yield and futex",
        )
        .reached(ratios[..2].iter().copied().fold(0.0, f64::max))?;
    }
    vm.place(&whole)?;
    sched_setaffinity(Pid::from_raw(0), &whole)?;
    for gap in [1, 10] {
        if wanted("sparse") {
            sparse::measure(vm.process, cos, Duration::from_millis(gap), &whole)?;
        }
    }
    if wanted("bursts") {
        bursts(cos, 100, &whole, 1.5)?;
        bursts(cos, 2_000, &whole, 0.35)?;
    }
    Ok(())
}

fn only(cpu: usize) -> Outcome<CpuSet> {
    let mut mask = CpuSet::new();
    mask.set(cpu)?;
    Ok(mask)
}

/// The VM, and two functions by which its thread that serves this one sees to its own mask.
struct Vm {
    process: c_int,
    set: extern "C" fn(c_int, usize, *const CpuSet) -> c_int,
    get: extern "C" fn(c_int, usize, *mut CpuSet) -> c_int,
    // The pointers are good as long as these.
    _functions: Vec<cosmos::Function>,
}

impl Vm {
    fn of(system: &cosmos::Library) -> Outcome<Vm> {
        let pid = system.function("int getpid(void)")?;
        let set = system.function(
            "int sched_setaffinity(int pid, size_t size, const void *__sized_by(size) mask)",
        )?;
        let get = system.function(
            "int sched_getaffinity(int pid, size_t size, void *__sized_by(size) __out mask)",
        )?;
        // SAFETY: the prototypes are the types.
        unsafe {
            let own: extern "C" fn() -> c_int = std::mem::transmute(pid.pointer());
            let to: extern "C" fn(c_int, usize, *const CpuSet) -> c_int =
                std::mem::transmute(set.pointer());
            let from: extern "C" fn(c_int, usize, *mut CpuSet) -> c_int =
                std::mem::transmute(get.pointer());
            Ok(Vm {
                process: own(),
                set: to,
                get: from,
                _functions: vec![pid, set, get],
            })
        }
    }

    /// Gives every thread of it this mask. The one that serves this thread gives it to itself, for
    /// asleep it may have another, which it replaces by the one that it knows.
    fn place(&self, mask: &CpuSet) -> Outcome {
        place_now(self.process, mask)?;
        if (self.set)(0, size_of::<CpuSet>(), mask) != 0 {
            return Err("the VM's thread cannot be placed".into());
        }
        for _ in 0..2 {
            std::thread::sleep(Duration::from_millis(150));
            let mut there = CpuSet::new();
            (self.get)(0, size_of::<CpuSet>(), &mut there);
            if there != *mask {
                return Err(format!("the VM's thread is on {there:?} and not on {mask:?}").into());
            }
        }
        Ok(())
    }
}

fn place_now(process: i32, mask: &CpuSet) -> Outcome {
    for task in std::fs::read_dir(format!("/proc/{process}/task"))? {
        let thread = task?.file_name().to_string_lossy().parse()?;
        sched_setaffinity(Pid::from_raw(thread), mask)?;
    }
    Ok(())
}

fn call(cos: Cos) -> Outcome {
    match cos(std::hint::black_box(ASKED)) == *EXPECTED {
        true => Ok(()),
        false => Err("cos gave a wrong answer".into()),
    }
}

/// Nanoseconds for each of a batch.
fn batch(count: u32, mut work: impl FnMut() -> Outcome) -> Outcome<f64> {
    work()?;
    let begin = Instant::now();
    for _ in 0..count {
        work()?;
    }
    Ok(begin.elapsed().as_nanos() as f64 / f64::from(count))
}

/// Gives how many times each floor a call is, paired.
fn dense(title: &str, cos: Cos, names: &'static [&'static str], far: &CpuSet) -> Outcome<Vec<f64>> {
    let mut floors = Vec::new();
    for name in names {
        floors.push(Floor::start(name, far)?);
    }
    let mut calls = Vec::new();
    let mut times = vec![Vec::new(); floors.len()];
    for _ in 0..ROUNDS {
        calls.push(batch(BATCH, || call(cos))?);
        for (floor, times) in floors.iter_mut().zip(&mut times) {
            times.push(floor.turn()?);
        }
    }
    println!("{title}: a call {:.3} us", median(&mut calls.clone()) / 1e3);
    let mut paired = Vec::new();
    for (name, times) in names.iter().zip(&mut times) {
        let mut ratios: Vec<f64> = calls.iter().zip(&*times).map(|(a, b)| a / b).collect();
        println!(
            "    {name:15} {:>8.3} us, a call is {:.2} x (paired {:.2})",
            median(times) / 1e3,
            median(&mut calls.clone()) / median(times),
            median(&mut ratios),
        );
        paired.push(median(&mut ratios));
    }
    Ok(paired)
}

fn callbacks(system: &cosmos::Library, cos: Cos) -> Outcome {
    static COMPARED: AtomicU64 = AtomicU64::new(0);
    unsafe extern "C" fn compare(left: *const c_int, right: *const c_int) -> c_int {
        COMPARED.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the prototype says that both lead to an element.
        unsafe { (*left).cmp(&*right) as c_int }
    }
    type Compare = unsafe extern "C" fn(*const c_int, *const c_int) -> c_int;
    let function = system.function(
        "void qsort(int *__counted_by(n) __inout base, size_t n, size_t size, \
         int (*compare)(const int *a, const int *b))",
    )?;
    // SAFETY: the prototype is the type.
    let qsort: unsafe extern "C" fn(*mut c_int, usize, usize, Compare) =
        unsafe { std::mem::transmute(function.pointer()) };
    let mut random = 1u32;
    let numbers: Vec<c_int> = std::iter::repeat_with(|| {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (random >> 8) as c_int
    })
    .take(ELEMENTS)
    .collect();
    let mut sorted = numbers.clone();
    sorted.sort_unstable();
    let (mut back, mut calls, mut whole) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..9 {
        let mut given = numbers.clone();
        COMPARED.store(0, Ordering::Relaxed);
        let begin = Instant::now();
        // SAFETY: as many elements as are said.
        unsafe { qsort(given.as_mut_ptr(), ELEMENTS, size_of::<c_int>(), compare) };
        let took = begin.elapsed().as_nanos() as f64;
        if given != sorted {
            return Err("qsort gave a wrong answer".into());
        }
        whole.push(took);
        back.push(took / COMPARED.load(Ordering::Relaxed) as f64);
        calls.push(batch(4 * BATCH, || call(cos))?);
    }
    println!(
        "callback: qsort of {ELEMENTS} {:.2} ms, {:.3} us a comparison, {:.2} x a scalar call",
        median(&mut whole) / 1e6,
        median(&mut back) / 1e3,
        median(&mut back) / median(&mut calls),
    );
    let ratio = median(&mut back) / median(&mut calls);
    Ok(Target::at_most("callback, there and back", 1.5, "x a scalar call").reached(ratio)?)
}

fn many(cos: Cos) -> Outcome {
    use cosmos::c::dl::{cosmos_dlclose, cosmos_dlfunc, cosmos_dlopen};
    use cosmos::c::together::{cosmos_call_all, cosmos_step};
    const COUNT: usize = 1_000;
    // SAFETY: two strings.
    let (abs, dl) = unsafe {
        let dl = cosmos_dlopen(c"libc.so.6".as_ptr(), std::ptr::null());
        (cosmos_dlfunc(dl, c"int abs(int number)".as_ptr()), dl)
    };
    let (mut number, mut results) = (-7 as c_int, vec![0 as c_int; COUNT]);
    let argument: [*mut c_void; 1] = [(&raw mut number).cast()];
    let mut steps: Vec<cosmos_step> = results
        .iter_mut()
        .map(|result| cosmos_step {
            function: abs,
            arguments: argument.as_ptr(),
            result: std::ptr::from_mut(result).cast(),
            error: 0,
        })
        .collect();
    let (mut together, mut calls) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let took = batch(20, || {
            // SAFETY: each step has an argument and room for a result of its function's type.
            match unsafe { cosmos_call_all(steps.as_mut_ptr(), COUNT) } {
                0 => Ok(()),
                _ => Err("many calls failed".into()),
            }
        })?;
        together.push(took / COUNT as f64);
        calls.push(batch(BATCH, || call(cos))?);
    }
    if results.iter().any(|result| *result != 7) {
        return Err("abs gave a wrong answer".into());
    }
    cosmos_dlclose(dl);
    println!(
        "batch: {COUNT} calls in a message, {:.1} ns a call, {:.3} x a scalar call",
        median(&mut together),
        median(&mut together) / median(&mut calls),
    );
    let each = median(&mut together);
    Ok(Target::at_most("a call of 1,000 at once", 30.0, "ns").reached(each)?)
}

fn bursts(cos: Cos, count: u32, whole: &CpuSet, target: f64) -> Outcome {
    let mut floor = Floor::start("spin", whole)?;
    let mut worst: f64 = 0.0;
    for pause in [1, 10, 100] {
        let (mut means, mut last, mut spinning) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS / 2 {
            std::thread::sleep(Duration::from_millis(pause));
            let begin = Instant::now();
            let mut before = begin;
            let mut slow = 0;
            for number in 0..count {
                call(cos)?;
                let now = Instant::now();
                if now - std::mem::replace(&mut before, now) > SLOW {
                    slow = number + 1;
                }
            }
            means.push((before - begin).as_nanos() as f64 / f64::from(count));
            last.push(f64::from(slow));
            spinning.push(floor.turn()?);
        }
        let mean = median(&mut means) / 1e3;
        println!(
            "bursts of {count} after {pause} ms: {mean:.2} us a call, the last of those over {SLOW:?} \
             is number {}; spinning without a pause {:.3} us",
            median(&mut last),
            median(&mut spinning) / 1e3,
        );
        worst = worst.max(mean);
    }
    let name = match count {
        100 => "a call of 100 after a pause",
        _ => "a call of 2,000 after a pause",
    };
    Ok(Target::at_most(name, target, "us").reached(worst)?)
}

/// Nanoseconds that all threads of a process have run.
fn used(process: i32) -> Outcome<f64> {
    let mut sum = 0.0;
    for task in std::fs::read_dir(format!("/proc/{process}/task"))? {
        let text = std::fs::read_to_string(task?.path().join("schedstat"))?;
        let first = text.split(' ').next().unwrap_or_default();
        sum += first.parse::<f64>()?;
    }
    Ok(sum)
}

/// Sorts the values.
fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
