//! From a VM's launch until it serves: the handshake on its control socket, how it is confined, and why
//! it never came to serve where it did not.

use super::{
    About, Command, END_PATIENCE, Ends, Escalation, REMAINS_PATIENCE, START_PATIENCE, Supervisor,
    WAITING_CLIENTS,
};
use crate::{
    follow::Step,
    launch::{self, Launched, Order, Spawned, tokio_stream},
    stderr::Tail,
    vm::{Life, Owner, State},
};
use cosmos_rpc::{
    Fault, FaultCode, Frame, Role,
    asynchronous::Connection,
    message::{
        Message,
        coordinator::Ending,
        launch::{Accept, Clients, Confine, Confined, Expect, Ready, Remember},
        registry::Identity,
    },
};
use std::os::unix::net::UnixStream;
use tokio::{
    sync::watch,
    time::{Instant, timeout},
};

/// Has a launcher start the VM. One that waited may have been killed in this very moment, and what it had
/// begun with it: then another one does it.
pub(super) async fn launch(
    order: &Order,
    about: &About,
    launching: &Step,
) -> Result<(Launched, Tail), Fault> {
    let step = launching.step(about.spare.next(), "");
    let spawned = step.end_with(about.spare.spawn(order))?;
    let has_waited = spawned.has_waited;
    // From the beginning: whoever it is for is passed on to it before it has said that it serves.
    let kept = about.remembered(order.is_held, 0);
    match launch_by(spawned, order, about, kept.clone()).await {
        Err(fault) if has_waited && fault.code == FaultCode::Disconnected => {
            let step = launching.step("spawn cosmos-launch", "");
            let spawned = Spawned::new(&order.launcher, order.is_followed);
            launch_by(step.end_with(spawned)?, order, about, kept).await
        }
        launched => launched,
    }
}

async fn launch_by(
    spawned: Spawned,
    order: &Order,
    about: &About,
    kept: Option<Remember>,
) -> Result<(Launched, Tail), Fault> {
    let tail = spawned.output_to(&about.vm.log)?;
    match timeout(START_PATIENCE, launch::start(order, kept, spawned)).await {
        Ok(Ok(launched)) => Ok((launched, tail)),
        Ok(Err((mut process, fault))) => {
            let fault = with_last_words(fault, &tail);
            if timeout(REMAINS_PATIENCE, process.reap()).await.is_err() {
                process.kill();
                process.reap().await;
            }
            Err(fault)
        }
        // The dropped future's launcher was killed and collected with it.
        Err(_) => Err(Fault::host(
            FaultCode::TimedOut,
            format!(
                "the launcher of the VM {} did not answer in time",
                order.name
            ),
        )),
    }
}

impl Supervisor {
    /// Shakes hands on the control socket. What the VM is to give up goes with that, where it is known, and
    /// behind it whoever is to be passed on: the VM, which is only just being executed, need not wait for
    /// either then.
    pub(super) async fn greet(&mut self, control: UnixStream, deadline: Instant) {
        // What it counts in comes first, and whether it can count it says itself.
        let is_counted = self.about.vm.ledger.is_wanted();
        let confine = self.confine.take_if(|_| !is_counted);
        let confine = confine.map(|confine| self.countable(confine));
        self.confining = confine.is_some();
        let (clients, next) = match self.confining && !self.is_held {
            true => self.clients_that_wait(),
            false => (Vec::new(), None),
        };
        let connecting = async {
            let stream = tokio_stream(control).map_err(|error| {
                Fault::host(FaultCode::System, format!("the control socket: {error}"))
            })?;
            let mut opening = Connection::open(stream, Role::Coordinator)?;
            if let Some(confine) = confine {
                opening.notify(&confine, Vec::new())?;
            }
            for (client, ends) in clients {
                // Every VM that is started here is of this version.
                opening.notify(&Accept { client }, ends.into_descriptors(true))?;
            }
            let connection = opening.heard().await?;
            match connection.peer().role {
                Role::Vm => Ok(connection),
                other => Err(Fault::peer(
                    FaultCode::Protocol,
                    format!("it says it is {}", other.name()),
                )),
            }
        };
        match tokio::time::timeout_at(deadline, connecting).await {
            Ok(Ok(connection)) => {
                self.control = Some(connection);
                self.have_counted();
            }
            // It is ending: how says more than that.
            Ok(Err(fault)) if fault.code == FaultCode::Disconnected => {
                self.escalate(END_PATIENCE, Escalation::Kill);
            }
            Ok(Err(fault)) => self.give_up_starting(&fault.message),
            Err(_) => {}
        }
        if let Some(next) = next {
            self.obey(next);
        }
    }

