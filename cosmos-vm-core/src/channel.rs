//! One connection of a client, and the thread that serves it.
//!
//! Requests of a channel are answered in order, on one thread, so thread-local state of foreign
//! code belongs to one client thread. A fault is an answer and the channel goes on; a peer that
//! breaks the protocol is told so and dropped.

use crate::Vm;
use crate::conversation::Channel;
use crate::session::Session;
use crate::threads::spawn;
use cosmos_rpc::blocking::Connection;
use cosmos_rpc::{Fault, Role};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

/// Serves a client's main connection on a new thread. The stream is shut down when serving ends,
/// which whoever watches a copy of it sees as a hang-up.
pub(crate) fn main_connection<V: Vm>(vm: &Arc<V>, stream: UnixStream) -> Result<(), Fault> {
    let session = Arc::new(Session::new(Arc::clone(vm)));
    spawn("client", move || serve(session, stream))
}

/// Serves one more channel of a client on a new thread.
pub(crate) fn attach<V: Vm>(session: &Arc<Session<V>>, stream: UnixStream) -> Result<(), Fault> {
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
    let copy = stream.try_clone();
    if let Err(fault) = converse(&session, stream) {
        tracing::warn!("a client's connection was dropped: {fault}");
    }
    if let Ok(stream) = copy {
        let _ = stream.shutdown(Shutdown::Both);
    }
}

fn converse<V: Vm>(session: &Arc<Session<V>>, stream: UnixStream) -> Result<(), Fault> {
    let connection = Connection::accept(stream, Role::Vm)?.expect(Role::Client)?;
    Channel::converse(Arc::clone(session), connection)
}
