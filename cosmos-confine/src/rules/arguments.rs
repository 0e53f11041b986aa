//! Calls whose arguments decide whether they are allowed.
//!
//! An argument that is an `int` is compared by its low half, which is all that the kernel reads of it.

use super::{Permissions, Rules};
use seccompiler::{BackendError, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompRule};

/// Calls whose arguments decide.
pub(super) fn conditional(
    permissions: &Permissions,
    rules: &mut Rules,
) -> Result<(), BackendError> {
    let own = [0, u64::from(permissions.pid)];
    // Its own limits can only be lowered: it has no capability to raise them.
    rules.insert(libc::SYS_prlimit64, each(0, own)?);
    // abort(3), raise(3), pthread_kill(3), timers: to threads of its own.
    let itself = [u64::from(permissions.pid)];
    for call in [
        libc::SYS_kill,
        libc::SYS_tgkill,
        libc::SYS_rt_sigqueueinfo,
        libc::SYS_rt_tgsigqueueinfo,
    ] {
        rules.insert(call, each(0, itself)?);
    }
    // Where its own thread runs: how a VM follows its caller from core to core. 0 is the caller.
    rules.insert(libc::SYS_sched_setaffinity, each(0, [0])?);
    // Its own niceness, which only grows. PRIO_PROCESS of 0 is the caller.
    let own_priority = vec![int(0, libc::PRIO_PROCESS.into())?, int(1, 0)?];
    rules.insert(libc::SYS_setpriority, vec![SeccompRule::new(own_priority)?]);
    rules.insert(libc::SYS_clone, clone(permissions)?);
    // Names of threads and of memory, as debuggers show them; huge pages of its own.
    let names = [
        libc::PR_SET_NAME,
        libc::PR_GET_NAME,
        libc::PR_SET_VMA,
        libc::PR_SET_THP_DISABLE,
        libc::PR_GET_THP_DISABLE,
    ];
    rules.insert(libc::SYS_prctl, each(0, names.map(number))?);
    rules.insert(libc::SYS_ioctl, each(1, IOCTLS)?);
    rules.insert(libc::SYS_fcntl, each(1, FCNTLS.map(number))?);
    rules.insert(libc::SYS_setsockopt, socket_options(permissions)?);
    // A pair of streams leads nowhere but to each other; a pair of datagrams can be sent elsewhere.
    let stream = masked(1, 0xf, number(libc::SOCK_STREAM))?;
    let pair = vec![int(0, number(libc::AF_UNIX))?, stream];
    rules.insert(libc::SYS_socketpair, vec![SeccompRule::new(pair)?]);
    // send(3) is this without an address.
    let nowhere = whole_argument(4, SeccompCmpOp::Eq, 0)?;
    rules.insert(libc::SYS_sendto, vec![SeccompRule::new(vec![nowhere])?]);
    if permissions.network {
        rules.insert(libc::SYS_socket, internet_sockets()?);
    }
    Ok(())
}

/// How many bytes wait, blocking or not, close-on-exec, whether it is a terminal. None writes into a
/// terminal's input.
const IOCTLS: [u64; 5] = [
    libc::FIONREAD,
    libc::FIONBIO,
    libc::FIOCLEX,
    libc::FIONCLEX,
    libc::TCGETS,
];

/// Copies, flags, locks, seals and sizes of pipes; none names a process that signals are sent to.
const FCNTLS: [i32; 16] = [
    libc::F_DUPFD,
    libc::F_DUPFD_CLOEXEC,
    libc::F_GETFD,
    libc::F_SETFD,
    libc::F_GETFL,
    libc::F_SETFL,
    libc::F_GETLK,
    libc::F_SETLK,
    libc::F_SETLKW,
    libc::F_OFD_GETLK,
    libc::F_OFD_SETLK,
    libc::F_OFD_SETLKW,
    libc::F_ADD_SEALS,
    libc::F_GET_SEALS,
    libc::F_SETPIPE_SZ,
    libc::F_GETPIPE_SZ,
];

