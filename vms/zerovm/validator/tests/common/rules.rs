//! The rules for single instructions once more, read from the opcode map and not from the table of
//! the validator: which encodings stand for an allowed instruction, how long it is, and what it does
//! to rsp, rbp and r15. Nothing is shared with the crate, and no decoder is used.

#[path = "opcode_map.rs"]
mod opcode_map;

use opcode_map::Prefixing::{Bare, Hinted, Of, Sized};
use opcode_map::{Operand, Rule, map_3a, map_38, one_byte, two_bytes};

/// What is said of the instruction that some bytes start with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    Refused,
    /// So many bytes, and it may stand alone.
    Allowed(usize),
    /// So many bytes, and rsp or rbp has to be restored by the next instruction.
    MustRestore(usize),
}

/// How memory may be addressed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// By r15, rsp, rbp or rip: dialect `nacl`.
    Nacl,
    /// By r15, rsp or rip: dialect `fast` without prefixes for that.
    Whole,
    /// From gs by any registers of 32 bits.
    FromGs,
    /// Only computed.
    Short,
}

/// Judges the instruction at the start of `bytes`, which are more than it can be long, by the rules
/// of dialect `nacl`.
pub fn judge(bytes: &[u8]) -> Verdict {
    match fixed_nop(bytes) {
        Some(length) => Verdict::Allowed(length),
        None => judge_way(bytes, Way::Nacl, 0),
    }
}

/// The same by the rules of dialect `fast`.
pub fn judge_fast(bytes: &[u8]) -> Verdict {
    match *bytes {
        _ if fixed_nop(bytes).is_some() => judge(bytes),
        [0x65, 0x67, ..] => judge_way(bytes, Way::FromGs, 2),
        [0x67, ..] => judge_way(bytes, Way::Short, 1),
        _ => judge_way(bytes, Way::Whole, 0),
    }
}

/// `skipped` are the bytes before other prefixes.
fn judge_way(bytes: &[u8], way: Way, skipped: usize) -> Verdict {
    let bytes = &bytes[skipped..];
    let mut at = 0;
    while matches!(
        bytes[at],
        0x26 | 0x2e | 0x36 | 0x3e | 0x64..=0x67 | 0xf0 | 0xf2 | 0xf3
    ) {
        at += 1;
        if at > 2 {
            return Verdict::Refused;
        }
    }
    let legacy = &bytes[..at];
    if way != Way::Nacl && !matches!(legacy, [] | [0x66 | 0xf0 | 0xf2 | 0xf3]) {
        return Verdict::Refused;
    }
    let rex = if bytes[at] & 0xf0 == 0x40 {
        bytes[at]
    } else {
        0
    };
    at += usize::from(rex != 0);
    let (map, opcode) = match bytes[at..] {
        [0x0f, 0x38, opcode, ..] => (2, opcode),
        [0x0f, 0x3a, opcode, ..] => (3, opcode),
        [0x0f, opcode, ..] => (1, opcode),
        [opcode, ..] => (0, opcode),
        [] => return Verdict::Refused,
    };
    at += [1, 2, 3, 3][map];
    let modrm = bytes[at];
    // F3 90 is no instruction with operands, and takes no REX.
    if legacy == [0xf3] && map == 0 && opcode == 0x90 {
        return if rex == 0 && matches!(way, Way::Nacl | Way::Whole) {
            Verdict::Allowed(2)
        } else {
            Verdict::Refused
        };
    }
    let mandatory = legacy.first().copied().unwrap_or(0);
    let rule = match map {
        0 => one_byte(opcode, modrm),
        1 => two_bytes(opcode, modrm, mandatory),
        2 => map_38(opcode, mandatory),
        _ => map_3a(opcode),
    };
    let Some(rule) = rule.filter(|rule| takes(rule, way, map, opcode, modrm)) else {
        return Verdict::Refused;
    };
    match apply(rule, way, legacy, rex, opcode, at, &bytes[at..]) {
        Verdict::Refused => Verdict::Refused,
        Verdict::Allowed(length) => Verdict::Allowed(length + skipped),
        Verdict::MustRestore(length) => Verdict::MustRestore(length + skipped),
    }
}

/// Whether an instruction may address memory in that way, if it does address memory.
fn takes(rule: &Rule, way: Way, map: usize, opcode: u8, modrm: u8) -> bool {
    let is_lea = map == 0 && opcode == 0x8d;
    let uses_stack = map == 0 && (opcode == 0x8f || opcode == 0xff && modrm >> 3 & 7 == 6);
    match way {
        Way::Nacl | Way::Whole => true,
        Way::FromGs => rule.modrm && modrm < 0xc0 && !is_lea && !uses_stack,
        Way::Short => is_lea,
    }
}

fn fixed_nop(bytes: &[u8]) -> Option<usize> {
    const NOPS: &[&[u8]] = &[
        &[0x0f, 0x1f, 0x00],
        &[0x0f, 0x1f, 0x40, 0x00],
        &[0x0f, 0x1f, 0x44, 0x00, 0x00],
        &[0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00],
        &[0x0f, 0x1f, 0x80, 0, 0, 0, 0],
        &[0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0],
        &[0x66, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0],
        &[0x66, 0x2e, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0],
        &[0x66, 0x66, 0x2e, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0],
        &[0x66, 0x66, 0x66, 0x2e, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0],
        &[
            0x66, 0x66, 0x66, 0x66, 0x2e, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0,
        ],
        &[
            0x66, 0x66, 0x66, 0x66, 0x66, 0x2e, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0,
        ],
        &[
            0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x2e, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0,
        ],
    ];
    NOPS.iter()
        .find(|nop| bytes.starts_with(nop))
        .map(|nop| nop.len())
}

