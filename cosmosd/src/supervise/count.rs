//! Having a VM count, where somebody may ask.

use super::Supervisor;
use cosmos_rpc::message::launch::Count;

impl Supervisor {
    /// Gives it memory to count in; before anything else, so that it counts from the first request on.
    pub(super) fn have_counted(&mut self) {
        let Some(control) = &mut self.control else {
            return;
        };
        if control.peer().minor >= Count::SINCE
            && let Some(memory) = self.about.vm.ledger.open()
        {
            // A connection that takes nothing is found out by whoever needs it.
            let _ = control.writer.queue_notice(&Count, vec![memory]);
        }
    }
}
