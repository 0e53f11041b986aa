//! What marshalling reaches in the VM besides the call's own image.

use crate::Vm;
use crate::callback::{Callback, Underway};
use crate::handles::{Entering, Unfit};
use crate::library::Closer;
use crate::process;
use crate::session::{Entry, Session, limit};
use crate::vm::Thunk;
use callframe::expression::Query;
use callframe::marshal::{CalleeMemory, Given, MemoryError, Object};
use nix::errno::Errno;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;

/// The memory, handles and descriptors of one call.
pub(crate) struct CallMemory<'a, V: Vm> {
    pub session: &'a Session<V>,
    pub entry: &'a Entry<V>,
    /// The call.
    pub underway: &'a Arc<Underway>,
    /// The functions of the client's that were passed; gone when it is over.
    pub thunks: Vec<Thunk>,
    /// The handles that it destroys.
    pub consumed: Vec<u64>,
    /// What came with the call; closed when it is over.
    pub received: Vec<OwnedFd>,
    /// What goes with the reply; closed when that was sent.
    pub leaving: Vec<OwnedFd>,
}

impl<V: Vm> CalleeMemory for CallMemory<'_, V> {
    fn read(&self, address: u64, into: &mut [u8]) -> Result<(), MemoryError> {
        self.session.vm.read(address, into)
    }

    fn terminated_length(
        &self,
        address: u64,
        unit: usize,
        terminator: u64,
        limit: u64,
    ) -> Result<u64, MemoryError> {
        let vm = &self.session.vm;
        vm.terminated_length(address, unit, terminator, limit)
    }

    fn handle_enter(&mut self, address: u64, object: Object<'_>) -> Result<u64, MemoryError> {
        let closer = object.closed_by.map(|name| {
            let runable = Arc::clone(&self.entry.runable);
            (name, Closer { runable })
        });
        let entering = Entering {
            library: self.entry.token,
            record: object.record,
            closer,
        };
        self.session
            .handles()
            .enter(address, entering)
            .map_err(|full| MemoryError::Other(limit("handles", full).message))
    }

    fn handle_resolve(&self, wire: u64, record: Option<&str>) -> Result<u64, MemoryError> {
        let found = self.session.handles().resolve(wire, record);
        found.map_err(|unfit| match unfit {
            Unfit::Stale => MemoryError::StaleHandle,
            Unfit::Other(is) => MemoryError::WrongHandle {
                is,
                needed: record.unwrap_or_default().to_owned(),
            },
        })
    }

    fn handle_closes(&self, wire: u64, function: &str) -> bool {
        self.session.handles().closes(wire, function)
    }

    fn handle_consume(&mut self, wire: u64) {
        self.consumed.push(wire);
        self.session.handles().consume(wire);
    }

    fn query(&self, query: &Query, arguments: &[&[u8]]) -> Result<i128, MemoryError> {
        let vm = &self.session.vm;
        vm.query(&self.entry.runable, query, arguments)
    }

    fn release(&mut self, function: &str, address: u64) -> Result<(), MemoryError> {
        let vm = &self.session.vm;
        vm.release(&self.entry.runable, function, address)
    }

    fn descriptor(&mut self, index: usize) -> Result<i32, MemoryError> {
        self.received
            .get(index)
            .map(AsRawFd::as_raw_fd)
            .ok_or_else(|| {
                MemoryError::Other(format!(
                    "descriptor number {index} did not come with the call"
                ))
            })
    }

    fn descriptor_leave(&mut self, fd: i32) -> Result<u64, MemoryError> {
        let index = self.leaving.len();
        let received = self.received.iter().find(|owned| owned.as_raw_fd() == fd);
        let owned = match received {
            // The function gave back what it was given, as dup2 does: that is closed already.
            Some(owned) => owned.try_clone().map_err(|error| {
                MemoryError::Other(format!("duplicating a descriptor: {error}"))
            })?,
            None if self.leaving.iter().any(|owned| owned.as_raw_fd() == fd) => {
                return Err(MemoryError::Other(format!(
                    "descriptor {fd} is given back twice"
                )));
            }
            // SAFETY: the function returned it where its prototype says `__fd`: a descriptor that
            // is the caller's from now on.
            None => unsafe { process::adopt(fd) }
                .ok_or_else(|| MemoryError::Other(format!("descriptor {fd}: {}", Errno::EBADF)))?,
        };
        self.leaving.push(owned);
        Ok(index as u64)
    }

    fn callback(&mut self, given: &Given<'_>) -> Result<u64, MemoryError> {
        let scoped = given
            .scope
            .and_then(|handle| self.session.scoped(handle, self.entry.token, given));
        if let Some(address) = scoped {
            return Ok(address);
        }
        let caller =
            self.entry.callbacks.get(&given.ty).ok_or_else(|| {
                MemoryError::Other("the prototype has no callback there".to_owned())
            })?;
        let during = given.scope.is_none().then(|| Arc::clone(self.underway));
        let callback = Arc::new(Callback {
            number: given.address,
            caller: Arc::clone(caller),
            outer: given.outer.into(),
            library: self.entry.token,
            session: self.session.number,
            during,
        });
        let vm = &self.session.vm;
        let thunk = vm.thunk(&self.entry.runable, given.ty, callback)?;
        let address = thunk.address;
        match given.scope {
            Some(handle) => self
                .session
                .keep_scoped(handle, self.entry.token, given, thunk)?,
            None => self.thunks.push(thunk),
        }
        Ok(address)
    }
}
