//! A process that does one thing and ends, and that this one can do without.

#![allow(unsafe_code)]

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::signal::Signal;
use nix::unistd::{ForkResult, Pid};
use std::fs::File;
use std::os::fd::{AsRawFd, OwnedFd};

/// A process that was forked to look at something, until it is collected.
#[derive(Debug)]
pub struct Aside {
    pid: Pid,
    /// What it says.
    pub answer: File,
}

impl Aside {
    /// Its pid.
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// Ends it, whatever it is doing.
    pub fn end(self) {
        // The pid is this process's own unreaped child, so it still names it.
        let _ = nix::sys::signal::kill(self.pid, Signal::SIGKILL);
        while nix::sys::wait::waitpid(self.pid, None) == Err(Errno::EINTR) {}
    }
}

/// Forks a process that does this work and ends. It has `given`, a pipe for its answer, and nothing else
/// that is open here: no socket of this process's, no standard stream. To be called by a process of one
/// thread.
///
/// # Errors
/// What the kernel says.
pub fn fork(given: File, work: impl FnOnce(&File, File)) -> nix::Result<Aside> {
    let (answer, writer) = nix::unistd::pipe2(OFlag::O_CLOEXEC)?;
    let parent = nix::unistd::getpid();
    // SAFETY: the process has one thread, so the child's memory is in a consistent state.
    match unsafe { nix::unistd::fork() }? {
        ForkResult::Parent { child } => Ok(Aside {
            pid: child,
            answer: File::from(answer),
        }),
        ForkResult::Child => {
            if die_with(parent)
                .and_then(|()| keep_only(&given, &writer))
                .is_ok()
            {
                // A panic must not unwind into the parent's own code.
                let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                    work(&given, File::from(writer));
                }));
            }
            // SAFETY: `_exit` runs no destructors, which belong to the parent's copy.
            unsafe { libc::_exit(0) }
        }
    }
}

/// Limits a resource of this process. Of processor time the hard limit is a second later: at the first
/// comes SIGXCPU, which says what it is for, at the second SIGKILL, which does not.
///
/// # Errors
/// What the kernel says. A process may have less than this already, and keeps it.
pub fn set_limit(resource: u32, value: u64) -> nix::Result<()> {
    match exchange_limit(0, resource, Some(&limit(resource, value))) {
        Err(Errno::EPERM) => Ok(()),
        other => other.map(drop),
    }
}

/// Has the process of this pid, which is one of the same user's, be able to have this limit, where it has less
/// and this process may give it more.
///
/// # Errors
/// What the kernel says.
pub fn raise_limit_of(pid: i32, resource: u32, value: u64) -> nix::Result<()> {
    let limit = limit(resource, value);
    if exchange_limit(pid, resource, None)?.rlim_max >= limit.rlim_max {
        return Ok(());
    }
    match exchange_limit(pid, resource, Some(&limit)) {
        Err(Errno::EPERM) => Ok(()),
        other => other.map(drop),
    }
}

fn limit(resource: u32, value: u64) -> libc::rlimit {
    libc::rlimit {
        rlim_cur: value,
        rlim_max: match resource {
            libc::RLIMIT_CPU => value.saturating_add(1),
            _ => value,
        },
    }
}

/// The limits that there were; they are these from now on, where some are given.
fn exchange_limit(
    pid: i32,
    resource: u32,
    new: Option<&libc::rlimit>,
) -> nix::Result<libc::rlimit> {
    let mut old = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    let new = new.map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: both structures outlive the call, which reads the one, where there is one, and writes the other.
    Errno::result(unsafe { libc::prlimit(pid, resource, new, &raw mut old) })?;
    Ok(old)
}

/// Asks for SIGKILL when the parent ends, and makes sure that it has not ended before.
fn die_with(parent: Pid) -> nix::Result<()> {
    nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?;
    if nix::unistd::getppid() == parent {
        Ok(())
    } else {
        Err(Errno::ESRCH)
    }
}

/// Closes every descriptor but these two.
fn keep_only(one: &File, other: &OwnedFd) -> nix::Result<()> {
    let numbers = [one.as_raw_fd(), other.as_raw_fd()].map(libc::c_int::cast_unsigned);
    let (low, high) = (numbers[0].min(numbers[1]), numbers[0].max(numbers[1]));
    for (first, last) in [
        (Some(0), low.checked_sub(1)),
        (low.checked_add(1), high.checked_sub(1)),
        (high.checked_add(1), Some(libc::c_uint::MAX)),
    ] {
        if let (Some(first), Some(last)) = (first, last)
            && first <= last
        {
            // SAFETY: only the forked child calls this, which ends by `_exit`: nobody is left in it who
            // owns what is closed.
            Errno::result(unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) })?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};

    /// The numbers of what is open, as the forked process finds them.
    #[test]
    fn it_has_its_two_descriptors_and_nothing_else() {
        let given = File::open("/proc/self/exe").expect("a file");
        let (kept, writing) = std::io::pipe().expect("a pipe");
        let number = given.as_raw_fd();
        let aside = fork(given, move |given, mut answer| {
            let open: Vec<i32> = (0..1024)
                // SAFETY: no pointers are passed.
                .filter(|number| unsafe { libc::fcntl(*number, libc::F_GETFD) } >= 0)
                .collect();
            let own = [given.as_raw_fd(), answer.as_raw_fd()];
            let _ = write!(
                answer,
                "{} {}",
                open.len(),
                own.iter().all(|it| open.contains(it))
            );
        });
        let mut aside = aside.expect("a process");
        let mut said = String::new();
        aside.answer.read_to_string(&mut said).expect("its answer");
        aside.end();
        assert_eq!(said, "2 true", "given was {number}");
        drop((kept, writing));
    }
}
