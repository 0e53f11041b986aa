//! `KeepReport`: what is left of a program that crashed, from the client that ran it.
//!
//! The client is trusted, and could write into the directory itself; what it passes on was made of the
//! program's memory and is bounded like everything of the kind.

use crate::{coordinator::unknown, crash::Program, session::Session};
use cosmos_rpc::{
    Fault, FaultCode,
    message::{coordinator::KeepReport, crash::Crash},
};
use std::rc::Rc;

pub(super) async fn answer(
    session: Rc<Session>,
    request: KeepReport,
) -> Result<Option<Crash>, Fault> {
    let coordinator = &session.coordinator;
    let vm = coordinator.find(&request.name);
    let vm = vm.filter(|vm| vm.owner.get().admits(&session.client));
    let vm = vm.ok_or_else(|| unknown(&request.name))?;
    let configured = coordinator.configured();
    let mut profiles = configured.profiles.iter();
    if !profiles.any(|profile| profile.kind == vm.kind && profile.programs) {
        let message = format!("a VM of kind {} runs no programs", vm.kind);
        return Err(Fault::caller(FaultCode::Unsupported, message));
    }
    let denials = vm.denials().await;
    let program = Program {
        request,
        client: session.client.identity.pid,
        denials,
    };
    Ok(configured.keeper.keep_program(&vm, program).await)
}
