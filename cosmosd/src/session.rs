//! One client's connection. Requests run side by side, so that an autopsy that waits stops nothing
//! else; at most [`AT_ONCE`] of them, answers on their way included.

use crate::{
    adopt,
    coordinator::Coordinator,
    identity::Client,
    launch::tokio_stream,
    verb::{self, Answer},
};
use cosmos_rpc::{
    Fault, FaultCode, Role,
    asynchronous::{Connection, Writer},
    message::{coordinator::VmAhead, follow::Span},
};
use std::{
    cell::{Cell, OnceCell, RefCell},
    os::{fd::OwnedFd, unix::net::UnixStream},
    rc::Rc,
    time::Duration,
};
use tokio::{
    sync::mpsc::{self, UnboundedSender},
    time::timeout,
};

/// Most requests of one client at once.
pub const AT_ONCE: usize = 32;

/// How long a client that broke the protocol may take to read why it is dropped.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A client's connection.
#[derive(Debug)]
pub struct Session {
    /// The coordinator.
    pub coordinator: Rc<Coordinator>,
    /// Its number; never used again.
    pub number: u64,
    /// Who the client is.
    pub client: Client,
    has_ended: Cell<bool>,
    /// The trace whose request comes next.
    follow: Cell<Option<[u64; 2]>>,
    /// The steps of the request that was followed last, until they are asked for.
    followed: RefCell<Vec<Span>>,
    /// Where what the client is told without asking goes, where it understands that.
    notices: OnceCell<UnboundedSender<Answer>>,
}

impl Session {
    /// Whether the client is gone. Requests of it may still run; what they would launch now, nobody
    /// would own.
    pub fn has_ended(&self) -> bool {
        self.has_ended.get()
    }

    /// The next request is a part of this trace.
    pub fn follow(&self, trace: [u64; 2]) {
        self.follow.set(Some(trace));
    }

    /// The trace that this request is a part of; no other one is.
    pub fn followed_now(&self) -> Option<[u64; 2]> {
        self.follow.take()
    }

    /// Whether the client is told which VM it will have.
    pub fn is_told_ahead(&self) -> bool {
        self.notices.get().is_some()
    }

    /// Tells it so, with the ends that it is lent; whether it will hear that, if it is still there.
    pub fn tell_ahead(&self, notice: &VmAhead, ends: Vec<OwnedFd>) -> bool {
        let notice = Answer::notice(notice, ends);
        let notices = self.notices.get().zip(notice.ok());
        notices.is_some_and(|(notices, notice)| notices.send(notice).is_ok())
    }

    /// These were its steps.
    pub fn keep_steps(&self, steps: Vec<Span>) {
        self.followed.replace(steps);
    }

    /// What they were, once.
    pub fn take_steps(&self) -> Vec<Span> {
        self.followed.take()
    }
}

/// Serves a client until it goes, breaks the protocol, or cosmosd ends; its VMs end then.
pub async fn serve(
    coordinator: Rc<Coordinator>,
    stream: UnixStream,
    client: Client,
    pidfd: Option<OwnedFd>,
) {
    let number = coordinator.begin_session(client);
    let session = Rc::new(Session {
        coordinator,
        number,
        client,
        has_ended: Cell::new(false),
        follow: Cell::new(None),
        followed: RefCell::default(),
        notices: OnceCell::new(),
    });
    if let Err(fault) = converse(&session, stream, pidfd).await {
        tracing::info!("client {} dropped: {fault}", client.identity.pid);
    }
    session.has_ended.set(true);
    session.coordinator.end_session(number);
}

async fn converse(
    session: &Rc<Session>,
    stream: UnixStream,
    pidfd: Option<OwnedFd>,
) -> Result<(), Fault> {
    let stream = tokio_stream(stream)
        .map_err(|error| Fault::host(FaultCode::System, format!("the client's socket: {error}")))?;
    let connection = Connection::accept(stream, Role::Coordinator).await?;
    let role = connection.peer().role;
    if role == Role::Launcher {
        return adopt::adopt(session, connection, pidfd).await;
    }
    if role != Role::Client {
        return Err(Fault::peer(
            FaultCode::Protocol,
            format!("{} connected where clients do", role.name()),
        ));
    }
    session
        .coordinator
        .give_back(session.number, &session.client);
    let minor = connection.peer().minor;
    let (mut reader, mut writer) = connection.split();
    let (answers, mut finished) = mpsc::unbounded_channel::<Answer>();
    if minor >= VmAhead::SINCE {
        // There is one conversation in a session.
        let _ = session.notices.set(answers.clone());
    }
    let mut running = 0usize;
    loop {
        let queued = writer.queued();
        tokio::select! {
            frame = reader.receive(), if running + queued < AT_ONCE => match frame {
                Err(fault) => return Err(dismiss(&mut writer, 0, fault).await),
                Ok(Some(frame)) => {
                    let request = frame.id;
                    if let Err(fault) = verb::begin(session, frame, &answers) {
                        return Err(dismiss(&mut writer, request, fault).await);
                    }
                    running += 1;
                }
                Ok(None) => return Ok(()),
            },
            Some(answer) = finished.recv() => {
                running = running.saturating_sub(usize::from(!answer.is_notice()));
                answer.queue(&mut writer)?;
            }
            sent = writer.flush(), if queued > 0 => sent?,
        }
    }
}

/// Tells a client that broke the protocol, before it is dropped.
async fn dismiss(writer: &mut Writer, request: u64, fault: Fault) -> Fault {
    if writer.queue_fault(request, &fault).is_ok() {
        let _ = timeout(LAST_WORDS, writer.flush()).await;
    }
    fault
}
