//! What running a program takes on the machine where it runs: its path, and a terminal for it. A client
//! does this for its own machine, the relay there for another one.
//!
//! | room | purpose |
//! |---|---|
//! | [`find()`] | from the name of a program to its path, as a shell finds it |
//! | [`terminal`] | pseudo-terminals |

#![forbid(unsafe_code)]

mod find;
pub mod terminal;

pub use find::{find, search_path};
