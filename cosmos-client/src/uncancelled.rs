//! `pthread_cancel`, held back for as long as a thread is inside of the library.
//!
//! A thread that is cancelled ends at the next function of the C library that may wait, by unwinding its stack.
//! Where that is one of this library's own, the unwinding meets functions that nothing may unwind, and the
//! program is aborted. So whatever may wait does it in here; the thread then ends at the next such function
//! of the program's own. The shortest way of a call needs none of this: until it sleeps it calls no function that
//! may wait.

use std::ffi::c_int;
use std::marker::PhantomData;
use std::ptr::from_mut;

const PTHREAD_CANCEL_DISABLE: c_int = 1;

unsafe extern "C" {
    fn pthread_setcancelstate(state: c_int, old: *mut c_int) -> c_int;
}

/// This thread is not cancelled as long as it lives.
pub(crate) struct Uncancelled {
    before: c_int,
    /// It stays with its thread.
    _thread: PhantomData<*const ()>,
}

impl Uncancelled {
    pub(crate) fn new() -> Uncancelled {
        let mut before = PTHREAD_CANCEL_DISABLE;
        // SAFETY: the state is one that there is, and the old one is written to an int.
        unsafe { pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, from_mut(&mut before)) };
        Uncancelled {
            before,
            _thread: PhantomData,
        }
    }
}

impl Drop for Uncancelled {
    fn drop(&mut self) {
        let mut within = PTHREAD_CANCEL_DISABLE;
        // SAFETY: as above; the state is what the function gave.
        unsafe { pthread_setcancelstate(self.before, from_mut(&mut within)) };
    }
}

/// Runs it uncancelled.
pub(crate) fn uncancelled<T>(run: impl FnOnce() -> T) -> T {
    let _uncancelled = Uncancelled::new();
    run()
}
