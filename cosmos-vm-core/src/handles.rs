//! Objects that live in the VM and are named by a client: `FILE`, `sqlite3`, `EVP_MD`.
//!
//! The client never learns an address. While an object lives it has one wire number, so that two
//! pointers that are equal in the VM are equal in the client.

use crate::table::{Full, Table};
use std::collections::HashMap;

/// Most handles a client has alive.
pub const MAXIMUM_HANDLES: usize = 1 << 20;

/// Handles of one client.
#[derive(Debug)]
pub(crate) struct Handles {
    addresses: Table<u64>,
    wires: HashMap<u64, u64>,
}

impl Handles {
    pub fn new() -> Handles {
        Handles {
            addresses: Table::new(MAXIMUM_HANDLES),
            wires: HashMap::new(),
        }
    }

    /// The number of the object at `address`, given now where it has none.
    pub fn enter(&mut self, address: u64) -> Result<u64, Full> {
        if let Some(&wire) = self.wires.get(&address) {
            return Ok(wire);
        }
        let wire = self.addresses.insert(address)?;
        self.wires.insert(address, wire);
        Ok(wire)
    }

    /// Where the object is.
    pub fn resolve(&self, wire: u64) -> Option<u64> {
        self.addresses.get(wire).copied()
    }

    /// The object is gone; its address may become another object's.
    pub fn consume(&mut self, wire: u64) {
        if let Some(address) = self.addresses.remove(wire) {
            self.wires.remove(&address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_keeps_its_number_until_it_is_consumed() {
        let mut handles = Handles::new();
        let first = handles.enter(0x1000).unwrap();
        assert_eq!(handles.enter(0x1000), Ok(first));
        assert_eq!(handles.resolve(first), Some(0x1000));
        handles.consume(first);
        assert_eq!(handles.resolve(first), None);
        let second = handles.enter(0x1000).unwrap();
        assert_ne!(first, second, "a new object at the old address");
        handles.consume(first);
        assert_eq!(handles.resolve(second), Some(0x1000));
    }
}
