//! Threads that serve connections, some of them made before they are needed: making one takes longer
//! than anything else that a client waits for when it comes, the more so as whoever looks into crashes is
//! told of each.
//!
//! A thread serves one connection and ends. Those that are ready wait for what they are to do, and cost
//! nothing but their stacks. Those of a VM that waits for whoever it will be are there before it is confined:
//! what Landlock takes it takes from one thread, so each of them gives up the same for itself, and so does the
//! first one where it [stands by](stand_by); the process has no others then.

use cosmos_confine::Error;
use cosmos_confine::files::Restriction;
use cosmos_rpc::{Fault, FaultCode};
use std::fmt::Display;
use std::hint::black_box;
use std::sync::mpsc::{Receiver, SendError, Sender, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

/// Stack of a thread that runs foreign code: what C programs are used to.
const STACK: usize = 8 << 20;

type Work = Box<dyn FnOnce() + Send>;

/// What one that is ready is told.
enum Order {
    /// To serve under this name; it is ready no more then.
    Serve(&'static str, Work),
    /// To hold itself to this, and say whether it does; it stays ready.
    Hold(Restriction, Sender<Result<(), Error>>),
    /// To touch what its first requests need; it stays ready.
    Touch,
}

/// The ways to those that are ready.
static READY: Mutex<Vec<Sender<Order>>> = Mutex::new(Vec::new());
/// The way to the first thread, while that stands by.
static FIRST: Mutex<Option<Sender<Order>>> = Mutex::new(None);

/// Of stack and heap, what a thread that is ready has touched before it is needed.
const TOUCHED: usize = 48 << 10;

/// Does the work on a thread of this name, one that is ready or a new one.
///
/// # Errors
/// When there is no thread to be had.
pub(crate) fn spawn(name: &'static str, body: impl FnOnce() + Send + 'static) -> Result<(), Fault> {
    let ready = lock().pop();
    let mut work: Work = Box::new(body);
    if let Some(ready) = ready {
        match ready.send(Order::Serve(name, work)) {
            Ok(()) => return Ok(()),
            // It ended, as nothing here makes it.
            Err(SendError(Order::Serve(_, unsent))) => work = unsent,
            Err(SendError(Order::Hold(..) | Order::Touch)) => {
                return Err(none("it was told something else"));
            }
        }
    }
    start(name, work)
}

/// When those that are made ready are needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Needed {
    /// At once.
    Now,
    /// Later: what they need then they touch now.
    Later,
}

/// Has so many ready. One that cannot be had is made when it is needed, or refused then.
pub(crate) fn keep_ready(count: usize, needed: Needed) {
    // Apart from the loop, whose head would hold the lock while it runs.
    let missing = count.saturating_sub(lock().len());
    for _ in 0..missing {
        let (sender, receiver) = channel();
        if start("ready", move || wait(&receiver, needed)).is_ok() {
            lock().push(sender);
        }
    }
}

/// Has those that are ready, and were made because they were needed at once, touch what they need: they were not.
pub(crate) fn touch_all() {
    for ready in lock().iter() {
        // One that has ended needs nothing.
        let _ = ready.send(Order::Touch);
    }
}

/// Has this thread, the first one, do nothing until [`Resume`] is dropped, which `begin` is given to leave it to
/// another thread; but it holds to what that has all threads hold to.
///
/// # Errors
/// What `begin` gives.
pub(crate) fn stand_by(begin: impl FnOnce(Resume) -> Result<(), Fault>) -> Result<(), Fault> {
    let (sender, receiver) = channel();
    *first() = Some(sender);
    begin(Resume(()))?;
    while let Ok(order) = receiver.recv() {
        match order {
            // As in `wait`.
            Order::Hold(restriction, answer) => drop(answer.send(restriction.hold())),
            Order::Serve(..) | Order::Touch => {}
        }
    }
    Ok(())
}

/// Whether the first thread does.
pub(crate) fn is_standing_by() -> bool {
    first().is_some()
}

/// Whoever has it does what the first thread does otherwise.
pub(crate) struct Resume(());

impl Drop for Resume {
    fn drop(&mut self) {
        *first() = None;
    }
}

/// Has this thread and all that are ready hold to this: the process has no others.
///
/// # Errors
/// Another thread, which nobody here knows, or one that does not hold to it. Some do then, and others do
/// not: the process must end.
pub(crate) fn hold(restriction: Restriction) -> Result<(), Error> {
    let (ready, first) = (lock(), first());
    let others: Vec<&Sender<Order>> = ready.iter().chain(first.as_ref()).collect();
    cosmos_confine::has_threads(1 + others.len() as u64)?;
    let (sender, answers) = channel();
    for thread in &others {
        let order = Order::Hold(restriction.again()?, sender.clone());
        thread.send(order).map_err(|_| Error::Thread)?;
    }
    drop(sender);
    restriction.hold()?;
    for _ in &others {
        // One that ended says nothing.
        answers.recv().map_err(|_| Error::Thread)??;
    }
    Ok(())
}

fn wait(receiver: &Receiver<Order>, needed: Needed) {
    if needed == Needed::Later {
        touch();
    }
    // Without a sender there is nobody left who had work.
    while let Ok(order) = receiver.recv() {
        match order {
            Order::Hold(restriction, answer) => {
                // Who asked may have given up, and ends the process then.
                let _ = answer.send(restriction.hold());
            }
            Order::Touch => touch(),
            Order::Serve(name, work) => {
                rename(name);
                return work();
            }
        }
    }
}

fn start(name: &str, body: impl FnOnce() + Send + 'static) -> Result<(), Fault> {
    let thread = thread::Builder::new()
        .name(name.to_owned())
        .stack_size(STACK);
    thread.spawn(body).map(drop).map_err(none)
}

fn none(why: impl Display) -> Fault {
    Fault::host(
        FaultCode::LimitReached,
        format!("the VM cannot start one more thread: {why}"),
    )
}

/// Has the kernel give this thread the memory now that its first requests need, and not page by page then.
#[inline(never)]
fn touch() {
    let stack = [0u8; TOUCHED];
    black_box(&stack);
    let heap = vec![1u8; TOUCHED];
    drop(black_box(heap));
}

/// For debuggers and crash reports, which go by the kernel's name.
fn rename(name: &str) {
    if let Ok(name) = std::ffi::CString::new(name) {
        // A name that cannot be set is none that matters.
        let _ = nix::sys::prctl::set_name(&name);
    }
}

fn lock() -> MutexGuard<'static, Vec<Sender<Order>>> {
    READY.lock().unwrap_or_else(PoisonError::into_inner)
}

fn first() -> MutexGuard<'static, Option<Sender<Order>>> {
    FIRST.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    /// The kernel's name of the thread that does this.
    fn name() -> String {
        std::fs::read_to_string("/proc/thread-self/comm").unwrap_or_default()
    }

    #[test]
    fn work_is_done_by_those_that_are_ready_and_by_new_ones_alike() {
        keep_ready(2, Needed::Later);
        touch_all();
        assert_eq!(lock().len(), 2);
        let (told, heard) = mpsc::channel();
        for _ in 0..5 {
            let told = told.clone();
            spawn("channel", move || told.send(name()).unwrap()).unwrap();
        }
        for _ in 0..5 {
            assert_eq!(heard.recv().unwrap(), "channel\n");
        }
        assert_eq!(lock().len(), 0);
    }
}
