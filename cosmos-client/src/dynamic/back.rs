//! The other way round: what a VM passes to a callback as values, and the callback's value as what
//! the VM gets.

use super::lay::{Area, Laid, Layer};
use super::read::Reader;
use super::view::View;
use crate::memory::{CallMemory, program};
use crate::shelf::Shelf;
use crate::token::VmNumber;
use crate::value::Value;
use callframe::Template;
use callframe::marshal::Image;
use callframe::types::{Direction, Identity, Type};

/// The arguments in an image whose pointers are set.
pub(crate) fn arguments(
    template: &Template,
    image: &Image,
    number: VmNumber,
) -> Result<Vec<Value>, String> {
    let slots = slots(template, image);
    let capacities: Vec<u64> = (0..slots.len())
        .map(|index| {
            image
                .block(index as u32)
                .map_or(0, |block| block.len() as u64)
        })
        .collect();
    let shelf = Shelf::default();
    // SAFETY: every address is in the image, which marshalling laid out by this template.
    let memory = unsafe { CallMemory::new(&shelf, number) };
    let view = View {
        template,
        outer: image.outer(),
        memory: &memory,
        slots: &slots,
        result: 0,
        record: None,
    };
    let areas: Vec<Area> = image
        .blocks()
        .map(|block| Area {
            start: image.base() + block.start as u64,
            capacity: block.len() as u64,
        })
        .collect();
    let reader = Reader::new(view, &capacities, &areas);
    let frame = template.frame();
    let parameters = frame.parameters().iter().enumerate();
    parameters
        .map(|(index, parameter)| {
            let filled_here = matches!(frame.ty(parameter.ty), Type::Pointer(pointer)
                if pointer.identity == Identity::Data && pointer.direction == Direction::Out);
            match filled_here {
                true => Ok(Value::Out),
                false => reader.argument(index),
            }
            .map_err(|problem| format!("'{}': {problem}", parameter.name))
        })
        .collect()
}

/// The result of a callback in C memory.
pub(crate) struct Returned {
    address: u64,
    size: usize,
    /// What it leads to.
    _laid: Laid,
}

impl Returned {
    /// Lays the value that a callback returned; a sentence where it is none of the result's type.
    pub(crate) fn lay(
        template: &Template,
        image: &Image,
        value: &Value,
        number: VmNumber,
    ) -> Result<Returned, String> {
        let frame = template.frame();
        if matches!(frame.ty(frame.result()), Type::Void) && *value != Value::Void {
            return Err(format!("it returns nothing, {} was returned", value.kind()));
        }
        let shelf = Shelf::default();
        // SAFETY: what is written is memory of the layer's own.
        let mut memory = unsafe { CallMemory::new(&shelf, number) };
        let layer = Layer::over(template, &mut memory, slots(template, image), image.outer());
        let (address, laid) = layer.result(value).map_err(|fault| fault.message)?;
        Ok(Returned {
            address,
            size: usize::try_from(template.result().size).unwrap_or(0),
            _laid: laid,
        })
    }

    /// Its bytes.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.size];
        // The block has this size.
        let _ = program::read(self.address, &mut bytes);
        bytes
    }
}

/// Where the arguments in an image are.
fn slots(template: &Template, image: &Image) -> Vec<u64> {
    let slots = template.arguments().iter();
    slots.map(|slot| image.base() + slot.offset).collect()
}
