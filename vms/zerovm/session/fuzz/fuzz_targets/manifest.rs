//! Reads bytes as a manifest; see `../src/manifest.rs`.

#![no_main]

#[path = "../src/manifest.rs"]
mod manifest;

libfuzzer_sys::fuzz_target!(|input: &[u8]| manifest::run(input));
