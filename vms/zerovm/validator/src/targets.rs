//! Where direct branches go.
//!
//! The start of a bundle may always be gone to, be it in the text or out of it, where it is one of
//! another text, of a trampoline, or nothing. Any other place must be in the text, and an instruction
//! that may be entered; which these are is known only when the walk is over. Until then one bit for
//! each byte of the text says that a branch goes there: however many branches a hostile text has,
//! that needs no more memory. Only where one is astray does a second walk find out which.

use crate::policy::Places;
use crate::violation::Reason;
use crate::walk::{BUNDLE, Broken, Extent};

/// Learns of direct branches.
pub(crate) trait Targets {
    /// A branch at `from` goes to `to`, both relative to the text.
    fn note(&mut self, from: usize, to: i64);
}

/// The places that branches go to, apart from starts of bundles.
pub(crate) struct Wanted {
    places: Vec<Places>,
    length: usize,
    /// Whether one goes to no bundle out of the text.
    outside: bool,
}

impl Wanted {
    /// None yet, in a text of that length.
    pub(crate) fn none(length: usize) -> Self {
        Self {
            places: vec![0; length.div_ceil(BUNDLE)],
            length,
            outside: false,
        }
    }

    /// Whether all of them may be entered.
    pub(crate) fn are_among(&self, entries: &[Places]) -> bool {
        let enterable = |index: usize| entries.get(index).copied().unwrap_or(0);
        let inside = self.places.iter().enumerate();
        !self.outside
            && inside
                .into_iter()
                .all(|(index, wanted)| wanted & !enterable(index) == 0)
    }
}

impl Targets for Wanted {
    #[inline(always)]
    fn note(&mut self, _from: usize, to: i64) {
        if is_bundle(to) {
            return;
        }
        match place(to, self.length).map(|(index, bit)| (self.places.get_mut(index), bit)) {
            Some((Some(places), bit)) => *places |= bit,
            _ => self.outside = true,
        }
    }
}

/// The branches that go to where they may not.
pub(crate) struct Astray<'e> {
    pub(crate) found: Vec<Broken>,
    entries: &'e [Places],
    length: usize,
    extent: Extent,
}

impl<'e> Astray<'e> {
    /// None yet, in a text of that length with these entries.
    pub(crate) fn none(length: usize, entries: &'e [Places], extent: Extent) -> Self {
        Self {
            found: Vec::new(),
            entries,
            length,
            extent,
        }
    }
}

impl Targets for Astray<'_> {
    fn note(&mut self, from: usize, to: i64) {
        if is_bundle(to) || self.extent == Extent::First && !self.found.is_empty() {
            return;
        }
        let reason = match place(to, self.length) {
            Some((index, bit))
                if self
                    .entries
                    .get(index)
                    .is_some_and(|places| places & bit != 0) =>
            {
                return;
            }
            Some(_) => Reason::TargetInside,
            None => Reason::TargetOutside,
        };
        self.found.push(Broken {
            offset: from,
            reason,
        });
    }
}

#[inline(always)]
fn is_bundle(to: i64) -> bool {
    to % BUNDLE as i64 == 0
}

/// The bundle of a place in a text, and its bit there.
#[inline(always)]
fn place(to: i64, length: usize) -> Option<(usize, Places)> {
    let to = usize::try_from(to).ok().filter(|&to| to < length)?;
    Some((to / BUNDLE, 1 << (to % BUNDLE)))
}
