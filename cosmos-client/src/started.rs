//! Calls that are started now and waited for later: one by one, all, any, by a descriptor, or as
//! futures.
//!
//! ```text
//! started ──▶ runs, on a thread of the library's ──▶ ended ──▶ taken by who waits
//! ```
//!
//! | what | then |
//! |---|---|
//! | a deadline ([`within`](crate::within) where it was started, `__timeout`, the library's) | as with any call; it counts from when a thread makes the call |
//! | [`Library::cancel`](crate::Library::cancel) | as with any call that is under way |
//! | the library is closed | calls under way finish, one that has not begun fails |
//! | the value is dropped | the call goes on, and nobody hears of it |
//! | fork | the child is told `Forked`; the call is its parent's |

use crate::error::Error;
use crate::fork;
use crate::function::Function;
use crate::resolved::Resolved;
use crate::session::{Session, lock};
use crate::timeout;
use crate::trace;
use crate::value::{Outcome, Value};
use cosmos_rpc::{Fault, FaultCode};
use std::future::Future;
use std::io::{PipeReader, PipeWriter, Write, pipe};
use std::os::fd::{AsFd, BorrowedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

/// A call that was started. As a future it is ready when the call has ended, on any executor.
#[derive(Debug)]
#[must_use = "the call goes on, but what it returns is lost"]
pub struct Started(pub(crate) Arc<Underway<Result<Outcome, Error>>>);

impl Function {
    /// Starts a call with these values, which runs beside whatever this thread does next. Callbacks
    /// run on the thread that makes the call.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), cosmos::Error> {
    /// let square = cosmos::dlopen("libm.so.6")?.function("double pow(double x, double y)")?;
    /// let calls = (1..=3).map(|n| square.start(vec![f64::from(n).into(), 2.0.into()]));
    /// let squares = cosmos::wait_all(calls.collect::<Result<Vec<_>, _>>()?);
    /// assert_eq!(squares.len(), 3);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When there is no thread to make the call. Whatever makes the call fail is told by who waits.
    pub fn start(&self, arguments: Vec<Value>) -> Result<Started, Error> {
        let function = self.clone();
        let underway = begin(move || function.call(&arguments))?;
        Ok(Started(underway))
    }
}

impl Started {
    /// Waits for the end of the call.
    ///
    /// # Errors
    /// As [`Function::call`].
    pub fn wait(self) -> Result<Outcome, Error> {
        await_any(&[&*self.0]);
        self.0.take().unwrap_or_else(|fault| Err(fault.into()))
    }

    /// Whether the call has ended, so that [`Started::wait`] does not wait.
    pub fn is_finished(&self) -> bool {
        self.0.is_finished()
    }

    /// A descriptor that is readable once the call has ended, for poll and its kin. It is nobody's to
    /// read, and closed with this value.
    ///
    /// # Errors
    /// When none can be made, or in a child made by fork.
    pub fn descriptor(&self) -> Result<BorrowedFd<'_>, Error> {
        Ok(self.0.descriptor()?)
    }
}

/// Waits for all of these calls; gives what each returned, in their order.
pub fn wait_all(calls: impl IntoIterator<Item = Started>) -> Vec<Result<Outcome, Error>> {
    calls.into_iter().map(Started::wait).collect()
}

/// Waits until one of these calls has ended, and takes it out; its place among them and what it
/// returned. `None` where there are none.
pub fn wait_any(calls: &mut Vec<Started>) -> Option<(usize, Result<Outcome, Error>)> {
    let every: Vec<_> = calls.iter().map(|call| &*call.0).collect();
    let index = await_any(&every)?;
    Some((index, calls.remove(index).wait()))
}

impl Future for Started {
    type Output = Result<Outcome, Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if !self.0.is_over_or_wakes(context.waker()) {
            return Poll::Pending;
        }
        Poll::Ready(self.0.take().unwrap_or_else(|fault| Err(fault.into())))
    }
}

