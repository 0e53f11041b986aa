//! A buffer of the arena with an owner.

use crate::error::Error;
use crate::memory::program;
use crate::session::Session;
use cosmos_rpc::arena::Memory;
use cosmos_rpc::{Fault, FaultCode};
use std::sync::Arc;

/// Memory that this program and a VM both see: made by [`Library::alloc`](crate::Library::alloc) or
/// [`Vm::alloc`](crate::Vm::alloc), freed when dropped.
///
/// [`Buffer::as_ptr`] passed to a function in that VM is not copied; passed to any other, it is
/// ordinary memory. The VM may write it at any time, so there is no slice of it: [`Buffer::read`] and
/// [`Buffer::write`] copy. It stays readable when the VM is gone. In a forked child it is not there:
/// reading and writing are refused.
#[derive(Debug)]
pub struct Buffer {
    memory: Arc<Memory>,
    offset: u64,
    length: usize,
}

impl Buffer {
    /// The owner of what was allocated at this address.
    pub(crate) fn adopt(address: u64, length: usize) -> Result<Buffer, Error> {
        let found = Session::current().arenas().memory(address);
        let (memory, offset) = found.ok_or_else(|| {
            Fault::host(FaultCode::System, "memory that was just allocated is gone")
        })?;
        Ok(Buffer {
            memory,
            offset,
            length,
        })
    }

    /// Bytes it has.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Where it is, for a call.
    pub fn as_ptr(&self) -> *const u8 {
        self.as_mut_ptr().cast_const()
    }

    /// Where it is, for a call that writes there.
    pub fn as_mut_ptr(&self) -> *mut u8 {
        std::ptr::with_exposed_provenance_mut(self.address() as usize)
    }

    /// Copies from it, from `at` bytes on.
    ///
    /// # Errors
    /// When it does not have so many bytes, or in a forked child.
    pub fn read(&self, at: usize, into: &mut [u8]) -> Result<(), Error> {
        let place = self.place(at, into.len())?;
        program::from_shared(&self.memory, place, into).ok_or_else(forked)
    }

    /// Copies to it, from `at` bytes on.
    ///
    /// # Errors
    /// As [`Buffer::read`].
    pub fn write(&mut self, at: usize, bytes: &[u8]) -> Result<(), Error> {
        let place = self.place(at, bytes.len())?;
        program::to_shared(&self.memory, place, bytes).ok_or_else(forked)
    }

    /// A copy of all of it.
    ///
    /// # Errors
    /// In a forked child.
    pub fn to_vec(&self) -> Result<Vec<u8>, Error> {
        let mut bytes = vec![0; self.length];
        self.read(0, &mut bytes)?;
        Ok(bytes)
    }

    fn address(&self) -> u64 {
        self.memory.address() + self.offset
    }

    fn place(&self, at: usize, length: usize) -> Result<u64, Error> {
        let end = at.checked_add(length);
        if end.is_some_and(|end| end <= self.length) {
            return Ok(self.offset + at as u64);
        }
        Err(Fault::caller(
            FaultCode::BadArgument,
            format!(
                "{length} bytes at {at} of a buffer that has {}",
                self.length
            ),
        )
        .into())
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // In a child it is not known, and not there.
        let _ = Session::current().arenas().free(self.address());
    }
}

fn forked() -> Error {
    Fault::caller(
        FaultCode::Forked,
        "the buffer belongs to the process this one was forked from",
    )
    .into()
}
