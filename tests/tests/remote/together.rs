//! Calls that are made together, and calls that are started and waited for later, there.

use super::broken::{nothing_is_left, signal};
use super::there;
use cosmos::{Batch, FaultCode, Function, Value};
use cosmos_tests::machine::Machine;
use cosmos_tests::{c, eventually, in_world};
use nix::sys::signal::Signal;

#[test]
fn a_batch_comes_back_in_order_and_one_call_that_fails_leaves_the_others_alone() {
    in_world(|world| {
        let Some(_machine) = Machine::start(world) else {
            return;
        };
        let path = c::library("many.c", world.directory());
        let path = path.to_str().expect("text");
        let many = cosmos::dlopen_with(path, &there()).expect("a library");
        let libc = cosmos::dlopen_with("libc.so.6", &there()).expect("a library");
        let twice = many.function("long twice(long number)").expect("twice");
        let halves = many
            .function("double halves(double number, float divisor)")
            .expect("halves");
        // It takes a text, and so travels alone in the middle of the others.
        let length = libc
            .function("size_t strlen(const char *text)")
            .expect("strlen");
        let mut batch = Batch::new();
        for number in 0..3000_i64 {
            match number % 1000 {
                500 => batch.add(&length, ["nine char".into()]),
                // One value too few.
                501 => batch.add(&halves, [1.5.into()]),
                _ if number % 2 == 0 => batch.add(&twice, [number.into()]),
                _ => batch.add(&halves, [(number as f64).into(), 4.0.into()]),
            };
        }
        let outcomes = batch.run();
        assert_eq!(outcomes.len(), 3000);
        for (number, outcome) in (0_i64..).zip(outcomes) {
            let expected: Value = match number % 1000 {
                500 => 9.into(),
                501 => {
                    let error = outcome.expect_err("a value is missing");
                    assert_eq!(error.code(), FaultCode::BadArgument, "{error}");
                    continue;
                }
                _ if number % 2 == 0 => (2 * number).into(),
                _ => (number as f64 / 4.0).into(),
            };
            assert_eq!(outcome.expect("a call").result, expected, "{number}");
        }
        // Started, they can be waited for one by one.
        let mut batch = Batch::new();
        for number in 0..100_i64 {
            batch.add(&twice, [number.into()]);
        }
        let outcomes = cosmos::wait_all(batch.start().expect("started"));
        let results = outcomes.into_iter().map(|one| one.expect("a call").result);
        assert!(results.eq((0..100_i64).map(|number| Value::from(2 * number))));
    });
}

/// What was under way breaks off, and what was to follow finds no VM.
fn is_cut_off(error: &cosmos::Error) {
    let errno = error.errno();
    assert!([libc::ECOMM, libc::EOWNERDEAD].contains(&errno), "{error}");
}

#[test]
fn a_batch_that_is_cut_off_has_no_results_but_those_that_arrived() {
    in_world(|world| {
        let Some(_machine) = Machine::start(world) else {
            return;
        };
        let path = c::library("many.c", world.directory());
        let many = cosmos::dlopen_with(path.to_str().expect("text"), &there()).expect("a library");
        let function = |prototype: &str| -> Function { many.function(prototype).expect("it") };
        let twice = function("long twice(long number)");
        let naps = function("long naps(long milliseconds)");
        let mut batch = Batch::new();
        for number in 0..500_i64 {
            batch.add(&twice, [number.into()]);
        }
        // Nobody waits so long.
        batch.add(&naps, [1_000_000.into()]);
        for number in 0..500_i64 {
            batch.add(&twice, [number.into()]);
        }
        let mut started = batch.start().expect("started");
        let later = started.split_off(500);
        assert!(later.iter().all(|call| !call.is_finished()));
        signal(world, "ssh", Signal::SIGKILL);
        for (number, outcome) in (0_i64..).zip(cosmos::wait_all(started)) {
            match outcome {
                Ok(outcome) => assert_eq!(outcome.result, (2 * number).into()),
                Err(error) => is_cut_off(&error),
            }
        }
        for outcome in cosmos::wait_all(later) {
            is_cut_off(&outcome.expect_err("nobody waited so long"));
        }
        drop((twice, naps, many));
        nothing_is_left(world, "ssh");
    });
}

#[test]
fn a_call_that_was_started_can_be_cancelled_and_ends_its_vm_there() {
    in_world(|world| {
        let Some(_machine) = Machine::start(world) else {
            return;
        };
        let c = cosmos::dlopen_with("libc.so.6", &there()).expect("a library");
        let sleep = c
            .function("unsigned sleep(unsigned seconds)")
            .expect("sleep");
        let call = sleep.start(vec![1000.into()]).expect("a call");
        let cancelled = eventually(super::PATIENCE, || {
            (c.cancel().expect("open") == 1).then_some(())
        });
        assert!(cancelled.is_some());
        let error = call.wait().expect_err("it was cancelled");
        assert_eq!(error.code(), FaultCode::Cancelled, "{error}");
        let vms = || super::running(world, &[]);
        let gone = eventually(super::PATIENCE, || vms().is_empty().then_some(()));
        assert!(gone.is_some(), "{:?}", vms());
    });
}