/// A call under way on another thread.
#[derive(Debug)]
pub(crate) struct Underway<T> {
    generation: u64,
    state: Mutex<State<T>>,
    /// The end of a pipe that becomes readable, for who asked for one.
    readable: OnceLock<PipeReader>,
}

#[derive(Debug)]
struct State<T> {
    over: bool,
    outcome: Option<T>,
    waker: Option<Waker>,
    bell: Option<PipeWriter>,
}

/// Has a thread of the library's make this call, within the limit of the calling thread.
///
/// # Errors
/// `System` without a thread.
pub(crate) fn begin<T: Send + 'static>(
    call: impl FnOnce() -> T + Send + 'static,
) -> Result<Arc<Underway<T>>, Fault> {
    let underway = Underway::new();
    let there = Ending(vec![Arc::clone(&underway)].into_iter());
    hand_over(move || {
        let mut there = there;
        there.end_next(call());
    })?;
    Ok(underway)
}

/// Has a thread of the library's make so many calls, which tells how each ended, in their order.
///
/// # Errors
/// `System` without a thread.
pub(crate) fn begin_many<T: Send + 'static>(
    count: usize,
    calls: impl FnOnce(&mut dyn FnMut(T)) + Send + 'static,
) -> Result<Vec<Arc<Underway<T>>>, Fault> {
    let all: Vec<_> = (0..count).map(|_| Underway::new()).collect();
    let there = Ending(all.clone().into_iter());
    hand_over(move || {
        let mut there = there;
        calls(&mut |outcome| there.end_next(outcome));
    })?;
    Ok(all)
}

/// Calls, by the VMs of their functions: places among all, in their order.
pub(crate) fn by_vm<'a>(functions: impl Iterator<Item = &'a Resolved>) -> Vec<Vec<usize>> {
    let mut groups: Vec<(u64, Vec<usize>)> = Vec::new();
    for (place, function) in functions.enumerate() {
        let vm = function.library();
        let vm = vm.map_or(0, |library| library.link().key());
        match groups.iter_mut().rev().find(|(key, _)| *key == vm) {
            Some((_, places)) => places.push(place),
            None => groups.push((vm, vec![place])),
        }
    }
    groups.into_iter().map(|(_, places)| places).collect()
}

fn hand_over(calls: impl FnOnce() + Send + 'static) -> Result<(), Fault> {
    let limit = timeout::of_thread().unwrap_or(Duration::ZERO);
    let current = trace::current();
    Session::current().workers().run(move || {
        let calls = || timeout::within(limit, || trace::under(current, calls));
        // Whoever waits for a call that panicked is told so, by its end without an outcome.
        let _ = catch_unwind(AssertUnwindSafe(calls));
    })
}

/// The calls that a thread makes: each ends, whatever becomes of the thread's work.
struct Ending<T>(std::vec::IntoIter<Arc<Underway<T>>>);

impl<T> Ending<T> {
    fn end_next(&mut self, outcome: T) {
        if let Some(underway) = self.0.next() {
            underway.end(Some(outcome));
        }
    }
}

impl<T> Drop for Ending<T> {
    fn drop(&mut self) {
        for underway in self.0.by_ref() {
            underway.end(None);
        }
    }
}

