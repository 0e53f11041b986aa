//! A [`CallFrame`] laid out under one [`DataModel`].
//!
//! A template says where each argument lies in a call's slots, how large every type is and where
//! its fields are, by the rules of C for that model: natural alignment capped by the model, members
//! of a struct in order, members of a union at offset zero, sizes rounded up to the alignment. It
//! depends on nothing but the frame and the model, so both ends of a call derive the same one and
//! compare [`Template::encode`]; neither believes the other.
//!
//! [`Template::of`] also refuses what cannot be carried. What it lets through, [`crate::marshal`]
//! can carry, or fails on for the values of one call.
//!
//! All arithmetic is overflow-checked, and no type larger than
//! [`MAXIMUM_CALL`] has a layout.

use crate::marshal::MAXIMUM_CALL;
use crate::model::SizeAlign;
use crate::types::{RecordId, RecordName, Scalar, Type, TypeId};
use crate::{CallFrame, DataModel};
use std::sync::Arc;

mod check;
mod encode;

/// How many records and arrays may lie inside each other by value.
const MAXIMUM_NESTING: usize = 32;

/// How many members the types of a frame may have, one in a record in two places counted twice.
/// What is done for each member, in every pass over a value, stays quick.
const MAXIMUM_MEMBERS: u64 = 1 << 16;

/// A frame laid out under a data model. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Template {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    frame: Arc<CallFrame>,
    model: DataModel,
    types: Vec<SizeAlign64>,
    records: Vec<RecordLayout>,
    arguments: Vec<Slot>,
    arguments_size: u64,
}

/// Size and alignment in bytes. A type without a size (`void`, a function, an incomplete record)
/// has size 0 and alignment 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SizeAlign64 {
    /// Size in bytes, a multiple of the alignment.
    pub size: u64,
    /// Alignment in bytes, a power of two.
    pub align: u64,
}

/// Where an argument lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Bytes from the start of the slots; a multiple of 8 and of the argument's own alignment.
    pub offset: u64,
    /// Size of the argument in bytes.
    pub size: u64,
}

/// The bits of a bit-field in the bytes where it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BitField {
    /// Bits below it in the first byte.
    pub shift: u8,
    /// How many bits it has.
    pub width: u8,
}

impl BitField {
    /// How many bytes it lies in.
    pub fn bytes(self) -> usize {
        usize::from(self.shift)
            .saturating_add(self.width.into())
            .div_ceil(8)
    }

    /// Its value among those bytes.
    pub fn value(self, bytes: &[u8], signed: bool) -> i128 {
        let mut all = [0; 16];
        for (place, byte) in all.iter_mut().zip(bytes).take(self.bytes()) {
            *place = *byte;
        }
        let unused = 128 - u32::from(self.width.clamp(1, 64));
        let value = u128::from_le_bytes(all) >> self.shift << unused;
        match signed {
            true => value.cast_signed() >> unused,
            false => (value >> unused).cast_signed(),
        }
    }

    /// Those bytes with another value in it.
    pub fn put(self, bytes: &mut [u8], value: i128) {
        let mask = ((1u128 << self.width.clamp(0, 64)) - 1) << self.shift;
        let value = (value.cast_unsigned() << self.shift) & mask;
        let (mask, value) = (mask.to_le_bytes(), value.to_le_bytes());
        for ((byte, mask), value) in bytes.iter_mut().zip(mask).zip(value) {
            *byte = *byte & !mask | value;
        }
    }
}

#[derive(Clone, Debug, Default)]
struct RecordLayout {
    layout: Option<SizeAlign64>,
    offsets: Vec<u64>,
    /// By field: where in the byte at its offset the lowest bit of a bit-field lies.
    shifts: Vec<u8>,
}

