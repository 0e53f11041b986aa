//! What the tests share.

// Each test uses some of it.
#![allow(dead_code)]

use zerovm_validator::{Dialect, Reason, Validator, Violation};

/// Bytes in a bundle.
pub const BUNDLE: usize = 32;

/// The return of dialect `fast`.
pub const RETURN: &str = "448b1c24 4183e3e0 4d01fb 4c891c24 c3";

/// A dialect, asked about texts at the start of the sandbox.
#[derive(Clone, Copy, Debug)]
pub struct Rules(pub Dialect);

pub const NACL: Rules = Rules(Dialect::Nacl);
pub const FAST: Rules = Rules(Dialect::Fast);

impl Rules {
    pub fn validate(self, text: &[u8]) -> Result<(), Violation> {
        Validator::new(self.0).validate(0, text)
    }

    /// Why code is refused, once its last bundle is filled up.
    pub fn refusal(self, code: &[u8]) -> Option<Reason> {
        let verdict = self.validate(&padded(code));
        verdict.err().map(|violation| violation.reason)
    }

    /// Why a bundle that is `code` is refused before a second one that starts with a jump to `target`.
    pub fn jump_to(self, code: &str, target: usize) -> Option<Reason> {
        let mut text = padded(&hex(code));
        let distance = target as i32 - (text.len() as i32 + 5);
        text.push(0xe9);
        text.extend(distance.to_le_bytes());
        self.refusal(&text)
    }

    /// Fails unless each of the pieces, in hexadecimal and with commas between, is refused for the
    /// reason.
    #[track_caller]
    pub fn refused(self, reason: Reason, pieces: &str) {
        for piece in pieces.split(',') {
            assert_eq!(self.refusal(&hex(piece)), Some(reason), "{piece}");
        }
    }

    /// Fails unless each of the pieces is accepted.
    #[track_caller]
    pub fn accepted(self, pieces: &str) {
        for piece in pieces.split(',') {
            assert_eq!(self.refusal(&hex(piece)), None, "{piece}");
        }
    }
}

/// The verdict of dialect `nacl`.
pub fn validate(text: &[u8]) -> Result<(), Violation> {
    NACL.validate(text)
}

/// Fills up the last bundle with no-operations.
pub fn padded(code: &[u8]) -> Vec<u8> {
    let mut text = code.to_vec();
    text.resize(code.len().next_multiple_of(BUNDLE), 0x90);
    text
}

/// Why dialect `nacl` refuses code.
pub fn refusal(code: &[u8]) -> Option<Reason> {
    NACL.refusal(code)
}

/// Fails unless dialect `nacl` refuses each of the pieces for the reason.
#[track_caller]
pub fn refused(reason: Reason, pieces: &str) {
    NACL.refused(reason, pieces);
}

/// Fails unless dialect `nacl` accepts each of the pieces.
#[track_caller]
pub fn accepted(pieces: &str) {
    NACL.accepted(pieces);
}

/// Bytes from hexadecimal text; blanks do not matter.
pub fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| c.to_digit(16).unwrap())
        .collect();
    assert!(digits.len().is_multiple_of(2), "{text}");
    digits
        .chunks(2)
        .map(|pair| (pair[0] * 16 + pair[1]) as u8)
        .collect()
}

/// Numbers that look random and are the same every time (xorshift64*).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
    /// Less than `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        (((self.next() >> 32) * limit as u64) >> 32) as usize
    }
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
    pub fn byte(&mut self) -> u8 {
        (self.next() >> 40) as u8
    }
    pub fn chance(&mut self, one_in: usize) -> bool {
        self.below(one_in) == 0
    }
}
