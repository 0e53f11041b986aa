//! The integers of a call, for the expressions of its prototype.

use super::scalar::integer_value;
use crate::memory::CallMemory;
use callframe::Template;
use callframe::expression::{Environment, EvaluationError, Expression};
use callframe::marshal::CallerBytes;
use callframe::types::{Identity, RecordId, Type, TypeId};

/// What expressions see at one moment of a call: before it, or after.
#[derive(Clone, Copy)]
pub(super) struct View<'call> {
    pub(super) template: &'call Template,
    /// In a callback: the integers of the call it was passed to.
    pub(super) outer: &'call [i128],
    pub(super) memory: &'call CallMemory<'call>,
    /// Addresses of the argument slots.
    pub(super) slots: &'call [u64],
    /// Address of the result, 0 before the call.
    pub(super) result: u64,
    /// The record an expression stands in, and its address.
    pub(super) record: Option<(RecordId, u64)>,
}

impl View<'_> {
    /// The value of an expression.
    pub(super) fn evaluate(&self, expression: &Expression) -> Result<i128, EvaluationError> {
        expression.evaluate(self, &self.template.model())
    }

    /// The integer of this type at this address.
    fn integer(&self, ty: TypeId, address: u64) -> Option<i128> {
        let frame = self.template.frame();
        let Type::Scalar(scalar) = frame.ty(ty) else {
            return None;
        };
        if !scalar.is_integer() {
            return None;
        }
        let size = usize::try_from(self.template.scalar(*scalar).size).ok()?;
        let mut bytes = [0; 8];
        let bytes = bytes.get_mut(..size)?;
        self.memory.read(address, bytes).ok()?;
        Some(integer_value(*scalar, bytes))
    }
}

impl Environment for View<'_> {
    fn parameter(&self, index: u32) -> Option<i128> {
        let index = usize::try_from(index).ok()?;
        let parameter = self.template.frame().parameters().get(index)?;
        self.integer(parameter.ty, *self.slots.get(index)?)
    }

    fn pointee(&self, index: u32) -> Option<i128> {
        let index = usize::try_from(index).ok()?;
        let parameter = self.template.frame().parameters().get(index)?;
        let Type::Pointer(pointer) = self.template.frame().ty(parameter.ty) else {
            return None;
        };
        if pointer.identity != Identity::Data {
            return None;
        }
        let mut bytes = [0; 8];
        self.memory.read(*self.slots.get(index)?, &mut bytes).ok()?;
        let address = u64::from_le_bytes(bytes);
        (address != 0)
            .then(|| self.integer(pointer.target, address))
            .flatten()
    }

    fn field(&self, index: u32) -> Option<i128> {
        let (record, address) = self.record?;
        let index = usize::try_from(index).ok()?;
        let field = self.template.frame().record(record).fields.get(index)?;
        let offset = self.template.field_offset(record, index)?;
        if let Some(bits) = self.template.bit_field(record, index) {
            let Type::Scalar(scalar) = self.template.frame().ty(field.ty) else {
                return None;
            };
            let mut bytes = vec![0; bits.bytes()];
            self.memory
                .read(address.checked_add(offset)?, &mut bytes)
                .ok()?;
            return Some(bits.value(&bytes, scalar.is_signed()));
        }
        self.integer(field.ty, address.checked_add(offset)?)
    }

    fn size_of(&self, ty: TypeId) -> Option<i128> {
        Some(self.template.size_align(ty).size.into())
    }

    fn outer(&self, index: u32) -> Option<i128> {
        self.outer.get(usize::try_from(index).ok()?).copied()
    }

    fn returned(&self) -> Option<i128> {
        let ty = self.template.frame().result();
        (self.result != 0)
            .then(|| self.integer(ty, self.result))
            .flatten()
    }
}
