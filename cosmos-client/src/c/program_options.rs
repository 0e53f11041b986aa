//! What options say of programs, in the C face.

use super::options::cosmos_options;
use super::{guard, text};
use crate::error::Error;
use crate::exec::{Command, Stream, Window};
use cosmos_rpc::{Fault, FaultCode};
use std::ffi::{CStr, OsStr, c_char, c_int, c_uint};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::Arc;

/// For cosmos_options_set_stream: nothing, an empty input or an output that is dropped.
pub const COSMOS_STREAM_NULL: c_int = -1;

/// For cosmos_options_set_stream: an output is kept, and comes with the cosmos_exit.
pub const COSMOS_STREAM_KEEP: c_int = -2;

/// For cosmos_options_set_stream: a pipe, whose other end cosmos_exec_stream gives.
pub const COSMOS_STREAM_PIPE: c_int = -3;

/// What options say of programs.
#[derive(Debug)]
pub(super) struct ProgramOptions {
    environment: Vec<Variable>,
    directory: Option<PathBuf>,
    umask: Option<u32>,
    streams: [Wanted; 3],
    limit: usize,
    terminal: Option<Window>,
}

#[derive(Debug)]
enum Variable {
    Set(Vec<u8>, Vec<u8>),
    Inherit(Vec<u8>),
    File(PathBuf),
}

#[derive(Debug)]
enum Wanted {
    Inherit,
    Null,
    Keep,
    Pipe,
    File(Arc<OwnedFd>),
}

impl Default for ProgramOptions {
    fn default() -> ProgramOptions {
        ProgramOptions {
            environment: Vec::new(),
            directory: None,
            umask: None,
            streams: [Wanted::Inherit, Wanted::Inherit, Wanted::Inherit],
            limit: 1 << 20,
            terminal: None,
        }
    }
}

impl ProgramOptions {
    pub(super) fn apply(&self, command: &mut Command) -> Result<(), Error> {
        for variable in &self.environment {
            let name = OsStr::from_bytes;
            match variable {
                Variable::Set(key, value) => command.env(name(key), name(value)),
                Variable::Inherit(key) => command.env_inherit(name(key)),
                Variable::File(path) => command.env_file(path)?,
            };
        }
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        if let Some(umask) = self.umask {
            command.umask(umask);
        }
        for (number, wanted) in self.streams.iter().enumerate() {
            let stream = match wanted {
                Wanted::Inherit => Stream::Inherit,
                Wanted::Null => Stream::Null,
                Wanted::Keep | Wanted::Pipe => Stream::Pipe,
                Wanted::File(file) => Stream::File(file.try_clone().map_err(descriptor)?),
            };
            command.stream(number, stream);
        }
        if let Some(window) = self.terminal {
            command.terminal(window);
        }
        Ok(())
    }

    /// Whether somebody has to have the other end of one.
    pub(super) fn has_pipes(&self) -> bool {
        let is_pipe = |wanted: &Wanted| matches!(wanted, Wanted::Pipe);
        self.terminal.is_some() || self.streams.iter().any(is_pipe)
    }

    /// The most bytes to keep of each output, where any is to be kept.
    pub(super) fn kept(&self) -> Option<usize> {
        let keeps = self.streams.iter().any(|it| matches!(it, Wanted::Keep));
        keeps.then_some(self.limit)
    }
}

/// Sets a variable of the environment of programs, which is otherwise PATH alone; with value NULL, gives
/// them this process's, if it has it. The strings are copied. Returns 0, or -1 with errno EINVAL.
///
/// # Safety
/// options is NULL or from cosmos_options_new; name is NULL or a string, and so is value.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cosmos_options_add_env(
    options: *mut cosmos_options,
    name: *const c_char,
    value: *const c_char,
) -> c_int {
    // SAFETY: the caller's promise.
    unsafe {
        change(options, |options| {
            let name = bytes(name, "the variable's name")?;
            if name.is_empty() || name.contains(&b'=') {
                return Err(bad("the variable's name is empty or has a '='").into());
            }
            options.environment.push(match value.is_null() {
                true => Variable::Inherit(name),
                false => Variable::Set(name, bytes(value, "the variable's value")?),
            });
            Ok(())
        })
    }
}

/// Sets the variables that a file lists, one a line: NAME=value, or NAME alone for this process's; '#'
/// begins a line that says nothing. It is read when a program is started. The string is copied. Returns
/// 0, or -1 with errno EINVAL.
///
/// # Safety
/// options is NULL or from cosmos_options_new; path is NULL or a string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cosmos_options_add_env_file(
    options: *mut cosmos_options,
    path: *const c_char,
) -> c_int {
    // SAFETY: the caller's promise.
    unsafe {
        change(options, |options| {
            let path = text(path, "the file's path")?;
            options.environment.push(Variable::File(path.into()));
            Ok(())
        })
    }
}

/// The working directory of programs; this process's at first. The string is copied. Returns 0, or -1
/// with errno EINVAL.
///
/// # Safety
/// options is NULL or from cosmos_options_new; directory is NULL or a string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cosmos_options_set_directory(
    options: *mut cosmos_options,
    directory: *const c_char,
) -> c_int {
    // SAFETY: the caller's promise.
    unsafe {
        change(options, |options| {
            options.directory = Some(text(directory, "the directory")?.into());
            Ok(())
        })
    }
}

