//! The other way round: what a VM passes to a callback as values, and the callback's value as what
//! the VM gets.

use super::lay::{Area, Laid, Layer};
use super::read::Reader;
use super::view::View;
use crate::callback::Answer;
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
    let capacities = capacities(&slots, image);
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
    /// Lays what a callback left: its result, and what it wrote where its arguments lead; a sentence
    /// where that is none of their types.
    pub(crate) fn lay(
        template: &Template,
        image: &Image,
        answer: &Answer,
        number: VmNumber,
    ) -> Result<Returned, String> {
        let frame = template.frame();
        if matches!(frame.ty(frame.result()), Type::Void) && answer.result != Value::Void {
            return Err(format!(
                "it returns nothing, {} was returned",
                answer.result.kind()
            ));
        }
        let shelf = Shelf::default();
        // SAFETY: what is written is memory of the layer's own.
        let mut memory = unsafe { CallMemory::new(&shelf, number) };
        let slots = slots(template, image);
        let capacities = capacities(&slots, image);
        let mut layer = Layer::over(template, &mut memory, slots, image.outer());
        layer
            .outputs(&answer.outputs, &capacities)
            .map_err(|fault| fault.message)?;
        let (address, laid) = layer
            .result(&answer.result)
            .map_err(|fault| fault.message)?;
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

/// The bytes that each argument leads to.
fn capacities(slots: &[u64], image: &Image) -> Vec<u64> {
    let blocks = (0..slots.len()).map(|index| image.block(index as u32));
    blocks
        .map(|block| block.map_or(0, |block| block.len() as u64))
        .collect()
}

/// Where the arguments in an image are.
fn slots(template: &Template, image: &Image) -> Vec<u64> {
    let slots = template.arguments().iter();
    slots.map(|slot| image.base() + slot.offset).collect()
}
