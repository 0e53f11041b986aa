//! From a VM's launch until it serves: the handshake on its control socket, how it is confined, and why
//! it never came to serve where it did not.

use super::{END_PATIENCE, Escalation, START_PATIENCE, Supervisor};
use crate::{
    follow::Step,
    launch::tokio_stream,
    stderr::Tail,
    vm::{Life, State},
};
use cosmos_rpc::{
    Fault, FaultCode, Frame, Role,
    asynchronous::Connection,
    message::{
        Message,
        coordinator::Ending,
        launch::{Clients, Confine, Confined, Ready},
    },
};
use std::os::unix::net::UnixStream;
use tokio::{sync::watch, time::Instant};

impl Supervisor {
    /// Shakes hands on the control socket.
    pub(super) async fn greet(&mut self, control: UnixStream, deadline: Instant) {
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
    }

    /// A notice of the VM. It may be hostile: whatever is not due ends it.
    pub(super) fn hear(&mut self, frame: Frame) {
        if self.killed {
            return;
        }
        let is_starting = self.life.borrow().state < State::Ready;
        match frame.kind {
            Ready::KIND if is_starting && !self.confining && frame.message::<Ready>().is_ok() => {
                self.is_up = true;
                self.commence();
            }
            Confined::KIND if is_starting && self.confining => match frame.message::<Confined>() {
                Ok(Confined { problem: None }) => self.serve(),
                Ok(Confined { problem }) => self.give_up_with(problem),
                Err(_) => self.give_up("broke the protocol"),
            },
            Clients::KIND => match frame.message::<Clients>() {
                Ok(Clients { count }) => {
                    self.clients = count;
                    self.settle();
                    self.idle();
                }
                Err(_) => self.give_up("broke the protocol"),
            },
            _ => self.give_up("broke the protocol"),
        }
    }

    /// Goes on with a VM that is up, as far as it is known whose it is.
    fn commence(&mut self) {
        match self.is_held {
            _ if self.is_doubtful || !self.is_up => {}
            true => self.wait(),
            false => match self.confine.take() {
                Some(confine) => self.confine(confine),
                None => self.serve(),
            },
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

    /// One that came back as nobody's has said how many clients it has: with one it was given away, by a
    /// cosmosd that could not say so any more, and is given to nobody else.
    fn settle(&mut self) {
        if !std::mem::take(&mut self.is_doubtful) {
            return;
        }
        match self.clients {
            0 => self.commence(),
            _ => self.give_up("came back as nobody's and has a client"),
        }
    }

    /// It is somebody's now, and has this to give up before it serves. What its launcher keeps is wrong
    /// from here on, and right when it serves; in between no other cosmosd is to have it.
    pub(super) fn dedicate(&mut self, confine: Option<Confine>) {
        self.is_held = false;
        self.confine = confine;
        self.forget();
        if self.life.borrow().state == State::Waiting {
            self.escalate(START_PATIENCE, Escalation::Kill);
            self.commence();
        }
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
        // As far as something counts them.
        let confine = Confine {
            memory_files: confine.memory_files && self.started.memory_bounded,
            processes: confine.processes && self.started.processes_bounded,
            ..confine
        };
        let control = self.control.as_mut();
        let told = control
            .is_some_and(|control| control.writer.queue_notice(&confine, Vec::new()).is_ok());
        if !told {
            self.give_up("cannot be told how it is confined");
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
pub(crate) fn never_was(life: &watch::Sender<Life>, fault: Fault) {
    tracing::warn!("{fault}");
    life.send_modify(|life| {
        life.problem = Some(fault);
        life.ending = Some(Ending::Unknown);
        life.advance(State::Gone);
    });
}

pub(super) fn with_last_words(fault: Fault, tail: &Tail) -> Fault {
    match tail.last_line().as_str() {
        "" => fault,
        words => Fault {
            message: format!("{} ({words})", fault.message),
            ..fault
        },
    }
}
