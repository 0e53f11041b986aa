//! The sequences that end in an instruction which would be dangerous alone.
//!
//! Each is known by the bytes of the instructions that come directly before that last one in its
//! bundle. The walk knows where these start, so bytes that look like such an instruction but are
//! part of another one do not count, and no promise has to be carried along for what is rare.
//! All functions say where the first instruction of the sequence starts.
//!
//! | sequence | bytes, with the bits of REX that matter |
//! |---|---|
//! | `and $-32, %r32` | (REX.B) 83 /4 E0 |
//! | `add %r15, %r64` | REX.WR(B) 01 /r or REX.WB(R) 03 /r |
//! | `mov %esi, %esi` | (REX) 89 F6 or 8B F6 |
//! | `lea (%r15,%rsi,1), %rsi` | REX.WB 8D 34 37 |
//! | `mov %edi, %edi` | (REX) 89 FF or 8B FF |
//! | `lea (%r15,%rdi,1), %rdi` | REX.WB 8D 3C 3F |
//! | the masked return of dialect `fast` | those of [`MASKED_RETURN`], and no others |

use crate::forms::Kind;
use crate::policy::Located;
use crate::register::{BASE, FRAME_POINTER, NOT_GENERAL, STACK_POINTER, Set, number};
use crate::violation::Reason;
use iced_x86::OpKind;

/// Where the sequence starts that an instruction of this kind has to end; nothing for the kinds that
/// end none.
pub(crate) fn start(located: &Located<'_>, kind: Kind) -> Result<Option<usize>, Reason> {
    let (start, missing) = match kind {
        Kind::IndirectBranch => (masked_branch(located), Reason::UnmaskedBranch),
        Kind::Return => (masked_return(located), Reason::UnmaskedReturn),
        Kind::StringSource => (based_source(located), Reason::UnmaskedString),
        Kind::StringDestination => (based_destination(located), Reason::UnmaskedString),
        Kind::StringBoth => (
            based_source_and_destination(located),
            Reason::UnmaskedString,
        ),
        Kind::Plain | Kind::Branch | Kind::Both | Kind::Pause | Kind::FixedNop => return Ok(None),
    };
    start.map(Some).ok_or(missing)
}

/// `mov (%rsp), %r11d; and $-32, %r11d; add %r15, %r11; mov %r11, (%rsp); ret`: the return address
/// becomes a bundle of the sandbox, all 64 bits of it, and then is gone to.
const MASKED_RETURN: [&[u8]; 5] = [
    &[0x44, 0x8b, 0x1c, 0x24],
    &[0x41, 0x83, 0xe3, 0xe0],
    &[0x4d, 0x01, 0xfb],
    &[0x4c, 0x89, 0x1c, 0x24],
    &[0xc3],
];

/// Registers that no masked branch may go to: in dialect `nacl` they are addresses at all times.
const CONFINED: Set = Set::of(&[STACK_POINTER, FRAME_POINTER, BASE]);

fn masked_return(ret: &Located<'_>) -> Option<usize> {
    let (start, [load, mask, add, store]) = ret.before()?;
    ([load, mask, add, store, ret.bytes()] == MASKED_RETURN).then_some(start)
}

/// REX.W, .R, .X and .B.
const W: u8 = 8;
const R: u8 = 4;
const X: u8 = 2;
const B: u8 = 1;

/// `and $-32, %r32; add %r15, %r64;` then the branch to that register.
fn masked_branch(branch: &Located<'_>) -> Option<usize> {
    let decoded = branch.decoded;
    if decoded.op0_kind() != OpKind::Register {
        return None;
    }
    let register = number(decoded.op0_register());
    let (start, [mask, add]) = branch.before()?;
    let confines = register != NOT_GENERAL
        && !CONFINED.contains(register)
        && is_mask(mask, register)
        && is_add_of_base(add, register);
    confines.then_some(start)
}

/// `mov %esi, %esi; lea (%r15,%rsi), %rsi;` then the instruction.
fn based_source(string: &Located<'_>) -> Option<usize> {
    let (start, [clear, base]) = string.before()?;
    (is_clear(clear, SOURCE) && is_base(base, SOURCE)).then_some(start)
}

/// `mov %edi, %edi; lea (%r15,%rdi), %rdi;` then the instruction.
fn based_destination(string: &Located<'_>) -> Option<usize> {
    let (start, [clear, base]) = string.before()?;
    (is_clear(clear, DESTINATION) && is_base(base, DESTINATION)).then_some(start)
}

/// The instructions for rsi, those for rdi, then the instruction.
fn based_source_and_destination(string: &Located<'_>) -> Option<usize> {
    let (
        start,
        [
            clear_source,
            base_source,
            clear_destination,
            base_destination,
        ],
    ) = string.before()?;
    let based = is_clear(clear_source, SOURCE)
        && is_base(base_source, SOURCE)
        && is_clear(clear_destination, DESTINATION)
        && is_base(base_destination, DESTINATION);
    based.then_some(start)
}

/// A REX, or 0 where there is none, and what follows it.
fn split_rex(instruction: &[u8]) -> (u8, &[u8]) {
    match instruction {
        [rex @ 0x40..=0x4f, opcode @ ..] => (rex & 0xf, opcode),
        opcode => (0, opcode),
    }
}

fn is_mask(instruction: &[u8], register: u8) -> bool {
    let (rex, opcode) = split_rex(instruction);
    rex & (W | B) == register >> 3 && *opcode == [0x83, 0xe0 | register & 7, 0xe0]
}

fn is_add_of_base(instruction: &[u8], register: u8) -> bool {
    let (rex, opcode) = split_rex(instruction);
    let high = register >> 3;
    let low = register & 7;
    let from_reg = rex & !X == W | R | (high * B) && *opcode == [0x01, 0xf8 | low];
    let from_rm = rex & !X == W | B | (high * R) && *opcode == [0x03, 0xc7 | low << 3];
    from_reg || from_rm
}

/// The numbers of rsi and rdi.
const SOURCE: u8 = 6;
const DESTINATION: u8 = 7;

fn is_clear(instruction: &[u8], register: u8) -> bool {
    let (rex, opcode) = split_rex(instruction);
    let both = 0xc0 | register << 3 | register;
    rex & (W | R | B) == 0 && (*opcode == [0x89, both] || *opcode == [0x8b, both])
}

fn is_base(instruction: &[u8], register: u8) -> bool {
    *instruction
        == [
            0x40 | W | B,
            0x8d,
            0x04 | register << 3,
            register << 3 | BASE & 7,
        ]
}
