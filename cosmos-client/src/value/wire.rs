//! Values as bytes, for languages that call without a compiler: docs/python.md has the format.
//!
//! The bytes come from this program, so they are trusted to mean what they say, but not to be whole:
//! whoever wrote the writer makes mistakes, and they end in a sentence.

use super::{Memory, Outcome, Value};
use crate::callback::Answer;

/// Most values inside of each other.
const DEPTH: usize = 64;

/// What a number stands for that only the reader's side knows.
pub(crate) trait Known {
    /// The function of a number.
    fn function(&self, number: u64) -> Value;
    /// The memory of a number; `None` where it was forgotten, or never was.
    fn memory(&self, number: u64) -> Option<Memory>;
}

/// Reads all of the bytes as values that follow each other.
pub(crate) fn values(bytes: &[u8], known: &dyn Known) -> Result<Vec<Value>, String> {
    let mut reader = Reader { bytes, known };
    let mut values = Vec::new();
    while !reader.bytes.is_empty() {
        values.push(reader.value(DEPTH)?);
    }
    Ok(values)
}

/// Reads what a function of the program answered: its result, then what it wrote.
pub(crate) fn answer(bytes: &[u8], known: &dyn Known) -> Result<Answer, String> {
    let mut reader = Reader { bytes, known };
    let mut answer = Answer::new(reader.value(DEPTH)?);
    for (name, value) in reader.members(DEPTH)? {
        answer = answer.output(name, value);
    }
    match reader.bytes {
        [] => Ok(answer),
        rest => Err(format!("{} bytes follow the answer", rest.len())),
    }
}

/// Appends what a call left: its result, what it wrote, errno.
pub(crate) fn write_outcome(bytes: &mut Vec<u8>, outcome: &Outcome) {
    write(bytes, &outcome.result);
    write_members(bytes, &outcome.outputs);
    bytes.extend(outcome.errno.to_le_bytes());
}

/// Appends a value.
pub(crate) fn write(bytes: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Int(number) => {
            bytes.push(b'i');
            bytes.extend(number.to_le_bytes());
        }
        Value::Float(number) => {
            bytes.push(b'f');
            bytes.extend(number.to_le_bytes());
        }
        Value::LongDouble(number) => {
            bytes.push(b'x');
            bytes.extend(number);
        }
        Value::Complex(real, imaginary) => {
            bytes.push(b'c');
            bytes.extend(real.to_le_bytes());
            bytes.extend(imaginary.to_le_bytes());
        }
        Value::Text(text) => tagged(bytes, b't', text),
        Value::Bytes(given) => tagged(bytes, b'b', given),
        Value::Array(elements) => write_all(bytes, b'a', elements),
        Value::Struct(members) => write_all(bytes, b's', members),
        Value::Record(members) => {
            bytes.push(b'r');
            write_members(bytes, members);
        }
        Value::Null | Value::Memory { .. } | Value::Callback(_) => bytes.push(b'0'),
        Value::Out => bytes.push(b'o'),
        Value::Void => bytes.push(b'v'),
        Value::Descriptor(number) => {
            bytes.push(b'd');
            bytes.extend(number.to_le_bytes());
        }
        Value::Handle(token) => {
            bytes.push(b'h');
            bytes.extend(token.to_le_bytes());
        }
        Value::Alias { parameter, offset } => {
            tagged(bytes, b'p', parameter.as_bytes());
            bytes.extend(offset.to_le_bytes());
        }
    }
}

fn tagged(bytes: &mut Vec<u8>, tag: u8, text: &[u8]) {
    bytes.push(tag);
    sized(bytes, text);
}

fn sized(bytes: &mut Vec<u8>, text: &[u8]) {
    bytes.extend((text.len() as u64).to_le_bytes());
    bytes.extend(text);
}

fn write_all(bytes: &mut Vec<u8>, tag: u8, values: &[Value]) {
    bytes.push(tag);
    bytes.extend((values.len() as u64).to_le_bytes());
    values.iter().for_each(|value| write(bytes, value));
}

fn write_members(bytes: &mut Vec<u8>, members: &[(String, Value)]) {
    bytes.extend((members.len() as u64).to_le_bytes());
    for (name, value) in members {
        sized(bytes, name.as_bytes());
        write(bytes, value);
    }
}

struct Reader<'b> {
    bytes: &'b [u8],
    known: &'b dyn Known,
}

