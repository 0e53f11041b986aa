//! Calls as futures on tokio: many at once, given up by dropping them, and batches that are awaited; and
//! the same from C, by descriptors.

use cosmos::c::dl::{cosmos_dlclose, cosmos_dlfunc, cosmos_dlopen};
use cosmos::c::started::{
    cosmos_call, cosmos_call_fd, cosmos_call_poll, cosmos_call_start_all, cosmos_call_wait,
    cosmos_call_wait_all,
};
use cosmos::c::together::cosmos_step;
use cosmos::{Batch, FaultCode, Function, Library, Value};
use cosmos_tests::{World, c, errno, in_world};
use std::ffi::{CString, c_int, c_long, c_void};
use std::future::Future;
use std::task::{Context, Waker};
use std::time::Duration;

fn opened(world: &World, source: &str) -> Library {
    let path = c::library(source, world.directory());
    cosmos::dlopen(path.to_str().expect("UTF-8")).expect("the library")
}

fn function(library: &Library, prototype: &str) -> Function {
    library.function(prototype).expect(prototype)
}

fn int(outcome: Result<cosmos::Outcome, cosmos::Error>) -> i128 {
    match outcome.expect("a call").result {
        Value::Int(number) => number,
        other => panic!("{other:?}"),
    }
}

fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let builder = builder.worker_threads(2).enable_time();
    builder.build().expect("an executor")
}

/// More than run at a time, from tasks of several threads.
#[test]
fn a_thousand_calls_are_awaited_at_once() {
    in_world(|world| {
        let library = opened(world, "many.c");
        let twice = function(&library, "long twice(long number)");
        runtime().block_on(async {
            let call = |number: i64| {
                let call = twice.call_async([number.into()]);
                tokio::spawn(call)
            };
            let calls: Vec<_> = (0..1000).map(call).collect();
            for (number, call) in (0..).zip(calls) {
                assert_eq!(int(call.await.expect("no panic")), 2 * number);
            }
            let mut batch = Batch::new();
            for number in 0..1000 {
                batch.add(&twice, [number.into()]);
            }
            for (number, call) in (0..).zip(batch.start().expect("a thread")) {
                assert_eq!(int(call.await), 2 * number);
            }
        });
    });
}

#[test]
fn a_call_that_is_dropped_before_its_turn_is_not_made() {
    in_world(|world| {
        let library = opened(world, "many.c");
        let meeting = opened(world, "meeting.c");
        let nothing = function(&library, "void nothing(void)");
        let how_often = function(&library, "long how_often(void)");
        let await_file = function(&meeting, "int await_file(const char *path, int mine)");
        let go = world.directory().join("go");
        let path = go.to_str().expect("UTF-8");
        runtime().block_on(async {
            // A call that nobody awaits is not begun.
            drop(nothing.call_async([]));
            // As many as run at a time, so that the next one waits for its turn.
            let start = |mine: i64| await_file.start(vec![path.into(), mine.into()]);
            let busy: Vec<_> = (0..64).map(|mine| start(mine).expect("a thread")).collect();
            let late = nothing.call_async([]);
            let waited = tokio::time::timeout(Duration::from_millis(50), late).await;
            assert!(waited.is_err(), "it was its turn already");
            std::fs::write(&go, "").expect("a file");
            for (mine, call) in (0..).zip(busy) {
                assert_eq!(int(call.await), mine);
            }
            nothing.call_async([]).await.expect("a call");
        });
        assert_eq!(int(how_often.call(&[])), 1);
    });
}

#[test]
fn an_awaited_call_is_limited_as_any_and_one_that_is_dropped_leaves_the_vm_alone() {
    in_world(|world| {
        let library = opened(world, "many.c");
        let naps = function(&library, "long naps(long milliseconds)");
        runtime().block_on(async {
            let long = naps.call_async([60_000.into()]);
            assert!(
                tokio::time::timeout(Duration::from_millis(20), long)
                    .await
                    .is_err()
            );
            assert_eq!(int(naps.call_async([1.into()]).await), 1);
            let limited = cosmos::within(Duration::from_millis(30), || {
                naps.call_async([600_000.into()])
            });
            let error = limited.await.expect_err("it is late");
            assert_eq!(error.code(), FaultCode::TimedOut, "{error}");
            // A future that has given what it had.
            let mut once = Box::pin(naps.call_async([0.into()]));
            assert!(once.as_mut().await.is_err(), "its VM was ended");
            let mut context = Context::from_waker(Waker::noop());
            assert!(once.as_mut().poll(&mut context).is_ready());
        });
    });
}

