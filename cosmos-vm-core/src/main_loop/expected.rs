//! A client that is expected: its ends of a connection and a first channel are somebody's already, and this VM has the
//! others.
//!
//! Who speaks on them first is the client, and cosmosd need not wake this VM to tell it so. Until then they are
//! watched, and nothing is read or said there: where they are closed in silence nobody came, and the VM waits as
//! before. When cosmosd gives the VM to somebody else it sends other ends. Which of the two has it is decided here, in
//! one place: who spoke before those came keeps it, and the others find theirs closed.
//!
//! ```text
//!            Expect                 something is said
//! waiting ──────────▶ expecting ─────────────────────▶ serves that client, and nobody else by such ends
//!    ▲                   │    │ Expect: the ends of somebody else, those before are closed
//!    └── closed unsaid ──┘    └──▶ expecting
//! ```

use super::MainLoop;
use crate::Vm;
use cosmos_rpc::message::launch::Expect;
use cosmos_rpc::{Fault, FaultCode, Frame};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags};
use nix::sys::socket::{MsgFlags, recv};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

/// The VM's ends of the sockets of a client that has not come.
pub(super) struct Expected {
    main: OwnedFd,
    first: Option<OwnedFd>,
}

/// What is to be seen on them.
#[derive(PartialEq, Eq)]
enum Seen {
    Nothing,
    Words,
    End,
}

impl Expected {
    /// Both, for whatever happens on them.
    pub(super) fn watched(&self) -> impl Iterator<Item = PollFd<'_>> {
        self.ends()
            .map(|end| PollFd::new(end.as_fd(), PollFlags::POLLIN))
    }

    fn ends(&self) -> impl Iterator<Item = &OwnedFd> {
        self.first.iter().chain([&self.main])
    }

    /// Words count, even of one who is gone by now: it was the client.
    fn seen(&self) -> Seen {
        let mut seen = Seen::Nothing;
        for end in self.ends() {
            match look(end) {
                Seen::Words => return Seen::Words,
                Seen::End => seen = Seen::End,
                Seen::Nothing => {}
            }
        }
        seen
    }
}

fn look(end: &OwnedFd) -> Seen {
    let mut byte = [0];
    let flags = MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT;
    match recv(end.as_raw_fd(), &mut byte, flags) {
        Ok(0) => Seen::End,
        Ok(_) => Seen::Words,
        Err(Errno::EAGAIN | Errno::EINTR) => Seen::Nothing,
        Err(_) => Seen::End,
    }
}

impl<V: Vm> MainLoop<V> {
    /// Has a client to expect, in place of one that has not come.
    pub(super) fn expect(&mut self, frame: Frame) -> Result<(), Fault> {
        frame.message::<Expect>()?;
        self.is_to_have_clients()?;
        if !self.terms.private {
            let message = "a shared VM has whoever comes, and expects nobody";
            return Err(Fault::peer(FaultCode::Protocol, message));
        }
        self.meet_expected();
        if self.has_met() || !self.clients.is_empty() {
            return Ok(());
        }
        let mut ends = frame.descriptors.into_iter();
        if let Some(main) = ends.next() {
            let first = ends.next();
            self.expected = Some(Expected { main, first });
        }
        Ok(())
    }

    /// Serves who was expected and has come; expects one no more that will not.
    pub(super) fn meet_expected(&mut self) {
        let seen = self.expected.as_ref().map_or(Seen::Nothing, Expected::seen);
        if seen == Seen::Nothing {
            return;
        }
        if let Some(Expected { main, first }) = self.expected.take()
            && seen == Seen::Words
        {
            self.accept(main, first);
        }
    }
}
