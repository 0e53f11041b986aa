//! Becoming a daemon: whoever started the process, it begins clean.
//!
//! | what | why |
//! |---|---|
//! | every signal at its default, none blocked | a client may have blocked or ignored anything |
//! | umask 077 | what a daemon makes is its uid's alone |
//! | no descriptor above 2 but the announced ones | a client's files must not live on here |
//! | standard input from `/dev/null` | nobody's terminal |
//! | non-dumpable | no ptrace and no core with other clients' data |
//! | soft limits raised to the hard ones: open files, processes, memory, file size, CPU time | descriptors are the daemons' trade, and the rest was meant for the starter |
//! | detached: new session, forked twice, working directory `/` | survives its starter, never owns a terminal |
//! | detached: any CPU, the ordinary scheduling policy | the VMs of all clients inherit these, and where the one that came first wanted to run is its own affair |
//!
//! SIGPIPE stays ignored, as Rust's runtime sets it before `main`; `std::process::Command` restores
//! its default in children. SIGXFSZ is ignored as well: a log that may not grow is no reason to die.
//!
//! The environment is the starter's part (see [`rendezvous`](crate::rendezvous)).

mod terminal;

pub use terminal::Terminal;

use crate::rendezvous::{READY, TAKEN};
use crate::{Fault, FaultCode};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, OFlag, fcntl, open};
use nix::sched::{CpuSet, sched_setaffinity};
use nix::sys::prctl;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::SigSet;
use nix::sys::stat::{Mode, umask};
use nix::unistd::{ForkResult, Pid, chdir, dup2_stderr, dup2_stdin, dup2_stdout, fork, setsid};
use std::io::{IsTerminal, Write};
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// First descriptor that systemd passes.
const LISTEN_START: RawFd = 3;
/// Bytes of freed memory that a daemon keeps.
const KEPT: libc::c_int = 1 << 20;
/// Most descriptors believed to come from systemd.
const LISTEN_MOST: i32 = 64;

/// Cleans the process up, detaches it where asked to, and takes over the inherited descriptors, in
/// the order given and close-on-exec from now on.
///
/// # Errors
///
/// `BadArgument` for an inherited descriptor that is not open or named twice; `Unsupported` when
/// the process has threads already; `System`.
///
/// # Safety
///
/// To be called once, first in `main`: it closes every descriptor above 2 that is not in
/// `inherited` and takes ownership of those, so nothing in the process may own one yet.
pub unsafe fn settle(
    detach: bool,
    inherited: &[RawFd],
) -> Result<(Readiness, Vec<OwnedFd>), Fault> {
    if threads() > 1 {
        return Err(Fault::host(
            FaultCode::Unsupported,
            "a process that has threads already cannot become a daemon",
        ));
    }
    check_inherited(inherited)?;
    // SAFETY: our caller promises that nobody owns a descriptor that is not kept.
    unsafe { close_others(inherited) }?;
    let owned = inherited
        .iter()
        .map(|&raw| adopt(raw))
        .collect::<Result<Vec<_>, _>>()?;
    reset_signals();
    umask(Mode::from_bits_truncate(0o077));
    let null = open("/dev/null", OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::empty());
    let null = null.map_err(failed("opening /dev/null"))?;
    dup2_stdin(&null).map_err(failed("redirecting standard input"))?;
    if detach {
        leave_starter()?;
        leave_cpus();
    }
    prctl::set_dumpable(false).map_err(failed("becoming non-dumpable"))?;
    raise_limits();
    Ok((
        Readiness {
            detached: detach,
            null,
        },
        owned,
    ))
}

/// Has the C library keep memory that this process has freed, up to so much, and not give it back to the kernel with
/// one request to ask for it again with the next.
pub fn keep_freed_memory() {
    for (option, bytes) in [(libc::M_TRIM_THRESHOLD, KEPT), (libc::M_TOP_PAD, KEPT / 4)] {
        // SAFETY: takes two numbers, and changes when memory is given back, not whose it is. One that it does not
        // like changes nothing.
        unsafe { libc::mallopt(option, bytes) };
    }
}