/// Why a frame has no layout, or cannot be carried. Always the fault of who wrote the prototype.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LayoutError {
    /// A value of a type that was never defined.
    #[error(
        "{place}: {what} is incomplete, so it has no size; give its definition before the prototype"
    )]
    Incomplete {
        /// Parameter or result, for a person.
        place: String,
        /// The type.
        what: String,
    },
    /// A type that is larger than a call may be.
    #[error("{place}: the type is larger than the {MAXIMUM_CALL} bytes one call may carry")]
    TooLarge {
        /// Parameter or result, for a person.
        place: String,
    },
    /// Records nested without end, or nearly.
    #[error("{place}: records and arrays lie more than {MAXIMUM_NESTING} deep inside each other")]
    TooDeep {
        /// Parameter or result, for a person.
        place: String,
    },
    /// Records that contain each other to too many members.
    #[error(
        "{place}: its records have more than {MAXIMUM_MEMBERS} members, counting those of the records \
         in them; use arrays"
    )]
    TooComplex {
        /// Parameter or result, for a person.
        place: String,
    },
    /// Something the language can say and this release cannot carry, or that has no meaning.
    #[error("{place}: {reason}")]
    Unsupported {
        /// Parameter or result, for a person.
        place: String,
        /// What it is and what to write instead.
        reason: String,
    },
    /// The client and the VM have data models between which a type cannot be converted.
    #[error("{place}: {reason}, and the data models of the client and of the VM differ ({models})")]
    Differs {
        /// Parameter or result, for a person.
        place: String,
        /// What stands in the way.
        reason: &'static str,
        /// Names of the two models.
        models: String,
    },
}

impl LayoutError {
    /// The error with the place around its place.
    fn inside(mut self, words: &str) -> LayoutError {
        let (LayoutError::Incomplete { place, .. }
        | LayoutError::TooLarge { place }
        | LayoutError::TooDeep { place }
        | LayoutError::TooComplex { place }
        | LayoutError::Unsupported { place, .. }
        | LayoutError::Differs { place, .. }) = &mut self;
        *place = format!("{words}, {place}");
        self
    }
}

impl Template {
    /// Lays `frame` out under `model`.
    ///
    /// # Errors
    /// When a type has no layout, or the frame says something that cannot be carried.
    pub fn of(frame: &Arc<CallFrame>, model: DataModel) -> Result<Template, LayoutError> {
        let mut builder = Builder {
            frame,
            model,
            types: vec![None; frame.types.len()],
            records: vec![RecordLayout::default(); frame.records.len()],
            members: vec![0; frame.types.len()],
            total: 0,
        };
        let mut arguments = Vec::with_capacity(frame.parameters.len());
        let mut end = 0;
        for parameter in &frame.parameters {
            let place = || format!("parameter '{}'", parameter.name);
            let layout = builder
                .value(parameter.ty, 0)
                .map_err(|problem| problem.at(place()))?;
            let offset = align_up(end, layout.align.max(8))
                .filter(|&offset| offset <= MAXIMUM_CALL)
                .ok_or_else(|| LayoutError::TooLarge { place: place() })?;
            arguments.push(Slot {
                offset,
                size: layout.size,
            });
            end = offset + layout.size;
        }
        if !matches!(frame.ty(frame.result), Type::Void) {
            builder
                .value(frame.result, 0)
                .map_err(|problem| problem.at("result".into()))?;
        }
        for index in 0..frame.types.len() {
            let id = TypeId(index as u32);
            if builder.types[index].is_none() {
                // Reached only through pointers, or not at all: an incomplete type is no mistake here.
                let layout = match builder.value(id, 0) {
                    Err(problem @ Problem::TooComplex) => {
                        return Err(problem.at(format!("'{}'", frame.name)));
                    }
                    layout => layout.unwrap_or(UNSIZED),
                };
                builder.types[index] = Some(layout);
            }
        }
        let template = Template {
            inner: Arc::new(Inner {
                frame: Arc::clone(frame),
                model,
                types: builder
                    .types
                    .into_iter()
                    .map(|layout| layout.unwrap_or(UNSIZED))
                    .collect(),
                records: builder.records,
                arguments,
                arguments_size: align_up(end, 16).unwrap_or(end),
            }),
        };
        check::carriable(&template)?;
        Ok(template)
    }

    /// The bytes both ends compare, equal exactly when they agree about the data model, about every
    /// layout and about every annotation. The table is at the top of `template/encode.rs`.
    pub fn encode(&self) -> Vec<u8> {
        encode::encode(self)
    }

