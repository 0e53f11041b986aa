//! What one process has of cosmos: its connections to the daemons and its VMs.
//!
//! ```text
//! Session ── registry, local, remotes  connections: made when first needed, made again when lost
//!    ├────── links ──── Link "vm/…-1"  one per VM, whoever opens in it
//!    ├────── retired ── Resolved …     closures that late callers may still stand in
//!    ├────── callbacks, closures       functions that VMs may call
//!    ├────── residents                 memory of the program's that stands for objects
//!    ├────── opened                    libraries by what was asked for
//!    ├────── lately                    functions by the libraries that they were resolved of
//!    ├────── arenas                    memory that the program and a VM both see
//!    └────── handles                   what the C face gave out
//! ```
//!
//! A VM of this machine belongs to this process. When cosmosd is killed its VMs go on, and the next
//! cosmosd, which gives no name twice, has them again: what was asked of one may be asked of the other.
//! One of another machine belongs to the connection it was opened by: a new connection begins a new
//! *epoch*, in which the names of earlier links mean nothing.
//!
//! There is one session per process, made by the first thread that needs it and shared by all. A
//! forked child leaves its parent's session alone, locks included, and makes its own when it opens
//! something; see [`crate::fork`].

mod settings;
mod vms;

pub(crate) use settings::{configuration, configured_timeout, granted};

use crate::arena::Arenas;
use crate::c::Handles;
use crate::callback::{Closures, Registry};
use crate::coordinator::Coordinator;
use crate::fork::{self, Own};
use crate::lately::Lately;
use crate::link::Link;
use crate::opened::Opened;
use crate::residents::Residents;
use crate::resolved::Resolved;
use crate::trace;
use crate::workers::Workers;
use cosmos_config::Host;
use cosmos_rpc::blocking::Connection;
use cosmos_rpc::message::Message;
use cosmos_rpc::message::coordinator::VmAhead;
use cosmos_rpc::rendezvous::{Rendezvous, connect_registry};
use cosmos_rpc::{Blame, Fault, FaultCode};
use settings::rendezvous;
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, TryLockError};
use std::time::{Duration, Instant};
pub(crate) use vms::Answered;
use vms::Links;

/// How long a cosmosd may take that is there after another one is gone.
const NEXT: Duration = Duration::from_secs(2);
/// How long a daemon may take for an answer; it may be starting a VM.
pub(crate) const ANSWER: Duration = Duration::from_secs(60);
/// How often a request is made of daemons that end instead of answering.
const ASKED: u32 = 3;
/// Between two attempts to get a lock that another thread has.
const LOCK_PAUSE: Duration = Duration::from_millis(2);
/// How many closures of closed libraries stay callable (and answer "closed").
const RETIRED: usize = 64;

/// The state of this process. See the module.
#[derive(Debug)]
pub(crate) struct Session {
    generation: u64,
    registry: Mutex<Option<Own<Connection>>>,
    local: Arc<Coordinator>,
    /// Those of other machines, by host.
    remotes: Mutex<BTreeMap<String, Arc<Coordinator>>>,
    links: Mutex<Links>,
    retired: Mutex<VecDeque<Arc<Resolved>>>,
    handles: Handles,
    callbacks: Registry,
    closures: Closures,
    residents: Residents,
    workers: Workers,
    arenas: Arenas,
    opened: Opened,
    lately: Lately,
}

