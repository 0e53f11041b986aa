//! Numbers for things: an index with a generation, never an address.
//!
//! ```text
//! bit 63                    24 23                 0
//!     +-----------------------+--------------------+
//!     | generation (40 bits)  | index + 1 (24 bits)|      0: NULL, names nothing
//!     +-----------------------+--------------------+
//! ```
//!
//! # Invariants
//!
//! 1. A token names at most one value, for ever: the generation of a slot grows each time its value
//!    is removed, and a slot whose generation would wrap is never used again.
//! 2. Any 64 bits may be asked for; what no live value has gives `None`.
//! 3. At most `limit` values are alive.

const INDEX_BITS: u32 = 24;
const INDEX_MASK: u64 = (1 << INDEX_BITS) - 1;
const LAST_GENERATION: u64 = (1 << (64 - INDEX_BITS)) - 1;
/// Most slots a table has, however large its limit.
const MAXIMUM_SLOTS: usize = INDEX_MASK as usize;

/// A table of values by token.
#[derive(Debug)]
pub(crate) struct Table<T> {
    slots: Vec<Slot<T>>,
    /// Indices of empty slots that may be used again.
    free: Vec<usize>,
    alive: usize,
    limit: usize,
}

#[derive(Debug)]
struct Slot<T> {
    generation: u64,
    value: Option<T>,
}

/// The table holds as many values as it may.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Full {
    pub limit: usize,
}

impl<T> Table<T> {
    pub fn new(limit: usize) -> Table<T> {
        Table {
            slots: Vec::new(),
            free: Vec::new(),
            alive: 0,
            limit: limit.min(MAXIMUM_SLOTS),
        }
    }

    /// Adds a value and gives its token.
    pub fn insert(&mut self, value: T) -> Result<u64, Full> {
        if self.alive >= self.limit {
            return Err(Full { limit: self.limit });
        }
        let index = match self.free.pop() {
            Some(index) => index,
            None if self.slots.len() < MAXIMUM_SLOTS => {
                self.slots.push(Slot {
                    generation: 0,
                    value: None,
                });
                self.slots.len() - 1
            }
            None => return Err(Full { limit: self.limit }),
        };
        let Some(slot) = self.slots.get_mut(index) else {
            return Err(Full { limit: self.limit });
        };
        slot.value = Some(value);
        self.alive += 1;
        Ok(slot.generation << INDEX_BITS | (index as u64 + 1))
    }

    /// The value of a token, where it names one.
    pub fn get(&self, token: u64) -> Option<&T> {
        let slot = self.slots.get(index(token)?)?;
        if slot.generation == token >> INDEX_BITS {
            slot.value.as_ref()
        } else {
            None
        }
    }

    /// The value of a token, to be changed.
    pub fn get_mut(&mut self, token: u64) -> Option<&mut T> {
        let slot = self.slots.get_mut(index(token)?)?;
        if slot.generation == token >> INDEX_BITS {
            slot.value.as_mut()
        } else {
            None
        }
    }

    /// All values with their tokens.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &T)> {
        self.slots.iter().enumerate().filter_map(|(index, slot)| {
            let token = slot.generation << INDEX_BITS | (index as u64 + 1);
            Some((token, slot.value.as_ref()?))
        })
    }

    /// Takes the value of a token out; the token names nothing any more.
    pub fn remove(&mut self, token: u64) -> Option<T> {
        let index = index(token)?;
        let slot = self.slots.get_mut(index)?;
        if slot.generation != token >> INDEX_BITS {
            return None;
        }
        let value = slot.value.take()?;
        self.alive -= 1;
        if slot.generation < LAST_GENERATION {
            slot.generation += 1;
            self.free.push(index);
        }
        Some(value)
    }

    /// Takes out every value that `which` says yes to.
    pub fn remove_all(&mut self, mut which: impl FnMut(&T) -> bool) -> Vec<T> {
        let tokens: Vec<u64> = self
            .slots
            .iter()
            .enumerate()
            .filter(|(_, slot)| slot.value.as_ref().is_some_and(&mut which))
            .map(|(index, slot)| slot.generation << INDEX_BITS | (index as u64 + 1))
            .collect();
        tokens
            .into_iter()
            .filter_map(|token| self.remove(token))
            .collect()
    }
}

fn index(token: u64) -> Option<usize> {
    usize::try_from((token & INDEX_MASK).checked_sub(1)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_removed_token_names_nothing_though_its_slot_is_used_again() {
        let mut table = Table::new(10);
        let first = table.insert("a").unwrap();
        assert_eq!(table.remove(first), Some("a"));
        let second = table.insert("b").unwrap();
        assert_eq!(first & INDEX_MASK, second & INDEX_MASK);
        assert_eq!((table.get(first), table.get(second)), (None, Some(&"b")));
        assert_eq!(table.remove(first), None);
    }

    #[test]
    fn numbers_that_were_never_given_name_nothing() {
        let mut table = Table::new(10);
        table.insert(1).unwrap();
        for token in [
            0,
            2,
            INDEX_MASK,
            u64::MAX,
            1 << INDEX_BITS,
            1 | 1 << INDEX_BITS,
        ] {
            assert_eq!(table.get(token), None, "{token:#x}");
            assert_eq!(table.remove(token), None, "{token:#x}");
        }
    }

    #[test]
    fn the_limit_counts_what_is_alive() {
        let mut table = Table::new(2);
        let first = table.insert(1).unwrap();
        table.insert(2).unwrap();
        assert_eq!(table.insert(3), Err(Full { limit: 2 }));
        table.remove(first);
        assert!(table.insert(3).is_ok());
    }

    #[test]
    fn a_slot_at_its_last_generation_is_retired() {
        let mut table = Table::new(10);
        let token = table.insert(1).unwrap();
        table.remove(token);
        table.slots[0].generation = LAST_GENERATION;
        let last = table.insert(2).unwrap();
        assert_eq!(last, LAST_GENERATION << INDEX_BITS | 1);
        assert_eq!(table.remove(last), Some(2));
        let next = table.insert(3).unwrap();
        assert_eq!(next, 2, "a fresh slot, not the worn one");
        assert_eq!(table.get(last), None);
    }

    #[test]
    fn remove_all_takes_what_matches() {
        let mut table = Table::new(10);
        let tokens: Vec<u64> = (0..6).map(|value| table.insert(value).unwrap()).collect();
        assert_eq!(table.remove_all(|value| value % 2 == 0), [0, 2, 4]);
        let left: Vec<_> = tokens
            .iter()
            .filter_map(|&token| table.get(token))
            .collect();
        assert_eq!(left, [&1, &3, &5]);
    }
}
