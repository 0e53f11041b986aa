//! Typed faces of a prototype pack: functions that a C or Rust compiler checks the calls of.
//!
//! | room | purpose |
//! |---|---|
//! | [`c`] | a header of inline functions, over the library's own headers |
//! | [`rust`] | a module with a method per function, and the types they need |
//! | `functions` | what of a pack can be called, and what cannot |
//! | `name` | from a SONAME to the names of what is generated |
//!
//! What is generated holds the prototypes themselves: a program built with it needs no pack.

#![forbid(unsafe_code)]

pub mod c;
mod functions;
mod name;
pub mod rust;
