//! The socket directory: checked once when it is opened, and used through that descriptor ever
//! after, so that nobody can put another directory in its place. Going through the descriptor also
//! frees its path from the 108 bytes that a socket address has room for.

use crate::{Fault, FaultCode};
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, open, openat, renameat};
use nix::sys::socket::{self, AddressFamily, Backlog, SockFlag, SockType, UnixAddr};
use nix::sys::stat::{FchmodatFlags, Mode, SFlag, fchmod, fchmodat, fstat, fstatat};
use nix::sys::uio::pwrite;
use nix::unistd::{UnlinkatFlags, ftruncate, geteuid, unlinkat};
use std::fs::{DirBuilder, File};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, Instant};

/// Largest log kept when a daemon is started anew, in bytes.
const LOG: u64 = 1 << 20;
/// Connections that may wait at a listening socket; the kernel lowers it to its own limit.
const BACKLOG: i32 = 1024;
/// Ends the sentence on a directory that cannot be had.
const ELSEWHERE: &str = "; `COSMOS_SOCKET_DIRECTORY` (socket_directory) names another one, which is made where it is not there";

/// A directory that is this effective uid's (or root's), mode 0700, and no symbolic link.
#[derive(Debug)]
pub struct SocketDirectory {
    descriptor: OwnedFd,
    path: PathBuf,
}

/// A held lock. It is released when the last copy of its descriptor is closed, so a process can
/// give it to its successor by passing that on.
#[derive(Debug)]
pub struct Lock(OwnedFd);

/// A lock held for a while by this process alone. Dropping it gives it back, even where a child
/// forked meanwhile by another thread holds a copy of its descriptor.
#[derive(Debug)]
#[must_use]
pub(super) struct Held(Lock);

impl Drop for Held {
    fn drop(&mut self) {
        // SAFETY: flock on a descriptor that is open for the call.
        unsafe { libc::flock(self.0.0.as_raw_fd(), libc::LOCK_UN) };
    }
}

impl Lock {
    /// Writes this process's pid into the locked file, for people.
    pub fn sign(&self) {
        let _ = ftruncate(&self.0, 0);
        let _ = pwrite(&self.0, format!("{}\n", std::process::id()).as_bytes(), 0);
    }
}

impl AsFd for Lock {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl From<OwnedFd> for Lock {
    /// The lock whose holder passed this descriptor on.
    fn from(descriptor: OwnedFd) -> Lock {
        Lock(descriptor)
    }
}

impl SocketDirectory {
    /// Opens the directory and checks it.
    ///
    /// # Errors
    ///
    /// Each with its own sentence: not an absolute path, not there, a symbolic link, not a
    /// directory, somebody else's, open to others.
    pub fn open(path: &Path) -> Result<SocketDirectory, Fault> {
        let path = plain(path)?;
        let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC | OFlag::O_RDONLY;
        let descriptor =
            open(&path, flags, Mode::empty()).map_err(|error| cannot_open(&path, error))?;
        let directory = SocketDirectory { descriptor, path };
        directory.check()?;
        Ok(directory)
    }

    /// The same, and makes it (not its parents) first where it is not there.
    pub fn open_or_create(path: &Path) -> Result<SocketDirectory, Fault> {
        let path = plain(path)?;
        match DirBuilder::new().mode(0o700).create(&path) {
            Ok(()) => grant_owner(&path).map_err(|error| cannot_open(&path, error))?,
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => {
                let why = format!("it cannot be made: {error}{ELSEWHERE}");
                return Err(refused(&path, &why));
            }
        }
        SocketDirectory::open(&path)
    }

    /// Its path as given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Connects to a socket in it without waiting: `EAGAIN` means its queue is full.
    pub fn connect(&self, name: &str) -> nix::Result<UnixStream> {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let descriptor = socket::socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
        socket::connect(descriptor.as_raw_fd(), &UnixAddr::new(&self.reach(name))?)?;
        let stream = UnixStream::from(descriptor);
        stream.set_nonblocking(false).map_err(|_| Errno::EIO)?;
        Ok(stream)
    }

