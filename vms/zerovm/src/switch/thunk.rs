//! What every trampoline calls: the first instructions of a trap, at an address that never changes.
//!
//! They leave the argument registers on the guest's stack, and answer a trap whose id no function has:
//! that asks for nothing, so no compiled code runs, and the host's stack is not even looked at. All others
//! go on in `zerovm_trap`.
//!
//! | bytes from the thunk's address | what |
//! |---|---|
//! | 0 | instructions |
//! | [`code_length`] | the address of `zerovm_trap` |
//! | 8 more | that of the word that says whether there is something to attend to |
//! | 16 more | the functions' ids, each at its [`place`] |
//! | behind these | HLT |
//!
//! The page is not the guest's, has nothing that changes, and is never written once it can be executed.
//! A pointer of the guest that cannot be read is found by reading: the signal handler sends the fault of
//! this one instruction to where the trap goes on, and compiled code looks into its table. Whatever 32 bits
//! the pointer has, the word is in the guest's space or the guard behind it.

use std::arch::global_asm;
use std::ops::Range;
use zerovm_session::layout::{BASE, THUNK};
use zerovm_session::trap::Call;

/// The bytes of the page, up to the last that counts, for a trap that goes on at one address and looks for
/// something to attend to at another.
pub fn page(goes_on: u64, attention: u64) -> Vec<u8> {
    let length = code_length() as usize;
    // SAFETY: these are the bytes between two labels of the assembly below, which nobody changes.
    let code = unsafe { std::slice::from_raw_parts(zerovm_thunk as *const u8, length) };
    let words = [goes_on, attention].into_iter().chain(PLACES);
    let mut page = code.to_vec();
    page.extend(words.flat_map(u64::to_le_bytes));
    page
}

/// Where its instructions are.
pub fn instructions() -> Range<u64> {
    THUNK..THUNK + code_length()
}

/// The instruction that reads what the guest's pointer points to.
pub fn reads_argument() -> u64 {
    THUNK + distance(zerovm_thunk_reads)
}

/// Where a trap goes on whose argument cannot be read.
pub fn rest() -> u64 {
    THUNK + distance(zerovm_thunk_rest)
}

fn code_length() -> u64 {
    distance(zerovm_thunk_words)
}

fn distance(label: unsafe extern "C" fn()) -> u64 {
    label as *const () as u64 - zerovm_thunk as *const () as u64
}

/// Ids by their places. A place that is no id's has one that belongs elsewhere: none that belongs there is
/// equal to it.
const PLACES: [u64; 1 << PLACE_BITS] = {
    let mut places = [Call::IDS[0]; 1 << PLACE_BITS];
    let mut index = 0;
    while index < Call::IDS.len() {
        places[place(Call::IDS[index])] = Call::IDS[index];
        index += 1;
    }
    places
};

/// Where an id is in the table, as the assembly computes it.
const fn place(id: u64) -> usize {
    ((id as u32).wrapping_mul(FACTOR) >> (u32::BITS - PLACE_BITS)) as usize
}

const PLACE_BITS: u32 = 4;
/// The smallest number that gives each id a place of its own.
const FACTOR: u32 = 0x2E4F;

const _: () = {
    let mut index = 0;
    while index < Call::IDS.len() {
        let id = Call::IDS[index];
        assert!(PLACES[place(id)] == id, "two ids have one place");
        index += 1;
    }
};

/// The low half of where the trampoline of the trap calls from; the high half is that of the space.
const TRAP_RETURN: u32 = super::TRAP_RETURN as u32;
const _: () = assert!(super::TRAP_RETURN - BASE == TRAP_RETURN as u64);

unsafe extern "C" {
    fn zerovm_thunk();
    fn zerovm_thunk_reads();
    fn zerovm_thunk_rest();
    fn zerovm_thunk_words();
}

