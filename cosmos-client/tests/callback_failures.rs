//! Callbacks that fail, come late, come from elsewhere, or end somebody: what the caller is told.

use cosmos::{Blame, FaultCode, Options, Value, callback};
use cosmos_tests::{World, c, in_world};
use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const VISIT_ALL: &str = "int visit_all(int count, int (*visit)(void *__opaque cookie, int value), \
     void *__opaque cookie)";
const VISIT_SUM: &str = "int64_t visit_sum(int count, int (*visit)(void *__opaque cookie, int value), \
     void *__opaque cookie)";

type VisitAll = unsafe extern "C" fn(
    c_int,
    Option<unsafe extern "C" fn(*mut c_void, c_int) -> c_int>,
    *mut c_void,
) -> c_int;

fn opened(world: &World) -> cosmos::Library {
    opened_with(world, &Options::new())
}

fn opened_with(world: &World, options: &Options) -> cosmos::Library {
    let path = c::library("callbacks.c", world.directory());
    cosmos::dlopen_with(path.to_str().expect("UTF-8"), options).expect("the library")
}

/// A visitor that returns what it is given, and the number of times it was called.
fn counting() -> (Value, Arc<AtomicI32>) {
    let count = Arc::new(AtomicI32::new(0));
    let counted = Arc::clone(&count);
    let visit = callback(move |arguments| {
        counted.fetch_add(1, Ordering::Relaxed);
        arguments[1].clone()
    });
    (visit, count)
}

/// The library works still.
fn assert_alive(library: &cosmos::Library) {
    let sum = library.function(VISIT_SUM).expect("visit_sum");
    let (visit, count) = counting();
    let outcome = sum
        .call(&[Value::from(4), visit, Value::Null])
        .expect("a call");
    assert_eq!(outcome.result, Value::from(6));
    assert_eq!(count.load(Ordering::Relaxed), 4);
}

#[test]
fn a_panic_fails_the_call_with_its_message_and_the_library_is_left_by_returning() {
    in_world(|world| {
        let library = opened(world);
        let sum = library.function(VISIT_SUM).expect("visit_sum");
        let count = Arc::new(AtomicI32::new(0));
        let counted = Arc::clone(&count);
        let visit = callback(move |arguments| {
            counted.fetch_add(1, Ordering::Relaxed);
            assert_ne!(arguments[1], Value::from(2), "two is too much");
            Value::from(1)
        });
        let error = sum
            .call(&[Value::from(10), visit, Value::Null])
            .unwrap_err();
        assert_eq!(error.code(), FaultCode::CallbackFailed);
        assert_eq!(error.blame(), Blame::Caller);
        assert_eq!(error.errno(), libc::ECANCELED);
        let message = error.to_string();
        assert!(
            message.contains("callback 'visit': it panicked"),
            "{message}"
        );
        assert!(message.contains("two is too much"), "{message}");
        // After the failure it is not called any more.
        assert_eq!(count.load(Ordering::Relaxed), 3);
        assert_alive(&library);
    });
}

#[test]
fn a_value_of_another_type_fails_the_call() {
    in_world(|world| {
        let library = opened(world);
        let sum = library.function(VISIT_SUM).expect("visit_sum");
        for wrong in [Value::Void, Value::from("text"), Value::from(1i64 << 40)] {
            let given = wrong.clone();
            let visit = callback(move |_| given.clone());
            let error = sum.call(&[Value::from(3), visit, Value::Null]).unwrap_err();
            assert_eq!(error.code(), FaultCode::CallbackFailed, "{error}");
            assert!(error.to_string().contains("callback 'visit'"), "{error}");
        }
        assert_alive(&library);
    });
}

