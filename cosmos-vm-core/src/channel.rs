//! One connection of a client, and the thread that serves it.
//!
//! Requests of a channel are answered in order, on one thread, so thread-local state of foreign
//! code belongs to one client thread. A fault is an answer and the channel goes on; a peer that
//! breaks the protocol is told so and dropped.

use crate::conversation::Channel;
use crate::session::Session;
use crate::threads::spawn;
use crate::{Vm, room};
use cosmos_rpc::blocking::{Connection, Opening};
use cosmos_rpc::{Fault, Role};
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

/// Serves a client's main connection, on which was spoken, on a new thread. `ending`, a copy of its stream, is
/// shut down when serving ends, which whoever watches another copy sees as a hang-up.
pub(crate) fn main_connection<V: Vm>(
    session: Arc<Session<V>>,
    opening: Opening,
    ending: UnixStream,
) -> Result<(), Fault> {
    spawn("client", move || {
        serve(session, opening);
        let _ = ending.shutdown(Shutdown::Both);
    })
}

/// Serves one more channel of a client on a new thread.
pub(crate) fn attach<V: Vm>(session: &Arc<Session<V>>, stream: UnixStream) -> Result<(), Fault> {
    let channel = Admitted::of(session, stream)?;
    // One that is not served is counted out.
    spawn("channel", move || channel.serve())
}

/// A channel that there is room for; it is counted out when it goes.
pub(crate) struct Admitted<V: Vm> {
    session: Arc<Session<V>>,
    stream: Option<UnixStream>,
}

impl<V: Vm> Admitted<V> {
    /// Admits one.
    ///
    /// # Errors
    /// `LimitReached`.
    pub(crate) fn of(session: &Arc<Session<V>>, stream: UnixStream) -> Result<Admitted<V>, Fault> {
        room::is_left_behind(stream.as_fd())?;
        session.channel_begins()?;
        Ok(Admitted {
            session: Arc::clone(session),
            stream: Some(stream),
        })
    }

    /// Serves it on this thread.
    pub(crate) fn serve(mut self) {
        let session = Arc::clone(&self.session);
        match self.stream.take().map(speak) {
            Some(Ok(opening)) => serve(session, opening),
            Some(Err(fault)) => dropped(&fault),
            None => {}
        }
    }
}

impl<V: Vm> Drop for Admitted<V> {
    fn drop(&mut self) {
        self.session.channel_ended();
    }
}

/// Greets a client, which may be heard later.
pub(crate) fn speak(stream: UnixStream) -> Result<Opening, Fault> {
    Connection::speak(stream, Role::Vm)
}

fn serve<V: Vm>(session: Arc<Session<V>>, opening: Opening) {
    if let Err(fault) = converse(&session, opening) {
        dropped(&fault);
    }
}

fn converse<V: Vm>(session: &Arc<Session<V>>, opening: Opening) -> Result<(), Fault> {
    let connection = opening.heard()?.expect(Role::Client)?;
    Channel::converse(Arc::clone(session), connection)
}

fn dropped(fault: &Fault) {
    tracing::warn!("a client's connection was dropped: {fault}");
}