impl Session {
    /// The session of this process.
    pub(crate) fn current() -> &'static Session {
        let generation = fork::generation();
        let mut known = CURRENT.load(Ordering::Acquire);
        loop {
            // SAFETY: CURRENT is null or a pointer that `Box::into_raw` gave below and nobody frees.
            if let Some(session) = unsafe { known.as_ref() }
                && session.generation == generation
            {
                return session;
            }
            let fresh = Box::into_raw(Box::new(Session::new(generation)));
            match CURRENT.compare_exchange(known, fresh, Ordering::AcqRel, Ordering::Acquire) {
                // SAFETY: as above; the box is leaked on purpose, once per process.
                Ok(_) => return unsafe { &*fresh },
                Err(theirs) => {
                    // SAFETY: `fresh` was made above and nobody else saw it.
                    drop(unsafe { Box::from_raw(fresh) });
                    known = theirs;
                }
            }
        }
    }

    fn new(generation: u64) -> Session {
        Session {
            generation,
            registry: Mutex::default(),
            local: Arc::new(Coordinator::new(Host::Local)),
            remotes: Mutex::default(),
            links: Mutex::default(),
            retired: Mutex::default(),
            handles: Handles::new(generation),
            residents: Residents::default(),
            workers: Workers::default(),
            arenas: Arenas::default(),
            opened: Opened::default(),
            lately: Lately::default(),
            callbacks: Registry::default(),
            closures: Closures::default(),
        }
    }

    /// What the C face gave out.
    pub(crate) fn handles(&self) -> &Handles {
        &self.handles
    }

    /// What functions are resolved first.
    pub(crate) fn lately(&self) -> &Lately {
        &self.lately
    }

    /// The functions of this process that VMs may call.
    pub(crate) fn callbacks(&self) -> &Registry {
        &self.callbacks
    }

    /// Those of them that are closures.
    pub(crate) fn closures(&self) -> &Closures {
        &self.closures
    }

    /// What is open, by what was asked for.
    pub(crate) fn opened(&self) -> &Opened {
        &self.opened
    }

    /// The memory that this process and its VMs both see.
    pub(crate) fn arenas(&self) -> &Arenas {
        &self.arenas
    }

    /// Which memory of the program's stands for objects.
    pub(crate) fn residents(&self) -> &Residents {
        &self.residents
    }

    /// The threads that make calls which were started.
    pub(crate) fn workers(&self) -> &Workers {
        &self.workers
    }

    /// The cosmosd of a host.
    pub(crate) fn coordinator(&self, host: &Host) -> Arc<Coordinator> {
        if *host == Host::Local {
            return Arc::clone(&self.local);
        }
        let mut remotes = lock(&self.remotes);
        let fresh = || Arc::new(Coordinator::new(host.clone()));
        Arc::clone(remotes.entry(host.to_string()).or_insert_with(fresh))
    }

    /// Asks the cosmosd here. A connection that is found dead before an answer came is made anew,
    /// once.
    pub(crate) fn ask_coordinator<M: Message>(&self, message: &M) -> Result<M::Reply, Fault> {
        self.ask(&self.local, message)
    }

    /// The same of one that may be on another machine.
    pub(crate) fn ask<M: Message>(
        &self,
        coordinator: &Coordinator,
        message: &M,
    ) -> Result<M::Reply, Fault> {
        self.with_coordinator(coordinator, |connection| {
            Ok(trace::ask(connection, coordinator.host(), message)?.0)
        })
    }

    /// Asks a cosmosd about a VM of its own. Where the connection is lost, another one of this machine is
    /// asked that has its VMs; none is started for it.
    ///
    /// Another thread may be waiting for a VM to start, which takes as long as it takes: who asks
    /// here has a call that failed, and waits no longer than `patience` for its turn.
    pub(crate) fn ask_connected<M: Message>(
        &self,
        coordinator: &Coordinator,
        message: &M,
        patience: Duration,
    ) -> Result<M::Reply, Fault> {
        let mut place = lock_within(&coordinator.connection, patience).ok_or_else(|| {
            Fault::host(
                FaultCode::TimedOut,
                "cosmosd is answering another thread of this process",
            )
        })?;
        let answer = match &mut *place {
            Some(connection) => {
                let asked = trace::ask(connection, coordinator.host(), message);
                let answer = asked.map(|(reply, _)| reply);
                connection.drop_notices::<VmAhead>();
                answer.map_err(|fault| connection.last_words(fault))
            }
            None => Err(coordinator.lost()),
        };
        let lost = |fault: &Fault| fault.code == FaultCode::Disconnected;
        let answer = match answer {
            Err(fault) if lost(&fault) => {
                *place = None;
                coordinator.lose(&fault);
                match coordinator.is_remote() {
                    true => Err(fault),
                    false => ask_next(coordinator, message, &mut place),
                }
            }
            answer => answer,
        };
        answer.map_err(|fault| named(fault, &coordinator.label()))
    }

    /// Asks cosmosdb, as [`Session::ask_coordinator`] asks cosmosd.
    pub(crate) fn ask_registry<M: Message>(&self, message: &M) -> Result<M::Reply, Fault> {
        self.with_registry(|registry| Ok(registry.call(message, &[])?.0))
    }

    /// Carries a request made of bytes to cosmosd and gives the answer's bytes.
    pub(crate) fn ask_raw(&self, kind: u16, body: &[u8]) -> Result<Vec<u8>, Fault> {
        self.with_coordinator(&self.local, |coordinator| {
            let mut frame = coordinator.call_raw(kind, &[body], &[])?;
            match frame.fault() {
                Some(fault) => Err(fault),
                None => Ok(std::mem::take(&mut frame.body)),
            }
        })
    }

    /// Keeps closures callable for a while after they were closed: a thread that jumped into one
    /// just before cannot be seen until it has come further.
    pub(crate) fn retire(&self, functions: impl IntoIterator<Item = Arc<Resolved>>) {
        let mut retired = lock(&self.retired);
        retired.extend(functions);
        let mut freed = Vec::new();
        for _ in RETIRED..retired.len() {
            let Some(oldest) = retired.pop_front() else {
                break;
            };
            if Arc::strong_count(&oldest) > 1 {
                retired.push_back(oldest);
            } else {
                freed.push(oldest);
            }
        }
        drop(retired);
    }

    fn with_registry<T>(
        &self,
        ask: impl Fn(&mut Connection) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        with(&self.registry, || connect_registry(&rendezvous()?), ask)
            .map_err(|fault| named(fault, "cosmosdb"))
    }

    fn with_coordinator<T>(
        &self,
        coordinator: &Coordinator,
        ask: impl Fn(&mut Connection) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let connect = || {
            let reach = || coordinator.connect(&rendezvous()?);
            let connection = trace::step("reach cosmosd", "", reach)?;
            if coordinator.is_remote() {
                let others = |link: &Arc<Link>| link.coordinator().host() != coordinator.host();
                lock(&self.links).by_name.retain(|_, link| others(link));
            }
            Ok(connection)
        };
        // Nobody may come for what cosmosd has said ahead, and a child would keep it. What has not been read is there
        // for the next open.
        let ask = |connection: &mut Connection| {
            let answer = ask(connection);
            connection.drop_notices::<VmAhead>();
            answer
        };
        with(&coordinator.connection, connect, ask)
            .map_err(|fault| named(fault, &coordinator.label()))
    }
}

