//! Request bytes to callee memory.

use super::Callee;
use crate::expression::Expression;
use crate::marshal::caller::is_cursor;
use crate::marshal::evaluate::{Failure, Operand, evaluate, field, outer, size_of};
use crate::marshal::image::{Allocated, Image, ImageBlock, Owner, Relocation, integer, unsigned};
use crate::marshal::memory::{CalleeMemory, Given};
use crate::marshal::plan::{Plan, Step, chosen};
use crate::marshal::wire::Body;
use crate::marshal::{
    CALLBACK_BITS, CLEARED, CLOSED, CLOSED_DESCRIPTOR, MAXIMUM_BODY, MarshalError, constant_value,
};
use crate::template::align_up;
use crate::types::{Extent, Identity, Ownership, Pointer, RecordId, TypeId};
use std::collections::HashSet;

mod extents;

pub(super) fn decode<M: CalleeMemory>(
    callee: &Callee,
    request: &[u8],
    memory: &mut M,
    image: &mut Image,
) -> Result<(), MarshalError> {
    let body = Body::parse(request, callee.template.arguments_size())?;
    lay_out(callee, &body, memory, image)?;
    let mut decoder = Decoder {
        callee,
        body: &body,
        memory,
        image,
        next: 0,
        next_descriptor: 0,
        aliases: Vec::new(),
        callbacks: Vec::new(),
        handles: Vec::new(),
        consumed: Vec::new(),
    };
    decoder.slots()?;
    decoder.blocks()?;
    decoder.aliases()?;
    decoder.extents()?;
    decoder.allocate()?;
    decoder.callbacks()?;
    if decoder.next != body.references() {
        return Err(MarshalError::Malformed("references are left over"));
    }
    for wire in std::mem::take(&mut decoder.consumed) {
        decoder.memory.handle_consume(wire);
    }
    image
        .relocations
        .sort_unstable_by_key(|relocation| relocation.position);
    Ok(())
}

/// Makes room for slots and blocks, and copies what was sent of them.
fn lay_out<M: CalleeMemory>(
    callee: &Callee,
    body: &Body<'_>,
    memory: &mut M,
    image: &mut Image,
) -> Result<(), MarshalError> {
    let mut total = callee.template.arguments_size();
    let offsets = body.blocks.iter().map(|block| {
        let offset = total;
        // What is elsewhere has a place here all the same, by which it is known.
        let size = match block.shared {
            Some(_) => 16,
            None => align_up(block.capacity.max(1), 16)?,
        };
        total = total
            .checked_add(size)
            .filter(|&total| total <= MAXIMUM_BODY)?;
        Some(ImageBlock {
            offset: offset as usize,
            capacity: block.capacity as usize,
            owner: None,
            shared: None,
        })
    });
    let blocks = offsets.collect::<Option<Vec<_>>>();
    let mut blocks = blocks.ok_or(MarshalError::Malformed("larger than a call may be"))?;
    for (block, placed) in body.blocks.iter().zip(&mut blocks) {
        let Some(shared) = block.shared else { continue };
        let (place, cleared) = (shared & !CLEARED, shared & CLEARED != 0);
        let address = memory.shared(place, block.capacity, cleared);
        let address =
            address.map_err(|error| MarshalError::memory("memory shared with the VM", error))?;
        placed.shared = Some(address);
    }
    image.reset(total as usize);
    image.errno = body.errno;
    image.pointer_size = usize::from(callee.template.model().pointer.size);
    put(image, 0, &body.bytes[body.front.clone()]);
    for (block, placed) in body.blocks.iter().zip(&blocks) {
        put(image, placed.offset, body.contents(*block));
    }
    image.blocks = blocks;
    Ok(())
}

fn put(image: &mut Image, at: usize, bytes: &[u8]) {
    if let Some(place) = image.bytes_mut().get_mut(at..at + bytes.len()) {
        place.copy_from_slice(bytes);
    }
}

