//! Copies of what functions returned, kept for the program as long as the prototype says.
//!
//! | annotation | where | until |
//! |---|---|---|
//! | `__owned(f)` | nowhere: the program's | it calls `free` |
//! | `__borrowed` | a table per thread, by function | the function's next call on that thread |
//! | `__borrowed_from(h)` | the library's shelf, by handle | the handle is closed; [`RECENT`] of a handle |
//! | `__static` | the library's shelf, equal bytes once | dlclose |
//!
//! A VM decides what a function returns, so what is kept is bounded: [`STATIC_BYTES`] for each
//! library, one call's worth for each function and thread, and for each handle what is recent: a
//! program looks at several columns of a row at once, and at the length of one after the other.

use crate::memory::Block;
use crate::session::lock;
use callframe::marshal::MemoryError;
use std::cell::RefCell;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, Weak};

/// Most bytes of static results that a library keeps.
const STATIC_BYTES: usize = 16 << 20;

/// How many copies that are borrowed from one handle are kept, as long as they are small.
const RECENT: usize = 256;

/// Most bytes of them.
const RECENT_BYTES: usize = 1 << 20;

/// How many are kept however large they are.
const LATEST: usize = 8;

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
    from_handles: HashMap<u64, Recent>,
    addresses: HashSet<u64>,
}

/// The copies borrowed from one handle, the oldest first.
#[derive(Debug, Default)]
struct Recent {
    copies: VecDeque<(Block, usize)>,
    bytes: usize,
}

/// What became of a call, for what was kept before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It failed: the program may still look at what it had.
    Failed,
    /// It returned.
    Returned,
    /// It returned, and has closed a handle.
    Closed,
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

    /// Copies that are borrowed from handles, with their sizes. `used`: the handles of this call.
    pub(crate) fn keep_from_handles(
        &self,
        used: &[u64],
        copies: Vec<(u64, Block, usize)>,
        ending: Ending,
    ) {
        if copies.is_empty() && ending != Ending::Closed {
            return;
        }
        let mut contents = lock(&self.contents);
        let Contents {
            from_handles,
            addresses,
            ..
        } = &mut *contents;
        if ending == Ending::Closed {
            for recent in used.iter().filter_map(|handle| from_handles.remove(handle)) {
                for (block, _) in recent.copies {
                    addresses.remove(&block.address());
                }
            }
        }
        for (handle, block, size) in copies {
            addresses.insert(block.address());
            let recent = from_handles.entry(handle).or_default();
            recent.bytes = recent.bytes.saturating_add(size);
            recent.copies.push_back((block, size));
            while let Some(block) = recent.surplus() {
                addresses.remove(&block.address());
            }
        }
    }

    /// Whether a copy begins at this address.
    pub(crate) fn holds(&self, address: u64) -> bool {
        lock(&self.contents).addresses.contains(&address)
    }
}

impl Recent {
    /// The oldest copy, where there are too many.
    fn surplus(&mut self) -> Option<Block> {
        let many = self.copies.len() > RECENT || self.bytes > RECENT_BYTES;
        if !many || self.copies.len() <= LATEST {
            return None;
        }
        let (block, size) = self.copies.pop_front()?;
        self.bytes -= size;
        Some(block)
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
    fn copies_of_a_handle_last_until_it_is_closed() {
        let shelf = Shelf::default();
        let lend = |handle: u64, size: usize| {
            let block = Block::copy(&vec![1; size]).unwrap();
            let address = block.address();
            shelf.keep_from_handles(&[handle], vec![(handle, block, size)], Ending::Returned);
            address
        };
        let address = lend(1, 3);
        shelf.keep_from_handles(&[1], vec![], Ending::Returned);
        shelf.keep_from_handles(&[1], vec![], Ending::Failed);
        shelf.keep_from_handles(&[2], vec![], Ending::Closed);
        assert!(shelf.holds(address));
        shelf.keep_from_handles(&[1], vec![], Ending::Closed);
        assert!(!shelf.holds(address));
    }

    #[test]
    fn only_what_is_recent_of_a_handle_is_kept() {
        let shelf = Shelf::default();
        let lend = |size: usize| {
            let block = Block::copy(&vec![1; size]).unwrap();
            let address = block.address();
            shelf.keep_from_handles(&[7], vec![(7, block, size)], Ending::Returned);
            address
        };
        let kept = || lock(&shelf.contents).from_handles[&7].copies.len();
        let all: Vec<u64> = (0..RECENT).map(|_| lend(4)).collect();
        assert!(all.iter().all(|address| shelf.holds(*address)));
        lend(4);
        assert_eq!(kept(), RECENT);
        // Large ones push the small ones out, but for the latest.
        let large = lend(2 * RECENT_BYTES);
        assert!(shelf.holds(large));
        assert_eq!(kept(), LATEST);
        let last: Vec<u64> = (0..LATEST - 1).map(|_| lend(2 * RECENT_BYTES)).collect();
        assert!(shelf.holds(large) && last.iter().all(|address| shelf.holds(*address)));
        lend(1);
        assert_eq!(kept(), LATEST);
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
