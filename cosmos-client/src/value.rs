//! Values of the dynamic call: what goes into [`Function::call`](crate::Function::call) and what
//! comes out.

use crate::callback::Callback;

mod memory;
pub(crate) mod wire;

pub use memory::Memory;
pub(crate) use memory::{InUse, Use};

/// An argument, a result or an output, typed by what it is in C rather than by its width.
///
/// # As an argument
/// | C parameter | values it takes |
/// |---|---|
/// | integer, enum, `bool`, `char` | `Int` |
/// | floating | `Float`, `LongDouble`, `Int` |
/// | complex | `Complex`, `Float`, `Int` |
/// | `__fd` | `Descriptor`, `Int` (a number that is no open descriptor travels as it is) |
/// | struct by value | `Struct`, `Record` |
/// | pointer to data | `Null`, `Out`, `Text`, `Bytes`, `Array`, or what its target takes |
/// | handle | `Handle`, `Null` |
/// | object in memory of the program's (`regex_t *__closed_by(regfree)`, later `__handle`) | `Memory`; `Out` for one that is not kept |
/// | pointer to a function | `Callback`, `Null`, `Int` (a value of its `__or_const`) |
///
/// Text gets its terminating NUL; bytes get none unless the prototype asks for one.
///
/// # As a result or an output
/// `Text` for NUL-terminated `char`, `Bytes` for counted `char` and `void`, `Array` for counted
/// elements of any other type, `Record` for a struct, `Alias` for a pointer into a parameter.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// An integer of any width.
    Int(i128),
    /// `float` or `double`.
    Float(f64),
    /// `long double`: the ten bytes of the x87 format, little-endian.
    LongDouble([u8; 10]),
    /// A complex number of any width: real and imaginary part.
    Complex(f64, f64),
    /// Characters without their NUL; not necessarily UTF-8.
    Text(Vec<u8>),
    /// Bytes.
    Bytes(Vec<u8>),
    /// Elements of an array.
    Array(Vec<Value>),
    /// A null pointer.
    Null,
    /// As an argument: memory of the size the prototype asks for, zeroed.
    Out,
    /// Members in order of declaration; missing ones at the end are zero.
    Struct(Vec<Value>),
    /// Members by name.
    Record(Vec<(String, Value)>),
    /// A file descriptor of this process. As a result it is the caller's to close.
    Descriptor(i32),
    /// An object in the VM: the token that stands for it in this process.
    Handle(u64),
    /// A function of this program, for a parameter that is a pointer to a function: see
    /// [`callback`](crate::callback()).
    Callback(Callback),
    /// Memory that stands for an object in the VM, and members to set in it first.
    Memory {
        /// The memory.
        memory: Memory,
        /// Members by name: see [`Memory::with`].
        members: Vec<(String, Value)>,
    },
    /// A result that points into what a parameter leads to.
    Alias {
        /// The parameter.
        parameter: String,
        /// How far in, in bytes.
        offset: u64,
    },
    /// No value: the result of a `void` function.
    Void,
}

/// What a call left behind.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// What the function returned.
    pub result: Value,
    /// What it wrote, by parameter name, in the order of the declaration: one entry for each
    /// pointer parameter whose contents travel back and that was not NULL. Of an object in
    /// [`Memory`]: its members; one that walked through a buffer that comes back shows what it
    /// walked over, one through a buffer that goes in what is left.
    pub outputs: Vec<(String, Value)>,
    /// errno as the function left it; 0 where it left it alone.
    pub errno: i32,
}

