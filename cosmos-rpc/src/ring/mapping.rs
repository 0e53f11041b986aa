//! The only access to a ring's memory. All unsafe code that follows a pointer into a segment is here.
//!
//! The peer may write any byte of a segment at any time. So there are no references into it, except
//! to an atomic for the one operation on it; what is larger is copied out by reads the compiler may
//! neither repeat nor assume anything of.

use crate::mapped::{Mapped, copy};
use nix::errno::Errno;
use std::marker::PhantomData;
use std::os::fd::BorrowedFd;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicU64};

use super::layout::PAGE;

/// Bodies from this size on are copied by the processor's own instruction for it.
const LONG: usize = 256;

/// The place of a 32-bit number in the first page of a segment.
#[derive(Clone, Copy)]
pub(crate) struct Place32(usize);

/// The place of a 64-bit number in the first page of a segment.
#[derive(Clone, Copy)]
pub(crate) struct Place64(usize);

impl Place32 {
    #[inline]
    pub const fn new(at: usize) -> Place32 {
        assert!(at.is_multiple_of(4) && at + 4 <= PAGE);
        Place32(at)
    }
}

impl Place64 {
    #[inline]
    pub const fn new(at: usize) -> Place64 {
        assert!(at.is_multiple_of(8) && at + 8 <= PAGE);
        Place64(at)
    }
}

/// A mapped segment of at least one page.
#[derive(Debug)]
pub(crate) struct Mapping(Mapped);

impl Mapping {
    /// Maps `length` bytes of a memfd that cannot shrink. A forked child does not have the mapping.
    pub fn new(memory: BorrowedFd<'_>, length: usize) -> nix::Result<Mapping> {
        if length < PAGE {
            return Err(Errno::EINVAL);
        }
        Mapped::anywhere(memory, length).map(Mapping)
    }

    /// Whether this process made the mapping; a forked child must not touch it.
    #[inline]
    pub fn is_ours(&self) -> bool {
        self.0.is_ours()
    }

    /// Where it begins, for who goes to several places: between two of them the compiler would look it up again.
    #[inline]
    pub fn begin(&self) -> Begin<'_> {
        Begin {
            start: self.0.start(),
            _mapping: PhantomData,
        }
    }

    /// The number at a place, for one atomic operation.
    #[inline]
    pub fn word(&self, place: Place32) -> &AtomicU32 {
        // SAFETY: a place is aligned and in the first page, which every mapping has; the mapping
        // lives as long as `self`. Others write the number too, which an atomic allows.
        unsafe { AtomicU32::from_ptr(self.0.start().as_ptr().add(place.0).cast()) }
    }

    /// As [`Mapping::word`].
    #[inline]
    pub fn long(&self, place: Place64) -> &AtomicU64 {
        self.begin().long(place)
    }

    /// Appends `length` bytes from `at` on to `into`; `false`, without doing so, where they are not
    /// all in the segment.
    pub fn copy_out(&self, at: usize, length: usize, into: &mut Vec<u8>) -> bool {
        let Some(from) = self.0.range(at, length) else {
            return false;
        };
        into.reserve(length);
        let end = into.len();
        // SAFETY: `from` leads to `length` bytes of the segment; `into` has room for as many behind its
        // end, which the copy has written before they count.
        unsafe {
            copy_out(from.as_ptr(), into.as_mut_ptr().add(end), length);
            into.set_len(end + length);
        }
        true
    }

    /// Copies `parts` one after the other to `at`; `false`, without doing so, where there is no room.
    pub fn copy_in(&self, at: usize, parts: &[&[u8]]) -> bool {
        let length = parts.iter().map(|part| part.len()).sum();
        let Some(to) = self.0.range(at, length) else {
            return false;
        };
        let mut to = to.as_ptr();
        for part in parts {
            // SAFETY: the parts together are as long as the range; the segment does not overlap
            // with memory of Rust's. The peer may write there too, and what it then reads is its own
            // affair.
            unsafe {
                copy_in(part.as_ptr(), to, part.len());
                to = to.add(part.len());
            }
        }
        true
    }
}

