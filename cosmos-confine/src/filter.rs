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
//!
//! For a call whose arguments do not matter it writes five instructions, and there are some two hundred
//! of those. The kernel translates a program whenever a process installs it, and tries it for every
//! number: so these calls are compared first, with one instruction each and one return for all, and
//! seccompiler is given those whose arguments decide.

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
/// `jge #k`, `jeq #k` and `ret #k`.
const JUMP_IF_AT_LEAST: u16 = 0x35;
const JUMP_IF_EQUAL: u16 = 0x15;
const RETURN: u16 = 0x06;

/// A filter that is ready to be installed, which then allocates nothing.
#[derive(Debug)]
pub struct Filter {
    /// What does not exist here, so that the C library takes its older way; empty: that is so already.
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

/// For when the target is known, in a process under the first: what does not exist there does not exist
/// since.
///
/// # Errors
/// Where the rules make no program.
pub fn second(permissions: &Permissions) -> Result<Filter, Error> {
    let mut filter = only(permissions)?;
    filter.absent.clear();
    Ok(filter)
}

/// For a process that was under none before: a program's, right before it becomes that.
///
/// # Errors
/// Where the rules make no program.
pub fn only(permissions: &Permissions) -> Result<Filter, Error> {
    Filter::new(rules::allowed(permissions)?)
}

impl Filter {
    fn new(allowed: BTreeMap<i64, Vec<SeccompRule>>) -> Result<Filter, Error> {
        let is_whole = |rules: &Vec<SeccompRule>| rules.is_empty();
        let (whole, conditional): (BTreeMap<_, _>, BTreeMap<_, _>) =
            allowed.into_iter().partition(|(_, rules)| is_whole(rules));
        let program = program(
            conditional,
            SeccompAction::Trace(NOTIFY),
            SeccompAction::Allow,
        )?;
        let whole = whole
            .into_keys()
            .map(u32::try_from)
            .collect::<Result<Vec<_>, _>>();
        let whole = whole.map_err(|error| Error::Filter(error.to_string()))?;
        Ok(Filter {
            absent: program_of_absent()?,
            allowed: notifying(with_numbers(program, &whole)?),
        })
    }

    /// Installs it in the calling thread, for good. `no_new_privs` is set with it.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn install(&self) -> Result<(), Error> {
        if !self.absent.is_empty() {
            install(&self.absent)?;
        }
        install(&self.allowed)
    }

