//! Values that need not be given: `crc32(0, "hello")` for `crc32(crc, buf, len)`.
//!
//! Where fewer values than parameters are given, and exactly those are missing that do nothing but say
//! how large a buffer is which goes in, each is the number of bytes given for its buffer. Where exactly
//! those are missing that only come back, each is room for an output. Nothing else is guessed.

use crate::value::Value;
use callframe::CallFrame;
use callframe::expression::{Expression, Operation};
use callframe::types::{Extent, Identity, Type};

/// By parameter: the one whose bytes it counts, where it is nothing but the size of a buffer that goes in.
pub fn counted(frame: &CallFrame) -> Vec<Option<usize>> {
    let parameters = frame.parameters();
    let mut buffers = vec![None; parameters.len()];
    let mut used = vec![0_usize; parameters.len()];
    for (buffer, parameter) in parameters.iter().enumerate() {
        let Type::Pointer(pointer) = frame.ty(parameter.ty) else {
            continue;
        };
        if pointer.identity != Identity::Data {
            continue;
        }
        let (Extent::Sized(extent) | Extent::Counted(extent)) = &pointer.extent else {
            continue;
        };
        for operation in extent.operations() {
            if let Operation::Parameter(index) = operation
                && let Some(count) = used.get_mut(*index as usize)
            {
                *count += 1;
            }
        }
        let bytes = matches!(pointer.extent, Extent::Sized(_)) || is_byte(frame.ty(pointer.target));
        if let Some(index) = alone(extent)
            && bytes
            && pointer.direction.enters()
            && let Some(parameter) = parameters.get(index)
            && matches!(frame.ty(parameter.ty), Type::Scalar(_))
            && let Some(place) = buffers.get_mut(index)
        {
            *place = Some(buffer);
        }
    }
    for (buffer, used) in buffers.iter_mut().zip(used) {
        // What measures several buffers is no one's size.
        if used != 1 {
            *buffer = None;
        }
    }
    buffers
}

/// The values with those that were left out.
pub(crate) fn completed(frame: &CallFrame, given: Vec<Value>) -> Vec<Value> {
    let sizes = counted(frame);
    let outputs = outputs(frame);
    let missing = sizes.len().saturating_sub(given.len());
    let size_count = sizes.iter().flatten().count();
    let output_count = outputs.iter().filter(|only| **only).count();
    let (with_sizes, with_outputs) = match missing {
        0 => return given,
        _ if missing == size_count => (true, false),
        _ if missing == output_count => (false, true),
        _ if missing == size_count + output_count => (true, true),
        _ => return given,
    };
    let mut left = given.into_iter();
    let mut all: Vec<Value> = Vec::with_capacity(sizes.len());
    for (size, output) in sizes.iter().zip(outputs) {
        all.push(match (size, output) {
            // Set below, when its buffer is known, which may follow it.
            (Some(_), _) if with_sizes => Value::Void,
            (_, true) if with_outputs => Value::Out,
            _ => match left.next() {
                Some(value) => value,
                None => break,
            },
        });
    }
    for (place, size) in sizes.iter().enumerate() {
        if let (true, Some(buffer)) = (with_sizes, size) {
            let bytes = all.get(*buffer).map_or(0, length);
            if let Some(value) = all.get_mut(place) {
                *value = Value::Int(bytes);
            }
        }
    }
    all
}

/// By parameter: whether it is memory that only comes back.
fn outputs(frame: &CallFrame) -> Vec<bool> {
    let is_output = |ty| match frame.ty(ty) {
        Type::Pointer(pointer) => {
            let data = matches!(pointer.identity, Identity::Data);
            data && pointer.direction.leaves() && !pointer.direction.enters()
        }
        _ => false,
    };
    let parameters = frame.parameters().iter();
    parameters
        .map(|parameter| is_output(parameter.ty))
        .collect()
}

/// How many bytes were given for a buffer of bytes.
fn length(value: &Value) -> i128 {
    match value {
        Value::Text(bytes) | Value::Bytes(bytes) => bytes.len() as i128,
        Value::Array(elements) => elements.len() as i128,
        _ => 0,
    }
}

/// The parameter that an expression is, and nothing else.
fn alone(expression: &Expression) -> Option<usize> {
    match expression.operations() {
        [Operation::Parameter(index)] => Some(*index as usize),
        _ => None,
    }
}

fn is_byte(ty: &Type) -> bool {
    use callframe::types::Scalar::{Char, Int8, SignedChar, UInt8, UnsignedChar};
    matches!(
        ty,
        Type::Scalar(Char | SignedChar | UnsignedChar | Int8 | UInt8)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(prototype: &str, values: &[Value]) -> Vec<Value> {
        completed(&callframe::parse(prototype).unwrap(), values.to_vec())
    }

    #[test]
    fn sizes_and_outputs_are_added_where_all_of_them_are_missing() {
        let crc = "uLong crc32(uLong crc, const Bytef *__sized_by(len) buf, uInt len)";
        let (zero, text) = (Value::from(0), Value::from("hello"));
        assert_eq!(given(crc, &[zero.clone(), text.clone()])[2], 5.into());
        let all = [zero.clone(), text.clone(), 3.into()];
        assert_eq!(given(crc, &all), all);
        let alone = std::slice::from_ref(&zero);
        assert_eq!(given(crc, alone), alone);
        let before = "int f(int n, const void *__sized_by(n) p, int *__out q)";
        let completed = [5.into(), text.clone(), Value::Out];
        assert_eq!(given(before, std::slice::from_ref(&text)), completed);
        let modf = "double modf(double x, double *__out whole)";
        assert_eq!(given(modf, &[2.5.into()]), [2.5.into(), Value::Out]);
        let read = "ssize_t read(int __fd fd, void *__out __sized_by(count) buf, size_t count)";
        assert_eq!(
            given(read, &[zero.clone(), 9.into()]),
            [zero, Value::Out, 9.into()]
        );
    }

    #[test]
    fn what_the_library_makes_room_for_is_no_output_of_the_callers_size() {
        let inout = "int f(int *p)";
        assert_eq!(given(inout, &[]), []);
    }
}
