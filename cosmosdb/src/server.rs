//! Accepting, signals, hand-over, the end.

mod start;

pub use start::main;

use crate::connection;
use crate::handover;
use crate::registry::{Letter, Order, Peer, Phase, Registry};
use crate::table::PeerId;
use cosmos_rpc::asynchronous::Connection;
use cosmos_rpc::daemon::Terminal;
use cosmos_rpc::message::registry::HandOver;
use cosmos_rpc::rendezvous::{Lock, REGISTRY_SOCKET, SocketDirectory};
use cosmos_rpc::{Fault, FaultCode};
use start::Launch;
use std::os::unix::net::UnixStream;
use std::process::Child;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::net::UnixListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// How long a connection may take to finish the request it is in the middle of.
const DRAIN: Duration = Duration::from_secs(2);
/// How long all connections may take to write what is queued; each has a second.
const STOP: Duration = Duration::from_millis(1500);
/// How long to rest when no descriptor is left to accept with.
const REST: Duration = Duration::from_millis(50);

/// A registry that serves.
#[derive(Debug)]
pub(crate) struct Server {
    registry: Rc<Registry>,
    listener: UnixListener,
    /// The socket's place, unless it is systemd's.
    place: Option<Place>,
    orders: mpsc::Receiver<Order>,
    launch: Launch,
    signals: Signals,
    /// How long to stay without any connection; `None`: for ever.
    idle: Option<Duration>,
}

/// Where the socket is, held by the lock.
#[derive(Debug)]
pub(crate) struct Place {
    directory: SocketDirectory,
    lock: Lock,
    inode: Option<(u64, u64)>,
}

/// A hand-over whose successor is starting.
struct Succession {
    greeting: JoinHandle<Result<Connection, Fault>>,
    /// Who ordered it, with the request to answer; `None` for SIGHUP.
    ordered: Option<(PeerId, u64)>,
    /// The successor, where this process started it.
    child: Option<Child>,
}

/// How a round of the server's loop ended.
enum Event {
    Accepted(std::io::Result<tokio::net::UnixStream>),
    Ordered(Order),
    Greeted(Box<Result<Connection, Fault>>),
    Hup,
    End,
    Expiry,
    Idle,
}

impl Server {
    /// Serves until SIGTERM, until a successor does, or until nobody needed it for long enough.
    pub(crate) async fn run(mut self) -> Result<(), Fault> {
        let mut succession: Option<Succession> = None;
        loop {
            match self.next(&mut succession).await {
                Event::Accepted(Ok(stream)) => connection::welcome(&self.registry, stream, false),
                Event::Accepted(Err(error)) => {
                    tracing::warn!(%error, "cannot accept");
                    tokio::time::sleep(REST).await;
                }
                Event::Ordered(order) => match succession {
                    Some(_) => self.answer((order.from, order.request), busy()),
                    None => {
                        let ordered = Some((order.from, order.request));
                        succession = Some(Succession::begin(order.successor, ordered, None));
                    }
                },
                Event::Hup if self.signals.are_of_the_end() => {
                    tracing::info!("its terminal is gone, ending");
                    break;
                }
                Event::Hup if succession.is_none() => match self.launch.successor() {
                    Ok((stream, child)) => {
                        succession = Some(Succession::begin(stream, None, Some(child)));
                    }
                    Err(fault) => tracing::error!(%fault, "cannot start a successor"),
                },
                Event::Hup => {}
                Event::Greeted(greeted) => {
                    if let Some(succession) = succession.take()
                        && self.succeed(succession, *greeted).await
                    {
                        return Ok(());
                    }
                }
                Event::Expiry => self.registry.table.borrow_mut().purge(Instant::now()),
                Event::Idle => {
                    tracing::info!("idle, ending");
                    break;
                }
                Event::End => break,
            }
        }
        self.end().await;
        Ok(())
    }

    async fn next(&mut self, succession: &mut Option<Succession>) -> Event {
        loop {
            let expiry = self.registry.table.borrow().next_expiry();
            let expires = async {
                match expiry {
                    Some(at) => tokio::time::sleep_until(at.into()).await,
                    None => std::future::pending().await,
                }
            };
            let patience = match succession {
                None if self.registry.peers.borrow().is_empty() => self.idle,
                _ => None,
            };
            let idle = async {
                match patience {
                    Some(patience) => tokio::time::sleep(patience).await,
                    None => std::future::pending().await,
                }
            };
            let greeted = async {
                match succession {
                    Some(succession) => (&mut succession.greeting).await.unwrap_or_else(lost),
                    None => std::future::pending().await,
                }
            };
            return tokio::select! {
                accepted = self.listener.accept() => Event::Accepted(accepted.map(|(stream, _)| stream)),
                Some(order) = self.orders.recv() => Event::Ordered(order),
                greeted = greeted => Event::Greeted(Box::new(greeted)),
                _ = self.signals.hup.recv() => Event::Hup,
                _ = self.signals.term.recv() => Event::End,
                _ = self.signals.int.recv() => Event::End,
                () = expires => Event::Expiry,
                () = idle => Event::Idle,
                // The table or the connections changed: what to wait for is another now.
                () = self.registry.changed.notified() => continue,
            };
        }
    }

