//! The validator that the program `zerovm` uses.

use zerovm_session::memory::{Rejection, Validator};
use zerovm_validator::Dialect;

/// Native Client's rules, as nexes of the first generation keep them.
#[derive(Debug, Clone, Copy)]
pub struct Strict;

impl Validator for Strict {
    fn validate(&self, address: u64, code: &[u8]) -> Result<(), Rejection> {
        zerovm_validator::Validator::new(Dialect::Nacl)
            .validate(address, code)
            .map_err(|violation| Rejection(violation.to_string()))
    }
}
