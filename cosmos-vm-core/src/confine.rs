//! The second part of a VM's confinement, once its target is known: for good, before any client is
//! served and any foreign code loaded.

use cosmos_confine::files::{self, Files};
use cosmos_confine::filter;
use cosmos_confine::rules::Permissions;
use cosmos_rpc::blocking::Connection;
use cosmos_rpc::message::launch::{Confine, Listening};
use cosmos_rpc::{Fault, FaultCode, Role};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

/// How long the launcher may take to take the listener.
const PATIENCE: Duration = Duration::from_secs(5);

/// Gives up all but what the order leaves. `launcher` is where the listener goes: what is refused from
/// then on waits until somebody there answers for the kernel.
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
    let mut launcher =
        Connection::connect(UnixStream::from(launcher), Role::Vm)?.expect(Role::Launcher)?;
    launcher.set_timeout(Some(PATIENCE));
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
    let listener = filter
        .install_with_listener()
        .map_err(|error| failed(cosmos_confine::Error::System("seccomp", error)))?;
    launcher.call(&Listening, &[listener.as_fd()])?;
    Ok(())
}
