//! Which CPUs a VM's threads may run on: the same at any time, seen from outside, where `ring_colocate` is off;
//! and where it is on, what is called sees nothing of where its thread slept.

use cosmos::{Function, Library, Symbol, Value};
use cosmos_tests::{World, in_world};
use std::collections::BTreeSet;
use std::ffi::{c_int, c_void};
use std::time::Duration;

const CALLS: i32 = 300;
/// As rare as this, the VM's thread is asleep when the next call comes.
const PAUSE: Duration = Duration::from_millis(1);
/// Bytes of a mask, as many as any kernel has.
const MASK: usize = 128;
const GET: &str = "int sched_getaffinity(int pid, size_t size, void *__out __sized_by(size) mask)";
const SET: &str = "int sched_setaffinity(int pid, size_t size, const void *__sized_by(size) mask)";

/// The masks of all threads of the one VM, as the kernel shows them.
fn masks(vm: i32) -> BTreeSet<String> {
    let tasks = std::fs::read_dir(format!("/proc/{vm}/task")).expect("it lives");
    tasks
        .flatten()
        .filter_map(|task| {
            let status = std::fs::read_to_string(task.path().join("status")).ok()?;
            let mask = status
                .lines()
                .find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
            Some(mask.trim().to_owned())
        })
        .collect()
}

fn vm(world: &World) -> i32 {
    let vms = world.processes_named("cosmos-hostfn");
    assert_eq!(vms.len(), 1, "{vms:?}");
    vms[0].pid
}

fn set_colocation(value: &str) {
    // SAFETY: no other thread of this process reads or writes the environment yet.
    unsafe {
        std::env::set_var("COSMOS_RING", "1");
        std::env::set_var("COSMOS_RING_COLOCATE", value);
    }
}

/// Sparse calls; gives every mask that a thread of the VM had meanwhile.
fn masks_of_sparse_calls(world: &World, abs: &Function) -> BTreeSet<String> {
    let vm = vm(world);
    let mut seen = BTreeSet::new();
    for number in 1..=CALLS {
        let outcome = abs.call(&[(-number).into()]).expect("a call");
        assert_eq!(outcome.result, Value::from(number));
        seen.append(&mut masks(vm));
        std::thread::sleep(PAUSE);
        seen.append(&mut masks(vm));
    }
    seen
}

fn abs(library: &Library) -> Function {
    library.function("int abs(int number)").expect("abs")
}

#[test]
fn without_it_the_mask_of_no_thread_changes() {
    in_world(|world| {
        set_colocation("0");
        let library = cosmos::dlopen("libc.so.6").expect("libc");
        let abs = abs(&library);
        abs.call(&[1.into()]).expect("a call");
        let whole = masks(vm(world));
        assert_eq!(whole.len(), 1, "{whole:?}");
        assert_eq!(masks_of_sparse_calls(world, &abs), whole);
        // Had it changed, it would have been seen.
        let set = library.function(SET).expect("sched_setaffinity");
        let mut one = [0; MASK];
        let mask = mask_of(&library);
        let first = mask.iter().position(|byte| *byte != 0).expect("a CPU");
        one[first] = 1 << mask[first].trailing_zeros();
        let cpu = 8 * first as u32 + mask[first].trailing_zeros();
        let arguments = [0.into(), (MASK as i32).into(), Value::Bytes(one.to_vec())];
        let outcome = set.call(&arguments).expect("a call");
        assert_eq!(outcome.result, Value::from(0));
        assert!(masks_of_sparse_calls(world, &abs).contains(&cpu.to_string()));
    });
}

/// The mask of the VM's thread as what is called sees it.
fn mask_of(library: &Library) -> [u8; MASK] {
    let get: Symbol<unsafe extern "C" fn(c_int, usize, *mut c_void) -> c_int> =
        library.symbol(GET).expect("sched_getaffinity");
    let mut mask = [0; MASK];
    // SAFETY: there is as much room.
    let got = unsafe { get.call(0, MASK, mask.as_mut_ptr().cast()) };
    assert_eq!(got, 0);
    mask
}

#[test]
fn with_it_what_is_called_finds_the_whole_mask() {
    in_world(|_| {
        set_colocation("1");
        let library = cosmos::dlopen("libc.so.6").expect("libc");
        let whole = mask_of(&library);
        for _ in 0..CALLS {
            std::thread::sleep(PAUSE);
            assert_eq!(mask_of(&library), whole);
        }
        // Dense ones drive it off its caller's CPU.
        for _ in 0..100 * CALLS {
            assert_eq!(mask_of(&library), whole);
        }
    });
}
