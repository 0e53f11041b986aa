//! A view of the machine with nothing in it but what was granted.
//!
//! Two steps. [`enter`] gives the calling process a user of no rights beyond its own, and what it forks
//! a pid space and, unless it was granted, a network with nothing in it. [`seclude`], in such a child,
//! replaces the root directory by an empty one into which each granted path is bound, at its own name.
//! Works without root where the kernel lets users make user namespaces.

use crate::Error;
use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use nix::sys::statvfs::{FsFlags, statvfs};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// Where the new root is put together; any directory does, for nobody else sees it.
const PLACE: &str = "/tmp";

/// What is to be seen, by absolute paths. What is not there is passed over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// To be read.
    pub read: Vec<PathBuf>,
    /// To be read and changed.
    pub write: Vec<PathBuf>,
    /// Whether `/proc` is there, with the processes of the pid space that this is done in.
    pub processes: bool,
}

/// Makes the namespaces. The next child is the first process of the new pid space.
///
/// # Errors
/// What the kernel does not allow.
pub fn enter(network: bool) -> Result<(), Error> {
    let (uid, gid) = (nix::unistd::geteuid(), nix::unistd::getegid());
    let mut flags = CloneFlags::CLONE_NEWUSER
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWUTS;
    flags.set(CloneFlags::CLONE_NEWNET, !network);
    unshare(flags).map_err(|error| Error::System("unshare", error))?;
    // The same numbers inside: whoever compares uids across a socket finds them equal.
    note("/proc/self/setgroups", "deny")?;
    note("/proc/self/uid_map", &format!("{uid} {uid} 1"))?;
    note("/proc/self/gid_map", &format!("{gid} {gid} 1"))
}

/// Whether both steps can be done here; why not. Does the first of them: for a process that ends.
pub fn tried() -> Result<(), String> {
    enter(false).map_err(|error| format!("namespaces cannot be made: {error}"))?;
    unshare(CloneFlags::CLONE_NEWNS)
        .and_then(|()| private())
        .and_then(|()| empty_root())
        .map_err(|error| {
            format!(
                "nothing can be mounted in a user namespace: {}",
                error.desc()
            )
        })
}

/// Leaves the process what is in the view, and no other file.
///
/// # Errors
/// A system call that failed; the process must not go on.
pub fn seclude(view: &View) -> Result<(), Error> {
    let mounting = |error| Error::System("mount", error);
    unshare(CloneFlags::CLONE_NEWNS).map_err(|error| Error::System("unshare", error))?;
    private().map_err(mounting)?;
    // While the old root is in place: the new one hides what is below its own place.
    let mut bound: Vec<(&Path, bool, Option<PathBuf>)> = Vec::new();
    for (paths, writable) in [(&view.read, false), (&view.write, true)] {
        bound.extend(
            paths
                .iter()
                .map(|path| (path.as_path(), writable, fs::canonicalize(path).ok())),
        );
    }
    // Directories before what is in them, so that nothing is hidden by its own parent.
    bound.sort_by_key(|(path, ..)| path.components().count());
    let held = hold(&bound)?;
    empty_root().map_err(mounting)?;
    for ((path, writable, _), held) in bound.iter().zip(&held) {
        if let Some(held) = held {
            bind(held, path, *writable)?;
        }
    }
    if view.processes {
        processes()?;
    }
    let root = Path::new(PLACE);
    let flags = MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY | MsFlags::MS_NOSUID;
    mount(None::<&str>, root, None::<&str>, flags, None::<&str>).map_err(mounting)?;
    nix::unistd::chdir(root)
        // The new root on top of the old one, which is then taken away from below.
        .and_then(|()| nix::unistd::pivot_root(".", "."))
        .and_then(|()| umount2(".", MntFlags::MNT_DETACH))
        .and_then(|()| nix::unistd::chdir("/"))
        .map_err(|error| Error::System("pivot_root", error))
}

/// What is mounted here from now on stays here.
fn private() -> nix::Result<()> {
    let flags = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(None::<&str>, "/", None::<&str>, flags, None::<&str>)
}

