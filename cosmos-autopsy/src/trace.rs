//! Tracing a child: hearing of a signal before it kills, and looking at the thread it came to.
//!
//! A tracer costs a process nothing until it stops, which it does when
//!
//! | it stops for | and goes on |
//! |---|---|
//! | a signal about to be delivered | with that signal |
//! | a thread that begins, and the one that began it | at once |
//! | becoming another program, where that is asked for | at once |
//! | a stop of job control | when that is over |
//!
//! Processes that it starts are not traced. It is killed when the tracer ends. Of a child that is not
//! traced, [`next`] tells that it ended, that job control stopped it, and that it goes on.

#![allow(unsafe_code)]

use nix::errno::Errno;
use nix::unistd::Pid;
use std::mem::MaybeUninit;
use std::ptr;

/// What the kernel tells of a process or thread below this one.
#[derive(Debug)]
pub enum Told {
    /// It has ended, and is collected: as `CLD_*`, with its exit status or the number of the signal.
    Ended {
        /// Which.
        pid: Pid,
        /// `CLD_EXITED` or `CLD_KILLED`.
        code: i32,
        /// Status or signal.
        status: i32,
        /// What it and its children used.
        usage: Usage,
    },
    /// It stopped because this signal is about to be delivered to it; where it is not traced, because
    /// the signal has stopped it.
    Signal {
        /// The thread.
        thread: Pid,
        /// The signal.
        signal: i32,
    },
    /// Job control has stopped it.
    Halted {
        /// The thread.
        thread: Pid,
        /// The signal that did.
        signal: i32,
    },
    /// It goes on after such a stop.
    Continued(Pid),
    /// It has become another program, and stands before its first instruction.
    Became(Pid),
    /// A thread begins, or stopped for something that is nobody's business.
    Passing(Pid),
}

/// What a process used, and those that it waited for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// Microseconds of processor time in user mode.
    pub user: u64,
    /// Likewise in the kernel.
    pub system: u64,
    /// The most memory that it or one of those had resident, in bytes.
    pub peak: u64,
}

/// Who or what raised a signal.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cause {
    /// `si_code`.
    pub code: i32,
    /// The address, where the kernel raised it for one.
    pub address: Option<u64>,
    /// The process, where one sent it.
    pub sender: Option<i32>,
}

/// Begins to trace a process of this one's own; its later threads too. `at_exec`: it also stops whenever
/// it has become another program, before its first instruction.
///
/// # Errors
/// The kernel does not allow it.
pub fn seize(pid: Pid, at_exec: bool) -> nix::Result<()> {
    let mut options = libc::PTRACE_O_TRACECLONE | libc::PTRACE_O_EXITKILL;
    if at_exec {
        options |= libc::PTRACE_O_TRACEEXEC;
    }
    request(libc::PTRACE_SEIZE, pid, options as usize)
}

/// The same of a process that may have threads by now, each of which has to be traced. Nobody stops for it.
///
/// # Errors
/// The kernel does not allow it.
pub fn seize_all(pid: Pid) -> nix::Result<()> {
    seize(pid, false)?;
    loop {
        let mut news = false;
        // A thread that nobody traces may make another one while the others are gone through: it does so
        // until nobody new is found. From then on each is made by one that is traced, and is itself.
        for thread in threads(pid) {
            match seize(thread, false) {
                Ok(()) => news = true,
                // It is traced, or has ended.
                Err(Errno::EPERM | Errno::ESRCH) => {}
                Err(error) => return Err(error),
            }
        }
        if !news {
            return Ok(());
        }
    }
}

fn threads(pid: Pid) -> Vec<Pid> {
    let entries = std::fs::read_dir(format!("/proc/{pid}/task"));
    let number = |entry: std::fs::DirEntry| entry.file_name().to_str()?.parse().ok();
    let entries = entries.into_iter().flatten().flatten();
    entries.filter_map(number).map(Pid::from_raw).collect()
}

