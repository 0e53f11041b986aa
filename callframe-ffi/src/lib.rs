//! What a [`CallFrame`] is to libffi: argument types, a result type, a prepared call interface.
//!
//! Both ends of a call need the same description: the VM to call the function, the client to make
//! the closure that stands for it. libffi only knows the process it runs in, so everything here is
//! for [`DataModel::native`]; a frame has no other meaning to libffi.
//!
//! | frame type | libffi type |
//! |---|---|
//! | scalars | the integer or floating type of the same size and signedness |
//! | `double complex` and its kin | libffi's complex types |
//! | `int __fd` | `int` |
//! | `...` | refused; a frame that is `__variadic(n)` is prepared as variadic |
//! | pointers of every kind, handles, callbacks | pointer |
//! | struct by value | structure of its members |
//! | array in a struct | its element, repeated |
//! | union by value, alone or in a struct | a struct that travels in the same way, see `unions` |
//!
//! # Narrow results
//!
//! libffi writes a result that is narrower than a register as a whole register (`ffi_arg`), and
//! reads a closure's result the same way. [`result_of`] tells which results those are and whether
//! the high bytes hold the sign.

#![forbid(unsafe_code)]

mod narrow;
mod unions;

pub use narrow::{NarrowResult, result_of};

use callframe::types::{RecordName, Scalar, Type, TypeId, Variadic};
use callframe::{CallFrame, DataModel, Template};
use libffi::middle;
use std::sync::Arc;

/// Most libffi elements one argument or result may be made of. An array of a struct counts its
/// length; the System V ABI passes anything beyond two registers in memory anyway.
pub const MAXIMUM_ELEMENTS: u64 = 1 << 16;

/// Why a frame is nothing libffi can call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FfiError {
    /// A union by value that holds a `long double` and fits two registers.
    #[error(
        "{place}: the union '{name}', which holds a long double, is passed by value, which the calling \
         convention library cannot do; pass a pointer to it"
    )]
    UnionByValue {
        /// Parameter or result, for a person.
        place: String,
        /// The union.
        name: String,
    },
    /// A type without a value: `void`, a function, an incomplete record.
    #[error("{place}: {what} has no value that could be passed")]
    NoValue {
        /// Parameter or result, for a person.
        place: String,
        /// The type.
        what: String,
    },
    /// A struct by value of too many members.
    #[error(
        "{place}: a value of more than {MAXIMUM_ELEMENTS} elements cannot be passed; pass a pointer to it"
    )]
    TooManyElements {
        /// Parameter or result, for a person.
        place: String,
    },
    /// The frame has no layout on this machine.
    #[error("{0}")]
    Layout(String),
    /// The process runs on a target whose data model is not known.
    #[error("functions cannot be called on this machine: its data model is not known")]
    UnknownModel,
    /// A variadic function whose arguments are not written out.
    #[error(
        "'{function}' takes '...': what stands there in a call must be written out, with __variadic(n)"
    )]
    OpenArguments {
        /// The function.
        function: String,
    },
    /// libffi refused the types.
    #[error("libffi refuses the types of '{function}'")]
    Refused {
        /// The function.
        function: String,
    },
}

/// The call interface of `frame` in this process. Valid for any number of calls and closures.
///
/// # Errors
/// When a type cannot be passed by value; libffi's own refusal.
pub fn cif(frame: &CallFrame) -> Result<middle::Cif, FfiError> {
    let arguments = argument_types(frame)?;
    let result = result_type(frame)?;
    let prepared = match frame.variadic() {
        None => middle::Cif::try_new(arguments, result),
        Some(Variadic::Fixed(fixed)) => {
            middle::Cif::try_new_variadic(arguments, *fixed as usize, result)
        }
        Some(_) => {
            return Err(FfiError::OpenArguments {
                function: frame.name().to_owned(),
            });
        }
    };
    prepared.map_err(|_| FfiError::Refused {
        function: frame.name().to_owned(),
    })
}

/// The libffi types of the parameters, in order.
pub fn argument_types(frame: &CallFrame) -> Result<Vec<middle::Type>, FfiError> {
    frame
        .parameters()
        .iter()
        .map(|parameter| {
            let place = format!("parameter '{}'", parameter.name);
            Converter::new(frame, place)?.value(parameter.ty)
        })
        .collect()
}

/// The libffi type of the result.
///
/// A struct that holds a `long double` and nothing else is given as that `long double`: the ABI of
/// x86-64 returns both in the same x87 register, and libffi looks for the struct elsewhere.
pub fn result_type(frame: &CallFrame) -> Result<middle::Type, FfiError> {
    match frame.ty(frame.result()) {
        Type::Void => Ok(middle::Type::void()),
        _ if only_long_double(frame, frame.result()) => Ok(middle::Type::longdouble()),
        _ => Converter::new(frame, "the result".to_owned())?.value(frame.result()),
    }
}

