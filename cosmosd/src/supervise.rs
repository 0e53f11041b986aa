//! One task a VM: launches it, passes clients on, ends it when asked, sees it end.
//!
//! The task alone changes the VM's [`Life`]. It waits for whichever comes first: a word of the
//! launcher, a word of the VM, a command, the launcher's end, or the next deadline:
//!
//! | waiting for | at most | then |
//! |---|---|---|
//! | the VM to be ready | [`START_PATIENCE`] | kill the VM |
//! | the VM to end after it was asked to | [`END_PATIENCE`] | kill the VM |
//! | the VM to end after it closed its control socket | [`END_PATIENCE`] | kill the VM |
//! | the launcher to report after a kill | [`KILL_PATIENCE`] | kill the launcher; its death kills the VM |
//!
//! To ask a VM to end is to close its control socket: a VM without clients and control socket has
//! nothing left to live for. The VM is killed through its launcher, which holds its pidfd.

mod burial;

use crate::{
    adopt::Record,
    crash::Keeper,
    launch::{self, Launched, Order, Process, tokio_stream},
    stderr::Tail,
    vm::{Life, State, Vm},
};
use cosmos_rpc::{
    Fault, FaultCode, Frame, Role,
    asynchronous::Connection,
    codec,
    message::{
        Message, REPLY,
        confine::Denial,
        coordinator::Ending,
        crash::Remains,
        launch::{
            Accept, Clients, Confine, Confined, Denials, Drain, Ended, Kill, Ready, Remember,
            Started,
        },
        registry::Identity,
    },
};
use nix::sys::socket::{Shutdown, shutdown};
use std::{
    collections::VecDeque,
    future::{Future, pending},
    os::{
        fd::{AsFd, AsRawFd, OwnedFd},
        unix::net::UnixStream,
    },
    rc::Rc,
    time::Duration,
};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{Instant, sleep_until, timeout},
};

/// How long a VM may take from its launch until it is ready.
pub const START_PATIENCE: Duration = Duration::from_secs(10);
/// How long a VM may take to end by itself.
pub const END_PATIENCE: Duration = Duration::from_secs(1);
/// How long a launcher may take to report its VM's end after a kill.
pub const KILL_PATIENCE: Duration = Duration::from_secs(3);
/// How long what an ended VM left in its sockets and pipes is read.
const REMAINS_PATIENCE: Duration = Duration::from_millis(100);
/// Most clients on their way to a VM that does not take them.
const WAITING_CLIENTS: usize = 64;
/// Room for commands.
const COMMANDS: usize = 128;

/// What a supervising task is asked to do.
#[derive(Debug)]
pub enum Command {
    /// Pass a client's connection to the VM.
    Accept(Identity, OwnedFd),
    /// What is known of it has changed: give it to the launcher.
    Remember,
    /// The VM is wanted: start its idle time anew.
    Touch,
    /// Have it end when the calls in it have ended, by force after so long.
    Drain(Duration),
    /// Have it end, by force if it must be.
    End,
    /// Ask the launcher what it was refused.
    Denials(oneshot::Sender<Vec<Denial>>),
    /// Kill it.
    Kill,
}

/// A channel for commands of the right size.
pub fn commands() -> (mpsc::Sender<Command>, mpsc::Receiver<Command>) {
    mpsc::channel(COMMANDS)
}

/// What a report of the VM says of it, and who keeps that.
#[derive(Debug)]
pub struct About {
    /// The VM.
    pub vm: Rc<Vm>,
    /// Where reports go.
    pub keeper: Keeper,
}

