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

//!
//! The thread of the channel says what it does without a lock and without a locked instruction, for
//! it does so in every call: in one word, which only it changes.
//!
//! | bits of the word | |
//! |---|---|
//! | 0 | [`BUSY`]: a call is under way for the object beside it |
//! | 1 and up | number of the call, so that no word comes twice |
//!
//! Who cancels says so in a flag, and then looks at the word; the thread writes its word and then looks
//! at the flag, with the two halves of a [`fence`] between. So where the word still is that of the call
//! to be cancelled, the thread will find the flag at the end of that very call, and wait there until
//! the other one is done.
//!
//! The same way a library is *left to* a call that is under way when the program lets go of it: calls of
//! a few numbers hold no library, for counting a reference takes two locked instructions, on memory that
//! all threads share. Who lets go closes the library first, so that no call begins any more, and then
//! leaves it to each turn that is busy with it. What is left to a call is let go of when it has ended.

use crate::session::lock;
use cosmos_rpc::fence;
use std::any::Any;
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering, compiler_fence};
use std::sync::{Arc, Mutex};

const BUSY: u64 = 1;
const ONE: u64 = 2;

/// What a channel is doing. It has a line of the processor's for itself.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Turn {
    word: AtomicU64,
    /// For which object, where it is busy.
    object: AtomicU64,
    /// Somebody is cancelling, or has, or something is left to the call: it has to look at the end. With `rest`
    /// locked.
    asked: AtomicBool,
    cancelled: AtomicBool,
    /// Whether the channel's thread has seen that its half of the fence is free.
    is_free: AtomicBool,
    rest: Mutex<Rest>,
}

/// What is looked at rarely.
#[derive(Debug)]
struct Rest {
    /// Open as long as it stands here.
    socket: Option<RawFd>,
    /// What lasts until the call under way has ended.
    left: Left,
}

/// What was left to calls.
pub(crate) type Left = Vec<Arc<dyn Any + Send + Sync>>;

impl Turn {
    /// Ends the call that is under way for `object`, if one is.
    pub(crate) fn cancel(&self, object: u64) -> bool {
        let rest = lock(&self.rest);
        let (Some(number), false) = (rest.socket, self.is_cancelled()) else {
            return false;
        };
        let met = self.meets(object);
        if met {
            self.cancelled.store(true, Ordering::Release);
            shut(number);
        }
        self.ask(&rest);
        met
    }

    /// Has the call that is under way for `object`, if one is, keep something until its end.
    pub(crate) fn leave(&self, object: u64, something: &Arc<dyn Any + Send + Sync>) {
        let mut rest = lock(&self.rest);
        if self.meets(object) {
            rest.left.push(Arc::clone(something));
        }
        self.ask(&rest);
    }

    /// Says whether there is anything to be looked at.
    fn ask(&self, rest: &Rest) {
        let asked = !rest.left.is_empty() || self.is_cancelled();
        self.asked.store(asked, Ordering::Release);
    }

    /// Whether a call is under way for `object` that will wait at its end for who locked the rest.
    fn meets(&self, object: u64) -> bool {
        let word = self.word.load(Ordering::Acquire);
        if word & BUSY == 0 || self.object.load(Ordering::Acquire) != object {
            return false;
        }
        self.asked.store(true, Ordering::Release);
        fence::heavy();
        // Where the object is a later call's, the word is that one's too, and no longer this.
        self.word.load(Ordering::Acquire) == word
    }

