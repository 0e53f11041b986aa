//! How many files the VM may have open, and what of it threads of clients leave to others.
//!
//! A descriptor that a message brings and that finds no room is lost, and with it the connection it came
//! on: of what came, nobody can tell any more what was to be done with it. On a client's main connection
//! that would be the end of a private VM, so a thread more is refused before it comes to that.

use cosmos_rpc::{Fault, FaultCode};
use nix::sys::resource::{Resource, getrlimit};
use std::os::fd::{AsRawFd, BorrowedFd};

/// Of all numbers, one in so many is left to libraries, to what messages bring, and to clients that come.
const LEFT: u64 = 4;

/// Whether enough numbers are left behind that of a descriptor which has just come: the kernel gives the
/// lowest one that is free.
///
/// # Errors
/// `LimitReached` where they are not.
pub(crate) fn is_left_behind(come: BorrowedFd<'_>) -> Result<(), Fault> {
    // Of a process that cannot say, nothing is known to be wrong.
    let most = getrlimit(Resource::RLIMIT_NOFILE).map_or(u64::MAX, |(most, _)| most);
    let number = u64::try_from(come.as_raw_fd()).unwrap_or(u64::MAX);
    is_low_enough(number, most)
}

fn is_low_enough(number: u64, most: u64) -> Result<(), Fault> {
    if number < most - most / LEFT {
        return Ok(());
    }
    Err(Fault::host(
        FaultCode::LimitReached,
        format!(
            "the VM has some {number} files open, of {most} that it may have, and the rest is left to its \
             libraries: no more threads are served (limits.open_files)"
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_the_last_quarter_are_too_high() {
        for (number, most) in [(383, 512), (0, 1), (11, 16), (1 << 20, u64::MAX)] {
            is_low_enough(number, most).unwrap();
        }
        for (number, most) in [(384, 512), (511, 512), (12, 16), (1, 1), (0, 0)] {
            let fault = is_low_enough(number, most).unwrap_err();
            assert_eq!(fault.code, FaultCode::LimitReached);
            assert!(fault.message.contains("limits.open_files"), "{fault}");
        }
    }
}
