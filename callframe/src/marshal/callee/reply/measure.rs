//! How much of its buffers a function filled, and how far what it left behind reaches.

use super::{Returned, Writer};
use crate::expression::{Expression, Query};
use crate::marshal::caller::{Fill, fill};
use crate::marshal::evaluate::{Failure, Operand, evaluate, field, outer, size_of};
use crate::marshal::image::{ImageBlock, Owner, first_terminator, integer, unsigned};
use crate::marshal::memory::CalleeMemory;
use crate::marshal::plan::Plan;
use crate::marshal::{MAXIMUM_CALL, MOVED_TO_NULL, MarshalError, MemoryError};
use crate::types::{Extent, Filled, Pointer, RecordId, Type};
use std::collections::HashSet;

impl<M: CalleeMemory> Writer<'_, M> {
    /// Bytes of a block that the function filled.
    pub(super) fn filled(
        &self,
        block: &ImageBlock,
        owner: &Owner,
        pointer: &Pointer,
        plan: &Plan,
    ) -> Result<usize, MarshalError> {
        if let Some(moved) = self.moved_over(block, owner) {
            return Ok(moved);
        }
        let expression = match fill(self.callee.template.frame(), pointer) {
            None => return Ok(block.capacity),
            // What the caller sees, it need not be told of.
            Some(Fill::Until(_)) if block.shared.is_some() => return Ok(block.capacity),
            Some(Fill::Until(terminator)) => {
                let bytes = self
                    .image
                    .bytes()
                    .get(block.offset..block.offset + block.capacity);
                let bytes = bytes.unwrap_or_default();
                let end = first_terminator(bytes, plan.callee_size, terminator);
                return Ok(end.map_or(block.capacity, |end| end as usize));
            }
            Some(Fill::Amount(expression)) => expression,
        };
        let unit = match pointer.extent {
            Extent::Sized(_) => 1,
            _ => plan.callee_size,
        };
        let place = || self.callee.place(owner.root);
        let amount = match self.evaluate(expression, None) {
            Ok(amount) => amount.max(0),
            Err(Failure::Null) => return Ok(block.capacity),
            Err(_) => {
                return Err(MarshalError::callee(
                    &place(),
                    "how much was filled overflows",
                ));
            }
        };
        let bytes = amount
            .checked_mul(i128::from(unit))
            .and_then(|bytes| usize::try_from(bytes).ok());
        match bytes {
            Some(bytes) if bytes <= block.capacity => {
                let size = plan.callee_size.max(1) as usize;
                if !plan.bulk && bytes % size != 0 {
                    return Err(MarshalError::callee(
                        &place(),
                        "the last element is incomplete",
                    ));
                }
                Ok(bytes)
            }
            _ => {
                let reason = format!(
                    "the function says that it filled {amount} of a buffer of {} bytes",
                    block.capacity
                );
                Err(MarshalError::callee(&place(), reason))
            }
        }
    }

    /// Bytes between where the pointer to a block led and where it leads now; `None` where they say
    /// nothing of how much was filled.
    pub(super) fn moved_over(&self, block: &ImageBlock, owner: &Owner) -> Option<usize> {
        match self.moved.get(&block.offset) {
            Some(&MOVED_TO_NULL) => Some(block.capacity),
            Some(reference) => usize::try_from(reference - 1).ok(),
            None if owner.cursor => Some(0),
            None => None,
        }
    }

    /// How much of `capacity` bytes that a pointer of the VM's leads to is valid.
    pub(super) fn valid(
        &self,
        pointer: &Pointer,
        plan: &Plan,
        returned: &Returned,
        capacity: usize,
    ) -> Result<usize, MarshalError> {
        let Some(Filled::Amount(filled)) = &pointer.filled else {
            return Ok(capacity);
        };
        let unit = match pointer.extent {
            Extent::Sized(_) => 1,
            _ => plan.callee_size,
        };
        let length = self.amount(filled, unit, returned)?;
        if length > capacity {
            let reason = format!("{length} bytes were filled of a buffer of {capacity}");
            return Err(MarshalError::callee(
                &self.callee.place(returned.root),
                reason,
            ));
        }
        Ok(length)
    }

    /// Bytes a pointer of the VM's leads to.
    pub(super) fn extent(
        &self,
        pointer: &Pointer,
        plan: &Plan,
        returned: &Returned,
    ) -> Result<usize, MarshalError> {
        let unit = plan.callee_size;
        let place = || self.callee.place(returned.root);
        let terminator = match &pointer.extent {
            Extent::Single => return Ok(unit as usize),
            Extent::NullTerminated => 0,
            Extent::TerminatedBy(value) => *value as u64,
            Extent::Counted(expression) => return self.amount(expression, unit, returned),
            Extent::Sized(expression) => return self.amount(expression, 1, returned),
            Extent::EndedBy(_) => {
                let reason = "nothing says how far what it returned reaches";
                return Err(MarshalError::callee(&place(), reason));
            }
        };
        let limit = MAXIMUM_CALL / unit.max(1);
        let length = self
            .memory
            .terminated_length(returned.address, unit as usize, terminator, limit)
            .map_err(|error| MarshalError::memory(&place(), error))?;
        self.bounded(u128::from(length) * u128::from(unit), returned.root)
    }

    pub(super) fn amount(
        &self,
        expression: &Expression,
        unit: u64,
        returned: &Returned,
    ) -> Result<usize, MarshalError> {
        let place = || self.callee.place(returned.root);
        let answered = expression
            .answered(|query| self.ask(query))
            .map_err(|error| MarshalError::memory(&place(), error))?;
        match self.evaluate(&answered, returned.record) {
            Ok(amount) => {
                let bytes = (amount.max(0) as u128).checked_mul(u128::from(unit));
                self.bounded(bytes.unwrap_or(u128::MAX), returned.root)
            }
            Err(Failure::Null) => Ok(0),
            Err(_) => {
                let place = self.callee.place(returned.root);
                Err(MarshalError::callee(
                    &place,
                    "the size of what it returned overflows",
                ))
            }
        }
    }

    /// Asks another function of the library, with arguments of the call.
    pub(super) fn ask(&self, query: &Query) -> Result<i128, MemoryError> {
        let slot = |index: &u32| {
            let slot = self.callee.template.arguments().get(*index as usize)?;
            let start = slot.offset as usize;
            self.image.bytes().get(start..start + slot.size as usize)
        };
        let arguments = query.arguments.iter().map(slot);
        let arguments: Option<Vec<&[u8]>> = arguments.collect();
        self.memory.query(query, &arguments.unwrap_or_default())
    }

    /// Whether what led to a returned block led there in a circle.
    pub(super) fn loops(&self, returned: &Returned) -> bool {
        let mut seen = HashSet::new();
        let mut around = Some(returned);
        while let Some(inner) = around {
            if !seen.insert((inner.ty, inner.address)) {
                return true;
            }
            around = inner.parent.and_then(|number| self.returned.get(number));
        }
        false
    }

    /// What a call may carry.
    pub(super) fn bounded(&self, bytes: u128, root: u32) -> Result<usize, MarshalError> {
        self.at_most(MAXIMUM_CALL, bytes, root)
    }

    pub(super) fn at_most(
        &self,
        limit: u64,
        bytes: u128,
        root: u32,
    ) -> Result<usize, MarshalError> {
        match usize::try_from(bytes) {
            Ok(size) if bytes <= u128::from(limit) => Ok(size),
            _ => {
                let place = self.callee.place(root);
                Err(MarshalError::TooLarge {
                    place,
                    bytes,
                    limit,
                })
            }
        }
    }

    pub(super) fn evaluate(
        &self,
        expression: &Expression,
        record: Option<(RecordId, usize)>,
    ) -> Result<i128, Failure> {
        let callee = self.callee;
        evaluate(
            expression,
            &callee.template.model(),
            |operand| match operand {
                Operand::Parameter(index) => callee.parameter(self.image, index),
                Operand::Pointee(index) => callee.pointee(self.image, index),
                Operand::Field(index) => field(&callee.template, self.reply, index, record),
                Operand::Outer(index) => outer(&self.image.outer, index),
                Operand::Return => self.return_value(),
                Operand::SizeOf(ty) => size_of(&callee.template, ty),
            },
        )
    }

    pub(super) fn return_value(&self) -> Result<i128, Failure> {
        let frame = self.callee.template.frame();
        let size = self.callee.template.result().size as usize;
        match frame.ty(frame.result()) {
            Type::Scalar(scalar) => Ok(integer(self.result, 0, size, scalar.is_signed())),
            Type::Pointer(_) => Ok(i128::from(unsigned(self.result, 0, size) != 0)),
            Type::Descriptor => Ok(integer(self.result, 0, size, true).min(0)),
            _ => Err(Failure::Absent),
        }
    }
}
