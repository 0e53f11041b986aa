//! The streams between machines, fed with what the other machine could send.
#![no_main]

#[path = "../check_streams.rs"]
mod check_streams;

libfuzzer_sys::fuzz_target!(|data: &[u8]| check_streams::check(data));
