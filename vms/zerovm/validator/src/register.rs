//! General registers by their encoded number.

use iced_x86::Register;

/// The number of rsp, esp, sp and spl.
pub(crate) const STACK_POINTER: u8 = 4;
/// The number of rbp, ebp, bp and bpl.
pub(crate) const FRAME_POINTER: u8 = 5;
/// The number of r15, which holds the base of the sandbox.
pub(crate) const BASE: u8 = 15;
/// What [`number`] says of a register that is no general register.
pub(crate) const NOT_GENERAL: u8 = 31;

/// The number of a general register of any width; [`NOT_GENERAL`] for every other register.
///
/// ah, ch, dh and bh count as rax, rcx, rdx and rbx, of which they are a part.
#[inline(always)]
pub(crate) fn number(register: Register) -> u8 {
    NUMBERS[register as u8 as usize]
}

/// Whether a register is a general one of 32 bits.
#[inline(always)]
pub(crate) fn is_long(register: Register) -> bool {
    (register as u8).wrapping_sub(Register::EAX as u8) < 16
}

/// A set of general registers, one bit each by number.
#[derive(Clone, Copy)]
pub(crate) struct Set(u32);

impl Set {
    pub(crate) const fn of(numbers: &[u8]) -> Self {
        let mut bits = 0;
        let mut index = 0;
        while index < numbers.len() {
            bits |= 1 << numbers[index];
            index += 1;
        }
        Self(bits)
    }

    #[inline(always)]
    pub(crate) const fn contains(self, number: u8) -> bool {
        (self.0 >> (number & 31)) & 1 != 0
    }
}

static NUMBERS: [u8; 256] = numbers();

const fn numbers() -> [u8; 256] {
    let mut table = [NOT_GENERAL; 256];
    // AL CL DL BL AH CH DH BH, then SPL to R15L.
    let mut index = 0;
    while index < 4 {
        table[Register::AL as usize + index] = index as u8;
        table[Register::AH as usize + index] = index as u8;
        index += 1;
    }
    while index < 16 {
        table[Register::SPL as usize + index - 4] = index as u8;
        index += 1;
    }
    index = 0;
    while index < 16 {
        table[Register::AX as usize + index] = index as u8;
        table[Register::EAX as usize + index] = index as u8;
        table[Register::RAX as usize + index] = index as u8;
        index += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_encoding() {
        for register in Register::values() {
            let general = register.is_gpr8() || register.is_gpr16() || register.is_gpr32();
            let expected = if general || register.is_gpr64() {
                (register.full_register() as usize - Register::RAX as usize) as u8
            } else {
                NOT_GENERAL
            };
            assert_eq!(number(register), expected, "{register:?}");
            assert_eq!(is_long(register), register.is_gpr32(), "{register:?}");
        }
    }

    #[test]
    fn a_set_holds_what_it_was_made_of() {
        let set = Set::of(&[STACK_POINTER, BASE]);
        let held: Vec<u8> = (0..32).filter(|&number| set.contains(number)).collect();
        assert_eq!(held, [STACK_POINTER, BASE]);
    }
}
