//! The second part of a VM's confinement, once its target is known: for good, before any client is
//! served and any foreign code loaded.

use cosmos_confine::files::{self, Files};
use cosmos_confine::filter;
use cosmos_confine::rules::Permissions;
use cosmos_rpc::descriptor::{self, Wait};
use cosmos_rpc::message::launch::Confine;
use cosmos_rpc::{Fault, FaultCode};
use std::io::IoSlice;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;

/// Gives up all but what the order leaves. `launcher` is where the listener goes: what is refused from
/// then on waits until somebody there answers for the kernel. Whether it is there by now need not be
/// waited for: without a launcher there is no VM.
///
/// # Errors
/// What could not be given up; the process must end then.
pub(crate) fn confine(order: &Confine, launcher: OwnedFd) -> Result<(), Fault> {
    let failed = |error: cosmos_confine::Error| {
        let code = match error {
            cosmos_confine::Error::Granted(..) => FaultCode::BadArgument,
            _ => FaultCode::LaunchFailed,
        };
        Fault::vm(code, format!("the VM cannot be confined: {error}"))
    };
    cosmos_confine::single_threaded().map_err(failed)?;
    let paths = |list: &[String]| list.iter().map(PathBuf::from).collect();
    let files = Files {
        target: paths(&order.target),
        read: paths(&order.grants.read),
        write: paths(&order.grants.write),
        network: order.grants.network,
        programs: order.grants.programs,
        runs_target: false,
    };
    files::restrict(&files).map_err(failed)?;
    let permissions = Permissions {
        pid: std::process::id(),
        network: order.grants.network,
        memory_files: order.memory_files,
        programs: order.grants.programs,
        processes: order.processes,
        is_program: false,
    };
    let filter = filter::second(&permissions).map_err(failed)?;
    let system = |call| move |error| failed(cosmos_confine::Error::System(call, error));
    let listener = filter.install_with_listener().map_err(system("seccomp"))?;
    let byte = [IoSlice::new(&[0])];
    descriptor::send(launcher.as_fd(), &byte, &[listener.as_fd()], Wait::Yes)
        .map_err(system("sendmsg"))?;
    Ok(())
}
