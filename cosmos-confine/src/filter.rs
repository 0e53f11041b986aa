//! The rules as seccomp filters.
//!
//! Both stages answer what is not allowed by a notification. The first has no listener: what it
//! refuses fails with ENOSYS, and only the VM's own code, which asks for nothing, runs under it. The
//! second is newer, and of two filters that say the same the kernel takes the newer one: its listener
//! hears of what either refuses. (A process can have one listener only, so the first must have none.)
//!
//! seccompiler turns the rules into a program. It knows no notifications, and compares numbers for
//! equality only. So its program says "trace" with a number of ours, which is replaced, and the numbers of
//! x32, which share the architecture, are looked for before it.
//!
//! For a call whose arguments do not matter it writes five instructions, and there are some two hundred
//! of those. So whatever the number alone decides is decided first, see `filter::numbers`, and seccompiler is given
//! the calls whose arguments decide.

mod numbers;

use crate::Error;
use crate::rules::{self, Permissions};
use nix::errno::Errno;
use numbers::{Verdict, judge};
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
/// `ja #k`, `jge #k` and `ret #k`.
const JUMP: u16 = 0x05;
const JUMP_IF_AT_LEAST: u16 = 0x35;
const RETURN: u16 = 0x06;
/// `clone3` hides its flags in memory, where a filter cannot look. Where there is none the C library uses
/// `clone`, whose flags can be seen.
const ABSENT: [(libc::c_long, u32); 1] = [(
    libc::SYS_clone3,
    libc::SECCOMP_RET_ERRNO | libc::ENOSYS.cast_unsigned(),
)];

/// A filter that is ready to be installed, which then allocates nothing.
#[derive(Debug)]
pub struct Filter(BpfProgram);

/// For before the VM's program is executed: what a VM may do, and what it needs to get there.
///
/// # Errors
/// Where the rules make no program.
pub fn first(permissions: &Permissions) -> Result<Filter, Error> {
    let mut allowed = rules::allowed(permissions)?;
    allowed.extend(rules::until_confined());
    Filter::new(allowed, &ABSENT)
}

/// For when the target is known, in a process under the first: what does not exist there does not exist
/// since.
///
/// # Errors
/// Where the rules make no program.
pub fn second(permissions: &Permissions) -> Result<Filter, Error> {
    Filter::new(rules::allowed(permissions)?, &[])
}

/// For a process that was under none before: a program's, right before it becomes that.
///
/// # Errors
/// Where the rules make no program.
pub fn only(permissions: &Permissions) -> Result<Filter, Error> {
    Filter::new(rules::allowed(permissions)?, &ABSENT)
}

impl Filter {
    /// `absent` fails as it says, whatever is allowed.
    fn new(
        allowed: BTreeMap<i64, Vec<SeccompRule>>,
        absent: &[(libc::c_long, u32)],
    ) -> Result<Filter, Error> {
        let is_whole = |rules: &Vec<SeccompRule>| rules.is_empty();
        let (whole, conditional): (BTreeMap<_, _>, BTreeMap<_, _>) =
            allowed.into_iter().partition(|(_, rules)| is_whole(rules));
        let verdicts = verdicts(whole.keys(), conditional.keys(), absent)?;
        let program = program(
            conditional,
            SeccompAction::Trace(NOTIFY),
            SeccompAction::Allow,
        )?;
        Ok(Filter(notifying(with_numbers(program, &verdicts)?)))
    }

    /// Installs it in the calling thread, for good. `no_new_privs` is set with it.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn install(&self) -> Result<(), Error> {
        apply_filter(&self.0).map_err(|error| Error::Filter(error.to_string()))
    }

    /// Installs it in the calling thread, for good; what it refuses waits for the listener.
    /// `no_new_privs` is set already. Allocates nothing, whatever comes of it.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn install_with_listener(&self) -> Result<OwnedFd, Errno> {
        self.listened(0)
    }

    /// The same in all threads of the process, or in none: each must be under the same filters before.
    ///
    /// # Errors
    /// What the kernel says; `ESRCH`: a thread is under others.
    pub fn install_everywhere(&self) -> Result<OwnedFd, Errno> {
        self.listened(libc::SECCOMP_FILTER_FLAG_TSYNC | libc::SECCOMP_FILTER_FLAG_TSYNC_ESRCH)
    }

    fn listened(&self, flags: libc::c_ulong) -> Result<OwnedFd, Errno> {
        let listener = set(&self.0, flags | libc::SECCOMP_FILTER_FLAG_NEW_LISTENER)?;
        let listener = RawFd::try_from(listener).map_err(|_| Errno::EBADF)?;
        // SAFETY: the kernel has just made it, and nobody else knows it.
        Ok(unsafe { OwnedFd::from_raw_fd(listener) })
    }
}