    /// Ends whatever is waited for on the socket.
    pub(crate) fn shut(&self) {
        if let Some(socket) = lock(&self.rest).socket {
            shut(socket);
        }
    }

    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }

    /// By the channel's thread alone, as the next.
    #[inline]
    fn begin(&self, object: u64) -> Begun {
        let word = self.word.load(Ordering::Relaxed);
        if word & BUSY != 0 {
            return self.begin_inside(object);
        }
        self.become_busy(word, object);
        Begun { outer: None }
    }

    /// The same, of a call inside of another one.
    #[cold]
    fn begin_inside(&self, object: u64) -> Begun {
        let outer = self.object.load(Ordering::Relaxed);
        // The outer call holds what it needs: it is a callback's.
        if self.become_idle() {
            drop(self.settle());
        }
        self.become_busy(self.word.load(Ordering::Relaxed), object);
        Begun { outer: Some(outer) }
    }

    #[inline]
    fn end(&self, begun: &Begun) -> bool {
        let asked = self.become_idle();
        if let Some(object) = begun.outer {
            self.become_busy(self.word.load(Ordering::Relaxed), object);
        }
        asked
    }

    #[inline]
    fn become_busy(&self, word: u64, object: u64) {
        self.object.store(object, Ordering::Release);
        self.word
            .store(word.wrapping_add(ONE) | BUSY, Ordering::Release);
    }

    /// Ends a call; whether it has to [settle](Turn::settle).
    #[inline]
    fn become_idle(&self) -> bool {
        let word = self.word.load(Ordering::Relaxed);
        self.word
            .store((word & !BUSY).wrapping_add(ONE), Ordering::Release);
        match self.is_free.load(Ordering::Relaxed) {
            true => compiler_fence(Ordering::SeqCst),
            false => self.pay(),
        }
        self.asked.load(Ordering::Acquire)
    }

    /// The fence, where it is not known to be free.
    #[cold]
    fn pay(&self) {
        self.is_free.store(fence::is_free(), Ordering::Relaxed);
        fence::light();
    }

    /// Waits until whoever asked has decided; gives what was left.
    #[cold]
    fn settle(&self) -> Left {
        let mut rest = lock(&self.rest);
        let left = std::mem::take(&mut rest.left);
        self.ask(&rest);
        left
    }
}

fn shut(socket: RawFd) {
    // It can only fail where the VM has hung up already, and the thread is awake anyway.
    let _ = nix::sys::socket::shutdown(socket, nix::sys::socket::Shutdown::Both);
}

/// A channel's hold on its turn. It is dropped before the channel's socket is closed.
#[derive(Debug)]
pub(crate) struct Seat(Arc<Turn>);

/// A call that was begun; it has to be ended or held.
#[must_use]
#[derive(Debug)]
pub(crate) struct Begun {
    /// The object of the call that it began inside of.
    outer: Option<u64>,
}

impl Seat {
    /// A turn for a channel over this socket.
    pub(crate) fn new(socket: RawFd) -> Seat {
        Seat(Arc::new(Turn {
            word: AtomicU64::new(0),
            object: AtomicU64::new(0),
            asked: AtomicBool::new(false),
            cancelled: AtomicBool::new(false),
            is_free: AtomicBool::new(false),
            rest: Mutex::new(Rest {
                socket: Some(socket),
                left: Left::new(),
            }),
        }))
    }

    /// What other threads get to see of it.
    pub(crate) fn turn(&self) -> &Arc<Turn> {
        &self.0
    }

    /// Whether a call on the channel was cancelled: its socket is shut.
    #[inline]
    pub(crate) fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }

    /// A call for `object` begins. A call that a callback makes meanwhile begins and ends inside of
    /// it.
    #[inline]
    pub(crate) fn begin(&self, object: u64) -> Begun {
        self.0.begin(object)
    }

    /// That call ends, of who holds its library.
    #[inline]
    pub(crate) fn end(&self, begun: Begun) {
        if self.0.end(&begun) {
            drop(self.0.settle());
        }
    }

    /// That call ends, of who does not: whether what was [left](Seat::left) to it is to be taken; also where the
    /// call was cancelled.
    #[inline]
    #[must_use]
    pub(crate) fn end_unheld(&self, begun: Begun) -> bool {
        self.0.end(&begun)
    }

    /// What was left to the call that has ended, once who is about to leave something has; to be dropped when
    /// the channel is back in its place.
    pub(crate) fn left(&self) -> Left {
        self.0.settle()
    }

    /// That call ends with what is returned, also when the channel is gone by then.
    pub(crate) fn hold(&self, begun: Begun) -> Busy {
        Busy {
            turn: Arc::clone(&self.0),
            begun,
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        lock(&self.0.rest).socket = None;
    }
}

