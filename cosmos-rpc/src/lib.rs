//! How the processes of cosmos_vm speak with each other.
//!
//! | room | purpose |
//! |---|---|
//! | [`fault`] | errors as values: whose fault it was, what it was, in words |
//! | [`frame`] | the sixteen-byte header, length limits, descriptor accounting; sans-I/O |
//! | [`codec`] | the one place where structs become bytes |
//! | [`message`] | every message by service, with its kind number and descriptor count |
//! | [`handshake`] | magic, version and role, before anything else |
//! | [`descriptor`] | SCM_RIGHTS, received with close-on-exec and counted |
//! | [`blocking`] | the transport for clients, VMs and the launcher |
//! | [`asynchronous`] | the transport for the daemons, on tokio (feature `tokio`) |
//! | [`peer`] | who is at the other end of a socket, and whom to refuse |
//! | [`rendezvous`] | the socket directory, its checks, and starting the daemons on demand |
//! | [`steering`] | what is said about a program while it runs |
//! | [`ring`] | the shared-memory carrier of calls, between one client thread and one VM thread |
//! | [`arena`] | memory that a client and a VM both see, for buffers |
//! | [`mux`] | many streams over one connection, for where a connection is all there is |
//! | [`generation`] | telling a forked child from its parent |
//! | [`fence`] | a fence of which the side that needs it often pays nothing |
//! | [`ahead`] | asking for memory before it is needed |
//! | [`trail`] | the steps of a request that is followed |
//! | [`daemon`] | becoming a daemon: what a process started by anybody must clean up |
//!
//! `docs/protocol.md` gives the same protocol byte by byte; the tests under `tests/golden.rs` hold
//! the two together.

pub mod ahead;
pub mod arena;
#[cfg(feature = "tokio")]
pub mod asynchronous;
pub mod blocking;
pub mod codec;
pub mod daemon;
pub mod descriptor;
mod exchange;
pub mod fault;
pub mod fence;
pub mod frame;
pub mod generation;
pub mod handshake;
mod mapped;
pub mod message;
pub mod mux;
pub mod peer;
pub mod rendezvous;
pub mod ring;
mod sealed;
pub mod steering;
pub mod tally;
pub mod trail;

pub use fault::{Blame, Fault, FaultCode};
pub use frame::{Frame, Limits};
pub use handshake::{Hello, Role};
