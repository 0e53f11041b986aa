//! A request whose steps its client wants to know, and what they were. Of any other nothing is noted.

use cosmos_rpc::{
    Fault,
    message::follow::{Span, Teller},
    trail::{Place, Trail},
};
use std::{cell::RefCell, fmt, fmt::Display, rc::Rc};

/// A request that is followed, or one that is not.
#[derive(Clone, Debug, Default)]
pub struct Followed(Option<Rc<Noted>>);

#[derive(Debug)]
struct Noted {
    trace: [u64; 2],
    trail: RefCell<Trail>,
    /// The request itself.
    whole: Option<Place>,
}

/// A step, until it is dropped.
#[derive(Debug, Default)]
#[must_use = "it ends when it is dropped"]
pub struct Step(Option<(Rc<Noted>, Option<Place>)>);

impl Followed {
    /// One that is followed, under the name of its message.
    pub fn begin(trace: [u64; 2], name: &str) -> Followed {
        let mut trail = Trail::of(Teller::Coordinator);
        let whole = trail.begin(name, "", None);
        Followed(Some(Rc::new(Noted {
            trace,
            trail: RefCell::new(trail),
            whole,
        })))
    }

    /// Whether it is.
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// The trace that it is a part of, as it is written; `None`: of none.
    pub fn trace(&self) -> Option<impl Display + use<>> {
        let [high, low] = self.0.as_ref()?.trace;
        Some(Id(high, low))
    }

    /// A step begins, `what` being what it is about.
    pub fn step(&self, name: &str, what: &str) -> Step {
        Step(self.0.as_ref().map(|noted| {
            let place = noted.trail.borrow_mut().begin(name, what, noted.whole);
            (noted.clone(), place)
        }))
    }

    /// The request is answered; what its steps were.
    pub fn end(self, fault: Option<&Fault>) -> Vec<Span> {
        let Some(noted) = self.0 else {
            return Vec::new();
        };
        let mut trail = noted.trail.borrow_mut();
        trail.end(noted.whole, fault.map(|fault| fault as &dyn Display));
        // A VM may still have it; nobody will ask for what becomes of that.
        std::mem::replace(&mut *trail, Trail::of(Teller::Coordinator)).finish()
    }
}

impl Step {
    /// A part of it begins.
    pub fn step(&self, name: &str, what: &str) -> Step {
        Step(self.0.as_ref().map(|(noted, whole)| {
            let place = noted.trail.borrow_mut().begin(name, what, *whole);
            (noted.clone(), place)
        }))
    }

    /// It fails.
    pub fn fail(self, fault: &dyn Display) {
        if let Some((noted, place)) = &self.0 {
            noted.trail.borrow_mut().end(*place, Some(fault));
        }
    }

    /// Ends it by what came of it.
    pub fn end_with<T, E: Display>(self, done: Result<T, E>) -> Result<T, E> {
        match &done {
            Ok(_) => drop(self),
            Err(error) => self.fail(error),
        }
        done
    }

    /// The steps that another process took for it.
    pub fn adopt(&self, spans: Vec<Span>) {
        if let Some((noted, place)) = &self.0 {
            noted.trail.borrow_mut().adopt(spans, *place);
        }
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        if let Some((noted, place)) = &self.0 {
            noted.trail.borrow_mut().end(*place, None);
        }
    }
}

struct Id(u64, u64);

impl Display for Id {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Id(high, low) = self;
        write!(formatter, "{high:016x}{low:016x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_parts_of_the_request_and_failures_are_told() {
        let followed = Followed::begin([1, 2], "VmOpen");
        let kept = followed.clone();
        let one = followed.step("one", "libz.so.1");
        drop(one.step("part", ""));
        drop(one);
        followed.step("two", "").fail(&"it broke");
        let three = followed.step("three", "");
        let spans = followed.end(Some(&Fault::caller(
            cosmos_rpc::FaultCode::NoSuchTarget,
            "none",
        )));
        let names: Vec<_> = spans.iter().map(|span| span.name.as_str()).collect();
        assert_eq!(names, ["VmOpen", "one", "part", "two", "three"]);
        let parents: Vec<_> = spans.iter().map(|span| span.parent).collect();
        assert_eq!(parents, [None, Some(0), Some(1), Some(0), Some(0)]);
        assert_eq!((&*spans[0].fault, &*spans[3].fault), ("none", "it broke"));
        // What goes on afterwards is told to nobody, and breaks nothing.
        three.adopt(spans);
        drop(three);
        drop(kept.step("late", ""));
        assert_eq!(
            kept.trace().map(|id| id.to_string()).as_deref(),
            Some("00000000000000010000000000000002")
        );
    }

    #[test]
    fn of_a_request_that_is_not_followed_nothing_is_noted() {
        let followed = Followed::default();
        drop(followed.step("one", ""));
        assert!(!followed.is_on() && followed.trace().is_none());
        assert_eq!(followed.end(None), []);
    }
}