/// The begin of a mapping.
#[derive(Clone, Copy)]
pub(crate) struct Begin<'m> {
    start: NonNull<u8>,
    _mapping: PhantomData<&'m Mapping>,
}

impl<'m> Begin<'m> {
    /// As [`Mapping::word`].
    #[inline]
    pub fn long(self, place: Place64) -> &'m AtomicU64 {
        // SAFETY: as in `word`; the mapping is borrowed as long as the number.
        unsafe { AtomicU64::from_ptr(self.start.as_ptr().add(place.0).cast()) }
    }
}

/// Copies from a segment, where the peer may be writing.
///
/// # Safety
/// `length` bytes at `from` are readable, as many at `to` writable and nobody else's.
unsafe fn copy_out(from: *const u8, to: *mut u8, length: usize) {
    if length >= LONG || !from.addr().is_multiple_of(8) {
        // SAFETY: the caller's promise.
        return unsafe { copy(from, to, length) };
    }
    let words = length / 8;
    for index in 0..words {
        // SAFETY: inside of both ranges; `from` is aligned to 8, `to` need not be.
        unsafe {
            let word = from.cast::<u64>().add(index).read_volatile();
            to.cast::<u64>().add(index).write_unaligned(word);
        }
    }
    for index in words * 8..length {
        // SAFETY: inside of both ranges.
        unsafe { to.add(index).write(from.add(index).read_volatile()) };
    }
}

/// Copies into a segment, where the peer may be reading and writing.
///
/// # Safety
/// `length` bytes at `from` are readable, as many at `to` writable; they do not overlap.
unsafe fn copy_in(from: *const u8, to: *mut u8, length: usize) {
    if length >= LONG || !to.addr().is_multiple_of(8) {
        // SAFETY: the caller's promise.
        return unsafe { copy(from, to, length) };
    }
    let words = length / 8;
    for index in 0..words {
        // SAFETY: inside of both ranges; `to` is aligned to 8, `from` need not be.
        unsafe {
            let word = from.cast::<u64>().add(index).read_unaligned();
            to.cast::<u64>().add(index).write_volatile(word);
        }
    }
    for index in words * 8..length {
        // SAFETY: inside of both ranges.
        unsafe { to.add(index).write_volatile(from.add(index).read()) };
    }
}

#[cfg(test)]
mod tests {
    use super::super::segment::Segment;

    #[test]
    fn bodies_of_every_length_come_out_as_they_went_in() {
        let segment = Segment::new(8192).unwrap();
        let mapping = segment.mapping();
        let bytes: Vec<u8> = (0..2000u32).map(|number| (number * 7) as u8).collect();
        for length in (0..300).chain([511, 512, 513, 2000]) {
            let (first, second) = bytes[..length].split_at(length / 3);
            assert!(mapping.copy_in(4096, &[first, second]));
            let mut back = b"kept".to_vec();
            assert!(mapping.copy_out(4096, length, &mut back));
            assert_eq!(back[..4], *b"kept");
            assert_eq!(back[4..], bytes[..length], "{length} bytes");
        }
    }

    #[test]
    fn what_is_not_in_the_segment_is_not_touched() {
        let segment = Segment::new(4096).unwrap();
        let mapping = segment.mapping();
        let mut back = Vec::new();
        for (at, length) in [
            (3 * 4096, 1),
            (4096, 2 * 4096 + 1),
            (usize::MAX, 2),
            (0, usize::MAX),
        ] {
            assert!(!mapping.copy_out(at, length, &mut back));
        }
        assert!(!mapping.copy_in(3 * 4096 - 1, &[b"a", b"b"]));
        assert!(back.is_empty());
        assert!(mapping.copy_in(3 * 4096 - 1, &[b"a"]));
    }
}
