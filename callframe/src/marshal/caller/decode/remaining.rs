//! Whether what is left of a buffer, after a pointer walked through it, lies in it.
//!
//! `iconv` moves a pointer and says how much is left behind it, and the program passes both on to the
//! next call as they are. So together they must not reach further than what was passed: a VM that says
//! more would have the next call read and write behind the buffer.

use super::Checker;
use crate::marshal::caller::{Fill, Sent, fill};
use crate::marshal::evaluate::Failure;
use crate::marshal::image::integer;
use crate::marshal::resident::Walker;
use crate::marshal::wire::Block;
use crate::marshal::{MOVED_TO_NULL, MarshalError};
use crate::types::Extent;

impl Checker<'_> {
    /// Checks every pointer to a pointer whose extent is a number that comes back.
    pub(super) fn remaining(&self) -> Result<(), MarshalError> {
        let cursors = self.pending.blocks.iter().filter(|sent| sent.cursor);
        for sent in cursors {
            let Some(pointer) = self.caller.pointer(sent.ty) else {
                continue;
            };
            let Some(Fill::Amount(extent)) = fill(&self.caller.frame, pointer) else {
                continue;
            };
            if pointer.filled.is_some() {
                continue;
            }
            let unit = match pointer.extent {
                Extent::Sized(_) => 1,
                _ => self.caller.plans.of(pointer.target).callee_size,
            };
            let left = match self.evaluate(extent, None) {
                Ok(left) => left,
                Err(Failure::Null) => 0,
                Err(_) => return Err(self.protocol(sent.root, "how much is left overflows")),
            };
            self.lies_in_it(sent, left, unit)?;
        }
        Ok(())
    }

    /// The same of a member of an object whose values are in `block`.
    pub(in crate::marshal::caller) fn walker_remains(
        &self,
        walker: &Walker,
        block: Block,
        number: u32,
    ) -> Result<(), MarshalError> {
        let place = (number, walker.caller as u64);
        let Some(sent) = self.pending.child(place) else {
            return Ok(());
        };
        let (at, width, signed) = walker.available;
        let left = integer(self.body.bytes, block.start + at, width, signed);
        self.lies_in_it(sent, left, walker.units.1)
    }

    fn lies_in_it(&self, sent: &Sent, left: i128, unit: u64) -> Result<(), MarshalError> {
        let moved = match sent.parent.and_then(|place| self.moved.get(&place)) {
            // It leads nowhere now.
            Some(&MOVED_TO_NULL) => return Ok(()),
            Some(reference) => reference - 1,
            None => 0,
        };
        let left = left.max(0).saturating_mul(i128::from(unit));
        match left.saturating_add(i128::from(moved)) <= i128::from(sent.capacity) {
            true => Ok(()),
            false => Err(self.protocol(sent.root, "more is left of its buffer than there was")),
        }
    }
}
