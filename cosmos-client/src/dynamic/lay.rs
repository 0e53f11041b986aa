//! Values to C memory: argument slots, and a block for whatever a pointer leads to.
//!
//! Pointers whose extent is an expression are laid after everything else, so that the numbers the
//! expression needs are there. A block is as large as the prototype says, or as what was given for
//! it, whichever is larger; an `__in` one that holds less than the prototype says is refused.

mod bits;
mod contents;
mod stored;

use super::view::View;
use super::{bad, no_memory, scalar};
use crate::callback::Lent;
use crate::error::Error;
use crate::memory::{Block, CallMemory};
use crate::token;
use crate::value::Value;
use callframe::Template;
use callframe::marshal::{CallerBytes, MAXIMUM_CALL};
use callframe::types::{
    Direction, Extent, Field, Filled, Handle, Identity, Ownership, Pointer, RecordId, Scalar, Type,
    TypeId,
};
use cosmos_rpc::{Fault, FaultCode};

mod result;

pub(super) use stored::Stored;

/// The memory of a call, ready to be made.
pub(super) struct Laid {
    /// Addresses of the argument slots.
    pub(super) addresses: Vec<u64>,
    /// For each parameter the bytes its pointer leads to; 0 where it is none, or NULL.
    pub(super) capacities: Vec<u64>,
    /// Where the blocks are that pointers lead to.
    pub(super) areas: Vec<Area>,
    /// Memory that stands for objects.
    pub(super) stored: Vec<Stored>,
    _blocks: Vec<Block>,
    _lent: Vec<Lent>,
}

/// What a pointer leads to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Area {
    pub(crate) start: u64,
    pub(crate) capacity: u64,
}

/// Lays the arguments of one call.
pub(super) struct Layer<'call, 'memory> {
    template: &'call Template,
    /// Whether it is a callback's result that is laid: what that gives away is its own.
    of_callback: bool,
    /// In a callback: the integers of the call it was passed to.
    outer: &'call [i128],
    memory: &'call mut CallMemory<'memory>,
    addresses: Vec<u64>,
    capacities: Vec<u64>,
    areas: Vec<Area>,
    blocks: Vec<Block>,
    /// The closures among the values.
    lent: Vec<Lent>,
    stored: Vec<Stored>,
    total: u64,
}

/// Where a value goes: for messages, and for the expressions of its record.
#[derive(Clone, Copy)]
struct Place<'a> {
    name: &'a str,
    record: Option<(RecordId, u64)>,
}

impl<'call, 'memory> Layer<'call, 'memory> {
    /// Makes the argument slots.
    pub(super) fn new(
        template: &'call Template,
        memory: &'call mut CallMemory<'memory>,
    ) -> Result<Layer<'call, 'memory>, Error> {
        let size = usize::try_from(template.arguments_size()).map_err(|_| no_memory())?;
        let slots = Block::zeroed(size).ok_or_else(no_memory)?;
        let start = slots.address();
        let addresses: Vec<u64> = template
            .arguments()
            .iter()
            .map(|slot| start + slot.offset)
            .collect();
        Ok(Layer {
            template,
            of_callback: false,
            outer: &[],
            memory,
            capacities: vec![0; addresses.len()],
            addresses,
            areas: Vec::new(),
            blocks: vec![slots],
            lent: Vec::new(),
            stored: Vec::new(),
            total: 0,
        })
    }

    /// Lays all arguments; there is one for each parameter.
    pub(super) fn arguments(&mut self, values: &[Value]) -> Result<(), Error> {
        for computed in [false, true] {
            for (index, value) in values.iter().enumerate() {
                self.argument(index, value, computed)?;
            }
        }
        Ok(())
    }

    /// What was laid.
    pub(super) fn finish(self) -> Laid {
        Laid {
            addresses: self.addresses,
            capacities: self.capacities,
            areas: self.areas,
            stored: self.stored,
            _blocks: self.blocks,
            _lent: self.lent,
        }
    }

    /// Lays argument `index` if its extent is, or is not, `computed`.
    fn argument(&mut self, index: usize, value: &Value, computed: bool) -> Result<(), Fault> {
        let frame = self.template.frame();
        let (Some(parameter), Some(address)) = (
            frame.parameters().get(index),
            self.addresses.get(index).copied(),
        ) else {
            return Ok(());
        };
        let name = format!("argument '{}'", parameter.name);
        let place = Place {
            name: &name,
            record: None,
        };
        match frame.ty(parameter.ty) {
            Type::Pointer(pointer) => {
                if self.is_computed(pointer) != computed {
                    return Ok(());
                }
                let (target, capacity) = self.pointer(pointer, value, place)?;
                if let Some(known) = self.capacities.get_mut(index) {
                    *known = capacity;
                }
                self.write(address, &target.to_le_bytes(), place)?;
                self.end(pointer, target, capacity, place)
            }
            _ if computed => Ok(()),
            _ => self.value(parameter.ty, address, value, place),
        }
    }

