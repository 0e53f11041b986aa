//! Dialect `nacl`: the rules of Native Client for x86-64 as ZeroVM applied them.

use crate::forms::{self, Form, Kind};
use crate::policy::{Entry, Located, Policy, Step};
use crate::prefix::{self, Prefixes};
use crate::register::{BASE, FRAME_POINTER, STACK_POINTER, Set, number};
use crate::violation::Reason;
use iced_x86::{Code, Instruction, OpKind, Register};

/// The dialect; see the module.
pub(crate) struct Nacl;

/// Registers that only the ways of [`write_confined`] and [`restore`] may change.
const CONFINED: Set = Set::of(&[STACK_POINTER, FRAME_POINTER, BASE]);

/// No register has this number.
const NO_REGISTER: u8 = 0xff;

/// What the instruction before established; nothing of it outlives the next instruction.
#[derive(Clone, Copy)]
pub(crate) struct Promise {
    stage: Stage,
    /// The register whose upper half is clear, or [`NO_REGISTER`].
    zero_extended: u8,
    /// Where the sequence of `stage` started in its bundle.
    start: u8,
    /// The register of `Stage::Based`; where the part about rsi started, in `Stage::BothMoved` and
    /// `Stage::BothBased`.
    detail: u8,
}

/// How far a sequence has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    None,
    /// esp or ebp, the one that is zero-extended, must become an address again.
    Restore,
    /// `and $-32, %r32`.
    Masked,
    /// `and $-32, %r32; add %r15, %r64`.
    Based,
    /// `mov %esi, %esi`.
    SourceMoved,
    /// `mov %esi, %esi; lea (%r15,%rsi), %rsi`.
    SourceBased,
    /// `mov %edi, %edi`.
    DestinationMoved,
    /// `mov %edi, %edi; lea (%r15,%rdi), %rdi`.
    DestinationBased,
    /// `SourceBased`, then `mov %edi, %edi`.
    BothMoved,
    /// `SourceBased`, then `mov %edi, %edi; lea (%r15,%rdi), %rdi`.
    BothBased,
}

impl Policy for Nacl {
    type Promise = Promise;

    const NOTHING: Promise = Promise {
        stage: Stage::None,
        zero_extended: NO_REGISTER,
        start: 0,
        detail: 0,
    };

    #[inline(always)]
    fn step(located: &Located<'_>, before: Promise) -> Result<Step<Promise>, Reason> {
        let instruction = located.decoded;
        let form = forms::nacl(instruction.code());
        let Some(prefixes) = prefix::scan(located.bytes).filter(|found| form.allows(*found)) else {
            return Err(refuse(located, form));
        };
        if before.stage == Stage::Restore {
            return restore(instruction, before);
        }

        let mut step = Step {
            promise: Self::NOTHING,
            entry: Entry::Allowed,
            branches: false,
        };
        if form.has_modrm() {
            let kind = if form.modrm_is_first() {
                instruction.op0_kind()
            } else {
                instruction.op1_kind()
            };
            if kind == OpKind::Memory {
                step.entry = memory(instruction, before)?;
            } else if prefixes.legacy.locks() {
                return Err(Reason::Prefixes);
            }
        }
        if form.writes_first_operand() && instruction.op0_kind() == OpKind::Register {
            let written = number(instruction.op0_register());
            if CONFINED.contains(written) {
                return write_confined(instruction, form, prefixes, step);
            }
            if form.clears_upper_half() {
                step.promise.zero_extended = written;
            }
        }
        match form.kind {
            Kind::Plain => Ok(step),
            Kind::Branch => Ok(Step {
                branches: true,
                ..step
            }),
            _ => special(located, form, prefixes, before, step),
        }
    }

    #[inline(always)]
    fn may_end(promise: Promise) -> Result<(), Reason> {
        if promise.stage == Stage::Restore {
            Err(not_restored(promise))
        } else {
            Ok(())
        }
    }
}

