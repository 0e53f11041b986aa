//! The command `zerovm`.

use std::process::ExitCode;
use zerovm::validation::Strict;

fn main() -> ExitCode {
    ExitCode::from(zerovm::supervise::main(std::env::args_os(), &Strict))
}
