//! The prototype language of cosmos_vm, and how a call travels by it.
//!
//! A *prototype string* is one C declaration with bounds-safety annotations. [`parse`] turns it
//! into an immutable [`CallFrame`]; [`Template::of`] lays that frame out under the [`DataModel`] of
//! the virtual machine that will run the function; [`marshal`] moves arguments and results through
//! that layout. Both ends derive the same template from the same text, so neither has to believe
//! what the other says about memory.
//!
//! | room | purpose |
//! |---|---|
//! | [`types`] | what a prototype means: the nodes of a [`CallFrame`] |
//! | [`model`] | sizes and alignments of a target (LP64, x32, ILP32) |
//! | `syntax` | text to declared types: tokens, declarators, annotations, record text |
//! | `resolve` | what they mean: defaults applied, contradictions and what cannot be carried refused |
//! | [`standard`] | the typedefs and records every C programmer expects to exist |
//! | [`expression`] | the arithmetic of `__sized_by(…)` and its kin, overflow-checked |
//! | `print` | the canonical spelling: `parse(print(f)) == f` |
//! | [`error`] | numbered errors with a caret, and what `cosmos explain` says of each |
//! | [`template`] | a frame laid out under one data model |
//! | [`variadic`] | what takes the place of `...` in one call |
//! | [`marshal`] | arguments to request bytes, request bytes to callee memory, and back |
//!
//! The crate does no I/O and has no unsafe code: memory is reached through the traits of
//! [`marshal`], implemented by whoever owns that memory.

#![forbid(unsafe_code)]

pub mod error;
pub mod expression;
pub mod marshal;
pub mod model;
mod print;
mod resolve;
pub mod standard;
mod syntax;
pub mod template;
pub mod types;
pub mod variadic;

pub use error::PrototypeError;
pub use model::DataModel;
pub use syntax::{
    Constants, Declaration, MAXIMUM_TEXT, Options, Plain, bare_name, constants, no_prototype,
    parse, parse_file, parse_file_with, parse_header, parse_one_of_file, parse_with, plain,
};
pub use template::Template;
pub use types::CallFrame;
