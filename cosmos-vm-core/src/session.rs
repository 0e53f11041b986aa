//! What one client has in the VM: its objects, its runables, its handles.
//!
//! # Invariants
//!
//! 1. Tokens of one session mean nothing in another; a shared VM keeps its clients apart.
//! 2. No code of the VM kind runs while a table is locked. A panic therefore leaves tables whole,
//!    and a function that never returns blocks nobody.
//! 3. A call holds what it uses: an object that is closed meanwhile goes when the call returns.

use crate::Vm;
use crate::handles::Handles;
use crate::kept::{Account, Kept};
use crate::library::{Closer, Library, close_all};
use crate::presence::Presence;
use crate::scopes::Scopes;
use crate::segments::Segments;
use crate::table::{Full, Table};
use crate::vm::Held;
use callframe::marshal::{Callee, Caller, Compact, Given, Line, MemoryError};
use callframe::types::TypeId;
use cosmos_rpc::ahead::Ahead;
use cosmos_rpc::{Fault, FaultCode, fence};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

/// Most objects a client has open.
pub const MAXIMUM_OBJECTS: usize = 4096;
/// Most functions a client has resolved.
pub const MAXIMUM_RUNABLES: usize = 1 << 16;
/// Most channels a client has beside its main connection.
pub const MAXIMUM_CHANNELS: u32 = 1024;

/// A client's part of the VM. It ends when its last channel has.
pub(crate) struct Session<V: Vm> {
    pub vm: Arc<V>,
    /// Unlike any other session's.
    pub number: u64,
    objects: Mutex<Table<Arc<Library<V>>>>,
    runables: RwLock<Table<Arc<Entry<V>>>>,
    /// How often runables were removed.
    removals: AtomicU64,
    handles: Mutex<Handles<Closer<V>, Arc<Kept<V>>>>,
    scopes: Mutex<Scopes>,
    account: Arc<Account>,
    segments: Segments,
    channels: AtomicU32,
    /// Where the threads of its channels are.
    presences: Mutex<Vec<Arc<Presence>>>,
    /// Functions that were removed, and that a thread is in.
    leaving: Mutex<Vec<Leaving<V>>>,
}

/// Functions of a library that was closed.
struct Leaving<V: Vm> {
    token: u64,
    _runables: Vec<Arc<Entry<V>>>,
}

/// A function that can be called. What a call of a few numbers needs is first, in a line of the processor's.
#[repr(C, align(64))]
pub(crate) struct Entry<V: Vm> {
    /// Before the library: dropped first.
    pub runable: Arc<V::Runable>,
    /// Of a function of a few numbers: how its calls travel.
    pub line: Option<Line>,
    pub callee: Callee,
    /// Of a function of numbers and plain bytes: likewise.
    pub compact: Option<Compact>,
    /// What the function may call back, by the type of the pointer; the VM is the caller.
    pub callbacks: HashMap<TypeId, Arc<Caller>>,
    /// Keeps the library while a call runs.
    pub library: Arc<Library<V>>,
    /// The library's token.
    pub token: u64,
}

impl<V: Vm> Session<V> {
    pub fn new(vm: Arc<V>) -> Session<V> {
        static LAST: AtomicU64 = AtomicU64::new(0);
        Session {
            vm,
            number: LAST.fetch_add(1, Ordering::Relaxed) + 1,
            objects: Mutex::new(Table::new(MAXIMUM_OBJECTS)),
            runables: RwLock::new(Table::new(MAXIMUM_RUNABLES)),
            removals: AtomicU64::new(0),
            handles: Mutex::new(Handles::new()),
            scopes: Mutex::default(),
            account: Arc::default(),
            segments: Segments::default(),
            channels: AtomicU32::new(0),
            presences: Mutex::default(),
            leaving: Mutex::default(),
        }
    }

    /// What a call of a function that was called before looks at.
    pub fn needs(&self, ahead: &mut Ahead) {
        ahead.add(&self.vm);
        ahead.add(&self.removals);
    }

    pub fn add_object(&self, object: V::Object) -> Result<u64, Fault> {
        lock(&self.objects)
            .insert(Arc::new(Library::new(&self.vm, object)))
            .map_err(|full| limit("open objects", full))
    }

    /// The kind's object of a token.
    pub fn object(&self, token: u64) -> Result<Arc<V::Object>, Fault> {
        let library = self.library(token)?;
        library.object().cloned().ok_or_else(not_open)
    }

    pub fn library(&self, token: u64) -> Result<Arc<Library<V>>, Fault> {
        lock(&self.objects).get(token).cloned().ok_or_else(not_open)
    }

    /// Takes an object out of the tables, with its runables and what they made; what is to be
    /// destroyed of that waits for the last call.
    pub fn remove_object(&self, token: u64) -> Result<Arc<Library<V>>, Fault> {
        let library = self.library(token)?;
        lock(&self.objects).remove(token);
        let runables = self
            .runables
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove_all(|entry| entry.token == token);
        self.removals.fetch_add(1, Ordering::Release);
        let outstanding = self.handles().take(Some(token));
        library.leave(outstanding);
        // Not before the locks were given back: what is dropped here may be foreign code.
        drop(self.leave(token, runables));
        drop(lock(&self.scopes).remove_object(token));
        Ok(library)
    }

