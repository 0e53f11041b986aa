//! A ruleset of Landlock by its descriptor: it may be made by one process, and added to and held by another, for
//! which the crate that makes it has no way.

use crate::Error;
use landlock::{AccessFs, BitFlags, RulesetCreated};
use nix::errno::Errno;
use std::fs::File;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

/// Which files may be used, and how; of all others nothing.
#[derive(Debug)]
pub(crate) struct Files(OwnedFd);

/// The kernel's own structure.
#[repr(C, packed)]
struct Beneath {
    allowed: u64,
    parent: RawFd,
}

const PATH_BENEATH: libc::c_int = 1;

impl Files {
    /// What was made here.
    pub(crate) fn made(ruleset: RulesetCreated) -> Result<Files, Error> {
        let descriptor = Option::from(ruleset);
        let none = || Error::Landlock("this kernel has none".to_owned());
        descriptor.map(Files).ok_or_else(none)
    }

    /// What was made elsewhere.
    pub(crate) fn given(descriptor: OwnedFd) -> Files {
        Files(descriptor)
    }

    pub(crate) fn into_descriptor(self) -> OwnedFd {
        self.0
    }

    pub(crate) fn again(&self) -> Result<Files, Error> {
        let again = self.0.try_clone();
        again
            .map(Files)
            .map_err(|error| Error::Landlock(error.to_string()))
    }

    /// With this file, or all below this directory.
    pub(crate) fn add(&self, file: &File, access: BitFlags<AccessFs>) -> Result<(), Error> {
        let beneath = Beneath {
            allowed: access.bits(),
            parent: file.as_raw_fd(),
        };
        // SAFETY: the structure is laid out as the kernel has it, and outlives the call.
        let added = unsafe {
            libc::syscall(
                libc::SYS_landlock_add_rule,
                self.0.as_raw_fd(),
                PATH_BENEATH,
                &raw const beneath,
                0,
            )
        };
        Errno::result(added)
            .map(drop)
            .map_err(|error| Error::Landlock(format!("a rule: {}", error.desc())))
    }

    /// Leaves the calling thread these and no other, for good, and all that it makes.
    pub(crate) fn hold(&self) -> Result<(), Error> {
        let failed = |error: Errno| Error::Landlock(format!("restricting: {}", error.desc()));
        nix::sys::prctl::set_no_new_privs().map_err(failed)?;
        // SAFETY: no pointers are passed.
        let held =
            unsafe { libc::syscall(libc::SYS_landlock_restrict_self, self.0.as_raw_fd(), 0) };
        Errno::result(held).map(drop).map_err(failed)
    }
}
