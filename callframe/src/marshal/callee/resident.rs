//! Objects that the function finds where they stay, and whose numbers are the caller's as well.

use super::decode::Decoder;
use super::reply::{Returned, Writer};
use crate::marshal::image::{ImageBlock, Owner, ResidentObject, integer, unsigned};
use crate::marshal::memory::{CalleeMemory, Object};
use crate::marshal::resident::{Resident, Walker};
use crate::marshal::{MarshalError, RESIDENT, wire};
use crate::types::{Handle, Identity, Pointer};

impl<M: CalleeMemory> Decoder<'_, M> {
    /// A parameter that leads to an object of which the caller keeps a part.
    pub(super) fn resident(
        &mut self,
        pointer: &Pointer,
        position: usize,
        reference: u64,
        parameter: Option<u32>,
    ) -> Result<(), MarshalError> {
        let callee = self.callee;
        let wire = reference & !RESIDENT;
        let resident = parameter.and_then(|index| callee.plans.resident(index));
        let (Some(index), Some(resident), Identity::Handle(handle)) =
            (parameter, resident, &pointer.identity)
        else {
            return Err(MarshalError::Malformed("an object where none can be"));
        };
        let address = self.object_at(pointer, handle, index, resident, wire)?;
        self.image.write_pointer(position, address);
        if wire != 0 {
            self.image.handles.push((position, wire));
            self.handles.push((index, wire));
        }
        let number = self.reference()?.checked_sub(1);
        let number = number.and_then(|number| usize::try_from(number).ok());
        let block = number.and_then(|number| self.image.blocks.get_mut(number));
        let (Some(number), Some(block)) = (number, block) else {
            return Err(MarshalError::Malformed("an object without its state"));
        };
        if block.owner.is_some() {
            return Err(MarshalError::Malformed("two references to one block"));
        }
        block.owner = Some(Owner {
            ty: callee.template.frame().parameters()[index as usize].ty,
            position,
            replaced: false,
            parameter: None,
            root: index,
            record: None,
            cursor: false,
        });
        self.image.residents.push(ResidentObject {
            index,
            number,
            address,
            wire,
            ends: self.consumed.contains(&wire),
            buffers: Vec::new(),
        });
        Ok(())
    }

    fn object_at(
        &mut self,
        pointer: &Pointer,
        handle: &Handle,
        index: u32,
        resident: &Resident,
        wire: u64,
    ) -> Result<u64, MarshalError> {
        let callee = self.callee;
        let failed = |error| MarshalError::memory(&callee.place(index), error);
        if wire == 0 {
            return match handle.resident {
                true => self
                    .memory
                    .resident_make(resident.callee_size)
                    .map_err(failed),
                false => Err(MarshalError::Malformed("an object that was never made")),
            };
        }
        let frame = callee.template.frame();
        let address = self
            .memory
            .handle_resolve(wire, frame.object_name(pointer))
            .map_err(failed)?;
        if !self.memory.resident_has(wire, resident.callee_size) {
            return Err(MarshalError::StaleHandle {
                place: callee.place(index),
            });
        }
        if handle.consumed || self.memory.handle_closes(wire, frame.name()) {
            self.consumed.push(wire);
        }
        Ok(address)
    }

    /// Takes over the numbers of an object, and gives its walking members their buffers.
    pub(super) fn resident_block(
        &mut self,
        number: usize,
        block: &ImageBlock,
        sent: usize,
    ) -> Result<(), MarshalError> {
        let callee = self.callee;
        let found = self
            .image
            .residents
            .iter()
            .position(|object| object.number == number);
        let object = found.and_then(|at| self.image.residents.get(at)).cloned();
        let (Some(found), Some(object)) = (found, object) else {
            return Err(MarshalError::Malformed("a state without its object"));
        };
        let Some(resident) = callee.plans.resident(object.index) else {
            return Ok(());
        };
        if sent != block.capacity || sent as u64 != resident.callee_size {
            return Err(MarshalError::Malformed("the state of another object"));
        }
        let failed = |error| MarshalError::memory(&callee.place(object.index), error);
        for &(at, length) in &resident.ranges {
            let start = block.offset + at;
            let bytes = self.image.bytes().get(start..start + length);
            let address = object.address.wrapping_add(at as u64);
            self.memory
                .write(address, bytes.unwrap_or_default())
                .map_err(failed)?;
        }
        for walker in &resident.walkers {
            let buffer = self.buffer(walker, &object, block)?;
            if buffer.is_none() {
                let zeros = [0; 8];
                let size = self.image.pointer_size.min(8);
                let at = object.address.wrapping_add(walker.callee as u64);
                self.memory.write(at, &zeros[..size]).map_err(failed)?;
            }
            if let Some(object) = self.image.residents.get_mut(found) {
                object.buffers.push(buffer);
            }
        }
        Ok(())
    }

    /// Claims the buffer that a member walks through in this call.
    fn buffer(
        &mut self,
        walker: &Walker,
        object: &ResidentObject,
        state: &ImageBlock,
    ) -> Result<Option<usize>, MarshalError> {
        let Some(number) = self.reference()?.checked_sub(1) else {
            return Ok(None);
        };
        let (place, size, signed) = walker.available;
        let left = integer(self.image.bytes(), state.offset + place, size, signed).max(0);
        let number = usize::try_from(number).unwrap_or(usize::MAX);
        let sent = self.body.blocks.get(number).map_or(0, |block| block.length);
        let Some(block) = self.image.blocks.get_mut(number) else {
            return Err(MarshalError::Malformed(
                "a reference to a block that is not there",
            ));
        };
        let fits = left.checked_mul(walker.units.1.into()) == Some(block.capacity as i128);
        let whole =
            block.shared.is_some() || sent == if walker.enters { block.capacity } else { 0 };
        if block.owner.is_some() || !fits || !whole {
            return Err(MarshalError::Malformed(
                "a buffer of another size than is left",
            ));
        }
        block.owner = Some(Owner {
            ty: walker.ty,
            position: usize::MAX,
            replaced: false,
            parameter: None,
            root: object.index,
            record: None,
            cursor: true,
        });
        let at = object.address.wrapping_add(walker.callee as u64);
        self.image.outside.push((at, number));
        Ok(Some(number))
    }
}

