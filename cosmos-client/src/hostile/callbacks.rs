//! A VM that calls back what, when and how it may not.

use super::vm::*;
use crate::error::Error;
use crate::library::Target;
use crate::{FaultCode, Value, callback};
use cosmos_rpc::Fault;
use cosmos_rpc::blocking::Connection;
use cosmos_rpc::message::REPLY;
use cosmos_rpc::message::vm::{CALL, CALLBACK, CALLBACK_DEPTH, Open};
use cosmos_rpc::message::{FAULT, Message};
use proptest::prelude::*;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

const VISIT: &str = "int visit(int (*visit)(int value))";
/// Where the number of the function is in the body of a call of [`VISIT`]: behind the runable, the
/// header and the slot.
const NUMBER: usize = 8 + 16 + 16;

/// Calls VISIT with a closure that gives twice what it is given; also how often that was called.
fn visit(target: &Arc<Target>) -> (Result<Value, Error>, usize) {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let double = callback(move |arguments| {
        counted.fetch_add(1, Ordering::Relaxed);
        match arguments {
            [Value::Int(value)] => Value::Int(value * 2),
            _ => Value::Void,
        }
    });
    let function = target.resolve(VISIT).unwrap();
    let outcome = crate::dynamic::call(&function, &[double]);
    let result = outcome.map(|outcome| outcome.result);
    (result, count.load(Ordering::Relaxed))
}

/// The number of the function that a call passes.
fn number(call: &[u8]) -> u64 {
    u64::from_le_bytes(call[NUMBER..NUMBER + 8].try_into().unwrap())
}

/// A request for `int (int value)`.
fn request(value: i32) -> Vec<u8> {
    let mut bytes = vec![0; 32];
    bytes[16..20].copy_from_slice(&value.to_le_bytes());
    bytes
}

/// Calls a function back; gives the kind of the answer and its body.
fn call_back(connection: &mut Connection, number: u64, request: &[u8]) -> Option<(u16, Vec<u8>)> {
    let number = number.to_le_bytes();
    let frame = connection
        .call_raw(CALLBACK, &[&number, request], &[])
        .ok()?;
    Some((frame.kind, frame.body))
}

/// Answers the call with a number.
fn reply(connection: &mut Connection, id: u64, result: i32) -> Option<()> {
    let body = body(0, &result.to_le_bytes(), &[], &[]);
    connection.send_raw(CALL | REPLY, id, &[&body], &[]).ok()
}

fn opens_with_act(act: Act) -> Arc<Target> {
    opens(Answer::Act(act))
}

#[test]
fn an_honest_callback_is_answered() {
    let target = opens_with_act(|connection, id, call| {
        let (kind, answer) = call_back(connection, number(call), &request(21))?;
        assert_eq!(kind, CALLBACK | REPLY);
        let result = i32::from_le_bytes(answer[16..20].try_into().ok()?);
        reply(connection, id, result)
    });
    for _ in 0..3 {
        assert_eq!(visit(&target), (Ok(Value::Int(42)), 1));
    }
}

#[test]
fn numbers_that_were_not_passed_to_this_call_are_refused() {
    static EARLIER: AtomicU64 = AtomicU64::new(0);
    let acts: [Act; 5] = [
        |connection, id, _| refused(connection, id, 0),
        |connection, id, call| refused(connection, id, number(call) + 1),
        |connection, id, call| refused(connection, id, number(call) | 1 << 40),
        |connection, id, _| refused(connection, id, u64::MAX),
        |connection, id, call| {
            // The first call's number, in the second call.
            match EARLIER.swap(number(call), Ordering::SeqCst) {
                0 => reply(connection, id, 0),
                earlier => refused(connection, id, earlier),
            }
        },
    ];
    for (index, act) in acts.into_iter().enumerate() {
        let target = opens_with_act(act);
        if index == 4 {
            assert_eq!(visit(&target), (Ok(Value::Int(0)), 0));
        }
        let (result, count) = visit(&target);
        let error = result.unwrap_err();
        assert_eq!(error.code(), FaultCode::CallbackFailed, "{index}: {error}");
        assert!(error.to_string().contains("may not call"), "{error}");
        assert_eq!(count, 0);
        // The VM is no worse for it.
        assert!(!target.link().is_gone());
    }
}

/// Calls back by this number, expects a fault, and answers the call as if nothing had been.
fn refused(connection: &mut Connection, id: u64, number: u64) -> Option<()> {
    let (kind, _) = call_back(connection, number, &request(1))?;
    assert_eq!(kind, FAULT);
    reply(connection, id, 7)
}

