//! Prototypes out of C headers.
//!
//! A header says most of a prototype, and attributes of glibc and GCC say more: which way a buffer
//! travels, how long it is, who frees a result. This crate has the system's C preprocessor expand a
//! header, reads every declaration of it by the parser that reads prototypes, and sorts the
//! functions: those that can be called as they are declared, and those of which more must be said,
//! each with the number of what is missing.
//!
//! | room | purpose |
//! |---|---|
//! | [`preprocess`] | the text of a header as the C preprocessor leaves it |
//! | `origin` | which file a place of that text comes from |
//! | [`survey`] | the functions of a header, sorted |
//! | [`listing`] | a survey as a file of prototypes, to be completed by hand |
//! | `error` | why a header could not be read at all |
//!
//! What a header says is never trusted to be sensible: a declaration that cannot be read hides no
//! other, and nothing in the text can make this crate panic.

#![forbid(unsafe_code)]

mod error;
pub mod listing;
mod origin;
pub mod preprocess;
pub mod survey;

pub use error::ImportError;
pub use preprocess::Header;
pub use survey::{Found, Survey, Verdict};
