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
mod count;
mod end;
mod launcher;
mod start;

use start::never_was;

use crate::{
    crash::Keeper,
    follow::Step,
    launch::{Launched, Order, Process},
    spare::Spare,
    stderr::Tail,
    vm::{Life, Vm},
};
use cosmos_rpc::{
    Fault, Frame,
    asynchronous::Connection,
    codec,
    message::{
        Message, REPLY,
        confine::Denial,
        coordinator::Ending,
        crash::Remains,
        launch::{Confine, Denials, Ended, Remember, Started},
        registry::Identity,
    },
};
use std::{
    collections::VecDeque,
    future::{Future, pending},
    os::{fd::OwnedFd, unix::net::UnixStream},
    rc::Rc,
    time::Duration,
};
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::yield_now,
    time::{Instant, sleep_until},
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
/// How long a launcher is told nothing of a VM that was given away: it would be woken beside whoever waits for the VM.
const GIVEN_PAUSE: Duration = Duration::from_millis(3);
/// Room for commands.
const COMMANDS: usize = 128;

/// What a supervising task is asked to do.
#[derive(Debug)]
pub enum Command {
    /// Pass a client's connection to the VM.
    Accept(Identity, Ends),
    /// Have it wait for who speaks on these.
    Expect(Ends),
    /// Its name leads to it now, or why it has none.
    Named(Result<(), Fault>),
    /// It waited, and is somebody's now: have it give up all but this, and serve.
    Dedicate(Option<Confine>),
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

/// The VM's ends of a client's sockets to it.
#[derive(Debug)]
pub struct Ends {
    /// Of the connection.
    pub main: OwnedFd,
    /// Of a first channel, where that comes with it.
    pub channel: Option<OwnedFd>,
}

impl Ends {
    /// Of a connection alone.
    pub fn main(main: OwnedFd) -> Ends {
        let channel = None;
        Ends { main, channel }
    }