#[test]
fn a_function_of_one_vm_is_none_of_anothers() {
    static STOLEN: AtomicU64 = AtomicU64::new(0);
    let thief =
        opens_with_act(|connection, id, _| refused(connection, id, STOLEN.load(Ordering::SeqCst)));
    let target = opens_with_act(|connection, id, call| {
        STOLEN.store(number(call), Ordering::SeqCst);
        let (kind, _) = call_back(connection, number(call), &request(1))?;
        reply(connection, id, i32::from(kind == (CALLBACK | REPLY)))
    });
    let function = target.resolve(VISIT).unwrap();
    let stolen_from = callback(move |_| {
        // While the victim's call runs, on the same thread.
        let (result, count) = visit(&thief);
        assert_eq!(result.unwrap_err().code(), FaultCode::CallbackFailed);
        assert_eq!(count, 0);
        Value::from(1)
    });
    let outcome = crate::dynamic::call(&function, &[stolen_from]).unwrap();
    assert_eq!(outcome.result, Value::from(1));
}

#[test]
fn a_function_of_one_threads_call_is_none_of_anothers() {
    static STOLEN: AtomicU64 = AtomicU64::new(0);
    let target = opens_with_act(|connection, id, call| match STOLEN.load(Ordering::SeqCst) {
        0 => {
            STOLEN.store(number(call), Ordering::SeqCst);
            let (kind, _) = call_back(connection, number(call), &request(1))?;
            reply(connection, id, i32::from(kind == (CALLBACK | REPLY)))
        }
        stolen => refused(connection, id, stolen),
    });
    let function = target.resolve(VISIT).unwrap();
    let stolen_from = callback(move |_| {
        // While the victim's call runs, in the same VM.
        let visited = std::thread::scope(|scope| scope.spawn(|| visit(&target)).join());
        let (result, count) = visited.unwrap();
        assert_eq!(result.unwrap_err().code(), FaultCode::CallbackFailed);
        assert_eq!(count, 0);
        Value::from(1)
    });
    let outcome = crate::dynamic::call(&function, &[stolen_from]).unwrap();
    assert_eq!(outcome.result, Value::from(1));
}

/// Calls back in every call that comes, however deep that lies.
fn ever_deeper(connection: &mut Connection, id: u64, call: &[u8]) -> Option<()> {
    let number = number(call).to_le_bytes();
    let request = [&number[..], &request(1)];
    connection.request_raw(CALLBACK, &request, &[]).ok()?;
    loop {
        let frame = connection.receive().ok()??;
        if frame.kind != CALL {
            return reply(connection, id, i32::from(frame.kind == (CALLBACK | REPLY)));
        }
        ever_deeper(connection, frame.id, &frame.body)?;
    }
}

/// A VM chooses how deep a program's function that calls it comes to lie inside of itself.
#[test]
fn calls_back_lie_no_deeper_than_they_may() {
    static RAN: AtomicUsize = AtomicUsize::new(0);
    let target = opens_with_act(ever_deeper);
    let function = target.resolve(VISIT).unwrap();
    let itself = Arc::new(OnceLock::<Value>::new());
    let again = {
        let (function, itself) = (Arc::clone(&function), Arc::clone(&itself));
        callback(move |_| {
            if RAN.fetch_add(1, Ordering::Relaxed) < 2 * CALLBACK_DEPTH
                && let Some(itself) = itself.get()
                && let Err(error) = crate::dynamic::call(&function, std::slice::from_ref(itself))
            {
                assert_eq!(error.code(), FaultCode::LimitReached, "{error}");
            }
            Value::from(1)
        })
    };
    let outcome = crate::dynamic::call(
        &function,
        std::slice::from_ref(itself.get_or_init(|| again)),
    );
    assert_eq!(outcome.unwrap().result, Value::from(1));
    assert_eq!(RAN.load(Ordering::Relaxed), CALLBACK_DEPTH);
}

#[test]
fn requests_that_are_none_end_the_vm() {
    let acts: [Act; 6] = [
        // Shorter than a number.
        |connection, _, _| connection.send_raw(CALLBACK, 9, &[&[1, 2, 3]], &[]).ok(),
        // Another request than a callback.
        |connection, _, _| connection.send_raw(Open::KIND, 9, &[&[0; 8]], &[]).ok(),
        |connection, _, call| connection.send_raw(CALL, 9, &[call], &[]).ok(),
        // A request section of another shape.
        |connection, _, call| {
            call_back(connection, number(call), &[0; 16]);
            None
        },
        |connection, _, call| {
            let mut longer = request(1);
            longer.extend([0; 16]);
            call_back(connection, number(call), &longer);
            None
        },
        // A reply to a callback that the client never made.
        |connection, id, _| {
            connection
                .send_raw(CALLBACK | REPLY, id + 1, &[&[0; 32]], &[])
                .ok()
        },
    ];
    for (index, act) in acts.into_iter().enumerate() {
        let target = opens_with_act(act);
        let (result, count) = visit(&target);
        let error = result.unwrap_err();
        assert_eq!(error.code(), FaultCode::Protocol, "{index}: {error}");
        assert_eq!(error.errno(), libc::EPROTO);
        assert_eq!(count, 0);
        assert!(target.link().is_gone(), "{index}");
    }
}

