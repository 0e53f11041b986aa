//! The VM for scripts, as cosmosd starts it.

use std::process::ExitCode;

fn main() -> ExitCode {
    cosmos_vm_core::run(cosmos_script::ScriptVm::default())
}
