//! The file in which every call is noted, by the library that runs it and by who makes it.
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 8 | the next number that nobody has taken |
//! | 8 | 4 | not zero: no more calls are to be made |
//! | 4096 + 16 n | 4 | how often the library ran the number n |
//! | + 4 | 4 | what its caller knows of it, a [`State`] |
//! | + 8 | 4 | how often the library called back for it |
//! | + 12 | 4 | which caller took it |
//!
//! Every field is an atomic of a mapping that several processes have, so that what a killed process
//! wrote last is there to be judged.

use nix::sys::mman::{MapFlags, ProtFlags, mmap};
use std::fs::File;
use std::num::NonZeroUsize;
use std::path::Path;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

const HEAD: usize = 4096;
const ENTRY: usize = 16;

/// What a caller knows of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nobody has taken it, or not used it yet.
    Unused = 0,
    /// The call was made; nothing came of it yet.
    Begun = 1,
    /// It returned what is right.
    Right = 2,
    /// It failed with an error that names the end of its VM.
    Died = 3,
    /// Anything else, which ought not to be.
    Wrong = 4,
}

/// A number's fields.
pub struct Entry<'a> {
    pub ran: &'a AtomicU32,
    state: &'a AtomicU32,
    pub back: &'a AtomicU32,
    owner: &'a AtomicU32,
}

/// A mapped ledger. It stays mapped until the process ends.
pub struct Ledger {
    start: NonNull<u8>,
    entries: u64,
    file: File,
}

// SAFETY: all access to the mapping is by atomics, from whichever thread.
unsafe impl Send for Ledger {}
// SAFETY: as above.
unsafe impl Sync for Ledger {}

impl Ledger {
    /// Makes one for so many numbers, of which none takes memory before it is used.
    pub fn make(path: &Path, entries: u64) -> Ledger {
        let file = File::create_new(path).expect("the ledger");
        file.set_len(HEAD as u64 + entries * ENTRY as u64)
            .expect("its size");
        Ledger::open(path)
    }

    pub fn open(path: &Path) -> Ledger {
        let file = File::options().read(true).write(true).open(path);
        let file = file.expect("the ledger");
        let length = file.metadata().expect("its size").len();
        let size = NonZeroUsize::new(usize::try_from(length).expect("a size")).expect("some bytes");
        let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: a fresh mapping of a file that nobody shortens.
        let start = unsafe { mmap(None, size, access, MapFlags::MAP_SHARED, &file, 0) };
        Ledger {
            start: start.expect("a mapping").cast(),
            entries: (length - HEAD as u64) / ENTRY as u64,
            file,
        }
    }

    /// The file, for the library to map.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// A number that nobody has; `None` where all are taken or no more are wanted.
    pub fn take(&self, owner: u32) -> Option<(u64, Entry<'_>)> {
        if self.field(8).load(Ordering::Relaxed) != 0 {
            return None;
        }
        let number = self.next().fetch_add(1, Ordering::Relaxed);
        let entry = (number < self.entries).then(|| self.entry(number))?;
        entry.owner.store(owner, Ordering::Relaxed);
        Some((number, entry))
    }

    /// How many were taken.
    pub fn taken(&self) -> u64 {
        self.next().load(Ordering::Relaxed).min(self.entries)
    }

    /// Whether numbers may still be taken.
    pub fn is_open(&self) -> bool {
        self.field(8).load(Ordering::Relaxed) == 0 && self.taken() < self.entries
    }

    /// No more calls are to be made.
    pub fn close(&self) {
        self.field(8).store(1, Ordering::Relaxed);
    }

    pub fn entry(&self, number: u64) -> Entry<'_> {
        assert!(number < self.entries);
        let at = HEAD + number as usize * ENTRY;
        Entry {
            ran: self.field(at),
            state: self.field(at + 4),
            back: self.field(at + 8),
            owner: self.field(at + 12),
        }
    }

    fn next(&self) -> &AtomicU64 {
        // SAFETY: aligned, in the first page, and only ever used as an atomic.
        unsafe { AtomicU64::from_ptr(self.start.as_ptr().cast()) }
    }

    fn field(&self, at: usize) -> &AtomicU32 {
        // SAFETY: callers give aligned places inside of the mapping, used as atomics alone.
        unsafe { AtomicU32::from_ptr(self.start.as_ptr().add(at).cast()) }
    }
}

impl Entry<'_> {
    pub fn state(&self) -> State {
        match self.state.load(Ordering::Acquire) {
            0 => State::Unused,
            1 => State::Begun,
            2 => State::Right,
            3 => State::Died,
            _ => State::Wrong,
        }
    }

    pub fn set(&self, state: State) {
        self.state.store(state as u32, Ordering::Release);
    }

    pub fn owner(&self) -> u32 {
        self.owner.load(Ordering::Relaxed)
    }
}
