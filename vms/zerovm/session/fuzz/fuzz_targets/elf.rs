//! Reads bytes as a program; see `../src/elf.rs`.

#![no_main]

#[path = "../src/elf.rs"]
mod elf;

libfuzzer_sys::fuzz_target!(|input: &[u8]| elf::run(input));
