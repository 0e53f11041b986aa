#![no_main]

#[path = "../src/rewrite.rs"]
mod rewrite;

libfuzzer_sys::fuzz_target!(|input: &[u8]| rewrite::run(input));
