//! Start, signals, the end.
//!
//! cosmosd holds the lock `cosmosd.lock` in the socket directory for its life; a second one of the
//! same directory ends quietly, leaving the first the field.
//!
//! # The end
//!
//! SIGTERM and SIGINT drain: nothing is opened any more, each VM ends when the calls in it have ended, by
//! force after `drain_seconds`, and then cosmosd. Its names and its lock are free from the beginning, so
//! that another cosmosd serves whoever comes. A second signal ends all of it at once. A cosmosd that was
//! started on demand (`--detach`) also ends by itself once it has had neither a client nor a VM for
//! `idle_seconds`: it first takes its name back, so that no client is handed to it in between. A
//! cosmosd that is killed leaves its VMs to their launchers: they keep the clients they have.

use crate::{
    configured::{self, Configured, Read},
    coordinator::Coordinator,
    metrics,
    registry::{self, Link, Registry},
    reload,
    supervise::{Command, END_PATIENCE, KILL_PATIENCE},
};
use clap::{CommandFactory, Parser};
use cosmos_rpc::{
    Fault, FaultCode,
    daemon::{self, Readiness, Terminal},
    rendezvous::{COORDINATOR, Lock, Rendezvous, SocketDirectory},
};
use std::{
    path::PathBuf,
    process::ExitCode,
    rc::{Rc, Weak},
    time::Duration,
};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
    task::LocalSet,
    time::{Instant, timeout},
};

/// The lock that makes cosmosd one.
const LOCK: &str = "cosmosd.lock";
/// How long cosmosdb may take until cosmosd is reachable.
const READY_PATIENCE: Duration = Duration::from_secs(8);

/// The coordinator of cosmos_vm: finds VMs for targets, launches and supervises them.
///
/// Prints `ready` on standard output when it serves, or one line saying why it does not. Clients
/// start it by themselves. SIGTERM lets the calls under way end, and then ends its VMs and it; a second
/// SIGTERM ends all of that at once. SIGHUP has it read its configuration again, which holds for what is
/// started then; what can only change with a new cosmosd is named in the log, and where something is wrong
/// the old one stays.
///
/// Example: cosmosd --detach
#[derive(Clone, Debug, Parser)]
#[command(name = "cosmosd", version)]
pub struct Options {
    /// Go into the background, in a session of its own, and end when idle.
    #[arg(long)]
    pub detach: bool,

    /// Serve one client over standard input and output, who is on another machine: what
    /// `--host ssh://...` runs by ssh. Ends with its input, and with all that was opened for it.
    #[arg(long, conflicts_with = "detach")]
    pub stdio: bool,

    /// With --stdio: how many seconds the other machine may say nothing until it is given up.
    #[arg(long, value_name = "SECONDS", requires = "stdio", default_value_t = cosmos_relay::SILENCE)]
    pub silence: u64,

    /// Read the configuration and the profiles, say what is wrong with them, if anything, and end: with 0
    /// where nothing is.
    #[arg(long, conflicts_with_all = ["detach", "stdio"])]
    pub check: bool,

    /// Write the manual page and the completions into a directory: what `make install` does.
    #[arg(long, hide = true, value_name = "DIRECTORY")]
    pub pages: Option<PathBuf>,
}

/// The whole program.
pub fn main() -> ExitCode {
    let options = Options::parse();
    if let Some(directory) = &options.pages {
        return cosmos_pages::write(Options::command(), directory);
    }
    if options.check {
        return check();
    }
    if options.stdio {
        return cosmos_relay::far::main(options.silence);
    }
    let terminal = Terminal::of_this_process();
    // SAFETY: the first thing main does; clap and the terminal opens no descriptor, and nothing owns one yet.
    let settled = unsafe { daemon::settle(options.detach, &[]) };
    let readiness = match settled {
        Ok((readiness, _)) => readiness,
        Err(fault) => {
            eprintln!("cosmosd: {fault}");
            return ExitCode::FAILURE;
        }
    };
    daemon::keep_freed_memory();
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .with_target(false)
        // It would be said on standard error, and panic where that is what cannot be written.
        .log_internal_errors(false)
        .init();
    match prepare(&options, terminal) {
        Ok(Some(prepared)) => run(prepared, readiness),
        Ok(None) => {
            tracing::info!("another cosmosd has this directory already");
            readiness.taken();
            ExitCode::SUCCESS
        }
        Err(fault) => fail(readiness, &fault),
    }
}

