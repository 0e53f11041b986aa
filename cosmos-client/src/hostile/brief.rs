//! A VM that makes brief calls back which it may not, or which are none.

use super::vm::*;
use crate::FaultCode;
use crate::error::Error;
use crate::library::Target;
use crate::memory::program::may_lead_somewhere;
use cosmos_rpc::blocking::Connection;
use cosmos_rpc::message::vm::{BRIEF_CALLBACK, CALL};
use cosmos_rpc::message::{FAULT, REPLY};
use proptest::prelude::*;
use std::ffi::{c_int, c_void};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// What a number, data, and a value that is handed back are brief for.
const CHOOSE: &str = "int choose(int (*better)(const int *a, short b, void *__opaque cookie), void *__opaque cookie)";
const GIVEN: u64 = 0x7f00_dead_b000;
/// Where the number of the function is in the body of a call: behind the runable, the header and two
/// slots.
const NUMBER: usize = 8 + 16 + 16;
/// Bytes of its request: the front, an int, a short, a pointer.
const LENGTH: usize = 16 + 4 + 2 + 2 + 8;

thread_local! {
    static CALLS: AtomicUsize = const { AtomicUsize::new(0) };
}

unsafe extern "C" fn better(a: *const c_int, b: i16, cookie: *mut c_void) -> c_int {
    CALLS.with(|calls| calls.fetch_add(1, Ordering::Relaxed));
    let cookie = cookie.addr() as u64;
    assert!(
        cookie == GIVEN || !may_lead_somewhere(cookie),
        "{cookie:#x}"
    );
    // SAFETY: the prototype says that there is one.
    unsafe { *a + c_int::from(b) }
}

/// Calls CHOOSE with the C function above; also how often that was called.
fn choose(target: &Arc<Target>) -> (Result<i32, Error>, usize) {
    let function = target.resolve(CHOOSE).unwrap();
    let pointer: unsafe extern "C" fn(*const c_int, i16, *mut c_void) -> c_int = better;
    let arguments = [(pointer as *const c_void).expose_provenance() as u64, GIVEN];
    let addresses = arguments.each_ref().map(at);
    let mut result = 0i32;
    let place = (&raw mut result).expose_provenance() as u64;
    let before = CALLS.with(|calls| calls.load(Ordering::Relaxed));
    // SAFETY: the arguments are as the prototype says, and the result is an int.
    let outcome = unsafe { crate::call::invoke(&function, &addresses, 0, place) };
    let after = CALLS.with(|calls| calls.load(Ordering::Relaxed));
    (outcome.map(|_| result), after - before)
}

fn at(value: &u64) -> u64 {
    std::ptr::from_ref(value).expose_provenance() as u64
}

/// The number of the function that a call passes.
fn number(call: &[u8]) -> u64 {
    u64::from_le_bytes(call[NUMBER..NUMBER + 8].try_into().unwrap())
}

fn request(number: u64, a: i32, b: i16, cookie: u64) -> Vec<u8> {
    let mut bytes = number.to_le_bytes().to_vec();
    bytes.extend([0; 8]);
    bytes.extend(a.to_le_bytes());
    bytes.extend(b.to_le_bytes());
    bytes.extend([0; 2]);
    bytes.extend(cookie.to_le_bytes());
    assert_eq!(bytes.len(), LENGTH);
    bytes
}

/// Calls back; gives the kind of the answer and its body.
fn call_back(connection: &mut Connection, request: &[u8]) -> Option<(u16, Vec<u8>)> {
    let frame = connection.call_raw(BRIEF_CALLBACK, &[request], &[]).ok()?;
    Some((frame.kind, frame.body))
}

fn reply(connection: &mut Connection, id: u64, result: i32) -> Option<()> {
    let body = body(0, &result.to_le_bytes(), &[], &[]);
    connection.send_raw(CALL | REPLY, id, &[&body], &[]).ok()
}

fn honest(connection: &mut Connection, id: u64, call: &[u8]) -> Option<()> {
    let mut last = 0;
    for b in 0..3 {
        let (kind, answer) = call_back(connection, &request(number(call), 40, b, GIVEN))?;
        assert_eq!((kind, answer.len()), (BRIEF_CALLBACK | REPLY, 16));
        last = i32::from_le_bytes(answer[8..12].try_into().ok()?);
        assert_eq!(answer[12..], [0; 4]);
    }
    reply(connection, id, last)
}

#[test]
fn an_honest_brief_callback_is_answered() {
    for target in [
        opens(Answer::Act(honest)),
        opens_with(Manners::on_socket(Answer::Act(honest)), None),
    ] {
        for _ in 0..3 {
            assert_eq!(choose(&target), (Ok(42), 3));
        }
    }
}

