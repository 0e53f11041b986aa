//! The fork, and what the child does before it becomes the VM. All unsafe code of the launcher is
//! in this file.
//!
//! Order of the child's steps, each of which ends the child when it fails:
//!
//! | step | why here |
//! |---|---|
//! | parent-death signal, then compare the parent | a launcher that died in between would go unnoticed |
//! | new session | no terminal, no job control of cosmosd's |
//! | standard input from /dev/null, output to the log | the launcher's own input is cosmosd's socket |
//! | control socket to descriptor 3, close all above | a VM inherits what it was given and nothing else |
//! | umask 077, working directory `/` | relative targets were resolved by cosmosd |
//! | default signals, empty mask | ignored signals survive exec |
//! | resource limits | the last step that needs descriptors or rights |
//! | no_new_privs | what follows cannot be undone by a set-id program |
//! | exec | |

use crate::plan::Plan;
use cosmos_rpc::{Fault, FaultCode};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use nix::sys::stat::Mode;
use nix::unistd::{ForkResult, Pid};
use std::ffi::{CStr, CString};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;

/// Where a VM finds its control socket.
pub const CONTROL: RawFd = 3;

/// A VM that was started: its pidfd, and its pid for people.
#[derive(Debug)]
pub struct Child {
    pid: Pid,
    pidfd: OwnedFd,
}

impl Child {
    /// Its pid, for people.
    pub fn pid(&self) -> i32 {
        self.pid.as_raw()
    }

    /// Kills it. One that has ended already is no error.
    pub fn kill(&self) -> Result<(), Fault> {
        // SAFETY: the descriptor is open as long as `self`; a null siginfo asks for the default.
        let result = unsafe {
            libc::syscall(
                libc::SYS_pidfd_send_signal,
                self.pidfd.as_raw_fd(),
                libc::SIGKILL,
                ptr::null::<libc::siginfo_t>(),
                0,
            )
        };
        match Errno::result(result) {
            Ok(_) | Err(Errno::ESRCH) => Ok(()),
            Err(error) => Err(system("pidfd_send_signal", error)),
        }
    }

