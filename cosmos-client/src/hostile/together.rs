//! VMs that answer many calls as they like.

use super::vm::{Act, Answer, Manners, opens_with};
use crate::call::together::{Ended, Run, Steps, invoke_all};
use crate::error::Error;
use crate::library::Target;
use callframe::marshal::Outcome;
use cosmos_rpc::message::REPLY;
use cosmos_rpc::message::calls::{CALLS, REFUSED, Runs};
use cosmos_rpc::message::vm::CALL;
use cosmos_rpc::{Blame, Fault, FaultCode, codec};
use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

/// Calls of `long twice(long number)` with 0, 1, 2 and so on.
struct Doubles {
    numbers: Vec<i64>,
    results: Vec<i64>,
    ended: RefCell<Vec<Result<Outcome, Error>>>,
}

impl Steps for Doubles {
    fn argument(&self, call: usize, _parameter: usize) -> *const u8 {
        std::ptr::from_ref(&self.numbers[call]).cast()
    }

    fn result(&self, call: usize) -> u64 {
        let results = self.results.as_ptr().cast_mut();
        results.wrapping_add(call).expose_provenance() as u64
    }

    fn ended(&self, call: usize, how: Ended) {
        let mut ended = self.ended.borrow_mut();
        assert_eq!(ended.len(), call, "each is told once, in order");
        ended.push(how);
    }
}

/// The library, what the calls returned and how they ended.
fn doubles(many: Act, count: usize) -> (Arc<Target>, Vec<i64>, Vec<Result<Outcome, Error>>) {
    let manners = Manners {
        many: Some(many),
        ..Manners::of(Answer::Act(one))
    };
    let target = opens_with(manners, Some(Duration::from_secs(20)));
    let function = target.resolve("long twice(long number)").unwrap();
    let calls = Doubles {
        numbers: (0..count as i64).collect(),
        results: vec![-1; count],
        ended: RefCell::default(),
    };
    let runs = [Run {
        function,
        calls: count,
    }];
    // SAFETY: there is a number for each call, and room for its double.
    unsafe { invoke_all(&runs, &calls, 7) };
    let ended = calls.ended.into_inner();
    assert_eq!(ended.len(), count);
    (target, calls.results, ended)
}

/// A good answer to one call.
fn one(connection: &mut cosmos_rpc::blocking::Connection, id: u64, body: &[u8]) -> Option<()> {
    let number = i64::from_le_bytes(*body.get(24..)?.first_chunk()?);
    let mut reply = [0; 32];
    reply[16..24].copy_from_slice(&(2 * number).to_le_bytes());
    connection.send_raw(CALL | REPLY, id, &[&reply], &[]).ok()
}

/// A good answer to a message.
fn good(body: &[u8]) -> Vec<u8> {
    let mut reply = Vec::new();
    for (run, slots) in Runs::of(body).unwrap() {
        assert_eq!((run.errno, run.takes, run.gives), (7, 1, 1));
        for slot in slots {
            let number = u64::from_le_bytes(*slot);
            reply.extend_from_slice(&34u64.to_le_bytes());
            reply.extend_from_slice(&(2 * number).to_le_bytes());
        }
    }
    reply
}

macro_rules! answers {
    ($body:ident => $reply:expr) => {
        |connection, id, $body| {
            let reply: Vec<u8> = $reply;
            connection.send_raw(CALLS | REPLY, id, &[&reply], &[]).ok()
        }
    };
}

#[test]
fn good_answers_come_back_in_their_order() {
    let (target, results, ended) = doubles(answers!(body => good(body)), 1000);
    assert!(
        results
            .iter()
            .zip(0..)
            .all(|(double, number)| *double == 2 * number)
    );
    assert!(ended.iter().all(|it| it.as_ref().unwrap().errno == 34));
    assert!(target.usable().is_ok());
}

#[test]
fn one_that_does_not_know_such_messages_gets_the_calls_one_by_one() {
    let refuses: Act = |connection, id, _| {
        let fault = Fault::caller(FaultCode::Unsupported, "a VM has no such request");
        connection.fault(id, &fault).ok()
    };
    let (target, results, ended) = doubles(refuses, 600);
    assert!(
        results
            .iter()
            .zip(0..)
            .all(|(double, number)| *double == 2 * number)
    );
    assert!(ended.iter().all(Result::is_ok));
    assert!(target.usable().is_ok());
}