/// Launches a VM and stays with it until it has ended and its launcher is reaped. `retire_after`:
/// how long a shared VM may be without clients.
pub async fn supervise(
    order: Order,
    about: About,
    retire_after: Option<Duration>,
    life: watch::Sender<Life>,
    commands: mpsc::Receiver<Command>,
) {
    let (process, stream, tail, output) = match launch::spawn(&order) {
        Ok(spawned) => spawned,
        Err(fault) => return never_was(&life, fault),
    };
    let deadline = Instant::now() + START_PATIENCE;
    let starting = launch::start(&order, process, stream, output);
    let launched = match timeout(START_PATIENCE, starting).await {
        Ok(Ok(launched)) => launched,
        Ok(Err((mut process, fault))) => {
            let fault = with_last_words(fault, &tail);
            if timeout(REMAINS_PATIENCE, process.reap()).await.is_err() {
                process.kill();
                process.reap().await;
            }
            return never_was(&life, fault);
        }
        Err(_) => {
            // The dropped future's launcher was killed and collected with it.
            let message = format!(
                "the launcher of the VM {} did not answer in time",
                order.name
            );
            return never_was(&life, Fault::host(FaultCode::TimedOut, message));
        }
    };
    let Launched {
        process,
        launcher,
        control,
        pid,
        memory_bounded,
        processes_bounded,
    } = launched;
    let confine = order.confine.map(|confine| Confine {
        memory_files: confine.memory_files && memory_bounded,
        processes: confine.processes && processes_bounded,
        ..confine
    });
    life.send_modify(|life| life.pid = pid);
    let mut supervisor = Supervisor {
        name: order.name,
        process,
        launcher: Some(launcher),
        control: None,
        is_control_kept: false,
        tail,
        life,
        commands,
        retire_after,
        clients: 0,
        ending: None,
        denials: Vec::new(),
        remains: None,
        about,
        born: Instant::now(),
        waiting: VecDeque::new(),
        confine,
        confining: false,
        output_bytes: order.output_bytes,
        killed: false,
        // Start was the first.
        last_question: 1 << 32,
        next: Some((deadline, Escalation::Kill)),
    };
    supervisor.greet(control, deadline).await;
    supervisor.run().await;
    supervisor.bury().await;
}

/// A VM that outlived another cosmosd.
#[derive(Debug)]
pub struct Returned {
    /// Its launcher.
    pub process: Process,
    /// The connection to that.
    pub launcher: Connection,
    /// This end of its new control socket, before its handshake.
    pub control: UnixStream,
    /// What it writes.
    pub tail: Tail,
    /// What its launcher said when it had started it.
    pub started: Started,
}

/// Stays with a VM that came back, as [`supervise`] does with one that it launched.
pub async fn resume(
    returned: Returned,
    about: About,
    retire_after: Option<Duration>,
    life: watch::Sender<Life>,
    commands: mpsc::Receiver<Command>,
) {
    let deadline = Instant::now() + START_PATIENCE;
    life.send_modify(|life| life.pid = returned.started.pid);
    let mut supervisor = Supervisor {
        name: about.vm.name.clone(),
        process: returned.process,
        launcher: Some(returned.launcher),
        control: None,
        is_control_kept: false,
        tail: returned.tail,
        life,
        commands,
        retire_after,
        clients: 0,
        ending: None,
        denials: Vec::new(),
        remains: None,
        born: Instant::now(),
        waiting: VecDeque::new(),
        confine: None,
        confining: false,
        output_bytes: about.vm.confinement.output_bytes,
        about,
        killed: false,
        last_question: 1 << 32,
        next: Some((deadline, Escalation::Kill)),
    };
    tracing::info!("{}: it is back", supervisor.name);
    supervisor.greet(returned.control, deadline).await;
    supervisor.run().await;
    supervisor.bury().await;
}

/// What to do when a deadline passes, the stronger the later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Escalation {
    /// A shared VM had no client for long enough: ask it to end.
    Retire,
    /// Kill the VM through its launcher.
    Kill,
    /// Kill the launcher.
    KillLauncher,
}

struct Supervisor {
    name: String,
    process: Process,
    launcher: Option<Connection>,
    control: Option<Connection>,
    /// Whether the launcher has this end of it.
    is_control_kept: bool,
    tail: Tail,
    life: watch::Sender<Life>,
    commands: mpsc::Receiver<Command>,
    retire_after: Option<Duration>,
    /// As the VM says; only its own retirement depends on it.
    clients: u32,
    ending: Option<Ending>,
    /// What it was refused, once it has ended.
    denials: Vec<Denial>,
    /// What was left of it, where it crashed.
    remains: Option<Remains>,
    about: About,
    born: Instant,
    /// Who asked the launcher what it was refused, in that order.
    waiting: VecDeque<oneshot::Sender<Vec<Denial>>>,
    /// What it is told once it is ready, and before anybody is let to it.
    confine: Option<Confine>,
    /// Whether it was told, and has not answered.
    confining: bool,
    output_bytes: Option<u64>,
    /// Whether a kill was asked for.
    killed: bool,
    /// Number of the last request to the launcher.
    last_question: u64,
    next: Option<(Instant, Escalation)>,
}

