//! Reads bytes as a preprocessed header; see `../src/survey.rs`.

#![no_main]

#[path = "../src/survey.rs"]
mod survey;

libfuzzer_sys::fuzz_target!(|input: &[u8]| survey::run(input));
