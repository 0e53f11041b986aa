//! What cosmosdb answers.
//!
//! Names are 1 to 255 bytes of `[A-Za-z0-9._@:/-]`. `cosmos*` and `vm/*` are cosmosd's.

use super::Message;
use serde::{Deserialize, Serialize};

/// Hand me a descriptor connected to the owner of a name. The reply carries it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connect {
    /// The name.
    pub name: String,
}

impl Message for Connect {
    const KIND: u16 = 0x0101;
    const REPLY_DESCRIPTORS: (u16, u16) = (1, 1);
    type Reply = ();
}

/// Put a name into the table. It lives as long as this connection, unless it expires earlier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Register {
    /// The name.
    pub name: String,
    /// How clients reach the owner.
    pub route: Route,
    /// Seconds until the name expires; 0: never.
    pub expires_in: u32,
    /// Whether other uids allowed on this registry may connect to it.
    pub shared: bool,
}

/// How clients reach the owner of a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Route {
    /// cosmosdb makes a socket pair per client and sends the owner one end in [`Incoming`] on this
    /// very connection, with the client's identity read from its own connection.
    Handed,
    /// A listening Unix socket, attached to the request: cosmosdb connects to it.
    Listening,
    /// An address, `unix:/path`: cosmosdb connects to it.
    Address(String),
}

impl Message for Register {
    const KIND: u16 = 0x0102;
    const DESCRIPTORS: (u16, u16) = (0, 1);
    type Reply = ();
}

/// Take a name out of the table. Only its owner may.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remove {
    /// The name.
    pub name: String,
}

impl Message for Remove {
    const KIND: u16 = 0x0103;
    type Reply = ();
}

/// The names this peer may connect to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct List {
    /// Only names that match: `*` stands for any run of characters; empty: all.
    pub pattern: String,
}

impl Message for List {
    const KIND: u16 = 0x0104;
    type Reply = Vec<Entry>;
}

/// A row of the table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The name.
    pub name: String,
    /// How clients reach the owner.
    pub route: Route,
    /// The owner's uid.
    pub uid: u32,
    /// The owner's pid when it registered, for people; never used to signal.
    pub pid: i32,
    /// Seconds until it expires; 0: never.
    pub expires_in: u32,
    /// Whether other uids may connect.
    pub shared: bool,
}

/// The whole table, for the supervisor's own descriptor only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dump;

impl Message for Dump {
    const KIND: u16 = 0x0105;
    type Reply = Vec<Entry>;
}

/// Hand the table, the listening socket and every connection to a successor process, whose socket
/// is attached; then end. For the supervisor's own descriptor only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandOver;

impl Message for HandOver {
    const KIND: u16 = 0x0106;
    const DESCRIPTORS: (u16, u16) = (1, 1);
    type Reply = ();
}

/// From cosmosdb to the owner of a [`Route::Handed`] name: a client wants you. Carries the owner's
/// end of the socket pair and, where the kernel has SO_PEERPIDFD, the client's pidfd. It is a
/// notice: there is no reply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incoming {
    /// The name that was asked for.
    pub name: String,
    /// Who asked, read from the client's own connection.
    pub client: Identity,
}

impl Message for Incoming {
    const KIND: u16 = 0x0107;
    const DESCRIPTORS: (u16, u16) = (1, 2);
    type Reply = ();
}

/// Who a client is, by SO_PEERCRED of its own connection to cosmosdb.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Identity {
    /// Effective uid at connect time.
    pub uid: u32,
    /// Effective gid at connect time.
    pub gid: u32,
    /// Pid at connect time, for people and for comparison with a pidfd at hand.
    pub pid: i32,
}
