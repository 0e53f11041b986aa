//! A client's link to one VM: the main connection, by which it owns the VM, and its channels. How a VM
//! ended is found out in [`ending`].
//!
//! ```text
//!          take                 give, last user
//! idle ───────────▶ in use ──────────────────────▶ idle ──▶ retired (connection closes)
//!   │                 │
//!   └── end ──────────┴──▶ gone: every later use fails at once with what ended it
//! ```
//!
//! Nothing is reopened behind the program's back: a link that is gone stays gone, and the next
//! open gets another VM.

mod attaching;
mod ending;
mod nature;

pub(crate) use attaching::{Aim, Attached, Meeting};
pub(crate) use nature::Nature;

use attaching::Attaching;

use crate::arena::Arena;
use crate::channel;
use crate::cookies::Cookies;
use crate::coordinator::Coordinator;
use crate::error::Error;
use crate::fork::{self, Own};
use crate::session::{Session, lock};
use crate::token::VmNumber;
use crate::trace;
use crate::turn::{Seat, Turn};
use crate::uncancelled::Uncancelled;
use cosmos_rpc::blocking::Connection;
use cosmos_rpc::message::Message;
use cosmos_rpc::message::coordinator::VmOpened;
use cosmos_rpc::message::crash::Crash;
use cosmos_rpc::message::vm::Attach;
use cosmos_rpc::{Blame, Fault, FaultCode, Frame, codec};
use std::any::Any;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::time::Duration;

/// A link to a VM.
#[derive(Debug)]
pub(crate) struct Link {
    name: String,
    kind: String,
    host: String,
    isolation: String,
    nature: Nature,
    number: VmNumber,
    key: u64,
    generation: u64,
    main: Mutex<Option<Main>>,
    /// Of the main connection, which a thread may be waiting on.
    main_turn: Arc<Turn>,
    users: AtomicUsize,
    ended: OnceLock<Ended>,
    /// Of its channels, in whichever threads.
    turns: Mutex<Vec<Weak<Turn>>>,
    cookies: Cookies,
    arena: Arc<Arena>,
    /// Minor version of the protocol that the VM speaks.
    minor: u16,
}

/// The connection by which this process owns the VM.
#[derive(Debug)]
struct Main {
    /// Before the connection: dropped first.
    _seat: Seat,
    connection: Own<Connection>,
}

#[derive(Clone, Debug)]
struct Ended {
    fault: Fault,
    signal: i32,
    crash: Option<Crash>,
}

/// Set in `users` of a link that nobody may take any more.
const RETIRED: usize = usize::MAX / 2;

impl Link {
    /// A link over the main connection.
    pub(crate) fn new(
        opened: &VmOpened,
        nature: Nature,
        number: VmNumber,
        generation: u64,
        main: Connection,
    ) -> Arc<Link> {
        static KEYS: AtomicU64 = AtomicU64::new(1);
        let seat = Seat::new(main.as_raw_fd());
        let minor = main.peer().minor;
        Arc::new(Link {
            name: opened.name.clone(),
            kind: opened.kind.clone(),
            host: opened.host.clone(),
            isolation: opened.isolation.clone(),
            nature,
            number,
            key: KEYS.fetch_add(1, Ordering::Relaxed),
            generation,
            main_turn: Arc::clone(seat.turn()),
            main: Mutex::new(Some(Main {
                _seat: seat,
                connection: Own::new(main),
            })),
            users: AtomicUsize::new(0),
            ended: OnceLock::new(),
            turns: Mutex::default(),
            cookies: Cookies::default(),
            arena: Arc::default(),
            minor,
        })
    }

    /// Its name in the registry, `vm/hostfn-3`.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Its name for people, `hostfn-3`.
    pub(crate) fn label(&self) -> &str {
        self.name.strip_prefix("vm/").unwrap_or(&self.name)
    }

    /// Its kind, `hostfn`.
    pub(crate) fn kind(&self) -> &str {
        &self.kind
    }

    /// The cosmosd of its machine.
    pub(crate) fn coordinator(&self) -> &Coordinator {
        &self.nature.coordinator
    }

    /// Its host.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// The isolation level it has.
    pub(crate) fn isolation(&self) -> &str {
        &self.isolation
    }

    /// Whether there are walls around it, or around its programs.
    pub(crate) fn is_walled(&self) -> bool {
        !matches!(self.isolation(), "none" | "limits")
    }

