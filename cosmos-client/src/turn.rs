//! Calls under way, as far as other threads may know of them: to end them.
//!
//! A channel belongs to one thread, and so does the call on it. What another thread reaches is the
//! channel's *turn*: for which object a call is under way, and the socket to shut down so that the
//! thread that waits on it stops waiting.
//!
//! ```text
//! idle ── take up ──▶ busy with an object ── put down ──▶ idle
//!                          │ cancel
//!                          ▼
//!                      cancelled: the channel is used no more
//! ```

use crate::session::lock;
use std::os::fd::RawFd;
use std::sync::{Arc, Mutex};

/// What a channel is doing.
#[derive(Debug)]
pub(crate) struct Turn {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Open as long as it stands here.
    socket: Option<RawFd>,
    object: Option<u64>,
    cancelled: bool,
}

impl Turn {
    /// Ends the call that is under way for `object`, if one is.
    pub(crate) fn cancel(&self, object: u64) -> bool {
        let mut state = lock(&self.state);
        let (Some(socket), true) = (state.socket, state.object == Some(object)) else {
            return false;
        };
        state.cancelled = true;
        shut(socket);
        true
    }

    /// Ends whatever is waited for on the socket.
    pub(crate) fn shut(&self) {
        if let Some(socket) = lock(&self.state).socket {
            shut(socket);
        }
    }
}

fn shut(socket: RawFd) {
    // It can only fail where the VM has hung up already, and the thread is awake anyway.
    let _ = nix::sys::socket::shutdown(socket, nix::sys::socket::Shutdown::Both);
}

/// A channel's hold on its turn. It is dropped before the channel's socket is closed.
#[derive(Debug)]
pub(crate) struct Seat(Arc<Turn>);

impl Seat {
    /// A turn for a channel over this socket.
    pub(crate) fn new(socket: RawFd) -> Seat {
        Seat(Arc::new(Turn {
            state: Mutex::new(State {
                socket: Some(socket),
                object: None,
                cancelled: false,
            }),
        }))
    }

    /// What other threads get to see of it.
    pub(crate) fn turn(&self) -> &Arc<Turn> {
        &self.0
    }

    /// Whether a call on the channel was cancelled: its socket is shut.
    pub(crate) fn is_cancelled(&self) -> bool {
        lock(&self.0.state).cancelled
    }

    /// A call for `object` begins; it ends with what is returned. A call that a callback makes
    /// meanwhile begins and ends inside of it.
    pub(crate) fn take_up(&self, object: u64) -> Busy {
        let outer = lock(&self.0.state).object.replace(object);
        Busy {
            turn: Arc::clone(&self.0),
            outer,
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        lock(&self.0.state).socket = None;
    }
}

/// A call under way.
#[derive(Debug)]
pub(crate) struct Busy {
    turn: Arc<Turn>,
    outer: Option<u64>,
}

impl Busy {
    /// Whether another thread has ended it.
    pub(crate) fn is_cancelled(&self) -> bool {
        lock(&self.turn.state).cancelled
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        lock(&self.turn.state).object = self.outer;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;

    #[test]
    fn only_the_call_of_that_object_is_cancelled() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let seat = Seat::new(ours.as_raw_fd());
        assert!(!seat.turn().cancel(1));
        let outer = seat.take_up(1);
        {
            let inner = seat.take_up(2);
            assert!(!seat.turn().cancel(1));
            assert!(!inner.is_cancelled());
        }
        assert!(!seat.turn().cancel(2));
        assert!(seat.turn().cancel(1));
        assert!(outer.is_cancelled() && seat.is_cancelled());
        assert_eq!(theirs.read(&mut [0]).unwrap(), 0);
    }

    #[test]
    fn a_socket_that_is_closed_is_left_alone() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let seat = Seat::new(ours.as_raw_fd());
        let turn = Arc::clone(seat.turn());
        let _busy = seat.take_up(1);
        drop(seat);
        assert!(!turn.cancel(1));
    }
}
