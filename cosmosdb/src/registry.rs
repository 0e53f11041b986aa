//! The state of one registry process, shared by the tasks of its connections.
//!
//! All tasks run on one thread and no borrow of the state lives across an await.
//!
//! # Phases
//!
//! ```text
//!            hand-over asked           everyone quiet, or 2 s
//!  Serving ------------------> Draining ----------------------> Stopping --> (successor serves)
//!     ^                                                             |
//!     +-------------------------------------------------------------+  successor failed
//!     |
//!     +--> Ending   SIGTERM: write what is queued, close
//! ```
//!
//! * Draining: a connection reads no new request but finishes the one it is in the middle of;
//!   letters for it are still taken, because others may be in the middle of asking for it.
//! * Stopping: nobody is handling a request any more, so what is queued is all there is; each
//!   connection writes it and is parked.

use crate::connection::Parked;
use crate::rules::Rules;
use crate::table::{PeerId, Table};
use cosmos_rpc::message::registry::{Identity, Incoming};
use cosmos_rpc::{Fault, FaultCode, Role};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use tokio::sync::{Notify, mpsc, watch};

/// Letters that may wait for one connection.
const OUTBOX: usize = 32;

/// What the connections are to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Serve.
    Serving,
    /// Finish the request in the middle, read no other.
    Draining,
    /// Write what is queued, then stand still.
    Stopping,
    /// Write what is queued, then close.
    Ending,
}

/// Upper bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Names in the table.
    pub names: usize,
    /// Connections at once.
    pub connections: usize,
}

/// The state.
#[derive(Debug)]
pub struct Registry {
    /// Upper bounds.
    pub bounds: Bounds,
    /// Rights.
    pub rules: Rules,
    /// The names.
    pub table: RefCell<Table>,
    /// The connections.
    pub peers: RefCell<BTreeMap<PeerId, Peer>>,
    /// What the connections are to do.
    pub phase: watch::Sender<Phase>,
    /// Wakes the server: a connection became quiet, parked or ended, or the table changed.
    pub changed: Notify,
    /// Hand-overs the supervisor orders.
    orders: mpsc::Sender<Order>,
    next_id: Cell<u64>,
}

/// A connection as the others see it.
#[derive(Debug)]
pub struct Peer {
    /// Who made it.
    pub identity: Identity,
    /// Its process, where the kernel tells.
    pub pidfd: Option<Rc<OwnedFd>>,
    /// What it says it is, once it shook hands.
    pub role: Option<Role>,
    /// Whether it is the supervisor's own.
    pub supervisor: bool,
    /// Letters on their way to it.
    pub outbox: mpsc::Sender<Letter>,
    /// In `Draining`: it is not in the middle of a request.
    pub quiet: bool,
    /// After `Stopping`: the connection, standing still.
    pub parked: Option<Parked>,
}

/// What one task has another connection send.
#[derive(Debug)]
pub enum Letter {
    /// To the owner of a name: a client, with its descriptors.
    Client(Incoming, Vec<OwnedFd>),
    /// To the supervisor: the hand-over with this request id failed.
    Failed(u64, Fault),
}

/// A hand-over that the supervisor orders.
#[derive(Debug)]
pub struct Order {
    /// Connection to the successor.
    pub successor: UnixStream,
    /// Who ordered it.
    pub from: PeerId,
    /// The id of the request to answer.
    pub request: u64,
}

impl Registry {
    /// An empty registry, and where its hand-over orders arrive.
    pub fn new(bounds: Bounds, rules: Rules) -> (Rc<Registry>, mpsc::Receiver<Order>) {
        let (orders, arriving) = mpsc::channel(1);
        let registry = Registry {
            bounds,
            rules,
            table: RefCell::default(),
            peers: RefCell::default(),
            phase: watch::Sender::new(Phase::Serving),
            changed: Notify::new(),
            orders,
            next_id: Cell::new(1),
        };
        (Rc::new(registry), arriving)
    }

