//! Values of the dynamic call: what goes into [`Function::call`](crate::Function::call) and what
//! comes out.

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
    /// pointer parameter whose contents travel back and that was not NULL.
    pub outputs: Vec<(String, Value)>,
    /// errno as the function left it; 0 where it left it alone.
    pub errno: i32,
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
