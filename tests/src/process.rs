//! What /proc says of processes.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

/// A process as it was when looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its id.
    pub pid: i32,
    /// Its parent's.
    pub parent: i32,
    /// Its session.
    pub session: i32,
    /// Its command name, at most 15 bytes, as the kernel keeps it.
    pub name: String,
    /// Its state letter: `R`, `S`, `Z` and so on.
    pub state: char,
}

impl Process {
    /// The process of this id.
    pub fn of(pid: i32) -> Option<Process> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name stands in parentheses and may hold some itself.
        let (head, tail) = stat.rsplit_once(')')?;
        let name = head.split_once('(')?.1.to_owned();
        let mut fields = tail.split_ascii_whitespace();
        let state = fields.next()?.chars().next()?;
        let parent = fields.next()?.parse().ok()?;
        let session = fields.nth(1)?.parse().ok()?;
        Some(Process {
            pid,
            parent,
            session,
            name,
            state,
        })
    }

    /// Whether it has ended and only waits to be reaped.
    pub fn is_zombie(&self) -> bool {
        self.state == 'Z'
    }

    /// Whether it was stopped by a signal: all of its threads are. One alone stops for a moment, too, where a
    /// launcher that traces it has to see a new thread.
    pub fn is_stopped(pid: i32) -> bool {
        let Ok(tasks) = std::fs::read_dir(format!("/proc/{pid}/task")) else {
            return false;
        };
        let mut states = tasks.flatten().map(|task| {
            let stat = std::fs::read_to_string(task.path().join("stat")).unwrap_or_default();
            let state = stat
                .rsplit_once(") ")
                .and_then(|(_, rest)| rest.chars().next());
            // Of what is traced the kernel says it by `t`.
            matches!(state, Some('T' | 't'))
        });
        states.next() == Some(true) && states.all(|is_stopped| is_stopped)
    }

    /// Its resident memory in bytes.
    pub fn resident(&self) -> u64 {
        status_bytes(&format!("/proc/{}/status", self.pid), "VmRSS:").unwrap_or(0)
    }

    /// What its descriptors lead to, by number; empty where this user may not look.
    pub fn descriptors(&self) -> Vec<(i32, PathBuf)> {
        descriptors(&format!("/proc/{}/fd", self.pid))
    }

    /// Its environment, entry by entry; `None` where this user may not look.
    pub fn environment(&self) -> Option<Vec<String>> {
        let bytes = std::fs::read(format!("/proc/{}/environ", self.pid)).ok()?;
        let entries = bytes
            .split(|byte| *byte == 0)
            .filter(|entry| !entry.is_empty());
        Some(
            entries
                .map(|entry| String::from_utf8_lossy(entry).into_owned())
                .collect(),
        )
    }

    /// The field of /proc/PID/status of this name, with its colon.
    pub fn status(&self, field: &str) -> Option<String> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid)).ok()?;
        status
            .lines()
            .find_map(|line| line.strip_prefix(field))
            .map(|value| value.trim().to_owned())
    }

    /// Every process below `ancestor`, itself not included.
    pub fn below(ancestor: i32) -> Vec<Process> {
        let all = all();
        let mut family = HashSet::from([ancestor]);
        loop {
            let before = family.len();
            let children = all
                .iter()
                .filter(|process| family.contains(&process.parent));
            let children: Vec<i32> = children.map(|process| process.pid).collect();
            family.extend(children);
            if family.len() == before {
                break;
            }
        }
        all.into_iter()
            .filter(|process| process.pid != ancestor && family.contains(&process.pid))
            .collect()
    }
}

/// How many descriptors this process has open.
pub fn open_descriptors() -> usize {
    // The one by which the directory itself is read is in it.
    descriptors("/proc/self/fd").len().saturating_sub(1)
}

/// Resident memory of this process in bytes.
pub fn resident_bytes() -> u64 {
    status_bytes("/proc/self/status", "VmRSS:").unwrap_or(0)
}

/// Every process, with a parent that was there as well. They are read one after the other, and one whose parent
/// ends meanwhile has another one since: it would be nobody's.
fn all() -> Vec<Process> {
    let Ok(directory) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    let mut all: HashMap<i32, Process> = directory
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|pid| Some((pid, Process::of(pid)?)))
        .collect();
    loop {
        let is_lost = |process: &&Process| !all.contains_key(&process.parent);
        let lost: Vec<Process> = all.values().filter(is_lost).cloned().collect();
        let mut has_changed = false;
        for before in lost {
            let now = Process::of(before.pid);
            // Where parents cannot be seen, it is so again.
            has_changed |= now.as_ref().map(|it| it.parent) != Some(before.parent);
            match now {
                Some(now) => all.insert(before.pid, now),
                None => all.remove(&before.pid),
            };
        }
        if !has_changed {
            break;
        }
    }
    let mut all: Vec<Process> = all.into_values().collect();
    all.sort_by_key(|process| process.pid);
    all
}

fn descriptors(directory: &str) -> Vec<(i32, PathBuf)> {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return Vec::new();
    };
    let mut found: Vec<_> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let number = entry.file_name().to_str()?.parse().ok()?;
            Some((number, std::fs::read_link(entry.path()).unwrap_or_default()))
        })
        .collect();
    found.sort();
    found
}

fn status_bytes(path: &str, field: &str) -> Option<u64> {
    let status = std::fs::read_to_string(path).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    let kibibytes: u64 = line.trim().trim_end_matches(" kB").trim().parse().ok()?;
    Some(kibibytes * 1024)
}
