//! Giving everything to a successor process, and taking it.
//!
//! ```text
//! predecessor                          successor
//!    | <------- handshake, both as cosmosdb ---> |
//!    |  (connections finish what they are at)    |
//!    | GiveListener  + listening socket, lock -> |
//!    | GivePeer      + the connection ---------> |  per connection
//!    | GiveName      + listening socket, if any> |  per name
//!    | GiveAll  (how many of each) ------------> |
//!    | <---------------- reply: I have them all  |
//!    | Go -------------------------------------> |  from here on the successor serves
//!    x ends                                      |
//! ```
//!
//! Until `Go` the successor reads nothing from any connection, and after it the predecessor does
//! not: exactly one of them serves at any time. Whatever fails before it, the predecessor resumes.
//! Who a peer is, the successor reads from the kernel again rather than being told.

use crate::connection::{self, Parked};
use crate::registry::Registry;
use crate::table::{PeerId, Row};
use cosmos_rpc::asynchronous::Connection;
use cosmos_rpc::message::Message;
use cosmos_rpc::message::registry::Route;
use cosmos_rpc::{Fault, FaultCode, Hello, Role, peer};
use serde::{Deserialize, Serialize};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::net::UnixStream as TokioStream;

/// How long the successor may take for all of it.
const PATIENCE: Duration = Duration::from_secs(10);

/// The listening socket and, unless it came from systemd, the lock of the directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GiveListener;

impl Message for GiveListener {
    const KIND: u16 = 0x0181;
    const DESCRIPTORS: (u16, u16) = (1, 2);
    type Reply = ();
}

/// A connection; carries it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivePeer {
    /// Its number.
    pub id: u64,
    /// Its protocol version.
    pub version: (u16, u16),
    /// Its role's number.
    pub role: u32,
    /// Largest body it accepts.
    pub body: u32,
    /// Whether it is the supervisor's.
    pub supervisor: bool,
}

impl Message for GivePeer {
    const KIND: u16 = 0x0182;
    const DESCRIPTORS: (u16, u16) = (1, 1);
    type Reply = ();
}

/// A name; carries the listening socket of [`Route::Listening`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GiveName {
    /// The name.
    pub name: String,
    /// How clients reach its owner.
    pub route: Route,
    /// Number of the connection it lives by.
    pub owner: u64,
    /// Milliseconds until it expires, if it does.
    pub remaining: Option<u64>,
    /// Whether other uids may connect.
    pub shared: bool,
}

impl Message for GiveName {
    const KIND: u16 = 0x0183;
    const DESCRIPTORS: (u16, u16) = (0, 1);
    type Reply = ();
}

/// That was all. The reply says that the successor has it and could serve.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GiveAll {
    /// Connections sent.
    pub peers: u64,
    /// Names sent.
    pub names: u64,
}

impl Message for GiveAll {
    const KIND: u16 = 0x0184;
    type Reply = ();
}

/// Serve from now on; the sender does not any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Go;

impl Message for Go {
    const KIND: u16 = 0x0185;
    type Reply = ();
}

/// What a successor gets beside connections and names.
#[derive(Debug)]
pub struct Inheritance {
    /// The listening socket, to be taken.
    pub listener: Option<OwnedFd>,
    /// The lock of the directory, to be taken.
    pub lock: Option<OwnedFd>,
    /// Connections to serve, once it is this process's turn.
    pub parked: Vec<(PeerId, Parked)>,
    predecessor: Connection,
    request: u64,
}

impl Inheritance {
    /// Says that this process could serve, and waits until it shall. Whatever may fail was done
    /// before: from here on nobody else serves.
    pub async fn turn(mut self) -> Result<Vec<(PeerId, Parked)>, Fault> {
        self.predecessor
            .reply::<GiveAll>(self.request, &(), Vec::new())
            .await?;
        self.predecessor
            .receive()
            .await?
            .ok_or_else(kept)?
            .message::<Go>()?;
        Ok(self.parked)
    }
}

