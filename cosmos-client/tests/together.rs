//! Many calls made in one go: in order, each once, each with an end of its own.

use cosmos::c::dl::{cosmos_dl, cosmos_dlclose, cosmos_dlopen, cosmos_dlsym, cosmos_fn};
use cosmos::c::together::{cosmos_call_all, cosmos_step};
use cosmos_tests::{c, errno, in_world};
use std::ffi::{CString, c_int, c_long, c_void};
use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::ptr::null;

/// Bytes of the ledger before its entries, and of each.
const FRONT: u64 = 4096;
const ENTRY: u64 = 16;

fn open(target: &Path) -> *mut cosmos_dl {
    let target = CString::new(target.to_str().unwrap()).unwrap();
    // SAFETY: a string and NULL.
    let dl = unsafe { cosmos_dlopen(target.as_ptr(), null()) };
    assert!(!dl.is_null());
    dl
}

fn find(dl: *mut cosmos_dl, prototype: &str) -> cosmos_fn {
    let prototype = CString::new(prototype).unwrap();
    // SAFETY: a string; a function pointer and a data pointer are the same here, NULL is None.
    unsafe { std::mem::transmute::<*mut c_void, cosmos_fn>(cosmos_dlsym(dl, prototype.as_ptr())) }
}

/// Calls of `long (*)(long)`, and what they need.
struct Calls {
    numbers: Vec<c_long>,
    results: Vec<c_long>,
    arguments: Vec<[*mut c_void; 1]>,
    steps: Vec<cosmos_step>,
}

impl Calls {
    fn of(functions: &[cosmos_fn]) -> Calls {
        let count = functions.len();
        let mut calls = Calls {
            numbers: (0..count as c_long).collect(),
            results: vec![-77; count],
            arguments: Vec::new(),
            steps: Vec::new(),
        };
        for number in &mut calls.numbers {
            calls.arguments.push([(&raw mut *number).cast()]);
        }
        for (index, function) in functions.iter().enumerate() {
            calls.steps.push(cosmos_step {
                function: *function,
                arguments: calls.arguments[index].as_ptr(),
                result: (&raw mut calls.results[index]).cast(),
                error: -1,
            });
        }
        calls
    }

    fn make(&mut self) -> c_int {
        // SAFETY: each step has an argument and room for a result of its function's type.
        unsafe { cosmos_call_all(self.steps.as_mut_ptr(), self.steps.len()) }
    }
}

/// A library that notes what it runs, and the notes.
fn ledger(directory: &Path, entries: usize) -> (*mut cosmos_dl, File) {
    let dl = open(&c::library("ledger.c", directory));
    let file = File::options();
    let file = file
        .clone()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(directory.join("ledger"));
    let file = file.unwrap();
    file.set_len(FRONT + ENTRY * entries as u64).unwrap();
    let keep = find(dl, "int keep(int __fd fd)").unwrap();
    // SAFETY: the prototype is the type.
    let keep = unsafe {
        std::mem::transmute::<unsafe extern "C" fn(), extern "C" fn(c_int) -> c_int>(keep)
    };
    assert_eq!(keep(file.as_raw_fd()), 0);
    (dl, file)
}

/// How often a number was run.
fn ran(file: &File, number: usize) -> u32 {
    let mut count = [0; 4];
    file.read_exact_at(&mut count, FRONT + ENTRY * number as u64)
        .unwrap();
    u32::from_le_bytes(count)
}

#[test]
fn ten_thousand_calls_run_once_each_in_order_with_their_own_results() {
    in_world(|world| {
        let count = 10_000;
        let (dl, file) = ledger(world.directory(), count);
        let enter = find(dl, "long enter(long number)");
        let mut calls = Calls::of(&vec![enter; count]);
        assert_eq!(calls.make(), 0);
        for number in 0..count {
            assert_eq!(calls.results[number], 7 * number as c_long + 3);
            assert_eq!(
                (calls.steps[number].error, ran(&file, number)),
                (0, 1),
                "{number}"
            );
        }
        assert_eq!(cosmos_dlclose(dl), 0);
    });
}

#[test]
fn calls_of_other_kinds_are_made_at_their_place_and_a_failed_one_leaves_the_rest_alone() {
    in_world(|world| {
        let (dl, file) = ledger(world.directory(), 40);
        let enter = find(dl, "long enter(long number)");
        let libc = open(Path::new("libc.so.6"));
        let labs = find(libc, "long labs(long number)");
        let closed = open(Path::new("libz.so.1"));
        let stale = find(closed, "long crc32_combine_gen(long length)");
        assert!(stale.is_some());
        assert_eq!(cosmos_dlclose(closed), 0);
        let functions: Vec<_> = (0..40)
            .map(|number| match number {
                7 | 8 => stale,
                20..=25 => labs,
                _ => enter,
            })
            .collect();
        let mut calls = Calls::of(&functions);
        assert_eq!((calls.make(), errno()), (-1, libc::EBADF));
        for number in 0..40 {
            let expected = match number {
                7 | 8 => (-1, libc::EBADF, 0),
                20..=25 => (number as c_long, 0, 0),
                _ => (7 * number as c_long + 3, 0, 1),
            };
            let error = calls.steps[number].error;
            let seen = (calls.results[number], error, ran(&file, number));
            assert_eq!(seen, expected, "{number}");
        }
    });
}

#[test]
fn a_vm_that_dies_among_many_calls_fails_those_of_its_message_and_runs_none_twice() {
    in_world(|world| {
        let (dl, file) = ledger(world.directory(), 200);
        let enter = find(dl, "long enter(long number)");
        let end = find(dl, "long enter_and_end(long number)");
        let mut functions = vec![enter; 200];
        functions[120] = end;
        let mut calls = Calls::of(&functions);
        assert_eq!((calls.make(), errno()), (-1, libc::EOWNERDEAD));
        for number in 0..200 {
            let step = &calls.steps[number];
            assert_eq!((step.error, calls.results[number]), (libc::EOWNERDEAD, -1));
            assert_eq!(ran(&file, number), u32::from(number <= 120), "{number}");
        }
    });
}

#[test]
fn no_call_is_no_failure_and_a_strange_pointer_calls_nothing() {
    in_world(|world| {
        let (dl, file) = ledger(world.directory(), 3);
        let enter = find(dl, "long enter(long number)");
        // SAFETY: no step.
        assert_eq!(unsafe { cosmos_call_all(std::ptr::null_mut(), 0) }, 0);
        let mut calls = Calls::of(&[enter, None, enter]);
        assert_eq!((calls.make(), errno()), (-1, libc::EINVAL));
        assert_eq!((ran(&file, 0), ran(&file, 2)), (0, 0));
    });
}
