//! Errors as values that travel: whose fault it was, what it was, and a sentence a person can act on.

mod meaning;

use serde::{Deserialize, Serialize};
use std::fmt;

/// What a failed request answers, and what every crate above turns its own errors into at the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Whose fault it was.
    pub blame: Blame,
    /// What it was.
    pub code: FaultCode,
    /// A sentence for a person: what was wrong, with the names involved, and what to do.
    pub message: String,
}

/// Whose fault it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Blame {
    /// The caller asked for something that cannot be.
    Caller,
    /// The code in the VM, or the VM itself, failed.
    Vm,
    /// The machine or its configuration failed: no memory, no permission, a daemon not startable.
    Host,
    /// The other end of a connection broke the protocol or vanished.
    Peer,
}

/// What went wrong. Numbers are part of the protocol: append, never reorder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum FaultCode {
    /// No such name in the registry.
    NoSuchName,
    /// The name is registered already.
    NameTaken,
    /// The peer has no right to this.
    NotPermitted,
    /// A configured limit was reached.
    LimitReached,
    /// No such file, library or program.
    NoSuchTarget,
    /// The target is of no format any VM runs.
    NotLoadable,
    /// The target is for another machine than any VM here.
    WrongArchitecture,
    /// A VM could not be started.
    LaunchFailed,
    /// The target does not define this symbol.
    NoSuchSymbol,
    /// The prototype was refused; the message holds the numbered error.
    BadPrototype,
    /// Both ends laid the call out differently.
    TemplateMismatch,
    /// An argument cannot be carried: count, type, range, size.
    BadArgument,
    /// A token or handle names nothing (any more), or something of another VM.
    StaleHandle,
    /// The VM ended; the message says how.
    VmDied,
    /// The deadline passed.
    TimedOut,
    /// Bytes that the protocol does not allow.
    Protocol,
    /// The peer speaks another version.
    Version,
    /// A frame, message or buffer is larger than the limit.
    TooLarge,
    /// The connection ended.
    Disconnected,
    /// The kind of VM does not do this.
    Unsupported,
    /// An operating system call failed; the message names it.
    System,
    /// The configuration is wrong; the message names the key and its origin.
    Configuration,
    /// This process is a fork of the one that made the connection.
    Forked,
    /// A function of the client's could not be called back, or failed; the message says why.
    CallbackFailed,
    /// Another thread ended the call.
    Cancelled,
    /// The program that was called crashed; its VM goes on.
    ProgramDied,
    /// Another machine cannot be connected to, or has no cosmosd; the message holds what ssh said.
    Unreachable,
    /// A process has no room for more open files; the message says which.
    TooManyFiles,
}

impl Fault {
    /// A fault from its parts.
    pub fn new(blame: Blame, code: FaultCode, message: impl Into<String>) -> Fault {
        Fault {
            blame,
            code,
            message: message.into(),
        }
    }

    /// The caller's fault.
    pub fn caller(code: FaultCode, message: impl Into<String>) -> Fault {
        Fault::new(Blame::Caller, code, message)
    }

    /// The VM's fault.
    pub fn vm(code: FaultCode, message: impl Into<String>) -> Fault {
        Fault::new(Blame::Vm, code, message)
    }

    /// The host's fault.
    pub fn host(code: FaultCode, message: impl Into<String>) -> Fault {
        Fault::new(Blame::Host, code, message)
    }

    /// The peer's fault.
    pub fn peer(code: FaultCode, message: impl Into<String>) -> Fault {
        Fault::new(Blame::Peer, code, message)
    }

    /// The host's fault, of a system call that failed with `errno`.
    pub fn system(errno: i32, message: impl Into<String>) -> Fault {
        let code = match errno {
            libc_errno::EMFILE | libc_errno::ENFILE => FaultCode::TooManyFiles,
            _ => FaultCode::System,
        };
        Fault::host(code, message)
    }

    /// The errno a C caller sees for it.
    pub fn errno(&self) -> i32 {
        use FaultCode::*;
        match self.code {
            NoSuchName | NoSuchTarget => libc_errno::ENOENT,
            NameTaken => libc_errno::EEXIST,
            NotPermitted => libc_errno::EACCES,
            LimitReached => libc_errno::EAGAIN,
            NotLoadable | WrongArchitecture => libc_errno::ENOEXEC,
            NoSuchSymbol => libc_errno::ENOSYS,
            BadPrototype | BadArgument | Configuration => libc_errno::EINVAL,
            StaleHandle => libc_errno::EBADF,
            VmDied | ProgramDied => libc_errno::EOWNERDEAD,
            TimedOut => libc_errno::ETIMEDOUT,
            Protocol | Version | TemplateMismatch => libc_errno::EPROTO,
            TooLarge => libc_errno::EMSGSIZE,
            TooManyFiles => libc_errno::EMFILE,
            Unsupported => libc_errno::ENOTSUP,
            CallbackFailed | Cancelled => libc_errno::ECANCELED,
            LaunchFailed | Unreachable | Disconnected | System | Forked => libc_errno::ECOMM,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}

/// Linux errno numbers (asm-generic), named here so that the sans-I/O core needs no libc.
mod libc_errno {
    pub const ENOENT: i32 = 2;
    pub const ENOEXEC: i32 = 8;
    pub const EBADF: i32 = 9;
    pub const EAGAIN: i32 = 11;
    pub const EACCES: i32 = 13;
    pub const EEXIST: i32 = 17;
    pub const EINVAL: i32 = 22;
    pub const ENFILE: i32 = 23;
    pub const EMFILE: i32 = 24;
    pub const ENOSYS: i32 = 38;
    pub const ECOMM: i32 = 70;
    pub const EPROTO: i32 = 71;
    pub const EMSGSIZE: i32 = 90;
    pub const ENOTSUP: i32 = 95;
    pub const ETIMEDOUT: i32 = 110;
    pub const ECANCELED: i32 = 125;
    pub const EOWNERDEAD: i32 = 130;
}
