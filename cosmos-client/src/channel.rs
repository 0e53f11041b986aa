//! The channels of a thread: one connection to each VM it calls, served by a thread of the VM's.
//!
//! A library that keeps something per thread (errno, `strtok`'s place) so sees each client thread
//! as one thread of its own. A channel is taken out while a call is under way; a call that starts
//! meanwhile on the same thread, from a signal handler, gets a second one, which is closed after
//! it. The channels of a thread close when it ends.

use crate::fork::Own;
use crate::link::Link;
use callframe::marshal::Pending;
use cosmos_rpc::Fault;
use cosmos_rpc::blocking::Connection;
use std::cell::RefCell;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// Requests up to this size leave their buffer behind for the next one.
const KEPT_BUFFER: usize = 4 << 20;

/// A connection to a VM and the buffers of its requests.
#[derive(Debug)]
pub(crate) struct Channel {
    /// The connection.
    pub(crate) connection: Own<Connection>,
    /// Reused from call to call.
    pub(crate) request: Vec<u8>,
    /// Likewise: the descriptors of a request, open in the caller.
    pub(crate) descriptors: Vec<i32>,
    /// Likewise: what is known of the call under way.
    pub(crate) pending: Pending,
}

#[derive(Debug)]
struct Parked {
    key: u64,
    link: Weak<Link>,
    channel: Channel,
}

thread_local! {
    static CHANNELS: RefCell<Vec<Parked>> = const { RefCell::new(Vec::new()) };
}

/// This thread's channel to the VM, made where there is none.
pub(crate) fn take(link: &Arc<Link>, timeout: Option<Duration>) -> Result<Channel, Fault> {
    let parked = with(|channels| {
        let place = channels
            .iter()
            .position(|parked| parked.key == link.key())?;
        Some(channels.swap_remove(place).channel)
    });
    let mut channel = match parked.flatten() {
        Some(channel) => channel,
        None => Channel {
            connection: Own::new(link.attach(timeout)?),
            request: Vec::new(),
            descriptors: Vec::new(),
            pending: Pending::default(),
        },
    };
    channel.connection.set_timeout(timeout);
    Ok(channel)
}

/// Puts a channel that is in step back for the next call of this thread.
pub(crate) fn park(link: &Arc<Link>, mut channel: Channel) {
    channel.request.clear();
    channel.request.shrink_to(KEPT_BUFFER);
    channel.descriptors.clear();
    let mut parked = Some(Parked {
        key: link.key(),
        link: Arc::downgrade(link),
        channel,
    });
    let stale = with(|channels| {
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

/// Closes this thread's channel to the VM of this key.
pub(crate) fn forget(key: u64) {
    drop(with(|channels| {
        channels
            .extract_if(.., |parked| parked.key == key)
            .collect::<Vec<_>>()
    }));
}

/// `None` while the thread ends, and inside of another use of the table on this thread.
fn with<T>(use_table: impl FnOnce(&mut Vec<Parked>) -> T) -> Option<T> {
    CHANNELS
        .try_with(|channels| {
            channels
                .try_borrow_mut()
                .ok()
                .map(|mut channels| use_table(&mut channels))
        })
        .ok()
        .flatten()
}
