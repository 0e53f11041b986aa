//! Who is at the other end of a Unix socket, and whom to refuse.
//!
//! `SO_PEERCRED` names who called `connect` (or `listen`, or `socketpair`), at that time. On a
//! descriptor that was passed on it therefore names somebody else than the sender: read it only from
//! a connection this process accepted or made itself.

use crate::message::registry::Identity;
use crate::{Fault, FaultCode};
use nix::errno::Errno;
use nix::sys::socket::{getsockopt, sockopt};
use nix::unistd::geteuid;
use std::os::fd::{AsFd, OwnedFd};

/// The uid the kernel shows for one that has no number here, where `/proc` does not say.
const OVERFLOW_UID: u32 = 65534;

/// Who made the other end.
///
/// # Errors
///
/// `NotPermitted` for a process this one cannot see (pid 0: another pid namespace) and for a uid
/// without a number in this user namespace: nothing could be told about them. `System` where the
/// kernel does not answer.
pub fn identity(socket: &impl AsFd) -> Result<Identity, Fault> {
    let credentials = getsockopt(&socket.as_fd(), sockopt::PeerCredentials).map_err(|error| {
        Fault::host(
            FaultCode::System,
            format!("cannot read the peer's credentials: {error}"),
        )
    })?;
    let identity = Identity {
        uid: credentials.uid(),
        gid: credentials.gid(),
        pid: credentials.pid(),
    };
    refuse_unknown(&identity)?;
    Ok(identity)
}

/// The peer as a pidfd; `None` where the kernel has no `SO_PEERPIDFD` (before Linux 6.5).
///
/// # Errors
///
/// `Disconnected`: the process is gone.
pub fn pidfd(socket: &impl AsFd) -> Result<Option<OwnedFd>, Fault> {
    match getsockopt(&socket.as_fd(), sockopt::PeerPidfd) {
        Ok(pidfd) => Ok(Some(pidfd)),
        Err(Errno::ENOPROTOOPT | Errno::ENOSYS | Errno::EOPNOTSUPP) => Ok(None),
        Err(Errno::EMFILE | Errno::ENFILE | Errno::ENOMEM) => Ok(None),
        Err(error) => Err(Fault::peer(
            FaultCode::Disconnected,
            format!("the process at the other end is gone: {}", error.desc()),
        )),
    }
}

/// Refuses a peer that is neither of this process's effective uid nor root.
///
/// # Errors
///
/// `NotPermitted`, naming both uids; otherwise as [`identity`].
pub fn trusted(socket: &impl AsFd, whom: &str) -> Result<Identity, Fault> {
    let identity = identity(socket)?;
    let own = geteuid().as_raw();
    if identity.uid != own && identity.uid != 0 {
        return Err(Fault::peer(
            FaultCode::NotPermitted,
            format!(
                "{whom} runs as uid {}, but only uid {own} and root are trusted here",
                identity.uid
            ),
        ));
    }
    Ok(identity)
}

fn refuse_unknown(identity: &Identity) -> Result<(), Fault> {
    if identity.pid <= 0 {
        return Err(Fault::peer(
            FaultCode::NotPermitted,
            "the peer is a process of another pid namespace, of which nothing can be known",
        ));
    }
    if identity.uid == overflow_uid() {
        return Err(Fault::peer(
            FaultCode::NotPermitted,
            format!(
                "the peer's uid {} stands for any uid without a number here",
                identity.uid
            ),
        ));
    }
    Ok(())
}

fn overflow_uid() -> u32 {
    std::fs::read_to_string("/proc/sys/kernel/overflowuid")
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(OVERFLOW_UID)
}
