//! Dialect `nacl`: the rules of Native Client for x86-64 as ZeroVM applied them.

use crate::forms::{self, Form, Kind};
use crate::pointer::{self, ZeroExtended, not_restored, restore};
use crate::policy::{Entry, Located, Policy, Short, Step};
use crate::prefix::{self, Prefixes};
use crate::register::{BASE, FRAME_POINTER, STACK_POINTER, Set, number};
use crate::sequence;
use crate::shortcut::{self, Shortcut};
use crate::violation::{Reason, refusal};
use iced_x86::{Code, Instruction, OpKind, Register};

/// The dialect; see the module.
pub(crate) struct Nacl;

/// Registers that only the ways of [`write_confined`] and [`restore`] may change.
const CONFINED: Set = Set::of(&[STACK_POINTER, FRAME_POINTER, BASE]);

impl Shortcut for Nacl {
    const CONFINED: Set = CONFINED;
    const BASES: Set = CONFINED;
    const BASES_WITH_INDEX: Set = CONFINED;
    const HAS_GS: bool = false;
}

impl Policy for Nacl {
    type Promise = ZeroExtended;

    const NOTHING: ZeroExtended = ZeroExtended::NONE;

    #[inline(always)]
    fn shortcut(bytes: &[u8], before: ZeroExtended) -> Option<Short<ZeroExtended>> {
        if must_be_restored(before) {
            None
        } else {
            shortcut::take::<Self>(bytes, before)
        }
    }

    #[inline(always)]
    fn step(located: &Located<'_>, before: ZeroExtended) -> Result<Step<ZeroExtended>, Reason> {
        let instruction = located.decoded;
        let form = forms::nacl(instruction.code());
        let prefixes = match prefix::scan(located.rest()) {
            Some(prefixes) if form.allows(prefixes) => prefixes,
            scanned => return Err(refusal(located, form, scanned)),
        };
        if must_be_restored(before) {
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
        if must_be_restored(promise) {
            Err(not_restored(promise))
        } else {
            Ok(())
        }
    }
}

#[inline(always)]
fn must_be_restored(promise: ZeroExtended) -> bool {
    promise == ZeroExtended::STACK_POINTER || promise == ZeroExtended::FRAME_POINTER
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
    } else if before.is(index) {
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
        _ => Err(pointer::written(number(written))),
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
        Kind::Both if CONFINED.contains(number(second)) => {
            return Err(pointer::written(number(second)));
        }
        Kind::Pause if prefixes.rex != 0 => return Err(Reason::Prefixes),
        Kind::FixedNop if !prefix::is_fixed_nop(located.bytes()) => return Err(Reason::Nop),
        // None of the table is of this kind.
        Kind::Return => return Err(Reason::Return),
        kind => {
            if let Some(start) = sequence::start(located, kind)? {
                *entry = Entry::ends_sequence_from(start);
            }
        }
    }
    Ok(())
}