    /// A listening socket under `name`, mode 0600, in the place of whatever was there.
    ///
    /// It is made under a temporary name and renamed, so that nobody meets it half-made and the
    /// name is never without a socket. Who calls this holds the start lock and knows that nobody
    /// listens there any more.
    pub fn listen(&self, name: &str) -> Result<UnixListener, Fault> {
        let temporary = format!(".{name}.{}", std::process::id());
        self.listen_at(&temporary, name).map_err(|error| {
            let _ = unlinkat(
                &self.descriptor,
                temporary.as_str(),
                UnlinkatFlags::NoRemoveDir,
            );
            Fault::host(
                FaultCode::System,
                format!(
                    "cannot listen at {}: {}",
                    self.path.join(name).display(),
                    error.desc()
                ),
            )
        })
    }

    fn listen_at(&self, temporary: &str, name: &str) -> nix::Result<UnixListener> {
        match unlinkat(&self.descriptor, temporary, UnlinkatFlags::NoRemoveDir) {
            Ok(()) | Err(Errno::ENOENT) => {}
            Err(error) => return Err(error),
        }
        let flags = SockFlag::SOCK_CLOEXEC;
        let descriptor = socket::socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
        socket::bind(
            descriptor.as_raw_fd(),
            &UnixAddr::new(&self.reach(temporary))?,
        )?;
        let mode = Mode::S_IRUSR | Mode::S_IWUSR;
        fchmodat(
            &self.descriptor,
            temporary,
            mode,
            FchmodatFlags::FollowSymlink,
        )?;
        socket::listen(&descriptor, Backlog::new(BACKLOG)?)?;
        renameat(&self.descriptor, temporary, &self.descriptor, name)?;
        Ok(UnixListener::from(descriptor))
    }

    /// Removes a socket from it.
    pub fn remove(&self, name: &str) {
        let _ = unlinkat(&self.descriptor, name, UnlinkatFlags::NoRemoveDir);
    }

    /// Device and inode of the file under `name`.
    pub fn inode(&self, name: &str) -> Option<(u64, u64)> {
        let found = fstatat(&self.descriptor, name, AtFlags::AT_SYMLINK_NOFOLLOW).ok()?;
        Some((found.st_dev, found.st_ino))
    }

    /// Takes the lock of this name, waiting until `deadline` for whoever holds it.
    ///
    /// # Errors
    ///
    /// `TimedOut`; `System` where the file cannot be made.
    pub(super) fn lock(&self, name: &str, deadline: Instant) -> Result<Held, Fault> {
        let mut pause = Duration::from_millis(1);
        loop {
            if let Some(lock) = self.try_lock(name)? {
                return Ok(Held(lock));
            }
            if Instant::now() >= deadline {
                return Err(Fault::host(
                    FaultCode::TimedOut,
                    format!(
                        "another process holds {} and does not finish",
                        self.path.join(name).display()
                    ),
                ));
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(20));
        }
    }

    /// Takes the lock of this name unless somebody holds it.
    pub fn try_lock(&self, name: &str) -> Result<Option<Lock>, Fault> {
        let failed = |error: Errno| {
            let path = self.path.join(name);
            Fault::system(
                error as i32,
                format!("cannot lock {}: {}", path.display(), error.desc()),
            )
        };
        let file = self.create(name, OFlag::O_RDWR).map_err(failed)?;
        // SAFETY: flock on a descriptor that is open for the call. The wrapper at hand would
        // unlock when dropped, for whoever got a copy as well.
        match Errno::result(unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) })
        {
            Ok(_) => Ok(Some(Lock(file.into()))),
            Err(Errno::EAGAIN | Errno::EINTR) => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }

    /// The log of a daemon, to append to; a long one is put aside as `NAME.old` first.
    pub(super) fn log(&self, name: &str) -> nix::Result<File> {
        let file = self.create(name, OFlag::O_WRONLY | OFlag::O_APPEND)?;
        if fstat(&file).is_ok_and(|found| u64::try_from(found.st_size).unwrap_or(0) > LOG) {
            renameat(
                &self.descriptor,
                name,
                &self.descriptor,
                format!("{name}.old").as_str(),
            )?;
            return self.create(name, OFlag::O_WRONLY | OFlag::O_APPEND);
        }
        Ok(file)
    }

    fn create(&self, name: &str, flags: OFlag) -> nix::Result<File> {
        let flags = flags | OFlag::O_CREAT | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW;
        let mode = Mode::S_IRUSR | Mode::S_IWUSR;
        let file = openat(&self.descriptor, name, flags, mode)?;
        // The umask is the program's, which may take away its own rights.
        if fstat(&file).is_ok_and(|found| found.st_mode & 0o777 != mode.bits()) {
            fchmod(&file, mode)?;
        }
        Ok(File::from(file))
    }

