//! For a process that computes from what it has open, tells the outcome and ends: anything else that it
//! asks the kernel for kills it. It needs no Landlock and no listener.

use crate::Error;
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch, apply_filter};
use std::collections::BTreeMap;

/// All that it may ask for.
const ALLOWED: [libc::c_long; 26] = [
    // What it has open.
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_pread64,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_lseek,
    libc::SYS_fstat,
    libc::SYS_statx,
    libc::SYS_newfstatat,
    libc::SYS_close,
    // Memory.
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_mprotect,
    libc::SYS_madvise,
    libc::SYS_brk,
    // Itself.
    libc::SYS_futex,
    libc::SYS_sigaltstack,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_gettid,
    libc::SYS_getrandom,
    libc::SYS_clock_gettime,
    // Its end.
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// Confines the calling thread, for good. `no_new_privs` is set with it.
///
/// # Errors
/// Where there is no such filter here; the caller must not go on then.
pub fn confine() -> Result<(), Error> {
    let rules: BTreeMap<_, _> = ALLOWED.iter().map(|call| (*call, Vec::new())).collect();
    let target = TargetArch::try_from(std::env::consts::ARCH);
    let program: BpfProgram = target
        .and_then(|target| {
            let (otherwise, matching) = (SeccompAction::KillProcess, SeccompAction::Allow);
            SeccompFilter::new(rules, otherwise, matching, target)
        })
        .and_then(BpfProgram::try_from)
        .map_err(|error| Error::Filter(error.to_string()))?;
    apply_filter(&program).map_err(|error| Error::Filter(error.to_string()))
}
