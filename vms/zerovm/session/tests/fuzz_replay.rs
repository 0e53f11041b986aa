//! Every input that is stored for the fuzz targets, replayed, and again with a few bytes changed.

#[path = "../fuzz/src/elf.rs"]
mod elf;
#[path = "../fuzz/src/manifest.rs"]
mod manifest;

use proptest::prelude::*;
use std::sync::LazyLock;

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = format!("{}/fuzz/corpus/{target}", env!("CARGO_MANIFEST_DIR"));
    let mut inputs: Vec<Vec<u8>> = std::fs::read_dir(folder)
        .expect("a corpus")
        .map(|entry| std::fs::read(entry.expect("a file").path()).expect("an input"))
        .collect();
    inputs.sort();
    inputs
}

static MANIFESTS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| corpus("manifest"));
static PROGRAMS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| corpus("elf"));

#[test]
fn the_corpus_of_manifests_holds() {
    assert!(MANIFESTS.len() >= 25);
    MANIFESTS.iter().for_each(|input| manifest::run(input));
}

#[test]
fn the_corpus_of_programs_holds() {
    assert!(PROGRAMS.len() >= 15);
    PROGRAMS.iter().for_each(|input| elf::run(input));
}

/// Places, bytes that go there, and how many go away before.
type Changes = Vec<(prop::sample::Index, Vec<u8>, usize)>;

fn changed(inputs: &[Vec<u8>], which: prop::sample::Index, changes: Changes) -> Vec<u8> {
    let mut input = which.get(inputs).clone();
    for (place, bytes, removed) in changes {
        let start = place.index(input.len() + 1);
        let end = (start + removed).min(input.len());
        input.splice(start..end, bytes);
    }
    input
}

fn changes() -> impl Strategy<Value = Changes> {
    let interesting = prop_oneof![
        any::<u8>(),
        Just(0),
        Just(0xFF),
        Just(b'='),
        Just(b','),
        Just(b'\n'),
        Just(b'-'),
        b'0'..=b'9',
    ];
    let bytes = prop::collection::vec(interesting, 0..9);
    let change = (any::<prop::sample::Index>(), bytes, 0..9usize);
    prop::collection::vec(change, 1..5)
}

/// Numbers of a program's headers are changed where they are, so that what follows stays.
fn numbers() -> impl Strategy<Value = Vec<(usize, u64)>> {
    let near = |place: u64| (-2i64..3).prop_map(move |by| place.wrapping_add_signed(by));
    let number = prop_oneof![
        any::<u64>(),
        near(0),
        near(0x20000),
        near(0x30000),
        near(0x40000),
        near(1 << 32),
        near(1 << 63),
        (0..64u64).prop_map(|bit| 1 << bit),
    ];
    prop::collection::vec(((2..32usize).prop_map(|word| word * 8), number), 1..4)
}

proptest! {
    #[test]
    fn changed_manifests_are_read_or_refused(which: prop::sample::Index, changes in changes()) {
        manifest::run(&changed(&MANIFESTS, which, changes));
    }

    #[test]
    fn changed_programs_are_planned_or_refused(
        which: prop::sample::Index,
        numbers in numbers(),
        changes in prop::option::of(changes()),
    ) {
        let mut input = changed(&PROGRAMS, which, changes.unwrap_or_default());
        for (at, number) in numbers {
            if let Some(place) = input.get_mut(at..at + 8) {
                place.copy_from_slice(&number.to_le_bytes());
            }
        }
        elf::run(&input);
    }
}
