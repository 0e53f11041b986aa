//! The channels that this thread used last, where the shortest way of a call finds them.
//!
//! A channel stands here or in the thread's table, never in both. It is taken by one look and put back
//! by one write. A signal handler that calls in between finds the front busy, or the place empty, and goes
//! the long way.
//!
//! Nothing here is dropped when the thread ends: its table, which is, opens the front, and closes it before
//! it goes. So a look needs not ask whether it comes too late.

use super::Channel;
use crate::memory::Errno;
use std::cell::Cell;
use std::mem::ManuallyDrop;
use std::sync::atomic::{Ordering, compiler_fence};

/// Places, in which VMs are found by the last bits of their keys.
const PLACES: usize = 4;

#[repr(C, align(64))]
struct Front {
    /// Set while a place is looked at or changed, before the front is opened, and when it is closed.
    busy: Cell<bool>,
    /// Where this thread's errno is, once the front was opened.
    errno: Cell<Option<Errno>>,
    places: [Place; PLACES],
}

struct Place {
    key: Cell<u64>,
    channel: Cell<Option<Box<Channel>>>,
}

thread_local! {
    static FRONT: ManuallyDrop<Front> = const {
        ManuallyDrop::new(Front {
            busy: Cell::new(true),
            errno: Cell::new(None),
            places: [const {
                Place {
                    key: Cell::new(0),
                    channel: Cell::new(None),
                }
            }; PLACES],
        })
    };
}

/// Opens it, by the thread's table, when it is there.
pub(super) fn open() {
    FRONT.with(|front| {
        if front.errno.get().is_none() {
            front.errno.set(Some(Errno::here()));
            front.busy.set(false);
        }
    });
}

/// Closes it for good, by the thread's table, when it goes; gives what stood here.
pub(super) fn close() -> [Option<Box<Channel>>; PLACES] {
    FRONT.with(|front| {
        front.busy.set(true);
        compiler_fence(Ordering::SeqCst);
        front.places.each_ref().map(|place| place.channel.take())
    })
}

/// Where this thread's errno is, if any channel ever stood here.
#[inline]
pub(super) fn errno() -> Option<Errno> {
    FRONT.with(|front| front.errno.get())
}

/// Takes the channel to the VM of this key, where it stands here.
#[inline]
pub(super) fn take(key: u64) -> Option<Box<Channel>> {
    FRONT.with(|front| {
        if front.busy.get() {
            return None;
        }
        let place = front.place(key);
        front.alone(|| match place.key.get() == key {
            true => place.channel.take(),
            false => None,
        })
    })
}

/// Puts a channel here; gives back what stood here, or the same, where that may not be.
#[inline]
pub(super) fn put(key: u64, channel: Box<Channel>) -> Option<(u64, Box<Channel>)> {
    FRONT.with(|front| {
        if front.busy.get() {
            return Some((key, channel));
        }
        let place = front.place(key);
        front.alone(|| {
            let before = place.channel.replace(Some(channel));
            let its_key = place.key.replace(key);
            before.map(|before| (its_key, before))
        })
    })
}

/// Puts a channel here where nothing stands; gives it back where that may not be.
#[inline]
pub(super) fn put_where_free(key: u64, channel: Box<Channel>) -> Option<Box<Channel>> {
    FRONT.with(|front| {
        if front.busy.get() {
            return Some(channel);
        }
        let place = front.place(key);
        front.alone(|| match place.channel.take() {
            None => {
                place.key.set(key);
                place.channel.set(Some(channel));
                None
            }
            other => {
                place.channel.set(other);
                Some(channel)
            }
        })
    })
}

/// Takes out the channels of the VMs that `which` names.
pub(super) fn take_all(which: impl Fn(&Channel, u64) -> bool) -> Vec<super::Place> {
    FRONT.with(|front| {
        let matching = |place: &Place| {
            if front.busy.get() {
                return None;
            }
            front.alone(|| {
                let key = place.key.get();
                let channel = place.channel.take()?;
                if which(&channel, key) {
                    let channel = Some(channel);
                    return Some(super::Place { key, channel });
                }
                place.channel.set(Some(channel));
                None
            })
        };
        front.places.iter().filter_map(matching).collect()
    })
}

impl Front {
    #[inline]
    fn place(&self, key: u64) -> &Place {
        &self.places[key as usize % PLACES]
    }

    /// Does what no signal handler may come into the middle of.
    #[inline]
    fn alone<T>(&self, change: impl FnOnce() -> T) -> T {
        self.busy.set(true);
        compiler_fence(Ordering::SeqCst);
        let done = change();
        compiler_fence(Ordering::SeqCst);
        self.busy.set(false);
        done
    }
}
