//! Which system calls a confined process may make. An allow-list: what is not here is refused.
//!
//! Each entry has its reason. What docs/isolation.md says must never be allowed is not here, and
//! the tests below hold both lists against each other. An argument is compared as the kernel reads it: an `int` by its low half.

mod arguments;

use crate::Error;
use arguments::conditional;
use libc::c_long;
use seccompiler::SeccompRule;
use std::collections::BTreeMap;

/// What was granted besides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permissions {
    /// The process's own pid, as it sees it itself; 0 where the list is written before there is one.
    pub pid: u32,
    /// Sockets of the Internet.
    pub network: bool,
    /// Files in memory; something must bound the memory of all, then.
    pub memory_files: bool,
    /// Becoming another program; Landlock says which.
    pub programs: bool,
    /// Making and steering processes; Landlock says whom they may signal. Something must bound how many
    /// there are, then.
    pub processes: bool,
    /// It becomes a program that is not this project's: it is executed once the list holds, and gives
    /// signals to its own, where Landlock's scope ends.
    pub is_program: bool,
}

impl Permissions {
    /// All that a VM may be granted: for the first stage, which a later one narrows.
    pub fn most(pid: u32) -> Permissions {
        Permissions {
            pid,
            network: true,
            memory_files: true,
            programs: true,
            processes: true,
            is_program: false,
        }
    }
}

/// Calls for one reason, whatever their arguments.
struct Group {
    /// Why; for whoever reads this file.
    #[allow(dead_code)]
    reason: &'static str,
    calls: &'static [c_long],
}

const fn group(reason: &'static str, calls: &'static [c_long]) -> Group {
    Group { reason, calls }
}

