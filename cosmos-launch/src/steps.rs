//! What the child does before it becomes the VM.
//!
//! Order of its steps, each of which ends the child when it fails:
//!
//! | step | why here |
//! |---|---|
//! | parent-death signal, then compare the parent | a launcher that died in between would go unnoticed |
//! | new session | no terminal, no job control of cosmosd's |
//! | standard input from /dev/null, output to the log, close all that it does not need | it has what it was given and nothing else, from here on |
//! | umask 077, working directory `/` | relative targets were resolved by cosmosd |
//! | default signals, empty mask | ignored signals survive exec |
//! | an empty root directory with what it shall see | the last step that opens anything |
//! | no_new_privs | what follows cannot be undone by a set-id program |
//! | capabilities, Landlock's scopes, the first filter | the last steps that need rights |
//! | waiting for the order | all before needs to know nothing of the VM |
//! | control socket to descriptor 3 | it came with the order |
//! | resource limits | what came before may need more |
//! | exec | |
//!
//! Before it gives the order, the launcher puts the child into its control groups, and has its limits raised
//! where it needs more than there is, which takes rights.

use crate::plan::Plan;
use cosmos_autopsy::aside::set_limit;
use cosmos_confine::namespaces::View;
use cosmos_confine::rules::Permissions;
use cosmos_confine::{files, filter, namespaces, privileges};
use cosmos_rpc::descriptor::{self, Wait};
use cosmos_rpc::message::launch::{CONFINING, Walls};
use cosmos_rpc::{Fault, codec};
use nix::errno::Errno;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use nix::sys::stat::Mode;
use nix::unistd::Pid;
use std::convert::Infallible;
use std::ffi::CString;
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::ptr;

/// Where a VM finds its control socket.
const CONTROL: RawFd = 3;

/// The steps by the number that is reported.
#[derive(Clone, Copy)]
#[repr(u8)]
enum Step {
    Parent,
    Session,
    Descriptors,
    Directory,
    Signals,
    View,
    Privileges,
    Walls,
    Order,
    Limits,
    Exec,
}

/// What the step of this number is.
pub fn name(number: u8) -> &'static str {
    const NAMES: [&str; 11] = [
        "asking for the parent-death signal",
        "making a session",
        "arranging descriptors",
        "entering the root directory",
        "resetting signals",
        "leaving it what it shall see",
        "giving up privileges",
        "confining it",
        "taking its order",
        "setting resource limits",
        "exec",
    ];
    let name = NAMES.get(usize::from(number)).copied();
    name.unwrap_or("a step without a name")
}

/// A step that failed, and why.
type Failed = (Step, String);

/// What a child knows from the start.
pub struct Steps<'a> {
    /// Its parent.
    pub launcher: Pid,
    /// Around what there are walls.
    pub walls: Walls,
    /// All that it shall see.
    pub view: Option<&'a View>,
    /// What it reads as its standard input.
    pub null: BorrowedFd<'a>,
    /// The VM's end of the socket on which it sends its listener.
    pub confining: Option<BorrowedFd<'a>>,
    /// Where its order comes from.
    pub orders: BorrowedFd<'a>,
    /// Where it says which step failed. It ends with exec.
    pub reporter: BorrowedFd<'a>,
}

impl Steps<'_> {
    /// Takes them all, and becomes the VM; or says why not, and ends.
    pub fn take(&self) -> ! {
        let mut reporter = self.reporter.as_raw_fd();
        let Err((step, why)) = self.become_vm(&mut reporter);
        // SAFETY: it is open until this process ends, which is below: nothing drops it.
        let reporter = unsafe { BorrowedFd::borrow_raw(reporter) };
        // Nobody left to tell where this fails: the launcher then sees an early end.
        let _ = nix::unistd::write(reporter, &[&[step as u8], why.as_bytes()].concat());
        // SAFETY: `_exit` runs no destructors, which belong to the launcher's copy.
        unsafe { libc::_exit(127) }
    }

    /// Never returns where it succeeds. `reporter` is the number that the reporter has from then on.
    fn become_vm(&self, reporter: &mut RawFd) -> Result<Infallible, Failed> {
        let of = |step| move |error: Errno| (step, error.desc().to_owned());
        die_with(self.launcher).map_err(of(Step::Parent))?;
        nix::unistd::setsid().map_err(of(Step::Session))?;
        let orders = self.arrange_descriptors(reporter);
        let orders = orders.map_err(of(Step::Descriptors))?;
        nix::sys::stat::umask(Mode::from_bits_truncate(0o077));
        nix::unistd::chdir(c"/").map_err(of(Step::Directory))?;
        reset_signals().map_err(of(Step::Signals))?;
        if let Some(view) = self.view {
            let secluded = namespaces::seclude(view);
            secluded.map_err(|error| (Step::View, error.to_string()))?;
        }
        nix::sys::prctl::set_no_new_privs().map_err(of(Step::Privileges))?;
        if self.walls != Walls::None {
            let walls = raise_walls(self.walls);
            walls.map_err(|error| (Step::Walls, error.to_string()))?;
        }
        let order = Order::receive(orders);
        let order = order.map_err(|error| (Step::Order, error.to_string()))?;
        replace(order.control.as_raw_fd(), CONTROL).map_err(of(Step::Descriptors))?;
        for &(resource, value) in &order.told.3 {
            set_limit(resource, value).map_err(of(Step::Limits))?;
        }
        Err((Step::Exec, order.execute().desc().to_owned()))
    }

    /// 0: /dev/null; 1 and 2: the launcher's standard error, which cosmosd made a log; 3: taken, for the
    /// control socket; 4: the way to the launcher, where the VM has something to tell it. All else is closed,
    /// but for the reporter and the way of the order, which is given: exec closes both.
    fn arrange_descriptors(&self, reporter: &mut RawFd) -> nix::Result<UnixStream> {
        // Any may sit where another is to be: all are moved out of the way first.
        let null = duplicate_above(self.null)?;
        let confining = self.confining.map(duplicate_above).transpose()?;
        let told = duplicate_above(self.reporter)?;
        let orders = duplicate_above(self.orders)?;
        replace(null, 0)?;
        replace(2, 1)?;
        replace(null, CONTROL)?;
        let mut kept = [CONFINING, told, orders];
        match confining {
            Some(confining) => replace(confining, CONFINING)?,
            None => kept[0] = CONTROL,
        }
        kept.sort_unstable();
        for (place, number) in kept.iter().enumerate() {
            close_between(number + 1, kept.get(place + 1).copied())?;
        }
        *reporter = told;
        // SAFETY: it is a duplicate that was made above, and nobody else knows of it.
        Ok(UnixStream::from(unsafe { OwnedFd::from_raw_fd(orders) }))
    }
}

