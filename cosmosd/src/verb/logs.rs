//! `Logs`: what a VM wrote, waiting a while for more of it.

use crate::{coordinator::unknown, session::Session, vm::State};
use cosmos_rpc::{
    Fault,
    message::{
        coordinator::Logs,
        log::{Beginning, LogPage},
    },
};
use std::{rc::Rc, time::Duration};
use tokio::{
    task::yield_now,
    time::{Instant, timeout_at},
};

/// Longest wait in milliseconds.
const PATIENCE: u32 = 10_000;

pub(super) async fn answer(session: Rc<Session>, request: Logs) -> Result<LogPage, Fault> {
    let coordinator = &session.coordinator;
    let name = request.name.strip_prefix("vm/").unwrap_or(&request.name);
    let vm = coordinator
        .find(name)
        .or_else(|| coordinator.logs.find(name));
    let vm = vm.filter(|vm| vm.owner.get().is_visible_to(&session.client));
    let vm = vm.ok_or_else(|| unknown(&request.name))?;
    let patience = Duration::from_millis(request.patience.min(PATIENCE).into());
    let deadline = Instant::now() + patience;
    let mut life = vm.life.clone();
    // What the VM wrote before the question was asked is in its pipe, if not in its log: whoever reads
    // that has a turn first.
    yield_now().await;
    loop {
        // Before the page is made: what is written after that is seen by the next one.
        let changed = vm.log.changed();
        let is_gone = life.borrow_and_update().state == State::Gone;
        let whole = request.whole && !is_gone;
        let page = match request.from {
            Beginning::Last(lines) => {
                let lines = usize::try_from(lines).unwrap_or(usize::MAX);
                vm.log.last(lines, whole)
            }
            Beginning::After { log, position } => vm.log.page(log, position, whole),
        };
        if !page.lines.is_empty() || is_gone {
            let ended = is_gone && page.next >= vm.log.end();
            return Ok(LogPage { ended, ..page });
        }
        let more = async {
            tokio::select! {
                () = changed => {}
                _ = life.changed() => {}
            }
        };
        if timeout_at(deadline, more).await.is_err() {
            return Ok(page);
        }
    }
}
