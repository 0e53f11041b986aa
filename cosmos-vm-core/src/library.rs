//! An object that a client has open, and what has to be done when it goes.
//!
//! ```text
//! open ── close, or the client ends ──▶ closed ── the last call in flight returns ──▶ gone
//! ```
//!
//! Whoever lets go last ends it: what its functions made and nobody closed is destroyed, newest
//! first, and then the kind closes the object. Neither happens under a call of it.

use crate::Vm;
use crate::handles::Outstanding;
use crate::kept::Kept;
use cosmos_rpc::Fault;
use std::sync::{Arc, Mutex, PoisonError};

/// What destroys an object: a function of this runable's library.
pub(crate) struct Closer<V: Vm> {
    pub runable: Arc<V::Runable>,
}

/// What was left of a library's objects, and what was kept for them.
pub(crate) type Left<V> = Vec<Outstanding<Closer<V>, Arc<Kept<V>>>>;

/// An open object of the kind.
pub(crate) struct Library<V: Vm> {
    vm: Arc<V>,
    object: Option<Arc<V::Object>>,
    outstanding: Mutex<Left<V>>,
    /// What it goes on using until it is gone.
    kept: Mutex<Vec<Arc<Kept<V>>>>,
}

impl<V: Vm> Library<V> {
    pub fn new(vm: &Arc<V>, object: V::Object) -> Library<V> {
        Library {
            vm: Arc::clone(vm),
            object: Some(Arc::new(object)),
            outstanding: Mutex::default(),
            kept: Mutex::default(),
        }
    }

    /// The kind's object; `None` once the library has ended.
    pub fn object(&self) -> Option<&Arc<V::Object>> {
        self.object.as_ref()
    }

    /// What is to be destroyed when it goes, newest first.
    pub fn leave(&self, outstanding: Left<V>) {
        let mut left = self
            .outstanding
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        left.extend(outstanding);
    }

    /// Keeps memory until it is gone.
    pub fn keep(&self, memory: impl IntoIterator<Item = Arc<Kept<V>>>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend(memory);
    }

    /// Ends it now; nobody else has it.
    pub fn end(mut self) -> Result<(), Fault> {
        self.finish()
    }

    fn finish(&mut self) -> Result<(), Fault> {
        let outstanding = self
            .outstanding
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        close_all(&*self.vm, std::mem::take(outstanding));
        match self.object.take() {
            Some(object) => self.vm.close(object),
            None => Ok(()),
        }
    }
}

impl<V: Vm> Drop for Library<V> {
    fn drop(&mut self) {
        if let Err(fault) = self.finish() {
            tracing::warn!("closing what a client left open: {fault}");
        }
    }
}

/// Destroys objects in this order; what was kept for them goes when none is left.
pub(crate) fn close_all<V: Vm>(vm: &V, outstanding: Left<V>) {
    for object in &outstanding {
        let Some((name, closer)) = &object.closer else {
            continue;
        };
        if let Err(error) = vm.release(&closer.runable, name, object.address) {
            tracing::warn!("closing an object by '{name}': {error}");
        }
    }
}
