//! Batches, through the whole stack: each call is made once, in order, and ends as it would alone.

use cosmos::{Batch, FaultCode, Function, Library, Options, Value};
use cosmos_tests::{World, c, eventually, in_world};
use std::ffi::c_long;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

const PAIR: &str =
    "struct pair { long first; double second; }; struct pair turned(struct pair pair)";
const HOLDER: &str = "struct holder *__handle";

fn opened(world: &World) -> Library {
    let path = c::library("many.c", world.directory());
    let path = path.to_str().expect("UTF-8");
    cosmos::dlopen_with(path, &Options::new().fresh(true)).expect("the library")
}

fn function(library: &Library, prototype: &str) -> Function {
    library.function(prototype).expect(prototype)
}

fn results(outcomes: Vec<Result<cosmos::Outcome, cosmos::Error>>) -> Vec<Value> {
    let result = |outcome: Result<cosmos::Outcome, _>| outcome.expect("a call").result;
    outcomes.into_iter().map(result).collect()
}

fn int(value: &Value) -> i64 {
    match value {
        Value::Int(number) => i64::try_from(*number).expect("small"),
        other => panic!("{other:?}"),
    }
}

/// Every shape of numbers, in every order of functions, in one message and in many.
#[test]
fn a_batch_of_any_functions_gives_what_a_loop_gives() {
    in_world(|world| {
        let library = opened(world);
        let libc = cosmos::dlopen("libc.so.6").expect("libc");
        let functions = [
            function(&library, "long twice(long number)"),
            function(&library, "double halves(double number, float divisor)"),
            function(&library, PAIR),
            function(&library, "void nothing(void)"),
            function(&library, "_Bool is_odd(unsigned char number)"),
            function(&library, "signed char negated(signed char number)"),
            function(&library, "int swap_errno(int next)"),
            function(&libc, "long labs(long number)"),
            // These go the general way.
            function(&libc, "size_t strlen(const char *s)"),
            function(
                &libc,
                "int snprintf(char *__out __sized_by(size) buffer, size_t size, \
                             const char *format, ...) __printf(3, 4)",
            ),
        ];
        let arguments = |which: usize, n: i64| -> Vec<Value> {
            match which {
                1 => vec![(n as f64).into(), 4.0.into()],
                2 => vec![Value::Struct(vec![n.into(), (-n as f64).into()])],
                3 => vec![],
                4 => vec![(n % 256).into()],
                5 => vec![(n % 128).into()],
                8 => vec!["x".repeat(n as usize % 50).as_str().into()],
                9 => vec![Value::Out, 20.into(), "%d".into(), n.into()],
                _ => vec![n.into()],
            }
        };
        let mut batch = Batch::new();
        let mut alone = Vec::new();
        // Runs of one call and of hundreds.
        let mut which = 7;
        for n in 0..1500i64 {
            if n % 400 < 100 {
                which = (which * 5 + n as usize) % functions.len();
            }
            batch.add(&functions[which], arguments(which, n));
            alone.push(functions[which].call(&arguments(which, n)));
        }
        assert_eq!(batch.len(), 1500);
        let together = batch.run();
        assert_eq!(together, alone);
        assert!(together.iter().all(Result::is_ok));
        assert!(Batch::new().run().is_empty());

        // Every call was made, and once.
        let mut batch = Batch::new();
        for _ in 0..700 {
            batch.add(&functions[3], []);
        }
        let how_often = function(&library, "long how_often(void)");
        let before = int(&how_often.call(&[]).expect("a call").result);
        batch.add(&how_often, []);
        let after = batch.run().pop().expect("the last").expect("a call");
        assert_eq!(int(&after.result), before + 700);
    });
}

#[test]
fn values_that_do_not_fit_fail_their_call_alone() {
    in_world(|world| {
        let library = opened(world);
        let twice = function(&library, "long twice(long number)");
        let mut batch = Batch::new();
        batch.add(&twice, [Value::from("text")]);
        batch.add(&twice, [1.into()]).add(&twice, [2.into()]);
        batch.add(&twice, []).add(&twice, [Value::Null]);
        batch
            .add(&twice, [5.into()])
            .add(&twice, [1.into(), 2.into()]);
        let outcomes = batch.run();
        assert_eq!(outcomes.len(), 7);
        for (place, outcome) in outcomes.into_iter().enumerate() {
            match (place, outcome) {
                (1 | 2 | 5, outcome) => {
                    assert_eq!(int(&outcome.expect("a call").result), 2 * place as i64);
                }
                (_, outcome) => {
                    let error = outcome.expect_err("values that do not fit");
                    assert_eq!(error.code(), FaultCode::BadArgument, "{error}");
                    assert_eq!(error.function(), Some("twice"));
                }
            }
        }
    });
}