fn empty_root() -> nix::Result<()> {
    let flags = MsFlags::MS_NOSUID;
    mount(
        Some("tmpfs"),
        PLACE,
        Some("tmpfs"),
        flags,
        Some("size=1m,mode=0755"),
    )
}

/// The processes of this pid space. Where parts of the machine's own `/proc` are covered, as containers
/// do it, the kernel lets nobody have another one.
fn processes() -> Result<(), Error> {
    let at = Path::new(PLACE).join("proc");
    place(&at, true).map_err(|error| Error::Granted("/proc".to_owned(), error.to_string()))?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some("proc"), &at, Some("proc"), flags, None::<&str>)
        .map_err(|error| Error::System("mounting /proc", error))
}

/// Descriptors of what will be bound: they lead there after the new root hides it.
fn hold(bound: &[(&Path, bool, Option<PathBuf>)]) -> Result<Vec<Option<File>>, Error> {
    let open = |path: &PathBuf| {
        use std::os::unix::fs::OpenOptionsExt;
        let mut options = fs::OpenOptions::new();
        options.read(true).custom_flags(libc::O_PATH).open(path)
    };
    Ok(bound
        .iter()
        .map(|(_, _, real)| real.as_ref().and_then(|real| open(real).ok()))
        .collect())
}

fn bind(held: &File, path: &Path, writable: bool) -> Result<(), Error> {
    use std::os::fd::AsRawFd;
    let failed = |error| Error::System("binding a granted path", error);
    let Ok(below) = path.strip_prefix("/") else {
        return Ok(());
    };
    let at = Path::new(PLACE).join(below);
    let from = format!("/proc/self/fd/{}", held.as_raw_fd());
    let is_directory = held.metadata().is_ok_and(|data| data.is_dir());
    if !at.exists() {
        place(&at, is_directory)
            .map_err(|error| Error::Granted(path.display().to_string(), error.to_string()))?;
    }
    let flags = MsFlags::MS_BIND | MsFlags::MS_REC;
    mount(Some(from.as_str()), &at, None::<&str>, flags, None::<&str>).map_err(failed)?;
    let mut flags = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | locked(&at).map_err(failed)?;
    flags.set(
        MsFlags::MS_RDONLY,
        !writable || flags.contains(MsFlags::MS_RDONLY),
    );
    mount(
        None::<&str>,
        &at,
        None::<&str>,
        flags | MsFlags::MS_NOSUID,
        None::<&str>,
    )
    .map_err(failed)
}

/// Something to bind to.
fn place(at: &Path, is_directory: bool) -> std::io::Result<()> {
    if is_directory {
        return fs::create_dir_all(at);
    }
    if let Some(parent) = at.parent() {
        fs::create_dir_all(parent)?;
    }
    File::create(at).map(drop)
}

/// What the mount forbids already must be said again, or the kernel refuses.
fn locked(at: &Path) -> nix::Result<MsFlags> {
    let has = statvfs(at)?.flags();
    let pairs = [
        (FsFlags::ST_RDONLY, MsFlags::MS_RDONLY),
        (FsFlags::ST_NODEV, MsFlags::MS_NODEV),
        (FsFlags::ST_NOEXEC, MsFlags::MS_NOEXEC),
        (FsFlags::ST_NOSUID, MsFlags::MS_NOSUID),
        (FsFlags::ST_NOATIME, MsFlags::MS_NOATIME),
        (FsFlags::ST_NODIRATIME, MsFlags::MS_NODIRATIME),
        (FsFlags::ST_RELATIME, MsFlags::MS_RELATIME),
    ];
    Ok(pairs
        .into_iter()
        .filter(|(there, _)| has.contains(*there))
        .map(|(_, said)| said)
        .fold(MsFlags::empty(), |all, flag| all | flag))
}

fn note(path: &'static str, text: &str) -> Result<(), Error> {
    fs::write(path, text).map_err(|error| {
        let number = error.raw_os_error().unwrap_or(0);
        Error::System(path, Errno::from_raw(number))
    })
}

#[cfg(test)]
mod tests;
