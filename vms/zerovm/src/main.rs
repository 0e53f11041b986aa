//! The command `zerovm`.
//!
//! A session takes little longer than a process does to start, so what the standard library prepares
//! before a `main` of its own counts: it looks for the stack in `/proc/self/maps`, to tell of an
//! overflow. This one starts without, and does what is left: streams that are closed stay nobody's,
//! and nobody who hangs up ends the process.

#![no_main]

use std::ffi::{c_char, c_int};
use zerovm::validation::Strict;
use zerovm::{process, supervise};

// SAFETY: no other function of the program has this name, which the C library calls.
#[unsafe(no_mangle)]
extern "C" fn main(_count: c_int, _words: *const *const c_char) -> c_int {
    if process::begin().is_err() {
        return c_int::from(u8::MAX);
    }
    // On this system the standard library has the words from the loader.
    supervise::main(std::env::args_os(), &Strict).into()
}
