//! What a prototype means as values of Lua.
//!
//! | parameter | value |
//! |---|---|
//! | an integer | an integer; one that no 64 signed bits hold is refused in the call |
//! | `float`, `double` | a number |
//! | `bool` | a boolean |
//! | `const char *` | a string; `nil` for NULL |
//! | a buffer that goes in | a string; `nil` for NULL |
//! | a buffer that comes out: of a size `*n`, or with `__null_terminated` | none: a further result, a string or `nil` for nothing |
//! | the integer, or the pointer to one, that says how large a buffer is | none |
//!
//! The result is an integer, a floating number, a `bool` or nothing, and comes first. Anything else is
//! refused, by the parameter's name.

use callframe::CallFrame;
use callframe::types::{Scalar, Type, TypeId};
use cosmos_rpc::{Fault, FaultCode};
use cosmos_vm_core::{Buffer, Call, Room};
use mlua::{Integer, Lua, Value};

/// What a parameter is to a function of Lua.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Number(Number),
    Bytes { is_text: bool },
    Output(Room),
    Size,
}

/// A scalar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Number {
    Signed,
    Unsigned,
    Float,
    Bool,
}

/// A prototype.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Signature {
    /// `None` for `void`.
    pub result: Option<Number>,
    pub parts: Vec<Part>,
}

impl Signature {
    /// # Errors
    /// `BadPrototype`, naming what Lua has no value for.
    pub(crate) fn of(frame: &CallFrame) -> Result<Signature, Fault> {
        let refused = |what: &str| {
            let message = format!("{}: scripts cannot be given {what}", frame.name());
            Fault::caller(FaultCode::BadPrototype, message)
        };
        if frame.variadic().is_some() {
            return Err(refused("what stands in place of '...'"));
        }
        let result = match frame.ty(frame.result()) {
            Type::Void => None,
            _ => {
                let number = number(frame, frame.result());
                Some(number.ok_or_else(|| refused("a result that is no number or bool to make"))?)
            }
        };
        let is_buffer = |it: &callframe::types::Parameter| Buffer::of(frame, it.ty).is_some();
        let sizes = Buffer::sizes(frame, is_buffer);
        let part = |(index, parameter): (usize, &callframe::types::Parameter)| {
            if sizes.contains(&(index as u32)) {
                return Ok(Part::Size);
            }
            let buffer = Buffer::of(frame, parameter.ty).map(|buffer| match buffer {
                Buffer::In { is_text } => Part::Bytes { is_text },
                Buffer::Out(room) => Part::Output(room),
            });
            let number = number(frame, parameter.ty).map(Part::Number);
            let named = || refused(&format!("the parameter '{}'", parameter.name));
            buffer.or(number).ok_or_else(named)
        };
        let parts = frame.parameters().iter().enumerate().map(part);
        Ok(Signature {
            result,
            parts: parts.collect::<Result<_, _>>()?,
        })
    }

    /// The arguments of a call.
    pub(crate) fn arguments(&self, lua: &Lua, call: &mut Call<'_>) -> Result<Vec<Value>, Fault> {
        let mut arguments = Vec::new();
        for (index, part) in self.parts.iter().enumerate() {
            arguments.push(match part {
                Part::Number(number) => scalar(call, index, *number)?,
                Part::Bytes { is_text } => match call.bytes(index, *is_text) {
                    None => Value::Nil,
                    Some(bytes) => Value::String(lua.create_string(bytes).map_err(exhausted)?),
                },
                Part::Output(_) | Part::Size => continue,
            });
        }
        Ok(arguments)
    }

    /// Hands over what a function returned.
    pub(crate) fn give(&self, call: &mut Call<'_>, results: Vec<Value>) -> Result<(), Fault> {
        let mut results = results.into_iter();
        if let Some(number) = self.result {
            give_result(call, number, results.next().unwrap_or(Value::Nil))?;
        }
        for (index, part) in self.parts.iter().enumerate() {
            let Part::Output(room) = part else {
                continue;
            };
            match results.next().unwrap_or(Value::Nil) {
                Value::Nil => call.fill(index, *room, b"")?,
                Value::String(bytes) => call.fill(index, *room, &bytes.as_bytes())?,
                other => return Err(wrong("a string", &other)),
            }
        }
        Ok(())
    }
}

