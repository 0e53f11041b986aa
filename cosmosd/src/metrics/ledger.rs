//! The page that a VM counts in, as cosmosd has it: read, never believed beyond what can be, and kept from
//! going back.

use cosmos_rpc::tally::{Counted, Counts};
use std::{
    cell::{Cell, RefCell},
    os::fd::OwnedFd,
    time::Instant,
};

/// What a VM counts.
#[derive(Debug)]
pub struct Ledger {
    is_wanted: bool,
    page: RefCell<Option<Counted>>,
    born: Instant,
    /// What was read last.
    last: Cell<Counts>,
}

impl Ledger {
    /// Of another VM, where it `is_wanted`.
    pub fn new(is_wanted: bool) -> Ledger {
        Ledger {
            is_wanted,
            page: RefCell::default(),
            born: Instant::now(),
            last: Cell::default(),
        }
    }

    /// Whether the VM is to count.
    pub fn is_wanted(&self) -> bool {
        self.is_wanted
    }

    /// Makes the page; the VM's end of it.
    pub fn open(&self) -> Option<OwnedFd> {
        if !self.is_wanted {
            return None;
        }
        match Counted::make() {
            Ok((page, theirs)) => {
                self.page.replace(Some(page));
                Some(theirs)
            }
            Err(error) => {
                tracing::warn!("a VM does not count: {error}");
                None
            }
        }
    }

    /// What it counted until now.
    pub fn read(&self) -> Counts {
        if let Some(page) = &*self.page.borrow()
            && let Ok(counts) = page.read()
        {
            let believed = counts.believed(&self.last.get(), self.born.elapsed());
            self.last.set(believed);
        }
        self.last.get()
    }

    /// What it counted in all. Nothing is read of it any more, and it counts for nothing by itself.
    pub fn close(&self) -> Counts {
        let counts = self.read();
        self.page.replace(None);
        self.last.set(Counts::default());
        counts
    }
}
