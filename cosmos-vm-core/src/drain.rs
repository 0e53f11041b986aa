//! Ending without breaking a call off.
//!
//! A channel says when it has a request in hand. Once draining has begun it takes no further one, and the
//! process ends when no channel has one any more.

use cosmos_rpc::ahead::Ahead;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

static DRAINING: AtomicBool = AtomicBool::new(false);
static GATES: Mutex<Vec<Weak<AtomicBool>>> = Mutex::new(Vec::new());

/// A channel's way to its requests.
pub(crate) struct Gate(Arc<AtomicBool>);

impl Gate {
    /// Of another channel.
    pub fn new() -> Gate {
        let busy = Arc::new(AtomicBool::new(false));
        let mut gates = GATES.lock().unwrap_or_else(PoisonError::into_inner);
        gates.retain(|gate| gate.strong_count() > 0);
        gates.push(Arc::downgrade(&busy));
        Gate(busy)
    }

    /// A request is in hand; `false`: it is not to be answered.
    #[inline]
    pub fn enter(&self) -> bool {
        // No fence, which would cost more than all the rest: see `is_over`.
        self.0.store(true, Ordering::Release);
        !DRAINING.load(Ordering::Acquire)
    }

    /// It was answered.
    #[inline]
    pub fn leave(&self) {
        self.0.store(false, Ordering::Release);
    }
}

/// What a channel looks at with each request.
pub(crate) fn needs(ahead: &mut Ahead) {
    ahead.add(&DRAINING);
}

/// No further request is taken.
pub(crate) fn begin() {
    DRAINING.store(true, Ordering::SeqCst);
}

/// Whether that was said.
pub(crate) fn has_begun() -> bool {
    DRAINING.load(Ordering::Acquire)
}

/// Whether no channel has a request in hand. A channel that entered just before it could see that
/// draining had begun may not be seen the first time: who asks again after a pause sees it.
pub(crate) fn is_over() -> bool {
    let gates = GATES.lock().unwrap_or_else(PoisonError::into_inner);
    let is_busy = |gate: &Weak<AtomicBool>| {
        gate.upgrade()
            .is_some_and(|busy| busy.load(Ordering::Acquire))
    };
    !gates.iter().any(is_busy)
}