fn check() -> ExitCode {
    match Read::now() {
        Ok(_) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("cosmosd: {fault}");
            ExitCode::FAILURE
        }
    }
}

fn fail(readiness: Readiness, fault: &Fault) -> ExitCode {
    tracing::error!("{fault}");
    readiness.failed(fault);
    ExitCode::FAILURE
}

/// What is needed to serve.
struct Prepared {
    read: Read,
    rendezvous: Rendezvous,
    detached: bool,
    /// That it ends with, where it is in the foreground.
    terminal: Option<Terminal>,
    /// Held until another one may serve.
    lock: Lock,
}

/// `None`: another cosmosd serves.
fn prepare(options: &Options, terminal: Terminal) -> Result<Option<Prepared>, Fault> {
    let read = Read::now()?;
    let config = &read.config;
    let directory = SocketDirectory::open_or_create(&config.socket_directory)?;
    let Some(lock) = directory.try_lock(LOCK)? else {
        return Ok(None);
    };
    let rendezvous = Rendezvous {
        directory: config.socket_directory.value.clone(),
        libexec: config.libexec_directory.value.clone(),
        start: config.start_daemons.value,
        patience: READY_PATIENCE,
    };
    let detached = options.detach;
    Ok(Some(Prepared {
        read,
        rendezvous,
        detached,
        terminal: (!detached).then_some(terminal),
        lock,
    }))
}

fn run(prepared: Prepared, readiness: Readiness) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    match runtime {
        Ok(runtime) => {
            let code = LocalSet::new().block_on(&runtime, serve(prepared, readiness));
            // A thread that reads a target from a dead file server is not waited for.
            runtime.shutdown_background();
            code
        }
        Err(error) => {
            let message = format!("cosmosd cannot start: {error}");
            fail(readiness, &Fault::host(FaultCode::System, message))
        }
    }
}

async fn serve(prepared: Prepared, readiness: Readiness) -> ExitCode {
    let Prepared {
        read,
        rendezvous,
        detached,
        terminal,
        lock,
    } = prepared;
    let (mut requests, hangup) = match (EndRequests::listen(), listen(SignalKind::hangup())) {
        (Ok(requests), Ok(hangup)) => (requests, hangup),
        (Err(fault), _) | (_, Err(fault)) => return fail(readiness, &fault),
    };
    let (registry, orders) = Registry::new();
    let host = configured::host(&read.config);
    let coordinator = Coordinator::new(Configured::new(read, host), registry);
    let reloads = tokio::task::spawn_local(reload::keep(coordinator.clone(), hangup, terminal));
    let (link, mut stands) = watch::channel(Link::Connecting);
    let arrive = arriver(&coordinator);
    // Who started this one with --detach may hold the lock for starting daemons.
    let start_first = rendezvous.start && !detached;
    tokio::task::spawn_local(registry::keep(
        rendezvous,
        start_first,
        orders,
        link,
        arrive,
    ));
    if let Err(fault) = registered(&mut stands).await {
        return fail(readiness, &fault);
    }
    if coordinator.metrics.is_on() {
        tokio::task::spawn_local(metrics::serve(coordinator.clone(), stands.clone()));
    }
    readiness.ready();
    tracing::info!("serving");
    tokio::select! {
        () = requests.next() => {}
        _ = reloads => tracing::info!("its terminal is gone, ending"),
        () = idle(&coordinator, &stands), if detached => {
            tracing::info!("idle, ending");
            // Those that wait for somebody.
            end(&coordinator, || Command::End, END_PATIENCE + KILL_PATIENCE * 2).await;
            return ExitCode::SUCCESS;
        }
    }
    tokio::select! {
        () = drain(&coordinator, lock) => {}
        () = requests.next() => {
            tracing::info!("ending at once, with {} VMs", coordinator.running());
            end(&coordinator, || Command::Kill, KILL_PATIENCE * 2).await;
        }
    }
    ExitCode::SUCCESS
}

