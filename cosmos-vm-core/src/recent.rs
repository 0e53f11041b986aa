//! The functions that a channel called last, found without a lock and without counting references.

use crate::Vm;
use crate::presence::Presence;
use crate::session::{Entry, Session};
use cosmos_rpc::Fault;
use cosmos_rpc::ahead::Ahead;
use std::cell::Cell;
use std::sync::Arc;

/// Places, in which functions are found by the last bits of their numbers.
const PLACES: usize = 8;

/// Functions of one channel, by their numbers.
pub(crate) struct Recent<V: Vm> {
    places: [Cell<Option<Known<V>>>; PLACES],
    presence: Arc<Presence>,
    /// The one that was looked up last.
    last: Cell<Option<u64>>,
}

struct Known<V: Vm> {
    id: u64,
    /// How often functions had been removed before it was looked up.
    removals: u64,
    /// The library's token.
    token: u64,
    /// In the table of the session, which holds it until functions are removed once more.
    entry: *const Entry<V>,
}

impl<V: Vm> Clone for Known<V> {
    fn clone(&self) -> Known<V> {
        *self
    }
}

impl<V: Vm> Copy for Known<V> {}

impl<V: Vm> Recent<V> {
    /// Of a channel of this session.
    pub fn new(session: &Session<V>) -> Recent<V> {
        Recent {
            places: [const { Cell::new(None) }; PLACES],
            presence: session.add_presence(),
            last: Cell::new(None),
        }
    }

    /// What has to be said when the channel ends.
    pub fn presence(&self) -> &Arc<Presence> {
        &self.presence
    }

    /// Has `call` use the function of this number, which stays meanwhile. `None` where it is not known,
    /// or this thread is in another one already.
    #[inline(always)]
    pub fn with<T>(
        &self,
        session: &Session<V>,
        id: u64,
        call: impl FnOnce(&Entry<V>) -> T,
    ) -> Option<T> {
        let known = self.places[id as usize % PLACES].get()?;
        if known.id != id || !self.presence.is_free() {
            return None;
        }
        self.presence.enter(known.token);
        let _leaving = LeavesLater {
            presence: &self.presence,
            session,
        };
        if session.removals() != known.removals {
            return None;
        }
        // SAFETY: nothing was removed when the thread had said that it is in the library, so the table
        // held the entry then; and whoever removes it from there after that sees that the thread is in,
        // and keeps the entry until it has left. See `presence`.
        Some(call(unsafe { &*known.entry }))
    }

    /// What a call of the function that was looked up last needs.
    pub fn needs(&self, session: &Session<V>, ahead: &mut Ahead) {
        session.needs(ahead);
        ahead.add(&*self.presence);
        let known = self.last.get();
        if let Some(entry) = known.and_then(|id| session.runable(id).ok()) {
            ahead.add(&entry.line);
            ahead.add(&entry.runable);
            session.vm.needs(&entry.runable, ahead);
        }
    }

    /// Looks the function of this number up.
    pub fn look_up(&self, session: &Session<V>, id: u64) -> Result<Arc<Entry<V>>, Fault> {
        // Before the table is: what is removed meanwhile is then not believed.
        let removals = session.removals();
        let entry = session.runable(id)?;
        let known = Known {
            id,
            removals,
            token: entry.token,
            entry: Arc::as_ptr(&entry),
        };
        self.places[id as usize % PLACES].set(Some(known));
        self.last.set(Some(id));
        Ok(entry)
    }
}

/// The thread leaves when this is dropped, by a panic too.
struct LeavesLater<'a, V: Vm> {
    presence: &'a Presence,
    session: &'a Session<V>,
}

impl<V: Vm> Drop for LeavesLater<'_, V> {
    #[inline]
    fn drop(&mut self) {
        if self.presence.leave() {
            self.session.left();
        }
    }
}
