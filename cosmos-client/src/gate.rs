//! Whether calls of a library may begin, as its functions see it without holding on to the library. That its
//! VM has ended they see by their [channel](crate::channel::take_ready).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The entrance of a library, in a line of the processor's.
#[derive(Debug)]
#[repr(align(64))]
pub(crate) struct Gate {
    /// Key of the link to its VM.
    pub(crate) key: u64,
    /// The VM's token for the library.
    pub(crate) object: u64,
    closed: AtomicBool,
}

impl Gate {
    /// An open one, of an object behind the link of this key.
    pub(crate) fn new(key: u64, object: u64) -> Arc<Gate> {
        Arc::new(Gate {
            key,
            object,
            closed: AtomicBool::new(false),
        })
    }

    /// Whether the library was closed.
    #[inline]
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Closes it; whether it was open until now.
    pub(crate) fn close(&self) -> bool {
        !self.closed.swap(true, Ordering::AcqRel)
    }
}
