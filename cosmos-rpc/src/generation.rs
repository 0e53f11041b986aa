//! Telling a forked child from its parent without a system call.
//!
//! One page of this process is marked MADV_WIPEONFORK: the kernel hands a child a page of zeros in
//! its place. The page holds the *generation*, a number that everything with a connection behind it
//! remembers from its making. A comparison per call then tells whether that connection is this
//! process's own:
//!
//! | page | remembered | meaning |
//! |---|---|---|
//! | 5 | 5 | made in this process |
//! | 0 | 5 | inherited; this child has made nothing yet |
//! | 6 | 5 | inherited; this child has something of its own |
//!
//! Where the kernel does not know MADV_WIPEONFORK (before Linux 4.14), the pid stands in for the
//! page: one system call a call, and never a wrong answer but for a child that got its
//! grandparent's pid again.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// The generation of this process, drawn when it is first asked for; never 0.
pub fn generation() -> u64 {
    match word() {
        Word::Page(word) => {
            let present = word.load(Ordering::Acquire);
            if present != 0 {
                return present;
            }
            let fresh = LAST.fetch_add(1, Ordering::Relaxed) + 1;
            match word.compare_exchange(0, fresh, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => fresh,
                Err(present) => present,
            }
        }
        Word::Pid => u64::from(std::process::id()),
    }
}

/// Whether this process is the one that `generation` was drawn in.
#[inline]
pub fn is_current(generation: u64) -> bool {
    match word() {
        Word::Page(word) => word.load(Ordering::Acquire) == generation,
        Word::Pid => u64::from(std::process::id()) == generation,
    }
}

/// The generation in which something was made, with the word to compare it with at hand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Current {
    word: Option<&'static AtomicU64>,
    generation: u64,
}

impl Current {
    /// This process's.
    pub(crate) fn new() -> Current {
        let generation = generation();
        let word = match word() {
            Word::Page(word) => Some(*word),
            Word::Pid => None,
        };
        Current { word, generation }
    }

    /// Whether it was made in this process.
    #[inline]
    pub(crate) fn is_here(&self) -> bool {
        match self.word {
            Some(word) => word.load(Ordering::Acquire) == self.generation,
            None => is_current(self.generation),
        }
    }
}

/// The last generation drawn; children inherit it, so theirs are larger than their parent's.
static LAST: AtomicU64 = AtomicU64::new(0);

enum Word {
    Page(&'static AtomicU64),
    Pid,
}

#[inline]
fn word() -> &'static Word {
    static WORD: OnceLock<Word> = OnceLock::new();
    WORD.get_or_init(|| page::wiped_on_fork().map_or(Word::Pid, Word::Page))
}

/// The one unsafe part: a page that lives as long as the process.
mod page {
    use std::sync::atomic::AtomicU64;

    const SIZE: usize = 4096;

    pub(super) fn wiped_on_fork() -> Option<&'static AtomicU64> {
        // SAFETY: a fresh private anonymous mapping at an address of the kernel's choice touches no
        // memory of anybody's.
        let page = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                SIZE,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        if page == libc::MAP_FAILED {
            return None;
        }
        // SAFETY: `page` is the mapping made above; nobody else knows it yet.
        let marked = unsafe { libc::madvise(page, SIZE, libc::MADV_WIPEONFORK) } == 0;
        if !marked {
            // SAFETY: as above.
            unsafe { libc::munmap(page, SIZE) };
            return None;
        }
        // SAFETY: the mapping is page-aligned, zero-filled, as large as an AtomicU64 and never
        // unmapped; it is only ever reached through this reference. A fork gives the child zeros, a
        // valid value.
        Some(unsafe { &*page.cast::<AtomicU64>() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generation_stays_and_a_child_sees_that_it_is_not_its_own() {
        let ours = generation();
        assert_ne!(ours, 0);
        assert_eq!(generation(), ours);
        assert!(is_current(ours));
        // SAFETY: the child only reads and writes atomics and ends by _exit.
        match unsafe { libc::fork() } {
            0 => {
                let inherited = is_current(ours);
                let own = generation();
                let fine = !inherited && own != ours && is_current(own);
                // SAFETY: ends the child without running anything of the test harness.
                unsafe { libc::_exit(if fine { 0 } else { 1 }) }
            }
            child => {
                assert!(child > 0);
                let mut status = 0;
                // SAFETY: waits for the child made above; `status` is ours.
                assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
                assert_eq!(status, 0);
            }
        }
        assert!(is_current(ours));
    }
}
