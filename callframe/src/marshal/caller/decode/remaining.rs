//! Whether what is left of a buffer, where a pointer leads to it after the call, lies in it.
//!
//! `iconv` moves a pointer and says how much is left behind it, and the program passes both on to the
//! next call as they are. So together they must not reach further than what was passed: a VM that says
//! more would have the next call read and write behind the buffer. The same holds for the members of a
//! record, and for a pointer that stays where it was while its number grows.

use super::Checker;
use crate::expression::{Expression, Operation};
use crate::marshal::MOVED_TO_NULL;
use crate::marshal::MarshalError;
use crate::marshal::caller::Sent;
use crate::marshal::caller::walk::Met;
use crate::marshal::evaluate::Failure;
use crate::marshal::image::integer;
use crate::marshal::resident::Walker;
use crate::marshal::wire::Block;
use crate::types::{Extent, Pointer, Type};

impl Checker<'_> {
    /// Checks a pointer that the program keeps, whose extent the call may have changed.
    pub(super) fn reaches(&self, at: u64, met: Met, pointer: &Pointer) -> Result<(), MarshalError> {
        let place = met.inout.map(|number| (number, at));
        let Some(sent) = place.and_then(|place| self.pending.child_as(met.ty, place)) else {
            return Ok(());
        };
        let (extent, unit) = match &pointer.extent {
            Extent::Sized(extent) => (extent, 1),
            Extent::Counted(extent) => (extent, self.caller.plans.of(pointer.target).callee_size),
            _ => return Ok(()),
        };
        if !self.comes_back(extent) {
            return Ok(());
        }
        let left = match self.evaluate(extent, met.record) {
            Ok(left) => left,
            Err(Failure::Null) => 0,
            Err(_) => return Err(self.protocol(met.root, "how much is left overflows")),
        };
        self.lies_in_it(sent, left, unit)
    }

    /// The same of a member of an object whose values are in `block`: whether it led to a buffer.
    pub(in crate::marshal::caller) fn walker_remains(
        &self,
        walker: &Walker,
        block: Block,
        number: u32,
    ) -> Result<bool, MarshalError> {
        let place = (number, walker.caller as u64);
        let Some(sent) = self.pending.child(place) else {
            return Ok(false);
        };
        let (at, width, signed) = walker.available;
        let left = integer(self.body.bytes, block.start + at, width, signed);
        self.lies_in_it(sent, left, walker.units.1)?;
        Ok(true)
    }

    /// Whether an extent is of numbers that come back: members, and what pointers lead to. By other
    /// numbers the program does not go after the call.
    fn comes_back(&self, extent: &Expression) -> bool {
        extent.operations.iter().any(|operation| match operation {
            Operation::Field(_) => true,
            Operation::Pointee(index) => {
                let frame = &self.caller.frame;
                let parameter = frame.parameters().get(*index as usize);
                let ty = parameter.map(|parameter| frame.ty(parameter.ty));
                matches!(ty, Some(Type::Pointer(length)) if length.direction.leaves())
            }
            _ => false,
        })
    }

    /// How far from its start the pointer to a block leads now; `None` where it leads nowhere.
    fn place_of(&self, sent: &Sent) -> Option<u64> {
        match sent.parent.and_then(|place| self.moved.get(&place)) {
            Some(&MOVED_TO_NULL) => None,
            Some(reference) => Some(reference - 1),
            None => Some(0),
        }
    }

    fn lies_in_it(&self, sent: &Sent, left: i128, unit: u64) -> Result<(), MarshalError> {
        let Some(moved) = self.place_of(sent) else {
            return Ok(());
        };
        let left = left.max(0).saturating_mul(i128::from(unit));
        match left.saturating_add(i128::from(moved)) <= i128::from(sent.capacity) {
            true => Ok(()),
            false => Err(self.wrong(sent.root, "more is left of its buffer than there was")),
        }
    }
}
