//! Memory of the program's that stands for objects in VMs: a `regex_t`, a `z_stream`.
//!
//! The memory itself holds the object's token, so that a copy of it, or what is put there later, is
//! no object; this table says which addresses may be looked at.
//!
//! An entry lives until the object is destroyed, its library closed or its VM gone. What is known of
//! the numbers in the memory outlives it for a while: the program may make the next object there and
//! go on with them (see [`Standing`]).

use crate::session::lock;
use callframe::marshal::Standing;
use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;

/// How many pieces of memory that stand for nothing any more are remembered, the latest ones.
const REMEMBERED: usize = 4096;

/// Where objects are stood for, in this process.
#[derive(Debug, Default)]
pub(crate) struct Residents(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    entries: HashMap<u64, Entry>,
    /// Memory that stands for nothing any more: which end it was, and its address.
    ended: VecDeque<(u64, u64)>,
    ends: u64,
}

#[derive(Debug)]
struct Entry {
    state: State,
    standing: Standing,
}

#[derive(Debug)]
enum State {
    Lives(Resident),
    /// By which end.
    Ended(u64),
}

/// What a piece of memory stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Resident {
    /// The object.
    pub(crate) token: u64,
    /// Where its token is, from the start of the memory.
    pub(crate) place: u64,
    /// Key of the VM's link.
    pub(crate) link: u64,
    /// The library whose function made it.
    pub(crate) library: u64,
}

/// What there is at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Nothing that this table knows of.
    Nothing,
    /// Memory that stands for an object.
    Object(Resident),
    /// Memory whose object is gone.
    Gone,
}

impl Residents {
    /// What the memory at this address stands for.
    pub(crate) fn at(&self, address: u64) -> Found {
        match lock(&self.0).entries.get(&address) {
            None => Found::Nothing,
            Some(entry) => match entry.state {
                State::Lives(resident) => Found::Object(resident),
                State::Ended(_) => Found::Gone,
            },
        }
    }

    /// What is known of the numbers there.
    pub(crate) fn standing(&self, address: u64) -> Standing {
        let table = lock(&self.0);
        let entry = table.entries.get(&address);
        entry
            .map(|entry| entry.standing.clone())
            .unwrap_or_default()
    }

    /// It stands for this from now on.
    pub(crate) fn insert(&self, address: u64, resident: Resident, standing: Standing) {
        let state = State::Lives(resident);
        lock(&self.0)
            .entries
            .insert(address, Entry { state, standing });
    }

    /// It stands for nothing any more.
    pub(crate) fn end(&self, address: u64, standing: Standing) {
        let mut table = lock(&self.0);
        if table.entries.contains_key(&address) {
            table.end(address, Some(standing));
        }
    }

    /// The program has set so many bytes of the memory at this address, from that place on.
    pub(crate) fn set(&self, address: u64, place: usize, size: usize) {
        if let Some(entry) = lock(&self.0).entries.get_mut(&address) {
            entry.standing.set(place, size);
        }
    }

    /// The memory is freed: what is there next has nothing to do with it.
    pub(crate) fn forget(&self, address: u64) {
        lock(&self.0).entries.remove(&address);
    }

    /// A library was closed, and with it its objects.
    pub(crate) fn library_closed(&self, link: u64, library: u64) {
        self.end_all(|resident| resident.link == link && resident.library == library);
    }

    /// A VM is gone, and with it its objects.
    pub(crate) fn vm_gone(&self, link: u64) {
        self.end_all(|resident| resident.link == link);
    }

    fn end_all(&self, gone: impl Fn(&Resident) -> bool) {
        let mut table = lock(&self.0);
        let ended = table
            .entries
            .iter()
            .filter_map(|(address, entry)| match &entry.state {
                State::Lives(resident) if gone(resident) => Some(*address),
                _ => None,
            });
        let ended: Vec<u64> = ended.collect();
        for address in ended {
            table.end(address, None);
        }
    }
}

impl Table {
    fn end(&mut self, address: u64, standing: Option<Standing>) {
        let Some(entry) = self.entries.get_mut(&address) else {
            return;
        };
        self.ends += 1;
        entry.state = State::Ended(self.ends);
        let known = std::mem::take(&mut entry.standing);
        entry.standing = standing.unwrap_or(known).ended();
        self.ended.push_back((self.ends, address));
        while self.ended.len() > REMEMBERED {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let Some((end, address)) = self.ended.pop_front() else {
            return;
        };
        // It may stand for another object by now, or have ended again since.
        if let Some(entry) = self.entries.get(&address)
            && matches!(entry.state, State::Ended(last) if last == end)
        {
            self.entries.remove(&address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Resident = Resident {
        token: 1,
        place: 0,
        link: 7,
        library: 70,
    };

    fn table(residents: &[(u64, Resident)]) -> Residents {
        let table = Residents::default();
        for (address, resident) in residents {
            table.insert(*address, *resident, Standing::default());
        }
        table
    }

    #[test]
    fn objects_go_with_their_library_and_with_their_vm() {
        let other_library = Resident { library: 71, ..ONE };
        let other_vm = Resident { link: 8, ..ONE };
        let table = table(&[(0x10, ONE), (0x20, other_library), (0x30, other_vm)]);
        assert_eq!(table.at(0x10), Found::Object(ONE));
        assert_eq!(table.at(0x40), Found::Nothing);
        table.library_closed(7, 70);
        assert_eq!(table.at(0x10), Found::Gone);
        assert_eq!(table.at(0x20), Found::Object(other_library));
        table.vm_gone(7);
        assert_eq!(table.at(0x20), Found::Gone);
        assert_eq!(table.at(0x30), Found::Object(other_vm));
        table.end(0x30, Standing::default());
        assert_eq!(table.at(0x30), Found::Gone);
        table.insert(0x30, ONE, Standing::default());
        assert_eq!(table.at(0x30), Found::Object(ONE));
        // What never stood for anything is not remembered as if it had.
        table.end(0x50, Standing::default());
        assert_eq!(table.at(0x50), Found::Nothing);
    }

    #[test]
    fn what_ended_is_forgotten_in_the_end() {
        let table = Residents::default();
        table.insert(1, ONE, Standing::default());
        for round in 0..3 * REMEMBERED as u64 {
            let address = 0x1000 + 16 * round;
            table.insert(address, ONE, Standing::default());
            table.end(address, Standing::default());
            // One address ends again and again: its last end counts.
            table.insert(2, ONE, Standing::default());
            table.end(2, Standing::default());
        }
        assert_eq!(table.at(0x1000), Found::Nothing);
        assert_eq!(table.at(2), Found::Gone);
        assert_eq!(table.at(1), Found::Object(ONE), "what lives stays");
        let table = lock(&table.0);
        assert!(table.entries.len() <= REMEMBERED + 1);
        assert_eq!(table.ended.len(), REMEMBERED);
    }
}
