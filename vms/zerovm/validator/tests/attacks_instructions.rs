//! Attacks by instructions that must not run, by prefixes, and by how a text starts and ends.
//!
//! The bytes are written out: no assembler stands between an attack and its encoding.

mod common;

use common::{BUNDLE, accepted, hex, padded, refusal, refused, validate};
use zerovm_validator::Reason::*;
use zerovm_validator::{Dialect, Validator};

#[test]
fn system_calls_and_interrupts() {
    refused(SystemCall, "0f05, 480f05, 0f34, cc, cd80, cd2e, f1");
    refused(Undecodable, "ce");
}

#[test]
fn instructions_that_read_the_time_or_the_machine() {
    refused(Clock, "0f31, 0f01f9, 480f31");
    refused(
        Forbidden,
        "0f33, 0fc7f0, 0fc7f8, f30fc7f8, 0f01d0, 0f01fd, 0f01ca",
    );
    refused(Forbidden, "0f0001, 0f0100, 0f0101, 0f01e0, 0f02c0, 0f03c0");
}

#[test]
fn privileged_instructions_and_ports() {
    refused(
        Forbidden,
        "fa, fb, 0f06, 0f08, 0f09, 0f30, 0f32, 0f20c0, 0f22c0",
    );
    refused(
        Forbidden,
        "0f21c0, 0f23c0, e460, e660, ec, ee, 6c, 6e, 0f07, 0f35",
    );
    refused(Forbidden, "0f01f8, 0f01d8, 0f01c8, 0f01c9, 0faa");
}

#[test]
fn segments_in_every_way() {
    refused(
        Prefixes,
        "64488b0424, 65488b0424, 2e8b0424, 368b0424, 3e8b0424, 268b0424",
    );
    refused(Prefixes, "6490, 6589c0, 64f4, 6450");
    refused(
        Forbidden,
        "8ec0, 8cc0, 0fa0, 0fa1, 0fa8, 0fa9, 0fb200, 0fb400, 0fb500",
    );
    refused(Forbidden, "f30faec0, f30faed0, f3480faed8");
}

#[test]
fn addresses_of_32_bits() {
    refused(
        Prefixes,
        "678b0424, 67418b07, 67aa, 67f3aa, 678d0424, 67a4, 6750, 67ff30",
    );
    refused(Prefixes, "89c067418b0407, 67e300");
    let many = format!("{}8b0424", "67".repeat(10));
    refused(Prefixes, &many);
}

#[test]
fn pause_with_rex_exchanges_registers() {
    accepted("f390");
    refused(Prefixes, "f34190, f34990, f34090, f34890");
    refused(Prefixes, "66f390, f290");
}

#[test]
fn prefixes_in_odd_orders_and_numbers() {
    refused(
        Prefixes,
        "4840 01c0, 4866 01c0, 40f3aa, 6666 01c0, f3f3aa, 66480fafc0",
    );
    refused(Prefixes, "66f20f58c0, f266 0f58c0, 66f30fb8c0");
    let fifteen = format!("{}90", "66".repeat(14));
    refused(Prefixes, &fifteen);
}

#[test]
fn locks() {
    accepted("f0010424, f048010424, 66f0010424, f066010424, f00fb10c24, f0870424, f0fe0424");
    assert!(refusal(&hex("f001c0")).is_some());
    assert!(refusal(&hex("f08b0424")).is_some());
    assert!(refusal(&hex("f0030424")).is_some());
    assert!(refusal(&hex("f0391424")).is_some());
    assert!(refusal(&hex("f0890424")).is_some());
    assert!(refusal(&hex("f00f20c0")).is_some());
}

#[test]
fn extensions_of_the_processor_that_came_later() {
    refused(
        VectorExtension,
        "c5f958c0, c4e27199d0, 62f17c4858c0, c5f877, 8fe97812c1",
    );
    refused(
        Forbidden,
        "660f38dcc0, 660f3a44c000, 660f3adfc000, 0f38c8c0, 0f3accc000",
    );
    refused(
        Forbidden,
        "660f38cfc0, f30f1efa, f30f1efb, f30f1ec8, f3480f1ec8, 0f1ec0",
    );
    refused(
        Forbidden,
        "0f38f90424, 660f38f80424, f20f38f80424, 660f38f6c0",
    );
    refused(
        Forbidden,
        "c6f800, c7f800000000, 0f01d5, 0f01d6, 0f01fc, 0f01fa, 0f01fb",
    );
    refused(
        Forbidden,
        "0fae0424, 0fae0c24, 0fae2424, 0fae2c24, 0fae3424, 660fae3c24",
    );
    refused(
        Forbidden,
        "0fc71c24, 0fc72424, 0f1a0424, 0f1b0424, f30fae2424",
    );
    refused(Forbidden, "f30faee8, 660faef0, f20faef0, f30faef0");
    // A prefix of later processors; no instruction here.
    refused(
        Undecodable,
        "d50001c0, d500, 06, 0e, 16, 1e, 27, 37, 60, 61, 9a, ea",
    );
}

