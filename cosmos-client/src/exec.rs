//! Programs that run in a VM.
//!
//! | room | purpose |
//! |---|---|
//! | [`Command`] | a program to run, and what it gets |
//! | [`Program`] | one that was opened, to be run many times |
//! | [`Running`] | one that runs: its streams, its steering, its end |
//! | `environment` | what a program finds in its environment |
//!
//! A stream is a descriptor wherever the program runs on this host: what it writes goes straight to
//! where this program said, and a pipe that nobody reads stops it.

mod command;
mod environment;
mod program;
mod running;

pub(crate) use command::command_line;
pub use command::{Command, Stream};
pub use cosmos_rpc::steering::Window;
pub use program::Program;
pub use running::{Captured, Ended, ProgramCrash, Running, Steering};