/// What came first.
enum Event {
    Launcher(Result<Option<Frame>, Fault>),
    Vm(Result<Option<Frame>, Fault>),
    Sent(Result<(), Fault>),
    Command(Option<Command>),
    Deadline,
    /// It has written more than it may.
    TooMuch,
    Ended,
}

impl Supervisor {
    /// Shakes hands on the control socket.
    async fn greet(&mut self, control: UnixStream, deadline: Instant) {
        let connecting = async {
            let stream = tokio_stream(control).map_err(|error| {
                Fault::host(FaultCode::System, format!("the control socket: {error}"))
            })?;
            let connection = Connection::connect(stream, Role::Coordinator).await?;
            match connection.peer().role {
                Role::Vm => Ok(connection),
                other => Err(Fault::peer(
                    FaultCode::Protocol,
                    format!("it says it is {}", other.name()),
                )),
            }
        };
        match tokio::time::timeout_at(deadline, connecting).await {
            Ok(Ok(connection)) => self.control = Some(connection),
            // It is ending: how says more than that.
            Ok(Err(fault)) if fault.code == FaultCode::Disconnected => {
                self.escalate(END_PATIENCE, Escalation::Kill);
            }
            Ok(Err(fault)) => self.give_up_starting(&fault.message),
            Err(_) => {}
        }
    }

    async fn run(&mut self) {
        loop {
            match self.event().await {
                Event::Launcher(Ok(Some(frame))) if frame.kind == Ended::KIND => {
                    self.hear_end(&frame);
                    self.poison();
                }
                Event::Launcher(Ok(Some(frame))) if frame.kind == Denials::KIND | REPLY => {
                    let denials = codec::decode(&frame.body).unwrap_or_default();
                    if let Some(asked) = self.waiting.pop_front() {
                        // Who asked may have gone.
                        let _ = asked.send(denials);
                    }
                }
                // The launcher is ending, or broke the protocol: its end decides.
                Event::Launcher(_) => {
                    self.launcher = None;
                    self.escalate(KILL_PATIENCE, Escalation::KillLauncher);
                }
                Event::Vm(Ok(Some(frame))) => self.hear(frame),
                Event::Vm(Ok(None)) => self.give_up("closed its control socket"),
                Event::Vm(Err(fault)) => self.give_up(&fault.message),
                Event::Sent(Ok(())) => {}
                Event::Sent(Err(_)) => self.give_up("does not take its clients"),
                Event::TooMuch => self.end_for_output(),
                Event::Command(Some(command)) => self.obey(command),
                // cosmosd itself is ending; the VM keeps the clients it has.
                Event::Command(None) => return,
                Event::Deadline => self.act(),
                Event::Ended => return,
            }
        }
    }

    async fn event(&mut self) -> Event {
        let (launcher_reader, launcher_writer) = halves(&mut self.launcher);
        let (control_reader, control_writer) = halves(&mut self.control);
        let deadline = self.next.map(|(deadline, _)| deadline);
        tokio::select! {
            frame = when(launcher_reader, |reader| reader.receive()) => Event::Launcher(frame),
            frame = when(control_reader, |reader| reader.receive()) => Event::Vm(frame),
            sent = when(control_writer.filter(|writer| writer.queued() > 0), |writer| writer.flush())
                => Event::Sent(sent),
            // A launcher that takes no word is found out by its deadline.
            _ = when(launcher_writer.filter(|writer| writer.queued() > 0), |writer| writer.flush())
                => Event::Sent(Ok(())),
            command = self.commands.recv() => Event::Command(command),
            () = when(deadline, sleep_until) => Event::Deadline,
            () = when(self.output_bytes, |most| self.tail.beyond(most)) => Event::TooMuch,
            () = self.process.reap() => Event::Ended,
        }
    }

