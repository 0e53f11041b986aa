//! Damaged prototypes: whatever the text, the answer is a frame or an error, and quickly.

mod common;

use callframe::{parse, parse_file};
use common::ROWS;

/// How many damaged texts are read.
const TEXTS: u64 = 1_000_000;

/// Pieces that get inserted: what the grammar turns on.
const PIECES: &[&str] = &[
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "*",
    ",",
    ";",
    "...",
    "[[",
    "]]",
    "::",
    "const ",
    "struct s ",
    "struct { int x; } ",
    "union u { int *p; } ",
    "enum e { A = -1 } ",
    "typedef ",
    "static ",
    "void",
    "unsigned ",
    "__in ",
    "__out ",
    "__inout ",
    "__sized_by(",
    "__counted_by(n)",
    "__filled(return)",
    "__alias(",
    "__handle ",
    "__owned(free) ",
    "__fd ",
    "__success(",
    "__fail(-1) ",
    "sizeof(",
    "return",
    "__attribute__((access(read_only, 1, 2)))",
    "[[cosmos::out]]",
    "/*",
    "//",
    "\"",
    "'",
    "\\",
    "#",
    "é",
    "\0",
    "0x",
    "18446744073709551616",
    "-9223372036854775808",
    "1e9",
    "\n",
    "\t",
    "int",
    "char ",
    "FILE ",
    "size_t n",
    "__field(a->b, __in)",
    "((((((((",
    "********",
    "[3][4]",
];

/// xorshift64*: the same damage in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % limit.max(1)
    }

    /// A place between two characters.
    fn place(&mut self, text: &str) -> usize {
        let mut at = self.below(text.len() + 1);
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    }

    fn range(&mut self, text: &str, longest: usize) -> std::ops::Range<usize> {
        let start = self.place(text);
        let mut end = (start + self.below(longest)).min(text.len());
        while !text.is_char_boundary(end) {
            end += 1;
        }
        start..end
    }

    fn damage(&mut self, text: &mut String) {
        match self.below(6) {
            0 => {
                let range = self.range(text, 8);
                text.replace_range(range, "");
            }
            1 => {
                let range = self.range(text, 40);
                let piece = text[range].to_owned();
                let at = self.place(text);
                text.insert_str(at, &piece);
            }
            2 => {
                let other = ROWS[self.below(ROWS.len())].0;
                let piece = other[self.range(other, 60)].to_owned();
                let range = self.range(text, 20);
                text.replace_range(range, &piece);
            }
            3 => text.truncate(self.place(text)),
            _ => {
                let at = self.place(text);
                text.insert_str(at, PIECES[self.below(PIECES.len())]);
            }
        }
    }
}

fn read_damaged(seed: u64, count: u64) -> (u64, u64) {
    let mut random = Random(seed);
    let (mut read, mut refused) = (0, 0);
    for _ in 0..count {
        let mut text = ROWS[random.below(ROWS.len())].0.to_owned();
        for _ in 0..=random.below(2) {
            random.damage(&mut text);
        }
        match parse(&text) {
            Ok(frame) => {
                read += 1;
                let printed = frame.to_string();
                match parse(&printed) {
                    Ok(again) => assert_eq!(again, frame, "{text}\n{printed}"),
                    Err(error) => panic!("{text}\n{}", error.render(&printed)),
                }
            }
            Err(error) => {
                refused += 1;
                assert!(error.span().end <= text.len(), "{text}: {error}");
                assert!(
                    refused % 8 != 0 || error.render(&text).contains('^'),
                    "{text}"
                );
            }
        }
    }
    (read, refused)
}

#[test]
fn damaged_texts_are_read_or_refused() {
    let halves = [0x9e37_79b9_7f4a_7c15, 0x1234_5678_9abc_def1]
        .map(|seed| std::thread::spawn(move || read_damaged(seed, TEXTS / 2)));
    let (mut read, mut refused) = (0, 0);
    for half in halves {
        let counts = half.join().unwrap();
        read += counts.0;
        refused += counts.1;
    }
    assert_eq!(read + refused, TEXTS);
    // Both ways must have been gone often for this to mean anything.
    assert!(
        read > TEXTS / 100 && refused > TEXTS / 2,
        "{read} read, {refused} refused"
    );
}

#[test]
fn damaged_files_are_listed() {
    let mut random = Random(77);
    let file: String = ROWS.iter().map(|(text, _)| format!("{text}\n")).collect();
    for _ in 0..300 {
        let mut text = file.clone();
        for _ in 0..10 {
            random.damage(&mut text);
        }
        for declaration in parse_file(&text) {
            assert!(text.get(declaration.span).is_some());
            if let Err(error) = declaration.outcome {
                assert!(error.span().end <= text.len());
                error.render(&text);
            }
        }
    }
}

#[test]
fn no_text_exhausts_the_stack() {
    let deep = 8_000;
    for (open, close) in [
        ("(", ")"),
        ("*", ""),
        ("[", "]"),
        ("{", "}"),
        ("[[", "]]"),
        ("struct { ", "} x; "),
        ("int (", ")"),
        ("int (*", ")(void)"),
        ("__sized_by(", ")"),
        ("__attribute__((", "))"),
        ("__field(a, ", ")"),
        ("-", ""),
        ("sizeof(int[", "])"),
        ("x(", ")"),
    ] {
        for (before, after) in [
            ("int f(", " x)"),
            ("int f(char *__out __sized_by(", ") p)"),
            ("", ""),
            ("typedef ", " t; int f(t x)"),
            ("struct s { ", " }; int f(struct s x)"),
        ] {
            let count = deep / (open.len() + close.len());
            let text = format!(
                "{before}{}1{}{after}",
                open.repeat(count),
                close.repeat(count)
            );
            let small_stack = std::thread::Builder::new().stack_size(512 << 10);
            let thread = small_stack.spawn(move || {
                parse_file(&text);
                parse(&text)
                    .map(|_| ())
                    .map_err(|error| error.render(&text))
            });
            assert!(
                thread.unwrap().join().unwrap().is_err(),
                "{open} in {before}"
            );
        }
    }
}
