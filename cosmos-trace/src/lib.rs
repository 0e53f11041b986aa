//! Steps of requests that are followed, as they are named, kept and shown.
//!
//! | room | purpose |
//! |---|---|
//! | [`Context`] | which step of which trace, as W3C's trace context writes it |
//! | [`Line`] | a step, as a line of a file |
//! | [`read`] | the steps of a file |
//! | [`tree()`] | the same for people |
//! | [`otlp()`] | the same for other tools |
//!
//! # Promises
//!
//! 1. Anybody may have written a `traceparent` or a file: what is no step is passed over and counted, and
//!    no bytes break anything.
//! 2. No line that is looked at is longer than [`LONGEST`], and no tree needs more memory than some times
//!    its steps, however they are nested.
//! 3. Each step is shown once.

#![forbid(unsafe_code)]

mod context;
mod file;
mod line;
mod otlp;
mod tree;

pub use context::Context;
pub use file::{LONGEST, read};
pub use line::Line;
pub use otlp::otlp;
pub use tree::tree;
