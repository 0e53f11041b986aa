//! Starting a program, and what its end means. All unsafe code of this crate is in this file.
//!
//! The child is made as `posix_spawn` makes one, in the memory of its parent, which waits until the
//! child has become the program or given up: its cost does not depend on the parent's size, and what it
//! has to say about a failure needs no pipe. What `posix_spawn` has no words for is done on the way.
//!
//! A program that is to be looked at when it crashes has to be traced before its first instruction. Its
//! parent cannot stand still then; the child does, until it is traced:
//!
//! ```text
//!  keeper ──clone──▶ child: waits at the gate
//!    │ traces it, opens the gate ──▶ │ the steps, execve
//!    │ waits for the gate to close ◀─┘ by execve or by the child's end
//! ```
//!
//! Order of the child's steps, each of which ends the child when it fails:
//!
//! | step | why here |
//! |---|---|
//! | the gate, where it is traced | what comes is the program's, and so is a crash |
//! | parent-death signal | the program does not outlive its keeper |
//! | group of its own | it can be signalled; its parent is in the same session, without which SIGTSTP has no effect |
//! | or a session, and its terminal | only the leader of a session without one can have one |
//! | streams to 0, 1 and 2, all else but a pinned script closed by execve, and those of them that it is not to have | |
//! | mask, working directory | |
//! | default signals, none blocked | ignored signals survive execve |
//! | its walls: Landlock, the filter, whose listener goes to the launcher | what comes before needs more than they leave |
//! | execve | |

#![allow(unsafe_code)]

use super::walls::Walls;
use super::{Order, Step};
use crate::pins;
use cosmos_autopsy::trace::Usage;
use cosmos_autopsy::{Examiner, trace};
use cosmos_rpc::message::vm::{ProgramEnd, Reached};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl::set_dumpable;
use nix::sys::resource::{Resource, getrlimit};
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, send, socketpair};
use std::convert::Infallible;
use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::ptr;

/// Stack of the child: its functions are small and call the kernel only.
const STACK: usize = 64 << 10;

/// How often a child that takes long is looked after, in milliseconds.
const ROUND: u8 = 20;

/// Starts the program of an order, behind walls where there are some, with the way to the launcher; its
/// pid, and who looks at it where that is wanted.
///
/// # Errors
/// The step that failed; no process is left then.
pub(super) fn spawn(
    order: &Order,
    streams: &[OwnedFd],
    script: Option<&OwnedFd>,
    walls: Option<(&Walls, &OwnedFd)>,
) -> Result<(i32, Option<Examiner>), (Step, Errno)> {
    if order.walls.is_some() != walls.is_some() {
        return Err((Step::Walls, Errno::EBADF));
    }
    let text = |bytes: &[u8]| CString::new(bytes).map_err(|_| (Step::Execute, Errno::EINVAL));
    let texts = |list: &[Vec<u8>]| {
        list.iter()
            .map(|it| text(it))
            .collect::<Result<Vec<_>, _>>()
    };
    let directory = text(&order.directory)?;
    let program = match script {
        // Which is what its interpreter is given as its name, and reads.
        Some(script) => text(format!("/proc/self/fd/{}", script.as_raw_fd()).as_bytes())?,
        None => text(&order.program)?,
    };
    let (arguments, environment) = (texts(&order.arguments)?, texts(&order.environment)?);
    let [input, output, error] = streams else {
        return Err((Step::Streams, Errno::EBADF));
    };
    let (arguments, environment) = (pointers(&arguments), pointers(&environment));
    let mut steps = Steps {
        program: program.as_ptr(),
        arguments: arguments.as_ptr(),
        environment: environment.as_ptr(),
        directory: match order.directory.is_empty() {
            true => c"/".as_ptr(),
            false => directory.as_ptr(),
        },
        umask: order.umask as libc::mode_t,
        terminal: order.terminal,
        streams: [input, output, error].map(AsRawFd::as_raw_fd),
        closed: order.closed,
        script: script.map(AsRawFd::as_raw_fd),
        walls,
        gate: None,
        failed: None,
    };
    let (pid, examiner) = match (order.untraced, &order.pin) {
        (true, None) => (clone(&mut steps)?, None),
        (_, pin) => {
            let (pid, examiner) = clone_traced(&mut steps, pin.is_some())?;
            (pid, Some(examiner))
        }
    };
    match steps.failed {
        None => match (&order.pin, examiner) {
            (Some(pin), Some(examiner)) => {
                compare(pid, &examiner, pin)?;
                Ok((pid, released(pid, examiner, order.untraced)))
            }
            (_, examiner) => Ok((pid, examiner)),
        },
        Some(failed) => {
            // It has ended: nothing else of that number is collected here.
            let _ = nix::sys::wait::waitpid(nix::unistd::Pid::from_raw(pid), None);
            Err(failed)
        }
    }
}

