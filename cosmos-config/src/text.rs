//! Small files that people write. Nothing that was put in the place of one makes a program wait, or fills its memory.

use std::{
    fs::OpenOptions,
    io::{Error, ErrorKind, Read, Result},
    os::unix::fs::{FileTypeExt, OpenOptionsExt},
    path::Path,
};

/// The text of a file of at most so many bytes.
///
/// # Errors
/// What the system says; `FileTooLarge`; that it is a pipe.
pub fn read(path: &Path, most: u64) -> Result<String> {
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(path)?;
    // Not regular files alone: a link to /dev/null is how people say that there is none.
    if file.metadata()?.file_type().is_fifo() {
        return Err(Error::other("it is a pipe"));
    }
    let mut text = String::new();
    file.take(most.saturating_add(1))
        .read_to_string(&mut text)?;
    match text.len() as u64 > most {
        true => Err(Error::new(
            ErrorKind::FileTooLarge,
            format!("it is larger than {most} bytes"),
        )),
        false => Ok(text),
    }
}
