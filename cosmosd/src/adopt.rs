//! VMs that outlived a cosmosd: what their launchers kept of them, and having them again.
//!
//! ```text
//! launcher                         this cosmosd                          VM
//!    | Return: record, control,        |                                  |
//!    |         output ---------------> | the name is free, the record     |
//!    | <------------------ I have it   | is one of this uid's             |
//!    |                                 | Renew + a fresh socket --------> |  on the old one
//!    |                                 | <------------- Ready, Clients    |  on the fresh one
//!    | <-------- Remember + its end    |                                  |
//! ```
//!
//! A launcher is a process of this uid, which the threat model trusts; VMs that are confined cannot
//! connect to the registry. Even so a record is only believed in what it says of its own VM: it takes no
//! name from another one, and no client gets a VM by it that it did not have.

use crate::{
    confinement::Confinement,
    coordinator::Coordinator,
    files::Granted,
    identity::Client,
    launch::{Process, tokio_stream},
    log::Log,
    pool,
    session::Session,
    stderr::Tail,
    supervise::{self, Command, Returned},
    vm::{Life, Owner, State, Terms, Vm},
};
use cosmos_config::Level;
use cosmos_rpc::{
    Fault, FaultCode, Hello, Limits, Role,
    asynchronous::Connection,
    codec,
    message::{
        Message,
        confine::Grants,
        launch::{Bounds, Renew, Return, Started, Walls},
        registry::Identity,
    },
};
use nix::unistd::geteuid;
use serde::{Deserialize, Serialize};
use std::{
    cell::{Cell, OnceCell, RefCell},
    os::{fd::OwnedFd, unix::net::UnixStream},
    path::PathBuf,
    rc::Rc,
    time::Duration,
};
use tokio::{
    sync::{mpsc, watch},
    time::timeout,
};

/// How long a launcher may take to say what it has.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a cosmosd knows of a VM, as its launcher keeps it. Only cosmosd reads it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    name: String,
    kind: String,
    host: String,
    owner: Owned,
    alone: bool,
    level: String,
    limits: Vec<(u32, u64)>,
    bounds: Bounds,
    output_bytes: Option<u64>,
    call_depth: Option<u64>,
    message_bytes: Option<u64>,
    grants: Grants,
    walls: Walls,
    readable: Vec<Kept>,
    common: Vec<Kept>,
    /// Whether it has given up all that it will, before it was asked for.
    is_confined: bool,
    targets: Vec<String>,
}

/// A path that it was granted, and which file was there.
type Kept = (PathBuf, Option<(u64, u64)>);

/// Whose it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Owned {
    Process(Identity, Option<(u64, u64)>),
    Shared(u32),
    Nobody,
}

impl Record {
    /// What is to be known of a VM.
    pub fn of(vm: &Vm) -> Record {
        let owner = match vm.owner.get() {
            Owner::Session(_, client) => Owned::Process(client.identity, client.inode()),
            Owner::Shared(uid) => Owned::Shared(uid),
            Owner::Nobody => Owned::Nobody,
        };
        let Terms {
            confinement,
            readable,
            common,
        } = vm.terms();
        let kept = |granted: &[Granted]| granted.iter().map(Granted::parts).collect();
        Record {
            name: vm.name.clone(),
            kind: vm.kind.clone(),
            host: vm.host.clone(),
            owner,
            alone: vm.alone.get(),
            level: confinement.level.name().to_owned(),
            limits: confinement.limits.clone(),
            bounds: confinement.bounds.clone(),
            output_bytes: confinement.output_bytes,
            call_depth: confinement.call_depth,
            message_bytes: confinement.message_bytes,
            grants: confinement.grants.clone(),
            walls: confinement.walls,
            readable: kept(readable),
            common: kept(common),
            is_confined: vm.ahead.is_some(),
            targets: vm.targets.borrow().clone(),
        }
    }

    /// Whose it is, as far as `session_of` knows the process.
    pub fn owner(&self, session_of: impl Fn(&Client) -> u64) -> Owner {
        match &self.owner {
            Owned::Process(identity, inode) => {
                let client = Client::restored(*identity, *inode);
                Owner::Session(session_of(&client), client)
            }
            Owned::Shared(uid) => Owner::Shared(*uid),
            Owned::Nobody => Owner::Nobody,
        }
    }

