//! Feeds bytes to both decoders of a call; see `../src/unmarshal.rs`.

#![no_main]

#[path = "../src/unmarshal.rs"]
mod unmarshal;

libfuzzer_sys::fuzz_target!(|input: &[u8]| unmarshal::run(input));