    /// An address of `name` that leads through the open directory, where `/proc` is there.
    fn reach(&self, name: &str) -> PathBuf {
        let through = PathBuf::from(format!("/proc/self/fd/{}", self.descriptor.as_raw_fd()));
        if through.exists() {
            through.join(name)
        } else {
            self.path.join(name)
        }
    }

    fn check(&self) -> Result<(), Fault> {
        let found = fstat(&self.descriptor)
            .map_err(|error| refused(&self.path, &format!("it cannot be examined: {error}")))?;
        let own = geteuid().as_raw();
        if found.st_uid != own && found.st_uid != 0 {
            return Err(refused(
                &self.path,
                &format!(
                    "it belongs to uid {}, not to uid {own} or root",
                    found.st_uid
                ),
            ));
        }
        let mode = found.st_mode & 0o7777;
        if mode & 0o777 != 0o700 {
            return Err(refused(
                &self.path,
                &format!("its mode is {mode:04o}, not 0700: chmod 700 it if it is yours alone"),
            ));
        }
        Ok(())
    }
}

impl AsFd for SocketDirectory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

/// Gives the owner of a directory just made the rights that the umask took away. It goes through a
/// descriptor, so that nobody can put a link to another of our directories in its place.
fn grant_owner(path: &Path) -> nix::Result<()> {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let directory = open(path, flags, Mode::empty())?;
    if fstat(&directory)?.st_mode & 0o777 == 0o700 {
        return Ok(());
    }
    let through = format!("/proc/self/fd/{}", directory.as_raw_fd());
    fchmodat(
        nix::fcntl::AT_FDCWD,
        through.as_str(),
        Mode::S_IRWXU,
        FchmodatFlags::FollowSymlink,
    )
}

/// The path without a trailing slash, which would make the kernel follow a link.
fn plain(path: &Path) -> Result<PathBuf, Fault> {
    let plain: PathBuf = path.components().collect();
    let names_one = matches!(plain.components().next_back(), Some(Component::Normal(_)));
    if !path.is_absolute() || !names_one {
        return Err(refused(
            path,
            "it must be an absolute path that ends with a name",
        ));
    }
    Ok(plain)
}

fn cannot_open(path: &Path, error: Errno) -> Fault {
    let found = fstatat(nix::fcntl::AT_FDCWD, path, AtFlags::AT_SYMLINK_NOFOLLOW)
        .map(|found| SFlag::from_bits_truncate(found.st_mode & SFlag::S_IFMT.bits()));
    match found {
        Ok(SFlag::S_IFLNK) => refused(
            path,
            "it is a symbolic link; give the directory it stands for",
        ),
        _ if matches!(error, Errno::EMFILE | Errno::ENFILE) => Fault::system(
            error as i32,
            format!(
                "the socket directory {} cannot be opened: {}",
                path.display(),
                error.desc()
            ),
        ),
        Ok(SFlag::S_IFDIR) => refused(
            path,
            &format!("it cannot be opened: {}{ELSEWHERE}", error.desc()),
        ),
        Ok(_) => refused(path, "it is not a directory"),
        Err(Errno::ENOENT) => refused(path, "it is not there"),
        Err(error) => refused(
            path,
            &format!("it cannot be examined: {}{ELSEWHERE}", error.desc()),
        ),
    }
}

fn refused(path: &Path, why: &str) -> Fault {
    Fault::host(
        FaultCode::Configuration,
        format!(
            "the socket directory {} cannot be used: {why}",
            path.display()
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_given_back_though_a_forked_child_has_a_copy() {
        let place = tempfile::tempdir().unwrap();
        let directory = SocketDirectory::open_or_create(&place.path().join("s")).unwrap();
        let held = directory.lock("some.lock", Instant::now()).unwrap();
        // What a fork leaves in the child: another descriptor of the same open file.
        let _copy = held.0.as_fd().try_clone_to_owned().unwrap();
        assert!(directory.try_lock("some.lock").unwrap().is_none());
        drop(held);
        assert!(directory.try_lock("some.lock").unwrap().is_some());
    }
}
