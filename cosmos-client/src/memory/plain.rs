//! The program's memory during a call of plain bytes, of which nothing is kept.

use super::{others_write, program, terminated_length};
use crate::arena::Arena;
use crate::staging::Staging;
use callframe::marshal::{CallerBytes, MemoryError, Seen};

/// The bytes of the program's memory.
pub(crate) struct Program<'call> {
    /// The memory that the VM sees as well, and the channel's room there; none where it does not matter.
    shared: Option<(&'call Arena, &'call mut Staging)>,
}

impl<'call> Program<'call> {
    /// The memory for a call on the channel with this `arena` and `staging`.
    ///
    /// # Safety
    /// As [`CallMemory::new`](super::CallMemory::new).
    #[inline]
    pub(crate) unsafe fn of(arena: &'call Arena, staging: &'call mut Staging) -> Program<'call> {
        Program {
            shared: Some((arena, staging)),
        }
    }

    /// The same for who copies arguments and results, and nothing that they lead to.
    ///
    /// # Safety
    /// As [`CallMemory::new`](super::CallMemory::new).
    pub(crate) unsafe fn alone() -> Program<'call> {
        Program { shared: None }
    }
}

impl CallerBytes for Program<'_> {
    #[inline]
    fn read(&self, address: u64, into: &mut [u8]) -> Result<(), MemoryError> {
        program::read(address, into)
    }

    #[inline]
    fn write(&mut self, address: u64, bytes: &[u8]) -> Result<(), MemoryError> {
        program::write(address, bytes)
    }

    fn terminated_length(
        &self,
        address: u64,
        unit: usize,
        terminator: u64,
        limit: u64,
    ) -> Result<u64, MemoryError> {
        terminated_length(address, unit, terminator, limit)
    }

    #[inline]
    fn others_write(&self, address: u64) -> bool {
        others_write(address)
    }

    #[inline]
    fn seen(&self, address: u64) -> Result<Option<Seen>, MemoryError> {
        match &self.shared {
            Some((arena, _)) => arena.seen(address),
            None => Ok(None),
        }
    }

    fn stage(
        &mut self,
        address: u64,
        length: u64,
        enters: bool,
    ) -> Result<Option<u64>, MemoryError> {
        match &mut self.shared {
            Some((arena, staging)) => staging.stage(arena, address, length, enters),
            None => Ok(None),
        }
    }

    fn fetch(&mut self, place: u64, address: u64, length: u64) -> Result<(), MemoryError> {
        match &self.shared {
            Some((_, staging)) => staging.fetch(place, address, length),
            None => Err(MemoryError::Address(address)),
        }
    }
}