    /// A notice of the VM. It may be hostile: whatever is not due ends it.
    fn hear(&mut self, frame: Frame) {
        if self.killed {
            return;
        }
        let is_starting = self.life.borrow().state == State::Starting;
        match frame.kind {
            Ready::KIND if is_starting && !self.confining && frame.message::<Ready>().is_ok() => {
                match self.confine.take() {
                    Some(confine) => self.confine(&confine),
                    None => self.serve(),
                }
            }
            Confined::KIND if is_starting && self.confining => match frame.message::<Confined>() {
                Ok(Confined { problem: None }) => self.serve(),
                Ok(Confined { problem }) => self.give_up_with(problem),
                Err(_) => self.give_up("broke the protocol"),
            },
            Clients::KIND => match frame.message::<Clients>() {
                Ok(Clients { count }) => {
                    self.clients = count;
                    self.idle();
                }
                Err(_) => self.give_up("broke the protocol"),
            },
            _ => self.give_up("broke the protocol"),
        }
    }

    /// Has it give up all but this; it is ready when it has.
    fn confine(&mut self, confine: &Confine) {
        self.confining = true;
        let control = self.control.as_mut();
        let told =
            control.is_some_and(|control| control.writer.queue_notice(confine, Vec::new()).is_ok());
        if !told {
            self.give_up("cannot be told how it is confined");
        }
    }

    fn serve(&mut self) {
        self.life.send_modify(|life| {
            life.advance(State::Ready);
        });
        self.next = None;
        self.remember();
        self.idle();
    }

    /// Has the launcher keep what the next cosmosd has to know.
    fn remember(&mut self) {
        let is_ready = self.life.borrow().state == State::Ready;
        let record = is_ready.then(|| Record::of(&self.about.vm)).flatten();
        let Some(record) = record.and_then(|record| codec::encode(&record).ok()) else {
            return;
        };
        let kept = match (&self.control, self.is_control_kept) {
            (Some(control), false) => control.as_fd().try_clone_to_owned().ok(),
            _ => None,
        };
        let given = kept.is_some();
        if let Some(launcher) = &mut self.launcher {
            let told = launcher
                .writer
                .queue_notice(&Remember { record }, kept.into_iter().collect());
            self.is_control_kept |= told.is_ok() && given;
        }
    }

    /// Ends the control socket, of which the launcher may have a copy.
    fn hang_up(&mut self) {
        if let Some(control) = self.control.take() {
            // One that has ended already is what was wanted.
            let _ = shutdown(control.as_fd().as_raw_fd(), Shutdown::Both);
        }
    }

    fn hear_end(&mut self, frame: &Frame) {
        if let Ok(ended) = frame.message::<Ended>() {
            let known = self.ending.take();
            self.ending = known.or(Some(ended.ending));
            self.denials = ended.denials;
            self.remains = ended.remains;
        }
    }

    fn end_for_output(&mut self) {
        let most = self.output_bytes.take().unwrap_or(0);
        self.ending = Some(Ending::OverLimit {
            limit: "limits.output_bytes".to_owned(),
            most,
        });
        self.kill();
    }

    /// Asks the launcher, which has the kernel's word.
    fn ask_denials(&mut self, asked: oneshot::Sender<Vec<Denial>>) {
        let told = self.launcher.as_mut().is_some_and(|launcher| {
            self.last_question += 1;
            let id = self.last_question;
            let body = codec::encode(&Denials).unwrap_or_default();
            launcher
                .writer
                .queue(Denials::KIND, id, body, Vec::new())
                .is_ok()
        });
        match told {
            true => self.waiting.push_back(asked),
            // It is ending, and what it left is told with that.
            false => drop(asked.send(self.denials.clone())),
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Denials(asked) => self.ask_denials(asked),
            Command::Accept(identity, stream) => {
                let Some(control) = &mut self.control else {
                    return;
                };
                let is_flooded = control.writer.queued() >= WAITING_CLIENTS;
                let accept = Accept { client: identity };
                if is_flooded || control.writer.queue_notice(&accept, vec![stream]).is_err() {
                    self.give_up("does not take its clients");
                }
                self.idle();
            }
            Command::Remember => self.remember(),
            Command::Drain(patience) => self.drain(patience),
            Command::Touch => self.idle(),
            Command::End => {
                self.poison();
                self.hang_up();
                self.escalate(END_PATIENCE, Escalation::Kill);
            }
            Command::Kill => self.kill(),
        }
    }

    fn drain(&mut self, patience: Duration) {
        let is_ready = self.life.borrow().state == State::Ready;
        let told = self.control.as_mut().is_some_and(|control| {
            is_ready && control.writer.queue_notice(&Drain, Vec::new()).is_ok()
        });
        match told {
            true => {
                self.poison();
                self.next = None;
                self.escalate(patience, Escalation::Kill);
            }
            false => self.obey(Command::End),
        }
    }

