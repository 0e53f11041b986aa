//! Memory that a client and a VM both see, so that buffers in it need not travel.
//!
//! It consists of *segments*: memfds that the client makes, sizes, seals and sends by
//! [`Map`](crate::message::vm::Map). Nobody maps a descriptor that a VM made. A segment has a number,
//! which a client never gives twice to the same VM, so that a stale one is known for what it is. Both
//! ends map it at the same address where that is free in both: then a pointer in it that leads into it
//! means the same to both.
//!
//! # Place
//!
//! What a call says of a buffer there (`callframe::marshal::SHARED`) is its [`Place`]:
//!
//! | bits | meaning |
//! |---:|---|
//! | 0 to 39 | offset in the segment |
//! | 40 to 61 | number of the segment |
//!
//! # Who believes what
//!
//! 1. Everything in a segment may be written by the other end at any time, by a VM until it is gone.
//!    The client copies what it wants to check, and checks the copy. Lists of what is allocated are in
//!    the client's own memory, never in a segment.
//! 2. A VM believes no place: it has to lie, with its length, in a segment that it has.
//! 3. A client believes no address of the VM's: whether both have a segment at the same one it is told,
//!    and where that is a lie, it is the VM that follows the pointers.
//! 4. A forked child does not have the memory (MADV_DONTFORK).

mod memory;

pub use memory::{LARGEST, Memory};

/// Bits of an offset.
const OFFSET_BITS: u32 = 40;
/// Bits of a number.
const NUMBER_BITS: u32 = 22;

/// Numbers that there are for segments.
pub const NUMBERS: u32 = 1 << NUMBER_BITS;

/// Most segments that a VM has of one client.
pub const MOST_SEGMENTS: usize = 4096;

/// Where something is, for both ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Number of the segment.
    pub segment: u32,
    /// Offset in it.
    pub offset: u64,
}

impl Place {
    /// The place as one number; `None` where it has none.
    pub fn encode(self) -> Option<u64> {
        let fits = self.segment < NUMBERS && self.offset < 1 << OFFSET_BITS;
        fits.then_some(u64::from(self.segment) << OFFSET_BITS | self.offset)
    }

    /// The place of a number; `None` where that is none.
    pub fn decode(number: u64) -> Option<Place> {
        let segment = u32::try_from(number >> OFFSET_BITS).ok()?;
        (segment < NUMBERS).then_some(Place {
            segment,
            offset: number & ((1 << OFFSET_BITS) - 1),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_one_number_and_back() {
        for (segment, offset) in [(0, 0), (1, 4096), (5, (1 << 40) - 1), ((1 << 22) - 1, 7)] {
            let place = Place { segment, offset };
            let number = place.encode().unwrap();
            assert!(number < 1 << 62);
            assert_eq!(Place::decode(number), Some(place));
        }
        let beyond = |segment, offset| Place { segment, offset }.encode();
        assert_eq!(beyond(1 << 22, 0), None);
        assert_eq!(beyond(0, 1 << 40), None);
        assert_eq!(Place::decode(1 << 62), None);
        assert_eq!(Place::decode(u64::MAX), None);
    }
}