#[test]
fn flags_and_state_of_the_processor() {
    refused(Forbidden, "9c, 9d, 9e, 9f, 669c, d7, 480fae0424, 0fae0424");
    accepted("fc, fd, f8, 0fae1424, 0fae1c24, d93424, d92424, dd3424, dd2424");
}

#[test]
fn undefined_encodings_and_aliases() {
    refused(Undecodable, "82c001, d6, 0f04, 0f0a, 0f24c0, 0f26c0");
    refused(
        Forbidden,
        "f6c800, f7c800000000, d0f0, c0f000, c1f000, d3f0, 660fc8",
    );
    refused(Forbidden, "0fb9c0, 0fffc0, 0f1920, 0f1fc8, 660f78c00101");
    refused(
        Nop,
        "0f1fc0, 0f1f01, 0f1f4001, 660f1f00, 0f1f440001, 0f1f04240f1f00",
    );
    accepted("0f0b, 0f1f00, 660f1f440000, 6666662e0f1f840000000000");
}

#[test]
fn instruction_across_a_bundle() {
    for before in 28..32 {
        let text = padded(&hex(&format!("{}b800000f05", "90".repeat(before))));
        let violation = validate(&text).unwrap_err();
        assert_eq!(
            (violation.offset, violation.reason),
            (before, CrossesBundle)
        );
    }
}

#[test]
fn truncated_last_instruction() {
    for (text, offset) in [
        ("b8000000", 0),
        ("90 0f", 1),
        ("90 48", 1),
        ("9090 e900", 2),
        ("66", 0),
    ] {
        let violation = validate(&hex(text)).unwrap_err();
        assert_eq!(
            (violation.offset, violation.reason),
            (offset, Truncated),
            "{text}"
        );
    }
    assert_eq!(validate(&hex("90 f4")), Ok(()));
    assert_eq!(validate(&[]), Ok(()));
}

#[test]
fn halts_at_the_end() {
    let mut text = hex("ebfe");
    text.resize(1 << 16, 0xf4);
    assert_eq!(validate(&text), Ok(()));
    // Into those that are judged, and into those that are only skipped.
    text[1] = 10;
    assert_eq!(validate(&text), Ok(()));
    text[1] = 40;
    assert_eq!(validate(&text).unwrap_err().reason, TargetOutside);
    text[1] = 62;
    assert_eq!(validate(&text), Ok(()));
    // A byte other than HLT among them is judged.
    text[(1 << 16) - 2..].copy_from_slice(&[0x0f, 0x05]);
    assert_eq!(validate(&text).unwrap_err().reason, SystemCall);
    assert_eq!(validate(&vec![0xf4; 12345]), Ok(()));
}

#[test]
fn text_where_the_argument_does_not_hold() {
    let validator = Validator::new(Dialect::Nacl);
    let text = [0x90; BUNDLE];
    let reason = |address| {
        validator
            .validate(address, &text)
            .err()
            .map(|found| found.reason)
    };
    assert_eq!(reason(0), None);
    assert_eq!(reason((1 << 32) - 32), None);
    assert_eq!(reason(1), Some(Placement));
    assert_eq!(reason(16), Some(Placement));
    assert_eq!(reason(1 << 32), Some(Placement));
    assert_eq!(reason(u64::MAX - 31), Some(Placement));
    assert_eq!(validator.violations(1, &text).count(), 1);
}

#[test]
fn all_violations_are_listed() {
    let text = padded(&hex("0f05 90 c3 eb01 b800000000"));
    let found: Vec<_> = Validator::new(Dialect::Nacl)
        .violations(0, &text)
        .map(|violation| (violation.offset, violation.reason))
        .collect();
    assert_eq!(found, [(0, SystemCall), (3, Return), (4, TargetInside)]);
}

#[test]
fn messages() {
    let said = |text: &str| validate(&padded(&hex(text))).unwrap_err().to_string();
    assert_eq!(said("90 0f05"), "0x1: 0f 05: a system call or interrupt");
    assert_eq!(
        said("b890909090 ebfc"),
        "0x5: eb fc: a branch to where the text may not be entered: 0x3"
    );
    assert_eq!(
        said("e9f0ffffff"),
        "0x0: e9 f0 ff ff ff: a branch out of the text to what is no bundle's start: -0xb"
    );
}
