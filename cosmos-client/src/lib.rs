//! `dlopen`, but the code runs in another process.
//!
//! The Rust face of cosmos_vm: [`dlopen`] finds a VM for a library and opens it there,
//! [`Library::function`] resolves a function from its C prototype string, and calls of it are
//! carried to the VM and back.

mod error;
mod function;
mod library;
mod options;
pub mod queries;
mod value;
mod vm;

pub use cosmos_rpc::{Blame, Fault, FaultCode};
pub use error::{Error, Failure, Refusal, SignatureMismatch};
pub use function::Function;
pub use library::{Library, dlopen, dlopen_with};
pub use options::Options;
pub use value::{Outcome, Value};
pub use vm::Vm;