/// What is no answer fails every call of its message, changes no result, and ends the VM.
#[test]
fn what_is_no_answer_delivers_nothing_and_ends_the_vm() {
    let lies: [Act; 9] = [
        // Too few, by a byte, by a call; none; too many.
        answers!(body => { let mut reply = good(body); reply.pop(); reply }),
        answers!(body => { let reply = good(body); reply[16..].to_vec() }),
        answers!(_body => Vec::new()),
        answers!(body => { let mut reply = good(body); reply.push(0); reply }),
        answers!(body => { let mut reply = good(body); reply.extend([0; 16]); reply }),
        // Neither ended so nor otherwise.
        answers!(body => { let mut reply = good(body); reply[37] = 1; reply }),
        // Refused, by a fault that is not there; that is longer than what there is.
        answers!(body => {
            let mut reply = good(body);
            reply[32..40].copy_from_slice(&(REFUSED | 9).to_le_bytes());
            reply
        }),
        answers!(body => {
            let mut reply = good(body);
            reply[32..40].copy_from_slice(&(REFUSED | u64::from(u32::MAX)).to_le_bytes());
            reply.extend([1; 40]);
            reply
        }),
        // A reply to something else.
        |connection, id, body| {
            connection
                .send_raw(CALL | REPLY, id, &[&good(body)], &[])
                .ok()
        },
    ];
    for (which, lie) in lies.into_iter().enumerate() {
        for count in [5, 600] {
            let (target, results, ended) = doubles(lie, count);
            assert!(results.iter().all(|double| *double == -1), "lie {which}");
            for end in &ended[..count.min(256)] {
                let error = end.as_ref().unwrap_err();
                assert_eq!(error.code(), FaultCode::Protocol, "lie {which}: {error}");
                assert_eq!(error.function(), Some("twice"));
            }
            assert!(ended.iter().all(Result::is_err), "lie {which}");
            assert!(target.usable().is_err(), "lie {which}");
        }
    }
}

#[test]
fn descriptors_with_an_answer_end_the_vm() {
    let gives: Act = |connection, id, body| {
        let nothing = std::fs::File::open("/dev/null").ok()?;
        let surplus = [std::os::fd::AsFd::as_fd(&nothing)];
        connection
            .send_raw(CALLS | REPLY, id, &[&good(body)], &surplus)
            .ok()
    };
    let (target, results, ended) = doubles(gives, 5);
    assert!(results.iter().all(|double| *double == -1));
    assert!(ended.iter().all(Result::is_err) && target.usable().is_err());
}

/// A later message that is wrong leaves what came before it.
#[test]
fn a_lie_in_the_second_message_leaves_the_first() {
    let lies: Act = |connection, id, body| {
        let (_, slots) = Runs::of(body).ok()?.next()?;
        let mut reply = good(body);
        if slots.first() != Some(&0u64.to_le_bytes()) {
            reply.pop();
        }
        connection.send_raw(CALLS | REPLY, id, &[&reply], &[]).ok()
    };
    let (target, results, ended) = doubles(lies, 1000);
    let fine = ended.iter().take_while(|end| end.is_ok()).count();
    assert_eq!(fine, 256);
    assert!(ended[fine..].iter().all(Result::is_err));
    assert!(results[fine..].iter().all(|double| *double == -1));
    assert_eq!(results[255], 510);
    assert!(target.usable().is_err());
}

/// Refusals are those of their calls, whatever is in them.
#[test]
fn calls_that_are_refused_fail_alone() {
    let refuses: Act = |connection, id, body| {
        let mut reply = good(body);
        let fault = Fault::new(Blame::Vm, FaultCode::BadArgument, "on purpose");
        let fault = codec::encode(&fault).ok()?;
        let noise = [0xff; 7];
        for (call, length) in [(1, fault.len()), (3, noise.len()), (4, 0)] {
            let header = REFUSED | length as u64;
            reply[16 * call..16 * call + 8].copy_from_slice(&header.to_le_bytes());
        }
        reply.extend_from_slice(&fault);
        reply.extend_from_slice(&noise);
        connection.send_raw(CALLS | REPLY, id, &[&reply], &[]).ok()
    };
    let (target, results, ended) = doubles(refuses, 6);
    assert_eq!(results, [0, -1, 4, -1, -1, 10]);
    assert!(
        ended[1]
            .as_ref()
            .unwrap_err()
            .to_string()
            .contains("on purpose")
    );
    assert_eq!(ended[1].as_ref().unwrap_err().code(), FaultCode::Protocol);
    assert!(ended[3].is_err() && ended[4].is_err() && ended[5].is_ok());
    assert!(target.usable().is_ok(), "such a VM goes on");
}

#[test]
fn silence_fails_the_calls_of_its_message_in_time() {
    let silent: Act = |_, _, _| {
        std::thread::sleep(Duration::from_secs(60));
        None
    };
    let begun = std::time::Instant::now();
    let late = crate::within(Duration::from_millis(50), || doubles(silent, 600));
    assert!(begun.elapsed() < Duration::from_secs(40));
    let (target, _, ended) = late;
    assert_eq!(ended[0].as_ref().unwrap_err().code(), FaultCode::TimedOut);
    assert!(ended.iter().all(Result::is_err) && target.usable().is_err());
}

#[test]
fn an_end_in_the_middle_fails_what_was_under_way_and_the_rest() {
    let ends: Act = |connection, id, body| {
        let (_, slots) = Runs::of(body).ok()?.next()?;
        if slots.first() != Some(&0u64.to_le_bytes()) {
            return None;
        }
        connection
            .send_raw(CALLS | REPLY, id, &[&good(body)], &[])
            .ok()
    };
    let (_target, results, ended) = doubles(ends, 1000);
    assert_eq!(ended.iter().take_while(|end| end.is_ok()).count(), 256);
    for end in &ended[256..] {
        assert_eq!(end.as_ref().unwrap_err().code(), FaultCode::VmDied);
    }
    assert!(results[256..].iter().all(|double| *double == -1));
}
