//! The VM for programs, as cosmosd starts it, and the keepers that it starts.

use std::process::ExitCode;

fn main() -> ExitCode {
    match std::env::args_os().nth(1) {
        Some(word) if word == cosmos_exec::KEEPER => cosmos_exec::keep(),
        _ => cosmos_vm_core::run(cosmos_exec::ExecVm::new()),
    }
}
