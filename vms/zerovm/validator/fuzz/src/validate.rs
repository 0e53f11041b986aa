//! Judges bytes as a text. Both ways to ask must agree, and what is accepted must be confined
//! wherever it may be entered, by what an independent description of its instructions says.

use crate::confined;
use zerovm_validator::{Dialect, Validator};

/// More bundles take long and show nothing new.
const LONGEST: usize = 8 * 32;

pub fn run(input: &[u8]) {
    let text = &input[..input.len().min(LONGEST)];
    for dialect in Dialect::ALL {
        judge(dialect, text);
    }
}

fn judge(dialect: Dialect, text: &[u8]) {
    let validator = Validator::new(dialect);
    let verdict = validator.validate(0x20000, text);
    let first = validator.violations(0x20000, text).next();
    assert_eq!(verdict.as_ref().err(), first.as_ref());
    match verdict {
        Ok(()) => {
            if let Err(what) = confined::check(dialect, text) {
                panic!("{what}");
            }
        }
        Err(violation) => {
            let rest = &text[violation.offset..];
            assert!(rest.starts_with(violation.bytes.as_slice()));
            assert!(!violation.to_string().is_empty());
        }
    }
}
