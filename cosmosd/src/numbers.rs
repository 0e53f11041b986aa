//! Numbers of VMs, which are part of their names. None is given twice, whichever cosmosd gives it: one that
//! was killed may have left VMs behind that come back, and clients that ask for them by name. The last one
//! is a line in the file `cosmosd.last` beside the sockets.

use std::{
    cell::RefCell,
    fs::{File, OpenOptions},
    io::Read,
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::Path,
};

/// Its name.
const FILE: &str = "cosmosd.last";
/// Its length: a number of twenty digits, and the end of the line.
const LENGTH: usize = 21;

/// The file.
#[derive(Debug)]
pub struct Numbers {
    file: RefCell<Option<File>>,
    last: u64,
}

impl Numbers {
    /// As they are in this directory. Without the file names begin anew.
    pub fn of(directory: &Path) -> Numbers {
        let opened = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
            .open(directory.join(FILE));
        let mut text = String::new();
        let file = opened
            .inspect_err(|error| tracing::warn!("numbers of VMs begin anew: {FILE}: {error}"))
            .ok();
        if let Some(file) = &file {
            // What is no number counts as none.
            let _ = file.take(LENGTH as u64).read_to_string(&mut text);
        }
        Numbers {
            file: RefCell::new(file),
            last: text.trim().parse().unwrap_or(0),
        }
    }

    /// The last one that was given.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// Notes that this one is given now.
    pub fn note(&self, number: u64) {
        let mut file = self.file.borrow_mut();
        let line = format!("{number:>20}\n");
        if let Some(known) = &*file
            && let Err(error) = known.write_all_at(line.as_bytes(), 0)
        {
            tracing::warn!("the next cosmosd may give numbers again: {FILE}: {error}");
            *file = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_one_goes_on() {
        let directory = tempfile::tempdir().unwrap();
        let numbers = Numbers::of(directory.path());
        assert_eq!(numbers.last(), 0);
        numbers.note(9);
        numbers.note(10);
        assert_eq!(Numbers::of(directory.path()).last(), 10);
        numbers.note(u64::MAX);
        assert_eq!(Numbers::of(directory.path()).last(), u64::MAX);
    }

    #[test]
    fn what_is_no_number_is_none() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join(FILE), "x".repeat(100)).unwrap();
        assert_eq!(Numbers::of(directory.path()).last(), 0);
        std::fs::remove_file(directory.path().join(FILE)).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", directory.path().join(FILE)).unwrap();
        let numbers = Numbers::of(directory.path());
        assert_eq!(numbers.last(), 0);
        numbers.note(1);
    }
}
