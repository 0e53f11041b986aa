//! What a VM counts, in a page of memory that cosmosd makes: counting costs no message, and what was
//! counted is there when the VM is not any more.
//!
//! # Layout
//!
//! Eight rows of 512 bytes, of numbers of 8 bytes each; a thread of the VM writes in one of them, and what is
//! counted is the sum of all.
//!
//! | word | counts |
//! |---:|---|
//! | 0 | nanoseconds of all calls |
//! | 1 to 14 | calls that took less than 4 to the power of (word + 3) nanoseconds, and no less than the word before says |
//! | 15 | calls that took longer |
//! | 16 to 20 | opens, symbols, programs, closes, other requests |
//! | 24 to 55 | failures, by the number of the fault's code |
//!
//! The VM may write anything at any time: cosmosd reads the page as a file, which cannot fail by what a
//! VM does, and believes nothing that cannot be.

use crate::FaultCode;
use crate::ring::mapping::{Mapping, Place64};
use crate::sealed;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Bytes of the page.
const PAGE: usize = 4096;
/// Threads of a VM are spread over so many rows.
const ROWS: usize = 8;
/// Numbers of a row.
const WORDS: usize = PAGE / ROWS / 8;
/// Bounded classes of durations, and one without bound.
pub const CLASSES: usize = 15;
/// Other requests that are counted.
pub const REQUESTS: usize = 5;
/// Room for codes of faults.
pub const CODES: usize = 32;
const FIRST_CLASS: usize = 1;
const FIRST_REQUEST: usize = FIRST_CLASS + CLASSES;
const FIRST_CODE: usize = 24;

/// A request that is no call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// A target was opened.
    Open,
    /// A function was looked up.
    Sym,
    /// A program was run.
    Exec,
    /// A target was closed.
    Close,
    /// Anything else.
    Other,
}

/// The VM's end.
#[derive(Debug)]
pub struct Tally {
    mapping: Mapping,
}

/// cosmosd's end.
#[derive(Debug)]
pub struct Counted {
    file: File,
}

/// What a VM counted, by its word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Nanoseconds of all calls.
    pub nanoseconds: u64,
    /// Calls by how long they took.
    pub classes: [u64; CLASSES],
    /// Other requests, in the order of [`Request`].
    pub requests: [u64; REQUESTS],
    /// Failures by the number of the fault's code.
    pub failures: [u64; CODES],
}

/// The bound of a class of durations; the last has none.
pub fn bound(class: usize) -> Option<Duration> {
    let exponent = u32::try_from(class).ok().filter(|_| class + 1 < CLASSES)?;
    Some(Duration::from_nanos(4u64.pow(exponent + 4)))
}

impl Counted {
    /// A page of zeros, and the descriptor that is the VM's.
    ///
    /// # Errors
    /// Where there is no memory.
    pub fn make() -> io::Result<(Counted, OwnedFd)> {
        let ours = sealed::memory(c"cosmos-tally", PAGE)?;
        let theirs = ours.try_clone()?;
        let file = File::from(ours);
        Ok((Counted { file }, theirs))
    }

    /// What is in it now.
    ///
    /// # Errors
    /// A failed system call.
    pub fn read(&self) -> io::Result<Counts> {
        let mut page = [0; PAGE];
        self.file.read_exact_at(&mut page, 0)?;
        let mut words = [0u64; WORDS];
        let (numbers, _) = page.as_chunks::<8>();
        for (place, bytes) in numbers.iter().enumerate() {
            if let Some(word) = words.get_mut(place % WORDS) {
                *word = word.saturating_add(u64::from_le_bytes(*bytes));
            }
        }
        let part = |first: usize, place: usize| words.get(first + place).copied().unwrap_or(0);
        Ok(Counts {
            nanoseconds: part(0, 0),
            classes: std::array::from_fn(|place| part(FIRST_CLASS, place)),
            requests: std::array::from_fn(|place| part(FIRST_REQUEST, place)),
            failures: std::array::from_fn(|place| part(FIRST_CODE, place)),
        })
    }
}

impl Tally {
    /// Maps what cosmosd sent.
    ///
    /// # Errors
    /// What is no such page; a failed system call.
    pub fn received(memory: &OwnedFd) -> Result<Tally, crate::Fault> {
        if sealed::length(memory.as_fd())? != PAGE {
            let message = "the memory to count in has another size";
            return Err(crate::Fault::peer(FaultCode::Protocol, message));
        }
        let mapping = Mapping::new(memory.as_fd(), PAGE).map_err(|error| {
            crate::Fault::host(FaultCode::System, format!("mmap: {}", error.desc()))
        })?;
        Ok(Tally { mapping })
    }

    /// A row for another thread.
    pub fn row() -> usize {
        static LAST: AtomicUsize = AtomicUsize::new(0);
        LAST.fetch_add(1, Ordering::Relaxed) % ROWS
    }

    /// Counts a call that took so long.
    pub fn call(&self, row: usize, took: Duration) {
        self.calls(row, 1, took);
    }

    /// Counts so many calls that took so long together, each as if it had taken as long as the others.
    pub fn calls(&self, row: usize, calls: u32, took: Duration) {
        let Some(each) = took.checked_div(calls) else {
            return;
        };
        let nanoseconds = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        // Four to the power of four is the first bound; each class is two bits wide.
        let bits = (u64::BITS - nanoseconds(each).leading_zeros()) as usize;
        let class = (bits.max(8) - 8).div_ceil(2).min(CLASSES - 1);
        self.add(row, 0, nanoseconds(took));
        self.add(row, FIRST_CLASS + class, calls.into());
    }

