//! Dialect `nacl`: the rules of Native Client for x86-64 as ZeroVM applied them.

mod sequence;
mod shortcut;

use crate::forms::{self, Form, Kind};
use crate::policy::{Entry, Located, Policy, Short, Step};
use crate::prefix::{self, Prefixes};
use crate::register::{BASE, FRAME_POINTER, STACK_POINTER, Set, number};
use crate::violation::Reason;
use iced_x86::{Code, Instruction, OpKind, Register};

/// The dialect; see the module.
pub(crate) struct Nacl;

/// Registers that only the ways of [`write_confined`] and [`restore`] may change.
const CONFINED: Set = Set::of(&[STACK_POINTER, FRAME_POINTER, BASE]);

/// The number of the general register whose upper half the instruction before cleared.
///
/// That of rsp or rbp means more: it is no address of the sandbox at the moment, and the next
/// instruction must make it one again.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct ZeroExtended(u8);

impl ZeroExtended {
    /// No register; as an index, none at all, which is looked at before this is compared.
    const NONE: Self = Self((Register::None as u8).wrapping_sub(Register::RAX as u8));

    #[inline(always)]
    fn must_be_restored(self) -> bool {
        self.0 == STACK_POINTER || self.0 == FRAME_POINTER
    }
}

impl Policy for Nacl {
    type Promise = ZeroExtended;

    const NOTHING: ZeroExtended = ZeroExtended::NONE;

    #[inline(always)]
    fn shortcut(bytes: &[u8], before: ZeroExtended) -> Option<Short<ZeroExtended>> {
        if before.must_be_restored() {
            None
        } else {
            shortcut::take(bytes, before)
        }
    }

    #[inline(always)]
    fn step(located: &Located<'_>, before: ZeroExtended) -> Result<Step<ZeroExtended>, Reason> {
        let instruction = located.decoded;
        let form = forms::nacl(instruction.code());
        let prefixes = match prefix::scan(located.rest()) {
            Some(prefixes) if form.allows(prefixes) => prefixes,
            scanned => return Err(refuse(located, form, scanned)),
        };
        if before.must_be_restored() {
            restore(instruction, before)?;
            return Ok(Step {
                promise: Self::NOTHING,
                entry: Entry::REFUSED,
                branches: false,
            });
        }

        let mut step = Step {
            promise: Self::NOTHING,
            entry: Entry::ALLOWED,
            branches: false,
        };
        let in_memory = form.is_in_memory(instruction.op0_kind(), instruction.op1_kind());
        if in_memory {
            step.entry = memory(instruction, before)?;
        }
        if form.writes_first_operand() && instruction.op0_kind() == OpKind::Register {
            let written = number(instruction.op0_register());
            if CONFINED.contains(written) {
                step.promise = write_confined(instruction, form, prefixes)?;
            } else if form.clears_upper_half() {
                step.promise = ZeroExtended(written);
            }
        }
        if form.kind != Kind::Plain {
            if form.kind == Kind::Branch {
                step.branches = true;
            } else {
                special(located, form, prefixes, &mut step.entry)?;
            }
        }
        if prefixes.legacy.locks() && !in_memory {
            return Err(Reason::Prefixes);
        }
        Ok(step)
    }

    #[inline(always)]
    fn may_end(promise: ZeroExtended) -> Result<(), Reason> {
        if promise.must_be_restored() {
            Err(not_restored(promise))
        } else {
            Ok(())
        }
    }
}

/// Memory must have a base that is confined, and an index only if the instruction before made it a
/// number below 4 GiB: then it may not be entered without that instruction.
#[inline(always)]
fn memory(instruction: &Instruction, before: ZeroExtended) -> Result<Entry, Reason> {
    let index = instruction.memory_index();
    match instruction.memory_base() {
        Register::RIP if index == Register::None => return Ok(Entry::ALLOWED),
        Register::R15 | Register::RSP | Register::RBP => {}
        _ => return Err(Reason::MemoryBase),
    }
    if index == Register::None {
        Ok(Entry::ALLOWED)
    } else if (index as u8).wrapping_sub(Register::RAX as u8) == before.0 {
        Ok(Entry::REFUSED)
    } else {
        Err(Reason::MemoryIndex)
    }
}

