//! A VM as cosmosd knows it.
//!
//! ```text
//!            control socket: Ready
//!  Starting ─────────────────────▶ Ready
//!     │     ╲                     ╱  │
//!     │      ╲──▶ Waiting ──────▶╱   │ control socket closed or broken, end or kill asked for,
//!     │ not ready  (nobody's)        │ retired
//!     │ in time, start refused       │
//!     ▼                              ▼
//!  Poisoned ◀────────────────────────┘
//!     │
//!     │ launcher reaped
//!     ▼
//!    Gone
//! ```
//!
//! (`InCall` and `InCallback` are states of a client thread on a VM; only the two of them know.)
//!
//! What is true in each state:
//!
//! | | Starting | Waiting | Ready | Poisoned | Gone |
//! |---|---|---|---|---|---|
//! | the name `vm/NAME` leads here | soon | yes | yes | no | no |
//! | a client that connects is passed on | behind what it is to give up | likewise | yes | refused | refused |
//! | it is given out for new targets | its opener waits | to one client, once | yes | no | no |
//! | it has given up all that it will | maybe | where it is meant for certain terms | yes | yes | |
//! | there is a process | maybe | yes | yes | maybe | no |
//! | `pid` may be shown | when not 0 | yes | yes | yes | as a memory |
//! | `ending` is known | no | no | no | maybe | yes, `Unknown` included |
//! | `problem` is set | no | no | no | where it never was ready | likewise |
//!
//! Only a VM that is started before anybody asks for it is ever Waiting: see [`pool`](crate::pool). It
//! does not know its client; with that it is Ready, at once where it has given up beforehand what its
//! target does not need, and otherwise when it has done that.
//!
//! Transitions are made by [`supervise`](crate::supervise) alone, one task a VM; everybody else
//! reads [`Life`] from a watch channel. States only advance in the order of the diagram: a VM is
//! never reopened behind anybody's back.

use crate::files::{self, Granted};
use crate::{
    confinement::Confinement, follow::Followed, identity::Client, launch::Readable, log::Log,
    metrics::ledger::Ledger, supervise::Command,
};
use cosmos_rpc::{
    Fault, FaultCode,
    message::{
        confine::Denial,
        coordinator::{Ending, VmOpened},
        crash::Crash,
    },
};
use nix::unistd::geteuid;
use std::{
    cell::{Cell, OnceCell, RefCell},
    path::PathBuf,
    rc::Rc,
    time::{Duration, Instant},
};
use tokio::sync::{mpsc, oneshot, watch};

/// A state; they only advance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// It is being started and does not serve yet.
    Starting,
    /// It would serve, and is nobody's yet.
    Waiting,
    /// It serves.
    Ready,
    /// It serves nobody any more and is about to end.
    Poisoned,
    /// It has ended and was reaped.
    Gone,
}

/// What is known of a VM at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Life {
    /// Its state.
    pub state: State,
    /// Since when it is in that state.
    pub since: Instant,
    /// Its pid for people; 0: not known yet.
    pub pid: i32,
    /// How it ended, where that is known.
    pub ending: Option<Ending>,
    /// Why it never was ready.
    pub problem: Option<Fault>,
    /// The last line it wrote to its standard error before it ended.
    pub last_words: String,
    /// What it was refused, once it has ended.
    pub denials: Vec<Denial>,
    /// What is kept of it, where it crashed.
    pub crash: Option<Crash>,
    /// How long it served, once it has ended.
    pub served: Duration,
}

/// Who may use a VM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The client process that opened it, on the session of this number. It ends with the session.
    Session(u64, Client),
    /// Every client of this uid. It ends when nobody used it for a while.
    Shared(u32),
    /// Nobody yet: it waits to be asked for, see [`pool`](crate::pool).
    Nobody,
}

/// A VM in cosmosd's table.
#[derive(Debug)]
pub struct Vm {
    /// Its name without `vm/`.
    pub name: String,
    /// Its kind.
    pub kind: String,
    /// The host it runs on.
    pub host: String,
    /// Who may use it; one that waits is somebody's once and for all.
    pub owner: Cell<Owner>,
    /// Whether no later request is given it: it was asked for as a fresh one, or waited and is to end.
    pub alone: Cell<bool>,
    /// What it was started with.
    pub started: Terms,
    /// What it was confined for before anybody asked for it: it is given to who asks for just that.
    pub ahead: Option<Terms>,
    /// What it was given away with, where it waited: once and for all.
    pub given: OnceCell<Terms>,
    /// The session that is to ask for it next, and has the way to it already: see `lend`.
    pub lent: Cell<Option<u64>>,
    /// Whether somebody went that way before it was asked for: it is for nobody else.
    pub is_met: Cell<bool>,
    /// Whether a session that is over, or one of the cosmosd before, may have that way still.
    pub has_strays: Cell<bool>,
    /// The targets it was asked for, each once.
    pub targets: RefCell<Vec<String>>,
    /// What it counts.
    pub ledger: Ledger,
    /// The request that it is started, or given away, for, until it is ready.
    pub followed: RefCell<Followed>,
    /// What it wrote.
    pub log: Rc<Log>,
    /// What is known of it.
    pub life: watch::Receiver<Life>,
    /// What its supervising task is asked to do.
    pub commands: mpsc::Sender<Command>,
}

