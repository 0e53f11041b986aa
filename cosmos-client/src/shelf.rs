//! Copies of what functions returned, kept for the program as long as the prototype says.
//!
//! | annotation | where | until |
//! |---|---|---|
//! | `__owned(f)` | nowhere: the program's | it calls `free` |
//! | `__borrowed` | a table per thread, by function | the function's next call on that thread |
//! | `__borrowed_from(h)` | the library's shelf, by handle | the next call on the handle |
//! | `__static` | the library's shelf, equal bytes once | dlclose |
//!
//! A VM decides what a function returns, so what is kept is bounded: [`STATIC_BYTES`] for each
//! library, and one call's worth for each function, thread and handle.

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
    from_handles: HashMap<u64, Vec<Block>>,
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

    /// Copies until the next call on their handles. `used`: the handles of this call.
    pub(crate) fn keep_from_handles(&self, used: &[u64], copies: Vec<(u64, Block)>, replace: bool) {
        if used.is_empty() && copies.is_empty() {
            return;
        }
        let mut contents = lock(&self.contents);
        let contents = &mut *contents;
        if replace {
            for block in used
                .iter()
                .filter_map(|handle| contents.from_handles.remove(handle))
                .flatten()
            {
                contents.addresses.remove(&block.address());
            }
        }
        for (handle, block) in copies {
            contents.addresses.insert(block.address());
            contents.from_handles.entry(handle).or_default().push(block);
        }
    }

    /// Whether a copy begins at this address.
    pub(crate) fn holds(&self, address: u64) -> bool {
        lock(&self.contents).addresses.contains(&address)
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
    fn copies_of_a_handle_last_until_the_next_call_on_it() {
        let shelf = Shelf::default();
        let block = Block::copy(b"row").unwrap();
        let address = block.address();
        shelf.keep_from_handles(&[1], vec![(1, block)], true);
        assert!(shelf.holds(address));
        shelf.keep_from_handles(&[2], vec![], true);
        shelf.keep_from_handles(&[1], vec![], false);
        assert!(shelf.holds(address));
        shelf.keep_from_handles(&[1], vec![], true);
        assert!(!shelf.holds(address));
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
