//! Writes of 32 bits: what they promise the next instruction, and how rsp and rbp become addresses
//! of the sandbox again after one.

use crate::register::{FRAME_POINTER, STACK_POINTER};
use crate::violation::Reason;
use iced_x86::{Code, Instruction, OpKind, Register};

/// The number of the general register whose upper half the instruction before cleared.
///
/// That of a register that a dialect confines means more: it is no address of the sandbox at the
/// moment, and the next instruction must make it one again.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct ZeroExtended(pub(crate) u8);

impl ZeroExtended {
    /// No register; as an index, none at all, which is looked at before this is compared.
    pub(crate) const NONE: Self = Self((Register::None as u8).wrapping_sub(Register::RAX as u8));
    pub(crate) const STACK_POINTER: Self = Self(STACK_POINTER);
    pub(crate) const FRAME_POINTER: Self = Self(FRAME_POINTER);

    /// Whether this is the register that an operand in memory has as its index.
    #[inline(always)]
    pub(crate) fn is(self, index: Register) -> bool {
        (index as u8).wrapping_sub(Register::RAX as u8) == self.0
    }
}

/// esp or ebp was written: nothing but `add %r15` (or `or`, or `lea`) may follow.
#[cold]
pub(crate) fn restore(instruction: &Instruction, before: ZeroExtended) -> Result<(), Reason> {
    let stack_pointer = before == ZeroExtended::STACK_POINTER;
    let register = if stack_pointer {
        Register::RSP
    } else {
        Register::RBP
    };
    let to_register_from_base = || {
        instruction.op0_kind() == OpKind::Register
            && instruction.op0_register() == register
            && instruction.op1_kind() == OpKind::Register
            && instruction.op1_register() == Register::R15
    };
    let restores = match instruction.code() {
        Code::Add_rm64_r64 | Code::Add_r64_rm64 => to_register_from_base(),
        Code::Or_rm64_r64 | Code::Or_r64_rm64 => stack_pointer && to_register_from_base(),
        Code::Lea_r64_m => {
            instruction.op0_register() == register
                && instruction.memory_base() == register
                && instruction.memory_index() == Register::R15
                && instruction.memory_index_scale() == 1
                && instruction.memory_displacement64() == 0
        }
        _ => false,
    };
    if restores {
        Ok(())
    } else {
        Err(not_restored(before))
    }
}

pub(crate) fn not_restored(before: ZeroExtended) -> Reason {
    if before == ZeroExtended::STACK_POINTER {
        Reason::StackPointerNotRestored
    } else {
        Reason::FramePointerNotRestored
    }
}

/// A write of a confined register that the rules do not know.
pub(crate) fn written(register: u8) -> Reason {
    match register {
        STACK_POINTER => Reason::StackPointerWritten,
        FRAME_POINTER => Reason::FramePointerWritten,
        _ => Reason::BaseWritten,
    }
}
