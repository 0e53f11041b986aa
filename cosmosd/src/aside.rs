//! Work that may wait for the disk or for another process, on a thread of its own.
//!
//! The runtime's own pool panics where the system gives it no thread; here that is an answer.

use cosmos_rpc::{Fault, FaultCode};
use std::thread::Builder;
use tokio::sync::{Semaphore, oneshot};

/// Most threads at once; who comes later waits.
const THREADS: usize = 64;
/// Bytes of stack: reading a file needs little.
const STACK: usize = 2 << 20;

static FREE: Semaphore = Semaphore::const_new(THREADS);

/// Does the work aside. Dropping the future abandons it, but not the thread.
///
/// # Errors
///
/// `System` where there is no thread to be had, or the work panicked.
pub async fn run<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Fault> {
    run_with(STACK, work).await
}

async fn run_with<T: Send + 'static>(
    stack: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Fault> {
    let failed = |why: &dyn std::fmt::Display| {
        Fault::host(
            FaultCode::System,
            format!("cosmosd cannot do this on a thread of its own: {why}"),
        )
    };
    let permit = FREE.acquire().await.map_err(|error| failed(&error))?;
    let (done, answer) = oneshot::channel();
    let thread = move || {
        let _permit = permit;
        // Who asked may have gone.
        let _ = done.send(work());
    };
    Builder::new()
        .name("aside".to_owned())
        .stack_size(stack)
        .spawn(thread)
        .map_err(|error| failed(&error))?;
    answer.await.map_err(|_| failed(&"it panicked"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_is_done_and_failures_are_told() {
        assert_eq!(run(|| 6 * 7).await.unwrap(), 42);
        let panicked = run(|| assert!(FREE.available_permits() > THREADS, "on purpose")).await;
        assert_eq!(panicked.unwrap_err().code, FaultCode::System);
        let no_thread = run_with(1 << 60, || 0).await;
        assert_eq!(no_thread.unwrap_err().code, FaultCode::System);
    }

    #[tokio::test]
    async fn threads_are_given_back() {
        for round in 0..THREADS * 3 {
            assert_eq!(run(move || round).await.unwrap(), round);
        }
    }
}
