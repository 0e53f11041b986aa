//! What a function printed, which is not this command's standard output: a VM's is its log.

use super::logs::plain;
use crate::report::say;
use cosmos::{Host, Library};
use cosmos_rpc::message::log::{Beginning, LogLine, Writer};

/// How far the log of a VM was shown.
#[derive(Default)]
pub(super) struct Written {
    log: u64,
    position: u64,
}

impl Written {
    /// Says on standard error what the VM of a library has printed since the last time. Where nobody can
    /// tell, nothing is said: the call is done, and has not failed.
    pub fn note(&mut self, library: &Library) {
        let Ok(host) = library.host().parse::<Host>() else {
            return;
        };
        let from = Beginning::After {
            log: self.log,
            position: self.position,
        };
        let Ok(page) = cosmos::queries::logs_of(&host, library.vm(), from, 0, false) else {
            return;
        };
        (self.log, self.position) = (page.log, page.next);
        let by_vm = |line: &&LogLine| matches!(line.by, Writer::Vm);
        for line in page.lines.iter().filter(by_vm) {
            say(&format!(
                "note: {} wrote: {}",
                library.vm(),
                plain(&line.text)
            ));
        }
    }
}