#[test]
fn symbols_are_called_for_tuples_of_arguments() {
    in_world(|world| {
        let library = opened(world);
        let halves = "double halves(double number, float divisor)";
        let halves = library.symbol::<extern "C" fn(f64, f32) -> f64>(halves);
        let calls: Vec<(f64, f32)> = (0..1000).map(|n| (f64::from(n), 0.5)).collect();
        for (n, result) in halves
            .expect("halves")
            .call_all(&calls)
            .into_iter()
            .enumerate()
        {
            assert_eq!(result.expect("a call"), 2.0 * n as f64);
        }
        let odd = library.symbol::<extern "C" fn(u8) -> bool>("_Bool is_odd(unsigned char number)");
        let all: Vec<(u8,)> = (0..=255).map(|n| (n,)).collect();
        for (n, result) in odd.expect("is_odd").call_all(&all).into_iter().enumerate() {
            assert_eq!(result.expect("a call"), n % 2 == 1);
        }
        let nothing = library
            .symbol::<extern "C" fn()>("void nothing(void)")
            .expect("nothing");
        assert_eq!(nothing.call_all(&[(); 300]).len(), 300);
        assert!(nothing.call_all(&[]).is_empty());
        let how_often = library.symbol::<extern "C" fn() -> c_long>("long how_often(void)");
        assert_eq!(how_often.expect("how_often").call(), 300);
        // Pointers go the general way.
        let libc = cosmos::dlopen("libc.so.6").expect("libc");
        type Strlen = unsafe extern "C" fn(*const u8) -> usize;
        let strlen = libc
            .symbol::<Strlen>("size_t strlen(const char *s)")
            .expect("strlen");
        let texts = [c"", c"a", c"four"].map(|text| (text.as_ptr().cast::<u8>(),));
        // SAFETY: each is a string.
        let lengths: Vec<_> = unsafe { strlen.call_all(&texts) };
        let lengths: Vec<usize> = lengths.into_iter().map(|it| it.expect("a call")).collect();
        assert_eq!(lengths, [0, 1, 4]);
        // One that fails.
        let die = "long die_at(long number, long fatal)";
        let die = library
            .symbol::<extern "C" fn(c_long, c_long) -> c_long>(die)
            .expect("die_at");
        let calls: Vec<(c_long, c_long)> = (0..600).map(|n| (n, 599)).collect();
        let ended = die.call_all(&calls);
        assert_eq!(ended.len(), 600);
        let fine = ended.iter().take_while(|it| it.is_ok()).count();
        assert!((256..600).contains(&fine), "{fine}");
        for (n, result) in ended.into_iter().enumerate() {
            match result {
                Ok(number) => assert_eq!(number, n as c_long),
                Err(error) => assert!(
                    n >= fine && error.code() == FaultCode::VmDied,
                    "{n}: {error}"
                ),
            }
        }
    });
}

/// Those that took their whole message's way before it died stand; none was made twice.
#[test]
fn a_death_fails_what_was_under_way_and_what_comes_after() {
    in_world(|world| {
        let library = opened(world);
        let die_at = function(&library, "long die_at(long number, long fatal)");
        let mut batch = Batch::new();
        for number in 0..2000 {
            batch.add(&die_at, [number.into(), 1000.into()]);
        }
        let other = opened(world);
        batch.add(&function(&other, "long twice(long number)"), [21.into()]);
        let mut outcomes = batch.run();
        assert_eq!(outcomes.len(), 2001);
        let last = outcomes.pop().expect("the last").expect("in another VM");
        assert_eq!(int(&last.result), 42);
        let fine = outcomes
            .iter()
            .take_while(|outcome| outcome.is_ok())
            .count();
        assert!((256..=1000).contains(&fine), "{fine}");
        for (place, outcome) in outcomes.iter().enumerate() {
            match outcome {
                Ok(outcome) => {
                    assert_eq!((int(&outcome.result), place < fine), (place as i64, true))
                }
                Err(error) => {
                    assert!(place >= fine, "{place}");
                    assert_eq!(error.code(), FaultCode::VmDied, "{error}");
                    assert_eq!(error.function(), Some("die_at"));
                }
            }
        }
        let first = outcomes[fine]
            .as_ref()
            .expect_err("it was under way")
            .to_string();
        assert!(
            first.contains("calls at once, the first of them die_at("),
            "{first}"
        );
        assert!(first.contains("SIGABRT"), "{first}");
    });
}

