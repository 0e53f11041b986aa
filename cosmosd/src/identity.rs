//! Which process a client is.
//!
//! cosmosdb reads credentials and a pidfd from the client's own connection and gives both with the
//! client's socket. Since Linux 6.9 a pidfd is a file of its own file system whose inode number
//! belongs to one process for good; before, all share one inode and only the pid is left to
//! compare. A pid may be used again by another process of the same uid, which the threat model
//! trusts below the level `landlock+seccomp`, and VMs above it cannot connect to cosmosdb.

use cosmos_rpc::message::registry::Identity;
use nix::sys::stat::fstat;
use nix::sys::statfs::{FsType, fstatfs};
use nix::unistd::geteuid;
use std::os::fd::{AsFd, OwnedFd};

/// `PID_FS_MAGIC`: the file system of pidfds that have inodes of their own.
const PIDFS: FsType = FsType(0x5049_4446);

/// A client process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    /// Its uid, gid and pid, as cosmosdb read them.
    pub identity: Identity,
    /// The inode of its pidfd, where that names one process.
    inode: Option<(u64, u64)>,
}

impl Client {
    /// The client of this identity and, where the kernel gave one, this pidfd.
    pub fn new(identity: Identity, pidfd: Option<&OwnedFd>) -> Client {
        Client {
            identity,
            inode: pidfd.and_then(inode),
        }
    }

    /// The client that another cosmosd knew.
    pub fn restored(identity: Identity, inode: Option<(u64, u64)>) -> Client {
        Client { identity, inode }
    }

    /// The inode of its pidfd, where that names one process as long as the machine runs.
    pub fn inode(&self) -> Option<(u64, u64)> {
        self.inode
    }

    /// Whether both are the same process.
    pub fn is_same_process(&self, other: &Client) -> bool {
        self.identity.uid == other.identity.uid
            && match (self.inode, other.inode) {
                (Some(this), Some(that)) => this == that,
                _ => self.identity.pid == other.identity.pid,
            }
    }

    /// Whether cosmosd serves it: a process of its own effective uid, or root's.
    pub fn is_served(&self) -> bool {
        self.identity.uid == geteuid().as_raw() || self.identity.uid == 0
    }
}

fn inode(pidfd: &OwnedFd) -> Option<(u64, u64)> {
    let file_system = fstatfs(pidfd.as_fd()).ok()?;
    let stat = fstat(pidfd.as_fd()).ok()?;
    (file_system.filesystem_type() == PIDFS).then_some((stat.st_dev, stat.st_ino))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::process::{Pid, PidfdFlags, pidfd_open};
    use std::process::Command;

    fn client(pid: u32, uid: u32, with_pidfd: bool) -> Client {
        let pid = i32::try_from(pid).unwrap();
        let pidfd = with_pidfd
            .then(|| pidfd_open(Pid::from_raw(pid).unwrap(), PidfdFlags::empty()).unwrap());
        Client::new(Identity { uid, gid: 0, pid }, pidfd.as_ref())
    }

    #[test]
    fn one_process_is_itself_and_no_other() {
        let own = std::process::id();
        let mut other = Command::new("sleep").arg("60").spawn().unwrap();
        for with_pidfd in [true, false] {
            let this = client(own, 1000, with_pidfd);
            assert!(this.is_same_process(&client(own, 1000, with_pidfd)));
            assert!(this.is_same_process(&client(own, 1000, false)));
            assert!(!this.is_same_process(&client(other.id(), 1000, with_pidfd)));
            assert!(!this.is_same_process(&client(own, 1001, with_pidfd)));
        }
        other.kill().unwrap();
        other.wait().unwrap();
    }

    #[test]
    fn a_file_that_is_no_pidfd_counts_for_nothing() {
        let file = OwnedFd::from(std::fs::File::open("/dev/null").unwrap());
        assert_eq!(inode(&file), None);
    }
}
