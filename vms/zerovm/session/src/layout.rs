//! Where things are in the guest's 4 GiB.
//!
//! | user addresses | what | protection |
//! |---|---|---|
//! | 0 to 0xFFFF | nothing | none |
//! | 0x10000 to 0x1FFFF | trampolines of 32 bytes | r-x |
//! | 0x20000 on | text, filled up with HLT | r-x |
//! | from the next 64 KiB | constants, then data and heap | r--, rw- |
//! | below 0xFF000000 | the user manifest | r-- |
//! | 0xFF000000 to the end | stack | rw- |
//!
//! The 4 GiB begin at [`BASE`] and have [`GUARD`] bytes of nothing on both sides: an address that a
//! guest can make is a 32-bit offset from the base, plus a 32-bit displacement, plus a scaled
//! 32-bit index, and all of these sums end in the guards.

use crate::Error;

/// Bytes of a guest's space.
pub const SPACE: u64 = 1 << 32;
/// Bytes of nothing on each side of it.
pub const GUARD: u64 = 40 << 30;
/// Where the lower guard begins.
pub const RESERVED: u64 = 0x4400_0000_0000;
/// What the guest calls address 0.
pub const BASE: u64 = RESERVED + GUARD;
/// The page of the few trusted instructions that every trampoline calls.
pub const THUNK: u64 = 0x5AFE_CA11_0000;

/// Regions begin and end at multiples of this.
pub const PAGE: u64 = 0x10000;
/// What the processor protects at once.
pub const HARDWARE_PAGE: u64 = 0x1000;
/// The instructions of a bundle are checked together; jumps go to its begin.
pub const BUNDLE: u64 = 32;
/// The first trampoline, which is the trap.
pub const TRAMPOLINES: u64 = 0x10000;
/// Where text begins.
pub const TEXT: u64 = 0x20000;
/// Where the stack begins; it ends with the space.
pub const STACK: u64 = SPACE - STACK_SIZE;
/// Bytes of stack.
pub const STACK_SIZE: u64 = 16 << 20;
/// Where a program starts with its stack.
pub const FIRST_STACK_POINTER: u64 = SPACE - FIRST_STACK.len() as u64;
/// One byte: nothing happens, the processor faults.
pub const HALT: u8 = 0xF4;

const MIN_HEAP: u64 = 8 << 20;

/// What is on a fresh stack, as a C runtime wants it: a return address, no `fini`, no environment,
/// one argument that is empty, no auxiliary vector.
pub const FIRST_STACK: [u8; 56] = {
    let mut bytes = [0; 56];
    bytes[16] = 1;
    let argument = 0xFFFF_FFF0_u32.to_le_bytes();
    let mut index = 0;
    while index < argument.len() {
        bytes[20 + index] = argument[index];
        index += 1;
    }
    bytes
};

/// The next multiple of 64 KiB.
pub fn round_up(address: u64) -> u64 {
    address.next_multiple_of(PAGE)
}

/// The multiple of 64 KiB before.
pub fn round_down(address: u64) -> u64 {
    address - address % PAGE
}

/// Where the heap ends in a session with that many bytes of memory, for a program whose data ends at
/// `program_break`.
pub fn heap_end(memory: i64, program_break: u64) -> Result<u64, Error> {
    let size = u64::try_from(memory)
        .ok()
        .filter(|size| (1..=SPACE).contains(size))
        .ok_or_else(|| Error::Memory(format!("invalid memory size {memory}")))?;
    let end = round_up(size.saturating_sub(STACK_SIZE));
    if end.saturating_sub(round_up(program_break)) <= MIN_HEAP {
        return Err(Error::Memory("user heap size is too small".into()));
    }
    Ok(end)
}

/// The trampolines: each loads the thunk's address, calls it, and halts. The address that the call
/// pushes says which one it was; only the first is the trap. The last slot halts at once.
pub static TRAMPOLINE_PAGE: [u8; PAGE as usize] = {
    let mut page = [HALT; PAGE as usize];
    let thunk = THUNK.to_le_bytes();
    let mut slot = 0;
    while slot + BUNDLE as usize <= page.len() - BUNDLE as usize {
        page[slot] = 0x48;
        page[slot + 1] = 0xB8;
        let mut index = 0;
        while index < thunk.len() {
            page[slot + 2 + index] = thunk[index];
            index += 1;
        }
        page[slot + 10] = 0xFF;
        page[slot + 11] = 0xD0;
        slot += BUNDLE as usize;
    }
    page
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trampoline_is_the_originals() {
        let page = &TRAMPOLINE_PAGE;
        let mut expected = vec![0x48, 0xB8, 0, 0, 0x11, 0xCA, 0xFE, 0x5A, 0, 0, 0xFF, 0xD0];
        expected.resize(32, 0xF4);
        assert_eq!(page.len(), 0x10000);
        assert_eq!(page[..32], expected);
        assert_eq!(page[2046 * 32..2047 * 32], expected);
        assert_eq!(page[2047 * 32..], [0xF4; 32]);
    }

    #[test]
    fn the_first_stack_is_the_originals() {
        assert_eq!(FIRST_STACK_POINTER, 0xFFFF_FFC8);
        let words: Vec<u32> = FIRST_STACK
            .chunks_exact(4)
            .map(|word| u32::from_le_bytes(word.try_into().expect("four bytes")))
            .collect();
        let expected = [0, 0, 0, 0, 1, 0xFFFF_FFF0, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(words, expected);
    }

    #[test]
    fn memory_is_between_what_a_heap_needs_and_the_space() {
        let data = 0x50000;
        for memory in [
            i64::MIN,
            -1,
            0,
            1,
            16 << 20,
            (24 << 20) + data,
            (4 << 30) + 1,
        ] {
            let error = heap_end(memory, data as u64).expect_err("too little or much");
            assert_eq!(error.code(), libc::ENOMEM, "{memory}");
        }
        assert_eq!(heap_end(4 << 30, data as u64), Ok(STACK));
        let least = (24 << 20) + data + 1;
        assert_eq!(heap_end(least, data as u64), Ok((8 << 20) + 0x60000));
    }
}
