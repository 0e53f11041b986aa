//! The most common instructions, judged without the decoder.
//!
//! Moves, arithmetic, pushes, pops and direct branches with at most a REX before them make up most
//! of every text, and decoding them in full takes several times as long as judging them. What this
//! takes, it judges exactly as the full judgement does: a test goes through all encodings that it
//! takes and compares. What it does not take, or would have to refuse, it leaves to that.

use crate::pointer::ZeroExtended;
use crate::policy::{Entry, Short, Step};
use crate::register::{STACK_POINTER, Set};

/// What is different from dialect to dialect.
pub(crate) trait Shortcut {
    /// Registers that are not written here.
    const CONFINED: Set;
    /// Those that an operand in memory may have as its base, without an index and with one that the
    /// instruction before limited.
    const BASES: Set;
    const BASES_WITH_INDEX: Set;
    /// Whether `65 67` says that memory is at gs.
    const HAS_GS: bool;
}

/// Judges the instruction that `bytes`, the rest of a bundle, start with; `None` where that is left
/// to the full judgement. Nothing is to be restored.
#[inline(always)]
pub(crate) fn take<D: Shortcut>(bytes: &[u8], before: ZeroExtended) -> Option<Short<ZeroExtended>> {
    let opcode = Opcode::read::<D>(bytes);
    if opcode.rule == 0 {
        return padding(bytes);
    }
    let operand = opcode.operand::<D>(bytes, before)?;
    let rule = operand.rule;

    let length = operand.end + usize::from(rule & IMMEDIATE);
    let is_wide = opcode.rex & W != 0;
    // ah to bh belong to rax to rbx.
    let high_byte = rule & BYTE != 0 && opcode.rex == 0;
    let confined = D::CONFINED.contains(operand.written) && !high_byte;
    if rule & TAKEN == 0
        || length > bytes.len()
        || rule & WRITES != 0 && confined
        || rule & NARROW != 0 && is_wide
    {
        return None;
    }
    let promise = if rule & EXTENDS != 0 && !is_wide {
        ZeroExtended(operand.written)
    } else {
        ZeroExtended::NONE
    };
    let branches = rule & BRANCH != 0;
    let distance = if branches {
        distance(bytes.get(operand.end..length)?)
    } else {
        0
    };
    Some(Short {
        length,
        distance,
        step: Step {
            promise,
            entry: operand.entry,
            branches,
        },
    })
}

/// What an instruction starts with.
struct Opcode {
    from_gs: bool,
    /// 0 without one: every REX has a bit.
    rex: u8,
    /// Its last byte.
    byte: u8,
    /// Its row of the tables.
    rule: u16,
    /// Where it ends.
    end: usize,
}

/// The operand that an instruction may write, and its memory.
struct Operand {
    /// The number of the register.
    written: u8,
    /// What is left of the rule of the opcode, or added to it.
    rule: u16,
    /// Whether the instruction may be entered.
    entry: Entry,
    /// Where it ends.
    end: usize,
}

impl Opcode {
    #[inline(always)]
    fn read<D: Shortcut>(bytes: &[u8]) -> Self {
        let byte = |at: usize| bytes.get(at).copied().unwrap_or(0);
        let from_gs = D::HAS_GS && bytes.starts_with(&[0x65, 0x67]);
        let mut at = if from_gs { 2 } else { 0 };
        let first = byte(at);
        let has_rex = first & 0xf0 == 0x40;
        at += usize::from(has_rex);
        let mut opcode = byte(at);
        let mut rule = ONE_BYTE[usize::from(opcode)];
        at += 1;
        if opcode == 0x0f {
            opcode = byte(at);
            rule = TWO_BYTES[usize::from(opcode)];
            at += 1;
        }
        Self {
            from_gs,
            rex: if has_rex { first } else { 0 },
            byte: opcode,
            rule,
            end: at,
        }
    }

