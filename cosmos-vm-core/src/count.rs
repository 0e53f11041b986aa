//! Noting when requests are answered: counting them, where cosmosd wants them counted, and keeping the last
//! one of a channel, where its client follows its requests.
//!
//! Where nobody wants either, a call costs one look at a number that never changes.

use cosmos_rpc::ahead::Ahead;
use cosmos_rpc::message::Message;
use cosmos_rpc::message::calls::CALLS;
use cosmos_rpc::message::follow::{Recall, Recalled};
use cosmos_rpc::message::vm;
use cosmos_rpc::message::vm::{CALL, COMPACT_CALL};
use cosmos_rpc::tally::{Request, Tally};
use cosmos_rpc::{Fault, FaultCode, trail};
use std::cell::{Cell, RefCell};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// Who wants times noted: the channels whose clients do, and cosmosd.
static WANTED: AtomicU64 = AtomicU64::new(0);
/// How often cosmosd gave memory to count in.
static GIVEN: AtomicU64 = AtomicU64::new(0);
static TALLY: Mutex<Option<Arc<Tally>>> = Mutex::new(None);

/// Counts in this memory from now on.
///
/// # Errors
/// Memory that cannot be used.
pub(crate) fn begin(memory: &OwnedFd) -> Result<(), Fault> {
    let tally = Tally::received(memory)?;
    *TALLY.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(tally));
    if GIVEN.fetch_add(1, Ordering::Release) == 0 {
        WANTED.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

/// What is looked at with each request, beside a channel's [`Counter`].
pub(crate) fn needs(ahead: &mut Ahead) {
    ahead.add(&WANTED);
}

/// A channel's way to count.
#[derive(Debug)]
pub(crate) struct Counter {
    row: usize,
    /// Which of the memory given it has.
    known: Cell<u64>,
    tally: RefCell<Option<Arc<Tally>>>,
    /// Whether its client follows its requests.
    is_followed: Cell<bool>,
    /// The last request of those that was answered.
    last: Cell<Option<(u64, Recalled)>>,
}

impl Counter {
    /// Of another channel.
    pub fn new() -> Counter {
        Counter {
            row: Tally::row(),
            known: Cell::new(0),
            tally: RefCell::default(),
            is_followed: Cell::new(false),
            last: Cell::new(None),
        }
    }

    /// The client wants to know of the requests from now on.
    pub fn follow(&self) {
        if !self.is_followed.replace(true) {
            WANTED.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// When the request of this id was answered, if it was the last one.
    pub fn recall(&self, request: u64) -> Option<Recalled> {
        let last = self.last.get().filter(|(id, _)| *id == request);
        last.map(|(_, recalled)| recalled)
    }

    /// A request begins; `None`: nobody wants to know.
    #[inline]
    pub fn begin(&self) -> Option<Instant> {
        match WANTED.load(Ordering::Relaxed) {
            0 => None,
            _ => Some(self.begin_noted()),
        }
    }

    #[cold]
    fn begin_noted(&self) -> Instant {
        let given = GIVEN.load(Ordering::Acquire);
        if given != self.known.get() {
            let tally = TALLY.lock().unwrap_or_else(PoisonError::into_inner);
            self.tally.replace(tally.clone());
            self.known.set(given);
        }
        Instant::now()
    }

    /// The request of this kind and id has ended, with this failure.
    #[inline]
    pub fn end(&self, begun: Option<Instant>, (kind, id): (u16, u64), failure: Option<FaultCode>) {
        if let Some(begun) = begun {
            self.end_noted(begun, (kind, id), failure);
        }
    }

    /// Many calls have ended, some of them with these failures.
    #[inline]
    pub fn end_many(&self, begun: Option<Instant>, calls: u16, failures: &[FaultCode]) {
        if let Some(begun) = begun {
            let took = begun.elapsed();
            if let Some(tally) = &*self.tally.borrow() {
                tally.calls(self.row, calls.into(), took);
                let failures = failures.iter();
                failures.for_each(|code| tally.failure(self.row, *code));
            }
        }
    }

    #[cold]
    fn end_noted(&self, begun: Instant, (kind, id): (u16, u64), failure: Option<FaultCode>) {
        if kind == Recall::KIND {
            return;
        }
        if self.is_followed.get() {
            let took = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
            let recalled = Recalled {
                begin: trail::now().saturating_sub(took),
                took,
                failure,
            };
            self.last.set(Some((id, recalled)));
        }
        let tally = self.tally.borrow();
        let Some(tally) = &*tally else {
            return;
        };
        match kind {
            CALL | COMPACT_CALL => tally.call(self.row, begun.elapsed()),
            // Those of many were counted when they were made.
            CALLS => return,
            _ => tally.request(self.row, request(kind)),
        }
        if let Some(code) = failure {
            tally.failure(self.row, code);
        }
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        if self.is_followed.get() {
            WANTED.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

fn request(kind: u16) -> Request {
    match kind {
        vm::Open::KIND => Request::Open,
        vm::Sym::KIND => Request::Sym,
        vm::Exec::KIND => Request::Exec,
        vm::Close::KIND => Request::Close,
        _ => Request::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_noted_while_somebody_wants_to_know() {
        let (one, other) = (Counter::new(), Counter::new());
        assert!(one.begin().is_none());
        one.follow();
        one.follow();
        for id in 1..=3 {
            let begun = one.begin();
            assert!(begun.is_some());
            one.end(begun, (CALL, id), (id == 3).then_some(FaultCode::Cancelled));
        }
        // What asks for it is no such request.
        one.end(one.begin(), (Recall::KIND, 4), None);
        assert_eq!(one.recall(2), None);
        let last = one.recall(3).expect("the last one");
        assert_eq!(last.failure, Some(FaultCode::Cancelled));
        assert!(last.begin > 0 && last.begin + last.took <= trail::now());
        // Another channel's requests are nobody's affair.
        other.end(other.begin(), (CALL, 3), None);
        assert_eq!(other.recall(3), None);
        drop(one);
        assert!(other.begin().is_none());
    }
}
