//! What cosmosd and cosmosdb know: the questions behind `cosmos which`, `ls` and `doctor`.
//!
//! Each of them starts the daemons where they do not run and the configuration allows it.

use crate::error::Error;
use crate::library::target_name;
use crate::session::Session;
use cosmos_config::Host;
use cosmos_rpc::message::confine::Offer;
use cosmos_rpc::message::coordinator::{
    Autopsy, Ending, Levels, ListVms, Logs, Placement, VmRow, Which,
};
use cosmos_rpc::message::log::{Beginning, LogPage};
use cosmos_rpc::message::registry::{Entry, List};

/// Which VMs could run a target, and why the others cannot.
///
/// # Errors
/// When there is no such target or it cannot be read; when the daemons cannot be reached.
pub fn which(target: &str) -> Result<Placement, Error> {
    let target = target_name(target, &Host::Local)?;
    Ok(Session::current().ask_coordinator(&Which { target })?)
}

/// The VMs this process may see.
///
/// # Errors
/// When the daemons cannot be reached.
pub fn list_vms() -> Result<Vec<VmRow>, Error> {
    Ok(Session::current().ask_coordinator(&ListVms)?)
}

/// What this machine offers to confine VMs with: each level, and whether control groups can be had.
///
/// # Errors
/// When the daemons cannot be reached.
pub fn levels() -> Result<Vec<Offer>, Error> {
    Ok(Session::current().ask_coordinator(&Levels)?)
}

/// The names in the registry that match `pattern` (`*` stands for any characters; empty: all).
///
/// # Errors
/// When the daemons cannot be reached.
pub fn list_names(pattern: &str) -> Result<Vec<Entry>, Error> {
    let pattern = pattern.to_owned();
    Ok(Session::current().ask_registry(&List { pattern })?)
}

/// How the VM of this name (`hostfn-3`) ended, waiting for it up to `patience` milliseconds.
///
/// # Errors
/// When cosmosd knows no such VM; when the daemons cannot be reached.
pub fn autopsy(name: &str, patience: u32) -> Result<Ending, Error> {
    let name = if name.starts_with("vm/") {
        name.to_owned()
    } else {
        format!("vm/{name}")
    };
    Ok(Session::current().ask_coordinator(&Autopsy { name, patience })?)
}

/// What the VM of this name (`hostfn-3`) wrote to its standard output and error, from there on. Where
/// there is nothing, waits for it up to `patience` milliseconds; the answer then may have no line. `whole`:
/// without a line that may still go on.
///
/// # Errors
/// When cosmosd knows no such VM (any more); when the daemons cannot be reached.
pub fn logs(name: &str, from: Beginning, patience: u32, whole: bool) -> Result<LogPage, Error> {
    let name = name.to_owned();
    Ok(Session::current().ask_coordinator(&Logs {
        name,
        from,
        patience,
        whole,
    })?)
}

/// Whether the daemons answer.
///
/// # Errors
/// Why they do not.
pub fn reach() -> Result<(), Error> {
    list_vms().map(drop)
}
