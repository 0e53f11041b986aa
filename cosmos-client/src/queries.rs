//! What cosmosd and cosmosdb know: the questions behind `cosmos which`, `ls`, `doctor` and `crash`.
//!
//! Each of them starts the daemons where they do not run and the configuration allows it. Those whose
//! name ends in `_of` ask the cosmosd of a host, this machine's or another one's.

use crate::budget::Budget;
use crate::error::Error;
use crate::library::target_name;
use crate::session::Session;
use cosmos_config::Host;
use cosmos_program::{find, search_path};
use cosmos_rpc::message::Message;
use cosmos_rpc::message::confine::Offer;
use cosmos_rpc::message::coordinator::{
    self, Autopsy, CrashList, CrashRead, CrashRemove, Ending, Levels, ListVms, Logs, Placement,
    VmRow, Which,
};
use cosmos_rpc::message::log::{Beginning, LogPage};
use cosmos_rpc::message::registry::{Entry, List};
use std::path::PathBuf;

/// Which VMs could run a target, and why the others cannot.
///
/// # Errors
/// When there is no such target or it cannot be read; when the daemons cannot be reached.
pub fn which(target: &str) -> Result<Placement, Error> {
    which_of(&Host::Local, target)
}

/// The same of a host.
///
/// # Errors
/// As [`which`]; when the host cannot be reached.
pub fn which_of(host: &Host, target: &str) -> Result<Placement, Error> {
    let target = target_name(target, host)?;
    let mut placement = ask(host, &Which { target })?;
    for candidate in &mut placement.candidates {
        // There it is local.
        candidate.host = host.to_string();
    }
    Ok(placement)
}

/// The path of the program that this name means here, as a shell finds it; `None` where there is none.
pub fn program(name: &str) -> Option<PathBuf> {
    let directory = std::env::current_dir().ok()?;
    find(name.as_ref(), &search_path(), &directory).ok()
}

/// The VMs this process may see.
///
/// # Errors
/// When the daemons cannot be reached.
pub fn list_vms() -> Result<Vec<VmRow>, Error> {
    list_vms_of(&Host::Local)
}

/// The same of a host.
///
/// # Errors
/// As [`list_vms`]; when the host cannot be reached.
pub fn list_vms_of(host: &Host) -> Result<Vec<VmRow>, Error> {
    let mut rows = ask(host, &ListVms)?;
    for row in &mut rows {
        // There it is local.
        row.host = host.to_string();
    }
    Ok(rows)
}

/// What this machine offers to confine VMs with: each level, and whether control groups can be had.
///
/// # Errors
/// When the daemons cannot be reached.
pub fn levels() -> Result<Vec<Offer>, Error> {
    levels_of(&Host::Local)
}

/// The same of a host.
///
/// # Errors
/// As [`levels`]; when the host cannot be reached.
pub fn levels_of(host: &Host) -> Result<Vec<Offer>, Error> {
    ask(host, &Levels)
}

/// The numbers of the crash reports that a host keeps, the newest first.
///
/// # Errors
/// When its directory cannot be read, or the host not be reached.
pub fn crash_ids_of(host: &Host) -> Result<Vec<String>, Error> {
    ask(host, &CrashList)
}

/// A crash report of a host, as JSON.
///
/// # Errors
/// When there is none of this number, or the host cannot be reached.
pub fn crash_report_of(host: &Host, id: &str) -> Result<String, Error> {
    ask(host, &CrashRead { id: id.to_owned() })
}

/// Removes a crash report of a host.
///
/// # Errors
/// As [`crash_report_of`].
pub fn remove_crash_report_of(host: &Host, id: &str) -> Result<(), Error> {
    ask(host, &CrashRemove { id: id.to_owned() })
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

/// The limits of the VM of this name (`hostfn-3`), and what is used of each.
///
/// # Errors
/// When cosmosd knows no such VM, or it has ended; when the host cannot be reached.
pub fn budget_of(host: &Host, name: &str) -> Result<Vec<Budget>, Error> {
    let name = name.to_owned();
    let rows = ask(host, &coordinator::Budget { name })?;
    Ok(rows.into_iter().map(Budget::from).collect())
}

/// What the VM of this name (`hostfn-3`) wrote to its standard output and error, from there on. Where
/// there is nothing, waits for it up to `patience` milliseconds; the answer then may have no line. `whole`:
/// without a line that may still go on.
///
/// # Errors
/// When cosmosd knows no such VM (any more); when the daemons cannot be reached.
pub fn logs(name: &str, from: Beginning, patience: u32, whole: bool) -> Result<LogPage, Error> {
    logs_of(&Host::Local, name, from, patience, whole)
}

/// The same of a host.
///
/// # Errors
/// As [`logs`]; when the host cannot be reached.
pub fn logs_of(
    host: &Host,
    name: &str,
    from: Beginning,
    patience: u32,
    whole: bool,
) -> Result<LogPage, Error> {
    let name = name.to_owned();
    let question = Logs {
        name,
        from,
        patience,
        whole,
    };
    ask(host, &question)
}

fn ask<M: Message>(host: &Host, message: &M) -> Result<M::Reply, Error> {
    let session = Session::current();
    Ok(session.ask(&session.coordinator(host), message)?)
}

/// Whether the daemons answer.
///
/// # Errors
/// Why they do not.
pub fn reach() -> Result<(), Error> {
    list_vms().map(drop)
}
