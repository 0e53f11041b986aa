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
use crate::policy::{Entry, Located, Place, Short, Step};
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

/// Judges a masked branch without the decoder, where it has no prefix but REX.B: every function of a
/// program ends in one. What this does not take is left to the full judgement.
#[inline(always)]
pub(crate) fn shortcut<P>(place: &Place<'_>, nothing: P) -> Option<Short<P>> {
    // call and jmp
    let (length, register) = match *place.rest() {
        [0xff, modrm @ (0xd0..=0xd7 | 0xe0..=0xe7), ..] => (2, modrm & 7),
        [0x41, 0xff, modrm @ (0xd0..=0xd7 | 0xe0..=0xe7), ..] => (3, 8 | modrm & 7),
        _ => return None,
    };
    let start = masked_to(place, register)?;
    Some(Short {
        length,
        distance: 0,
        step: Step {
            promise: nothing,
            entry: Entry::ends_sequence_from(start),
            branches: false,
        },
    })
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
    let (start, [load, mask, add, store]) = ret.place.before()?;
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
    masked_to(&branch.place, number(decoded.op0_register()))
}

/// The same for a branch in this place to the register of this number.
fn masked_to(branch: &Place<'_>, register: u8) -> Option<usize> {
    let (start, [mask, add]) = branch.before()?;
    let confines = register != NOT_GENERAL
        && !CONFINED.contains(register)
        && is_mask(mask, register)
        && is_add_of_base(add, register);
    confines.then_some(start)
}

/// `mov %esi, %esi; lea (%r15,%rsi), %rsi;` then the instruction.
fn based_source(string: &Located<'_>) -> Option<usize> {
    let (start, [clear, base]) = string.place.before()?;
    (is_clear(clear, SOURCE) && is_base(base, SOURCE)).then_some(start)
}

/// `mov %edi, %edi; lea (%r15,%rdi), %rdi;` then the instruction.
fn based_destination(string: &Located<'_>) -> Option<usize> {
    let (start, [clear, base]) = string.place.before()?;
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
    ) = string.place.before()?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fast::Fast;
    use crate::nacl::Nacl;
    use crate::pointer::ZeroExtended;
    use crate::policy::{Places, Policy};
    use iced_x86::{Decoder, DecoderOptions, Instruction};

    /// Every branch by a register behind every mask and every sum, whole or damaged: the shortcut says
    /// what the full judgement says, or nothing.
    #[test]
    fn the_full_judgement_agrees_on_branches() {
        let mut taken = 0;
        for sequence in sequences() {
            let mut bundle = [0x90; 32];
            let (mut at, mut starts): (usize, Places) = (1, 1);
            for (index, instruction) in sequence.iter().enumerate() {
                bundle[at..at + instruction.len()].copy_from_slice(instruction);
                if index + 1 < sequence.len() {
                    starts |= 1 << at;
                    at += instruction.len();
                }
            }
            let place = Place {
                bundle: &bundle,
                start: at,
                starts,
            };
            taken += u32::from(agree::<Nacl>(place));
            assert_eq!(
                agree::<Nacl>(place),
                agree::<Fast>(place),
                "{sequence:02x?}"
            );
            // The last of them does not start where the walk says it does.
            assert!(!agree::<Nacl>(Place { starts: 1, ..place }));
        }
        // Thirteen registers, two opcodes of each of the sum and the branch, REX.X in the sum.
        assert_eq!(taken, 13 * 2 * 2 * 2);
    }

    /// A mask of one register, a sum with another, and a branch to a third.
    fn sequences() -> impl Iterator<Item = [Vec<u8>; 3]> {
        let branches = (0..16_u8).flat_map(|register| {
            [0xd0, 0xe0, 0xd8, 0xe8, 0x10, 0x20].map(move |modrm| {
                let rex = (register >= 8).then_some(0x41);
                let opcode = [0xff, modrm | register & 7];
                (register, rex.into_iter().chain(opcode).collect::<Vec<u8>>())
            })
        });
        branches.flat_map(|(register, branch)| {
            let masked = [register, register ^ 1, register ^ 8];
            masked.into_iter().flat_map(move |masked| {
                let branch = branch.clone();
                let rex = (masked >= 8).then_some(0x41);
                let mask: Vec<u8> = rex
                    .into_iter()
                    .chain([0x83, 0xe0 | masked & 7, 0xe0])
                    .collect();
                let high = register >> 3;
                let sums = (0x40..=0x4f).flat_map(move |rex| {
                    [
                        vec![rex, 0x01, 0xf8 | register & 7],
                        vec![rex, 0x03, 0xc7 | (register & 7) << 3],
                        vec![rex, 0x29, 0xf8 | register & 7 | high],
                    ]
                });
                sums.map(move |sum| [mask.clone(), sum, branch.clone()])
            })
        })
    }

    /// Whether the shortcut takes the branch; fails where the full judgement differs.
    fn agree<D: Policy<Promise = ZeroExtended>>(place: Place<'_>) -> bool {
        let Some(short) = shortcut(&place, D::NOTHING) else {
            return false;
        };
        let rest = place.rest();
        let mut decoder = Decoder::new(64, rest, DecoderOptions::NONE);
        let mut instruction = Instruction::default();
        decoder.decode_out(&mut instruction);
        let decoded = &instruction;
        let full = match D::step(&Located { decoded, place }, D::NOTHING) {
            Ok(step) => step,
            Err(reason) => panic!("{rest:02x?}: {reason:?}"),
        };
        assert_eq!(short.length, instruction.len(), "{rest:02x?}");
        assert!(short.step.promise == full.promise, "{rest:02x?}");
        assert_eq!(short.step.entry, full.entry, "{rest:02x?}");
        assert!(!full.branches && !short.step.branches, "{rest:02x?}");
        true
    }
}
