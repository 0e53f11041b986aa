//! Numbers as C writes them.

use super::{Reason, extended};
use callframe::DataModel;
use callframe::model::SizeAlign;
use callframe::types::Scalar;
use cosmos::Value;

/// A number of this type; integers are checked against its range.
pub fn scalar(scalar: Scalar, model: &DataModel, word: &str) -> Result<Value, Reason> {
    let word = word.trim();
    match scalar {
        Scalar::Float => real(word, true).map(Value::Float),
        Scalar::Double => real(word, false).map(Value::Float),
        Scalar::LongDouble => long_double(word),
        Scalar::ComplexFloat => complex(word, true),
        Scalar::ComplexDouble | Scalar::ComplexLongDouble => complex(word, false),
        _ => {
            let number = match word {
                "true" => 1,
                "false" => 0,
                _ => integer(word)?,
            };
            within(scalar, model, number)
        }
    }
}

/// An integer of this type, checked against its range.
pub fn within(scalar: Scalar, model: &DataModel, number: i128) -> Result<Value, Reason> {
    let (least, most) = range(scalar, model);
    if (least..=most).contains(&number) {
        Ok(Value::Int(number))
    } else {
        Err(format!("the type holds {least} to {most}"))
    }
}

/// An integer or character constant, with an optional sign and suffix.
pub fn integer(word: &str) -> Result<i128, Reason> {
    let (negative, digits) = sign(word);
    let magnitude = if digits.starts_with('\'') {
        character(digits)?
    } else {
        magnitude(digits)?
    };
    Ok(if negative { -magnitude } else { magnitude })
}

fn magnitude(word: &str) -> Result<i128, Reason> {
    let lower = word.to_ascii_lowercase();
    let (radix, rest) = if let Some(rest) = lower.strip_prefix("0x") {
        (16, rest)
    } else if let Some(rest) = lower.strip_prefix("0b") {
        (2, rest)
    } else if lower.len() > 1 && lower.starts_with('0') {
        (8, &lower[1..])
    } else {
        (10, lower.as_str())
    };
    let end = rest
        .find(|c: char| !c.is_digit(radix))
        .unwrap_or(rest.len());
    let (digits, suffix) = rest.split_at(end);
    // `0u`: the digits of an octal number without digits after its 0.
    let digits = if digits.is_empty() && radix == 8 {
        "0"
    } else {
        digits
    };
    let known = [
        "", "u", "l", "ll", "z", "ul", "lu", "ull", "llu", "uz", "zu",
    ];
    if digits.is_empty() || !known.contains(&suffix) {
        return Err("it is no integer".to_owned());
    }
    i128::from_str_radix(digits, radix).map_err(|_| "the number is too large".to_owned())
}

fn character(word: &str) -> Result<i128, Reason> {
    let body = word
        .strip_prefix('\'')
        .and_then(|rest| rest.strip_suffix('\''));
    let bytes = super::text::unescape(body.unwrap_or_default())?;
    match bytes[..] {
        // Plain char is signed on every supported target.
        [byte] => Ok(i128::from(byte.cast_signed())),
        _ => Err("a character constant holds one character of one byte".to_owned()),
    }
}

/// A floating number; `single` rounds once to `float`, not twice.
pub fn real(word: &str, single: bool) -> Result<f64, Reason> {
    if let Some(number) = exact(word) {
        let number = number?;
        return Ok(if single {
            f64::from(number as f32)
        } else {
            number
        });
    }
    let plain = strip_suffix(word);
    let number = if single {
        plain.parse::<f32>().map(f64::from)
    } else {
        plain.parse::<f64>()
    };
    number.map_err(|_| "it is no number".to_owned())
}

/// Hexadecimal and character constants, which Rust's own parser does not read.
fn exact(word: &str) -> Option<Result<f64, Reason>> {
    let (negative, rest) = sign(word);
    let magnitude = if rest.starts_with('\'') {
        // At most eight bits wide.
        character(rest).map(|number| number as f64)
    } else if rest.starts_with("0x") || rest.starts_with("0X") {
        hexadecimal(&rest[2..])
    } else {
        return None;
    };
    Some(magnitude.map(|number| if negative { -number } else { number }))
}

