//! Calls of several threads run in parallel, each with its own errno, and survive a close.

use cosmos_tests::{c, errno, eventually, in_world, set_errno};
use std::collections::HashSet;
use std::ffi::{c_int, c_void};
use std::sync::Barrier;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

type Nap = extern "C" fn(c_int) -> c_int;

fn nap_of(function: &cosmos::Function) -> Nap {
    // SAFETY: the function has this type.
    unsafe { std::mem::transmute::<*const c_void, Nap>(function.pointer()) }
}

fn misbehave(world: &cosmos_tests::World) -> cosmos::Library {
    let path = c::library("misbehave.c", world.directory());
    cosmos::dlopen(path.to_str().expect("UTF-8")).expect("the library")
}

/// Waits until a call of `nap` is, the one of this number.
fn is_under_way(library: &cosmos::Library, number: i32) {
    let begun = library.function("int begun(void)").expect("begun");
    eventually(Duration::from_secs(30), || {
        let outcome = begun.call(&[]).expect("a call");
        (outcome.result == number.into()).then_some(())
    })
    .expect("a call under way");
}

#[test]
fn calls_of_threads_run_in_parallel() {
    in_world(|world| {
        let path = c::library("meeting.c", world.directory());
        let library = cosmos::dlopen(path.to_str().expect("UTF-8")).expect("the library");
        let meet = library.function("int meet(int count, int mine)");
        let meet = meet.expect("meet");
        // Each returns once all are under way.
        let threads: i32 = 8;
        std::thread::scope(|scope| {
            for thread in 0..threads {
                let meet = &meet;
                scope.spawn(move || {
                    let outcome = meet.call(&[threads.into(), thread.into()]);
                    assert_eq!(outcome.expect("a call").result, thread.into());
                });
            }
        });
    });
}

#[test]
fn every_thread_has_its_own_errno_and_result() {
    in_world(|world| {
        let library = misbehave(world);
        let function = library.function("int nap(int milliseconds)").expect("nap");
        let nap = nap_of(&function);
        std::thread::scope(|scope| {
            for thread in 1..=6 {
                scope.spawn(move || {
                    for round in 0..200 {
                        let value = thread + round % 3;
                        set_errno(0);
                        assert_eq!(nap(value), value);
                        assert_eq!(errno(), value);
                    }
                });
            }
        });
    });
}

#[test]
fn all_threads_share_the_process_of_the_vm() {
    in_world(|world| {
        let library = misbehave(world);
        let function = library.function("int pid_of_vm(void)").expect("pid_of_vm");
        let call = || function.call(&[]).expect("a call").result;
        let here = call();
        let pids: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(call)).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().expect("a thread"))
                .collect()
        });
        assert!(pids.iter().all(|pid| *pid == here));
        assert_ne!(here, cosmos::Value::Int(i128::from(std::process::id())));
    });
}

/// Each thread that calls takes a descriptor of the VM's. Where they run out, the thread that comes too
/// late is told so, and nobody else hears of it.
#[test]
fn threads_that_a_vm_has_no_descriptor_for_are_refused_alone() {
    in_world(|world| {
        let path = c::library("misbehave.c", world.directory());
        let path = path.to_str().expect("UTF-8");
        let options = cosmos::Options::new().limit("open_files", 64);
        let library = cosmos::dlopen_with(path, &options).expect("the library");
        let nap = library.function("int nap(int milliseconds)").expect("nap");
        let threads = 80;
        let all_have_called = Barrier::new(threads);
        let served: usize = std::thread::scope(|scope| {
            let call = || {
                let called = nap.call(&[0.into()]);
                all_have_called.wait();
                match called {
                    Ok(_) => 1,
                    Err(error) => {
                        assert_eq!(error.code(), cosmos::FaultCode::LimitReached, "{error}");
                        0
                    }
                }
            };
            let threads: Vec<_> = (0..threads).map(|_| scope.spawn(call)).collect();
            let served = threads.into_iter().map(|thread| thread.join());
            served.map(|one| one.expect("a thread")).sum()
        });
        assert!((30..64).contains(&served), "{served} of {threads}");
        // Their channels go with them, and there is room again, in the same VM.
        eventually(Duration::from_secs(30), || {
            std::thread::scope(|scope| scope.spawn(|| nap.call(&[0.into()]).ok()).join())
                .expect("a thread")
        })
        .expect("room for another thread");
    });
}

#[test]
fn a_library_closed_with_calls_in_flight_lets_them_return() {
    in_world(|world| {
        let library = misbehave(world);
        let function = library.function("int nap(int milliseconds)").expect("nap");
        let kept = function.clone();
        std::thread::scope(|scope| {
            let caller = scope.spawn(move || nap_of(&kept)(500));
            is_under_way(&library, 1);
            library.close().expect("close");
            drop(function);
            assert_eq!(caller.join().expect("the caller"), 500);
        });
    });
}

