//! Functions of a client's that the library keeps: `__scope(h)`.
//!
//! They live until their handle is closed, or the object whose function took them is.

use crate::vm::Held;
use callframe::marshal::{Given, MemoryError};
use std::collections::HashMap;

/// Most functions that a client leaves with the VM.
pub const MAXIMUM_SCOPED: usize = 1 << 16;

/// The functions of one client, by handle.
#[derive(Debug, Default)]
pub(crate) struct Scopes {
    by_handle: HashMap<u64, Vec<Scoped>>,
    count: usize,
}

#[derive(Debug)]
struct Scoped {
    /// Token of the object whose function took it.
    object: u64,
    /// The client's number for it, which stands for its type and its outer values too.
    number: u64,
    thunk: Held,
}

impl Scopes {
    /// The address of a function that is kept already: passed twice, it is one pointer.
    pub fn find(&self, handle: u64, object: u64, given: &Given<'_>) -> Option<u64> {
        let kept = self.by_handle.get(&handle)?.iter();
        kept.rev()
            .find(|kept| kept.number == given.address && kept.object == object)
            .map(|kept| kept.thunk.address)
    }

    /// Keeps one more.
    pub fn keep(
        &mut self,
        handle: u64,
        object: u64,
        given: &Given<'_>,
        thunk: Held,
    ) -> Result<(), MemoryError> {
        if self.count >= MAXIMUM_SCOPED {
            return Err(MemoryError::Other(format!(
                "the library keeps {MAXIMUM_SCOPED} callbacks of this client, the most it may; close \
                 the handles they are scoped by"
            )));
        }
        self.count += 1;
        self.by_handle.entry(handle).or_default().push(Scoped {
            object,
            number: given.address,
            thunk,
        });
        Ok(())
    }

    /// Takes out what was kept for these handles.
    pub fn remove_handles(&mut self, handles: &[u64]) -> Vec<Held> {
        let gone: Vec<Held> = handles
            .iter()
            .filter_map(|handle| self.by_handle.remove(handle))
            .flatten()
            .map(|kept| kept.thunk)
            .collect();
        self.count -= gone.len();
        gone
    }

    /// Takes out what functions of this object took.
    pub fn remove_object(&mut self, object: u64) -> Vec<Held> {
        let mut gone = Vec::new();
        for kept in self.by_handle.values_mut() {
            let of_object = kept.extract_if(.., |kept| kept.object == object);
            gone.extend(of_object.map(|kept| kept.thunk));
        }
        self.by_handle.retain(|_, kept| !kept.is_empty());
        self.count -= gone.len();
        gone
    }
}
