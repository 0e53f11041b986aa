//! Functions with `...`, called through a VM and directly, do the same: result, memory and errno.

use cosmos_tests::{errno, set_errno};
use std::ffi::{c_char, c_int};

mod formats;
mod lists;
mod pointers;
mod refusals;
mod tags;

/// The C library.
pub const C: &str = "libc.so.6";

/// What types the arguments by a format.
pub const SNPRINTF: &str = "int snprintf(char *__out __sized_by(n) __null_terminated s, size_t n, const char *fmt, ...) __printf(3, 4)";

/// snprintf.
pub type Snprintf = unsafe extern "C" fn(*mut c_char, usize, *const c_char, ...) -> c_int;

/// Calls with errno set to `before` and says what it was after.
pub fn with_errno<T>(before: c_int, call: impl FnOnce() -> T) -> (T, c_int) {
    set_errno(before);
    let result = call();
    (result, errno())
}