    /// Its number in handles.
    pub(crate) fn number(&self) -> VmNumber {
        self.number
    }

    /// What tells it from every other link of this process and its ancestors.
    pub(crate) fn key(&self) -> u64 {
        self.key
    }

    /// The memory that this process and the VM both see.
    pub(crate) fn arena(&self) -> &Arc<Arena> {
        &self.arena
    }

    /// Minor version of the protocol that the VM speaks.
    pub(crate) fn minor(&self) -> u16 {
        self.minor
    }

    /// What the program gave it to hand back.
    pub(crate) fn cookies(&self) -> &Cookies {
        &self.cookies
    }

    /// Whether other processes use the VM too.
    pub(crate) fn is_shared(&self) -> bool {
        self.nature.shared
    }

    /// Whether it may wait, unused, for the next open.
    pub(crate) fn is_reusable(&self) -> bool {
        self.nature.reusable && !self.nature.shared && !self.is_gone()
    }

    /// Whether cosmosd can be asked about it by its name.
    pub(crate) fn is_supervised(&self) -> bool {
        let coordinator = &self.nature.coordinator;
        match self.nature.epoch {
            None => false,
            // The next cosmosd of this machine has the VMs of the one before, by their names.
            Some(epoch) => !coordinator.is_remote() || epoch == coordinator.epoch(),
        }
    }

    /// Whether it was inherited by fork.
    #[inline]
    pub(crate) fn is_foreign(&self) -> bool {
        !fork::is_current(self.generation)
    }

    /// Whether it has ended, as far as this process knows.
    pub(crate) fn is_gone(&self) -> bool {
        self.ended.get().is_some()
    }

    /// Whether nobody uses it.
    pub(crate) fn is_idle(&self) -> bool {
        self.users.load(Ordering::Acquire) == 0
    }

