//! Copies of what functions returned, kept for the program as long as the prototype says.
//!
//! | annotation | where | until |
//! |---|---|---|
//! | `__owned(f)` | nowhere: the program's | it calls `free` |
//! | `__borrowed` | a table per thread, by function | the function's next call on that thread |
//! | `__borrowed_from(h)` | the library's shelf, by object | it is closed, or asked the same again: [`by_object`] |
//! | `__static` | the library's shelf, equal bytes once | dlclose |
//!
//! A VM decides what a function returns, so what is kept is bounded: [`STATIC_BYTES`] for each
//! library, one call's worth for each function and thread, and for each object what [`by_object`]
//! says.

mod by_object;

pub(crate) use by_object::{Copied, Question};

use by_object::ByObject;

use crate::memory::Block;
use crate::session::lock;
use callframe::marshal::MemoryError;
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, Weak};

/// Most bytes of static results that a library keeps.
const STATIC_BYTES: usize = 16 << 20;

/// What is kept for one library.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    contents: Mutex<Contents>,
    /// Stands for the shelf in the tables of threads: dead when the shelf is.
    alive: Arc<()>,
}

#[derive(Debug, Default)]
struct Contents {
    statics: HashMap<Box<[u8]>, Block>,
    bytes: usize,
    by_object: ByObject,
    addresses: HashSet<u64>,
}

impl Shelf {
    /// A copy until the shelf goes.
    pub(crate) fn keep_static(&self, bytes: &[u8]) -> Result<u64, MemoryError> {
        let mut contents = lock(&self.contents);
        if let Some(block) = contents.statics.get(bytes) {
            return Ok(block.address());
        }
        let total = contents.bytes.saturating_add(bytes.len());
        if total > STATIC_BYTES {
            return Err(MemoryError::Other(format!(
                "the library's __static results differ from call to call and fill the {STATIC_BYTES} \
                 bytes kept for them; declare them __borrowed"
            )));
        }
        let block = Block::copy(bytes).ok_or(MemoryError::Exhausted)?;
        let address = block.address();
        contents.bytes = total;
        contents.addresses.insert(address);
        contents.statics.insert(bytes.into(), block);
        Ok(address)
    }

    /// Keeps copies that belong to `object` until it is closed or asked the same again.
    pub(crate) fn keep_for_object(&self, object: u64, question: Question, copies: Vec<Copied>) {
        let mut contents = lock(&self.contents);
        let addresses: Vec<u64> = copies.iter().map(|(block, _)| block.address()).collect();
        let gone = contents.by_object.answer(object, question, copies);
        contents.free(gone);
        contents.addresses.extend(addresses);
    }

    /// An object is closed, and what belonged to it goes.
    pub(crate) fn close_object(&self, object: u64) {
        let mut contents = lock(&self.contents);
        let gone = contents.by_object.close(object);
        contents.free(gone);
    }

    /// Whether a copy begins at this address.
    pub(crate) fn holds(&self, address: u64) -> bool {
        lock(&self.contents).addresses.contains(&address)
    }
}

impl Contents {
    fn free(&mut self, blocks: Vec<Block>) {
        for block in blocks {
            self.addresses.remove(&block.address());
        }
    }
}

struct Lent {
    shelf: Weak<()>,
    blocks: Vec<Block>,
}

thread_local! {
    static LENT: RefCell<HashMap<u64, Lent>> = RefCell::default();
}

/// Keeps copies until the next call of the function on this thread.
pub(crate) fn keep_borrowed(function: u64, shelf: &Shelf, copies: Vec<Block>, replace: bool) {
    with(|lent| {
        if copies.is_empty() {
            if replace && let Some(known) = lent.get_mut(&function) {
                known.blocks.clear();
            }
            return;
        }
        if !lent.contains_key(&function) {
            lent.retain(|_, known| known.shelf.strong_count() > 0);
        }
        let shelf = Arc::downgrade(&shelf.alive);
        let known = lent.entry(function).or_insert_with(|| Lent {
            shelf,
            blocks: Vec::new(),
        });
        if replace {
            known.blocks.clear();
        }
        known.blocks.extend(copies);
    });
}

/// Whether a borrowed copy of this thread begins at this address.
pub(crate) fn lends(address: u64) -> bool {
    with(|lent| {
        lent.values()
            .flat_map(|known| &known.blocks)
            .any(|block| block.address() == address)
    })
    .unwrap_or(false)
}

/// `None` while the thread ends. Copies that find no table then are freed: their thread is gone.
fn with<T>(use_table: impl FnOnce(&mut HashMap<u64, Lent>) -> T) -> Option<T> {
    LENT.try_with(|lent| {
        lent.try_borrow_mut()
            .ok()
            .map(|mut lent| use_table(&mut lent))
    })
    .ok()
    .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_static_results_share_a_copy_and_the_shelf_has_a_bottom() {
        let shelf = Shelf::default();
        let first = shelf.keep_static(b"1.2.13").unwrap();
        assert_eq!(shelf.keep_static(b"1.2.13").unwrap(), first);
        assert_ne!(shelf.keep_static(b"1.2.14").unwrap(), first);
        assert!(shelf.holds(first) && !shelf.holds(first + 1));
        let large = vec![7u8; STATIC_BYTES];
        assert!(
            shelf
                .keep_static(&large)
                .unwrap_err()
                .to_string()
                .contains("__borrowed")
        );
    }

    #[test]
    fn copies_of_an_object_last_until_it_is_closed_or_asked_again() {
        let shelf = Shelf::default();
        let keep = |object, question| {
            let block = Block::copy(b"row").unwrap();
            let address = block.address();
            shelf.keep_for_object(object, question, vec![(block, 3)]);
            address
        };
        let first = keep(1, 10);
        let other = keep(1, 11);
        assert!(shelf.holds(first) && shelf.holds(other));
        let again = keep(1, 10);
        assert!(!shelf.holds(first) && shelf.holds(other) && shelf.holds(again));
        shelf.close_object(2);
        assert!(shelf.holds(other));
        shelf.close_object(1);
        assert!(!shelf.holds(other) && !shelf.holds(again));
    }

    #[test]
    fn borrowed_copies_last_until_the_next_call_of_the_function() {
        let shelf = Shelf::default();
        let block = Block::copy(b"name").unwrap();
        let address = block.address();
        keep_borrowed(u64::MAX, &shelf, vec![block], true);
        assert!(lends(address));
        keep_borrowed(u64::MAX - 1, &shelf, vec![], true);
        keep_borrowed(u64::MAX, &shelf, vec![], false);
        assert!(lends(address));
        keep_borrowed(u64::MAX, &shelf, vec![], true);
        assert!(!lends(address));
    }
}