    /// Lets the parameter that ends a pointer point behind what was laid for it.
    fn end(
        &mut self,
        pointer: &Pointer,
        target: u64,
        capacity: u64,
        place: Place,
    ) -> Result<(), Fault> {
        let Extent::EndedBy(end) = pointer.extent else {
            return Ok(());
        };
        match self.addresses.get(end as usize).copied() {
            Some(slot) => self.write(slot, &(target + capacity).to_le_bytes(), place),
            None => Ok(()),
        }
    }

    /// Writes a value of type `ty` to `address`, where there is room for it and zeros are.
    fn value(
        &mut self,
        ty: TypeId,
        address: u64,
        value: &Value,
        place: Place,
    ) -> Result<(), Fault> {
        let frame = self.template.frame();
        match frame.ty(ty) {
            Type::Scalar(kind) => {
                if *value == Value::Out {
                    return match place.record {
                        Some(_) => Ok(()),
                        None => Err(bad(place.name, "it is no pointer, so it needs a value")),
                    };
                }
                let size = self.template.scalar(*kind).size as usize;
                let bytes = scalar::to_bytes(*kind, size, value)
                    .map_err(|problem| bad(place.name, problem))?;
                self.write(address, &bytes, place)
            }
            Type::Descriptor => {
                let number = descriptor(value).map_err(|problem| bad(place.name, problem))?;
                self.write(address, &number.to_le_bytes(), place)
            }
            Type::Array { element, length } => self.array(*element, *length, address, value, place),
            Type::Record(record) => self.record(*record, address, value, place.name),
            Type::Pointer(pointer) => {
                let (target, _) = self.pointer(pointer, value, place)?;
                self.write(address, &target.to_le_bytes(), place)
            }
            Type::Void | Type::Function { .. } => Err(bad(place.name, "its type has no values")),
        }
    }

    fn array(
        &mut self,
        element: TypeId,
        length: u64,
        address: u64,
        value: &Value,
        place: Place,
    ) -> Result<(), Fault> {
        let size = self.template.size_align(element).size;
        let room = size.saturating_mul(length);
        match value {
            Value::Out => Ok(()),
            Value::Text(bytes) | Value::Bytes(bytes) if bytes.len() as u64 <= room => {
                self.raw(element, address, bytes, place)
            }
            Value::Array(values) | Value::Struct(values) if values.len() as u64 <= length => {
                for (index, value) in values.iter().enumerate() {
                    self.value(element, address + index as u64 * size, value, place)?;
                }
                Ok(())
            }
            Value::Text(_) | Value::Bytes(_) | Value::Array(_) | Value::Struct(_) => Err(bad(
                place.name,
                format!("more was given than its {length} elements hold"),
            )),
            other => Err(bad(
                place.name,
                format!("an array is needed, {} was given", other.kind()),
            )),
        }
    }

    fn record(
        &mut self,
        record: RecordId,
        address: u64,
        value: &Value,
        name: &str,
    ) -> Result<(), Fault> {
        let fields = &self.template.frame().record(record).fields;
        let given = members(fields, value, name)?;
        // Members whose extent is an expression over other members, and unions with a tag, come last.
        for computed in [false, true] {
            for (index, value) in &given {
                let Some(field) = fields.get(*index) else {
                    continue;
                };
                let late = field.switch.is_some()
                    || matches!(self.template.frame().ty(field.ty), Type::Pointer(pointer)
                        if self.is_computed(pointer));
                if late != computed {
                    continue;
                }
                let offset = self.template.field_offset(record, *index).unwrap_or(0);
                let member = format!("{name}: member '{}'", field.name);
                let place = Place {
                    name: &member,
                    record: Some((record, address)),
                };
                if let Some(bits) = self.template.bit_field(record, *index) {
                    self.bit_field(bits, field.ty, address + offset, value, place)?;
                    continue;
                }
                if let Some(tag) = field.switch {
                    self.chosen(tag, field.ty, value, place)?;
                }
                self.value(field.ty, address + offset, value, place)?;
            }
        }
        Ok(())
    }

