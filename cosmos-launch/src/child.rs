//! The forks: the child that is to become the VM, told what that is, and watched until it is.
//!
//! What a child gives up needs no knowledge of the VM but around what there are walls, and takes longer than
//! anything else between the order and the VM's first instruction. So it does that first, and waits for its
//! order then, which may be there already: a launcher that waits for a VM has a child that waits behind it.
//! The child's steps are in `steps`.
//!
//! ```text
//!          fork                      told                    exec
//! launcher ────▶ child: gives up ────────▶ takes its order ──────▶ the VM
//!          ◀──────────── report: a step that failed, or the end ──
//! ```

use crate::plan::Plan;
use crate::steps::{self, Steps};
use cosmos_autopsy::aside::raise_limit_of;
use cosmos_confine::namespaces::View;
use cosmos_rpc::descriptor::{self, Wait};
use cosmos_rpc::message::launch::Walls;
use cosmos_rpc::{Fault, FaultCode};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use nix::unistd::{ForkResult, Pid};
use std::fs::File;
use std::io::{IoSlice, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::ptr;

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

    fn has_ended(&self) -> bool {
        let mut ended = [PollFd::new(self.pidfd.as_fd(), PollFlags::POLLIN)];
        poll(&mut ended, PollTimeout::ZERO) != Ok(0)
    }

    /// Whether it is, or ended as, what was forked. The kernel takes that note off before it closes what is closed
    /// on execution, and leaves it on one that is killed, whose descriptors are closed well before it has ended.
    fn was_never_executed(&self) -> bool {
        const FORKED_WITHOUT_EXEC: u64 = 0x40;
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid())).ok();
        let flags = |stat: String| {
            let (_, behind_name) = stat.rsplit_once(')')?;
            behind_name.split_whitespace().nth(6)?.parse::<u64>().ok()
        };
        let flags = stat.and_then(flags);
        flags.is_some_and(|flags| flags & FORKED_WITHOUT_EXEC != 0)
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

/// A child that has given up what needs no knowledge of its VM, and waits to be told what that is. One that is
/// dropped untold is killed and collected.
#[derive(Debug)]
pub struct Waiting {
    child: Option<Child>,
    walls: Walls,
    has_view: bool,
    orders: UnixStream,
    report: File,
    /// This process's end of the socket on which the VM sends its listener.
    confining: Option<UnixStream>,
}

impl Waiting {
    /// Forks one with these walls, which sees all of the machine or what is in the view.
    ///
    /// # Errors
    /// What the kernel does not give.
    pub fn fork(walls: Walls, view: Option<&View>) -> Result<Waiting, Fault> {
        let null = File::open("/dev/null")
            .map_err(|error| Fault::host(FaultCode::LaunchFailed, format!("/dev/null: {error}")))?;
        let (report, reporter) =
            nix::unistd::pipe2(OFlag::O_CLOEXEC).map_err(|error| system("pipe2", error))?;
        let (orders, told) = pair()?;
        let (confining, theirs) = match walls {
            Walls::None => (None, None),
            Walls::Vm | Walls::Programs | Walls::Sessions => {
                let (ours, theirs) = pair()?;
                (Some(ours), Some(theirs))
            }
        };
        let steps = Steps {
            launcher: nix::unistd::getpid(),
            walls,
            view,
            null: null.as_fd(),
            confining: theirs.as_ref().map(AsFd::as_fd),
            orders: told.as_fd(),
            reporter: reporter.as_fd(),
        };
        // SAFETY: this process has one thread, so the child's memory is in a consistent state.
        match unsafe { nix::unistd::fork() }.map_err(|error| system("fork", error))? {
            ForkResult::Child => steps.take(),
            ForkResult::Parent { child: pid } => {
                let child = match pidfd_open(pid) {
                    Ok(pidfd) => Child { pid, pidfd },
                    Err(error) => {
                        end(pid);
                        return Err(system("pidfd_open", error));
                    }
                };
                Ok(Waiting {
                    child: Some(child),
                    walls,
                    has_view: view.is_some(),
                    orders,
                    report: File::from(report),
                    confining,
                })
            }
        }
    }

    /// Whether it can become what is planned, and has not ended.
    pub fn suits(&self, plan: &Plan) -> bool {
        let lives = self.child.as_ref().is_some_and(|child| !child.has_ended());
        lives && self.walls == plan.walls && !self.has_view && plan.view.is_none()
    }

