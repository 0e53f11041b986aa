//! Processes: the one that a guest runs in, forked from one of a single thread, with nothing of its
//! parent's but the standard streams and a socket for what the two have to tell each other; and those
//! of a daemon.

use nix::errno::Errno;
use nix::libc;
use nix::sys::prctl;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{SigHandler, SigSet, SigmaskHow, Signal, kill, signal, sigprocmask};
use nix::sys::stat::{Mode, umask};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, chdir, fork, getppid, setsid};
use std::ffi::CString;
use std::fs::{File, OpenOptions};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::path::Path;

/// Where the child finds its socket.
const SOCKET: RawFd = 3;
/// What the original gives itself.
const NICENESS: i32 = 19;

/// A child, and what it tells.
#[derive(Debug)]
pub struct Child {
    pid: Pid,
    /// The parent's end of the socket.
    pub told: File,
}

impl Child {
    /// Starts one that does `work` and ends with its result. It dies with this process.
    pub fn start(work: impl FnOnce(File) -> u8) -> nix::Result<Self> {
        let (ours, theirs) = pair()?;
        let parent = nix::unistd::getpid();
        // SAFETY: this process has one thread, so no lock is held by anybody who is not in the child.
        match unsafe { fork() }? {
            ForkResult::Parent { child } => Ok(Self {
                pid: child,
                told: ours,
            }),
            ForkResult::Child => {
                let status = match become_child(parent, theirs.as_raw_fd()) {
                    // SAFETY: the socket was put there, and `theirs` is never used or dropped.
                    Ok(()) => work(unsafe { File::from_raw_fd(SOCKET) }),
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

    /// Its number, which is its own until somebody collects it.
    pub fn number(&self) -> i32 {
        self.pid.as_raw()
    }

    /// Lets it go on without being watched; the socket to it.
    pub fn leave(self) -> File {
        self.told
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

/// What comes first: each standard stream that is closed becomes one of nothing, so that no file that
/// is opened later takes its number, and a write that nobody reads is an error.
pub fn begin() -> nix::Result<()> {
    // SAFETY: no handler is called.
    unsafe { signal(Signal::SIGPIPE, SigHandler::SigIgn) }?;
    for descriptor in 0..SOCKET {
        // SAFETY: this only asks; the descriptor may be closed.
        let flags = Errno::result(unsafe { libc::fcntl(descriptor, libc::F_GETFD) });
        if flags == Err(Errno::EBADF) {
            // The smallest number that is free, which is this one.
            // SAFETY: the path ends with a NUL. The standard streams are owned by nobody.
            Errno::result(unsafe { libc::open(c"/dev/null".as_ptr(), libc::O_RDWR) })?;
        }
    }
    Ok(())
}

/// Two ends of a socket. They are used as files: a confined process reads and writes, no more.
pub fn pair() -> nix::Result<(File, File)> {
    let (ours, theirs) = UnixStream::pair()
        .map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or(libc::EMFILE)))?;
    let file = |end: UnixStream| File::from(OwnedFd::from(end));
    Ok((file(ours), file(theirs)))
}

fn become_child(parent: Pid, socket: RawFd) -> nix::Result<()> {
    // SAFETY: none of these calls is given a pointer; descriptors above the socket's are nobody's
    // here, as the only values that own any belong to code of the parent that never runs again.
    unsafe {
        Errno::result(libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL))?;
        if socket != SOCKET {
            Errno::result(libc::dup2(socket, SOCKET))?;
        }
        Errno::result(libc::close_range(SOCKET as u32 + 1, u32::MAX, 0))?;
    }
    // It may have ended before it could be followed.
    if getppid() == parent {
        Ok(())
    } else {
        Err(Errno::ESRCH)
    }
}

/// What a confined process has for a fork: whether this is the child, who ends with its parent.
pub fn clone_session() -> nix::Result<bool> {
    // SAFETY: no new stack and no pointers, which is a fork; this process has one thread.
    let pid = unsafe { libc::syscall(libc::SYS_clone, libc::SIGCHLD, 0, 0, 0, 0) };
    if Errno::result(pid)? != 0 {
        return Ok(false);
    }
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    Ok(true)
}

/// Ends this process as it is.
pub fn end_now(status: u8) -> ! {
    // SAFETY: nothing is to be finished: no destructors, no buffers of the standard streams.
    unsafe { libc::_exit(status.into()) }
}

/// Children are collected by the kernel as soon as they end.
pub fn collect_nobody() -> nix::Result<()> {
    // SAFETY: no handler is called.
    unsafe { signal(Signal::SIGCHLD, SigHandler::SigIgn) }.map(drop)
}

/// Leaves whoever started this process: its session, its directory, its streams, its end.
pub fn become_daemon(job: &Path) -> std::io::Result<()> {
    prctl::set_pdeathsig(None)?;
    setsid()?;
    umask(Mode::empty());
    chdir("/")?;
    let null = OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/null")?;
    for descriptor in 0..3 {
        // SAFETY: the standard streams are owned by nobody, and both numbers are open.
        Errno::result(unsafe { libc::dup2(null.as_raw_fd(), descriptor) })?;
    }
    take_name(job);
    Ok(())
}

/// Nobody who hangs up ends this process any more.
pub fn ignore_hangup() -> nix::Result<()> {
    let mut hangup = SigSet::empty();
    hangup.add(Signal::SIGHUP);
    sigprocmask(SigmaskHow::SIG_BLOCK, Some(&hangup), None)
}

/// Takes a daemon's name: `zvm.` and that of its socket, as much of it as a name may have.
pub fn take_name(job: &Path) {
    let mut name = b"zvm.".to_vec();
    name.extend(job.file_name().unwrap_or_default().as_bytes());
    if let Ok(name) = CString::new(name) {
        let _ = prctl::set_name(&name);
    }
}

/// A session may have ten thousand channels.
pub fn allow_many_files() {
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
}

/// Takes the last place among those who want the processor, as the original does.
pub fn be_nice() {
    // SAFETY: no pointers. A process may always become nicer.
    unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, NICENESS) };
}

/// Has all threads of this process allocate from one place, so that what it holds does not depend on
/// which of them did the work.
pub fn share_memory_among_threads() {
    // SAFETY: a number for the allocator.
    unsafe { libc::mallopt(libc::M_ARENA_MAX, 1) };
}

/// Has the allocator grow what it has and map nothing apart: what is mapped apart grows by being
/// moved, which a confined process may not ask for.
pub fn keep_memory_together() {
    // SAFETY: a number for the allocator.
    unsafe { libc::mallopt(libc::M_MMAP_MAX, 0) };
}

/// Gives up the standard streams: the guest has no channel to them unless its manifest says so.
pub fn close_standard_streams() {
    for descriptor in 0..3 {
        // SAFETY: nothing here owns the standard streams, and whoever uses them afterwards is told
        // that they are closed.
        unsafe { libc::close(descriptor) };
    }
}
