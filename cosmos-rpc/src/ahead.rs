//! Asking for memory before it is needed.
//!
//! Code and data that nobody used for some milliseconds have left the caches, and so have the tables that say where
//! their pages are. A call after a pause touches some hundred lines, most of them one after the other, for each says
//! where the next is: 0.15 microseconds each, and twice that in another page. Asked for all at once they come side
//! by side. So a thread that wakes first asks for those that it knows of, and one that wakes another for what it
//! needs afterwards itself, which comes while the kernel is at work.

/// Bytes that the processor fetches at once.
const LINE: usize = 64;
/// The most that is asked for of one thing.
const MOST: usize = 4096;
/// Of the stack, below the frame that asks and above it.
const BELOW: usize = 256;
const ABOVE: usize = 1536;

/// What a thread will need: places, which need not be there any more.
#[derive(Debug, Default)]
pub struct Ahead {
    lines: Vec<usize>,
}

impl Ahead {
    /// A value, where it is now; what it leads to is another one.
    pub fn add<T: ?Sized>(&mut self, value: &T) {
        self.add_range((&raw const *value).addr(), size_of_val(value));
    }

    /// So many bytes, of code for one.
    pub fn add_range(&mut self, at: usize, bytes: usize) {
        let first = at - at % LINE;
        let end = at.saturating_add(bytes.min(MOST));
        self.lines.extend((first..end).step_by(LINE));
    }

    /// Asks for all of it, and for the stack around this frame. A hint to the processor: it changes nothing, and
    /// no place is a wrong one.
    #[inline(never)]
    pub fn fetch(&self) {
        self.lines.iter().copied().for_each(fetch);
        let local = 0u8;
        let frame = (&raw const local).addr();
        let stack = frame.saturating_sub(BELOW)..frame.saturating_add(ABOVE);
        stack.step_by(LINE).for_each(fetch);
    }
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn fetch(address: usize) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: the processor reads nothing at an address that is not mapped, and tells nobody.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::without_provenance(address)) };
}

#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn fetch(_: usize) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_what_is_added_is_asked_for_once() {
        for (at, bytes, lines) in [
            (0x1000, 64, vec![0x1000]),
            (0x1000, 65, vec![0x1000, 0x1040]),
            (0x103f, 1, vec![0x1000]),
            (0x103f, 2, vec![0x1000, 0x1040]),
        ] {
            let mut ahead = Ahead::default();
            ahead.add_range(at, bytes);
            assert_eq!(ahead.lines, lines, "{bytes} bytes at {at:#x}");
        }
    }

    #[test]
    fn what_is_large_is_asked_for_in_part() {
        let mut ahead = Ahead::default();
        ahead.add(&[0u8; 1 << 20][..]);
        ahead.add_range(usize::MAX - 7, usize::MAX);
        assert!(ahead.lines.len() <= 2 * (MOST / LINE + 1));
    }

    #[test]
    fn places_where_nothing_is_do_no_harm() {
        let mut ahead = Ahead::default();
        ahead.add_range(0, 128);
        ahead.add_range(1 << 50, 128);
        ahead.fetch();
    }
}
