//! The mapping of a segment. All unsafe code that follows a pointer into one is here.
//!
//! The peer may write any byte of it at any time, so there is no reference into it: bytes are copied
//! by an instruction of which the compiler assumes nothing but that it touches memory.

use crate::mapped::{Mapped, copy};
use crate::sealed::{self, failed, refused};
use crate::{Fault, FaultCode};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Most bytes of a segment.
pub const LARGEST: usize = 64 << 30;

/// What the size of a segment is a multiple of.
const PAGE: usize = 4096;

/// Where segments go: a part of the address space that neither programs, nor libraries, nor stacks,
/// nor the shadows of sanitizers are put into by Linux on 64-bit machines. A place in it is drawn, so
/// that it is hardly ever taken in the other process.
const ROOM: (u64, u64) = (0x2000_0000_0000, 0x4000_0000_0000);
/// How often another place is drawn before the kernel may choose.
const DRAWS: u32 = 8;

/// A mapped segment.
#[derive(Debug)]
pub struct Memory(Mapped);

impl Memory {
    /// Makes a segment of at least `length` bytes, zeroed: where it is here, and what to send. Pages
    /// that nobody ever touched take no memory.
    ///
    /// # Errors
    /// `BadArgument` for a size beyond [`LARGEST`]; `LimitReached` or `System` where the machine has
    /// no such memory.
    pub fn make(length: usize) -> Result<(Memory, OwnedFd), Fault> {
        let rounded = length.max(1).checked_next_multiple_of(PAGE);
        let Some(length) = rounded.filter(|length| *length <= LARGEST) else {
            let message = format!("{length} bytes of shared memory: at most {LARGEST} can be had");
            return Err(Fault::caller(FaultCode::BadArgument, message));
        };
        let file =
            sealed::memory(c"cosmos arena", length).map_err(|error| failed("making", error))?;
        for _ in 0..DRAWS {
            if let Some(memory) = Memory::map_at(file.as_fd(), length, draw(length)) {
                return Ok((memory, file));
            }
        }
        let memory = Memory::map(file.as_fd(), length)?;
        Ok((memory, file))
    }

    /// Maps a segment that a client sent, at `wanted` where that is free.
    ///
    /// # Errors
    /// `Protocol` for memory that could change its size, or of a size no segment has; `LimitReached`
    /// or `System` where it cannot be mapped.
    pub fn received(file: &OwnedFd, wanted: u64) -> Result<Memory, Fault> {
        let length = sealed::length(file.as_fd())?;
        if length == 0 || length > LARGEST || !length.is_multiple_of(PAGE) {
            return Err(refused("has a size no segment has"));
        }
        match Memory::map_at(file.as_fd(), length, wanted) {
            Some(memory) => Ok(memory),
            None => Memory::map(file.as_fd(), length),
        }
    }

    /// Where it begins in this process.
    pub fn address(&self) -> u64 {
        self.0.start().as_ptr().expose_provenance() as u64
    }

    /// Bytes it has.
    pub fn length(&self) -> usize {
        self.0.length()
    }

    /// The address of `length` bytes at `offset`; `None` where they are not all in it.
    pub fn at(&self, offset: u64, length: u64) -> Option<u64> {
        let end = offset.checked_add(length)?;
        (end <= self.length() as u64).then(|| self.address() + offset)
    }

    /// Copies `length` bytes from `from` to `offset`; `false`, without doing so, where they do not all
    /// fit, or in a forked child.
    ///
    /// # Safety
    /// So many bytes are readable at `from`.
    pub unsafe fn copy_in(&self, offset: u64, from: *const u8, length: usize) -> bool {
        let Some(to) = self.range(offset, length) else {
            return false;
        };
        // SAFETY: the caller's promise; the range is in the mapping, to which there are no references. What
        // is read may be in it too.
        unsafe { copy(from, to, length) };
        true
    }

    /// Copies `length` bytes at `offset` to `to`; `false`, without doing so, where they are not all
    /// there, or in a forked child.
    ///
    /// # Safety
    /// So many bytes are writable at `to`, and nobody else's.
    pub unsafe fn copy_out(&self, offset: u64, to: *mut u8, length: usize) -> bool {
        let Some(from) = self.range(offset, length) else {
            return false;
        };
        // SAFETY: as above.
        unsafe { copy(from, to, length) };
        true
    }

    /// Zeroes `length` bytes at `offset`; `false`, without doing so, where they are not all there.
    pub fn clear(&self, offset: u64, length: usize) -> bool {
        let Some(to) = self.range(offset, length) else {
            return false;
        };
        // SAFETY: the range is in the mapping.
        unsafe { zero(to, length) };
        true
    }

    fn range(&self, offset: u64, length: usize) -> Option<*mut u8> {
        let range = self.0.range(usize::try_from(offset).ok()?, length)?;
        self.0.is_ours().then_some(range.as_ptr())
    }

    fn map_at(file: BorrowedFd<'_>, length: usize, address: u64) -> Option<Memory> {
        let wanted = usize::try_from(address).ok()?;
        if wanted < PAGE || !wanted.is_multiple_of(PAGE) {
            return None;
        }
        Mapped::at(file, length, wanted).ok().map(Memory)
    }

    fn map(file: BorrowedFd<'_>, length: usize) -> Result<Memory, Fault> {
        let mapped = Mapped::anywhere(file, length).map_err(|error| failed("mapping", error))?;
        Ok(Memory(mapped))
    }
}

