//! The `cosmos-relay` program; everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    cosmos_relay::near::main()
}
