//! The rules as seccomp filters.
//!
//! Both stages answer what is not allowed by a notification. The first has no listener: what it
//! refuses fails with ENOSYS, and only the VM's own code, which asks for nothing, runs under it. The
//! second is newer, and of two filters that say the same the kernel takes the newer one: its listener
//! hears of what either refuses. (A process can have one listener only, so the first must have none.)
//!
//! seccompiler turns the rules into a program. It knows no notifications, and compares numbers for
//! equality only. So its program says "trace" with a number of ours, which is replaced, and two
//! instructions are put in for the numbers of x32, which share the architecture.

use crate::Error;
use crate::rules::{self, Permissions};
use nix::errno::Errno;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompFilter, SeccompRule, TargetArch, apply_filter, sock_filter,
};
use std::collections::BTreeMap;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};

/// Stands for "notify" until it is replaced; what else traces is nobody here.
const NOTIFY: u32 = 0xC05;
/// The bit that x32 sets in a number.
const X32: u32 = 0x4000_0000;
/// `ld [0]`: load the number of the call.
const LOAD_NUMBER: (u16, u32) = (0x20, 0);
/// `jge #k` and `ret #k`.
const JUMP_IF_AT_LEAST: u16 = 0x35;
const RETURN: u16 = 0x06;

/// A filter that is ready to be installed, which then allocates nothing.
#[derive(Debug)]
pub struct Filter {
    /// What does not exist here, so that the C library takes its older way.
    absent: BpfProgram,
    allowed: BpfProgram,
}

/// For before the VM's program is executed: what a VM may do, and what it needs to get there.
///
/// # Errors
/// Where the rules make no program.
pub fn first(permissions: &Permissions) -> Result<Filter, Error> {
    let mut allowed = rules::allowed(permissions)?;
    allowed.extend(rules::until_confined());
    Filter::new(allowed)
}

/// For when the target is known; for a program, right before its process becomes it.
///
/// # Errors
/// Where the rules make no program.
pub fn second(permissions: &Permissions) -> Result<Filter, Error> {
    Filter::new(rules::allowed(permissions)?)
}

impl Filter {
    fn new(allowed: BTreeMap<i64, Vec<SeccompRule>>) -> Result<Filter, Error> {
        let program = program(allowed, SeccompAction::Trace(NOTIFY), SeccompAction::Allow)?;
        Ok(Filter {
            absent: program_of_absent()?,
            allowed: notifying(without_x32(program)?),
        })
    }

    /// Installs it in the calling thread, for good. `no_new_privs` is set with it.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn install(&self) -> Result<(), Error> {
        install(&self.absent)?;
        install(&self.allowed)
    }

    /// Installs it in the calling thread, for good; what it refuses waits for the listener.
    /// `no_new_privs` is set already. Allocates nothing, whatever comes of it.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn install_with_listener(&self) -> Result<OwnedFd, Errno> {
        set(&self.absent, 0)?;
        let listener = set(&self.allowed, libc::SECCOMP_FILTER_FLAG_NEW_LISTENER)?;
        let listener = RawFd::try_from(listener).map_err(|_| Errno::EBADF)?;
        // SAFETY: the kernel has just made it, and nobody else knows it.
        Ok(unsafe { OwnedFd::from_raw_fd(listener) })
    }
}

fn set(program: &BpfProgram, flags: libc::c_ulong) -> Result<libc::c_long, Errno> {
    let program = libc::sock_fprog {
        len: u16::try_from(program.len()).map_err(|_| Errno::E2BIG)?,
        filter: program.as_ptr().cast_mut().cast(),
    };
    // SAFETY: the kernel reads the program, whose instructions are laid out as it has them, and
    // which outlives the call.
    let result = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            flags,
            std::ptr::from_ref(&program),
        )
    };
    Errno::result(result)
}

fn install(program: &BpfProgram) -> Result<(), Error> {
    apply_filter(program).map_err(|error| Error::Filter(error.to_string()))
}

/// `clone3` hides its flags in memory, where a filter cannot look; without it the C library uses
/// `clone`, whose flags can be seen.
fn program_of_absent() -> Result<BpfProgram, Error> {
    let absent = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    let enosys = SeccompAction::Errno(libc::ENOSYS.cast_unsigned());
    program(absent, SeccompAction::Allow, enosys)
}

/// Another architecture than this one kills.
fn program(
    rules: BTreeMap<i64, Vec<SeccompRule>>,
    otherwise: SeccompAction,
    matching: SeccompAction,
) -> Result<BpfProgram, Error> {
    let target = TargetArch::try_from(std::env::consts::ARCH);
    target
        .and_then(|target| SeccompFilter::new(rules, otherwise, matching, target))
        .and_then(BpfProgram::try_from)
        .map_err(|error| Error::Filter(error.to_string()))
}

fn without_x32(mut program: BpfProgram) -> Result<BpfProgram, Error> {
    let loads = |instruction: &sock_filter| (instruction.code, instruction.k) == LOAD_NUMBER;
    let loaded = program
        .iter()
        .position(loads)
        .ok_or_else(|| Error::Filter("it never looks at the number".to_owned()))?;
    // No jump from before leads behind this place, so none has to be made longer.
    let kill = [
        instruction(JUMP_IF_AT_LEAST, 0, 1, X32),
        instruction(RETURN, 0, 0, libc::SECCOMP_RET_KILL_PROCESS),
    ];
    program.splice(loaded + 1..loaded + 1, kill);
    Ok(program)
}

fn notifying(mut program: BpfProgram) -> BpfProgram {
    let traces = u32::from(SeccompAction::Trace(NOTIFY));
    for instruction in &mut program {
        if instruction.code == RETURN && instruction.k == traces {
            instruction.k = libc::SECCOMP_RET_USER_NOTIF;
        }
    }
    program
}

fn instruction(code: u16, jt: u8, jf: u8, k: u32) -> sock_filter {
    sock_filter { code, jt, jf, k }
}
