//! The guest's 4 GiB and what surrounds them, in this process.
//!
//! Everything is anonymous memory: nothing of the host is mapped inside, and text is copied, never
//! mapped from a file that somebody may still write. All unsafe code that touches guest memory is
//! here. What makes it sound:
//!
//! - a [`Space`] owns the mapping at a fixed address; a second one cannot be reserved meanwhile,
//!   because the kernel refuses to map what is mapped;
//! - slices are given out only for ranges that the table of regions allows, which is changed
//!   together with the real protection;
//! - the guest runs on this thread alone, and only while no such slice is alive: entering it takes
//!   the space exclusively.

use crate::switch;
use nix::libc::c_void;
use nix::sys::mman::{MapFlags, MmapAdvise, ProtFlags, madvise, mmap_anonymous, mprotect, munmap};
use std::num::NonZeroUsize;
use std::ops::Range;
use std::ptr::NonNull;
use zerovm_session::Error;
use zerovm_session::layout::{
    BASE, GUARD, HALT, HARDWARE_PAGE, RESERVED, SPACE, THUNK, TRAMPOLINE_PAGE, TRAMPOLINES,
};
use zerovm_session::memory::{Memory, Protection, Regions};

/// Where a program that uses a 32-bit address as a whole one would end up.
const LOW: Range<u64> = 0x10000..1 << 32;
const ALL: Range<u64> = RESERVED..RESERVED + SPACE + 2 * GUARD;

/// The address space of a guest.
#[derive(Debug)]
pub struct Space {
    regions: Regions,
    // Unmapped with the space.
    _mappings: [Mapping; 3],
}

impl Space {
    /// Reserves it: nothing in it may be used yet but the trampolines.
    pub fn reserve() -> Result<Self, Error> {
        let all = Mapping::reserve(&ALL)?;
        let low = Mapping::reserve(&LOW)?;
        let thunk = Mapping::reserve(&(THUNK..THUNK + HARDWARE_PAGE))?;
        thunk.write(&switch::thunk_page())?;
        let mut space = Self {
            regions: Regions::default(),
            _mappings: [all, low, thunk],
        };
        space.place(TRAMPOLINES, &TRAMPOLINE_PAGE, Protection::ReadExecute)?;
        Ok(space)
    }

    /// Puts bytes somewhere, and protects the region of whole pages that they begin.
    pub fn place(&mut self, address: u64, bytes: &[u8], to: Protection) -> Result<(), Error> {
        let range = address..(address + bytes.len() as u64).next_multiple_of(HARDWARE_PAGE);
        self.open(range.clone())?;
        self.populate(range.clone());
        if let Some(memory) = self.writable(address..address + bytes.len() as u64) {
            memory.copy_from_slice(bytes);
        }
        self.close(range, to)
    }

    /// Has the kernel give a writable range its memory at once, instead of page by page. One that
    /// cannot does it page by page.
    pub fn populate(&mut self, range: Range<u64>) {
        if self.regions.is_writable(&range) {
            let length = (range.end - range.start) as usize;
            let start = pointer(BASE + range.start);
            // SAFETY: the range is within the mapping that `self` owns, and nothing in it changes.
            let _ = unsafe { madvise(start, length, MmapAdvise::MADV_POPULATE_WRITE) };
        }
    }

    /// Has the kernel use large pages for a range that is about to be read as a whole: what was never
    /// written is then one page of zeroes many times. One that has none uses small ones.
    pub fn expect_reading(&self, range: &Range<u64>) {
        if self.regions.is_readable(range) {
            let length = (range.end - range.start) as usize;
            // SAFETY: the range is within the mapping that `self` owns, and nothing in it changes.
            let _ = unsafe {
                madvise(
                    pointer(BASE + range.start),
                    length,
                    MmapAdvise::MADV_HUGEPAGE,
                )
            };
        }
    }

    /// Makes a range writable.
    pub fn open(&mut self, range: Range<u64>) -> Result<(), Error> {
        self.close(range, Protection::ReadWrite)
    }

    /// Gives a range its protection.
    pub fn close(&mut self, range: Range<u64>, to: Protection) -> Result<(), Error> {
        self.protect(range, to)
            .map_err(|number| host("protecting memory", nix::Error::from_raw(number)))
    }

    /// Where the heap is.
    pub fn set_heap(&mut self, heap: Range<u64>) {
        self.regions.set_heap(heap);
    }

    /// The bytes of a range.
    ///
    /// # Safety
    ///
    /// The range is not empty, mapped and readable.
    #[inline]
    unsafe fn bytes(&self, range: Range<u64>) -> &[u8] {
        let start = (BASE + range.start) as *const u8;
        let length = (range.end - range.start) as usize;
        // SAFETY: the caller says so; nobody writes the range while the slice is alive, as the guest
        // does not run then, and writing needs `&mut self`.
        unsafe { std::slice::from_raw_parts(start, length) }
    }
}

impl Memory for Space {
    fn regions(&self) -> &Regions {
        &self.regions
    }

    #[inline]
    fn readable(&self, range: Range<u64>) -> Option<&[u8]> {
        let is_readable = self.regions.is_readable(&range);
        // SAFETY: the table says that the range is mapped and readable.
        is_readable.then(|| unsafe { self.bytes(range) })
    }

