//! Whether a descriptor still stands for the socket that it was given for.
//!
//! A program may close descriptors that it did not open, as some do that go into the background, and be given
//! their numbers again for files of its own. What goes out under the number of a connection is then written
//! into one of those, and its silence is nobody's: no end of it would ever be told.

use crate::{Fault, FaultCode};
use nix::errno::Errno;
use nix::sys::stat::fstat;
use std::os::fd::BorrowedFd;

/// The file that a descriptor stood for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Itself {
    device: u64,
    number: u64,
}

impl Itself {
    /// `None` where it cannot be looked at.
    pub fn of(descriptor: BorrowedFd<'_>) -> Option<Itself> {
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
