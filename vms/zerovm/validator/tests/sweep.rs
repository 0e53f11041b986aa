//! Every opcode of one to three bytes, with every ModRM, REX and combination of prefixes, against
//! rules that were written independently of the validator (`common/rules.rs`).
//!
//! Each encoding starts a bundle. Where the rules allow it, the validator must get to the byte behind
//! it, where an opcode stands that there is none of: so the length is compared too.

mod common;
#[path = "common/rules.rs"]
mod rules;

use common::{BUNDLE, FAST, NACL, Rules};
use rules::{Verdict, judge, judge_fast};
use zerovm_validator::Dialect;
use zerovm_validator::Reason;

/// No instruction of 64-bit mode.
const UNDEFINED: u8 = 0x06;

const LEGACY: &[&[u8]] = &[
    &[],
    &[0x66],
    &[0xf2],
    &[0xf3],
    &[0xf0],
    &[0x2e],
    &[0x3e],
    &[0x26],
    &[0x65],
    &[0x67],
    &[0x66, 0xf0],
    &[0xf0, 0x66],
    &[0x66, 0xf3],
    &[0x66, 0x66],
];

/// What dialect `fast` has before these.
const ADDRESSING: &[&[u8]] = &[&[], &[0x65, 0x67], &[0x67]];

/// And what it has not.
const REFUSED: &[&[u8]] = &[&[0x65], &[0x67, 0x65], &[0x66, 0x65, 0x67], &[0x64, 0x67]];

/// And behind them.
const LEGACY_OF_FAST: &[&[u8]] = &[
    &[],
    &[0x66],
    &[0xf2],
    &[0xf3],
    &[0xf0],
    &[0x2e],
    &[0x66, 0xf0],
    &[0x66, 0xf3],
];

/// No REX, bits of it that matter to operands, and all of them.
const REX: &[Option<u8>] = &[
    None,
    Some(0x40),
    Some(0x41),
    Some(0x44),
    Some(0x48),
    Some(0x4d),
    Some(0x4f),
];

const MAPS: &[&[u8]] = &[&[], &[0x0f], &[0x0f, 0x38], &[0x0f, 0x3a]];

#[test]
fn all_encodings_of_one_map() {
    sweep(NACL, 0);
}

#[test]
fn all_encodings_of_two_byte_opcodes() {
    sweep(NACL, 1);
}

#[test]
fn all_encodings_of_three_byte_opcodes() {
    sweep(NACL, 2);
    sweep(NACL, 3);
}

#[test]
fn all_encodings_of_one_map_in_dialect_fast() {
    sweep(FAST, 0);
}

#[test]
fn all_encodings_of_two_byte_opcodes_in_dialect_fast() {
    sweep(FAST, 1);
}

#[test]
fn all_encodings_of_three_byte_opcodes_in_dialect_fast() {
    sweep(FAST, 2);
    sweep(FAST, 3);
}

/// The prefixes of a dialect that are tried, without REX.
fn prefixes(rules: Rules) -> Vec<Vec<u8>> {
    if rules.0 == Dialect::Nacl {
        return LEGACY.iter().map(|legacy| legacy.to_vec()).collect();
    }
    let behind = |first: &&[u8]| {
        let first = first.to_vec();
        let all = LEGACY_OF_FAST.iter();
        all.map(move |legacy| [&first, *legacy].concat())
    };
    let refused = REFUSED.iter().map(|refused| refused.to_vec());
    ADDRESSING.iter().flat_map(behind).chain(refused).collect()
}

/// Fewer where there are many prefixes, and opcodes that need one of them.
fn rex(rules: Rules, map: usize) -> &'static [Option<u8>] {
    match rules.0 {
        Dialect::Fast if map > 1 => &[None, Some(0x48), Some(0x4f)],
        _ => REX,
    }
}

fn sweep(rules: Rules, map: usize) {
    let mut wrong = Vec::new();
    let mut allowed = 0_u32;
    for legacy in prefixes(rules) {
        for rex in rex(rules, map) {
            for opcode in 0..=255_u8 {
                // These are no opcodes of their map.
                if map == 0 && is_prefix_or_escape(opcode)
                    || map == 1 && matches!(opcode, 0x38 | 0x3a)
                {
                    continue;
                }
                let mut start = legacy.clone();
                start.extend(rex);
                start.extend(MAPS[map]);
                start.push(opcode);
                for modrm in 0..=255_u8 {
                    allowed += u32::from(try_one(rules, &start, modrm, &mut wrong));
                }
            }
        }
    }
    let shown = wrong.iter().take(60).cloned().collect::<Vec<_>>();
    assert!(
        wrong.is_empty(),
        "{} differences, such as\n{}",
        wrong.len(),
        shown.join("\n")
    );
    assert!(allowed > 10_000, "{allowed}");
}

