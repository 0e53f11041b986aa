//! Dialect `fast`: memory from gs, masked returns, and rbp as a register like others.
//!
//! # Why accepted code is confined
//!
//! What the crate's documentation says holds, with these differences.
//!
//! **What whoever runs it provides**, beside that:
//!
//! - gs has BASE as its base whenever guest code runs, as r15 has.
//! - Nobody else writes memory of the sandbox while guest code runs: one thread, no page that another
//!   process or thread could write, no transfer of the kernel that goes on behind a call. What the
//!   masked return writes is then what it reads.
//! - User shadow stacks are off. With them on, returns would fault; nothing would escape.
//!
//! **What holds whenever an instruction is entered**: r15 and the base of gs are BASE; rsp is in
//! [BASE, BASE + 4 GiB]; the instruction has been judged. Nothing is known of rbp. The one exception is
//! between a write of esp and the next instruction, which repairs it, touches no memory, and cannot be
//! entered by a branch. A signal there does no harm: its handler has a stack of its own.
//!
//! **Registers.** No form writes r15 in any width, a segment register or the base of one: `wrgsbase`,
//! `swapgs`, moves and pops of segments are not on the list. What may be done to rsp is what dialect
//! `nacl` allows but for copying rbp to it, and the return: a pop, whose 8 bytes at rsp have just
//! been written, so that rsp was at most BASE + 4 GiB − 8.
//!
//! **Memory.** An operand is one of
//!
//! | operand | prefixes | lowest | highest |
//! |---|---|---|---|
//! | `%gs:disp(%eN,%eM,s)`, any of them absent | `65 67` | BASE | BASE + 4 GiB |
//! | `disp(%r15)`, `disp(%rsp)` | | BASE − 2 GiB | BASE + 6 GiB |
//! | `disp(%rip)` | | BASE − 2 GiB | BASE + 6 GiB |
//! | `disp(%r15,%rN,s)`, rN limited | | BASE − 2 GiB | BASE + 34 GiB |
//! | string operand: based, then element by element | | BASE | BASE + 4 GiB |
//!
//! plus its own width. With 67 the processor adds base, index and displacement and keeps 32 bits of
//! the sum, whatever the upper halves of the registers are, and then adds the base of gs. 65 and 67
//! come together and first, in that order, on forms with an operand in memory that ModRM names. Not on
//! strings, masked stores, pushes, pops, branches and the return: the stack and rdi are addressed
//! apart from ModRM, and what the prefixes do there is another matter for each. 67 alone is allowed on
//! `lea` only, which touches nothing. Prefetches are held to the same rules, though they touch nothing
//! either.
//!
//! **Control.** What is new is the return. Its five instructions are known byte for byte, lie in one
//! bundle, and may be entered at the first alone:
//!
//! ```text
//! mov (%rsp), %r11d      the low half of the return address, the upper half of r11 cleared
//! and $-32, %r11d        a multiple of 32 below 4 GiB
//! add %r15, %r11         a bundle of the sandbox
//! mov %r11, (%rsp)       all 64 bits of it
//! ret                    to what was written there, as nobody else writes it
//! ```
//!
//! None of the five changes rsp before the last does, and each faults where rsp is at a guard, after
//! which the guest does not go on. So control goes to the start of a bundle, as with the other
//! indirect branches.
//!
//! Code of the other dialect cannot be mixed in: a return of this one would go to a text of the other,
//! which takes rbp for an address.

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