/// Goes on in a child, in the same session and process group, and ends the process that was started:
/// whoever started it has nothing left to wait for.
///
/// # Errors
///
/// `Unsupported` when the process has threads already; `System`.
pub fn leave_parent() -> Result<(), Fault> {
    if threads() > 1 {
        return Err(Fault::host(
            FaultCode::Unsupported,
            "a process that has threads already cannot go on in a child",
        ));
    }
    fork_and_stay_as_child()
}

/// Ignores these signals from now on, and so do the programs that are started.
pub fn ignore(signals: &[libc::c_int]) {
    for &signal in signals {
        // SAFETY: ignoring a signal needs no handler.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
}

/// Descriptors that systemd passes to this very process (`LISTEN_PID`, `LISTEN_FDS`); none where
/// it was not activated so. To be given to [`settle`].
pub fn activation_descriptors() -> Vec<RawFd> {
    let number = |name| {
        std::env::var(name)
            .ok()
            .and_then(|text| text.parse::<i32>().ok())
    };
    let ours = number("LISTEN_PID").and_then(|pid| u32::try_from(pid).ok());
    let count = number("LISTEN_FDS").unwrap_or(0);
    if ours != Some(std::process::id()) || !(1..=LISTEN_MOST).contains(&count) {
        return Vec::new();
    }
    (LISTEN_START..LISTEN_START + count).collect()
}

/// Closes every descriptor above 2 but these.
///
/// # Errors
///
/// `System` where the kernel has no `close_range` (before Linux 5.9).
///
/// # Safety
///
/// Nothing in the process may own one of the descriptors closed.
pub unsafe fn close_others(kept: &[RawFd]) -> Result<(), Fault> {
    let mut kept: Vec<u32> = kept
        .iter()
        .filter_map(|&raw| u32::try_from(raw).ok())
        .collect();
    kept.sort_unstable();
    let mut first: u32 = 3;
    for last in kept.into_iter().filter(|&raw| raw >= 3) {
        if first < last {
            close_range(first, last - 1)?;
        }
        first = last.saturating_add(1);
    }
    close_range(first, u32::MAX)
}

/// How a daemon tells its starter, on standard output, that it serves. Dropping it untold makes the
/// starter read the end of the pipe when the process ends.
#[derive(Debug)]
#[must_use]
pub struct Readiness {
    detached: bool,
    null: OwnedFd,
}

impl Readiness {
    /// Says that the daemon serves, to systemd too where it asked to be told (`NOTIFY_SOCKET`).
    /// Detached, the daemon has no standard output from then on.
    pub fn ready(self) {
        self.say(READY);
        notify_service_manager();
        if self.detached {
            let _ = dup2_stdout(&self.null);
            if std::io::stderr().is_terminal() {
                let _ = dup2_stderr(&self.null);
            }
        }
    }

    /// Says that another process of this kind has the field.
    pub fn taken(self) {
        self.say(TAKEN);
    }

    /// Says in one line why it does not.
    pub fn failed(self, fault: &Fault) {
        self.say(&fault.message.replace('\n', " "));
    }

    fn say(&self, line: &str) {
        // A starter that went away is no reason to fail.
        let mut stdout = std::io::stdout().lock();
        let _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
    }
}

/// Tells systemd which process the service is now: after a hand-over it is another one, and the
/// unit needs `NotifyAccess=all` for it to say so.
fn notify_service_manager() {
    let Some(path) = std::env::var_os("NOTIFY_SOCKET") else {
        return;
    };
    let address = match path.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name),
        _ => SocketAddr::from_pathname(&path),
    };
    let text = format!("READY=1\nMAINPID={}", std::process::id());
    // A service manager that cannot be told is no reason to fail.
    if let (Ok(address), Ok(socket)) = (address, UnixDatagram::unbound()) {
        let _ = socket.send_to_addr(text.as_bytes(), &address);
    }
}

