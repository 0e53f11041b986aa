//! A VM that lies about calls of functions with `...`, for each of which it resolves a prototype with
//! the arguments written out.

use super::ResolveKept;
use super::vm::*;
use crate::error::Error;
use crate::resolved::Resolved;
use crate::{FaultCode, Outcome, Value};
use cosmos_rpc::Fault;
use std::ffi::{c_char, c_int};
use std::sync::Arc;

const SNPRINTF: &str = "int snprintf(char *__out __sized_by(size) __null_terminated buffer, \
     size_t size, const char *format, ...) __printf(3, 4)";

/// Prints a number, and how many characters that took so far.
fn print(function: &Arc<Resolved>) -> Result<Outcome, Error> {
    let values = [Value::Out, 8.into(), "%d%n".into(), 5.into(), Value::Out];
    crate::dynamic::call(function, &values)
}

/// The reply to [`print`]: the number behind `%n`, whose size is known beforehand, and the text.
fn printed(text: (u64, &[u8]), count: (u64, &[u8])) -> Vec<u8> {
    body(0, &1i32.to_le_bytes(), &[count, text], &[])
}

const TEXT: (u64, &[u8]) = (8, b"5\0");
const COUNT: (u64, &[u8]) = (4, &[1, 0, 0, 0]);

#[test]
fn an_honest_answer_comes_back() {
    let (_library, function) = opens(Answer::Body(printed(TEXT, COUNT))).resolve_kept(SNPRINTF);
    for _ in 0..2 {
        let outcome = print(&function).unwrap();
        assert_eq!(outcome.result, 1.into());
        let outputs: Vec<Value> = outcome
            .outputs
            .into_iter()
            .map(|(_, value)| value)
            .collect();
        assert_eq!(outputs, ["5".into(), 1.into()]);
    }
}

/// Lying about what is known from the prototype is found out when that is resolved; what the
/// arguments of a call add is found out in the call, and the VM is what it was for the others.
#[test]
fn a_template_of_another_call_refuses_that_call() {
    let manners = Manners {
        honest: |prototype| !prototype.contains("arg4"),
        ..Manners::of(Answer::Body(printed(TEXT, COUNT)))
    };
    let (library, function) = opens_with(manners, None).resolve_kept(SNPRINTF);
    for _ in 0..2 {
        let error = print(&function).unwrap_err();
        assert_eq!(error.code(), FaultCode::TemplateMismatch, "{error}");
        assert_eq!(error.function(), Some("snprintf"));
    }
    assert!(library.usable().is_ok());
}

#[test]
fn answers_that_do_not_fit_the_arguments_of_the_call_end_the_vm() {
    let text_alone = body(0, &1i32.to_le_bytes(), &[TEXT], &[]);
    let three = body(0, &1i32.to_le_bytes(), &[COUNT, TEXT, COUNT], &[]);
    let referring = body(0, &1i32.to_le_bytes(), &[COUNT, TEXT], &[1]);
    let lies = [
        text_alone,
        three,
        referring,
        // More room than there is, less filled than is said, no end, a number of another size.
        printed((9, b"5\0"), COUNT),
        printed((8, b"5"), COUNT),
        printed((8, b"5\0after"), COUNT),
        printed(TEXT, (8, &[1, 0, 0, 0, 0, 0, 0, 0])),
        printed(TEXT, (4, &[1, 0])),
        printed(COUNT, TEXT),
    ];
    for (index, lie) in lies.into_iter().enumerate() {
        let (library, function) = opens(Answer::Body(lie)).resolve_kept(SNPRINTF);
        let error = print(&function).unwrap_err();
        assert_eq!(error.code(), FaultCode::Protocol, "{index}: {error}");
        assert_eq!(error.errno(), libc::EPROTO);
        assert!(error.to_string().contains("snprintf"), "{error}");
        assert!(library.usable().is_err(), "{index}");
    }
}

#[test]
fn a_lie_changes_nothing_behind_the_c_pointer() {
    let lie = printed(TEXT, (4, &[1, 0]));
    let (library, function) = opens(Answer::Body(lie)).resolve_kept(SNPRINTF);
    type Print = unsafe extern "C" fn(*mut c_char, usize, *const c_char, ...) -> c_int;
    // SAFETY: the prototype is of this type.
    let call: Print = unsafe { std::mem::transmute(function.pointer()) };
    let (mut buffer, mut count) = ([0x55u8; 8], 7 as c_int);
    // SAFETY: the arguments are what the format says, and the buffer holds eight.
    let result = unsafe {
        call(
            buffer.as_mut_ptr().cast(),
            8,
            c"%d%n".as_ptr(),
            5 as c_int,
            &raw mut count,
        )
    };
    assert_eq!((result, crate::memory::errno()), (-1, libc::EPROTO));
    assert_eq!((buffer, count), ([0x55; 8], 7));
    assert!(library.usable().is_err());
}

/// The format is the program's alone: a VM that refuses one call has no say in the next.
#[test]
fn a_call_that_is_refused_leaves_the_function_usable() {
    let fault = Fault::vm(FaultCode::Unsupported, "no such thing");
    let (library, function) = opens(Answer::Fault(fault)).resolve_kept(SNPRINTF);
    for _ in 0..2 {
        let error = print(&function).unwrap_err();
        assert_eq!(error.code(), FaultCode::Unsupported, "{error}");
        assert!(library.usable().is_ok());
    }
}