    /// One more user; `None` when it is gone or retired.
    pub(crate) fn take(self: &Arc<Link>) -> Option<Arc<Link>> {
        if self.is_gone() {
            return None;
        }
        let more = |users: usize| (users < RETIRED).then_some(users + 1);
        self.users
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, more)
            .ok()
            .map(|_| Arc::clone(self))
    }

    /// One user less; whether it was the last.
    pub(crate) fn give(&self) -> bool {
        self.users.fetch_sub(1, Ordering::AcqRel) == 1
    }

    /// Lets nobody take it any more, if nobody uses it, and closes the connection.
    pub(crate) fn retire(&self) -> bool {
        let unused = self
            .users
            .compare_exchange(0, RETIRED, Ordering::AcqRel, Ordering::Acquire)
            .is_ok();
        if unused {
            self.close();
        }
        unused
    }

    /// Closes the main connection, and this thread's channel; a private VM ends by that.
    pub(crate) fn close(&self) {
        channel::vm_ended();
        drop(lock(&self.main).take());
        channel::forget(self.key);
        self.leave_arena();
    }

    /// Refuses a link that was inherited by fork, or whose VM is gone.
    pub(crate) fn usable(&self) -> Result<(), Error> {
        if !fork::is_current(self.generation) {
            return Err(self.named(Fault::caller(
                FaultCode::Forked,
                format!(
                    "{} belongs to the process this one was forked from; open the library again here",
                    self.label()
                ),
            )));
        }
        match self.ended.get() {
            None => Ok(()),
            Some(ended) => {
                // Whatever ended it, what is wrong with this use is that there is no VM any more.
                let message = format!(
                    "{}; it is gone with everything in it, open the library again for a fresh VM",
                    ended.fault.message
                );
                Err(self.died(message, ended))
            }
        }
    }

    /// Carries a request on this thread's channel. `place` as in [`Link::diagnose`].
    pub(crate) fn request<M: Message>(
        self: &Arc<Link>,
        message: &M,
        timeout: Option<Duration>,
        place: &str,
    ) -> Result<M::Reply, Error> {
        self.request_with(message, &[], timeout, place)
    }

    /// The same with descriptors.
    pub(crate) fn request_with<M: Message>(
        self: &Arc<Link>,
        message: &M,
        descriptors: &[BorrowedFd<'_>],
        timeout: Option<Duration>,
        place: &str,
    ) -> Result<M::Reply, Error> {
        let body = codec::encode(message).map_err(|fault| self.named(fault))?;
        let frame = self.exchange_with(M::KIND, &body, descriptors, timeout, place)?;
        frame
            .reply::<M>()
            .map_err(|fault| self.diagnose(fault, place))
    }

    /// The same with a request made of bytes; the answer is a frame that is no fault.
    pub(crate) fn exchange(
        self: &Arc<Link>,
        kind: u16,
        body: &[u8],
        timeout: Option<Duration>,
        place: &str,
    ) -> Result<Frame, Error> {
        self.exchange_with(kind, body, &[], timeout, place)
    }

    fn exchange_with(
        self: &Arc<Link>,
        kind: u16,
        body: &[u8],
        descriptors: &[BorrowedFd<'_>],
        timeout: Option<Duration>,
        place: &str,
    ) -> Result<Frame, Error> {
        let what = place.split_once(' ').map_or("", |(_, what)| what);
        trace::step(trace::verb(kind), what, || {
            self.usable()?;
            let ahead = (kind, body, descriptors);
            let (mut channel, answered) = channel::take_asking(self, timeout, ahead)
                .map_err(|fault| self.diagnose(fault, place))?;
            let answered = match answered {
                Some(frame) => Ok(frame),
                None => channel.connection.call_raw(kind, &[body], descriptors),
            };
            self.settle(kind, channel, answered, place)
        })
    }

    /// The answer to a request that was made as the VM was met, on the channel that was made with it.
    pub(crate) fn first_answer<M: Message>(
        self: &Arc<Link>,
        first: Result<Attached, Fault>,
        message: &M,
        timeout: Option<Duration>,
        place: &str,
    ) -> Result<M::Reply, Error> {
        let (connection, answer, _) = first.map_err(|fault| self.diagnose(fault, place))?;
        let channel = channel::made(self, connection, timeout);
        let Some(answer) = answer else {
            channel::park(self, channel);
            return self.request(message, timeout, place);
        };
        let frame = self.settle(M::KIND, channel, Ok(answer), place)?;
        frame
            .reply::<M>()
            .map_err(|fault| self.diagnose(fault, place))
    }

    /// What came of a request on a channel, which is put back.
    fn settle(
        self: &Arc<Link>,
        kind: u16,
        mut channel: Box<channel::Channel>,
        answered: Result<Frame, Fault>,
        place: &str,
    ) -> Result<Frame, Error> {
        match answered {
            Ok(frame) => {
                if trace::recall(self, &mut channel.connection, trace::verb(kind), frame.id) {
                    channel::park(self, channel);
                }
                match frame.fault() {
                    Some(mut fault) => {
                        if fault.blame == Blame::Vm {
                            fault.message.push_str(&self.denied());
                        }
                        Err(self.named(fault))
                    }
                    None => Ok(frame),
                }
            }
            Err(fault) => Err(self.diagnose(fault, place)),
        }
    }

    /// Makes a request whose answer is awaited later, by [`Link::finish`]. The channel is its own
    /// until then.
    pub(crate) fn begin<M: Message>(
        self: &Arc<Link>,
        message: &M,
        descriptors: &[BorrowedFd<'_>],
        timeout: Option<Duration>,
        place: &str,
    ) -> Result<Begun, Error> {
        self.usable()?;
        let body = codec::encode(message).map_err(|fault| self.named(fault))?;
        let diagnose = |fault| self.diagnose(fault, place);
        let mut channel = channel::take(self, timeout).map_err(diagnose)?;
        let id = channel
            .connection
            .request_raw(M::KIND, &[&body], descriptors)
            .map_err(diagnose)?;
        Ok(Begun { channel, id })
    }

    /// Waits for the answer to a request that was begun, for at most `patience`.
    pub(crate) fn finish<M: Message>(
        self: &Arc<Link>,
        begun: Begun,
        patience: Option<Duration>,
        place: &str,
    ) -> Result<M::Reply, Error> {
        let Begun { mut channel, id } = begun;
        channel.connection.set_timeout(patience);
        match channel.connection.answer(id) {
            Ok(frame) => {
                if trace::recall(self, &mut channel.connection, trace::verb(M::KIND), id) {
                    channel::park(self, channel);
                }
                // A fault that the VM answers is about the request, not about the VM.
                let fault = frame.fault();
                fault.map_or(Ok(()), |fault| Err(self.named(fault)))?;
                frame
                    .reply::<M>()
                    .map_err(|fault| self.diagnose(fault, place))
            }
            Err(fault) => Err(self.diagnose(fault, place)),
        }
    }

    /// A new channel to the VM.
    pub(crate) fn attach(&self, timeout: Option<Duration>) -> Result<Connection, Fault> {
        self.attach_asking(timeout, None)
            .map(|(channel, ..)| channel)
    }

    /// The same, and the answer to a request that was made on it at once, where there is one: that saves a round
    /// trip.
    pub(crate) fn attach_asking(
        &self,
        timeout: Option<Duration>,
        ahead: Option<Ahead<'_>>,
    ) -> Result<Attached, Fault> {
        // The VM finds all that is said here when it comes to the channel.
        let attaching = {
            let mut main = lock(&self.main);
            let main = main.as_mut().ok_or_else(|| {
                Fault::caller(
                    FaultCode::Disconnected,
                    format!("{} was closed", self.label()),
                )
            })?;
            let main = &mut main.connection;
            main.set_timeout(timeout);
            let known = *main.peer();
            let attach =
                |theirs: BorrowedFd<'_>| main.request_raw(Attach::KIND, &[], &[theirs]).map(Some);
            let attaching =
                Attaching::begin(&self.nature, &known, timeout, ahead, Vec::new(), attach)?;
            attaching.is_taken(main)?;
            attaching
        };
        attaching.heard(timeout)
    }

    /// Lists a channel, so that calls on it can be ended.
    pub(crate) fn list(&self, turn: &Arc<Turn>) {
        let mut turns = lock(&self.turns);
        turns.retain(|known| known.strong_count() > 0);
        turns.push(Arc::downgrade(turn));
    }

    /// Has the calls that are under way for `object`, which is closed, keep something until they have ended.
    pub(crate) fn leave(&self, object: u64, something: &Arc<dyn Any + Send + Sync>) {
        for turn in self.turns() {
            turn.leave(object, something);
        }
    }

    fn turns(&self) -> Vec<Arc<Turn>> {
        lock(&self.turns).iter().filter_map(Weak::upgrade).collect()
    }

    /// Ends the calls that are under way for `object`, and with them a private VM; gives how many
    /// there were.
    pub(crate) fn cancel(self: &Arc<Link>, object: u64) -> usize {
        let turns = self.turns();
        let count = turns.iter().filter(|turn| turn.cancel(object)).count();
        if count > 0 && !self.nature.shared {
            let message = format!(
                "{} was killed because a call in it was cancelled",
                self.label()
            );
            self.end(Fault::caller(FaultCode::Cancelled, message), 0);
            self.kill();
        }
        count
    }

    /// Declares the VM gone; the first reason stays.
    pub(crate) fn end(self: &Arc<Link>, fault: Fault, signal: i32) {
        self.end_for(Ended {
            fault,
            signal,
            crash: None,
        });
    }

    fn end_for(self: &Arc<Link>, ended: Ended) {
        if self.ended.set(ended).is_ok() {
            channel::vm_ended();
            let session = Session::current();
            session.forget(self);
            session.residents().vm_gone(self.key);
            // A thread may be waiting on it, for a VM that does not answer.
            self.main_turn.shut();
            drop(lock(&self.main).take());
            self.leave_arena();
        }
    }

    /// What is allocated stays the program's; the rest of the shared memory goes.
    fn leave_arena(&self) {
        let gone = self.arena.close();
        if !gone.is_empty() {
            Session::current().arenas().forget(&gone);
        }
    }
}

/// A request that is made before a channel is known to be there: its kind, body and descriptors.
pub(crate) type Ahead<'r> = (u16, &'r [u8], &'r [BorrowedFd<'r>]);

/// A request that was made, and the channel on which it will be answered.
#[derive(Debug)]
pub(crate) struct Begun {
    channel: Box<channel::Channel>,
    id: u64,
}

/// One use of a link, ended by dropping it.
#[derive(Debug)]
pub(crate) struct Hold(Arc<Link>);

impl Hold {
    /// Wraps what [`Link::take`] gave.
    pub(crate) fn new(taken: Arc<Link>) -> Hold {
        Hold(taken)
    }
}

impl std::ops::Deref for Hold {
    type Target = Arc<Link>;

    fn deref(&self) -> &Arc<Link> {
        &self.0
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        // A forked child keeps its hands off: locks may be held by threads it does not have.
        if !fork::is_current(self.0.generation) {
            return;
        }
        let _uncancelled = Uncancelled::new();
        Session::current().release(&self.0);
    }
}
