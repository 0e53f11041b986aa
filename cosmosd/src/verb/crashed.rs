//! `Crashed`: what is kept of a VM that crashed; and the client's word for what it had called there.

use crate::{coordinator::unknown, session::Session};
use cosmos_rpc::{
    Fault,
    message::{coordinator::Crashed, crash::Crash},
};
use std::rc::Rc;

pub(super) async fn answer(session: Rc<Session>, request: Crashed) -> Result<Option<Crash>, Fault> {
    let vm = session.coordinator.find(&request.name);
    let vm = vm.filter(|vm| vm.owner.get().is_visible_to(&session.client));
    let vm = vm.ok_or_else(|| unknown(&request.name))?;
    let crash = vm.life.borrow().crash.clone();
    // Only who could have called it says what was called.
    if let Some(crash) = &crash
        && vm.owner.get().admits(&session.client)
        && !request.call.is_empty()
    {
        let client = session.client.identity.pid;
        let configured = session.coordinator.configured();
        configured
            .keeper
            .note(&crash.id, client, request.call)
            .await;
    }
    Ok(crash)
}
