//! The process that runs a guest: forked from one of a single thread, with nothing of its parent's
//! but the standard streams and a pipe for what it has to tell.

use nix::errno::Errno;
use nix::libc;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork, getppid, pipe2};
use std::fs::File;
use std::os::fd::{AsRawFd, FromRawFd, RawFd};

/// Where the child finds the pipe.
const PIPE: RawFd = 3;
/// What the original gives itself.
const NICENESS: i32 = 19;

/// A child, and what it tells.
#[derive(Debug)]
pub struct Child {
    pid: Pid,
    /// The end of the pipe to read from.
    pub told: File,
}

impl Child {
    /// Starts one that does `work` and ends with its result. It dies with this process.
    pub fn start(work: impl FnOnce(File) -> u8) -> nix::Result<Self> {
        let (read, write) = pipe2(nix::fcntl::OFlag::O_CLOEXEC)?;
        let parent = nix::unistd::getpid();
        // SAFETY: this process has one thread, so no lock is held by anybody who is not in the child.
        match unsafe { fork() }? {
            ForkResult::Parent { child } => Ok(Self {
                pid: child,
                told: File::from(read),
            }),
            ForkResult::Child => {
                let status = match become_child(parent, write.as_raw_fd()) {
                    // SAFETY: the pipe's end was put there, and `write` is never used or dropped.
                    Ok(()) => work(unsafe { File::from_raw_fd(PIPE) }),
                    Err(_) => u8::MAX,
                };
                // SAFETY: nothing that the parent had begun is finished here: no destructors, no
                // buffers of the standard streams.
                unsafe { libc::_exit(status.into()) }
            }
        }
    }

    /// Sends it a signal. It has not been collected, so the number is still its own.
    pub fn signal(&self, signal: Signal) {
        let _ = kill(self.pid, signal);
    }

    /// Makes sure that it ends, and says how it did.
    pub fn end(self) -> nix::Result<WaitStatus> {
        self.signal(Signal::SIGKILL);
        loop {
            match waitpid(self.pid, None) {
                Err(Errno::EINTR) => {}
                ended => return ended,
            }
        }
    }
}

fn become_child(parent: Pid, pipe: RawFd) -> nix::Result<()> {
    // SAFETY: none of these calls is given a pointer; descriptors above the pipe's are nobody's
    // here, as the only values that own any belong to code of the parent that never runs again.
    unsafe {
        Errno::result(libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL))?;
        if pipe != PIPE {
            Errno::result(libc::dup2(pipe, PIPE))?;
        }
        Errno::result(libc::close_range(PIPE as u32 + 1, u32::MAX, 0))?;
    }
    // It may have ended before it could be followed.
    if getppid() == parent {
        Ok(())
    } else {
        Err(Errno::ESRCH)
    }
}

/// Takes the last place among those who want the processor, as the original does.
pub fn be_nice() {
    // SAFETY: no pointers. A process may always become nicer.
    unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, NICENESS) };
}

/// Gives up the standard streams: the guest has no channel to them unless its manifest says so.
pub fn close_standard_streams() {
    for descriptor in 0..3 {
        // SAFETY: nothing here owns the standard streams, and whoever uses them afterwards is told
        // that they are closed.
        unsafe { libc::close(descriptor) };
    }
}
