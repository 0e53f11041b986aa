//! Values as text, in a notation that the arguments of a call are read from as well.
//!
//! | value | text |
//! |---|---|
//! | integer | decimal; plain `char` as a character constant, `bool` as `true` or `false` |
//! | floating | the fewest digits that read back to the same number |
//! | complex | `1+2i` |
//! | string | quoted, with C escapes |
//! | buffer | hexadecimal bytes, nothing else |
//! | struct | `{.quot = 3, .rem = 2}` |
//! | array | `{1, 2}` |
//! | pointer into a parameter | `nptr + 3` |

use crate::literal::print_extended;
use callframe::CallFrame;
use callframe::types::{Scalar, Type, TypeId};
use cosmos::{Outcome, Value};
use std::fmt::Write as _;

/// What a call left behind, as `cosmos call` prints it: nothing, a value alone, or named lines.
pub fn outcome(frame: &CallFrame, outcome: &Outcome) -> String {
    let void = matches!(outcome.result, Value::Void);
    let result = value(frame, Some(frame.result()), &outcome.result);
    if outcome.outputs.is_empty() {
        return if void {
            String::new()
        } else {
            format!("{result}\n")
        };
    }
    let mut text = if void {
        String::new()
    } else {
        format!("return = {result}\n")
    };
    for (name, output) in &outcome.outputs {
        let ty = frame
            .parameters()
            .iter()
            .find(|parameter| parameter.name == *name);
        let ty = ty.and_then(|parameter| target(frame, parameter.ty));
        let _ = writeln!(text, "{name} = {}", value(frame, ty, output));
    }
    text
}

/// One value; its type, where it is known, tells `char` from a number and `float` from `double`.
pub fn value(frame: &CallFrame, ty: Option<TypeId>, given: &Value) -> String {
    let scalar = ty.and_then(|ty| scalar_of(frame, ty));
    match given {
        Value::Int(number) => integer(scalar, *number),
        Value::Float(number) => float(scalar, *number),
        Value::LongDouble(bytes) => extended(bytes),
        Value::Complex(real, imaginary) => complex(scalar, *real, *imaginary),
        Value::Text(text) => quote('"', text),
        Value::Bytes(bytes) => hexadecimal(bytes),
        Value::Array(elements) => {
            let element = ty.and_then(|ty| element(frame, ty));
            let list: Vec<_> = elements
                .iter()
                .map(|one| value(frame, element, one))
                .collect();
            format!("{{{}}}", list.join(", "))
        }
        Value::Struct(members) => {
            let list: Vec<_> = members.iter().map(|one| value(frame, None, one)).collect();
            format!("{{{}}}", list.join(", "))
        }
        Value::Record(members) => {
            let list: Vec<_> = members
                .iter()
                .map(|(name, one)| {
                    let ty = ty.and_then(|ty| member(frame, ty, name));
                    format!(".{name} = {}", value(frame, ty, one))
                })
                .collect();
            format!("{{{}}}", list.join(", "))
        }
        Value::Null => "NULL".to_owned(),
        Value::Descriptor(number) => number.to_string(),
        Value::Handle(token) => format!("handle {token:#x}"),
        Value::Alias {
            parameter,
            offset: 0,
        } => parameter.clone(),
        Value::Alias { parameter, offset } => format!("{parameter} + {offset}"),
        Value::Out | Value::Void => String::new(),
        // Kinds of values that later releases add print as they are.
        #[allow(unreachable_patterns)]
        other => format!("{other:?}"),
    }
}

/// What a pointer leads to.
pub fn target(frame: &CallFrame, ty: TypeId) -> Option<TypeId> {
    match frame.ty(ty) {
        Type::Pointer(pointer) => Some(pointer.target),
        _ => None,
    }
}

/// The type of an element of an array, of what a pointer leads to, or of a list of this type.
pub fn element(frame: &CallFrame, ty: TypeId) -> Option<TypeId> {
    match frame.ty(ty) {
        Type::Pointer(pointer) => Some(pointer.target),
        Type::Array { element, .. } => Some(*element),
        _ => Some(ty),
    }
}

/// The type of a member of a struct, of what a pointer leads to, or of an element.
pub fn member(frame: &CallFrame, ty: TypeId, name: &str) -> Option<TypeId> {
    match frame.ty(ty) {
        Type::Record(id) => {
            let fields = &frame.record(*id).fields;
            fields
                .iter()
                .find(|field| field.name == name)
                .map(|field| field.ty)
        }
        Type::Pointer(pointer) => member(frame, pointer.target, name),
        Type::Array { element, .. } => member(frame, *element, name),
        _ => None,
    }
}

