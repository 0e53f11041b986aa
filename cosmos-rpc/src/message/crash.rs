//! What is left of a VM that a signal killed: from the launcher, which looked, to cosmosd, which keeps
//! it; and from there to the client whose call it was. Of a program it is the VM that looked; its
//! client, who knows what it had asked for and may have what the program wrote, gives it to cosmosd.
//!
//! All of it is made of the VM's memory and of files that it may have written: bounded, shown, and
//! believed in nothing.

use super::Message;
use serde::{Deserialize, Serialize};

/// Most frames of a backtrace.
pub const MAXIMUM_FRAMES: usize = 64;
/// Most bytes of a name in a frame.
pub const MAXIMUM_NAME: usize = 512;
/// Most bytes of what a client says it had called.
pub const MAXIMUM_CALL: usize = 512;

/// What was found when a signal was about to kill a VM or a program.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remains {
    /// The signal's number.
    pub signal: i32,
    /// The kernel's word for what raised it, `si_code`.
    pub code: i32,
    /// The address that could not be used, where the signal tells one.
    pub address: Option<u64>,
    /// The process that sent it, where one did; 0: itself.
    pub sender: Option<i32>,
    /// The number of the thread it came to.
    pub thread: i32,
    /// Whether that was the first one.
    pub is_first_thread: bool,
    /// The registers of that thread.
    pub registers: Vec<(String, u64)>,
    /// The program that the VM is, as frames name it; empty where its own frames matter.
    pub program: String,
    /// Its calls, the innermost first.
    pub frames: Vec<Frame>,
    /// What the VM used, in the order to show it.
    pub usage: Vec<(String, u64)>,
    /// Why there is not more; empty: there is.
    pub missing: String,
}

/// A call on a stack.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    /// Where it is: the next instruction, or the one that failed.
    pub address: u64,
    /// The file that is mapped there; empty: none.
    pub module: String,
    /// The address as that file counts.
    pub offset: u64,
    /// The function; empty: no name is known.
    pub function: String,
    /// Bytes from the function's beginning.
    pub within: u64,
    /// The source file; empty: not known.
    pub file: String,
    /// The line in it; 0: not known.
    pub line: u32,
    /// Whether it is part of the next frame's code.
    pub inlined: bool,
}

/// Ask cosmosd what is kept of a VM that died, and have it note what this client had called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Crashed {
    /// Its registry name.
    pub name: String,
    /// The call that was under way, in words; empty: none.
    pub call: String,
}

/// What is left of a program that a signal killed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fallen {
    /// Its pid, for people.
    pub pid: i32,
    /// What was found.
    pub remains: Remains,
}

/// A program that was called as a function, and crashed: its VM ran it, and knows more than its client.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Casualty {
    /// The program.
    pub program: String,
    /// Its command line.
    pub arguments: Vec<Vec<u8>>,
    /// The last that it wrote to its standard error, where a parameter took that.
    pub stderr: Vec<u8>,
    /// Milliseconds that it ran.
    pub age: u64,
    /// What is left of it.
    pub fallen: Fallen,
}

/// Ask cosmosd to keep what is left of a program that this client ran. Its reply has no report where
/// none are made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeepReport {
    /// The registry name of its VM.
    pub name: String,
    /// The program.
    pub program: String,
    /// Its command line, in words.
    pub command: String,
    /// The last that it wrote to its standard error, where this client has it.
    pub stderr: String,
    /// Milliseconds that it ran.
    pub age: u64,
    /// What is left of it.
    pub fallen: Fallen,
}

/// A report that is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Crash {
    /// Its number, `c-3f9a0c12`.
    pub id: String,
    /// The address that could not be used, where the signal tells one.
    pub address: Option<u64>,
    /// The innermost frames, a line each.
    pub backtrace: Vec<String>,
}

impl Message for KeepReport {
    const KIND: u16 = 0x0211;
    type Reply = Option<Crash>;
}

impl Message for Crashed {
    const KIND: u16 = 0x0210;
    type Reply = Option<Crash>;
}

/// Which reports are kept, whatever VM they are of: for a client on another machine, which cannot look
/// into the directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CrashList;

impl Message for CrashList {
    const KIND: u16 = 0x0213;
    /// Their numbers, the newest first.
    type Reply = Vec<String>;
}

/// A report, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CrashRead {
    /// Its number.
    pub id: String,
}

impl Message for CrashRead {
    const KIND: u16 = 0x0214;
    /// The JSON text of it.
    type Reply = String;
}

/// Remove a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CrashRemove {
    /// Its number.
    pub id: String,
}

impl Message for CrashRemove {
    const KIND: u16 = 0x0215;
    type Reply = ();
}