#[test]
fn calling_back_after_a_refusal_ends_the_vm() {
    let target = opens_with_act(|connection, _, call| {
        loop {
            call_back(connection, number(call) + 1, &request(1))?;
        }
    });
    let (result, _) = visit(&target);
    let error = result.unwrap_err();
    assert!(error.to_string().contains("has failed"), "{error}");
    assert!(target.link().is_gone());
}

#[test]
fn calling_back_without_end_ends_at_the_bound() {
    static MADE: AtomicU64 = AtomicU64::new(0);
    let target = opens_bounded(
        Answer::Act(|connection, _, call| {
            loop {
                call_back(connection, number(call), &request(1))?;
                MADE.fetch_add(1, Ordering::SeqCst);
            }
        }),
        1000,
    );
    let (result, count) = visit(&target);
    assert!(result.is_err());
    assert_eq!(count, 1000);
    // One more was refused; the one after that ended it.
    assert_eq!(MADE.load(Ordering::SeqCst), 1001);
    assert!(target.link().is_gone());
}

#[test]
fn answers_out_of_order_end_the_vm() {
    // A call back, and while the client's function makes a call of its own, the answer to the outer.
    static OUTER: AtomicU64 = AtomicU64::new(0);
    let target = opens_with_act(
        |connection, id, call| match OUTER.swap(id, Ordering::SeqCst) {
            0 => {
                let id_of_callback = 77;
                let number = number(call).to_le_bytes();
                connection
                    .send_raw(CALLBACK, id_of_callback, &[&number, &request(1)], &[])
                    .ok()
            }
            outer => reply(connection, outer, 5),
        },
    );
    let function = target.resolve(VISIT).unwrap();
    let again = Arc::clone(&function);
    let nested = callback(move |_| {
        let error = crate::dynamic::call(&again, &[Value::Null]).unwrap_err();
        assert_eq!(error.code(), FaultCode::Protocol, "{error}");
        Value::from(1)
    });
    let error = crate::dynamic::call(&function, &[nested]).unwrap_err();
    // The VM is gone by then, with what it had under way.
    assert_eq!(error.errno(), libc::EOWNERDEAD, "{error}");
    assert!(target.link().is_gone());
}

#[test]
fn a_callback_after_the_reply_fails_the_next_call() {
    let act: Act = |connection, id, call| {
        reply(connection, id, 3)?;
        let number = number(call).to_le_bytes();
        connection
            .send_raw(CALLBACK, 5, &[&number, &request(1)], &[])
            .ok()
    };
    // Through shared memory the VM would not get a word in.
    let target = opens_with(Manners::on_socket(Answer::Act(act)), None);
    assert_eq!(visit(&target), (Ok(Value::Int(3)), 0));
    let (result, count) = visit(&target);
    let error = result.unwrap_err();
    assert_eq!(error.code(), FaultCode::CallbackFailed, "{error}");
    assert_eq!(count, 0);
}

#[test]
fn a_fault_that_answers_a_call_is_not_talked_away_by_callbacks() {
    let target = opens_with_act(|connection, id, call| {
        call_back(connection, number(call), &request(1))?;
        let fault = Fault::vm(FaultCode::System, "out of sorts");
        connection.fault(id, &fault).ok()
    });
    let (result, count) = visit(&target);
    assert_eq!(result.unwrap_err().code(), FaultCode::System);
    assert_eq!(count, 1);
}

#[test]
fn a_vm_that_goes_away_instead_of_taking_the_answer_is_seen() {
    let target = opens_with_act(|connection, _, call| {
        let number = number(call).to_le_bytes();
        connection
            .send_raw(CALLBACK, 5, &[&number, &request(1)], &[])
            .ok()?;
        None
    });
    let (result, count) = visit(&target);
    assert_eq!(result.unwrap_err().errno(), libc::EOWNERDEAD);
    assert_eq!(count, 1);
}

