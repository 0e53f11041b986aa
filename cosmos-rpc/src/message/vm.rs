//! What every VM answers, on each of its channels.
//!
//! A client has one main connection to a VM, by which it owns it, and one further channel per
//! client thread, made by [`Attach`]. Every channel answers every verb; each is served by a VM
//! thread of its own, so calls of several client threads run in parallel and nested calls of one
//! thread stay on one VM thread. The VM itself makes one request, [`CALLBACK`].

pub use super::follow::Recall;

use super::Message;
use super::crash::{Casualty, Fallen};
use crate::steering::Window;
use callframe::DataModel;
use serde::{Deserialize, Serialize};

/// Serve one more channel; the descriptor is its VM end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attach;

impl Message for Attach {
    const KIND: u16 = 0x0301;
    const DESCRIPTORS: (u16, u16) = (1, 1);
    type Reply = ();
}

/// `open`: load a target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Open {
    /// Absolute path, as cosmosd resolved it.
    pub target: String,
}

/// A token for an open object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ObjectToken(pub u64);

impl Message for Open {
    const KIND: u16 = 0x0302;
    type Reply = ObjectToken;
}

/// `sym`: resolve a function by its prototype string, once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sym {
    /// Where to look.
    pub object: ObjectToken,
    /// The prototype string, records first.
    pub prototype: String,
    /// The client's data model: what callbacks of the prototype are laid out by.
    pub model: DataModel,
}

/// A function that can be called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolved {
    /// Its id in [`CALL`] frames.
    pub runable: u64,
    /// The VM's data model.
    pub model: DataModel,
    /// `Template::encode` of the layout the VM derived; the client derives its own from its own
    /// parse under `model` and refuses the symbol where the two differ.
    pub template: Vec<u8>,
}

impl Message for Sym {
    const KIND: u16 = 0x0303;
    type Reply = Resolved;
}

/// `exec`: run a program to its end. VMs that run functions answer `Unsupported`.
///
/// Its descriptors are the program's standard input, output and error; then, where `steered`, one end
/// of a socket for [`steering`](crate::steering) it; then, where `has_manifest`, a file that says what
/// it may use; then, where `wants_report`, a file to write a report of it to. The program ends when the client lets go of the steering socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exec {
    /// The open object to run.
    pub object: ObjectToken,
    /// Its arguments, the name first.
    pub arguments: Vec<Vec<u8>>,
    /// Its whole environment, `NAME=value` each.
    pub environment: Vec<Vec<u8>>,
    /// Its working directory, an absolute path; empty for `/`.
    pub directory: Vec<u8>,
    /// Its file mode creation mask.
    pub umask: u32,
    /// Milliseconds after which it is killed with whatever it started; 0: never.
    pub timeout: u64,
    /// The size of the terminal that its standard input is, which is to be its controlling one.
    pub terminal: Option<Window>,
    /// A steering socket is attached.
    pub steered: bool,
    /// A manifest is attached.
    pub has_manifest: bool,
    /// A file for the report is attached.
    pub wants_report: bool,
    /// It is not to be looked at when it crashes.
    pub untraced: bool,
    /// Which of the three streams are not there: it has them closed, and what came in their places is
    /// nobody's.
    pub closed: [bool; 3],
}

/// How a program ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgramEnd {
    /// Its exit code; 0 where a signal ended it.
    pub code: i32,
    /// The signal that ended it, or 0.
    pub signal: i32,
    /// Whether its time was over.
    pub timed_out: bool,
    /// Microseconds of processor time that it and what it waited for spent in user mode.
    pub user: u64,
    /// Likewise in the kernel.
    pub system: u64,
    /// The most memory that it or one of those had resident, in bytes.
    pub peak: u64,
    /// The limit that it reached, where the kernel ended it for that.
    pub limit: Option<Reached>,
    /// What is left of it, where it crashed and somebody looked.
    pub fallen: Option<Box<Fallen>>,
}

/// A limit that a program reached, with what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reached {
    /// Of processor time.
    CpuSeconds(u64),
    /// Of the size of a file.
    FileBytes(u64),
}

impl std::fmt::Display for Reached {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Reached::CpuSeconds(most) => write!(formatter, "limits.cpu_seconds = {most}"),
            Reached::FileBytes(most) => write!(formatter, "limits.file_bytes = {most}"),
        }
    }
}

impl Exec {
    /// The minor version of the protocol from which on VMs know it.
    pub const SINCE: u16 = 2;
}

impl Message for Exec {
    const KIND: u16 = 0x0307;
    const DESCRIPTORS: (u16, u16) = (3, 6);
    type Reply = ProgramEnd;
}

