//! The second part of a VM's confinement, once its target is known: for good, before any client is
//! served and any foreign code loaded.

use crate::threads::{self, Needed};
use cosmos_confine::files::{self, Files, Restriction};
use cosmos_confine::filter::{self, Filter};
use cosmos_confine::rules::Permissions;
use cosmos_rpc::descriptor::{self, Wait};
use cosmos_rpc::message::confine::Grants;
use cosmos_rpc::message::launch::Confine;
use cosmos_rpc::{Fault, FaultCode};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::io::IoSlice;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Threads for the main connection of the first client, and for its first channel.
pub(crate) const FIRST_THREADS: usize = 2;
/// How long the launcher may take to look after a VM, in milliseconds.
const PATIENCE: u16 = 2000;

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
    let common = ahead.files.take().or_else(|| given(&launcher));
    let restriction = Restriction::to(&files, common).map_err(failed)?;
    let filter = ahead.filter(&permissions(order)).map_err(failed)?;
    threads::hold(restriction).map_err(failed)?;
    // Those that the first client needs, of which this may be one, and which are under all of this by being made after it: the launcher
    // begins to trace this process when it has the listener, and a thread that is made then stops at once.
    let there = usize::from(threads::is_standing_by());
    threads::keep_ready(FIRST_THREADS - there, Needed::Now);
    let system = |call| move |error| failed(cosmos_confine::Error::System(call, error));
    let listener = filter.install_everywhere().map_err(system("seccomp"))?;
    let byte = [IoSlice::new(&[0])];
    descriptor::send(launcher.as_fd(), &byte, &[listener.as_fd()], Wait::Yes)
        .map_err(system("sendmsg"))?;
    *lock() = Some(launcher);
    Ok(())
}

/// What the launcher has made of it just now, while this process was loaded, where it has by now.
fn given(launcher: &OwnedFd) -> Option<files::Ahead> {
    let received = descriptor::receive(launcher.as_fd(), &mut [0], Wait::No).ok()?;
    let [files] = <[_; 1]>::try_from(received.descriptors).ok()?;
    Some(files::Ahead::given(files))
}

/// The way to the launcher, until it was seen that it ends, which it does when the launcher has the listener
/// and looks after this process.
static LAUNCHER: Mutex<Option<OwnedFd>> = Mutex::new(None);

/// Waits until the launcher would look at a crash: before the first code that is not this project's. A
/// launcher that takes longer than it ever should is not waited for, for that code is confined all the same.
pub(crate) fn until_looked_after() {
    let mut launcher = lock();
    if let Some(way) = launcher.take() {
        // A hang-up is always told, and what came too late is none.
        let mut end = [PollFd::new(way.as_fd(), PollFlags::empty())];
        let mut wait = || poll(&mut end, PollTimeout::from(PATIENCE));
        let ended = std::iter::repeat_with(&mut wait).find(|waited| *waited != Err(Errno::EINTR));
        if ended != Some(Ok(1)) {
            tracing::warn!("the launcher does not look after this VM: a crash leaves no report");
        }
    }
}

/// Whether it would by now; then that need not be asked when somebody waits for it.
pub(crate) fn is_looked_after() -> bool {
    let mut launcher = lock();
    let ends = |way: &OwnedFd| {
        let mut end = [PollFd::new(way.as_fd(), PollFlags::empty())];
        poll(&mut end, PollTimeout::ZERO) == Ok(1)
    };
    launcher.take_if(|way| ends(way));
    launcher.is_none()
}

fn lock() -> MutexGuard<'static, Option<OwnedFd>> {
    LAUNCHER.lock().unwrap_or_else(PoisonError::into_inner)
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