    /// Enters a connection; `id` is the one it had at the predecessor, if any.
    pub fn enter(
        &self,
        id: Option<PeerId>,
        identity: Identity,
        pidfd: Option<Rc<OwnedFd>>,
        supervisor: bool,
    ) -> (PeerId, mpsc::Receiver<Letter>) {
        let id = id.unwrap_or(PeerId(self.next_id.get()));
        self.next_id
            .set(self.next_id.get().max(id.0.saturating_add(1)));
        let (outbox, arriving) = mpsc::channel(OUTBOX);
        let (role, quiet, parked) = (None, false, None);
        let peer = Peer {
            identity,
            pidfd,
            role,
            supervisor,
            outbox,
            quiet,
            parked,
        };
        self.peers.borrow_mut().insert(id, peer);
        (id, arriving)
    }

    /// Removes a connection that ended, with its names.
    pub fn leave(&self, id: PeerId) {
        self.peers.borrow_mut().remove(&id);
        self.table.borrow_mut().remove_owner(id);
        self.changed.notify_one();
    }

    /// Whether one more connection of this uid fits.
    ///
    /// # Errors
    ///
    /// `NotPermitted`, `LimitReached`, for the peer to read.
    pub fn admit(&self, uid: u32) -> Result<(), Fault> {
        if !self.rules.admits(uid) {
            return Err(Fault::caller(
                FaultCode::NotPermitted,
                format!("this registry serves uid {}, not uid {uid}", self.rules.own),
            ));
        }
        let peers = self.peers.borrow();
        if peers.len() >= self.bounds.connections {
            return Err(limit("connections (limits.connections)", peers.len()));
        }
        let of_uid = peers
            .values()
            .filter(|peer| peer.identity.uid == uid)
            .count();
        if !self.rules.is_own(uid) && of_uid >= self.rules.connections_per_uid {
            return Err(limit("connections of this uid", of_uid));
        }
        Ok(())
    }

    /// Whether one more name of this uid fits.
    ///
    /// # Errors
    ///
    /// `LimitReached`.
    pub fn admit_name(&self, uid: u32) -> Result<(), Fault> {
        let table = self.table.borrow();
        if table.len() >= self.bounds.names {
            return Err(limit("names (limits.names)", table.len()));
        }
        let of_uid = table.len_of(uid);
        if !self.rules.is_own(uid) && of_uid >= self.rules.names_per_uid {
            return Err(limit("names of this uid", of_uid));
        }
        Ok(())
    }

    /// Passes the supervisor's order on.
    ///
    /// # Errors
    ///
    /// `LimitReached` while another is being carried out.
    pub fn order(&self, order: Order) -> Result<(), Fault> {
        self.orders.try_send(order).map_err(|_| {
            Fault::caller(
                FaultCode::LimitReached,
                "a hand-over is being carried out already",
            )
        })
    }

    /// Notes what a connection said it is.
    pub fn shook_hands(&self, id: PeerId, role: Role) {
        if let Some(peer) = self.peers.borrow_mut().get_mut(&id) {
            peer.role = Some(role);
        }
    }

    /// Notes whether a connection is in the middle of a request.
    pub fn set_quiet(&self, id: PeerId, quiet: bool) {
        if let Some(peer) = self.peers.borrow_mut().get_mut(&id)
            && peer.quiet != quiet
        {
            peer.quiet = quiet;
            self.changed.notify_one();
        }
    }

    /// Keeps a connection that stands still.
    pub fn park(&self, id: PeerId, parked: Parked) {
        if let Some(peer) = self.peers.borrow_mut().get_mut(&id) {
            peer.parked = Some(parked);
        }
        self.changed.notify_one();
    }
}

fn limit(what: &str, count: usize) -> Fault {
    Fault::host(
        FaultCode::LimitReached,
        format!("the registry has {count} {what}, as many as it is configured for"),
    )
}
