//! The VM for C libraries, as cosmosd starts it.

fn main() -> std::process::ExitCode {
    cosmos_hostfn::prepare();
    cosmos_vm_core::run(cosmos_hostfn::HostFn)
}
