//! Bodies that fit into a line.

use super::layout::{Head, INLINE};

const WORD: usize = 8;
/// Words that a body has at most, where it fits into a line.
pub const WORDS: usize = INLINE / WORD;

/// A body of at most [`INLINE`] bytes, outside of any shared memory.
///
/// It is kept as the words that a line holds: in memory their bytes are those of the body, followed
/// by whatever comes after it.
#[derive(Clone, Copy, Debug)]
pub struct Short {
    words: [u64; WORDS],
    length: usize,
}

impl Default for Short {
    fn default() -> Short {
        Short::new()
    }
}

impl Short {
    /// One without bytes.
    pub const fn new() -> Short {
        Short {
            words: [0; WORDS],
            length: 0,
        }
    }

    /// One of so many bytes of these words, at most [`INLINE`].
    #[inline]
    pub fn of(words: [u64; WORDS], length: usize) -> Short {
        let length = length.min(INLINE);
        Short { words, length }
    }

    /// One of `length` bytes, which `fill` writes where there were zeros; `None` where that is more than fits,
    /// or `fill` says so.
    #[inline]
    pub fn filled(length: usize, fill: impl FnOnce(&mut [u8]) -> Option<()>) -> Option<Short> {
        let mut words = [0; WORDS];
        let all: &mut [u8] = bytemuck::cast_slice_mut(&mut words);
        fill(all.get_mut(..length)?)?;
        Some(Short { words, length })
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        let all: &[u8] = bytemuck::cast_slice(&self.words);
        all.get(..self.length).unwrap_or_default()
    }

    /// The words that a line holds, with what comes after the body.
    #[inline]
    pub fn words(&self) -> &[u64; WORDS] {
        &self.words
    }

    /// Bytes of the body.
    #[inline]
    pub fn length(&self) -> usize {
        self.length
    }
}

/// What messages have in common whose bodies fit into a line and are equally long: kind and length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Form {
    kind: u16,
    length: u8,
}

impl Form {
    /// That of messages of this kind with bodies of so many bytes; `None` where that is more than fits.
    pub fn new(kind: u16, length: usize) -> Option<Form> {
        let length = u8::try_from(length).ok()?;
        (usize::from(length) <= INLINE).then_some(Form { kind, length })
    }

    /// Bytes of the bodies.
    #[inline]
    pub fn length(self) -> usize {
        usize::from(self.length)
    }

    /// As a line has it.
    #[inline]
    pub(super) fn head(self) -> Head {
        Head {
            kind: self.kind.into(),
            length: self.length.into(),
        }
    }
}