    /// How it is confined.
    ///
    /// # Errors
    /// A level that this release does not have.
    pub fn confinement(&self) -> Result<Confinement, Fault> {
        let level: Level = self.level.parse().map_err(|()| strange("its level"))?;
        Ok(Confinement {
            level,
            limits: self.limits.clone(),
            bounds: self.bounds.clone(),
            output_bytes: self.output_bytes,
            call_depth: self.call_depth,
            message_bytes: self.message_bytes,
            grants: self.grants.clone(),
            walls: self.walls,
        })
    }

    /// The same with what it may read.
    ///
    /// # Errors
    /// As [`Record::confinement`].
    fn terms(&self) -> Result<Terms, Fault> {
        let restored = |kept: &[Kept]| {
            let kept = kept.iter().cloned();
            kept.map(|(path, identity)| Granted::restored(path, identity))
                .collect()
        };
        Ok(Terms {
            confinement: self.confinement()?,
            readable: restored(&self.readable),
            common: restored(&self.common),
        })
    }
}

/// Hears a launcher that found this cosmosd, and has its VM from then on.
pub(crate) async fn adopt(
    session: &Session,
    mut connection: Connection,
    pidfd: Option<OwnedFd>,
) -> Result<(), Fault> {
    let frame = timeout(PATIENCE, connection.receive()).await;
    let Ok(Ok(Some(mut frame))) = frame else {
        return Err(strange("nothing in time"));
    };
    if frame.kind != Return::KIND {
        return Err(strange("another message"));
    }
    let id = frame.id;
    let found = frame.message::<Return>().and_then(|request| {
        let descriptors = std::mem::take(&mut frame.descriptors);
        Found::new(session, &request, descriptors, pidfd)
    });
    let taken = found.and_then(|found| {
        let seat = seat(&session.coordinator, &found.record, &found.log)?;
        Ok((found, seat))
    });
    match taken {
        Ok((found, seat)) => {
            connection.reply::<Return>(id, &(), Vec::new()).await?;
            let (ours, theirs) = UnixStream::pair().map_err(system)?;
            let renewed = found.renew(OwnedFd::from(theirs)).await;
            // A VM that did not hear it is found out by its silence.
            let _ = renewed.inspect_err(|fault| tracing::warn!("{}: {fault}", seat.name()));
            let returned = Returned {
                process: found.process,
                launcher: connection,
                control: ours,
                tail: found.tail,
                started: found.started,
                is_held: found.record.owner == Owned::Nobody,
            };
            seat.fill(&session.coordinator, returned);
            Ok(())
        }
        Err(fault) => {
            connection.writer.queue_fault(id, &fault)?;
            let _ = timeout(PATIENCE, connection.writer.flush()).await;
            Err(fault)
        }
    }
}

/// What a launcher brought.
struct Found {
    record: Record,
    process: Process,
    /// cosmosd's end of the control socket, as the one before left it.
    control: UnixStream,
    tail: Tail,
    log: Rc<Log>,
    started: Started,
}

impl Found {
    fn new(
        session: &Session,
        request: &Return,
        descriptors: Vec<OwnedFd>,
        pidfd: Option<OwnedFd>,
    ) -> Result<Found, Fault> {
        let identity = session.client.identity;
        if identity.uid != geteuid().as_raw() {
            return Err(Fault::caller(
                FaultCode::NotPermitted,
                format!("cosmosd takes no VMs of uid {}", identity.uid),
            ));
        }
        let record: Record = codec::decode(&request.record)
            .map_err(|fault| Fault::caller(FaultCode::Version, fault.message))?;
        let mut descriptors = descriptors.into_iter();
        let (Some(control), Some(output)) = (descriptors.next(), descriptors.next()) else {
            return Err(strange("no descriptors"));
        };
        let log = session.coordinator.logs.empty();
        log.note(&lost(request.output.len()));
        let tail = Tail::after(output, request.written, &log).map_err(system)?;
        log.write(&request.output);
        Ok(Found {
            record,
            process: Process::found(pidfd, identity.pid).map_err(system)?,
            control: UnixStream::from(control),
            tail,
            log,
            started: request.started,
        })
    }

