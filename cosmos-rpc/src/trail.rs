//! The steps of a request that is followed, as the process notes them that takes them.

use crate::message::follow::{Span, Teller};
use nix::time::{ClockId, clock_gettime};

/// Most steps of one request; further ones are not noted.
pub const MOST: usize = 64;

/// Now, in nanoseconds of CLOCK_MONOTONIC.
pub fn now() -> u64 {
    // There is no machine without this clock.
    clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(0, |time| {
        (time.tv_sec() as u64)
            .wrapping_mul(1_000_000_000)
            .wrapping_add(time.tv_nsec() as u64)
    })
}

/// Steps in the order in which they began.
#[derive(Debug)]
pub struct Trail {
    by: Teller,
    pid: i32,
    spans: Vec<Span>,
    /// Of each whether it has ended.
    ended: Vec<bool>,
}

/// A step of a [`Trail`] that was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place(u32);

impl Trail {
    /// Without steps, of this process.
    pub fn of(by: Teller) -> Trail {
        Trail {
            by,
            pid: i32::try_from(std::process::id()).unwrap_or(0),
            spans: Vec::new(),
            ended: Vec::new(),
        }
    }

    /// A step begins, as a part of `parent`. `None`, as a parent too: there is no room for it.
    pub fn begin(&mut self, name: &str, what: &str, parent: Option<Place>) -> Option<Place> {
        let place = u32::try_from(self.spans.len()).ok()?;
        if self.spans.len() >= MOST {
            return None;
        }
        self.spans.push(Span {
            by: self.by,
            pid: self.pid,
            name: name.to_owned(),
            what: what.to_owned(),
            parent: parent.map(|Place(place)| place),
            begin: now(),
            took: 0,
            fault: String::new(),
        });
        self.ended.push(false);
        Some(Place(place))
    }

    /// It ends, with this fault, where it failed. One that has ended stays as it is.
    pub fn end(&mut self, step: Option<Place>, fault: Option<&dyn std::fmt::Display>) {
        let Some(Place(place)) = step else {
            return;
        };
        let place = place as usize;
        if let (Some(span), Some(ended @ false)) =
            (self.spans.get_mut(place), self.ended.get_mut(place))
        {
            *ended = true;
            span.took = now().saturating_sub(span.begin);
            if let Some(fault) = fault {
                span.fault = fault.to_string();
            }
        }
    }

    /// Takes in the steps of another process, as parts of `parent`.
    pub fn adopt(&mut self, spans: Vec<Span>, parent: Option<Place>) {
        let first = self.spans.len();
        for (place, span) in spans.into_iter().enumerate() {
            if self.spans.len() >= MOST {
                return;
            }
            let before = |own: u32| (own as usize) < place;
            let own = span.parent.filter(|own| before(*own));
            let own = own.and_then(|own| u32::try_from(first + own as usize).ok());
            self.spans.push(Span {
                parent: own.or(parent.map(|Place(place)| place)),
                ..span
            });
            self.ended.push(true);
        }
    }

    /// All steps; those that have not ended, end.
    pub fn finish(mut self) -> Vec<Span> {
        for place in 0..self.spans.len() {
            self.end(u32::try_from(place).ok().map(Place), None);
        }
        self.spans
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_lie_within_those_that_they_are_parts_of() {
        let mut trail = Trail::of(Teller::Coordinator);
        let whole = trail.begin("whole", "libz.so.1", None);
        let part = trail.begin("part", "", whole);
        trail.end(part, Some(&"it broke"));
        // The first word stays.
        trail.end(part, None);
        let mut other = Trail::of(Teller::Launcher);
        let outer = other.begin("outer", "", None);
        other.begin("inner", "", outer);
        trail.adopt(other.finish(), part);
        let spans = trail.finish();
        let parents: Vec<_> = spans.iter().map(|span| span.parent).collect();
        assert_eq!(parents, [None, Some(0), Some(1), Some(2)]);
        assert_eq!(spans[1].fault, "it broke");
        assert_eq!(spans[0].fault, "");
        assert!(spans[0].begin <= spans[1].begin);
        assert!(spans[1].begin + spans[1].took <= spans[0].begin + spans[0].took);
        assert_eq!(spans[3].by, Teller::Launcher);
    }

    #[test]
    fn there_is_an_end_to_what_is_noted() {
        let mut trail = Trail::of(Teller::Launcher);
        let mut last = None;
        for _ in 0..MOST * 2 {
            last = trail.begin("step", "", last);
            trail.end(last, None);
        }
        let many = trail.finish();
        assert_eq!(many.len(), MOST);
        let mut trail = Trail::of(Teller::Coordinator);
        let whole = trail.begin("whole", "", None);
        trail.adopt(many, whole);
        assert_eq!(trail.finish().len(), MOST);
    }

    #[test]
    fn a_parent_that_comes_later_is_none() {
        let mut other = Trail::of(Teller::Launcher);
        other.begin("a", "", Some(Place(0)));
        other.begin("b", "", Some(Place(7)));
        let mut trail = Trail::of(Teller::Coordinator);
        let whole = trail.begin("whole", "", None);
        trail.adopt(other.finish(), whole);
        let parents: Vec<_> = trail.finish().iter().map(|span| span.parent).collect();
        assert_eq!(parents, [None, Some(0), Some(0)]);
    }
}
