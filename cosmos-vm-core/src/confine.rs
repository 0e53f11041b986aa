//! The second part of a VM's confinement, once its target is known: for good, before any client is
//! served and any foreign code loaded.

use crate::threads;
use cosmos_confine::files::{self, Files, Restriction};
use cosmos_confine::filter::{self, Filter};
use cosmos_confine::rules::Permissions;
use cosmos_rpc::descriptor::{self, Wait};
use cosmos_rpc::message::confine::Grants;
use cosmos_rpc::message::launch::Confine;
use cosmos_rpc::{Fault, FaultCode};
use std::io::IoSlice;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;

/// What is made of it before the target is known, for most orders; where it does not fit it is made anew.
#[derive(Debug, Default)]
pub(crate) struct Ahead {
    files: Option<files::Ahead>,
    filters: Vec<(Permissions, Filter)>,
}

impl Ahead {
    /// Makes it, as far as it can be made: what is missing is found out when it is needed.
    pub(crate) fn make() -> Ahead {
        let counted = [false, true].map(|memory_files| Confine {
            target: Vec::new(),
            grants: Grants::default(),
            memory_files,
            processes: false,
        });
        let permissions = counted.iter().map(permissions);
        let filters = permissions.filter_map(|it| Some((it, filter::second(&it).ok()?)));
        Ahead {
            files: files::Ahead::make().ok(),
            filters: filters.collect(),
        }
    }

    fn filter(&mut self, permissions: &Permissions) -> Result<Filter, cosmos_confine::Error> {
        let known = self.filters.iter().position(|(it, _)| it == permissions);
        match known {
            Some(place) => Ok(self.filters.swap_remove(place).1),
            None => filter::second(permissions),
        }
    }
}

/// Gives up all but what the order leaves. `launcher` is where the listener goes: what is refused from
/// then on waits until somebody there answers for the kernel. Whether it is there by now need not be
/// waited for: without a launcher there is no VM.
///
/// # Errors
/// What could not be given up; the process must end then.
pub(crate) fn confine(order: &Confine, launcher: OwnedFd, mut ahead: Ahead) -> Result<(), Fault> {
    let failed = |error: cosmos_confine::Error| {
        let code = match error {
            cosmos_confine::Error::Granted(..) => FaultCode::BadArgument,
            _ => FaultCode::LaunchFailed,
        };
        Fault::vm(code, format!("the VM cannot be confined: {error}"))
    };
    let paths = |list: &[String]| list.iter().map(PathBuf::from).collect();
    let files = Files {
        target: paths(&order.target),
        read: paths(&order.grants.read),
        write: paths(&order.grants.write),
        network: order.grants.network,
        programs: order.grants.programs,
        runs_target: false,
    };
    let restriction = Restriction::to(&files, ahead.files.take()).map_err(failed)?;
    let filter = ahead.filter(&permissions(order)).map_err(failed)?;
    threads::hold(restriction).map_err(failed)?;
    let system = |call| move |error| failed(cosmos_confine::Error::System(call, error));
    let listener = filter.install_everywhere().map_err(system("seccomp"))?;
    let byte = [IoSlice::new(&[0])];
    descriptor::send(launcher.as_fd(), &byte, &[listener.as_fd()], Wait::Yes)
        .map_err(system("sendmsg"))?;
    Ok(())
}

fn permissions(order: &Confine) -> Permissions {
    Permissions {
        pid: std::process::id(),
        network: order.grants.network,
        memory_files: order.memory_files,
        programs: order.grants.programs,
        processes: order.processes,
        is_program: false,
    }
}
