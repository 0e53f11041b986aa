//! What a pointer leads to: bytes as they are where no address is among them, else values.

use super::{Layer, Place};
use crate::dynamic::bad;
use crate::value::Value;
use callframe::expression::Environment as _;
use callframe::types::{Extent, Filled, Identity, Ownership, Pointer, RecordId, Type, TypeId};
use cosmos_rpc::Fault;

impl Layer<'_, '_> {
    /// Writes what was given to where a pointer leads.
    pub(super) fn contents(
        &mut self,
        pointer: &Pointer,
        address: u64,
        value: &Value,
        place: Place,
    ) -> Result<(), Fault> {
        let size = self.element_size(pointer.target);
        match value {
            // A pointer to a pointer: room for what that one leads to.
            Value::Out if self.is_pointer_to_data(pointer) => {
                self.value(pointer.target, address, value, place)
            }
            Value::Out => Ok(()),
            Value::Text(_) | Value::Bytes(_) if self.is_pointer(pointer.target) => {
                self.value(pointer.target, address, value, place)
            }
            Value::Text(bytes) if size == 4 && self.is_wide(pointer.target) => {
                let wide: Vec<u8> = String::from_utf8_lossy(bytes)
                    .chars()
                    .flat_map(|letter| u32::from(letter).to_le_bytes())
                    .collect();
                self.write(address, &wide, place)
            }
            Value::Text(bytes) | Value::Bytes(bytes) => {
                self.raw(pointer.target, address, bytes, place)
            }
            Value::Array(values) => {
                for (index, value) in values.iter().enumerate() {
                    self.value(pointer.target, address + index as u64 * size, value, place)?;
                }
                Ok(())
            }
            single => self.value(pointer.target, address, single, place),
        }
    }

    /// Writes the terminator behind what was given, where there is one and room for it.
    pub(super) fn terminate(
        &mut self,
        pointer: &Pointer,
        (address, room): (u64, u64),
        given: u64,
        place: Place,
    ) -> Result<(), Fault> {
        let size = self.element_size(pointer.target);
        let (terminator, end) = match (&pointer.extent, &pointer.filled) {
            (Extent::TerminatedBy(terminator), _) => (*terminator, given.saturating_sub(size)),
            (Extent::NullTerminated, _) => (0, given.saturating_sub(size)),
            (_, Some(Filled::Until(terminator))) => (*terminator, given),
            _ => return Ok(()),
        };
        if end + size > room {
            return Ok(());
        }
        let bytes = terminator.to_le_bytes();
        let bytes = bytes.get(..size as usize).unwrap_or(&bytes);
        self.write(address + end, bytes, place)
    }

    /// Writes bytes as elements of this type. Addresses are made here and nowhere else: what a call
    /// follows must not be what somebody made up.
    pub(super) fn raw(
        &mut self,
        element: TypeId,
        address: u64,
        bytes: &[u8],
        place: Place,
    ) -> Result<(), Fault> {
        if self.holds_pointers(element) {
            let problem = "bytes cannot stand for the pointers in it; give its members";
            return Err(bad(place.name, problem));
        }
        self.write(address, bytes, place)
    }

    /// The bytes that what was given takes, its terminator included.
    pub(super) fn given(&self, pointer: &Pointer, value: &Value, size: u64) -> u64 {
        let elements = match value {
            Value::Out => return 0,
            Value::Text(_) | Value::Bytes(_) if self.is_pointer(pointer.target) => 1,
            Value::Text(bytes) if self.is_wide(pointer.target) => {
                String::from_utf8_lossy(bytes).chars().count() as u64
            }
            Value::Text(bytes) | Value::Bytes(bytes) => (bytes.len() as u64).div_ceil(size.max(1)),
            Value::Array(values) => values.len() as u64,
            _ => 1,
        };
        let terminator = match (&pointer.extent, value) {
            (Extent::NullTerminated | Extent::TerminatedBy(_), _) => 1,
            _ => 0,
        };
        (elements + terminator).saturating_mul(size)
    }

    /// Refuses every member of a union but the one that is there for the value of the tag: of another
    /// one, the bytes would be read as what they are not.
    pub(super) fn chosen(
        &self,
        tag: u32,
        union: TypeId,
        value: &Value,
        place: Place,
    ) -> Result<(), Fault> {
        let frame = self.template.frame();
        let Type::Record(union) = frame.ty(union) else {
            return Ok(());
        };
        let fields = &frame.record(*union).fields;
        let given: Vec<&str> = match value {
            Value::Record(members) => members.iter().map(|(name, _)| name.as_str()).collect(),
            Value::Struct(values) => {
                let named = fields.iter().take(values.len());
                named.map(|field| field.name.as_str()).collect()
            }
            _ => Vec::new(),
        };
        let number = self.view(place.record).field(tag);
        let chosen = number.and_then(|number| frame.record(*union).chosen(number));
        match given
            .iter()
            .find(|name| chosen.is_none_or(|chosen| chosen.name != **name))
        {
            None => Ok(()),
            Some(name) => Err(bad(
                place.name,
                format!("'{name}' is not the member that is there for the value of its tag"),
            )),
        }
    }

    /// Whether a pointer's extent, or that of a pointer behind it, needs other values of the call.
    pub(super) fn is_computed(&self, pointer: &Pointer) -> bool {
        matches!(
            pointer.extent,
            Extent::Counted(_) | Extent::Sized(_) | Extent::EndedBy(_)
        ) || match self.template.frame().ty(pointer.target) {
            Type::Pointer(inner) => self.is_computed(inner),
            _ => false,
        }
    }

    fn is_pointer(&self, ty: TypeId) -> bool {
        matches!(self.template.frame().ty(ty), Type::Pointer(_))
    }

    /// Whether a single pointer behind this one leads to memory of the caller's that comes back.
    fn is_pointer_to_data(&self, pointer: &Pointer) -> bool {
        pointer.extent == Extent::Single
            && matches!(self.template.frame().ty(pointer.target), Type::Pointer(inner)
                if inner.identity == Identity::Data
                    && inner.ownership == Ownership::Caller
                    && inner.direction.leaves())
    }

    fn holds_pointers(&self, ty: TypeId) -> bool {
        let frame = self.template.frame();
        match frame.ty(ty) {
            Type::Pointer(_) | Type::Function { .. } => true,
            Type::Array { element, .. } => self.holds_pointers(*element),
            Type::Record(record) => self.record_holds_pointers(*record),
            Type::Void | Type::Scalar(_) | Type::Descriptor => false,
        }
    }

    /// A record holds itself only behind a pointer, so this ends.
    fn record_holds_pointers(&self, record: RecordId) -> bool {
        let fields = &self.template.frame().record(record).fields;
        fields.iter().any(|field| self.holds_pointers(field.ty))
    }
}
