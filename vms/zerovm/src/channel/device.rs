//! A file of the host behind a channel.
//!
//! | what the path is | read | write | both |
//! |---|---|---|---|
//! | nothing, or a regular file | positions | created, emptied, room made | created, room made if empty |
//! | a character device or a FIFO | in order | in order, opened for both | refused |
//! | anything else, or anything on procfs | refused | refused | refused |
//!
//! procfs is refused because writes to `/proc/self/mem` change pages that are read-only. What a file
//! is and where is asked twice: of the path, as that decides how it is opened and whether at all, and
//! of the descriptor, as that is what is used.

use crate::{calls, signals};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::libc;
use nix::sys::stat::{FileStat, SFlag, fstat, major, minor, stat};
use nix::sys::statfs::{PROC_SUPER_MAGIC, Statfs, fstatfs, statfs};
use nix::unistd::{Whence, ftruncate, lseek};
use rustix::fs::FileType;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use zerovm_session::Error;
use zerovm_session::channel::{Access, Device, DeviceError, Direction};

const MODE: u32 = 0o600;

/// An open file of the host.
#[derive(Debug)]
pub struct HostFile {
    descriptor: OwnedFd,
    kind: Kind,
    // Once a stream has ended it is not asked again: a terminal would wait for another line.
    at_end: bool,
}

/// What a file of the host is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It has positions.
    Regular,
    /// A character device or a FIFO.
    Stream,
}

/// A file that was opened, and the size the channel begins with.
#[derive(Debug)]
pub struct Opened {
    pub file: HostFile,
    pub bytes: i64,
}

/// Why a file is not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    code: i32,
    reason: &'static str,
}

impl Refusal {
    /// With the channel's name and the path.
    pub fn of(self, alias: &str, path: &Path) -> Error {
        if let Some(signal) = signals::received() {
            return Error::Signal(signal);
        }
        let path = path.display();
        Error::Channel {
            code: self.code,
            reason: format!("{alias}: {path}: {}", self.reason),
        }
    }
}

const fn refusal(code: i32, reason: &'static str) -> Refusal {
    Refusal { code, reason }
}

fn system(error: Errno) -> Refusal {
    refusal(error as i32, error.desc())
}

const UNSUPPORTED: Refusal = refusal(
    libc::EPROTONOSUPPORT,
    "only regular files, character devices and fifos can be channels",
);
const PROCFS: Refusal = refusal(
    libc::EPROTONOSUPPORT,
    "files of the kernel's process file system cannot be channels",
);

/// Opens a path for a channel. `room` is what a written file gets at once.
pub fn open(
    path: &Path,
    access: Access,
    direction: Direction,
    room: Option<i64>,
) -> Result<Opened, Refusal> {
    let kind = match stat(path) {
        Ok(status) => {
            let kind = kind(&status).ok_or(UNSUPPORTED)?;
            if is_on_procfs(&status, || statfs(path)).unwrap_or(false) {
                return Err(PROCFS);
            }
            kind
        }
        // Opening it says what is wrong with it, or makes it.
        Err(_) => Kind::Regular,
    };
    let flags = flags(kind, access, direction)?;
    let flags = flags | OFlag::O_CLOEXEC | OFlag::O_NOCTTY;
    let descriptor = match calls::open(path, flags, MODE) {
        Ok(descriptor) => descriptor,
        Err(error) => {
            let inherited = (error == Errno::EACCES).then(|| take_inherited(path, direction));
            inherited.flatten().ok_or(match direction {
                Direction::Read => refusal(libc::EFAULT, error.desc()),
                _ => system(error),
            })?
        }
    };
    let status = fstat(&descriptor).map_err(system)?;
    if self::kind(&status) != Some(kind) {
        return Err(UNSUPPORTED);
    }
    if is_on_procfs(&status, || fstatfs(&descriptor)).map_err(system)? {
        return Err(PROCFS);
    }
    let file = HostFile {
        descriptor,
        kind,
        at_end: false,
    };
    let bytes = match (kind, direction) {
        (Kind::Stream, _) => 0,
        (Kind::Regular, Direction::Write) => {
            if status.st_size != 0 {
                ftruncate(&file.descriptor, 0).map_err(system)?;
            }
            file.make(room)?;
            0
        }
        (Kind::Regular, Direction::Both) if status.st_size == 0 => {
            file.make(room)?;
            0
        }
        (Kind::Regular, _) => status.st_size,
    };
    Ok(Opened { file, bytes })
}

