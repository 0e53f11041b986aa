//! VMs that answer calls of plain bytes as they like.

use super::vm::{Act, Answer, Manners, body, opens_with};
use crate::error::Error;
use crate::library::Target;
use crate::{FaultCode, Value};
use cosmos_rpc::blocking::Connection;
use cosmos_rpc::message::REPLY;
use cosmos_rpc::message::vm::{CALL, COMPACT_CALL};
use std::sync::Arc;
use std::time::Duration;

const FILL: &str = "int fill(char *__out __sized_by(room) __filled(return) to, int room)";
const FIND: &str = "char *__alias(text) find(const char *text)";

/// Calls a function; the thread has a channel, by which the function was resolved.
fn call(prototype: &str, compact: Act, arguments: &[Value]) -> (Arc<Target>, Result<Value, Error>) {
    let manners = Manners {
        compact: Some(compact),
        ..Manners::of(Answer::Act(generally))
    };
    let target = opens_with(manners, Some(Duration::from_secs(20)));
    let function = target.resolve(prototype).unwrap();
    let outcome = crate::dynamic::call(&function, arguments);
    (target, outcome.map(|outcome| outcome.result))
}

/// A good answer to either function, of nothing filled and nothing found.
fn generally(connection: &mut Connection, id: u64, request: &[u8]) -> Option<()> {
    // `fill` sends no contents, and `find` no number.
    let reply = match request.len() {
        ..=88 => body(0, &[0; 4], &[(8, &[])], &[]),
        _ => body(0, &[0; 8], &[], &[0]),
    };
    connection.send_raw(CALL | REPLY, id, &[&reply], &[]).ok()
}

fn reply(connection: &mut Connection, id: u64, words: &[u64]) -> Option<()> {
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    let kind = COMPACT_CALL | REPLY;
    connection.send_raw(kind, id, &[&bytes], &[]).ok()
}

#[test]
fn an_honest_answer_is_taken() {
    let two: Act = |connection, id, _| reply(connection, id, &[0, 2, 0x6261]);
    let (target, result) = call(FILL, two, &[Value::Out, 8.into()]);
    assert_eq!(result.unwrap(), Value::Int(2));
    assert!(target.usable().is_ok());
}

#[test]
fn answers_that_are_none_end_the_vm() {
    let lies: [(&str, Act); 8] = [
        // More filled than there is room for, and less than comes.
        (FILL, |connection, id, _| {
            reply(connection, id, &[0, 9, 1, 2])
        }),
        (FILL, |connection, id, _| reply(connection, id, &[0, 0, 1])),
        (FILL, |connection, id, _| reply(connection, id, &[0, 8])),
        // A number wider than its type, a header with more in it, half of one.
        (FILL, |connection, id, _| {
            reply(connection, id, &[0, 1 << 32 | 1, 1])
        }),
        (FILL, |connection, id, _| {
            reply(connection, id, &[1 << 32, 0])
        }),
        (FILL, |connection, id, _| reply(connection, id, &[])),
        // Two past the end of what it points into; an answer to no such call.
        (FIND, |connection, id, _| reply(connection, id, &[0, 1 + 5])),
        (FILL, |connection, id, _| {
            connection.send_raw(CALL | REPLY, id, &[&[0; 16]], &[]).ok()
        }),
    ];
    for (number, (prototype, lie)) in lies.into_iter().enumerate() {
        let arguments = match prototype {
            FIND => vec![Value::Text(b"abc".to_vec())],
            _ => vec![Value::Out, 8.into()],
        };
        let (target, result) = call(prototype, lie, &arguments);
        let error = result.unwrap_err();
        assert_eq!(error.code(), FaultCode::Protocol, "{number}: {error}");
        assert!(target.usable().is_err(), "{number}: a VM that lies is gone");
    }
}

/// A VM that takes no such calls is asked once, and then called the general way.
#[test]
fn a_vm_that_takes_none_is_called_generally() {
    let manners = Manners::of(Answer::Act(generally));
    let target = opens_with(manners, Some(Duration::from_secs(20)));
    let function = target.resolve(FILL).unwrap();
    for _ in 0..3 {
        let outcome = crate::dynamic::call(&function, &[Value::Out, 8.into()]);
        assert_eq!(outcome.unwrap().result, Value::Int(0));
    }
    assert!(target.usable().is_ok());
}
