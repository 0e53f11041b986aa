//! What each request does. Nothing here waits.

use crate::name;
use crate::registry::{Order, Peer, Registry};
use crate::route;
use crate::rules::Right;
use crate::table::{PeerId, Row};
use cosmos_rpc::asynchronous::Writer;
use cosmos_rpc::message::registry::{
    Connect, Dump, Entry, HandOver, List, Register, Remove, Route,
};
use cosmos_rpc::message::{Message, REPLY};
use cosmos_rpc::{Fault, FaultCode, Frame, Role};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// Carries a request out and queues its answer.
///
/// # Errors
///
/// A breach of the protocol, for which the connection is to be dropped. What a request may be
/// refused is answered and is no error here.
pub fn answer(
    registry: &Registry,
    id: PeerId,
    mut frame: Frame,
    writer: &mut Writer,
) -> Result<(), Fault> {
    if frame.id == 0 || frame.kind & REPLY != 0 {
        return Err(breach(format!(
            "kind {:#06x} with id {} is no request",
            frame.kind, frame.id
        )));
    }
    if let Err(fault) = frame.whole() {
        return writer.queue_fault(frame.id, &fault);
    }
    match frame.kind {
        Connect::KIND => {
            let message = frame.message::<Connect>()?;
            match connect(registry, id, &message) {
                Ok(descriptor) => writer.queue_reply::<Connect>(frame.id, &(), vec![descriptor]),
                Err(fault) => writer.queue_fault(frame.id, &fault),
            }
        }
        Register::KIND => {
            let message = frame.message::<Register>()?;
            let listener = frame.descriptors.pop();
            if listener.is_some() != (message.route == Route::Listening) {
                return Err(breach(
                    "a listening socket, and only that, is to be attached".into(),
                ));
            }
            tell::<Register>(writer, frame.id, register(registry, id, message, listener))
        }
        Remove::KIND => {
            let message = frame.message::<Remove>()?;
            tell::<Remove>(writer, frame.id, remove(registry, id, &message))
        }
        List::KIND => {
            let message = frame.message::<List>()?;
            tell::<List>(writer, frame.id, list(registry, id, &message))
        }
        Dump::KIND => {
            frame.message::<Dump>()?;
            tell::<Dump>(writer, frame.id, dump(registry, id))
        }
        HandOver::KIND => {
            frame.message::<HandOver>()?;
            let descriptors = std::mem::take(&mut frame.descriptors);
            match hand_over(registry, id, frame.id, descriptors) {
                // The server answers when it is done.
                Ok(()) => Ok(()),
                Err(fault) => writer.queue_fault(frame.id, &fault),
            }
        }
        kind if frame.descriptors.is_empty() => {
            let fault = Fault::caller(
                FaultCode::Unsupported,
                format!("cosmosdb has no request of kind {kind:#06x}"),
            );
            writer.queue_fault(frame.id, &fault)
        }
        kind => Err(breach(format!(
            "descriptors on a request of unknown kind {kind:#06x}"
        ))),
    }
}

fn tell<M: Message>(
    writer: &mut Writer,
    request: u64,
    result: Result<M::Reply, Fault>,
) -> Result<(), Fault> {
    let refused = match result {
        Ok(reply) => match writer.queue_reply::<M>(request, &reply, Vec::new()) {
            Ok(()) => return Ok(()),
            Err(fault) => fault,
        },
        Err(fault) => fault,
    };
    writer.queue_fault(request, &refused)
}

fn connect(registry: &Registry, id: PeerId, message: &Connect) -> Result<OwnedFd, Fault> {
    name::check(&message.name)?;
    let peers = registry.peers.borrow();
    let client = entered(peers.get(&id))?;
    let mut table = registry.table.borrow_mut();
    let uid = client.identity.uid;
    let row = match table.get(&message.name, Instant::now()) {
        Some(row) if sees(registry, uid, &message.name, row) => row,
        None if registry.rules.grants(uid, Right::Connect, &message.name) => {
            return Err(nobody(&message.name));
        }
        _ => return Err(not_permitted(uid, "connect to", &message.name)),
    };
    match row.route {
        Route::Handed => {
            let owner = peers.get(&row.owner).ok_or_else(|| nobody(&message.name))?;
            route::hand(&message.name, owner, client)
        }
        Route::Listening | Route::Address(_) => route::dial(&message.name, row),
    }
}

fn register(
    registry: &Registry,
    id: PeerId,
    message: Register,
    listener: Option<OwnedFd>,
) -> Result<(), Fault> {
    name::check(&message.name)?;
    let peers = registry.peers.borrow();
    let owner = entered(peers.get(&id))?;
    may_register(registry, id, owner, &message.name)?;
    match (&message.route, &listener) {
        (Route::Address(address), _) => route::check_address(address)?,
        (_, Some(listener)) => route::check_listener(listener)?,
        _ => {}
    }
    let now = Instant::now();
    registry.table.borrow_mut().purge(now);
    registry.admit_name(owner.identity.uid)?;
    let expires = (message.expires_in > 0)
        .then(|| now.checked_add(Duration::from_secs(message.expires_in.into())))
        .flatten();
    let row = Row {
        route: message.route,
        listener: listener.map(Rc::new),
        owner: id,
        identity: owner.identity,
        expires,
        shared: message.shared,
    };
    registry.table.borrow_mut().add(message.name, row, now)?;
    registry.changed.notify_one();
    Ok(())
}

