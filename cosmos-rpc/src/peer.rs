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
/// that may be one without a number in this user namespace: nothing could be told about them. `System` where the
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
    if identity.uid == overflow_uid() && !every_uid_has_a_number() {
        return Err(Fault::peer(
            FaultCode::NotPermitted,
            format!(
                "the peer's uid {} stands for any uid without a number in this user namespace; \
                 run both ends as a user that has one",
                identity.uid
            ),
        ));
    }
    Ok(())
}

/// Whether this process's user namespace has a number for each uid, as the first one has: then the
/// overflow uid is a user's own, that of `nobody`.
fn every_uid_has_a_number() -> bool {
    std::fs::read_to_string("/proc/self/uid_map").is_ok_and(|map| covers_every_uid(&map))
}

/// Whether the ranges of a `uid_map`, which never overlap, have all numbers but -1, which is none.
fn covers_every_uid(map: &str) -> bool {
    let counts = map.lines().map(|line| {
        let count = line.split_ascii_whitespace().nth(2);
        count.and_then(|count| count.parse::<u64>().ok())
    });
    counts.sum::<Option<u64>>() == Some(u64::from(u32::MAX))
}

fn overflow_uid() -> u32 {
    std::fs::read_to_string("/proc/sys/kernel/overflowuid")
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(OVERFLOW_UID)
}

#[cfg(test)]
mod tests {
    use super::covers_every_uid;

    #[test]
    fn only_a_map_of_all_numbers_leaves_nobody_without_one() {
        assert!(covers_every_uid("         0          0 4294967295\n"));
        assert!(covers_every_uid("0 0 1000\n1000 1000 4294966295\n"));
        for some in [
            "",
            "0 1000 1\n",
            "0 0 65536\n",
            "0 100000 65536\n65536 0 1\n",
            "0 0 many\n",
            "0 0\n",
        ] {
            assert!(!covers_every_uid(some), "{some:?}");
        }
    }
}
