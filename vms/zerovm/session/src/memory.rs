//! What the guest may read and write.
//!
//! Traps check the guest's pointers against this table before they touch memory, so that a wrong
//! pointer is an error number for the guest and never a fault of trusted code.

use crate::layout::SPACE;
use std::cell::Cell;
use std::ops::Range;

/// What the guest may do with a region. Nothing is writable and executable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// Nothing.
    None,
    /// `r--`
    Read,
    /// `rw-`
    ReadWrite,
    /// `r-x`
    ReadExecute,
}

/// The guest's memory, as traps use it.
pub trait Memory {
    /// The regions of it.
    fn regions(&self) -> &Regions;
    /// The bytes of a range, if the guest may read all of it.
    fn readable(&self, range: Range<u64>) -> Option<&[u8]>;
    /// The bytes of a range, if the guest may write all of it.
    fn writable(&mut self, range: Range<u64>) -> Option<&mut [u8]>;
    /// Gives a range of whole hardware pages another protection.
    fn protect(&mut self, range: Range<u64>, to: Protection) -> Result<(), i32>;
}

/// A range of the guest's addresses from a pointer and a size that the guest gave. A size that is
/// not positive stands for the pointer's first byte alone, which is how the original checks it.
pub fn guest_range(address: u64, size: i32) -> Option<Range<u64>> {
    let end = address.checked_add(u64::try_from(size).unwrap_or(1).max(1))?;
    (end <= SPACE).then_some(address..end)
}

/// Protections of the whole space, by ranges in ascending order.
#[derive(Debug, Clone)]
pub struct Regions {
    // Where each region begins; it ends where the next one does.
    regions: Vec<(u64, Protection)>,
    heap: Range<u64>,
    // Where the last ranges were: a guest has its arguments in one place, and its buffers in another.
    recent: [Cell<(u64, u64, Protection)>; 2],
}

/// A region that no range is in.
const NOWHERE: (u64, u64, Protection) = (SPACE, 0, Protection::None);

impl Default for Regions {
    fn default() -> Self {
        Self {
            regions: vec![(0, Protection::None)],
            heap: 0..0,
            recent: [const { Cell::new(NOWHERE) }; 2],
        }
    }
}

impl Regions {
    /// What `range` may be used for from now on.
    pub fn set(&mut self, range: Range<u64>, protection: Protection) {
        if range.is_empty() {
            return;
        }
        self.recent.iter().for_each(|recent| recent.set(NOWHERE));
        let after = self.at(range.end);
        let first = self
            .regions
            .partition_point(|(start, _)| *start < range.start);
        let behind = self
            .regions
            .partition_point(|(start, _)| *start <= range.end);
        // Regions that are alike are one.
        let begins = first == 0 || self.regions[first - 1].1 != protection;
        let ends = range.end < SPACE && after != protection;
        let begin = begins.then_some((range.start, protection));
        let end = ends.then_some((range.end, after));
        self.regions
            .splice(first..behind, begin.into_iter().chain(end));
    }

    /// The range that the guest may protect anew.
    pub fn heap(&self) -> Range<u64> {
        self.heap.clone()
    }

    /// Says what the heap is.
    pub fn set_heap(&mut self, heap: Range<u64>) {
        self.heap = heap;
    }

    /// Whether all of `range` may be read.
    #[inline]
    pub fn is_readable(&self, range: &Range<u64>) -> bool {
        self.all(range, |protection| protection != Protection::None)
    }

    /// Whether all of `range` may be written.
    #[inline]
    pub fn is_writable(&self, range: &Range<u64>) -> bool {
        self.all(range, |protection| protection == Protection::ReadWrite)
    }

    /// The ranges that may be read, in ascending order.
    pub fn readable(&self) -> impl Iterator<Item = Range<u64>> {
        let readable = |(_, protection): &(_, Protection)| *protection != Protection::None;
        self.all_of_them().filter(readable).map(|(range, _)| range)
    }

    /// What a range consists of.
    pub fn within(&self, range: &Range<u64>) -> Vec<(Range<u64>, Protection)> {
        let cut = |(region, protection): (Range<u64>, Protection)| {
            let region = region.start.max(range.start)..region.end.min(range.end);
            (!region.is_empty()).then_some((region, protection))
        };
        self.all_of_them().filter_map(cut).collect()
    }

