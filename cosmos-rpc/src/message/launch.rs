//! Between cosmosd, the launcher and the VM it starts.
//!
//! cosmosd spawns `cosmos-launch` with standard input as a socket on which it sends [`Start`] with
//! the VM's end of its control socket. The launcher confines and starts the VM, answers, and stays
//! as its parent; when the VM ends it sends [`Ended`] and exits. On the control socket cosmosd
//! sends the VM its clients ([`Accept`]).

use super::{Message, coordinator::Ending, registry::Identity};
use serde::{Deserialize, Serialize};

/// Start this VM. Carries the VM's end of the control socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// Absolute path of the VM executable.
    pub program: String,
    /// Its arguments after the program name.
    pub arguments: Vec<String>,
    /// Its whole environment.
    pub environment: Vec<(String, String)>,
    /// Resource limits: `(RLIMIT_* number, soft and hard limit)`.
    pub limits: Vec<(u32, u64)>,
}

/// What the launcher started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    /// Pid of the VM, for people.
    pub pid: i32,
}

impl Message for Start {
    const KIND: u16 = 0x0401;
    const DESCRIPTORS: (u16, u16) = (1, 1);
    type Reply = Started;
}

/// Notice from the launcher: the VM ended. No reply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// How.
    pub ending: Ending,
}

impl Message for Ended {
    const KIND: u16 = 0x0402;
    type Reply = ();
}

/// Ask the launcher to kill the VM with SIGKILL, through its pidfd. No reply; [`Ended`] follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kill;

impl Message for Kill {
    const KIND: u16 = 0x0403;
    type Reply = ();
}

/// Notice from cosmosd to a VM, on its control socket: serve this client, whose connection is
/// attached. No reply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accept {
    /// Who it is.
    pub client: Identity,
}

impl Message for Accept {
    const KIND: u16 = 0x0404;
    const DESCRIPTORS: (u16, u16) = (1, 1);
    type Reply = ();
}

/// First notice of a VM on its control socket: it serves. cosmosd turns it from starting to ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ready;

impl Message for Ready {
    const KIND: u16 = 0x0405;
    type Reply = ();
}

/// Notice of a VM on its control socket: how many client connections it has now, sent at each
/// change, so that cosmosd can retire a shared VM nobody uses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clients {
    /// Open client connections (not counting attached channels).
    pub count: u32,
}

impl Message for Clients {
    const KIND: u16 = 0x0406;
    type Reply = ();
}
