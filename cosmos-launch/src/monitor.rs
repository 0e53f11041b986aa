//! After the start: wait for the VM to end, kill it when asked, say how it ended.

use crate::child::Child;
use cosmos_rpc::blocking::Connection;
use cosmos_rpc::message::Message;
use cosmos_rpc::message::coordinator::Ending;
use cosmos_rpc::message::launch::{Ended, Kill};
use cosmos_rpc::{Fault, FaultCode};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::os::fd::AsFd;

/// Stays until the VM has ended. cosmosd may vanish meanwhile: then nobody is told.
///
/// # Errors
/// A failed system call; the VM dies with the launcher then.
pub fn watch(coordinator: Connection, child: Child) -> Result<(), Fault> {
    let mut coordinator = Some(coordinator);
    let mut requested = false;
    loop {
        let (ended, told) = wait(&child, coordinator.as_ref())?;
        if ended {
            break;
        }
        if told && let Some(connection) = &mut coordinator {
            match connection.receive() {
                Ok(Some(frame)) if frame.kind == Kill::KIND => {
                    requested = true;
                    child.kill()?;
                }
                // Its end, or nonsense: cosmosd is gone for this launcher, the VM is not.
                _ => coordinator = None,
            }
        }
    }
    let ending = reap(&child, requested)?;
    if let Some(connection) = &mut coordinator {
        // A cosmosd that vanished in this moment needs no notice.
        let _ = connection.notify(&Ended { ending }, &[]);
    }
    Ok(())
}

/// Waits for the VM's end or a message: which of them there is.
fn wait(child: &Child, coordinator: Option<&Connection>) -> Result<(bool, bool), Fault> {
    let mut watched = vec![PollFd::new(child.pidfd(), PollFlags::POLLIN)];
    watched
        .extend(coordinator.map(|connection| PollFd::new(connection.as_fd(), PollFlags::POLLIN)));
    loop {
        match poll(&mut watched, PollTimeout::NONE) {
            Err(Errno::EINTR) => {}
            Err(error) => return Err(system("poll", error)),
            Ok(_) => {
                let mut happened = watched.iter().map(|entry| entry.any() != Some(false));
                return Ok((
                    happened.next().unwrap_or(false),
                    happened.next().unwrap_or(false),
                ));
            }
        }
    }
}

fn reap(child: &Child, requested: bool) -> Result<Ending, Fault> {
    let (code, status) = child.reap().map_err(|error| system("waitid", error))?;
    Ok(match code {
        libc::CLD_EXITED => Ending::Exited(status),
        libc::CLD_KILLED | libc::CLD_DUMPED => Ending::Killed {
            signal: status,
            requested: requested && status == libc::SIGKILL,
        },
        _ => Ending::Unknown,
    })
}

fn system(call: &str, error: Errno) -> Fault {
    Fault::host(
        FaultCode::System,
        format!("{call} failed: {}", error.desc()),
    )
}
