//! `Autopsy`: how a VM ended, waiting for its end a while.

use crate::{coordinator::unknown, session::Session};
use cosmos_rpc::{
    Fault,
    message::coordinator::{Autopsy, Ending},
};
use std::{rc::Rc, time::Duration};

/// Longest wait in milliseconds.
const PATIENCE: u32 = 10_000;

pub(super) async fn answer(session: Rc<Session>, request: Autopsy) -> Result<Ending, Fault> {
    let vm = session.coordinator.find(&request.name);
    let vm = vm.filter(|vm| vm.owner.get().is_visible_to(&session.client));
    let vm = vm.ok_or_else(|| unknown(&request.name))?;
    let patience = Duration::from_millis(request.patience.min(PATIENCE).into());
    Ok(vm.ended(patience).await)
}
