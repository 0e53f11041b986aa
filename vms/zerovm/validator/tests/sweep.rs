//! Every opcode of one to three bytes, with every ModRM, REX and combination of prefixes, against
//! rules that were written independently of the validator (`common/rules.rs`).
//!
//! Each encoding starts a bundle. Where the rules allow it, the validator must get to the byte behind
//! it, where an opcode stands that there is none of: so the length is compared too.

mod common;
#[path = "common/rules.rs"]
mod rules;

use common::{BUNDLE, validate};
use rules::{Verdict, judge};
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
    sweep(0);
}

#[test]
fn all_encodings_of_two_byte_opcodes() {
    sweep(1);
}

#[test]
fn all_encodings_of_three_byte_opcodes() {
    sweep(2);
    sweep(3);
}

fn sweep(map: usize) {
    let mut wrong = Vec::new();
    let mut allowed = 0_u32;
    for legacy in LEGACY {
        for rex in REX {
            for opcode in 0..=255_u8 {
                // These are no opcodes of their map.
                if map == 0 && is_prefix_or_escape(opcode)
                    || map == 1 && matches!(opcode, 0x38 | 0x3a)
                {
                    continue;
                }
                let mut bundle = [0x90; BUNDLE];
                let mut at = 0;
                for &byte in legacy.iter().chain(rex).chain(MAPS[map]).chain(&[opcode]) {
                    bundle[at] = byte;
                    at += 1;
                }
                for modrm in 0..=255_u8 {
                    bundle[at] = modrm;
                    // A SIB with rsp as base and no index, or part of an immediate or displacement;
                    // that is also a suffix of 3DNow!.
                    let has_sib = modrm < 0xc0 && modrm & 7 == 4;
                    bundle[at + 1] = if has_sib { 0x24 } else { 0x90 };
                    let expected = judge(&bundle);
                    allowed += u32::from(expected != Verdict::Refused);
                    if let Err(difference) = compare(bundle, expected) {
                        wrong.push(format!(
                            "{:02x?} {expected:?}: {difference}",
                            &bundle[..at + 8]
                        ));
                    }
                }
            }
        }
    }
    let shown = wrong
        .iter()
        .take(60)
        .cloned()
        .collect::<Vec<_>>()
        .join("\n");
    assert!(
        wrong.is_empty(),
        "{} differences, such as\n{shown}",
        wrong.len()
    );
    assert!(allowed > 10_000, "{allowed}");
}

fn is_prefix_or_escape(opcode: u8) -> bool {
    matches!(opcode, 0x0f | 0x26 | 0x2e | 0x36 | 0x3e | 0x40..=0x4f | 0x64..=0x67)
        || matches!(opcode, 0xf0 | 0xf2 | 0xf3)
}

fn compare(mut bundle: [u8; BUNDLE], expected: Verdict) -> Result<(), String> {
    let length = match expected {
        Verdict::Refused => 0,
        Verdict::Allowed(length) | Verdict::MustRestore(length) => {
            bundle[length] = UNDEFINED;
            length
        }
    };
    // Branches go to wherever their bytes say, which is not the subject here: they are looked at
    // last, so the undefined opcode comes first.
    let violation = validate(&bundle).err().ok_or("accepted")?;
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
            let missed = validate(&bundle).err().map(|violation| violation.reason);
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
