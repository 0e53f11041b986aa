//! The channels of a thread: one connection to each VM it calls, served by a thread of the VM's.
//!
//! A library that keeps something per thread (errno, `strtok`'s place) so sees each client thread
//! as one thread of its own. A channel is taken out while a call is under way; a call that starts
//! meanwhile on the same thread, from a signal handler, gets a second one, which is closed after
//! it. The channels of a thread close when it ends.
//!
//! While a callback runs, the VM's thread waits for it and serves the channel: it is *lent* to the
//! calls that the callback makes, the innermost first.

mod front;

use crate::arena::Arena;
use crate::fork::Own;
use crate::link::{Ahead, Link};
use crate::memory::Errno;
use crate::staging::{Staging, Top};
use crate::trace;
use crate::turn::Seat;
use crate::uncancelled::Uncancelled;
use callframe::marshal::{Image, Pending};
use cosmos_rpc::blocking::Connection;
use cosmos_rpc::fence;
use cosmos_rpc::message::vm::Map;
use cosmos_rpc::{Fault, Frame};
use std::cell::RefCell;
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

/// Requests up to this size leave their buffer behind for the next one.
const KEPT_BUFFER: usize = 4 << 20;

/// A connection to a VM and the buffers of its requests. It is handed around in a box, for it is
/// large and a call takes it out and puts it back. What every call needs is first, in a line of the
/// processor's.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Channel {
    /// How many VMs had ended when it was put back last.
    swept: u64,
    /// By which other threads end a call on it. Before the connection: dropped first.
    pub(crate) seat: Seat,
    /// The connection.
    pub(crate) connection: Own<Connection>,
    /// Reused from call to call.
    pub(crate) request: Vec<u8>,
    /// Likewise: the descriptors of a request, open in the caller.
    pub(crate) descriptors: Vec<i32>,
    /// Likewise: what is known of the call under way; a callback's own calls have another one.
    pub(crate) pending: Option<Box<Pending>>,
    /// Likewise: the memory of a call back, and its reply.
    pub(crate) image: Image,
    pub(crate) reply: Vec<u8>,
    /// Likewise: where large buffers go.
    pub(crate) staging: Staging,
    /// Memory that the program and the VM both see, besides.
    pub(crate) arena: Arc<Arena>,
    /// A value that the program gave the VM, and that came back last.
    pub(crate) cookie: u64,
    /// How many callbacks run inside of each other on it.
    pub(crate) nesting: usize,
    /// Of the VM, whose channels go when it has ended.
    link: Weak<Link>,
}

impl Channel {
    fn new(link: &Arc<Link>, connection: Connection) -> Box<Channel> {
        let stages = connection.shares() && connection.peer().minor >= Map::SINCE;
        let most = if stages { connection.peer().body } else { 0 };
        Box::new(Channel {
            swept: 0,
            seat: Seat::new(connection.as_raw_fd()),
            request: Vec::new(),
            descriptors: Vec::new(),
            pending: None,
            image: Image::default(),
            reply: Vec::new(),
            staging: Staging::new(u64::from(most)),
            arena: Arc::clone(link.arena()),
            connection: Own::new(connection),
            cookie: 0,
            nesting: 0,
            link: Arc::downgrade(link),
        })
    }
}

/// A channel that a callback has meanwhile.
pub(crate) struct Lent {
    key: u64,
    nesting: usize,
    /// Of the call that waits for the callback.
    pending: Option<Box<Pending>>,
    floor: Top,
}

/// The place of a channel, which is empty while it is in use.
#[derive(Debug)]
struct Place {
    key: u64,
    channel: Option<Box<Channel>>,
}

/// The channels of a thread.
#[derive(Debug)]
struct Table {
    idle: Vec<Place>,
    /// Those that callbacks have.
    lent: Vec<Place>,
    /// How many VMs had ended when it was last swept.
    swept: u64,
}

thread_local! {
    static TABLE: RefCell<Table> = const {
        RefCell::new(Table {
            idle: Vec::new(),
            lent: Vec::new(),
            swept: 0,
        })
    };
}

/// This thread's channel to the VM, made where there is none.
pub(crate) fn take(link: &Arc<Link>, timeout: Option<Duration>) -> Result<Box<Channel>, Fault> {
    if let Some(channel) = take_idle(link, timeout) {
        return Ok(channel);
    }
    let attach = || {
        let mut connection = link.attach(timeout)?;
        trace::follow(&mut connection)?;
        Ok::<_, Fault>(connection)
    };
    let connection = trace::step("new channel", link.label(), attach)?;
    Ok(made(link, connection, timeout))
}

