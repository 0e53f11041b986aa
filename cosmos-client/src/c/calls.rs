//! Bounds of calls, and their end.

use super::dl::cosmos_dl;
use super::guard;
use crate::session::Session;
use crate::timeout;
use std::ffi::{c_int, c_ulong};
use std::time::Duration;

/// Sets how long each call that this thread makes from now on may take, in milliseconds, and returns
/// what was set before; 0: what the function's prototype says with __timeout(ms), else what the
/// library was opened with, else the configuration. A call that takes longer fails with ETIMEDOUT,
/// and a private VM is killed. Time in callbacks does not count. To limit one call, set the limit
/// before it and put the previous one back after it.
///
/// It never fails and leaves errno alone.
#[unsafe(no_mangle)]
pub extern "C" fn cosmos_thread_timeout(milliseconds: c_ulong) -> c_ulong {
    let limit = (milliseconds > 0).then(|| Duration::from_millis(milliseconds));
    let before = timeout::set(limit).map_or(0, |limit| limit.as_millis());
    c_ulong::try_from(before).unwrap_or(c_ulong::MAX)
}

/// Ends the calls of functions of dl that are under way, on whichever threads: they return their
/// failure values with errno ECANCELED. A private VM is killed with that, whatever else is open in
/// it; in a shared one what the functions do goes on, and nobody waits for it. Any thread may call
/// it, but no signal handler.
///
/// Returns how many calls there were (0: nothing was ended), or -1 with errno set: EBADF dl was
/// closed; EOWNERDEAD its VM is gone already.
#[unsafe(no_mangle)]
pub extern "C" fn cosmos_cancel(dl: *mut cosmos_dl) -> c_int {
    guard(-1, || {
        let library = Session::current()
            .handles()
            .with_library(dl.addr() as u64, |library| library.again())?;
        let count = library.cancel()?;
        Ok(c_int::try_from(count).unwrap_or(c_int::MAX))
    })
}
