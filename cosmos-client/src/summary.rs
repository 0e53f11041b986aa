//! A call in words, for the message that says how a VM died: `memcpy(dest, NULL, 64)`.
//!
//! Made only when a call has failed. Text is quoted up to [`QUOTED`] bytes; other data shows as the
//! name of its parameter.

use crate::memory::CallMemory;
use crate::resolved::Resolved;
use crate::token;
use callframe::marshal::CallerBytes;
use callframe::types::{Extent, Identity, Parameter, Pointer, Scalar, Type};

/// How much of a text is shown.
const QUOTED: usize = 24;
/// How much of it is looked through for its end.
const SEARCHED: u64 = 1 << 20;

/// The call with its arguments.
pub(crate) fn summary(function: &Resolved, memory: &CallMemory, arguments: &[u64]) -> String {
    let parameters = function.frame().parameters();
    let shown: Vec<String> = parameters
        .iter()
        .zip(arguments)
        .map(|(parameter, address)| {
            argument(function, memory, parameter, *address)
                .unwrap_or_else(|| parameter.name.clone())
        })
        .collect();
    format!("{}({})", function.name(), shown.join(", "))
}

fn argument(
    function: &Resolved,
    memory: &CallMemory,
    parameter: &Parameter,
    address: u64,
) -> Option<String> {
    let frame = function.frame();
    match frame.ty(parameter.ty) {
        Type::Descriptor => Some((word(memory, address, 4)? as i32).to_string()),
        Type::Scalar(scalar) => {
            let size = function.native().scalar(*scalar).size;
            number(
                *scalar,
                word(memory, address, usize::try_from(size).ok()?)?,
                size,
            )
        }
        Type::Pointer(pointer) => {
            let value = word(memory, address, size_of::<usize>())?;
            let text = matches!(frame.ty(pointer.target), Type::Scalar(Scalar::Char));
            leads_to(memory, pointer, text, value)
        }
        _ => None,
    }
}

fn leads_to(memory: &CallMemory, pointer: &Pointer, text: bool, value: u64) -> Option<String> {
    if value == 0 {
        return Some("NULL".to_owned());
    }
    match pointer.identity {
        Identity::Handle(_) => {
            token::take_apart(value).map(|(_, wire)| format!("handle {}", wire & 0xff_ffff))
        }
        Identity::Data
            if text
                && pointer.direction.enters()
                && matches!(pointer.extent, Extent::NullTerminated) =>
        {
            let length = memory.terminated_length(value, 1, 0, SEARCHED).ok()?;
            let whole = usize::try_from(length).ok()?.saturating_sub(1);
            let mut bytes = vec![0; whole.min(QUOTED)];
            memory.read(value, &mut bytes).ok()?;
            let more = if whole > QUOTED { "..." } else { "" };
            Some(format!("\"{}\"{more}", bytes.escape_ascii()))
        }
        _ => None,
    }
}

fn number(scalar: Scalar, word: u64, size: u64) -> Option<String> {
    use Scalar::*;
    match scalar {
        Float => Some(f32::from_bits(word as u32).to_string()),
        Double => Some(f64::from_bits(word).to_string()),
        LongDouble | ComplexFloat | ComplexDouble | ComplexLongDouble => None,
        Bool | UnsignedChar | UnsignedShort | UnsignedInt | UnsignedLong | UnsignedLongLong
        | UInt8 | UInt16 | UInt32 | UInt64 | Size | UIntPointer => Some(word.to_string()),
        _ => {
            let bits = 64u32.checked_sub(u32::try_from(size).ok()?.checked_mul(8)?)?;
            Some(((word << bits) as i64 >> bits).to_string())
        }
    }
}

fn word(memory: &CallMemory, address: u64, size: usize) -> Option<u64> {
    let mut bytes = [0; 8];
    memory.read(address, bytes.get_mut(..size)?).ok()?;
    Some(u64::from_le_bytes(bytes))
}
