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

/// The fields of a line.
pub(super) struct Line {
    pub word: Place32,
    pub cpu: Place32,
    pub kind: Place32,
    pub length: Place32,
    pub id: Place64,
    /// Offset of the inline body, and its words.
    pub inline: usize,
    pub words: [Place64; INLINE / 8],
    pub stamp: Place64,
}

const fn line(at: usize) -> Line {
    Line {
        word: Place32::new(at),
        cpu: Place32::new(at + 4),
        kind: Place32::new(at + 8),
        length: Place32::new(at + 12),
        id: Place64::new(at + 16),
        inline: at + 24,
        words: [
            Place64::new(at + 24),
            Place64::new(at + 32),
            Place64::new(at + 40),
            Place64::new(at + 48),
            Place64::new(at + 56),
        ],
        stamp: Place64::new(at + 64),
    }
}

static CLIENT: Line = line(128);
static VM: Line = line(256);

impl Side {
    #[inline]
    pub fn other(self) -> Side {
        match self {
            Side::Client => Side::Vm,
            Side::Vm => Side::Client,
        }
    }

    #[inline]
    pub fn line(self) -> &'static Line {
        match self {
            Side::Client => &CLIENT,
            Side::Vm => &VM,
        }
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
