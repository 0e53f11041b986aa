//! How the processes of cosmos_vm speak with each other.
//!
//! | room | purpose |
//! |---|---|
//! | [`fault`] | errors as values: whose fault it was, what it was, in words |
//! | [`frame`] | the sixteen-byte header, length limits, request ids; sans-I/O |
//! | [`codec`] | the one place where structs become bytes |
//! | [`message`] | every message by service, with its kind number and descriptor count |
//! | [`handshake`] | magic, version and role, before anything else |
//! | [`descriptor`] | SCM_RIGHTS, received with close-on-exec and counted |
//! | [`blocking`] | the transport for clients, VMs and the launcher |
//! | [`asynchronous`] | the transport for the daemons, on tokio (feature `tokio`) |
//! | [`rendezvous`] | the socket directory, its checks, and starting the daemons on demand |

pub mod fault;
pub mod message;

pub use fault::{Blame, Fault, FaultCode};