impl<'b> Reader<'b> {
    fn value(&mut self, depth: usize) -> Result<Value, String> {
        let depth = depth
            .checked_sub(1)
            .ok_or_else(|| format!("more than {DEPTH} values inside of each other"))?;
        let [tag] = self.take()?;
        Ok(match tag {
            b'i' => Value::Int(i128::from_le_bytes(self.take()?)),
            b'f' => Value::Float(f64::from_le_bytes(self.take()?)),
            b'x' => Value::LongDouble(self.take()?),
            b'c' => Value::Complex(
                f64::from_le_bytes(self.take()?),
                f64::from_le_bytes(self.take()?),
            ),
            b't' => Value::Text(self.sized()?.to_vec()),
            b'b' => Value::Bytes(self.sized()?.to_vec()),
            b'a' => Value::Array(self.several(depth)?),
            b's' => Value::Struct(self.several(depth)?),
            b'r' => Value::Record(self.members(depth)?),
            b'0' => Value::Null,
            b'o' => Value::Out,
            b'v' => Value::Void,
            b'd' => Value::Descriptor(i32::from_le_bytes(self.take()?)),
            b'h' => Value::Handle(u64::from_le_bytes(self.take()?)),
            b'k' => self.known.function(u64::from_le_bytes(self.take()?)),
            b'm' => {
                let number = u64::from_le_bytes(self.take()?);
                let memory = self.known.memory(number);
                let memory = memory.ok_or_else(|| format!("there is no memory {number}"))?;
                memory.with(self.members(depth)?)
            }
            tag => return Err(format!("{tag:#04x} is the tag of no value")),
        })
    }

    fn several(&mut self, depth: usize) -> Result<Vec<Value>, String> {
        let count = u64::from_le_bytes(self.take()?);
        (0..count).map(|_| self.value(depth)).collect()
    }

    fn members(&mut self, depth: usize) -> Result<Vec<(String, Value)>, String> {
        let count = u64::from_le_bytes(self.take()?);
        let member = |_| {
            let name = String::from_utf8_lossy(self.sized()?).into_owned();
            Ok((name, self.value(depth)?))
        };
        (0..count).map(member).collect()
    }

    fn sized(&mut self) -> Result<&'b [u8], String> {
        let length = u64::from_le_bytes(self.take()?);
        let length = usize::try_from(length).map_err(|_| cut())?;
        let (given, rest) = self.bytes.split_at_checked(length).ok_or_else(cut)?;
        self.bytes = rest;
        Ok(given)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let (given, rest) = self.bytes.split_first_chunk().ok_or_else(cut)?;
        self.bytes = rest;
        Ok(*given)
    }
}

fn cut() -> String {
    "the values are cut off".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    struct Nothing;

    impl Known for Nothing {
        fn function(&self, _number: u64) -> Value {
            Value::Null
        }

        fn memory(&self, _number: u64) -> Option<Memory> {
            None
        }
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<i128>().prop_map(Value::Int),
            (-1e300..1e300).prop_map(Value::Float),
            any::<[u8; 10]>().prop_map(Value::LongDouble),
            (-1e9..1e9, -1e9..1e9).prop_map(|(real, imaginary)| Value::Complex(real, imaginary)),
            any::<Vec<u8>>().prop_map(Value::Text),
            any::<Vec<u8>>().prop_map(Value::Bytes),
            Just(Value::Null),
            Just(Value::Out),
            Just(Value::Void),
            any::<i32>().prop_map(Value::Descriptor),
            any::<u64>().prop_map(Value::Handle),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            let several = prop::collection::vec(inner.clone(), 0..5);
            let named = prop::collection::vec(("[a-z]{0,5}", inner), 0..5);
            prop_oneof![
                several.clone().prop_map(Value::Array),
                several.prop_map(Value::Struct),
                named.prop_map(Value::Record),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(all in prop::collection::vec(any_value(), 0..5)) {
            let mut bytes = Vec::new();
            all.iter().for_each(|value| write(&mut bytes, value));
            prop_assert_eq!(values(&bytes, &Nothing), Ok(all));
        }

        #[test]
        fn no_bytes_are_too_strange(bytes: Vec<u8>) {
            let _read = values(&bytes, &Nothing);
            let _read = answer(&bytes, &Nothing);
        }

        #[test]
        fn what_is_cut_off_is_no_value(value in any_value(), cut in 1..20usize) {
            let mut bytes = Vec::new();
            write(&mut bytes, &value);
            let left = bytes.len().saturating_sub(cut);
            prop_assume!(left > 0);
            prop_assert!(values(&bytes[..left], &Nothing).is_err());
        }
    }

    #[test]
    fn counts_and_depths_beyond_the_bytes_are_refused_at_once() {
        let mut many = vec![b'a'];
        many.extend(u64::MAX.to_le_bytes());
        assert!(values(&many, &Nothing).is_err());
        let mut deep = Vec::new();
        for _ in 0..100_000 {
            deep.push(b's');
            deep.extend(1u64.to_le_bytes());
        }
        let told = values(&deep, &Nothing).unwrap_err();
        assert!(told.contains("inside of each other"), "{told}");
    }
}
