//! The socket registry of cosmos_vm.

fn main() -> std::process::ExitCode {
    // SAFETY: this is the first statement of the program, so nothing owns a descriptor yet.
    unsafe { cosmosdb::main() }
}