/// The same, for a request; its answer, where it was made as the channel was. It is left to the caller where
/// the channel is there already, and where steps are noted one by one.
pub(crate) fn take_asking(
    link: &Arc<Link>,
    timeout: Option<Duration>,
    ahead: Ahead<'_>,
) -> Result<(Box<Channel>, Option<Frame>), Fault> {
    if trace::is_on() {
        return take(link, timeout).map(|channel| (channel, None));
    }
    if let Some(channel) = take_idle(link, timeout) {
        return Ok((channel, None));
    }
    let (connection, answer, _) = link.attach_asking(timeout, Some(ahead))?;
    Ok((made(link, connection, timeout), answer))
}

/// The channel that a connection is, which was made just now.
pub(crate) fn made(
    link: &Arc<Link>,
    connection: Connection,
    timeout: Option<Duration>,
) -> Box<Channel> {
    let mut channel = Channel::new(link, connection);
    link.list(channel.seat.turn());
    channel.connection.set_timeout(timeout);
    channel
}

/// The same, where there is one.
pub(crate) fn take_idle(link: &Arc<Link>, timeout: Option<Duration>) -> Option<Box<Channel>> {
    let key = link.key();
    let found = with(|table| {
        if let Some(place) = table.lent.iter().rposition(|place| place.key == key) {
            return table.lent.remove(place).channel;
        }
        front::take(key).or_else(|| {
            let place = table.idle.iter_mut().find(|place| place.key == key)?;
            place.channel.take()
        })
    });
    // One whose call was cancelled in its last moment is shut.
    let mut channel = found
        .flatten()
        .filter(|channel| !channel.seat.is_cancelled())?;
    channel.connection.set_timeout(timeout);
    Some(channel)
}

/// Where this thread's errno is, if it has had a channel.
#[inline]
pub(crate) fn errno() -> Option<Errno> {
    front::errno()
}

/// This thread's channel to the VM of this key, where it is as the last call left it, or a callback has
/// it, and no VM has ended since; for a call that leaves it so. It takes short bodies.
#[inline]
pub(crate) fn take_ready(key: u64) -> Option<Box<Channel>> {
    let channel = front::take(key)?;
    match channel.swept == ENDED.load(Ordering::Relaxed) {
        true => Some(channel),
        false => swept(key, channel),
    }
}

/// The same, where a VM has ended since: this one, or another one whose channels go now.
#[cold]
fn swept(key: u64, channel: Box<Channel>) -> Option<Box<Channel>> {
    put_aside(channel);
    front::take(key)
}

/// Puts it back.
#[inline]
pub(crate) fn put_ready(key: u64, channel: Box<Channel>) {
    if channel.seat.is_cancelled() || !channel.connection.takes_short() {
        return put_aside(channel);
    }
    put_ready_again(key, channel);
}

/// Puts it back after a call that was like any other, and was not [asked](Seat::end_unheld) anything.
#[inline]
pub(crate) fn put_ready_again(key: u64, channel: Box<Channel>) {
    if let Some((_, other)) = front::put(key, channel) {
        put_aside(other);
    }
}

/// Puts a channel back the long way.
#[cold]
fn put_aside(channel: Box<Channel>) {
    let _uncancelled = Uncancelled::new();
    let link = channel.link.upgrade();
    if let Some(link) = link.filter(|link| !link.is_gone() && !channel.seat.is_cancelled()) {
        park(&link, channel);
    }
}

/// Puts a channel that is in step back for the next call of this thread.
pub(crate) fn park(link: &Arc<Link>, mut channel: Box<Channel>) {
    // Before the first call that goes the shortest way.
    fence::prepare_aside();
    channel.request.clear();
    if channel.request.capacity() > KEPT_BUFFER {
        channel.request.shrink_to(KEPT_BUFFER);
    }
    channel.descriptors.clear();
    channel.staging.rewind();
    if channel.staging.give_back(&mut channel.connection).is_err() {
        return;
    }
    let key = link.key();
    let lent = channel.nesting > 0;
    channel.swept = ENDED.load(Ordering::Relaxed);
    let mut channel = Some(channel);
    let stale = with(|table| {
        if lent {
            let channel = channel.take();
            table.lent.push(Place { key, channel });
            return (Vec::new(), None);
        }
        let stale = table.sweep();
        let before = channel
            .take()
            .and_then(|channel| match channel.connection.takes_short() {
                true => front::put(key, channel),
                false => Some((key, channel)),
            });
        let Some((key, before)) = before else {
            return (stale, None);
        };
        match table.idle.iter_mut().find(|place| place.key == key) {
            Some(place) if place.channel.is_none() => place.channel = Some(before),
            // Another one took its place meanwhile.
            Some(_) => return (stale, Some(before)),
            None => table.idle.push(Place {
                key,
                channel: Some(before),
            }),
        }
        (stale, None)
    });
    // Dropped when the table is free again.
    drop((stale, channel));
}

