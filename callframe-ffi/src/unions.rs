//! Unions by value. libffi has none, so a union is given as a struct that the calling convention
//! passes in the same way.
//!
//! The convention of x86-64 asks of each eight bytes whether any integer lies in them, whatever else
//! lies there too; then they travel as an integer, else as a floating number. That holds for every
//! part of the union on its own, so each `align` bytes become one integer or one floating number,
//! and libffi joins the parts as it joins members of structs. What is larger than two registers
//! travels in memory, where only size and alignment count.

use callframe::Template;
use callframe::types::{RecordId, Scalar, Type, TypeId};
use libffi::middle;

/// Largest value that travels in registers.
const REGISTERS: u64 = 16;

/// Why a union has no counterpart: it holds a `long double` and would travel in registers.
pub(crate) struct InRegisters;

/// The members of a struct that travels as the union `id` does.
pub(crate) fn members(template: &Template, id: TypeId) -> Result<Vec<middle::Type>, InRegisters> {
    let layout = template.size_align(id);
    if layout.size > REGISTERS {
        let part = match layout.align {
            1 => middle::Type::u8(),
            2 => middle::Type::u16(),
            4 => middle::Type::u32(),
            8 => middle::Type::u64(),
            _ => middle::Type::longdouble(),
        };
        let count = layout.size / layout.align;
        return Ok((0..count).map(|_| part.clone()).collect());
    }
    let mut integers = [false; REGISTERS as usize];
    let mut floats = [false; REGISTERS as usize];
    mark(template, id, 0, &mut integers, &mut floats)?;
    let part = |index: u64| {
        let range = (index * layout.align) as usize..((index + 1) * layout.align) as usize;
        let any = |marked: &[bool]| {
            marked
                .get(range.clone())
                .unwrap_or_default()
                .contains(&true)
        };
        let floating = any(&floats) && !any(&integers);
        match (layout.align, floating) {
            (1, _) => middle::Type::u8(),
            (2, _) => middle::Type::u16(),
            (4, true) => middle::Type::f32(),
            (4, false) => middle::Type::u32(),
            (_, true) => middle::Type::f64(),
            (_, false) => middle::Type::u64(),
        }
    };
    Ok((0..layout.size / layout.align).map(part).collect())
}

/// Marks the bytes of a value at `at` that are integers or floating numbers.
fn mark(
    template: &Template,
    id: TypeId,
    at: u64,
    integers: &mut [bool],
    floats: &mut [bool],
) -> Result<(), InRegisters> {
    let frame = template.frame();
    let size = template.size_align(id).size;
    let fill = |marked: &mut [bool]| {
        if let Some(bytes) = marked.get_mut(at as usize..(at + size) as usize) {
            bytes.fill(true);
        }
    };
    match frame.ty(id) {
        Type::Scalar(Scalar::LongDouble | Scalar::ComplexLongDouble) => return Err(InRegisters),
        Type::Scalar(scalar) if !scalar.is_integer() => fill(floats),
        Type::Scalar(_) | Type::Descriptor | Type::Pointer(_) => fill(integers),
        Type::Array { element, length } => {
            let stride = template.size_align(*element).size;
            for index in 0..*length {
                mark(template, *element, at + index * stride, integers, floats)?;
            }
        }
        Type::Record(record) => {
            for (index, ty) in fields(template, *record).into_iter().enumerate() {
                let offset = template.field_offset(*record, index).unwrap_or(0);
                mark(template, ty, at + offset, integers, floats)?;
            }
        }
        Type::Void | Type::Function { .. } => {}
    }
    Ok(())
}

fn fields(template: &Template, record: RecordId) -> Vec<TypeId> {
    let fields = &template.frame().record(record).fields;
    fields.iter().map(|field| field.ty).collect()
}