/// What follows `0x`: rounded to nearest, ties to even, as strtod does.
fn hexadecimal(word: &str) -> Result<f64, Reason> {
    extended::Binary::parse(word)
        .map(|binary| binary.to_f64())
        .ok_or_else(|| "it is no hexadecimal number".to_owned())
}

fn long_double(word: &str) -> Result<Value, Reason> {
    let plain = strip_suffix(word);
    extended::parse(plain)
        .map(Value::LongDouble)
        .ok_or_else(|| "it is no number".to_owned())
}

/// `a`, `bi`, `a+bi`; the imaginary unit is `i`, `j`, or `I` after a `*` or not.
fn complex(word: &str, single: bool) -> Result<Value, Reason> {
    let Some(body) = word
        .strip_suffix(['i', 'j', 'I'])
        .filter(|_| !word.ends_with("nani"))
    else {
        return real(word, single).map(|number| Value::Complex(number, 0.0));
    };
    let body = body.strip_suffix('*').unwrap_or(body).trim_end();
    let split = separator(body);
    let (first, second) = body.split_at(split);
    let second: String = second.chars().filter(|c| !c.is_whitespace()).collect();
    let imaginary = match second.as_str() {
        "" | "+" => 1.0,
        "-" => -1.0,
        number => real(number.strip_prefix('+').unwrap_or(number), single)?,
    };
    let real_part = if first.trim().is_empty() {
        0.0
    } else {
        real(first.trim(), single)?
    };
    Ok(Value::Complex(real_part, imaginary))
}

/// Where the imaginary part begins: the last sign that is not an exponent's.
fn separator(body: &str) -> usize {
    let hexadecimal = body.contains("0x") || body.contains("0X");
    let bytes = body.as_bytes();
    (1..bytes.len())
        .rev()
        .find(|&at| {
            let before = bytes[at - 1].to_ascii_lowercase();
            let exponent = before == b'p' || (before == b'e' && !hexadecimal);
            matches!(bytes[at], b'+' | b'-') && !exponent
        })
        .unwrap_or(0)
}

/// Without the `f` or `L` of a floating constant; `inf` keeps its last letter.
fn strip_suffix(word: &str) -> &str {
    let stripped = word.strip_suffix(['f', 'F', 'l', 'L']).unwrap_or(word);
    if stripped.ends_with(|last: char| last.is_ascii_digit() || last == '.') {
        stripped
    } else {
        word
    }
}

fn sign(word: &str) -> (bool, &str) {
    match word.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, word.strip_prefix('+').unwrap_or(word)),
    }
}

/// The least and the greatest number of an integer type.
fn range(scalar: Scalar, model: &DataModel) -> (i128, i128) {
    use Scalar::*;
    let bytes = |size: SizeAlign| u32::from(size.size);
    let (signed, size) = match scalar {
        Bool => return (0, 1),
        Char | SignedChar | Int8 => (true, 1),
        UnsignedChar | UInt8 => (false, 1),
        Short | Int16 => (true, 2),
        UnsignedShort | UInt16 => (false, 2),
        Int | Int32 => (true, 4),
        UnsignedInt | UInt32 => (false, 4),
        Long => (true, bytes(model.long)),
        UnsignedLong => (false, bytes(model.long)),
        LongLong | Int64 => (true, 8),
        UnsignedLongLong | UInt64 => (false, 8),
        SignedSize | PointerDifference | IntPointer => (true, bytes(model.pointer)),
        Size | UIntPointer => (false, bytes(model.pointer)),
        WideChar => (true, bytes(model.wide_char)),
        Time => (true, bytes(model.time)),
        Offset => (true, bytes(model.offset)),
        Float | Double | LongDouble | ComplexFloat | ComplexDouble | ComplexLongDouble => {
            return (i128::MIN, i128::MAX);
        }
    };
    let bits = size * 8;
    if signed {
        (-(1 << (bits - 1)), (1 << (bits - 1)) - 1)
    } else {
        (0, (1 << bits) - 1)
    }
}
