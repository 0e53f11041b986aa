//! The last failure of each thread, behind `cosmos_error` and `cosmos_dlerror`.

use crate::error::Error;
use std::cell::RefCell;

#[derive(Debug, Default)]
struct Last {
    error: Option<Error>,
    /// Whether `cosmos_dlerror` has not told it yet.
    untold: bool,
}

thread_local! {
    static LAST: RefCell<Last> = RefCell::default();
}

/// Remembers a failure of this thread.
pub(crate) fn set(error: Error) {
    with(|last| {
        *last = Last {
            error: Some(error),
            untold: true,
        }
    });
}

/// The last failure of this thread since it was cleared. A success does not clear it.
pub(crate) fn get() -> Option<Error> {
    with(|last| last.error.clone()).flatten()
}

/// Forgets it.
pub(crate) fn clear() {
    with(|last| *last = Last::default());
}

/// The last failure, unless it was taken before.
pub(crate) fn take_untold() -> Option<Error> {
    with(|last| {
        let untold = std::mem::take(&mut last.untold);
        last.error.clone().filter(|_| untold)
    })
    .flatten()
}

fn with<T>(use_last: impl FnOnce(&mut Last) -> T) -> Option<T> {
    LAST.try_with(|last| {
        last.try_borrow_mut()
            .ok()
            .map(|mut last| use_last(&mut last))
    })
    .ok()
    .flatten()
}
