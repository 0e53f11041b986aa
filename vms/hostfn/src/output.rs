//! What libraries print.
//!
//! A VM's standard output is a pipe, into which the C library writes what was printed once its buffer is
//! full or the process exits. A VM seldom exits: it is ended, and a crash asks nobody. So each line is
//! written when it ends, as at a terminal, and is in the log beside what was written to standard error.

use std::ffi::c_int;

unsafe extern "C" {
    static stdout: *mut libc::FILE;
}

/// Has what is printed written line by line. Before anything is printed.
pub(crate) fn by_line() {
    // SAFETY: the C library sets `stdout` before main, and nothing else writes that variable; that stream
    // takes another buffering as long as nothing was written to it, and with NULL it keeps its own memory.
    let _failed: c_int = unsafe { libc::setvbuf(stdout, std::ptr::null_mut(), libc::_IOLBF, 0) };
}
