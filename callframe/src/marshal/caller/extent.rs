//! How far the caller's pointers reach, by the numbers that were sent.

use super::Root;
use super::encode::{Encoder, Work};
use crate::expression::Expression;
use crate::marshal::evaluate::{Failure, Operand, field};
use crate::marshal::image::integer;
use crate::marshal::memory::CallerMemory;
use crate::marshal::plan::Plan;
use crate::marshal::{MAXIMUM_CALL, MarshalError, wire};
use crate::types::{Extent, Pointer};

impl<M: CallerMemory> Encoder<'_, M> {
    /// Bytes a pointer reaches in the caller.
    pub(super) fn extent(
        &self,
        pointer: &Pointer,
        plan: &Plan,
        work: &Work,
    ) -> Result<u64, MarshalError> {
        let terminator = match &pointer.extent {
            Extent::Single => return Ok(plan.caller_size),
            Extent::NullTerminated => 0,
            Extent::TerminatedBy(value) => *value as u64,
            Extent::Counted(expression) => {
                let count = self.amount(expression, work)?;
                return self.bounded(count.checked_mul(u128::from(plan.caller_size)), work.root);
            }
            Extent::Sized(expression) => {
                return self.bounded(Some(self.amount(expression, work)?), work.root);
            }
        };
        let unit = plan.caller_size;
        let limit = MAXIMUM_CALL / unit.max(1);
        let length = self
            .memory
            .terminated_length(work.address, unit as usize, terminator, limit);
        let length =
            length.map_err(|error| MarshalError::memory(&self.caller.place(work.root), error))?;
        self.bounded(Some(u128::from(length) * u128::from(unit)), work.root)
    }

    /// The value of an extent expression; 0 where its length pointer is NULL.
    fn amount(&self, expression: &Expression, work: &Work) -> Result<u128, MarshalError> {
        let value = self.caller.evaluate(expression, |operand| match operand {
            Operand::Parameter(index) => self.parameter(index),
            Operand::Pointee(index) => self.pending.pointee(index).value(),
            Operand::Field(index) => field(&self.caller.callee, self.request, index, work.record),
            Operand::Return => Err(Failure::Absent),
        });
        let reason = match value {
            Ok(value) => match u128::try_from(value) {
                Ok(value) => return Ok(value),
                Err(_) => format!("its size is negative: {value}"),
            },
            Err(Failure::Null) => return Ok(0),
            Err(Failure::Overflow) => "its size overflows".to_owned(),
            Err(Failure::Absent) => "its size is not known before the call".to_owned(),
        };
        Err(MarshalError::argument(
            &self.caller.place(work.root),
            reason,
        ))
    }

    /// The integer in slot `index`, as it was sent.
    pub(super) fn parameter(&self, index: u32) -> Result<i128, Failure> {
        let parameter = self.caller.frame.parameters().get(index as usize);
        let scalar = parameter.and_then(|parameter| self.caller.scalar(parameter.ty));
        let slot = self.caller.callee.arguments().get(index as usize);
        let (Some(scalar), Some(slot)) = (scalar, slot) else {
            return Err(Failure::Absent);
        };
        let at = wire::HEADER + slot.offset as usize;
        Ok(integer(
            self.request,
            at,
            slot.size as usize,
            scalar.is_signed(),
        ))
    }

    pub(super) fn bounded(&self, bytes: Option<u128>, root: Root) -> Result<u64, MarshalError> {
        let bytes = bytes.unwrap_or(u128::MAX);
        match u64::try_from(bytes) {
            Ok(bytes) if bytes <= MAXIMUM_CALL => Ok(bytes),
            _ => {
                let place = self.caller.place(root);
                Err(MarshalError::TooLarge {
                    place,
                    bytes,
                    limit: MAXIMUM_CALL,
                })
            }
        }
    }
}
