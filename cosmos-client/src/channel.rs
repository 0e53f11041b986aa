//! The channels of a thread: one connection to each VM it calls, served by a thread of the VM's.
//!
//! A library that keeps something per thread (errno, `strtok`'s place) so sees each client thread
//! as one thread of its own. A channel is taken out while a call is under way; a call that starts
//! meanwhile on the same thread, from a signal handler, gets a second one, which is closed after
//! it. The channels of a thread close when it ends.
//!
//! While a callback runs, the VM's thread waits for it and serves the channel: it is *lent* to the
//! calls that the callback makes, the innermost first.

use crate::fork::Own;
use crate::link::Link;
use crate::turn::Seat;
use callframe::marshal::{Image, Pending};
use cosmos_rpc::Fault;
use cosmos_rpc::blocking::Connection;
use std::cell::RefCell;
use std::os::fd::AsRawFd;
use std::sync::{Arc, Weak};
use std::thread::LocalKey;
use std::time::Duration;

/// Requests up to this size leave their buffer behind for the next one.
const KEPT_BUFFER: usize = 4 << 20;

/// A connection to a VM and the buffers of its requests. It is handed around in a box, for it is
/// large and a call takes it out and puts it back.
#[derive(Debug)]
pub(crate) struct Channel {
    /// By which other threads end a call on it. Before the connection: dropped first.
    pub(crate) seat: Seat,
    /// The connection.
    pub(crate) connection: Own<Connection>,
    /// Reused from call to call.
    pub(crate) request: Vec<u8>,
    /// Likewise: the descriptors of a request, open in the caller.
    pub(crate) descriptors: Vec<i32>,
    /// Likewise: what is known of the call under way.
    pub(crate) pending: Pending,
    /// Likewise: the memory of a call back, and its reply.
    pub(crate) image: Image,
    pub(crate) reply: Vec<u8>,
    /// How many callbacks run inside of each other on it.
    pub(crate) nesting: usize,
}

impl Channel {
    fn new(connection: Connection) -> Box<Channel> {
        Box::new(Channel {
            seat: Seat::new(connection.as_raw_fd()),
            connection: Own::new(connection),
            request: Vec::new(),
            descriptors: Vec::new(),
            pending: Pending::default(),
            image: Image::default(),
            reply: Vec::new(),
            nesting: 0,
        })
    }
}

/// A channel that a callback has meanwhile.
pub(crate) struct Lent {
    key: u64,
    nesting: usize,
    /// Of the call that waits for the callback.
    pending: Pending,
}

#[derive(Debug)]
struct Parked {
    key: u64,
    link: Weak<Link>,
    channel: Box<Channel>,
}

thread_local! {
    static CHANNELS: RefCell<Vec<Parked>> = const { RefCell::new(Vec::new()) };
    /// Those that callbacks have.
    static LENT: RefCell<Vec<Parked>> = const { RefCell::new(Vec::new()) };
}

/// This thread's channel to the VM, made where there is none.
pub(crate) fn take(link: &Arc<Link>, timeout: Option<Duration>) -> Result<Box<Channel>, Fault> {
    let of_link = |channels: &mut Vec<Parked>| {
        let place = channels
            .iter()
            .rposition(|parked| parked.key == link.key())?;
        Some(channels.remove(place).channel)
    };
    let parked = with(&LENT, of_link).flatten().or_else(|| {
        let parked = with(&CHANNELS, of_link).flatten();
        // One whose call was cancelled in its last moment is shut.
        parked.filter(|channel| !channel.seat.is_cancelled())
    });
    let mut channel = match parked {
        Some(channel) => channel,
        None => {
            let channel = Channel::new(link.attach(timeout)?);
            link.list(channel.seat.turn());
            channel
        }
    };
    channel.connection.set_timeout(timeout);
    Ok(channel)
}

/// Puts a channel that is in step back for the next call of this thread.
pub(crate) fn park(link: &Arc<Link>, mut channel: Box<Channel>) {
    channel.request.clear();
    channel.request.shrink_to(KEPT_BUFFER);
    channel.descriptors.clear();
    let lent = channel.nesting > 0;
    let mut parked = Some(Parked {
        key: link.key(),
        link: Arc::downgrade(link),
        channel,
    });
    if lent {
        with(&LENT, |channels| channels.extend(parked));
        return;
    }
    let stale = with(&CHANNELS, |channels| {
        if channels.iter().any(|known| known.key == link.key()) {
            return Vec::new();
        }
        channels.extend(parked.take());
        // Channels of VMs that are gone go with the first sight of them.
        channels
            .extract_if(.., |known| {
                known.link.upgrade().is_none_or(|link| link.is_gone())
            })
            .collect()
    });
    drop(stale);
}

/// Leaves a channel to what a callback does.
pub(crate) fn lend(link: &Arc<Link>, mut channel: Box<Channel>) -> Lent {
    channel.nesting += 1;
    let lent = Lent {
        key: link.key(),
        nesting: channel.nesting,
        pending: std::mem::take(&mut channel.pending),
    };
    park(link, channel);
    lent
}

/// Takes a channel back from a callback that has returned; `None` where a call that it made has
/// lost it.
pub(crate) fn reclaim(lent: Lent) -> Option<Box<Channel>> {
    let found = with(&LENT, |channels| {
        let place = channels
            .iter()
            .rposition(|parked| parked.key == lent.key && parked.channel.nesting == lent.nesting)?;
        Some(channels.remove(place).channel)
    });
    let mut channel = found.flatten()?;
    channel.nesting -= 1;
    channel.pending = lent.pending;
    Some(channel)
}

/// Closes this thread's channels to the VM of this key.
pub(crate) fn forget(key: u64) {
    for table in [&CHANNELS, &LENT] {
        drop(with(table, |channels| {
            channels
                .extract_if(.., |parked| parked.key == key)
                .collect::<Vec<_>>()
        }));
    }
}

/// `None` while the thread ends, and inside of another use of the table on this thread.
fn with<T>(
    table: &'static LocalKey<RefCell<Vec<Parked>>>,
    use_table: impl FnOnce(&mut Vec<Parked>) -> T,
) -> Option<T> {
    table
        .try_with(|channels| {
            channels
                .try_borrow_mut()
                .ok()
                .map(|mut channels| use_table(&mut channels))
        })
        .ok()
        .flatten()
}
