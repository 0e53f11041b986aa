//! Many calls in a message, fed with what a client could send.
#![no_main]

#[path = "../check_calls.rs"]
mod check_calls;

libfuzzer_sys::fuzz_target!(|data: &[u8]| check_calls::check(data));
