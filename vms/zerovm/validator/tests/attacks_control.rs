//! Attacks on where control goes: into instructions and sequences, by branches that processors read
//! differently, out of the text, and past the masks of indirect branches and strings.
//!
//! The bytes are written out: no assembler stands between an attack and its encoding.

mod common;

use common::{NACL, accepted, hex, padded, refused, validate};
use zerovm_validator::Reason::*;
use zerovm_validator::{Dialect, Reason, Validator};

fn jump_to(code: &str, target: usize) -> Option<Reason> {
    NACL.jump_to(code, target)
}

#[test]
fn jump_into_an_instruction() {
    // mov $0x050f0000, %eax holds a system call.
    assert_eq!(jump_to("b800000f05", 3), Some(TargetInside));
    assert_eq!(jump_to("b800000f05", 0), None);
    assert_eq!(jump_to("b800000f05", 5), None);
}

#[test]
fn jump_between_an_index_and_its_use() {
    assert_eq!(jump_to("90 89c0 418b1c07", 3), Some(TargetInside));
    assert_eq!(jump_to("90 89c0 418b1c07", 1), None);
}

#[test]
fn jump_past_the_mask_of_an_indirect_jump() {
    assert_eq!(jump_to("90 83e0e0 4c01f8 ffe0", 4), Some(TargetInside));
    assert_eq!(jump_to("90 83e0e0 4c01f8 ffe0", 7), Some(TargetInside));
    assert_eq!(jump_to("90 83e0e0 4c01f8 ffe0", 1), None);
    // The same without the jump is three ordinary instructions.
    assert_eq!(jump_to("90 83e0e0 4c01f8", 4), None);
}

#[test]
fn jump_past_the_write_of_esp_or_ebp() {
    assert_eq!(jump_to("90 83ec08 4c01fc", 4), Some(TargetInside));
    assert_eq!(jump_to("90 83c508 4c01fd", 4), Some(TargetInside));
}

#[test]
fn jump_into_the_sequence_of_a_string() {
    let both = "90 89f6 498d3437 89ff 498d3c3f f3a4";
    for target in [3, 7, 9, 13] {
        assert_eq!(jump_to(both, target), Some(TargetInside), "{target}");
    }
    assert_eq!(jump_to(both, 1), None);
    // A store needs the half of it that is about rdi; the other half is ordinary then.
    let store = "90 89f6 498d3437 89ff 498d3c3f aa";
    assert_eq!(jump_to(store, 3), None);
    assert_eq!(jump_to(store, 7), None);
    assert_eq!(jump_to(store, 9), Some(TargetInside));
}

#[test]
fn jump_out_of_the_text_to_an_odd_place() {
    // Into a trampoline, past the start of its bundle; text is at 0x20000.
    for (distance, reason) in [
        (-0x10000, None),
        (-0x10000 + 8, Some(TargetOutside)),
        (0x1_0020, None),
    ] {
        let mut text = vec![0xe9];
        text.extend((distance - 5_i32).to_le_bytes());
        let verdict = Validator::new(Dialect::Nacl).validate(0x20000, &padded(&text));
        assert_eq!(
            verdict.err().map(|violation| violation.reason),
            reason,
            "{distance:#x}"
        );
    }
}

#[test]
fn every_kind_of_direct_branch_is_followed() {
    refused(
        TargetInside,
        "b8909090 90 ebfc, b890909090 74fb, b890909090 e3fb",
    );
    refused(
        TargetInside,
        "b890909090 e0fb, b890909090 e1fb, b890909090 e2fb",
    );
    refused(
        TargetInside,
        "b890909090 0f85f7ffffff, b890909090 e8f9ffffff, b890909090 40ebfa",
    );
    refused(TargetInside, "b890909090 2e74fa, b890909090 3e74fa");
}

#[test]
fn branches_across_ranges_of_threads_are_followed() {
    let mut text = vec![0x90; 4 << 20];
    let end = text.len();
    // A jump from the end into an instruction at the start.
    text[..5].copy_from_slice(&hex("b890909090"));
    let distance = 3 - end as i32;
    text[end - 4..].copy_from_slice(&distance.to_le_bytes());
    text[end - 5] = 0xe9;
    for threads in 1..9 {
        let validator = Validator::new(Dialect::Nacl).with_threads(threads.try_into().unwrap());
        let violation = validator.validate(0, &text).unwrap_err();
        assert_eq!(
            (violation.offset, violation.reason),
            (end - 5, TargetInside),
            "{threads}"
        );
        assert_eq!(violation.target, Some(3));
    }
    text[end - 4..].copy_from_slice(&(5 - end as i32).to_le_bytes());
    for threads in 1..9 {
        let validator = Validator::new(Dialect::Nacl).with_threads(threads.try_into().unwrap());
        assert_eq!(validator.validate(0, &text), Ok(()), "{threads}");
    }
}

#[test]
fn branches_of_16_bits() {
    // On AMD these truncate rip; on Intel the prefix is ignored.
    refused(
        Prefixes,
        "66e900000000, 66e9 0000, 66e800000000, 66eb00, 667400",
    );
    refused(
        Prefixes,
        "660f8400000000, 66e300, 66e200, 83e0e04c01f866ffe0",
    );
    refused(Prefixes, "83e0e04c01f866ffd0");
}