    fn act(&mut self) {
        match self.next.take() {
            Some((_, Escalation::Retire)) => {
                tracing::info!("{}: nobody uses it, it is retired", self.name);
                self.obey(Command::End);
            }
            Some((_, Escalation::Kill)) => {
                if self.life.borrow().state == State::Starting {
                    self.give_up_starting("was not ready in time");
                }
                self.kill();
            }
            Some((_, Escalation::KillLauncher)) => self.process.kill(),
            None => {}
        }
    }

    /// Starts the idle time of a shared VM without clients anew, or stops it.
    fn idle(&mut self) {
        if self.life.borrow().state != State::Ready {
            return;
        }
        let after = self.retire_after.filter(|_| self.clients == 0);
        self.next = after
            .and_then(|after| Instant::now().checked_add(after))
            .map(|at| (at, Escalation::Retire));
    }

    /// The VM does not serve any more; it should be ending by itself.
    fn give_up(&mut self, why: &str) {
        if self.life.borrow().state == State::Starting {
            return self.give_up_starting(why);
        }
        tracing::info!("{}: {why}", self.name);
        self.poison();
        self.hang_up();
        self.escalate(END_PATIENCE, Escalation::Kill);
    }

    /// It says itself why it cannot be confined.
    fn give_up_with(&mut self, problem: Option<Fault>) {
        self.hang_up();
        self.life.send_modify(|life| life.problem = problem);
        self.escalate(END_PATIENCE, Escalation::Kill);
    }

    fn give_up_starting(&mut self, why: &str) {
        self.hang_up();
        let message = format!("the VM {} did not become ready: {why}", self.name);
        let fault = Fault::vm(FaultCode::LaunchFailed, message);
        self.life
            .send_modify(|life| life.problem = life.problem.take().or(Some(fault)));
        self.escalate(END_PATIENCE, Escalation::Kill);
    }

    fn kill(&mut self) {
        self.killed = true;
        // The control socket stays: its end would be an invitation to end by itself.
        self.poison();
        let is_asked = match &mut self.launcher {
            Some(launcher) => launcher.writer.queue_notice(&Kill, Vec::new()).is_ok(),
            None => false,
        };
        if !is_asked {
            self.process.kill();
        }
        self.escalate(KILL_PATIENCE, Escalation::KillLauncher);
    }

    /// Sets a deadline for a step, unless a stronger one is due; of two for one step the earlier.
    fn escalate(&mut self, patience: Duration, step: Escalation) {
        let at = Instant::now() + patience;
        self.next = match self.next {
            Some((due_at, due)) if due > step => Some((due_at, due)),
            Some((due_at, due)) if due == step => Some((due_at.min(at), step)),
            _ => Some((at, step)),
        };
    }

    fn poison(&mut self) {
        if self.life.borrow().state != State::Starting {
            self.life.send_modify(|life| {
                life.advance(State::Poisoned);
            });
        }
    }
}

/// A VM that never came to be, and why.
pub(crate) fn never_was(life: &watch::Sender<Life>, fault: Fault) {
    tracing::warn!("{fault}");
    life.send_modify(|life| {
        life.problem = Some(fault);
        life.ending = Some(Ending::Unknown);
        life.advance(State::Gone);
    });
}

fn with_last_words(fault: Fault, tail: &Tail) -> Fault {
    match tail.last_line().as_str() {
        "" => fault,
        words => Fault {
            message: format!("{} ({words})", fault.message),
            ..fault
        },
    }
}

type Halves<'c> = (
    Option<&'c mut cosmos_rpc::asynchronous::Reader>,
    Option<&'c mut cosmos_rpc::asynchronous::Writer>,
);

fn halves(connection: &mut Option<Connection>) -> Halves<'_> {
    match connection {
        Some(connection) => (Some(&mut connection.reader), Some(&mut connection.writer)),
        None => (None, None),
    }
}

/// The future of what is there; for ever where nothing is.
async fn when<T, F: Future>(there: Option<T>, future: impl FnOnce(T) -> F) -> F::Output {
    match there {
        Some(there) => future(there).await,
        None => pending().await,
    }
}