    #[inline(always)]
    fn operand<D: Shortcut>(&self, bytes: &[u8], before: ZeroExtended) -> Option<Operand> {
        let &Self { rex, mut rule, .. } = self;
        if rule & MODRM == 0 {
            return (!self.from_gs).then_some(Operand {
                written: self.byte & 7 | (rex & B) << 3,
                rule,
                entry: Entry::ALLOWED,
                end: self.end,
            });
        }
        let byte = |at: usize| bytes.get(at).copied().unwrap_or(0);
        let modrm = byte(self.end);
        let (reg, rm) = (modrm >> 3 & 7, modrm & 7);
        if rule & GROUP != 0 {
            rule |= GROUPS[usize::from(rule & GROUP) >> GROUP_SHIFT][usize::from(reg)];
        }
        let written = if rule & REG != 0 {
            reg | (rex & R) << 1
        } else {
            rm | (rex & B) << 3
        };
        let (length, entry) = if modrm < 0xc0 {
            if rule & REG == 0 {
                rule &= !(WRITES | EXTENDS);
            }
            self.memory::<D>(rule, modrm, byte(self.end + 1), before)?
        } else if rule & ADDRESS != 0 || self.from_gs {
            return None;
        } else {
            (1, Entry::ALLOWED)
        };
        Some(Operand {
            written,
            rule,
            entry,
            end: self.end + length,
        })
    }

    /// The length of ModRM, SIB and displacement, and whether the instruction may be entered.
    #[inline(always)]
    fn memory<D: Shortcut>(
        &self,
        rule: u16,
        modrm: u8,
        sib: u8,
        before: ZeroExtended,
    ) -> Option<(usize, Entry)> {
        let is_address = rule & ADDRESS != 0;
        if self.from_gs && (is_address || modrm & 0xc7 == 5) {
            // lea touches nothing there; and what looks like rip is.
            None
        } else if self.from_gs || is_address {
            Some((address_length(modrm, sib), Entry::ALLOWED))
        } else {
            memory::<D>(modrm, sib, self.rex, before)
        }
    }
}

/// The no-operations that code is padded with.
#[inline(always)]
fn padding(bytes: &[u8]) -> Option<Short<ZeroExtended>> {
    let length = match bytes {
        [0x66, 0x90, ..] => 2,
        [0x0f, 0x1f, 0x00, ..] => 3,
        [0x0f, 0x1f, 0x40, 0x00, ..] => 4,
        [0x0f, 0x1f, 0x44, 0x00, 0x00, ..] => 5,
        [0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00, ..] => 6,
        [0x0f, 0x1f, 0x80, 0, 0, 0, 0, ..] => 7,
        [0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0, ..] => 8,
        [0x66, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0, ..] => 9,
        [0x66, ..] => longest_nop(bytes)?,
        _ => return None,
    };
    Some(Short {
        length,
        distance: 0,
        step: Step {
            promise: ZeroExtended::NONE,
            entry: Entry::ALLOWED,
            branches: false,
        },
    })
}

/// The length of the no-operation that begins with one to six `66`.
fn longest_nop(bytes: &[u8]) -> Option<usize> {
    let data16 = bytes.iter().take_while(|&&byte| byte == 0x66).count();
    let opcode = [0x2e, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0];
    let is_long = (1..=6).contains(&data16) && bytes.get(data16..)?.starts_with(&opcode);
    is_long.then_some(data16 + opcode.len())
}

/// The length of ModRM, SIB and displacement, of memory that is not touched.
#[inline(always)]
fn address_length(modrm: u8, sib: u8) -> usize {
    let (mode, rm) = (modrm >> 6, modrm & 7);
    match (mode, rm) {
        (0, 5) => 5,
        (0, 4) if sib & 7 == 5 => 6,
        _ => 1 + usize::from(rm == 4) + displacement_length(mode),
    }
}

/// The length of ModRM, SIB and displacement, and whether the instruction may be entered.
#[inline(always)]
fn memory<D: Shortcut>(
    modrm: u8,
    sib: u8,
    rex: u8,
    before: ZeroExtended,
) -> Option<(usize, Entry)> {
    let (mode, rm) = (modrm >> 6, modrm & 7);
    let displacement = displacement_length(mode);
    if rm == 4 {
        let base = sib & 7;
        let index = sib >> 3 & 7 | (rex & X) << 2;
        if mode == 0 && base == 5 {
            return None;
        }
        let base = base | (rex & B) << 3;
        // rsp cannot be an index: its number says that there is none.
        let entry = match index {
            STACK_POINTER if D::BASES.contains(base) => Entry::ALLOWED,
            index if index == before.0 && D::BASES_WITH_INDEX.contains(base) => Entry::REFUSED,
            _ => return None,
        };
        Some((2 + displacement, entry))
    } else if mode == 0 && rm == 5 {
        Some((5, Entry::ALLOWED))
    } else if D::BASES.contains(rm | (rex & B) << 3) {
        Some((1 + displacement, Entry::ALLOWED))
    } else {
        None
    }
}

