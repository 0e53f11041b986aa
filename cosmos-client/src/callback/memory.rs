//! What marshalling reaches during a call back besides the call's own bytes: the program's memory,
//! its handles and descriptors.

use crate::link::Link;
use crate::memory::program;
use crate::token;
use callframe::marshal::{CalleeMemory, MemoryError, Object};
use std::os::fd::{AsRawFd, OwnedFd};

/// The memory of one call back.
pub(super) struct CallbackMemory<'call> {
    link: &'call Link,
    /// What came with the request; closed when it is answered.
    received: Vec<OwnedFd>,
    /// What goes with the answer; closed when that was sent.
    pub leaving: Vec<OwnedFd>,
    /// Whether what the function returned was made by this library, which frees it itself.
    pub made_here: bool,
}

impl<'call> CallbackMemory<'call> {
    /// For a call back from the VM of this link.
    pub fn new(link: &'call Link, received: Vec<OwnedFd>) -> CallbackMemory<'call> {
        CallbackMemory {
            link,
            received,
            leaving: Vec::new(),
            made_here: false,
        }
    }
}

impl CalleeMemory for CallbackMemory<'_> {
    fn read(&self, address: u64, into: &mut [u8]) -> Result<(), MemoryError> {
        program::read(address, into)
    }

    fn terminated_length(
        &self,
        address: u64,
        unit: usize,
        terminator: u64,
        limit: u64,
    ) -> Result<u64, MemoryError> {
        program::terminated_length(address, unit, terminator, limit)
    }

    fn handle_enter(&mut self, token: u64, _object: Object<'_>) -> Result<u64, MemoryError> {
        match token::take_apart(token) {
            Some((number, wire)) if number == self.link.number() => Ok(wire),
            _ => Err(MemoryError::StaleHandle),
        }
    }

    fn handle_resolve(&self, wire: u64, _record: Option<&str>) -> Result<u64, MemoryError> {
        self.link
            .number()
            .token(wire)
            .ok_or(MemoryError::StaleHandle)
    }

    fn handle_closes(&self, _wire: u64, _function: &str) -> bool {
        false
    }

    fn handle_consume(&mut self, _wire: u64) {}

    fn release(&mut self, function: &str, address: u64) -> Result<(), MemoryError> {
        match function {
            _ if self.made_here => Ok(()),
            "free" => program::free(address),
            other => Err(MemoryError::Other(format!(
                "memory that a callback gives away is freed by 'free', not by '{other}'"
            ))),
        }
    }

    fn descriptor(&mut self, index: usize) -> Result<i32, MemoryError> {
        let received = self.received.get(index);
        received.map(AsRawFd::as_raw_fd).ok_or_else(|| {
            MemoryError::Other(format!("descriptor number {index} did not come with it"))
        })
    }

    fn descriptor_leave(&mut self, fd: i32) -> Result<u64, MemoryError> {
        // The function's own stays open: it said only that the library gets one.
        let copy = program::duplicate(fd)?;
        self.leaving.push(copy);
        Ok(self.leaving.len() as u64 - 1)
    }

    fn opaque_enters(&mut self, value: u64) -> Result<(), MemoryError> {
        match self.link.cookies().may_come_back(value) {
            true => Ok(()),
            false => Err(MemoryError::Other(format!(
                "{value:#x} is no value that the program passed as '__opaque', and the function \
                 might follow it"
            ))),
        }
    }

    fn opaque_leaves(&mut self, value: u64) {
        self.link.cookies().give(value);
    }
}
