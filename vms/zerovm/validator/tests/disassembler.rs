//! What is accepted is as long as a decoder says that was written by others: `objdump`'s.
//!
//! Each random instruction that is accepted is put in a bundle again, with a system call behind what
//! `objdump` takes for its end. The validator has to find that exactly there.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use std::process::Command;
use zerovm_validator::{Dialect, Reason, Validator};

const BUNDLE: usize = 32;
const NOP: u8 = 0x90;
const SYSTEM_CALL: [u8; 2] = [0x0F, 0x05];
const CANDIDATES: usize = 40_000;

/// Prefixes, an opcode of one of the maps, ModRM, SIB; what they leave out are no-operations.
fn candidate(dialect: Dialect) -> impl Strategy<Value = Vec<u8>> {
    let first: &[&[u8]] = match dialect {
        Dialect::Fast => &[&[], &[0x65, 0x67], &[0x65, 0x67], &[0x67]],
        _ => &[&[]],
    };
    let first = prop::sample::select(first);
    let prefix = prop_oneof![
        6 => Just(vec![]),
        4 => prop::sample::select(vec![
            vec![0x66], vec![0xF2], vec![0xF3], vec![0xF0], vec![0x2E], vec![0x3E],
            vec![0x66, 0xF0], vec![0xF0, 0x66], vec![0x66, 0xF2], vec![0xF3, 0x66],
        ]),
    ];
    let rex = prop_oneof![Just(vec![]), (0x40..0x50u8).prop_map(|rex| vec![rex])];
    let map = prop::sample::select(vec![vec![], vec![0x0F], vec![0x0F, 0x38], vec![0x0F, 0x3A]]);
    // Registers, and memory that a lone instruction may touch, more often than the rest.
    let modrm = prop_oneof![
        any::<u8>(),
        0xC0..=0xFFu8,
        (0..3u8, 0..8u8, prop::sample::select(vec![4, 5, 7]))
            .prop_map(|(mode, reg, rm)| mode << 6 | reg << 3 | rm),
    ];
    let sib = prop::sample::select(vec![vec![], vec![0x24], vec![0x27], vec![0x65], vec![NOP]]);
    (first, prefix, rex, map, any::<u8>(), modrm, sib).prop_map(
        |(first, prefix, rex, map, opcode, modrm, sib)| {
            [first.to_vec(), prefix, rex, map, vec![opcode, modrm], sib].concat()
        },
    )
}

fn bundle(start: &[u8]) -> [u8; BUNDLE] {
    let mut bundle = [NOP; BUNDLE];
    bundle[..start.len()].copy_from_slice(start);
    bundle
}

/// The length of the instruction at the start of each bundle.
fn lengths(bundles: &[[u8; BUNDLE]]) -> Vec<usize> {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("code");
    std::fs::write(&path, bundles.concat()).expect("written");
    let mut objdump = Command::new("objdump");
    objdump.args(["-D", "-b", "binary", "-m", "i386:x86-64", "--insn-width=16"]);
    let output = objdump.arg(&path).output().expect("binutils are installed");
    let text = String::from_utf8_lossy(&output.stdout);
    // `  1a0:<tab>41 8b 07 <tab>mov (%r15),%eax`
    let starts = text.lines().filter_map(|line| {
        let (address, rest) = line.trim_start().split_once(":\t")?;
        let address = usize::from_str_radix(address, 16).ok()?;
        let bytes = rest.split('\t').next()?.split_whitespace().count();
        address.is_multiple_of(BUNDLE).then_some(bytes)
    });
    starts.collect()
}

#[test]
fn instructions_are_as_long_as_another_decoder_says() {
    Dialect::ALL.into_iter().for_each(lengths_are_the_same);
}

fn lengths_are_the_same(dialect: Dialect) {
    let mut runner = TestRunner::default();
    let validator = Validator::new(dialect);
    let mut accepted = Vec::new();
    for _ in 0..CANDIDATES {
        let tree = candidate(dialect)
            .new_tree(&mut runner)
            .expect("a candidate");
        let bundle = bundle(&tree.current());
        if validator.validate(0x20000, &bundle).is_ok() {
            accepted.push(bundle);
        }
    }
    assert!(accepted.len() > CANDIDATES / 20, "{}", accepted.len());
    let lengths = lengths(&accepted);
    assert_eq!(lengths.len(), accepted.len());
    for (code, length) in accepted.iter().zip(lengths) {
        // It shows a REX that means nothing, to a no-operation, as an instruction of its own.
        if length == 1 && code[0] & 0xF0 == 0x40 {
            continue;
        }
        let probe = bundle(&[&code[..length], &SYSTEM_CALL].concat());
        let violation = validator
            .validate(0x20000, &probe)
            .expect_err("a system call");
        let found = (violation.offset, violation.reason);
        let expected = (length, Reason::SystemCall);
        assert_eq!(found, expected, "{:02x?}", &code[..length]);
    }
}
