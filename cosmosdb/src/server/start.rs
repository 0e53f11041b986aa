//! From the command line to a serving registry.

use super::{Place, Server, Signals};
use crate::connection;
use crate::handover;
use crate::options::Options;
use crate::registry::{Bounds, Registry};
use crate::route;
use crate::rules::Rules;
use clap::{CommandFactory, Parser};
use cosmos_config::{Config, Layer};
use cosmos_rpc::daemon::{self, Readiness, Terminal};
use cosmos_rpc::rendezvous::{Lock, REGISTRY_SOCKET, SocketDirectory};
use cosmos_rpc::{Fault, FaultCode};
use nix::fcntl::{FcntlArg, fcntl};
use nix::unistd::geteuid;
use std::os::fd::{OwnedFd, RawFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// Held for the life of the registry of a directory.
const LOCK: &str = "cosmosdb.lock";
/// How long another registry that holds the lock may take until it serves.
const OTHER: Duration = Duration::from_secs(2);

/// The whole program.
///
/// # Safety
///
/// To be called once, first in `main`: see [`daemon::settle`].
pub unsafe fn main() -> ExitCode {
    let mut options = Options::parse().resolved();
    if let Some(directory) = &options.pages {
        return cosmos_pages::write(Options::command(), directory);
    }
    let inherited = match Inherited::of(&mut options) {
        Ok(inherited) => inherited,
        Err(fault) => return complain(&fault),
    };
    let terminal = Terminal::of_this_process();
    let terminal = (!options.detach).then_some(terminal);
    // SAFETY: our caller's promise is the one settle asks for; nothing that was opened until here is open still.
    let settled = unsafe { daemon::settle(options.detach, &inherited.numbers()) };
    let (readiness, descriptors) = match settled {
        Ok(settled) => settled,
        Err(fault) => return complain(&fault),
    };
    log();
    let descriptors = inherited.sort(descriptors);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let ended = match runtime {
        Ok(runtime) => {
            let local = tokio::task::LocalSet::new();
            local.block_on(&runtime, serve(&options, terminal, descriptors, readiness))
        }
        Err(error) => {
            let fault = Fault::host(FaultCode::System, format!("cannot start: {error}"));
            readiness.failed(&fault);
            Err(fault)
        }
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => complain(&fault),
    }
}

async fn serve(
    options: &Options,
    terminal: Option<Terminal>,
    descriptors: Descriptors,
    readiness: Readiness,
) -> Result<(), Fault> {
    match prepare(options, terminal, descriptors).await {
        Ok(Some(server)) => {
            readiness.ready();
            tracing::info!(pid = std::process::id(), "serving");
            server.run().await
        }
        Ok(None) => {
            tracing::info!("another cosmosdb serves this directory already");
            readiness.ready();
            Ok(())
        }
        Err(fault) => {
            readiness.failed(&fault);
            Err(fault)
        }
    }
}

/// `None` when another registry serves the directory.
async fn prepare(
    options: &Options,
    terminal: Option<Terminal>,
    descriptors: Descriptors,
) -> Result<Option<Server>, Fault> {
    let own = geteuid().as_raw();
    let config = configuration(options)?;
    let rules = match &options.rules {
        Some(path) => Rules::load(path, own)?,
        None => Rules::closed(own),
    };
    let (registry, orders) = Registry::new(bounds(&config), rules);
    let launch = Launch::of(options)?;
    // Who was started on demand is started again on demand.
    let idle = Duration::from_secs(config.idle_seconds.value);
    let idle = options.end_when_idle.then_some(idle);
    let signals = Signals::catch(terminal)?;
    let directory = options
        .socket_directory
        .clone()
        .unwrap_or_else(|| config.socket_directory.value.clone());
    if let Some(predecessor) = descriptors.take_over {
        let predecessor = UnixStream::from(predecessor);
        let mut server = succeed(registry, orders, launch, signals, directory, predecessor).await?;
        server.idle = idle;
        return Ok(Some(server));
    }
    let (listener, place) = match descriptors.activated {
        Some(listener) => {
            route::check_listener(&listener)?;
            (UnixListener::from(listener), None)
        }
        None => match claim(SocketDirectory::open_or_create(&directory)?)? {
            None => return Ok(None),
            Some(mut place) => {
                let listener = place.directory.listen(REGISTRY_SOCKET)?;
                place.inode = place.directory.inode(REGISTRY_SOCKET);
                (listener, Some(place))
            }
        },
    };
    if let Some(supervisor) = descriptors.supervisor {
        let stream = UnixStream::from(supervisor);
        let stream = stream
            .set_nonblocking(true)
            .and_then(|()| tokio::net::UnixStream::from_std(stream))
            .map_err(|error| system(format!("the supervisor's descriptor is no use: {error}")))?;
        connection::welcome(&registry, stream, true);
    }
    let listener = to_tokio(listener)?;
    Ok(Some(Server {
        registry,
        listener,
        place,
        orders,
        launch,
        signals,
        idle,
    }))
}

async fn succeed(
    registry: Rc<Registry>,
    orders: mpsc::Receiver<crate::registry::Order>,
    launch: Launch,
    signals: Signals,
    directory: PathBuf,
    predecessor: UnixStream,
) -> Result<Server, Fault> {
    let mut inheritance = handover::take(&registry, predecessor).await?;
    let listener = inheritance.listener.take().map(UnixListener::from);
    let listener = to_tokio(listener.ok_or_else(|| system("no listening socket came".into()))?)?;
    let place = match inheritance.lock.take() {
        None => None,
        Some(lock) => {
            let directory = SocketDirectory::open(&directory)?;
            let inode = directory.inode(REGISTRY_SOCKET);
            Some(Place {
                directory,
                lock: Lock::from(lock),
                inode,
            })
        }
    };
    let parked = inheritance.turn().await?;
    if let Some(place) = &place {
        place.lock.sign();
    }
    for (id, parked) in parked {
        connection::resume(&registry, id, parked);
    }
    Ok(Server {
        registry,
        listener,
        place,
        orders,
        launch,
        signals,
        idle: None,
    })
}

/// The place, locked; `None` when another registry serves it.
///
/// Who holds the lock knows that a socket it finds is stale.
fn claim(directory: SocketDirectory) -> Result<Option<Place>, Fault> {
    let deadline = Instant::now() + OTHER;
    loop {
        if let Some(lock) = directory.try_lock(LOCK)? {
            lock.sign();
            return Ok(Some(Place {
                directory,
                lock,
                inode: None,
            }));
        }
        if directory.connect(REGISTRY_SOCKET).is_ok() {
            return Ok(None);
        }
        if Instant::now() >= deadline {
            return Err(Fault::host(
                FaultCode::LaunchFailed,
                format!(
                    "another cosmosdb holds {} and does not serve",
                    directory.path().join(LOCK).display()
                ),
            ));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn configuration(options: &Options) -> Result<Config, Fault> {
    let loaded = match &options.config {
        None => Config::load(),
        Some(path) => {
            Layer::from_file(path).and_then(|layer| Config::load_from(layer.into_iter().collect()))
        }
    };
    loaded.map_err(|error| Fault::host(FaultCode::Configuration, error.to_string()))
}

fn bounds(config: &Config) -> Bounds {
    let bound = |limit: cosmos_config::Limit| {
        limit.bound().map_or(usize::MAX, |bound| {
            usize::try_from(bound).unwrap_or(usize::MAX)
        })
    };
    Bounds {
        names: bound(config.limits.names.value),
        connections: bound(config.limits.connections.value),
    }
}

/// Numbers of the inherited descriptors.
struct Inherited {
    activated: Vec<RawFd>,
    supervisor: Option<RawFd>,
    take_over: Option<RawFd>,
}

/// The inherited descriptors.
struct Descriptors {
    activated: Option<OwnedFd>,
    supervisor: Option<OwnedFd>,
    take_over: Option<OwnedFd>,
}

impl Inherited {
    fn of(options: &mut Options) -> Result<Inherited, Fault> {
        let activated = daemon::activation_descriptors();
        if activated.len() > 1 {
            return Err(Fault::host(
                FaultCode::Configuration,
                format!(
                    "systemd passes {} sockets; cosmosdb listens on one",
                    activated.len()
                ),
            ));
        }
        let supervisor = options.supervisor.map(above_standard).transpose()?;
        let take_over = options.take_over.map(above_standard).transpose()?;
        Ok(Inherited {
            activated,
            supervisor,
            take_over,
        })
    }

    fn numbers(&self) -> Vec<RawFd> {
        let rest = self.supervisor.iter().chain(&self.take_over);
        self.activated.iter().chain(rest).copied().collect()
    }

    /// Tells apart what came in the order of [`Inherited::numbers`].
    fn sort(&self, descriptors: Vec<OwnedFd>) -> Descriptors {
        let mut descriptors = descriptors.into_iter();
        Descriptors {
            activated: self.activated.first().and_then(|_| descriptors.next()),
            supervisor: self.supervisor.and_then(|_| descriptors.next()),
            take_over: self.take_over.and_then(|_| descriptors.next()),
        }
    }
}

/// A descriptor that came as standard input gets a number that stays.
fn above_standard(raw: RawFd) -> Result<RawFd, Fault> {
    if raw != 0 {
        return Ok(raw);
    }
    fcntl(std::io::stdin(), FcntlArg::F_DUPFD(3))
        .map_err(|error| system(format!("standard input is no use: {}", error.desc())))
}

/// How to start a successor of this process.
#[derive(Debug)]
pub(super) struct Launch {
    program: PathBuf,
    arguments: Vec<std::ffi::OsString>,
}

impl Launch {
    fn of(options: &Options) -> Result<Launch, Fault> {
        let program = std::env::current_exe()
            .map_err(|error| system(format!("cannot tell this program's path: {error}")))?;
        let mut arguments = vec!["--take-over".into(), "0".into()];
        if options.end_when_idle {
            arguments.push("--end-when-idle".into());
        }
        let paths = [
            ("--config", &options.config),
            ("--socket-directory", &options.socket_directory),
            ("--rules", &options.rules),
        ];
        for (option, path) in paths {
            if let Some(path) = path {
                arguments.push(option.into());
                arguments.push(path.clone().into());
            }
        }
        Ok(Launch { program, arguments })
    }

    /// Starts a successor; it inherits one end of the stream as its standard input.
    pub(super) fn successor(&self) -> Result<(UnixStream, Child), Fault> {
        let failed = |error| {
            Fault::host(
                FaultCode::LaunchFailed,
                format!("cannot start {}: {error}", self.program.display()),
            )
        };
        let (ours, theirs) = UnixStream::pair().map_err(failed)?;
        let child = Command::new(&self.program)
            .args(&self.arguments)
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .spawn()
            .map_err(failed)?;
        Ok((ours, child))
    }
}

fn to_tokio(listener: UnixListener) -> Result<tokio::net::UnixListener, Fault> {
    listener
        .set_nonblocking(true)
        .and_then(|()| tokio::net::UnixListener::from_std(listener))
        .map_err(|error| system(format!("cannot use the listening socket: {error}")))
}

fn log() {
    let _ = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        // It would be said on standard error, and panic where that is what cannot be written.
        .log_internal_errors(false)
        .with_max_level(tracing::Level::INFO)
        .try_init();
}

fn complain(fault: &Fault) -> ExitCode {
    eprintln!("cosmosdb: {fault}");
    ExitCode::FAILURE
}

fn system(message: String) -> Fault {
    Fault::host(FaultCode::System, message)
}
