//! Ids and words to calls.

use crate::channel::{Generation, Request};
use std::fmt;

/// The most words that a function looks at.
pub(super) const WORDS: usize = 6;

/// What a guest asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// From a channel into memory.
    Read(Transfer),
    /// From memory into a channel.
    Write(Transfer),
    /// Makes code of data: address, size.
    Jail(u64, i32),
    /// Makes data of code: address, size.
    Unjail(u64, i32),
    /// Address, size, protection bits.
    Protect(u64, u32, i32),
    /// Ends, with a code.
    Exit(i32),
    /// Becomes a daemon.
    Fork(Generation),
    /// An id that nothing has.
    Unknown(u64),
}

/// What reads and writes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transfer {
    /// The channel's handle.
    pub channel: i32,
    /// The guest's address.
    pub buffer: u64,
    /// How much, and where in the channel.
    pub request: Request,
}

impl Transfer {
    /// From the words after the id, and after what is reserved.
    fn from_words(generation: Generation, [channel, buffer, size, offset]: [u64; 4]) -> Self {
        Self {
            channel: channel as i32,
            buffer,
            request: Request {
                generation,
                size: size as i32,
                offset: offset as i64,
            },
        }
    }
}

impl fmt::Display for Transfer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Request { size, offset, .. } = self.request;
        write!(
            f,
            "({}, {:#x}, {size}, {offset})",
            self.channel, self.buffer
        )
    }
}

const READ: u64 = id(b"Read");
const WRITE: u64 = id(b"Writ");
const JAIL: u64 = id(b"Jail");
const UNJAIL: u64 = id(b"Unjl");
const EXIT: u64 = id(b"Exit");
const FORK: u64 = id(b"Fork");
const READ_2: u64 = id(b"READ");
const WRITE_2: u64 = id(b"WRIT");
const PROTECT_2: u64 = id(b"PROT");
const EXIT_2: u64 = id(b"EXIT");
const FORK_2: u64 = id(b"FORK");

const fn id(name: &[u8; 4]) -> u64 {
    u32::from_le_bytes(*name) as u64
}

impl Call {
    /// The ids that functions have.
    pub const IDS: [u64; 11] = [
        READ, WRITE, JAIL, UNJAIL, EXIT, FORK, READ_2, WRITE_2, PROTECT_2, EXIT_2, FORK_2,
    ];

    /// What the guest gets for an id that nothing has.
    pub const REFUSED: i64 = -(libc::EPERM as i64);

    /// How many words the function of an id looks at, the id included.
    pub(super) fn word_count(id: u64) -> usize {
        match id {
            READ | WRITE => 6,
            READ_2 | WRITE_2 => 5,
            JAIL | UNJAIL | PROTECT_2 => 4,
            EXIT => 3,
            EXIT_2 => 2,
            _ => 1,
        }
    }

    /// What words stand for. Of a word that is wider than its field the low bits count.
    #[inline]
    pub(super) fn from_words(words: [u64; WORDS]) -> Self {
        use Generation::{First, Second};
        let [id, a, b, c, d, e] = words;
        match id {
            READ => Self::Read(Transfer::from_words(First, [b, c, d, e])),
            WRITE => Self::Write(Transfer::from_words(First, [b, c, d, e])),
            JAIL => Self::Jail(b, c as i32),
            UNJAIL => Self::Unjail(b, c as i32),
            EXIT => Self::Exit(b as i32),
            FORK => Self::Fork(First),
            READ_2 => Self::Read(Transfer::from_words(Second, [a, b, c, d])),
            WRITE_2 => Self::Write(Transfer::from_words(Second, [a, b, c, d])),
            PROTECT_2 => Self::Protect(a, b as u32, c as i32),
            EXIT_2 => Self::Exit(a as i32),
            FORK_2 => Self::Fork(Second),
            _ => Self::Unknown(id),
        }
    }
}

impl fmt::Display for Call {
    /// As the trace file shows it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(transfer) => write!(f, "TrapRead{transfer}"),
            Self::Write(transfer) => write!(f, "TrapWrite{transfer}"),
            Self::Jail(address, size) => write!(f, "TrapJail({address:#x}, {size})"),
            Self::Unjail(address, size) => write!(f, "TrapUnjail({address:#x}, {size})"),
            Self::Protect(address, size, bits) => {
                write!(f, "TrapProt({address:#x}, {size}, {bits})")
            }
            Self::Exit(code) => write!(f, "TrapExit({code})"),
            Self::Fork(_) => f.write_str("TrapFork()"),
            Self::Unknown(id) => write!(f, "function {id:#x}"),
        }
    }
}