/// A call under way.
#[derive(Debug)]
pub(crate) struct Busy {
    turn: Arc<Turn>,
    begun: Begun,
}

impl Busy {
    /// Whether another thread has ended it.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.turn.is_cancelled()
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        // Whoever made it holds the library besides.
        if self.turn.end(&self.begun) {
            drop(self.turn.settle());
        }
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
        let outer = seat.hold(seat.begin(1));
        {
            let inner = seat.hold(seat.begin(2));
            assert!(!seat.turn().cancel(1));
            assert!(!inner.is_cancelled());
        }
        assert!(!seat.turn().cancel(2));
        assert!(seat.turn().cancel(1));
        assert!(!seat.turn().cancel(1), "it is cancelled already");
        assert!(outer.is_cancelled() && seat.is_cancelled());
        assert_eq!(theirs.read(&mut [0]).unwrap(), 0);
    }

    #[test]
    fn a_socket_that_is_closed_is_left_alone() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let seat = Seat::new(ours.as_raw_fd());
        let turn = Arc::clone(seat.turn());
        let _busy = seat.hold(seat.begin(1));
        drop(seat);
        assert!(!turn.cancel(1));
    }

    /// Whoever is told that it cancelled a call has ended that channel, and nobody else's call.
    #[test]
    fn a_cancel_that_meets_the_end_of_a_call_is_seen_or_refused() {
        for _ in 0..200 {
            let (ours, _theirs) = UnixStream::pair().unwrap();
            let seat = Seat::new(ours.as_raw_fd());
            let turn = Arc::clone(seat.turn());
            let other = std::thread::spawn(move || (0..50).any(|_| turn.cancel(2)));
            while !other.is_finished() && !seat.is_cancelled() {
                seat.end(seat.begin(2));
                let before = seat.is_cancelled();
                seat.end(seat.begin(1));
                assert_eq!(
                    seat.is_cancelled(),
                    before,
                    "in a call that nobody cancelled"
                );
            }
            seat.end(seat.begin(2));
            assert_eq!(other.join().unwrap(), seat.is_cancelled());
        }
    }

    #[test]
    fn what_is_left_to_a_call_lasts_until_it_ends() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let seat = Seat::new(ours.as_raw_fd());
        let something: Arc<dyn Any + Send + Sync> = Arc::new(());
        let holders = || Arc::strong_count(&something);
        seat.turn().leave(1, &something);
        assert_eq!(holders(), 1, "nothing is under way");
        let begun = seat.begin(1);
        seat.turn().leave(2, &something);
        assert_eq!(holders(), 1, "another object's call is");
        seat.turn().leave(1, &something);
        assert!(!seat.turn().cancel(2));
        assert_eq!(holders(), 2);
        assert!(seat.end_unheld(begun));
        assert_eq!(holders(), 2);
        drop(seat.left());
        assert_eq!(holders(), 1);
        let begun = seat.begin(1);
        assert!(!seat.end_unheld(begun));
    }

    /// Whatever is left to calls that begin and end meanwhile is let go of by them, and by nobody before.
    #[test]
    fn what_meets_the_end_of_a_call_is_neither_lost_nor_kept() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let seat = Seat::new(ours.as_raw_fd());
        let turn = Arc::clone(seat.turn());
        let something: Arc<dyn Any + Send + Sync> = Arc::new(());
        let other = {
            let something = Arc::clone(&something);
            std::thread::spawn(move || (0..20_000).for_each(|_| turn.leave(2, &something)))
        };
        while !other.is_finished() {
            for object in [2, 1] {
                let begun = seat.begin(object);
                let asked = seat.end_unheld(begun);
                let left = if asked { seat.left() } else { Left::new() };
                assert!(object == 2 || left.is_empty(), "of a call that had ended");
            }
        }
        other.join().unwrap();
        if seat.end_unheld(seat.begin(2)) {
            drop(seat.left());
        }
        assert_eq!(Arc::strong_count(&something), 1);
    }
}