/// Shakes hands with the other registry process.
pub async fn greet(stream: UnixStream) -> Result<Connection, Fault> {
    peer::trusted(&stream, "the other cosmosdb")?;
    let connection = Connection::connect(to_tokio(stream)?, Role::Registry).await?;
    if connection.peer().role != Role::Registry {
        return Err(protocol("the other end of a hand-over is no cosmosdb"));
    }
    Ok(connection)
}

/// Sends everything and waits until the successor has it. All connections are parked.
pub async fn give(
    registry: &Registry,
    successor: &mut Connection,
    listener: &impl AsFd,
    lock: Option<&impl AsFd>,
) -> Result<(), Fault> {
    let giving = give_all(registry, successor, listener, lock);
    tokio::time::timeout(PATIENCE, giving)
        .await
        .unwrap_or_else(|_| {
            Err(Fault::peer(
                FaultCode::TimedOut,
                "the successor did not take over in time",
            ))
        })
}

/// Tells the successor to serve. After this the caller does not any more.
pub async fn go(successor: &mut Connection) -> Result<(), Fault> {
    successor.notify(&Go, Vec::new()).await
}

/// Takes everything from the predecessor, which goes on until [`Inheritance::turn`].
pub async fn take(registry: &Registry, stream: UnixStream) -> Result<Inheritance, Fault> {
    let mut predecessor = greet(stream).await?;
    let (listener, lock) = take_listener(&mut predecessor).await?;
    let mut parked = Vec::new();
    let (mut peers, mut names) = (0u64, 0u64);
    loop {
        let mut frame = predecessor.receive().await?.ok_or_else(kept)?;
        match frame.kind {
            GivePeer::KIND => {
                let message = frame.message::<GivePeer>()?;
                peers += 1;
                let stream = frame.descriptors.pop().ok_or_else(kept)?;
                parked.extend(take_peer(registry, &message, stream)?);
            }
            GiveName::KIND => {
                let message = frame.message::<GiveName>()?;
                if frame.descriptors.is_empty() == (message.route == Route::Listening) {
                    return Err(protocol("a name came with the wrong descriptors"));
                }
                names += 1;
                take_name(registry, message, frame.descriptors.pop());
            }
            _ => {
                let all = frame.message::<GiveAll>()?;
                if (all.peers, all.names) != (peers, names) {
                    return Err(protocol("the predecessor announced more than it sent"));
                }
                return Ok(Inheritance {
                    listener,
                    lock,
                    parked,
                    predecessor,
                    request: frame.id,
                });
            }
        }
    }
}

async fn give_all(
    registry: &Registry,
    successor: &mut Connection,
    listener: &impl AsFd,
    lock: Option<&impl AsFd>,
) -> Result<(), Fault> {
    let mut descriptors = vec![copy(listener)?];
    descriptors.extend(lock.map(copy).transpose()?);
    successor.notify(&GiveListener, descriptors).await?;
    let mut sent = GiveAll { peers: 0, names: 0 };
    for (message, descriptor) in peers(registry)? {
        successor.notify(&message, vec![descriptor]).await?;
        sent.peers += 1;
    }
    for (message, descriptor) in names(registry)? {
        successor
            .notify(&message, descriptor.into_iter().collect())
            .await?;
        sent.names += 1;
    }
    successor.call(&sent, Vec::new()).await.map(drop)
}

fn peers(registry: &Registry) -> Result<Vec<(GivePeer, OwnedFd)>, Fault> {
    let peers = registry.peers.borrow();
    let parked = peers
        .iter()
        .filter_map(|(id, peer)| Some((id, peer, peer.parked.as_ref()?)));
    parked
        .map(|(id, peer, parked)| {
            let hello = parked.connection.peer();
            let message = GivePeer {
                id: id.0,
                version: (hello.major, hello.minor),
                role: hello.role as u32,
                body: hello.body,
                supervisor: peer.supervisor,
            };
            Ok((message, copy(&parked.connection)?))
        })
        .collect()
}

fn names(registry: &Registry) -> Result<Vec<(GiveName, Option<OwnedFd>)>, Fault> {
    let now = Instant::now();
    let mut table = registry.table.borrow_mut();
    let given = table.rows(now).map(|(name, row)| {
        let message = GiveName {
            name: name.to_owned(),
            route: row.route.clone(),
            owner: row.owner.0,
            remaining: row.remaining(now).map(millis),
            shared: row.shared,
        };
        Ok((message, row.listener.as_deref().map(copy).transpose()?))
    });
    given.collect()
}