    /// Installs it in the calling thread, for good; what it refuses waits for the listener.
    /// `no_new_privs` is set already. Allocates nothing, whatever comes of it.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn install_with_listener(&self) -> Result<OwnedFd, Errno> {
        if !self.absent.is_empty() {
            set(&self.absent, 0)?;
        }
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

/// Kills for the numbers of x32, and allows these calls whatever their arguments, before anything else is
/// looked at but the architecture.
fn with_numbers(mut program: BpfProgram, whole: &[u32]) -> Result<BpfProgram, Error> {
    let loads = |instruction: &sock_filter| (instruction.code, instruction.k) == LOAD_NUMBER;
    let loaded = program
        .iter()
        .position(loads)
        .ok_or_else(|| Error::Filter("it never looks at the number".to_owned()))?;
    let mut first = vec![
        instruction(JUMP_IF_AT_LEAST, 0, 1, X32),
        instruction(RETURN, 0, 0, libc::SECCOMP_RET_KILL_PROCESS),
    ];
    // A jump is over 255 instructions at most.
    for calls in whole.chunks(200) {
        for (left, call) in (0..calls.len() as u8).rev().zip(calls) {
            // The last one's return follows it, and who comes from there goes on behind that.
            let otherwise = u8::from(left == 0);
            first.push(instruction(JUMP_IF_EQUAL, left, otherwise, *call));
        }
        first.push(instruction(RETURN, 0, 0, libc::SECCOMP_RET_ALLOW));
    }
    // No jump from before leads behind this place, so none has to be made longer.
    program.splice(loaded + 1..loaded + 1, first);
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

#[cfg(test)]
mod tests {
    use super::*;

    const ALLOW: u32 = libc::SECCOMP_RET_ALLOW;
    const KILL: u32 = libc::SECCOMP_RET_KILL_PROCESS;
    const TOLD: u32 = libc::SECCOMP_RET_USER_NOTIF;
    /// Where the kernel has number, architecture and arguments of a call.
    const ARCHITECTURE: u32 = 4;
    const ARGUMENTS: u32 = 16;
    const X86_64: u32 = 0xc000_003e;

    /// What a program says of a call: the few instructions of the kernel's machine that filters have.
    fn verdict(
        program: &[sock_filter],
        architecture: u32,
        number: u32,
        arguments: [u64; 6],
    ) -> u32 {
        let word = |at: u32| match at {
            0 => number,
            ARCHITECTURE => architecture,
            at => {
                let at = (at - ARGUMENTS) as usize;
                (arguments[at / 8] >> (8 * (at % 8))) as u32
            }
        };
        let (mut at, mut held) = (0, 0);
        loop {
            let sock_filter { code, jt, jf, k } = program[at];
            at += 1;
            let holds = match code {
                0x20 => {
                    held = word(k);
                    continue;
                }
                0x54 => {
                    held &= k;
                    continue;
                }
                0x05 => {
                    at += k as usize;
                    continue;
                }
                0x06 => return k,
                0x15 => held == k,
                0x25 => held > k,
                0x35 => held >= k,
                other => panic!("{other:#x} is none of them"),
            };
            at += usize::from(if holds { jt } else { jf });
        }
    }

    /// Arguments that some rule looks for, and some that none does.
    fn arguments() -> Vec<[u64; 6]> {
        let values = [
            0,
            1,
            2,
            4242,
            0x5401,
            0x5421,
            libc::F_SETOWN as u64,
            u64::MAX,
        ];
        let mut all = Vec::new();
        for first in values {
            for second in values {
                all.push([first, second, 1, 0, 0, 0]);
            }
        }
        all
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn calls_that_are_compared_first_are_judged_as_by_the_compiler() {
        let permissions = [
            Permissions::most(4242),
            Permissions {
                network: false,
                memory_files: false,
                programs: false,
                processes: false,
                ..Permissions::most(4242)
            },
        ];
        for permissions in permissions {
            let allowed = rules::allowed(&permissions).unwrap();
            let compiled = program(
                allowed.clone(),
                SeccompAction::Trace(NOTIFY),
                SeccompAction::Allow,
            );
            let compiled = notifying(compiled.unwrap());
            let ours = Filter::new(allowed).unwrap().allowed;
            assert!(ours.len() * 2 < compiled.len(), "{}", ours.len());
            for number in 0..1024 {
                for arguments in arguments() {
                    let verdicts = [&ours, &compiled]
                        .map(|program| verdict(program, X86_64, number, arguments));
                    assert_eq!(verdicts[0], verdicts[1], "{number} {arguments:?}");
                    assert!([ALLOW, TOLD].contains(&verdicts[0]), "{number}");
                }
            }
        }
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn other_architectures_and_x32_kill() {
        let Filter { allowed, .. } = first(&Permissions::most(4242)).unwrap();
        for number in [0, libc::SYS_read as u32, libc::SYS_getpid as u32, u32::MAX] {
            let x32 = number | X32;
            assert_eq!(verdict(&allowed, X86_64, x32, [0; 6]), KILL, "{number}");
            assert_eq!(
                verdict(&allowed, 0x4000_0003, number, [0; 6]),
                KILL,
                "{number}"
            );
        }
        assert_eq!(
            verdict(&allowed, X86_64, libc::SYS_read as u32, [0; 6]),
            ALLOW
        );
    }
}
