//! Totals of memory and processes by a control group, version 1, 2 or both at once.
//!
//! A group is made below the one that this process is in. Where that cannot be, because nothing is
//! mounted, nobody delegated anything or the controller is not there, there are no totals: who asked
//! is told, and nothing else changes.

mod usage;

pub use usage::Usage;

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf};

/// `DelegateSubgroup` of the systemd unit.
const OF_THE_DAEMONS: &str = "daemons";

/// What all processes of a group may use together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes of memory.
    pub memory: Option<u64>,
    /// Processes and threads.
    pub processes: Option<u64>,
}

/// Which of the two a group bounds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounded {
    /// Memory.
    pub memory: bool,
    /// Processes and threads.
    pub processes: bool,
}

/// Groups that bound what is put into them. Dropping them removes them, once they are empty.
#[derive(Debug, Default)]
pub struct Totals {
    memory: Option<Group>,
    processes: Option<Group>,
    made: Vec<PathBuf>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Group {
    directory: PathBuf,
    version: Version,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

impl Totals {
    /// Groups of this name, `FAMILY-PID` of the process that makes them, as far as they can be had.
    pub fn make(name: &str, bounds: &Bounds) -> Totals {
        let mut totals = Totals::default();
        if *bounds == Bounds::default() {
            return totals;
        }
        let text = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let hierarchies =
            Hierarchies::parse(&text("/proc/self/mountinfo"), &text("/proc/self/cgroup"));
        if let Some(most) = bounds.memory {
            totals.memory = totals.bound(&hierarchies, "memory", name, |group| {
                group.bound_memory(most)
            });
        }
        if let Some(most) = bounds.processes {
            totals.processes = totals.bound(&hierarchies, "pids", name, |group| {
                group.write("pids.max", most)
            });
        }
        totals
    }

    /// What they bound.
    pub fn bounded(&self) -> Bounded {
        Bounded {
            memory: self.memory.is_some(),
            processes: self.processes.is_some(),
        }
    }

    /// Files to write `0` to, for a process to put itself into them.
    pub fn doors(&self) -> io::Result<Vec<File>> {
        self.made
            .iter()
            .map(|directory| {
                let path = directory.join("cgroup.procs");
                OpenOptions::new().write(true).open(path)
            })
            .collect()
    }

    /// Whether the kernel has killed somebody in them for want of memory.
    pub fn ran_out_of_memory(&self) -> bool {
        let Some(group) = &self.memory else {
            return false;
        };
        let file = match group.version {
            Version::One => "memory.oom_control",
            Version::Two => "memory.events",
        };
        let text = fs::read_to_string(group.directory.join(file)).unwrap_or_default();
        text.lines()
            .filter_map(|line| line.strip_prefix("oom_kill "))
            .any(|count| count.trim() != "0")
    }

    /// Removes them now, where they are empty.
    pub fn remove(&mut self) {
        self.made
            .retain(|directory| fs::remove_dir(directory).is_err());
    }

    fn bound(
        &mut self,
        hierarchies: &Hierarchies,
        controller: &str,
        name: &str,
        bound: impl Fn(&Group) -> io::Result<()>,
    ) -> Option<Group> {
        let group = hierarchies.group(controller, name)?;
        if !self.made.contains(&group.directory) {
            sweep(&group.directory);
            make_anew(&group.directory).ok()?;
            self.made.push(group.directory.clone());
        }
        bound(&group).ok().map(|()| group)
    }
}

impl Drop for Totals {
    fn drop(&mut self) {
        self.remove();
    }
}

impl Group {
    fn bound_memory(&self, most: u64) -> io::Result<()> {
        match self.version {
            Version::One => {
                self.write("memory.limit_in_bytes", most)?;
                // Without an account of swap, none of it may be used.
                self.write("memory.memsw.limit_in_bytes", most)
                    .or_else(|_| self.write("memory.swappiness", 0))
            }
            Version::Two => {
                self.write("memory.max", most)?;
                // Absent where there is no swap; all die together where one must.
                let _ = self.write("memory.swap.max", 0);
                let _ = self.write("memory.oom.group", 1);
                Ok(())
            }
        }
    }

    fn write(&self, file: &str, value: u64) -> io::Result<()> {
        let mut opened = OpenOptions::new()
            .write(true)
            .open(self.directory.join(file))?;
        opened.write_all(value.to_string().as_bytes())
    }
}

/// Where this process is in each hierarchy.
#[derive(Debug, Default, PartialEq, Eq)]
struct Hierarchies {
    /// Controller and this process's directory.
    one: Vec<(String, PathBuf)>,
    two: Option<PathBuf>,
}

impl Hierarchies {
    /// From `/proc/self/mountinfo` and `/proc/self/cgroup`.
    fn parse(mounts: &str, memberships: &str) -> Hierarchies {
        let mut found = Hierarchies::default();
        for line in memberships.lines() {
            let mut parts = line.splitn(3, ':').skip(1);
            let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else {
                continue;
            };
            if controllers.is_empty() {
                found.two = directory(mounts, "cgroup2", "", path);
                continue;
            }
            for controller in controllers.split(',') {
                if let Some(directory) = directory(mounts, "cgroup", controller, path) {
                    found.one.push((controller.to_owned(), directory));
                }
            }
        }
        found
    }

    /// Where a group with this controller can be; a controller is in one version at a time.
    fn group(&self, controller: &str, name: &str) -> Option<Group> {
        let one = self.one.iter().find(|(known, _)| known == controller);
        if let Some((_, directory)) = one {
            return Some(Group {
                directory: directory.join(name),
                version: Version::One,
            });
        }
        let own = self.two.as_deref()?;
        // A service puts its processes into a group of this name below its own, so that others can be
        // made beside it: where there are processes, nothing can be handed down.
        let beside = own.parent().filter(|_| own.ends_with(OF_THE_DAEMONS));
        let mut places = [Some(own), beside].into_iter().flatten();
        let place = places.find(|place| has_controller(place, controller))?;
        Some(Group {
            directory: place.join(name),
            version: Version::Two,
        })
    }
}

/// Makes a group. One of its name is that of an earlier process of this number, which was killed: its
/// bounds are not what is asked for now, and where it is in use it is no group for this process.
fn make_anew(directory: &Path) -> io::Result<()> {
    match fs::create_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            fs::remove_dir(directory)?;
            fs::create_dir(directory)
        }
        made => made,
    }
}

