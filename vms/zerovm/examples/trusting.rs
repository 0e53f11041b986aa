//! `zerovm` with a validator that accepts everything: for tests of what holds a guest that no
//! validator would have accepted, and for nothing else.

use std::process::ExitCode;
use zerovm_session::memory::{Rejection, Validator};

struct Trusting;

impl Validator for Trusting {
    fn validate(&self, _address: u64, _code: &[u8]) -> Result<(), Rejection> {
        Ok(())
    }
}

fn main() -> ExitCode {
    ExitCode::from(zerovm::supervise::main(std::env::args_os(), &Trusting))
}