#[test]
fn branches_with_prefixes_that_some_processors_ignore() {
    refused(
        Prefixes,
        "f2e900000000, f3eb00, f27400, 3eeb00, 2ee800000000, 677400",
    );
    refused(
        Prefixes,
        "67e300, 67e200, 64eb00, 83e0e04c01f8f2ffe0, 83e0e04c01f83effe0",
    );
}

#[test]
fn returns() {
    refused(
        Return,
        "c3, c20800, f3c3, f2c3, 66c3, 48c3, cb, ca0800, 48cb, cf",
    );
    refused(Return, "48cf");
}

#[test]
fn indirect_branch_without_its_sequence() {
    refused(
        UnmaskedBranch,
        "ffe0, ffd0, 41ffe3, 4c01f8ffe0, 83e0e0ffe0, 83e0e0 4c01f8 90 ffe0",
    );
    refused(
        UnmaskedBranch,
        "83e0e0 90 4c01f8 ffe0, 83e0e0 4c01f8 ffe1, 83e1e0 4c01f8 ffe0",
    );
    refused(
        UnmaskedBranch,
        "83e0f0 4c01f8 ffe0, 4883e0e0 4c01f8 ffe0, 6683e0e0 4c01f8 ffe0",
    );
    refused(
        UnmaskedBranch,
        "25e0ffffff 4c01f8 ffe0, 81e0e0ffffff 4c01f8 ffe0, 83e0e04801f8ffe0",
    );
    refused(
        UnmaskedBranch,
        "83e0e0 4c29f8 ffe0, 83e0e0 4c09f8 ffe0, 83e0e0 498d0407 ffe0",
    );
    refused(
        UnmaskedBranch,
        "4183e0e0 4c01f8 ffe0, 83e0e0 4d01f8 ffe0, 83e0e0 4c01f8 41ffe0",
    );
}

#[test]
fn indirect_branch_through_memory() {
    accepted("ff3424");
    refused(UnmaskedBranch, "ff2424, ff1424, ff2500000000");
    refused(MemoryBase, "ff20, 83e0e0 4c01f8 ff20, 83e0e0 4c01f8 ff10");
    refused(Forbidden, "ff2c24, ff1c24, 48ff2c24");
}

#[test]
fn indirect_branch_by_a_confined_register() {
    refused(
        UnmaskedBranch,
        "ffe4, ffe5, 41ffe7, 83e4e0 4c01fc ffe4, 83e5e0 4c01fd ffe5",
    );
}

#[test]
fn mask_that_is_part_of_another_instruction() {
    // The bytes before the jump are a mask and an add, but inside of two moves.
    refused(UnmaskedBranch, "48b8909083e0e04c01f8 ffe0");
    // The add starts where a REX that belongs to it hides the instruction before.
    refused(UnmaskedBranch, "b883e0e090 4c01f8 ffe0");
}

#[test]
fn mask_and_branch_in_two_bundles() {
    for before in 25..32 {
        let text = padded(&hex(&format!("{} 83e0e0 4c01f8 ffe0", "90".repeat(before))));
        assert!(validate(&text).is_err(), "{before}");
    }
    accepted(&format!("{} 83e0e0 4c01f8 ffe0", "90".repeat(24)));
}

#[test]
fn strings_without_their_sequence() {
    refused(
        UnmaskedString,
        "a4, a5, a6, aa, ab, ac, ad, ae, af, f3a4, f3aa",
    );
    refused(
        UnmaskedString,
        "0ff7c1, 660ff7c1, 498d3c3f aa, 89ff aa, 89ff 90 498d3c3f aa",
    );
    refused(
        UnmaskedString,
        "89ff 498d3c3f 90 aa, 89f6 498d3437 aa, 89ff 498d3c3f ac",
    );
    refused(
        UnmaskedString,
        "89ff 498d3c3f a4, 89ff 498d3c3f 89f6 498d3437 a4, 6689ff498d3c3faa",
    );
    refused(
        UnmaskedString,
        "4889ff 498d3c3f aa, 89ff 4a8d3c3f aa, 89ff 498d3c7f aa",
    );
    refused(UnmaskedString, "89ff 498d7c3f01 aa, 89ff 418d3c3f aa");
    refused(
        UnmaskedString,
        "89ff 498d3c3f aa aa, 89ff 498d3c3f f3aa f3aa",
    );
}

#[test]
fn strings_with_other_prefixes() {
    refused(
        Prefixes,
        "89ff498d3c3f f2aa, 89ff498d3c3f 66f3aa, 89ff498d3c3f f366ab",
    );
    refused(
        Prefixes,
        "89ff498d3c3f 64aa, 89ff498d3c3f 67aa, 89ff498d3c3f 26ab",
    );
    accepted("89ff498d3c3f f3aa, 89ff498d3c3f f2ae, 89ff498d3c3f f3ae, 89ff498d3c3f f348ab");
}
