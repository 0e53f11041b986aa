//! Frame decoder, handshake and every message's codec, fed with what a peer could send.
#![no_main]

#[path = "../check.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|data: &[u8]| check::check(data));