/// What the number of a call decides: these whatever their arguments, these by them.
fn verdicts<'n>(
    whole: impl Iterator<Item = &'n i64>,
    conditional: impl Iterator<Item = &'n i64>,
    absent: &[(libc::c_long, u32)],
) -> Result<BTreeMap<u32, Verdict>, Error> {
    let allowed = Verdict::Return(libc::SECCOMP_RET_ALLOW);
    let whole = whole.map(|number| (*number, allowed));
    let conditional = conditional.map(|number| (*number, Verdict::Rest));
    let absent = absent.iter();
    let absent = absent.map(|(number, what)| (*number, Verdict::Return(*what)));
    let all = whole.chain(conditional).chain(absent);
    let numbers = all.map(|(number, verdict)| Ok((u32::try_from(number)?, verdict)));
    numbers
        .collect::<Result<_, _>>()
        .map_err(|error: std::num::TryFromIntError| Error::Filter(error.to_string()))
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

/// Puts the judgement of numbers before anything else is looked at but the architecture: what is not in
/// `verdicts` is told, and the numbers of x32 kill.
fn with_numbers(
    mut program: BpfProgram,
    verdicts: &BTreeMap<u32, Verdict>,
) -> Result<BpfProgram, Error> {
    let loads = |instruction: &sock_filter| (instruction.code, instruction.k) == LOAD_NUMBER;
    let loaded = program
        .iter()
        .position(loads)
        .ok_or_else(|| Error::Filter("it never looks at the number".to_owned()))?;
    let told = Verdict::Return(libc::SECCOMP_RET_USER_NOTIF);
    let killed = Verdict::Return(libc::SECCOMP_RET_KILL_PROCESS);
    let first = judge(verdicts, told, (X32, killed))?;
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
        run(program, architecture, number, arguments).0
    }

    /// The same, and how many instructions that took.
    fn run(
        program: &[sock_filter],
        architecture: u32,
        number: u32,
        arguments: [u64; 6],
    ) -> (u32, usize) {
        let word = |at: u32| match at {
            0 => number,
            ARCHITECTURE => architecture,
            at => {
                let at = (at - ARGUMENTS) as usize;
                (arguments[at / 8] >> (8 * (at % 8))) as u32
            }
        };
        let (mut at, mut held, mut steps) = (0, 0, 0);
        loop {
            let sock_filter { code, jt, jf, k } = program[at];
            at += 1;
            steps += 1;
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
                0x06 => return (k, steps),
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

    /// Every one that there can be.
    fn all_permissions() -> impl Iterator<Item = Permissions> {
        (0..32).map(|bits| Permissions {
            network: bits & 1 != 0,
            memory_files: bits & 2 != 0,
            programs: bits & 4 != 0,
            processes: bits & 8 != 0,
            is_program: bits & 16 != 0,
            ..Permissions::most(4242)
        })
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn calls_are_judged_as_by_the_compiler() {
        let (clone3, absent) = ABSENT[0];
        for permissions in all_permissions() {
            let allowed = rules::allowed(&permissions).unwrap();
            assert!(!allowed.contains_key(&clone3));
            let compiled = program(
                allowed.clone(),
                SeccompAction::Trace(NOTIFY),
                SeccompAction::Allow,
            );
            let compiled = notifying(compiled.unwrap());
            let Filter(ours) = Filter::new(allowed.clone(), &ABSENT).unwrap();
            assert!(ours.len() * 2 < compiled.len(), "{}", ours.len());
            for number in 0..1024 {
                let decides = allowed.get(&i64::from(number));
                let decides = decides.is_some_and(|rules| !rules.is_empty());
                let most = if decides { usize::MAX } else { 1 };
                for arguments in arguments().into_iter().take(most) {
                    let [ours, theirs] = [&ours, &compiled]
                        .map(|program| verdict(program, X86_64, number, arguments));
                    if i64::from(number) == clone3 {
                        assert_eq!((ours, theirs), (absent, TOLD));
                        continue;
                    }
                    assert_eq!(ours, theirs, "{number} {arguments:?}");
                    assert!([ALLOW, TOLD].contains(&ours), "{number}");
                }
            }
        }
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn other_architectures_and_x32_kill() {
        for permissions in all_permissions() {
            let Filter(filter) = first(&permissions).unwrap();
            for number in [0, libc::SYS_read as u32, libc::SYS_getpid as u32, X32 - 1] {
                let x32 = number | X32;
                assert_eq!(verdict(&filter, X86_64, x32, [0; 6]), KILL, "{number}");
                let i386 = verdict(&filter, 0x4000_0003, number, [0; 6]);
                assert_eq!(i386, KILL, "{number}");
            }
            assert_eq!(verdict(&filter, X86_64, u32::MAX, [0; 6]), KILL);
            assert_eq!(verdict(&filter, X86_64, X32 - 1, [0; 6]), TOLD);
            assert_eq!(
                verdict(&filter, X86_64, libc::SYS_read as u32, [0; 6]),
                ALLOW
            );
        }
    }

    /// Arguments that make a call harmful, and harmless ones of the same call, whatever else is granted.
    #[test]
    #[cfg(target_arch = "x86_64")]
    fn arguments_decide_where_they_must() {
        use libc::*;
        const OWN: u64 = 4242;
        const OTHER: u64 = 1;
        let number = |constant: c_int| u64::from(constant.cast_unsigned());
        let thread = number(
            CLONE_VM
                | CLONE_FS
                | CLONE_FILES
                | CLONE_SIGHAND
                | CLONE_THREAD
                | CLONE_SYSVSEM
                | CLONE_SETTLS,
        );
        let (unix, internet) = (number(AF_UNIX), number(AF_INET));
        let stream = number(SOCK_STREAM | SOCK_CLOEXEC);
        let datagrams = number(SOCK_DGRAM | SOCK_CLOEXEC);
        for permissions in all_permissions() {
            let Filter(filter) = second(&permissions).unwrap();
            let judge = |call: c_long, given: &[u64], allowed: bool| {
                let mut arguments = [0; 6];
                arguments[..given.len()].copy_from_slice(given);
                let expected = if allowed { ALLOW } else { TOLD };
                let number = u32::try_from(call).unwrap();
                assert_eq!(
                    verdict(&filter, X86_64, number, arguments),
                    expected,
                    "{} {given:x?} with {permissions:?}",
                    crate::listener::name(call)
                );
            };
            let steers = permissions.processes || permissions.is_program;
            judge(SYS_clone, &[thread], true);
            judge(SYS_clone, &[number(SIGCHLD)], permissions.processes);
            for flag in [
                CLONE_NEWNS,
                CLONE_NEWUSER,
                CLONE_NEWPID,
                CLONE_NEWNET,
                CLONE_NEWIPC,
                CLONE_NEWUTS,
                CLONE_NEWCGROUP,
                CLONE_PARENT,
                CLONE_PTRACE,
                CLONE_UNTRACED,
            ] {
                judge(SYS_clone, &[thread | number(flag)], false);
                judge(SYS_clone, &[number(SIGCHLD | flag)], false);
            }
            judge(SYS_kill, &[OWN], true);
            judge(SYS_kill, &[OTHER], steers);
            judge(SYS_rt_sigqueueinfo, &[OTHER], false);
            judge(SYS_rt_tgsigqueueinfo, &[OTHER], false);
            judge(SYS_prlimit64, &[0], true);
            judge(SYS_prlimit64, &[OTHER], false);
            judge(SYS_sched_setaffinity, &[OTHER], false);
            judge(SYS_setpriority, &[number(PRIO_PROCESS as c_int), 0], true);
            judge(
                SYS_setpriority,
                &[number(PRIO_PROCESS as c_int), OTHER],
                false,
            );
            judge(SYS_setpriority, &[number(PRIO_USER as c_int), 0], false);
            judge(SYS_socketpair, &[unix, stream], true);
            judge(SYS_socketpair, &[unix, datagrams], false);
            judge(SYS_socketpair, &[unix, number(SOCK_SEQPACKET)], false);
            judge(SYS_socketpair, &[number(AF_TIPC), stream], false);
            judge(SYS_socket, &[internet, stream], permissions.network);
            judge(SYS_socket, &[internet, datagrams], permissions.network);
            for (family, kind) in [
                (unix, stream),
                (number(AF_NETLINK), datagrams),
                (number(AF_PACKET), datagrams),
                (number(AF_ALG), number(SOCK_SEQPACKET)),
                (internet, number(SOCK_RAW)),
            ] {
                judge(SYS_socket, &[family, kind], false);
            }
            judge(SYS_sendto, &[0, 0, 0, 0, 0], true);
            judge(SYS_sendto, &[0, 0, 0, 0, 1 << 32], permissions.network);
            for option in [
                SO_ATTACH_FILTER,
                SO_ATTACH_BPF,
                SO_ATTACH_REUSEPORT_EBPF,
                SO_PASSCRED,
            ] {
                judge(
                    SYS_setsockopt,
                    &[0, number(SOL_SOCKET), number(option)],
                    false,
                );
            }
            for request in [TIOCSTI, TIOCSETD, TIOCLINUX, FIOASYNC] {
                judge(SYS_ioctl, &[0, request], false);
                judge(SYS_ioctl, &[0, request | 1 << 32], false);
            }
            for command in [F_SETOWN, F_SETLEASE, F_NOTIFY] {
                judge(SYS_fcntl, &[0, number(command)], false);
            }
            for operation in [
                PR_SET_DUMPABLE,
                PR_SET_PTRACER,
                PR_SET_MM,
                PR_SET_SECCOMP,
                PR_SET_PDEATHSIG,
            ] {
                judge(SYS_prctl, &[number(operation)], false);
            }
        }
    }

    /// The kernel goes through it for each number when it installs the filter.
    #[test]
    #[cfg(target_arch = "x86_64")]
    fn a_number_is_judged_in_few_instructions() {
        let permissions = Permissions::most(4242);
        let allowed = rules::allowed(&permissions).unwrap();
        let Filter(filter) = Filter::new(allowed.clone(), &ABSENT).unwrap();
        let by_number = |number: &u32| {
            let rules = allowed.get(&i64::from(*number));
            rules.is_none_or(Vec::is_empty)
        };
        for number in (0..1024).filter(by_number) {
            let (_, steps) = run(&filter, X86_64, number, [0; 6]);
            assert!(steps <= 14, "{number}: {steps}");
        }
    }
}
