//! Feeds bytes to a client as a call of one of its functions; see `../src/callback.rs`.

#![no_main]

#[allow(dead_code)]
#[path = "../src/callback.rs"]
mod callback;

libfuzzer_sys::fuzz_target!(|input: &[u8]| callback::run(input));
