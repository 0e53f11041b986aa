//! cosmosdb, the socket registry: names on one side, sockets on the other, and a client that asks
//! for a name gets a connected descriptor.
//!
//! | room | purpose |
//! |---|---|
//! | [`name`] | what a name is, and patterns of names |
//! | [`rules`] | who may do what, and how much of it |
//! | [`table`] | the names, sans-I/O |
//! | [`registry`] | the state of one registry process |
//! | [`connection`] | one peer's connection |
//! | [`requests`] | what each request does |
//! | [`route`] | how a client gets its descriptor |
//! | [`handover`] | giving everything to a successor process, and taking it |
//! | [`server`] | accepting, signals, hand-over, the end |
//! | [`options`] | the command line |
//!
//! # Promises
//!
//! 1. A name belongs to the connection that registered it; it is gone when that connection ends,
//!    when the process that made the connection ends, or when it expires.
//! 2. A connection ends with the process that made it, even where a child holds a copy: its
//!    identity is told to others and a pid may be used again.
//! 3. Nobody waits for anybody else: all is one thread, no operation blocks it, what waits for a
//!    peer is bounded, and a peer that does not take what it is sent for ten seconds is dropped.
//! 4. A hand-over to a successor loses no name, no connection and no request.
//! 5. Whoever breaks the protocol is dropped, and everything it sent is closed.

pub mod connection;
pub mod handover;
pub mod name;
pub mod options;
pub mod registry;
pub mod requests;
pub mod route;
pub mod rules;
pub mod server;
pub mod table;

pub use server::main;
