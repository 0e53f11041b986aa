//! Which library a channel's thread is in, as the other threads of its session see it.
//!
//! A call of a few numbers keeps nothing alive by itself: it says by a word where it is, which costs a
//! store, and who closes that library looks at the words. See [`fence`] for why one of the two
//! always sees the other.
//!
//! | the thread of a channel, in each call | who closes a library |
//! |---|---|
//! | says that it is there; [`fence::light`]; looks whether functions have been removed | removes the functions; [`fence::heavy`]; looks who is there: for those the functions are kept |
//! | says that it is gone; [`fence::light`]; looks whether it is asked | asks all; [`fence::heavy`]; looks who is there |
//!
//! Whoever leaves and is asked looks in turn, so what is kept goes with the last.

use cosmos_rpc::fence;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Where a channel's thread is.
#[derive(Debug, Default)]
pub(crate) struct Presence {
    /// Token of the library; 0: in none, or in one that is kept otherwise.
    library: AtomicU64,
    asked: AtomicBool,
}

impl Presence {
    /// Whether the thread is in no library by this word.
    #[inline]
    pub fn is_free(&self) -> bool {
        self.library.load(Ordering::Relaxed) == 0
    }

    /// The thread is in a library from here on; by that thread alone, as the next.
    #[inline]
    pub fn enter(&self, library: u64) {
        self.library.store(library, Ordering::Relaxed);
        fence::light();
    }

    /// It is no longer. Whether somebody asks for that.
    #[inline]
    pub fn leave(&self) -> bool {
        self.library.store(0, Ordering::Release);
        fence::light();
        self.asked.load(Ordering::Acquire)
    }

    /// Whether it is in this one; to be asked after [`fence::heavy`].
    pub fn is_in(&self, library: u64) -> bool {
        self.library.load(Ordering::Acquire) == library
    }

    /// Asks the thread to look when it leaves, or no more.
    pub fn ask(&self, asked: bool) {
        self.asked.store(asked, Ordering::SeqCst);
    }
}