/// Compares the verdicts on one encoding; whether it is allowed.
fn try_one(rules: Rules, start: &[u8], modrm: u8, wrong: &mut Vec<String>) -> bool {
    let mut bundle = [0x90; BUNDLE];
    let at = start.len();
    bundle[..at].copy_from_slice(start);
    bundle[at] = modrm;
    // A SIB with rsp as base and no index, or part of an immediate or displacement; that is also a
    // suffix of 3DNow!.
    let has_sib = modrm < 0xc0 && modrm & 7 == 4;
    bundle[at + 1] = if has_sib { 0x24 } else { 0x90 };
    let expected = match rules.0 {
        Dialect::Fast => judge_fast(&bundle),
        _ => judge(&bundle),
    };
    if let Err(difference) = compare(rules, bundle, expected) {
        let bytes = &bundle[..at + 8];
        wrong.push(format!("{bytes:02x?} {expected:?}: {difference}"));
    }
    expected != Verdict::Refused
}

/// Every ModRM, SIB and REX, with each of the ways to address memory, behind every register that an
/// instruction may have limited.
#[test]
fn all_operands_in_memory_in_dialect_fast() {
    let mut accepted = 0;
    for way in [&[][..], &[0x65, 0x67], &[0x67], &[0x65]] {
        for rex in 0x3f..=0x4f_u8 {
            let rex = (rex != 0x3f).then_some(rex);
            for modrm in 0..0xc0_u8 {
                let has_sib = modrm & 7 == 4;
                for sib in 0..=if has_sib { 0xff_u8 } else { 0 } {
                    let operand = Operand {
                        rex: rex.unwrap_or(0),
                        modrm,
                        sib: has_sib.then_some(sib),
                    };
                    for limited in [None, Some(operand.index().unwrap_or(1)), Some(9)] {
                        // r15 is not written, and esp repaired at once.
                        let limited = limited.filter(|&register| !matches!(register, 4 | 15));
                        let mut code = limited.map_or(Vec::new(), limit);
                        code.extend(way);
                        code.extend(rex);
                        code.extend([0x8b, modrm]);
                        code.extend(operand.sib);
                        // A displacement, or no-operations.
                        code.extend([0x90; 4]);
                        let written = (modrm >> 3 & 7) + (operand.rex & 4) * 2;
                        let expected = operand.may_be(way, limited) && !matches!(written, 4 | 15);
                        let verdict = FAST.refusal(&code);
                        assert_eq!(verdict.is_none(), expected, "{code:02x?} {verdict:?}");
                        accepted += usize::from(expected);
                    }
                }
            }
        }
    }
    assert!(accepted > 20_000, "{accepted}");
}

/// `mov %eN, %eN`
fn limit(register: u8) -> Vec<u8> {
    let (high, low) = (register >> 3, register & 7);
    vec![0x40 | high << 2 | high, 0x89, 0xc0 | low << 3 | low]
}

/// An operand in memory as it is encoded.
struct Operand {
    rex: u8,
    modrm: u8,
    sib: Option<u8>,
}

impl Operand {
    fn index(&self) -> Option<u8> {
        let index = (self.sib? >> 3 & 7) + (self.rex & 2) * 4;
        (index != 4).then_some(index)
    }

    /// `Err` is rip.
    fn base(&self) -> Result<Option<u8>, ()> {
        let mode = self.modrm >> 6;
        let number = self.sib.unwrap_or(self.modrm) & 7;
        match (mode, number) {
            (0, 5) if self.sib.is_none() => Err(()),
            (0, 5) => Ok(None),
            _ => Ok(Some(number + (self.rex & 1) * 8)),
        }
    }

    fn may_be(&self, way: &[u8], limited: Option<u8>) -> bool {
        match (way, self.base(), self.index()) {
            ([0x65, 0x67], base, _) => base.is_ok(),
            ([], Err(()) | Ok(Some(4 | 15)), None) => true,
            ([], Ok(Some(15)), index) => index == limited,
            _ => false,
        }
    }
}

fn is_prefix_or_escape(opcode: u8) -> bool {
    matches!(opcode, 0x0f | 0x26 | 0x2e | 0x36 | 0x3e | 0x40..=0x4f | 0x64..=0x67)
        || matches!(opcode, 0xf0 | 0xf2 | 0xf3)
}

fn compare(rules: Rules, mut bundle: [u8; BUNDLE], expected: Verdict) -> Result<(), String> {
    let length = match expected {
        Verdict::Refused => 0,
        Verdict::Allowed(length) | Verdict::MustRestore(length) => {
            bundle[length] = UNDEFINED;
            length
        }
    };
    // Branches go to wherever their bytes say, which is not the subject here: they are looked at
    // last, so the undefined opcode comes first.
    let violation = rules.validate(&bundle).err().ok_or("accepted")?;
    let as_expected = match expected {
        Verdict::Refused => {
            violation.offset == 0
                && !matches!(
                    violation.reason,
                    Reason::TargetInside | Reason::TargetOutside
                )
        }
        Verdict::Allowed(_) => {
            violation.offset == length && violation.reason == Reason::Undecodable
        }
        Verdict::MustRestore(_) => {
            // Whatever follows is refused; that the pointer is missed shows with a no-operation.
            bundle[length] = 0x90;
            let missed = rules
                .validate(&bundle)
                .err()
                .map(|violation| violation.reason);
            violation.offset == length
                && matches!(
                    missed,
                    Some(Reason::StackPointerNotRestored | Reason::FramePointerNotRestored)
                )
        }
    };
    if as_expected {
        Ok(())
    } else {
        Err(violation.to_string())
    }
}
