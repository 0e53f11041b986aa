//! Functions of the client's that code in the VM calls.
//!
//! A call passes a function as a number; the VM kind makes of it something its code can call (see
//! [`Vm::thunk`](crate::Vm::thunk)) and, when that is called, asks the [`Callback`] here. The
//! request goes to the client on the channel whose thread this is, for there the client's thread
//! waits.
//!
//! # When a callback cannot be delivered
//!
//! | why | who learns of it |
//! |---|---|
//! | the client refuses it, or its function failed | the call under way on this thread fails |
//! | the client is gone | nobody is left |
//! | 64 calls back are under way on this channel already | the call under way on this thread fails |
//! | it came after the call it was passed to, and was not `__scope`d | the call under way on this thread fails |
//! | it came outside of any call: from what closing a library destroys | nobody |
//! | a thread that is in no call of the client's called it | the call it was passed to fails, if that still runs |
//!
//! Whoever called gets [`Undelivered`] and returns zero to the library, so that it can be left as
//! it expects: by returning. Once a call has failed so, its further callbacks are not delivered.

use crate::conversation::{self, Conversation};
use crate::vm::Held;
use callframe::Template;
use callframe::marshal::{Brief, Caller, InLine};
use cosmos_rpc::{Fault, FaultCode};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// A function of the client's.
#[derive(Debug)]
pub struct Callback {
    pub(crate) number: u64,
    pub(crate) caller: Arc<Caller>,
    /// The integers of the call it was passed to, which its annotations may name.
    pub(crate) outer: Arc<[i128]>,
    /// How its calls travel that are brief; found when it is first called.
    pub(crate) brief: OnceLock<Option<Brief>>,
    /// The same, where they are a line each.
    pub(crate) in_line: OnceLock<Option<InLine>>,
    /// Token of the library whose function took it.
    pub(crate) library: u64,
    /// The client's session.
    pub(crate) session: u64,
    /// The call it was passed to, where it may be called during that one only.
    pub(crate) during: Option<Arc<Underway>>,
    /// Copies of what it returned last that the library borrows.
    pub(crate) borrowed: Mutex<Vec<Held>>,
    /// Copies that the library has as long as it may call the function, by their bytes.
    pub(crate) statics: Mutex<HashMap<Box<[u8]>, Held>>,
}

/// The client's function was not called; zero is to be returned in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Undelivered;

/// A call that runs.
#[derive(Debug)]
pub(crate) struct Underway {
    /// Number of its channel.
    pub channel: u64,
    over: AtomicBool,
    /// Whether there is a failure.
    failed: AtomicBool,
    failure: Mutex<Option<Fault>>,
}

impl Callback {
    /// How its arguments and its result lie in the VM.
    pub fn template(&self) -> &Template {
        self.caller.caller_template()
    }

    /// Whether it may be called during one call alone, on the thread of that.
    #[inline]
    pub fn is_for_one_call(&self) -> bool {
        self.during.is_some()
    }

    /// Calls the client's function with the argument *values* at these addresses, as the VM's code
    /// passed them; they are read, and outputs written, by [`Vm::read`](crate::Vm::read) and
    /// [`Vm::write`](crate::Vm::write). The result goes to address `result`, 0 for nowhere. Gives
    /// the errno it left.
    ///
    /// To be called on the thread on which the VM's code called it.
    ///
    /// # Errors
    /// [`Undelivered`]: nothing was written. The call that it belongs to fails by that.
    pub fn call(&self, arguments: &[u64], errno: i32, result: u64) -> Result<i32, Undelivered> {
        let Some(here) = conversation::current() else {
            self.refuse(None, "on a thread that is in no call of the client's");
            return Err(Undelivered);
        };
        if here.session() != self.session {
            self.refuse(None, "in a call of another client");
            return Err(Undelivered);
        }
        match &self.during {
            Some(call) if call.is_over() => {
                self.refuse(
                    Some(&here),
                    "after the call it was passed to; '__scope(h)' would let the library keep it",
                );
                return Err(Undelivered);
            }
            Some(call) if call.channel != here.number() => {
                self.refuse(None, "in a call of another thread of the client");
                return Err(Undelivered);
            }
            _ => {}
        }
        if !here.in_call() {
            // A library that is being opened or closed, and what is destroyed with it.
            self.refuse(None, "outside of any call");
            return Err(Undelivered);
        }
        if here.has_failed() {
            return Err(Undelivered);
        }
        here.call_back(self, arguments, errno, result)
            .map_err(|fault| {
                here.fail(named(self, fault));
                Undelivered
            })
    }

    /// The same with the words that the arguments are in registers, where request and reply are a line each:
    /// errno, and the word of the result. `None` where it is no such function, or may not be called now:
    /// [`call`](Callback::call) then says what is wrong, and nothing was done.
    #[inline]
    pub fn call_in_line(
        &self,
        arguments: &[u64],
        errno: i32,
    ) -> Option<Result<(i32, u64), Undelivered>> {
        let here = conversation::current()?;
        let outcome = here.call_back_in_line(self, arguments, errno)?;
        Some(outcome.map_err(|fault| {
            here.fail(named(self, fault));
            Undelivered
        }))
    }

    /// How its calls travel that are a line each.
    #[inline]
    pub(crate) fn in_line(&self) -> Option<&InLine> {
        let found = self.in_line.get_or_init(|| self.brief()?.in_line());
        found.as_ref()
    }

    /// How its calls travel where its arguments are a few bytes.
    #[inline]
    pub(crate) fn brief(&self) -> Option<&Brief> {
        let found = self.brief.get_or_init(|| self.caller.brief(&self.outer));
        found.as_ref()
    }

    fn refuse(&self, here: Option<&Rc<dyn Conversation>>, when: &str) {
        let message = format!("the library called it {when}");
        let fault = named(self, Fault::vm(FaultCode::CallbackFailed, message));
        match (here, &self.during) {
            (Some(here), _) => here.fail(fault),
            (None, Some(call)) if !call.is_over() => call.fail(fault),
            (None, _) => tracing::warn!("a callback was not delivered: {fault}"),
        }
    }
}

impl Underway {
    pub fn on(channel: u64) -> Arc<Underway> {
        Arc::new(Underway {
            channel,
            over: AtomicBool::new(false),
            failed: AtomicBool::new(false),
            failure: Mutex::default(),
        })
    }

    /// Makes one that is over stand for the next call of its channel.
    pub fn begin(&self) {
        // What a callback on another thread did before it let go of it comes first.
        fence(Ordering::Acquire);
        if self.failed.load(Ordering::Relaxed) {
            self.failed.store(false, Ordering::Relaxed);
            self.failure().take();
        }
        self.over.store(false, Ordering::Relaxed);
    }

    /// Notes that the function has returned; gives what a callback of it failed by.
    pub fn end(&self) -> Option<Fault> {
        self.over.store(true, Ordering::Release);
        match self.has_failed() {
            true => self.failure().take(),
            false => None,
        }
    }

    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    /// The first reason stays.
    pub fn fail(&self, fault: Fault) {
        let mut failure = self.failure();
        failure.get_or_insert(fault);
        self.failed.store(true, Ordering::Release);
    }

    pub fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }

    fn failure(&self) -> std::sync::MutexGuard<'_, Option<Fault>> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn named(callback: &Callback, fault: Fault) -> Fault {
    let name = callback.caller.frame().name();
    Fault {
        message: format!("callback '{name}': {}", fault.message),
        ..fault
    }
}
