//! Many streams over one connection, for where a connection is all there is: over ssh.
//!
//! Each end first says who it is, [`PREAMBLE`], eight bytes: the magic `COSMUX`, then the version of
//! what follows. Then come messages:
//!
//! ```text
//! offset  size  field
//!      0     4  stream, little-endian; odd ones are opened by the near end, even ones by the far end
//!      4     4  amount, little-endian: bytes of data that follow, or bytes of credit
//!      8     1  kind (see Kind)
//!      9     3  zero
//!     12     n  data, of `Data` alone
//! ```
//!
//! A stream carries bytes both ways. Each direction begins with [`WINDOW`] bytes of credit, which
//! data uses up and `Credit` gives; it ends with exactly one `End`. `Stop` asks for that end, and
//! what is still on its way then is dropped. A stream is forgotten when both directions have ended.
//!
//! | room | purpose |
//! |---|---|
//! | [`Header`], [`Kind`] | messages as bytes |
//! | [`Streams`] | what both ends know of each stream, and what they refuse; sans-I/O |
//! | [`Carrier`] | what carries the bytes: the seam for whatever connects two machines |
//! | [`Link`] | streams for threads, over a carrier |
//!
//! # Promises
//!
//! * A stream that nobody reads holds at most [`WINDOW`] bytes here, and stops no other one.
//! * Whatever the other end sends, no more than twice [`MOST_STREAMS`] exist at once, and nothing is
//!   allocated because a number announced it.
//! * When the carrier ends, every stream ends at once, and says why.

mod link;
mod streams;

pub use link::{Carrier, Link, Stream};
pub use streams::{Side, Streams};

use crate::{Fault, FaultCode};

/// What each end says first: the magic, and the version of these messages.
pub const PREAMBLE: [u8; 8] = *b"COSMUX\x01\x00";
/// Bytes of a message without its data.
pub const HEADER: usize = 12;
/// Most bytes of data in one message.
pub const MOST_DATA: usize = 64 << 10;
/// Bytes of each direction that may be on their way or unread.
pub const WINDOW: u32 = 1 << 20;
/// With as many streams, an end opens no further one.
pub const MOST_STREAMS: usize = 512;

/// What a message says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// The stream is there.
    Open = 1,
    /// Bytes of the stream.
    Data = 2,
    /// No more bytes will follow.
    End = 3,
    /// So many more bytes may be sent.
    Credit = 4,
    /// No more bytes are wanted.
    Stop = 5,
    /// The sender lives. Of stream 0.
    Alive = 6,
}

/// A message without its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The stream it is about.
    pub stream: u32,
    /// Bytes of data, or of credit; else 0.
    pub amount: u32,
    /// What it says.
    pub kind: Kind,
}

impl Header {
    /// Its bytes.
    pub fn encode(&self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[0..4].copy_from_slice(&self.stream.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.amount.to_le_bytes());
        bytes[8] = self.kind as u8;
        bytes
    }

    /// The message that these bytes begin.
    ///
    /// # Errors
    ///
    /// `Protocol` for what no message is: an unknown kind, an amount where none is due, too much or
    /// no data, a stream where none is due or none where one is.
    pub fn decode(bytes: &[u8; HEADER]) -> Result<Header, Fault> {
        use Kind::{Alive, Credit, Data, End, Open, Stop};
        let [s0, s1, s2, s3, a0, a1, a2, a3, number, zeroes @ ..] = *bytes;
        let stream = u32::from_le_bytes([s0, s1, s2, s3]);
        let amount = u32::from_le_bytes([a0, a1, a2, a3]);
        let kind = [Open, Data, End, Credit, Stop, Alive]
            .into_iter()
            .find(|kind| *kind as u8 == number);
        let fits = kind.filter(|kind| match kind {
            Alive => stream == 0 && amount == 0,
            Data => stream != 0 && (1..=MOST_DATA).contains(&(amount as usize)),
            Credit => stream != 0 && (1..=WINDOW).contains(&amount),
            Open | End | Stop => stream != 0 && amount == 0,
        });
        match fits {
            Some(kind) if zeroes == [0; 3] => Ok(Header {
                stream,
                amount,
                kind,
            }),
            _ => Err(breach("something that is no message of streams")),
        }
    }

    /// How many bytes of data follow it.
    pub fn data(&self) -> usize {
        match self.kind {
            Kind::Data => self.amount as usize,
            _ => 0,
        }
    }
}

/// Checks what the other end said first.
///
/// # Errors
///
/// `Version`, naming both, for another version; `Protocol`, quoting it, for what is no such end.
pub fn check_preamble(bytes: &[u8]) -> Result<(), Fault> {
    match bytes {
        said if said == PREAMBLE => Ok(()),
        [b'C', b'O', b'S', b'M', b'U', b'X', version, _] => Err(Fault::peer(
            FaultCode::Version,
            format!(
                "the other machine speaks version {version} of the protocol of streams, this one {}: \
                 install both from the same release",
                PREAMBLE[6]
            ),
        )),
        [] => Err(Fault::peer(
            FaultCode::Disconnected,
            "the other machine ended the connection before cosmosd answered",
        )),
        other => Err(Fault::peer(
            FaultCode::Protocol,
            format!(
                "the other machine wrote \"{}\" where cosmosd is due: whatever prints that when a \
                 command is run there by ssh (a shell's start-up file?) has to be silent",
                other.escape_ascii()
            ),
        )),
    }
}

fn breach(what: &str) -> Fault {
    Fault::peer(
        FaultCode::Protocol,
        format!("the other machine sent {what}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Whatever bytes are a message, are the bytes of that message.
        #[test]
        fn bytes_mean_one_message(mut bytes: [u8; HEADER], small: bool) {
            if small {
                bytes[2..4].fill(0);
                bytes[7] = 0;
                bytes[8] %= 8;
                bytes[9..].fill(0);
            }
            if let Ok(header) = Header::decode(&bytes) {
                prop_assert_eq!(header.encode(), bytes);
                prop_assert!(header.data() <= MOST_DATA);
            }
        }
    }

    #[test]
    fn messages_have_these_bytes() {
        let header = Header {
            stream: 3,
            amount: 258,
            kind: Kind::Data,
        };
        let bytes = [3, 0, 0, 0, 2, 1, 0, 0, 2, 0, 0, 0];
        assert_eq!(header.encode(), bytes);
        assert_eq!(Header::decode(&bytes).expect("a message"), header);
    }

    #[test]
    fn another_version_and_a_talkative_shell_are_named() {
        assert!(check_preamble(&PREAMBLE).is_ok());
        let version = check_preamble(b"COSMUX\x02\x00").expect_err("another version");
        assert_eq!(version.code, FaultCode::Version);
        let chatter = check_preamble(b"Welcome\n").expect_err("no cosmosd");
        assert!(chatter.message.contains("\"Welcome\\n\""), "{chatter}");
        let silence = check_preamble(b"").expect_err("nothing");
        assert_eq!(silence.code, FaultCode::Disconnected);
    }
}