/// Memory must have a base that is confined, and an index only if the instruction before made it a
/// number below 4 GiB: then it may not be entered without that instruction.
#[inline(always)]
fn memory(instruction: &Instruction, before: Promise) -> Result<Entry, Reason> {
    let index = instruction.memory_index();
    match instruction.memory_base() {
        Register::RIP if index == Register::None => return Ok(Entry::Allowed),
        Register::R15 | Register::RSP | Register::RBP => {}
        _ => return Err(Reason::MemoryBase),
    }
    if index == Register::None {
        Ok(Entry::Allowed)
    } else if (index as u8).wrapping_sub(Register::RAX as u8) == before.zero_extended {
        Ok(Entry::Refused)
    } else {
        Err(Reason::MemoryIndex)
    }
}

/// The first operand is r15, rsp or rbp, or a part of them.
#[cold]
fn write_confined(
    instruction: &Instruction,
    form: Form,
    prefixes: Prefixes,
    mut step: Step<Promise>,
) -> Result<Step<Promise>, Reason> {
    let written = instruction.op0_register();
    let allowed = match instruction.code() {
        // One confined register to the other.
        Code::Mov_rm64_r64 | Code::Mov_r64_rm64 => {
            instruction.op1_kind() == OpKind::Register
                && matches!(
                    (written, instruction.op1_register()),
                    (Register::RSP, Register::RBP) | (Register::RBP, Register::RSP)
                )
        }
        // Rounds down, and never below the base, which is a multiple of more than 128.
        Code::And_rm64_imm8 => {
            written == Register::RSP && prefixes.rex == 0x48 && instruction.immediate8() >= 0x80
        }
        // Both operands of these are written.
        _ if form.kind == Kind::Both => false,
        _ if form.clears_upper_half() && number(written) != BASE => {
            step.promise.stage = Stage::Restore;
            step.promise.zero_extended = number(written);
            true
        }
        _ => false,
    };
    if allowed {
        Ok(step)
    } else {
        Err(confined_written(written))
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
fn restore(instruction: &Instruction, before: Promise) -> Result<Step<Promise>, Reason> {
    let stack_pointer = before.zero_extended == STACK_POINTER;
    let register = if stack_pointer {
        Register::RSP
    } else {
        Register::RBP
    };
    let restores = match instruction.code() {
        Code::Add_rm64_r64 | Code::Add_r64_rm64 => adds_base(instruction) == Some(register),
        Code::Or_rm64_r64 | Code::Or_r64_rm64 => {
            stack_pointer && adds_base(instruction) == Some(register)
        }
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
        Ok(Step {
            promise: Nacl::NOTHING,
            entry: Entry::Refused,
            branches: false,
        })
    } else {
        Err(not_restored(before))
    }
}

fn not_restored(before: Promise) -> Reason {
    if before.zero_extended == STACK_POINTER {
        Reason::StackPointerNotRestored
    } else {
        Reason::FramePointerNotRestored
    }
}

/// The first operand, where an instruction of two registers has r15 as its second.
fn adds_base(instruction: &Instruction) -> Option<Register> {
    let registers = instruction.op0_kind() == OpKind::Register
        && instruction.op1_kind() == OpKind::Register
        && instruction.op1_register() == Register::R15;
    registers.then(|| instruction.op0_register())
}

/// Forms that are more than plain: those that take part in a sequence, and those with a rule of
/// their own.
#[inline(always)]
fn special(
    located: &Located<'_>,
    form: Form,
    prefixes: Prefixes,
    before: Promise,
    mut step: Step<Promise>,
) -> Result<Step<Promise>, Reason> {
    let instruction = located.decoded;
    let start = located.start;
    match form.kind {
        Kind::Plain | Kind::Branch => {}
        Kind::Both => {
            if instruction.op1_kind() == OpKind::Register
                && CONFINED.contains(number(instruction.op1_register()))
            {
                return Err(confined_written(instruction.op1_register()));
            }
        }
        Kind::Mask => {
            if step.promise.zero_extended != NO_REGISTER && instruction.immediate8() == 0xe0 {
                step.promise.stage = Stage::Masked;
                step.promise.start = start;
            }
        }
        Kind::Add => {
            if before.stage == Stage::Masked
                && adds_base(instruction).map(number) == Some(before.zero_extended)
            {
                step.promise.stage = Stage::Based;
                step.promise.start = before.start;
                step.promise.detail = before.zero_extended;
            }
        }
        Kind::Move => string_move(instruction, start, before, &mut step.promise),
        Kind::Lea => string_base(instruction, before, &mut step.promise),
        Kind::IndirectBranch => {
            let confined = before.stage == Stage::Based
                && instruction.op0_kind() == OpKind::Register
                && number(instruction.op0_register()) == before.detail;
            if !confined {
                return Err(Reason::UnmaskedBranch);
            }
            step.entry = Entry::EndsSequenceFrom(before.start);
        }
        Kind::StringSource | Kind::StringDestination | Kind::StringBoth => {
            step.entry = string(form.kind, before)?;
        }
        Kind::Pause => {
            if prefixes.rex != 0 {
                return Err(Reason::Prefixes);
            }
        }
        Kind::FixedNop => {
            let bytes = located.bytes.get(..instruction.len()).unwrap_or_default();
            if !prefix::is_fixed_nop(bytes) {
                return Err(Reason::Nop);
            }
        }
    }
    Ok(step)
}

/// `mov %esi, %esi` and `mov %edi, %edi`.
#[inline(always)]
fn string_move(instruction: &Instruction, start: u8, before: Promise, after: &mut Promise) {
    if instruction.op0_kind() != OpKind::Register
        || instruction.op1_kind() != OpKind::Register
        || instruction.op0_register() != instruction.op1_register()
    {
        return;
    }
    after.start = start;
    match instruction.op0_register() {
        Register::ESI => after.stage = Stage::SourceMoved,
        Register::EDI if before.stage == Stage::SourceBased => {
            after.stage = Stage::BothMoved;
            after.detail = before.start;
        }
        Register::EDI => after.stage = Stage::DestinationMoved,
        _ => {}
    }
}

/// `lea (%r15,%rsi,1), %rsi` and `lea (%r15,%rdi,1), %rdi`, without displacement.
#[inline(always)]
fn string_base(instruction: &Instruction, before: Promise, after: &mut Promise) {
    let register = instruction.op0_register();
    let stage = match (before.stage, register) {
        (Stage::SourceMoved, Register::RSI) => Stage::SourceBased,
        (Stage::DestinationMoved, Register::RDI) => Stage::DestinationBased,
        (Stage::BothMoved, Register::RDI) => Stage::BothBased,
        _ => return,
    };
    if instruction.memory_base() == Register::R15
        && instruction.memory_index() == register
        && instruction.memory_index_scale() == 1
        && instruction.memory_displ_size() == 0
    {
        after.stage = stage;
        after.start = before.start;
        after.detail = before.detail;
    }
}

/// A string instruction, or one that stores at rdi as these do.
fn string(kind: Kind, before: Promise) -> Result<Entry, Reason> {
    let start = match (kind, before.stage) {
        (Kind::StringSource, Stage::SourceBased) => before.start,
        (Kind::StringDestination, Stage::DestinationBased | Stage::BothBased) => before.start,
        (Kind::StringBoth, Stage::BothBased) => before.detail,
        _ => return Err(Reason::UnmaskedString),
    };
    Ok(Entry::EndsSequenceFrom(start))
}

/// Says why neither the form nor its prefixes are on the list.
#[cold]
fn refuse(located: &Located<'_>, form: Form) -> Reason {
    if !form.is_forbidden() {
        return Reason::Prefixes;
    }
    // What the instruction is called does not decide anything any more: it is refused.
    match prefix::skip(located.bytes) {
        [0x62 | 0x8f | 0xc4 | 0xc5, ..] => Reason::VectorExtension,
        _ if located.decoded.is_invalid() => Reason::Undecodable,
        [0xc2 | 0xc3 | 0xca | 0xcb | 0xcf, ..] => Reason::Return,
        [0x0f, 0x05 | 0x34, ..] | [0xcc | 0xcd | 0xf1, ..] => Reason::SystemCall,
        [0x0f, 0x31, ..] | [0x0f, 0x01, 0xf9, ..] => Reason::Clock,
        _ => Reason::Forbidden,
    }
}
