//! One stream of a link, for threads: what they take of it and send on it, and wait for meanwhile.

use super::{Link, lock, wait};
use crate::mux::{MOST_DATA, breach};
use crate::{Fault, FaultCode};
use std::io::{PipeWriter, Write};
use std::sync::{Arc, Condvar, Mutex};

/// One stream. Copies are the same stream; the last one to go ends both directions.
#[derive(Clone)]
pub struct Stream {
    pub(super) inner: Arc<Own>,
}

pub(super) struct Own {
    pub id: u32,
    pub link: Link,
    pub waiters: Arc<Waiters>,
}

#[derive(Default)]
pub(super) struct Waiters {
    pub readable: Condvar,
    pub writable: Condvar,
    waker: Mutex<Option<PipeWriter>>,
}

impl Stream {
    /// Its number.
    pub fn id(&self) -> u32 {
        self.inner.id
    }

    /// Sends all of it, waiting for credit.
    ///
    /// # Errors
    ///
    /// `Disconnected` when the other end wants no more; what ended the link.
    pub fn send(&self, mut bytes: &[u8]) -> Result<(), Fault> {
        let (id, link) = (self.inner.id, &self.inner.link);
        while !bytes.is_empty() {
            let header = {
                let mut state = link.usable()?;
                loop {
                    match state.streams.sendable(id) {
                        None => return Err(unwanted()),
                        Some(0) => state = wait(&self.inner.waiters.writable, state),
                        Some(credit) => {
                            let length = bytes.len().min(credit).min(MOST_DATA);
                            break state.streams.send(id, length).ok_or_else(unwanted)?;
                        }
                    }
                    if let Some(fault) = &state.ended {
                        return Err(fault.clone());
                    }
                }
            };
            let (now, later) = bytes.split_at(header.data().min(bytes.len()));
            link.write(header, now)?;
            bytes = later;
        }
        Ok(())
    }

    /// Takes what came, at most `into.len()` bytes, and waits for it; 0 at the end.
    ///
    /// # Errors
    ///
    /// What ended the link, when all that came before is taken.
    pub fn receive(&self, into: &mut [u8]) -> Result<usize, Fault> {
        let link = &self.inner.link;
        let (count, credit) = {
            let mut state = link.state();
            loop {
                if let Some(taken) = state.streams.take(self.inner.id, into) {
                    break taken;
                }
                if let Some(fault) = &state.ended {
                    return Err(fault.clone());
                }
                state = wait(&self.inner.waiters.readable, state);
            }
        };
        link.send(credit);
        Ok(count)
    }

    /// Fills all of `into`; false when the stream ended before its first byte.
    ///
    /// # Errors
    ///
    /// `Protocol` when it ends within; what ended the link.
    pub fn receive_exact(&self, into: &mut [u8]) -> Result<bool, Fault> {
        let mut filled = 0;
        while let Some(rest) = into.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.receive(rest)? {
                0 if filled == 0 => return Ok(false),
                0 => return Err(breach("the half of a message")),
                count => filled += count,
            }
        }
        Ok(true)
    }

    /// Sends no more.
    pub fn end(&self) {
        let ended = self.inner.link.state().streams.end(self.inner.id);
        self.inner.link.send(ended);
        self.inner.waiters.wake();
    }

    /// Wants no more.
    pub fn stop(&self) {
        let stopped = self.inner.link.state().streams.stop(self.inner.id);
        self.inner.link.send(stopped);
        self.inner.waiters.readable.notify_all();
    }

    /// Has a byte written to `waker` when the other end wants no more, this one has ended, or the
    /// link has: for a thread that waits for a descriptor meanwhile. It must not block.
    pub fn wake_when_unwanted(&self, waker: PipeWriter) {
        let state = self.inner.link.state();
        let over = state.ended.is_some() || state.streams.sendable(self.inner.id).is_none();
        *lock(&self.inner.waiters.waker) = Some(waker);
        if over {
            self.inner.waiters.wake();
        }
    }
}

impl Waiters {
    pub fn wake(&self) {
        self.readable.notify_all();
        self.writable.notify_all();
        // One byte is enough, so that the pipe cannot be full at the first one.
        if let Some(mut waker) = lock(&self.waker).take() {
            let _ = waker.write(&[0]);
        }
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        let (ended, stopped) = {
            let mut state = self.link.state();
            state.waiters.remove(&self.id);
            (state.streams.end(self.id), state.streams.stop(self.id))
        };
        self.link.send(ended);
        self.link.send(stopped);
    }
}

fn unwanted() -> Fault {
    Fault::peer(
        FaultCode::Disconnected,
        "the other end of the stream takes no more",
    )
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Stream")
            .field("id", &self.inner.id)
            .finish_non_exhaustive()
    }
}