/// `close`: let go of an object. Functions of it stay callable until the last call returns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Close {
    /// The object.
    pub object: ObjectToken,
}

impl Message for Close {
    const KIND: u16 = 0x0305;
    type Reply = ();
}

/// Carry the frames of this channel, which is at rest, through shared memory from the answer on; the
/// descriptor is a segment of the client's. See [`ring`](crate::ring) and
/// [`Connection::share`](crate::blocking::Connection::share). A VM that cannot answers `Unsupported`
/// or `LimitReached`, and the channel stays as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// How long the VM's thread may spin for a request, in microseconds.
    pub spin: u32,
    /// Whether it may sleep on the caller's CPU.
    pub colocate: bool,
}

impl Share {
    /// The minor version of the protocol from which on VMs know it.
    pub const SINCE: u16 = 1;
}

impl Message for Share {
    const KIND: u16 = 0x0306;
    const DESCRIPTORS: (u16, u16) = (1, 1);
    type Reply = ();
}

/// Have memory of the client's in view, for buffers of its calls; the descriptor is a segment of the
/// client's. See [`arena`](crate::arena). A VM that cannot answers `Unsupported` or `LimitReached`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Map {
    /// Number of the segment, which this client has given to none before.
    pub segment: u32,
    /// Where the client has it.
    pub address: u64,
    /// Whether it is for calls on this channel alone, and goes with it.
    pub passing: bool,
}

impl Map {
    /// The minor version of the protocol from which on VMs know it.
    pub const SINCE: u16 = 3;
}

/// Where the VM has it: at the client's address where that was free.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mapped {
    /// The address.
    pub address: u64,
}

impl Message for Map {
    const KIND: u16 = 0x0308;
    const DESCRIPTORS: (u16, u16) = (1, 1);
    type Reply = Mapped;
}

/// Let go of a segment: no call names it any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unmap {
    /// Its number.
    pub segment: u32,
}

impl Message for Unmap {
    const KIND: u16 = 0x0309;
    type Reply = ();
}

/// Ask what is left of the program that the call before on this channel ran, where it crashed
/// ([`ProgramDied`](crate::FaultCode::ProgramDied)). It is told once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fell;

impl Fell {
    /// The minor version of the protocol from which on VMs know it.
    pub const SINCE: u16 = 6;
}

impl Message for Fell {
    const KIND: u16 = 0x030a;
    type Reply = Option<Box<Casualty>>;
}

/// Kind of a `call` request. Its body is no codec struct but the runable's id, eight bytes
/// little-endian, followed by the call body that `callframe::marshal` wrote by the template; its
/// descriptors are those of the `__fd` values, at most [`CALL_DESCRIPTORS`]. The reply
/// (`CALL | REPLY`) is the reply body of `callframe::marshal`.
pub const CALL: u16 = 0x0310;
/// Most descriptors one call carries: what one SCM_RIGHTS message of Linux can.
pub const CALL_DESCRIPTORS: u16 = 253;

/// Kind of a call back: a request that the VM makes of the client while a [`CALL`] of that client
/// is under way on the same channel. Its body is the number of the client's function, eight bytes
/// little-endian, followed by the request body of `callframe::marshal` for the callback's frame,
/// the VM being the caller; the reply (`CALLBACK | REPLY`) is the reply body.
///
/// Until it has answered, the client may make requests on the channel, calls among them, which the
/// VM answers meanwhile: requests nest strictly, each end answers the innermost one first.
pub const CALLBACK: u16 = 0x0311;
/// Kind of a call back whose arguments are a few bytes: its body is a request of
/// [`callframe::marshal::Brief`], and so is that of its reply. Otherwise as [`CALLBACK`]; a VM may
/// send either where both are possible, and this to clients from [`BRIEF_CALLBACK_SINCE`] on.
pub const BRIEF_CALLBACK: u16 = 0x0313;
/// The minor version of the protocol from which on clients know it.
pub const BRIEF_CALLBACK_SINCE: u16 = 5;
/// Kind of a call of numbers and plain bytes: its body is the runable's id, eight bytes little-endian,
/// followed by a request of [`callframe::marshal::Compact`], and that of its reply is one as well.
/// Otherwise as [`CALL`]; a client may make either where both are possible, and this on channels that
/// share memory with VMs from [`COMPACT_CALL_SINCE`] on. A VM whose functions do not use memory of its
/// own process answers `Unsupported`, and has made no call.
pub const COMPACT_CALL: u16 = 0x0314;
/// The minor version of the protocol from which on VMs know it.
pub const COMPACT_CALL_SINCE: u16 = 6;
/// Most calls back that may be under way on one channel, one inside of another.
pub const CALLBACK_DEPTH: usize = 64;
