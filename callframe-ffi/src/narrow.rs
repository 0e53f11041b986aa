//! Integer results narrower than a register, which libffi widens.

use callframe::types::{Scalar, Type};
use callframe::{CallFrame, DataModel};

/// An integer result that libffi handles as a whole `ffi_arg`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NarrowResult {
    /// Bytes of the C type: 1, 2 or 4 (8 where a register has 8).
    pub size: usize,
    /// Whether the register holds it sign-extended.
    pub signed: bool,
}

impl NarrowResult {
    /// The result as the whole register that libffi returns from a closure; `register` holds it in
    /// its first bytes.
    #[inline]
    pub fn widened(self, register: [u8; size_of::<usize>()]) -> usize {
        let bits = 8 * size_of::<usize>().saturating_sub(self.size) as u32;
        let value = usize::from_le_bytes(register);
        if self.signed {
            ((value << bits) as isize >> bits) as usize
        } else {
            value << bits >> bits
        }
    }
}

/// How libffi handles the result of `frame`, where it is an integer no wider than a register;
/// `None` for `void`, pointers, floating types, records and wider integers, which lie in memory as
/// C has them.
pub fn result_of(frame: &CallFrame) -> Option<NarrowResult> {
    let model = DataModel::native()?;
    let (size, signed) = match frame.ty(frame.result()) {
        Type::Descriptor => (4, true),
        Type::Scalar(scalar) if !floating(*scalar) => {
            (integer_size(&model, *scalar), scalar.is_signed())
        }
        _ => return None,
    };
    (size <= size_of::<usize>()).then_some(NarrowResult { size, signed })
}

/// Bytes of an integer type.
pub(crate) fn integer_size(model: &DataModel, scalar: Scalar) -> usize {
    use Scalar::*;
    usize::from(match scalar {
        Bool | Char | SignedChar | UnsignedChar | Int8 | UInt8 => 1,
        Short | UnsignedShort | Int16 | UInt16 => 2,
        Int | UnsignedInt | Int32 | UInt32 => 4,
        Long | UnsignedLong => model.long.size,
        LongLong | UnsignedLongLong | Int64 | UInt64 => model.long_long.size,
        Size | SignedSize | PointerDifference | IntPointer | UIntPointer => model.pointer.size,
        WideChar => model.wide_char.size,
        Time => model.time.size,
        Offset => model.offset.size,
        Float | Double | LongDouble | ComplexFloat | ComplexDouble | ComplexLongDouble => 0,
    })
}

fn floating(scalar: Scalar) -> bool {
    use Scalar::*;
    matches!(
        scalar,
        Float | Double | LongDouble | ComplexFloat | ComplexDouble | ComplexLongDouble
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn narrow_integers_fill_a_register_with_their_sign() {
        let minus_two = (-2i64).to_le_bytes();
        let narrow = |size, signed| NarrowResult { size, signed };
        assert_eq!(narrow(4, true).widened(minus_two) as isize, -2);
        assert_eq!(narrow(4, false).widened(minus_two), 0xffff_fffe);
        assert_eq!(narrow(1, true).widened(minus_two) as isize, -2);
        assert_eq!(narrow(2, false).widened(minus_two), 0xfffe);
        assert_eq!(narrow(8, true).widened(minus_two) as isize, -2);
        assert_eq!(narrow(1, true).widened([0x7f, 0, 0, 0, 0, 0, 0, 0]), 0x7f);
    }
}
