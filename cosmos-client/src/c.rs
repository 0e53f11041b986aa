//! The C face: what `include/cosmos_vm.h` declares.
//!
//! The header is made from these modules, its documentation included; a test fails when the two
//! differ. What holds for all of it:
//!
//! - A function that fails returns NULL or -1, sets errno, and leaves an error for its thread, which
//!   [`cosmos_dlerror`](error::cosmos_dlerror) and [`cosmos_error`](error::cosmos_error) tell.
//! - `cosmos_dl` and `cosmos_vm` are no addresses but numbers that are never given out twice: a
//!   stale one is told from a live one and fails with EBADF, and so does NULL.
//! - No panic leaves it, and no thread is cancelled in it: see `uncancelled.rs`.

pub mod arena;
pub mod budget;
pub mod calls;
pub mod code;
pub mod denials;
pub mod dl;
pub mod error;
pub mod exec;
mod handle;
pub mod options;
pub mod program_options;
pub mod started;
pub mod together;
pub mod trace;
pub mod values;
pub mod variadic;
pub mod vm;

pub(crate) use handle::Handles;

use crate::error::Error;
use crate::last;
use crate::memory::set_errno;
use crate::uncancelled::Uncancelled;
use cosmos_rpc::{Fault, FaultCode};
use std::ffi::{CStr, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs the body of a C function; on failure leaves the error and gives `failed`.
fn guard<T>(failed: T, body: impl FnOnce() -> Result<T, Error>) -> T {
    let _uncancelled = Uncancelled::new();
    let outcome = catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|_| {
        Err(Fault::host(
            FaultCode::System,
            "a mistake inside of libcosmos; its message is on standard error",
        )
        .into())
    });
    match outcome {
        Ok(value) => value,
        Err(error) => {
            let errno = error.errno();
            last::set(error);
            set_errno(errno);
            failed
        }
    }
}

/// A pointer that has to lead somewhere.
fn given<T>(pointer: *const T, what: &str) -> Result<*const T, Fault> {
    match pointer.is_null() {
        true => Err(Fault::caller(
            FaultCode::BadArgument,
            format!("{what}: NULL"),
        )),
        false => Ok(pointer),
    }
}

/// A string argument.
///
/// # Safety
/// `text` is NULL or NUL-terminated, and not written while the result lives.
unsafe fn text<'a>(text: *const c_char, what: &str) -> Result<&'a str, Fault> {
    if text.is_null() {
        return Err(Fault::caller(
            FaultCode::BadArgument,
            format!("{what} is NULL"),
        ));
    }
    // SAFETY: the caller's promise.
    unsafe { CStr::from_ptr(text) }
        .to_str()
        .map_err(|_| Fault::caller(FaultCode::BadArgument, format!("{what} is not UTF-8")))
}
