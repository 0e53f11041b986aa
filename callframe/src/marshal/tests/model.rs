//! C values as trees, written and read by the plainest code there could be: what marshalling is
//! compared with.

use super::build::Build;
use crate::Template;
use crate::types::{Direction, Extent, Field, Scalar, Type, TypeId};

/// A stream of choices that a test case is made of.
pub(super) struct Choices(pub u64);

impl Choices {
    /// SplitMix64.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    pub fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len() as u64) as usize]
    }
}

/// A C value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Integer(i128),
    /// Bits of a floating number.
    Bits(Vec<u8>),
    Many(Vec<Value>),
}

pub(super) const SCALARS: [Scalar; 20] = [
    Scalar::Bool,
    Scalar::Char,
    Scalar::UnsignedChar,
    Scalar::Short,
    Scalar::UnsignedShort,
    Scalar::Int,
    Scalar::UnsignedInt,
    Scalar::Long,
    Scalar::UnsignedLong,
    Scalar::LongLong,
    Scalar::UInt64,
    Scalar::Size,
    Scalar::SignedSize,
    Scalar::WideChar,
    Scalar::Time,
    Scalar::Float,
    Scalar::Double,
    Scalar::LongDouble,
    Scalar::ComplexDouble,
    Scalar::ComplexLongDouble,
];

/// A type without pointers.
pub(super) fn any_type(build: &mut Build, choices: &mut Choices, depth: u32) -> TypeId {
    if depth == 0 || choices.below(3) > 0 {
        return build.scalar(*choices.one(&SCALARS));
    }
    let names = ["a", "b", "c", "d", "e"];
    let count = 1 + choices.below(4) as usize;
    let mut fields = Vec::new();
    for name in names.iter().take(count) {
        let mut ty = any_type(build, choices, depth - 1);
        if choices.below(4) == 0 {
            ty = build.ty(Type::Array {
                element: ty,
                length: 1 + choices.below(3),
            });
        }
        fields.push((*name, ty));
    }
    build.record("r", &fields)
}

/// A pointer to data, whose length is parameter `length`.
pub(super) fn any_pointer(
    build: &mut Build,
    choices: &mut Choices,
    target: TypeId,
    direction: Direction,
    length: u32,
) -> TypeId {
    let extent = match choices.below(2) {
        0 => Extent::Single,
        _ => Extent::Counted(super::build::value_of(length)),
    };
    build.pointer(target, direction, extent, |_| {})
}

/// A value of a type that fits in both models.
pub(super) fn any_value(both: [&Template; 2], ty: TypeId, choices: &mut Choices) -> Value {
    let frame = both[0].frame();
    match frame.ty(ty) {
        Type::Scalar(scalar) => any_scalar(both, *scalar, choices),
        Type::Array { element, length } => Value::Many(
            (0..*length)
                .map(|_| any_value(both, *element, choices))
                .collect(),
        ),
        Type::Record(record) => {
            let fields = &frame.record(*record).fields;
            Value::Many(
                fields
                    .iter()
                    .map(|field| any_value(both, field.ty, choices))
                    .collect(),
            )
        }
        other => panic!("{other:?} has no values here"),
    }
}

fn any_scalar(both: [&Template; 2], scalar: Scalar, choices: &mut Choices) -> Value {
    if let Some(bytes) = bits(scalar) {
        return Value::Bits((0..bytes).map(|_| choices.next() as u8).collect());
    }
    if scalar == Scalar::Bool {
        return Value::Integer(i128::from(choices.below(2)));
    }
    let size = both[0].scalar(scalar).size.min(both[1].scalar(scalar).size);
    let value = choices.next() >> (64 - 8 * size);
    // Extremes more often than chance has it.
    let value = *choices.one(&[value, value, 0, u64::MAX >> (64 - 8 * size)]);
    match signed(scalar) {
        true => Value::Integer(i128::from(
            (value << (64 - 8 * size)) as i64 >> (64 - 8 * size),
        )),
        false => Value::Integer(i128::from(value)),
    }
}

/// Significant bytes of a floating type.
fn bits(scalar: Scalar) -> Option<usize> {
    match scalar {
        Scalar::Float => Some(4),
        Scalar::Double => Some(8),
        Scalar::LongDouble => Some(10),
        Scalar::ComplexDouble => Some(16),
        Scalar::ComplexLongDouble => Some(20),
        _ => None,
    }
}

fn signed(scalar: Scalar) -> bool {
    matches!(
        scalar,
        Scalar::Char
            | Scalar::Short
            | Scalar::Int
            | Scalar::Long
            | Scalar::LongLong
            | Scalar::SignedSize
            | Scalar::WideChar
            | Scalar::Time
    )
}

/// Writes a value as C has it under `template`; padding is left alone.
pub(super) fn write(template: &Template, ty: TypeId, value: &Value, to: &mut [u8]) {
    let frame = template.frame();
    match (frame.ty(ty), value) {
        (Type::Scalar(scalar), Value::Integer(number)) => {
            let size = template.scalar(*scalar).size as usize;
            to[..size].copy_from_slice(&number.to_le_bytes()[..size]);
        }
        (Type::Scalar(Scalar::ComplexLongDouble), Value::Bits(bits)) => {
            let half = template.size_align(ty).size as usize / 2;
            to[..10].copy_from_slice(&bits[..10]);
            to[half..half + 10].copy_from_slice(&bits[10..]);
        }
        (Type::Scalar(_), Value::Bits(bits)) => to[..bits.len()].copy_from_slice(bits),
        (Type::Array { element, .. }, Value::Many(values)) => {
            let stride = template.size_align(*element).size as usize;
            for (index, value) in values.iter().enumerate() {
                write(template, *element, value, &mut to[index * stride..]);
            }
        }
        (Type::Record(record), Value::Many(values)) => {
            for (index, (Field { ty, .. }, value)) in
                frame.record(*record).fields.iter().zip(values).enumerate()
            {
                let offset = template.field_offset(*record, index).unwrap() as usize;
                write(template, *ty, value, &mut to[offset..]);
            }
        }
        (ty, value) => panic!("{value:?} is no {ty:?}"),
    }
}

/// Reads what [`write`] wrote.
pub(super) fn read(template: &Template, ty: TypeId, from: &[u8]) -> Value {
    let frame = template.frame();
    match frame.ty(ty) {
        Type::Scalar(Scalar::ComplexLongDouble) => {
            let half = template.size_align(ty).size as usize / 2;
            Value::Bits([&from[..10], &from[half..half + 10]].concat())
        }
        Type::Scalar(scalar) => match bits(*scalar) {
            Some(length) => Value::Bits(from[..length].to_vec()),
            None => {
                let size = template.scalar(*scalar).size as usize;
                let negative = signed(*scalar) && from[size - 1] & 0x80 != 0;
                let mut bytes = [if negative { 0xff } else { 0 }; 16];
                bytes[..size].copy_from_slice(&from[..size]);
                Value::Integer(i128::from_le_bytes(bytes))
            }
        },
        Type::Array { element, length } => {
            let stride = template.size_align(*element).size as usize;
            let one = |index: u64| read(template, *element, &from[index as usize * stride..]);
            Value::Many((0..*length).map(one).collect())
        }
        Type::Record(record) => {
            let fields = frame.record(*record).fields.iter().enumerate();
            let one = |(index, field): (usize, &Field)| {
                let offset = template.field_offset(*record, index).unwrap() as usize;
                read(template, field.ty, &from[offset..])
            };
            Value::Many(fields.map(one).collect())
        }
        other => panic!("{other:?} has no values here"),
    }
}