#[test]
fn a_callback_after_its_call_fails_the_call_that_makes_it() {
    in_world(|world| {
        let library = opened(world);
        let keep = library
            .function("void keep(int (*visit)(void *__opaque cookie, int value))")
            .expect("keep");
        let call_kept = library
            .function("int call_kept(int value)")
            .expect("call_kept");
        let (visit, count) = counting();
        keep.call(&[visit]).expect("a call");
        let error = call_kept.call(&[Value::from(3)]).unwrap_err();
        assert_eq!(error.code(), FaultCode::CallbackFailed);
        assert!(
            error
                .to_string()
                .contains("after the call it was passed to"),
            "{error}"
        );
        assert!(error.to_string().contains("__scope"), "{error}");
        assert_eq!(count.load(Ordering::Relaxed), 0);
        assert_alive(&library);
    });
}

#[test]
fn a_callback_on_a_thread_of_the_librarys_own_fails_the_call() {
    in_world(|world| {
        let library = opened(world);
        let elsewhere = library
            .function("int visit_elsewhere(int (*visit)(void *__opaque cookie, int value))")
            .expect("visit_elsewhere");
        let (visit, count) = counting();
        let error = elsewhere.call(&[visit]).unwrap_err();
        assert_eq!(error.code(), FaultCode::CallbackFailed);
        assert!(
            error.to_string().contains("on a thread that is in no call"),
            "{error}"
        );
        assert_eq!(count.load(Ordering::Relaxed), 0);
        assert_alive(&library);
    });
}

#[test]
fn a_function_that_other_threads_call_while_it_is_bound_anew_is_the_one_of_its_call() {
    in_world(|world| {
        let library = opened(world);
        let begin = library.function("int hammer_begin(void)").expect("begin");
        let end = library.function("void hammer_end(void)").expect("end");
        let hammered = library
            .function(
                "int64_t visit_hammered(int count, int (*visit)(void *__opaque cookie, int value))",
            )
            .expect("visit_hammered");
        let began = begin.call(&[]).expect("a thread");
        assert_eq!(began.result, Value::Int(0));
        for number in 1..=300 {
            let calls = Arc::new(AtomicI32::new(0));
            let counted = Arc::clone(&calls);
            let visit = callback(move |_| {
                counted.fetch_add(1, Ordering::Relaxed);
                Value::from(number)
            });
            match hammered.call(&[Value::from(8), visit]) {
                Ok(outcome) => assert_eq!(outcome.result, Value::from(8 * i64::from(number))),
                Err(error) => {
                    assert_eq!(error.code(), FaultCode::CallbackFailed, "{error}");
                    let message = error.to_string();
                    assert!(message.contains("in no call"), "{message}");
                }
            }
            // Nobody but the call's own thread reached it, and no other call's function was reached.
            assert!((0..=8).contains(&calls.load(Ordering::Relaxed)));
        }
        end.call(&[]).expect("its end");
        assert_alive(&library);
    });
}

#[test]
fn what_says_nocallback_is_held_to_it() {
    in_world(|world| {
        let library = opened(world);
        let sum = library
            .function(&format!("{VISIT_SUM} __nocallback"))
            .expect("visit_sum");
        let (visit, count) = counting();
        let error = sum.call(&[Value::from(3), visit, Value::Null]).unwrap_err();
        assert_eq!(error.code(), FaultCode::CallbackFailed);
        assert!(error.to_string().contains("__nocallback"), "{error}");
        assert_eq!(count.load(Ordering::Relaxed), 0);
        assert_alive(&library);
    });
}