/// Removes empty groups beside this one whose makers are gone: a launcher that was killed removes none.
fn sweep(directory: &Path) {
    let (Some(beside), Some(name)) = (directory.parent(), directory.file_name()) else {
        return;
    };
    let name = name.to_string_lossy();
    let Some((family, _)) = name.rsplit_once('-') else {
        return;
    };
    for entry in fs::read_dir(beside).into_iter().flatten().flatten() {
        let other = entry.file_name();
        let maker = other.to_str().and_then(|other| {
            let (its_family, maker) = other.rsplit_once('-')?;
            (its_family == family).then(|| maker.parse::<u32>().ok())?
        });
        if let Some(maker) = maker
            && !Path::new("/proc").join(maker.to_string()).exists()
        {
            // One that has processes in it stays by itself.
            let _ = fs::remove_dir(entry.path());
        }
    }
}

/// Whether groups below get the controller. It can be handed down as long as no process is in the
/// group itself, as in a service whose processes are in a group below.
fn has_controller(directory: &Path, controller: &str) -> bool {
    let control = directory.join("cgroup.subtree_control");
    let handed_down = || {
        fs::read_to_string(&control)
            .is_ok_and(|text| text.split_whitespace().any(|known| known == controller))
    };
    handed_down() || {
        let _ = fs::write(&control, format!("+{controller}"));
        handed_down()
    }
}

/// The directory of a group, by where its hierarchy is mounted and from which of its groups on.
fn directory(mounts: &str, kind: &str, controller: &str, path: &str) -> Option<PathBuf> {
    mounts.lines().find_map(|line| {
        let (before, after) = line.split_once(" - ")?;
        let mut after = after.split(' ');
        if after.next()? != kind {
            return None;
        }
        let options = after.nth(1)?;
        if !controller.is_empty() && !options.split(',').any(|option| option == controller) {
            return None;
        }
        let mut before = before.split(' ').skip(3);
        let (root, mounted) = (before.next()?, before.next()?);
        let path = Path::new(path);
        // Seen from outside of its own part it is none that can be reached.
        if path.components().any(|part| part == Component::ParentDir) {
            return None;
        }
        let below = path.strip_prefix(unescaped(root)).ok()?;
        Some(unescaped(mounted).join(below))
    })
}