    /// Keeps functions that were removed as long as a thread is in their library; gives those that
    /// nobody is in.
    fn leave(&self, token: u64, runables: Vec<Arc<Entry<V>>>) -> Vec<Leaving<V>> {
        let mut leaving = lock(&self.leaving);
        leaving.push(Leaving {
            token,
            _runables: runables,
        });
        self.sweep(&mut leaving)
    }

    /// A thread that was asked to look has left a library: lets go of functions that nobody is in.
    #[cold]
    pub fn left(&self) {
        let gone = self.sweep(&mut lock(&self.leaving));
        drop(gone);
    }

    /// Takes out what nobody is in; the threads that are in the rest are asked to look when they leave.
    fn sweep(&self, leaving: &mut Vec<Leaving<V>>) -> Vec<Leaving<V>> {
        let presences = lock(&self.presences);
        let ask = |asked| presences.iter().for_each(|presence| presence.ask(asked));
        ask(true);
        let is_certain = fence::heavy();
        let is_used = |token| presences.iter().any(|presence| presence.is_in(token));
        let gone = leaving
            .extract_if(.., |one| is_certain && !is_used(one.token))
            .collect();
        if leaving.is_empty() {
            ask(false);
        }
        gone
    }

    /// A channel whose thread may be in libraries.
    pub fn add_presence(&self) -> Arc<Presence> {
        let presence = Arc::new(Presence::default());
        lock(&self.presences).push(Arc::clone(&presence));
        presence
    }

    /// The channel has ended.
    pub fn remove_presence(&self, presence: &Arc<Presence>) {
        lock(&self.presences).retain(|known| !Arc::ptr_eq(known, presence));
        if presence.leave() {
            self.left();
        }
    }

    pub fn add_runable(&self, entry: Entry<V>) -> Result<u64, Fault> {
        self.runables
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(Arc::new(entry))
            .map_err(|full| limit("resolved functions", full))
    }

    /// How often runables were removed: what is known of one is good while this stays.
    #[inline]
    pub fn removals(&self) -> u64 {
        self.removals.load(Ordering::Acquire)
    }

    pub fn runable(&self, id: u64) -> Result<Arc<Entry<V>>, Fault> {
        self.runables
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(id)
            .cloned()
            .ok_or_else(|| {
                Fault::caller(
                    FaultCode::StaleHandle,
                    "the function's library was closed in this VM",
                )
            })
    }

    pub fn handles(&self) -> MutexGuard<'_, Handles<Closer<V>, Arc<Kept<V>>>> {
        lock(&self.handles)
    }

    /// The address of a function that was passed before in the scope of this handle.
    pub fn scoped(&self, handle: u64, object: u64, given: &Given<'_>) -> Option<u64> {
        lock(&self.scopes).find(handle, object, given)
    }

    /// Keeps a function until its handle is closed or its object is.
    pub fn keep_scoped(
        &self,
        handle: u64,
        object: u64,
        given: &Given<'_>,
        thunk: Held,
    ) -> Result<(), MemoryError> {
        lock(&self.scopes).keep(handle, object, given, thunk)
    }

    /// These handles were closed.
    pub fn scope_ends(&self, handles: &[u64]) {
        if !handles.is_empty() {
            drop(lock(&self.scopes).remove_handles(handles));
        }
    }

    /// The memory that this client sees as well.
    pub fn segments(&self) -> &Segments {
        &self.segments
    }

    /// What is kept of this client's.
    pub fn account(&self) -> &Arc<Account> {
        &self.account
    }

    /// Counts a channel in; [`Session::channel_ended`] counts it out.
    pub fn channel_begins(&self) -> Result<(), Fault> {
        let counted = self
            .channels
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| {
                (count < MAXIMUM_CHANNELS).then_some(count + 1)
            });
        counted.map(drop).map_err(|_| {
            Fault::caller(
                FaultCode::LimitReached,
                format!("a client has at most {MAXIMUM_CHANNELS} threads in one VM"),
            )
        })
    }

    pub fn channel_ended(&self) {
        self.channels.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<V: Vm> Drop for Session<V> {
    fn drop(&mut self) {
        // No call runs any more: the newest object of all goes first, whichever library made it.
        let outstanding = self.handles().take(None);
        close_all(&*self.vm, outstanding);
        let runables = self
            .runables
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
            .remove_all(|_| true);
        drop(runables);
        let libraries = self
            .objects
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
            .remove_all(|_| true);
        drop(libraries);
    }
}

fn not_open() -> Fault {
    Fault::caller(
        FaultCode::StaleHandle,
        "the library is not open in this VM (any more)",
    )
}

pub(crate) fn limit(what: &str, full: Full) -> Fault {
    Fault::caller(
        FaultCode::LimitReached,
        format!(
            "the VM has {} {what} of this client, the most it may have; close some",
            full.limit
        ),
    )
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
