//! Before there is a client: another thread runs the main loop, and is there at once for the first channel.
//!
//! A client waits for its first channel more than for anything else, and to hand that over to a thread that sleeps
//! costs as much as most of what is done before it. So while a VM waits for its first client, the first thread stands
//! by, and one that is ready to be a channel's listens in its place. When a client comes, and a channel with it, the
//! listener wakes the first thread, gives the loop back to it, and serves the channel itself.
//!
//! ```text
//! first thread   ── loop ──┐ stands by                ┌── its main connection, loop, to the end
//! one of those             │                          │
//! that are ready           └── loop ── a client comes ┴── its first channel
//! ```
//!
//! Where no channel comes with a client, it goes on with the loop, as the first thread would.

use super::MainLoop;
use crate::Vm;
use crate::channel::Admitted;
use crate::session::Session;
use crate::threads::{self, Resume};
use cosmos_rpc::blocking::Opening;
use cosmos_rpc::{Fault, FaultCode};
use std::mem::replace;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError};

/// Who runs the loop, and what that means for a first channel.
pub(super) enum Lead<V: Vm> {
    /// The first thread, which serves none.
    First,
    /// The same, and another one may now.
    Offered,
    /// Another one, which is there for the first channel.
    Other,
    /// The same, and this is the one: of this client, whose main connection is not served yet.
    Met(Admitted<V>, Client<V>),
    /// The first thread has it again, and this client's main connection is to be served.
    Left(Client<V>),
}

/// A client that has come.
pub(super) struct Client<V: Vm> {
    pub session: Arc<Session<V>>,
    /// A copy of its main connection, to be watched.
    pub watched: UnixStream,
    /// That connection, on which it was greeted.
    pub main: Opening,
}

/// Where the loop is left for another thread, with what came of running it.
type Place<V> = Mutex<Option<(MainLoop<V>, Result<(), Fault>)>>;

/// Has another thread run the loop until a client comes with a first channel; gives it back then, or when it has
/// ended.
///
/// # Errors
/// What [`MainLoop::step`] gives.
pub(super) fn until_first_client<V: Vm>(mut main_loop: MainLoop<V>) -> Result<MainLoop<V>, Fault> {
    main_loop.lead = Lead::Other;
    let place = Arc::new(Mutex::new(Some((main_loop, Ok(())))));
    let there = Arc::clone(&place);
    let begin = |resume| threads::spawn("channel", move || lead(&there, resume));
    if let Err(fault) = threads::stand_by(begin) {
        tracing::warn!("{fault}");
    }
    let (mut main_loop, outcome) = take(&place).ok_or_else(|| {
        Fault::vm(
            FaultCode::System,
            "the thread that waited for a client has ended",
        )
    })?;
    outcome?;
    // Where there is none, it has ended, or never was another's.
    if let Lead::Left(client) = replace(&mut main_loop.lead, Lead::First)
        && let Err(fault) = main_loop.serve(client)
    {
        tracing::warn!("a client was turned away: {fault}");
    }
    // What came with the client has left the socket.
    main_loop.listen();
    Ok(main_loop)
}

fn lead<V: Vm>(place: &Place<V>, resume: Resume) {
    let Some((mut main_loop, _)) = take(place) else {
        return;
    };
    let outcome = main_loop.until_met();
    let mut channel = None;
    main_loop.lead = match replace(&mut main_loop.lead, Lead::First) {
        Lead::Met(met, client) => {
            channel = Some(met);
            Lead::Left(client)
        }
        other => other,
    };
    *place.lock().unwrap_or_else(PoisonError::into_inner) = Some((main_loop, outcome));
    drop(resume);
    if let Some(channel) = channel {
        channel.serve();
    }
}

fn take<V: Vm>(place: &Place<V>) -> Option<(MainLoop<V>, Result<(), Fault>)> {
    place.lock().unwrap_or_else(PoisonError::into_inner).take()
}

impl<V: Vm> MainLoop<V> {
    fn until_met(&mut self) -> Result<(), Fault> {
        while self.needed() && !self.has_met() {
            self.step()?;
        }
        Ok(())
    }

    /// Whether the first client has come, for whom this thread leaves the loop.
    pub(super) fn has_met(&self) -> bool {
        matches!(self.lead, Lead::Met(..))
    }
}