/// For every confined process.
const ALWAYS: &[Group] = &[
    group(
        "bytes through descriptors that it has",
        &[
            libc::SYS_read,
            libc::SYS_write,
            libc::SYS_readv,
            libc::SYS_writev,
            libc::SYS_pread64,
            libc::SYS_pwrite64,
            libc::SYS_preadv,
            libc::SYS_pwritev,
            libc::SYS_preadv2,
            libc::SYS_pwritev2,
            libc::SYS_lseek,
            libc::SYS_sendfile,
            libc::SYS_copy_file_range,
            libc::SYS_readahead,
            libc::SYS_fadvise64,
        ],
    ),
    group(
        "descriptors: none is made that leads elsewhere",
        &[
            libc::SYS_close,
            libc::SYS_close_range,
            libc::SYS_dup,
            libc::SYS_dup3,
            libc::SYS_pipe2,
            libc::SYS_eventfd2,
        ],
    ),
    group(
        "files, which Landlock judges by their path",
        &[
            libc::SYS_openat,
            libc::SYS_openat2,
            libc::SYS_mkdirat,
            libc::SYS_unlinkat,
            libc::SYS_renameat,
            libc::SYS_renameat2,
            libc::SYS_linkat,
            libc::SYS_symlinkat,
            libc::SYS_truncate,
            libc::SYS_getdents64,
        ],
    ),
    group(
        "what is known of files: that they exist is not hidden at this level",
        &[
            libc::SYS_newfstatat,
            libc::SYS_fstat,
            libc::SYS_statx,
            libc::SYS_statfs,
            libc::SYS_fstatfs,
            libc::SYS_faccessat,
            libc::SYS_faccessat2,
            libc::SYS_readlinkat,
            libc::SYS_getcwd,
            libc::SYS_chdir,
            libc::SYS_fchdir,
            libc::SYS_umask,
        ],
    ),
    group(
        "contents of open files, and locks on them, as data bases need",
        &[
            libc::SYS_ftruncate,
            libc::SYS_fallocate,
            libc::SYS_fsync,
            libc::SYS_fdatasync,
            libc::SYS_sync_file_range,
            libc::SYS_flock,
        ],
    ),
    group(
        "memory of its own, and of files that it opened; libraries need it executable",
        &[
            libc::SYS_brk,
            libc::SYS_mmap,
            libc::SYS_munmap,
            libc::SYS_mprotect,
            libc::SYS_mremap,
            libc::SYS_madvise,
            libc::SYS_msync,
            libc::SYS_mincore,
            libc::SYS_mlock,
            libc::SYS_mlock2,
            libc::SYS_munlock,
            libc::SYS_membarrier,
        ],
    ),
    group(
        "threads of its own, and waiting for each other",
        &[
            libc::SYS_futex,
            libc::SYS_futex_waitv,
            libc::SYS_set_robust_list,
            libc::SYS_set_tid_address,
            libc::SYS_rseq,
            libc::SYS_sched_yield,
            libc::SYS_gettid,
            libc::SYS_exit,
            libc::SYS_exit_group,
            libc::SYS_restart_syscall,
            libc::SYS_getcpu,
        ],
    ),
    group(
        "signals to itself: what they do, and when they come",
        &[
            libc::SYS_rt_sigaction,
            libc::SYS_rt_sigprocmask,
            libc::SYS_rt_sigreturn,
            libc::SYS_rt_sigpending,
            libc::SYS_rt_sigsuspend,
            libc::SYS_rt_sigtimedwait,
            libc::SYS_sigaltstack,
            libc::SYS_signalfd4,
        ],
    ),
    group(
        "time, and waiting",
        &[
            libc::SYS_clock_gettime,
            libc::SYS_clock_getres,
            libc::SYS_clock_nanosleep,
            libc::SYS_nanosleep,
            libc::SYS_gettimeofday,
            libc::SYS_getitimer,
            libc::SYS_setitimer,
            libc::SYS_timer_create,
            libc::SYS_timer_settime,
            libc::SYS_timer_gettime,
            libc::SYS_timer_getoverrun,
            libc::SYS_timer_delete,
            libc::SYS_timerfd_create,
            libc::SYS_timerfd_settime,
            libc::SYS_timerfd_gettime,
            libc::SYS_times,
            libc::SYS_ppoll,
            libc::SYS_pselect6,
            libc::SYS_epoll_create1,
            libc::SYS_epoll_ctl,
            libc::SYS_epoll_pwait,
            libc::SYS_epoll_pwait2,
        ],
    ),
    group(
        "who it is, and what the machine is; it can tell nobody",
        &[
            libc::SYS_getpid,
            libc::SYS_getppid,
            libc::SYS_getpgid,
            libc::SYS_getsid,
            libc::SYS_getuid,
            libc::SYS_geteuid,
            libc::SYS_getgid,
            libc::SYS_getegid,
            libc::SYS_getresuid,
            libc::SYS_getresgid,
            libc::SYS_getgroups,
            libc::SYS_capget,
            libc::SYS_uname,
            libc::SYS_sysinfo,
            libc::SYS_getrusage,
            libc::SYS_getpriority,
            libc::SYS_sched_getaffinity,
            libc::SYS_sched_getparam,
            libc::SYS_sched_getscheduler,
            libc::SYS_sched_get_priority_max,
            libc::SYS_sched_get_priority_min,
            libc::SYS_getrandom,
        ],
    ),
    group(
        "the sockets that it was given: they are connected, and stay so",
        &[
            libc::SYS_sendmsg,
            libc::SYS_recvmsg,
            libc::SYS_recvfrom,
            libc::SYS_shutdown,
            libc::SYS_getsockname,
            libc::SYS_getpeername,
            libc::SYS_getsockopt,
        ],
    ),
    group(
        "its own children: it has none unless programs are granted, and is told so",
        &[libc::SYS_wait4, libc::SYS_waitid],
    ),
];

