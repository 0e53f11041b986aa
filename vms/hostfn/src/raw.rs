//! Memory by address: what functions of a library left behind.
//!
//! The interface is safe in the sense of the VM: an address that a foreign function gave and that
//! leads nowhere ends this process as it would have ended the program that called the function.
//! That is the contract of [`callframe::marshal::CalleeMemory`], and no other code in this process
//! calls these.

use callframe::marshal::MemoryError;

/// Copies from `address`.
#[inline]
pub(crate) fn read(address: u64, into: &mut [u8]) -> Result<(), MemoryError> {
    let source = pointer(address, into.len() as u64)?;
    // SAFETY: the function said by its result and its prototype that so many bytes are there. They
    // do not overlap `into`, which was allocated after the function returned.
    unsafe { source.copy_to_nonoverlapping(into.as_mut_ptr(), into.len()) };
    Ok(())
}

/// Copies to `address`: memory of `allocate`, or where a function that calls back said that so much
/// may be written.
#[inline]
pub(crate) fn write(address: u64, bytes: &[u8]) -> Result<(), MemoryError> {
    let place = pointer(address, bytes.len() as u64)?.cast_mut();
    // SAFETY: the function said by its prototype that so many bytes are there for its callback to
    // write, and waits for that, or they came from `allocate`; `bytes` is memory of this call alone.
    unsafe { place.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
    Ok(())
}

/// A copy that the library may free with `free`.
pub(crate) fn allocate(bytes: &[u8]) -> Result<u64, MemoryError> {
    // SAFETY: asks for memory.
    let place = unsafe { libc::malloc(bytes.len().max(1)) };
    if place.is_null() {
        return Err(MemoryError::Exhausted);
    }
    let address = place.expose_provenance() as u64;
    write(address, bytes)?;
    Ok(address)
}

/// Frees memory of `allocate`.
pub(crate) fn deallocate(address: u64) {
    let Ok(start) = pointer(address, 0) else {
        return;
    };
    // SAFETY: the address came from `allocate`, and no function has freed it: both are the contract
    // of the VM's `deallocate`.
    unsafe { libc::free(start.cast_mut().cast()) };
}

/// Number of elements of `unit` bytes up to and including the first that equals `terminator`.
pub(crate) fn terminated_length(
    address: u64,
    unit: usize,
    terminator: u64,
    limit: u64,
) -> Result<u64, MemoryError> {
    match unit {
        1 => count::<1>(address, terminator, limit),
        2 => count::<2>(address, terminator, limit),
        4 => count::<4>(address, terminator, limit),
        8 => count::<8>(address, terminator, limit),
        _ => Err(MemoryError::Other(format!(
            "no array has elements of {unit} bytes"
        ))),
    }
}

fn count<const UNIT: usize>(address: u64, terminator: u64, limit: u64) -> Result<u64, MemoryError> {
    let Some(Ok(wanted)) = terminator
        .to_le_bytes()
        .get(..UNIT)
        .map(<[u8; UNIT]>::try_from)
    else {
        return Err(MemoryError::Unterminated(limit));
    };
    for index in 0..limit {
        let at = index
            .checked_mul(UNIT as u64)
            .and_then(|offset| address.checked_add(offset));
        let element = pointer(at.ok_or(MemoryError::Address(address))?, UNIT as u64)?;
        // SAFETY: the function said that a terminated array begins at `address`, and no element
        // before this one was its terminator.
        let value = unsafe { element.cast::<[u8; UNIT]>().read() };
        if value == wanted {
            return Ok(index + 1);
        }
    }
    Err(MemoryError::Unterminated(limit))
}

#[inline]
fn pointer(address: u64, length: u64) -> Result<*const u8, MemoryError> {
    if address == 0 || address.checked_add(length).is_none() {
        return Err(MemoryError::Address(address));
    }
    let address = usize::try_from(address).map_err(|_| MemoryError::Address(address))?;
    Ok(std::ptr::with_exposed_provenance(address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address<T>(data: &[T]) -> u64 {
        data.as_ptr().expose_provenance() as u64
    }

    #[test]
    fn bytes_are_copied() {
        let data = b"abcdef";
        let mut copy = [0; 4];
        read(address(data) + 1, &mut copy).unwrap();
        assert_eq!(&copy, b"bcde");
    }

    #[test]
    fn lengths_count_the_terminator_in_elements() {
        assert_eq!(terminated_length(address(b"abc\0def\0"), 1, 0, 100), Ok(4));
        assert_eq!(
            terminated_length(address(&[1u16, 256, 0]), 2, 0, 100),
            Ok(3)
        );
        assert_eq!(
            terminated_length(address(&[1u32, 2, u32::MAX]), 4, u64::MAX, 100),
            Ok(3)
        );
        assert_eq!(
            terminated_length(address(&[1u64 << 40, 0]), 8, 0, 100),
            Ok(2)
        );
        let unaligned = [9u8, 1, 0, 0, 0];
        assert_eq!(terminated_length(address(&unaligned) + 1, 2, 0, 100), Ok(2));
    }

    #[test]
    fn the_limit_is_kept() {
        let data = [1u8; 8];
        assert_eq!(
            terminated_length(address(&data), 1, 0, 8),
            Err(MemoryError::Unterminated(8))
        );
    }

    #[test]
    fn addresses_that_cannot_be_are_refused() {
        assert_eq!(read(0, &mut [0]), Err(MemoryError::Address(0)));
        assert!(read(u64::MAX, &mut [0; 2]).is_err());
        assert!(terminated_length(0, 1, 0, 1).is_err());
        assert!(terminated_length(8, 3, 0, 1).is_err());
    }
}
