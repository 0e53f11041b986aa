//! Memory that a function of the library goes on using after a call.

use crate::Vm;
use callframe::marshal::MemoryError;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Most bytes that are kept for one client.
pub const MAXIMUM_KEPT: u64 = 256 << 20;

/// How much is kept for a client.
#[derive(Debug, Default)]
pub(crate) struct Account(AtomicU64);

/// A piece of the VM's memory, freed when dropped.
pub(crate) struct Kept<V: Vm> {
    vm: Arc<V>,
    account: Arc<Account>,
    address: u64,
    size: u64,
    /// Whether it is the function's now.
    given: bool,
}

impl<V: Vm> Kept<V> {
    /// A copy of these bytes.
    pub fn copy(vm: &Arc<V>, account: &Arc<Account>, bytes: &[u8]) -> Result<Self, MemoryError> {
        let size = bytes.len() as u64;
        let fits = |total: u64| {
            total
                .checked_add(size)
                .filter(|total| *total <= MAXIMUM_KEPT)
        };
        let booked = account
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits);
        if booked.is_err() {
            return Err(MemoryError::Other(format!(
                "the VM keeps at most {MAXIMUM_KEPT} bytes for objects of this client; close some"
            )));
        }
        match vm.allocate(bytes) {
            Ok(address) => Ok(Kept {
                vm: Arc::clone(vm),
                account: Arc::clone(account),
                address,
                size,
                given: false,
            }),
            Err(error) => {
                account.0.fetch_sub(size, Ordering::Relaxed);
                Err(error)
            }
        }
    }

    pub fn address(&self) -> u64 {
        self.address
    }

    pub fn size(&self) -> u64 {
        self.size
    }

    /// Leaves the memory to the function that was given it.
    pub fn give_away(mut self) {
        self.given = true;
    }
}

impl<V: Vm> Drop for Kept<V> {
    fn drop(&mut self) {
        self.account.0.fetch_sub(self.size, Ordering::Relaxed);
        if !self.given {
            self.vm.deallocate(self.address);
        }
    }
}
