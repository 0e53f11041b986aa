//! The rules that the program `zerovm` holds code to.

use crate::switch;
use zerovm_session::memory::{Rejection, Validator};
use zerovm_validator::{Dialect, Units};

/// Judges code by the rules of its dialect.
pub trait Rules {
    /// Whether every way through `code`, which is at the guest's `address` and followed by nothing but
    /// HLT to the end of its page, keeps the rules; what it uses if it does.
    fn judge(&self, dialect: Dialect, address: u64, code: &[u8]) -> Result<Units, Rejection>;
}

/// The rules as they are.
#[derive(Debug, Clone, Copy)]
pub struct Strict;

impl Rules for Strict {
    fn judge(&self, dialect: Dialect, address: u64, code: &[u8]) -> Result<Units, Rejection> {
        zerovm_validator::Validator::new(dialect)
            .validate_and_tell(address, code)
            .map_err(|violation| Rejection(violation.to_string()))
    }
}

/// The rules of one dialect, which all code of a session is held to: what its program said it is.
#[derive(Clone, Copy)]
pub struct Judge<'a> {
    /// What judges.
    pub rules: &'a dyn Rules,
    /// By which rules.
    pub dialect: Dialect,
}

impl Validator for Judge<'_> {
    fn validate(&self, address: u64, code: &[u8]) -> Result<(), Rejection> {
        // Before any of it can run.
        switch::clear_behind(self.rules.judge(self.dialect, address, code)?);
        Ok(())
    }
}