    /// Tells it to become the VM, in the groups that these doors lead into.
    ///
    /// # Errors
    /// What keeps it from being one; no process is left then.
    pub fn tell(
        self,
        plan: &Plan,
        control: BorrowedFd<'_>,
        doors: Vec<File>,
    ) -> Result<Told, Fault> {
        let failed = |what, why: String| cannot(plan, what, &why);
        let child = self.child.as_ref();
        let pid = child.map_or(0, Child::inner_pid);
        for mut door in doors {
            let joined = door.write_all(pid.to_string().as_bytes());
            joined.map_err(|error| failed("joining its control groups", error.to_string()))?;
        }
        for &(resource, value) in &plan.limits {
            let raised = raise_limit_of(pid, resource, value);
            raised.map_err(|error| failed("raising its limits", error.desc().to_owned()))?;
        }
        let told = self.order(&steps::order(plan)?, control);
        told.map_err(|error| failed("telling it what to become", error.to_string()))?;
        Ok(Told(self))
    }

    fn order(&self, order: &[u8], control: BorrowedFd<'_>) -> std::io::Result<()> {
        let length = (order.len() as u64).to_ne_bytes();
        let parts = [IoSlice::new(&length)];
        descriptor::send(self.orders.as_fd(), &parts, &[control], Wait::Yes)?;
        (&self.orders).write_all(order)
    }
}

/// A child that knows what it is to become, and is about to be that. One that is dropped is killed and collected.
#[derive(Debug)]
pub struct Told(Waiting);

impl Told {
    /// Its pid, for people.
    pub fn pid(&self) -> i32 {
        self.0.child.as_ref().map_or(0, Child::pid)
    }

    /// The way on which the VM sends its listener, where it has one.
    pub fn confining(&self) -> Option<&UnixStream> {
        self.0.confining.as_ref()
    }

    /// Waits until it is the VM; gives the way on which that sends its listener, where it has one.
    ///
    /// # Errors
    /// The step that failed, with the system's reason; no process is left then.
    pub fn until_executed(mut self, plan: &Plan) -> Result<(Child, Option<UnixStream>), Fault> {
        let mut report = Vec::new();
        self.0.report.read_to_end(&mut report).map_err(unread)?;
        match report.split_first() {
            Some((step, why)) => {
                let why = String::from_utf8_lossy(why);
                Err(cannot(plan, steps::name(*step), &why))
            }
            None => {
                let gone = || cannot(plan, "exec", "it was killed before");
                let child = &mut self.0.child;
                let child = child.take_if(|child| !child.was_never_executed());
                Ok((child.ok_or_else(gone)?, self.0.confining.take()))
            }
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(child) = self.child.take() {
            end(child.pid);
        }
    }
}

/// Ends a child of this process's own that was not collected: its number still names it.
fn end(pid: Pid) {
    let _ = nix::sys::signal::kill(pid, Signal::SIGKILL);
    let _ = nix::sys::wait::waitpid(pid, None);
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

fn pidfd_open(pid: Pid) -> nix::Result<OwnedFd> {
    // SAFETY: no pointers are passed.
    let descriptor = unsafe { libc::syscall(libc::SYS_pidfd_open, pid.as_raw(), 0) };
    let descriptor = Errno::result(descriptor)?;
    let descriptor = RawFd::try_from(descriptor).map_err(|_| Errno::EBADF)?;
    // SAFETY: the kernel has just made it, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

fn pair() -> Result<(UnixStream, UnixStream), Fault> {
    UnixStream::pair()
        .map_err(|error| Fault::host(FaultCode::LaunchFailed, format!("socketpair: {error}")))
}

fn cannot(plan: &Plan, what: &str, why: &str) -> Fault {
    let program = plan.program.to_string_lossy();
    Fault::host(
        FaultCode::LaunchFailed,
        format!("the VM {program} cannot be started: {what} failed: {why}"),
    )
}

fn unread(error: std::io::Error) -> Fault {
    Fault::host(FaultCode::System, format!("reading a pipe: {error}"))
}

fn system(call: &str, error: Errno) -> Fault {
    Fault::host(
        FaultCode::LaunchFailed,
        format!("{call} failed: {}", error.desc()),
    )
}