/// What the child is told: the program with its arguments and its environment, and its limits.
type Told = (CString, Vec<CString>, Vec<CString>, Vec<(u32, u64)>);

/// What the child of this plan is told, behind its length, which the control socket comes with.
///
/// # Errors
/// What is too long for anybody.
pub fn order(plan: &Plan) -> Result<Vec<u8>, Fault> {
    let Plan {
        program,
        arguments,
        environment,
        limits,
        ..
    } = plan;
    codec::encode(&(program, arguments, environment, limits))
}

struct Order {
    control: OwnedFd,
    told: Told,
}

impl Order {
    /// Waits for it. It comes from the launcher, which has checked it.
    fn receive(mut orders: UnixStream) -> io::Result<Order> {
        let malformed = || io::Error::from(io::ErrorKind::InvalidData);
        let mut length = [0; 8];
        let received = descriptor::receive(orders.as_fd(), &mut length, Wait::Yes)?;
        let [control] = <[_; 1]>::try_from(received.descriptors).map_err(|_| malformed())?;
        orders.read_exact(&mut length[received.bytes..])?;
        let length = usize::try_from(u64::from_ne_bytes(length)).map_err(|_| malformed())?;
        let mut bytes = vec![0; length];
        orders.read_exact(&mut bytes)?;
        let told = codec::decode(&bytes).map_err(|_| malformed())?;
        Ok(Order { control, told })
    }

    /// Becomes the program, or gives why not.
    fn execute(&self) -> Errno {
        let (program, arguments, environment, _) = &self.told;
        let table = |texts: &[CString]| -> Vec<_> {
            let texts = texts.iter().map(|text| text.as_ptr());
            texts.chain([ptr::null()]).collect()
        };
        let (arguments, environment) = (table(arguments), table(environment));
        // SAFETY: the path is a C string and both tables end with a null pointer; all outlive the
        // call, which only returns where it failed.
        unsafe { libc::execve(program.as_ptr(), arguments.as_ptr(), environment.as_ptr()) };
        Errno::last()
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

/// A copy above the descriptors that are replaced; it ends with exec.
fn duplicate_above(descriptor: BorrowedFd<'_>) -> nix::Result<RawFd> {
    // SAFETY: no pointers are passed.
    Errno::result(unsafe {
        libc::fcntl(descriptor.as_raw_fd(), libc::F_DUPFD_CLOEXEC, CONFINING + 1)
    })
}

fn replace(from: RawFd, to: RawFd) -> nix::Result<()> {
    // SAFETY: only the child calls this, with `to` at most CONFINING, and everything it still needs
    // was moved above that by `duplicate_above`, or came later, when those were taken.
    Errno::result(unsafe { libc::dup2(from, to) }).map(drop)
}

/// Closes those from the first on that come before this one.
fn close_between(first: RawFd, before: Option<RawFd>) -> nix::Result<()> {
    let number = |number: RawFd| libc::c_uint::try_from(number).map_err(|_| Errno::EINVAL);
    let last = match before {
        Some(before) if before <= first => return Ok(()),
        Some(before) => number(before - 1)?,
        None => libc::c_uint::MAX,
    };
    // SAFETY: only the child calls this, which replaces itself or ends by `_exit`: nobody is left in it
    // who owns what is closed.
    Errno::result(unsafe { libc::syscall(libc::SYS_close_range, number(first)?, last, 0) })
        .map(drop)
}
