//! Whether calls of a library may begin, as its functions see it without holding on to the library.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The entrance of a library.
#[derive(Debug)]
pub(crate) struct Gate {
    /// Key of the link to its VM.
    pub(crate) key: u64,
    /// The VM's token for the library.
    pub(crate) object: u64,
    closed: AtomicBool,
    /// Of the link.
    gone: Arc<AtomicBool>,
}

impl Gate {
    /// An open one, of an object behind the link of this key, that is `gone` when this says so.
    pub(crate) fn new(key: u64, object: u64, gone: Arc<AtomicBool>) -> Arc<Gate> {
        Arc::new(Gate {
            key,
            object,
            closed: AtomicBool::new(false),
            gone,
        })
    }

    /// Whether the library is open and its VM there, as far as this process knows.
    #[inline]
    pub(crate) fn is_open(&self) -> bool {
        !self.is_closed() && !self.gone.load(Ordering::Acquire)
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