/// What is on a device is not made up by the kernel, which need not be asked for its file system then.
fn is_on_procfs(
    status: &FileStat,
    system_of_files: impl FnOnce() -> nix::Result<Statfs>,
) -> nix::Result<bool> {
    const NO_DEVICE: u64 = 0;
    if major(status.st_dev) != NO_DEVICE {
        return Ok(false);
    }
    Ok(system_of_files()?.filesystem_type() == PROC_SUPER_MAGIC)
}

fn kind(status: &FileStat) -> Option<Kind> {
    match SFlag::from_bits_truncate(status.st_mode & SFlag::S_IFMT.bits()) {
        SFlag::S_IFREG => Some(Kind::Regular),
        SFlag::S_IFCHR | SFlag::S_IFIFO => Some(Kind::Stream),
        _ => None,
    }
}

fn flags(kind: Kind, access: Access, direction: Direction) -> Result<OFlag, Refusal> {
    let invalid = Err(refusal(libc::EINVAL, "the limits allow nothing"));
    let sequential_read = matches!(access, Access::Sequential | Access::RandomWrite);
    match (kind, direction) {
        (_, Direction::Nil) => invalid,
        (_, Direction::Read) => Ok(OFlag::O_RDONLY),
        (Kind::Regular, Direction::Write) => Ok(OFlag::O_WRONLY | OFlag::O_CREAT),
        (Kind::Regular, Direction::Both) if sequential_read => Err(refusal(
            libc::EFAULT,
            "a file that is read and written is read anywhere",
        )),
        (Kind::Regular, Direction::Both) => Ok(OFlag::O_RDWR | OFlag::O_CREAT),
        // For both, so that a FIFO needs no reader to be opened.
        (Kind::Stream, Direction::Write) => Ok(OFlag::O_RDWR),
        (Kind::Stream, Direction::Both) => Err(refusal(
            libc::EINVAL,
            "what has no positions is read or written, not both",
        )),
    }
}

/// The standard stream that a path stands for.
fn inherited(path: &Path) -> Option<OwnedFd> {
    let stream = match path.to_str()? {
        "/dev/stdin" | "/dev/fd/0" | "/proc/self/fd/0" => io::stdin().as_fd().try_clone_to_owned(),
        "/dev/stdout" | "/dev/fd/1" | "/proc/self/fd/1" => {
            io::stdout().as_fd().try_clone_to_owned()
        }
        "/dev/stderr" | "/dev/fd/2" | "/proc/self/fd/2" => {
            io::stderr().as_fd().try_clone_to_owned()
        }
        _ => return None,
    };
    stream.ok()
}

/// A pipe that somebody else made cannot be opened again by who root became; it is used as it was
/// given, if it was given for that.
fn take_inherited(path: &Path, direction: Direction) -> Option<OwnedFd> {
    let stream = inherited(path)?;
    let given = fcntl(&stream, FcntlArg::F_GETFL).ok()? & libc::O_ACCMODE;
    let needed = match direction {
        Direction::Read => libc::O_RDONLY,
        _ => libc::O_WRONLY,
    };
    let is_stream = kind(&fstat(&stream).ok()?) == Some(Kind::Stream);
    (is_stream && (given == needed || given == libc::O_RDWR)).then_some(stream)
}

impl HostFile {
    /// A file that somebody else has opened.
    pub fn adopt(descriptor: OwnedFd, kind: Kind) -> Self {
        Self {
            descriptor,
            kind,
            at_end: false,
        }
    }