    /// The frame.
    pub fn frame(&self) -> &Arc<CallFrame> {
        &self.inner.frame
    }

    /// The data model.
    pub fn model(&self) -> DataModel {
        self.inner.model
    }

    /// Size and alignment of a type of the frame.
    ///
    /// # Panics
    /// When `id` was taken from another frame: a mistake of the calling code, never of input.
    pub fn size_align(&self, id: TypeId) -> SizeAlign64 {
        self.inner.types[id.0 as usize]
    }

    /// Bytes from the start of a record to its field number `field`, where there is one.
    pub fn field_offset(&self, record: RecordId, field: usize) -> Option<u64> {
        self.inner
            .records
            .get(record.0 as usize)?
            .offsets
            .get(field)
            .copied()
    }

    /// Where in the bytes at its offset a bit-field lies: its lowest bit, and how many it has.
    pub fn bit_field(&self, record: RecordId, field: usize) -> Option<BitField> {
        let width = self.inner.frame.record(record).fields.get(field)?.bits?;
        let layout = self.inner.records.get(record.0 as usize)?;
        let shift = *layout.shifts.get(field)?;
        Some(BitField { shift, width })
    }

    /// Where each argument lies, in the order of the parameters.
    pub fn arguments(&self) -> &[Slot] {
        &self.inner.arguments
    }

    /// Bytes all argument slots take, a multiple of 16.
    pub fn arguments_size(&self) -> u64 {
        self.inner.arguments_size
    }

    /// Size and alignment of the result; size 0 for `void`.
    pub fn result(&self) -> SizeAlign64 {
        self.size_align(self.inner.frame.result)
    }

    /// Size and alignment of an arithmetic type under this template's model.
    pub fn scalar(&self, scalar: Scalar) -> SizeAlign64 {
        self.inner.model.scalar(scalar).into()
    }

    /// Bytes from one element of a pointer's target to the next; `void` counts in bytes.
    pub(crate) fn element_size(&self, target: TypeId) -> u64 {
        match self.inner.frame.ty(target) {
            Type::Void => 1,
            _ => self.size_align(target).size,
        }
    }
}

impl From<SizeAlign> for SizeAlign64 {
    fn from(layout: SizeAlign) -> SizeAlign64 {
        SizeAlign64 {
            size: u64::from(layout.size),
            align: u64::from(layout.align),
        }
    }
}

/// Where a bit-field lies that may begin at bit `start`: there, unless it would then lie in more of
/// its type's storage units than one of its type does.
fn bit_field(start: u64, width: u64, layout: SizeAlign64) -> Option<u64> {
    let unit = 8 * layout.align;
    let spanned = (start % unit + width).div_ceil(unit);
    match width == 0 || spanned > layout.size / layout.align {
        true => align_up(start, unit),
        false => Some(start),
    }
}

/// `value` rounded up to a multiple of `align`, a power of two.
pub(crate) fn align_up(value: u64, align: u64) -> Option<u64> {
    Some(value.checked_add(align - 1)? & !(align - 1))
}

const UNSIZED: SizeAlign64 = SizeAlign64 { size: 0, align: 1 };

struct Builder<'a> {
    frame: &'a CallFrame,
    model: DataModel,
    types: Vec<Option<SizeAlign64>>,
    records: Vec<RecordLayout>,
    /// By type: its members and theirs, an array's element once.
    members: Vec<u64>,
    total: u64,
}

/// A [`LayoutError`] that does not know yet where it happened.
enum Problem {
    Incomplete(String),
    TooLarge,
    TooDeep,
    TooComplex,
}

impl Problem {
    fn at(self, place: String) -> LayoutError {
        match self {
            Problem::Incomplete(what) => LayoutError::Incomplete { place, what },
            Problem::TooLarge => LayoutError::TooLarge { place },
            Problem::TooDeep => LayoutError::TooDeep { place },
            Problem::TooComplex => LayoutError::TooComplex { place },
        }
    }
}

