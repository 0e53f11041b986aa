//! What this kernel offers, asked of the kernel itself, and processes by descriptor.
//!
//! Three system calls that no crate here wraps.

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::fs;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

/// A process, held by a descriptor that never comes to mean another one.
#[derive(Debug)]
pub struct Process(OwnedFd);

impl Process {
    /// The process that has this id now.
    pub fn open(pid: i32) -> nix::Result<Process> {
        // SAFETY: takes two integers; the result is -1 or a new descriptor.
        let result = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
        let descriptor = Errno::result(result)?;
        let descriptor = i32::try_from(descriptor).map_err(|_| Errno::EBADF)?;
        // SAFETY: the descriptor was just made and belongs to nobody else.
        Ok(Process(unsafe { OwnedFd::from_raw_fd(descriptor) }))
    }

    /// Asks it to end (SIGTERM).
    pub fn terminate(&self) -> nix::Result<()> {
        // SAFETY: takes integers and a null pointer, which stands for an ordinary signal.
        let result = unsafe {
            libc::syscall(
                libc::SYS_pidfd_send_signal,
                self.0.as_raw_fd(),
                libc::SIGTERM,
                std::ptr::null::<libc::c_void>(),
                0,
            )
        };
        match Errno::result(result) {
            // It ended by itself.
            Err(Errno::ESRCH) => Ok(()),
            other => other.map(drop),
        }
    }

    /// Whether it has ended, after waiting for that at most `patience`.
    pub fn wait(&self, patience: Duration) -> nix::Result<bool> {
        let timeout = PollTimeout::try_from(patience).unwrap_or(PollTimeout::MAX);
        let mut ends = [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)];
        poll(&mut ends, timeout).map(|ready| ready > 0)
    }
}

/// The version of Landlock's interface; `None` where the kernel has none or it is switched off.
pub fn landlock_abi() -> Option<u32> {
    const CREATE_RULESET_VERSION: libc::c_long = 1;
    // SAFETY: with a null attribute pointer, size 0 and the version flag, the call reads no memory
    // and makes no descriptor; it returns the version or -1.
    let version = unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            std::ptr::null::<libc::c_void>(),
            0usize,
            CREATE_RULESET_VERSION,
        )
    };
    u32::try_from(version).ok().filter(|version| *version > 0)
}

/// Whether processes can be followed by descriptor.
pub fn has_pidfd() -> bool {
    i32::try_from(std::process::id()).is_ok_and(|pid| Process::open(pid).is_ok())
}

/// The actions a seccomp filter may take, as the kernel names them.
pub fn seccomp_actions() -> Vec<String> {
    read("/proc/sys/kernel/seccomp/actions_avail")
        .map(|text| text.split_whitespace().map(str::to_owned).collect())
        .unwrap_or_default()
}

/// Why unprivileged user namespaces are not to be had; `None`: nothing known speaks against them.
pub fn user_namespaces_refused() -> Option<String> {
    let setting = |path: &str| read(path).and_then(|text| text.trim().parse::<u64>().ok());
    if !Path::new("/proc/self/ns/user").exists() {
        return Some("the kernel has none".to_owned());
    }
    let switches = [
        (
            "/proc/sys/user/max_user_namespaces",
            0,
            "user.max_user_namespaces is 0",
        ),
        (
            "/proc/sys/kernel/unprivileged_userns_clone",
            0,
            "kernel.unprivileged_userns_clone is 0",
        ),
        (
            "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
            1,
            "kernel.apparmor_restrict_unprivileged_userns is 1",
        ),
    ];
    switches
        .into_iter()
        .find(|(path, refuses, _)| setting(path) == Some(*refuses))
        .map(|(_, _, reason)| reason.to_owned())
}

/// How control groups are mounted, in words.
pub fn cgroups() -> String {
    let mounts = read("/proc/self/mountinfo").unwrap_or_default();
    let mounted = |kind: &str| {
        mounts.lines().find_map(|line| {
            let (before, after) = line.split_once(" - ")?;
            let path = before.split(' ').nth(4)?;
            (after.split(' ').next()? == kind).then(|| path.to_owned())
        })
    };
    match (mounted("cgroup2"), mounted("cgroup")) {
        (Some(path), None) => format!("version 2 at {path}"),
        (Some(path), Some(_)) => format!("hybrid, version 2 at {path}"),
        (None, Some(_)) => "version 1 only".to_owned(),
        (None, None) => "none mounted".to_owned(),
    }
}

/// The kernel's release.
pub fn release() -> String {
    read("/proc/sys/kernel/osrelease").map_or("unknown".to_owned(), |text| text.trim().to_owned())
}

fn read(path: &str) -> Option<String> {
    fs::read_to_string(path).ok()
}