#[test]
fn no_more_than_64_calls_back_lie_inside_of_each_other() {
    in_world(|world| {
        let library = opened(world);
        let visit_all = Arc::new(library.function(VISIT_ALL).expect("visit_all"));
        fn descend(
            visit_all: &Arc<cosmos::Function>,
            deepest: &Arc<Mutex<(i32, String)>>,
            level: i32,
        ) -> i32 {
            let (again, inner) = (Arc::clone(visit_all), Arc::clone(deepest));
            let visit = callback(move |_| Value::from(descend(&again, &inner, level + 1)));
            match visit_all.call(&[Value::from(1), visit, Value::Null]) {
                Ok(_) => 0,
                Err(error) => {
                    assert_eq!(error.code(), FaultCode::LimitReached, "{error}");
                    *deepest.lock().expect("a lock") = (level, error.to_string());
                    0
                }
            }
        }
        let deepest = Arc::new(Mutex::new((0, String::new())));
        let found = Arc::clone(&deepest);
        let deep = std::thread::Builder::new().stack_size(32 << 20);
        let deep = deep.spawn(move || descend(&visit_all, &found, 0));
        deep.expect("a thread").join().expect("its end");
        let (level, message) = deepest.lock().expect("a lock").clone();
        assert_eq!(level, 64, "{message}");
        assert!(message.contains("64 calls back"), "{message}");
        assert_alive(&library);
    });
}

#[test]
fn a_call_calls_back_no_more_often_than_it_may() {
    in_world(|world| {
        let library = opened_with(world, &Options::new().callbacks(5));
        let sum = library.function(VISIT_SUM).expect("visit_sum");
        let (visit, count) = counting();
        let error = sum
            .call(&[Value::from(6), visit.clone(), Value::Null])
            .unwrap_err();
        assert_eq!(error.code(), FaultCode::LimitReached, "{error}");
        assert!(error.to_string().contains("'callbacks'"), "{error}");
        assert_eq!(count.load(Ordering::Relaxed), 5);
        sum.call(&[Value::from(5), visit, Value::Null])
            .expect("a call");
        assert_alive(&library);
    });
}

#[test]
fn the_deadline_stands_still_in_a_callback_and_is_not_set_back_by_it() {
    in_world(|world| {
        let timeout = Duration::from_secs(3);
        let library = opened_with(world, &Options::new().timeout(timeout).fresh(true));
        let sum = library.function(VISIT_SUM).expect("visit_sum");
        let slow = callback(move |_| {
            std::thread::sleep(Duration::from_millis(700));
            Value::from(1)
        });
        let outcome = sum
            .call(&[Value::from(5), slow, Value::Null])
            .expect("a call");
        assert_eq!(outcome.result, Value::from(5));
        // Time spent in the VM between callbacks counts all the same.
        let naps = library
            .function("int64_t nap_between(int count, int milliseconds, int (*visit)(void *__opaque cookie, int value))")
            .expect("nap_between");
        let (visit, count) = counting();
        let error = naps
            .call(&[Value::from(1000), Value::from(50), visit])
            .unwrap_err();
        assert_eq!(error.code(), FaultCode::TimedOut, "{error}");
        assert!(count.load(Ordering::Relaxed) < 100);
    });
}

#[test]
fn a_vm_that_dies_while_a_callback_runs_fails_the_call() {
    in_world(|world| {
        let library = opened_with(world, &Options::new().fresh(true));
        let sum = library.function(VISIT_SUM).expect("visit_sum");
        let pid = library.function("int own_pid(void)").expect("own_pid");
        let visit = callback(move |_| {
            let Ok(cosmos::Outcome {
                result: Value::Int(vm),
                ..
            }) = pid.call(&[])
            else {
                return Value::from(-1);
            };
            // SAFETY: the VM is this test's own.
            assert_eq!(unsafe { libc::kill(vm as c_int, libc::SIGKILL) }, 0);
            // Seen by the next thing that is asked of it.
            let lost = pid.call(&[]).unwrap_err();
            assert_eq!(lost.errno(), libc::EOWNERDEAD, "{lost}");
            Value::from(1)
        });
        let error = sum.call(&[Value::from(3), visit, Value::Null]).unwrap_err();
        assert_eq!(error.errno(), libc::EOWNERDEAD, "{error}");
        let after = sum
            .call(&[Value::from(0), Value::Null, Value::Null])
            .unwrap_err();
        assert_eq!(after.errno(), libc::EOWNERDEAD, "{after}");
    });
}

