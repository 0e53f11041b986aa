//! The forks, and what the child does before it becomes the VM.
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
//! | joining its control groups | what it uses from now on counts there |
//! | resource limits | |
//! | an empty root directory with what it shall see | the last step that opens anything |
//! | no_new_privs | what follows cannot be undone by a set-id program |
//! | capabilities, Landlock's scopes, the first filter | the last steps that need rights |
//! | exec | |

use crate::plan::Plan;
use cosmos_autopsy::aside::set_limit;
use cosmos_confine::rules::Permissions;
use cosmos_confine::{files, filter, namespaces, privileges};
use cosmos_rpc::message::launch::{CONFINING, Walls};
use cosmos_rpc::{Fault, FaultCode};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
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
    /// Its pid, for people: the one that /proc has, which may be of an outer pid space.
    pub fn pid(&self) -> i32 {
        let path = format!("/proc/self/fdinfo/{}", self.pidfd.as_raw_fd());
        let text = std::fs::read_to_string(path).unwrap_or_default();
        text.lines()
            .find_map(|line| line.strip_prefix("Pid:")?.trim().parse().ok())
            .unwrap_or(self.pid.as_raw())
    }

    /// Its pid as this process counts.
    pub fn inner_pid(&self) -> i32 {
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
}

/// What the VM gets besides: its way to this process, and the doors of its control groups.
#[derive(Debug)]
pub struct Equipment {
    /// The VM's end of the socket on which it sends its listener.
    pub confining: Option<OwnedFd>,
    /// Files to write `0` to.
    pub doors: Vec<File>,
}

/// Starts the VM.
///
/// # Errors
/// The step that failed, with the system's reason; no process is left then.
pub fn spawn(plan: &Plan, control: BorrowedFd<'_>, equipment: &Equipment) -> Result<Child, Fault> {
    let null = File::open("/dev/null")
        .map_err(|error| Fault::host(FaultCode::LaunchFailed, format!("/dev/null: {error}")))?;
    let (report, reporter) = pipe_above().map_err(|error| system("pipe2", error))?;
    // The tables point into the plan, and are there until exec has read them.
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
                equipment,
                arguments: &arguments,
                environment: &environment,
            }
            .become_vm();
            let Err((step, error)) = outcome;
            let mut report = File::from(reporter);
            // Nobody left to tell where this fails: the launcher then sees an early end.
            let _ = report.write_all(&[&[step as u8], error.as_bytes()].concat());
            // SAFETY: `_exit` runs no destructors, which belong to the launcher's copy.
            unsafe { libc::_exit(127) }
        }
        ForkResult::Parent { child } => {
            drop(reporter);
            started(plan, child, report)
        }
    }
}