fn clone(steps: &mut Steps<'_>) -> Result<i32, (Step, Errno)> {
    let mut stack = vec![0u128; STACK / size_of::<u128>()];
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
    // SAFETY: the child runs `run` on a stack of its own, whose end is aligned as the calling
    // convention wants it, and which lives until the kernel lets this thread go on: that is when the
    // child has another memory, by execve, or is gone. Until then it is the only one to use `steps`
    // and this thread's errno.
    let pid = unsafe {
        let top = stack.as_mut_ptr_range().end;
        libc::clone(run, top.cast(), flags, ptr::from_mut(steps).cast())
    };
    Errno::result(pid).map_err(|error| (Step::Clone, error))
}

/// The same, with the child traced before it becomes anything.
fn clone_traced(steps: &mut Steps<'_>, at_exec: bool) -> Result<(i32, Examiner), (Step, Errno)> {
    let at_clone = |error| (Step::Clone, error);
    let (ours, theirs) = socketpair(
        AddressFamily::Unix,
        SockType::Stream,
        None,
        SockFlag::SOCK_CLOEXEC,
    )
    .map_err(at_clone)?;
    steps.gate = Some(theirs.as_raw_fd());
    let mut stack = vec![0u128; STACK / size_of::<u128>()];
    // It has this process's memory, and whoever may not look into that may not trace it.
    set_dumpable(true).map_err(at_clone)?;
    // SAFETY: the child runs `run` on a stack of its own, whose end is aligned as the calling
    // convention wants it, and which lives until the gate has closed: that is when the child has another
    // memory, by execve, or is gone. Until then this thread leaves `steps` alone, and asks of the kernel
    // what does not fail, so that errno, which both have, is the child's; before the gate opens it is
    // the other way round.
    let pid = unsafe {
        let top = stack.as_mut_ptr_range().end;
        let flags = libc::CLONE_VM | libc::SIGCHLD;
        libc::clone(run, top.cast(), flags, ptr::from_mut(steps).cast())
    };
    let pid = Errno::result(pid);
    let examiner = pid.map(|pid| Examiner::of(pid, at_exec));
    // It takes this value, as it took the other one; a child at the gate must not be left alone for it.
    let _ = set_dumpable(false);
    let (pid, examiner) = (pid.map_err(at_clone)?, examiner.map_err(at_clone)?);
    let opened = send(ours.as_raw_fd(), &[1], MsgFlags::MSG_NOSIGNAL);
    if opened != Ok(1) {
        signal(pid, libc::SIGKILL);
    }
    drop(theirs);
    // Nothing comes; the end does.
    loop {
        let mut gate = [PollFd::new(ours.as_fd(), PollFlags::POLLIN)];
        match poll(&mut gate, PollTimeout::from(ROUND)) {
            // Somebody gave it a signal, for which it stops.
            Ok(0) if let_on(pid) => {}
            Ok(0) => return Err((Step::Clone, Errno::ECHILD)),
            _ => return Ok((pid, examiner)),
        }
    }
}

/// Ends a child that has become another program than the one that it is pinned to. It stands before its
/// first instruction.
fn compare(pid: i32, examiner: &Examiner, pin: &str) -> Result<(), (Step, Errno)> {
    let found = match examiner.is_tracing() {
        true => became(pid).and_then(|()| {
            let digest = pins::of_process(pid);
            digest.map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO)))
        }),
        // It runs already, and nobody knows what.
        false => Err(Errno::EPERM),
    };
    let wrong = match found {
        Ok(digest) if digest == pin => return Ok(()),
        Ok(_) => Errno::EKEYREJECTED,
        Err(error) => error,
    };
    signal(pid, libc::SIGKILL);
    let _ = nix::sys::wait::waitpid(nix::unistd::Pid::from_raw(pid), None);
    Err((Step::Pin, wrong))
}

/// Waits until a child stands before the first instruction of what it has become.
fn became(child: i32) -> Result<(), Errno> {
    loop {
        match trace::next()? {
            Some(trace::Told::Became(pid)) if pid.as_raw() == child => return Ok(()),
            Some(trace::Told::Ended { pid, .. }) if pid.as_raw() == child => {
                return Err(Errno::ECHILD);
            }
            Some(trace::Told::Signal { thread, signal }) => trace::go_on(thread, signal),
            Some(_) => {}
            // It is on its way.
            None => std::thread::sleep(std::time::Duration::from_micros(50)),
        }
    }
}

