//! The VM for C libraries, as cosmosd starts it.
//!
//! Its client waits for it to begin, so what the standard library prepares before a `main` of its own counts:
//! it reads `/proc/self/maps` for where the stack is, to tell of an overflow, of which the launcher tells
//! better. This one starts without; [`cosmos_vm_core::status`] does what is left.

#![no_main]

use std::ffi::{c_char, c_int};

// SAFETY: no other function of the program has this name, which the C library calls.
#[unsafe(no_mangle)]
extern "C" fn main(_count: c_int, _words: *const *const c_char) -> c_int {
    cosmos_hostfn::prepare();
    cosmos_vm_core::status(cosmos_hostfn::HostFn).into()
}