impl<M: CalleeMemory> Writer<'_, M> {
    /// Whether a block is the state of an object; its number in the image.
    pub(super) fn resident_of(&self, block: &ImageBlock) -> Option<ResidentObject> {
        let number = self
            .image
            .blocks
            .binary_search_by_key(&block.offset, |block| block.offset)
            .ok()?;
        let mut residents = self.image.residents.iter();
        residents.find(|object| object.number == number).cloned()
    }

    /// Writes what the caller sees of an object now.
    pub(super) fn resident_block(
        &mut self,
        object: &ResidentObject,
        block: &ImageBlock,
        success: bool,
    ) -> Result<(), MarshalError> {
        let callee = self.callee;
        let Some(resident) = callee.plans.resident(object.index) else {
            return Ok(());
        };
        let length = if success { block.capacity } else { 0 };
        self.start_block(length as u64, block.capacity as u64, object.index)?;
        if !success {
            return Ok(());
        }
        let failed = |error| MarshalError::memory(&callee.place(object.index), error);
        let mut state = vec![0; block.capacity];
        self.memory
            .read(object.address, &mut state)
            .map_err(failed)?;
        let at = self.reply.len();
        self.reply.resize(at + length, 0);
        for &(start, length) in &resident.ranges {
            let to = at + start..at + start + length;
            if let (Some(to), Some(from)) =
                (self.reply.get_mut(to), state.get(start..start + length))
            {
                to.copy_from_slice(from);
            }
        }
        wire::pad(self.reply);
        let wire = self.resident_wire(object)?;
        self.references.push(wire);
        let size = self.image.pointer_size;
        for (walker, buffer) in resident.walkers.iter().zip(&object.buffers) {
            let buffer = buffer
                .and_then(|number| self.image.blocks.get(number))
                .copied();
            let address = unsigned(&state, walker.callee, size);
            let reference = match buffer {
                Some(buffer) => self.walked(&buffer, address, object.index)?,
                None => 0,
            };
            self.references.push(reference);
        }
        for &(_, place, ty) in &resident.texts {
            let reference = match unsigned(&state, place, size) {
                0 => 0,
                address => {
                    self.returned.push(Returned {
                        ty,
                        address,
                        root: object.index,
                        record: None,
                        parent: None,
                    });
                    self.leaving + self.returned.len() as u64
                }
            };
            self.references.push(reference);
        }
        Ok(())
    }

    /// The reference of a member that walked through `buffer`.
    fn walked(
        &mut self,
        buffer: &ImageBlock,
        address: u64,
        index: u32,
    ) -> Result<u64, MarshalError> {
        let start = buffer.address(self.image.base());
        let reference = match address {
            0 => Some(crate::marshal::MOVED_TO_NULL),
            address if address == start => return Ok(0),
            address => self.place_in(buffer, address).map(|offset| offset + 1),
        };
        let Some(reference) = reference else {
            return Err(MarshalError::callee(
                &self.callee.place(index),
                "a cursor has left the buffer that it walked through",
            ));
        };
        self.moved.insert(buffer.offset, reference);
        Ok(reference)
    }

    /// The handle of an object that goes on living; 0 of one that does not.
    fn resident_wire(&mut self, object: &ResidentObject) -> Result<u64, MarshalError> {
        let callee = self.callee;
        if object.ends || object.wire != 0 {
            return Ok(if object.ends { 0 } else { object.wire });
        }
        let parameter = callee
            .template
            .frame()
            .parameters()
            .get(object.index as usize);
        let pointer = parameter.and_then(|parameter| callee.pointer(parameter.ty));
        let Some((pointer, Identity::Handle(handle))) =
            pointer.map(|pointer| (pointer, &pointer.identity))
        else {
            return Ok(0);
        };
        let made = Object {
            record: callee.template.frame().object_name(pointer),
            closed_by: handle.closed_by.as_deref(),
        };
        self.memory
            .resident_enter(object.address, made)
            .map_err(|error| MarshalError::memory(&callee.place(object.index), error))
    }

    /// The buffers of this call are gone after it: no member leads there any more.
    pub(super) fn leave_buffers(&mut self) -> Result<(), MarshalError> {
        let size = self.image.pointer_size.min(8);
        for &(at, _) in &self.image.outside {
            self.memory
                .write(at, &[0; 8][..size])
                .map_err(|error| MarshalError::memory("a cursor", error))?;
        }
        Ok(())
    }
}