/// Reserved names go to one connection at a time, that of the coordinator.
fn may_register(registry: &Registry, id: PeerId, owner: &Peer, name: &str) -> Result<(), Fault> {
    let uid = owner.identity.uid;
    if !registry.rules.grants(uid, Right::Register, name) {
        return Err(not_permitted(uid, "register", name));
    }
    if !name::is_reserved(name) {
        return Ok(());
    }
    if !registry.rules.is_own(uid) || owner.role != Some(Role::Coordinator) {
        return Err(Fault::caller(
            FaultCode::NotPermitted,
            format!("the name {name} is reserved for cosmosd"),
        ));
    }
    let mut table = registry.table.borrow_mut();
    let now = Instant::now();
    let holder = table
        .rows(now)
        .find(|(taken, row)| name::is_reserved(taken) && row.owner != id)
        .map(|(_, row)| row.identity.pid);
    match holder {
        // The very name taken is reported as such by the table.
        Some(pid) if table.get(name, now).is_none() => Err(Fault::caller(
            FaultCode::NotPermitted,
            format!("the reserved names are held by another cosmosd, pid {pid}"),
        )),
        _ => Ok(()),
    }
}

fn remove(registry: &Registry, id: PeerId, message: &Remove) -> Result<(), Fault> {
    name::check(&message.name)?;
    let peers = registry.peers.borrow();
    let uid = entered(peers.get(&id))?.identity.uid;
    let mut table = registry.table.borrow_mut();
    let row = table
        .get(&message.name, Instant::now())
        .filter(|row| sees(registry, uid, &message.name, row))
        .ok_or_else(|| nobody(&message.name))?;
    if row.owner != id {
        return Err(Fault::caller(
            FaultCode::NotPermitted,
            format!(
                "{} belongs to another connection, of pid {}; only that may remove it",
                message.name, row.identity.pid
            ),
        ));
    }
    table.remove(&message.name);
    Ok(())
}

fn list(registry: &Registry, id: PeerId, message: &List) -> Result<Vec<Entry>, Fault> {
    if message.pattern.len() > name::LONGEST {
        return Err(Fault::caller(
            FaultCode::BadArgument,
            "the pattern is longer than any name",
        ));
    }
    let pattern = if message.pattern.is_empty() {
        "*"
    } else {
        &message.pattern
    };
    let peers = registry.peers.borrow();
    let uid = entered(peers.get(&id))?.identity.uid;
    let now = Instant::now();
    let mut table = registry.table.borrow_mut();
    let visible = table
        .rows(now)
        .filter(|(name, row)| sees(registry, uid, name, row));
    let matching = visible.filter(|(name, _)| name::matches(pattern, name));
    Ok(matching.map(|(name, row)| row.entry(name, now)).collect())
}

fn dump(registry: &Registry, id: PeerId) -> Result<Vec<Entry>, Fault> {
    supervisor(registry, id, "the table is dumped")?;
    let now = Instant::now();
    Ok(registry
        .table
        .borrow_mut()
        .rows(now)
        .map(|(name, row)| row.entry(name, now))
        .collect())
}

fn hand_over(
    registry: &Registry,
    id: PeerId,
    request: u64,
    descriptors: Vec<OwnedFd>,
) -> Result<(), Fault> {
    supervisor(registry, id, "the registry is handed over")?;
    let descriptor = descriptors
        .into_iter()
        .next()
        .ok_or_else(|| breach("a hand-over needs the successor's socket".into()))?;
    registry.order(Order {
        successor: UnixStream::from(descriptor),
        from: id,
        request,
    })
}

fn supervisor(registry: &Registry, id: PeerId, what: &str) -> Result<(), Fault> {
    let peers = registry.peers.borrow();
    if entered(peers.get(&id))?.supervisor {
        return Ok(());
    }
    Err(Fault::caller(
        FaultCode::NotPermitted,
        format!("{what} only on the descriptor inherited from its supervisor"),
    ))
}

/// Whether a peer of this uid may connect to the row, and so see it.
fn sees(registry: &Registry, uid: u32, name: &str, row: &Row) -> bool {
    registry.rules.is_own(uid)
        || uid == row.identity.uid
        || (row.shared && registry.rules.grants(uid, Right::Connect, name))
}

fn entered(peer: Option<&Peer>) -> Result<&Peer, Fault> {
    peer.ok_or_else(|| Fault::peer(FaultCode::Disconnected, "the connection ended"))
}

fn not_permitted(uid: u32, what: &str, name: &str) -> Fault {
    Fault::caller(
        FaultCode::NotPermitted,
        format!("uid {uid} may not {what} {name}: the registry's rules do not grant it"),
    )
}

fn nobody(name: &str) -> Fault {
    Fault::caller(
        FaultCode::NoSuchName,
        format!("nobody registered the name {name}"),
    )
}

fn breach(what: String) -> Fault {
    Fault::peer(FaultCode::Protocol, what)
}
