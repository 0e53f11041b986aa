//! What cosmosd answers.

pub use super::budget::{Budget, BudgetRow};
pub use super::confine::{Denied, Levels};
pub use super::crash::{CrashList, CrashRead, CrashRemove, Crashed, KeepReport};
pub use super::follow::{Follow, Followed};
pub use super::log::Logs;
use super::{Message, confine::Grants};
use serde::{Deserialize, Serialize};

/// Give me a VM. Answered once it runs; reach it with the registry's `Connect` under `name`, or by the
/// connection that comes with the answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VmOpen {
    /// What it is for.
    pub purpose: Purpose,
    /// Empty: a VM of this client's own, the one it has where that fits. Otherwise the name of a
    /// VM that clients of the same uid share.
    pub shared_name: String,
    /// Ask for a new VM even where this client has one that fits.
    pub fresh: bool,
    /// Ask for a connection to it, should it be a new one of this client's own.
    pub connect: bool,
    /// Settings that tighten the configured ones, as `key=value` (see cosmos-config).
    pub settings: Vec<(String, String)>,
    /// What the VM is granted beside what is configured.
    pub grants: Grants,
}

/// What a VM is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Purpose {
    /// To open this target; cosmosd reads its requirements and picks the kind.
    Target(TargetName),
    /// A VM of this kind (`hostfn`).
    Kind(String),
    /// The running VM of this name (`hostfn-3`, or a shared name).
    Running(String),
    /// To run this program; cosmosd picks among the kinds that run programs.
    Program(TargetName),
}

/// A target as the client named it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetName {
    /// A bare name (`libz.so.1`), searched for, or a path.
    pub name: String,
    /// The client's working directory, against which a relative path resolves.
    pub directory: String,
}

/// A VM that runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VmOpened {
    /// Its registry name, `vm/hostfn-3`.
    pub name: String,
    /// Its kind, `hostfn`.
    pub kind: String,
    /// The host it runs on; `local` for this one.
    pub host: String,
    /// The absolute path of the target, where the purpose was one; the VM opens exactly this.
    pub target: String,
    /// The isolation level it really has.
    pub isolation: String,
}

impl Message for VmOpen {
    const KIND: u16 = 0x0201;
    const REPLY_DESCRIPTORS: (u16, u16) = (0, 1);
    type Reply = VmOpened;
}

/// As [`VmOpen`], and `connect`, but nobody waits for a VM that comes with a connection: it is only being
/// started then. It says its handshake on that connection when it serves, having given up whatever it has to,
/// and reads nothing there before. Where it never does, [`VmReady`] tells why. Behind the connection comes a
/// first channel, which the VM has with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VmBegin(pub VmOpen);

impl VmBegin {
    /// Minor version from which on it is known, and [`VmReady`].
    pub const SINCE: u16 = 7;
}

impl Message for VmBegin {
    const KIND: u16 = 0x0208;
    const REPLY_DESCRIPTORS: (u16, u16) = (0, 2);
    type Reply = VmOpened;
}

/// Notice of cosmosd to a client: the next request like this one will probably be answered by this VM, which waits
/// and has given up whatever that leaves it. A connection to it and a first channel are attached. Who asks again may
/// speak on them before the answer is there; the VM is the client's where the answer names it, and comes without
/// descriptors then. Otherwise they are to be closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VmAhead {
    /// The request.
    pub request: VmOpen,
    /// What the answer will be.
    pub opened: VmOpened,
}

impl VmAhead {
    /// Minor version from which on clients are told.
    pub const SINCE: u16 = 8;
}

impl Message for VmAhead {
    const KIND: u16 = 0x020a;
    const DESCRIPTORS: (u16, u16) = (2, 2);
    type Reply = ();
}

/// Answered once this VM of mine serves; where it never does, with the fault that [`VmOpen`] would have
/// brought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VmReady {
    /// Its registry name.
    pub name: String,
}

impl Message for VmReady {
    const KIND: u16 = 0x0209;
    type Reply = ();
}

/// End a VM of mine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VmClose {
    /// Its registry name.
    pub name: String,
    /// End it at once by SIGKILL rather than asking it.
    pub kill: bool,
}

impl Message for VmClose {
    const KIND: u16 = 0x0202;
    type Reply = ();
}

/// Which VMs could run a target, and why the others cannot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Which {
    /// The target.
    pub target: TargetName,
}

/// The answer to [`Which`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placement {
    /// Absolute path the name resolved to.
    pub path: String,
    /// What the target needs, one `(property, value)` a row, in the order to show them.
    pub requirements: Vec<(String, String)>,
    /// The kinds considered, the chosen one first.
    pub candidates: Vec<Candidate>,
}

/// A VM kind considered for a target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// The kind.
    pub kind: String,
    /// The host.
    pub host: String,
    /// The rules that refused it, in words; empty: it can run the target.
    pub refused: Vec<String>,
}

impl Message for Which {
    const KIND: u16 = 0x0203;
    type Reply = Placement;
}

/// The VMs this peer may see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListVms;

/// A row of `cosmos ls`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VmRow {
    /// Name without the `vm/`.
    pub name: String,
    /// Kind.
    pub kind: String,
    /// Targets opened in it, as cosmosd was asked for them.
    pub targets: Vec<String>,
    /// Host.
    pub host: String,
    /// State of DESIGN: `starting`, `ready`, `poisoned`, `gone`.
    pub state: String,
    /// Its isolation level.
    pub isolation: String,
    /// Pid on its host, for people.
    pub pid: i32,
    /// Resident memory in bytes.
    pub resident: u64,
    /// Milliseconds since it became ready, or since it ended.
    pub age: u64,
    /// How it ended, where it did.
    pub ending: String,
}

impl Message for ListVms {
    const KIND: u16 = 0x0204;
    type Reply = Vec<VmRow>;
}

/// How did this VM end? Waits up to `patience` milliseconds for it to end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Autopsy {
    /// Its registry name.
    pub name: String,
    /// Milliseconds to wait, at most 10,000.
    pub patience: u32,
}

/// How a VM ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ending {
    /// It still runs.
    Running,
    /// It ended by itself with this exit status.
    Exited(i32),
    /// A signal ended it.
    Killed {
        /// The signal's number.
        signal: i32,
        /// Whether cosmosd asked for it (close, limit, timeout).
        requested: bool,
    },
    /// It ended, and nobody saw how.
    Unknown,
    /// It reached a limit and was ended for that.
    OverLimit {
        /// The configuration's key, `limits.cpu_seconds`.
        limit: String,
        /// The limit.
        most: u64,
    },
}

impl Message for Autopsy {
    const KIND: u16 = 0x0205;
    type Reply = Ending;
}
