//! Memory of the program's that stands for objects in VMs: a `regex_t`, a `z_stream`.
//!
//! The memory itself holds the object's token, so that a copy of it, or what is put there later, is
//! no object; this table says which addresses may be looked at.

use crate::session::lock;
use std::collections::HashMap;
use std::sync::Mutex;

/// Where objects are stood for, in this process.
#[derive(Debug, Default)]
pub(crate) struct Residents(Mutex<HashMap<u64, Resident>>);

/// What a piece of memory stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Resident {
    /// The object.
    pub(crate) token: u64,
    /// Where its token is, from the start of the memory.
    pub(crate) place: u64,
}

impl Residents {
    /// What the memory at this address stands for.
    pub(crate) fn at(&self, address: u64) -> Option<Resident> {
        lock(&self.0).get(&address).copied()
    }

    /// It stands for this from now on.
    pub(crate) fn insert(&self, address: u64, resident: Resident) {
        lock(&self.0).insert(address, resident);
    }

    /// It stands for nothing any more; what it stood for.
    pub(crate) fn remove(&self, address: u64) -> Option<Resident> {
        lock(&self.0).remove(&address)
    }
}
