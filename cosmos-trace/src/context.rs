//! Which step of which trace: ids, as W3C's trace context writes them (`traceparent`).
//!
//! ```text
//! 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
//! ┊  trace: 16 bytes, not all zero    span: 8 bytes    flags
//! version
//! ```
//!
//! Of a later version the same four fields are read, and what follows them is not.

use rustix::rand::{GetRandomFlags, getrandom};
use std::fmt;

/// A step of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    /// The trace, not 0.
    pub trace: u128,
    /// The step, not 0.
    pub span: u64,
}

impl Context {
    /// The first step of a trace that nobody has begun before.
    pub fn fresh() -> Context {
        let mut bytes = [0; 16];
        random(&mut bytes);
        Context {
            trace: u128::from_ne_bytes(bytes).max(1),
            span: fresh_span(),
        }
    }

    /// Another step of the same trace.
    pub fn next(self) -> Context {
        Context {
            span: fresh_span(),
            ..self
        }
    }

    /// The step that a `traceparent` names; `None` where it is none.
    pub fn parse(text: &str) -> Option<Context> {
        let bytes = text.as_bytes();
        let dashes = [2, 35, 52].map(|at| bytes.get(at) == Some(&b'-'));
        if dashes != [true; 3] {
            return None;
        }
        let version = hex(text, 0..2)?;
        let (trace, span) = (hex(text, 3..35)?, hex(text, 36..52)?);
        let flags = hex(text, 53..55);
        let ends = match version {
            0 => bytes.len() == 55,
            255 => false,
            _ => matches!(bytes.get(55), None | Some(b'-')),
        };
        let span = u64::try_from(span).ok()?;
        (ends && flags.is_some() && trace != 0 && span != 0).then_some(Context { trace, span })
    }

    /// The trace as it is sent, the half that is written first in front.
    pub fn halves(self) -> [u64; 2] {
        [(self.trace >> 64) as u64, self.trace as u64]
    }
}

impl fmt::Display for Context {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Context { trace, span } = self;
        write!(formatter, "00-{trace:032x}-{span:016x}-01")
    }
}

fn hex(text: &str, range: std::ops::Range<usize>) -> Option<u128> {
    let digits = text.get(range)?;
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let all = digits.bytes().all(is_digit);
    all.then(|| u128::from_str_radix(digits, 16).ok())?
}

fn fresh_span() -> u64 {
    let mut bytes = [0; 8];
    random(&mut bytes);
    u64::from_ne_bytes(bytes).max(1)
}

/// Random bytes. So early in the life of a machine that it has none, ids are not worth waiting for.
fn random(bytes: &mut [u8]) {
    let _ = getrandom(bytes, GetRandomFlags::NONBLOCK);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GIVEN: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn what_names_a_step_is_read() {
        let context = Context::parse(GIVEN).expect("a step");
        assert_eq!(context.trace, 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736);
        assert_eq!(context.span, 0x00f0_67aa_0ba9_02b7);
        assert_eq!(context.to_string(), GIVEN);
        assert_eq!(
            context.halves(),
            [0x4bf9_2f35_77b3_4da6, 0xa3ce_929d_0e0e_4736]
        );
        // Of a later version.
        for later in ["01-", "fe-"] {
            let later = format!("{later}{}", &GIVEN[3..]);
            assert_eq!(Context::parse(&later), Some(context));
            assert_eq!(Context::parse(&format!("{later}-what")), Some(context));
            assert_eq!(Context::parse(&format!("{later}what")), None);
        }
    }

    #[test]
    fn what_names_none_is_refused() {
        let zeros = "0".repeat(32);
        let bad = [
            String::new(),
            "00".into(),
            GIVEN.to_uppercase(),
            format!("{GIVEN}-more"),
            GIVEN.replace("00-4b", "ff-4b"),
            GIVEN.replace("-01", "-0g"),
            GIVEN.replace("-01", ""),
            GIVEN.replace("00f067aa0ba902b7", &zeros[..16]),
            GIVEN.replace("4bf92f3577b34da6a3ce929d0e0e4736", &zeros),
            GIVEN.replace('b', "é"),
            GIVEN.replace("-4bf9", "-+bf9"),
        ];
        for bad in bad {
            assert_eq!(Context::parse(&bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn a_step_is_read_as_it_is_written(trace in 1u128.., span in 1u64..) {
            let context = Context { trace, span };
            prop_assert_eq!(Context::parse(&context.to_string()), Some(context));
        }

        #[test]
        fn nothing_that_is_read_breaks_anything(text in "\\PC{0,70}") {
            if let Some(context) = Context::parse(&text) {
                prop_assert!(context.trace != 0 && context.span != 0);
            }
        }
    }
}
