//! Counting calls, where cosmosd wants them counted.
//!
//! Where it does not, a call costs one look at a number that never changes.

use cosmos_rpc::message::calls::CALLS;
use cosmos_rpc::message::vm;
use cosmos_rpc::message::{Message, vm::CALL};
use cosmos_rpc::tally::{Request, Tally};
use cosmos_rpc::{Fault, FaultCode};
use std::cell::{Cell, RefCell};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// How often cosmosd gave memory to count in; 0: nothing is counted.
static GIVEN: AtomicU64 = AtomicU64::new(0);
static TALLY: Mutex<Option<Arc<Tally>>> = Mutex::new(None);

/// Counts in this memory from now on.
///
/// # Errors
/// Memory that cannot be used.
pub(crate) fn begin(memory: &OwnedFd) -> Result<(), Fault> {
    let tally = Tally::received(memory)?;
    *TALLY.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(tally));
    GIVEN.fetch_add(1, Ordering::Release);
    Ok(())
}

/// A channel's way to count.
#[derive(Debug)]
pub(crate) struct Counter {
    row: usize,
    /// Which of the memory given it has.
    known: Cell<u64>,
    tally: RefCell<Option<Arc<Tally>>>,
}

impl Counter {
    /// Of another channel.
    pub fn new() -> Counter {
        Counter {
            row: Tally::row(),
            known: Cell::new(0),
            tally: RefCell::default(),
        }
    }

    /// A request begins; `None`: it is not counted.
    #[inline]
    pub fn begin(&self) -> Option<Instant> {
        match GIVEN.load(Ordering::Relaxed) {
            0 => None,
            given => Some(self.begin_counted(given)),
        }
    }

    #[cold]
    fn begin_counted(&self, given: u64) -> Instant {
        if given != self.known.get() {
            let tally = TALLY.lock().unwrap_or_else(PoisonError::into_inner);
            self.tally.replace(tally.clone());
            self.known.set(given);
        }
        Instant::now()
    }

    /// It has ended, with this failure.
    #[inline]
    pub fn end(&self, begun: Option<Instant>, kind: u16, failure: Option<FaultCode>) {
        if let Some(begun) = begun {
            self.end_counted(begun, kind, failure);
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
    fn end_counted(&self, begun: Instant, kind: u16, failure: Option<FaultCode>) {
        let tally = self.tally.borrow();
        let Some(tally) = &*tally else {
            return;
        };
        match kind {
            CALL => tally.call(self.row, begun.elapsed()),
            // Those of many were counted when they were made.
            CALLS => return,
            _ => tally.request(self.row, request(kind)),
        }
        if let Some(code) = failure {
            tally.failure(self.row, code);
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
