//! What a function returns when the call itself failed.

use super::Caller;
use crate::marshal::memory::CallerMemory;
use crate::types::{FailValue, Scalar, Type};

pub(super) fn write<M: CallerMemory>(caller: &Caller, memory: &mut M, result: u64) {
    if result == 0 {
        return;
    }
    let declared = caller.frame.contract().fail;
    let size = caller.caller.result().size as usize;
    let bytes = match caller.frame.ty(caller.frame.result()) {
        Type::Scalar(scalar) => scalar_bytes(*scalar, size, declared),
        Type::Descriptor => integer_bytes(integer_or(declared, -1), size),
        Type::Pointer(_) => integer_bytes(integer_or(declared, 0), size),
        Type::Void | Type::Function { .. } => return,
        Type::Record(_) | Type::Array { .. } => vec![0; size],
    };
    // The caller said that a result goes there; there is nobody left to tell if it does not.
    let _ = memory.write(result, &bytes);
}

fn scalar_bytes(scalar: Scalar, size: usize, declared: Option<FailValue>) -> Vec<u8> {
    if scalar.is_integer() {
        let default = if scalar == Scalar::Bool { 0 } else { -1 };
        debug_assert!(scalar.is_signed() || default <= 0);
        return integer_bytes(integer_or(declared, default), size);
    }
    let value = match declared {
        None => f64::NAN,
        Some(FailValue::Integer(value)) => value as f64,
        Some(FailValue::Float(bits)) => f64::from_bits(bits),
    };
    // A declared value is the real part, a default one is not a number in both.
    let imaginary = if declared.is_none() { f64::NAN } else { 0.0 };
    match scalar {
        Scalar::Float => (value as f32).to_le_bytes().to_vec(),
        Scalar::ComplexFloat => pair(value, imaginary, |part| {
            (part as f32).to_le_bytes().to_vec()
        }),
        Scalar::ComplexDouble => pair(value, imaginary, |part| part.to_le_bytes().to_vec()),
        Scalar::LongDouble => extended(value, size),
        Scalar::ComplexLongDouble => pair(value, imaginary, |part| extended(part, size / 2)),
        _ => value.to_le_bytes().to_vec(),
    }
}

fn integer_or(declared: Option<FailValue>, default: i128) -> i128 {
    match declared {
        None => default,
        Some(FailValue::Integer(value)) => value,
        Some(FailValue::Float(bits)) => f64::from_bits(bits) as i128,
    }
}

fn integer_bytes(value: i128, size: usize) -> Vec<u8> {
    value.to_le_bytes().into_iter().take(size).collect()
}

fn pair(real: f64, imaginary: f64, bytes: impl Fn(f64) -> Vec<u8>) -> Vec<u8> {
    [bytes(real), bytes(imaginary)].concat()
}

/// An `f64` as x87 extended precision: 64 bits of mantissa with the leading one written out, then
/// sign and 15 bits of exponent; padding to `size`.
fn extended(value: f64, size: usize) -> Vec<u8> {
    let bits = value.to_bits();
    let sign = ((bits >> 63) as u16) << 15;
    let exponent = ((bits >> 52) & 0x7ff) as u16;
    let fraction = bits & ((1 << 52) - 1);
    let (exponent, mantissa) = match exponent {
        0x7ff => (0x7fff, (1 << 63) | (fraction << 11)),
        0 if fraction == 0 => (0, 0),
        0 => {
            let shift = fraction.leading_zeros();
            // A subnormal has exponent -1022 with its point before bit 51.
            (16383 - 1022 + 11 - shift as u16, fraction << shift)
        }
        normal => (normal - 1023 + 16383, (1 << 63) | (fraction << 11)),
    };
    let mut bytes = u64::to_le_bytes(mantissa).to_vec();
    bytes.extend((sign | exponent).to_le_bytes());
    bytes.resize(size, 0);
    bytes
}

#[cfg(test)]
mod tests {
    use super::extended;

    #[test]
    fn extended_precision_of_known_values() {
        let one = [0, 0, 0, 0, 0, 0, 0, 0x80, 0xff, 0x3f];
        assert_eq!(extended(1.0, 10), one);
        let minus_two = [0, 0, 0, 0, 0, 0, 0, 0x80, 0x00, 0xc0];
        assert_eq!(extended(-2.0, 10), minus_two);
        assert_eq!(extended(0.0, 16), [0; 16]);
        // 2^-1074, the smallest subnormal: exponent 16383 - 1074 = 0x3bcd.
        let tiny = [0, 0, 0, 0, 0, 0, 0, 0x80, 0xcd, 0x3b];
        assert_eq!(extended(f64::from_bits(1), 10), tiny);
        let nan = extended(f64::NAN, 10);
        assert_eq!((nan[9], nan[8], nan[7] & 0xc0), (0x7f, 0xff, 0xc0));
    }
}