    /// Waits for its end and collects it: how it ended as `CLD_*`, and its exit status or the number
    /// of the signal. Real-time signals have no names, so the wrapper at hand would refuse them.
    pub fn reap(&self) -> nix::Result<(libc::c_int, libc::c_int)> {
        loop {
            // SAFETY: zeroes are a valid siginfo, which the kernel fills; the descriptor is open as
            // long as `self`.
            let (result, ended) = unsafe {
                let mut ended: libc::siginfo_t = std::mem::zeroed();
                let id = self.pidfd.as_raw_fd() as libc::id_t;
                let result = libc::waitid(libc::P_PIDFD, id, &mut ended, libc::WEXITED);
                (result, ended)
            };
            match Errno::result(result) {
                // SAFETY: what waitid fills for a child holds a status.
                Ok(_) => return Ok((ended.si_code, unsafe { ended.si_status() })),
                Err(Errno::EINTR) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Readable once it has ended.
    pub fn pidfd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }
}

/// Starts the VM.
///
/// # Errors
/// The step that failed, with the system's reason; no process is left then.
pub fn spawn(plan: &Plan, control: BorrowedFd<'_>) -> Result<Child, Fault> {
    let null = File::open("/dev/null")
        .map_err(|error| Fault::host(FaultCode::LaunchFailed, format!("/dev/null: {error}")))?;
    let (report, reporter) = pipe_above().map_err(|error| system("pipe2", error))?;
    // Pointer tables are built before the fork: the child allocates nothing.
    let arguments = pointers(&plan.arguments);
    let environment = pointers(&plan.environment);
    let launcher = nix::unistd::getpid();
    // SAFETY: this process has one thread, so the child's memory is in a consistent state.
    match unsafe { nix::unistd::fork() }.map_err(|error| system("fork", error))? {
        ForkResult::Child => {
            let outcome = Steps {
                plan,
                launcher,
                null: null.as_fd(),
                control,
                arguments: &arguments,
                environment: &environment,
            }
            .become_vm();
            let Err((step, error)) = outcome;
            let mut report = File::from(reporter);
            let [a, b, c, d] = (error as i32).to_le_bytes();
            // Nobody left to tell where this fails: the launcher then sees an early end.
            let _ = report.write_all(&[step as u8, a, b, c, d]);
            // SAFETY: `_exit` runs no destructors, which belong to the launcher's copy.
            unsafe { libc::_exit(127) }
        }
        ForkResult::Parent { child } => {
            drop(reporter);
            started(plan, child, report)
        }
    }
}

/// Waits until the child has become the VM, or has said why it could not.
fn started(plan: &Plan, pid: Pid, report: OwnedFd) -> Result<Child, Fault> {
    let pidfd = pidfd_open(pid);
    let mut bytes = Vec::new();
    let read = File::from(report).read_to_end(&mut bytes);
    let fault = match (pidfd, read, bytes.as_slice()) {
        (Ok(pidfd), Ok(_), []) => return Ok(Child { pid, pidfd }),
        (_, Ok(_), &[step, a, b, c, d]) => {
            let error = Errno::from_raw(i32::from_le_bytes([a, b, c, d]));
            Fault::host(
                FaultCode::LaunchFailed,
                format!(
                    "the VM {} cannot be started: {} failed: {}",
                    plan.program.to_string_lossy(),
                    Step::name(step),
                    error.desc()
                ),
            )
        }
        (Err(error), ..) => system("pidfd_open", error),
        (_, Err(error), _) => Fault::host(FaultCode::System, format!("reading a pipe: {error}")),
        (_, Ok(_), _) => Fault::host(
            FaultCode::LaunchFailed,
            "the VM's process gave a report that is none",
        ),
    };
    // The pid is this process's own unreaped child, so it still names it.
    let _ = nix::sys::signal::kill(pid, Signal::SIGKILL);
    let _ = nix::sys::wait::waitpid(pid, None);
    Err(fault)
}

fn pidfd_open(pid: Pid) -> nix::Result<OwnedFd> {
    // SAFETY: no pointers are passed.
    let descriptor = unsafe { libc::syscall(libc::SYS_pidfd_open, pid.as_raw(), 0) };
    let descriptor = Errno::result(descriptor)?;
    let descriptor = RawFd::try_from(descriptor).map_err(|_| Errno::EBADF)?;
    // SAFETY: the kernel has just made it, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

/// The child's steps by the number it reports.
#[derive(Clone, Copy)]
#[repr(u8)]
enum Step {
    Parent,
    Session,
    Descriptors,
    Directory,
    Signals,
    Limits,
    Privileges,
    Exec,
}

impl Step {
    fn name(number: u8) -> &'static str {
        const NAMES: [&str; 8] = [
            "asking for the parent-death signal",
            "making a session",
            "arranging descriptors",
            "entering the root directory",
            "resetting signals",
            "setting resource limits",
            "giving up privileges",
            "exec",
        ];
        NAMES
            .get(usize::from(number))
            .copied()
            .unwrap_or("a step without a name")
    }
}

struct Steps<'a> {
    plan: &'a Plan,
    launcher: Pid,
    null: BorrowedFd<'a>,
    control: BorrowedFd<'a>,
    arguments: &'a [*const libc::c_char],
    environment: &'a [*const libc::c_char],
}

impl Steps<'_> {
    /// Never returns where it succeeds.
    fn become_vm(&self) -> Result<std::convert::Infallible, (Step, Errno)> {
        die_with(self.launcher).map_err(|error| (Step::Parent, error))?;
        nix::unistd::setsid().map_err(|error| (Step::Session, error))?;
        self.arrange_descriptors()
            .map_err(|error| (Step::Descriptors, error))?;
        nix::sys::stat::umask(Mode::from_bits_truncate(0o077));
        nix::unistd::chdir(c"/").map_err(|error| (Step::Directory, error))?;
        reset_signals().map_err(|error| (Step::Signals, error))?;
        for &(resource, value) in &self.plan.limits {
            set_limit(resource, value).map_err(|error| (Step::Limits, error))?;
        }
        // Landlock and the first system call filter belong here, after the last step that opens
        // anything and before the program is replaced; cosmosd reports the level without them.
        nix::sys::prctl::set_no_new_privs().map_err(|error| (Step::Privileges, error))?;
        // SAFETY: the path is a C string and both tables end with a null pointer; all outlive the
        // call, which only returns where it failed.
        unsafe {
            libc::execve(
                self.plan.program.as_ptr(),
                self.arguments.as_ptr(),
                self.environment.as_ptr(),
            )
        };
        Err((Step::Exec, Errno::last()))
    }

