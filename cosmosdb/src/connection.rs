//! One peer's connection: reads its requests, answers them, and carries letters to it.

use crate::registry::{Letter, Phase, Registry};
use crate::requests;
use crate::table::PeerId;
use cosmos_rpc::asynchronous::{Connection, Writer};
use cosmos_rpc::frame::Outgoing;
use cosmos_rpc::message::FAULT;
use cosmos_rpc::{Fault, Hello, Limits, Role, codec, descriptor, peer};
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use std::time::Duration;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::net::UnixStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};

/// Frames that may be queued for a peer before no more of its requests are read.
const QUEUE: usize = 32;
/// How long a peer may leave a frame untaken.
const STUCK: Duration = Duration::from_secs(10);
/// How long the last words to a peer may take.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A connection standing still, with the letters it has not sent.
#[derive(Debug)]
pub struct Parked {
    /// The connection.
    pub connection: Connection,
    /// Where letters arrive.
    pub outbox: mpsc::Receiver<Letter>,
}

/// Takes a new stream in: refuses it with a word, or serves it until it ends.
pub fn welcome(registry: &Rc<Registry>, stream: UnixStream, supervisor: bool) {
    match enter(registry, &stream, supervisor) {
        Err(fault) => refuse(&stream, &fault),
        Ok((id, outbox)) => {
            tokio::task::spawn_local(begin(registry.clone(), id, stream, outbox));
        }
    }
}

/// Serves a connection that was parked, here or by the predecessor.
pub fn resume(registry: &Rc<Registry>, id: PeerId, parked: Parked) {
    tokio::task::spawn_local(serve(registry.clone(), id, parked));
}

/// A stream whose handshake the predecessor made.
pub fn adopt(
    registry: &Registry,
    id: PeerId,
    stream: UnixStream,
    hello: Hello,
    supervisor: bool,
) -> Result<Parked, Fault> {
    let identity = peer::identity(&stream)?;
    let pidfd = peer::pidfd(&stream)?.map(Rc::new);
    let (id, outbox) = registry.enter(Some(id), identity, pidfd, supervisor);
    registry.shook_hands(id, hello.role);
    Ok(Parked {
        connection: Connection::resume(stream, Role::Registry, hello),
        outbox,
    })
}

fn enter(
    registry: &Registry,
    stream: &UnixStream,
    supervisor: bool,
) -> Result<(PeerId, mpsc::Receiver<Letter>), Fault> {
    let identity = peer::identity(stream)?;
    registry.admit(identity.uid)?;
    let pidfd = peer::pidfd(stream)?.map(Rc::new);
    Ok(registry.enter(None, identity, pidfd, supervisor))
}

/// Sends a fault in place of a handshake, if it goes at once.
fn refuse(stream: &UnixStream, fault: &Fault) {
    tracing::warn!(%fault, "refused a connection");
    let Ok(body) = codec::encode(fault) else {
        return;
    };
    let Ok(outgoing) = Outgoing::new(FAULT, 0, body.len(), 0, Limits::HANDSHAKE.body) else {
        return;
    };
    let mut slices = Vec::new();
    outgoing.slices(&[&body], &mut slices);
    let _ = descriptor::send(stream.as_fd(), &slices, &[], descriptor::Wait::No);
}

async fn begin(
    registry: Rc<Registry>,
    id: PeerId,
    stream: UnixStream,
    outbox: mpsc::Receiver<Letter>,
) {
    let mut phases = registry.phase.subscribe();
    let mut stopped = async || {
        let over = |phase: &Phase| matches!(phase, Phase::Stopping | Phase::Ending);
        let _ = phases.wait_for(over).await;
    };
    let shaken = tokio::select! {
        shaken = Connection::accept(stream, Role::Registry) => shaken,
        () = stopped() => return registry.leave(id),
    };
    match shaken {
        Err(fault) => {
            tracing::debug!(%fault, peer = id.0, "no handshake");
            registry.leave(id);
        }
        Ok(connection) => {
            registry.shook_hands(id, connection.peer().role);
            serve(registry, id, Parked { connection, outbox }).await;
        }
    }
}

async fn serve(registry: Rc<Registry>, id: PeerId, parked: Parked) {
    match run(&registry, id, parked).await {
        Some(parked) => registry.park(id, parked),
        None => registry.leave(id),
    }
}