    /// Its descriptor.
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }

    /// What it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether what is read of it is copied by the calls that read it, and no driver keeps the memory
    /// that it was given: so it is for files, FIFOs, terminals and the devices of the kernel's memory.
    pub fn is_copied_by_calls(&self) -> nix::Result<bool> {
        // A confined process asks this too: the call itself, which glibc's function of this name is not.
        let status = rustix::fs::fstat(&self.descriptor)
            .map_err(|error| Errno::from_raw(error.raw_os_error()))?;
        if FileType::from_raw_mode(status.st_mode) != FileType::CharacterDevice {
            return Ok(true);
        }
        Ok(copies(major(status.st_rdev), minor(status.st_rdev)))
    }

    /// Makes it that long. Nearly always it is, and asking costs a tenth of telling. Nobody uses the
    /// position that this leaves.
    pub fn cut(&self, size: u64) -> nix::Result<()> {
        let size = i64::try_from(size).map_err(|_| Errno::EFBIG)?;
        let file = self.descriptor.as_fd();
        if lseek(file, 0, Whence::SeekEnd) == Ok(size) {
            return Ok(());
        }
        ftruncate(file, size)
    }

    fn make(&self, room: Option<i64>) -> Result<(), Refusal> {
        match room {
            Some(room) => ftruncate(self.descriptor.as_fd(), room).map_err(system),
            None => Ok(()),
        }
    }
}

type Done = Result<usize, DeviceError>;

impl Device for HostFile {
    fn read(&mut self, buffer: &mut [u8], offset: u64) -> Done {
        let file = self.descriptor.as_fd();
        if self.kind == Kind::Regular {
            return calls::read(file, buffer, Some(offset)).map_err(device_error);
        }
        let mut count = 0;
        while count < buffer.len() && !self.at_end {
            let more = calls::read(file, &mut buffer[count..], None).map_err(device_error)?;
            self.at_end = more == 0;
            count += more;
        }
        Ok(count)
    }

    fn write(&mut self, buffer: &[u8], offset: u64) -> Done {
        let mut count = 0;
        while count < buffer.len() {
            let at = (self.kind == Kind::Regular).then_some(offset + count as u64);
            let done = calls::write(self.descriptor.as_fd(), &buffer[count..], at);
            match done {
                Ok(0) => break,
                Ok(more) => count += more,
                // What was written counts; the next write says what is wrong.
                Err(_) if count > 0 && !signals::is_pending() => break,
                Err(error) => return Err(device_error(error)),
            }
        }
        Ok(count)
    }
}

/// What a signal of the session ended, it explains.
fn device_error(error: Errno) -> DeviceError {
    match signals::is_pending() {
        true => DeviceError::Interrupted,
        false => DeviceError::Failed(error as i32),
    }
}

/// Whether the driver of a character device is known to copy.
fn copies(major: u64, minor: u64) -> bool {
    match (major, minor) {
        // null, zero, full, random, urandom
        (1, 3 | 5 | 7 | 8 | 9) => true,
        // Terminals, and those of others.
        (4 | 5 | 136..=143, _) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_and_unknown_drivers_are_not_known_to_copy() {
        for (major, minor) in [
            (1, 3),
            (1, 5),
            (1, 7),
            (1, 8),
            (1, 9),
            (4, 1),
            (5, 0),
            (136, 7),
        ] {
            assert!(copies(major, minor), "{major}:{minor}");
        }
        // mem, port, kmsg, a disk's commands, fuse, hwrng, kvm, a sound card
        let others = [
            (1, 1),
            (1, 4),
            (1, 11),
            (21, 0),
            (10, 229),
            (10, 183),
            (10, 232),
            (116, 1),
        ];
        for (major, minor) in others {
            assert!(!copies(major, minor), "{major}:{minor}");
        }
        let file = |path: &str| {
            let file = std::fs::File::open(path).expect("a file");
            HostFile::adopt(file.into(), Kind::Stream).is_copied_by_calls()
        };
        assert_eq!(file("/dev/null"), Ok(true));
        assert_eq!(file("/proc/self/exe"), Ok(true));
    }
}