/// Waits until cosmosdb has the name.
async fn registered(stands: &mut watch::Receiver<Link>) -> Result<(), Fault> {
    let up = timeout(READY_PATIENCE, stands.wait_for(|link| *link == Link::Up)).await;
    if matches!(up, Ok(Ok(_))) {
        return Ok(());
    }
    drop(up);
    Err(match &*stands.borrow() {
        Link::Down(fault) => fault.clone(),
        _ => Fault::host(FaultCode::TimedOut, "cosmosdb does not answer"),
    })
}

/// Gives arriving clients to the coordinator, without keeping it alive.
fn arriver(coordinator: &Rc<Coordinator>) -> impl Fn(registry::Arrival) + use<> {
    let coordinator: Weak<Coordinator> = Rc::downgrade(coordinator);
    move |arrival| {
        if let Some(coordinator) = coordinator.upgrade() {
            coordinator.arrive(arrival);
        }
    }
}

/// Returns once there has been neither a client nor a VM for long enough, and the name is back.
async fn idle(coordinator: &Rc<Coordinator>, stands: &watch::Receiver<Link>) {
    loop {
        let patience = Duration::from_secs(coordinator.configured().config.idle_seconds.value);
        let changed = coordinator.changed.notified();
        if !coordinator.is_idle() {
            changed.await;
            continue;
        }
        if timeout(patience, changed).await.is_ok() {
            continue;
        }
        if *stands.borrow() != Link::Up {
            return;
        }
        coordinator.registry.remove_and_wait(COORDINATOR).await;
        if coordinator.is_idle() {
            return;
        }
        // A client came at the last moment.
        if coordinator.registry.register(COORDINATOR).await.is_err() {
            tracing::warn!("the name {COORDINATOR} could not be registered again");
        }
    }
}

/// Opens nothing any more, and ends every VM once the calls in it have ended. Another cosmosd may serve
/// meanwhile.
async fn drain(coordinator: &Rc<Coordinator>, lock: Lock) {
    tracing::info!("ending, with {} VMs", coordinator.running());
    coordinator.begin_end();
    coordinator.withdraw().await;
    drop(lock);
    let patience = Duration::from_secs(coordinator.configured().config.drain_seconds.value);
    let longest = patience + END_PATIENCE + KILL_PATIENCE * 2;
    end(coordinator, || Command::Drain(patience), longest).await;
}

/// Ends every VM by such a command, and waits at most so long.
async fn end(coordinator: &Rc<Coordinator>, command: impl Fn() -> Command, patience: Duration) {
    for vm in coordinator.vms() {
        vm.ask(command());
    }
    let deadline = Instant::now() + patience;
    while coordinator.running() > 0 {
        let changed = coordinator.changed.notified();
        if tokio::time::timeout_at(deadline, changed).await.is_err() {
            return;
        }
    }
}

/// The signals that ask cosmosd to end.
struct EndRequests {
    terminate: Signal,
    interrupt: Signal,
}

impl EndRequests {
    fn listen() -> Result<EndRequests, Fault> {
        Ok(EndRequests {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    /// Waits for one.
    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

fn listen(kind: SignalKind) -> Result<Signal, Fault> {
    signal(kind).map_err(|error| Fault::host(FaultCode::System, format!("signals: {error}")))
}