#[test]
fn a_batch_is_limited_and_cancelled_as_a_call_is() {
    in_world(|world| {
        let library = opened(world);
        let naps = function(&library, "long naps(long milliseconds)");
        let mut batch = Batch::new();
        for _ in 0..20 {
            batch.add(&naps, [60_000.into()]);
        }
        let late = cosmos::within(Duration::from_millis(50), || batch.clone().run());
        assert_eq!(late.len(), 20);
        let error = late[0].as_ref().expect_err("it is late");
        assert_eq!(error.code(), FaultCode::TimedOut, "{error}");
        // A private VM does not survive it.
        assert!(late.iter().all(Result::is_err) && naps.call(&[0.into()]).is_err());

        let library = opened(world);
        let naps = function(&library, "long naps(long milliseconds)");
        let mut batch = Batch::new();
        for _ in 0..600 {
            batch.add(&naps, [60_000.into()]);
        }
        let running = std::thread::spawn(|| batch.run());
        let cancelled = eventually(Duration::from_secs(20), || {
            (library.cancel().expect("it is open") == 1).then_some(())
        });
        assert!(cancelled.is_some());
        let outcomes = running.join().expect("no panic");
        assert_eq!(outcomes.len(), 600);
        for outcome in outcomes {
            let error = outcome.expect_err("it was cancelled");
            assert_eq!(error.code(), FaultCode::Cancelled, "{error}");
            assert!(error.to_string().contains("were cancelled"), "{error}");
        }
    });
}

/// Steps that call back, whose functions call the VM, with a batch again.
#[test]
fn steps_call_back_and_those_whose_callback_fails_fail_alone() {
    in_world(|world| {
        let library = opened(world);
        let twice = function(&library, "long twice(long number)");
        let open = function(
            &library,
            &format!("{HOLDER} __closed_by(let_go) hold(void)"),
        );
        let set =
            format!("void set_back({HOLDER} holder, long (*back)(long number) __scope(holder))");
        let set = function(&library, &set);
        let through = function(&library, "long through_back(long number)");
        let close = function(&library, &format!("int let_go({HOLDER} __consume holder)"));
        let holder = open.call(&[]).expect("a call").result;
        let inner = twice.clone();
        let made = Arc::new(AtomicI64::new(0));
        let seen = Arc::clone(&made);
        let back = cosmos::callback(move |arguments| {
            seen.fetch_add(1, Ordering::Relaxed);
            let number = arguments[0].clone();
            match int(&number) {
                // No value of its type.
                13 => Value::from("text"),
                16 => panic!("on purpose"),
                n if n % 100 == 0 => {
                    let mut batch = Batch::new();
                    for more in 0..300 {
                        batch.add(&inner, [(n + more).into()]);
                    }
                    let results = results(batch.run());
                    assert!((0..300).all(|more| int(&results[more]) == 2 * (n + more as i64)));
                    results[0].clone()
                }
                _ => inner.call(&[number]).expect("a call inside").result,
            }
        });
        set.call(&[holder.clone(), back]).expect("a call");
        let mut batch = Batch::new();
        for number in 0..600 {
            let function = if number % 3 == 2 { &twice } else { &through };
            batch.add(function, [number.into()]);
        }
        let outcomes = batch.run();
        assert_eq!(outcomes.len(), 600);
        for (number, outcome) in (0..).zip(outcomes) {
            match (number, outcome) {
                (13 | 16, outcome) => {
                    let error = outcome.expect_err("its callback failed");
                    assert_eq!(error.code(), FaultCode::CallbackFailed, "{error}");
                }
                (number, outcome) => {
                    let more = i64::from(number % 3 != 2);
                    let result = outcome
                        .unwrap_or_else(|error| panic!("{number}: {error}"))
                        .result;
                    assert_eq!(int(&result), 2 * number + more);
                }
            }
        }
        assert_eq!(made.load(Ordering::Relaxed), 400);
        // The channel is in step.
        assert_eq!(int(&twice.call(&[4.into()]).expect("a call").result), 8);
        close.call(&[holder]).expect("a call");
    });
}