/// The file mode creation mask of programs; this process's at first. Returns 0, or -1 with errno EINVAL.
///
/// # Safety
/// options is NULL or from cosmos_options_new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cosmos_options_set_umask(
    options: *mut cosmos_options,
    mask: c_uint,
) -> c_int {
    // SAFETY: the caller's promise.
    unsafe {
        change(options, |options| {
            if mask > 0o777 {
                return Err(bad("a mask has nine bits").into());
            }
            options.umask = Some(mask);
            Ok(())
        })
    }
}

/// What programs have as standard input (stream 0), output (1) or error (2): the file of a descriptor,
/// which is duplicated here and goes to the program itself; COSMOS_STREAM_NULL; COSMOS_STREAM_KEEP, for
/// outputs; or COSMOS_STREAM_PIPE, for cosmos_exec_start. At first they are this process's. Returns 0, or
/// -1 with errno EINVAL, or ECOMM: the descriptor is not open.
///
/// # Safety
/// options is NULL or from cosmos_options_new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cosmos_options_set_stream(
    options: *mut cosmos_options,
    stream: c_int,
    descriptor: c_int,
) -> c_int {
    // SAFETY: the caller's promise.
    unsafe {
        change(options, |options| {
            let wanted = match (stream, descriptor) {
                (_, COSMOS_STREAM_NULL) => Wanted::Null,
                (_, COSMOS_STREAM_PIPE) => Wanted::Pipe,
                (1 | 2, COSMOS_STREAM_KEEP) => Wanted::Keep,
                (_, 0..) => Wanted::File(Arc::new(duplicate(descriptor)?)),
                _ => {
                    return Err(bad("this is neither a descriptor nor one of the constants").into());
                }
            };
            let place = usize::try_from(stream).ok();
            let place = place.and_then(|number| options.streams.get_mut(number));
            *place.ok_or_else(|| bad("streams are 0, 1 and 2"))? = wanted;
            Ok(())
        })
    }
}

/// The most bytes that are kept of each output that is to be kept, 1 MiB at first; the rest is read and
/// dropped. Returns 0, or -1 with errno EINVAL.
///
/// # Safety
/// options is NULL or from cosmos_options_new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cosmos_options_set_kept(
    options: *mut cosmos_options,
    most: usize,
) -> c_int {
    // SAFETY: the caller's promise.
    unsafe {
        change(options, |options| {
            options.limit = most;
            Ok(())
        })
    }
}

/// Gives programs a terminal of this size in place of their streams, for cosmos_exec_start: any of its
/// streams is our end of it then, which is a socket where the program runs on another machine. Returns 0,
/// or -1 with errno EINVAL.
///
/// # Safety
/// options is NULL or from cosmos_options_new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cosmos_options_set_terminal(
    options: *mut cosmos_options,
    rows: c_uint,
    columns: c_uint,
) -> c_int {
    // SAFETY: the caller's promise.
    unsafe {
        change(options, |options| {
            options.terminal = Some(window(rows, columns)?);
            Ok(())
        })
    }
}

pub(super) fn window(rows: c_uint, columns: c_uint) -> Result<Window, Fault> {
    let size = |number| u16::try_from(number).map_err(|_| bad("no terminal is so large"));
    Ok(Window {
        rows: size(rows)?,
        columns: size(columns)?,
    })
}

/// # Safety
/// options is NULL or from cosmos_options_new.
unsafe fn change(
    options: *mut cosmos_options,
    set: impl FnOnce(&mut ProgramOptions) -> Result<(), Error>,
) -> c_int {
    guard(-1, || {
        // SAFETY: the caller's promise; one thread at a time uses them.
        let Some(options) = (unsafe { options.as_mut() }) else {
            return Err(bad("the options are NULL").into());
        };
        set(&mut options.program)?;
        Ok(0)
    })
}

/// # Safety
/// `text` is NULL or NUL-terminated.
unsafe fn bytes(text: *const c_char, what: &str) -> Result<Vec<u8>, Fault> {
    if text.is_null() {
        return Err(bad(&format!("{what} is NULL")));
    }
    // SAFETY: the caller's promise.
    Ok(unsafe { CStr::from_ptr(text) }.to_bytes().to_vec())
}

fn duplicate(number: c_int) -> Result<OwnedFd, Fault> {
    // SAFETY: it is not negative, and is only given to fcntl, which refuses one that is not open.
    let borrowed = unsafe { BorrowedFd::borrow_raw(number) };
    let copy = borrowed.try_clone_to_owned().map_err(|error| {
        let message = format!("descriptor {}: {error}", borrowed.as_raw_fd());
        Fault::system(error.raw_os_error().unwrap_or(0), message)
    })?;
    Ok(copy)
}

pub(super) fn descriptor(error: std::io::Error) -> Fault {
    let errno = error.raw_os_error().unwrap_or(0);
    Fault::system(errno, format!("a descriptor: {error}"))
}

pub(super) fn bad(message: &str) -> Fault {
    Fault::caller(FaultCode::BadArgument, message)
}