/// The first operand is r15, rsp or rbp, or a part of them, and is written.
#[cold]
fn write_confined(
    instruction: &Instruction,
    form: Form,
    prefixes: Prefixes,
) -> Result<ZeroExtended, Reason> {
    let written = instruction.op0_register();
    let moves_between = || {
        instruction.op1_kind() == OpKind::Register
            && matches!(
                (written, instruction.op1_register()),
                (Register::RSP, Register::RBP) | (Register::RBP, Register::RSP)
            )
    };
    // Rounds down, and never to below the base, which is a multiple of more than 128.
    let aligns =
        || written == Register::RSP && prefixes.rex == 0x48 && instruction.immediate8() >= 0x80;
    match instruction.code() {
        Code::Mov_rm64_r64 | Code::Mov_r64_rm64 if moves_between() => Ok(ZeroExtended::NONE),
        Code::And_rm64_imm8 if aligns() => Ok(ZeroExtended::NONE),
        _ if form.clears_upper_half() && form.kind != Kind::Both && number(written) != BASE => {
            Ok(ZeroExtended(number(written)))
        }
        _ => Err(confined_written(written)),
    }
}

fn confined_written(register: Register) -> Reason {
    match number(register) {
        STACK_POINTER => Reason::StackPointerWritten,
        FRAME_POINTER => Reason::FramePointerWritten,
        _ => Reason::BaseWritten,
    }
}

/// esp or ebp was written: nothing but `add %r15` (or `or`, or `lea`) may follow.
#[cold]
fn restore(instruction: &Instruction, before: ZeroExtended) -> Result<(), Reason> {
    let stack_pointer = before.0 == STACK_POINTER;
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

fn not_restored(before: ZeroExtended) -> Reason {
    if before.0 == STACK_POINTER {
        Reason::StackPointerNotRestored
    } else {
        Reason::FramePointerNotRestored
    }
}

/// Forms with a rule of their own.
fn special(
    located: &Located<'_>,
    form: Form,
    prefixes: Prefixes,
    entry: &mut Entry,
) -> Result<(), Reason> {
    let instruction = located.decoded;
    let second = if instruction.op1_kind() == OpKind::Register {
        instruction.op1_register()
    } else {
        Register::None
    };
    match form.kind {
        Kind::Both if CONFINED.contains(number(second)) => return Err(confined_written(second)),
        Kind::IndirectBranch => {
            let start = sequence::masked_branch(located).ok_or(Reason::UnmaskedBranch)?;
            *entry = Entry::ends_sequence_from(start);
        }
        Kind::StringSource | Kind::StringDestination | Kind::StringBoth => {
            let start = match form.kind {
                Kind::StringSource => sequence::based_source(located),
                Kind::StringDestination => sequence::based_destination(located),
                _ => sequence::based_source_and_destination(located),
            };
            *entry = Entry::ends_sequence_from(start.ok_or(Reason::UnmaskedString)?);
        }
        Kind::Pause if prefixes.rex != 0 => return Err(Reason::Prefixes),
        Kind::FixedNop if !prefix::is_fixed_nop(located.bytes()) => return Err(Reason::Nop),
        Kind::Plain | Kind::Branch | Kind::Both | Kind::Pause | Kind::FixedNop => {}
    }
    Ok(())
}

/// Says why neither the form nor its prefixes are on the list.
#[cold]
fn refuse(located: &Located<'_>, form: Form, prefixes: Option<Prefixes>) -> Reason {
    if prefixes.is_none() || !form.is_forbidden() {
        return Reason::Prefixes;
    }
    // What the instruction is called does not decide anything any more: it is refused.
    match prefix::skip(located.rest()) {
        [0x62 | 0x8f | 0xc4 | 0xc5, ..] => Reason::VectorExtension,
        _ if located.decoded.is_invalid() => Reason::Undecodable,
        [0xc2 | 0xc3 | 0xca | 0xcb | 0xcf, ..] => Reason::Return,
        [0x0f, 0x05 | 0x34, ..] | [0xcc | 0xcd | 0xf1, ..] => Reason::SystemCall,
        [0x0f, 0x31, ..] | [0x0f, 0x01, 0xf9, ..] => Reason::Clock,
        _ => Reason::Forbidden,
    }
}