#[inline(always)]
fn displacement_length(mode: u8) -> usize {
    match mode {
        0 => 0,
        1 => 1,
        _ => 4,
    }
}

/// A displacement of 8 or 32 bits.
#[inline(always)]
fn distance(bytes: &[u8]) -> i64 {
    match *bytes {
        [near] => i64::from(near as i8),
        [a, b, c, d] => i64::from(i32::from_le_bytes([a, b, c, d])),
        _ => 0,
    }
}

/// REX.W, .R, .X and .B.
const W: u8 = 8;
const R: u8 = 4;
const X: u8 = 2;
const B: u8 = 1;

/// Bytes of an immediate, or of a branch's displacement: 0, 1 or 4.
const IMMEDIATE: u16 = 7;
/// The shortcut takes the opcode.
const TAKEN: u16 = 1 << 3;
const MODRM: u16 = 1 << 4;
/// The operand that is written, if it is a register, is that of ModRM.reg; otherwise that of
/// ModRM.rm, or of the opcode.
const REG: u16 = 1 << 5;
const WRITES: u16 = 1 << 6;
/// The form of 32 bits clears the upper half, in a way that the rules for memory rest on.
const EXTENDS: u16 = 1 << 7;
/// The operand has 8 bits.
const BYTE: u16 = 1 << 8;
const BRANCH: u16 = 1 << 9;
/// Not with REX.W.
const NARROW: u16 = 1 << 10;
/// What ModRM.reg adds: a row of [`GROUPS`].
const GROUP: u16 = 7 << GROUP_SHIFT;
const GROUP_SHIFT: u32 = 11;
const ARITHMETIC: u16 = 1 << GROUP_SHIFT;
const SHIFTS: u16 = 2 << GROUP_SHIFT;
const ONLY_0: u16 = 3 << GROUP_SHIFT;
const COUNT: u16 = 4 << GROUP_SHIFT;
const UNARY: u16 = 5 << GROUP_SHIFT;
const ONLY_0_BYTE: u16 = 6 << GROUP_SHIFT;
const UNARY_BYTE: u16 = 7 << GROUP_SHIFT;

/// `lea`: memory that is not touched, and nothing but memory.
const ADDRESS: u16 = 1 << 14;

static GROUPS: [[u16; 8]; 8] = {
    let all = TAKEN | WRITES | EXTENDS;
    let shift = TAKEN | WRITES;
    [
        [0; 8],
        // add or adc sbb and sub xor cmp
        [all, all, shift, shift, all, all, all, TAKEN],
        // rol ror rcl rcr shl shr - sar
        [shift, shift, shift, shift, shift, shift, 0, shift],
        [all, 0, 0, 0, 0, 0, 0, 0],
        // inc dec
        [all, all, 0, 0, 0, 0, 0, 0],
        // test - not neg mul imul div idiv
        [TAKEN | 4, 0, all, all, TAKEN, TAKEN, TAKEN, TAKEN],
        [shift, 0, 0, 0, 0, 0, 0, 0],
        [TAKEN | 1, 0, shift, shift, TAKEN, TAKEN, TAKEN, TAKEN],
    ]
};

