//! Judges bytes as a text; see `../src/validate.rs`.

#![no_main]

#[path = "../../tests/common/confined.rs"]
mod confined;
#[path = "../src/validate.rs"]
mod validate;

libfuzzer_sys::fuzz_target!(|input: &[u8]| validate::run(input));
