//! How a client gets its descriptor.

use crate::registry::{Letter, Peer};
use crate::table::Row;
use cosmos_rpc::message::registry::{Incoming, Route};
use cosmos_rpc::{Fault, FaultCode, peer};
use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, SockFlag, SockProtocol, SockType, UnixAddr, connect, getsockname, getsockopt,
    socket, sockopt,
};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use tokio::sync::mpsc::error::TrySendError;

/// What an address begins with.
const UNIX: &str = "unix:";

/// Sends one end of a fresh socket pair to the owner and returns the other. The owner learns who
/// `client` is from the client's own connection.
pub fn hand(name: &str, owner: &Peer, client: &Peer) -> Result<OwnedFd, Fault> {
    let failed = |error| system(format!("cannot make a socket pair: {error}"));
    let (for_client, for_owner) = UnixStream::pair().map_err(failed)?;
    let mut descriptors = vec![OwnedFd::from(for_owner)];
    if let Some(pidfd) = &client.pidfd {
        descriptors.push(pidfd.try_clone().map_err(failed)?);
    }
    let message = Incoming {
        name: name.to_owned(),
        client: client.identity,
    };
    owner
        .outbox
        .try_send(Letter::Client(message, descriptors))
        .map_err(|error| match error {
            TrySendError::Full(_) => Fault::peer(
                FaultCode::LimitReached,
                format!("the owner of {name} does not take its clients; try again"),
            ),
            TrySendError::Closed(_) => gone(name),
        })?;
    Ok(for_client.into())
}

/// Connects to the address of a name, without waiting, and makes sure that a process of its owner's
/// uid listens there.
pub fn dial(name: &str, row: &Row) -> Result<OwnedFd, Fault> {
    let address = match (&row.route, &row.listener) {
        (Route::Address(text), _) => address(text)?,
        (_, Some(listener)) => getsockname(listener.as_raw_fd())
            .map_err(|error| system(format!("cannot tell the address of {name}: {error}")))?,
        _ => return Err(gone(name)),
    };
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let descriptor = socket(
        AddressFamily::Unix,
        SockType::Stream,
        flags,
        None::<SockProtocol>,
    )
    .map_err(|error| system(format!("cannot make a socket: {error}")))?;
    connect(descriptor.as_raw_fd(), &address).map_err(|error| unreachable(name, error))?;
    let listening = peer::identity(&descriptor)?;
    if listening.uid != row.identity.uid {
        return Err(Fault::peer(
            FaultCode::NotPermitted,
            format!(
                "{name} is registered by uid {}, but uid {} listens at its address",
                row.identity.uid, listening.uid
            ),
        ));
    }
    let stream = UnixStream::from(descriptor);
    stream
        .set_nonblocking(false)
        .map_err(|error| system(format!("cannot prepare the connection: {error}")))?;
    Ok(stream.into())
}

/// Refuses an address that cannot be connected to.
pub fn check_address(text: &str) -> Result<(), Fault> {
    address(text).map(drop)
}

/// Refuses a descriptor that is no listening Unix stream socket with an address.
pub fn check_listener(descriptor: &OwnedFd) -> Result<(), Fault> {
    let refuse = |why: &str| Err(Fault::caller(FaultCode::BadArgument, why.to_owned()));
    let listens = getsockopt(descriptor, sockopt::AcceptConn);
    let kind = getsockopt(descriptor, sockopt::SockType);
    let (Ok(true), Ok(SockType::Stream)) = (listens, kind) else {
        return refuse("the attached descriptor is no listening stream socket");
    };
    match getsockname::<UnixAddr>(descriptor.as_fd().as_raw_fd()) {
        Ok(address) if address.path().is_some_and(Path::is_absolute) => Ok(()),
        Ok(address) if address.as_abstract().is_some() => Ok(()),
        Ok(_) => refuse("the attached socket listens at no absolute path, so nobody can reach it"),
        Err(_) => refuse("the attached descriptor is no Unix socket"),
    }
}

fn address(text: &str) -> Result<UnixAddr, Fault> {
    let path = text
        .strip_prefix(UNIX)
        .map(Path::new)
        .filter(|path| path.is_absolute());
    path.and_then(|path| UnixAddr::new(path).ok()).ok_or_else(|| {
        Fault::caller(
            FaultCode::BadArgument,
            format!("{text:?} is no address; one looks like unix:/run/service.sock (107 bytes of path)"),
        )
    })
}

fn unreachable(name: &str, error: Errno) -> Fault {
    match error {
        Errno::ECONNREFUSED | Errno::ENOENT => Fault::peer(
            FaultCode::Disconnected,
            format!("nobody listens at the address of {name}"),
        ),
        Errno::EAGAIN => Fault::peer(
            FaultCode::LimitReached,
            format!("the owner of {name} does not accept its clients; try again"),
        ),
        error => system(format!(
            "cannot connect to the address of {name}: {}",
            error.desc()
        )),
    }
}

fn gone(name: &str) -> Fault {
    Fault::caller(
        FaultCode::NoSuchName,
        format!("the owner of {name} just ended"),
    )
}

fn system(message: String) -> Fault {
    Fault::host(FaultCode::System, message)
}
