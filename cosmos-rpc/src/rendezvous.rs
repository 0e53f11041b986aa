//! Where the daemons are found, and how they are started when nobody did.
//!
//! Everything meets in one [`SocketDirectory`]:
//!
//! | file | what it is |
//! |---|---|
//! | `cosmosdb.sock` | the registry's well-known socket |
//! | `start.lock` | held (flock) by whoever starts a daemon, so that ten starters start one |
//! | `cosmosdb.log`, `cosmosd.log` | what the daemons say on standard error, last megabyte |
//!
//! To reach cosmosd, a client asks the registry to connect it to the name [`COORDINATOR`]. Who finds
//! no daemon takes the lock, looks again, and starts one: `<libexec>/NAME --detach` with an
//! allow-listed environment, standard input from `/dev/null`, and standard output as a pipe on
//! which the daemon says `ready`, or `taken` where another one has the field, or else why not. Both
//! ends check the other's uid.
//!
//! A daemon that itself wants to reach another one uses `start: false`: whoever started it may be
//! holding the lock.

mod directory;
mod start;

pub use directory::{Lock, SocketDirectory};
pub use start::start_relay;
pub(crate) use start::{READY, TAKEN};

use crate::handshake::Role;
use crate::message::registry::Connect;
use crate::{Blame, Fault, FaultCode, blocking, peer};
use nix::errno::Errno;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// File name of the registry's socket.
pub const REGISTRY_SOCKET: &str = "cosmosdb.sock";
/// File name of the lock for starting daemons.
pub const START_LOCK: &str = "start.lock";
/// Registry name, and program, of the coordinator.
pub const COORDINATOR: &str = "cosmosd";
/// Program of the registry.
pub const REGISTRY: &str = "cosmosdb";

/// How often a daemon is looked for that ends before it shook hands.
const ATTEMPTS: u32 = 4;
const PAUSE: Duration = Duration::from_millis(5);
/// How long to look for a coordinator that was started, or has the field, before starting one again.
const LOOK: Duration = Duration::from_millis(200);

/// Where and how to reach the daemons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendezvous {
    /// The socket directory, an absolute path.
    pub directory: PathBuf,
    /// Where the executables of the daemons are.
    pub libexec: PathBuf,
    /// Whether to start a daemon that does not run.
    pub start: bool,
    /// How long all of connecting may take, starting included.
    pub patience: Duration,
}

/// A connection to the registry as a client, which is started where it does not run.
///
/// # Errors
///
/// Faults of the host, for a person: what is wrong with the directory, why the daemon does not
/// start, that it is not ready in time, that somebody else answers.
pub fn connect_registry(rendezvous: &Rendezvous) -> Result<blocking::Connection, Fault> {
    persistently(rendezvous, REGISTRY, |rendezvous| {
        let stream = registry_socket(rendezvous)?;
        blocking::Connection::connect(stream, Role::Client)?.expect(Role::Registry)
    })
}

/// A connection to the coordinator as a client; the daemons are started where they do not run.
///
/// # Errors
///
/// As [`connect_registry`], and what the registry refuses.
pub fn connect_coordinator(rendezvous: &Rendezvous) -> Result<blocking::Connection, Fault> {
    persistently(rendezvous, COORDINATOR, |rendezvous| {
        let stream = coordinator_socket(rendezvous)?;
        blocking::Connection::connect(stream, Role::Client)?.expect(Role::Coordinator)
    })
}

/// Looks for a daemon again that ended after it was found, as an idle one may: nothing was asked of
/// it yet.
fn persistently(
    rendezvous: &Rendezvous,
    daemon: &str,
    connect: impl Fn(&Rendezvous) -> Result<blocking::Connection, Fault>,
) -> Result<blocking::Connection, Fault> {
    let deadline = Instant::now() + rendezvous.patience;
    let mut attempt = rendezvous.clone();
    let mut result = connect(&attempt);
    for _ in 1..ATTEMPTS {
        let ended = |fault: &Fault| fault.code == FaultCode::Disconnected;
        if !rendezvous.start || !result.as_ref().is_err_and(ended) {
            break;
        }
        std::thread::sleep(PAUSE);
        attempt.patience = deadline.saturating_duration_since(Instant::now());
        result = connect(&attempt);
    }
    result.map_err(|fault| unanswered(fault, daemon))
}

/// A daemon's end or silence, with its name: it is the host's failure, and named once.
fn unanswered(fault: Fault, daemon: &str) -> Fault {
    match (fault.blame, fault.code) {
        (Blame::Peer, FaultCode::TimedOut | FaultCode::Disconnected) => {
            Fault::host(fault.code, format!("{daemon}: {}", fault.message))
        }
        _ => fault,
    }
}