impl Value {
    /// What it is, in words.
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Int(_) => "an integer",
            Value::Float(_) => "a floating-point number",
            Value::LongDouble(_) => "a long double",
            Value::Complex(..) => "a complex number",
            Value::Text(_) => "text",
            Value::Bytes(_) => "bytes",
            Value::Array(_) => "an array",
            Value::Null => "NULL",
            Value::Out => "room for an output",
            Value::Struct(_) | Value::Record(_) => "a struct",
            Value::Descriptor(_) => "a descriptor",
            Value::Handle(_) => "a handle",
            Value::Callback(_) => "a function",
            Value::Memory { .. } => "memory of an object",
            Value::Alias { .. } => "a pointer into a parameter",
            Value::Void => "nothing",
        }
    }

    /// The nearest `double`, where it is a real number.
    pub fn to_f64(&self) -> Option<f64> {
        match self {
            Value::Int(number) => Some(*number as f64),
            Value::Float(number) => Some(*number),
            Value::LongDouble(bytes) => Some(extended::to_f64(bytes)),
            _ => None,
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Text(text.as_bytes().to_vec())
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Value {
        Value::Bytes(bytes.to_vec())
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Value {
        Value::Float(number)
    }
}

macro_rules! from_integer {
    ($($integer:ty)*) => {$(
        impl From<$integer> for Value {
            fn from(number: $integer) -> Value {
                Value::Int(i128::from(number))
            }
        }
    )*};
}

from_integer!(i8 i16 i32 i64 u8 u16 u32 u64 bool);

/// The x87 extended format: a sign bit, 15 bits of exponent, 64 bits of mantissa with its leading
/// one written out.
pub(crate) mod extended {
    const BIAS: i32 = 16383;

    /// Exact: every `double` is a `long double`.
    pub(crate) fn from_f64(number: f64) -> [u8; 10] {
        let bits = number.to_bits();
        let sign = (bits >> 63) as u16;
        let exponent = (bits >> 52 & 0x7ff) as i32;
        let fraction = bits & ((1 << 52) - 1);
        let (exponent, mantissa) = match (exponent, fraction) {
            (0, 0) => (0, 0),
            (0, fraction) => {
                let shift = fraction.leading_zeros();
                (BIAS - 1022 + 11 - shift as i32, fraction << shift)
            }
            (0x7ff, fraction) => (0x7fff, 1 << 63 | fraction << 11),
            (exponent, fraction) => (exponent - 1023 + BIAS, 1 << 63 | fraction << 11),
        };
        let mut bytes = [0; 10];
        bytes[..8].copy_from_slice(&mantissa.to_le_bytes());
        bytes[8..].copy_from_slice(&(sign << 15 | exponent as u16).to_le_bytes());
        bytes
    }

    /// The nearest `double`, ties to even but for what is smaller than the smallest normal one,
    /// where it may be off by one unit.
    pub(crate) fn to_f64(bytes: &[u8; 10]) -> f64 {
        let [m0, m1, m2, m3, m4, m5, m6, m7, e0, e1] = *bytes;
        let mantissa = u64::from_le_bytes([m0, m1, m2, m3, m4, m5, m6, m7]);
        let top = u16::from_le_bytes([e0, e1]);
        let exponent = i32::from(top & 0x7fff);
        let sign = if top >> 15 == 1 { -1.0 } else { 1.0 };
        if exponent == 0x7fff {
            return if mantissa << 1 == 0 {
                sign * f64::INFINITY
            } else {
                f64::NAN
            };
        }
        if mantissa == 0 {
            return sign * 0.0;
        }
        // Two steps, for 2^scale alone may lie outside of what a double holds.
        let scale = exponent - BIAS - 63;
        let half = scale / 2;
        sign * (mantissa as f64) * 2f64.powi(half) * 2f64.powi(scale - half)
    }

    #[cfg(test)]
    mod tests {
        use super::*;
        use proptest::prelude::*;

        proptest! {
            #[test]
            fn doubles_survive(bits: u64) {
                let number = f64::from_bits(bits);
                let back = to_f64(&from_f64(number));
                prop_assert!(back == number || back.is_nan() && number.is_nan());
            }
        }

        #[test]
        fn known_bytes() {
            assert_eq!(from_f64(1.0), [0, 0, 0, 0, 0, 0, 0, 0x80, 0xff, 0x3f]);
            assert_eq!(from_f64(-2.5), [0, 0, 0, 0, 0, 0, 0, 0xa0, 0x00, 0xc0]);
            assert_eq!(
                to_f64(&from_f64(f64::MIN_POSITIVE / 8.0)),
                f64::MIN_POSITIVE / 8.0
            );
            assert_eq!(to_f64(&from_f64(f64::NEG_INFINITY)), f64::NEG_INFINITY);
            assert!(to_f64(&from_f64(-0.0)).is_sign_negative());
        }
    }
}