impl Builder<'_> {
    /// Layout of a type of which there are values.
    fn value(&mut self, id: TypeId, depth: usize) -> Result<SizeAlign64, Problem> {
        if depth > MAXIMUM_NESTING {
            return Err(Problem::TooDeep);
        }
        if let Some(layout) = self.types[id.0 as usize] {
            return Ok(layout);
        }
        let layout = match self.frame.ty(id) {
            Type::Void => return Err(Problem::Incomplete("void".into())),
            Type::Function { .. } => return Err(Problem::Incomplete("a function".into())),
            Type::Scalar(scalar) => self.model.scalar(*scalar).into(),
            Type::Descriptor => SizeAlign64 { size: 4, align: 4 },
            Type::Pointer(_) => SizeAlign64 {
                size: u64::from(self.model.pointer.size),
                align: u64::from(self.model.pointer.align),
            },
            Type::Array { element, length } => {
                let element = self.value(*element, depth + 1)?;
                let size = element.size.checked_mul(*length).ok_or(Problem::TooLarge)?;
                SizeAlign64 {
                    size,
                    align: element.align,
                }
            }
            Type::Record(record) => self.record(*record, depth)?,
        };
        if layout.size > MAXIMUM_CALL {
            return Err(Problem::TooLarge);
        }
        self.count(id)?;
        self.types[id.0 as usize] = Some(layout);
        Ok(layout)
    }

    /// Counts the members of a type whose parts were laid out.
    fn count(&mut self, id: TypeId) -> Result<(), Problem> {
        let of = |part: &TypeId| self.members[part.0 as usize];
        let members = match self.frame.ty(id) {
            Type::Array { element, .. } => of(element),
            Type::Record(record) => {
                let fields = &self.frame.record(*record).fields;
                fields.iter().map(|field| of(&field.ty)).sum()
            }
            _ => 1,
        };
        self.total = self.total.saturating_add(members);
        if self.total > MAXIMUM_MEMBERS {
            return Err(Problem::TooComplex);
        }
        self.members[id.0 as usize] = members;
        Ok(())
    }

    fn record(&mut self, id: RecordId, depth: usize) -> Result<SizeAlign64, Problem> {
        if let Some(layout) = self.records[id.0 as usize].layout {
            return Ok(layout);
        }
        let record = self.frame.record(id);
        if record.fields.is_empty() {
            return Err(Problem::Incomplete(match &record.name {
                RecordName::Tag(name) | RecordName::Typedef(name) => format!("'{name}'"),
                RecordName::Unnamed => "a record".to_owned(),
            }));
        }
        let mut offsets = Vec::with_capacity(record.fields.len());
        let mut shifts = Vec::with_capacity(record.fields.len());
        let mut whole = SizeAlign64 { size: 0, align: 1 };
        // The first bit that is free.
        let mut free = 0u64;
        for field in &record.fields {
            let layout = self.value(field.ty, depth + 1)?;
            let start = if record.union { 0 } else { free };
            let width = field
                .bits
                .map_or(layout.size.checked_mul(8), |bits| Some(bits.into()));
            let width = width.ok_or(Problem::TooLarge)?;
            let bit = match field.bits {
                Some(bits) => bit_field(start, u64::from(bits), layout),
                None => align_up(start, 8 * layout.align),
            };
            let bit = bit.ok_or(Problem::TooLarge)?;
            offsets.push(bit / 8);
            shifts.push((bit % 8) as u8);
            free = bit.checked_add(width).ok_or(Problem::TooLarge)?;
            whole.size = whole.size.max(free.div_ceil(8));
            // One without a name takes room and asks for nothing.
            if field.bits.is_none() || !field.name.is_empty() {
                whole.align = whole.align.max(layout.align);
            }
        }
        whole.size = align_up(whole.size, whole.align)
            .filter(|&size| size <= MAXIMUM_CALL)
            .ok_or(Problem::TooLarge)?;
        self.records[id.0 as usize] = RecordLayout {
            layout: Some(whole),
            offsets,
            shifts,
        };
        Ok(whole)
    }
}

#[cfg(test)]
mod tests;
