//! Numbers for functions that were passed to VMs.
//!
//! A number is an index with a generation, 24 bits of each, so one that was taken back names
//! nothing for the next sixteen million uses of its place, and places are used again in turn.
//!
//! | passed | may be called |
//! |---|---|
//! | without a scope | by the VM of the call, on the thread of the call, until it returns |
//! | `__scope(h)` | by the VM of the call, on any thread that is in a call of it, until h is closed or the library is |

use super::Signature;
use super::closure::Callback;
use crate::session::lock;
use callframe::marshal::Brief;
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

/// Most functions that VMs of this process may know at a time.
const MAXIMUM: usize = 1 << 20;
/// So many places are free before one is used again.
const RESTING: usize = 64;
const INDEX_BITS: u32 = 24;
const INDEX_MASK: u64 = (1 << INDEX_BITS) - 1;
const LAST_GENERATION: u64 = (1 << 24) - 1;

/// The functions that VMs may call.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    table: Mutex<Table>,
    /// How many scopes it has, to be looked at by every call.
    scopes: AtomicUsize,
    /// How often scopes have ended.
    ended: AtomicU64,
}

#[derive(Debug, Default)]
struct Table {
    places: Vec<Place>,
    free: VecDeque<usize>,
    /// Numbers of the functions with a scope.
    scopes: HashMap<Scope, Vec<u64>>,
    count: usize,
}

#[derive(Debug)]
struct Place {
    generation: u64,
    passed: Option<Arc<Passed>>,
}

/// A handle of a library of a VM.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Scope {
    link: u64,
    library: u64,
    handle: u64,
}

/// A function that was passed.
#[derive(Debug)]
pub(crate) struct Passed {
    pub(crate) function: Function,
    pub(crate) signature: Arc<Signature>,
    /// The integers of the call it was passed to.
    pub(crate) outer: Arc<[i128]>,
    /// Key of the VM's link.
    pub(crate) link: u64,
    /// The library whose function took it.
    pub(crate) library: u64,
    pub(crate) allowed: Allowed,
    /// How its calls travel that are brief; found with the first of them.
    pub(crate) brief: OnceLock<Option<Brief>>,
}

/// What is called.
#[derive(Clone, Debug)]
pub(crate) enum Function {
    /// The C function at this address.
    Code(u64),
    /// A closure.
    Closure(Callback),
}

/// When a function may be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Allowed {
    /// During the call, on its thread (see [`thread`]).
    During(u64),
    /// Until the handle of this wire form is closed.
    Until(u64),
}

impl Registry {
    /// A number for a function; the same one for a function that the scope has already. `None`
    /// when there are too many.
    pub(crate) fn add(&self, passed: Passed) -> Option<u64> {
        let mut table = lock(&self.table);
        let scope = passed.scope();
        if let Some(scope) = scope
            && let Some(known) = table.find(scope, &passed)
        {
            return Some(known);
        }
        let number = table.insert(Arc::new(passed))?;
        if let Some(scope) = scope {
            table.scopes.entry(scope).or_default().push(number);
            self.scopes.store(table.scopes.len(), Ordering::Release);
        }
        Some(number)
    }

    /// The function of a number.
    pub(crate) fn get(&self, number: u64) -> Option<Arc<Passed>> {
        lock(&self.table).get(number).cloned()
    }

    /// Takes numbers back.
    pub(crate) fn remove(&self, numbers: &[u64]) {
        let mut table = lock(&self.table);
        let gone: Vec<_> = numbers.iter().map(|it| table.remove(*it)).collect();
        // What is dropped here may be a closure of the program's.
        drop(table);
        drop(gone);
    }

    /// Whether any function has a scope.
    pub(crate) fn has_scopes(&self) -> bool {
        self.scopes.load(Ordering::Acquire) > 0
    }

    /// A handle was closed: what is scoped by it may not be called any more.
    pub(crate) fn handle_closed(&self, link: u64, handle: u64) {
        self.end_scopes(|scope| scope.link == link && scope.handle == handle);
    }