/// Lets a child go on that was compared; who looks at it, where that is wanted.
fn released(pid: i32, examiner: Examiner, untraced: bool) -> Option<Examiner> {
    let thread = nix::unistd::Pid::from_raw(pid);
    match untraced {
        true => trace::let_go(thread),
        false => trace::go_on(thread, 0),
    }
    (!untraced).then_some(examiner)
}

/// Lets a child that has stopped for a signal have it; whether it still lives. It is not looked at: it is
/// no program yet.
fn let_on(child: i32) -> bool {
    while let Ok(Some(told)) = trace::next() {
        match told {
            trace::Told::Signal { thread, signal } => trace::go_on(thread, signal),
            trace::Told::Halted { thread, .. } => trace::leave_halted(thread),
            trace::Told::Passing(thread) | trace::Told::Became(thread) => trace::go_on(thread, 0),
            trace::Told::Ended { pid, .. } if pid.as_raw() == child => return false,
            trace::Told::Ended { .. } | trace::Told::Continued(_) => {}
        }
    }
    true
}

/// What the child needs, in memory that it shares with its parent.
struct Steps<'w> {
    program: *const libc::c_char,
    arguments: *const *const libc::c_char,
    environment: *const *const libc::c_char,
    directory: *const libc::c_char,
    umask: libc::mode_t,
    terminal: bool,
    streams: [RawFd; 3],
    /// Which of them the program has not.
    closed: [bool; 3],
    /// Is open for the program too.
    script: Option<RawFd>,
    walls: Option<(&'w Walls, &'w OwnedFd)>,
    /// What it waits at, where it is traced.
    gate: Option<RawFd>,
    failed: Option<(Step, Errno)>,
}

/// The child. It allocates nothing and takes no lock: nothing here may unwind or wait.
extern "C" fn run(steps: *mut libc::c_void) -> libc::c_int {
    // SAFETY: the parent's `steps`, which it leaves alone until this process is done with it.
    let steps = unsafe { &mut *steps.cast::<Steps<'_>>() };
    let Err(failed) = steps.become_program();
    steps.failed = Some(failed);
    // SAFETY: ends this process alone, without the destructors of the parent's memory.
    unsafe { libc::_exit(127) }
}

impl Steps<'_> {
    /// Returns only where a step fails.
    fn become_program(&self) -> Result<Infallible, (Step, Errno)> {
        let at = |step: Step| move |error: Errno| (step, error);
        // SAFETY: system calls without pointers, or with such to memory that outlives them; what they
        // change is this process's own: neither descriptors, signal actions nor the mask are shared.
        unsafe {
            if let Some(gate) = self.gate {
                let mut opened = 0u8;
                let read = libc::read(gate, ptr::from_mut(&mut opened).cast(), 1);
                if Errno::result(read).map_err(at(Step::Clone))? != 1 {
                    return Err((Step::Clone, Errno::EPIPE));
                }
            }
            check(libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL)).map_err(at(Step::Parent))?;
            let [input, output, error] = self.streams;
            if !self.terminal {
                check(libc::setpgid(0, 0)).map_err(at(Step::Session))?;
            } else {
                check(libc::setsid()).map_err(at(Step::Session))?;
                check(libc::ioctl(input, libc::TIOCSCTTY, 0)).map_err(at(Step::Terminal))?;
            }
            // Received descriptors have numbers above these: the keeper's own are open.
            for (from, to) in [(input, 0), (output, 1), (error, 2)] {
                check(libc::dup2(from, to)).map_err(at(Step::Streams))?;
            }
            let (first, last) = (3 as libc::c_uint, libc::c_uint::MAX);
            let flags = libc::CLOSE_RANGE_CLOEXEC;
            // An old kernel has no such call; all that is open above is close-on-exec already.
            libc::syscall(libc::SYS_close_range, first, last, flags);
            for (number, is_closed) in (0..).zip(self.closed) {
                if is_closed {
                    check(libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC))
                        .map_err(at(Step::Streams))?;
                }
            }
            if let Some(script) = self.script {
                check(libc::fcntl(script, libc::F_SETFD, 0)).map_err(at(Step::Streams))?;
            }
            libc::umask(self.umask);
            check(libc::chdir(self.directory)).map_err(at(Step::Directory))?;
            libc::signal(libc::SIGPIPE, libc::SIG_DFL);
            let mut none: libc::sigset_t = std::mem::zeroed();
            libc::sigemptyset(&mut none);
            check(libc::sigprocmask(libc::SIG_SETMASK, &none, ptr::null_mut()))
                .map_err(at(Step::Signals))?;
            if let Some((walls, launcher)) = self.walls {
                raise(walls, launcher).map_err(at(Step::Walls))?;
            }
            libc::execve(self.program, self.arguments, self.environment);
        }
        Err((Step::Execute, Errno::last()))
    }
}