/// How a VM is confined. Two of equal terms are confined alike, down to which files they may read.
#[derive(Debug, PartialEq, Eq)]
pub struct Terms {
    /// Its level, limits and grants.
    pub confinement: Confinement,
    /// What it may read, from `landlock+seccomp` upward.
    pub readable: Vec<Granted>,
    /// What every VM like it may read besides, as far as other files come to be by those names while the
    /// machine runs.
    pub common: Vec<Granted>,
}

/// Most targets remembered for people.
const TARGETS: usize = 64;

impl State {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            State::Starting => "starting",
            State::Waiting => "waiting",
            State::Ready => "ready",
            State::Poisoned => "poisoned",
            State::Gone => "gone",
        }
    }
}

impl Terms {
    /// Of a VM that is confined like this now, for who reads these files.
    pub fn now(confinement: &Confinement, readable: &Readable) -> Terms {
        let target = readable.target.iter().cloned().enumerate();
        let target = target.map(|(place, path)| match readable.identities.get(place) {
            Some(known) => Granted::restored(path, *known),
            None => Granted::now(path),
        });
        let stated = confinement.readable().map(Granted::now);
        Terms {
            confinement: confinement.clone(),
            readable: target.chain(stated).collect(),
            common: confinement.common().map(Granted::now).collect(),
        }
    }
}

impl Life {
    /// A VM that is being started.
    pub fn starting() -> Life {
        Life {
            state: State::Starting,
            since: Instant::now(),
            pid: 0,
            ending: None,
            problem: None,
            last_words: String::new(),
            denials: Vec::new(),
            crash: None,
            served: Duration::ZERO,
        }
    }

    /// Advances to a state; one that is not ahead changes nothing. Whether it did.
    pub fn advance(&mut self, state: State) -> bool {
        let is_ahead = state > self.state;
        if is_ahead {
            self.state = state;
            self.since = Instant::now();
        }
        is_ahead
    }

    /// How it ended, in words; empty where it has not.
    pub fn obituary(&self) -> String {
        let how = match &self.ending {
            None | Some(Ending::Running) if self.state < State::Gone => return String::new(),
            Some(ending) => describe(ending),
            None => describe(&Ending::Unknown),
        };
        let how = match self.denials.as_slice() {
            [] => how,
            denials => {
                let calls: Vec<&str> = denials.iter().map(|denial| &*denial.call).collect();
                format!("{how}; denied: {}", calls.join(", "))
            }
        };
        match self.last_words.as_str() {
            "" => how,
            words => format!("{how}; it said: {words}"),
        }
    }
}

impl Owner {
    /// Whether the client may connect to the VM.
    pub fn admits(&self, client: &Client) -> bool {
        match self {
            Owner::Session(_, owner) => owner.is_same_process(client),
            Owner::Shared(uid) => *uid == client.identity.uid,
            Owner::Nobody => false,
        }
    }

    /// Whether the client may know of the VM.
    pub fn is_visible_to(&self, client: &Client) -> bool {
        let uid = match self {
            Owner::Session(_, owner) => owner.identity.uid,
            Owner::Shared(uid) => *uid,
            Owner::Nobody => geteuid().as_raw(),
        };
        uid == client.identity.uid || client.identity.uid == 0
    }
}

impl Vm {
    /// How it is confined; one that waits, as far as it is already.
    pub fn confinement(&self) -> &Confinement {
        &self.terms().confinement
    }

    /// What it may read, from `landlock+seccomp` upward.
    pub fn readable(&self) -> &[Granted] {
        &self.terms().readable
    }

    /// How it is confined; one that waits, as far as it is already.
    pub fn terms(&self) -> &Terms {
        let given = self.given.get().or(self.ahead.as_ref());
        given.unwrap_or(&self.started)
    }

    /// Its name in the registry.
    pub fn registry_name(&self) -> String {
        format!("vm/{}", self.name)
    }

    /// What a client is told of it that opened this in it.
    pub fn opened(&self, target: &str) -> VmOpened {
        VmOpened {
            name: self.registry_name(),
            kind: self.kind.clone(),
            host: self.host.clone(),
            target: target.to_owned(),
            isolation: self.confinement().level.name().to_owned(),
        }
    }

