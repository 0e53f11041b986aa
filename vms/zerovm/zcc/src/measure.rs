//! Finds out how long instructions are, by letting the assembler encode them.

use crate::emit::is_measured;
use crate::unit::{PieceKind, Unit};
use iced_x86::{Decoder, DecoderOptions};
use object::{Object as _, ObjectSection as _};

/// What was assembled does not correspond to what was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Mismatch {
    #[error("the assembler wrote no object that can be read: {0}")]
    Object(String),
    #[error("the section {0} has other instructions than were written")]
    Instructions(String),
    #[error("the section {name} has {found} bytes instead of {expected}")]
    Length {
        name: String,
        found: u64,
        expected: u32,
    },
}

/// The length of each piece that is measured; that of others is 0.
pub(crate) fn lengths(unit: &Unit, object: &[u8]) -> Result<Vec<u32>, Mismatch> {
    let file = object::File::parse(object).map_err(|error| Mismatch::Object(error.to_string()))?;
    let mut lengths = vec![0; unit.pieces.len()];
    for (section, pieces) in unit.sections.iter().zip(unit.by_section()) {
        if !section.is_code {
            continue;
        }
        let code = match file.section_by_name(&section.name) {
            Some(found) => found
                .data()
                .map_err(|error| Mismatch::Object(error.to_string()))?,
            None => &[],
        };
        let others = || Mismatch::Instructions(section.name.clone());
        let mut decoder = Decoder::new(64, code, DecoderOptions::NONE);
        for index in pieces {
            let PieceKind::Group(group) = &unit.pieces[index].kind else {
                continue;
            };
            if !is_measured(group) {
                continue;
            }
            for _ in &group.instructions {
                if !decoder.can_decode() {
                    return Err(others());
                }
                lengths[index] += decoder.decode().len() as u32;
            }
        }
        if decoder.can_decode() {
            return Err(others());
        }
    }
    Ok(lengths)
}

/// Checks that an object's sections of code have the lengths of their layout.
pub(crate) fn check(
    unit: &Unit,
    layout: &crate::layout::Layout,
    object: &[u8],
) -> Result<(), Mismatch> {
    let file = object::File::parse(object).map_err(|error| Mismatch::Object(error.to_string()))?;
    for (section, extent) in unit.sections.iter().zip(&layout.extents) {
        if !section.is_code {
            continue;
        }
        let expected = extent.end.next_multiple_of(crate::unit::BUNDLE);
        let found = file
            .section_by_name(&section.name)
            .map_or(0, |found| found.size());
        if found != u64::from(expected) {
            return Err(Mismatch::Length {
                name: section.name.clone(),
                found,
                expected,
            });
        }
    }
    Ok(())
}
