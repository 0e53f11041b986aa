//! Registers, a stack, a list of mappings and an ELF file, as a process could leave them.
//!
//! A parser of others that panics costs what it was parsing: such a panic is caught in the crate, and is
//! no finding. One that is not caught there still is.
#![no_main]

#[path = "../check.rs"]
mod check;

libfuzzer_sys::fuzz_target!(
    // In place of a hook that would abort before anybody can catch.
    init: std::panic::set_hook(Box::new(|_| {})),
    |data: &[u8]| check::check(data)
);
