//! Other machines: no function has a [`Convention`] there.

use crate::{Convention, Passed, Scalars};
use std::convert::Infallible;
use std::ffi::c_void;

/// What is done when a pointer is called.
pub trait Entered {
    /// Gives the words of the result for the words of the arguments.
    ///
    /// # Safety
    /// `data` is what the pointer was made of, and is still valid.
    unsafe fn enter(data: *const c_void, words: (u64, u64)) -> (u64, u64);
}

/// The same of a function of [`Scalars`].
pub trait EnteredScalars {
    /// Gives the words of the result for the registers of the arguments.
    ///
    /// # Safety
    /// `data` is what the pointer was made of, and is still valid.
    unsafe fn enter(data: *const c_void, passed: &Passed) -> [u64; 2];
}

/// A C function pointer; there are none.
#[derive(Debug)]
pub struct Thunk(Infallible);

impl Thunk {
    /// Always `None`.
    pub fn new<E: Entered>(_convention: &Convention, _data: *const c_void) -> Option<Thunk> {
        None
    }

    /// Always `None`.
    pub fn of_scalars<E: EnteredScalars>(_: &Scalars, _data: *const c_void) -> Option<Thunk> {
        None
    }

    /// The pointer.
    pub fn code(&self) -> *const c_void {
        match self.0 {}
    }
}

impl Convention {
    /// Nothing has a convention to be called by.
    ///
    /// # Safety
    /// None is needed.
    pub unsafe fn call(&self, _code: unsafe extern "C" fn(), words: [u64; 2]) -> [u64; 2] {
        words
    }
}

impl Scalars {
    /// As [`Convention::call`].
    ///
    /// # Safety
    /// None is needed.
    pub unsafe fn call(&self, _code: unsafe extern "C" fn(), _words: &[u64]) -> [u64; 2] {
        [0; 2]
    }
}
