//! `cosmos gen c LIBRARY` and `cosmos gen rust LIBRARY`.

use crate::arguments::{Generate, Language};
use crate::packs;
use crate::report::Verdict;

/// Prints the header or the module of a library's packs.
pub fn run(arguments: &Generate) -> Verdict {
    let found = packs::configured()?
        .must_have(&arguments.library)
        .map_err(|error| packs::problem(&error))?;
    // All packs of a library go by the same SONAME; there is at least one.
    let soname = found.first().map_or("", |pack| pack.soname());
    let text = match arguments.language {
        Language::C => cosmos_gen::c::header(soname, &found),
        Language::Rust => cosmos_gen::rust::module(soname, &found),
    };
    super::print(&text)?;
    Ok(0)
}
