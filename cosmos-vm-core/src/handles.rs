//! Objects that live in the VM and are named by a client: `FILE`, `sqlite3`, `EVP_MD`.
//!
//! The client never learns an address. While an object lives it has one wire number, so that two
//! pointers that are equal in the VM are equal in the client; of two objects at one address, a
//! record and its first member, each has its own.
//!
//! An object remembers what it is called, which library made it, and what destroys it. What is left
//! of a library's objects when that is closed, is destroyed newest first: a statement goes before
//! its database.

use crate::table::{Full, Table};
use callframe::marshal::MemoryError;
use std::collections::HashMap;

/// Most handles a client has alive.
pub const MAXIMUM_HANDLES: usize = 1 << 20;

/// Handles of one client; `C` is what destroys an object, `K` is memory that is kept for it.
#[derive(Debug)]
pub(crate) struct Handles<C, K> {
    objects: Table<Known<C, K>>,
    wires: HashMap<u64, Vec<u64>>,
    made: u64,
}

/// An object as it is entered.
#[derive(Debug)]
pub(crate) struct Entering<'a, C> {
    /// The token of the library that made it.
    pub library: u64,
    /// What C code calls it; `None` for a `void *`.
    pub record: Option<&'a str>,
    /// Its closer's name and the closer.
    pub closer: Option<(&'a str, C)>,
}

#[derive(Debug)]
struct Known<C, K> {
    address: u64,
    library: u64,
    record: Option<Box<str>>,
    closer: Option<(Box<str>, C)>,
    /// What its library goes on using until it is destroyed.
    kept: Vec<K>,
    /// Which object of this client's it was, counted from 1.
    number: u64,
}

/// What was left of a library: an object, what destroys it, and what was kept for it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outstanding<C, K> {
    pub address: u64,
    pub closer: Option<(Box<str>, C)>,
    pub kept: Vec<K>,
}

/// Why a wire number leads to no object that is needed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unfit {
    Stale,
    /// It is one of this record.
    Other(String),
}

impl Unfit {
    /// The same where an object of this record was needed.
    pub fn where_needed(self, record: Option<&str>) -> MemoryError {
        match self {
            Unfit::Stale => MemoryError::StaleHandle,
            Unfit::Other(is) => MemoryError::WrongHandle {
                is,
                needed: record.unwrap_or_default().to_owned(),
            },
        }
    }
}

impl<C, K> Handles<C, K> {
    pub fn new() -> Handles<C, K> {
        Handles {
            objects: Table::new(MAXIMUM_HANDLES),
            wires: HashMap::new(),
            made: 0,
        }
    }

    /// The number of the object at `address`, given now where it has none.
    pub fn enter(&mut self, address: u64, entering: Entering<'_, C>) -> Result<u64, Full> {
        if let Some(wire) = self.known(address, entering.record) {
            if let Some(known) = self.objects.get_mut(wire) {
                known.learn(entering);
            }
            return Ok(wire);
        }
        self.made += 1;
        let wire = self.objects.insert(Known {
            address,
            library: entering.library,
            record: entering.record.map(Box::from),
            closer: entering.closer.map(|(name, closer)| (name.into(), closer)),
            kept: Vec::new(),
            number: self.made,
        })?;
        self.wires.entry(address).or_default().push(wire);
        Ok(wire)
    }

    /// Where the object is, which has to be a `record` where both are known.
    pub fn resolve(&self, wire: u64, record: Option<&str>) -> Result<u64, Unfit> {
        let known = self.objects.get(wire).ok_or(Unfit::Stale)?;
        match (known.record.as_deref(), record) {
            (Some(is), Some(needed)) if is != needed => Err(Unfit::Other(is.to_owned())),
            _ => Ok(known.address),
        }
    }

    /// Whether the function of this name destroys the object.
    pub fn closes(&self, wire: u64, function: &str) -> bool {
        let closer = self
            .objects
            .get(wire)
            .and_then(|known| known.closer.as_ref());
        closer.is_some_and(|(name, _)| **name == *function)
    }

    /// Keeps memory until the object is destroyed; gives it back where that is gone.
    pub fn keep(&mut self, wire: u64, memory: K) -> Result<(), K> {
        match self.objects.get_mut(wire) {
            Some(known) => {
                known.kept.push(memory);
                Ok(())
            }
            None => Err(memory),
        }
    }

    /// What is kept for an object.
    pub fn kept(&self, wire: u64) -> &[K] {
        let known = self.objects.get(wire);
        known.map_or(&[], |known| known.kept.as_slice())
    }

    /// The object is gone; its address may become another object's. Gives what was kept for it,
    /// which the function that destroys it may still look at.
    pub fn consume(&mut self, wire: u64) -> Vec<K> {
        let Some(known) = self.objects.remove(wire) else {
            return Vec::new();
        };
        if let Some(wires) = self.wires.get_mut(&known.address) {
            wires.retain(|other| *other != wire);
            if wires.is_empty() {
                self.wires.remove(&known.address);
            }
        }
        known.kept
    }