    fn writable(&mut self, range: Range<u64>) -> Option<&mut [u8]> {
        if !self.regions.is_writable(&range) {
            return None;
        }
        let start = (BASE + range.start) as *mut u8;
        let length = (range.end - range.start) as usize;
        // SAFETY: the table says that the range is mapped and writable; `&mut self` keeps everybody
        // else away while the slice is alive, the guest included.
        Some(unsafe { std::slice::from_raw_parts_mut(start, length) })
    }

    fn protect(&mut self, range: Range<u64>, to: Protection) -> Result<(), i32> {
        let is_inside = range.start < range.end && range.end <= SPACE;
        let is_whole =
            range.start.is_multiple_of(HARDWARE_PAGE) && range.end.is_multiple_of(HARDWARE_PAGE);
        if !is_inside || !is_whole {
            return Err(nix::libc::EINVAL);
        }
        let flags = match to {
            Protection::None => ProtFlags::PROT_NONE,
            Protection::Read => ProtFlags::PROT_READ,
            Protection::ReadWrite => ProtFlags::PROT_READ | ProtFlags::PROT_WRITE,
            Protection::ReadExecute => ProtFlags::PROT_READ | ProtFlags::PROT_EXEC,
        };
        let start = pointer(BASE + range.start);
        // SAFETY: the range is within the mapping that `self` owns, and no slice into it is alive.
        unsafe { mprotect(start, (range.end - range.start) as usize, flags) }
            .map_err(|error| error as i32)?;
        self.regions.set(range, to);
        Ok(())
    }
}

/// A mapping at a fixed place that was free.
#[derive(Debug)]
struct Mapping(Range<u64>);

impl Mapping {
    fn reserve(range: &Range<u64>) -> Result<Self, Error> {
        let flags = MapFlags::MAP_PRIVATE
            | MapFlags::MAP_NORESERVE
            | MapFlags::MAP_FIXED_NOREPLACE
            | MapFlags::MAP_ANONYMOUS;
        let length = NonZeroUsize::new((range.end - range.start) as usize);
        let place = NonZeroUsize::new(range.start as usize);
        let length = length.unwrap_or(NonZeroUsize::MIN);
        // SAFETY: the kernel maps this only where nothing is mapped.
        let mapped = unsafe { mmap_anonymous(place, length, ProtFlags::PROT_NONE, flags) };
        let mapped = mapped.map_err(|error| host("reserving address space", error))?;
        let mapping = Self(range.clone());
        if mapped.as_ptr() as u64 == range.start {
            return Ok(mapping);
        }
        // A kernel that does not know the flag maps elsewhere.
        // SAFETY: this was mapped right above and nobody knows of it.
        let _ = unsafe { munmap(mapped, length.get()) };
        std::mem::forget(mapping);
        Err(host("reserving address space", nix::Error::EEXIST))
    }

    /// Fills it with code, and lets nobody write it again.
    fn write(&self, code: &[u8]) -> Result<(), Error> {
        let length = (self.0.end - self.0.start) as usize;
        let start = pointer(self.0.start);
        let writable = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        let executable = ProtFlags::PROT_READ | ProtFlags::PROT_EXEC;
        // SAFETY: the mapping is this one's, nobody has a reference into it, and no more than its
        // length is written while it is writable.
        let done = unsafe {
            mprotect(start, length, writable).and_then(|()| {
                std::ptr::write_bytes(start.as_ptr().cast::<u8>(), HALT, length);
                let count = code.len().min(length);
                std::ptr::copy_nonoverlapping(code.as_ptr(), start.as_ptr().cast(), count);
                mprotect(start, length, executable)
            })
        };
        done.map_err(|error| host("protecting memory", error))
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        let length = (self.0.end - self.0.start) as usize;
        // SAFETY: the mapping is this one's, and slices into it borrow the space that owns it.
        let _ = unsafe { munmap(pointer(self.0.start), length) };
    }
}

fn pointer(address: u64) -> NonNull<c_void> {
    NonNull::new(address as *mut c_void).unwrap_or(NonNull::dangling())
}

fn host(what: &'static str, error: nix::Error) -> Error {
    Error::Host {
        code: nix::libc::ENOMEM,
        what,
        why: error.desc().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zerovm_session::layout::STACK;

    #[test]
    fn a_space_is_reserved_once_used_and_given_back() {
        let mut space = Space::reserve().expect("address space");
        let again = Space::reserve().expect_err("it is taken");
        assert_eq!(again.code(), nix::libc::ENOMEM);

        assert_eq!(
            space.readable(0x10000..0x1000C).expect("trampolines"),
            [0x48, 0xB8, 0, 0, 0x11, 0xCA, 0xFE, 0x5A, 0, 0, 0xFF, 0xD0]
        );
        assert!(space.writable(0x10000..0x10001).is_none());
        assert!(space.readable(0..1).is_none());
        assert!(space.readable(0x1FFFF..0x20001).is_none());
        assert!(space.protect(0..0, Protection::Read).is_err());
        assert!(space.protect(0x20000..0x20001, Protection::Read).is_err());
        assert!(
            space
                .protect(SPACE - 0x1000..SPACE + 0x1000, Protection::Read)
                .is_err()
        );

        space.open(STACK..SPACE).expect("stack");
        let stack = space.writable(STACK..SPACE).expect("writable");
        assert!(stack.iter().step_by(4096).all(|byte| *byte == 0));
        stack[0] = 7;
        space.close(STACK..SPACE, Protection::Read).expect("stack");
        assert_eq!(space.readable(STACK..STACK + 1).expect("readable"), [7]);

        drop(space);
        let space = Space::reserve().expect("it was given back");
        assert!(space.readable(STACK..STACK + 1).is_none());
    }
}
