//! Descriptors that go to a VM which is confined.
//!
//! A file stays what it was opened for: Landlock judges its path when somebody opens it anew through
//! `/proc/self/fd`. A file in memory has no path, so only a seal keeps one that was passed for reading
//! from being written.

use cosmos_rpc::{Fault, FaultCode};
use nix::fcntl::{FcntlArg, OFlag, SealFlag, fcntl};
use std::os::fd::{AsRawFd, BorrowedFd};

/// Refuses a file in memory that is open for reading and could be opened for writing.
///
/// # Errors
/// `BadArgument`, saying which seal it lacks.
pub(crate) fn is_what_it_says(descriptor: BorrowedFd<'_>) -> Result<(), Fault> {
    let Ok(flags) = fcntl(descriptor, FcntlArg::F_GETFL) else {
        // It is not open: sending it says so.
        return Ok(());
    };
    let mode = OFlag::from_bits_truncate(flags) & OFlag::O_ACCMODE;
    if mode != OFlag::O_RDONLY {
        return Ok(());
    }
    // What has seals is a file in memory.
    let Ok(seals) = fcntl(descriptor, FcntlArg::F_GET_SEALS) else {
        return Ok(());
    };
    let write = SealFlag::F_SEAL_WRITE | SealFlag::F_SEAL_FUTURE_WRITE;
    if SealFlag::from_bits_truncate(seals).intersects(write) {
        return Ok(());
    }
    let message = format!(
        "descriptor {} is a file in memory that is passed for reading, and the VM could open it for \
         writing: seal it with F_SEAL_FUTURE_WRITE, or pass it for writing",
        descriptor.as_raw_fd()
    );
    Err(Fault::caller(FaultCode::BadArgument, message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::memfd::{MFdFlags, memfd_create};
    use std::fs::File;
    use std::os::fd::AsFd;

    #[test]
    fn memory_for_reading_needs_a_seal_and_nothing_else_does() {
        let memory = memfd_create(c"m", MFdFlags::MFD_ALLOW_SEALING).expect("memory");
        assert!(is_what_it_says(memory.as_fd()).is_ok(), "it may be written");
        let path = format!("/proc/self/fd/{}", memory.as_raw_fd());
        let reader = File::open(path).expect("opened anew");
        let fault = is_what_it_says(reader.as_fd()).expect_err("it could be written");
        assert_eq!(fault.code, FaultCode::BadArgument);
        assert!(fault.message.contains("F_SEAL_FUTURE_WRITE"), "{fault}");
        let seal = FcntlArg::F_ADD_SEALS(SealFlag::F_SEAL_FUTURE_WRITE);
        fcntl(&memory, seal).expect("sealed");
        assert!(is_what_it_says(reader.as_fd()).is_ok());
        let file = File::open("/dev/null").expect("a file");
        assert!(is_what_it_says(file.as_fd()).is_ok());
        let (pipe, _) = std::io::pipe().expect("a pipe");
        assert!(is_what_it_says(pipe.as_fd()).is_ok());
    }
}
