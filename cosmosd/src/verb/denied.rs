//! `Denied`: which system calls a VM was refused.

use crate::{coordinator::unknown, session::Session};
use cosmos_rpc::{
    Fault,
    message::{confine::Denial, coordinator::Denied},
};
use std::rc::Rc;

pub(super) async fn answer(session: Rc<Session>, request: Denied) -> Result<Vec<Denial>, Fault> {
    let vm = session.coordinator.find(&request.name);
    let vm = vm.filter(|vm| vm.owner.get().is_visible_to(&session.client));
    let vm = vm.ok_or_else(|| unknown(&request.name))?;
    Ok(vm.denials().await)
}
