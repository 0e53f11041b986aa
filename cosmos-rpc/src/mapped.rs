//! Shared memory in this process's address space: from when it is mapped until the [`Mapped`] is dropped,
//! and never in a forked child.
//!
//! The peer may write any byte of it at any time, so nobody makes a reference into it, except to an
//! atomic. What is larger is copied, by reads and writes of which the compiler assumes nothing.

use crate::generation::Current;
use nix::errno::Errno;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr::NonNull;

/// A mapping of a memfd that cannot shrink.
#[derive(Debug)]
pub(crate) struct Mapped {
    start: NonNull<u8>,
    length: usize,
    generation: Current,
}

// SAFETY: a mapping belongs to no thread, and it gives away no reference into itself.
unsafe impl Send for Mapped {}
// SAFETY: as above.
unsafe impl Sync for Mapped {}

impl Mapped {
    /// Maps `length` bytes where the kernel likes.
    pub fn anywhere(memory: BorrowedFd<'_>, length: usize) -> nix::Result<Mapped> {
        Mapped::new(memory, length, 0, 0)
    }

    /// Maps `length` bytes at an address where nothing is yet.
    pub fn at(memory: BorrowedFd<'_>, length: usize, address: usize) -> nix::Result<Mapped> {
        let mapped = Mapped::new(memory, length, address, libc::MAP_FIXED_NOREPLACE)?;
        // Before Linux 4.17 the flag is not known, and the address a wish.
        let is_there = mapped.start.as_ptr().addr() == address;
        is_there.then_some(mapped).ok_or(Errno::EEXIST)
    }

    /// `how` must not let it replace what is mapped already.
    fn new(memory: BorrowedFd<'_>, length: usize, address: usize, how: i32) -> nix::Result<Mapped> {
        // SAFETY: a fresh mapping that replaces none, whatever the address.
        let start = unsafe {
            libc::mmap(
                std::ptr::without_provenance_mut(address),
                length,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED | libc::MAP_NORESERVE | how,
                memory.as_raw_fd(),
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(Errno::last());
        }
        let mapped = Mapped {
            start: NonNull::new(start.cast()).ok_or(Errno::ENOMEM)?,
            length,
            generation: Current::new(),
        };
        // SAFETY: the range is the mapping made above, of which nobody else knows.
        Errno::result(unsafe { libc::madvise(start, length, libc::MADV_DONTFORK) })?;
        Ok(mapped)
    }

    /// Whether this process made it; a forked child must not touch it.
    #[inline]
    pub fn is_ours(&self) -> bool {
        self.generation.is_here()
    }

    /// Where it begins.
    #[inline]
    pub fn start(&self) -> NonNull<u8> {
        self.start
    }

    /// Bytes it has.
    #[inline]
    pub fn length(&self) -> usize {
        self.length
    }

    /// Where `length` bytes from `at` on are; `None` where they are not all in it.
    #[inline]
    pub fn range(&self, at: usize, length: usize) -> Option<NonNull<u8>> {
        let end = at.checked_add(length)?;
        // SAFETY: `at` is inside of the mapping, or at its end.
        (end <= self.length).then(|| unsafe { self.start.add(at) })
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        // In a child something else may be at that address by now.
        if self.is_ours() {
            // SAFETY: the range is this mapping, and nobody uses it any more.
            unsafe { libc::munmap(self.start.as_ptr().cast(), self.length) };
        }
    }
}

/// Copies bytes, of which either end may be shared, the first ones first: where both ends overlap, the
/// later ones may have been written over before they are read.
///
/// # Safety
/// `length` bytes at `from` are readable and as many at `to` writable, by this copy.
#[cfg(target_arch = "x86_64")]
pub(crate) unsafe fn copy(from: *const u8, to: *mut u8, length: usize) {
    // An instruction of the processor's, of which the compiler assumes nothing but that it touches
    // memory: that another process writes meanwhile is then the hardware's affair alone.
    // SAFETY: the caller's promise; the direction flag is clear, as the ABI says.
    unsafe {
        std::arch::asm!(
            "rep movsb",
            inout("rcx") length => _,
            inout("rdi") to => _,
            inout("rsi") from => _,
            options(nostack, preserves_flags)
        );
    }
}

/// As above, byte by byte.
///
/// # Safety
/// As above.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) unsafe fn copy(from: *const u8, to: *mut u8, length: usize) {
    for index in 0..length {
        // SAFETY: inside of both ranges.
        unsafe {
            to.add(index)
                .write_volatile(from.add(index).read_volatile())
        };
    }
}
