//! The connection to cosmosdb, made again whenever it is lost.
//!
//! cosmosd's names are a set that ought to be registered. A task keeps the registry at it: after
//! every connect it registers all of them anew, `cosmosd` first, so that names of VMs outlive a
//! restart of cosmosdb. Who asks for a name waits until it is registered on a live connection.

use crate::{aside, launch::tokio_stream};
use cosmos_rpc::{
    Fault, FaultCode, Frame, Role,
    asynchronous::Connection,
    codec,
    message::{
        FAULT, Message, REPLY,
        registry::{Identity, Incoming, Register, Remove, Route},
    },
    rendezvous::{self, COORDINATOR, Rendezvous},
};
use std::{collections::BTreeMap, os::fd::OwnedFd, os::unix::net::UnixStream, time::Duration};
use tokio::sync::{mpsc, oneshot, watch};

/// First and longest pause between attempts to connect.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(2));
/// How long one attempt may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// A client that cosmosdb hands over.
#[derive(Debug)]
pub struct Arrival {
    /// The name it asked for.
    pub name: String,
    /// Who it is.
    pub client: Identity,
    /// Its connection, before any handshake.
    pub stream: UnixStream,
    /// Its pidfd, where the kernel gives them.
    pub pidfd: Option<OwnedFd>,
}

/// How the connection stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// Not connected yet.
    Connecting,
    /// Connected, and `cosmosd` is registered.
    Up,
    /// Not connected, for this reason; another attempt follows.
    Down(Fault),
}

/// What the task is asked to do.
#[derive(Debug)]
enum Command {
    Register(String, oneshot::Sender<Result<(), Fault>>),
    Remove(String, Option<oneshot::Sender<()>>),
}

/// The way to the task.
#[derive(Clone, Debug)]
pub struct Registry {
    commands: mpsc::UnboundedSender<Command>,
}

/// The task's end of it.
#[derive(Debug)]
pub struct Orders(mpsc::UnboundedReceiver<Command>);

impl Registry {
    /// A way to a task that [`keep`] will be.
    pub fn new() -> (Registry, Orders) {
        let (commands, orders) = mpsc::unbounded_channel();
        (Registry { commands }, Orders(orders))
    }

    /// Has a name registered for as long as cosmosd lives, or until it is removed.
    ///
    /// # Errors
    ///
    /// What cosmosdb answers; `TimedOut` where it cannot be reached.
    pub async fn register(&self, name: &str) -> Result<(), Fault> {
        let (done, answer) = oneshot::channel();
        let _ = self.commands.send(Command::Register(name.to_owned(), done));
        match tokio::time::timeout(PATIENCE, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(Fault::host(FaultCode::Disconnected, "cosmosd is ending")),
            Err(_) => {
                self.remove(name);
                Err(Fault::host(
                    FaultCode::TimedOut,
                    format!("the name {name} cannot be registered: cosmosdb does not answer"),
                ))
            }
        }
    }

    /// Takes a name back, without waiting.
    pub fn remove(&self, name: &str) {
        let _ = self.commands.send(Command::Remove(name.to_owned(), None));
    }

    /// Takes a name back; once this is done, every client that was given it before has arrived.
    pub async fn remove_and_wait(&self, name: &str) {
        let (done, answer) = oneshot::channel();
        let _ = self
            .commands
            .send(Command::Remove(name.to_owned(), Some(done)));
        let _ = tokio::time::timeout(PATIENCE, answer).await;
    }
}

/// Keeps cosmosd's names registered and reports each arriving client, until `orders` has no sender
/// any more. `start_first`: whether a cosmosdb that does not run is started for the first attempt
/// (who started cosmosd may hold the lock for starting daemons); later ones follow
/// `rendezvous.start`.
pub async fn keep(
    rendezvous: Rendezvous,
    start_first: bool,
    mut orders: Orders,
    link: watch::Sender<Link>,
    arrive: impl Fn(Arrival),
) {
    let mut names = Names::default();
    names.wanted.insert(COORDINATOR.to_owned(), Vec::new());
    let mut pause = PAUSES.0;
    let mut start = start_first;
    loop {
        let attempt = Rendezvous {
            start,
            patience: PATIENCE,
            ..rendezvous.clone()
        };
        let fault = match connect(attempt).await {
            Ok(connection) => {
                let serving = Serving {
                    connection,
                    names: &mut names,
                    pending: BTreeMap::new(),
                    last_id: 0,
                };
                match serving.run(&mut orders, &link, &arrive).await {
                    Ok(()) => return,
                    Err(fault) => fault,
                }
            }
            Err(fault) => fault,
        };
        if *link.borrow() == Link::Up {
            tracing::warn!("the connection to cosmosdb is lost: {fault}");
            pause = PAUSES.0;
        }
        link.send_replace(Link::Down(fault));
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSES.1);
        start = rendezvous.start;
    }
}