/// What there is to tell; `None`: nothing now.
///
/// # Errors
/// `ECHILD`: nobody is left.
pub fn next() -> nix::Result<Option<Told>> {
    let mut status = 0;
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: both places outlive the call, and zeroes are a valid rusage.
    let (pid, usage) = unsafe {
        let flags = libc::WNOHANG | libc::WUNTRACED | libc::WCONTINUED | libc::__WALL;
        let pid = libc::wait4(-1, &mut status, flags, usage.as_mut_ptr());
        (pid, usage.assume_init())
    };
    if Errno::result(pid)? == 0 {
        return Ok(None);
    }
    let pid = Pid::from_raw(pid);
    let ended = |code, status| Told::Ended {
        pid,
        code,
        status,
        usage: Usage {
            user: microseconds(usage.ru_utime),
            system: microseconds(usage.ru_stime),
            // Linux counts it in kibibytes.
            peak: u64::try_from(usage.ru_maxrss)
                .unwrap_or(0)
                .saturating_mul(1024),
        },
    };
    if libc::WIFEXITED(status) {
        return Ok(Some(ended(libc::CLD_EXITED, libc::WEXITSTATUS(status))));
    }
    if libc::WIFSIGNALED(status) {
        return Ok(Some(ended(libc::CLD_KILLED, libc::WTERMSIG(status))));
    }
    if libc::WIFCONTINUED(status) {
        return Ok(Some(Told::Continued(pid)));
    }
    let (thread, signal) = (pid, libc::WSTOPSIG(status));
    let stops = [libc::SIGSTOP, libc::SIGTSTP, libc::SIGTTIN, libc::SIGTTOU];
    Ok(Some(match status >> 16 {
        0 => Told::Signal { thread, signal },
        libc::PTRACE_EVENT_STOP if stops.contains(&signal) => Told::Halted { thread, signal },
        libc::PTRACE_EVENT_EXEC => Told::Became(thread),
        _ => Told::Passing(thread),
    }))
}

/// Lets a stopped thread go on, with a signal or (0) without. One that was killed meanwhile is no error.
pub fn go_on(thread: Pid, signal: i32) {
    let _ = request(libc::PTRACE_CONT, thread, signal as usize);
}

/// Leaves a thread as job control has it.
pub fn leave_halted(thread: Pid) {
    let _ = request(libc::PTRACE_LISTEN, thread, 0);
}

/// Traces a process no longer.
pub fn let_go(thread: Pid) {
    let _ = request(libc::PTRACE_DETACH, thread, 0);
}

/// Whether this is a thread of that process.
pub fn is_thread_of(thread: Pid, process: Pid) -> bool {
    // SAFETY: no pointers are passed, and signal 0 is none.
    let found = unsafe { libc::syscall(libc::SYS_tgkill, process.as_raw(), thread.as_raw(), 0) };
    found == 0
}

/// What raised the signal that a thread has stopped for.
pub fn cause(thread: Pid) -> Option<Cause> {
    const RAISED_FOR_AN_ADDRESS: [i32; 5] = [
        libc::SIGSEGV,
        libc::SIGBUS,
        libc::SIGFPE,
        libc::SIGILL,
        libc::SIGTRAP,
    ];
    let info = nix::sys::ptrace::getsiginfo(thread).ok()?;
    // The kernel raises with codes above zero; whoever sends cannot have those.
    let is_kernels = info.si_code > 0;
    let has_address = is_kernels && RAISED_FOR_AN_ADDRESS.contains(&info.si_signo);
    // SAFETY: which part of a siginfo is valid, signal and code say: for these an address, for what
    // was sent a pid. Both are plain numbers, of which every bit pattern is one.
    let (address, sender) = unsafe { (info.si_addr() as u64, info.si_pid()) };
    Some(Cause {
        code: info.si_code,
        address: has_address.then_some(address),
        sender: (!is_kernels).then_some(sender),
    })
}

/// The registers of a stopped thread.
#[cfg(target_arch = "x86_64")]
pub fn registers(thread: Pid) -> Option<libc::user_regs_struct> {
    nix::sys::ptrace::getregset::<nix::sys::ptrace::regset::NT_PRSTATUS>(thread).ok()
}

fn request(what: libc::c_uint, pid: Pid, data: usize) -> nix::Result<()> {
    // SAFETY: none of these requests reads or writes memory of this process: the address is not looked
    // at, and data is a number.
    let result = unsafe {
        libc::ptrace(
            what,
            pid.as_raw(),
            ptr::null_mut::<libc::c_void>(),
            ptr::without_provenance_mut::<libc::c_void>(data),
        )
    };
    Errno::result(result).map(drop)
}

fn microseconds(time: libc::timeval) -> u64 {
    let all = time.tv_sec.saturating_mul(1_000_000) + time.tv_usec;
    u64::try_from(all).unwrap_or(0)
}
