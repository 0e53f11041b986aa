//! Reading and writing the program's memory at an address that the program gave.

use callframe::marshal::MemoryError;
use cosmos_rpc::arena::Memory;
use std::os::fd::{FromRawFd, OwnedFd};
use std::ptr::NonNull;

/// Lowest address that can lead anywhere.
const FIRST_PAGE: u64 = 4096;
/// Bits of a user address, with five levels of page tables.
const ADDRESS_BITS: u32 = 56;

/// Copies from an address that the program gave for so many bytes.
pub(crate) fn read(address: u64, into: &mut [u8]) -> Result<(), MemoryError> {
    if into.is_empty() {
        return Ok(());
    }
    let from = pointer(address)?;
    // SAFETY: the program's promise that the bytes are there and nobody writes them; `into` is
    // memory of this library, so the two do not overlap.
    unsafe { std::ptr::copy_nonoverlapping(from.as_ptr(), into.as_mut_ptr(), into.len()) };
    Ok(())
}

/// Copies to an address that the program gave for so many bytes to be written.
pub(crate) fn write(address: u64, bytes: &[u8]) -> Result<(), MemoryError> {
    if bytes.is_empty() {
        return Ok(());
    }
    let to = pointer(address)?;
    // SAFETY: the program's promise that the memory is there, writable and this call's alone;
    // `bytes` is memory of this library, so the two do not overlap.
    unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), to.as_ptr(), bytes.len()) };
    Ok(())
}

/// Copies `length` bytes from an address that the program gave to shared memory.
pub(crate) fn stage(
    memory: &Memory,
    offset: u64,
    address: u64,
    length: u64,
) -> Result<(), MemoryError> {
    let from = pointer(address)?;
    let length = usize::try_from(length).map_err(|_| MemoryError::Address(address))?;
    // SAFETY: the program's promise that the bytes are there.
    match unsafe { memory.copy_in(offset, from.as_ptr(), length) } {
        true => Ok(()),
        false => Err(MemoryError::Address(address)),
    }
}

/// Copies `length` bytes of shared memory to an address that the program gave for them.
pub(crate) fn fetch(
    memory: &Memory,
    offset: u64,
    address: u64,
    length: u64,
) -> Result<(), MemoryError> {
    let to = pointer(address)?;
    let length = usize::try_from(length).map_err(|_| MemoryError::Address(address))?;
    // SAFETY: the program's promise that the memory is there, writable and this call's alone.
    match unsafe { memory.copy_out(offset, to.as_ptr(), length) } {
        true => Ok(()),
        false => Err(MemoryError::Address(address)),
    }
}

/// Copies bytes to shared memory; `None` where it is not there.
pub(crate) fn to_shared(memory: &Memory, offset: u64, bytes: &[u8]) -> Option<()> {
    // SAFETY: the bytes are there.
    unsafe { memory.copy_in(offset, bytes.as_ptr(), bytes.len()) }.then_some(())
}

/// Copies bytes of shared memory; `None` where it is not there.
pub(crate) fn from_shared(memory: &Memory, offset: u64, into: &mut [u8]) -> Option<()> {
    // SAFETY: there is room for so many bytes, which is this function's alone.
    unsafe { memory.copy_out(offset, into.as_mut_ptr(), into.len()) }.then_some(())
}

/// Number of elements of `unit` bytes up to and including the first that equals `terminator`.
pub(crate) fn terminated_length(
    address: u64,
    unit: usize,
    terminator: u64,
    limit: u64,
) -> Result<u64, MemoryError> {
    let from = pointer(address)?;
    let bound = usize::try_from(limit).unwrap_or(usize::MAX);
    if unit == 1 && terminator == 0 {
        // SAFETY: the program's promise that there is a terminator; strnlen reads no further.
        let length = unsafe { libc::strnlen(from.as_ptr().cast(), bound) };
        if length == bound {
            return Err(MemoryError::Unterminated(limit));
        }
        return Ok(length as u64 + 1);
    }
    // The terminator may be negative: only as many of its bits count as an element has.
    let wanted = match unit {
        1 | 2 | 4 => terminator & ((1 << (8 * unit)) - 1),
        8 => terminator,
        _ => {
            let reason = format!("no terminated array has elements of {unit} bytes");
            return Err(MemoryError::Other(reason));
        }
    };
    for index in 0..bound {
        // SAFETY: the program's promise that every element up to the terminator is there, and the
        // loop ends with it.
        let element = unsafe { element(from.as_ptr().add(index * unit), unit) };
        if element == Some(wanted) {
            return Ok(index as u64 + 1);
        }
    }
    Err(MemoryError::Unterminated(limit))
}

/// Frees memory that a function of the program's gave away.
pub(crate) fn free(address: u64) -> Result<(), MemoryError> {
    let memory = pointer(address)?;
    // SAFETY: the function said by its prototype that the pointer it returned is to be freed.
    unsafe { libc::free(memory.as_ptr().cast()) };
    Ok(())
}

/// A copy of a descriptor of the program's.
pub(crate) fn duplicate(fd: i32) -> Result<OwnedFd, MemoryError> {
    // SAFETY: takes no pointer; a number that is not open gives EBADF.
    let copy = unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 0) };
    if copy < 0 {
        let error = std::io::Error::last_os_error();
        return Err(MemoryError::Other(format!("descriptor {fd}: {error}")));
    }
    // SAFETY: the kernel has just made it.
    Ok(unsafe { OwnedFd::from_raw_fd(copy) })
}

/// Whether a pointer of this value can lead anywhere.
pub(crate) fn may_lead_somewhere(address: u64) -> bool {
    pointer(address).is_ok()
}

/// The address as a pointer, unless it is one that cannot lead anywhere: NULL and its page, and
/// the tokens of handles.
pub(super) fn pointer(address: u64) -> Result<NonNull<u8>, MemoryError> {
    if address < FIRST_PAGE || address >> ADDRESS_BITS != 0 {
        return Err(MemoryError::Address(address));
    }
    usize::try_from(address)
        .ok()
        .and_then(|address| NonNull::new(std::ptr::with_exposed_provenance_mut(address)))
        .ok_or(MemoryError::Address(address))
}

/// # Safety
/// `unit` bytes at `at` are readable.
unsafe fn element(at: *const u8, unit: usize) -> Option<u64> {
    // SAFETY: by the caller's promise; no alignment is assumed.
    unsafe {
        Some(match unit {
            1 => u64::from(at.read()),
            2 => u64::from(at.cast::<u16>().read_unaligned()),
            4 => u64::from(at.cast::<u32>().read_unaligned()),
            8 => at.cast::<u64>().read_unaligned(),
            _ => return None,
        })
    }
}