/// Forks a process that dies with this one: its pid here, `None` in it.
pub fn fork_inside() -> nix::Result<Option<Pid>> {
    let parent = pidfd_open(nix::unistd::getpid())?;
    // SAFETY: this process has one thread, so the child's memory is in a consistent state.
    match unsafe { nix::unistd::fork() }? {
        ForkResult::Parent { child } => Ok(Some(child)),
        ForkResult::Child => {
            nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?;
            // The parent has no number in this pid space; whether it ended before is seen here.
            let mut ended = [PollFd::new(parent.as_fd(), PollFlags::POLLIN)];
            match poll(&mut ended, PollTimeout::ZERO)? {
                0 => Ok(None),
                _ => std::process::exit(1),
            }
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
        (_, Ok(_), &[step, ref why @ ..]) => Fault::host(
            FaultCode::LaunchFailed,
            format!(
                "the VM {} cannot be started: {} failed: {}",
                plan.program.to_string_lossy(),
                Step::name(step),
                String::from_utf8_lossy(why)
            ),
        ),
        (Err(error), ..) => system("pidfd_open", error),
        (_, Err(error), _) => Fault::host(FaultCode::System, format!("reading a pipe: {error}")),
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
    Groups,
    Limits,
    View,
    Privileges,
    Walls,
    Exec,
}

/// A step that failed, and why.
type Failed = (Step, String);

impl Step {
    fn name(number: u8) -> &'static str {
        const NAMES: [&str; 11] = [
            "asking for the parent-death signal",
            "making a session",
            "arranging descriptors",
            "entering the root directory",
            "resetting signals",
            "joining its control groups",
            "setting resource limits",
            "leaving it what it shall see",
            "giving up privileges",
            "confining it",
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
    equipment: &'a Equipment,
    arguments: &'a [*const libc::c_char],
    environment: &'a [*const libc::c_char],
}

impl Steps<'_> {
    /// Never returns where it succeeds.
    fn become_vm(&self) -> Result<std::convert::Infallible, Failed> {
        let of = |step| move |error: Errno| (step, error.desc().to_owned());
        die_with(self.launcher).map_err(of(Step::Parent))?;
        nix::unistd::setsid().map_err(of(Step::Session))?;
        for mut door in &self.equipment.doors {
            let joined = door.write_all(b"0");
            joined.map_err(|error| (Step::Groups, error.to_string()))?;
        }
        self.arrange_descriptors().map_err(of(Step::Descriptors))?;
        nix::sys::stat::umask(Mode::from_bits_truncate(0o077));
        nix::unistd::chdir(c"/").map_err(of(Step::Directory))?;
        reset_signals().map_err(of(Step::Signals))?;
        for &(resource, value) in &self.plan.limits {
            set_limit(resource, value).map_err(of(Step::Limits))?;
        }
        if let Some(view) = &self.plan.view {
            let secluded = namespaces::seclude(view);
            secluded.map_err(|error| (Step::View, error.to_string()))?;
        }
        nix::sys::prctl::set_no_new_privs().map_err(of(Step::Privileges))?;
        if self.plan.walls != Walls::None {
            let walls = raise_walls(self.plan.walls);
            walls.map_err(|error| (Step::Walls, error.to_string()))?;
        }
        // SAFETY: the path is a C string and both tables end with a null pointer; all outlive the
        // call, which only returns where it failed.
        unsafe {
            libc::execve(
                self.plan.program.as_ptr(),
                self.arguments.as_ptr(),
                self.environment.as_ptr(),
            )
        };
        Err((Step::Exec, Errno::last().desc().to_owned()))
    }

    /// 0: /dev/null; 1 and 2: the launcher's standard error, which cosmosd made a log; 3: the
    /// control socket; 4: the way to the launcher, where the VM has something to tell it; nothing
    /// above, but for the reporter, which exec closes.
    fn arrange_descriptors(&self) -> nix::Result<()> {
        // The control socket may sit on 3 already, where dup3 to itself would fail, and /dev/null
        // on 3 would be overwritten: both are moved out of the way first.
        let control = duplicate_above(self.control)?;
        let null = duplicate_above(self.null)?;
        let confining = match &self.equipment.confining {
            Some(confining) => Some(duplicate_above(confining.as_fd())?),
            None => None,
        };
        replace(null.as_raw_fd(), 0)?;
        replace(2, 1)?;
        replace(control.as_raw_fd(), CONTROL)?;
        match confining {
            Some(confining) => replace(confining.as_raw_fd(), CONFINING)
                .and_then(|()| close_on_exec_from(CONFINING + 1)),
            None => close_on_exec_from(CONTROL + 1),
        }
    }
}

/// What a VM gives up before it is one. The target is not known: the rest is the VM's own affair.
fn raise_walls(walls: Walls) -> Result<(), cosmos_confine::Error> {
    if walls != Walls::Sessions {
        privileges::give_up()?;
    }
    files::scope()?;
    if walls != Walls::Vm {
        // It looks after processes, for which no list of system calls has a place.
        return Ok(());
    }
    filter::first(&Permissions::most(std::process::id()))?.install()
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

/// A pipe whose writing end is out of the way of the descriptors that the child replaces.
fn pipe_above() -> nix::Result<(OwnedFd, OwnedFd)> {
    let (reader, writer) = nix::unistd::pipe2(OFlag::O_CLOEXEC)?;
    Ok((reader, duplicate_above(writer.as_fd())?))
}

/// A copy above the descriptors that the child replaces; it ends with exec.
fn duplicate_above(descriptor: BorrowedFd<'_>) -> nix::Result<OwnedFd> {
    // SAFETY: no pointers are passed.
    let copy = Errno::result(unsafe {
        libc::fcntl(descriptor.as_raw_fd(), libc::F_DUPFD_CLOEXEC, CONFINING + 1)
    })?;
    // SAFETY: the kernel has just made it, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(copy) })
}

fn replace(from: RawFd, to: RawFd) -> nix::Result<()> {
    // SAFETY: only the child calls this, with `to` at most CONFINING, and everything it still needs
    // was moved above that by `duplicate_above`.
    Errno::result(unsafe { libc::dup2(from, to) }).map(drop)
}

fn close_on_exec_from(first: RawFd) -> nix::Result<()> {
    let first = libc::c_uint::try_from(first).map_err(|_| Errno::EINVAL)?;
    let flags = libc::CLOSE_RANGE_CLOEXEC;
    // SAFETY: only the child calls this, which replaces itself or ends by `_exit`: nobody is left in it
    // who owns what is closed.
    Errno::result(unsafe { libc::syscall(libc::SYS_close_range, first, libc::c_uint::MAX, flags) })
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