/// Serves until the connection ends (`None`) or is to stand still.
async fn run(registry: &Rc<Registry>, id: PeerId, parked: Parked) -> Option<Parked> {
    let Parked {
        mut connection,
        mut outbox,
    } = parked;
    let mut phases = registry.phase.subscribe();
    let death = Death::of(registry, id)?;
    let mut stuck = Stuck::default();
    loop {
        let phase = *phases.borrow_and_update();
        if matches!(phase, Phase::Stopping | Phase::Ending) {
            return stop(connection, outbox, phase).await;
        }
        let queued = connection.writer.queued();
        let deadline = stuck.deadline(queued, Instant::now());
        let between = connection.reader.is_idle();
        registry.set_quiet(id, phase == Phase::Draining && between);
        let reading = queued < QUEUE && (phase == Phase::Serving || !between);
        tokio::select! {
            read = connection.reader.receive(), if reading => match read {
                Ok(None) => return None,
                Ok(Some(frame)) => {
                    let request = frame.id;
                    if let Err(fault) = requests::answer(registry, id, frame, &mut connection.writer) {
                        return drop_with(connection, id, request, fault).await;
                    }
                }
                Err(fault) => return drop_with(connection, id, 0, fault).await,
            },
            Some(letter) = outbox.recv(), if queued < QUEUE => {
                post(letter, &mut connection.writer).ok()?;
            }
            flushed = connection.writer.flush(), if queued > 0 => flushed.ok()?,
            () = sleep_until(deadline), if queued > 0 => {
                tracing::warn!(peer = id.0, "dropped: it does not take what it is sent");
                return None;
            }
            _ = phases.changed() => {}
            () = death.comes() => return None,
        }
    }
}

/// Writes what is queued and stands still, or ends.
async fn stop(
    mut connection: Connection,
    mut outbox: mpsc::Receiver<Letter>,
    phase: Phase,
) -> Option<Parked> {
    while let Ok(letter) = outbox.try_recv() {
        post(letter, &mut connection.writer).ok()?;
    }
    timeout(LAST_WORDS, connection.writer.flush())
        .await
        .ok()?
        .ok()?;
    let whole = connection.reader.is_idle();
    (phase == Phase::Stopping && whole).then_some(Parked { connection, outbox })
}

fn post(letter: Letter, writer: &mut Writer) -> Result<(), Fault> {
    match letter {
        Letter::Client(message, descriptors) => writer.queue_notice(&message, descriptors),
        Letter::Failed(request, fault) => writer.queue_fault(request, &fault),
    }
}

/// Tells a peer that broke the protocol, and ends.
async fn drop_with(
    mut connection: Connection,
    id: PeerId,
    request: u64,
    fault: Fault,
) -> Option<Parked> {
    tracing::warn!(%fault, peer = id.0, "dropped a peer");
    if connection.writer.queue_fault(request, &fault).is_ok() {
        let _ = timeout(LAST_WORDS, connection.writer.flush()).await;
    }
    None
}

/// The end of the process that made the connection.
struct Death(Option<AsyncFd<Rc<OwnedFd>>>);

impl Death {
    /// `None` when the connection is not entered.
    fn of(registry: &Registry, id: PeerId) -> Option<Death> {
        let pidfd = registry.peers.borrow().get(&id)?.pidfd.clone();
        // Where it cannot be watched, the end of the stream has to do.
        Some(Death(pidfd.and_then(watch)))
    }

    async fn comes(&self) {
        match &self.0 {
            Some(pidfd) => drop(pidfd.readable().await),
            None => std::future::pending().await,
        }
    }
}

fn watch(pidfd: Rc<OwnedFd>) -> Option<AsyncFd<Rc<OwnedFd>>> {
    // SAFETY: the Rc owns the open pidfd for as long as the AsyncFd owns the Rc, and always gives
    // the same number.
    unsafe { AsyncFd::register_with_interest(pidfd, Interest::READABLE) }.ok()
}

/// Since when a peer takes nothing.
#[derive(Default)]
struct Stuck {
    queued: usize,
    since: Option<Instant>,
}

impl Stuck {
    /// When to give the peer up, given how much is queued for it now. What was queued for it after
    /// a time of quiet is new to it.
    fn deadline(&mut self, queued: usize, now: Instant) -> Instant {
        if queued < self.queued || self.queued == 0 {
            self.since = None;
        }
        self.queued = queued;
        *self.since.get_or_insert(now) + STUCK
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_peer_has_its_time_from_when_something_is_queued_for_it() {
        let mut stuck = Stuck::default();
        let begun = Instant::now();
        assert_eq!(stuck.deadline(0, begun), begun + STUCK);
        // A long quiet is not held against it.
        let later = begun + 10 * STUCK;
        assert_eq!(stuck.deadline(100, later), later + STUCK);
        let second = Duration::from_millis(10);
        assert_eq!(stuck.deadline(300, later + second), later + STUCK);
        // It took something.
        let moved = later + 2 * second;
        assert_eq!(stuck.deadline(200, moved), moved + STUCK);
        assert_eq!(stuck.deadline(0, moved + second), moved + second + STUCK);
        let again = moved + 10 * STUCK;
        assert_eq!(stuck.deadline(1, again), again + STUCK);
    }
}
