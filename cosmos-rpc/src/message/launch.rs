//! Between cosmosd, the launcher and the VM it starts.
//!
//! cosmosd spawns `cosmos-launch` with standard input as a socket on which it sends [`Start`] with
//! the VM's end of its control socket. The launcher confines and starts the VM, answers, and stays
//! as its parent; when the VM ends it sends [`Ended`] and exits. On the control socket cosmosd
//! sends the VM its clients ([`Accept`]).

pub use super::confine::{Confine, Confined, Denials};
pub use super::follow::Steps;
use super::{Message, confine::Denial, coordinator::Ending, crash::Remains, registry::Identity};
use serde::{Deserialize, Serialize};

/// Start this VM. Carries the VM's end of the control socket, and the reading end of the pipe that the
/// launcher and the VM write to.
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
    /// What is bounded otherwise.
    pub bounds: Bounds,
    /// What it gives up besides, and who.
    pub walls: Walls,
    /// All that it shall see of the machine; `None`: what there is.
    pub view: Option<View>,
    /// Whether it is looked into when a signal kills it.
    pub traced: bool,
    /// Where the registry listens, should another cosmosd have to be found; an absolute path.
    pub registry: String,
    /// Bytes it may write to its standard output and error while no cosmosd is there to count them.
    pub output_bytes: Option<u64>,
}

/// Around what there are walls. Where there are some, the VM gives up capabilities (but for sessions) and
/// signals to others before it is executed, and has the descriptor [`CONFINING`] as its way to the launcher.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Walls {
    /// None.
    #[default]
    None,
    /// The VM's process, which gives up system calls in two stages: the second is its own business.
    Vm,
    /// Each program that the VM starts, which itself runs no code but its own. For each it sends a byte
    /// with the listener of the program's filter.
    Programs,
    /// Each session that the VM starts, which leaves root by itself: for that it keeps capabilities. Its
    /// guest's own filter tells nobody.
    Sessions,
}

/// The descriptor on which a VM sends its launcher a byte with the listener of its filter: what it asks
/// from then on and may not is told there. So does each program, where the walls are around those.
pub const CONFINING: i32 = 4;

/// Bounds that are no resource limits; 0: none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bounds {
    /// Seconds that the VM may run.
    pub wall_seconds: u64,
    /// Bytes of memory that it may use in all, where a control group can be had.
    pub memory_bytes: u64,
    /// Processes and threads, where a control group can be had.
    pub processes: u64,
}

/// Namespaces of the VM's own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// Absolute paths to be read; what is not there is passed over.
    pub read: Vec<String>,
    /// Absolute paths to be read and changed.
    pub write: Vec<String>,
    /// Whether the network is this machine's rather than an empty one.
    pub network: bool,
    /// Whether it sees its own processes, in `/proc`.
    pub processes: bool,
}

/// What the launcher started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    /// Pid of the VM, for people.
    pub pid: i32,
    /// Whether a control group bounds its memory.
    pub memory_bounded: bool,
    /// Whether a control group bounds its processes.
    pub processes_bounded: bool,
}

impl Message for Start {
    const KIND: u16 = 0x0401;
    const DESCRIPTORS: (u16, u16) = (2, 2);
    type Reply = Started;
}

/// Notice from the launcher: the VM ended. No reply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// How.
    pub ending: Ending,
    /// What it was refused while it ran.
    pub denials: Vec<Denial>,
    /// What was left of it, where it crashed.
    pub remains: Option<Remains>,
}

impl Message for Ended {
    const KIND: u16 = 0x0402;
    type Reply = ();
}

/// Notice from cosmosd to the launcher: what the next cosmosd has to know of the VM, should this one be
/// killed. Carries cosmosd's end of the VM's control socket where the launcher has another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remember {
    /// Only a cosmosd reads it. Empty: no other cosmosd is to have the VM.
    pub record: Vec<u8>,
    /// Whether the VM is nobody's yet: then it is of no use to anybody without a cosmosd.
    pub is_waiting: bool,
    /// How many bytes the VM has written until now.
    pub written: u64,
}

impl Message for Remember {
    const KIND: u16 = 0x040b;
    const DESCRIPTORS: (u16, u16) = (0, 1);
    type Reply = ();
}

/// From a launcher to a cosmosd that it found after its own was gone: have this VM. Carries cosmosd's end
/// of the VM's control socket and the reading end of what it writes. A fault that blames the caller means
/// that nobody is to have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Return {
    /// As [`Remember`] had it.
    pub record: Vec<u8>,
    /// What the launcher answered when it had started the VM.
    pub started: Started,
    /// The last that it wrote while nobody else read it.
    pub output: Vec<u8>,
    /// How many bytes it has written, as far as that was told.
    pub written: u64,
}

impl Message for Return {
    const KIND: u16 = 0x040c;
    const DESCRIPTORS: (u16, u16) = (2, 2);
    type Reply = ();
}

/// Notice from cosmosd to a VM, on its control socket: what is attached is its control socket from now
/// on. The VM shakes hands there, and says [`Ready`] and [`Clients`] again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Renew;

impl Message for Renew {
    const KIND: u16 = 0x040d;
    const DESCRIPTORS: (u16, u16) = (1, 1);
    type Reply = ();
}

/// Notice from cosmosd to a VM, on its control socket: begin no call any more, and end when those that
/// are under way have ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drain;

impl Message for Drain {
    const KIND: u16 = 0x040e;
    type Reply = ();
}

/// Notice from cosmosd to a VM, on its control socket and before any client: count what is asked for in
/// the memory that is attached, see [`tally`](crate::tally).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count;

impl Count {
    /// The minor version of the protocol from which on VMs know it.
    pub const SINCE: u16 = 4;
}

impl Message for Count {
    const KIND: u16 = 0x040f;
    const DESCRIPTORS: (u16, u16) = (1, 1);
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
/// attached, and its first channel where that is, too. No reply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accept {
    /// Who it is.
    pub client: Identity,
}

impl Accept {
    /// The minor version of the protocol from which on VMs take a channel with it.
    pub const CHANNEL_SINCE: u16 = 7;
}

impl Message for Accept {
    const KIND: u16 = 0x0404;
    const DESCRIPTORS: (u16, u16) = (1, 2);
    type Reply = ();
}

/// Notice from cosmosd to a VM of one client, on its control socket: who speaks on these, a connection and a first
/// channel where that is there, is its client, as if [`Accept`] had brought them then. Where they are closed
/// before anything is said on them, nobody came. Those that come later take the place of those on which nothing
/// was said; where something was, or the VM has a client, they are closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expect;

impl Expect {
    /// Minor version from which on it is known.
    pub const SINCE: u16 = 8;
}

impl Message for Expect {
    const KIND: u16 = 0x0411;
    const DESCRIPTORS: (u16, u16) = (1, 2);
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