#[test]
fn a_vm_killed_in_a_callback_that_asks_nothing_is_seen_when_that_returns() {
    in_world(|world| {
        let library = opened_with(world, &Options::new().fresh(true));
        let sum = library.function(VISIT_SUM).expect("visit_sum");
        let pid = library.function("int own_pid(void)").expect("own_pid");
        let Value::Int(vm) = pid.call(&[]).expect("a call").result else {
            panic!("no number")
        };
        let visit = callback(move |_| {
            // SAFETY: the VM is this test's own.
            assert_eq!(unsafe { libc::kill(vm as c_int, libc::SIGKILL) }, 0);
            Value::from(1)
        });
        let error = sum.call(&[Value::from(3), visit, Value::Null]).unwrap_err();
        assert_eq!(error.errno(), libc::EOWNERDEAD, "{error}");
        assert_eq!(error.signal(), Some(libc::SIGKILL), "{error}");
    });
}

#[test]
fn closing_the_library_in_a_callback_lets_the_call_finish() {
    in_world(|world| {
        let library = Arc::new(Mutex::new(Some(opened(world))));
        let sum = {
            let held = library.lock().expect("a lock");
            held.as_ref()
                .expect("open")
                .function(VISIT_SUM)
                .expect("visit_sum")
        };
        let closing = Arc::clone(&library);
        let visit = callback(move |arguments| {
            if let Some(library) = closing.lock().expect("a lock").take() {
                library.close().expect("it closes");
            }
            arguments[1].clone()
        });
        let outcome = sum
            .call(&[Value::from(4), visit.clone(), Value::Null])
            .expect("a call");
        assert_eq!(outcome.result, Value::from(6));
        let error = sum.call(&[Value::from(4), visit, Value::Null]).unwrap_err();
        assert_eq!(error.code(), FaultCode::StaleHandle, "{error}");
    });
}

static CHILD: AtomicI32 = AtomicI32::new(0);

unsafe extern "C" fn forks(_cookie: *mut c_void, _value: c_int) -> c_int {
    // SAFETY: the child only returns, compares and exits.
    let child = unsafe { libc::fork() };
    CHILD.store(child, Ordering::SeqCst);
    1
}

#[test]
fn a_fork_in_a_callback_fails_the_call_in_the_child_and_not_in_the_parent() {
    in_world(|world| {
        let library = opened(world);
        let visit_all = library.symbol::<VisitAll>(VISIT_ALL).expect("visit_all");
        // SAFETY: the function is what the prototype says.
        let result = unsafe { visit_all.call(1, Some(forks), std::ptr::null_mut()) };
        let child = CHILD.load(Ordering::SeqCst);
        if child == 0 {
            let forked =
                cosmos::last_error().is_some_and(|error| error.code() == FaultCode::Forked);
            // SAFETY: ends the child at once.
            unsafe { libc::_exit(if result == -1 && forked { 7 } else { 8 }) };
        }
        let mut status = 0;
        // SAFETY: the child is this process's own.
        assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
        assert_eq!(libc::WEXITSTATUS(status), 7, "{status:#x}");
        assert_eq!(result, 1);
        assert_eq!(cosmos::last_error(), None);
        assert_alive(&library);
    });
}

#[test]
fn threads_call_back_at_once_each_on_its_own() {
    in_world(|world| {
        let library = opened(world);
        let sum = library.function(VISIT_SUM).expect("visit_sum");
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let here = std::thread::current().id();
                    let visit = callback(move |arguments| {
                        assert_eq!(std::thread::current().id(), here);
                        arguments[1].clone()
                    });
                    for _ in 0..20 {
                        let given = [Value::from(50), visit.clone(), Value::Null];
                        assert_eq!(sum.call(&given).expect("a call").result, Value::from(1225));
                    }
                });
            }
        });
    });
}
