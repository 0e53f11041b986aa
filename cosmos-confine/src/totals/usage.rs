//! What of the totals is used by now, as seen by somebody outside of the group.
//!
//! The group is found by the process: `/proc/PID/cgroup` says where it is, in the hierarchies as this
//! process sees them mounted. A group that this process is in too is no total of that process's, so nothing
//! is said of it.

use super::{Group, Hierarchies, Version};
use std::fs;

/// What all processes of a group use together, as far as somebody counts it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Bytes of memory.
    pub memory: Option<u64>,
    /// Processes and threads.
    pub processes: Option<u64>,
}

impl Usage {
    /// What is counted of the groups that the process of this pid is in.
    pub fn of(pid: i32) -> Usage {
        let text = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let mounts = text("/proc/self/mountinfo");
        let own = Hierarchies::parse(&mounts, &text("/proc/self/cgroup"));
        let its = Hierarchies::parse(&mounts, &text(&format!("/proc/{pid}/cgroup")));
        let counted = |controller, one, two| {
            let group = its.home(controller)?;
            if own.home(controller).is_some_and(|home| home == group) {
                return None;
            }
            group.read(match group.version {
                Version::One => one,
                Version::Two => two,
            })
        };
        Usage {
            memory: counted("memory", "memory.usage_in_bytes", "memory.current"),
            processes: counted("pids", "pids.current", "pids.current"),
        }
    }
}

impl Hierarchies {
    /// The group that the process is in, where this controller counts.
    fn home(&self, controller: &str) -> Option<Group> {
        let one = self.one.iter().find(|(known, _)| known == controller);
        let one = one.map(|(_, directory)| Group {
            directory: directory.clone(),
            version: Version::One,
        });
        one.or_else(|| {
            Some(Group {
                directory: self.two.clone()?,
                version: Version::Two,
            })
        })
    }
}

impl Group {
    fn read(&self, file: &str) -> Option<u64> {
        let text = fs::read_to_string(self.directory.join(file)).ok()?;
        text.trim().parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn a_controller_counts_where_it_is() {
        let mounts = "\
35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
";
        let found = Hierarchies::parse(mounts, "4:memory:/vm-7\n0::/x/vm-7\n");
        let memory = found.home("memory").unwrap();
        assert_eq!(memory.directory, Path::new("/sys/fs/cgroup/memory/vm-7"));
        assert_eq!(memory.version, Version::One);
        let processes = found.home("pids").unwrap();
        assert_eq!(
            processes.directory,
            Path::new("/sys/fs/cgroup/unified/x/vm-7")
        );
        assert_eq!(processes.version, Version::Two);
    }

    #[test]
    fn nothing_is_said_of_a_group_that_one_is_in() {
        let own = i32::try_from(std::process::id()).unwrap();
        assert_eq!(Usage::of(own), Usage::default());
    }

    #[test]
    fn nothing_is_said_of_nobody() {
        assert_eq!(Usage::of(0), Usage::default());
    }
}
