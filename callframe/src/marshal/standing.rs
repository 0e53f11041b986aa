//! What is known of the numbers that a VM has put into memory that stands for an object.
//!
//! A number in such memory may be how much is left of a buffer of the program's. Which one is, only
//! the calls say that walk through it: until then, and in every other call, it is a number like any
//! that a VM may change. So what a VM has raised is remembered, with what the program had there
//! before. A call that walks through the buffer does not go by a number that the program has left as
//! the VM raised it, and once a number is known as one that counts, no other call may raise it.
//!
//! What the program writes there itself counts as its own, whatever it was computed from.

/// What is known of an object's numbers. Empty for an object that was never seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    raised: Vec<Raised>,
    counts: Vec<Place>,
}

/// Where a number lies, in the caller's memory, from the start of the object. Whether it may be below
/// zero is not asked here: one prototype may say so and another not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub at: usize,
    pub size: usize,
}

/// A number that a VM has made larger than the program had it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Raised {
    place: Place,
    /// The most that the program has said itself.
    trusted: u64,
    /// What the VM has put there.
    written: u64,
}

/// What a call may do to a number of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// The number was the program's before the call.
    Theirs,
    /// The call made the object: what was there before may be anything.
    Made,
}

impl Standing {
    /// Whether there is nothing to know.
    pub fn is_empty(&self) -> bool {
        self.raised.is_empty() && self.counts.is_empty()
    }

    /// The program has set so many bytes from `at` on, for certain, whatever they were.
    pub fn set(&mut self, at: usize, size: usize) {
        self.raised
            .retain(|raised| !raised.place.touches((at, size)));
    }

    /// What stays to be known of memory that stands for no object any more: the program may make
    /// another one there, and go on with the numbers that are in it.
    pub fn ended(mut self) -> Standing {
        self.counts.clear();
        self
    }

    /// What is known of a new object in the same memory.
    pub(super) fn renewed(&self) -> Standing {
        self.clone().ended()
    }

    /// Whether a call may go by the number `now` at `count`, and the pointer of `width` bytes at
    /// `pointer`, as `read` finds things in the memory now.
    pub(super) fn may_walk<E>(
        &self,
        (count, now): (Place, u64),
        pointer: (usize, usize),
        mut read: impl FnMut(Place) -> Result<u64, E>,
    ) -> Result<bool, E> {
        for raised in &self.raised {
            let same = raised.place == count;
            if !same
                && !raised.place.touches((count.at, count.size))
                && !raised.place.touches(pointer)
            {
                continue;
            }
            let found = if same { now } else { read(raised.place)? };
            let untouched = found == raised.written;
            if untouched && (!same || now > raised.trusted) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// A call that does not walk by the number at `place` has made it `after`, where the memory held
    /// `now`. False where it may not: the number is known to count.
    pub(super) fn changed(&mut self, place: Place, now: u64, after: u64, change: Change) -> bool {
        let known = self
            .raised
            .iter()
            .position(|raised| raised.place == place)
            .map(|index| self.raised.swap_remove(index));
        let own = match known {
            Some(raised) if raised.written == now => raised.trusted,
            _ => now,
        };
        let trusted = match change {
            Change::Made if after != now => 0,
            _ => own,
        };
        if after <= trusted {
            return true;
        }
        self.raised.push(Raised {
            place,
            trusted,
            written: after,
        });
        change == Change::Made || !self.counts.contains(&place)
    }

    /// The number at `place` says how much is left of a buffer.
    pub(super) fn counts(&mut self, place: Place) {
        if !self.counts.contains(&place) {
            self.counts.push(place);
        }
    }

    /// A call has walked by it: together with its pointer it reaches no further than the program had
    /// it reach.
    pub(super) fn walked(&mut self, place: Place) {
        self.raised.retain(|raised| raised.place != place);
        self.counts(place);
    }
}

impl Place {
    fn touches(self, (at, size): (usize, usize)) -> bool {
        self.at < at + size && at < self.at + self.size
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNT: Place = Place { at: 8, size: 4 };
    const POINTER: (usize, usize) = (0, 8);

    fn may_walk(standing: &Standing, now: u64) -> bool {
        let nothing = |_: Place| -> Result<u64, ()> { panic!("looked elsewhere") };
        standing.may_walk((COUNT, now), POINTER, nothing).unwrap()
    }

    #[test]
    fn what_was_raised_counts_for_nothing_until_the_program_sets_it() {
        let mut standing = Standing::default();
        assert!(standing.changed(COUNT, 10, 10, Change::Theirs));
        assert!(standing.is_empty());
        assert!(standing.changed(COUNT, 10, 11, Change::Theirs));
        assert!(!may_walk(&standing, 11));
        assert!(may_walk(&standing, 12), "the program's own");
        assert!(may_walk(&standing, 5));
        // Raised step by step, and lowered again, it is measured by what the program said.
        assert!(standing.changed(COUNT, 11, 12, Change::Theirs));
        assert!(!may_walk(&standing, 12));
        assert!(standing.changed(COUNT, 12, 10, Change::Theirs));
        assert!(may_walk(&standing, 10));
        assert!(standing.is_empty());
    }

    #[test]
    fn a_number_that_counts_is_not_raised() {
        let mut standing = Standing::default();
        standing.walked(COUNT);
        assert!(standing.changed(COUNT, 10, 9, Change::Theirs));
        assert!(!standing.changed(COUNT, 10, 11, Change::Theirs));
        let other = Place { at: 12, ..COUNT };
        assert!(standing.changed(other, 10, 11, Change::Theirs));
        assert!(standing.ended().counts.is_empty());
    }

    #[test]
    fn what_a_new_object_was_given_is_the_programs_only_where_it_stayed() {
        let mut standing = Standing::default();
        assert!(standing.changed(COUNT, 10, 10, Change::Made));
        assert!(may_walk(&standing, 10));
        // Smaller than before, but before there may have been anything.
        assert!(standing.changed(COUNT, 10, 9, Change::Made));
        assert!(!may_walk(&standing, 9));
        // The object ends, the program makes another one there and goes on.
        let mut again = standing.ended().renewed();
        assert!(again.changed(COUNT, 9, 9, Change::Made));
        assert!(!may_walk(&again, 9));
        assert!(again.changed(COUNT, 9, 0, Change::Made));
        assert!(may_walk(&again, 0));
    }

    #[test]
    fn what_the_program_is_known_to_have_set_is_its_own() {
        let mut standing = Standing::default();
        assert!(standing.changed(COUNT, 10, 11, Change::Theirs));
        standing.set(0, 8);
        standing.set(12, 4);
        assert!(!may_walk(&standing, 11));
        standing.set(8, 4);
        assert!(may_walk(&standing, 11));
    }

    /// Another prototype may have told the record in other words.
    #[test]
    fn a_pointer_that_was_a_number_elsewhere_is_not_followed() {
        let word = Place { at: 0, size: 8 };
        let wide = Place { at: 8, size: 8 };
        for place in [word, wide] {
            let mut standing = Standing::default();
            assert!(standing.changed(place, 0, 77, Change::Theirs));
            let holds = |value| {
                standing.may_walk((COUNT, 1), POINTER, |asked| {
                    assert_eq!(asked, place);
                    Ok::<u64, ()>(value)
                })
            };
            assert_eq!(holds(77), Ok(false));
            assert_eq!(holds(78), Ok(true));
        }
    }
}
