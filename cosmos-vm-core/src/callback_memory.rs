//! The VM's memory as a call back sees it: the VM's code is the caller there.

use crate::Vm;
use crate::callback::Callback;
use crate::handles::Entering;
use crate::process;
use crate::session::{Session, limit};
use crate::vm::Held;
use callframe::marshal::{CallerBytes, CallerMemory, Keep, MemoryError};
use nix::fcntl::{FcntlArg, fcntl};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Bytes compared at a time before they are written.
const COMPARED: usize = 256;

/// Most bytes of static results that one function of the client's leaves in the VM.
const MAXIMUM_STATIC: usize = 1 << 20;

/// The memory and the handles of one call back.
pub(crate) struct CallbackMemory<'a, V: Vm> {
    session: &'a Session<V>,
    callback: &'a Callback,
    /// What the library borrows from now on.
    borrowed: Vec<Held>,
}

impl<'a, V: Vm> CallbackMemory<'a, V> {
    pub fn new(session: &'a Session<V>, callback: &'a Callback) -> Self {
        CallbackMemory {
            session,
            callback,
            borrowed: Vec::new(),
        }
    }

    /// The client's function has returned: what it lent before goes.
    pub fn finish(self) {
        let mut borrowed = lock(&self.callback.borrowed);
        *borrowed = self.borrowed;
    }

    /// A copy that lasts as long as the function; equal bytes share one.
    fn keep_static(&self, bytes: &[u8]) -> Result<u64, MemoryError> {
        let mut statics = lock(&self.callback.statics);
        if let Some(known) = statics.get(bytes) {
            return Ok(known.address);
        }
        let total: usize = statics.keys().map(|known| known.len()).sum();
        if total.saturating_add(bytes.len()) > MAXIMUM_STATIC {
            return Err(MemoryError::Other(format!(
                "the __static results of the callback fill the {MAXIMUM_STATIC} bytes kept for them; \
                 declare them __borrowed"
            )));
        }
        let kept = self.session.vm.hold(bytes)?;
        let address = kept.address;
        statics.insert(bytes.into(), kept);
        Ok(address)
    }

    /// Whether these bytes are at the address already.
    fn holds(&self, address: u64, bytes: &[u8]) -> bool {
        let mut present = [0; COMPARED];
        bytes.chunks(COMPARED).zip(0u64..).all(|(chunk, index)| {
            let Some(present) = present.get_mut(..chunk.len()) else {
                return false;
            };
            let at = address.wrapping_add(index * COMPARED as u64);
            self.session.vm.read(at, present).is_ok() && present == chunk
        })
    }
}

impl<V: Vm> CallerBytes for CallbackMemory<'_, V> {
    fn read(&self, address: u64, into: &mut [u8]) -> Result<(), MemoryError> {
        if into.is_empty() {
            return Ok(());
        }
        self.session.vm.read(address, into)
    }

    /// What the client left as it was is not written: libraries pass pointers to constants where
    /// their declarations forget to say so.
    fn write(&mut self, address: u64, bytes: &[u8]) -> Result<(), MemoryError> {
        if bytes.is_empty() || self.holds(address, bytes) {
            return Ok(());
        }
        self.session.vm.write(address, bytes)
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
}

impl<V: Vm> CallerMemory for CallbackMemory<'_, V> {
    fn keep(&mut self, bytes: &[u8], keep: Keep) -> Result<u64, MemoryError> {
        match keep {
            Keep::Owned => self.session.vm.allocate(bytes),
            Keep::Static => self.keep_static(bytes),
            Keep::Borrowed | Keep::BorrowedFrom(_) => {
                let kept = self.session.vm.hold(bytes)?;
                let address = kept.address;
                self.borrowed.push(kept);
                Ok(address)
            }
        }
    }

    /// What the client's function returns for an object is one that the library knows, as what it
    /// is there.
    fn handle_token(&self, wire: u64, record: Option<&str>) -> Result<u64, MemoryError> {
        let found = self.session.handles().resolve(wire, record);
        found.map_err(|unfit| unfit.where_needed(record))
    }

    fn handle_wire(&self, address: u64, record: Option<&str>) -> Result<u64, MemoryError> {
        let entering = Entering {
            library: self.callback.library,
            record,
            closer: None,
        };
        let entered = self.session.handles().enter(address, entering);
        entered.map_err(|full| MemoryError::Other(limit("handles", full).message))
    }

    fn descriptor(&mut self, fd: i32) -> Option<i32> {
        let numbers = [fd];
        let number = *process::borrowed(&numbers).first()?;
        fcntl(number, FcntlArg::F_GETFD).ok().map(|_| fd)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
