//! What the kernel says was refused.
//!
//! A filter that notifies holds the thread that made a call until the holder of the listener answers.
//! Here the answer is EPERM, always: a call is never let through afterwards, because what its pointers
//! lead to can change between a look and the call.

use nix::errno::Errno;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// The other end of a filter that notifies.
#[derive(Debug)]
pub struct Listener(OwnedFd);

/// A call that was refused, and is answered when this is dropped or [`answer`](Refused::answer)ed.
#[derive(Debug)]
pub struct Refused<'l> {
    listener: &'l Listener,
    id: u64,
    number: i64,
}

impl Listener {
    /// A listener that a confined process sent.
    pub fn new(descriptor: OwnedFd) -> Listener {
        Listener(descriptor)
    }

    /// The next refused call; `None` when its thread is gone already, or nobody is left.
    pub fn receive(&self) -> nix::Result<Option<Refused<'_>>> {
        // SAFETY: zeroes are a valid notification, which the kernel demands and fills.
        let mut notice: libc::seccomp_notif = unsafe { std::mem::zeroed() };
        // SAFETY: the descriptor is open as long as `self`, and the structure is the kernel's.
        let received = unsafe {
            libc::ioctl(
                self.0.as_raw_fd(),
                libc::SECCOMP_IOCTL_NOTIF_RECV,
                std::ptr::from_mut(&mut notice),
            )
        };
        match Errno::result(received) {
            Ok(_) => Ok(Some(Refused {
                listener: self,
                id: notice.id,
                number: i64::from(notice.data.nr),
            })),
            Err(Errno::ENOENT | Errno::EINTR) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Refused<'_> {
    /// Its name.
    pub fn name(&self) -> String {
        name(self.number)
    }

    /// Answers EPERM. A thread that was killed meanwhile needs no answer.
    pub fn answer(self) -> nix::Result<()> {
        let answer = libc::seccomp_notif_resp {
            id: self.id,
            val: 0,
            error: -libc::EPERM,
            flags: 0,
        };
        // SAFETY: the descriptor is open as long as the listener, and the structure is the kernel's.
        let sent = unsafe {
            libc::ioctl(
                self.listener.0.as_raw_fd(),
                libc::SECCOMP_IOCTL_NOTIF_SEND,
                std::ptr::from_ref(&answer),
            )
        };
        match Errno::result(sent) {
            Ok(_) | Err(Errno::ENOENT) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// Numbers up to here are told apart, whether they have names or not.
const LAST: i64 = 1023;

/// The name of a system call by its number. There are not many: who counts them keeps a name for each, and
/// whoever calls may try every number there is.
pub fn name(number: i64) -> String {
    usize::try_from(number)
        .ok()
        .and_then(syscalls::Sysno::new)
        .map_or_else(
            || match number {
                0..=LAST => format!("system call {number}"),
                _ => "no system call".to_owned(),
            },
            |call| call.name().to_owned(),
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_an_end_of_names() {
        assert_eq!(name(libc::SYS_ptrace), "ptrace");
        assert_eq!(name(1000), "system call 1000");
        assert_eq!(name(1024), name(1 << 29));
        assert_eq!(name(-1), name(1 << 29));
    }
}