/// How many VMs of this process have ended.
static ENDED: AtomicU64 = AtomicU64::new(0);

/// A VM has ended, or is let go of: whatever threads have channels to it close them.
pub(crate) fn vm_ended() {
    ENDED.fetch_add(1, Ordering::Relaxed);
}

impl Drop for Table {
    fn drop(&mut self) {
        drop(front::close());
    }
}

impl Table {
    /// Takes out the channels of VMs that are gone.
    fn sweep(&mut self) -> Vec<Place> {
        let ended = ENDED.load(Ordering::Relaxed);
        if std::mem::replace(&mut self.swept, ended) == ended {
            return Vec::new();
        }
        let gone = |place: &mut Place| place.channel.as_ref().is_none_or(|it| it.is_of_the_past());
        let mut stale: Vec<_> = self.idle.extract_if(.., gone).collect();
        stale.extend(front::take_all(|channel, _| channel.is_of_the_past()));
        stale
    }
}

impl Channel {
    fn is_of_the_past(&self) -> bool {
        self.link.upgrade().is_none_or(|link| link.is_gone())
    }
}

/// Leaves a channel to what a callback does: where the shortest way of a call finds it, too, if that
/// place is free.
#[inline]
pub(crate) fn lend(link: &Arc<Link>, mut channel: Box<Channel>) -> Lent {
    channel.nesting += 1;
    let lent = Lent {
        key: link.key(),
        nesting: channel.nesting,
        pending: channel.pending.take(),
        floor: channel.staging.raise(),
    };
    let elsewhere = match channel.connection.takes_short() {
        true => front::put_where_free(lent.key, channel),
        false => Some(channel),
    };
    if let Some(channel) = elsewhere {
        park(link, channel);
    }
    lent
}

/// Takes a channel back from a callback that has returned; `None` where a call that it made has
/// lost it.
#[inline]
pub(crate) fn reclaim(lent: Lent) -> Option<Box<Channel>> {
    let mut channel = match front::take(lent.key) {
        Some(channel) if channel.nesting == lent.nesting => channel,
        other => reclaim_aside(&lent, other)?,
    };
    channel.nesting -= 1;
    channel.pending = lent.pending;
    channel.staging.lower(lent.floor);
    Some(channel)
}

/// Takes a channel back that its callback, or a call of that, has put elsewhere.
#[cold]
fn reclaim_aside(lent: &Lent, other: Option<Box<Channel>>) -> Option<Box<Channel>> {
    if let Some(other) = other {
        put_ready(lent.key, other);
    }
    let found = with(|table| {
        let nesting = |place: &Place| Some(place.channel.as_ref()?.nesting);
        let place = table
            .lent
            .iter()
            .rposition(|place| place.key == lent.key && nesting(place) == Some(lent.nesting))?;
        table.lent.remove(place).channel
    });
    found.flatten()
}

/// Closes this thread's channels to the VM of this key.
pub(crate) fn forget(key: u64) {
    let of_vm = |place: &mut Place| place.key == key;
    drop(with(|table| {
        let front = front::take_all(|_, its_key| its_key == key);
        let idle = table.idle.extract_if(.., of_vm);
        let places: Vec<_> = idle.chain(table.lent.extract_if(.., of_vm)).collect();
        (front, places)
    }));
}

/// `None` while the thread ends, and inside of another use of the table on this thread.
fn with<T>(use_table: impl FnOnce(&mut Table) -> T) -> Option<T> {
    TABLE
        .try_with(|table| {
            let mut table = table.try_borrow_mut().ok()?;
            front::open();
            Some(use_table(&mut table))
        })
        .ok()
        .flatten()
}
