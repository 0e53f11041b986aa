//! `cosmos proto check FILE`, `cosmos proto scan HEADER` and `cosmos proto show PROTOTYPE`.

mod check;
mod scan;
mod show;

use crate::arguments::{Proto, ProtoVerb};
use crate::report::Verdict;

/// Checks, scans or shows.
pub fn run(arguments: &Proto) -> Verdict {
    match &arguments.verb {
        ProtoVerb::Check(arguments) => check::run(arguments),
        ProtoVerb::Scan(arguments) => scan::run(arguments),
        ProtoVerb::Show(arguments) => show::run(arguments),
    }
}
