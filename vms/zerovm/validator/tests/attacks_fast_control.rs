//! Where control goes in dialect `fast`: the return and no other, branches, and strings, which are
//! sequences as well.
//!
//! The bytes are written out: no assembler stands between an attack and its encoding.

mod common;

use common::{BUNDLE, FAST, NACL, RETURN, hex};
use iced_x86::{Code, Decoder, DecoderOptions};
use zerovm_validator::Reason::{self, *};

fn accepted(pieces: &str) {
    FAST.accepted(pieces);
}

#[track_caller]
fn refused(reason: Reason, pieces: &str) {
    FAST.refused(reason, pieces);
}

fn jump_to(code: &str, target: usize) -> Option<Reason> {
    FAST.jump_to(code, target)
}

#[test]
fn the_return_and_no_other() {
    accepted(RETURN);
    assert_eq!(NACL.refusal(&hex(RETURN)), Some(Return));
    let bytes = hex(RETURN);
    for before in 0..BUNDLE {
        let mut code = vec![0x90; before];
        code.extend(&bytes);
        let accepted = before + bytes.len() <= BUNDLE;
        assert_eq!(FAST.refusal(&code).is_none(), accepted, "{before}");
    }
    // Each bit of it.
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << bit;
            // Where the last byte became part of another instruction, there is no return.
            let decoder = Decoder::new(64, &changed, DecoderOptions::NONE);
            if decoder
                .into_iter()
                .any(|instruction| instruction.code() == Code::Retnq)
            {
                assert!(FAST.refusal(&changed).is_some(), "{changed:02x?}");
            }
        }
    }
    // Parts of it, and other ways to write the same.
    refused(
        UnmaskedReturn,
        "c3, 4c891c24 c3, 4d01fb 4c891c24 c3, 4183e3e0 4d01fb 4c891c24 c3",
    );
    refused(
        UnmaskedReturn,
        "448b1c24 4183e3e0 4d01fb 44891c24 c3, 448b1c24 4183e3e0 4c891c24 c3",
    );
    refused(
        UnmaskedReturn,
        "448b1c24 4183e3e0 4d03df 4c891c24 c3, 448b5c2400 4183e3e0 4d01fb 4c891c24 c3",
    );
    refused(
        UnmaskedReturn,
        "448b1c24 4183e3f0 4d01fb 4c891c24 c3, 448b1c24 4983e3e0 4d01fb 4c891c24 c3",
    );
    refused(
        UnmaskedReturn,
        "4c8b1c24 4183e3e0 4d01fb 4c891c24 c3, 448b1c24 4183e3e0 4d09fb 4c891c24 c3",
    );
    refused(
        UnmaskedReturn,
        "448b1c24 4183e3e0 90 4d01fb 4c891c24 c3, 448b1c24 4183e3e0 4d01fb 4c891c24 90 c3",
    );
    refused(
        UnmaskedReturn,
        "448b1c24 4183e3e0 4d01fb 4c891c24 40c3, 448b1c24 4183e3e0 4d01fb 4c891c24 48c3",
    );
    refused(
        UnmaskedReturn,
        "8b0424 83e0e0 4c01f8 48890424 c3, 5b 83e3e0 4c01fb 53 c3",
    );
    refused(
        UnmaskedReturn,
        "448b1c24 4183e3e0 4d01fb 4c891c24 c3 c3, 4183e3e0 4d01fb 448b1c24 4c891c24 c3",
    );
    refused(UnmaskedReturn, "83242400 c3, 83242 4e0 c3");
    refused(
        Prefixes,
        "448b1c24 4183e3e0 4d01fb 4c891c24 f3c3, 448b1c24 4183e3e0 4d01fb 4c891c24 f2c3",
    );
    refused(
        Prefixes,
        "448b1c24 4183e3e0 4d01fb 4c891c24 66c3, 448b1c24 4183e3e0 4d01fb 4c891c24 67c3",
    );
    refused(
        Prefixes,
        "448b1c24 4183e3e0 4d01fb 4c891c24 2ec3, 448b1c24 4183e3e0 4d01fb 4c891c24 3ec3",
    );
    refused(
        Return,
        "448b1c24 4183e3e0 4d01fb 4c891c24 c20000, 448b1c24 4183e3e0 4d01fb 4c891c24 cb",
    );
    // Bytes that look like it but belong to other instructions.
    refused(
        UnmaskedReturn,
        "48b8 448b1c244183e3e0 4d01fb 4c891c24 c3, b8448b1c24 4183e3e0 4d01fb 4c891c24 c3",
    );
    refused(
        UnmaskedReturn,
        "65678b80448b1c24 4183e3e0 4d01fb 4c891c24 c3",
    );
}

#[test]
fn the_return_is_entered_at_its_start() {
    for target in 1..32 {
        let expected = match target {
            // The no-operations before it, its start, and what follows it.
            1..=3 | 19..=31 => None,
            _ => Some(TargetInside),
        };
        assert_eq!(
            jump_to(&format!("909090 {RETURN}"), target),
            expected,
            "{target}"
        );
    }
}

#[test]
fn branches() {
    accepted("83e0e0 4c01f8 ffe0, 4183e3e0 4d01fb 41ffe3, 4183e3e0 4d01fb 41ffd3");
    refused(
        UnmaskedBranch,
        "ffe0, 4c01f8ffe0, 83e0e0ffe0, 83e0f0 4c01f8 ffe0, 83e0e0 90 4c01f8 ffe0",
    );
    refused(
        UnmaskedBranch,
        "4883e0e0 4c01f8 ffe0, ffe4, ffe5, 41ffe7, 83e5e0 4c01fd ffe5, ff2424, ff1424",
    );
    refused(
        Prefixes,
        "66e900000000, 66e9 0000, 66e800000000, 66eb00, 667400, 660f8400000000",
    );
    refused(
        Prefixes,
        "67e900000000, f2e900000000, f3eb00, f27400, f2e800000000, 66e300, 66e200",
    );
    refused(
        Prefixes,
        "4183e3e0 4d01fb 6641ffe3, 4183e3e0 4d01fb f241ffe3, 4183e3e0 4d01fb 6741ffe3",
    );
    refused(
        Prefixes,
        "4183e3e0 4d01fb 656741ffe3, 6567ff20, 6567ff10, 4183e3e0 4d01fb 3e41ffe3",
    );
    assert_eq!(jump_to("90 4183e3e0 4d01fb 41ffe3", 5), Some(TargetInside));
    assert_eq!(jump_to("b800000f05", 3), Some(TargetInside));
    assert_eq!(jump_to("65678b00", 1), Some(TargetInside));
    assert_eq!(jump_to("65678b00", 2), Some(TargetInside));
    refused(TargetOutside, "e9f0ffffff");
}

#[test]
fn strings() {
    accepted("89ff498d3c3f f3aa, 89ff498d3c3f f2ae, 89f6 498d3437 89ff 498d3c3f f348a5");
    refused(
        UnmaskedString,
        "a4, aa, f3a4, 89ff aa, 89ff 498d3c3f a4, 89ff 498d3c3f ac, 0ff7c1",
    );
    refused(UnmaskedString, "89ff 498d3c3f aa aa");
    assert_eq!(jump_to("90 89ff498d3c3f aa", 3), Some(TargetInside));
}