    /// Those that are first among what this is asked to do, as many as may be on their way, and what came
    /// behind them.
    fn clients_that_wait(&mut self) -> (Vec<(Identity, Ends)>, Option<Command>) {
        let mut clients = Vec::new();
        while clients.len() < WAITING_CLIENTS {
            match self.commands.try_recv() {
                Ok(Command::Accept(identity, ends)) => clients.push((identity, ends)),
                next => return (clients, next.ok()),
            }
        }
        (clients, None)
    }

    /// A notice of the VM. It may be hostile: whatever is not due ends it.
    pub(super) fn hear(&mut self, frame: Frame) {
        if self.killed {
            return;
        }
        let is_starting = self.life.borrow().state < State::Ready;
        match frame.kind {
            Ready::KIND if is_starting && !self.is_up && frame.message::<Ready>().is_ok() => {
                self.is_up = true;
                self.commence();
            }
            Confined::KIND if self.is_up && self.confining => match frame.message::<Confined>() {
                Ok(Confined { problem: None }) => {
                    self.confining = false;
                    self.commence();
                }
                Ok(Confined { problem }) => self.give_up_with(problem),
                Err(_) => self.give_up("broke the protocol"),
            },
            Clients::KIND => match frame.message::<Clients>() {
                Ok(Clients { count }) => {
                    self.clients = count;
                    if self.is_held && count > 0 {
                        self.is_met();
                    }
                    self.settle();
                    self.idle();
                }
                Err(_) => self.give_up("broke the protocol"),
            },
            _ => self.give_up("broke the protocol"),
        }
    }

    /// Goes on with a VM that is up, as far as it is known what it is to give up, and whose it is. It serves,
    /// or waits, once it has given that up and its name leads to it; one that was given up does neither,
    /// whatever comes to be known of it.
    fn commence(&mut self) {
        let is_starting = self.life.borrow().state < State::Ready && self.control.is_some();
        if !is_starting || self.killed || self.is_doubtful || !self.is_up {
            return;
        }
        if let Some(confine) = self.confine.take() {
            return self.confine(confine);
        }
        if self.is_named && !self.confining {
            match self.is_held {
                true => self.wait(),
                false => self.serve(),
            }
        }
    }

    /// Its name leads to it, or cannot.
    pub(super) fn named(&mut self, outcome: Result<(), Fault>) {
        match outcome {
            Ok(()) => {
                self.is_named = true;
                self.commence();
            }
            Err(fault) => self.give_up_with(Some(fault)),
        }
    }

    /// Passes a client on: behind what the VM is to give up, and never before. Who comes earlier waits
    /// here.
    pub(super) fn pass_on(&mut self, client: Identity, ends: Ends) {
        let is_early = self.is_awaited() && !self.confining;
        let Some(control) = &mut self.control else {
            return;
        };
        let waiting = match is_early {
            true => self.early.len(),
            false => control.writer.queued(),
        };
        let takes_channel = control.peer().minor >= Accept::CHANNEL_SINCE;
        let accept = Accept { client };
        if waiting >= WAITING_CLIENTS {
            self.give_up("does not take its clients");
        } else if is_early {
            self.early.push((client, ends));
        } else {
            let ends = ends.into_descriptors(takes_channel);
            if control.writer.queue_notice(&accept, ends).is_err() {
                self.give_up("does not take its clients");
            }
        }
        self.idle();
    }

    /// Has it wait for who speaks on these. Where it cannot, they are closed, which is heard.
    pub(super) fn expect(&mut self, ends: Ends) {
        let Some(control) = &mut self.control else {
            return;
        };
        let is_known = control.peer().minor >= Expect::SINCE;
        let ends = ends.into_descriptors(true);
        if is_known && control.writer.queue_notice(&Expect, ends).is_err() {
            self.give_up("does not take its clients");
        }
    }