/// The arithmetic type behind a value, through pointers and arrays.
pub fn scalar_of(frame: &CallFrame, ty: TypeId) -> Option<Scalar> {
    match frame.ty(ty) {
        Type::Scalar(scalar) => Some(*scalar),
        Type::Pointer(pointer) => scalar_of(frame, pointer.target),
        Type::Array { element, .. } => scalar_of(frame, *element),
        _ => None,
    }
}

fn integer(scalar: Option<Scalar>, number: i128) -> String {
    match (scalar, u8::try_from(number & 0xff)) {
        (Some(Scalar::Char), Ok(byte)) => quote('\'', &[byte]),
        (Some(Scalar::Bool), _) => (number != 0).to_string(),
        _ => number.to_string(),
    }
}

/// The fewest digits that read back to the same number.
pub fn float(scalar: Option<Scalar>, number: f64) -> String {
    if number.is_nan() {
        return "nan".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let scientific = match scalar {
        Some(Scalar::Float | Scalar::ComplexFloat) => format!("{:e}", number.abs() as f32),
        _ => format!("{:e}", number.abs()),
    };
    let (digits, power) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let digits: String = digits.chars().filter(char::is_ascii_digit).collect();
    let sign = if number.is_sign_negative() { "-" } else { "" };
    format!("{sign}{}", notation(&digits, power.parse().unwrap_or(0)))
}

/// A `long double` in the fewest digits that read back to the same number.
pub fn extended(bytes: &[u8; 10]) -> String {
    let (negative, number) = print_extended(bytes);
    let sign = if negative { "-" } else { "" };
    match number {
        Ok((digits, power)) => format!("{sign}{}", notation(&digits, power)),
        Err("nan") => "nan".to_owned(),
        Err(word) => format!("{sign}{word}"),
    }
}

/// Digits whose first is worth `10^power`, with an exponent where zeros would only fill space.
fn notation(digits: &str, power: i32) -> String {
    let count = digits.len();
    match usize::try_from(power) {
        Ok(whole) if whole < 21 => {
            let (before, after) = digits.split_at(count.min(whole + 1));
            let zeros = "0".repeat((whole + 1).saturating_sub(count));
            let point = if after.is_empty() { "" } else { "." };
            format!("{before}{zeros}{point}{after}")
        }
        Err(_) if power >= -5 => {
            let zeros = "0".repeat(usize::try_from(-power - 1).unwrap_or(0));
            format!("0.{zeros}{digits}")
        }
        _ => {
            let (first, rest) = digits.split_at(1.min(count));
            let point = if rest.is_empty() { "" } else { "." };
            format!("{first}{point}{rest}e{power}")
        }
    }
}

fn complex(scalar: Option<Scalar>, real: f64, imaginary: f64) -> String {
    let plus = if imaginary.is_sign_negative() && !imaginary.is_nan() {
        ""
    } else {
        "+"
    };
    format!("{}{plus}{}i", float(scalar, real), float(scalar, imaginary))
}

/// Bytes as hexadecimal digits.
pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// A C constant: printable ASCII and UTF-8 as they are, everything else escaped.
pub fn quote(mark: char, bytes: &[u8]) -> String {
    let mut text = String::from(mark);
    for chunk in bytes.utf8_chunks() {
        for letter in chunk.valid().chars() {
            escape(&mut text, mark, letter);
        }
        for byte in chunk.invalid() {
            // Always three digits: the next letter may be one.
            let _ = write!(text, "\\{byte:03o}");
        }
    }
    text.push(mark);
    text
}

fn escape(text: &mut String, mark: char, letter: char) {
    match letter {
        '\n' => text.push_str("\\n"),
        '\t' => text.push_str("\\t"),
        '\r' => text.push_str("\\r"),
        '\\' => text.push_str("\\\\"),
        letter if letter == mark => {
            text.push('\\');
            text.push(letter);
        }
        letter if letter.is_ascii_control() => {
            let _ = write!(text, "\\{:03o}", u32::from(letter));
        }
        letter if letter.is_control() => {
            let mut buffer = [0; 4];
            for byte in letter.encode_utf8(&mut buffer).bytes() {
                let _ = write!(text, "\\{byte:03o}");
            }
        }
        letter => text.push(letter),
    }
}

#[cfg(test)]
mod tests;
