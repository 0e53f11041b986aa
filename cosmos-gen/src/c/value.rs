//! What a generated function returns where its pointer cannot be had: the same as when a call of it
//! fails.

use crate::functions::Function;
use callframe::types::{FailValue, Scalar, Type};

/// A value as C text.
pub(super) enum Failed {
    /// An expression.
    Expression(String),
    /// All bytes zero.
    Zeros,
}

/// The value; `None` for a function that returns nothing.
pub(super) fn failed(function: &Function) -> Option<Failed> {
    let frame = &function.frame;
    let declared = frame.contract().fail;
    let integer = |default: i128| match declared {
        Some(FailValue::Integer(value)) => value,
        Some(FailValue::Float(bits)) => f64::from_bits(bits) as i128,
        None => default,
    };
    let value = match frame.ty(frame.result()) {
        Type::Void | Type::Function { .. } => return None,
        Type::Record(_) | Type::Array { .. } => return Some(Failed::Zeros),
        Type::Pointer(_) => integer(0).to_string(),
        Type::Descriptor => integer(-1).to_string(),
        Type::Scalar(Scalar::Bool) => integer(0).to_string(),
        Type::Scalar(scalar) if scalar.is_integer() => integer(-1).to_string(),
        Type::Scalar(_) => match declared {
            None => "__builtin_nan(\"\")".to_owned(),
            Some(FailValue::Integer(value)) => value.to_string(),
            Some(FailValue::Float(bits)) => float(f64::from_bits(bits)),
        },
    };
    Some(Failed::Expression(format!(
        "({})({value})",
        function.plain.before
    )))
}

fn float(value: f64) -> String {
    if value.is_nan() {
        "__builtin_nan(\"\")".to_owned()
    } else if value.is_infinite() {
        let sign = if value < 0.0 { "-" } else { "" };
        format!("{sign}__builtin_inf()")
    } else {
        format!("{value:?}")
    }
}