#[test]
fn c_programs_start_many_calls_and_wait_for_all() {
    in_world(|world| {
        let path = c::library("many.c", world.directory());
        let path = CString::new(path.to_str().expect("UTF-8")).expect("no NUL");
        // SAFETY: strings, and no options.
        let (library, twice, die_at) = unsafe {
            let library = cosmos_dlopen(path.as_ptr(), std::ptr::null());
            let twice = cosmos_dlfunc(library, c"long twice(long number)".as_ptr());
            let die_at = c"long die_at(long number, long fatal) __fail(-7)";
            (library, twice, cosmos_dlfunc(library, die_at.as_ptr()))
        };
        let count = 600;
        let mut numbers: Vec<c_long> = (0..count).collect();
        let mut results: Vec<c_long> = vec![0; count as usize];
        let arguments: Vec<[*mut c_void; 2]> = numbers
            .iter_mut()
            .map(|number| [(&raw mut *number).cast(); 2])
            .collect();
        let step = |(index, arguments): (usize, &[*mut c_void; 2])| cosmos_step {
            function: if index == 550 { die_at } else { twice },
            arguments: arguments.as_ptr(),
            result: results.as_mut_ptr().wrapping_add(index).cast(),
            error: 0,
        };
        let steps: Vec<_> = arguments.iter().enumerate().map(step).collect();
        let mut calls: Vec<*mut cosmos_call> = vec![std::ptr::null_mut(); steps.len()];
        let mut failed: Vec<c_int> = vec![-1; steps.len()];
        let start = |steps: &[cosmos_step], calls: &mut [*mut cosmos_call]| {
            // SAFETY: all of it lives until every call was waited for.
            unsafe { cosmos_call_start_all(steps.as_ptr(), steps.len(), calls.as_mut_ptr()) }
        };
        // The last of those that do not die.
        assert_eq!(start(&steps[..550], &mut calls[..550]), 0);
        let mut watched = libc::pollfd {
            fd: cosmos_call_fd(calls[549]),
            events: libc::POLLIN,
            revents: 0,
        };
        // SAFETY: one entry.
        assert_eq!(unsafe { libc::poll(&raw mut watched, 1, 30_000) }, 1);
        assert_eq!(
            (cosmos_call_poll(calls[0]), cosmos_call_poll(calls[549])),
            (1, 1)
        );
        // SAFETY: there are so many, of each.
        let all = unsafe { cosmos_call_wait_all(calls.as_ptr(), 550, failed.as_mut_ptr()) };
        assert_eq!((all, &failed[..550]), (0, &vec![0; 550][..]));
        assert_eq!(cosmos_call_wait(calls[3]), -1, "it was waited for");
        assert!((0..550).all(|index| results[index] == 2 * index as c_long));

        assert_eq!(start(&steps, &mut calls), 0);
        // SAFETY: as above.
        let all = unsafe { cosmos_call_wait_all(calls.as_ptr(), 600, failed.as_mut_ptr()) };
        assert_eq!((all, errno()), (-1, libc::EOWNERDEAD));
        assert_eq!(
            (failed[0], failed[550], results[550]),
            (0, libc::EOWNERDEAD, -7)
        );
        let fine = failed.iter().take_while(|error| **error == 0).count();
        assert!((256..=550).contains(&fine), "{fine}");
        assert!(
            failed[fine..]
                .iter()
                .all(|error| *error == libc::EOWNERDEAD)
        );

        let strange = [cosmos_step {
            function: None,
            arguments: std::ptr::null(),
            result: std::ptr::null_mut(),
            error: 0,
        }];
        assert_eq!((start(&strange, &mut calls), errno()), (-1, libc::EINVAL));
        assert_eq!(start(&[], &mut calls), 0);
        assert_eq!(cosmos_dlclose(library), 0);
    });
}