async fn connect(rendezvous: Rendezvous) -> Result<Connection, Fault> {
    let stream = aside::run(move || rendezvous::registry_socket(&rendezvous)).await??;
    let lost = |error: &dyn std::fmt::Display| {
        Fault::host(
            FaultCode::System,
            format!("connecting to cosmosdb: {error}"),
        )
    };
    let stream = tokio_stream(stream).map_err(|error| lost(&error))?;
    let connection = Connection::connect(stream, Role::Coordinator).await?;
    match connection.peer().role {
        Role::Registry => Ok(connection),
        other => Err(Fault::peer(
            FaultCode::Protocol,
            format!("{} answers where cosmosdb should", other.name()),
        )),
    }
}

/// Names that ought to be registered, and who waits for each.
#[derive(Default)]
struct Names {
    wanted: BTreeMap<String, Vec<oneshot::Sender<Result<(), Fault>>>>,
}

/// A request on its way.
enum Pending {
    Register(String),
    Remove(Option<oneshot::Sender<()>>),
}

struct Serving<'n> {
    connection: Connection,
    names: &'n mut Names,
    pending: BTreeMap<u64, Pending>,
    last_id: u64,
}

impl Serving<'_> {
    /// `Ok` when cosmosd ends, otherwise why the connection did.
    async fn run(
        mut self,
        orders: &mut Orders,
        link: &watch::Sender<Link>,
        arrive: &impl Fn(Arrival),
    ) -> Result<(), Fault> {
        self.send_register(COORDINATOR)?;
        let others: Vec<String> = self
            .names
            .wanted
            .keys()
            .filter(|name| *name != COORDINATOR)
            .cloned()
            .collect();
        for name in others {
            self.send_register(&name)?;
        }
        loop {
            let is_queued = self.connection.writer.queued() > 0;
            tokio::select! {
                frame = self.connection.reader.receive() => match frame? {
                    Some(frame) => self.hear(frame, link, arrive)?,
                    None => return Err(Fault::peer(FaultCode::Disconnected, "it closed the connection")),
                },
                sent = self.connection.writer.flush(), if is_queued => sent?,
                command = orders.0.recv() => match command {
                    Some(command) => self.obey(command)?,
                    None => return Ok(()),
                },
            }
        }
    }

    fn obey(&mut self, command: Command) -> Result<(), Fault> {
        match command {
            Command::Register(name, done) => {
                self.names
                    .wanted
                    .entry(name.clone())
                    .or_default()
                    .push(done);
                self.send_register(&name)
            }
            Command::Remove(name, done) => {
                self.names.wanted.remove(&name);
                self.send(&Remove { name }, Pending::Remove(done))
            }
        }
    }

    fn send_register(&mut self, name: &str) -> Result<(), Fault> {
        let register = Register {
            name: name.to_owned(),
            route: Route::Handed,
            expires_in: 0,
            shared: false,
        };
        self.send(&register, Pending::Register(name.to_owned()))
    }

    fn send<M: Message>(&mut self, message: &M, pending: Pending) -> Result<(), Fault> {
        self.last_id += 1;
        self.pending.insert(self.last_id, pending);
        self.connection
            .writer
            .queue(M::KIND, self.last_id, codec::encode(message)?, Vec::new())
    }

    fn hear(
        &mut self,
        frame: Frame,
        link: &watch::Sender<Link>,
        arrive: &impl Fn(Arrival),
    ) -> Result<(), Fault> {
        if frame.kind == Incoming::KIND {
            match frame.whole() {
                Ok(()) => arrive(arrival(frame)?),
                // The client finds its connection closed.
                Err(fault) => tracing::warn!("a client was turned away: {fault}"),
            }
            return Ok(());
        }
        match self.pending.remove(&frame.id) {
            Some(Pending::Register(name)) => self.registered(name, frame.reply::<Register>(), link),
            Some(Pending::Remove(done)) => {
                // A name that was not there is gone as well.
                if let Some(done) = done {
                    let _ = done.send(());
                }
                Ok(())
            }
            // A fault without a request is why cosmosdb ends the connection.
            None if frame.kind == FAULT => Err(frame.fault().unwrap_or_else(strange)),
            None if frame.kind & REPLY != 0 => Ok(()),
            None => Err(strange()),
        }
    }

    fn registered(
        &mut self,
        name: String,
        answer: Result<(), Fault>,
        link: &watch::Sender<Link>,
    ) -> Result<(), Fault> {
        if name == COORDINATOR {
            // Another one's name is tried again: its owner may be ending.
            answer.clone()?;
            link.send_replace(Link::Up);
        }
        let waiting = match &answer {
            Ok(()) => self.names.wanted.get_mut(&name).map(std::mem::take),
            Err(fault) => {
                tracing::warn!("the name {name} cannot be registered: {fault}");
                self.names.wanted.remove(&name)
            }
        };
        for done in waiting.unwrap_or_default() {
            let _ = done.send(answer.clone());
        }
        Ok(())
    }
}

fn arrival(mut frame: Frame) -> Result<Arrival, Fault> {
    let incoming: Incoming = frame.message()?;
    let mut descriptors = frame.descriptors.drain(..);
    let stream = descriptors.next().ok_or_else(strange)?;
    Ok(Arrival {
        name: incoming.name,
        client: incoming.client,
        stream: UnixStream::from(stream),
        pidfd: descriptors.next(),
    })
}

fn strange() -> Fault {
    Fault::peer(FaultCode::Protocol, "cosmosdb sent what nobody asked for")
}
