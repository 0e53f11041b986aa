//! Memory that keeps an object between calls: its members before this one.

use super::{Area, Layer, Place};
use crate::dynamic::bad;
use crate::session::Session;
use crate::value::{InUse, Memory, Use, Value};
use callframe::marshal::{CallerBytes, MAXIMUM_CALL};
use callframe::types::{Cursor, Handle, Pointer, RecordId, Type};
use cosmos_rpc::Fault;

/// Memory that stands for an object in this call.
pub(in crate::dynamic) struct Stored {
    entered: InUse,
    /// Where members that walk were before the call: the place of the pointer, and the pointer.
    walkers: Vec<(u64, u64)>,
    /// A throw-away one, for who does not want to keep the object.
    _own: Option<Memory>,
}

impl Stored {
    pub(in crate::dynamic) fn address(&self) -> u64 {
        self.entered.address()
    }

    /// Where the member at this place led before the call.
    pub(in crate::dynamic) fn began(&self, place: u64) -> Option<u64> {
        let mut walkers = self.walkers.iter();
        walkers
            .find(|(known, _)| *known == place)
            .map(|(_, at)| *at)
    }

    /// Lets go of buffers that no member leads to any more.
    pub(in crate::dynamic) fn tidy(&self) {
        self.entered.keep([], []);
    }
}

/// The record that stands for an object, and where it is.
#[derive(Clone, Copy)]
struct Record<'a> {
    id: RecordId,
    address: u64,
    handle: &'a Handle,
}

