//! Memory for two processes: memfds that keep their size for ever.
//!
//! Who shares memory makes it, sizes it and seals it against shrinking, growing and further seals
//! before it is sent; who is sent some takes no other. An access inside of it then never faults,
//! whatever the other one does. `MFD_NOEXEC_SEAL` keeps it from ever being executable.

use crate::{Fault, FaultCode};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::resource::{Resource, getrlimit};
use nix::sys::stat::fstat;
use nix::unistd::ftruncate;
use std::ffi::CStr;
use std::os::fd::{BorrowedFd, OwnedFd};

/// What shared memory has to be sealed against.
pub(crate) const SEALS: SealFlag = SealFlag::F_SEAL_SHRINK
    .union(SealFlag::F_SEAL_GROW)
    .union(SealFlag::F_SEAL_SEAL);

/// Makes `length` bytes of zeros, which are `name`d for people who look into `/proc`.
pub(crate) fn memory(name: &CStr, length: usize) -> nix::Result<OwnedFd> {
    // Growing a file beyond this limit raises SIGXFSZ, which ends a process that never heard of it.
    let (largest, _) = getrlimit(Resource::RLIMIT_FSIZE)?;
    if largest < length as u64 {
        return Err(Errno::EFBIG);
    }
    let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
    let never_executable = MFdFlags::from_bits_retain(libc::MFD_NOEXEC_SEAL);
    let memory = match memfd_create(name, flags | never_executable) {
        // Before Linux 6.3.
        Err(Errno::EINVAL) => memfd_create(name, flags)?,
        memory => memory?,
    };
    ftruncate(&memory, i64::try_from(length).map_err(|_| Errno::EFBIG)?)?;
    fcntl(&memory, FcntlArg::F_ADD_SEALS(SEALS))?;
    Ok(memory)
}

/// Examines memory that somebody sent: its size.
///
/// # Errors
/// `Protocol` where it could change its size, or cannot be written.
pub(crate) fn length(memory: BorrowedFd<'_>) -> Result<usize, Fault> {
    let seals = fcntl(memory, FcntlArg::F_GET_SEALS)
        .ok()
        .map(SealFlag::from_bits_truncate);
    if !seals.is_some_and(|seals| seals.contains(SEALS)) {
        return Err(refused("is not sealed against changes of its size"));
    }
    if seals.is_some_and(|seals| seals.intersects(SealFlag::F_SEAL_WRITE)) {
        return Err(refused("cannot be written"));
    }
    let length = fstat(memory)
        .map_err(|error| failed("examining", error))?
        .st_size;
    Ok(usize::try_from(length).unwrap_or(0))
}

/// Why there is no shared memory.
pub(crate) fn failed(doing: &str, error: Errno) -> Fault {
    let code = match error {
        Errno::EMFILE | Errno::ENFILE => FaultCode::TooManyFiles,
        Errno::ENOMEM | Errno::EAGAIN | Errno::EFBIG => FaultCode::LimitReached,
        _ => FaultCode::System,
    };
    let reason = error.desc();
    Fault::host(code, format!("{doing} shared memory failed: {reason}"))
}

/// Why shared memory that was sent is not taken.
pub(crate) fn refused(what: &str) -> Fault {
    Fault::peer(
        FaultCode::Protocol,
        format!("the shared memory that the peer sent {what}"),
    )
}
