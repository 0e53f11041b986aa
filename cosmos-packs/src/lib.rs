//! Prototype packs: files that tell what the functions of a library look like, so that a caller
//! needs no more than a function's name.
//!
//! A pack is a file of declarations in the prototype language, named by the SONAME of its library:
//! `libz.so.1.protos`. Those of the product are part of this crate ([`builtin`]); directories of
//! further ones are searched before them, and an entry there hides one of the same name here.
//!
//! | room | purpose |
//! |---|---|
//! | [`packs`] | all packs there are, and the prototype of a library's function |
//! | [`pack`] | one pack: its text, its functions, the headers it describes |
//! | [`builtin`] | the packs of the product |
//! | `name` | from a library's file name to the SONAMEs its pack may have |
//! | `error` | why a name has no prototype |
//!
//! What a pack says is read by the parser that reads every prototype, and what is handed out is a
//! prototype string like any other: a pack can say nothing that a caller could not.

#![forbid(unsafe_code)]

pub mod builtin;
mod error;
mod name;
pub mod pack;
pub mod packs;

pub use error::PackError;
pub use pack::{Entry, Origin, Pack};
pub use packs::Packs;
