//! The main thread: takes clients from cosmosd, and sees when the process has to end.
//!
//! It waits on the control socket for [`Accept`], and on a copy of every client's main connection
//! for the hang-up, so that it notices a client that vanished although the thread that serves it is
//! inside foreign code. Until the first client is there another thread does that in its place: see [`leading`].
//! Who that client is may be known beforehand, and then it need not be told: see [`expected`].

mod expected;
mod leading;

use crate::channel::Admitted;
use crate::confine::{self, confine};
use crate::session::Session;
use crate::threads::{self, Needed};
use crate::{Vm, channel, count, drain, process, verb};
use cosmos_rpc::blocking::Connection;
use cosmos_rpc::message::Message;
use cosmos_rpc::message::launch::{
    Accept, Clients, Confine, Confined, Count, Drain, Expect, Ready, Renew,
};
use cosmos_rpc::{Fault, FaultCode, Frame, Role};
use expected::Expected;
use leading::{Client, Lead};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::net::Shutdown;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

/// Most clients of a shared VM.
pub const MAXIMUM_CLIENTS: usize = 256;

/// How long cosmosd may take to read a notice.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long the first client is busy with its first requests, in milliseconds. What is made ready for later ones would
/// take the processor from the thread that answers these.
const BUSY: u8 = 20;

/// How often a VM that expects its client looks whether the launcher looks after it, and what lies between, in
/// milliseconds.
const LOOKS: u8 = 20;
const LOOK_PAUSE: u8 = 20;

/// Between two looks whether calls are under way, in milliseconds.
const DRAIN_PAUSE: u8 = 5;

pub(crate) struct MainLoop<V: Vm> {
    vm: Arc<V>,
    /// `None` once cosmosd is gone: nobody new can come.
    control: Option<Connection>,
    /// Copies of the clients' main connections, watched and never read.
    clients: Vec<UnixStream>,
    /// Who will be the first of them, if nobody else is before.
    expected: Option<Expected>,
    terms: Terms,
    /// Whether the kind has prepared what it can.
    is_prepared: bool,
    /// How often it is still looked whether the launcher looks after this process.
    looks: u8,
    /// Of giving up what is to be given up, what was done before it was known.
    ahead: confine::Ahead,
    /// Who runs it.
    lead: Lead<V>,
}

/// What there is to see to.
#[derive(Debug, Default, PartialEq, Eq)]
struct Happened {
    /// cosmosd says something.
    called: bool,
    /// Which clients went.
    gone: Vec<usize>,
    /// Who is expected came, or will not.
    came: bool,
}

/// What the process was started for.
pub(crate) struct Terms {
    /// It is one client's.
    pub private: bool,
    /// It serves nobody before it is confined; then this is the way to the launcher.
    pub confining: Option<OwnedFd>,
}

/// Serves until nobody is left to serve; ends the process where that cannot wait.
///
/// # Errors
/// When the control socket does not work at the start.
pub(crate) fn serve<V: Vm>(vm: V, control: OwnedFd, terms: Terms) -> Result<(), Fault> {
    let stream = UnixStream::from(control);
    let mut control = Connection::connect(stream, Role::Vm)?.expect(Role::Coordinator)?;
    control.notify(&Ready, &[])?;
    let mut main_loop = MainLoop {
        vm: Arc::new(vm),
        control: Some(control),
        clients: Vec::new(),
        expected: None,
        terms,
        is_prepared: false,
        looks: LOOKS,
        ahead: confine::Ahead::default(),
        lead: Lead::First,
    };
    // What came with the handshake has left the socket, and nobody would wait for it there.
    main_loop.listen();
    while main_loop.needed() {
        main_loop.step()?;
        if matches!(main_loop.lead, Lead::Offered) && main_loop.needed() {
            main_loop = leading::until_first_client(main_loop)?;
        }
    }
    Ok(())
}

impl<V: Vm> MainLoop<V> {
    fn needed(&self) -> bool {
        self.control.is_some() || !self.clients.is_empty()
    }

    fn step(&mut self) -> Result<(), Fault> {
        let was_over = drain::has_begun() && drain::is_over();
        let Happened { called, gone, came } = self.wait()?;
        if was_over && drain::is_over() {
            process::end(0);
        }
        if !gone.is_empty() {
            self.lose(&gone);
        }
        if called {
            self.listen();
        }
        if came {
            self.meet_expected();
        }
        Ok(())
    }