#[test]
fn started_batches_of_several_vms_run_side_by_side_and_any_can_be_awaited() {
    in_world(|world| {
        let libraries = [opened(world), opened(world), opened(world)];
        assert_ne!(libraries[0].vm(), libraries[1].vm());
        let naps = "long naps(long milliseconds)";
        let mut batch = Batch::new();
        for number in 0..900i64 {
            let library = &libraries[number as usize % 3];
            let twice = function(library, "long twice(long number)");
            batch.add(&twice, [number.into()]);
        }
        let outcomes = cosmos::wait_all(batch.start().expect("threads"));
        for (number, result) in (0..).zip(results(outcomes)) {
            assert_eq!(int(&result), 2 * number);
        }

        // The one that waits for ever does not keep the other VM's calls.
        let mut batch = Batch::new();
        batch.add(&function(&libraries[0], naps), [600_000.into()]);
        batch.add(&function(&libraries[1], naps), [1.into()]);
        batch.add(&function(&libraries[1], naps), [2.into()]);
        let mut calls = batch.start().expect("threads");
        let mut ended = Vec::new();
        for _ in 0..2 {
            let (_, outcome) = cosmos::wait_any(&mut calls).expect("a call");
            ended.push(int(&outcome.expect("a call").result));
        }
        assert_eq!((ended, calls.len()), (vec![1, 2], 1));
        assert!(!calls[0].is_finished());
        let cancelled = eventually(Duration::from_secs(20), || {
            (libraries[0].cancel().expect("it is open") == 1).then_some(())
        });
        assert!(cancelled.is_some());
        let error = calls.remove(0).wait().expect_err("cancelled");
        assert_eq!(error.code(), FaultCode::Cancelled, "{error}");
        assert!(Batch::new().start().expect("nothing").is_empty());
    });
}

#[test]
fn a_child_is_told_that_the_calls_are_its_parents_and_the_parent_goes_on() {
    in_world(|world| {
        let library = opened(world);
        let twice = function(&library, "long twice(long number)");
        let mut batch = Batch::new();
        for number in 0..300 {
            batch.add(&twice, [number.into()]);
        }
        assert!(batch.clone().run().iter().all(Result::is_ok));
        // SAFETY: the child asks, and ends by _exit.
        let child = unsafe { libc::fork() };
        if child == 0 {
            let outcomes = batch.run();
            let told = |outcome: &Result<_, cosmos::Error>| {
                outcome
                    .as_ref()
                    .is_err_and(|error| error.code() == FaultCode::Forked)
            };
            let fine = outcomes.len() == 300 && outcomes.iter().all(told);
            // SAFETY: ends the child without running anything of the test harness.
            unsafe { libc::_exit(i32::from(!fine)) }
        }
        let mut status = 0;
        // SAFETY: waits for the child made above; `status` is ours.
        assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
        assert_eq!(status, 0);
        assert!(batch.run().iter().all(Result::is_ok));
    });
}

#[test]
fn calls_of_a_closed_library_fail_and_the_others_do_not() {
    in_world(|world| {
        let (library, closed) = (opened(world), opened(world));
        let twice = function(&library, "long twice(long number)");
        let stale = closed.symbol::<extern "C" fn(c_long) -> c_long>("long twice(long number)");
        let stale = stale.expect("twice");
        closed.close().expect("it closes");
        let mut batch = Batch::new();
        for number in 0..300 {
            let function = if number < 100 {
                stale.function()
            } else {
                &twice
            };
            batch.add(function, [number.into()]);
        }
        let outcomes = batch.run();
        assert_eq!(outcomes.len(), 300);
        for (number, outcome) in (0..).zip(outcomes) {
            match outcome {
                Ok(outcome) => assert_eq!(int(&outcome.result), 2 * number),
                Err(error) => {
                    assert_eq!((number < 100, error.code()), (true, FaultCode::StaleHandle))
                }
            }
        }
        let all = stale.call_all(&[(1,), (2,)]);
        assert!(all.iter().all(Result::is_err));
    });
}
