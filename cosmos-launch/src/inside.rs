//! Namespaces: the process that goes on inside, and the one that waits outside.

use crate::child;
use crate::plan::Plan;
use cosmos_confine::namespaces;
use cosmos_confine::totals::Totals;
use cosmos_rpc::{Fault, FaultCode};
use nix::sys::wait::waitpid;
use nix::unistd::Pid;

/// Which process this is.
pub enum Part {
    /// The one that starts and watches the VM.
    Parent,
    /// The one that waits for that.
    Outside(Pid),
}

/// Enters the namespaces that the plan asks for.
///
/// # Errors
/// What the kernel does not allow.
pub fn become_parent(plan: &Plan) -> Result<Part, Fault> {
    let (Some(_), network) = (&plan.view, plan.network) else {
        return Ok(Part::Parent);
    };
    let failed = |what: &str, error: String| {
        Fault::host(FaultCode::LaunchFailed, format!("{what}: {error}"))
    };
    let dumpable = |is| {
        nix::sys::prctl::set_dumpable(is)
            .map_err(|error| failed("PR_SET_DUMPABLE", error.desc().to_owned()))
    };
    // What is not dumpable has a /proc of root's, where it could not write its own user map.
    dumpable(true)?;
    let entered = namespaces::enter(network);
    dumpable(false)?;
    entered.map_err(|error| failed("the VM's namespaces", error.to_string()))?;
    match child::fork_inside().map_err(|error| failed("fork", error.desc().to_owned()))? {
        Some(inside) => Ok(Part::Outside(inside)),
        None => Ok(Part::Parent),
    }
}

/// Waits for the process inside, and removes what it cannot: it is no root out here.
///
/// # Errors
/// A failed system call; the process inside dies with this one then.
pub fn wait(inside: Pid, mut totals: Totals) -> Result<(), Fault> {
    loop {
        match waitpid(inside, None) {
            Err(nix::errno::Errno::EINTR) => {}
            Err(error) => {
                let message = format!("waitpid failed: {}", error.desc());
                return Err(Fault::host(FaultCode::System, message));
            }
            Ok(_) => {
                totals.remove();
                return Ok(());
            }
        }
    }
}
