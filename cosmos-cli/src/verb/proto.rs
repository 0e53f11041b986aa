//! `cosmos proto check FILE` and `cosmos proto show PROTOTYPE`.

mod check;
mod show;

use crate::arguments::{Proto, ProtoVerb};
use crate::report::Verdict;

/// Checks or shows.
pub fn run(arguments: &Proto) -> Verdict {
    match &arguments.verb {
        ProtoVerb::Check(arguments) => check::run(arguments),
        ProtoVerb::Show(arguments) => show::run(arguments),
    }
}