/// Threads; with a grant, processes; never a namespace.
fn clone(permissions: &Permissions) -> Result<Vec<SeccompRule>, BackendError> {
    let namespaces = number(
        libc::CLONE_NEWNS
            | libc::CLONE_NEWUSER
            | libc::CLONE_NEWPID
            | libc::CLONE_NEWNET
            | libc::CLONE_NEWIPC
            | libc::CLONE_NEWUTS
            | libc::CLONE_NEWCGROUP
            | CLONE_NEWTIME,
    );
    let thread = number(libc::CLONE_THREAD);
    // CLONE_PARENT would make the child its parent's, and the trace would go on in it.
    let escapes = number(libc::CLONE_PARENT | libc::CLONE_PTRACE | libc::CLONE_UNTRACED);
    let condition = match permissions.processes {
        true => whole_argument(0, SeccompCmpOp::MaskedEq(namespaces | escapes), 0)?,
        false => {
            let mask = namespaces | escapes | thread;
            whole_argument(0, SeccompCmpOp::MaskedEq(mask), thread)?
        }
    };
    Ok(vec![SeccompRule::new(vec![condition])?])
}

/// The same bit as a part of the exit signal's byte for `clone`, where it means nothing; refused all
/// the same.
const CLONE_NEWTIME: i32 = 0x80;

/// TCP and UDP. Other protocols of the same kinds (SCTP, SMC, ping and the like) are parts of the kernel
/// that few use and that making a socket may load.
fn internet_sockets() -> Result<Vec<SeccompRule>, BackendError> {
    let mut rules = Vec::new();
    for family in [libc::AF_INET, libc::AF_INET6] {
        for (kind, protocol) in [
            (libc::SOCK_STREAM, libc::IPPROTO_TCP),
            (libc::SOCK_DGRAM, libc::IPPROTO_UDP),
        ] {
            // 0: the usual one.
            for protocol in [0, protocol] {
                rules.push(SeccompRule::new(vec![
                    int(0, number(family))?,
                    masked(1, 0xf, number(kind))?,
                    int(2, number(protocol))?,
                ])?);
            }
        }
    }
    Ok(rules)
}

/// Timeouts and buffers of any socket; with the network, what the Internet's have besides. No option
/// that takes a program.
fn socket_options(permissions: &Permissions) -> Result<Vec<SeccompRule>, BackendError> {
    const PLAIN: [i32; 4] = [
        libc::SO_RCVTIMEO,
        libc::SO_SNDTIMEO,
        libc::SO_RCVBUF,
        libc::SO_SNDBUF,
    ];
    const INTERNET: [i32; 7] = [
        libc::SO_REUSEADDR,
        libc::SO_REUSEPORT,
        libc::SO_KEEPALIVE,
        libc::SO_LINGER,
        libc::SO_BROADCAST,
        libc::SO_OOBINLINE,
        libc::SO_PRIORITY,
    ];
    let internet: &[i32] = if permissions.network { &INTERNET } else { &[] };
    let mut rules = Vec::new();
    for option in PLAIN.iter().chain(internet) {
        rules.push(SeccompRule::new(vec![
            int(1, number(libc::SOL_SOCKET))?,
            int(2, number(*option))?,
        ])?);
    }
    if permissions.network {
        for level in [libc::IPPROTO_IP, libc::IPPROTO_IPV6] {
            rules.push(SeccompRule::new(vec![int(1, number(level))?])?);
        }
        // What comes after these puts other protocols on top (TCP_ULP).
        rules.push(SeccompRule::new(vec![
            int(1, number(libc::IPPROTO_TCP))?,
            SeccompCondition::new(
                2,
                SeccompCmpArgLen::Dword,
                SeccompCmpOp::Le,
                number(libc::TCP_FASTOPEN_CONNECT),
            )?,
        ])?);
    }
    Ok(rules)
}

/// A rule for each value that an `int` argument may have.
fn each(
    argument: u8,
    values: impl IntoIterator<Item = u64>,
) -> Result<Vec<SeccompRule>, BackendError> {
    values
        .into_iter()
        .map(|value| SeccompRule::new(vec![int(argument, value)?]))
        .collect()
}

fn int(argument: u8, value: u64) -> Result<SeccompCondition, BackendError> {
    let equal = SeccompCmpOp::Eq;
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, equal, value)
}

fn masked(argument: u8, mask: u64, value: u64) -> Result<SeccompCondition, BackendError> {
    let equal = SeccompCmpOp::MaskedEq(mask);
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, equal, value)
}

fn whole_argument(
    argument: u8,
    operator: SeccompCmpOp,
    value: u64,
) -> Result<SeccompCondition, BackendError> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Qword, operator, value)
}

/// A constant as the low half of an argument.
fn number(constant: i32) -> u64 {
    u64::from(constant.cast_unsigned())
}
