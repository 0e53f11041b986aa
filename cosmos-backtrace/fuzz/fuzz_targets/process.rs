//! Registers, a stack, a list of mappings and an ELF file, as a process could leave them.
#![no_main]

#[path = "../check.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|data: &[u8]| check::check(data));
