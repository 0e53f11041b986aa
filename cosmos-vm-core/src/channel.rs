//! One connection of a client, and the thread that serves it.
//!
//! Requests of a channel are answered in order, on one thread, so thread-local state of foreign
//! code belongs to one client thread. A fault is an answer and the channel goes on; a peer that
//! breaks the protocol is told so and dropped.

use crate::Vm;
use crate::session::Session;
use crate::verb::{self, Answer, Scratch};
use cosmos_rpc::blocking::Connection;
use cosmos_rpc::message::REPLY;
use cosmos_rpc::{Blame, Fault, FaultCode, Frame, Role};
use std::net::Shutdown;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;

/// Stack of a thread that runs foreign code: what C programs are used to.
const STACK: usize = 8 << 20;

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

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> Result<(), Fault> {
    let thread = thread::Builder::new()
        .name(name.to_owned())
        .stack_size(STACK);
    thread.spawn(body).map(drop).map_err(|error| {
        Fault::host(
            FaultCode::LimitReached,
            format!("the VM cannot start one more thread: {error}"),
        )
    })
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
    let mut connection = Connection::accept(stream, Role::Vm)?.expect(Role::Client)?;
    let mut scratch = Scratch::default();
    while let Some(frame) = connection.receive()? {
        let (kind, id) = (frame.kind, frame.id);
        let answer = if id == 0 {
            Err(Fault::peer(
                FaultCode::Protocol,
                format!("a VM takes no notice of kind {kind:#06x} from a client"),
            ))
        } else {
            guarded(session, frame, &mut scratch)
        };
        connection.recycle(scratch.take_request());
        let fault = match answer {
            Ok(answer) => match send(&mut connection, kind, id, &answer) {
                Ok(()) => {
                    scratch.keep_reply(answer.body);
                    continue;
                }
                // Refused before anything was sent; otherwise the next line fails as well.
                Err(fault) => fault,
            },
            Err(fault) => fault,
        };
        connection.fault(id, &fault)?;
        // A function that breaks its prototype is the VM's own affair; a peer that breaks the protocol
        // is not talked to any further.
        if fault.blame == Blame::Peer && fault.code == FaultCode::Protocol {
            return Err(fault);
        }
    }
    Ok(())
}

/// A panic in the VM's code is an answer, too: the client must not wait for ever.
fn guarded<V: Vm>(
    session: &Arc<Session<V>>,
    frame: Frame,
    scratch: &mut Scratch,
) -> Result<Answer, Fault> {
    catch_unwind(AssertUnwindSafe(|| verb::answer(session, frame, scratch))).unwrap_or_else(
        |panic| {
            let words = panic
                .downcast_ref::<&str>()
                .copied()
                .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
                .unwrap_or("no message");
            Err(Fault::vm(
                FaultCode::System,
                format!("the {} VM panicked: {words}", session.vm.kind()),
            ))
        },
    )
}

fn send(connection: &mut Connection, kind: u16, id: u64, answer: &Answer) -> Result<(), Fault> {
    let descriptors: Vec<_> = answer.descriptors.iter().map(OwnedFd::as_fd).collect();
    connection.send_raw(kind | REPLY, id, &[&answer.body], &descriptors)
}