global_asm!(
    ".pushsection .rodata.zerovm_thunk, \"a\", @progbits",
    ".balign 64",
    ".globl zerovm_thunk, zerovm_thunk_reads, zerovm_thunk_rest, zerovm_thunk_words",
    ".hidden zerovm_thunk, zerovm_thunk_reads, zerovm_thunk_rest, zerovm_thunk_words",
    "zerovm_thunk:",
    // On the guest's stack: its argument registers, as the original leaves them.
    "    mov [rsp - 24], edi",
    "    mov [rsp - 20], esi",
    "    mov [rsp - 16], edx",
    "    mov [rsp - 12], ecx",
    "    mov [rsp - 8], r8d",
    "    mov [rsp - 4], r9d",
    // Another trampoline, or something to attend to.
    "    cmp dword ptr [rsp], {trap_return}",
    "    jne zerovm_thunk_rest",
    "    mov rax, [rip + zerovm_thunk_words + 8]",
    "    cmp dword ptr [rax], 0",
    "    jne zerovm_thunk_rest",
    // The id, if it can be read; a function's is at its place.
    "    mov eax, edi",
    "zerovm_thunk_reads:",
    "    mov rdx, [r15 + rax]",
    "    imul eax, edx, {factor}",
    "    shr eax, {place_shift}",
    "    lea rcx, [rip + zerovm_thunk_words + 16]",
    "    cmp rdx, [rcx + 8 * rax]",
    "    je zerovm_thunk_rest",
    // Back, with nothing of the host in any register. The units are as the guest's code left them, which
    // uses neither; all it uses beside registers are vectors.
    "    mov ecx, [rsp + 8]",
    "    and ecx, -32",
    "    add rcx, r15",
    "    add rsp, 16",
    "    lea edi, [rsp + 8]",
    "    mov rax, {refused}",
    "    vzeroall",
    "    xor edx, edx",
    "    xor esi, esi",
    "    xor r8d, r8d",
    "    xor r9d, r9d",
    "    xor r10d, r10d",
    "    xor r11d, r11d",
    "    jmp rcx",
    "zerovm_thunk_rest:",
    "    jmp [rip + zerovm_thunk_words]",
    ".balign 64, 0xF4",
    "zerovm_thunk_words:", // not part of the instructions
    ".popsection",
    trap_return = const TRAP_RETURN,
    factor = const FACTOR,
    place_shift = const u32::BITS - PLACE_BITS,
    refused = const Call::REFUSED,
);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// As the assembly decides.
    fn is_a_functions(id: u64) -> bool {
        PLACES[place(id)] == id
    }

    #[test]
    fn functions_are_found_and_nothing_else() {
        assert!(Call::IDS.into_iter().all(is_a_functions));
        for id in Call::IDS {
            let others = (0..64).map(|bit| id ^ 1 << bit);
            assert!(!others.into_iter().any(is_a_functions), "{id:#x}");
        }
        assert!(!is_a_functions(0) && !is_a_functions(u64::MAX));
    }

    proptest! {
        #[test]
        fn an_id_that_no_function_has_is_not_found(id: u64, low: u32) {
            for id in [id, low.into()] {
                prop_assert_eq!(is_a_functions(id), Call::IDS.contains(&id));
            }
        }
    }

    #[test]
    fn a_page_is_code_and_its_words() {
        let page = page(0x1234, 0x5678);
        let (code, words) = page.split_at(code_length() as usize);
        assert!(code.starts_with(&[0x89, 0x7C, 0x24, 0xE8]));
        assert_eq!(words[..8], 0x1234_u64.to_le_bytes());
        assert_eq!(words[8..16], 0x5678_u64.to_le_bytes());
        assert_eq!(words.len(), 16 + 8 * PLACES.len());
        assert!(instructions().contains(&reads_argument()) && instructions().contains(&rest()));
        // What the handler knows are these instructions: `mov (%r15,%rax), %rdx` and `jmp *`.
        let at = |address: u64| &code[(address - THUNK) as usize..];
        assert!(at(reads_argument()).starts_with(&[0x49, 0x8B, 0x14, 0x07]));
        assert!(at(rest()).starts_with(&[0xFF, 0x25]));
    }
}
