//! How far the caller's pointers reach, by the numbers that were sent.

use super::Root;
use super::encode::{Encoder, Work, whole};
use crate::expression::Expression;
use crate::marshal::evaluate::{Failure, Operand, field, outer, size_of};
use crate::marshal::image::integer;
use crate::marshal::memory::CallerMemory;
use crate::marshal::plan::Plan;
use crate::marshal::{MAXIMUM_CALL, MarshalError, MemoryError, wire};
use crate::types::{Direction, Extent, Filled, Pointer};

impl<M: CallerMemory> Encoder<'_, M> {
    /// Bytes a pointer reaches in the caller.
    pub(super) fn extent(
        &self,
        pointer: &Pointer,
        plan: &Plan,
        work: &Work,
    ) -> Result<u64, MarshalError> {
        let terminator = match &pointer.extent {
            Extent::Single => return self.reach(u128::from(plan.caller_size), work),
            Extent::NullTerminated => 0,
            Extent::TerminatedBy(value) => *value as u64,
            Extent::Counted(expression) => {
                let count = self.amount(expression, work)?;
                let bytes = count.checked_mul(u128::from(plan.caller_size));
                let capacity = self.reach(bytes.unwrap_or(u128::MAX), work)?;
                return self.until(pointer, plan, work, capacity);
            }
            Extent::Sized(expression) => {
                let capacity = self.reach(self.amount(expression, work)?, work)?;
                return self.until(pointer, plan, work, capacity);
            }
            Extent::EndedBy(end) => return self.distance(*end, plan, work),
        };
        let unit = plan.caller_size;
        let limit = work.seen.map_or(MAXIMUM_CALL, |seen| seen.left) / unit.max(1);
        let length = self
            .memory
            .terminated_length(work.address, unit as usize, terminator, limit);
        let length =
            length.map_err(|error| MarshalError::memory(&self.caller.place(work.root), error))?;
        self.reach(u128::from(length) * u128::from(unit), work)
    }

    /// Refuses what is more than a call carries, or than is there of shared memory.
    fn reach(&self, bytes: u128, work: &Work) -> Result<u64, MarshalError> {
        let Some(seen) = work.seen else {
            return self.bounded(Some(bytes), work.root);
        };
        match u64::try_from(bytes) {
            Ok(bytes) if bytes <= seen.left => Ok(bytes),
            _ => {
                let reason = format!(
                    "it is to have {bytes} bytes, and {} are left of the shared memory it leads to",
                    seen.left
                );
                let place = self.caller.place(work.root);
                Err(MarshalError::argument(&place, reason))
            }
        }
    }

    /// Of data that only goes in and has both a capacity and a terminator: the bytes up to the
    /// terminator. What lies behind it need not even be there.
    fn until(
        &self,
        pointer: &Pointer,
        plan: &Plan,
        work: &Work,
        capacity: u64,
    ) -> Result<u64, MarshalError> {
        let (Some(Filled::Until(terminator)), Direction::In) = (&pointer.filled, pointer.direction)
        else {
            return Ok(capacity);
        };
        if self.memory.others_write(work.address) {
            // It may end elsewhere by the time that it is copied.
            return Ok(capacity);
        }
        let unit = plan.caller_size.max(1);
        let limit = capacity / unit;
        let found =
            self.memory
                .terminated_length(work.address, unit as usize, *terminator as u64, limit);
        match found {
            Ok(length) => Ok(length.saturating_mul(unit).min(capacity)),
            Err(MemoryError::Unterminated(_)) => Ok(capacity),
            Err(error) => Err(MarshalError::memory(&self.caller.place(work.root), error)),
        }
    }

    /// Bytes from a pointer to the one that ends it.
    fn distance(&self, end: u32, plan: &Plan, work: &Work) -> Result<u64, MarshalError> {
        let bytes = self
            .alias_address(end)
            .and_then(|end| end.checked_sub(work.address))
            .filter(|bytes| whole(*bytes, plan.caller_size).is_some());
        match bytes {
            Some(bytes) => self.reach(u128::from(bytes), work),
            None => {
                let end = self.caller.place(Root::Parameter(end));
                let reason =
                    format!("{end}, which ends it, is NULL, before it or inside of an element");
                let place = self.caller.place(work.root);
                Err(MarshalError::argument(&place, reason))
            }
        }
    }

    /// The value of an extent expression; 0 where its length pointer is NULL.
    fn amount(&self, expression: &Expression, work: &Work) -> Result<u128, MarshalError> {
        let value = self.caller.evaluate(expression, |operand| match operand {
            Operand::Parameter(index) => self.parameter(index),
            Operand::Pointee(index) => self.pending.pointee(index).value(),
            Operand::Field(index) => field(&self.caller.callee, self.request, index, work.record),
            Operand::Outer(index) => outer(&self.pending.outer, index),
            Operand::Return => Err(Failure::Absent),
            Operand::SizeOf(ty) => size_of(&self.caller.callee, ty),
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

    /// What a call may carry.
    pub(super) fn bounded(&self, bytes: Option<u128>, root: Root) -> Result<u64, MarshalError> {
        self.at_most(MAXIMUM_CALL, bytes, root)
    }

    pub(super) fn at_most(
        &self,
        limit: u64,
        bytes: Option<u128>,
        root: Root,
    ) -> Result<u64, MarshalError> {
        let bytes = bytes.unwrap_or(u128::MAX);
        match u64::try_from(bytes) {
            Ok(bytes) if bytes <= limit => Ok(bytes),
            _ => {
                let place = self.caller.place(root);
                Err(MarshalError::TooLarge {
                    place,
                    bytes,
                    limit,
                })
            }
        }
    }
}
