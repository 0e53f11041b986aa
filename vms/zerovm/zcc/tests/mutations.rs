//! Changed assembly is rewritten or refused, and crashes nothing; what the assembler and the linker
//! then make of it passes the validator or is refused.
//!
//! `ZCC_MUTATIONS` says how many texts are tried; the soak tries a million.

mod support;

use proptest::prelude::Rng as _;
use proptest::test_runner::{RngAlgorithm, TestRng};
use support::{open_directory, zcc};
use zcc::{Dialect, survive};

/// Assembly with one of everything.
const TEXT: &str = include_str!("programs/everything.s");

/// Words that make a difference where they are put.
const WORDS: [&str; 24] = [
    "%rsp",
    "%ebp",
    "%r15",
    "%ah",
    "$1",
    "(%eax)",
    "8(%esp,%ecx,4)",
    "lock",
    "rep",
    "*%rax",
    "ret",
    "%fs:",
    "sym@PLT",
    ",",
    ";",
    "\n",
    "1:",
    "1f",
    "=",
    "\"",
    "/*",
    ".section .data\n",
    "jmp f",
    "99999999999999999999",
];

struct Mutator {
    random: TestRng,
}

impl Mutator {
    fn below(&mut self, end: usize) -> usize {
        (self.random.next_u64() % end.max(1) as u64) as usize
    }

    /// Changes a text in a few places.
    fn change(&mut self, text: &str) -> String {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        for _ in 0..1 + self.below(4) {
            let at = self.below(lines.len());
            let other = self.below(lines.len());
            match self.below(6) {
                0 => lines[at] = lines[other].clone(),
                1 => lines.swap(at, other),
                2 => _ = lines.remove(at),
                3 => {
                    let word = WORDS[self.below(WORDS.len())];
                    let line = &mut lines[at];
                    let mut place = self.below(line.len() + 1);
                    while !line.is_char_boundary(place) {
                        place -= 1;
                    }
                    line.insert_str(place, word);
                }
                4 => {
                    let mut bytes = std::mem::take(&mut lines[at]).into_bytes();
                    if !bytes.is_empty() {
                        let place = self.below(bytes.len());
                        bytes[place] = self.random.next_u32() as u8;
                    }
                    lines[at] = String::from_utf8_lossy(&bytes).into_owned();
                }
                _ => {
                    let from: Vec<&str> = lines[other].split(' ').collect();
                    let word = from[self.below(from.len())].to_owned();
                    let mut words: Vec<&str> = lines[at].split(' ').collect();
                    let place = self.below(words.len());
                    words[place] = &word;
                    lines[at] = words.join(" ");
                }
            }
        }
        lines.join("\n")
    }
}

#[test]
fn changed_assembly_crashes_nothing() {
    let count = std::env::var("ZCC_MUTATIONS")
        .ok()
        .and_then(|count| count.parse().ok());
    let mut mutator = Mutator {
        random: TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]),
    };
    let (mut rewritten, mut refused) = (0, 0);
    for round in 0..count.unwrap_or(2_000) {
        let text = mutator.change(TEXT);
        let dialect = if round % 2 == 0 {
            Dialect::Nacl
        } else {
            Dialect::Fast
        };
        match survive(&text, dialect) {
            Ok(_) => rewritten += 1,
            Err(_) => refused += 1,
        }
    }
    assert!(
        rewritten > 100 && refused > 100,
        "{rewritten} rewritten, {refused} refused"
    );
}

#[test]
fn what_is_made_of_changed_assembly_is_valid_or_refused() {
    let mut mutator = Mutator {
        random: TestRng::from_seed(RngAlgorithm::ChaCha, &[3; 32]),
    };
    let directory = open_directory();
    let (source, nexe) = (
        directory.path().join("t.s"),
        directory.path().join("t.nexe"),
    );
    let mut made = 0;
    for round in 0..40 {
        let text = mutator.change(TEXT);
        let dialect = match round % 2 {
            0 => Dialect::Nacl,
            _ => Dialect::Fast,
        };
        if survive(&text, dialect).is_err() {
            continue;
        }
        std::fs::write(&source, &text).expect("it is written");
        _ = std::fs::remove_file(&nexe);
        let output = zcc()
            .args(["--nostdlib", "--dialect", dialect.name()])
            .arg(&source)
            .arg("-o")
            .arg(&nexe)
            .output();
        let output = output.expect("it starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_ne!(output.status.code(), Some(101), "{text}\n{said}");
        assert!(!said.contains("mistake of zcc"), "{text}\n{said}");
        assert_eq!(output.status.success(), nexe.exists(), "{text}\n{said}");
        made += usize::from(output.status.success());
    }
    assert!(made > 0, "none was made");
}