/// Asks the cosmosd that is there now, and keeps the connection to it.
fn ask_next<M: Message>(
    coordinator: &Coordinator,
    message: &M,
    place: &mut Option<Own<Connection>>,
) -> Result<M::Reply, Fault> {
    let rendezvous = Rendezvous {
        start: false,
        patience: NEXT,
        ..rendezvous()?
    };
    let mut connection = Own::new(coordinator.connect(&rendezvous)?);
    connection.set_timeout(Some(ANSWER));
    let (reply, _) = connection.call(message, &[])?;
    *place = Some(connection);
    Ok(reply)
}

/// Null until the first use; after a fork the parent's until the child makes its own.
static CURRENT: AtomicPtr<Session> = AtomicPtr::new(std::ptr::null_mut());

/// Asks over a connection that is made when there is none, and again when it ends unanswered: a
/// request may be made more than once, for what one began ends with its connection.
fn with<T>(
    place: &Mutex<Option<Own<Connection>>>,
    connect: impl Fn() -> Result<Connection, Fault>,
    ask: impl Fn(&mut Connection) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let mut place = lock(place);
    let mut asked = 0;
    loop {
        let connection = match place.take() {
            Some(known) => place.insert(known),
            None => {
                let mut connection = Own::new(connect()?);
                connection.set_timeout(Some(ANSWER));
                place.insert(connection)
            }
        };
        asked += 1;
        match ask(connection) {
            Err(fault) if fault.code == FaultCode::Disconnected => {
                let fault = connection.last_words(fault);
                *place = None;
                if asked == ASKED {
                    return Err(fault);
                }
            }
            answer => return answer,
        }
    }
}

/// A daemon's silence or end, with its name.
fn named(mut fault: Fault, daemon: &str) -> Fault {
    if fault.blame == Blame::Peer
        && matches!(fault.code, FaultCode::TimedOut | FaultCode::Disconnected)
    {
        fault.message = format!("{daemon}: {}", fault.message);
    }
    fault
}

/// The lock, if it can be had within `patience`. It is asked for again and again, for a mutex cannot
/// be waited for with a limit.
pub(crate) fn lock_within<T>(mutex: &Mutex<T>, patience: Duration) -> Option<MutexGuard<'_, T>> {
    let deadline = Instant::now() + patience;
    loop {
        match mutex.try_lock() {
            Ok(guard) => return Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => return Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) if Instant::now() >= deadline => return None,
            Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_PAUSE),
        }
    }
}

/// Locks; a thread that panicked inside left the value whole, for nothing here unwinds half-way.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The model of this process.
pub(crate) fn native_model() -> Result<callframe::DataModel, Fault> {
    static MODEL: OnceLock<Option<callframe::DataModel>> = OnceLock::new();
    MODEL
        .get_or_init(callframe::DataModel::native)
        .ok_or_else(|| {
            Fault::host(
                FaultCode::Unsupported,
                "functions cannot be called on this machine: its data model is not known",
            )
        })
}
