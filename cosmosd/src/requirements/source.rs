//! A file of somebody else, read in bounded pieces.

use super::ReadError;
use object::read::{ReadCache, ReadRef};
use std::{
    cell::Cell,
    fs::{File, OpenOptions},
    io::{self, ErrorKind, Read},
    ops::Range,
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::Path,
};

/// Most bytes of one piece: the largest dynamic string tables are a few MiB.
const PIECE: u64 = 16 << 20;
/// Most bytes of all pieces, with a charge for each so that many small ones end too.
const BUDGET: u64 = 64 << 20;
/// The charge for one piece.
const CHARGE: u64 = 64;

/// An open regular file.
pub(super) struct Source {
    file: File,
}

impl Source {
    /// Opens `path`, which must be a regular file. Never blocks.
    pub(super) fn open(path: &Path) -> Result<Source, ReadError> {
        let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
        let file = OpenOptions::new().read(true).custom_flags(flags).open(path);
        let file = file.map_err(|error| match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => ReadError::Missing(path.to_owned()),
            ErrorKind::PermissionDenied => ReadError::Denied(path.to_owned()),
            // A socket, or a FIFO nobody has open.
            _ if error.raw_os_error() == Some(libc::ENXIO) => ReadError::Special(path.to_owned()),
            _ => ReadError::Failed(path.to_owned(), error),
        })?;
        let metadata = file
            .metadata()
            .map_err(|error| ReadError::Failed(path.to_owned(), error))?;
        if metadata.is_dir() {
            return Err(ReadError::Directory(path.to_owned()));
        }
        if !metadata.is_file() {
            return Err(ReadError::Special(path.to_owned()));
        }
        Ok(Source { file })
    }

    /// Its first bytes, at most `most`.
    pub(super) fn head(&self, most: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; most];
        let mut filled = 0;
        while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.file.read_at(rest, filled as u64) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        bytes.truncate(filled);
        Ok(bytes)
    }

    /// The byte at an offset, where there is one.
    pub(super) fn byte(&self, offset: u64) -> Option<u8> {
        let mut byte = [0];
        self.file.read_exact_at(&mut byte, offset).ok()?;
        Some(byte[0])
    }

    /// A cache to read pieces through.
    pub(super) fn cache(&self) -> ReadCache<impl Read + io::Seek + '_> {
        ReadCache::new(&self.file)
    }
}

/// Pieces of a file by offset, within the budget.
pub(super) struct Bounded<'c, R> {
    data: R,
    budget: &'c Cell<u64>,
}

impl<'c, R> Bounded<'c, R> {
    /// Pieces of `data`, charged to `budget`.
    pub(super) fn new(data: R, budget: &'c Cell<u64>) -> Bounded<'c, R> {
        Bounded { data, budget }
    }

    fn charge(&self, size: u64) -> Result<(), ()> {
        if size > PIECE {
            return Err(());
        }
        let left = self.budget.get().checked_sub(size + CHARGE).ok_or(())?;
        self.budget.set(left);
        Ok(())
    }
}

/// A full budget.
pub(super) fn budget() -> Cell<u64> {
    Cell::new(BUDGET)
}

impl<R: Clone> Clone for Bounded<'_, R> {
    fn clone(&self) -> Self {
        Bounded {
            data: self.data.clone(),
            budget: self.budget,
        }
    }
}

impl<R: Copy> Copy for Bounded<'_, R> {}

impl<'a, R: ReadRef<'a>> ReadRef<'a> for Bounded<'_, R> {
    fn len(self) -> Result<u64, ()> {
        self.data.len()
    }

    fn read_bytes_at(self, offset: u64, size: u64) -> Result<&'a [u8], ()> {
        self.charge(size)?;
        self.data.read_bytes_at(offset, size)
    }

    fn read_bytes_at_until(self, range: Range<u64>, delimiter: u8) -> Result<&'a [u8], ()> {
        // The cache looks at no more than 4096 bytes for a string.
        self.charge(256)?;
        self.data.read_bytes_at_until(range, delimiter)
    }
}