/// The older forms of the same.
#[cfg(target_arch = "x86_64")]
const OLDER: &[Group] = &[
    group(
        "as openat and its like",
        &[
            libc::SYS_open,
            libc::SYS_creat,
            libc::SYS_mkdir,
            libc::SYS_rmdir,
            libc::SYS_unlink,
            libc::SYS_rename,
            libc::SYS_link,
            libc::SYS_symlink,
            libc::SYS_getdents,
        ],
    ),
    group(
        "as newfstatat and its like",
        &[
            libc::SYS_stat,
            libc::SYS_lstat,
            libc::SYS_access,
            libc::SYS_readlink,
        ],
    ),
    group(
        "as dup3, pipe2, eventfd2, signalfd4",
        &[
            libc::SYS_dup2,
            libc::SYS_pipe,
            libc::SYS_eventfd,
            libc::SYS_signalfd,
        ],
    ),
    group(
        "as ppoll and its like",
        &[
            libc::SYS_poll,
            libc::SYS_select,
            libc::SYS_epoll_create,
            libc::SYS_epoll_wait,
            libc::SYS_pause,
            libc::SYS_alarm,
            libc::SYS_time,
        ],
    ),
    group("as getpgid", &[libc::SYS_getpgrp]),
    group(
        "the thread's own segment bases, which it can set without a call as well",
        &[libc::SYS_arch_prctl],
    ),
];
#[cfg(not(target_arch = "x86_64"))]
const OLDER: &[Group] = &[];

/// With the network.
const NETWORK: &[Group] = &[group(
    "sockets of the Internet, once they could be made",
    &[
        libc::SYS_connect,
        libc::SYS_bind,
        libc::SYS_listen,
        libc::SYS_accept,
        libc::SYS_accept4,
        libc::SYS_sendto,
        libc::SYS_sendmmsg,
        libc::SYS_recvmmsg,
    ],
)];

/// With programs.
const PROGRAMS: &[Group] = &[group(
    "becoming another program: Landlock says which, and binds it, too",
    &[libc::SYS_execve, libc::SYS_execveat],
)];

/// With processes, and for programs.
const OWN: &[Group] = &[
    group(
        "signals to itself and to what it started: Landlock's scope ends there",
        &[libc::SYS_kill, libc::SYS_tgkill, libc::SYS_tkill],
    ),
    group(
        "shells order their children",
        &[libc::SYS_setpgid, libc::SYS_setsid],
    ),
];
#[cfg(target_arch = "x86_64")]
const FORKS: &[Group] = &[group(
    "starting programs",
    &[libc::SYS_fork, libc::SYS_vfork],
)];
#[cfg(not(target_arch = "x86_64"))]
const FORKS: &[Group] = &[];

/// Until the second stage: becoming the VM, and confining it.
const UNTIL_CONFINED: &[Group] = &[
    group("becoming the VM's program", &[libc::SYS_execve]),
    group(
        "the second stage itself",
        &[
            libc::SYS_seccomp,
            libc::SYS_prctl,
            libc::SYS_landlock_create_ruleset,
            libc::SYS_landlock_add_rule,
            libc::SYS_landlock_restrict_self,
        ],
    ),
];

pub(crate) type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// What a confined process may do.
///
/// # Errors
/// Where a rule cannot be written down.
pub fn allowed(permissions: &Permissions) -> Result<Rules, Error> {
    let mut groups = vec![ALWAYS, OLDER];
    if permissions.network {
        groups.push(NETWORK);
    }
    if permissions.programs || permissions.is_program {
        groups.push(PROGRAMS);
    }
    if permissions.processes || permissions.is_program {
        groups.push(OWN);
    }
    if permissions.processes {
        groups.push(FORKS);
    }
    let mut rules = Rules::new();
    // Later ones replace earlier ones: what is granted whole needs no conditions.
    conditional(permissions, &mut rules).map_err(|error| Error::Filter(error.to_string()))?;
    rules.extend(whole(groups.into_iter().flatten()));
    if permissions.memory_files {
        // A memory control group counts what is in them.
        rules.insert(libc::SYS_memfd_create, Vec::new());
    }
    Ok(rules)
}

/// What is allowed besides until the second stage.
pub fn until_confined() -> Rules {
    whole(UNTIL_CONFINED)
}

fn whole<'g>(groups: impl IntoIterator<Item = &'g Group>) -> Rules {
    groups
        .into_iter()
        .flat_map(|group| group.calls)
        .map(|call| (*call, Vec::new()))
        .collect()
}

#[cfg(test)]
mod tests;
