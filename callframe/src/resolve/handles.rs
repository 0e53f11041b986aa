//! Pointers to objects that live in the VM.

use super::marks::Marks;
use super::{Place, Resolved, Resolver, Root, advice};
use crate::error::{Code, PrototypeError};
use crate::syntax::raw::{RawType, Shape};
use crate::types::{Handle, Identity};

/// The most values of one `__or_const`.
const MAXIMUM_CONSTANTS: usize = 16;

impl Resolver<'_> {
    pub(super) fn handle(
        &self,
        marks: &Marks,
        target: &RawType,
        place: Place,
    ) -> Resolved<Identity> {
        if let Some((_, span)) = marks.closed_by {
            match (place.root, place.outer) {
                (Root::Parameter(_), None) if self.resident_key(target).is_none() => {
                    return Err(advice::no_resident(span));
                }
                (Root::Parameter(_), None) => {}
                _ if !place.comes_back() && place.root != Root::Field => {
                    return Err(advice::handle_place(span, "no new handle comes back here"));
                }
                _ => {}
            }
        }
        if let Some(span) = marks.consumed
            && !matches!((place.root, place.outer), (Root::Parameter(_), None))
        {
            return Err(advice::handle_place(
                span,
                "only a parameter can be consumed",
            ));
        }
        if matches!(target.shape, Shape::Pointer(_)) {
            let span = marks.handle.unwrap_or(place.span);
            return Err(advice::handle_place(
                span,
                "a pointer to a pointer is no handle",
            ));
        }
        Ok(Identity::Handle(Handle {
            closed_by: marks.closed_by.map(|(function, _)| function.to_owned()),
            consumed: marks.consumed.is_some(),
            resident: marks.closed_by.is_some()
                && matches!((place.root, place.outer), (Root::Parameter(_), None)),
            cursors: self.cursors(marks, target)?,
            constants: constants(marks)?,
        }))
    }
}

/// The values of `__or_const`: pointers that are none, each of 32 bits.
pub(super) fn constants(marks: &Marks) -> Resolved<Vec<i128>> {
    let Some((values, span)) = marks.constants else {
        return Ok(Vec::new());
    };
    let wrong = |message: String| {
        Err(PrototypeError::new(Code::E0121, span.range(), message).label("not such a value"))
    };
    if values.len() > MAXIMUM_CONSTANTS {
        return wrong(format!(
            "at most {MAXIMUM_CONSTANTS} values can be told apart"
        ));
    }
    match values.iter().find(|value| i32::try_from(**value).is_err()) {
        Some(value) => wrong(format!("{value} does not fit 32 bits")),
        None => Ok(values.to_vec()),
    }
}