/// Holds an encoding to its rule. `rest` starts with ModRM, at `at`, where there is one.
fn apply(
    rule: Rule,
    way: Way,
    legacy: &[u8],
    rex: u8,
    opcode: u8,
    at: usize,
    rest: &[u8],
) -> Verdict {
    let wide = rex & 8 != 0;
    let in_memory = rule.modrm && rest[0] < 0xc0;
    let (prefixes, locked) = match legacy {
        [0xf0] => (&[][..], true),
        [0x66, 0xf0] | [0xf0, 0x66] => (&[0x66][..], true),
        other => (other, false),
    };
    let allowed = match (rule.prefixing, prefixes) {
        (Bare | Sized | Hinted, []) => true,
        (Sized, [0x66]) => !wide,
        (Hinted, [0x2e | 0x3e]) => way == Way::Nacl,
        (Of(letters), prefixes) => {
            let letter = match prefixes {
                [] => 'n',
                [0x66] => '6',
                [0xf3] => 'f',
                [0xf2] => 'r',
                _ => return Verdict::Refused,
            };
            letters.contains(letter)
        }
        _ => false,
    };
    let operand = if in_memory {
        rule.memory
    } else {
        rule.register
    };
    if !allowed || rule.modrm && !operand || locked && !(rule.lock && in_memory) {
        return Verdict::Refused;
    }

    let mut length = at;
    if rule.modrm {
        let (bytes, safe) = modrm_length(rest, rex, way);
        // A prefetch touches nothing, but `fast` holds it to the rules all the same.
        let is_free = rule.untouched && (way == Way::Nacl || opcode == 0x8d);
        if in_memory && !safe && !is_free {
            return Verdict::Refused;
        }
        length += bytes;
    }
    let data16 = prefixes == [0x66];
    length += match rule.immediate {
        4 if data16 && rule.prefixing == Sized => 2,
        8 if wide => 8,
        8 if data16 => 2,
        5 | 8 => 4,
        other => other,
    };
    let verdict = confined(rule, way, prefixes, rex, opcode, rest, in_memory, length);
    verdict.unwrap_or(Verdict::Allowed(length))
}

/// Bytes of ModRM, SIB and displacement, and whether the memory may be there: with a trusted base and
/// no index, or from gs with any but rip.
fn modrm_length(rest: &[u8], rex: u8, way: Way) -> (usize, bool) {
    let (mode, rm, high) = (rest[0] >> 6, rest[0] & 7, (rex & 1) << 3);
    let displacement = [0, 1, 4, 0][usize::from(mode)];
    let from_gs = way == Way::FromGs;
    let trusted = |base: u8| match base + high {
        4 | 15 => true,
        5 => way == Way::Nacl,
        _ => from_gs,
    } || from_gs;
    match (mode, rm) {
        (3, _) => (1, true),
        // rip, whatever REX says.
        (0, 5) => (5, !from_gs),
        (_, 4) => {
            let index = (rest[1] >> 3 & 7) + ((rex & 2) << 2);
            let base = rest[1] & 7;
            if mode == 0 && base == 5 {
                (6, from_gs)
            } else {
                (2 + displacement, from_gs || index == 4 && trusted(base))
            }
        }
        _ => (1 + displacement, trusted(rm)),
    }
}

/// What becomes of the registers that the sandbox rests on, if one of them is written.
#[allow(clippy::too_many_arguments)]
fn confined(
    rule: Rule,
    way: Way,
    prefixes: &[u8],
    rex: u8,
    opcode: u8,
    rest: &[u8],
    in_memory: bool,
    length: usize,
) -> Option<Verdict> {
    let is_nacl = way == Way::Nacl;
    let (wide, reg_high, rm_high) = (rex & 8 != 0, (rex & 4) << 1, (rex & 1) << 3);
    let reg = (rest[0] >> 3 & 7) + reg_high;
    let rm = (rest[0] & 7) + rm_high;
    // Without REX, 4 to 7 of the byte registers are ah to bh.
    let is_confined = |register: u8| {
        let is_kept = matches!(register, 4 | 15) || is_nacl && register == 5;
        is_kept && !(rule.byte && rex == 0 && register < 8)
    };
    let written: &[u8] = match rule.written {
        Operand::None => &[],
        Operand::Rm if in_memory => &[],
        Operand::Rm => &[rm],
        Operand::Reg => &[reg],
        Operand::Opcode => &[(opcode & 7) + rm_high],
        Operand::Both if in_memory => &[reg],
        Operand::Both => &[rm, reg],
    };
    let &register = written.iter().find(|&&register| is_confined(register))?;
    let is_32 = !wide && !rule.byte && prefixes != [0x66] || opcode == 0x7e && !wide;
    if register == 15 || rule.written == Operand::Both {
        return Some(Verdict::Refused);
    }
    if rule.extends && is_32 {
        return Some(Verdict::MustRestore(length));
    }
    let between = is_nacl
        && wide
        && prefixes.is_empty()
        && rest[0] >= 0xc0
        && matches!(opcode, 0x89 | 0x8b)
        && matches!((reg, rm), (4, 5) | (5, 4));
    let aligns = rex == 0x48 && opcode == 0x83 && rest[0] == 0xe4 && rest[1] >= 0x80;
    if between || aligns && prefixes.is_empty() {
        None
    } else {
        Some(Verdict::Refused)
    }
}
