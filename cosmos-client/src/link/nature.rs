//! What is known of a VM when it is opened, and stays so.

use crate::coordinator::Coordinator;
use cosmos_rpc::ring;
use std::sync::Arc;

/// Whose VM it is.
#[derive(Clone, Debug)]
pub(crate) struct Nature {
    /// Other processes use it too: it is never killed from here.
    pub(crate) shared: bool,
    /// The connection to cosmosd that it was opened by; `None` where cosmosd does not run it.
    /// Over another one to another machine its name may mean another VM.
    pub(crate) epoch: Option<u64>,
    /// The cosmosd of its machine.
    pub(crate) coordinator: Arc<Coordinator>,
    /// It may wait, unused, for the next open.
    pub(crate) reusable: bool,
    /// The largest request or answer of a call.
    pub(crate) message_bytes: u32,
    /// How calls go through shared memory; `None` where they do not.
    pub(crate) ring: Option<ring::Settings>,
}
