//! What is to be seen from inside.

use super::*;
use crate::tests::{Place, child, in_child, refused};
use nix::sys::wait::WaitStatus;
use std::collections::BTreeSet;

/// Whether this machine lets the test make them; not where it does not.
fn are_there() -> bool {
    matches!(child(|| tried().unwrap()), WaitStatus::Exited(_, 0))
}

fn space(name: &str) -> PathBuf {
    fs::read_link(format!("/proc/self/ns/{name}")).unwrap()
}

#[test]
fn each_space_is_its_own_but_the_network_where_that_was_granted() {
    if !are_there() {
        return;
    }
    for network in [false, true] {
        in_child(|| {
            let names = ["user", "ipc", "uts", "net", "pid_for_children"];
            let before = names.map(space);
            let (uid, gid) = (nix::unistd::geteuid(), nix::unistd::getegid());
            enter(network).unwrap();
            for (name, before) in names.into_iter().zip(before) {
                // One without a process in it yet cannot be looked at.
                let link = fs::read_link(format!("/proc/self/ns/{name}"));
                let same = link.is_ok_and(|link| link == before);
                assert_eq!(same, network && name == "net", "{name}");
            }
            assert_eq!((nix::unistd::geteuid(), nix::unistd::getegid()), (uid, gid));
            let groups = fs::read_to_string("/proc/self/setgroups").unwrap();
            assert_eq!(groups.trim(), "deny");
            in_child(|| assert_eq!(std::process::id(), 1));
        });
    }
}

/// All that can be reached below a directory.
fn below(directory: &Path) -> BTreeSet<PathBuf> {
    let mut all = BTreeSet::new();
    for entry in fs::read_dir(directory).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            all.extend(below(&path));
        }
        all.insert(path);
    }
    all
}

/// How many mounts have the root of the process for their place, by a `/proc` that was there before.
fn mounts_at_root(proc: &File) -> usize {
    let flags = nix::fcntl::OFlag::O_RDONLY;
    let mode = nix::sys::stat::Mode::empty();
    let opened = nix::fcntl::openat(proc, "self/mountinfo", flags, mode).unwrap();
    let text = std::io::read_to_string(File::from(opened)).unwrap();
    let places = text.lines().filter_map(|line| line.split(' ').nth(4));
    places.filter(|place| *place == "/").count()
}

#[test]
fn nothing_is_there_but_what_was_granted() {
    if !are_there() {
        return;
    }
    let place = Place::new("view");
    let (read, write) = (place.directory("read"), place.directory("write"));
    let alone = place.file("alone", "x");
    fs::write(read.join("file"), "r").unwrap();
    place.file("other", "o");
    let view = View {
        read: vec![read.clone(), alone.clone(), "/nothing/of/this/name".into()],
        write: vec![write.clone()],
        processes: false,
    };
    in_child(|| {
        enter(false).unwrap();
        in_child(|| {
            let before = File::open("/proc").unwrap();
            seclude(&view).unwrap();
            assert_eq!(
                mounts_at_root(&before),
                1,
                "the old one lies on it, or below"
            );
            let mut wanted: BTreeSet<PathBuf> = [read.join("file"), alone.clone()].into();
            for path in [&read, &write] {
                wanted.extend(path.ancestors().map(Path::to_owned));
            }
            wanted.remove(Path::new("/"));
            assert_eq!(below(Path::new("/")), wanted);
            assert_eq!(fs::read_to_string(read.join("file")).unwrap(), "r");
            // Neither the root nor what was granted to be read.
            for path in [Path::new("/made"), &read.join("made")] {
                assert_eq!(refused(File::create(path)), Errno::EROFS);
            }
            let append = || fs::OpenOptions::new().append(true).open(&alone);
            assert_eq!(refused(append()), Errno::EROFS);
            fs::write(write.join("made"), "w").unwrap();
            for path in [Path::new("/"), &read, &write, &alone] {
                let flags = statvfs(path).unwrap().flags();
                assert!(flags.contains(FsFlags::ST_NOSUID), "{}", path.display());
            }
        });
    });
    // Outside it was there all the time, and what was written is there.
    assert_eq!(fs::read_to_string(write.join("made")).unwrap(), "w");
    assert!(place.path().join("other").exists());
    assert!(!Path::new("/made").exists());
}

/// What mounts forbid already, they forbid inside, too.
#[test]
fn a_grant_to_write_does_not_lift_what_a_mount_forbids() {
    if !are_there() {
        return;
    }
    let place = Place::new("locked");
    let inner = place.directory("inner");
    in_child(|| {
        enter(false).unwrap();
        unshare(CloneFlags::CLONE_NEWNS).unwrap();
        private().unwrap();
        let flags = MsFlags::MS_RDONLY | MsFlags::MS_NOEXEC | MsFlags::MS_NODEV;
        mount(Some("tmpfs"), &inner, Some("tmpfs"), flags, None::<&str>).unwrap();
        in_child(|| {
            let view = View {
                write: vec![inner.clone()],
                ..View::default()
            };
            seclude(&view).unwrap();
            assert_eq!(refused(File::create(inner.join("made"))), Errno::EROFS);
            let flags = statvfs(&inner).unwrap().flags();
            assert!(flags.contains(FsFlags::ST_NOEXEC | FsFlags::ST_NODEV));
        });
    });
}

/// Where the machine has mounts go around, those of the new view do not.
#[test]
fn what_is_mounted_inside_stays_there() {
    if !are_there() {
        return;
    }
    let place = Place::new("private");
    let file = place.file("there", "x");
    in_child(|| {
        enter(false).unwrap();
        unshare(CloneFlags::CLONE_NEWNS).unwrap();
        let flags = MsFlags::MS_REC | MsFlags::MS_SHARED;
        mount(None::<&str>, "/", None::<&str>, flags, None::<&str>).unwrap();
        in_child(|| {
            seclude(&View::default()).unwrap();
            assert!(!file.exists());
        });
        assert!(file.exists());
    });
}