    /// Forgets the objects of a library, of all libraries without one; gives them, newest first.
    pub fn take(&mut self, library: Option<u64>) -> Vec<Outstanding<C, K>> {
        let of = |known: &Known<C, K>| library.is_none_or(|library| library == known.library);
        let mut gone = self.objects.remove_all(of);
        for known in &gone {
            self.wires.remove(&known.address);
        }
        // Objects of other libraries may share an address with one that went.
        for (wire, known) in self.objects.iter() {
            let wires = self.wires.entry(known.address).or_default();
            if !wires.contains(&wire) {
                wires.push(wire);
            }
        }
        gone.sort_unstable_by_key(|known| std::cmp::Reverse(known.number));
        let outstanding = gone.into_iter().map(|known| Outstanding {
            address: known.address,
            closer: known.closer,
            kept: known.kept,
        });
        outstanding.collect()
    }

    /// The object at an address that may be called `record`.
    fn known(&self, address: u64, record: Option<&str>) -> Option<u64> {
        let wires = self.wires.get(&address)?;
        let is = |wire: &&u64| {
            let known = self.objects.get(**wire);
            known.is_some_and(|known| match (known.record.as_deref(), record) {
                (Some(is), Some(needed)) => is == needed,
                _ => true,
            })
        };
        wires.iter().find(is).copied()
    }
}

impl<C, K> Known<C, K> {
    /// Takes over what is said of an object that is known already, and was not known of it.
    fn learn(&mut self, entering: Entering<'_, C>) {
        if self.record.is_none() {
            self.record = entering.record.map(Box::from);
        }
        if self.closer.is_none() {
            self.closer = entering.closer.map(|(name, closer)| (name.into(), closer));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object<'a>(record: Option<&'a str>, closer: Option<&'a str>) -> Entering<'a, u8> {
        Entering {
            library: 7,
            record,
            closer: closer.map(|name| (name, 1)),
        }
    }

    #[test]
    fn an_object_keeps_its_number_until_it_is_consumed() {
        let mut handles = Handles::<u8, &str>::new();
        let first = handles.enter(0x1000, object(None, None)).unwrap();
        assert_eq!(handles.enter(0x1000, object(None, None)), Ok(first));
        assert_eq!(handles.resolve(first, None), Ok(0x1000));
        handles.consume(first);
        assert_eq!(handles.resolve(first, None), Err(Unfit::Stale));
        let second = handles.enter(0x1000, object(None, None)).unwrap();
        assert_ne!(first, second, "a new object at the old address");
        handles.consume(first);
        assert_eq!(handles.resolve(second, None), Ok(0x1000));
    }

    #[test]
    fn types_that_are_known_must_agree() {
        let mut handles = Handles::<u8, &str>::new();
        let database = handles.enter(0x10, object(Some("sqlite3"), None)).unwrap();
        assert_eq!(handles.resolve(database, Some("sqlite3")), Ok(0x10));
        assert_eq!(handles.resolve(database, None), Ok(0x10));
        assert_eq!(
            handles.resolve(database, Some("sqlite3_stmt")),
            Err(Unfit::Other("sqlite3".into()))
        );
        let first_member = handles.enter(0x10, object(Some("list"), None)).unwrap();
        assert_ne!(first_member, database);
        assert_eq!(
            handles.enter(0x10, object(Some("sqlite3"), None)),
            Ok(database)
        );
        let unknown = handles.enter(0x20, object(None, None)).unwrap();
        assert_eq!(handles.enter(0x20, object(Some("FILE"), None)), Ok(unknown));
        assert!(handles.resolve(unknown, Some("DIR")).is_err());
    }

    #[test]
    fn what_is_left_of_a_library_goes_newest_first() {
        let mut handles = Handles::<u8, &str>::new();
        let closed = object(Some("a"), Some("close_a"));
        let first = handles.enter(1, closed).unwrap();
        handles
            .enter(2, object(Some("b"), Some("close_b")))
            .unwrap();
        handles.enter(3, object(None, None)).unwrap();
        let again = handles.enter(1, object(Some("a"), Some("other"))).unwrap();
        assert_eq!(again, first);
        assert!(handles.closes(first, "close_a") && !handles.closes(first, "other"));
        let other = Entering {
            library: 8,
            ..object(Some("c"), Some("close_c"))
        };
        let kept = handles.enter(1, other).unwrap();
        let names = |gone: Vec<Outstanding<u8, &str>>| -> Vec<String> {
            let closers = gone.into_iter().filter_map(|one| one.closer);
            closers.map(|(name, _)| name.to_string()).collect()
        };
        assert_eq!(names(handles.take(Some(7))), ["close_b", "close_a"]);
        assert_eq!(handles.resolve(first, None), Err(Unfit::Stale));
        assert_eq!(handles.resolve(kept, Some("c")), Ok(1));
        let known = Entering {
            library: 8,
            ..object(Some("c"), None)
        };
        assert_eq!(handles.enter(1, known), Ok(kept));
        assert_eq!(names(handles.take(None)), ["close_c"]);
        assert!(handles.take(None).is_empty());
    }

    #[test]
    fn what_is_kept_for_an_object_goes_with_it() {
        let mut handles = Handles::<u8, &str>::new();
        let first = handles.enter(1, object(None, None)).unwrap();
        let second = handles.enter(2, object(None, None)).unwrap();
        assert_eq!(handles.keep(first, "text"), Ok(()));
        assert_eq!(handles.keep(second, "other"), Ok(()));
        assert_eq!(handles.consume(first), ["text"]);
        assert_eq!(handles.keep(first, "late"), Err("late"));
        let left = handles.take(Some(7));
        assert_eq!(
            left.first().map(|one| one.kept.clone()),
            Some(vec!["other"])
        );
    }
}
