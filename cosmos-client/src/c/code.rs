//! Numbers of the C face.

use cosmos_rpc::{Blame, FaultCode};
use std::ffi::c_int;

/// No error.
pub const COSMOS_OK: c_int = 0;
/// No such name in the registry.
pub const COSMOS_ERROR_NO_SUCH_NAME: c_int = 1;
/// The name is registered already.
pub const COSMOS_ERROR_NAME_TAKEN: c_int = 2;
/// Not allowed.
pub const COSMOS_ERROR_NOT_PERMITTED: c_int = 3;
/// A configured limit was reached.
pub const COSMOS_ERROR_LIMIT_REACHED: c_int = 4;
/// No such file, library or program.
pub const COSMOS_ERROR_NO_SUCH_TARGET: c_int = 5;
/// The target is of no format any VM runs.
pub const COSMOS_ERROR_NOT_LOADABLE: c_int = 6;
/// The target is for another machine than any VM here.
pub const COSMOS_ERROR_WRONG_ARCHITECTURE: c_int = 7;
/// A VM could not be started.
pub const COSMOS_ERROR_LAUNCH_FAILED: c_int = 8;
/// The target does not define this symbol.
pub const COSMOS_ERROR_NO_SUCH_SYMBOL: c_int = 9;
/// The prototype was refused; the message has the numbered error and a caret.
pub const COSMOS_ERROR_BAD_PROTOTYPE: c_int = 10;
/// The VM lays the call out in another way than this process.
pub const COSMOS_ERROR_TEMPLATE_MISMATCH: c_int = 11;
/// An argument cannot be carried.
pub const COSMOS_ERROR_BAD_ARGUMENT: c_int = 12;
/// A handle names nothing any more, or something of another VM.
pub const COSMOS_ERROR_STALE_HANDLE: c_int = 13;
/// The VM ended; the message says how.
pub const COSMOS_ERROR_VM_DIED: c_int = 14;
/// The deadline passed.
pub const COSMOS_ERROR_TIMED_OUT: c_int = 15;
/// The VM or a daemon sent what the protocol does not allow.
pub const COSMOS_ERROR_PROTOCOL: c_int = 16;
/// The VM or a daemon speaks another version of the protocol.
pub const COSMOS_ERROR_VERSION: c_int = 17;
/// Larger than one call may be.
pub const COSMOS_ERROR_TOO_LARGE: c_int = 18;
/// The connection ended.
pub const COSMOS_ERROR_DISCONNECTED: c_int = 19;
/// This kind of VM does not do that.
pub const COSMOS_ERROR_UNSUPPORTED: c_int = 20;
/// An operating system call failed; the message names it.
pub const COSMOS_ERROR_SYSTEM: c_int = 21;
/// The configuration is wrong; the message names the key and its origin.
pub const COSMOS_ERROR_CONFIGURATION: c_int = 22;
/// Made by the process that this one was forked from.
pub const COSMOS_ERROR_FORKED: c_int = 23;
/// A function of this process could not be called back, or failed; the message says why.
pub const COSMOS_ERROR_CALLBACK_FAILED: c_int = 24;
/// Another thread ended the call.
pub const COSMOS_ERROR_CANCELLED: c_int = 25;
/// The program that was called crashed; its VM goes on.
pub const COSMOS_ERROR_PROGRAM_DIED: c_int = 26;
/// Another machine cannot be connected to, or has no cosmosd; the message holds what ssh said.
pub const COSMOS_ERROR_UNREACHABLE: c_int = 27;
/// A process has no room for more open files; the message says which.
pub const COSMOS_ERROR_TOO_MANY_FILES: c_int = 28;
/// Something this version has no number for; the message says what.
pub const COSMOS_ERROR_OTHER: c_int = 255;

/// The caller asked for something that cannot be.
pub const COSMOS_BLAME_CALLER: c_int = 1;
/// The code in the VM, or the VM itself, failed.
pub const COSMOS_BLAME_VM: c_int = 2;
/// The machine or its configuration failed.
pub const COSMOS_BLAME_HOST: c_int = 3;
/// The other end of a connection broke the protocol or vanished.
pub const COSMOS_BLAME_PEER: c_int = 4;

/// The number of a code.
pub(crate) fn of_code(code: FaultCode) -> c_int {
    use FaultCode::*;
    match code {
        NoSuchName => COSMOS_ERROR_NO_SUCH_NAME,
        NameTaken => COSMOS_ERROR_NAME_TAKEN,
        NotPermitted => COSMOS_ERROR_NOT_PERMITTED,
        LimitReached => COSMOS_ERROR_LIMIT_REACHED,
        NoSuchTarget => COSMOS_ERROR_NO_SUCH_TARGET,
        NotLoadable => COSMOS_ERROR_NOT_LOADABLE,
        WrongArchitecture => COSMOS_ERROR_WRONG_ARCHITECTURE,
        LaunchFailed => COSMOS_ERROR_LAUNCH_FAILED,
        NoSuchSymbol => COSMOS_ERROR_NO_SUCH_SYMBOL,
        BadPrototype => COSMOS_ERROR_BAD_PROTOTYPE,
        TemplateMismatch => COSMOS_ERROR_TEMPLATE_MISMATCH,
        BadArgument => COSMOS_ERROR_BAD_ARGUMENT,
        StaleHandle => COSMOS_ERROR_STALE_HANDLE,
        VmDied => COSMOS_ERROR_VM_DIED,
        TimedOut => COSMOS_ERROR_TIMED_OUT,
        Protocol => COSMOS_ERROR_PROTOCOL,
        Version => COSMOS_ERROR_VERSION,
        TooLarge => COSMOS_ERROR_TOO_LARGE,
        Disconnected => COSMOS_ERROR_DISCONNECTED,
        Unsupported => COSMOS_ERROR_UNSUPPORTED,
        System => COSMOS_ERROR_SYSTEM,
        Configuration => COSMOS_ERROR_CONFIGURATION,
        Forked => COSMOS_ERROR_FORKED,
        CallbackFailed => COSMOS_ERROR_CALLBACK_FAILED,
        Cancelled => COSMOS_ERROR_CANCELLED,
        ProgramDied => COSMOS_ERROR_PROGRAM_DIED,
        Unreachable => COSMOS_ERROR_UNREACHABLE,
        TooManyFiles => COSMOS_ERROR_TOO_MANY_FILES,
        _ => COSMOS_ERROR_OTHER,
    }
}

/// The number of a blame.
pub(crate) fn of_blame(blame: Blame) -> c_int {
    match blame {
        Blame::Caller => COSMOS_BLAME_CALLER,
        Blame::Vm => COSMOS_BLAME_VM,
        Blame::Host => COSMOS_BLAME_HOST,
        Blame::Peer => COSMOS_BLAME_PEER,
    }
}
