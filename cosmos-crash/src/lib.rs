//! Reports of VMs that died by a signal.
//!
//! | room | purpose |
//! |---|---|
//! | [`Report`] | what is kept of a crash |
//! | [`text`] | the same for people |
//! | [`Archive`] | the directory: some reports, the newest |
//!
//! # Promises
//!
//! 1. What a report says was made by a process that failed: it is bounded when it comes in and has no
//!    controls when it is shown.
//! 2. The directory is this user's alone and no link; it never holds more than it may.
//! 3. A report is there as a whole or not at all.

#![forbid(unsafe_code)]

mod archive;
mod error;
mod id;
mod report;
pub mod text;

pub use archive::{Archive, Bounds};
pub use error::CrashError;
pub use id::Id;
pub use report::{Call, Report};
