//! A word for a pointer to a function: one of a few functions that the command has.
//!
//! | word | the function |
//! |---|---|
//! | `@print` | prints its arguments on a line of standard output, returns 0 |
//! | `@print=N` | the same, returns N |
//! | `@compare` | compares the bytes that its first two arguments lead to, as memcmp does |

use super::{Reason, number};
use crate::format;
use callframe::CallFrame;
use callframe::types::{Callback, Type, TypeId};
use cosmos::Value;
use std::cmp::Ordering;
use std::io::Write;
use std::sync::Arc;

/// A word for the pointer to a function of type `ty`.
pub(super) fn word(
    frame: &CallFrame,
    ty: TypeId,
    callback: &Callback,
    word: &str,
) -> Result<Value, Reason> {
    let called = Arc::new(frame.callback(ty).ok_or("it leads to no function")?);
    let nothing = matches!(called.ty(called.result()), Type::Void);
    match (word, word.strip_prefix("@print=")) {
        ("@print", _) => Ok(print(zero(&called), called)),
        (_, Some(_)) if nothing => Err("it returns nothing: give @print".to_owned()),
        (_, Some(result)) => {
            let Type::Scalar(scalar) = called.ty(called.result()) else {
                return Err("it returns no number: give @print".to_owned());
            };
            let result = number::scalar(*scalar, &super::model(), result)?;
            Ok(print(result, called))
        }
        ("@compare", _) => compare(&called),
        _ => constant(callback, word),
    }
}

/// One of the values that are no functions.
fn constant(callback: &Callback, word: &str) -> Result<Value, Reason> {
    match number::integer(word) {
        Ok(value) if callback.constants.contains(&value) => Ok(Value::Int(value)),
        _ => Err("a function is needed: give @print, @print=N, @compare or NULL".to_owned()),
    }
}

/// What `@print` returns.
fn zero(called: &CallFrame) -> Value {
    match called.ty(called.result()) {
        Type::Void => Value::Void,
        Type::Pointer(_) => Value::Null,
        Type::Record(_) => Value::Struct(Vec::new()),
        _ => Value::Int(0),
    }
}

/// `name = value, name = value` for each time it is called.
fn print(result: Value, called: Arc<CallFrame>) -> Value {
    cosmos::callback(move |arguments| {
        let shown: Vec<String> = called
            .parameters()
            .iter()
            .zip(arguments)
            .map(|(parameter, value)| {
                let value = format::value(&called, Some(parameter.ty), value);
                format!("{} = {value}", parameter.name)
            })
            .collect();
        // Who closed the output does not want to read it.
        let _ = writeln!(std::io::stdout(), "{}", shown.join(", "));
        result.clone()
    })
}

/// memcmp over what the first two arguments lead to.
fn compare(called: &CallFrame) -> Result<Value, Reason> {
    let pointers = called.parameters().iter().take(2);
    let pointers = pointers.filter(|it| matches!(called.ty(it.ty), Type::Pointer(_)));
    let integer = matches!(called.ty(called.result()), Type::Scalar(scalar) if scalar.is_integer());
    if pointers.count() < 2 || !integer {
        return Err("@compare takes two pointers and returns an integer".to_owned());
    }
    Ok(cosmos::callback(|arguments| match arguments {
        [one, other, ..] => Value::Int(match bytes(one).cmp(&bytes(other)) {
            Ordering::Less => -1,
            Ordering::Equal => 0,
            Ordering::Greater => 1,
        }),
        _ => Value::Int(0),
    }))
}

/// The bytes of what an argument leads to, in the order of memory.
fn bytes(value: &Value) -> Vec<u8> {
    match value {
        Value::Bytes(bytes) | Value::Text(bytes) => bytes.clone(),
        Value::Array(values) => values.iter().flat_map(bytes).collect(),
        Value::Int(number) => number.to_le_bytes().to_vec(),
        Value::Float(number) => number.to_le_bytes().to_vec(),
        other => format!("{other:?}").into_bytes(),
    }
}
