//! Bodies that fit into a line.

use super::layout::INLINE;

const WORD: usize = 8;

/// A body of at most [`INLINE`] bytes, outside of any shared memory.
#[derive(Clone, Copy, Debug)]
#[repr(align(8))]
pub struct Short {
    bytes: [u8; INLINE],
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
            bytes: [0; INLINE],
            length: 0,
        }
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// All the room there is, zeros at first; [`set_length`](Short::set_length) says what of it is
    /// the body.
    pub fn room(&mut self) -> &mut [u8; INLINE] {
        &mut self.bytes
    }

    /// Says how long the body is, at most [`INLINE`].
    pub fn set_length(&mut self, length: usize) {
        self.length = length.min(INLINE);
    }

    /// The words that a line holds, with what comes after the body.
    pub(super) fn words(&self) -> [u64; INLINE / WORD] {
        let mut words = [0; INLINE / WORD];
        for (word, bytes) in words.iter_mut().zip(self.bytes.as_chunks().0) {
            *word = u64::from_le_bytes(*bytes);
        }
        words
    }

    /// The body that these words hold, of this length.
    pub(super) fn of(words: [u64; INLINE / WORD], length: usize) -> Short {
        let mut short = Short::new();
        for (bytes, word) in short.bytes.as_chunks_mut().0.iter_mut().zip(words) {
            *bytes = word.to_le_bytes();
        }
        short.set_length(length);
        short
    }
}