    /// A library was closed.
    pub(crate) fn library_closed(&self, link: u64, library: u64) {
        self.end_scopes(|scope| scope.link == link && scope.library == library);
    }

    fn end_scopes(&self, ends: impl Fn(&Scope) -> bool) {
        let mut table = lock(&self.table);
        if table.scopes.is_empty() {
            return;
        }
        let ended = table.scopes.extract_if(|scope, _| ends(scope));
        let numbers: Vec<u64> = ended.flat_map(|(_, numbers)| numbers).collect();
        let gone: Vec<_> = numbers.iter().map(|it| table.remove(*it)).collect();
        self.scopes.store(table.scopes.len(), Ordering::Release);
        self.ended.fetch_add(1, Ordering::Release);
        drop(table);
        drop(gone);
    }

    /// How often scopes have ended: as long as it is the same, a function with a scope may be called
    /// that could be called before.
    #[inline]
    pub(crate) fn ended(&self) -> u64 {
        self.ended.load(Ordering::Acquire)
    }
}

impl Passed {
    /// How its calls travel where its arguments are a few bytes.
    #[inline]
    pub(crate) fn brief(&self) -> Option<&Brief> {
        let callee = &self.signature.callee;
        let found = self.brief.get_or_init(|| callee.brief(&self.outer));
        found.as_ref()
    }

    fn scope(&self) -> Option<Scope> {
        match self.allowed {
            Allowed::During(_) => None,
            Allowed::Until(handle) => Some(Scope {
                link: self.link,
                library: self.library,
                handle,
            }),
        }
    }

    fn same(&self, other: &Passed) -> bool {
        self.function.same(&other.function)
            && Arc::ptr_eq(&self.signature, &other.signature)
            && self.outer == other.outer
    }
}

impl Function {
    fn same(&self, other: &Function) -> bool {
        match (self, other) {
            (Function::Code(one), Function::Code(other)) => one == other,
            (Function::Closure(one), Function::Closure(other)) => one == other,
            _ => false,
        }
    }
}

impl Table {
    fn find(&self, scope: Scope, passed: &Passed) -> Option<u64> {
        let numbers = self.scopes.get(&scope)?;
        let same = |number: &&u64| self.get(**number).is_some_and(|known| known.same(passed));
        numbers.iter().rev().find(same).copied()
    }

    fn insert(&mut self, passed: Arc<Passed>) -> Option<u64> {
        if self.count >= MAXIMUM {
            return None;
        }
        let rested = match self.free.len() > RESTING {
            true => self.free.pop_front(),
            false => None,
        };
        let index = match rested {
            Some(index) => index,
            None => {
                self.places.push(Place {
                    generation: 0,
                    passed: None,
                });
                self.places.len() - 1
            }
        };
        let place = self.places.get_mut(index)?;
        place.passed = Some(passed);
        self.count += 1;
        Some(place.generation << INDEX_BITS | (index as u64 + 1))
    }

    fn get(&self, number: u64) -> Option<&Arc<Passed>> {
        let place = self.places.get(index(number)?)?;
        match place.generation == number >> INDEX_BITS {
            true => place.passed.as_ref(),
            false => None,
        }
    }

    fn remove(&mut self, number: u64) -> Option<Arc<Passed>> {
        let index = index(number)?;
        let place = self.places.get_mut(index)?;
        if place.generation != number >> INDEX_BITS {
            return None;
        }
        let passed = place.passed.take()?;
        self.count -= 1;
        if place.generation < LAST_GENERATION {
            place.generation += 1;
            self.free.push_back(index);
        }
        Some(passed)
    }
}

fn index(number: u64) -> Option<usize> {
    usize::try_from((number & INDEX_MASK).checked_sub(1)?).ok()
}

/// What tells this thread from the others of the process.
pub(crate) fn thread() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    thread_local! {
        static NUMBER: u64 = LAST.fetch_add(1, Ordering::Relaxed) + 1;
    }
    // A thread that ends, whose own number is gone, is told from all others still.
    NUMBER.try_with(|number| *number).unwrap_or(0)
}
