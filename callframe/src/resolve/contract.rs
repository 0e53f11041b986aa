//! What is said of the function as a whole.

use std::ops::RangeInclusive;

use super::pointers::Moment;
use super::{Place, Resolved, Resolver, Root};
use crate::error::{Code, PrototypeError};
use crate::model::DataModel;
use crate::syntax::RawPrototype;
use crate::syntax::raw::{AnnotationKind, Name};
use crate::syntax::token::Span;
use crate::types::{Contract, FailValue, Scalar, Type, TypeId};

/// Functions that act on the thread, stack or process that calls them.
const OWN_STACK: &[&str] = &[
    "_longjmp",
    "_setjmp",
    "__sigsetjmp",
    "alloca",
    "clone",
    "fork",
    "getcontext",
    "longjmp",
    "makecontext",
    "setcontext",
    "setjmp",
    "siglongjmp",
    "sigsetjmp",
    "swapcontext",
    "vfork",
];

/// Refuses functions that cannot work from another process.
pub(super) fn check_name(name: &Name) -> Resolved<()> {
    if !OWN_STACK.contains(&name.text.as_str()) {
        return Ok(());
    }
    let what = if name.text.contains("jmp") {
        "jumps within the stack of its caller"
    } else {
        "acts on the process that calls it"
    };
    let error = PrototypeError::new(
        Code::E0301,
        name.span.range(),
        format!("'{}' {what}", name.text),
    )
    .label("would do so in the other process");
    Err(if name.text.contains("jmp") {
        error.help("libraries with longjmp often have an interface without it: png_image_*")
    } else {
        error
    })
}

impl Resolver<'_> {
    pub(super) fn contract(
        &mut self,
        prototype: &RawPrototype,
        result: TypeId,
    ) -> Resolved<Contract> {
        let mut contract = Contract::default();
        for annotation in &prototype.annotations {
            let span = annotation.span;
            let twice = match &annotation.kind {
                AnnotationKind::Success(condition) => {
                    let place = Place {
                        root: Root::Result,
                        name: &prototype.name.text,
                        span: prototype.name.span,
                        outer: None,
                        fields: None,
                    };
                    let condition = self.bind(condition, Moment::After, place)?;
                    contract.success.replace(condition).is_some()
                }
                AnnotationKind::Fail(value) => {
                    let value = self.fail_value(*value, result, span)?;
                    contract.fail.replace(value).is_some()
                }
                AnnotationKind::NoErrno => std::mem::replace(&mut contract.no_errno, true),
                AnnotationKind::Idempotent => std::mem::replace(&mut contract.idempotent, true),
                AnnotationKind::NoCallback => std::mem::replace(&mut contract.no_callback, true),
                AnnotationKind::Timeout(milliseconds) => {
                    let limit = time_limit(*milliseconds, span)?;
                    contract.timeout.replace(limit).is_some()
                }
                AnnotationKind::NoReturn => {
                    contract.no_return = true;
                    false
                }
                _ => false,
            };
            if twice {
                return Err(PrototypeError::new(
                    Code::E0127,
                    span.range(),
                    "this annotation is given twice",
                )
                .label("the second time"));
            }
        }
        Ok(contract)
    }

    fn fail_value(&self, value: FailValue, result: TypeId, span: Span) -> Resolved<FailValue> {
        let wrong = |message: &str| {
            Err(PrototypeError::new(Code::E0129, span.range(), message)
                .label("not a value of the result's type"))
        };
        let scalar = match self.types.get(result.0 as usize) {
            Some(Type::Scalar(scalar)) => *scalar,
            Some(Type::Descriptor) => Scalar::Int,
            Some(Type::Pointer(_)) => Scalar::IntPointer,
            _ => return wrong("the function returns nothing that could say so"),
        };
        match (value, scalar.is_integer()) {
            (FailValue::Integer(value), true) => {
                if fits(value, scalar) {
                    return Ok(FailValue::Integer(value));
                }
                wrong("the function cannot return this value")
            }
            (FailValue::Float(_), true) => wrong("the function returns an integer"),
            // Every 64-bit constant has a nearest double, which is what C would return too.
            (FailValue::Integer(value), false) => Ok(FailValue::Float((value as f64).to_bits())),
            (FailValue::Float(bits), false) => Ok(FailValue::Float(bits)),
        }
    }
}

/// `__timeout(ms)`: a limit that is one, and fits the template.
fn time_limit(milliseconds: i128, span: Span) -> Resolved<u32> {
    u32::try_from(milliseconds)
        .ok()
        .filter(|limit| *limit > 0)
        .ok_or_else(|| {
            PrototypeError::new(
                Code::E0164,
                span.range(),
                format!("{milliseconds} ms is no time limit"),
            )
            .label("from 1 to 4294967295 milliseconds")
        })
}

/// Whether `value` is one of the type, as written with or without a sign: -1 is all ones.
fn fits(value: i128, scalar: Scalar) -> bool {
    let Some(range) = range(scalar) else {
        return false;
    };
    let half = -(*range.end() / 2) - 1;
    range.contains(&value) || scalar != Scalar::Bool && (half..0).contains(&value)
}

/// The values of an integer type at its widest; `None` for other types.
pub(super) fn range(scalar: Scalar) -> Option<RangeInclusive<i128>> {
    if !scalar.is_integer() {
        return None;
    }
    if scalar == Scalar::Bool {
        return Some(0..=1);
    }
    let bits = 8 * u32::from(DataModel::LP64.scalar(scalar).size);
    let unsigned = matches!(
        scalar,
        Scalar::UnsignedChar
            | Scalar::UnsignedShort
            | Scalar::UnsignedInt
            | Scalar::UnsignedLong
            | Scalar::UnsignedLongLong
            | Scalar::UInt8
            | Scalar::UInt16
            | Scalar::UInt32
            | Scalar::UInt64
            | Scalar::Size
            | Scalar::UIntPointer
    );
    Some(if unsigned {
        0..=(1_i128 << bits) - 1
    } else {
        -(1_i128 << (bits - 1))..=(1_i128 << (bits - 1)) - 1
    })
}
