//! `dlopen`, but the code runs in another process.
//!
//! The Rust face of cosmos_vm: [`dlopen`] finds a VM for a library and opens it there,
//! [`Library::function`] resolves a function from its C prototype string, and calls of it are
//! carried to the VM and back.

mod again;
mod arena;
mod batch;
mod budget;
pub mod c;
mod call;
mod callback;
mod calling;
mod channel;
mod closers;
mod closure;
mod cookies;
mod coordinator;
mod descriptor;
mod dynamic;
mod error;
mod exec;
mod fork;
mod function;
mod gate;
#[cfg(test)]
mod hostile;
mod last;
mod lately;
mod library;
mod link;
mod memory;
mod names;
mod opened;
mod options;
mod plain;
pub mod queries;
mod quick;
mod residents;
mod resolved;
mod session;
mod shelf;
mod signature;
mod sizes;
mod staging;
mod started;
mod summary;
mod symbol;
mod timeout;
mod token;
pub mod trace;
mod turn;
mod uncancelled;
mod value;
mod variadic;
mod vm;
mod workers;

pub use arena::Buffer;
pub use batch::Batch;
pub use budget::Budget;
pub use callback::{Answer, Callback, callback, callback_writing};
pub use calling::Calling;
pub use cosmos_config::{Host, HostError};
pub use cosmos_rpc::message::vm::Reached;
pub use cosmos_rpc::{Blame, Fault, FaultCode};
pub use error::{Error, Failure, Refusal, SignatureMismatch};
pub use exec::{
    Captured, Command, Ended, Program, ProgramCrash, Running, Steering, Stream, Window,
};
pub use function::Function;
pub use library::{Library, dlopen, dlopen_with};
pub use options::Options;
#[doc(hidden)]
pub use signature::Shape;
pub use signature::{Argument, ByValue, Carried, Signature};
pub use sizes::counted;
pub use started::{Started, wait_all, wait_any};
pub use symbol::Symbol;
pub use timeout::within;
pub use value::{Memory, Outcome, Value};
pub use variadic::call_frame;
pub use vm::{Vm, rp_call};

/// The last call of this thread, through a C pointer or [`Symbol`]'s `call`, that failed; a call
/// that succeeds does not clear it. See [`clear_last_error`].
pub fn last_error() -> Option<Error> {
    last::get()
}

/// Forgets this thread's last failure.
pub fn clear_last_error() {
    last::clear();
}