    /// Waits for cosmosd, for a client to go, or for one that is expected.
    fn wait(&mut self) -> Result<Happened, Fault> {
        if !self.is_prepared {
            let patience = match self.clients.is_empty() {
                true => 0,
                false => BUSY,
            };
            let happened = self.look(PollTimeout::from(patience))?;
            if happened == Happened::default() {
                self.prepare();
            }
            return Ok(happened);
        }
        if self.expected.is_some() && self.looks > 0 {
            self.looks = match confine::is_looked_after() {
                true => 0,
                false => self.looks - 1,
            };
            return self.look(PollTimeout::from(LOOK_PAUSE));
        }
        self.look(match drain::has_begun() {
            true => PollTimeout::from(DRAIN_PAUSE),
            false => PollTimeout::NONE,
        })
    }

    /// Does what can be done ahead, while nobody waits.
    fn prepare(&mut self) {
        self.is_prepared = true;
        let is_unused = self.clients.is_empty();
        if is_unused {
            process::map_what_is_constant();
        }
        self.vm.prepare();
        verb::prepare(self.vm.model());
        // Each client needs one for its main connection, and soon one for its first channel. Behind what the
        // first requests wait for: to make one may take a turn of the launcher's.
        let count = if is_unused { confine::FIRST_THREADS } else { 1 };
        if is_unused {
            threads::touch_all();
        }
        threads::keep_ready(count, Needed::Later);
        if self.terms.confining.is_some() {
            self.ahead = confine::Ahead::make();
        }
        if is_unused {
            self.lead = Lead::Offered;
        }
    }

    fn look(&self, patience: PollTimeout) -> Result<Happened, Fault> {
        let mut watched: Vec<PollFd<'_>> = self
            .clients
            .iter()
            // Nothing is asked for: a hang-up is always told, and data is the channel's business.
            .map(|client| PollFd::new(client.as_fd(), PollFlags::empty()))
            .collect();
        let control = self.control.as_ref().map(AsFd::as_fd);
        watched.extend(control.map(|control| PollFd::new(control, PollFlags::POLLIN)));
        let told = watched.len();
        if let Some(expected) = &self.expected {
            watched.extend(expected.watched());
        }
        match poll(&mut watched, patience) {
            Ok(_) => {}
            Err(Errno::EINTR) => return Ok(Happened::default()),
            Err(error) => {
                return Err(Fault::host(
                    FaultCode::System,
                    format!("poll failed: {error}"),
                ));
            }
        }
        let happened = |entry: &PollFd<'_>| entry.any().unwrap_or(true);
        let (watched, expected) = watched.split_at(told);
        let (clients, control) = watched.split_at(self.clients.len());
        let gone = clients
            .iter()
            .enumerate()
            .filter(|(_, entry)| happened(entry));
        Ok(Happened {
            called: control.iter().any(happened),
            gone: gone.map(|(index, _)| index).collect(),
            came: expected.iter().any(happened),
        })
    }

    fn lose(&mut self, gone: &[usize]) {
        for &index in gone.iter().rev() {
            // Its channel thread may still be in a call; its reply, if any, goes nowhere.
            let client = self.clients.swap_remove(index);
            let _ = client.shutdown(Shutdown::Both);
        }
        if self.terms.private && self.clients.is_empty() {
            process::end(0);
        }
        self.tell();
    }

    /// Takes what cosmosd sent, without waiting for more.
    fn listen(&mut self) {
        while !self.has_met() {
            let Some(control) = self.control.as_mut() else {
                return;
            };
            control.set_timeout(Some(Duration::ZERO));
            let frame = match control.receive() {
                Ok(Some(frame)) => frame,
                Err(fault) if fault.code == FaultCode::TimedOut => return,
                Ok(None) => return self.control = None,
                Err(fault) => return self.give_up(&fault),
            };
            let heard = match frame.kind {
                Accept::KIND | Count::KIND | Expect::KIND if frame.lost => {
                    // Who was to be accepted finds the connection closed.
                    let lost = frame.whole();
                    lost.or_else(|fault| {
                        tracing::warn!("{fault}");
                        Ok(())
                    })
                }
                Confine::KIND => self.confine(&frame),
                Renew::KIND => self.renew(frame),
                Drain::KIND => self.drain(&frame),
                Count::KIND => self.count(&frame),
                Expect::KIND => self.expect(frame),
                _ => self.take(frame),
            };
            if let Err(fault) = heard {
                return self.give_up(&fault);
            }
        }
    }

    /// Clients, unless this process has still to be confined: their libraries must not come first.
    fn take(&mut self, frame: Frame) -> Result<(), Fault> {
        frame.message::<Accept>()?;
        self.is_to_have_clients()?;
        // cosmosd says who it is: nobody else comes, unless he has come by now.
        self.meet_expected();
        self.expected = None;
        let mut ends = frame.descriptors.into_iter();
        if let Some(main) = ends.next() {
            self.accept(main, ends.next());
        }
        Ok(())
    }