    /// As an [`Accept`](cosmos_rpc::message::launch::Accept) carries them.
    fn into_descriptors(self, takes_channel: bool) -> Vec<OwnedFd> {
        let channel = self.channel.filter(|_| takes_channel);
        [self.main].into_iter().chain(channel).collect()
    }
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
    /// The launcher that waits.
    pub spare: Rc<Spare>,
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
    let followed = about.vm.followed.borrow().clone();
    let launching = followed.step("start the VM", &order.name);
    let deadline = Instant::now() + START_PATIENCE;
    let (launched, tail) = match start::launch(&order, &about, &launching).await {
        Ok(launched) => launched,
        Err(fault) => {
            launching.fail(&fault);
            return never_was(&life, fault);
        }
    };
    let Launched {
        process,
        launcher,
        control,
        started,
        steps,
        kept,
    } = launched;
    launching.adopt(steps);
    drop(launching);
    life.send_modify(|life| life.pid = started.pid);
    let mut supervisor = Supervisor {
        step: followed.step("until it is up", &order.name),
        is_held: order.is_held,
        is_control_kept: kept.is_some(),
        kept,
        confine: order.confine,
        retire_after,
        next: Some((deadline, Escalation::Kill)),
        ..Supervisor::new(about, (process, launcher, started), (life, commands), tail)
    };
    supervisor.greet(control, deadline).await;
    supervisor.about.spare.refill();
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
    /// Whether it was nobody's.
    pub is_held: bool,
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
    let Returned {
        process,
        launcher,
        control,
        tail,
        started,
        is_held,
    } = returned;
    let mut supervisor = Supervisor {
        is_held,
        is_doubtful: retire_after.is_none(),
        has_returned: true,
        told_written: tail.count(),
        retire_after,
        next: Some((deadline, Escalation::Kill)),
        ..Supervisor::new(about, (process, launcher, started), (life, commands), tail)
    };
    tracing::info!("{}: it is back", supervisor.name);
    supervisor.greet(control, deadline).await;
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
    /// From when on the launcher may have to keep something else.
    to_remember: Option<Instant>,
    /// What the launcher was told to keep last.
    kept: Option<Remember>,
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
    /// What its launcher said when it had started it.
    started: Started,
    /// Whether it waits for whoever it will be.
    is_held: bool,
    /// Whether it came back, and has to say whether it has a client: to who is its owner, or is to have none.
    is_doubtful: bool,
    /// Whether another cosmosd had it before.
    has_returned: bool,
    /// Whether it has said that it would serve.
    is_up: bool,
    /// Whether its name leads to it.
    is_named: bool,
    /// What it is told before anybody is let to it.
    confine: Option<Confine>,
    /// Whether it was told, and has not answered.
    confining: bool,
    /// Clients that came before it was told.
    early: Vec<(Identity, Ends)>,
    output_bytes: Option<u64>,
    /// How much of what it wrote the launcher was told of last.
    told_written: u64,
    /// Whether a kill was asked for.
    killed: bool,
    /// Where the request is followed that it is started for: the step that it is in.
    step: Step,
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
    /// It has written more than the last mark.
    Marked,
    /// It is time for what the launcher has to keep.
    Remembering,
    Ended,
}

impl Supervisor {
    /// Of a VM that was started just now, for good and for whoever asks; it has to be up in time.
    fn new(
        about: About,
        (process, launcher, started): (Process, Connection, Started),
        (life, commands): (watch::Sender<Life>, mpsc::Receiver<Command>),
        tail: Tail,
    ) -> Supervisor {
        Supervisor {
            name: about.vm.name.clone(),
            output_bytes: about.vm.confinement().output_bytes,
            about,
            process,
            launcher: Some(launcher),
            started,
            life,
            commands,
            tail,
            step: Step::default(),
            control: None,
            is_control_kept: false,
            to_remember: None,
            kept: None,
            retire_after: None,
            clients: 0,
            ending: None,
            denials: Vec::new(),
            remains: None,
            born: Instant::now(),
            waiting: VecDeque::new(),
            is_held: false,
            is_doubtful: false,
            has_returned: false,
            is_up: false,
            is_named: false,
            confine: None,
            confining: false,
            early: Vec::new(),
            told_written: 0,
            killed: false,
            // Start was the first.
            last_question: 1 << 32,
            next: Some((Instant::now() + START_PATIENCE, Escalation::Kill)),
        }
    }

    async fn run(&mut self) {
        loop {
            if self.remembers_now() {
                // Whoever was given the VM is told first.
                yield_now().await;
                self.tell_launcher();
            }
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
                Event::Marked => self.passed_mark(),
                Event::Remembering => {}
                Event::Command(Some(command)) => {
                    self.obey(command);
                    // What it is to give up, and its client, are said in one go.
                    while let Ok(command) = self.commands.try_recv() {
                        self.obey(command);
                    }
                }
                // cosmosd itself is ending; the VM keeps the clients it has.
                Event::Command(None) => return,
                Event::Deadline => self.act(),
                Event::Ended => return,
            }
        }
    }

    async fn event(&mut self) -> Event {
        let mark = self.next_mark();
        let (launcher_reader, launcher_writer) = halves(&mut self.launcher);
        let (control_reader, control_writer) = halves(&mut self.control);
        let deadline = self.next.map(|(deadline, _)| deadline);
        let to_remember = self.to_remember.filter(|time| *time > Instant::now());
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
            () = when(to_remember, sleep_until) => Event::Remembering,
            () = when(mark, |mark| self.tail.beyond(mark)) => Event::Marked,
            () = self.process.reap() => Event::Ended,
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Denials(asked) => self.ask_denials(asked),
            Command::Accept(identity, ends) => self.pass_on(identity, ends),
            Command::Expect(ends) => self.expect(ends),
            Command::Named(outcome) => self.named(outcome),
            Command::Dedicate(confine) => self.dedicate(confine),
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
