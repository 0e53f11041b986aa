//! One connection of a client, and the thread that serves it.
//!
//! Requests of a channel are answered in order, on one thread, so thread-local state of foreign
//! code belongs to one client thread. A fault is an answer and the channel goes on; a peer that
//! breaks the protocol is told so and dropped.

use crate::conversation::Channel;
use crate::session::Session;
use crate::threads::spawn;
use crate::{Vm, room};
use cosmos_rpc::blocking::Connection;
use cosmos_rpc::{Fault, Role};
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

/// Serves a client's main connection on a new thread. `ending`, a copy of its stream, is shut down when
/// serving ends, which whoever watches another copy sees as a hang-up. `first` is its first channel, for which
/// the client waits more than for this.
pub(crate) fn main_connection<V: Vm>(
    vm: &Arc<V>,
    stream: UnixStream,
    ending: UnixStream,
    first: Option<UnixStream>,
) -> Result<(), Fault> {
    let session = Arc::new(Session::new(Arc::clone(vm)));
    if let Some(first) = first {
        attach(&session, first)?;
    }
    spawn("client", move || {
        serve(session, stream);
        let _ = ending.shutdown(Shutdown::Both);
    })
}

/// Serves one more channel of a client on a new thread.
pub(crate) fn attach<V: Vm>(session: &Arc<Session<V>>, stream: UnixStream) -> Result<(), Fault> {
    room::is_left_behind(stream.as_fd())?;
    session.channel_begins()?;
    let session_there = Arc::clone(session);
    spawn("channel", move || {
        let session = Arc::clone(&session_there);
        serve(session_there, stream);
        session.channel_ended();
    })
    .inspect_err(|_| session.channel_ended())
}

fn serve<V: Vm>(session: Arc<Session<V>>, stream: UnixStream) {
    if let Err(fault) = converse(&session, stream) {
        tracing::warn!("a client's connection was dropped: {fault}");
    }
}

fn converse<V: Vm>(session: &Arc<Session<V>>, stream: UnixStream) -> Result<(), Fault> {
    let connection = Connection::accept(stream, Role::Vm)?.expect(Role::Client)?;
    Channel::converse(Arc::clone(session), connection)
}