    /// Tells the VM its new control socket, on the old one.
    async fn renew(&self, fresh: OwnedFd) -> Result<(), Fault> {
        let stream = self.control.try_clone().and_then(tokio_stream);
        // The handshake was made by the one before, of whose words the VM may have left some unread.
        let peer = Hello::new(Role::Vm, &Limits::CALL);
        let mut connection = Connection::resume(stream.map_err(system)?, Role::Coordinator, peer);
        let told = connection.notify(&Renew, vec![fresh]);
        timeout(PATIENCE, told)
            .await
            .unwrap_or_else(|_| Err(strange("no room on its control socket")))
    }
}

/// A VM in the table that has still to be supervised.
struct Seat {
    vm: Rc<Vm>,
    life: watch::Sender<Life>,
    orders: mpsc::Receiver<Command>,
}

impl Seat {
    fn name(&self) -> &str {
        &self.vm.name
    }

    fn fill(self, coordinator: &Rc<Coordinator>, returned: Returned) {
        let is_shared = matches!(self.vm.owner.get(), Owner::Shared(_));
        let idle = Duration::from_secs(coordinator.configured().config.idle_seconds.value);
        let retire_after = is_shared.then_some(idle);
        let orders = self.orders;
        coordinator.have(self.vm, self.life, move |about, life| {
            supervise::resume(returned, about, retire_after, life, orders)
        });
    }
}

/// A place for a VM that came back.
///
/// # Errors
/// A fault that blames the caller where nobody is to have it; another one where the next cosmosd may.
fn seat(coordinator: &Coordinator, record: &Record, log: &Rc<Log>) -> Result<Seat, Fault> {
    if coordinator.is_ending() {
        return Err(Fault::peer(FaultCode::Disconnected, "cosmosd is ending"));
    }
    let is_taken = |vm: &Rc<Vm>| vm.state() < State::Gone;
    if coordinator
        .find(&record.name)
        .as_ref()
        .is_some_and(is_taken)
    {
        return Err(Fault::caller(
            FaultCode::NameTaken,
            format!("another VM is {}", record.name.escape_debug()),
        ));
    }
    if record.owner == Owned::Nobody && !pool::has_room(coordinator, &record.kind) {
        return Err(Fault::caller(
            FaultCode::LimitReached,
            format!("enough VMs of the kind {} wait", record.kind.escape_debug()),
        ));
    }
    let (commands, orders) = supervise::commands();
    let (life, known) = watch::channel(Life::starting());
    let vm = Rc::new(Vm {
        followed: RefCell::default(),
        name: record.name.clone(),
        kind: record.kind.clone(),
        host: record.host.clone(),
        owner: Cell::new(record.owner(|client| coordinator.session_of(client))),
        alone: Cell::new(record.alone),
        started: record.terms()?,
        ahead: match record.owner == Owned::Nobody && record.is_confined {
            true => Some(record.terms()?),
            false => None,
        },
        given: OnceCell::new(),
        lent: Cell::default(),
        is_met: Cell::default(),
        has_strays: Cell::new(record.owner == Owned::Nobody),
        targets: RefCell::new(record.targets.clone()),
        log: log.clone(),
        ledger: coordinator.metrics.ledger(),
        life: known,
        commands,
    });
    Ok(Seat { vm, life, orders })
}

/// What its log says of what the cosmosd before had of it.
fn lost(kept: usize) -> String {
    let before = "cosmosd was started anew; what it had kept of this VM's output is lost";
    match kept {
        0 => before.to_owned(),
        _ => format!("{before}, but for the last {kept} bytes, which nobody else read"),
    }
}

fn strange(what: &str) -> Fault {
    Fault::peer(
        FaultCode::Protocol,
        format!("a launcher brought {what} where a VM should come"),
    )
}

fn system(error: std::io::Error) -> Fault {
    Fault::host(FaultCode::System, format!("a VM that came back: {error}"))
}
