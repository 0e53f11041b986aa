//! Bytes from one stream to another, where the guest cannot have the stream itself.
//!
//! A session opens its channels by name, and a file so opened has a position of its own: what was
//! written to it would be lost, what was read of it read again. What has no name it could not open at
//! all, and the reading end of a pipe, which it holds too, would never be missed. So the guest gets
//! pipes of this process, and the streams stay as they are.

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};

const PIECE: usize = 64 << 10;

/// Carries everything, until `from` ends.
///
/// # Errors
/// When `from` cannot be read, or `to` takes no more.
pub(crate) fn carry(mut from: &File, to: &File) -> io::Result<()> {
    let mut piece = vec![0; PIECE];
    loop {
        match from.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(count) => write(to, piece.get(..count).unwrap_or_default())?,
            Err(error) => again(&error, from.as_fd(), PollFlags::POLLIN).ok_or(error)?,
        }
    }
}

fn write(mut to: &File, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match to.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
            Err(error) => again(&error, to.as_fd(), PollFlags::POLLOUT).ok_or(error)?,
        }
    }
    Ok(())
}

/// Waits until it can be tried again, where it can: the client's streams may be non-blocking.
fn again(error: &io::Error, stream: BorrowedFd<'_>, until: PollFlags) -> Option<()> {
    match error.kind() {
        ErrorKind::Interrupted => Some(()),
        ErrorKind::WouldBlock => {
            // Whatever it says: the next try sees it.
            let _ = poll(&mut [PollFd::new(stream, until)], PollTimeout::NONE);
            Some(())
        }
        _ => None,
    }
}