    fn all_of_them(&self) -> impl Iterator<Item = (Range<u64>, Protection)> {
        let ends = self.regions.iter().skip(1).map(|(start, _)| *start);
        let regions = self.regions.iter().zip(ends.chain([SPACE]));
        regions.map(|((start, protection), end)| (*start..end, *protection))
    }

    fn at(&self, address: u64) -> Protection {
        let before = self.regions.get(self.index(address));
        before.map_or(Protection::None, |(_, protection)| *protection)
    }

    /// Which region an address is in.
    fn index(&self, address: u64) -> usize {
        let behind = self.regions.partition_point(|(start, _)| *start <= address);
        behind.saturating_sub(1)
    }

    #[inline]
    fn all(&self, range: &Range<u64>, may: impl Fn(Protection) -> bool) -> bool {
        if range.start >= range.end || range.end > SPACE {
            return false;
        }
        match self.known(range) {
            Some(protection) => may(protection),
            None => self.all_within(range, may),
        }
    }

    /// The protection of a range that is where one of the last ones was.
    #[inline]
    fn known(&self, range: &Range<u64>) -> Option<Protection> {
        self.recent.iter().find_map(|recent| {
            let (start, end, protection) = recent.get();
            let is_within = start <= range.start && range.end <= end;
            is_within.then_some(protection)
        })
    }

    #[inline(never)]
    fn all_within(&self, range: &Range<u64>, may: impl Fn(Protection) -> bool) -> bool {
        let index = self.index(range.start);
        if let Some((start, protection)) = self.regions.get(index) {
            let end = self.regions.get(index + 1).map_or(SPACE, |next| next.0);
            let [last, before] = &self.recent;
            before.set(last.replace((*start, end, *protection)));
        }
        // The last region that begins at or before it, and those that begin within it.
        let within = self.regions.get(index..).unwrap_or_default();
        let mut within = within.iter().take_while(|(start, _)| *start < range.end);
        within.all(|(_, protection)| may(*protection))
    }
}

/// Checks code before it is executed.
pub trait Validator {
    /// Whether every way through `code`, which is at the guest's `address` and followed by nothing
    /// but HLT to the end of its page, keeps the guest's promises.
    fn validate(&self, address: u64, code: &[u8]) -> Result<(), Rejection>;
}

/// Code that may do what it must not: where, and what is wrong there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Rejection(pub String);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ranges_of_guests_end_with_the_space() {
        assert_eq!(guest_range(5, 0), Some(5..6));
        assert_eq!(guest_range(5, -7), Some(5..6));
        assert_eq!(guest_range(SPACE - 1, 1), Some(SPACE - 1..SPACE));
        assert_eq!(guest_range(SPACE - 1, 2), None);
        assert_eq!(guest_range(SPACE, 0), None);
        assert_eq!(guest_range(u64::MAX, 1), None);
        assert_eq!(guest_range(u64::MAX, i32::MAX), None);
    }

    fn protection() -> impl Strategy<Value = Protection> {
        prop_oneof![
            Just(Protection::None),
            Just(Protection::Read),
            Just(Protection::ReadWrite),
            Just(Protection::ReadExecute),
        ]
    }

    proptest! {
        /// A table of single pages is the oracle.
        #[test]
        fn regions_are_what_was_set(
            sets in proptest::collection::vec((0u64..40, 1u64..20, protection()), 0..12),
            asked in (0u64..60, 1u64..20),
        ) {
            let mut regions = Regions::default();
            let mut pages = [Protection::None; 80];
            for (start, length, protection) in sets {
                regions.set(start..start + length, protection);
                pages[start as usize..(start + length) as usize].fill(protection);
            }
            let range = asked.0..asked.0 + asked.1;
            let pages = &pages[range.start as usize..range.end as usize];
            let readable = pages.iter().all(|page| *page != Protection::None);
            let writable = pages.iter().all(|page| *page == Protection::ReadWrite);
            // Once more, now that it is known where the last one was.
            prop_assert_eq!(regions.is_readable(&range), readable);
            prop_assert_eq!(regions.is_readable(&range), readable);
            prop_assert_eq!(regions.is_writable(&range), writable);
            let within = regions.within(&range);
            let pages_within = within.iter().flat_map(|(range, protection)| {
                range.clone().map(|_| *protection)
            });
            prop_assert_eq!(pages_within.collect::<Vec<_>>(), pages);
            let listed = regions.readable().any(|region| region.contains(&range.start));
            prop_assert_eq!(listed, pages[0] != Protection::None);
        }
    }
}
