//! Threads that serve connections, some of them made before they are needed: making one takes longer
//! than anything else that a client waits for when it comes, the more so as whoever looks into crashes is
//! told of each.
//!
//! A thread serves one connection and ends. Those that are ready wait for what they are to do, and cost
//! nothing but their stacks.

use cosmos_rpc::{Fault, FaultCode};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

/// Stack of a thread that runs foreign code: what C programs are used to.
const STACK: usize = 8 << 20;

type Work = Box<dyn FnOnce() + Send>;

/// The ways to those that are ready.
static READY: Mutex<Vec<Sender<(&'static str, Work)>>> = Mutex::new(Vec::new());

/// Does the work on a thread of this name, one that is ready or a new one.
///
/// # Errors
/// When there is no thread to be had.
pub(crate) fn spawn(name: &'static str, body: impl FnOnce() + Send + 'static) -> Result<(), Fault> {
    let ready = lock().pop();
    let mut work = (name, Box::new(body) as Work);
    if let Some(ready) = ready {
        match ready.send(work) {
            Ok(()) => return Ok(()),
            // It ended, as nothing here makes it.
            Err(unsent) => work = unsent.0,
        }
    }
    let (name, body) = work;
    start(name, body)
}

/// Has so many ready. One that cannot be had is made when it is needed, or refused then.
pub(crate) fn keep_ready(count: usize) {
    // Apart from the loop, whose head would hold the lock while it runs.
    let missing = count.saturating_sub(lock().len());
    for _ in 0..missing {
        let (sender, receiver) = channel();
        if start("ready", move || wait(&receiver)).is_ok() {
            lock().push(sender);
        }
    }
}

fn wait(receiver: &Receiver<(&'static str, Work)>) {
    // Without a sender there is nobody left who had work.
    if let Ok((name, work)) = receiver.recv() {
        rename(name);
        work();
    }
}

fn start(name: &str, body: impl FnOnce() + Send + 'static) -> Result<(), Fault> {
    let thread = thread::Builder::new()
        .name(name.to_owned())
        .stack_size(STACK);
    thread.spawn(body).map(drop).map_err(|error| {
        Fault::host(
            FaultCode::LimitReached,
            format!("the VM cannot start one more thread: {error}"),
        )
    })
}

/// For debuggers and crash reports, which go by the kernel's name.
fn rename(name: &str) {
    if let Ok(name) = std::ffi::CString::new(name) {
        // A name that cannot be set is none that matters.
        let _ = nix::sys::prctl::set_name(&name);
    }
}

fn lock() -> MutexGuard<'static, Vec<Sender<(&'static str, Work)>>> {
    READY.lock().unwrap_or_else(PoisonError::into_inner)
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
        keep_ready(2);
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
