//! Reads bytes as a prototype and as a file of them; see `../src/parse.rs`.

#![no_main]

#[path = "../src/parse.rs"]
mod parse;

libfuzzer_sys::fuzz_target!(|input: &[u8]| parse::run(input));
