//! One channel of a client while it is talked on: requests answered, callbacks made, each inside
//! of the other.
//!
//! ```text
//! client ── CALL ────────▶ VM: the function runs
//!        ◀── CALLBACK ───     it calls a function of the client's
//!        ── CALL ────────▶        whose code calls the VM again
//!        ◀── reply ──────
//!        ── reply ──────▶     the function goes on
//!        ◀── reply ──────
//! ```
//!
//! Each end answers the innermost request first; whoever does not broke the protocol.

mod awake;
mod calls_back;
mod in_line;

pub(crate) use calls_back::limit_depth;

use crate::Vm;
use crate::callback::{Callback, Underway};
use crate::count::Counter;
use crate::drain::Gate;
use crate::recent::Recent;
use crate::session::{Entry, Session};
use crate::verb::{self, Answer, Scratch};
use awake::Awake;
use calls_back::Buffers;
use cosmos_rpc::blocking::{Connection, Received};
use cosmos_rpc::message::REPLY;
use cosmos_rpc::message::vm::BRIEF_CALLBACK_SINCE;
use cosmos_rpc::{Blame, Fault, FaultCode, Frame};
use std::cell::{Cell, RefCell};
use std::os::fd::{AsFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What a callback needs of the channel whose thread it is on.
pub(crate) trait Conversation {
    /// Number of the client's session.
    fn session(&self) -> u64;
    /// Number of the channel.
    fn number(&self) -> u64;
    /// Has the client run a function of its own; gives the errno it left.
    fn call_back(
        &self,
        callback: &Callback,
        arguments: &[u64],
        errno: i32,
        result: u64,
    ) -> Result<i32, Fault>;
    /// The same of a function whose request and reply are a line each: the errno and the word of the result.
    /// `None` where this is none, or it may not be called now, and nothing was done.
    fn call_back_in_line(
        &self,
        callback: &Callback,
        arguments: &[u64],
        errno: i32,
    ) -> Option<Result<(i32, u64), Fault>>;
    /// Whether a call of the client's runs: only then it listens.
    fn in_call(&self) -> bool;
    /// Fails the call under way.
    fn fail(&self, fault: Fault);
    /// Whether the call under way has failed already.
    fn has_failed(&self) -> bool;
}

/// The conversation of this thread.
pub(crate) fn current() -> Option<Rc<dyn Conversation>> {
    CURRENT
        .try_with(|current| current.try_borrow().ok()?.clone())
        .ok()
        .flatten()
}

thread_local! {
    static CURRENT: RefCell<Option<Rc<dyn Conversation>>> = const { RefCell::new(None) };
}

/// A channel.
pub(crate) struct Channel<V: Vm> {
    pub session: Arc<Session<V>>,
    pub number: u64,
    connection: RefCell<Connection>,
    /// The calls under way, the innermost last.
    calls: RefCell<Vec<Level>>,
    /// One that is over, for the next call.
    over: Cell<Option<Arc<Underway>>>,
    /// The functions that were called last.
    recent: Recent<V>,
    /// Whether those are others than they were when this thread last slept.
    knows_more: Cell<bool>,
    pub counter: Counter,
    /// Calls back under way.
    depth: Cell<usize>,
    /// Whether the client takes brief ones.
    briefly: bool,
    /// Why nothing more is said on it.
    ended: RefCell<Option<Fault>>,
    buffers: Cell<Buffers>,
}

/// A call under way.
enum Level {
    /// One that may pass functions, which have to know of it.
    Any(Arc<Underway>),
    /// One of a few numbers, and by what a callback of it failed.
    Numbers(Option<Box<Fault>>),
}

impl<V: Vm> Channel<V> {
    /// Answers all requests until the client goes.
    pub fn converse(session: Arc<Session<V>>, connection: Connection) -> Result<(), Fault> {
        let channel = Rc::new(Channel::new(session, connection));
        let here: Rc<dyn Conversation> = Rc::<Channel<V>>::clone(&channel);
        CURRENT.set(Some(here));
        let gate = Gate::new();
        let outcome = channel.answer_all(&gate);
        gate.leave();
        CURRENT.set(None);
        channel.session.remove_presence(channel.recent.presence());
        channel.session.segments().channel_ended(channel.number);
        outcome
    }

    fn new(session: Arc<Session<V>>, connection: Connection) -> Channel<V> {
        static LAST: AtomicU64 = AtomicU64::new(0);
        Channel {
            number: LAST.fetch_add(1, Ordering::Relaxed) + 1,
            recent: Recent::new(&session),
            session,
            briefly: connection.peer().minor >= BRIEF_CALLBACK_SINCE,
            connection: RefCell::new(connection),
            calls: RefCell::default(),
            over: Cell::default(),
            counter: Counter::new(),
            knows_more: Cell::new(true),
            depth: Cell::new(0),
            ended: RefCell::default(),
            buffers: Cell::default(),
        }
    }

    /// Where it gives `Ok`, the client has gone or the VM drains: nobody is answered any more, and the
    /// process ends in a moment. The gate may still be entered then.
    fn answer_all(&self, gate: &Gate) -> Result<(), Fault> {
        let mut scratch = Scratch::default();
        loop {
            match self.answer_while_awake(gate, &mut scratch) {
                Awake::Drains => return Ok(()),
                Awake::Failed(fault) => return Err(fault),
                Awake::Refuses(id, fault) => self.refuse(id, &fault)?,
                Awake::Short(message, body) => self.answer_short(message, &body, &mut scratch)?,
                Awake::Frame(frame) => self.answer(frame, &mut scratch)?,
                Awake::Nothing => {
                    let received = self.connection.borrow_mut().receive_short();
                    if !gate.enter() {
                        return Ok(());
                    }
                    match received? {
                        Received::Short(message, body) => {
                            self.answer_short(message, &body, &mut scratch)?;
                        }
                        Received::Frame(frame) => self.answer(frame, &mut scratch)?,
                        Received::End => return Ok(()),
                    }
                }
            }
            gate.leave();
        }
    }

    /// The function of this number.
    pub fn runable(&self, id: u64) -> Result<Arc<Entry<V>>, Fault> {
        self.knows_more.set(true);
        self.recent.look_up(&self.session, id)
    }

    /// Begins a call, to which its callbacks belong; gives how many are under way around it.
    pub fn call_begins(&self) -> usize {
        let call = match self.over.take() {
            // Nobody else has it: no callback of that call is left.
            Some(call) if Arc::strong_count(&call) == 1 => {
                call.begin();
                call
            }
            _ => Underway::on(self.number),
        };
        self.push(Level::Any(call))
    }

    #[inline(always)]
    fn push(&self, level: Level) -> usize {
        let mut calls = self.calls.borrow_mut();
        calls.push(level);
        calls.len() - 1
    }

    /// The call that began inside of so many others.
    pub fn underway(&self, depth: usize) -> Option<Arc<Underway>> {
        match self.calls.borrow().get(depth) {
            Some(Level::Any(call)) => Some(Arc::clone(call)),
            _ => None,
        }
    }

    /// Ends that call; gives what a callback of it failed by.
    pub fn call_ends(&self, depth: usize) -> Option<Fault> {
        let mut calls = self.calls.borrow_mut();
        if calls.len() <= depth {
            return None;
        }
        let mut failure = None;
        while calls.len() > depth
            && let Some(call) = calls.pop()
        {
            failure = match call {
                Level::Any(call) => {
                    let failure = call.end();
                    self.over.set(Some(call));
                    failure
                }
                Level::Numbers(failure) => failure.map(|fault| *fault),
            };
        }
        failure
    }

    /// Has `call` use the function of this number, which stays meanwhile. `None` where this thread is in
    /// another one already, and nothing was done.
    pub fn in_function<T>(
        &self,
        number: u64,
        call: impl FnOnce(&Entry<V>) -> T,
    ) -> Result<Option<T>, Fault> {
        let mut call = Some(call);
        let mut enter = |entry: &Entry<V>| call.take().map(|call| call(entry));
        let done = self.recent.with(&self.session, number, &mut enter);
        if let Some(done) = done.flatten() {
            return Ok(Some(done));
        }
        self.runable(number)?;
        Ok(self.recent.with(&self.session, number, enter).flatten())
    }

    /// A call of a few numbers begins; gives how many are under way around it.
    #[inline(always)]
    pub fn numbers_begin(&self) -> usize {
        self.push(Level::Numbers(None))
    }

    /// That call has returned; by what a callback of it failed, if so.
    #[inline(always)]
    pub fn numbers_end(&self, depth: usize) -> Option<Box<Fault>> {
        let mut calls = self.calls.borrow_mut();
        match calls.pop() {
            Some(Level::Numbers(failure)) if calls.len() == depth => failure,
            // What was begun inside of it has ended inside of it.
            _ => None,
        }
    }

    /// Runs calls of a few numbers, one after the other; see [`Channel::take_failure`].
    #[inline(always)]
    pub fn run_numbers<T>(&self, calls: impl FnOnce() -> T) -> T {
        let depth = self.push(Level::Numbers(None));
        let done = calls();
        // What was begun inside of them has ended inside of them.
        self.calls.borrow_mut().truncate(depth);
        done
    }

    /// By what a callback of the last one failed, if so.
    #[inline(always)]
    pub fn take_failure(&self) -> Option<Box<Fault>> {
        match self.calls.borrow_mut().last_mut() {
            Some(Level::Numbers(failure)) => failure.take(),
            _ => None,
        }
    }

    fn has_ended(&self) -> bool {
        self.ended.borrow().is_some()
    }

    /// Answers one request. An error ends the conversation.
    fn answer(&self, frame: Frame, scratch: &mut Scratch) -> Result<(), Fault> {
        if let Some(fault) = self.ended.borrow().clone() {
            return Err(fault);
        }
        let (kind, id) = (frame.kind, frame.id);
        let begun = self.counter.begin();
        let answer = if id == 0 {
            Err(Fault::peer(
                FaultCode::Protocol,
                format!("a VM takes no notice of kind {kind:#06x} from a client"),
            ))
        } else {
            self.guarded(|| verb::answer(self, frame, scratch))
        };
        let failure = answer.as_ref().err().map(|fault| fault.code);
        self.counter.end(begun, (kind, id), failure);
        let mut connection = self.connection.borrow_mut();
        connection.recycle(scratch.take_request());
        let fault = match answer {
            Ok(answer) => match send(&mut connection, kind, id, &answer) {
                Ok(()) => {
                    scratch.keep_reply(answer.body);
                    return Ok(());
                }
                // Refused before anything was sent; otherwise the next line fails as well.
                Err(fault) => fault,
            },
            Err(fault) => fault,
        };
        drop(connection);
        self.refuse(id, &fault)
    }

    /// Answers a request with a fault. An error ends the conversation.
    fn refuse(&self, id: u64, fault: &Fault) -> Result<(), Fault> {
        self.connection.borrow_mut().fault(id, fault)?;
        // A function that breaks its prototype is the VM's own affair; a peer that breaks the protocol
        // is not talked to any further.
        if fault.blame == Blame::Peer && fault.code == FaultCode::Protocol {
            return Err(fault.clone());
        }
        Ok(())
    }

    /// A panic in the VM's code is an answer, too: the client must not wait for ever.
    fn guarded<T>(&self, answer: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
        let under_way = self.calls.borrow().len();
        catch_unwind(AssertUnwindSafe(answer)).unwrap_or_else(|panic| {
            self.call_ends(under_way);
            let words = panic
                .downcast_ref::<&str>()
                .copied()
                .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
                .unwrap_or("no message");
            Err(Fault::vm(
                FaultCode::System,
                format!("the {} VM panicked: {words}", self.session.vm.kind()),
            ))
        })
    }
}

impl<V: Vm> Conversation for Channel<V> {
    fn session(&self) -> u64 {
        self.session.number
    }

    fn number(&self) -> u64 {
        self.number
    }

    fn call_back(
        &self,
        callback: &Callback,
        arguments: &[u64],
        errno: i32,
        result: u64,
    ) -> Result<i32, Fault> {
        self.make_call_back(callback, (arguments, errno, result))
    }

    fn call_back_in_line(
        &self,
        callback: &Callback,
        arguments: &[u64],
        errno: i32,
    ) -> Option<Result<(i32, u64), Fault>> {
        self.make_call_back_in_line(callback, arguments, errno)
    }

    fn in_call(&self) -> bool {
        !self.calls.borrow().is_empty()
    }

    fn fail(&self, fault: Fault) {
        match self.calls.borrow_mut().last_mut() {
            Some(Level::Any(call)) => call.fail(fault),
            Some(Level::Numbers(failure)) => {
                failure.get_or_insert_with(|| Box::new(fault));
            }
            None => tracing::warn!("a callback was not delivered: {fault}"),
        }
    }

    fn has_failed(&self) -> bool {
        match self.calls.borrow().last() {
            Some(Level::Any(call)) => call.has_failed(),
            Some(Level::Numbers(failure)) => failure.is_some(),
            None => false,
        }
    }
}

fn send(connection: &mut Connection, kind: u16, id: u64, answer: &Answer) -> Result<(), Fault> {
    let descriptors: Vec<_> = answer.descriptors.iter().map(OwnedFd::as_fd).collect();
    connection.send_raw(kind | REPLY, id, &[&answer.body], &descriptors)
}