    /// 0: /dev/null; 1 and 2: the launcher's standard error, which cosmosd made a log; 3: the
    /// control socket; nothing above, but for the reporter, which exec closes.
    fn arrange_descriptors(&self) -> nix::Result<()> {
        // The control socket may sit on 3 already, where dup3 to itself would fail, and /dev/null
        // on 3 would be overwritten: both are moved out of the way first.
        let control = duplicate_above(self.control)?;
        let null = duplicate_above(self.null)?;
        replace(null.as_raw_fd(), 0)?;
        replace(2, 1)?;
        replace(control.as_raw_fd(), CONTROL)?;
        close_on_exec_from(CONTROL + 1)
    }
}

/// Asks for SIGKILL when the launcher ends, and makes sure that it has not ended before.
fn die_with(launcher: Pid) -> nix::Result<()> {
    nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?;
    if nix::unistd::getppid() == launcher {
        Ok(())
    } else {
        Err(Errno::ESRCH)
    }
}

/// Every signal, the two that the C library keeps for itself included: a starter may have ignored
/// those as well, and the C library's own call refuses to change them.
fn reset_signals() -> nix::Result<()> {
    const LAST: libc::c_int = 64;
    // The kernel's own structure: handler, flags, restorer, mask. Zero is the default action.
    const DEFAULT: [u64; 4] = [0; 4];
    for signal in (1..=LAST).filter(|&signal| signal != libc::SIGKILL && signal != libc::SIGSTOP) {
        // SAFETY: the structure is as large as the kernel's and outlives the call, the mask size is
        // the kernel's, and the default action runs no code of this process.
        Errno::result(unsafe {
            libc::syscall(
                libc::SYS_rt_sigaction,
                signal,
                DEFAULT.as_ptr(),
                ptr::null_mut::<u64>(),
                size_of::<u64>(),
            )
        })?;
    }
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None)
}

fn set_limit(resource: u32, value: u64) -> nix::Result<()> {
    let limit = libc::rlimit {
        rlim_cur: value,
        rlim_max: value,
    };
    // SAFETY: the structure outlives the call.
    match Errno::result(unsafe { libc::setrlimit(resource, &limit) }) {
        // More than the launcher may have itself: keep what it has, which is stricter.
        Err(Errno::EPERM) => Ok(()),
        other => other.map(drop),
    }
}

/// A pipe whose writing end is out of the way of the descriptors that the child replaces.
fn pipe_above() -> nix::Result<(OwnedFd, OwnedFd)> {
    let (reader, writer) = nix::unistd::pipe2(OFlag::O_CLOEXEC)?;
    Ok((reader, duplicate_above(writer.as_fd())?))
}

/// A copy above the descriptors that the child replaces; it ends with exec.
fn duplicate_above(descriptor: BorrowedFd<'_>) -> nix::Result<OwnedFd> {
    // SAFETY: no pointers are passed.
    let copy = Errno::result(unsafe {
        libc::fcntl(descriptor.as_raw_fd(), libc::F_DUPFD_CLOEXEC, CONTROL + 1)
    })?;
    // SAFETY: the kernel has just made it, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(copy) })
}

fn replace(from: RawFd, to: RawFd) -> nix::Result<()> {
    // SAFETY: only the child calls this, with `to` at most CONTROL, and everything it still needs
    // was moved above that by `duplicate_above`.
    Errno::result(unsafe { libc::dup2(from, to) }).map(drop)
}

fn close_on_exec_from(first: RawFd) -> nix::Result<()> {
    let first = libc::c_uint::try_from(first).map_err(|_| Errno::EINVAL)?;
    // SAFETY: marks descriptors, which takes effect in a process that replaces itself next.
    Errno::result(unsafe {
        libc::syscall(
            libc::SYS_close_range,
            first,
            libc::c_uint::MAX,
            libc::CLOSE_RANGE_CLOEXEC,
        )
    })
    .map(drop)
}

fn pointers(strings: &[CString]) -> Vec<*const libc::c_char> {
    strings
        .iter()
        .map(|string| CStr::as_ptr(string))
        .chain([ptr::null()])
        .collect()
}

fn system(call: &str, error: Errno) -> Fault {
    Fault::host(
        FaultCode::LaunchFailed,
        format!("{call} failed: {}", error.desc()),
    )
}
