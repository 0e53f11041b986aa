//! What of a segment is allocated: two tables, kept where no VM can write.
//!
//! | table | holds |
//! |---|---|
//! | live | offset and size of everything that is allocated |
//! | free | offset and size of every gap; no two of them touch |
//!
//! Sizes are multiples of [`GRAIN`], and the two tables together cover the segment.

use std::collections::BTreeMap;

/// What offsets and sizes are multiples of: a cache line, so that neighbours do not share one.
const GRAIN: u64 = 64;

/// The tables of one segment.
#[derive(Debug)]
pub(super) struct Room {
    live: BTreeMap<u64, Live>,
    free: BTreeMap<u64, u64>,
}

#[derive(Clone, Copy, Debug)]
struct Live {
    /// What was asked for.
    asked: u64,
    /// What is taken.
    taken: u64,
}

impl Room {
    /// A segment of `length` bytes, a multiple of [`GRAIN`], all free.
    pub fn new(length: u64) -> Room {
        Room {
            live: BTreeMap::new(),
            free: BTreeMap::from([(0, length)]),
        }
    }

    /// Bytes that a segment must have for `size` to fit.
    pub fn needed(size: usize) -> Option<usize> {
        size.max(1).checked_next_multiple_of(GRAIN as usize)
    }

    /// Allocates; gives the offset. The first gap that is large enough is taken.
    pub fn take(&mut self, size: u64) -> Option<u64> {
        let taken = size.max(1).checked_next_multiple_of(GRAIN)?;
        let (&offset, &length) = self.free.iter().find(|(_, length)| **length >= taken)?;
        self.free.remove(&offset);
        if length > taken {
            self.free.insert(offset + taken, length - taken);
        }
        self.live.insert(offset, Live { asked: size, taken });
        Some(offset)
    }

    /// Frees what begins at an offset; `None` where nothing does.
    pub fn give(&mut self, offset: u64) -> Option<()> {
        let mut length = self.live.remove(&offset)?.taken;
        let mut start = offset;
        if let Some(behind) = self.free.remove(&(offset + length)) {
            length += behind;
        }
        if let Some((&before, &size)) = self.free.range(..start).next_back()
            && before + size == start
        {
            start = before;
            length += size;
        }
        self.free.insert(start, length);
        Some(())
    }

    /// Offset and size of what an offset is in, or at the end of.
    pub fn find(&self, offset: u64) -> Option<(u64, u64)> {
        let (&start, live) = self.live.range(..=offset).next_back()?;
        (offset - start <= live.asked).then_some((start, live.asked))
    }

    /// Whether nothing is allocated.
    pub fn is_empty(&self) -> bool {
        self.live.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn gaps_that_touch_are_one() {
        let mut room = Room::new(256);
        let [a, b, c, d] = [1, 64, 64, 60].map(|size| room.take(size).unwrap());
        assert_eq!([a, b, c, d], [0, 64, 128, 192]);
        assert_eq!(room.take(1), None);
        for offset in [a, c, b] {
            room.give(offset).unwrap();
        }
        assert_eq!(room.take(192), Some(0));
        assert_eq!(room.give(64), None);
        assert_eq!(room.find(192 + 60), Some((192, 60)));
        assert_eq!(room.find(192 + 61), None);
        assert_eq!(room.take(u64::MAX), None);
    }

    proptest! {
        #[test]
        fn nothing_overlaps_and_nothing_is_lost(
            steps in proptest::collection::vec((0u64..5000, any::<prop::sample::Index>()), 1..200)
        ) {
            let whole = 1 << 16;
            let mut room = Room::new(whole);
            let mut live: Vec<(u64, u64)> = Vec::new();
            for (size, index) in steps {
                if size % 3 == 0 && !live.is_empty() {
                    let (offset, _) = live.swap_remove(index.index(live.len()));
                    prop_assert!(room.give(offset).is_some());
                    prop_assert!(room.give(offset).is_none());
                } else if let Some(offset) = room.take(size) {
                    prop_assert!(offset + size <= whole);
                    let apart = |&(start, length): &(u64, u64)| {
                        offset + size <= start || start + length <= offset
                    };
                    prop_assert!(live.iter().all(apart));
                    let last = offset + size.saturating_sub(1);
                    prop_assert_eq!(room.find(last), Some((offset, size)));
                    live.push((offset, size));
                }
            }
            for (offset, _) in live.drain(..) {
                room.give(offset).unwrap();
            }
            prop_assert!(room.is_empty());
            prop_assert_eq!(room.take(whole), Some(0));
        }
    }
}
