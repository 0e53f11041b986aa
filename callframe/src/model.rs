//! Data models: the size and alignment of each C type on a target.
//!
//! A layout is computed for the model of the VM that runs the function, never for the machine that
//! compiled this crate; a 64-bit client may drive a 32-bit VM.

use serde::{Deserialize, Serialize};

use crate::types::Scalar;

/// Size and alignment in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SizeAlign {
    /// Size in bytes.
    pub size: u8,
    /// Alignment in bytes, a power of two.
    pub align: u8,
}

/// The sizes of a target's C types. All targets are little-endian two's complement.
///
/// Sources: System V ABI AMD64 supplement (LP64 and ILP32 "x32"), System V ABI i386 supplement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DataModel {
    /// `long` and `unsigned long`.
    pub long: SizeAlign,
    /// `long long`, `int64_t`.
    pub long_long: SizeAlign,
    /// Every object and function pointer; `size_t` and `intptr_t` have the same size.
    pub pointer: SizeAlign,
    /// `time_t`, signed.
    pub time: SizeAlign,
    /// `off_t`, signed.
    pub offset: SizeAlign,
    /// `wchar_t`, signed on every Linux target.
    pub wide_char: SizeAlign,
    /// `double`.
    pub double: SizeAlign,
    /// `long double`, x87 extended: ten significant bytes, the rest padding.
    pub long_double: SizeAlign,
}

const fn sized(size: u8, align: u8) -> SizeAlign {
    SizeAlign { size, align }
}

impl DataModel {
    /// Linux x86-64: `long` and pointers are eight bytes.
    pub const LP64: DataModel = DataModel {
        long: sized(8, 8),
        long_long: sized(8, 8),
        pointer: sized(8, 8),
        time: sized(8, 8),
        offset: sized(8, 8),
        wide_char: sized(4, 4),
        double: sized(8, 8),
        long_double: sized(16, 16),
    };

    /// Linux x32: the AMD64 instruction set with four-byte `long` and pointers.
    pub const X32: DataModel = DataModel {
        long: sized(4, 4),
        pointer: sized(4, 4),
        ..DataModel::LP64
    };

    /// Linux i386: four-byte `long` and pointers, eight-byte types aligned to four.
    pub const ILP32: DataModel = DataModel {
        long: sized(4, 4),
        long_long: sized(8, 4),
        pointer: sized(4, 4),
        time: sized(4, 4),
        offset: sized(4, 4),
        wide_char: sized(4, 4),
        double: sized(8, 4),
        long_double: sized(12, 4),
    };

    /// The model of the process that runs this code, where it is one of the known ones.
    pub const fn native() -> Option<DataModel> {
        if cfg!(all(target_arch = "x86_64", target_pointer_width = "64")) {
            Some(DataModel::LP64)
        } else if cfg!(all(target_arch = "x86_64", target_pointer_width = "32")) {
            Some(DataModel::X32)
        } else if cfg!(target_arch = "x86") {
            Some(DataModel::ILP32)
        } else {
            None
        }
    }

    /// The name people use for it, or `custom`.
    pub fn name(&self) -> &'static str {
        match *self {
            DataModel::LP64 => "LP64",
            DataModel::X32 => "x32",
            DataModel::ILP32 => "ILP32",
            _ => "custom",
        }
    }

    /// Whether a target of C can have these sizes. A model that came from elsewhere is asked this
    /// before anything is laid out under it.
    pub fn is_possible(&self) -> bool {
        let among = |types: &[SizeAlign], sizes: &[u8]| {
            types.iter().all(|ty| {
                sizes.contains(&ty.size)
                    && ty.align.is_power_of_two()
                    && ty.align <= ty.size
                    && ty.size.is_multiple_of(ty.align)
            })
        };
        among(&[self.long, self.pointer, self.time, self.offset], &[4, 8])
            && among(&[self.long_long, self.double], &[8])
            && among(&[self.wide_char], &[2, 4])
            && among(&[self.long_double], &[8, 12, 16])
    }

    /// Size and alignment of an arithmetic type on this target.
    pub const fn scalar(&self, scalar: Scalar) -> SizeAlign {
        match scalar {
            Scalar::Bool
            | Scalar::Char
            | Scalar::SignedChar
            | Scalar::UnsignedChar
            | Scalar::Int8
            | Scalar::UInt8 => sized(1, 1),
            Scalar::Short | Scalar::UnsignedShort | Scalar::Int16 | Scalar::UInt16 => sized(2, 2),
            Scalar::Int | Scalar::UnsignedInt | Scalar::Int32 | Scalar::UInt32 | Scalar::Float => {
                sized(4, 4)
            }
            Scalar::Long | Scalar::UnsignedLong => self.long,
            Scalar::LongLong | Scalar::UnsignedLongLong | Scalar::Int64 | Scalar::UInt64 => {
                self.long_long
            }
            Scalar::Size
            | Scalar::SignedSize
            | Scalar::PointerDifference
            | Scalar::IntPointer
            | Scalar::UIntPointer => self.pointer,
            Scalar::WideChar => self.wide_char,
            Scalar::Time => self.time,
            Scalar::Offset => self.offset,
            Scalar::Double => self.double,
            Scalar::LongDouble => self.long_double,
            Scalar::ComplexFloat => sized(8, 4),
            Scalar::ComplexDouble => twice(self.double),
            Scalar::ComplexLongDouble => twice(self.long_double),
        }
    }
}

/// A complex type is two of its parts, aligned as one.
const fn twice(part: SizeAlign) -> SizeAlign {
    sized(part.size.saturating_mul(2), part.align)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_possible_where_every_size_and_alignment_is() {
        for model in [DataModel::LP64, DataModel::X32, DataModel::ILP32] {
            assert!(model.is_possible(), "{}", model.name());
        }
        for wrong in [
            sized(0, 1),
            sized(8, 0),
            sized(8, 3),
            sized(255, 1),
            sized(4, 8),
        ] {
            let long = DataModel {
                long: wrong,
                ..DataModel::LP64
            };
            let pointer = DataModel {
                pointer: wrong,
                ..DataModel::LP64
            };
            let real = DataModel {
                long_double: wrong,
                ..DataModel::LP64
            };
            assert!(!long.is_possible() && !pointer.is_possible(), "{wrong:?}");
            assert!(!real.is_possible() || wrong == sized(8, 8), "{wrong:?}");
        }
    }
}