static ONE_BYTE: [u16; 256] = {
    let mut table = [0; 256];
    let mut operation = 0;
    while operation < 8 {
        let flags = TAKEN | MODRM | (GROUPS[1][operation] & (WRITES | EXTENDS));
        let row = operation * 8;
        table[row] = flags & !EXTENDS | BYTE;
        table[row + 1] = flags;
        table[row + 2] = flags & !EXTENDS | BYTE | REG;
        table[row + 3] = flags | REG;
        operation += 1;
    }
    let mut low = 0;
    while low < 8 {
        // push, pop, mov
        table[0x50 + low] = TAKEN;
        table[0x58 + low] = TAKEN | WRITES;
        table[0xb0 + low] = TAKEN | WRITES | BYTE | 1;
        table[0xb8 + low] = TAKEN | WRITES | EXTENDS | NARROW | 4;
        low += 1;
    }
    let mut condition = 0x70;
    while condition < 0x80 {
        table[condition] = TAKEN | BRANCH | 1;
        condition += 1;
    }
    table[0xeb] = TAKEN | BRANCH | 1;
    table[0xe8] = TAKEN | BRANCH | 4;
    table[0xe9] = TAKEN | BRANCH | 4;
    table[0x81] = MODRM | ARITHMETIC | 4;
    table[0x83] = MODRM | ARITHMETIC | 1;
    // test, mov
    table[0x84] = TAKEN | MODRM | BYTE;
    table[0x85] = TAKEN | MODRM;
    table[0x88] = TAKEN | MODRM | WRITES | BYTE;
    table[0x89] = TAKEN | MODRM | WRITES | EXTENDS;
    table[0x8a] = TAKEN | MODRM | WRITES | BYTE | REG;
    table[0x8b] = TAKEN | MODRM | WRITES | EXTENDS | REG;
    // lea, movsxd, imul
    table[0x8d] = TAKEN | MODRM | WRITES | EXTENDS | REG | ADDRESS;
    table[0x63] = TAKEN | MODRM | WRITES | EXTENDS | REG;
    table[0x69] = TAKEN | MODRM | WRITES | EXTENDS | REG | 4;
    table[0x6b] = TAKEN | MODRM | WRITES | EXTENDS | REG | 1;
    table[0xc1] = MODRM | SHIFTS | 1;
    table[0xd1] = MODRM | SHIFTS;
    table[0xd3] = MODRM | SHIFTS;
    table[0xc7] = MODRM | ONLY_0 | 4;
    table[0xc6] = MODRM | ONLY_0_BYTE | BYTE | 1;
    table[0xff] = MODRM | COUNT;
    table[0xf7] = MODRM | UNARY;
    table[0xf6] = MODRM | UNARY_BYTE | BYTE;
    // push, test, cwde, cdq, and what a text is filled up with: hlt
    table[0x68] = TAKEN | 4;
    table[0x6a] = TAKEN | 1;
    table[0xa8] = TAKEN | 1;
    table[0xa9] = TAKEN | 4;
    table[0x98] = TAKEN;
    table[0x99] = TAKEN;
    table[0xf4] = TAKEN;
    table
};