    fn is_to_have_clients(&self) -> Result<(), Fault> {
        match self.terms.confining {
            None => Ok(()),
            Some(_) => Err(Fault::peer(
                FaultCode::Protocol,
                "a client before the VM was confined",
            )),
        }
    }

    fn drain(&mut self, frame: &Frame) -> Result<(), Fault> {
        frame.message::<Drain>()?;
        drain::begin();
        Ok(())
    }

    /// A VM that cannot count serves all the same.
    fn count(&mut self, frame: &Frame) -> Result<(), Fault> {
        frame.message::<Count>()?;
        for memory in &frame.descriptors {
            if let Err(fault) = count::begin(memory) {
                tracing::warn!("nothing is counted: {fault}");
            }
        }
        Ok(())
    }

    /// Another cosmosd is there. What the one before was not told it is told now.
    fn renew(&mut self, mut frame: Frame) -> Result<(), Fault> {
        frame.message::<Renew>()?;
        let fresh = frame.descriptors.pop().ok_or_else(|| {
            Fault::peer(FaultCode::Protocol, "a control socket without a descriptor")
        })?;
        let stream = UnixStream::from(fresh);
        let mut control = Connection::connect(stream, Role::Vm)?.expect(Role::Coordinator)?;
        control.set_timeout(Some(PATIENCE));
        control.notify(&Ready, &[])?;
        self.control = Some(control);
        self.tell();
        Ok(())
    }

    /// What was not given up when it should have been must not be used either.
    fn confine(&mut self, frame: &Frame) -> Result<(), Fault> {
        let order: Confine = frame.message()?;
        let launcher = self.terms.confining.take();
        let launcher = launcher
            .filter(|_| self.clients.is_empty())
            .ok_or_else(|| {
                Fault::peer(
                    FaultCode::Protocol,
                    "the VM is not to be confined (any more)",
                )
            })?;
        let confined = self.vm.confine(&order, launcher).and_then(|left| {
            let ahead = std::mem::take(&mut self.ahead);
            let itself = left.map(|launcher| confine(&order, launcher, ahead));
            itself.unwrap_or(Ok(()))
        });
        let problem = confined.err();
        let failed = problem.is_some();
        let told = self.control.as_mut().map_or(Ok(()), |control| {
            control.set_timeout(Some(PATIENCE));
            control.notify(&Confined { problem }, &[])
        });
        if failed {
            process::end(1);
        }
        told
    }

    /// Serves a client, and its first channel where that came with it.
    fn accept(&mut self, main: OwnedFd, first: Option<OwnedFd>) {
        if self.clients.len() >= MAXIMUM_CLIENTS {
            tracing::warn!("a client was turned away: {MAXIMUM_CLIENTS} are served already");
            return;
        }
        if let Err(fault) = self.admit(UnixStream::from(main), first.map(UnixStream::from)) {
            tracing::warn!("a client was turned away: {fault}");
        }
    }

    fn admit(&mut self, main: UnixStream, first: Option<UnixStream>) -> Result<(), Fault> {
        let session = Arc::new(Session::new(Arc::clone(&self.vm)));
        let watched = copy(&main)?;
        let greeted = |main| {
            let main = channel::speak(main)?;
            let session = Arc::clone(&session);
            Ok::<_, Fault>(Client {
                session,
                watched,
                main,
            })
        };
        match first {
            // It waits for its channel more than for this, but for a word on it, too.
            Some(first) if matches!(self.lead, Lead::Other) => {
                let channel = Admitted::of(&session, first)?;
                self.lead = Lead::Met(channel, greeted(main)?);
                return Ok(());
            }
            Some(first) => channel::attach(&session, first)?,
            None => {}
        }
        let client = greeted(main)?;
        self.serve(client)
    }

    /// Serves a client's main connection.
    fn serve(&mut self, client: Client<V>) -> Result<(), Fault> {
        let Client {
            session,
            watched,
            main,
        } = client;
        channel::main_connection(session, main, copy(&watched)?)?;
        self.clients.push(watched);
        self.tell();
        Ok(())
    }

    /// Tells cosmosd how many clients there are.
    fn tell(&mut self) {
        let Ok(count) = u32::try_from(self.clients.len()) else {
            return;
        };
        let Some(control) = self.control.as_mut() else {
            return;
        };
        control.set_timeout(Some(PATIENCE));
        if let Err(fault) = control.notify(&Clients { count }, &[]) {
            self.give_up(&fault);
        }
    }

    fn give_up(&mut self, fault: &Fault) {
        tracing::warn!("cosmosd is lost: {fault}");
        self.control = None;
    }
}

/// The same connection, for another use.
fn copy(stream: &UnixStream) -> Result<UnixStream, Fault> {
    stream.try_clone().map_err(|error| {
        Fault::host(
            FaultCode::LimitReached,
            format!("a client's connection: {error}"),
        )
    })
}