async fn take_listener(
    predecessor: &mut Connection,
) -> Result<(Option<OwnedFd>, Option<OwnedFd>), Fault> {
    let mut frame = predecessor.receive().await?.ok_or_else(kept)?;
    frame.message::<GiveListener>()?;
    let mut descriptors = std::mem::take(&mut frame.descriptors).into_iter();
    Ok((descriptors.next(), descriptors.next()))
}

/// `None` for a peer that ended meanwhile.
fn take_peer(
    registry: &Registry,
    message: &GivePeer,
    descriptor: OwnedFd,
) -> Result<Option<(PeerId, Parked)>, Fault> {
    let role = Role::from_number(message.role)
        .ok_or_else(|| protocol("a connection came with an unknown role"))?;
    let (major, minor) = message.version;
    let hello = Hello {
        major,
        minor,
        role,
        body: message.body,
    };
    let id = PeerId(message.id);
    let stream = to_tokio(UnixStream::from(descriptor))?;
    match connection::adopt(registry, id, stream, hello, message.supervisor) {
        Ok(parked) => Ok(Some((id, parked))),
        Err(fault) => {
            tracing::info!(%fault, peer = id.0, "a connection ended during the hand-over");
            Ok(None)
        }
    }
}

/// A name whose owner ended meanwhile is gone.
fn take_name(registry: &Registry, message: GiveName, listener: Option<OwnedFd>) {
    let owner = PeerId(message.owner);
    let Some(identity) = registry
        .peers
        .borrow()
        .get(&owner)
        .map(|peer| peer.identity)
    else {
        return;
    };
    let now = Instant::now();
    let expires = message
        .remaining
        .and_then(|left| now.checked_add(Duration::from_millis(left)));
    let row = Row {
        route: message.route,
        listener: listener.map(Rc::new),
        owner,
        identity,
        expires,
        shared: message.shared,
    };
    if let Err(fault) = registry.table.borrow_mut().add(message.name, row, now) {
        tracing::warn!(%fault, "a name came twice in the hand-over");
    }
}

fn to_tokio(stream: UnixStream) -> Result<TokioStream, Fault> {
    stream
        .set_nonblocking(true)
        .and_then(|()| TokioStream::from_std(stream))
        .map_err(|error| system(format!("cannot use a connection handed over: {error}")))
}

fn copy(descriptor: &(impl AsFd + ?Sized)) -> Result<OwnedFd, Fault> {
    let copied = descriptor.as_fd().try_clone_to_owned();
    copied.map_err(|error| system(format!("cannot copy a descriptor: {error}")))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis())
        .unwrap_or(u64::MAX)
        .max(1)
}

fn kept() -> Fault {
    Fault::peer(
        FaultCode::Disconnected,
        "the predecessor broke the hand-over off and goes on",
    )
}

fn protocol(message: &str) -> Fault {
    Fault::peer(FaultCode::Protocol, message)
}

fn system(message: String) -> Fault {
    Fault::host(FaultCode::System, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every frame of a hand-over has its row in docs/protocol.md.
    #[test]
    fn the_frames_are_documented() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/protocol.md");
        let document = std::fs::read_to_string(path).unwrap();
        let row = |name: &str, kind: u16, (fewest, most): (u16, u16)| {
            let count = if fewest == most {
                fewest.to_string()
            } else {
                format!("{fewest}–{most}")
            };
            let row = format!("| `{kind:#06x}` | {name} | {count} | ");
            assert!(document.contains(&row), "no row: {row}");
        };
        row(
            "GiveListener",
            GiveListener::KIND,
            GiveListener::DESCRIPTORS,
        );
        row("GivePeer", GivePeer::KIND, GivePeer::DESCRIPTORS);
        row("GiveName", GiveName::KIND, GiveName::DESCRIPTORS);
        row("GiveAll", GiveAll::KIND, GiveAll::DESCRIPTORS);
        row("Go", Go::KIND, Go::DESCRIPTORS);
    }
}