/// An address in the room for segments.
fn draw(length: usize) -> u64 {
    let mut bytes = [0u8; 8];
    // SAFETY: the kernel writes at most as many bytes as there are. Where it writes none, the place is
    // likelier to be taken, and then the kernel chooses.
    unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), libc::GRND_NONBLOCK) };
    let pages = (ROOM.1 - ROOM.0 - length as u64) / PAGE as u64;
    ROOM.0 + u64::from_le_bytes(bytes) % pages * PAGE as u64
}

/// Zeroes bytes that the peer may see.
///
/// # Safety
/// `length` bytes at `to` are writable.
#[cfg(target_arch = "x86_64")]
unsafe fn zero(to: *mut u8, length: usize) {
    // SAFETY: the caller's promise; the direction flag is clear, as the ABI says.
    unsafe {
        std::arch::asm!(
            "rep stosb",
            inout("rcx") length => _,
            inout("rdi") to => _,
            in("al") 0u8,
            options(nostack, preserves_flags)
        );
    }
}

/// As above, byte by byte.
///
/// # Safety
/// As above.
#[cfg(not(target_arch = "x86_64"))]
unsafe fn zero(to: *mut u8, length: usize) {
    for index in 0..length {
        // SAFETY: inside of the range.
        unsafe { to.add(index).write_volatile(0) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::fcntl::{FcntlArg, SealFlag, fcntl};
    use nix::sys::memfd::{MFdFlags, memfd_create};
    use nix::unistd::ftruncate;

    fn put(memory: &Memory, offset: u64, bytes: &[u8]) -> bool {
        // SAFETY: the bytes are there.
        unsafe { memory.copy_in(offset, bytes.as_ptr(), bytes.len()) }
    }

    fn take(memory: &Memory, offset: u64, length: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; length];
        // SAFETY: the vector has so many bytes.
        let there = unsafe { memory.copy_out(offset, bytes.as_mut_ptr(), length) };
        there.then_some(bytes)
    }

    #[test]
    fn both_ends_see_the_same_bytes() {
        let (ours, file) = Memory::make(10_000).unwrap();
        assert_eq!(ours.length(), 12_288);
        let theirs = Memory::received(&file, ours.address()).unwrap();
        // Here both are one process, and the address is taken.
        assert_ne!(ours.address(), theirs.address());
        assert!(put(&ours, 5, b"seen"));
        assert_eq!(take(&theirs, 5, 4).unwrap(), b"seen");
        assert!(theirs.clear(6, 2));
        assert_eq!(take(&ours, 5, 4).unwrap(), b"s\0\0n");
        let address = theirs.address();
        drop(theirs);
        let again = Memory::received(&file, address).unwrap();
        assert_eq!(again.address(), address);
    }

    #[test]
    fn what_is_not_in_a_segment_is_not_touched() {
        let (memory, _file) = Memory::make(4096).unwrap();
        for (offset, length) in [(4096, 1), (4095, 2), (u64::MAX, 1), (1 << 40, 8)] {
            assert_eq!(memory.at(offset, length), None);
            assert!(!put(&memory, offset, &vec![1; length as usize]));
            assert_eq!(take(&memory, offset, length as usize), None);
            assert!(!memory.clear(offset, length as usize));
        }
        assert_eq!(memory.at(4096, 0), Some(memory.address() + 4096));
        assert_eq!(
            Memory::make(LARGEST + 1).unwrap_err().code,
            FaultCode::BadArgument
        );
    }

    #[test]
    fn memory_that_could_change_its_size_is_refused() {
        let seals = sealed::SEALS;
        let sealable = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
        for (length, seals) in [
            (4096, SealFlag::empty()),
            (4096, SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_SEAL),
            (4096, seals | SealFlag::F_SEAL_WRITE),
            (0, seals),
            (4097, seals),
            (LARGEST as i64 + 4096, seals),
        ] {
            let file = memfd_create(c"test", sealable).unwrap();
            ftruncate(&file, length).unwrap();
            fcntl(&file, FcntlArg::F_ADD_SEALS(seals)).unwrap();
            let fault = Memory::received(&file, 0).unwrap_err();
            assert_eq!(fault.code, FaultCode::Protocol, "{length} {seals:?}");
        }
        let file = OwnedFd::from(std::fs::File::open("/").unwrap());
        assert!(Memory::received(&file, 0).is_err());
    }

    #[test]
    fn addresses_that_cannot_be_are_only_wishes() {
        let (_memory, file) = Memory::make(4096).unwrap();
        for wanted in [0, 1, 4095, 1 << 47, u64::MAX, u64::MAX - 4095] {
            let memory = Memory::received(&file, wanted).unwrap();
            assert_ne!(memory.address(), wanted);
        }
    }

    #[test]
    fn a_forked_child_does_not_have_it() {
        let (memory, _file) = Memory::make(4096).unwrap();
        // SAFETY: the child only asks, and ends by _exit.
        let child = unsafe { libc::fork() };
        if child == 0 {
            let fine = !put(&memory, 0, b"x") && take(&memory, 0, 1).is_none();
            // SAFETY: ends the child without running anything of the test harness.
            unsafe { libc::_exit(i32::from(!fine)) }
        }
        let mut status = 0;
        // SAFETY: waits for the child made above; `status` is ours.
        assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
        assert_eq!(status, 0);
        assert!(put(&memory, 0, b"x"));
    }
}