impl<'call> Layer<'call, '_> {
    /// The address of memory that stands, or will stand, for an object.
    pub(super) fn stored(
        &mut self,
        pointer: &Pointer,
        handle: &Handle,
        (memory, members): (&Memory, &[(String, Value)]),
        place: Place,
    ) -> Result<u64, Fault> {
        let Type::Record(id) = self.template.frame().ty(pointer.target) else {
            return Err(bad(
                place.name,
                "its record is not known, so no memory of the program's stands for it: give the \
                 handle that a function returned",
            ));
        };
        let purpose = match pointer.constant && members.is_empty() {
            true => Use::Look,
            false => Use::Change,
        };
        let size = self.template.size_align(pointer.target).size;
        let entered = memory
            .enter(size, purpose)
            .map_err(|problem| bad(place.name, problem))?;
        let record = Record {
            id: *id,
            address: entered.address(),
            handle,
        };
        self.areas.extend(entered.areas());
        if purpose == Use::Change {
            self.members(record, members, &entered, place)?;
        }
        let walkers = self.walkers(record, place)?;
        self.stored.push(Stored {
            entered,
            walkers,
            _own: None,
        });
        Ok(record.address)
    }

    /// Memory for an object that nobody will ask for again.
    pub(super) fn unkept(
        &mut self,
        pointer: &Pointer,
        handle: &Handle,
        place: Place,
    ) -> Result<u64, Fault> {
        let memory = Memory::new();
        let address = self.stored(pointer, handle, (&memory, &[]), place)?;
        if let Some(stored) = self.stored.last_mut() {
            stored._own = Some(memory);
        }
        Ok(address)
    }

    /// Sets members; what they lead to is kept with the memory.
    fn members(
        &mut self,
        record: Record,
        members: &[(String, Value)],
        entered: &InUse,
        place: Place,
    ) -> Result<(), Fault> {
        let (blocks, areas, lent) = (self.blocks.len(), self.areas.len(), self.lent.len());
        let fields = &self.template.frame().record(record.id).fields;
        let walks = |name: &str| {
            let index = fields.iter().position(|field| field.name == name)?;
            let cursors = record.handle.cursors.iter();
            cursors
                .copied()
                .find(|cursor| cursor.pointer as usize == index)
        };
        let others = members.iter().filter(|(name, _)| walks(name).is_none());
        let others: Vec<(String, Value)> = others.cloned().collect();
        self.clear(record, &others, place)?;
        self.record(
            record.id,
            record.address,
            &Value::Record(others),
            place.name,
        )?;
        for (name, value) in members {
            if let Some(cursor) = walks(name) {
                let left = fields.get(cursor.available as usize);
                let told = members
                    .iter()
                    .any(|(given, _)| left.is_some_and(|left| left.name == *given));
                let name = format!("{}: member '{name}'", place.name);
                let place = Place {
                    name: &name,
                    record: Some((record.id, record.address)),
                };
                self.walker(record, cursor, value, told, place)?;
            }
        }
        let blocks = self.blocks.split_off(blocks);
        let new = self.areas.get(areas..).unwrap_or_default().to_vec();
        entered.keep(blocks.into_iter().zip(new), self.lent.split_off(lent));
        Ok(())
    }

    /// Zeros where members are to be written.
    fn clear(
        &mut self,
        record: Record,
        members: &[(String, Value)],
        place: Place,
    ) -> Result<(), Fault> {
        let fields = &self.template.frame().record(record.id).fields;
        for (index, field) in fields.iter().enumerate() {
            let given = members.iter().any(|(name, _)| *name == field.name);
            let offset = self.template.field_offset(record.id, index);
            if let (true, Some(offset)) = (given, offset) {
                let size = self.template.size_align(field.ty).size as usize;
                self.write(record.address + offset, &vec![0; size], place)?;
                Session::current()
                    .residents()
                    .set(record.address, offset as usize, size);
            }
        }
        Ok(())
    }

    /// A member that walks through a buffer from here on; `told` where it was given how much of it.
    fn walker(
        &mut self,
        record: Record,
        cursor: Cursor,
        value: &Value,
        told: bool,
        place: Place,
    ) -> Result<(), Fault> {
        let Some((at, pointer)) = self.walking(record, cursor) else {
            return Ok(());
        };
        let unit = self.element_size(pointer.target);
        let left = self.left(record, cursor).unwrap_or(0);
        let room = left.saturating_mul(unit);
        let bytes: &[u8] = match value {
            Value::Null => return self.write(at, &[0; 8], place),
            Value::Out if pointer.constant => {
                return Err(bad(place.name, "it goes in, so it needs its bytes"));
            }
            Value::Out => &[],
            Value::Bytes(bytes) | Value::Text(bytes) => bytes,
            other => {
                let problem = format!("bytes are needed, {} was given", other.kind());
                return Err(bad(place.name, problem));
            }
        };
        let given = bytes.len() as u64;
        if told && *value != Value::Out && given < room {
            let problem = format!("{given} bytes were given, the member beside it says {room}");
            return Err(bad(place.name, problem));
        }
        let counts = *value != Value::Out && !told;
        let capacity = if counts { given } else { room.max(given) };
        if capacity > MAXIMUM_CALL {
            let problem = format!("a call carries at most {MAXIMUM_CALL} bytes");
            return Err(bad(place.name, problem));
        }
        let start = self.make(capacity + unit, place)?;
        self.areas.push(Area { start, capacity });
        self.write(start, bytes, place)?;
        self.write(at, &start.to_le_bytes(), place)?;
        if counts {
            self.say_left(record, cursor, given / unit, place)?;
        }
        Ok(())
    }

    /// Where a member that walks is, and its type.
    fn walking(&self, record: Record, cursor: Cursor) -> Option<(u64, &'call Pointer)> {
        let index = cursor.pointer as usize;
        let field = self.template.frame().record(record.id).fields.get(index)?;
        let offset = self.template.field_offset(record.id, index)?;
        match self.template.frame().ty(field.ty) {
            Type::Pointer(pointer) => Some((record.address + offset, pointer)),
            _ => None,
        }
    }

    /// How many elements are left.
    fn left(&self, record: Record, cursor: Cursor) -> Option<u64> {
        use callframe::expression::Environment as _;
        let left = self
            .view(Some((record.id, record.address)))
            .field(cursor.available)?;
        u64::try_from(left).ok()
    }

    fn say_left(
        &mut self,
        record: Record,
        cursor: Cursor,
        count: u64,
        place: Place,
    ) -> Result<(), Fault> {
        let index = cursor.available as usize;
        let field = self.template.frame().record(record.id).fields.get(index);
        let offset = self.template.field_offset(record.id, index);
        let (Some(field), Some(offset)) = (field, offset) else {
            return Ok(());
        };
        let size = self.template.size_align(field.ty).size as usize;
        Session::current()
            .residents()
            .set(record.address, offset as usize, size);
        let count = Value::Int(count.into());
        self.value(field.ty, record.address + offset, &count, place)
    }

    /// Where all members that walk are now. What they may walk over is there, whatever the VM or the
    /// program has made of the numbers beside them.
    fn walkers(&self, record: Record, place: Place) -> Result<Vec<(u64, u64)>, Fault> {
        let mut walkers = Vec::with_capacity(record.handle.cursors.len());
        for cursor in &record.handle.cursors {
            let Some((at, pointer)) = self.walking(record, *cursor) else {
                continue;
            };
            let mut address = [0; 8];
            self.memory
                .read(at, &mut address)
                .map_err(|problem| bad(place.name, problem))?;
            let address = u64::from_le_bytes(address);
            let room = self.left(record, *cursor).unwrap_or(0);
            let room = room.saturating_mul(self.element_size(pointer.target));
            let there = self.areas.iter().filter_map(|area| {
                let walked = address.wrapping_sub(area.start);
                area.capacity.checked_sub(walked)
            });
            let there = there.max().unwrap_or(0);
            if address != 0 && there < room {
                let problem = format!(
                    "a member that walks has {there} bytes left, {room} by the member beside it"
                );
                return Err(bad(place.name, problem));
            }
            walkers.push((at, address));
        }
        Ok(walkers)
    }
}