const TEXT: &str =
    "int visit(int (*visit)(const char *text, int *__inout __counted_by(n) numbers, int n))";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever the bytes of a callback's request, the client answers, refuses, or ends the VM.
    #[test]
    fn any_bytes_in_a_request_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200), at in 0usize..200, sound: bool) {
        let mut request = match sound {
            // Two blocks, "hi" and one number; then a byte of the noise over it.
            true => body_of_text(),
            false => bytes.clone(),
        };
        if let (true, Some(place), Some(byte)) = (sound, request.get_mut(at), bytes.first()) {
            *place = *byte;
        }
        *REQUEST.lock().unwrap() = request;
        let target = opens_with_act(|connection, id, call| {
            let request = REQUEST.lock().unwrap().clone();
            call_back(connection, number(call), &request)?;
            reply(connection, id, 0)
        });
        let function = target.resolve(TEXT).unwrap();
        let _ = crate::dynamic::call(&function, &[callback(|_| Value::from(0))]);
    }
}

static REQUEST: std::sync::Mutex<Vec<u8>> = std::sync::Mutex::new(Vec::new());

fn body_of_text() -> Vec<u8> {
    let mut slots = vec![0; 32];
    slots[16] = 1;
    body(0, &slots, &[(3, b"hi\0"), (4, &[9, 0, 0, 0])], &[1, 2])
}

#[test]
fn the_sound_request_of_the_noise_test_is_sound() {
    let target = opens_with_act(|connection, id, call| {
        let (kind, _) = call_back(connection, number(call), &body_of_text())?;
        reply(connection, id, i32::from(kind == (CALLBACK | REPLY)))
    });
    let function = target.resolve(TEXT).unwrap();
    let look = callback(|arguments| {
        let expected = [
            Value::from("hi"),
            Value::Array(vec![Value::from(9)]),
            Value::from(1),
        ];
        assert_eq!(arguments, expected);
        Value::from(0)
    });
    let outcome = crate::dynamic::call(&function, &[look]).unwrap();
    assert_eq!(outcome.result, Value::from(1));
}

/// A function that hands a cookie back, and the cookie that a call of it gives.
const COOKIE: &str = "int visit(int (*visit)(void *__opaque cookie), void *__opaque cookie)";
const GIVEN: u64 = 0x7f00_dead_b000;

/// Calls back with this cookie, and answers the call with 1 where that was done.
fn hand(connection: &mut Connection, id: u64, call: &[u8], cookie: u64) -> Option<()> {
    let request = body(0, &[0; 8], &[], &[cookie]);
    let (kind, _) = call_back(connection, number(call), &request)?;
    reply(connection, id, i32::from(kind == (CALLBACK | REPLY)))
}

#[test]
fn a_cookie_that_the_program_did_not_give_does_not_reach_its_function() {
    let acts: [(Act, bool); 5] = [
        (
            |connection, id, call| hand(connection, id, call, GIVEN),
            true,
        ),
        (|connection, id, call| hand(connection, id, call, 0), true),
        (|connection, id, call| hand(connection, id, call, 17), true),
        (
            |connection, id, call| hand(connection, id, call, GIVEN + 8),
            false,
        ),
        (
            |connection, id, call| hand(connection, id, call, 1 << 20),
            false,
        ),
    ];
    for (index, (act, reaches)) in acts.into_iter().enumerate() {
        let target = opens_with_act(act);
        let function = target.resolve(COOKIE).unwrap();
        let count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&count);
        let counting = callback(move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
            Value::from(0)
        });
        let outcome = crate::dynamic::call(&function, &[counting, Value::Int(GIVEN.into())]);
        assert_eq!(
            count.load(Ordering::Relaxed),
            usize::from(reaches),
            "{index}"
        );
        match reaches {
            true => assert_eq!(outcome.unwrap().result, Value::from(1), "{index}"),
            false => {
                let error = outcome.unwrap_err();
                assert_eq!(error.code(), FaultCode::CallbackFailed, "{index}: {error}");
                assert!(error.to_string().contains("'cookie'"), "{error}");
            }
        }
    }
}

#[test]
fn a_cookie_of_an_earlier_call_still_comes_back() {
    static EARLIER: AtomicU64 = AtomicU64::new(0);
    let target = opens_with_act(|connection, id, call| {
        let cookie = u64::from_le_bytes(call[NUMBER + 8..NUMBER + 16].try_into().ok()?);
        match EARLIER.swap(cookie, Ordering::SeqCst) {
            0 => hand(connection, id, call, cookie),
            earlier => hand(connection, id, call, earlier),
        }
    });
    let function = target.resolve(COOKIE).unwrap();
    for cookie in [GIVEN, GIVEN + 64] {
        let same = callback(|arguments| {
            assert_eq!(arguments, [Value::Int(GIVEN.into())]);
            Value::from(0)
        });
        let outcome = crate::dynamic::call(&function, &[same, Value::Int(cookie.into())]);
        assert_eq!(outcome.unwrap().result, Value::from(1));
    }
}
