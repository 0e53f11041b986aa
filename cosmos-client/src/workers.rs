//! Threads that make the calls which were started and are waited for later.
//!
//! Each makes one call at a time, over a channel of its own to the VM, so that started calls run side
//! by side there. Threads are made as calls wait for one, and end when nothing comes for a while.

use crate::session::lock;
use cosmos_rpc::{Fault, FaultCode};
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// Most calls that run at once; more wait for their turn, in the order in which they were started.
pub(crate) const MOST: usize = 64;
/// How long a thread waits for a call.
const LINGER: Duration = Duration::from_secs(5);

type Job = Box<dyn FnOnce() + Send>;

/// The threads of one process.
#[derive(Default)]
pub(crate) struct Workers {
    queue: Mutex<Queue>,
    more: Condvar,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    threads: usize,
    idle: usize,
}

impl std::fmt::Debug for Workers {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Workers").finish_non_exhaustive()
    }
}

impl Workers {
    /// Has a thread run this. It must not panic.
    ///
    /// # Errors
    /// `System` where there is no thread and none can be made; the job is dropped then.
    pub(crate) fn run(&'static self, job: impl FnOnce() + Send + 'static) -> Result<(), Fault> {
        let mut queue = lock(&self.queue);
        queue.jobs.push_back(Box::new(job));
        if queue.jobs.len() > queue.idle && queue.threads < MOST {
            let thread = thread::Builder::new().name("cosmos call".to_owned());
            match thread.spawn(|| self.work()) {
                Ok(_) => queue.threads += 1,
                Err(error) if queue.threads == 0 => {
                    queue.jobs.pop_back();
                    let message = format!("no thread can be started for the call: {error}");
                    return Err(Fault::host(FaultCode::System, message));
                }
                // One of those that there are will come to it.
                Err(_) => {}
            }
        }
        drop(queue);
        self.more.notify_one();
        Ok(())
    }

    fn work(&self) {
        let mut queue = lock(&self.queue);
        loop {
            if let Some(job) = queue.jobs.pop_front() {
                drop(queue);
                job();
                queue = lock(&self.queue);
                continue;
            }
            queue.idle += 1;
            let waited = self.more.wait_timeout(queue, LINGER);
            let (again, waited) = waited.unwrap_or_else(PoisonError::into_inner);
            queue = again;
            queue.idle -= 1;
            if waited.timed_out() && queue.jobs.is_empty() {
                queue.threads -= 1;
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    fn workers() -> &'static Workers {
        Box::leak(Box::default())
    }

    #[test]
    fn jobs_run_side_by_side_and_more_than_there_are_threads_in_turn() {
        let workers = workers();
        let (say, said) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        let released = std::sync::Arc::new(Mutex::new(released));
        for number in 0..MOST + 8 {
            let (say, released) = (say.clone(), released.clone());
            let job = move || {
                say.send(number).unwrap();
                let _ = lock(&released).recv();
            };
            workers.run(job).unwrap();
        }
        let patience = Duration::from_secs(20);
        let mut first: Vec<usize> = (0..MOST)
            .map(|_| said.recv_timeout(patience).unwrap())
            .collect();
        first.sort_unstable();
        assert_eq!(first, (0..MOST).collect::<Vec<_>>());
        assert!(said.recv_timeout(Duration::from_millis(30)).is_err());
        drop(release);
        for _ in 0..8 {
            assert!(said.recv_timeout(patience).unwrap() >= MOST);
        }
    }
}
