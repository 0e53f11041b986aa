//! Feeds bytes to either end of compact calls and of brief callbacks; see `../src/short.rs`.

#![no_main]

#[allow(dead_code)]
#[path = "../src/short.rs"]
mod short;

libfuzzer_sys::fuzz_target!(|input: &[u8]| short::run(input));