    /// It is nobody's yet.
    fn wait(&mut self) {
        self.life.send_modify(|life| {
            life.advance(State::Waiting);
        });
        self.next = None;
        self.remember();
    }

    /// Somebody speaks to it who was lent it. Where he has no session any more there is nobody to end it with.
    fn is_met(&mut self) {
        let vm = &self.about.vm;
        vm.is_met.set(true);
        if !self.has_returned && vm.owner.get() == Owner::Nobody && vm.lent.get().is_none() {
            self.obey(Command::End);
        }
    }

    /// One that came back, and is no shared one, has said how many clients it has.
    fn settle(&mut self) {
        if !std::mem::take(&mut self.is_doubtful) {
            return;
        }
        match (self.is_held, self.clients) {
            // Whoever has a client has given up what it had to before.
            (true, 0) | (false, 1..) => self.commence(),
            (true, _) => self.leave_alone(),
            (false, 0) => self.give_up("came back without its client"),
        }
    }

    /// It was given away, by a cosmosd that could not say so any more: it is its client's, whoever that is, and
    /// ends with it.
    fn leave_alone(&mut self) {
        tracing::info!("{}: came back as nobody's and has a client", self.name);
        self.poison();
        self.hang_up();
        self.next = None;
    }

    /// It is somebody's now, and has this to give up before it serves, beside what it was told already. That is
    /// told to the launcher behind it, and a while later where there is nothing to give up.
    pub(super) fn dedicate(&mut self, confine: Option<Confine>) {
        self.is_held = false;
        self.confine = self.confine.take().or(confine);
        match self.confine {
            // Who comes next must not take it for one that has this still to give up.
            Some(_) => self.remember(),
            None => self.remember_later(),
        }
        if self.life.borrow().state == State::Waiting {
            self.escalate(START_PATIENCE, Escalation::Kill);
        }
        self.commence();
    }

    /// Whether somebody waits for it to serve.
    pub(super) fn is_awaited(&self) -> bool {
        self.life.borrow().state < State::Ready && !self.is_held
    }

    /// Has it give up all but this; it is ready when it has.
    fn confine(&mut self, confine: Confine) {
        self.confining = true;
        self.step = self
            .about
            .vm
            .followed
            .borrow()
            .step("confine it", &self.name);
        let confine = self.countable(confine);
        let control = self.control.as_mut();
        let told = control
            .is_some_and(|control| control.writer.queue_notice(&confine, Vec::new()).is_ok());
        match told {
            true => self.let_in(),
            false => self.give_up("cannot be told how it is confined"),
        }
    }

    /// What it is left, as far as something counts it.
    fn countable(&self, confine: Confine) -> Confine {
        Confine {
            memory_files: confine.memory_files && self.started.memory_bounded,
            processes: confine.processes && self.started.processes_bounded,
            ..confine
        }
    }

    fn serve(&mut self) {
        self.step = Step::default();
        self.about.vm.followed.take();
        self.life.send_modify(|life| {
            life.advance(State::Ready);
        });
        self.next = None;
        self.remember();
        self.idle();
        self.let_in();
    }

    /// Passes on who came early.
    fn let_in(&mut self) {
        for (client, ends) in std::mem::take(&mut self.early) {
            self.pass_on(client, ends);
        }
    }

    pub(super) fn give_up_starting(&mut self, why: &str) {
        std::mem::take(&mut self.step).fail(&why);
        self.hang_up();
        let message = format!("the VM {} did not become ready: {why}", self.name);
        let fault = Fault::vm(FaultCode::LaunchFailed, message);
        self.life
            .send_modify(|life| life.problem = life.problem.take().or(Some(fault)));
        self.escalate(END_PATIENCE, Escalation::Kill);
    }

    /// It says itself why it cannot be confined.
    fn give_up_with(&mut self, problem: Option<Fault>) {
        self.hang_up();
        self.life.send_modify(|life| life.problem = problem);
        self.escalate(END_PATIENCE, Escalation::Kill);
    }
}

/// A VM that never came to be, and why.
pub(super) fn never_was(life: &watch::Sender<Life>, fault: Fault) {
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
