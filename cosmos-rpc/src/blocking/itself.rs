//! Whether a descriptor still stands for the socket that it was given for.
//!
//! A program may close descriptors that it did not open, as some do that go into the background, and be given
//! their numbers again for files of its own. What goes out under the number of a connection is then written
//! into one of those, and its silence is nobody's: no end of it would ever be told.

use crate::{Fault, FaultCode};
use nix::errno::Errno;
use nix::sys::stat::fstat;
use nix::unistd::close;
use std::mem::ManuallyDrop;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::os::unix::net::UnixStream;

/// The socket of a connection, whose descriptor is closed in the end, but not where it is another file's by
/// then.
#[derive(Debug)]
pub(super) struct Owned {
    stream: ManuallyDrop<UnixStream>,
    itself: Option<Itself>,
}

impl Owned {
    /// `shared`: others close and open descriptors among which this one is, as in a client.
    pub fn new(stream: UnixStream, shared: bool) -> Owned {
        Owned {
            itself: shared.then(|| Itself::of(stream.as_fd())).flatten(),
            stream: ManuallyDrop::new(stream),
        }
    }

    /// What the descriptor stood for, where that is looked at.
    pub fn itself(&self) -> Option<Itself> {
        self.itself
    }

    /// Whether the descriptor stands for another file now, or none.
    pub fn was_replaced(&self) -> bool {
        let replaced = |itself: Itself| itself.was_replaced(self.stream.as_fd());
        self.itself.is_some_and(replaced)
    }
}

impl AsFd for Owned {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

impl AsRawFd for Owned {
    fn as_raw_fd(&self) -> RawFd {
        self.stream.as_raw_fd()
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        if !self.was_replaced() {
            let _ = close(self.stream.as_raw_fd());
        }
    }
}

/// The file that a descriptor stood for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Itself {
    device: u64,
    number: u64,
}

impl Itself {
    /// `None` where it cannot be looked at.
    fn of(descriptor: BorrowedFd<'_>) -> Option<Itself> {
        let found = fstat(descriptor).ok()?;
        Some(Itself {
            device: found.st_dev,
            number: found.st_ino,
        })
    }

    /// Whether the descriptor stands for another file now, or none. One that cannot be looked at any more, in
    /// a filter of system calls, is believed to be itself.
    pub fn was_replaced(self, descriptor: BorrowedFd<'_>) -> bool {
        match fstat(descriptor) {
            Ok(found) => (found.st_dev, found.st_ino) != (self.device, self.number),
            Err(error) => error == Errno::EBADF,
        }
    }
}

/// What to say of it.
pub(super) fn replaced() -> Fault {
    Fault::caller(
        FaultCode::Disconnected,
        "the descriptor of the connection was closed by somebody else in this program",
    )
}
