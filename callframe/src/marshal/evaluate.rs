//! The value of an expression in one call, and why it has none.

use super::image::integer;
use crate::DataModel;
use crate::expression::{Environment, EvaluationError, Expression};
use crate::template::Template;
use crate::types::{RecordId, Type, TypeId};
use std::cell::Cell;

/// What an expression asks the call for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operand {
    Parameter(u32),
    Pointee(u32),
    Field(u32),
    Outer(u32),
    Return,
    SizeOf(TypeId),
}

/// Why an expression has no value in this call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// It follows a pointer that is NULL.
    Null,
    /// It needs something that this call does not have.
    Absent,
    /// A result beyond 128 bits, or a division by zero.
    Overflow,
}

/// Evaluates `expression`; `sizeof` is under `model`, the callee's.
pub(super) fn evaluate(
    expression: &Expression,
    model: &DataModel,
    operand: impl Fn(Operand) -> Result<i128, Failure>,
) -> Result<i128, Failure> {
    let values = Values {
        operand,
        failure: Cell::new(None),
    };
    expression
        .evaluate(&values, model)
        .map_err(|error| match error {
            EvaluationError::Overflow | EvaluationError::DivisionByZero => Failure::Overflow,
            _ => values.failure.get().unwrap_or(Failure::Absent),
        })
}

/// The integer in member `index` of a record, which begins at a place in `bytes` that are laid out
/// by the template.
pub(super) fn field(
    template: &Template,
    bytes: &[u8],
    index: u32,
    record: Option<(RecordId, usize)>,
) -> Result<i128, Failure> {
    let (id, at) = record.ok_or(Failure::Absent)?;
    let frame = template.frame();
    let field = frame.record(id).fields.get(index as usize);
    let offset = template.field_offset(id, index as usize);
    let (Some(field), Some(offset)) = (field, offset) else {
        return Err(Failure::Absent);
    };
    let Type::Scalar(scalar) = frame.ty(field.ty) else {
        return Err(Failure::Absent);
    };
    if let Some(bits) = template.bit_field(id, index as usize) {
        let bytes = bytes.get(at + offset as usize..).unwrap_or_default();
        return Ok(bits.value(bytes, scalar.is_signed()));
    }
    let size = template.scalar(*scalar).size as usize;
    Ok(integer(
        bytes,
        at + offset as usize,
        size,
        scalar.is_signed(),
    ))
}

/// The size of a type under the template's model.
pub(super) fn size_of(template: &Template, ty: TypeId) -> Result<i128, Failure> {
    Ok(i128::from(template.size_align(ty).size))
}

/// The value that parameter `index` of the outer function had when it was given the callback.
pub(super) fn outer(values: &[i128], index: u32) -> Result<i128, Failure> {
    values.get(index as usize).copied().ok_or(Failure::Absent)
}

/// An environment that remembers why a value is missing.
struct Values<F> {
    operand: F,
    failure: Cell<Option<Failure>>,
}

impl<F: Fn(Operand) -> Result<i128, Failure>> Values<F> {
    fn value(&self, operand: Operand) -> Option<i128> {
        (self.operand)(operand)
            .map_err(|failure| self.failure.set(Some(failure)))
            .ok()
    }
}

impl<F: Fn(Operand) -> Result<i128, Failure>> Environment for Values<F> {
    fn parameter(&self, index: u32) -> Option<i128> {
        self.value(Operand::Parameter(index))
    }

    fn pointee(&self, index: u32) -> Option<i128> {
        self.value(Operand::Pointee(index))
    }

    fn field(&self, index: u32) -> Option<i128> {
        self.value(Operand::Field(index))
    }

    fn returned(&self) -> Option<i128> {
        self.value(Operand::Return)
    }

    fn size_of(&self, ty: TypeId) -> Option<i128> {
        self.value(Operand::SizeOf(ty))
    }

    fn outer(&self, index: u32) -> Option<i128> {
        self.value(Operand::Outer(index))
    }
}