/// A stream to the registry, its uid checked, before any handshake.
pub fn registry_socket(rendezvous: &Rendezvous) -> Result<UnixStream, Fault> {
    let deadline = Instant::now() + rendezvous.patience;
    let directory = if rendezvous.start {
        SocketDirectory::open_or_create(&rendezvous.directory)?
    } else {
        SocketDirectory::open(&rendezvous.directory)?
    };
    if let Some(stream) = try_registry(&directory, deadline)? {
        return Ok(stream);
    }
    if !rendezvous.start {
        return Err(nobody(REGISTRY, &directory));
    }
    let _lock = directory.lock(START_LOCK, deadline)?;
    if let Some(stream) = try_registry(&directory, deadline)? {
        return Ok(stream);
    }
    start::start(REGISTRY, rendezvous, &directory, deadline)?;
    try_registry(&directory, deadline)?.ok_or_else(|| nobody(REGISTRY, &directory))
}

/// A stream to the owner of a name.
///
/// # Errors
///
/// `NoSuchName`, `NotPermitted`, and what else the registry answers.
pub fn reach(registry: &mut blocking::Connection, name: &str) -> Result<UnixStream, Fault> {
    let (_, descriptors) = registry.call(
        &Connect {
            name: name.to_owned(),
        },
        &[],
    )?;
    let descriptor = descriptors.into_iter().next().ok_or_else(|| {
        Fault::peer(
            FaultCode::Protocol,
            "the registry answered without a descriptor",
        )
    })?;
    Ok(UnixStream::from(descriptor))
}

/// A stream to the coordinator, before any handshake.
pub fn coordinator_socket(rendezvous: &Rendezvous) -> Result<UnixStream, Fault> {
    let deadline = Instant::now() + rendezvous.patience;
    let mut registry = connect_registry(rendezvous)?;
    registry.set_timeout(Some(rendezvous.patience));
    if let Some(stream) = try_coordinator(&mut registry)? {
        return Ok(stream);
    }
    let directory = SocketDirectory::open(&rendezvous.directory)?;
    if !rendezvous.start {
        return Err(nobody(COORDINATOR, &directory));
    }
    loop {
        if let Some(stream) = start_coordinator(&mut registry, rendezvous, &directory, deadline)? {
            return Ok(stream);
        }
        // It serves in a moment. One that had the field may instead be ending, or have lost its
        // registry and need the lock to come back.
        let again = deadline.min(Instant::now() + LOOK);
        while Instant::now() < again {
            if let Some(stream) = try_coordinator(&mut registry)? {
                return Ok(stream);
            }
            std::thread::sleep(PAUSE);
        }
        if Instant::now() >= deadline {
            return Err(Fault::host(
                FaultCode::TimedOut,
                format!(
                    "{COORDINATOR} runs but does not serve (socket directory {})",
                    directory.path().display()
                ),
            ));
        }
    }
}

/// Starts a coordinator under the lock unless one serves by then; `None`: look for it.
fn start_coordinator(
    registry: &mut blocking::Connection,
    rendezvous: &Rendezvous,
    directory: &SocketDirectory,
    deadline: Instant,
) -> Result<Option<UnixStream>, Fault> {
    let _lock = directory.lock(START_LOCK, deadline)?;
    if let Some(stream) = try_coordinator(registry)? {
        return Ok(Some(stream));
    }
    start::start(COORDINATOR, rendezvous, directory, deadline)?;
    try_coordinator(registry)
}

/// `None`: nobody listens.
fn try_registry(
    directory: &SocketDirectory,
    deadline: Instant,
) -> Result<Option<UnixStream>, Fault> {
    loop {
        match directory.connect(REGISTRY_SOCKET) {
            Ok(stream) => {
                peer::trusted(&stream, REGISTRY)?;
                return Ok(Some(stream));
            }
            Err(Errno::ENOENT | Errno::ECONNREFUSED) => return Ok(None),
            // Its queue of connections is full.
            Err(Errno::EAGAIN | Errno::EINTR) if Instant::now() < deadline => {
                std::thread::sleep(PAUSE);
            }
            Err(Errno::EAGAIN | Errno::EINTR) => {
                return Err(Fault::host(
                    FaultCode::TimedOut,
                    format!(
                        "cosmosdb at {} takes no connection",
                        directory.path().join(REGISTRY_SOCKET).display()
                    ),
                ));
            }
            Err(error) => {
                return Err(Fault::system(
                    error as i32,
                    format!(
                        "cannot connect to {}: {}",
                        directory.path().join(REGISTRY_SOCKET).display(),
                        error.desc()
                    ),
                ));
            }
        }
    }
}

/// `None`: no such name.
fn try_coordinator(registry: &mut blocking::Connection) -> Result<Option<UnixStream>, Fault> {
    match reach(registry, COORDINATOR) {
        Ok(stream) => Ok(Some(stream)),
        Err(fault) if fault.code == FaultCode::NoSuchName => Ok(None),
        Err(fault) => Err(unanswered(fault, REGISTRY)),
    }
}

fn nobody(program: &str, directory: &SocketDirectory) -> Fault {
    Fault::host(
        FaultCode::LaunchFailed,
        format!(
            "{program} does not run (socket directory {}); start it, or set start_daemons = true",
            directory.path().display()
        ),
    )
}
