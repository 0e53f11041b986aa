//! Where things are in a segment; the tables are in [`super`].

use super::mapping::{Place32, Place64};

/// What a segment begins with.
pub(super) const MAGIC: u64 = u64::from_le_bytes(*b"COSMRING");
/// Version of the layout.
pub(super) const VERSION: u32 = 1;
/// Bytes before the body areas, and what those are multiples of.
pub(super) const PAGE: usize = 4096;
/// Bytes of a body that fit into the line itself.
pub const INLINE: usize = 40;
/// Largest body area of either side that a segment may have.
pub const LARGEST_AREA: usize = 128 << 20;

/// Set in a word while somebody sleeps on it.
pub(super) const SLEEP: u32 = 1;

pub(super) const MAGIC_AT: Place64 = Place64::new(0);
pub(super) const VERSION_AT: Place32 = Place32::new(8);
pub(super) const AREA_AT: Place32 = Place32::new(12);

/// An end of a ring, and the line it owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Client,
    Vm,
}

/// Bytes from one line to the next, and from the segment's begin to the first.
pub(super) const LINES: usize = 128;

/// A line: where its fields are.
#[derive(Clone, Copy)]
pub(super) struct Line {
    at: usize,
}

impl Line {
    #[inline]
    pub fn word(self) -> Place32 {
        Place32::new(self.at)
    }

    #[inline]
    pub fn cpu(self) -> Place32 {
        Place32::new(self.at + 4)
    }

    /// Kind and length, as [`Head`] has them.
    #[inline]
    pub fn head(self) -> Place64 {
        Place64::new(self.at + 8)
    }

    /// The two by themselves, for who forges them.
    #[cfg(test)]
    pub fn kind(self) -> Place32 {
        Place32::new(self.at + 8)
    }

    #[cfg(test)]
    pub fn length(self) -> Place32 {
        Place32::new(self.at + 12)
    }

    #[inline]
    pub fn id(self) -> Place64 {
        Place64::new(self.at + 16)
    }

    /// Offset of the inline body.
    #[inline]
    pub fn inline(self) -> usize {
        self.at + 24
    }

    /// The words of the inline body.
    #[inline]
    pub fn words(self) -> [Place64; INLINE / 8] {
        // Written out: what goes through `map` goes through memory.
        let at = self.inline();
        [
            Place64::new(at),
            Place64::new(at + 8),
            Place64::new(at + 16),
            Place64::new(at + 24),
            Place64::new(at + 32),
        ]
    }

    #[inline]
    pub fn stamp(self) -> Place64 {
        Place64::new(self.at + 64)
    }
}

/// Kind of a message and length of its body, which lie beside each other in a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub kind: u32,
    pub length: u32,
}

impl Head {
    /// As the line has it.
    #[inline]
    pub fn bits(self) -> u64 {
        (u64::from(self.length) << 32 | u64::from(self.kind)).to_le()
    }

    #[inline]
    pub fn of(bits: u64) -> Head {
        let bits = u64::from_le(bits);
        Head {
            kind: bits as u32,
            length: (bits >> 32) as u32,
        }
    }
}

impl Side {
    #[inline]
    pub fn other(self) -> Side {
        match self {
            Side::Client => Side::Vm,
            Side::Vm => Side::Client,
        }
    }

    #[inline]
    pub fn line(self) -> Line {
        let lines = match self {
            Side::Client => 1,
            Side::Vm => 2,
        };
        Line { at: lines * LINES }
    }

    /// Where its bodies are, with areas of `area` bytes.
    pub fn bodies(self, area: usize) -> usize {
        match self {
            Side::Client => PAGE,
            Side::Vm => PAGE + area,
        }
    }
}

/// Bytes of a segment with areas of `area` bytes; `None` where it may not have such.
pub(super) fn length(area: usize) -> Option<usize> {
    let fits = area > 0 && area.is_multiple_of(PAGE) && area <= LARGEST_AREA;
    fits.then(|| PAGE + 2 * area)
}
