//! What client and VM tell each other about a program while it runs.
//!
//! A steering socket is a Unix stream socket that carries nothing but records of eight bytes, both ways,
//! little-endian. Over a carrier without descriptors each record is the body of one frame.
//!
//! | offset | size | field |
//! |---:|---:|---|
//! | 0 | 4 | kind |
//! | 4 | 4 | value |
//!
//! | kind | sender | value | meaning |
//! |---:|---|---|---|
//! | 1 | client | a signal's number | give it to the program |
//! | 2 | client | a signal's number | give it to every process of the program's group |
//! | 3 | VM | 0 | the program runs: it was started |
//! | 4 | VM | a signal's number | the program was stopped by it |
//! | 5 | VM | 0 | it goes on |
//! | 6 | client | lines, then columns, 16 bits each, the columns low | its terminal has another size |
//!
//! Of a terminal on the client's machine the client sets the size itself, and no VM is told. On another
//! machine the relay there does, which keeps this record.
//!
//! The end of the socket is the client's wish to have the program ended. Anything else breaks the
//! protocol, which counts as the end.

use crate::{Fault, FaultCode};
use serde::{Deserialize, Serialize};

/// Bytes of a record.
pub const RECORD: usize = 8;
/// The highest number of a signal.
pub const LAST_SIGNAL: i32 = 64;

/// The size of a terminal, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Its lines.
    pub rows: u16,
    /// Its columns.
    pub columns: u16,
}

/// A record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Steer {
    /// A signal for the program.
    Signal(i32),
    /// A signal for its group.
    SignalGroup(i32),
    /// It was started.
    Started,
    /// It was stopped by this signal.
    Stopped(i32),
    /// It goes on.
    Continued,
    /// Its terminal has this size now.
    Resized(Window),
}

impl Steer {
    /// The bytes of a record.
    pub fn encode(self) -> [u8; RECORD] {
        let (kind, value) = match self {
            Steer::Signal(signal) => (1u32, signal),
            Steer::SignalGroup(signal) => (2, signal),
            Steer::Started => (3, 0),
            Steer::Stopped(signal) => (4, signal),
            Steer::Continued => (5, 0),
            Steer::Resized(window) => (6, window.packed()),
        };
        let [a, b, c, d] = kind.to_le_bytes();
        let [e, f, g, h] = value.to_le_bytes();
        [a, b, c, d, e, f, g, h]
    }

    /// What a record says.
    ///
    /// # Errors
    /// For a kind that is none, and a number that is no signal's.
    pub fn decode(record: [u8; RECORD]) -> Result<Steer, Fault> {
        let [a, b, c, d, e, f, g, h] = record;
        let (kind, value) = (
            u32::from_le_bytes([a, b, c, d]),
            i32::from_le_bytes([e, f, g, h]),
        );
        let is_signal = (1..=LAST_SIGNAL).contains(&value);
        match kind {
            1 if is_signal => Ok(Steer::Signal(value)),
            2 if is_signal => Ok(Steer::SignalGroup(value)),
            3 if value == 0 => Ok(Steer::Started),
            4 if is_signal => Ok(Steer::Stopped(value)),
            5 if value == 0 => Ok(Steer::Continued),
            6 => Ok(Steer::Resized(Window::unpacked(value))),
            _ => Err(Fault::peer(
                FaultCode::Protocol,
                format!("kind {kind} with value {value} steers no program"),
            )),
        }
    }
}

impl Window {
    fn packed(self) -> i32 {
        let ([a, b], [c, d]) = (self.columns.to_le_bytes(), self.rows.to_le_bytes());
        i32::from_le_bytes([a, b, c, d])
    }

    fn unpacked(value: i32) -> Window {
        let [a, b, c, d] = value.to_le_bytes();
        Window {
            rows: u16::from_le_bytes([c, d]),
            columns: u16::from_le_bytes([a, b]),
        }
    }
}

/// Records out of the pieces in which a stream brings them.
#[derive(Debug, Default)]
pub struct Records {
    bytes: Vec<u8>,
}

impl Records {
    /// Takes what was read; the records that are whole now.
    ///
    /// # Errors
    /// As [`Steer::decode`].
    pub fn take(&mut self, read: &[u8]) -> Result<Vec<Steer>, Fault> {
        self.bytes.extend_from_slice(read);
        let (whole, rest) = self.bytes.as_chunks::<RECORD>();
        let records = whole.iter().map(|record| Steer::decode(*record)).collect();
        self.bytes = rest.to_vec();
        records
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_record() -> impl Strategy<Value = Steer> {
        let signal = 1..=LAST_SIGNAL;
        prop_oneof![
            signal.clone().prop_map(Steer::Signal),
            signal.clone().prop_map(Steer::SignalGroup),
            signal.prop_map(Steer::Stopped),
            Just(Steer::Started),
            Just(Steer::Continued),
            any::<(u16, u16)>()
                .prop_map(|(rows, columns)| { Steer::Resized(Window { rows, columns }) }),
        ]
    }

    proptest! {
        #[test]
        fn records_survive_any_division(
            records in prop::collection::vec(any_record(), 0..20),
            piece in 1usize..30,
        ) {
            let bytes: Vec<u8> = records.iter().flat_map(|record| record.encode()).collect();
            let mut reader = Records::default();
            let mut read = Vec::new();
            for piece in bytes.chunks(piece) {
                read.extend(reader.take(piece).expect("records"));
            }
            prop_assert_eq!(read, records);
        }

        #[test]
        fn a_record_has_one_encoding(bytes in any::<[u8; RECORD]>(), kind in 0u8..8, value in 0u8..80) {
            let near = [kind, 0, 0, 0, value, 0, 0, 0];
            for bytes in [bytes, near] {
                if let Ok(record) = Steer::decode(bytes) {
                    prop_assert_eq!(record.encode(), bytes);
                }
            }
        }
    }

    #[test]
    fn what_is_no_signal_is_refused() {
        for value in [0, -1, 65, i32::MAX] {
            assert!(Steer::decode(Steer::Signal(value).encode()).is_err());
            assert!(Steer::decode(Steer::Stopped(value).encode()).is_err());
        }
    }
}