    /// Its state.
    pub fn state(&self) -> State {
        self.life.borrow().state
    }

    /// Remembers a target for people.
    pub fn remember(&self, target: &str) {
        let mut targets = self.targets.borrow_mut();
        if !targets.iter().any(|known| known == target) && targets.len() < TARGETS {
            targets.push(target.to_owned());
        }
    }

    /// Whether somebody may come to it who is not of this session: then it has to decide who was first, which it
    /// does of ends that it is told to expect, and of no others.
    pub fn is_contended(&self, session: u64) -> bool {
        self.has_strays.get() || self.lent.get().is_some_and(|lent| lent != session)
    }

    /// Waits until it serves.
    ///
    /// # Errors
    ///
    /// Why it never did; `VmDied` where it ended meanwhile.
    pub async fn ready(&self) -> Result<(), Fault> {
        let mut life = self.life.clone();
        let known = life.wait_for(|life| life.state >= State::Ready).await;
        let Ok(life) = known else {
            return Err(Fault::host(
                FaultCode::VmDied,
                format!("the VM {} was given up", self.name),
            ));
        };
        if life.state == State::Ready {
            return Ok(());
        }
        Err(life.problem.clone().unwrap_or_else(|| {
            let how = match life.obituary().as_str() {
                "" => String::new(),
                obituary => format!(": {obituary}"),
            };
            let message = format!("the VM {} is ending{how}", self.name);
            Fault::vm(FaultCode::VmDied, message)
        }))
    }

    /// Waits until it has ended, at most so long; how.
    pub async fn ended(&self, patience: Duration) -> Ending {
        let mut life = self.life.clone();
        let gone = life.wait_for(|life| life.state == State::Gone);
        match tokio::time::timeout(patience, gone).await {
            Ok(Ok(life)) => life.ending.clone().unwrap_or(Ending::Unknown),
            Ok(Err(_)) => Ending::Unknown,
            Err(_) => {
                let life = self.life.borrow();
                life.ending.clone().unwrap_or(Ending::Running)
            }
        }
    }

    /// What it was refused until now.
    pub async fn denials(&self) -> Vec<Denial> {
        let (asked, answer) = oneshot::channel();
        if self.state() < State::Gone
            && self.ask(Command::Denials(asked))
            && let Ok(denials) = answer.await
        {
            return denials;
        }
        self.life.borrow().denials.clone()
    }

    /// Whether it can read all of these, as far as it is confined at all.
    pub fn can_read(&self, files: &[PathBuf]) -> bool {
        !self.confinement().has_walls() || files::are_within(files, self.readable())
    }

    /// Asks its supervising task; one that is busy or gone is not waited for. Whether it will see
    /// to it.
    pub fn ask(&self, command: Command) -> bool {
        self.commands.try_send(command).is_ok()
    }
}

/// An ending in words.
pub fn describe(ending: &Ending) -> String {
    match ending {
        Ending::Running => "it runs".to_owned(),
        Ending::Exited(status) => format!("exited with status {status}"),
        Ending::Killed {
            requested: true, ..
        } => "ended by cosmosd".to_owned(),
        Ending::Killed { signal, .. } => match nix::sys::signal::Signal::try_from(*signal) {
            Ok(signal) => format!("killed by {}", signal.as_str()),
            Err(_) => format!("killed by signal {signal}"),
        },
        Ending::Unknown => "ended, nobody saw how".to_owned(),
        Ending::OverLimit { limit, most } => format!("reached {limit} = {most}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_only_advance() {
        let mut life = Life::starting();
        assert!(life.advance(State::Poisoned));
        assert!(!life.advance(State::Ready));
        assert_eq!(life.state, State::Poisoned);
        assert!(life.advance(State::Gone));
        assert!(!life.advance(State::Gone));
    }

    #[test]
    fn obituaries() {
        let ended = |ending, last_words: &str| Life {
            state: State::Gone,
            ending,
            last_words: last_words.to_owned(),
            ..Life::starting()
        };
        let killed = |signal, requested| Some(Ending::Killed { signal, requested });
        assert_eq!(Life::starting().obituary(), "");
        assert_eq!(
            ended(Some(Ending::Exited(3)), "").obituary(),
            "exited with status 3"
        );
        assert_eq!(
            ended(killed(11, false), "oh").obituary(),
            "killed by SIGSEGV; it said: oh"
        );
        assert_eq!(ended(killed(9, true), "").obituary(), "ended by cosmosd");
        assert_eq!(
            ended(killed(40, false), "").obituary(),
            "killed by signal 40"
        );
        assert_eq!(ended(None, "").obituary(), "ended, nobody saw how");
    }
}