fn number(frame: &CallFrame, ty: TypeId) -> Option<Number> {
    match frame.ty(ty) {
        Type::Scalar(Scalar::Bool) => Some(Number::Bool),
        Type::Scalar(Scalar::Float | Scalar::Double) => Some(Number::Float),
        Type::Scalar(scalar) if scalar.is_integer() => Some(match scalar.is_signed() {
            true => Number::Signed,
            false => Number::Unsigned,
        }),
        _ => None,
    }
}

fn scalar(call: &Call<'_>, index: usize, number: Number) -> Result<Value, Fault> {
    let missing = || {
        let message = format!("argument {index} is not there");
        Fault::peer(FaultCode::Protocol, message)
    };
    if number == Number::Float {
        return Ok(Value::Number(call.float(index).ok_or_else(missing)?));
    }
    let value = call
        .integer(index, number == Number::Signed)
        .ok_or_else(missing)?;
    if number == Number::Bool {
        return Ok(Value::Boolean(value != 0));
    }
    let integer = Integer::try_from(value).map_err(|_| {
        let message = format!("{value} is larger than any integer of Lua");
        Fault::caller(FaultCode::BadArgument, message)
    })?;
    Ok(Value::Integer(integer))
}

fn give_result(call: &mut Call<'_>, number: Number, value: Value) -> Result<(), Fault> {
    match (number, &value) {
        (Number::Bool, Value::Boolean(truth)) => call.give_integer((*truth).into()),
        (Number::Float, Value::Number(float)) => give_float(call, *float),
        (Number::Float, Value::Integer(integer)) => give_float(call, *integer as f64),
        (Number::Signed | Number::Unsigned, Value::Integer(integer)) => {
            let bits = 8 * call.result().len() as u32;
            let (least, most) = match number {
                Number::Signed => (-(1i128 << (bits - 1)), (1i128 << (bits - 1)) - 1),
                _ => (0, (1i128 << bits) - 1),
            };
            if !(least..=most).contains(&i128::from(*integer)) {
                let message = format!("it returned {integer}, which the result cannot hold");
                return Err(Fault::vm(FaultCode::Protocol, message));
            }
            call.give_integer(*integer);
        }
        (Number::Bool, _) => return Err(wrong("a boolean", &value)),
        (Number::Float, _) => return Err(wrong("a number", &value)),
        (Number::Signed | Number::Unsigned, _) => return Err(wrong("an integer", &value)),
    }
    Ok(())
}

fn give_float(call: &mut Call<'_>, value: f64) {
    let result = call.result();
    match result.len() {
        4 => result.copy_from_slice(&(value as f32).to_le_bytes()),
        8 => result.copy_from_slice(&value.to_le_bytes()),
        _ => {}
    }
}

fn wrong(expected: &str, value: &Value) -> Fault {
    let message = format!("it returned a {} in place of {expected}", value.type_name());
    Fault::vm(FaultCode::Protocol, message)
}

fn exhausted(error: mlua::Error) -> Fault {
    Fault::vm(FaultCode::LimitReached, format!("an argument: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(prototype: &str) -> Result<Signature, Fault> {
        Signature::of(&callframe::parse(prototype).expect("a prototype"))
    }

    #[test]
    fn parameters_are_values() {
        let signature = of("unsigned f(int a, bool b, float c, const char *d, \
                            const void *__sized_by(n) e, size_t n, \
                            char *__out __sized_by(*m) g, size_t *__inout m)");
        let room = Room {
            count: Some(7),
            is_text: false,
        };
        let parts = vec![
            Part::Number(Number::Signed),
            Part::Number(Number::Bool),
            Part::Number(Number::Float),
            Part::Bytes { is_text: true },
            Part::Bytes { is_text: false },
            Part::Size,
            Part::Output(room),
            Part::Size,
        ];
        let result = Some(Number::Unsigned);
        assert_eq!(signature.expect("a signature"), Signature { result, parts });
    }

    #[test]
    fn what_lua_has_no_value_for_is_refused_by_name() {
        for (prototype, named) in [
            ("char *__owned(free) f(void)", "result"),
            ("void f(long double x)", "'x'"),
            ("void f(struct file *handle)", "'handle'"),
            ("void f(int *number)", "'number'"),
            ("void f(void (*called)(int))", "'called'"),
            ("void f(int __fd file)", "'file'"),
            ("void f(const char *a, ...) __printf(1, 2)", "'...'"),
            ("void f(char *__out __sized_by(n) text, size_t n)", "'text'"),
        ] {
            let fault = of(prototype).expect_err(prototype);
            assert_eq!(fault.code, FaultCode::BadPrototype);
            assert!(fault.message.contains(named), "{prototype}: {fault}");
        }
    }
}
