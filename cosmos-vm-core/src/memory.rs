//! What marshalling reaches in the VM besides the call's own image.

use crate::Vm;
use crate::callback::Callback;
use crate::conversation::Channel;
use crate::handles::Entering;
use crate::kept::Kept;
use crate::library::Closer;
use crate::process;
use crate::session::{Entry, Session, limit};
use crate::vm::Held;
use callframe::expression::Query;
use callframe::marshal::{CalleeMemory, Given, MemoryError, Object};
use cosmos_rpc::arena::Memory;
use nix::errno::Errno;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::{Arc, Mutex, OnceLock};

/// The memory, handles and descriptors of one call.
pub(crate) struct CallMemory<'a, V: Vm> {
    pub channel: &'a Channel<V>,
    pub session: &'a Session<V>,
    pub entry: &'a Entry<V>,
    /// How many calls of the channel were under way when this one began.
    pub depth: usize,
    /// The functions of the client's that were passed; gone when it is over.
    pub thunks: Vec<Held>,
    /// The handles that it destroys.
    pub consumed: Vec<u64>,
    /// What came with the call; closed when it is over.
    pub received: Vec<OwnedFd>,
    /// What goes with the reply; closed when that was sent.
    pub leaving: Vec<OwnedFd>,
    /// Shared memory that it uses.
    pub seen: Vec<Arc<Memory>>,
    /// What the function was given.
    pub allocated: Allocated<V>,
}

/// Memory that was allocated for one call.
pub(crate) struct Allocated<V: Vm> {
    /// The function's own, once it was entered.
    given: Vec<Kept<V>>,
    /// Kept for an object, once it is known for which.
    retained: Vec<Arc<Kept<V>>>,
    /// Objects that the function may have made.
    made: Vec<Arc<Kept<V>>>,
    /// What this call uses and others, or itself, may let go of.
    used: Vec<Arc<Kept<V>>>,
}

impl<V: Vm> Default for Allocated<V> {
    fn default() -> Self {
        Allocated {
            given: Vec::new(),
            retained: Vec::new(),
            made: Vec::new(),
            used: Vec::new(),
        }
    }
}

impl<V: Vm> CallMemory<'_, V> {
    /// The function has returned: what it was given is its own, and what it keeps is in use, even
    /// where its reply cannot be carried.
    pub fn called(&mut self) {
        self.allocated.given.drain(..).for_each(Kept::give_away);
    }

    /// The call is over: what nobody said the keeper of is kept for the library.
    pub fn settle(&mut self) {
        if self.allocated.retained.is_empty() {
            return;
        }
        self.entry.library.keep(self.allocated.retained.drain(..));
    }

    fn copy(&self, bytes: &[u8]) -> Result<Kept<V>, MemoryError> {
        Kept::copy(&self.session.vm, self.session.account(), bytes)
    }
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

    fn shared(&mut self, place: u64, length: u64, cleared: bool) -> Result<u64, MemoryError> {
        let (memory, place, address) = self.session.segments().find(place, length)?;
        if cleared && !memory.clear(place.offset, usize::try_from(length).unwrap_or(usize::MAX)) {
            return Err(MemoryError::Address(address));
        }
        self.seen.push(memory);
        Ok(address)
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
        found.map_err(|unfit| unfit.where_needed(record))
    }

    fn handle_closes(&self, wire: u64, function: &str) -> bool {
        self.session.handles().closes(wire, function)
    }

    fn handle_consume(&mut self, wire: u64) {
        self.consumed.push(wire);
        let kept = self.session.handles().consume(wire);
        self.allocated.used.extend(kept);
    }

    fn write(&mut self, address: u64, bytes: &[u8]) -> Result<(), MemoryError> {
        self.session.vm.write(address, bytes)
    }

    fn resident_make(&mut self, size: u64) -> Result<u64, MemoryError> {
        let size = usize::try_from(size).map_err(|_| MemoryError::Exhausted)?;
        let memory = self.copy(&vec![0; size])?;
        let address = memory.address();
        self.allocated.made.push(Arc::new(memory));
        Ok(address)
    }

    fn resident_enter(&mut self, address: u64, object: Object<'_>) -> Result<u64, MemoryError> {
        let made = &mut self.allocated.made;
        let index = made.iter().position(|kept| kept.address() == address);
        let memory = index.map(|index| made.swap_remove(index));
        let memory = memory.ok_or(MemoryError::Address(address))?;
        let wire = self.handle_enter(address, object)?;
        let kept = self.session.handles().keep(wire, memory);
        kept.map(|()| wire).map_err(|_| MemoryError::StaleHandle)
    }

    fn resident_has(&mut self, wire: u64, size: u64) -> bool {
        let handles = self.session.handles();
        let address = handles.resolve(wire, None);
        let memory = handles
            .kept(wire)
            .iter()
            .find(|kept| Ok(kept.address()) == address && kept.size() == size);
        self.allocated.used.extend(memory.cloned());
        memory.is_some()
    }

    fn give(&mut self, bytes: &[u8]) -> Result<u64, MemoryError> {
        let memory = self.copy(bytes)?;
        let address = memory.address();
        self.allocated.given.push(memory);
        Ok(address)
    }

    fn retain(&mut self, bytes: &[u8]) -> Result<u64, MemoryError> {
        let memory = self.copy(bytes)?;
        let address = memory.address();
        self.allocated.retained.push(Arc::new(memory));
        Ok(address)
    }

    fn retained_by(&mut self, address: u64, keeper: Option<u64>) {
        let retained = &mut self.allocated.retained;
        let index = retained.iter().position(|kept| kept.address() == address);
        let (Some(index), Some(keeper)) = (index, keeper) else {
            return;
        };
        let memory = retained.swap_remove(index);
        let kept = self.session.handles().keep(keeper, memory);
        if let Err(memory) = kept {
            self.entry.library.keep([memory]);
        }
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
        let during = match given.scope {
            Some(_) => None,
            None => self.channel.underway(self.depth),
        };
        let callback = Arc::new(Callback {
            number: given.address,
            caller: Arc::clone(caller),
            outer: given.outer.into(),
            brief: OnceLock::new(),
            in_line: OnceLock::new(),
            library: self.entry.token,
            session: self.session.number,
            during,
            borrowed: Mutex::default(),
            statics: Mutex::default(),
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