static TWO_BYTES: [u16; 256] = {
    let mut table = [0; 256];
    let mut condition = 0;
    while condition < 0x10 {
        // cmov, jcc, setcc
        table[0x40 + condition] = TAKEN | MODRM | WRITES | REG;
        table[0x80 + condition] = TAKEN | BRANCH | 4;
        table[0x90 + condition] = TAKEN | MODRM | WRITES | BYTE;
        condition += 1;
    }
    // imul, movzx, movsx
    table[0xaf] = TAKEN | MODRM | WRITES | EXTENDS | REG;
    table[0xb6] = TAKEN | MODRM | WRITES | EXTENDS | REG;
    table[0xb7] = TAKEN | MODRM | WRITES | EXTENDS | REG;
    table[0xbe] = TAKEN | MODRM | WRITES | EXTENDS | REG;
    table[0xbf] = TAKEN | MODRM | WRITES | EXTENDS | REG;
    table
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fast::Fast;
    use crate::nacl::Nacl;
    use crate::policy::{Located, Place, Policy};
    use iced_x86::{Decoder, DecoderOptions, Instruction};

    /// All opcodes with all ModRM and all SIB, with and without all REX, behind every register that
    /// an instruction may have limited.
    #[test]
    fn the_full_judgement_agrees() {
        all_agree::<Nacl>(&[]);
        all_agree::<Fast>(&[]);
        all_agree::<Fast>(&[0x65, 0x67]);
    }

    fn all_agree<D: Shortcut + Policy<Promise = ZeroExtended>>(prefixes: &[u8]) {
        let mut taken = 0_u32;
        let opcodes = (0..=0xff).map(|opcode| vec![opcode]);
        let two_bytes = (0..=0xff).map(|opcode| vec![0x0f, opcode]);
        for opcode in opcodes.chain(two_bytes) {
            for rex in (0x3f..=0x4f).map(|rex| (rex != 0x3f).then_some(rex)) {
                let mut start = prefixes.to_vec();
                start.extend(rex);
                start.extend(&opcode);
                for modrm in 0..=0xff_u8 {
                    let has_sib = modrm < 0xc0 && modrm & 7 == 4;
                    for sib in 0..=if has_sib { 0xff } else { 0 } {
                        let index = sib >> 3 & 7 | (rex.unwrap_or(0) & X) << 2;
                        for before in [ZeroExtended::NONE, ZeroExtended(index)] {
                            if D::may_end(before).is_err() {
                                continue;
                            }
                            let mut bundle = [0x8d; 24];
                            bundle[..start.len()].copy_from_slice(&start);
                            bundle[start.len()] = modrm;
                            bundle[start.len() + 1] = if has_sib { sib } else { 0xe9 };
                            taken += u32::from(agree::<D>(&bundle, before));
                        }
                    }
                }
            }
        }
        assert!(taken > 500_000, "{taken}");
    }

    /// It never takes what is cut off by the end of the bundle.
    #[test]
    fn nothing_is_taken_past_the_end() {
        for whole in [
            &[0x81, 0xc0, 1, 2, 3, 4][..],
            &[0x8b, 0x84, 0x24, 1, 2, 3, 4],
            &[0xe8, 1, 2, 3, 4],
            &[0x65, 0x67, 0x8b, 0x84, 0x25, 1, 2, 3, 4],
        ] {
            for end in 0..whole.len() {
                assert!(
                    take::<Fast>(&whole[..end], ZeroExtended::NONE).is_none(),
                    "{whole:02x?} {end}"
                );
            }
            assert!(
                take::<Fast>(whole, ZeroExtended::NONE).is_some(),
                "{whole:02x?}"
            );
        }
    }

    #[test]
    fn padding_is_judged_the_same() {
        for first in [&[][..], &[0x66]] {
            for rest in 0..=0xff_u8 {
                for fill in [0, 0x90, 1] {
                    for opcode in [&[][..], &[0x0f, 0x1f], &[0x0f]] {
                        let mut bundle = [fill; 24];
                        let start = [first, opcode, &[rest]].concat();
                        bundle[..start.len()].copy_from_slice(&start);
                        agree::<Nacl>(&bundle, ZeroExtended::NONE);
                        agree::<Fast>(&bundle, ZeroExtended::NONE);
                    }
                }
            }
        }
        let longest = [0x66, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0];
        assert!(agree::<Fast>(&longest, ZeroExtended::NONE));
        assert!(take::<Fast>(&longest[..8], ZeroExtended::NONE).is_none());
        for data16 in 0..=8 {
            for damaged in 0..=24 {
                let mut bundle = [0x90; 24];
                bundle[..data16].fill(0x66);
                bundle[data16..data16 + 9]
                    .copy_from_slice(&[0x2e, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0]);
                if let Some(byte) = bundle.get_mut(damaged) {
                    *byte ^= 1;
                }
                let nacl = agree::<Nacl>(&bundle, ZeroExtended::NONE);
                assert_eq!(nacl, agree::<Fast>(&bundle, ZeroExtended::NONE));
                if damaged >= data16 + 9 {
                    assert_eq!(nacl, (1..=6).contains(&data16), "{data16}");
                }
            }
        }
    }

    /// Whether the shortcut takes the instruction; fails where the full judgement differs.
    fn agree<D: Shortcut + Policy<Promise = ZeroExtended>>(
        bundle: &[u8],
        before: ZeroExtended,
    ) -> bool {
        let Some(short) = take::<D>(bundle, before) else {
            return false;
        };
        let mut decoder = Decoder::new(64, bundle, DecoderOptions::NONE);
        let mut instruction = Instruction::default();
        decoder.decode_out(&mut instruction);
        let place = Place {
            bundle,
            start: 0,
            starts: 0,
        };
        let located = Located {
            decoded: &instruction,
            place,
        };
        let full = match D::step(&located, before) {
            Ok(step) => step,
            Err(reason) => panic!("{bundle:02x?}: {reason:?}"),
        };
        // Nobody asks of what is taken here.
        let units = crate::forms::units(instruction.code());
        assert_eq!(units, crate::Units::NONE, "{bundle:02x?}");
        assert_eq!(short.length, instruction.len(), "{bundle:02x?}");
        assert!(short.step.promise == full.promise, "{bundle:02x?}");
        assert_eq!(short.step.entry, full.entry, "{bundle:02x?}");
        assert_eq!(short.step.branches, full.branches, "{bundle:02x?}");
        if full.branches {
            let target = short.length as i64 + short.distance;
            assert_eq!(target, instruction.near_branch64() as i64, "{bundle:02x?}");
        }
        true
    }
}
