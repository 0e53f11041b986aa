//! What is asked and told of requests that are followed across processes.
//!
//! Who follows is the program: it asks cosmosd, and each VM, what became of the requests that it made of
//! them, and puts all of it together. Nobody else keeps anything, and nothing is said of a request that
//! nobody follows.
//!
//! Times are nanoseconds of CLOCK_MONOTONIC of the machine that tells them.

use super::Message;
use crate::FaultCode;
use serde::{Deserialize, Serialize};

/// The minor version of the protocol from which on these are known.
pub const SINCE: u16 = 6;

/// To cosmosd: the next request on this connection is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Follow {
    /// The trace's id, the half that is written first in front; cosmosd names it in its logs.
    pub trace: [u64; 2],
}

impl Message for Follow {
    const KIND: u16 = 0x0216;
    type Reply = ();
}

/// To cosmosd: what came of the request that was followed last, in steps. Told once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Followed;

impl Message for Followed {
    const KIND: u16 = 0x0217;
    type Reply = Vec<Span>;
}

/// To a VM: when did you answer this request of this channel, the last one that was none of this kind?
/// From the first one on, whose `request` is 0, the VM notes that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recall {
    /// The request's id.
    pub request: u64,
}

/// What a VM did for a request, by its word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recalled {
    /// When it began.
    pub begin: u64,
    /// How many nanoseconds it took.
    pub took: u64,
    /// By what it failed.
    pub failure: Option<FaultCode>,
}

impl Message for Recall {
    const KIND: u16 = 0x030b;
    type Reply = Option<Recalled>;
}

/// Notice from a launcher that was told to follow its start, before it answers: the steps of that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Steps {
    /// The steps.
    pub spans: Vec<Span>,
}

impl Message for Steps {
    const KIND: u16 = 0x0410;
    type Reply = ();
}

/// A step of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Whose step it is.
    pub by: Teller,
    /// The pid of that process, on its machine.
    pub pid: i32,
    /// What the step is.
    pub name: String,
    /// Of what: a target, a VM; or nothing.
    pub what: String,
    /// The place, in the list, of the step that this is a part of; one that comes before it.
    pub parent: Option<u32>,
    /// When it began.
    pub begin: u64,
    /// How many nanoseconds it took.
    pub took: u64,
    /// Why it failed; empty: it did not.
    pub fault: String,
}

/// Whose step it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Teller {
    /// cosmosd.
    Coordinator,
    /// cosmos-launch.
    Launcher,
}
