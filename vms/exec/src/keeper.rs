//! A keeper: a process of one thread that runs one program at a time and reaps all that comes of it.
//!
//! ```text
//!           Order                 spawned                        it ends, its time is over, its
//!  Resting ────────▶ Starting ─────────────▶ Running ──────────▶ client or the VM lets go ─▶ Ending
//!     ▲                 │ not started                                                          │
//!     └─────────────────┴──────────────── Outcome ◀───────── nothing is left below it ◀────────┘
//! ```
//!
//! It traces the program, to look at it when it crashes; see [`cosmos_autopsy`].
//!
//! The VM is at the other end of the keeper's standard input. When that ends, in any state, the keeper
//! ends what runs and then itself.

mod child;
mod serve;
mod tree;
mod walls;
mod watch;

pub use serve::keep;
pub(crate) use tree::end_strays;

use cosmos_rpc::message::Message;
use cosmos_rpc::message::confine::Confine;
use cosmos_rpc::message::vm::ProgramEnd;
use cosmos_rpc::{Fault, FaultCode};
use cosmos_vm_core::pins;
use serde::{Deserialize, Serialize};
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

/// Run this program. Its descriptors are the streams, where `steered` the steering socket, where it has
/// walls the way to the launcher, and where it is a `script` that is pinned, that.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Order {
    pub program: Vec<u8>,
    pub arguments: Vec<Vec<u8>>,
    pub environment: Vec<Vec<u8>>,
    pub directory: Vec<u8>,
    pub umask: u32,
    pub timeout: Option<Duration>,
    pub terminal: bool,
    pub steered: bool,
    /// It is not looked at when it crashes.
    pub untraced: bool,
    /// Which of its streams it has closed.
    pub closed: [bool; 3],
    /// The SHA-256 of what may be executed, where that is fixed.
    pub pin: Option<String>,
    /// Its last descriptor is what is executed in place of the file of that name.
    pub script: bool,
    /// All that it may use, where there are walls around it.
    pub walls: Option<Confine>,
}

/// What came of an order.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Outcome {
    Ended(ProgramEnd),
    /// The step of the child that failed, and why.
    NotStarted {
        step: Step,
        errno: i32,
    },
    /// Its walls cannot be made.
    NotConfined(String),
}

impl Message for Order {
    const KIND: u16 = 0x0501;
    const DESCRIPTORS: (u16, u16) = (3, 6);
    type Reply = Outcome;
}

/// What a child does before it is the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Step {
    Clone,
    Parent,
    Session,
    Terminal,
    Streams,
    Directory,
    Signals,
    Walls,
    Execute,
    /// What was executed is what it was pinned to.
    Pin,
}

/// Why a program was not started, for its client.
pub(crate) fn refusal(program: &Path, directory: &[u8], step: Step, errno: i32) -> Fault {
    let shown = program.display();
    let why = io::Error::from_raw_os_error(errno);
    let caller = |code, message| Fault::caller(code, message);
    match (step, errno) {
        (Step::Execute, libc::ENOENT) if program.exists() => caller(
            FaultCode::NotLoadable,
            format!("{shown} cannot be run: its interpreter or loader is not there"),
        ),
        (Step::Execute, libc::ENOENT | libc::ENOTDIR) => caller(
            FaultCode::NoSuchTarget,
            format!("there is no program {shown}"),
        ),
        (Step::Execute, libc::ENOEXEC) => caller(
            FaultCode::NotLoadable,
            format!("{shown} cannot be run: it is of no format that the kernel knows"),
        ),
        (Step::Execute, libc::E2BIG) => caller(
            FaultCode::TooLarge,
            format!("{shown} cannot be run: its arguments and environment are too long"),
        ),
        (Step::Execute, libc::EACCES) => caller(
            FaultCode::NotLoadable,
            format!(
                "{shown} cannot be run: {why} (for it, or for an interpreter that it does not name \
                 in its file, where programs are confined)"
            ),
        ),
        (Step::Clone, libc::EAGAIN) => caller(
            FaultCode::LimitReached,
            format!(
                "{shown} was not started: there are as many processes as may be (limits.processes)"
            ),
        ),
        (Step::Execute, _) => caller(
            FaultCode::NotLoadable,
            format!("{shown} cannot be run: {why}"),
        ),
        (Step::Pin, libc::EKEYREJECTED) => pins::refusal(program),
        (Step::Directory, libc::ENOENT) => caller(
            FaultCode::BadArgument,
            format!(
                "{shown} cannot be run: its working directory {}: {why} (in namespaces there is only what \
                 `--ro` and `--rw` grant; `--cwd /` always is)",
                Path::new(OsStr::from_bytes(directory)).display()
            ),
        ),
        (Step::Directory, _) => caller(
            FaultCode::BadArgument,
            format!(
                "{shown} cannot be run: its working directory {}: {why}",
                Path::new(OsStr::from_bytes(directory)).display()
            ),
        ),
        (Step::Terminal, _) => caller(
            FaultCode::BadArgument,
            format!("{shown} cannot be run: its standard input as its terminal: {why}"),
        ),
        (step, _) => Fault::host(
            FaultCode::LaunchFailed,
            format!("{shown} was not started: {step:?}: {why}"),
        ),
    }
}
