//! A file of the host behind a channel.
//!
//! | what the path is | read | write | both |
//! |---|---|---|---|
//! | nothing, or a regular file | positions | created, emptied, room made | created, room made if empty |
//! | a character device or a FIFO | in order | in order, opened for both | refused |
//! | anything else, or anything on procfs | refused | refused | refused |
//!
//! procfs is refused because writes to `/proc/self/mem` change pages that are read-only. What a file
//! is is asked twice: of the path, as that decides how it is opened, and of the descriptor, as that
//! is what is used.

use crate::{signals, switch};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::libc;
use nix::sys::stat::{FileStat, SFlag, fstat, stat};
use nix::sys::statfs::{PROC_SUPER_MAGIC, fstatfs};
use nix::unistd::ftruncate;
use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use zerovm_session::Error;
use zerovm_session::channel::{Access, Device, DeviceError, Direction};

const MODE: i64 = 0o600;

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
        Ok(status) => kind(&status).ok_or(UNSUPPORTED)?,
        // Opening it says what is wrong with it, or makes it.
        Err(_) => Kind::Regular,
    };
    let flags = flags(kind, access, direction)?;
    let descriptor = match open_path(path, flags) {
        Ok(descriptor) => descriptor,
        Err(Errno::EACCES) if inherited(path).is_some() => duplicate(path, direction)?,
        Err(error) if direction == Direction::Read => {
            return Err(refusal(libc::EFAULT, error.desc()));
        }
        Err(error) => return Err(system(error)),
    };
    let status = fstat(&descriptor).map_err(system)?;
    if self::kind(&status) != Some(kind) {
        return Err(UNSUPPORTED);
    }
    let system_of_files = fstatfs(&descriptor).map_err(system)?;
    if system_of_files.filesystem_type() == PROC_SUPER_MAGIC {
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
            file.cut(0).map_err(system)?;
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

/// Opens it; a FIFO waits for its writer, and a signal ends that.
fn open_path(path: &Path, flags: OFlag) -> nix::Result<OwnedFd> {
    let path = CString::new(path.as_os_str().as_bytes()).map_err(|_| Errno::ENOENT)?;
    let flags = flags | OFlag::O_CLOEXEC | OFlag::O_NOCTTY | OFlag::O_LARGEFILE;
    let arguments = [
        libc::AT_FDCWD.into(),
        path.as_ptr() as i64,
        flags.bits().into(),
        MODE,
    ];
    // SAFETY: the path ends with a NUL and outlives the call.
    let descriptor =
        until_signal(|| unsafe { signals::interruptible(libc::SYS_openat, arguments) })?;
    // SAFETY: the kernel gave this descriptor right now, so nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor as RawFd) })
}

/// The standard stream that a path stands for.
fn inherited(path: &Path) -> Option<RawFd> {
    match path.to_str()? {
        "/dev/stdin" | "/dev/fd/0" | "/proc/self/fd/0" => Some(0),
        "/dev/stdout" | "/dev/fd/1" | "/proc/self/fd/1" => Some(1),
        "/dev/stderr" | "/dev/fd/2" | "/proc/self/fd/2" => Some(2),
        _ => None,
    }
}

/// A pipe that somebody else made cannot be opened again by who root became; it is used as it was
/// given, if it was given for that.
fn duplicate(path: &Path, direction: Direction) -> Result<OwnedFd, Refusal> {
    let number = inherited(path).ok_or(system(Errno::EACCES))?;
    // SAFETY: the standard streams are closed only after channels are open.
    let stream = unsafe { BorrowedFd::borrow_raw(number) };
    let status = fstat(stream).map_err(system)?;
    let given = fcntl(stream, FcntlArg::F_GETFL).map_err(system)? & libc::O_ACCMODE;
    let needed = match direction {
        Direction::Read => libc::O_RDONLY,
        _ => libc::O_WRONLY,
    };
    if kind(&status) != Some(Kind::Stream) || (given != needed && given != libc::O_RDWR) {
        return Err(system(Errno::EACCES));
    }
    stream
        .try_clone_to_owned()
        .map_err(|_| system(Errno::EMFILE))
}

impl HostFile {
    /// What it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Makes it that long.
    pub fn cut(&self, size: u64) -> nix::Result<()> {
        let size = i64::try_from(size).map_err(|_| Errno::EFBIG)?;
        ftruncate(self.descriptor.as_fd(), size)
    }

    fn make(&self, room: Option<i64>) -> Result<(), Refusal> {
        match room {
            Some(room) => ftruncate(self.descriptor.as_fd(), room).map_err(system),
            None => Ok(()),
        }
    }

    fn call(&self, number: libc::c_long, buffer: *const u8, size: usize, offset: u64) -> Done {
        let arguments = [
            self.descriptor.as_raw_fd().into(),
            buffer as i64,
            size as i64,
            offset as i64,
        ];
        // SAFETY: only `read` and `write` below call this, with a slice's pointer and length and a
        // number that reads into it or writes out of it.
        let result = until_signal(|| unsafe { signals::interruptible(number, arguments) });
        match result {
            Ok(count) => Ok(count as usize),
            Err(Errno::EINTR) => Err(DeviceError::Interrupted),
            // The signal says more.
            Err(_) if switch::is_pending() => Err(DeviceError::Interrupted),
            Err(error) => Err(DeviceError::Failed(error as i32)),
        }
    }
}

type Done = Result<usize, DeviceError>;

impl Device for HostFile {
    fn read(&mut self, buffer: &mut [u8], offset: u64) -> Done {
        let mut count = 0;
        while count < buffer.len() && !self.at_end {
            let rest = &mut buffer[count..];
            let more = match self.kind {
                Kind::Regular => {
                    let at = offset + count as u64;
                    return self.call(libc::SYS_pread64, rest.as_mut_ptr(), rest.len(), at);
                }
                Kind::Stream => self.call(libc::SYS_read, rest.as_mut_ptr(), rest.len(), 0)?,
            };
            self.at_end = more == 0;
            count += more;
        }
        Ok(count)
    }

    fn write(&mut self, buffer: &[u8], offset: u64) -> Done {
        let mut count = 0;
        while count < buffer.len() {
            let rest = &buffer[count..];
            let at = offset + count as u64;
            let done = match self.kind {
                Kind::Regular => self.call(libc::SYS_pwrite64, rest.as_ptr(), rest.len(), at),
                Kind::Stream => self.call(libc::SYS_write, rest.as_ptr(), rest.len(), 0),
            };
            match done {
                Ok(0) => break,
                Ok(more) => count += more,
                // What was written counts; the next write says what is wrong.
                Err(DeviceError::Failed(_)) if count > 0 => break,
                Err(error) => return Err(error),
            }
        }
        Ok(count)
    }
}

/// Does a call again that was interrupted for nothing.
fn until_signal<T>(mut call: impl FnMut() -> nix::Result<T>) -> nix::Result<T> {
    loop {
        match call() {
            Err(Errno::EINTR) if !switch::is_pending() => {}
            done => return done,
        }
    }
}