/// A path as mountinfo writes it: blanks and backslashes as three octal digits.
fn unescaped(text: &str) -> PathBuf {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let digits = after.get(..3).filter(|_| byte == b'\\');
        let number = digits
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        bytes.push(number.unwrap_or(byte));
        rest = match number {
            Some(_) => after.get(3..).unwrap_or_default(),
            None => after,
        };
    }
    PathBuf::from(OsString::from_vec(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID: &str = "\
31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
39 31 0:36 / /sys/fs/cgroup/pids rw,relatime shared:9 - cgroup cgroup rw,pids
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
";

    #[test]
    fn a_hybrid_machine_has_controllers_in_version_1() {
        let found = Hierarchies::parse(HYBRID, "8:pids:/\n4:memory:/a/b\n0::/x\n");
        let group = found.group("memory", "vm").unwrap();
        assert_eq!(group.directory, Path::new("/sys/fs/cgroup/memory/a/b/vm"));
        assert_eq!(group.version, Version::One);
        let group = found.group("pids", "vm").unwrap();
        assert_eq!(group.directory, Path::new("/sys/fs/cgroup/pids/vm"));
        assert_eq!(found.two, Some(PathBuf::from("/sys/fs/cgroup/unified/x")));
    }

    #[test]
    fn a_group_that_a_process_of_the_same_number_left_is_made_anew() {
        let parent = std::env::temp_dir().join(format!("totals-{}", std::process::id()));
        let group = parent.join("vm-7");
        fs::create_dir_all(&group).unwrap();
        make_anew(&group).unwrap();
        assert!(group.is_dir());
        let inside = group.join("in-use");
        fs::create_dir(&inside).unwrap();
        assert!(make_anew(&group).is_err(), "what is in use is left alone");
        assert!(inside.is_dir());
        fs::remove_dir_all(&parent).unwrap();
    }

    #[test]
    fn a_machine_of_version_2_alone_has_all_in_one_place() {
        let mounts = "\
24 30 0:22 / /proc rw,nosuid shared:12 - proc proc rw
29 23 0:26 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:4 - cgroup2 cgroup2 rw,nsdelegate
";
        let own = "0::/user.slice/user-1000.slice/user@1000.service/app.slice/cosmosd.service\n";
        let found = Hierarchies::parse(mounts, own);
        let place =
            "/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/app.slice/cosmosd.service";
        assert_eq!(found.two, Some(PathBuf::from(place)));
        assert!(found.one.is_empty());
    }

    #[test]
    fn controllers_of_version_1_share_a_directory_or_have_a_name_for_none() {
        let mounts = "\
33 32 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
34 32 0:30 /docker/f00 /sys/fs/cgroup/memory ro,nosuid master:18 - cgroup cgroup rw,memory
36 32 0:31 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd
";
        let own = "11:cpu,cpuacct:/a\n4:memory:/docker/f00/x\n1:name=systemd:/init.scope\n";
        let found = Hierarchies::parse(mounts, own);
        let place = |controller: &str| {
            let group = found.group(controller, "vm")?;
            assert_eq!(group.version, Version::One);
            Some(group.directory.to_string_lossy().into_owned())
        };
        let memory = place("memory").unwrap();
        assert_eq!(memory, "/sys/fs/cgroup/memory/x/vm");
        let cpuacct = place("cpuacct").unwrap();
        assert_eq!(cpuacct, "/sys/fs/cgroup/cpu,cpuacct/a/vm");
        assert_eq!(place("pids"), None);
    }

    #[test]
    fn a_group_that_is_seen_from_outside_is_none() {
        let mounts = "9 1 0:2 /../.. /sys/fs/cgroup rw - cgroup2 cgroup rw\n";
        let outside = "9 1 0:2 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n";
        for mounts in [mounts, outside] {
            let found = Hierarchies::parse(mounts, "0::/../../system.slice\n");
            assert_eq!(found, Hierarchies::default());
        }
    }

    #[test]
    fn blanks_in_paths_are_read_as_they_are_written() {
        let mounts = "9 1 0:2 / /mnt/a\\040b\\134c rw - cgroup2 cgroup rw\n";
        let found = Hierarchies::parse(mounts, "0::/d e\n");
        assert_eq!(found.two, Some(PathBuf::from("/mnt/a b\\c/d e")));
        for text in [
            "garbage",
            "1 2 3 -",
            "9 1 0:2 / /x rw - cgroup2",
            "\\04",
            ":::",
        ] {
            let found = Hierarchies::parse(text, "0::/\n0\n::\n");
            assert_eq!(found, Hierarchies::default(), "{text}");
        }
    }

    #[test]
    fn a_container_sees_its_own_part() {
        let mounts = "9 1 0:2 /pod/c1 /sys/fs/cgroup rw - cgroup2 cgroup rw\n";
        let found = Hierarchies::parse(mounts, "0::/pod/c1/cosmosd\n");
        assert_eq!(found.two, Some(PathBuf::from("/sys/fs/cgroup/cosmosd")));
        let elsewhere = Hierarchies::parse(mounts, "0::/pod/c2\n");
        assert_eq!(elsewhere, Hierarchies::default());
    }

    #[test]
    fn nothing_mounted_means_no_totals() {
        let found = Hierarchies::parse("", "0::/\n");
        assert!(found.group("memory", "vm").is_none());
        assert!(Totals::default().doors().unwrap().is_empty());
    }
}
