//! Who ends a far relay that hangs: one that was stopped does not see that the link has ended, and all that
//! was opened over it would stay.
//!
//! The watcher is a child, forked while the relay has one thread. The relay shows it by a byte now and then
//! that it lives; where nothing comes for so long that the other machine has given the relay up, the watcher
//! ends it. Where the relay ends otherwise, the kernel ends its watcher.

use crate::pump::spawn;
use cosmos_rpc::{Fault, FaultCode, daemon};
use nix::errno::Errno;
use nix::libc::{self, SIGHUP, SIGINT, SIGTERM};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::unistd::{ForkResult, fork};
use rustix::process::{
    Pid, PidfdFlags, Signal as Kill, getpid, getppid, pidfd_open, pidfd_send_signal,
};
use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::os::fd::{AsFd, OwnedFd};
use std::thread;
use std::time::Duration;

/// Bytes that are read at once: more than come.
const MANY: usize = 64;

/// What a relay shows by that it lives.
pub(crate) struct Watched(PipeWriter);

/// Starts the watcher of this process, which ends it after such a silence.
///
/// # Safety
///
/// The process has one thread.
pub(crate) unsafe fn start(silence: Duration) -> Result<Watched, Fault> {
    let failed = |what: &str, error: &dyn std::fmt::Display| {
        let message = format!("no {what} for a relay: {error}");
        Fault::host(FaultCode::System, message)
    };
    let relay = getpid();
    let pidfd = pidfd_open(relay, PidfdFlags::empty());
    let pidfd = pidfd.map_err(|error| failed("pidfd", &error))?;
    let (signs, shows) = pipe().map_err(|error| failed("pipe", &error))?;
    // SAFETY: with one thread, the child finds every lock as it can be taken.
    match unsafe { fork() } {
        Ok(ForkResult::Parent { .. }) => Ok(Watched(shows)),
        Ok(ForkResult::Child) => {
            drop(shows);
            watch(relay, &pidfd, signs, silence);
            // SAFETY: ends this process, and runs nothing of the relay's.
            unsafe { libc::_exit(0) }
        }
        Err(error) => Err(failed("watcher", &error)),
    }
}

impl Watched {
    /// Shows it from now on, by a thread, as long as the process lives.
    pub(crate) fn live(mut self, silence: Duration) -> Result<(), Fault> {
        let shows = move || {
            // Without a watcher nobody is shown anything.
            while self.0.write_all(&[1]).is_ok() {
                thread::sleep(silence / 4);
            }
        };
        spawn("shows-life", shows).map(drop)
    }
}

fn watch(pid: Pid, relay: &OwnedFd, mut signs: PipeReader, silence: Duration) {
    // The name is for people, and for who signals by name.
    let _ = prctl::set_name(c"cosmos-watcher");
    let _ = prctl::set_pdeathsig(Signal::SIGKILL);
    if getppid() != Some(pid) {
        return;
    }
    // They mean the relay, and it ends by them.
    daemon::ignore(&[SIGHUP, SIGINT, SIGTERM]);
    while is_shown(&signs, silence) {
        if !matches!(signs.read(&mut [0; MANY]), Ok(1..)) {
            // It has ended.
            return;
        }
    }
    let _ = pidfd_send_signal(relay, Kill::KILL);
}

/// Waits for a sign; whether there was one, or the end of all.
fn is_shown(signs: &PipeReader, silence: Duration) -> bool {
    // The other machine has given it up by then.
    let patience = PollTimeout::try_from(silence + silence / 4).unwrap_or(PollTimeout::MAX);
    loop {
        let mut watched = [PollFd::new(signs.as_fd(), PollFlags::POLLIN)];
        match poll(&mut watched, patience) {
            Err(Errno::EINTR) => {}
            Ok(0) => return false,
            _ => return true,
        }
    }
}