pub(super) struct Decoder<'a, M> {
    pub(super) callee: &'a Callee,
    pub(super) body: &'a Body<'a>,
    pub(super) memory: &'a mut M,
    pub(super) image: &'a mut Image,
    /// The next reference.
    next: usize,
    next_descriptor: u64,
    aliases: Vec<Alias>,
    callbacks: Vec<Function>,
    /// Handles among the parameters: index and wire form.
    pub(super) handles: Vec<(u32, u64)>,
    pub(super) consumed: Vec<u64>,
}

/// A function that is passed, made when everything else is known to be good.
struct Function {
    position: usize,
    ty: TypeId,
    number: u64,
    root: u32,
}

/// A pointer into what a parameter leads to, resolved when all blocks have their owners.
struct Alias {
    position: usize,
    into: u32,
    offset: u64,
}

/// What a pointer is part of.
#[derive(Clone, Copy)]
struct Place<'a> {
    root: u32,
    parameter: Option<u32>,
    /// The pointer that leads to where it lies.
    outer: Option<&'a Pointer>,
}

impl<M: CalleeMemory> Decoder<'_, M> {
    fn slots(&mut self) -> Result<(), MarshalError> {
        let callee = self.callee;
        let parameters = callee.template.frame().parameters();
        for (index, (parameter, slot)) in parameters
            .iter()
            .zip(callee.template.arguments())
            .enumerate()
        {
            let plan = callee.plans.of(parameter.ty);
            let place = Place {
                root: index as u32,
                parameter: Some(index as u32),
                outer: None,
            };
            if plan.references {
                self.steps(&plan.steps, slot.offset as usize, place)?;
            }
        }
        Ok(())
    }

    /// Reads the blocks in order. Each must have been named by an earlier slot or block, and since
    /// none is named twice, no reference leads back.
    fn blocks(&mut self) -> Result<(), MarshalError> {
        let callee = self.callee;
        for number in 0..self.image.blocks.len() {
            let Some(&block) = self.image.blocks.get(number) else {
                break;
            };
            let sent = match block.shared {
                Some(_) => block.capacity,
                None => self.body.blocks.get(number).map_or(0, |block| block.length),
            };
            let Some(owner) = block.owner else {
                return Err(MarshalError::Malformed("a block that nothing names"));
            };
            let Some(pointer) = callee.pointer(owner.ty) else {
                continue;
            };
            if matches!(pointer.identity, Identity::Handle(_)) {
                if !owner.cursor {
                    self.resident_block(number, &block, sent)?;
                }
                continue;
            }
            let plan = callee.plans.of(pointer.target);
            self.check_length(pointer, plan, &block, sent)?;
            if plan.references && pointer.direction.enters() && block.shared.is_none() {
                let place = Place {
                    root: owner.root,
                    parameter: None,
                    outer: Some(pointer),
                };
                let stride = plan.callee_size as usize;
                for index in 0..block.capacity / stride.max(1) {
                    self.steps(&plan.steps, block.offset + index * stride, place)?;
                }
                if pointer.extent == Extent::NullTerminated
                    && callee.pointer(pointer.target).is_some()
                    && self.body.reference(self.next.wrapping_sub(1)) != Ok(0)
                {
                    return Err(MarshalError::Malformed(
                        "pointers that do not end with NULL",
                    ));
                }
            }
        }
        Ok(())
    }

    /// Whether what was sent of a block fits its direction and its extent, where that is fixed.
    fn check_length(
        &self,
        pointer: &Pointer,
        plan: &Plan,
        block: &ImageBlock,
        sent: usize,
    ) -> Result<(), MarshalError> {
        let unit = plan.callee_size as usize;
        if sent != 0 && sent != block.capacity {
            return Err(MarshalError::Malformed("a block that was sent in part"));
        }
        if pointer.direction.enters() && sent != block.capacity {
            return Err(MarshalError::Malformed("a block that was not sent"));
        }
        let here = block.shared.is_none();
        if !pointer.direction.enters() && sent != 0 && plan.references && here {
            return Err(MarshalError::Malformed(
                "pointers where the callee finds zeros",
            ));
        }
        let whole = plan.bulk || unit == 0 || block.capacity.is_multiple_of(unit);
        let good = match &pointer.extent {
            Extent::Single => block.capacity == unit,
            Extent::NullTerminated => self.terminated(block, unit, 0),
            Extent::TerminatedBy(value) => self.terminated(block, unit, *value as u64),
            Extent::Counted(_) | Extent::Sized(_) | Extent::EndedBy(_) => true,
        };
        match whole && good {
            true => Ok(()),
            false => Err(MarshalError::Malformed(
                "a block of another size than its extent",
            )),
        }
    }

    /// Whether the last element of a block is its terminator.
    fn terminated(&self, block: &ImageBlock, unit: usize, terminator: u64) -> bool {
        if unit == 0 || unit > 8 || block.capacity < unit || !block.capacity.is_multiple_of(unit) {
            return false;
        }
        let end = block.capacity - unit;
        let last = match block.shared {
            Some(address) => {
                let mut last = [0; 8];
                let at = address.saturating_add(end as u64);
                if self.memory.read(at, &mut last[..unit]).is_err() {
                    return false;
                }
                u64::from_le_bytes(last)
            }
            None => unsigned(self.image.bytes(), block.offset + end, unit),
        };
        last.to_le_bytes()[..unit] == terminator.to_le_bytes()[..unit]
    }

    fn steps(&mut self, steps: &[Step], at: usize, place: Place<'_>) -> Result<(), MarshalError> {
        for step in steps {
            match *step {
                Step::Copy { .. } | Step::Bool { .. } | Step::Integer { .. } => {}
                Step::Descriptor { callee, .. } => self.descriptor(at + callee, place)?,
                Step::Pointer {
                    callee, ty, record, ..
                } => {
                    let record = record.map(|(id, offset)| (id, at + offset));
                    self.pointer(at + callee, ty, record, place)?;
                }
                Step::Repeat {
                    count,
                    callee,
                    callee_stride,
                    ref steps,
                    ..
                } => {
                    let place = Place {
                        parameter: None,
                        ..place
                    };
                    for index in 0..count {
                        self.steps(steps, at + callee + index * callee_stride, place)?;
                    }
                }
                Step::Union {
                    callee,
                    tag,
                    ref cases,
                    ..
                } => {
                    let tag = integer(self.image.bytes(), at + tag.at, tag.size, tag.signed);
                    let place = Place {
                        parameter: None,
                        ..place
                    };
                    self.steps(chosen(cases, tag), at + callee, place)?;
                }
            }
        }
        Ok(())
    }

    fn pointer(
        &mut self,
        position: usize,
        ty: TypeId,
        record: Option<(RecordId, usize)>,
        place: Place<'_>,
    ) -> Result<(), MarshalError> {
        let callee = self.callee;
        let Some(pointer) = callee.pointer(ty) else {
            return Ok(());
        };
        let reference = self.reference()?;
        if reference == 0 {
            self.image.write_pointer(position, 0);
            return Ok(());
        }
        match &pointer.identity {
            Identity::Handle(_) if reference >> 62 == 1 => {
                let parameter = place.parameter.filter(|_| record.is_none());
                self.resident(pointer, position, reference, parameter)?;
            }
            Identity::Handle(handle) => {
                let address = match constant_value(&handle.constants, reference) {
                    Some(value) => value,
                    None => self.object(pointer, position, reference, place)?,
                };
                self.image.write_pointer(position, address);
                if record.is_none() {
                    let named = place.parameter.map(|index| (index, reference));
                    self.handles.extend(named);
                }
            }
            Identity::Opaque => {
                self.opaque(reference, place.root)?;
                self.image.write_pointer(position, reference);
            }
            Identity::Alias(into) => {
                self.aliases.push(Alias {
                    position,
                    into: *into,
                    offset: reference - 1,
                });
            }
            Identity::Callback(callback) => match constant_value(&callback.constants, reference) {
                Some(value) => self.image.write_pointer(position, value),
                None if reference >> CALLBACK_BITS != 0 => {
                    return Err(MarshalError::Malformed("a function without a number"));
                }
                None => self.callbacks.push(Function {
                    position,
                    ty,
                    number: reference,
                    root: place.root,
                }),
            },
            Identity::Data => {
                let outer = place.outer;
                let owner = Owner {
                    ty,
                    position,
                    replaced: matches!(pointer.ownership, Ownership::Owned(_))
                        && outer.is_some_and(|outer| outer.direction.leaves()),
                    parameter: place.parameter.filter(|_| record.is_none()),
                    root: place.root,
                    record,
                    cursor: outer
                        .is_some_and(|outer| is_cursor(callee.template.frame(), outer, ty)),
                };
                self.claim(position, reference - 1, owner)?;
            }
        }
        Ok(())
    }

    fn opaque(&mut self, value: u64, root: u32) -> Result<(), MarshalError> {
        let bits = 8 * self.image.pointer_size as u32;
        if bits < 64 && value >> bits != 0 {
            return Err(MarshalError::Malformed("a value wider than a pointer"));
        }
        let entered = self.memory.opaque_enters(value);
        entered.map_err(|error| MarshalError::memory(&self.callee.place(root), error))
    }

    /// Where the object of a handle is.
    fn object(
        &mut self,
        pointer: &Pointer,
        position: usize,
        wire: u64,
        place: Place<'_>,
    ) -> Result<u64, MarshalError> {
        let callee = self.callee;
        let frame = callee.template.frame();
        let address = self
            .memory
            .handle_resolve(wire, frame.object_name(pointer))
            .map_err(|error| MarshalError::memory(&callee.place(place.root), error))?;
        let consumed = matches!(&pointer.identity, Identity::Handle(handle) if handle.consumed);
        if consumed || self.memory.handle_closes(wire, frame.name()) {
            self.consumed.push(wire);
        }
        if place.outer.is_none_or(|outer| outer.direction.leaves()) {
            self.image.handles.push((position, wire));
        }
        Ok(address)
    }

    /// Gives block `number` its owner.
    fn claim(&mut self, position: usize, number: u64, owner: Owner) -> Result<(), MarshalError> {
        let number = usize::try_from(number).unwrap_or(usize::MAX);
        let Some(block) = self.image.blocks.get_mut(number) else {
            return Err(MarshalError::Malformed(
                "a reference to a block that is not there",
            ));
        };
        if block.owner.is_some() {
            return Err(MarshalError::Malformed("two references to one block"));
        }
        if block.shared.is_some() && owner.replaced {
            return Err(MarshalError::Malformed(
                "shared memory that the function may allocate anew",
            ));
        }
        block.owner = Some(owner);
        let relocation = Relocation {
            position,
            target: block.offset,
            shared: block.shared,
        };
        self.image.relocations.push(relocation);
        Ok(())
    }

    fn descriptor(&mut self, position: usize, place: Place<'_>) -> Result<(), MarshalError> {
        let reference = self.reference()?;
        let value = match i32::try_from(reference as i64) {
            Ok(negative) if negative < 0 => negative,
            _ if reference == CLOSED => CLOSED_DESCRIPTOR,
            _ if reference == self.next_descriptor => {
                self.next_descriptor += 1;
                let received = self.memory.descriptor(reference as usize);
                received
                    .map_err(|error| MarshalError::memory(&self.callee.place(place.root), error))?
            }
            _ => return Err(MarshalError::Malformed("a descriptor out of order")),
        };
        put(self.image, position, &value.to_le_bytes());
        Ok(())
    }

    fn aliases(&mut self) -> Result<(), MarshalError> {
        for alias in std::mem::take(&mut self.aliases) {
            let block = self.image.block_of(alias.into);
            let Some(block) = block.filter(|block| alias.offset <= block.capacity as u64) else {
                return Err(MarshalError::Malformed("an alias of what is not there"));
            };
            let relocation = Relocation {
                position: alias.position,
                target: block.offset + alias.offset as usize,
                shared: block.shared.map(|start| start + alias.offset),
            };
            self.image.relocations.push(relocation);
        }
        Ok(())
    }

    /// Makes the functions that are passed.
    fn callbacks(&mut self) -> Result<(), MarshalError> {
        if self.callbacks.is_empty() {
            return Ok(());
        }
        let callee = self.callee;
        let parameters = 0..callee.template.frame().parameters().len() as u32;
        let outer: Vec<i128> = parameters
            .map(|index| callee.parameter(self.image, index).unwrap_or(0))
            .collect();
        for function in std::mem::take(&mut self.callbacks) {
            let scope = match callee.pointer(function.ty).map(|it| &it.identity) {
                Some(Identity::Callback(callback)) => callback.scope,
                _ => None,
            };
            let scope = scope.and_then(|index| self.handles.iter().find(|it| it.0 == index));
            let address = self.memory.callback(&Given {
                ty: function.ty,
                address: function.number,
                outer: &outer,
                scope: scope.map(|(_, wire)| *wire),
            });
            let address = address
                .map_err(|error| MarshalError::memory(&callee.place(function.root), error))?;
            self.image.write_pointer(function.position, address);
            self.image.functions.push((function.position, address));
        }
        Ok(())
    }

    /// Moves out of the image what the function keeps, or may allocate anew.
    fn allocate(&mut self) -> Result<(), MarshalError> {
        for number in 0..self.image.blocks.len() {
            let Some(&block) = self.image.blocks.get(number) else {
                break;
            };
            let Some(owner) = block.owner else { continue };
            let Some(pointer) = self.callee.pointer(owner.ty) else {
                continue;
            };
            let retained = matches!(pointer.ownership, Ownership::Retained(_));
            if !retained && !owner.replaced || block.shared.is_some() {
                continue;
            }
            let range = block.offset..block.offset + block.capacity;
            let bytes = self.image.bytes().get(range).unwrap_or_default();
            let address = match retained {
                true => self.memory.retain(bytes),
                false => self.memory.give(bytes),
            };
            let address = address
                .map_err(|error| MarshalError::memory(&self.callee.place(owner.root), error))?;
            self.image.write_pointer(owner.position, address);
            self.image.allocated.push(Allocated {
                position: owner.position,
                address,
                ty: owner.ty,
            });
        }
        let Image {
            allocated,
            relocations,
            ..
        } = &mut *self.image;
        if !allocated.is_empty() {
            let moved: HashSet<usize> = allocated.iter().map(|entry| entry.position).collect();
            relocations.retain(|relocation| !moved.contains(&relocation.position));
        }
        Ok(())
    }

    fn evaluate(&self, expression: &Expression, owner: &Owner) -> Result<i128, Failure> {
        let callee = self.callee;
        evaluate(
            expression,
            &callee.template.model(),
            |operand| match operand {
                Operand::Parameter(index) => callee.parameter(self.image, index),
                Operand::Pointee(index) => callee.pointee(self.image, index),
                Operand::Field(index) => {
                    field(&callee.template, self.image.bytes(), index, owner.record)
                }
                Operand::Outer(index) => outer(&self.image.outer, index),
                Operand::Return => Err(Failure::Absent),
                Operand::SizeOf(ty) => size_of(&callee.template, ty),
            },
        )
    }

    pub(super) fn reference(&mut self) -> Result<u64, MarshalError> {
        let reference = self.body.reference(self.next)?;
        self.next += 1;
        Ok(reference)
    }
}