/// Waits until one of them is over; which.
pub(crate) fn await_any<T>(calls: &[&Underway<T>]) -> Option<usize> {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    while !calls.is_empty() {
        let over = calls.iter().position(|call| call.is_over_or_wakes(&waker));
        if over.is_some() {
            return over;
        }
        thread::park();
    }
    None
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

impl<T> Underway<T> {
    fn new() -> Arc<Underway<T>> {
        Arc::new(Underway {
            generation: fork::generation(),
            state: Mutex::new(State {
                over: false,
                outcome: None,
                waker: None,
                bell: None,
            }),
            readable: OnceLock::new(),
        })
    }

    /// Whether it has ended.
    pub(crate) fn is_finished(&self) -> bool {
        self.is_foreign() || lock(&self.state).over
    }

    /// What it returned, once.
    ///
    /// # Errors
    /// `Forked` in a child made by fork; `System` for a call that panicked, or was taken before.
    pub(crate) fn take(&self) -> Result<T, Fault> {
        self.check()?;
        lock(&self.state).outcome.take().ok_or_else(|| {
            let message = "the call left nothing: it panicked, or what it returned was taken";
            Fault::host(FaultCode::System, message)
        })
    }

    /// A descriptor that is readable once it has ended.
    ///
    /// # Errors
    /// When none can be made, or in a child made by fork.
    pub(crate) fn descriptor(&self) -> Result<BorrowedFd<'_>, Fault> {
        self.check()?;
        if let Some(readable) = self.readable.get() {
            return Ok(readable.as_fd());
        }
        let no_pipe = |error| Fault::host(FaultCode::System, format!("no pipe: {error}"));
        let (reader, writer) = pipe().map_err(no_pipe)?;
        let mut state = lock(&self.state);
        // Another thread may have been faster: its pipe stays.
        if self.readable.get().is_none() {
            state.bell = Some(writer);
            let _ = self.readable.set(reader);
            if state.over {
                state.ring();
            }
        }
        drop(state);
        let readable = self.readable.get().map(AsFd::as_fd);
        readable.ok_or_else(|| Fault::host(FaultCode::System, "no pipe"))
    }

    /// Whether it is over; where not, `waker` is woken when it is, and no earlier one.
    fn is_over_or_wakes(&self, waker: &Waker) -> bool {
        if self.is_foreign() {
            return true;
        }
        let mut state = lock(&self.state);
        if !state.over {
            state.waker = Some(waker.clone());
        }
        state.over
    }

    fn end(&self, outcome: Option<T>) {
        let mut state = lock(&self.state);
        state.over = true;
        state.outcome = outcome;
        state.ring();
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// In a child made by fork the state may be locked for ever: it is left alone.
    fn is_foreign(&self) -> bool {
        !fork::is_current(self.generation)
    }

    fn check(&self) -> Result<(), Fault> {
        match self.is_foreign() {
            false => Ok(()),
            true => Err(Fault::caller(
                FaultCode::Forked,
                "the call was started by the process that this one was forked from",
            )),
        }
    }
}

impl<T> State<T> {
    fn ring(&mut self) {
        if let Some(mut bell) = self.bell.take() {
            // Its end is told by the closing of the pipe as well.
            let _ = bell.write_all(&[1]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    use std::sync::mpsc;

    fn readable(call: &Underway<i32>, patience: u16) -> bool {
        let mut watched = [PollFd::new(call.descriptor().unwrap(), PollFlags::POLLIN)];
        poll(&mut watched, PollTimeout::from(patience)).unwrap() == 1
    }

    #[test]
    fn the_descriptor_is_readable_when_the_call_is_over() {
        let (release, released) = mpsc::channel::<()>();
        let call = begin(move || {
            let _ = released.recv();
            7
        })
        .unwrap();
        assert!(!call.is_finished() && !readable(&call, 0));
        drop(release);
        assert!(readable(&call, 20_000) && call.is_finished());
        assert_eq!(call.take(), Ok(7));
        assert!(call.take().is_err());
        // Asked for only afterwards, too.
        let late = begin(|| 8).unwrap();
        assert_eq!(await_any(&[&*late]), Some(0));
        assert!(readable(&late, 0));
    }

    #[test]
    fn the_first_that_ends_ends_the_wait_and_a_panic_is_an_end() {
        let (release, released) = mpsc::channel::<()>();
        let slow = begin(move || released.recv().map_or(1, |()| 2)).unwrap();
        let panics =
            begin(|| -> i32 { std::panic::resume_unwind(Box::new("on purpose")) }).unwrap();
        assert_eq!(await_any(&[&*slow, &*panics]), Some(1));
        assert_eq!(panics.take().unwrap_err().code, FaultCode::System);
        drop(release);
        assert_eq!(await_any(&[&*slow]), Some(0));
        assert_eq!(slow.take(), Ok(1));
        assert_eq!(await_any::<i32>(&[]), None);
    }
}
