//! C memory to values: the result, and what pointers among the parameters lead to now.

use super::lay::{Area, Stored};
use super::scalar;
use super::view::View;
use crate::error::Error;
use crate::memory::Block;
use crate::value::Value;
use callframe::expression::{Environment, Expression};
use callframe::marshal::{CallerBytes, MAXIMUM_CALL, MemoryError};
use callframe::template::BitField;
use callframe::types::{
    Direction, Extent, Filled, Handle, Identity, Ownership, Pointer, RecordId, Scalar, Type, TypeId,
};
use cosmos_rpc::{Fault, FaultCode};
use std::cell::{Cell, RefCell};

/// Reads what a call left.
pub(super) struct Reader<'call> {
    view: View<'call>,
    capacities: &'call [u64],
    areas: &'call [Area],
    /// Memory that stands for objects.
    stored: &'call [Stored],
    /// Addresses the call allocated for the program, in the order they were met.
    owned: RefCell<Vec<u64>>,
    /// How many pointers lead to what is read now.
    depth: Cell<usize>,
}

/// Most pointers one behind the other whose targets are values: those are nested as deep.
const MAXIMUM_DEPTH: usize = 512;

impl<'call> Reader<'call> {
    /// Of what a view sees. `capacities`: bytes of the blocks that arguments lead to; `areas`: all
    /// blocks of the call.
    pub(super) fn new(
        view: View<'call>,
        capacities: &'call [u64],
        areas: &'call [Area],
    ) -> Reader<'call> {
        Reader {
            view,
            capacities,
            areas,
            stored: &[],
            owned: RefCell::default(),
            depth: Cell::new(0),
        }
    }

    /// With memory that stands for objects among the arguments.
    pub(super) fn storing(self, stored: &'call [Stored]) -> Reader<'call> {
        Reader { stored, ..self }
    }

    /// Argument number `index`, as it is in its slot.
    pub(super) fn argument(&self, index: usize) -> Result<Value, MemoryError> {
        let frame = self.view.template.frame();
        let (Some(parameter), Some(&slot)) =
            (frame.parameters().get(index), self.view.slots.get(index))
        else {
            return Err(MemoryError::Other("no such argument".to_owned()));
        };
        match frame.ty(parameter.ty) {
            Type::Pointer(pointer) if pointer.identity == Identity::Data => {
                match self.address(slot)? {
                    0 => Ok(Value::Null),
                    address => {
                        let capacity = self.capacities.get(index).copied();
                        self.target(pointer, address, capacity, None)
                    }
                }
            }
            _ => self.value(parameter.ty, slot, None),
        }
    }

    /// What it returned.
    pub(super) fn result(&self) -> Result<Value, Error> {
        let ty = self.view.template.frame().result();
        Ok(self.value(ty, self.view.result, None).map_err(unreadable)?)
    }

    /// What it wrote, by parameter.
    pub(super) fn outputs(&self) -> Result<Vec<(String, Value)>, Error> {
        let frame = self.view.template.frame();
        let mut outputs = Vec::new();
        let places = self.view.slots.iter().zip(self.capacities);
        for (parameter, (slot, capacity)) in frame.parameters().iter().zip(places) {
            let Type::Pointer(pointer) = frame.ty(parameter.ty) else {
                continue;
            };
            let address = self.address(*slot).map_err(unreadable)?;
            if let Identity::Handle(handle) = &pointer.identity {
                let object = self.object(pointer, handle, address).map_err(unreadable)?;
                outputs.extend(object.map(|value| (parameter.name.clone(), value)));
                continue;
            }
            if pointer.identity != Identity::Data || !self.brings_back(pointer) {
                continue;
            }
            if address == 0 {
                continue;
            }
            let value = self
                .target(pointer, address, Some(*capacity), None)
                .map_err(unreadable)?;
            outputs.push((parameter.name.clone(), value));
        }
        Ok(outputs)
    }

    /// Frees what the call allocated for the program; it is in the values now.
    pub(super) fn free_owned(self) {
        let mut owned = self.owned.into_inner();
        owned.sort_unstable();
        owned.dedup();
        for address in owned {
            // SAFETY: a pointer the prototype declares `__owned` leads to what the call allocated
            // for the program, and no value shows its address.
            drop(unsafe { Block::adopt(address) });
        }
    }

    /// Whether something comes back where a pointer leads: there, or behind a pointer that is there.
    fn brings_back(&self, pointer: &Pointer) -> bool {
        pointer.direction.leaves() || self.holds_outputs(pointer.target)
    }

    /// A list is one of the same all along, and leads back to itself.
    fn holds_outputs(&self, ty: TypeId) -> bool {
        let frame = self.view.template.frame();
        let member = |ty: TypeId| match frame.ty(ty) {
            Type::Pointer(inner) => {
                inner.identity == Identity::Data
                    && inner.ownership.is_callers()
                    && inner.direction.leaves()
            }
            Type::Array { .. } | Type::Record(_) => self.holds_outputs(ty),
            _ => false,
        };
        match frame.ty(ty) {
            Type::Record(record) => {
                let mut fields = frame.record(*record).fields.iter();
                fields.any(|field| member(field.ty))
            }
            Type::Array { element, .. } => member(*element),
            _ => false,
        }
    }

    /// The members of an object in memory of the program's, if that is what is at the address and
    /// the function may change it.
    fn object(
        &self,
        pointer: &Pointer,
        handle: &Handle,
        address: u64,
    ) -> Result<Option<Value>, MemoryError> {
        let mut stored = self.stored.iter();
        let stored = stored.find(|stored| stored.address() == address);
        let frame = self.view.template.frame();
        let (Some(stored), Type::Record(id), false) = (
            stored.filter(|_| !handle.consumed),
            frame.ty(pointer.target),
            pointer.constant,
        ) else {
            return Ok(None);
        };
        let Value::Record(mut members) = self.record(*id, address)? else {
            return Ok(None);
        };
        for cursor in &handle.cursors {
            let index = cursor.pointer as usize;
            let place = self.view.template.field_offset(*id, index);
            let place = address + place.unwrap_or(0);
            let field = frame.record(*id).fields.get(index);
            if let (Some(began), Some(field)) = (stored.began(place), field)
                && let Type::Pointer(walks) = frame.ty(field.ty)
                && let Some((_, member)) = members.get_mut(index)
            {
                let now = self.address(place)?;
                *member = self.walked(walks, began, now)?;
            }
        }
        Ok(Some(Value::Record(members)))
    }

    /// What a member that walks through a buffer shows: what it walked over where that comes back,
    /// what is left where it goes in.
    fn walked(&self, walks: &Pointer, began: u64, now: u64) -> Result<Value, MemoryError> {
        let holds = |area: &&Area| now.wrapping_sub(area.start) <= area.capacity;
        let Some(area) = self.areas.iter().rev().find(holds) else {
            return Ok(Value::Null);
        };
        let (start, end) = match walks.constant {
            true => (now, area.start + area.capacity),
            false => (began, now),
        };
        self.run(
            walks,
            start,
            end.saturating_sub(start),
            self.size(walks.target),
        )
    }

    fn value(
        &self,
        ty: TypeId,
        address: u64,
        record: Option<(RecordId, u64)>,
    ) -> Result<Value, MemoryError> {
        let frame = self.view.template.frame();
        Ok(match frame.ty(ty) {
            Type::Void | Type::Function { .. } => Value::Void,
            Type::Scalar(kind) => scalar::from_bytes(*kind, &self.bytes(address, self.size(ty))?),
            Type::Descriptor => {
                let mut bytes = [0; 4];
                self.view.memory.read(address, &mut bytes)?;
                match i32::from_le_bytes(bytes) {
                    number if number < 0 => Value::Int(number.into()),
                    number => Value::Descriptor(number),
                }
            }
            Type::Array { element, length } => self.array(*element, *length, address)?,
            Type::Record(record) => self.record(*record, address)?,
            Type::Pointer(pointer) => self.pointer(pointer, self.address(address)?, record)?,
        })
    }

    fn array(&self, element: TypeId, length: u64, address: u64) -> Result<Value, MemoryError> {
        let size = self.size(element);
        match self.view.template.frame().ty(element) {
            Type::Scalar(Scalar::Char) => {
                let mut bytes = self.bytes(address, length)?;
                let end = bytes
                    .iter()
                    .position(|byte| *byte == 0)
                    .unwrap_or(bytes.len());
                bytes.truncate(end);
                Ok(Value::Text(bytes))
            }
            Type::Scalar(_) if size == 1 => Ok(Value::Bytes(self.bytes(address, length)?)),
            _ => self.elements(element, length, address).map(Value::Array),
        }
    }

    fn elements(&self, ty: TypeId, count: u64, address: u64) -> Result<Vec<Value>, MemoryError> {
        let size = self.size(ty);
        (0..count)
            .map(|index| self.value(ty, address + index * size, None))
            .collect()
    }

    fn record(&self, record: RecordId, address: u64) -> Result<Value, MemoryError> {
        let fields = &self.view.template.frame().record(record).fields;
        let members = fields.iter().enumerate().map(|(index, field)| {
            let offset = self.view.template.field_offset(record, index).unwrap_or(0);
            let bits = self.view.template.bit_field(record, index);
            let value = match field.switch {
                _ if bits.is_some() => self.bit_field(bits, field.ty, address + offset)?,
                Some(tag) => self.chosen(record, address, tag, field.ty, address + offset)?,
                None => self.value(field.ty, address + offset, Some((record, address)))?,
            };
            Ok((field.name.clone(), value))
        });
        Ok(Value::Record(members.collect::<Result<_, MemoryError>>()?))
    }

    fn bit_field(
        &self,
        bits: Option<BitField>,
        ty: TypeId,
        address: u64,
    ) -> Result<Value, MemoryError> {
        let Some(bits) = bits else {
            return Ok(Value::Void);
        };
        let signed =
            matches!(self.view.template.frame().ty(ty), Type::Scalar(it) if it.is_signed());
        let bytes = self.bytes(address, bits.bytes() as u64)?;
        Ok(Value::Int(bits.value(&bytes, signed)))
    }

    /// The member of a union that is there by its tag, member `tag` of the record at `around`; the
    /// others may be anything.
    fn chosen(
        &self,
        record: RecordId,
        around: u64,
        tag: u32,
        union: TypeId,
        address: u64,
    ) -> Result<Value, MemoryError> {
        let view = View {
            record: Some((record, around)),
            ..self.view
        };
        let frame = self.view.template.frame();
        let Type::Record(union) = frame.ty(union) else {
            return Ok(Value::Void);
        };
        let chosen = view
            .field(tag)
            .and_then(|tag| frame.record(*union).chosen(tag));
        let Some(field) = chosen else {
            return Ok(Value::Record(Vec::new()));
        };
        let value = self.value(field.ty, address, Some((*union, address)))?;
        Ok(Value::Record(vec![(field.name.clone(), value)]))
    }

    /// A pointer that came back: in a result, a struct, or what another pointer leads to.
    fn pointer(
        &self,
        pointer: &Pointer,
        value: u64,
        record: Option<(RecordId, u64)>,
    ) -> Result<Value, MemoryError> {
        if value == 0 {
            return Ok(Value::Null);
        }
        match &pointer.identity {
            Identity::Handle(_) => Ok(Value::Handle(value)),
            Identity::Opaque | Identity::Callback(_) => Ok(Value::Int(value.into())),
            Identity::Alias(parameter) => self.alias(*parameter, value),
            Identity::Data => {
                if matches!(pointer.ownership, Ownership::Owned(_)) {
                    self.owned.borrow_mut().push(value);
                }
                if self.depth.get() >= MAXIMUM_DEPTH {
                    return Err(MemoryError::Other(format!(
                        "more than {MAXIMUM_DEPTH} pointers lead on, one behind the other; take the \
                         function's pointer and walk them"
                    )));
                }
                self.depth.set(self.depth.get() + 1);
                let value = match pointer.ownership.is_callers() {
                    true => self.callers(pointer, value, record),
                    false => self.target(pointer, value, None, record),
                };
                self.depth.set(self.depth.get() - 1);
                value
            }
        }
    }

    /// A pointer into the memory of the call itself. Where the function moved it: what it moved
    /// over, of a buffer that only comes back, else what is left. In a copy that the call made, what a
    /// record leads to is in the same copy.
    fn callers(
        &self,
        pointer: &Pointer,
        value: u64,
        record: Option<(RecordId, u64)>,
    ) -> Result<Value, MemoryError> {
        let holds = |area: &&Area| value.wrapping_sub(area.start) <= area.capacity;
        let areas = self.areas.iter();
        let Some(area) = areas.rev().find(holds) else {
            let room = self.view.memory.copy_from(value);
            let room = room.ok_or(MemoryError::Address(value))?;
            return self.target(pointer, value, Some(room), record);
        };
        let moved = value - area.start;
        let size = self.size(pointer.target);
        match pointer.direction {
            Direction::Out if moved > 0 || record.is_none() => {
                self.run(pointer, area.start, moved, size)
            }
            _ => self.target(pointer, value, Some(area.capacity - moved), record),
        }
    }

    fn alias(&self, parameter: u32, value: u64) -> Result<Value, MemoryError> {
        let index = parameter as usize;
        let frame = self.view.template.frame();
        let (Some(known), Some(slot)) = (frame.parameters().get(index), self.view.slots.get(index))
        else {
            return Err(MemoryError::Other("an alias of no parameter".to_owned()));
        };
        let start = self.address(*slot)?;
        Ok(Value::Alias {
            parameter: known.name.clone(),
            offset: value.wrapping_sub(start),
        })
    }

    /// What a pointer leads to. `capacity`: the bytes of a block of the arguments; `None` for a
    /// copy that the call made, which is as large as the prototype says.
    fn target(
        &self,
        pointer: &Pointer,
        address: u64,
        capacity: Option<u64>,
        record: Option<(RecordId, u64)>,
    ) -> Result<Value, MemoryError> {
        let size = self.size(pointer.target);
        let known = capacity.or_else(|| self.view.memory.copy_size(address));
        let most = known.unwrap_or(MAXIMUM_CALL);
        let view = View {
            record,
            ..self.view
        };
        let valid = |expression: &Expression, unit: u64| {
            // What could not be computed is all there: the call itself went by the same rule.
            let count = view.evaluate(expression).unwrap_or(i128::from(most / unit));
            u64::try_from(count)
                .unwrap_or(0)
                .saturating_mul(unit)
                .min(most)
        };
        let bytes = match (&pointer.filled, &pointer.extent) {
            (_, Extent::Single) => return self.value(pointer.target, address, None),
            (None, Extent::NullTerminated) => self.terminated(address, size, 0, most)?,
            (None, Extent::TerminatedBy(value)) => {
                self.terminated(address, size, *value as u64, most)?
            }
            (Some(Filled::Amount(filled)), Extent::Sized(_)) => valid(filled, 1),
            (Some(Filled::Amount(filled)), _) => valid(filled, size),
            (until, Extent::Counted(count)) => {
                self.until(until.as_ref(), address, size, valid(count, size))?
            }
            (until, Extent::Sized(count)) => {
                self.until(until.as_ref(), address, size, valid(count, 1))?
            }
            (_, Extent::EndedBy(_)) => capacity.unwrap_or(0),
            (Some(Filled::Until(_)), _) => 0,
        };
        self.run(pointer, address, bytes, size)
    }

    /// The bytes before the terminator beside a capacity; all of them where there is none.
    fn until(
        &self,
        filled: Option<&Filled>,
        address: u64,
        size: u64,
        capacity: u64,
    ) -> Result<u64, MemoryError> {
        let Some(Filled::Until(end)) = filled else {
            return Ok(capacity);
        };
        match self.terminated(address, size, *end as u64, capacity) {
            Err(MemoryError::Unterminated(_)) => Ok(capacity),
            found => found,
        }
    }

    /// `bytes` bytes of elements.
    fn run(
        &self,
        pointer: &Pointer,
        address: u64,
        bytes: u64,
        size: u64,
    ) -> Result<Value, MemoryError> {
        let terminated =
            pointer.extent == Extent::NullTerminated || pointer.filled == Some(Filled::Until(0));
        match self.view.template.frame().ty(pointer.target) {
            Type::Scalar(Scalar::Char) if terminated => {
                Ok(Value::Text(self.bytes(address, bytes)?))
            }
            Type::Void => Ok(Value::Bytes(self.bytes(address, bytes)?)),
            Type::Scalar(_) if size == 1 => Ok(Value::Bytes(self.bytes(address, bytes)?)),
            Type::Scalar(Scalar::WideChar) if terminated => {
                let letters = self.bytes(address, bytes)?;
                let letters = letters.chunks_exact(4).map(|letter| {
                    char::from_u32(
                        letter
                            .iter()
                            .rev()
                            .fold(0, |sum, byte| sum << 8 | u32::from(*byte)),
                    )
                    .unwrap_or(char::REPLACEMENT_CHARACTER)
                });
                Ok(Value::Text(letters.collect::<String>().into_bytes()))
            }
            _ => self
                .elements(pointer.target, bytes / size, address)
                .map(Value::Array),
        }
    }

    /// Bytes before the terminator.
    fn terminated(&self, address: u64, size: u64, end: u64, most: u64) -> Result<u64, MemoryError> {
        let unit = usize::try_from(size).unwrap_or(1);
        let length = self
            .view
            .memory
            .terminated_length(address, unit, end, most / size)?;
        Ok(length.saturating_sub(1) * size)
    }

    fn bytes(&self, address: u64, length: u64) -> Result<Vec<u8>, MemoryError> {
        let length = usize::try_from(length).map_err(|_| MemoryError::Exhausted)?;
        let mut bytes = vec![0; length];
        self.view.memory.read(address, &mut bytes)?;
        Ok(bytes)
    }

    fn address(&self, at: u64) -> Result<u64, MemoryError> {
        let mut bytes = [0; 8];
        self.view.memory.read(at, &mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn size(&self, ty: TypeId) -> u64 {
        self.view.template.size_align(ty).size.max(1)
    }
}

fn unreadable(error: MemoryError) -> Fault {
    Fault::host(
        FaultCode::System,
        format!("the results of the call cannot be read: {error}"),
    )
}
