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
use nix::sys::eventfd::{EfdFlags, EventFd};
use std::future::Future;
use std::os::fd::{AsFd, BorrowedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, Weak};
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

/// A call under way on another thread, as those see it that wait for its end.
#[derive(Debug)]
pub(crate) struct Underway<T> {
    generation: u64,
    state: Shared<T>,
    /// Readable once the call has ended, for who asked for it. It is here alone: whoever polls it hears
    /// nothing of it any more when this is gone, whatever the thread that made the call still has.
    readable: OnceLock<Arc<EventFd>>,
}

type Shared<T> = Arc<Mutex<State<T>>>;

#[derive(Debug)]
struct State<T> {
    over: bool,
    outcome: Option<T>,
    /// The task that awaits it, of which there is one.
    task: Option<Waker>,
    /// The threads that wait for it, each as long as it does.
    threads: Vec<Waker>,
    bell: Weak<EventFd>,
}

/// Has a thread of the library's make this call, within the limit of the calling thread.
///
/// # Errors
/// `System` without a thread.
pub(crate) fn begin<T: Send + 'static>(
    call: impl FnOnce() -> T + Send + 'static,
) -> Result<Arc<Underway<T>>, Fault> {
    let underway = Underway::new();
    let there = Ending(vec![Arc::clone(&underway.state)].into_iter());
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
    let states: Vec<_> = all.iter().map(|it| Arc::clone(&it.state)).collect();
    let there = Ending(states.into_iter());
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
struct Ending<T>(std::vec::IntoIter<Shared<T>>);

impl<T> Ending<T> {
    fn end_next(&mut self, outcome: T) {
        if let Some(state) = self.0.next() {
            end(&state, Some(outcome));
        }
    }
}

impl<T> Drop for Ending<T> {
    fn drop(&mut self) {
        for state in self.0.by_ref() {
            end(&state, None);
        }
    }
}

/// Waits until one of them is over; which.
pub(crate) fn await_any<T>(calls: &[&Underway<T>]) -> Option<usize> {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut over = None;
    while over.is_none() && !calls.is_empty() {
        over = calls
            .iter()
            .position(|call| call.is_over_or_unparks(&waker));
        if over.is_none() {
            thread::park();
        }
    }
    // One that goes on would be left with a waker for each wait.
    calls.iter().for_each(|call| call.forget(&waker));
    over
}

fn end<T>(state: &Mutex<State<T>>, outcome: Option<T>) {
    let mut state = lock(state);
    state.over = true;
    state.outcome = outcome;
    state.ring();
    let mut wakers = std::mem::take(&mut state.threads);
    wakers.extend(state.task.take());
    drop(state);
    wakers.into_iter().for_each(Waker::wake);
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
            state: Arc::new(Mutex::new(State {
                over: false,
                outcome: None,
                task: None,
                threads: Vec::new(),
                bell: Weak::new(),
            })),
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
        let fresh = EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK);
        let fresh = fresh
            .map_err(|error| Fault::system(error as i32, format!("no descriptor: {error}")))?;
        let mut state = lock(&self.state);
        // Another thread may have been faster: its descriptor stays.
        let readable = self.readable.get_or_init(|| Arc::new(fresh));
        state.bell = Arc::downgrade(readable);
        if state.over {
            state.ring();
        }
        Ok(readable.as_fd())
    }

    /// Whether it is over; where not, the task of `waker` is woken when it is, and no earlier one.
    fn is_over_or_wakes(&self, waker: &Waker) -> bool {
        self.is_foreign() || {
            let mut state = lock(&self.state);
            if !state.over {
                state.task = Some(waker.clone());
            }
            state.over
        }
    }

    /// Whether it is over; where not, the thread of `waker` is woken when it is, until
    /// [`forget`](Underway::forget).
    fn is_over_or_unparks(&self, waker: &Waker) -> bool {
        self.is_foreign() || {
            let mut state = lock(&self.state);
            if !state.over && !state.threads.iter().any(|known| known.will_wake(waker)) {
                state.threads.push(waker.clone());
            }
            state.over
        }
    }

    fn forget(&self, waker: &Waker) {
        if !self.is_foreign() {
            let mut state = lock(&self.state);
            state.threads.retain(|known| !known.will_wake(waker));
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
    /// Whoever polls sees it from now on, once.
    fn ring(&mut self) {
        if let Some(bell) = std::mem::take(&mut self.bell).upgrade() {
            // The counter of a descriptor that nobody writes but this has room for it.
            let _ = bell.write(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
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

    #[test]
    fn the_end_is_one_event_and_none_comes_after_the_call_was_let_go_of() {
        let (release, released) = mpsc::channel::<()>();
        let call = begin(move || released.recv().map_or(1, |()| 2)).unwrap();
        let events = Epoll::new(EpollCreateFlags::empty()).unwrap();
        let edges = EpollEvent::new(EpollFlags::EPOLLIN | EpollFlags::EPOLLET, 7);
        events.add(call.descriptor().unwrap(), edges).unwrap();
        let mut seen = [EpollEvent::empty()];
        assert_eq!(events.wait(&mut seen, EpollTimeout::ZERO), Ok(0));
        drop(release);
        assert_eq!(events.wait(&mut seen, 20_000u16), Ok(1));
        assert_eq!(seen[0].events(), EpollFlags::EPOLLIN);
        assert_eq!(await_any(&[&*call]), Some(0));
        assert_eq!(events.wait(&mut seen, EpollTimeout::ZERO), Ok(0));
        // The thread that made another call may have its part of it for as long as it likes.
        let begun = begin(|| 3).unwrap();
        assert_eq!(await_any(&[&*begun]), Some(0));
        let makers_part = Arc::clone(&begun.state);
        let levels = EpollEvent::new(EpollFlags::EPOLLIN, 8);
        events.add(begun.descriptor().unwrap(), levels).unwrap();
        assert_eq!(events.wait(&mut seen, EpollTimeout::ZERO), Ok(1));
        drop(begun);
        assert_eq!(events.wait(&mut seen, EpollTimeout::ZERO), Ok(0));
        drop(makers_part);
    }

    #[test]
    fn all_threads_that_wait_for_a_call_hear_of_its_end() {
        let (release, released) = mpsc::channel::<()>();
        let (hold, held) = mpsc::channel::<()>();
        let call = begin(move || released.recv().map_or(1, |()| 2)).unwrap();
        let other = begin(move || held.recv().map_or(1, |()| 2)).unwrap();
        std::thread::scope(|scope| {
            let wait = || scope.spawn(|| await_any(&[&*other, &*call]));
            let waiting: Vec<_> = (0..3).map(|_| wait()).collect();
            while lock(&call.state).threads.len() < waiting.len() {
                std::thread::yield_now();
            }
            drop(release);
            for thread in waiting {
                assert_eq!(thread.join().unwrap(), Some(1));
            }
        });
        // Nothing is left of them with the one that goes on.
        assert_eq!(lock(&other.state).threads.len(), 0);
        drop(hold);
        assert_eq!(await_any(&[&*other]), Some(0));
    }
}
