//! What cosmosd and cosmosdb know: the questions behind `cosmos which`, `ls` and `doctor`.

use crate::{Error, library::unfinished};
use cosmos_rpc::message::coordinator::{Ending, Placement, VmRow};
use cosmos_rpc::message::registry::Entry;

/// Which VMs could run a target, and why the others cannot.
pub fn which(_target: &str) -> Result<Placement, Error> {
    Err(unfinished())
}

/// The VMs this process may see.
pub fn list_vms() -> Result<Vec<VmRow>, Error> {
    Err(unfinished())
}

/// The names in the registry that match `pattern` (`*` stands for any characters; empty: all).
pub fn list_names(_pattern: &str) -> Result<Vec<Entry>, Error> {
    Err(unfinished())
}

/// How the VM of this name (`hostfn-3`) ended, waiting for it up to `patience` milliseconds.
pub fn autopsy(_name: &str, _patience: u32) -> Result<Ending, Error> {
    Err(unfinished())
}

/// Whether the daemons answer, starting them where they do not run.
pub fn reach() -> Result<(), Error> {
    Err(unfinished())
}
