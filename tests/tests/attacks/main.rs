//! A library that means harm tries what it must not be able to do, at each level that says so: every
//! attempt fails as it must, is told by name where the kernel refused a call, and the program, the
//! daemons and another VM of the same user go on.

mod calls;
mod files;
mod kernel;
mod limits;
mod pooled;
mod processes;
mod sockets;
mod stage;
