//! Which process is at the other end of a socket that was handed on to it, so that it can be ended.
//!
//! The kernel says who sent what comes from there:
//!
//! | kernel | what it says | why nobody else is ended |
//! |---|---|---|
//! | Linux 6.5 and later | the process | what refers to it never becomes another's |
//! | earlier ones | its number | who has the number now is believed to be the sender only if it is a child of the guest's process, and these may be ended, all of them |
//!
//! That the socket is open does not show that the number is still its sender's: a guest's process that was
//! taken over can have another keep the socket, and its number become anybody's.

use crate::descriptors::{Sender, is_readable_within, receive_sender};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use std::fs::{self, File};
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

/// The guest's process, whose children wait.
#[derive(Debug)]
pub struct Guest {
    number: Pid,
    process: OwnedFd,
}

impl Guest {
    /// The process of a number, a child of this one that nobody has collected.
    pub fn of(number: i32) -> std::io::Result<Self> {
        let number = to_pid(number).ok_or(std::io::ErrorKind::NotFound)?;
        let process = pidfd_open(number, PidfdFlags::empty())?;
        Ok(Self { number, process })
    }

    /// Who is at the other end of a socket, and has not left it. Somebody who says nothing is nobody: the
    /// guest's process may have been taken over.
    pub fn who_waits(&self, socket: &File, patience: Duration) -> Option<OwnedFd> {
        if !is_readable_within(socket, patience) {
            return None;
        }
        let process = match receive_sender(socket).ok()?? {
            Sender::Process(process) => process,
            Sender::Number(number) => self.child(number)?,
        };
        (!is_left(socket)).then_some(process)
    }

    /// The child that has a number.
    fn child(&self, number: i32) -> Option<OwnedFd> {
        let process = pidfd_open(to_pid(number)?, PidfdFlags::empty()).ok()?;
        let is_child = parent_of(number) == Some(self.number);
        // Both numbers were theirs all the time if they are there still.
        (is_child && is_there(&process) && is_there(&self.process)).then_some(process)
    }
}

/// None of these is negative, and the kernel's own process is nobody's.
fn to_pid(number: i32) -> Option<Pid> {
    Pid::from_raw(number.max(0))
}

fn parent_of(number: i32) -> Option<Pid> {
    let status = fs::read_to_string(format!("/proc/{number}/stat")).ok()?;
    // Its name is in parentheses, and may have some itself.
    let (_, fields) = status.rsplit_once(')')?;
    to_pid(fields.split_whitespace().nth(1)?.parse().ok()?)
}

fn is_there(process: &OwnedFd) -> bool {
    !is_readable_within(process, Duration::ZERO)
}

/// Whether nobody has the other end of a socket any more.
fn is_left(socket: &File) -> bool {
    let mut source = [PollFd::new(socket.as_fd(), PollFlags::empty())];
    let _ = poll(&mut source, PollTimeout::ZERO);
    let [source] = source;
    let events = source.revents().unwrap_or(PollFlags::POLLHUP);
    events.contains(PollFlags::POLLHUP)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::descriptors::{self, tell_senders};
    use crate::process::{self, Child};
    use crate::told;
    use rustix::process::{Signal, pidfd_send_signal};
    use std::io::{Read, Write};
    use std::process::Command;

    const PATIENCE: Duration = Duration::from_secs(30);

    fn pair() -> (File, File) {
        let (ours, theirs) = process::pair().expect("a socket");
        tell_senders(&ours).expect("the kernel tells");
        (ours, theirs)
    }

    fn this_process() -> Guest {
        Guest::of(nix::unistd::getpid().as_raw()).expect("it is here")
    }

    /// One that says that it runs once it is asked, and waits.
    fn child() -> Child {
        let child = Child::start(|mut told| {
            let _ = told.read_exact(&mut [0]);
            let _ = told::running(&told);
            told::wait_for_end(&told);
            0
        });
        let child = child.expect("a process");
        // Before it says anything: what came earlier would be nobody's.
        tell_senders(&child.told).expect("the kernel tells");
        (&child.told).write_all(&[0]).expect("it waits");
        child
    }

    #[test]
    fn who_waits_says_so_and_is_there() {
        let child = child();
        let process = this_process().who_waits(&child.told, PATIENCE);
        let process = process.expect("it waits");
        assert!(is_there(&process));
        pidfd_send_signal(&process, Signal::KILL).expect("it is there");
        assert!(is_readable_within(&process, PATIENCE));
        assert!(!is_there(&process));
        let _ = child.end();
    }

    #[test]
    fn nobody_waits_where_nothing_is_said() {
        let guest = this_process();
        let (silent, _other) = pair();
        let soon = Duration::from_millis(1);
        assert!(guest.who_waits(&silent, soon).is_none());
        let (left, other) = pair();
        drop(other);
        assert!(guest.who_waits(&left, PATIENCE).is_none());
        let (ended, other) = pair();
        told::running(&other).expect("told");
        drop(other);
        assert!(guest.who_waits(&ended, PATIENCE).is_none());
    }

    #[test]
    fn a_number_is_a_childs_or_nobodys() {
        let child = child();
        let number = child.number();
        assert!(this_process().child(number).is_some());
        // Somebody else's, one that is no process's, and one that ended.
        let guest = Guest::of(number).expect("it runs");
        assert!(guest.child(number).is_none());
        assert!(guest.child(nix::unistd::getpid().as_raw()).is_none());
        assert!(this_process().child(0).is_none());
        assert!(this_process().child(-1).is_none());
        let _ = child.end();
        assert!(this_process().child(number).is_none());
        assert!(guest.child(nix::unistd::getpid().as_raw()).is_none());
    }

    /// The other end is held by somebody else, and the number of who said that it waits is another's by
    /// now: that one is not ended.
    #[test]
    fn a_number_that_became_anothers_is_not_ended() {
        const LAST_NUMBER: &str = "/proc/sys/kernel/ns_last_pid";
        let (ours, theirs) = pair();
        let child = Child::start(|told| {
            for socket in descriptors::receive(&told).unwrap_or_default() {
                let _ = told::running(&File::from(socket));
            }
            0
        });
        let child = child.expect("a process");
        descriptors::send(&child.told, &[theirs.as_fd()]).expect("sent");
        assert!(is_readable_within(&ours, PATIENCE));
        let number = child.number();
        let guest = Guest::of(number).expect("it is not collected");
        let _ = child.end();
        let before = (number - 1).to_string();
        for _ in 0..10_000 {
            if fs::write(LAST_NUMBER, &before).is_err() {
                eprintln!("skipped: this user may not choose the numbers of processes");
                return;
            }
            let mut other = Command::new("sleep").arg("600").spawn().expect("a process");
            let is_reused = other.id() == number.cast_unsigned();
            if is_reused && let Some(process) = guest.who_waits(&ours, PATIENCE) {
                let _ = pidfd_send_signal(&process, Signal::KILL);
            }
            let ended = other.try_wait().expect("it is ours");
            let _ = other.kill();
            let _ = other.wait();
            if is_reused {
                assert_eq!(ended, None);
                return;
            }
        }
        panic!("somebody else had the number {number} all the time");
    }
}
