//! The VM for nexes, as cosmosd starts it, and the sessions that it starts.

use std::process::ExitCode;

fn main() -> ExitCode {
    match std::env::args_os().nth(1) {
        Some(word) if word == cosmos_zerovm::SESSION => cosmos_zerovm::run_session(),
        _ => cosmos_vm_core::run(cosmos_zerovm::ZeroVm::default()),
    }
}
