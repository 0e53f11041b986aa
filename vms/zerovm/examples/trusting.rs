//! `zerovm` with a validator that accepts everything: for tests of what holds a guest that no
//! validator would have accepted, and for nothing else.

use std::process::ExitCode;
use zerovm::validation::Rules;
use zerovm_session::memory::Rejection;
use zerovm_validator::{Dialect, Units};

struct Trusting;

impl Rules for Trusting {
    fn judge(&self, _dialect: Dialect, _address: u64, _code: &[u8]) -> Result<Units, Rejection> {
        Ok(Units::ALL)
    }
}

fn main() -> ExitCode {
    ExitCode::from(zerovm::supervise::main(std::env::args_os(), &Trusting))
}