    /// The value of a pointer, and the bytes it leads to.
    fn pointer(
        &mut self,
        pointer: &Pointer,
        value: &Value,
        place: Place,
    ) -> Result<(u64, u64), Fault> {
        match (&pointer.identity, value) {
            (_, Value::Null) => Ok((0, 0)),
            (Identity::Handle(handle), Value::Handle(token)) => {
                if !is_object(handle, *token) {
                    let problem = format!(
                        "{token:#x} is no handle: give what a function of the library returned, or NULL"
                    );
                    return Err(bad(place.name, problem));
                }
                Ok((*token, 0))
            }
            (Identity::Handle(handle), Value::Memory { memory, members }) => self
                .stored(pointer, handle, (memory, members), place)
                .map(|address| (address, 0)),
            (Identity::Handle(handle), Value::Out) if handle.resident => self
                .unkept(pointer, handle, place)
                .map(|address| (address, 0)),
            (Identity::Handle(_), other) => Err(bad(
                place.name,
                format!("a handle or NULL is needed, {} was given", other.kind()),
            )),
            (Identity::Opaque, Value::Int(number)) => u64::try_from(*number)
                .map(|number| (number, 0))
                .map_err(|_| bad(place.name, format!("{number} is no pointer's value"))),
            (Identity::Opaque, other) => Err(bad(
                place.name,
                format!("an integer or NULL is needed, {} was given", other.kind()),
            )),
            (Identity::Callback(_), Value::Callback(callback)) => {
                let lent = Lent::new(callback);
                let number = lent.number();
                self.lent.push(lent);
                Ok((number, 0))
            }
            (Identity::Callback(callback), Value::Int(constant))
                if callback.constants.contains(constant) =>
            {
                Ok((*constant as u64, 0))
            }
            (Identity::Callback(_), other) => Err(bad(
                place.name,
                format!("a function or NULL is needed, {} was given", other.kind()),
            )),
            (Identity::Alias(_), Value::Out) => Ok((0, 0)),
            (Identity::Alias(_), other) => Err(bad(
                place.name,
                format!("NULL is needed, {} was given", other.kind()),
            )),
            (Identity::Data, Value::Out) if matches!(pointer.ownership, Ownership::Owned(_)) => {
                Ok((0, 0))
            }
            (Identity::Data, other)
                if matches!(pointer.ownership, Ownership::Owned(_)) && !self.of_callback =>
            {
                Err(bad(
                    place.name,
                    format!(
                        "the function allocates it: NULL is needed, {} was given",
                        other.kind()
                    ),
                ))
            }
            // Taken for its first element it would be a text of one letter.
            (Identity::Data, number)
                if matches!(pointer.extent, Extent::NullTerminated) && is_number(number) =>
            {
                let problem = format!("text is needed, {} was given", number.kind());
                Err(bad(place.name, problem))
            }
            (Identity::Data, value) => self.data(pointer, value, place),
        }
    }

    fn data(
        &mut self,
        pointer: &Pointer,
        value: &Value,
        place: Place,
    ) -> Result<(u64, u64), Fault> {
        let asked = self.asked(pointer, value, place)?;
        let size = self.element_size(pointer.target);
        let given = self.given(pointer, value, size);
        let readable = match value {
            // The NUL that text gets may be counted.
            Value::Text(bytes) => bytes.len() as u64 + 1,
            _ => given,
        };
        let until = match pointer.filled {
            Some(Filled::Until(terminator)) => Some(terminator),
            _ => None,
        };
        let reads_all = pointer.direction == Direction::In && until.is_none();
        if reads_all && *value != Value::Out && readable < asked {
            return Err(bad(
                place.name,
                format!("{given} bytes were given, the prototype says that {asked} are read"),
            ));
        }
        let capacity = asked.max(given);
        let address = self.make(capacity.saturating_add(size), place)?;
        self.areas.push(Area {
            start: address,
            capacity,
        });
        self.contents(pointer, address, value, place)?;
        // Behind what was given there is room for one element at least.
        self.terminate(pointer, (address, capacity + size), given, place)?;
        Ok((address, capacity))
    }

