//! What runs below this process, and its end.
//!
//! A process whose parent ends becomes a child of this one, whatever sessions and groups it made: all
//! that a program started is therefore below, until it has ended. What forks while it is counted is
//! found in the next round; a process is killed by a descriptor that is known to mean it, so that
//! nobody else's is hit whatever becomes of its number.

use super::watch::{Change, Watch};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signalfd::SignalFd;
use nix::sys::wait::{WaitPidFlag, waitpid};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::collections::{HashMap, HashSet};
use std::fs;
use std::os::fd::AsFd;
use std::thread;
use std::time::{Duration, Instant};

/// Pause between two rounds.
const ROUND: u8 = 5;
/// How long the kernel may take to end what was killed.
const PATIENCE: Duration = Duration::from_secs(10);

/// A process: its parent, and when it started, which tells it from a later one of its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Process {
    parent: i32,
    started: u64,
}

/// Kills all that is below this process and collects it; `ended` hears of each. Whether all is gone:
/// the kernel may hold on to one.
pub(super) fn end(
    children: &SignalFd,
    watch: &mut Watch,
    mut ended: impl FnMut(i32, Change),
) -> bool {
    let deadline = Instant::now() + PATIENCE;
    loop {
        loop {
            match watch.next() {
                Ok(Some((pid, change))) => ended(pid, change),
                Ok(None) => break,
                Err(Errno::EINTR) => {}
                // ECHILD: nobody is left.
                Err(_) => return true,
            }
        }
        if Instant::now() >= deadline {
            return false;
        }
        kill_all();
        let mut watched = [PollFd::new(children.as_fd(), PollFlags::POLLIN)];
        // Whatever it says, the next round looks.
        let _ = poll(&mut watched, PollTimeout::from(ROUND));
        while let Ok(Some(_)) = children.read_signal() {}
    }
}

/// Kills and collects the children of this process that are not of its family: orphans of a keeper that
/// was killed.
pub(crate) fn end_strays(family: &HashSet<i32>) {
    let own = std::process::id() as i32;
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        let processes = processes();
        let is_stray =
            |(pid, process): &(&i32, &Process)| process.parent == own && !family.contains(pid);
        let strays: Vec<_> = processes.iter().filter(is_stray).collect();
        if strays.is_empty() {
            return;
        }
        for (pid, process) in strays {
            kill(*pid, *process);
            // What it leaves behind comes here in turn.
            let pid = nix::unistd::Pid::from_raw(*pid);
            let _ = waitpid(pid, Some(WaitPidFlag::WNOHANG));
        }
        thread::sleep(Duration::from_millis(ROUND.into()));
    }
}

fn kill_all() {
    let processes = processes();
    for pid in below(std::process::id() as i32, &processes) {
        if let Some(process) = processes.get(&pid) {
            kill(pid, *process);
        }
    }
}

fn kill(pid: i32, known: Process) {
    let opened = Pid::from_raw(pid).map(|pid| pidfd_open(pid, PidfdFlags::empty()));
    let Some(Ok(pidfd)) = opened else {
        return;
    };
    // Read after it was opened: what it means then is what it means.
    if read(pid).is_some_and(|process| process.started == known.started) {
        // One that has ended meanwhile is what is wanted.
        let _ = pidfd_send_signal(&pidfd, Signal::KILL);
    }
}

/// The numbers of those below `ancestor`.
fn below(ancestor: i32, processes: &HashMap<i32, Process>) -> Vec<i32> {
    let mut children: HashMap<i32, Vec<i32>> = HashMap::new();
    for (pid, process) in processes {
        children.entry(process.parent).or_default().push(*pid);
    }
    let mut found = Vec::new();
    let mut open = vec![ancestor];
    while let Some(pid) = open.pop() {
        // Taken out: numbers read one after the other may make a circle.
        let next = children.remove(&pid).unwrap_or_default();
        open.extend_from_slice(&next);
        found.extend(next);
    }
    found
}

fn processes() -> HashMap<i32, Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter_map(|pid| Some((pid, read(pid)?))).collect()
}

fn read(pid: i32) -> Option<Process> {
    parse(&fs::read(format!("/proc/{pid}/stat")).ok()?)
}

/// Parent and start of a line of `/proc/PID/stat`. The name before them is the process's own choice,
/// parentheses and spaces included.
fn parse(line: &[u8]) -> Option<Process> {
    let name_ends = line.iter().rposition(|byte| *byte == b')')?;
    let rest = std::str::from_utf8(line.get(name_ends + 1..)?).ok()?;
    let mut fields = rest.split_ascii_whitespace();
    Some(Process {
        parent: fields.nth(1)?.parse().ok()?,
        started: fields.nth(17)?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_does_not_hide_a_process() {
        let line = b"42 (a) R 1 (b) S 7 42 42 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 9876 0 0";
        let expected = Process {
            parent: 7,
            started: 9876,
        };
        assert_eq!(parse(line), Some(expected));
        assert_eq!(parse(b"42 (a"), None);
        assert_eq!(parse(b"42 (a) S"), None);
    }

    #[test]
    fn this_process_is_below_its_parent() {
        let own = std::process::id() as i32;
        let parent = read(own).expect("this process").parent;
        assert!(below(parent, &processes()).contains(&own));
        assert!(!below(own, &processes()).contains(&own));
    }

    #[test]
    fn a_circle_ends() {
        let process = |parent| Process { parent, started: 0 };
        let circle = HashMap::from([(2, process(3)), (3, process(2)), (4, process(1))]);
        assert_eq!(below(1, &circle), [4]);
        assert_eq!(below(2, &circle).len(), 2);
    }
}
