//! Takes bytes for assembly. It is parsed, rewritten and laid out, or refused with a line; what is
//! printed of an instruction is the same instruction again.

use gas_syntax::{Kind, parse};
use zcc::{Dialect, survive};

pub fn run(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let lines = text.bytes().filter(|&byte| byte == b'\n').count() as u32 + 1;
    if let Ok(statements) = parse(&text) {
        for statement in statements {
            assert!((1..=lines).contains(&statement.line));
            let Kind::Instruction(instruction) = statement.kind else {
                continue;
            };
            let printed = instruction.to_string();
            let again = parse(&printed).expect("what was printed is parsed");
            assert_eq!(again[0].kind, Kind::Instruction(instruction));
        }
    }
    for dialect in [Dialect::Nacl, Dialect::Fast] {
        if let Err((line, reason)) = survive(&text, dialect) {
            assert!((1..=lines).contains(&line));
            assert!(!reason.to_string().is_empty());
        }
    }
}
