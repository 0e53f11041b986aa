//! Proves that x86-64 code cannot leave a NaCl-style sandbox.

#![forbid(unsafe_code)]

mod forms;
mod nacl;
mod policy;
mod prefix;
mod register;
mod validator;
mod violation;
mod walk;

pub use validator::{Dialect, Validator};
pub use violation::{InstructionBytes, Reason, Violation};