    /// The bytes the prototype says the pointer leads to; 0 where only its contents tell.
    fn asked(&self, pointer: &Pointer, value: &Value, place: Place) -> Result<u64, Fault> {
        let size = self.element_size(pointer.target);
        let (expression, unit) = match &pointer.extent {
            Extent::Single => return Ok(size),
            Extent::NullTerminated | Extent::TerminatedBy(_) | Extent::EndedBy(_) => {
                return if *value == Value::Out {
                    Err(bad(
                        place.name,
                        "how large it is to be depends on what it holds; give it",
                    ))
                } else {
                    Ok(0)
                };
            }
            Extent::Counted(expression) => (expression, size),
            Extent::Sized(expression) => (expression, 1),
        };
        let count = match self.view(place.record).evaluate(expression) {
            Ok(count) => count,
            // Its length is NULL, or known only after the call: what was given must do.
            Err(_) if *value != Value::Out => return Ok(0),
            Err(problem) => {
                return Err(bad(
                    place.name,
                    format!("its size cannot be computed: {problem}"),
                ));
            }
        };
        count
            .checked_mul(i128::from(unit))
            .and_then(|bytes| u64::try_from(bytes).ok())
            .filter(|bytes| *bytes <= MAXIMUM_CALL)
            .ok_or_else(|| {
                Fault::caller(
                    FaultCode::TooLarge,
                    format!(
                        "{}: its size is {count} by the prototype, a call carries 0 to {MAXIMUM_CALL} bytes",
                        place.name
                    ),
                )
            })
    }

    /// What expressions see before the call.
    fn view(&self, record: Option<(RecordId, u64)>) -> View<'_> {
        View {
            template: self.template,
            outer: self.outer,
            memory: self.memory,
            slots: &self.addresses,
            result: 0,
            record,
        }
    }

    /// A block of zeros.
    fn make(&mut self, bytes: u64, place: Place) -> Result<u64, Fault> {
        self.total = self.total.saturating_add(bytes);
        // Room for the slack after each block; the exact limit is the marshaller's.
        if self.total > 2 * MAXIMUM_CALL {
            return Err(Fault::caller(
                FaultCode::TooLarge,
                format!(
                    "{}: a call carries at most {MAXIMUM_CALL} bytes",
                    place.name
                ),
            ));
        }
        let size = usize::try_from(bytes).map_err(|_| no_memory())?;
        let block = Block::zeroed(size).ok_or_else(no_memory)?;
        let address = block.address();
        self.blocks.push(block);
        Ok(address)
    }

    fn write(&mut self, address: u64, bytes: &[u8], place: Place) -> Result<(), Fault> {
        self.memory
            .write(address, bytes)
            .map_err(|problem| bad(place.name, problem))
    }

    fn element_size(&self, target: TypeId) -> u64 {
        self.template.size_align(target).size.max(1)
    }

    fn is_wide(&self, target: TypeId) -> bool {
        matches!(
            self.template.frame().ty(target),
            Type::Scalar(Scalar::WideChar)
        )
    }
}

/// Whether a program can have got this for an object. Anything else would be an address.
fn is_object(handle: &Handle, token: u64) -> bool {
    let constant = |known: &i128| *known as u64 == token;
    token == 0 || token::take_apart(token).is_some() || handle.constants.iter().any(constant)
}

/// The members that are given, by their places in the struct.
fn members<'a>(
    fields: &[Field],
    value: &'a Value,
    name: &str,
) -> Result<Vec<(usize, &'a Value)>, Fault> {
    match value {
        Value::Out => Ok(Vec::new()),
        Value::Struct(values) if values.len() <= fields.len() => {
            Ok(values.iter().enumerate().collect())
        }
        Value::Struct(values) => {
            let (all, given) = (fields.len(), values.len());
            let problem = format!("the struct has {all} members, {given} were given");
            Err(bad(name, problem))
        }
        Value::Record(members) => {
            let placed = |(member, value): &'a (String, Value)| {
                let index = fields.iter().position(|field| field.name == *member);
                let index =
                    index.ok_or_else(|| bad(name, format!("the struct has no member '{member}'")));
                Ok((index?, value))
            };
            members.iter().map(placed).collect()
        }
        other => Err(bad(
            name,
            format!("a struct is needed, {} was given", other.kind()),
        )),
    }
}

fn is_number(value: &Value) -> bool {
    matches!(
        value,
        Value::Int(_) | Value::Float(_) | Value::LongDouble(_) | Value::Complex(..)
    )
}

fn descriptor(value: &Value) -> Result<i32, String> {
    match value {
        Value::Descriptor(number) => Ok(*number),
        Value::Int(number) => {
            i32::try_from(*number).map_err(|_| format!("{number} is no descriptor"))
        }
        other => Err(format!(
            "a descriptor is needed, {} was given",
            other.kind()
        )),
    }
}
