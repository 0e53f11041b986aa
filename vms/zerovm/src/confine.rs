//! The second wall: what the process may still ask of the kernel while a guest runs in it.
//!
//! If the validator had a hole, a guest would be code in this process, so this process gives up
//! everything that a session does not need: files are open by now, memory is reserved. A call that
//! is not on the list kills the process, which its parent reports.

use nix::libc;
use nix::sys::resource::{Resource, setrlimit};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter,
};
use std::collections::BTreeMap;
use zerovm_session::Error;
use zerovm_session::layout::BASE;

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetStatus,
    Scope,
};

/// Calls that are allowed whatever their arguments are. None of them opens anything.
const ALLOWED: [libc::c_long; 20] = [
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_pread64,
    libc::SYS_pwrite64,
    libc::SYS_lseek,
    libc::SYS_fstat,
    libc::SYS_ftruncate,
    libc::SYS_close,
    libc::SYS_futex,
    libc::SYS_rt_sigreturn,
    libc::SYS_rt_sigprocmask,
    libc::SYS_sigaltstack,
    libc::SYS_clock_gettime,
    libc::SYS_getrusage,
    libc::SYS_times,
    libc::SYS_brk,
    libc::SYS_munmap,
    libc::SYS_madvise,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// What confines this process.
#[derive(Debug)]
pub struct Walls {
    /// How much of what Landlock could refuse it refuses.
    pub landlock: RulesetStatus,
}

/// Confines this process for ever. One that may become a daemon keeps what new sessions take: a fork,
/// descriptors that the broker sends, a timer, a name.
pub fn confine(may_become_daemon: bool) -> Result<Walls, Error> {
    setrlimit(Resource::RLIMIT_CORE, 0, 0)
        .map_err(|error| failed("limiting core files", error.desc()))?;
    let landlock = refuse_files().map_err(|error| failed("landlock", error))?;
    let filter = filter(may_become_daemon).map_err(|error| failed("seccomp filter", error))?;
    // This sets no_new_privs first.
    apply_filter(&filter).map_err(|error| failed("seccomp", error))?;
    Ok(Walls { landlock })
}

/// No file, no port, nobody else's sockets and no signals. Descriptors that are open stay so. A
/// kernel that knows less of this refuses less, and the system calls are not allowed anyway.
fn refuse_files() -> Result<RulesetStatus, landlock::RulesetError> {
    let status = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(ABI::V6))?
        .handle_access(AccessNet::from_all(ABI::V6))?
        .scope(Scope::from_all(ABI::V6))?
        .create()?
        .restrict_self()?;
    Ok(status.ruleset)
}

fn filter(may_become_daemon: bool) -> Result<BpfProgram, seccompiler::BackendError> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        ALLOWED.iter().map(|call| (*call, Vec::new())).collect();
    rules.insert(libc::SYS_mmap, anonymous_data()?);
    rules.insert(libc::SYS_mprotect, guest_protection()?);
    // The standard library's debug builds ask before they close a descriptor.
    let asks = argument(1, SeccompCmpOp::Eq, libc::F_GETFD as u64)?;
    rules.insert(libc::SYS_fcntl, vec![SeccompRule::new(vec![asks])?]);
    if may_become_daemon {
        for call in [libc::SYS_recvmsg, libc::SYS_sendmsg, libc::SYS_alarm] {
            rules.insert(call, Vec::new());
        }
        let fork = argument(0, SeccompCmpOp::Eq, libc::SIGCHLD as u64)?;
        rules.insert(libc::SYS_clone, vec![SeccompRule::new(vec![fork])?]);
        rules.insert(
            libc::SYS_prctl,
            vec![
                SeccompRule::new(vec![argument(
                    0,
                    SeccompCmpOp::Eq,
                    libc::PR_SET_NAME as u64,
                )?])?,
                SeccompRule::new(vec![argument(
                    0,
                    SeccompCmpOp::Eq,
                    libc::PR_SET_PDEATHSIG as u64,
                )?])?,
            ],
        );
    }
    let killed = SeccompAction::KillProcess;
    SeccompFilter::new(rules, killed, SeccompAction::Allow, TargetArch::x86_64)?.try_into()
}

/// `mmap` of memory without a file that cannot be executed.
fn anonymous_data() -> Result<Vec<SeccompRule>, seccompiler::BackendError> {
    let anonymous = libc::MAP_ANONYMOUS as u64;
    let executable = libc::PROT_EXEC as u64;
    let fixed = (libc::MAP_FIXED | libc::MAP_FIXED_NOREPLACE) as u64;
    Ok(vec![SeccompRule::new(vec![
        argument(2, SeccompCmpOp::MaskedEq(executable), 0)?,
        argument(3, SeccompCmpOp::MaskedEq(anonymous | fixed), anonymous)?,
    ])?])
}

/// `mprotect` within the guest's 4 GiB, never to writable and executable at once.
fn guest_protection() -> Result<Vec<SeccompRule>, seccompiler::BackendError> {
    const HIGH: u64 = 0xFFFF_FFFF_0000_0000;
    let protections = [
        libc::PROT_NONE,
        libc::PROT_READ,
        libc::PROT_READ | libc::PROT_WRITE,
        libc::PROT_READ | libc::PROT_EXEC,
    ];
    let rule = |protection: i32| {
        SeccompRule::new(vec![
            argument(0, SeccompCmpOp::MaskedEq(HIGH), BASE)?,
            argument(1, SeccompCmpOp::MaskedEq(HIGH), 0)?,
            argument(2, SeccompCmpOp::Eq, protection as u64)?,
        ])
    };
    protections.into_iter().map(rule).collect()
}

fn argument(
    number: u8,
    operator: SeccompCmpOp,
    value: u64,
) -> Result<SeccompCondition, seccompiler::BackendError> {
    SeccompCondition::new(number, SeccompCmpArgLen::Qword, operator, value)
}

fn failed(what: &'static str, why: impl ToString) -> Error {
    Error::Host {
        code: libc::EFAULT,
        what,
        why: why.to_string(),
    }
}
