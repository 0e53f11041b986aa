//! What VMs wrote to their standard output and error, as cosmosd keeps it.

use super::Message;
use serde::{Deserialize, Serialize};

/// What did this VM write? Answered at once where there is something, else when there is, at most
/// `patience` milliseconds later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Logs {
    /// Its registry name, with or without `vm/`. It may have ended.
    pub name: String,
    /// From where on.
    pub from: Beginning,
    /// Milliseconds to wait where there is nothing, at most 10,000.
    pub patience: u32,
    /// Nothing of a line that may still go on, unless the VM has ended.
    pub whole: bool,
}

/// Where to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Beginning {
    /// So many lines before the end of what there is.
    Last(u32),
    /// Where a page before ended.
    After {
        /// That page's `log`.
        log: u64,
        /// That page's `next`.
        position: u64,
    },
}

/// Part of what a VM wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogPage {
    /// Which log it is: another one where cosmosd was restarted.
    pub log: u64,
    /// The oldest first.
    pub lines: Vec<LogLine>,
    /// Where the next page begins.
    pub next: u64,
    /// Bytes before the first line that are not kept any more and that no page before had.
    pub lost: u64,
    /// Whether the VM has ended, and this is all to its end.
    pub ended: bool,
}

/// A line, or a part of one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// When its beginning was read, in milliseconds since 1970.
    pub time: u64,
    /// Whose words they are.
    pub by: Writer,
    /// Without the newline. Of a VM: any bytes.
    pub text: Vec<u8>,
    /// Whether the line goes on where this ends.
    pub cut: bool,
}

/// Who wrote a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Writer {
    /// The VM, or its launcher.
    Vm,
    /// cosmosd, about the VM.
    Coordinator,
}

impl Message for Logs {
    const KIND: u16 = 0x0212;
    type Reply = LogPage;
}