fn check_inherited(inherited: &[RawFd]) -> Result<(), Fault> {
    for (index, &raw) in inherited.iter().enumerate() {
        let twice = inherited.iter().take(index).any(|&earlier| earlier == raw);
        // SAFETY: the borrow lasts for one fcntl, which merely answers EBADF for a closed one.
        let open =
            raw > 2 && fcntl(unsafe { BorrowedFd::borrow_raw(raw) }, FcntlArg::F_GETFD).is_ok();
        if twice || !open {
            return Err(Fault::caller(
                FaultCode::BadArgument,
                format!("descriptor {raw} was to be inherited, but it is not open or named twice"),
            ));
        }
    }
    Ok(())
}

fn adopt(raw: RawFd) -> Result<OwnedFd, Fault> {
    // SAFETY: it is open (checked), above 2, given once (checked), and by the contract of settle,
    // our only caller, nobody else's.
    let owned = unsafe { OwnedFd::from_raw_fd(raw) };
    fcntl(&owned, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).map_err(failed("fcntl"))?;
    Ok(owned)
}

fn close_range(first: u32, last: u32) -> Result<(), Fault> {
    // SAFETY: closes descriptors only; that nobody owns them is the contract of close_others, our
    // only caller.
    let result = unsafe { libc::syscall(libc::SYS_close_range, first, last, 0u32) };
    Errno::result(result)
        .map(drop)
        .map_err(failed("close_range"))
}

fn reset_signals() {
    for signal in (1..=libc::SIGRTMAX()).filter(|&signal| signal != libc::SIGPIPE) {
        // SAFETY: sets a disposition that needs no handler. The kernel refuses SIGKILL and SIGSTOP,
        // which cannot be ignored; the C library refuses the numbers it keeps for itself and sets
        // its handlers there whenever it needs them.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
    // SAFETY: ignoring a signal needs no handler.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
    // Cannot fail for a valid set.
    let _ = SigSet::empty().thread_set_mask();
}

fn leave_starter() -> Result<(), Fault> {
    fork_and_stay_as_child()?;
    setsid().map_err(failed("setsid"))?;
    fork_and_stay_as_child()?;
    chdir("/").map_err(failed("chdir to /"))
}

/// What cannot be had stays as it was.
fn leave_cpus() {
    let mut any = CpuSet::new();
    (0..CpuSet::count()).for_each(|cpu| any.set(cpu).unwrap_or_default());
    // The kernel takes those of them that the control group may use.
    let _ = sched_setaffinity(Pid::from_raw(0), &any);
    let ordinary = libc::sched_param { sched_priority: 0 };
    // SAFETY: the kernel reads one number of this frame.
    unsafe { libc::sched_setscheduler(0, libc::SCHED_OTHER, &raw const ordinary) };
}

fn fork_and_stay_as_child() -> Result<(), Fault> {
    // SAFETY: the process has one thread (checked by our callers), so the child's memory is consistent.
    match unsafe { fork() }.map_err(failed("fork"))? {
        ForkResult::Child => Ok(()),
        // SAFETY: ends the process without running anything of it that the child will run too.
        ForkResult::Parent { .. } => unsafe { libc::_exit(0) },
    }
}

/// Threads of the process, 1 where `/proc` is not there to tell.
fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count)
}

/// Neither the stack, whose size decides how memory is laid out, nor core files, of which a process
/// that is not dumpable makes none.
fn raise_limits() {
    let raised = [
        Resource::RLIMIT_NOFILE,
        Resource::RLIMIT_NPROC,
        Resource::RLIMIT_AS,
        Resource::RLIMIT_DATA,
        Resource::RLIMIT_FSIZE,
        Resource::RLIMIT_CPU,
    ];
    for resource in raised {
        if let Ok((_, hard)) = getrlimit(resource) {
            let _ = setrlimit(resource, hard, hard);
        }
    }
}

fn failed(what: &'static str) -> impl Fn(Errno) -> Fault {
    move |error| {
        Fault::host(
            FaultCode::System,
            format!("{what} failed: {}", error.desc()),
        )
    }
}
