//! The cases of `data/vectors.txt`, and of each accepted one where it may be entered.

mod common;

use common::{BUNDLE, hex, padded, validate};

struct Case {
    accept: bool,
    name: &'static str,
    pieces: Vec<Vec<u8>>,
}

impl Case {
    fn code(&self) -> Vec<u8> {
        self.pieces.concat()
    }
}

fn cases() -> Vec<Case> {
    include_str!("data/vectors.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let mut words = line.split(' ');
            let accept = match words.next().unwrap() {
                "accept" => true,
                "reject" => false,
                other => panic!("{other}"),
            };
            let name = words.next().unwrap();
            let pieces = words
                .flat_map(|word| {
                    let (bytes, times) = word.split_once('*').unwrap_or((word, "1"));
                    vec![hex(bytes); times.parse().unwrap()]
                })
                .collect();
            Case {
                accept,
                name,
                pieces,
            }
        })
        .collect()
}

#[test]
fn every_case_has_its_verdict() {
    let cases = cases();
    assert_eq!(cases.len(), 228);
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|case| {
            let verdict = validate(&padded(&case.code()));
            (verdict.is_ok() != case.accept).then(|| format!("{}: {verdict:?}", case.name))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_jump_may_enter_where_a_piece_starts_and_nowhere_else() {
    let mut wrong = Vec::new();
    for case in cases().iter().filter(|case| case.accept) {
        let code = case.code();
        let mut starts = vec![false; code.len()];
        let mut at = 0;
        for piece in &case.pieces {
            starts[at] = true;
            at += piece.len();
        }
        for (target, &starts_piece) in starts.iter().enumerate() {
            let mut text = padded(&code);
            let jump = text.len();
            text.push(0xe9);
            text.extend((target as i32 - (jump + 5) as i32).to_le_bytes());
            let accepted = validate(&padded(&text)).is_ok();
            let expected = starts_piece || target % BUNDLE == 0;
            if accepted != expected {
                wrong.push(format!("{}: {target:#x} accepted {accepted}", case.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
