//! What a target needs: its requirements profile, read from the file itself.
//!
//! The file may be hostile. It is opened without blocking (a FIFO would), must be a regular file,
//! and is read in bounded pieces, never mapped: whoever owns it may truncate it meanwhile. Text
//! from it is made printable before anybody sees it.

mod digest;
mod elf;
mod isa;
mod source;
mod text;

pub use digest::sha256;
pub use elf::{Elf, ElfKind};
pub use isa::IsaLevel;

use cosmos_rpc::{Fault, FaultCode};
use source::Source;
use std::{
    io,
    path::{Path, PathBuf},
};

/// What a target is and needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirements {
    /// The file.
    pub path: PathBuf,
    /// What it is.
    pub format: Format,
}

/// What a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Format {
    /// An ELF file; a NaCl executable is one by [`Elf::is_nexe`].
    Elf(Box<Elf>),
    /// It begins like an ELF file, and this is wrong with it.
    DamagedElf(&'static str),
    /// It begins with `#!`.
    Script {
        /// The interpreter's path.
        interpreter: String,
        /// The rest of the line.
        argument: String,
    },
    /// Text for the linker, as `libc.so` and `libm.so` of development packages are.
    LinkerScript {
        /// The shared objects it names.
        inputs: Vec<String>,
    },
    /// A static library (`ar`).
    Archive,
    /// Other text.
    Text,
    /// No bytes at all.
    Empty,
    /// Anything else, with its first bytes.
    Unknown(Vec<u8>),
}

/// Why a file could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// There is none.
    #[error("there is no file {}", .0.display())]
    Missing(PathBuf),
    /// It is not ours to read.
    #[error("{} cannot be read: permission denied", .0.display())]
    Denied(PathBuf),
    /// It is a directory.
    #[error("{} is a directory, not a library or program", .0.display())]
    Directory(PathBuf),
    /// It is a device, FIFO or socket.
    #[error("{} is no regular file", .0.display())]
    Special(PathBuf),
    /// Reading failed.
    #[error("{} cannot be read: {}", .0.display(), .1)]
    Failed(PathBuf, io::Error),
}

impl Requirements {
    /// Reads what `path` is and needs.
    pub fn read(path: &Path) -> Result<Requirements, ReadError> {
        let source = Source::open(path)?;
        let format = format(&source).map_err(|error| ReadError::Failed(path.to_owned(), error))?;
        Ok(Requirements {
            path: path.to_owned(),
            format,
        })
    }

    /// What it needs, one `(property, value)` a row, in the order to show them.
    pub fn rows(&self) -> Vec<(String, String)> {
        let mut rows = vec![("format".to_owned(), self.format.describe())];
        if let Format::Elf(elf) = &self.format {
            rows.extend(elf.rows());
        }
        rows
    }
}

impl Format {
    /// What it is, in a few words.
    pub fn describe(&self) -> String {
        match self {
            Format::Elf(elf) => elf.describe(),
            Format::DamagedElf(problem) => format!("damaged ELF file ({problem})"),
            Format::Script { interpreter, .. } => format!("script for {interpreter}"),
            Format::LinkerScript { .. } => "linker script".to_owned(),
            Format::Archive => "static library".to_owned(),
            Format::Text => "text".to_owned(),
            Format::Empty => "empty file".to_owned(),
            Format::Unknown(first) => {
                let bytes: Vec<String> = first.iter().map(|byte| format!("{byte:02x}")).collect();
                format!("unknown, begins with {}", bytes.join(" "))
            }
        }
    }

    /// Whom a script is for: the last part of its interpreter's path, or what `env` is to look for.
    pub fn interpreter_name(&self) -> Option<&str> {
        let Format::Script {
            interpreter,
            argument,
        } = self
        else {
            return None;
        };
        let name = interpreter.rsplit('/').next()?;
        if name != "env" {
            return Some(name);
        }
        let argument = argument.strip_prefix("-S").unwrap_or(argument);
        argument.split_ascii_whitespace().next().or(Some(name))
    }

    /// What somebody who meant this file probably wants instead.
    pub fn advice(&self) -> Option<String> {
        match self {
            Format::LinkerScript { inputs } => Some(match inputs.first() {
                Some(first) => format!(
                    "it is read when programs are linked and names the library itself: use {first}"
                ),
                None => "it is read when programs are linked: name the library itself".to_owned(),
            }),
            Format::Archive => {
                Some("its code is for linking: name the shared library (.so)".to_owned())
            }
            Format::Elf(elf) if elf.kind == ElfKind::Relocatable => {
                Some("link it first: cc -shared -o NAME.so NAME.o".to_owned())
            }
            Format::Elf(elf) if elf.is_debug_only => {
                Some("it holds only debug information: name the library itself".to_owned())
            }
            Format::DamagedElf(_) => Some("copy or build it again".to_owned()),
            _ => None,
        }
    }
}

impl From<ReadError> for Fault {
    fn from(error: ReadError) -> Fault {
        let message = error.to_string();
        match error {
            ReadError::Missing(_) => Fault::caller(FaultCode::NoSuchTarget, message),
            ReadError::Denied(_) => Fault::caller(FaultCode::NotPermitted, message),
            ReadError::Directory(_) | ReadError::Special(_) => {
                Fault::caller(FaultCode::NotLoadable, message)
            }
            ReadError::Failed(..) => Fault::host(FaultCode::System, message),
        }
    }
}

/// Bytes looked at to tell what is no ELF file.
const HEAD: usize = 4096;

fn format(source: &Source) -> io::Result<Format> {
    let head = source.head(HEAD)?;
    if head.is_empty() {
        return Ok(Format::Empty);
    }
    if head.starts_with(&object::elf::ELFMAG) {
        return Ok(match elf::read(source) {
            Ok(elf) => Format::Elf(Box::new(elf)),
            Err(problem) => Format::DamagedElf(problem),
        });
    }
    if head.starts_with(b"!<arch>\n") || head.starts_with(b"!<thin>\n") {
        return Ok(Format::Archive);
    }
    Ok(text::format(&head))
}
