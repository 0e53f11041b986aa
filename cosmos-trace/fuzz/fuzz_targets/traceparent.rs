//! Any bytes as a `traceparent`; see `../check.rs`.

#![no_main]

#[path = "../check.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|input: &[u8]| check::traceparent(input));
