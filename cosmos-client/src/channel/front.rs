//! The channels that this thread used last, where the shortest way of a call finds them.
//!
//! A channel stands here or in the thread's table, never in both. It is taken by one look and put back
//! by one write. A signal handler that calls in between finds the place busy, or empty, and goes the
//! long way.

use super::Channel;
use std::cell::Cell;
use std::sync::atomic::{Ordering, compiler_fence};

/// Places, in which VMs are found by the last bits of their keys.
const PLACES: usize = 4;

struct Place {
    /// Set while the place is looked at or changed.
    busy: Cell<bool>,
    key: Cell<u64>,
    channel: Cell<Option<Box<Channel>>>,
}

thread_local! {
    static FRONT: [Place; PLACES] = const {
        [const {
            Place {
                busy: Cell::new(false),
                key: Cell::new(0),
                channel: Cell::new(None),
            }
        }; PLACES]
    };
}

/// Takes the channel to the VM of this key, where it stands here.
#[inline]
pub(super) fn take(key: u64) -> Option<Box<Channel>> {
    let found = FRONT.try_with(|places| {
        let place = &places[key as usize % PLACES];
        if place.busy.get() || place.key.get() != key {
            return None;
        }
        place.alone(|| place.channel.take())
    });
    found.ok().flatten()
}

/// Puts a channel here; gives back what stood here, or the same, where that may not be.
#[inline]
pub(super) fn put(key: u64, channel: Box<Channel>) -> Option<(u64, Box<Channel>)> {
    let mut channel = Some(channel);
    let before = FRONT.try_with(|places| {
        let place = &places[key as usize % PLACES];
        if place.busy.get() {
            return None;
        }
        place.alone(|| {
            let before = place.channel.replace(channel.take());
            Some((place.key.replace(key), before?))
        })
    });
    match channel {
        None => before.ok().flatten(),
        Some(channel) => Some((key, channel)),
    }
}

/// Puts a channel here where nothing stands; gives it back where that may not be.
#[inline]
pub(super) fn put_where_free(key: u64, channel: Box<Channel>) -> Option<Box<Channel>> {
    let mut channel = Some(channel);
    let _ = FRONT.try_with(|places| {
        let place = &places[key as usize % PLACES];
        if place.busy.get() {
            return;
        }
        place.alone(|| match place.channel.take() {
            None => {
                place.key.set(key);
                place.channel.set(channel.take());
            }
            other => place.channel.set(other),
        });
    });
    channel
}

/// Takes out the channels of the VMs that `which` names.
pub(super) fn take_all(which: impl Fn(&Channel, u64) -> bool) -> Vec<super::Place> {
    let all = FRONT.try_with(|places| {
        let matching = |place: &Place| {
            if place.busy.get() {
                return None;
            }
            place.alone(|| {
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
        places.iter().filter_map(matching).collect()
    });
    all.unwrap_or_default()
}

impl Place {
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