#[test]
fn numbers_and_cookies_that_were_not_given_do_not_reach_the_function() {
    fn refused(connection: &mut Connection, id: u64, request: &[u8]) -> Option<()> {
        let (kind, _) = call_back(connection, request)?;
        assert_eq!(kind, FAULT);
        reply(connection, id, 7)
    }
    let acts: [(Act, &str); 5] = [
        (
            |it, id, call| refused(it, id, &request(number(call) + 1, 1, 1, GIVEN)),
            "may not call",
        ),
        (
            |it, id, _| refused(it, id, &request(0, 1, 1, GIVEN)),
            "may not call",
        ),
        (
            |it, id, _| refused(it, id, &request(u64::MAX, 1, 1, GIVEN)),
            "may not call",
        ),
        (
            |it, id, call| refused(it, id, &request(number(call), 1, 1, GIVEN + 8)),
            "'cookie'",
        ),
        (
            |it, id, call| refused(it, id, &request(number(call), 1, 1, 1 << 40)),
            "'cookie'",
        ),
    ];
    for (index, (act, says)) in acts.into_iter().enumerate() {
        let target = opens(Answer::Act(act));
        let (result, count) = choose(&target);
        let error = result.unwrap_err();
        assert_eq!(error.code(), FaultCode::CallbackFailed, "{index}: {error}");
        assert!(error.to_string().contains(says), "{index}: {error}");
        assert_eq!(count, 0, "{index}");
        assert!(!target.link().is_gone(), "{index}");
    }
}

#[test]
fn a_good_cookie_makes_no_other_good() {
    let target = opens(Answer::Act(|connection, id, call| {
        call_back(connection, &request(number(call), 1, 1, GIVEN))?;
        let (kind, _) = call_back(connection, &request(number(call), 1, 1, GIVEN + 16))?;
        assert_eq!(kind, FAULT);
        reply(connection, id, 0)
    }));
    let (result, count) = choose(&target);
    assert_eq!(result.unwrap_err().code(), FaultCode::CallbackFailed);
    assert_eq!(count, 1);
}

#[test]
fn brief_requests_that_are_none_end_the_vm() {
    let acts: [Act; 6] = [
        // Shorter than a number; shorter and longer than it is; with bits where there are none.
        |connection, _, _| call_back(connection, &[1, 2, 3]).map(drop),
        |connection, _, call| {
            let request = request(number(call), 1, 1, GIVEN);
            call_back(connection, &request[..LENGTH - 8]).map(drop)
        },
        |connection, _, call| {
            let mut request = request(number(call), 1, 1, GIVEN);
            request.extend([0; 8]);
            call_back(connection, &request).map(drop)
        },
        |connection, _, call| {
            let mut request = request(number(call), 1, 1, GIVEN);
            request[15] = 1;
            call_back(connection, &request).map(drop)
        },
        // With a descriptor.
        |connection, _, call| {
            let nothing = std::fs::File::open("/dev/null").ok()?;
            let request = request(number(call), 1, 1, GIVEN);
            connection
                .call_raw(BRIEF_CALLBACK, &[&request], &[nothing.as_fd()])
                .ok()
                .map(drop)
        },
        // After a refusal.
        |connection, _, call| {
            loop {
                call_back(connection, &request(number(call) + 1, 1, 1, GIVEN))?;
            }
        },
    ];
    for (index, act) in acts.into_iter().enumerate() {
        let target = opens(Answer::Act(act));
        let (result, count) = choose(&target);
        let error = result.unwrap_err();
        assert_eq!(error.code(), FaultCode::Protocol, "{index}: {error}");
        assert_eq!(count, 0, "{index}");
        assert!(target.link().is_gone(), "{index}");
    }
}

#[test]
fn a_function_that_is_not_brief_is_not_called_so() {
    let target = opens(Answer::Act(|connection, id, call| {
        // The one slot is shorter by a pointer.
        let number = u64::from_le_bytes(call[40..48].try_into().ok()?);
        let mut request = number.to_le_bytes().to_vec();
        request.extend([0; 16]);
        call_back(connection, &request)?;
        reply(connection, id, 0)
    }));
    let function = target
        .resolve("int visit(int (*visit)(const char *text))")
        .unwrap();
    let never = crate::callback(|_| panic!("it was called"));
    let error = crate::dynamic::call(&function, &[never]).unwrap_err();
    assert_eq!(error.code(), FaultCode::Protocol, "{error}");
    assert!(target.link().is_gone());
}

#[test]
fn brief_callbacks_without_end_end_at_the_bound() {
    let target = opens_bounded(
        Answer::Act(|connection, _, call| {
            loop {
                call_back(connection, &request(number(call), 1, 1, GIVEN))?;
            }
        }),
        1000,
    );
    let (result, count) = choose(&target);
    assert!(result.is_err());
    assert_eq!(count, 1000);
    assert!(target.link().is_gone());
}

static REQUEST: Mutex<Vec<u8>> = Mutex::new(Vec::new());

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever the bytes, the client answers, refuses, or ends the VM, and its function gets what it
    /// was promised (it looks).
    #[test]
    fn any_bytes_in_a_brief_request_are_survived(
        noise in proptest::collection::vec(any::<u8>(), 0..300), place in 8..LENGTH, sound: bool,
    ) {
        *REQUEST.lock().unwrap() = noise.clone();
        static PLACE: AtomicUsize = AtomicUsize::new(0);
        PLACE.store(if sound { place } else { 0 }, Ordering::SeqCst);
        let target = opens(Answer::Act(|connection, id, call| {
            let noise = REQUEST.lock().unwrap().clone();
            let mut sent = request(number(call), 1, 1, GIVEN);
            match PLACE.load(Ordering::SeqCst) {
                0 => {
                    sent.truncate(8);
                    sent.extend(noise);
                }
                place => sent[place] = noise.first().copied().unwrap_or(1),
            }
            call_back(connection, &sent)?;
            reply(connection, id, 0)
        }));
        let _ = choose(&target);
    }
}
