//! Arithmetic values to C bytes and back.

use crate::value::{Value, extended};
use callframe::types::Scalar;

/// The bytes of `value` as a scalar of `size` bytes; a sentence where it is none.
pub(super) fn to_bytes(scalar: Scalar, size: usize, value: &Value) -> Result<Vec<u8>, String> {
    let mut bytes = match scalar {
        Scalar::Float => (real(value)? as f32).to_le_bytes().to_vec(),
        Scalar::Double => real(value)?.to_le_bytes().to_vec(),
        Scalar::LongDouble => long(value)?,
        Scalar::ComplexFloat => {
            let (real, imaginary) = complex(value)?;
            [
                (real as f32).to_le_bytes(),
                (imaginary as f32).to_le_bytes(),
            ]
            .concat()
        }
        Scalar::ComplexDouble => {
            let (real, imaginary) = complex(value)?;
            [real.to_le_bytes(), imaginary.to_le_bytes()].concat()
        }
        Scalar::ComplexLongDouble => {
            let (real, imaginary) = complex(value)?;
            let mut bytes = extended::from_f64(real).to_vec();
            bytes.resize(size / 2, 0);
            bytes.extend(extended::from_f64(imaginary));
            bytes
        }
        integer => integer_bytes(integer, size, value)?,
    };
    bytes.resize(size, 0);
    Ok(bytes)
}

/// The value in the bytes of a scalar.
pub(super) fn from_bytes(scalar: Scalar, bytes: &[u8]) -> Value {
    match scalar {
        Scalar::Float => Value::Float(f64::from(f32::from_bits(word(bytes) as u32))),
        Scalar::Double => Value::Float(f64::from_bits(word(bytes) as u64)),
        Scalar::LongDouble => Value::LongDouble(long_bytes(bytes)),
        Scalar::ComplexFloat => {
            let (real, imaginary) = bytes.split_at(bytes.len() / 2);
            let part = |bytes| f64::from(f32::from_bits(word(bytes) as u32));
            Value::Complex(part(real), part(imaginary))
        }
        Scalar::ComplexDouble => {
            let (real, imaginary) = bytes.split_at(bytes.len() / 2);
            let part = |bytes| f64::from_bits(word(bytes) as u64);
            Value::Complex(part(real), part(imaginary))
        }
        Scalar::ComplexLongDouble => {
            let (real, imaginary) = bytes.split_at(bytes.len() / 2);
            let part = |bytes| extended::to_f64(&long_bytes(bytes));
            Value::Complex(part(real), part(imaginary))
        }
        integer => Value::Int(integer_value(integer, bytes)),
    }
}

/// The integer in the bytes of an integer scalar.
pub(super) fn integer_value(scalar: Scalar, bytes: &[u8]) -> i128 {
    let bits = 8 * bytes.len().min(16) as u32;
    let value = word(bytes);
    if bits == 0 || !scalar.is_signed() {
        return value as i128;
    }
    (value << (128 - bits)) as i128 >> (128 - bits)
}

fn word(bytes: &[u8]) -> u128 {
    let mut word = [0; 16];
    for (to, from) in word.iter_mut().zip(bytes) {
        *to = *from;
    }
    u128::from_le_bytes(word)
}

fn long_bytes(bytes: &[u8]) -> [u8; 10] {
    bytes.first_chunk::<10>().copied().unwrap_or_default()
}

fn integer_bytes(scalar: Scalar, size: usize, value: &Value) -> Result<Vec<u8>, String> {
    let Value::Int(number) = value else {
        return Err(format!("an integer is needed, {} was given", value.kind()));
    };
    let bits = 8 * size as u32;
    let (least, most) = match scalar {
        Scalar::Bool => (0, 1),
        // Whether plain char has a sign is nobody's business.
        Scalar::Char => (-128, 255),
        signed if signed.is_signed() => (-1i128 << (bits - 1), (1i128 << (bits - 1)) - 1),
        _ => (0, (1i128 << bits) - 1),
    };
    if *number < least || *number > most {
        return Err(format!(
            "{number} does not fit, it must lie between {least} and {most}"
        ));
    }
    Ok(number
        .to_le_bytes()
        .get(..size)
        .unwrap_or_default()
        .to_vec())
}

fn real(value: &Value) -> Result<f64, String> {
    match value {
        Value::Float(number) => Ok(*number),
        Value::Int(number) => Ok(*number as f64),
        Value::LongDouble(bytes) => Ok(extended::to_f64(bytes)),
        other => Err(format!("a number is needed, {} was given", other.kind())),
    }
}

fn long(value: &Value) -> Result<Vec<u8>, String> {
    match value {
        Value::LongDouble(bytes) => Ok(bytes.to_vec()),
        other => Ok(extended::from_f64(real(other)?).to_vec()),
    }
}

fn complex(value: &Value) -> Result<(f64, f64), String> {
    match value {
        Value::Complex(real, imaginary) => Ok((*real, *imaginary)),
        other => Ok((real(other)?, 0.0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn integers_come_back_as_they_went(number: i64) {
            let bytes = to_bytes(Scalar::Long, 8, &Value::Int(number.into())).unwrap();
            prop_assert_eq!(from_bytes(Scalar::Long, &bytes), Value::Int(number.into()));
        }

        #[test]
        fn doubles_come_back_through_every_width_that_holds_them(number in any::<f32>()) {
            let number = f64::from(number);
            for (scalar, size) in [(Scalar::Float, 4), (Scalar::Double, 8)] {
                let bytes = to_bytes(scalar, size, &Value::Float(number)).unwrap();
                prop_assert_eq!(from_bytes(scalar, &bytes), Value::Float(number));
            }
            let bytes = to_bytes(Scalar::LongDouble, 16, &Value::Float(number)).unwrap();
            let Value::LongDouble(back) = from_bytes(Scalar::LongDouble, &bytes) else { panic!() };
            prop_assert_eq!(extended::to_f64(&back), number);
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_with_the_range() {
        let refusal = to_bytes(Scalar::UnsignedInt, 4, &Value::Int(-1)).unwrap_err();
        assert_eq!(
            refusal,
            "-1 does not fit, it must lie between 0 and 4294967295"
        );
        assert!(to_bytes(Scalar::Bool, 1, &Value::Int(2)).is_err());
        assert!(to_bytes(Scalar::Int, 4, &Value::Text(b"5".to_vec())).is_err());
        assert_eq!(to_bytes(Scalar::Char, 1, &Value::Int(255)).unwrap(), [0xff]);
    }
}
