#![forbid(unsafe_code)]
//! What a ZeroVM session of the first generation is, without running one.
//!
//! Everything here is arithmetic and text, so that it can be tested without a guest: the manifest,
//! the rules for programs, the layout of the 4 GiB that a guest has, the traps' ids and arguments,
//! the counters of the channels, and the report. The crate `zerovm` adds the machine: memory that
//! is really mapped, files that are really open, and the switch into the guest.
//!
//! | module | promise |
//! |---|---|
//! | [`manifest`] | bytes to a [`Manifest`](manifest::Manifest), or the original's error |
//! | [`channel`] | the order of channels, what a read or write may do, and what it has counted |
//! | [`elf`] | headers to segments that may be loaded |
//! | [`layout`] | where things are in the guest's 4 GiB, and which sizes follow from the manifest |
//! | [`user_manifest`] | the bytes that the guest reads about itself |
//! | [`memory`] | what the guest may read and write, by pages |
//! | [`trap`] | one call of the guest to its answer |
//! | [`report`] | six lines |
//! | [`command_line`] | the options of `zerovm` |

pub mod channel;
pub mod command_line;
pub mod elf;
mod error;
pub mod layout;
pub mod manifest;
pub mod memory;
pub mod report;
pub mod trap;
pub mod user_manifest;

pub use error::Error;
