//! Dialect `fast`: memory from gs, masked returns, and rbp as a register like others.
//!
#![doc = include_str!("fast.md")]

use crate::forms::{self, Form, Kind};
use crate::pointer::{self, ZeroExtended, not_restored, restore};
use crate::policy::{Entry, Located, Policy, Short, Step};
use crate::prefix::{self, Addressing, Prefixes};
use crate::register::{BASE, STACK_POINTER, Set, is_long, number};
use crate::sequence;
use crate::shortcut::{self, Shortcut};
use crate::violation::{Reason, refusal};
use iced_x86::{Code, Instruction, OpKind, Register};

/// The dialect; see the module.
pub(crate) struct Fast;

/// Registers that only the ways of [`write_confined`] and [`restore`] may change.
const CONFINED: Set = Set::of(&[STACK_POINTER, BASE]);

impl Shortcut for Fast {
    const CONFINED: Set = CONFINED;
    const BASES: Set = CONFINED;
    const BASES_WITH_INDEX: Set = Set::of(&[BASE]);
    const HAS_GS: bool = true;
}

impl Policy for Fast {
    type Promise = ZeroExtended;

    const NOTHING: ZeroExtended = ZeroExtended::NONE;

    #[inline(always)]
    fn shortcut(bytes: &[u8], before: ZeroExtended) -> Option<Short<ZeroExtended>> {
        if before == ZeroExtended::STACK_POINTER {
            None
        } else {
            shortcut::take::<Self>(bytes, before)
        }
    }

    #[inline(always)]
    fn step(located: &Located<'_>, before: ZeroExtended) -> Result<Step<ZeroExtended>, Reason> {
        let instruction = located.decoded;
        let form = forms::fast(instruction.code());
        let (addressing, prefixes) = match prefix::scan_addressed(located.rest()) {
            Some((addressing, prefixes)) if form.allows(prefixes) => (addressing, prefixes),
            scanned => return Err(refusal(located, form, scanned.map(|(_, common)| common))),
        };
        let in_memory = form.is_in_memory_or_hints(instruction.op0_kind(), instruction.op1_kind());
        let is_addressed = match addressing {
            Addressing::Whole => true,
            Addressing::FromGs => in_memory && form.takes_segment(),
            Addressing::Short => form.only_computes_address(),
        };
        if !is_addressed || prefixes.legacy.locks() && !in_memory {
            return Err(Reason::Prefixes);
        }
        if before == ZeroExtended::STACK_POINTER {
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
            branches: form.kind == Kind::Branch,
        };
        if in_memory {
            step.entry = memory(instruction, addressing, before)?;
        }
        if form.writes_first_operand() && instruction.op0_kind() == OpKind::Register {
            let written = number(instruction.op0_register());
            if CONFINED.contains(written) {
                step.promise = write_confined(instruction, form, prefixes)?;
            } else if form.clears_upper_half() {
                step.promise = ZeroExtended(written);
            }
        }
        if !matches!(form.kind, Kind::Plain | Kind::Branch) {
            special(located, form, prefixes, &mut step.entry)?;
        }
        Ok(step)
    }

    #[inline(always)]
    fn may_end(promise: ZeroExtended) -> Result<(), Reason> {
        if promise == ZeroExtended::STACK_POINTER {
            Err(not_restored(promise))
        } else {
            Ok(())
        }
    }
}

/// Memory is at gs by registers of 32 bits, or at a base that is confined; an index is one that the
/// instruction before made a number below 4 GiB: then it may not be entered without that instruction.
#[inline(always)]
fn memory(
    instruction: &Instruction,
    addressing: Addressing,
    before: ZeroExtended,
) -> Result<Entry, Reason> {
    let (base, index) = (instruction.memory_base(), instruction.memory_index());
    if addressing == Addressing::FromGs {
        // The decoder read the same prefixes, or it would not name these.
        let is_short = |register: Register| register == Register::None || is_long(register);
        let is_from_gs = instruction.memory_segment() == Register::GS;
        return if is_from_gs && is_short(base) && is_short(index) {
            Ok(Entry::ALLOWED)
        } else {
            Err(Reason::MemoryUnconfined)
        };
    }
    match base {
        Register::RIP | Register::RSP | Register::R15 if index == Register::None => {
            Ok(Entry::ALLOWED)
        }
        Register::R15 if before.is(index) => Ok(Entry::REFUSED),
        Register::R15 => Err(Reason::MemoryIndex),
        _ => Err(Reason::MemoryUnconfined),
    }
}

/// The first operand is r15 or rsp, or a part of them, and is written.
#[cold]
fn write_confined(
    instruction: &Instruction,
    form: Form,
    prefixes: Prefixes,
) -> Result<ZeroExtended, Reason> {
    let written = instruction.op0_register();
    // Rounds down, and never to below the base, which is a multiple of more than 128.
    let aligns = instruction.code() == Code::And_rm64_imm8
        && written == Register::RSP
        && prefixes.rex == 0x48
        && instruction.immediate8() >= 0x80;
    let becomes_number = form.clears_upper_half() && form.kind != Kind::Both;
    if aligns {
        Ok(ZeroExtended::NONE)
    } else if becomes_number && number(written) != BASE {
        Ok(ZeroExtended(number(written)))
    } else {
        Err(pointer::written(number(written)))
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
    match form.kind {
        Kind::Both => {
            let second = number(instruction.op1_register());
            if instruction.op1_kind() == OpKind::Register && CONFINED.contains(second) {
                return Err(pointer::written(second));
            }
        }
        Kind::Pause if prefixes.rex != 0 => return Err(Reason::Prefixes),
        Kind::FixedNop if !prefix::is_fixed_nop(located.bytes()) => return Err(Reason::Nop),
        kind => {
            if let Some(start) = sequence::start(located, kind)? {
                *entry = Entry::ends_sequence_from(start);
            }
        }
    }
    Ok(())
}