    /// Hands over; true when the successor serves.
    async fn succeed(
        &mut self,
        mut succession: Succession,
        greeted: Result<Connection, Fault>,
    ) -> bool {
        let handed = match greeted {
            Ok(mut successor) => self.hand_over(&mut successor).await,
            Err(fault) => Err(fault),
        };
        let Err(fault) = handed else {
            tracing::info!("handed over");
            if let Some(to) = succession.ordered {
                self.answer_parked(to).await;
            }
            return true;
        };
        tracing::error!(%fault, "the hand-over failed; this process goes on");
        if let Some(child) = &mut succession.child {
            // Our own child, not collected yet: its pid is its own.
            let _ = child.kill().and_then(|()| child.wait());
        }
        self.resume();
        if let Some(to) = succession.ordered {
            self.answer(to, fault);
        }
        false
    }

    async fn hand_over(&mut self, successor: &mut Connection) -> Result<(), Fault> {
        self.registry.phase.send_replace(Phase::Draining);
        self.until(DRAIN, |registry| {
            registry.peers.borrow().values().all(|peer| peer.quiet)
        })
        .await;
        self.registry.phase.send_replace(Phase::Stopping);
        self.until(STOP, |registry| {
            registry
                .peers
                .borrow()
                .values()
                .all(|peer| peer.parked.is_some())
        })
        .await;
        let lock = self.place.as_ref().map(|place| &place.lock);
        handover::give(&self.registry, successor, &self.listener, lock).await?;
        handover::go(successor).await
    }

    /// Serves the parked connections again.
    fn resume(&self) {
        self.registry.phase.send_replace(Phase::Serving);
        let ids: Vec<PeerId> = self.registry.peers.borrow().keys().copied().collect();
        for id in ids {
            let taken = |peer: &mut Peer| {
                peer.quiet = false;
                peer.parked.take()
            };
            let parked = self
                .registry
                .peers
                .borrow_mut()
                .get_mut(&id)
                .and_then(taken);
            if let Some(parked) = parked {
                connection::resume(&self.registry, id, parked);
            }
        }
    }

    /// Answers the supervisor, whose connection the successor serves already: it waits for this
    /// answer, so nobody else writes to it.
    async fn answer_parked(&self, (id, request): (PeerId, u64)) {
        let parked = match self.registry.peers.borrow_mut().get_mut(&id) {
            Some(peer) => peer.parked.take(),
            None => None,
        };
        if let Some(mut parked) = parked {
            let reply = parked
                .connection
                .reply::<HandOver>(request, &(), Vec::new());
            let _ = tokio::time::timeout(STOP, reply).await;
        }
    }

    /// Tells the supervisor, on its connection here, why the hand-over failed.
    fn answer(&self, (id, request): (PeerId, u64), fault: Fault) {
        if let Some(peer) = self.registry.peers.borrow().get(&id) {
            let _ = peer.outbox.try_send(Letter::Failed(request, fault));
        }
    }

    /// Waits until `done`, at most for `patience`.
    async fn until(&self, patience: Duration, done: impl Fn(&Registry) -> bool) {
        let waiting = async {
            while !done(&self.registry) {
                self.registry.changed.notified().await;
            }
        };
        let _ = tokio::time::timeout(patience, waiting).await;
    }

    async fn end(self) {
        tracing::info!("ending");
        self.registry.phase.send_replace(Phase::Ending);
        self.until(STOP, |registry| registry.peers.borrow().is_empty())
            .await;
        if let Some(place) = &self.place
            && place.inode.is_some()
            && place.directory.inode(REGISTRY_SOCKET) == place.inode
        {
            place.directory.remove(REGISTRY_SOCKET);
        }
    }
}

impl Succession {
    fn begin(
        stream: UnixStream,
        ordered: Option<(PeerId, u64)>,
        child: Option<Child>,
    ) -> Succession {
        let greeting = tokio::task::spawn_local(handover::greet(stream));
        Succession {
            greeting,
            ordered,
            child,
        }
    }
}

#[derive(Debug)]
struct Signals {
    term: Signal,
    int: Signal,
    hup: Signal,
    /// That it ends with, where it is in the foreground.
    terminal: Option<Terminal>,
}

impl Signals {
    fn catch(terminal: Option<Terminal>) -> Result<Signals, Fault> {
        let catch = |kind| {
            signal(kind).map_err(|error| {
                Fault::host(FaultCode::System, format!("cannot catch signals: {error}"))
            })
        };
        Ok(Signals {
            term: catch(SignalKind::terminate())?,
            int: catch(SignalKind::interrupt())?,
            hup: catch(SignalKind::hangup())?,
            terminal,
        })
    }

    /// Whether SIGHUP says that there is nobody any more.
    fn are_of_the_end(&self) -> bool {
        self.terminal.is_some_and(Terminal::has_hung_up)
    }
}

fn busy() -> Fault {
    Fault::caller(
        FaultCode::LimitReached,
        "a hand-over is being carried out already",
    )
}

fn lost(error: tokio::task::JoinError) -> Result<Connection, Fault> {
    Err(Fault::host(
        FaultCode::System,
        format!("the hand-over was lost: {error}"),
    ))
}