/// The libffi type of an arithmetic type under `model`.
pub fn scalar_type(model: &DataModel, scalar: Scalar) -> middle::Type {
    use Scalar::*;
    match scalar {
        Float => middle::Type::f32(),
        Double => middle::Type::f64(),
        LongDouble => middle::Type::longdouble(),
        ComplexFloat => middle::Type::c32(),
        ComplexDouble => middle::Type::c64(),
        ComplexLongDouble => middle::Type::complex_longdouble(),
        integer => match (narrow::integer_size(model, integer), integer.is_signed()) {
            (1, true) => middle::Type::i8(),
            (1, false) => middle::Type::u8(),
            (2, true) => middle::Type::i16(),
            (2, false) => middle::Type::u16(),
            (4, true) => middle::Type::i32(),
            (4, false) => middle::Type::u32(),
            (_, true) => middle::Type::i64(),
            (_, false) => middle::Type::u64(),
        },
    }
}

/// Whether a type, with all that lies in it, is one `long double`.
fn only_long_double(frame: &CallFrame, id: TypeId) -> bool {
    match frame.ty(id) {
        Type::Scalar(scalar) => *scalar == Scalar::LongDouble,
        Type::Array { element, length } => *length == 1 && only_long_double(frame, *element),
        Type::Record(record) => match frame.record(*record) {
            record if record.union => false,
            record => match record.fields.as_slice() {
                [field] => only_long_double(frame, field.ty),
                _ => false,
            },
        },
        _ => false,
    }
}

/// Converts one argument or the result.
struct Converter<'frame> {
    frame: &'frame CallFrame,
    model: DataModel,
    place: String,
    elements: u64,
}

impl<'frame> Converter<'frame> {
    fn new(frame: &'frame CallFrame, place: String) -> Result<Self, FfiError> {
        let model = DataModel::native().ok_or(FfiError::UnknownModel)?;
        Ok(Converter {
            frame,
            model,
            place,
            elements: 0,
        })
    }

    fn value(&mut self, id: TypeId) -> Result<middle::Type, FfiError> {
        match self.frame.ty(id) {
            Type::Scalar(scalar) => Ok(scalar_type(&self.model, *scalar)),
            Type::Descriptor => Ok(middle::Type::c_int()),
            Type::Pointer(_) => Ok(middle::Type::pointer()),
            Type::Record(_) => {
                let mut members = Vec::new();
                self.members(id, &mut members)?;
                Ok(middle::Type::structure(members))
            }
            Type::Void => Err(self.no_value("void")),
            Type::Function { .. } => Err(self.no_value("a function")),
            Type::Array { .. } => Err(self.no_value("an array")),
        }
    }

    /// Appends what `id` contributes to the members of the struct it lies in.
    fn members(&mut self, id: TypeId, members: &mut Vec<middle::Type>) -> Result<(), FfiError> {
        match self.frame.ty(id) {
            Type::Record(record) => {
                let record = self.frame.record(*record);
                let name = record_name(&record.name);
                if record.union {
                    let parts = self.union(id, name)?;
                    members.extend(parts);
                    return Ok(());
                }
                if record.fields.is_empty() {
                    return Err(self.no_value(&format!("the incomplete type '{name}'")));
                }
                if record.fields.iter().any(|field| field.bits.is_some()) {
                    return Err(self.no_value(&format!("'{name}', which has bit-fields,")));
                }
                for field in &record.fields {
                    self.member(field.ty, members)?;
                }
                Ok(())
            }
            _ => self.member(id, members),
        }
    }

    fn member(&mut self, id: TypeId, members: &mut Vec<middle::Type>) -> Result<(), FfiError> {
        match self.frame.ty(id) {
            Type::Array { element, length } => {
                if *length > MAXIMUM_ELEMENTS {
                    return Err(self.too_many());
                }
                for _ in 0..*length {
                    self.member(*element, members)?;
                }
            }
            _ => {
                self.elements += 1;
                if self.elements > MAXIMUM_ELEMENTS {
                    return Err(self.too_many());
                }
                // A nested struct keeps its own alignment and padding, so it stays a structure.
                members.push(self.value(id)?);
            }
        }
        Ok(())
    }

    fn union(&mut self, id: TypeId, name: &str) -> Result<Vec<middle::Type>, FfiError> {
        let frame = Arc::new(self.frame.clone());
        let template = Template::of(&frame, self.model)
            .map_err(|error| FfiError::Layout(error.to_string()))?;
        let layout = template.size_align(id);
        self.elements += layout.size / layout.align.max(1);
        if self.elements > MAXIMUM_ELEMENTS {
            return Err(self.too_many());
        }
        unions::members(&template, id).map_err(|unions::InRegisters| FfiError::UnionByValue {
            place: self.place.clone(),
            name: name.to_owned(),
        })
    }

    fn no_value(&self, what: &str) -> FfiError {
        FfiError::NoValue {
            place: self.place.clone(),
            what: what.to_owned(),
        }
    }

    fn too_many(&self) -> FfiError {
        FfiError::TooManyElements {
            place: self.place.clone(),
        }
    }
}

fn record_name(name: &RecordName) -> &str {
    match name {
        RecordName::Tag(name) | RecordName::Typedef(name) => name,
        RecordName::Unnamed => "(unnamed)",
    }
}