/// A call of a few numbers counts no reference to its library, which lasts until it returns all the same.
#[test]
fn a_library_dropped_with_a_call_in_flight_is_let_go_of_when_it_returns() {
    in_world(|world| {
        let library = misbehave(world);
        let pid_of_vm = library.function("int pid_of_vm(void)").expect("pid_of_vm");
        let pid = pid_of_vm.call(&[]).expect("a call").result;
        let cosmos::Value::Int(pid) = pid else {
            panic!("{pid:?} is no number");
        };
        let function = library.function("int nap(int milliseconds)").expect("nap");
        let nap = nap_of(&function);
        // One VM that nobody uses is kept, and that is another one.
        let options = cosmos::Options::new().limit("open_files", 64);
        let other = cosmos::dlopen_with("libm.so.6", &options).expect("libm");
        assert_ne!(other.vm(), library.vm());
        drop(other);
        let has_called = Barrier::new(2);
        std::thread::scope(|scope| {
            let caller = scope.spawn(|| {
                // With this the thread has its channel, and the next call goes the shortest way.
                assert_eq!(nap(1), 1);
                has_called.wait();
                nap(1000)
            });
            has_called.wait();
            is_under_way(&library, 2);
            drop((library, function, pid_of_vm));
            assert_eq!(caller.join().expect("the caller"), 1000);
        });
        let path = format!("/proc/{pid}");
        eventually(Duration::from_secs(30), || {
            (!std::path::Path::new(&path).exists()).then_some(())
        })
        .expect("the end of the VM");
    });
}

/// As well where it is dropped while the call's thread looks for the answer without sleeping, which takes a
/// fiftieth of a millisecond: in most of the rounds.
#[test]
fn a_call_that_has_begun_returns_though_its_library_is_dropped_at_once() {
    in_world(|world| {
        let path = c::library("misbehave.c", world.directory());
        for _ in 0..60 {
            let library = cosmos::dlopen(path.to_str().expect("UTF-8")).expect("the library");
            let function = library.function("int nap(int milliseconds)").expect("nap");
            let under_way = library.function("int under_way(void)").expect("under_way");
            let (nap, count) = (nap_of(&function), under_way.pointer());
            // SAFETY: the prototype is the type.
            let count: extern "C" fn() -> c_int = unsafe { std::mem::transmute(count) };
            assert_eq!(count(), 0);
            let has_called = Barrier::new(2);
            std::thread::scope(|scope| {
                let caller = scope.spawn(|| {
                    assert_eq!(nap(0), 0);
                    has_called.wait();
                    nap(10)
                });
                has_called.wait();
                while count() == 0 && !caller.is_finished() {}
                drop((library, function, under_way));
                assert_eq!(caller.join().expect("the caller"), 10);
            });
        }
    });
}

/// Calls of a few numbers count no references: a close that meets them from another thread keeps their
/// functions until they have returned, on both sides.
#[test]
fn libraries_are_closed_under_dense_calls_of_other_threads() {
    in_world(|world| {
        let path = c::library("misbehave.c", world.directory());
        let path = path.to_str().expect("UTF-8");
        let mut vms = HashSet::new();
        for round in 0..40 {
            let library = cosmos::dlopen(path).expect("the library");
            vms.insert(library.vm().to_owned());
            let functions: Vec<_> = (0..3)
                .map(|_| library.function("int nap(int milliseconds)").expect("nap"))
                .collect();
            let calls = AtomicU32::new(0);
            std::thread::scope(|scope| {
                let callers: Vec<_> = functions
                    .iter()
                    .map(|function| {
                        scope.spawn(|| {
                            loop {
                                match function.call(&[0.into()]) {
                                    Ok(outcome) => assert_eq!(outcome.result, 0.into()),
                                    Err(error) => return error,
                                }
                                calls.fetch_add(1, Ordering::Relaxed);
                            }
                        })
                    })
                    .collect();
                while calls.load(Ordering::Relaxed) < 50 + round {
                    std::thread::yield_now();
                }
                library.close().expect("close");
                for caller in callers {
                    let error = caller.join().expect("a caller");
                    assert_eq!(error.code(), cosmos::FaultCode::StaleHandle, "{error}");
                }
            });
        }
        // The VM that a library is closed in waits for the next; one that crashed would not.
        assert_eq!(vms.len(), 1, "{vms:?}");
    });
}

#[test]
fn distinct_symbols_have_distinct_pointers() {
    in_world(|_| {
        let library = cosmos::dlopen("libm.so.6").expect("libm");
        let functions = ["cos", "sin", "tan"].map(|name| {
            let prototype = format!("double {name}(double x)");
            library.function(&prototype).expect(name)
        });
        let [cos, sin, tan] = functions.each_ref().map(cosmos::Function::pointer);
        assert!(cos != sin && sin != tan && cos != tan);
    });
}