    /// Counts another request.
    pub fn request(&self, row: usize, request: Request) {
        self.add(row, FIRST_REQUEST + request as usize, 1);
    }

    /// Counts a failure.
    pub fn failure(&self, row: usize, code: FaultCode) {
        self.add(row, FIRST_CODE + (code as usize).min(CODES - 1), 1);
    }

    fn add(&self, row: usize, word: usize, more: u64) {
        let place = Place64::new(((row % ROWS) * WORDS + word % WORDS) * 8);
        if self.mapping.is_ours() {
            self.mapping.long(place).fetch_add(more, Ordering::Relaxed);
        }
    }
}

impl Counts {
    /// All calls.
    pub fn calls(&self) -> u64 {
        self.classes
            .iter()
            .fold(0, |sum, more| sum.saturating_add(*more))
    }

    /// These and those.
    pub fn plus(&self, other: &Counts) -> Counts {
        self.with(other, u64::saturating_add)
    }

    /// What of a VM's word can be, where it has run so long: no number is less than it was `before`, there
    /// are at most a hundred calls in a microsecond, and no more than a thousand threads spend time.
    pub fn believed(&self, before: &Counts, age: Duration) -> Counts {
        let age = |per: u128| u64::try_from(age.as_nanos().saturating_mul(per)).unwrap_or(u64::MAX);
        let most = |most: u64| move |now: u64, then: u64| now.clamp(then, then.max(most));
        Counts {
            nanoseconds: most(age(1024))(self.nanoseconds, before.nanoseconds),
            ..self.with(before, most(age(1) / 10))
        }
    }

    fn with(&self, other: &Counts, of: impl Fn(u64, u64) -> u64) -> Counts {
        fn zip<const N: usize>(
            these: &[u64; N],
            those: &[u64; N],
            of: impl Fn(u64, u64) -> u64,
        ) -> [u64; N] {
            let mut pairs = these.iter().zip(those);
            std::array::from_fn(|_| pairs.next().map_or(0, |(this, that)| of(*this, *that)))
        }
        Counts {
            nanoseconds: of(self.nanoseconds, other.nanoseconds),
            classes: zip(&self.classes, &other.classes, &of),
            requests: zip(&self.requests, &other.requests, &of),
            failures: zip(&self.failures, &other.failures, &of),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (Counted, Tally) {
        let (counted, theirs) = Counted::make().expect("memory");
        let tally = Tally::received(&theirs).expect("it is such a page");
        (counted, tally)
    }

    #[test]
    fn what_is_counted_in_any_row_is_read() {
        let (counted, tally) = pair();
        assert_eq!(counted.read().expect("read"), Counts::default());
        for row in 0..ROWS * 2 {
            tally.call(row, Duration::from_nanos(100));
            tally.request(row, Request::Other);
            tally.failure(row, FaultCode::Cancelled);
        }
        drop(tally);
        let counts = counted.read().expect("read");
        assert_eq!(counts.calls(), 16);
        assert_eq!(counts.nanoseconds, 1600);
        assert_eq!(counts.requests, [0, 0, 0, 0, 16]);
        assert_eq!(counts.failures[FaultCode::Cancelled as usize], 16);
    }

    #[test]
    fn a_call_is_in_the_class_whose_bound_is_the_first_above_it() {
        for nanoseconds in [
            0,
            1,
            255,
            256,
            257,
            1023,
            1024,
            4096,
            1 << 20,
            1 << 33,
            1 << 34,
            u64::MAX,
        ] {
            let (counted, tally) = pair();
            let took = Duration::from_nanos(nanoseconds);
            tally.call(0, took);
            let counts = counted.read().expect("read");
            let class = (0..CLASSES).find(|class| bound(*class).is_none_or(|bound| took < bound));
            assert_eq!(
                counts.classes[class.expect("the last")],
                1,
                "{nanoseconds} {counts:?}"
            );
        }
        assert_eq!(bound(0), Some(Duration::from_nanos(256)));
        assert_eq!(bound(CLASSES - 1), None);
    }

    #[test]
    fn a_word_that_cannot_be_is_not_believed() {
        let before = Counts {
            nanoseconds: 50,
            requests: [5; REQUESTS],
            ..Counts::default()
        };
        let lie = Counts {
            nanoseconds: 0,
            classes: [u64::MAX; CLASSES],
            requests: [0; REQUESTS],
            failures: [7; CODES],
        };
        let believed = lie.believed(&before, Duration::from_micros(10));
        assert_eq!(believed.nanoseconds, 50);
        assert_eq!(believed.classes, [1000; CLASSES]);
        assert_eq!(believed.requests, [5; REQUESTS]);
        assert_eq!(believed.failures, [7; CODES]);
    }

    #[test]
    fn other_memory_is_refused() {
        let long = sealed::memory(c"test", PAGE * 2).expect("memory");
        assert!(Tally::received(&long).is_err());
        let file = tempfile::tempfile().expect("a file");
        file.set_len(PAGE as u64).expect("its size");
        assert!(Tally::received(&OwnedFd::from(file)).is_err());
    }
}
