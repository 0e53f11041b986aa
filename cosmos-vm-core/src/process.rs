//! The few things a VM asks of its own process that Rust calls unsafe.

use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// Takes over the descriptor of this number, where it is open, and marks it close-on-exec.
///
/// # Safety
/// Nothing else in the process may own the number: it was inherited for this use, or a foreign
/// function made it and its prototype says that the caller gets it.
pub(crate) unsafe fn adopt(number: RawFd) -> Option<OwnedFd> {
    // SAFETY: F_SETFD takes no pointer; a number that is not open gives EBADF.
    if number < 0 || unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) } != 0 {
        return None;
    }
    // SAFETY: it is open, and nobody else owns it by this function's contract.
    Some(unsafe { OwnedFd::from_raw_fd(number) })
}

/// Lets memory faults end the process as they end a C program. Rust's own handlers, which look for
/// its stack guards, would let a fault that was sent (`raise(SIGSEGV)`) pass once.
pub(crate) fn default_faults() {
    for signal in [libc::SIGSEGV, libc::SIGBUS] {
        // SAFETY: the default action needs no handler; no other thread runs yet.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
}

/// Ends the process at once: no exit handlers, no destructors of foreign code, which may be in the
/// middle of anything on other threads.
pub(crate) fn end(status: i32) -> ! {
    // SAFETY: _exit takes no pointer and does not return.
    unsafe { libc::_exit(status) }
}

/// Descriptors that foreign code passed to a callback, for as long as it waits for that.
pub(crate) fn borrowed(numbers: &[i32]) -> Vec<BorrowedFd<'_>> {
    numbers
        .iter()
        .filter(|number| **number >= 0)
        // SAFETY: the number is no negative one, and it is only looked up or given to sendmsg. The
        // kernel refuses one that is not open; foreign code that closes it meanwhile sends what it
        // names then, as with any call.
        .map(|number| unsafe { BorrowedFd::borrow_raw(*number) })
        .collect()
}
