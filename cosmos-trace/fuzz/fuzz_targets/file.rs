//! Any bytes as a file of steps; see `../check.rs`.

#![no_main]

#[path = "../check.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|input: &[u8]| check::file(input));
