//! Values as JSON.
//!
//! Integers and finite floating numbers are numbers; `inf`, `-inf`, `nan` and a `long double` that
//! no `double` equals are strings; a complex number is `[real, imaginary]`; a string is a string,
//! or `{"bytes": "…"}` where it is not UTF-8; a buffer is a string of hexadecimal digits; a struct
//! is an object; a null pointer is `null`.

use crate::format;
use callframe::CallFrame;
use callframe::types::{Scalar, Type, TypeId};
use cosmos::{Outcome, Value};
use serde_json::{Map, Value as Json, json};

/// `{"return": …, "out": {…}, "errno": …}`.
pub fn outcome(frame: &CallFrame, outcome: &Outcome) -> Json {
    let mut outputs = Map::new();
    for (name, output) in &outcome.outputs {
        let ty = frame
            .parameters()
            .iter()
            .find(|parameter| parameter.name == *name);
        let ty = ty.and_then(|parameter| format::target(frame, parameter.ty));
        outputs.insert(name.clone(), value(frame, ty, output));
    }
    json!({
        "return": value(frame, Some(frame.result()), &outcome.result),
        "out": outputs,
        "errno": outcome.errno,
    })
}

fn value(frame: &CallFrame, ty: Option<TypeId>, given: &Value) -> Json {
    let scalar = ty.and_then(|ty| format::scalar_of(frame, ty));
    match given {
        Value::Int(number) => integer(ty.map(|ty| frame.ty(ty)), *number),
        Value::Float(number) => float(scalar, *number),
        Value::LongDouble(bytes) => extended(bytes),
        Value::Complex(real, imaginary) => json!([float(scalar, *real), float(scalar, *imaginary)]),
        Value::Text(text) => match std::str::from_utf8(text) {
            Ok(text) => text.into(),
            Err(_) => json!({ "bytes": format::hexadecimal(text) }),
        },
        Value::Bytes(bytes) => format::hexadecimal(bytes).into(),
        Value::Array(elements) => {
            let element = ty.and_then(|ty| format::element(frame, ty));
            elements
                .iter()
                .map(|one| value(frame, element, one))
                .collect()
        }
        Value::Struct(members) => members.iter().map(|one| value(frame, None, one)).collect(),
        Value::Record(members) => members
            .iter()
            .map(|(name, one)| {
                let ty = ty.and_then(|ty| format::member(frame, ty, name));
                (name.clone(), value(frame, ty, one))
            })
            .collect::<Map<_, _>>()
            .into(),
        Value::Descriptor(number) => json!({ "descriptor": number }),
        Value::Handle(token) => json!({ "handle": token }),
        Value::Alias { parameter, offset } => json!({ "alias": parameter, "offset": offset }),
        Value::Null | Value::Out | Value::Void => Json::Null,
        // Kinds of values that later releases add print as they are.
        #[allow(unreachable_patterns)]
        other => format!("{other:?}").into(),
    }
}

fn integer(ty: Option<&Type>, number: i128) -> Json {
    if matches!(ty, Some(Type::Scalar(Scalar::Bool))) {
        return (number != 0).into();
    }
    match (i64::try_from(number), u64::try_from(number)) {
        (Ok(number), _) => number.into(),
        (_, Ok(number)) => number.into(),
        _ => number.to_string().into(),
    }
}

/// JSON numbers have no width: the shortest decimal of the value's own type is what is meant.
fn float(scalar: Option<Scalar>, number: f64) -> Json {
    if !number.is_finite() {
        return format::float(scalar, number).into();
    }
    let shortest = format::float(scalar, number).parse().unwrap_or(number);
    serde_json::Number::from_f64(shortest).map_or(Json::Null, Json::Number)
}

fn extended(bytes: &[u8; 10]) -> Json {
    let text = format::extended(bytes);
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() && format::float(None, number) == text => number.into(),
        _ => text.into(),
    }
}