/// Raises the walls around this process, for good. From here on it may only become the program: what
/// else it asks could wait for an answer that goes through its own, halted parent.
fn raise(walls: &Walls, launcher: &OwnedFd) -> Result<(), Errno> {
    // SAFETY: system calls without pointers; both descriptors are open as long as the references.
    unsafe {
        check(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))?;
        let ruleset = walls.ruleset.as_raw_fd();
        Errno::result(libc::syscall(libc::SYS_landlock_restrict_self, ruleset, 0))?;
    }
    let listener = walls.filter.install_with_listener()?;
    send_listener(launcher.as_raw_fd(), listener.as_raw_fd())?;
    // execve closes it; nothing is asked of the kernel before that.
    std::mem::forget(listener);
    Ok(())
}

/// Room for one descriptor, aligned as the kernel's headers want it.
#[repr(C, align(8))]
struct Control([u8; 24]);

/// Sends a byte, and the descriptor with it, without waiting.
fn send_listener(socket: RawFd, descriptor: RawFd) -> Result<(), Errno> {
    let mut byte = 0u8;
    let mut control = Control([0; 24]);
    let mut part = libc::iovec {
        iov_base: ptr::from_mut(&mut byte).cast(),
        iov_len: 1,
    };
    // SAFETY: zeroes are a valid header of a message. Its pointers are to memory that outlives the call;
    // the control message is written where the C library's own macros find it, and there is room for
    // one descriptor, as its length says.
    let sent = unsafe {
        let mut message: libc::msghdr = std::mem::zeroed();
        message.msg_iov = &mut part;
        message.msg_iovlen = 1;
        message.msg_control = ptr::from_mut(&mut control).cast();
        message.msg_controllen = size_of::<Control>();
        let first = libc::CMSG_FIRSTHDR(&message);
        let length = size_of::<RawFd>() as libc::c_uint;
        if first.is_null() || libc::CMSG_SPACE(length) as usize > size_of::<Control>() {
            return Err(Errno::EINVAL);
        }
        (*first).cmsg_level = libc::SOL_SOCKET;
        (*first).cmsg_type = libc::SCM_RIGHTS;
        (*first).cmsg_len = libc::CMSG_LEN(length) as usize;
        libc::CMSG_DATA(first)
            .cast::<RawFd>()
            .write_unaligned(descriptor);
        let flags = libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT;
        libc::sendmsg(socket, &message, flags)
    };
    Errno::result(sent).map(drop)
}

/// Gives a signal to a child that was not collected yet, or, where `whom` is negative, to its group.
/// Real-time signals have no names, so the number goes as it is. One that is about to end needs none.
pub(super) fn signal(whom: i32, signal: i32) {
    // SAFETY: no pointers are passed.
    unsafe { libc::kill(whom, signal) };
}

/// The limit that a signal of the kernel's means, where there is one and, as far as that can be seen, it
/// was reached: anybody can give these signals.
fn reached(signal: libc::c_int, used: u64) -> Option<Reached> {
    // What it has, this process's children have.
    let most = |resource| {
        let (most, _) = getrlimit(resource).ok()?;
        (most != libc::RLIM_INFINITY).then_some(most)
    };
    match signal {
        // Who does not end by the first is killed a second later. The kernel counts more precisely than it
        // tells: what is told may be a part of it.
        libc::SIGXCPU | libc::SIGKILL => {
            let most = most(Resource::RLIMIT_CPU)?;
            (used / 500_000 >= most).then_some(Reached::CpuSeconds(most))
        }
        libc::SIGXFSZ => most(Resource::RLIMIT_FSIZE).map(Reached::FileBytes),
        _ => None,
    }
}

/// How a program ended: as `CLD_*`, with its exit status or its signal, and what it used.
pub(super) fn end(code: i32, status: i32, usage: Usage) -> ProgramEnd {
    let signalled = code != libc::CLD_EXITED;
    ProgramEnd {
        code: if signalled { 0 } else { status },
        signal: if signalled { status } else { 0 },
        timed_out: false,
        limit: match signalled {
            true => reached(status, usage.user + usage.system),
            false => None,
        },
        user: usage.user,
        system: usage.system,
        peak: usage.peak,
        fallen: None,
    }
}

fn check(result: libc::c_int) -> Result<(), Errno> {
    Errno::result(result).map(drop)
}

fn pointers(texts: &[CString]) -> Vec<*const libc::c_char> {
    texts
        .iter()
        .map(|text| text.as_ptr())
        .chain([ptr::null()])
        .collect()
}
