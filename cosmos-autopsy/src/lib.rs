//! Looking at a process that a signal is about to kill, for its parent: the launcher of a VM, and who
//! runs programs in one.
//!
//! | room | purpose |
//! |---|---|
//! | [`trace`] | hearing of signals before they kill, and of ends |
//! | [`Examiner`] | looks once, and remembers |
//! | `look` | what there is to be found |
//! | [`aside`] | a process that reads what the dying one left, and can be done without |
//!
//! # Promises
//!
//! 1. The process that dies takes no part in it, and stands still for a bounded time.
//! 2. What it left is read by a process of its own, which has nothing else open.
//! 3. Whatever becomes of that, there are [`Remains`].
//!
//! # What is asked of who uses it
//!
//! It has one thread: it forks, and the kernel lets no other thread of a tracer do its work.

#![deny(unsafe_code)]

pub mod aside;
mod look;
pub mod trace;

pub use look::is_crash;

use cosmos_rpc::message::crash::Remains;
use nix::unistd::Pid;

/// How often a process is looked at that a signal should have killed.
const LOOKS: u32 = 2;

/// Who is looked at: a child.
#[derive(Clone, Copy, Debug)]
pub struct Subject {
    /// Its pid as /proc has it, which may be of an outer pid space.
    pub pid: i32,
    /// As this process counts.
    pub inner: i32,
    /// Whether its own program is one of this project's, which only what it loaded is looked for in.
    pub is_vm: bool,
}

/// Looks at one process, when it comes to that.
#[derive(Debug, Default)]
pub struct Examiner {
    /// Why it cannot be looked at; empty: it can.
    untraced: String,
    remains: Option<Remains>,
    looks: u32,
}

impl Examiner {
    /// Begins to trace a child, so that it can be looked at; `at_exec` as [`trace::seize`] has it.
    pub fn of(pid: i32, at_exec: bool) -> Examiner {
        Examiner::tracing(trace::seize(Pid::from_raw(pid), at_exec))
    }

    /// The same of a child that has threads by now, as /proc counts those here.
    pub fn of_all(pid: i32) -> Examiner {
        Examiner::tracing(trace::seize_all(Pid::from_raw(pid)))
    }

    fn tracing(seized: nix::Result<()>) -> Examiner {
        let untraced = match seized {
            Ok(()) => String::new(),
            Err(error) => format!(
                "the kernel does not let its parent look into it (ptrace: {})",
                error.desc()
            ),
        };
        Examiner {
            untraced,
            ..Examiner::default()
        }
    }

    /// Looks at nothing, for this reason.
    pub fn idle(why: &str) -> Examiner {
        Examiner {
            untraced: why.to_owned(),
            ..Examiner::default()
        }
    }

    /// Whether the child is traced.
    pub fn is_tracing(&self) -> bool {
        self.untraced.is_empty()
    }

    /// A thread has stopped for a signal: looks, if that is about to kill it.
    pub fn examine(&mut self, subject: impl FnOnce() -> Subject, thread: Pid, signal: i32) {
        // Most signals are none of these, and cost no look into /proc.
        if self.looks >= LOOKS || !is_crash(signal) {
            return;
        }
        let subject = subject();
        if look::is_fatal(&subject, signal) {
            self.looks += 1;
            self.remains = Some(look::look(&subject, thread, signal));
        }
    }

    /// What is left of it, now that this signal has ended it; `None` where that was no crash.
    pub fn remains(&mut self, signal: i32) -> Option<Remains> {
        let seen = self.remains.take();
        let why = match self.untraced.as_str() {
            "" => "it crashed before anybody could look",
            why => why,
        };
        seen.filter(|remains| remains.signal == signal)
            .or_else(|| is_crash(signal).then(|| look::unseen(signal, why)))
    }
}
