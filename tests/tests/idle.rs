//! VMs that nobody calls use no CPU, whatever was called before.

use cosmos_tests::{Process, World, eventually, in_world_for};
use std::ffi::{c_int, c_void};
use std::sync::Barrier;
use std::time::Duration;

/// What a process may use of a CPU while nobody calls it; one thread that spins uses all of it.
const SHARE: f64 = 0.02;
const PATIENCE: Duration = Duration::from_secs(90);
/// How long it is looked at.
const LOOK: Duration = Duration::from_secs(3);

/// Nanoseconds on a CPU, and switches, of all threads of a process.
fn used(pid: i32) -> (u64, u64) {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).expect("it lives");
    let mut all = (0, 0);
    for task in tasks.flatten() {
        let text = std::fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
        let mut fields = text
            .split_whitespace()
            .map(|field| field.parse::<u64>().unwrap_or(0));
        all.0 += fields.next().unwrap_or(0);
        all.1 += fields.nth(1).unwrap_or(0);
    }
    all
}

fn vm(world: &World) -> Process {
    let mut vms = world.processes_named("cosmos-hostfn").into_iter();
    let one = vms.next().expect("a VM");
    assert!(vms.next().is_none(), "one VM");
    one
}

/// Nobody calls: after a while it uses next to nothing.
fn is_idle(world: &World) {
    let pid = vm(world).pid;
    let mut seen = Vec::new();
    // Who waited for a call goes to sleep in a while.
    let found = eventually(Duration::from_secs(30), || {
        let before = used(pid);
        std::thread::sleep(LOOK);
        let after = used(pid);
        let share = (after.0 - before.0) as f64 / LOOK.as_nanos() as f64;
        seen.push((share, after.1 - before.1));
        // A thread that naps looks after its client some times a second, ever more rarely.
        (share < SHARE && after.1 - before.1 < 100).then_some(())
    });
    assert!(found.is_some(), "shares of a CPU, and switches: {seen:?}");
}

/// Calls of several threads, whose channels are all there while `look` looks.
fn look_between(threads: usize, look: impl FnOnce()) {
    let library = cosmos::dlopen("libc.so.6").expect("libc");
    let abs = library.function("int abs(int number)").expect("abs");
    // SAFETY: the function has this type.
    let abs = unsafe {
        std::mem::transmute::<*const c_void, extern "C" fn(c_int) -> c_int>(abs.pointer())
    };
    let called = Barrier::new(threads + 1);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                for number in 0..2000 {
                    assert_eq!(abs(-number), number);
                }
                called.wait();
                called.wait();
                assert_eq!(abs(-1), 1);
            });
        }
        called.wait();
        look();
        called.wait();
    });
}

#[test]
fn a_vm_with_channels_of_many_threads_sleeps_between_calls() {
    in_world_for(PATIENCE, |world| look_between(8, || is_idle(world)));
}

#[test]
fn so_does_one_that_is_called_through_sockets() {
    in_world_for(PATIENCE, |world| {
        // SAFETY: no other thread of this process reads or writes the environment yet.
        unsafe { std::env::set_var("COSMOS_RING", "0") };
        look_between(3, || is_idle(world));
    });
}

#[test]
fn so_does_one_whose_caller_waits_long_without_sleeping() {
    in_world_for(PATIENCE, |world| {
        // SAFETY: as above.
        unsafe { std::env::set_var("COSMOS_RING_SPIN_US", "100000") };
        look_between(2, || is_idle(world));
    });
}
