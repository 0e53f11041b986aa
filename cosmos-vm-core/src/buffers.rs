//! Buffers of bytes among the parameters, for kinds whose functions see values and no memory.
//!
//! Such a kind gives what goes in as a value, and puts what comes out where the caller has room for it.
//! Integers that do nothing but say how large a buffer is are no values of their own.

use crate::Call;
use callframe::CallFrame;
use callframe::expression::{Expression, Operation};
use callframe::types::{
    Direction, Extent, Filled, Identity, Ownership, Parameter, Pointer, Scalar, Type, TypeId,
};
use cosmos_rpc::{Fault, FaultCode};
use std::collections::HashSet;

/// A parameter that leads to bytes of the caller's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Buffer {
    /// Bytes that go in; up to their NUL where they are text.
    In {
        /// They end with a NUL, which is none of them.
        is_text: bool,
    },
    /// Room for bytes that come out.
    Out(Room),
}

/// Room for bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// The parameter that leads to how much room there is, then to how much came.
    pub count: Option<u32>,
    /// What comes ends with a NUL.
    pub is_text: bool,
}

impl Buffer {
    /// What a parameter of this type is, where it is a buffer.
    pub fn of(frame: &CallFrame, ty: TypeId) -> Option<Buffer> {
        let Type::Pointer(pointer) = frame.ty(ty) else {
            return None;
        };
        if !is_plain(frame, pointer) {
            return None;
        }
        let is_text = pointer.extent == Extent::NullTerminated;
        match pointer.direction {
            Direction::In if is_text || capacity(pointer).is_some() => Some(Buffer::In { is_text }),
            Direction::Out => room(pointer).map(Buffer::Out),
            _ => None,
        }
    }

    /// The parameters that say how large the buffers among those are that `is_buffer` chooses.
    pub fn sizes(frame: &CallFrame, is_buffer: impl Fn(&Parameter) -> bool) -> HashSet<u32> {
        let mut sizes = HashSet::new();
        for parameter in frame.parameters().iter().filter(|it| is_buffer(it)) {
            let Type::Pointer(pointer) = frame.ty(parameter.ty) else {
                continue;
            };
            for operation in capacity(pointer)
                .into_iter()
                .flat_map(Expression::operations)
            {
                if let Operation::Parameter(index) | Operation::Pointee(index) = operation {
                    sizes.insert(*index);
                }
            }
        }
        sizes
    }
}

fn room(pointer: &Pointer) -> Option<Room> {
    let count = match capacity(pointer)?.operations() {
        [Operation::Pointee(index)] => Some(*index),
        _ => None,
    };
    let is_text = pointer.filled == Some(Filled::Until(0));
    // Without either nobody could tell how much came.
    (count.is_some() != is_text).then_some(Room { count, is_text })
}

/// Bytes of the caller's, which are copied.
fn is_plain(frame: &CallFrame, pointer: &Pointer) -> bool {
    use Scalar::{Char, Int8, SignedChar, UInt8, UnsignedChar};
    let is_bytes = match frame.ty(pointer.target) {
        Type::Void => true,
        Type::Scalar(scalar) => {
            matches!(scalar, Char | SignedChar | UnsignedChar | Int8 | UInt8)
        }
        _ => false,
    };
    is_bytes && pointer.identity == Identity::Data && pointer.ownership == Ownership::Caller
}

fn capacity(pointer: &Pointer) -> Option<&Expression> {
    match &pointer.extent {
        Extent::Counted(size) | Extent::Sized(size) => Some(size),
        _ => None,
    }
}

impl Call<'_> {
    /// The bytes that buffer parameter `index` brings, without the NUL of a text; `None` for NULL.
    pub fn bytes(&mut self, index: usize, is_text: bool) -> Option<Vec<u8>> {
        let image = self.image();
        let range = image.block(u32::try_from(index).ok()?)?;
        let bytes = image.bytes().get(range)?;
        let end = bytes.iter().position(|byte| is_text && *byte == 0);
        bytes.get(..end.unwrap_or(bytes.len())).map(<[u8]>::to_vec)
    }

    /// An integer argument, sign-extended where it is `signed`.
    pub fn integer(&self, index: usize, signed: bool) -> Option<i128> {
        let bytes = self.argument(index)?;
        let is_negative = signed && bytes.last().is_some_and(|byte| *byte >= 0x80);
        let mut wide = [if is_negative { 0xff } else { 0 }; 8];
        wide.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(match signed {
            true => i64::from_le_bytes(wide).into(),
            false => u64::from_le_bytes(wide).into(),
        })
    }

    /// A `float` or `double` argument.
    pub fn float(&self, index: usize) -> Option<f64> {
        let bytes = self.argument(index)?;
        match (bytes.try_into(), bytes.try_into()) {
            (Ok(double), _) => Some(f64::from_le_bytes(double)),
            (_, Ok(float)) => Some(f32::from_le_bytes(float).into()),
            _ => None,
        }
    }

    /// How many bytes there is room for at parameter `index`; `None` where it is NULL.
    pub fn room(&mut self, index: usize, room: Room) -> Option<usize> {
        let range = self.image().block(u32::try_from(index).ok()?)?;
        // The NUL takes one.
        Some(range.len().saturating_sub(room.is_text.into()))
    }

    /// Puts bytes where parameter `index` has room for them; nothing where it is NULL.
    ///
    /// # Errors
    /// `TooLarge` where there is not room for all.
    pub fn fill(&mut self, index: usize, room: Room, bytes: &[u8]) -> Result<(), Fault> {
        let Some(most) = self.room(index, room) else {
            return Ok(());
        };
        let too_large = || {
            let message = format!("{} bytes came, and there is room for {most}", bytes.len());
            Fault::caller(FaultCode::TooLarge, message)
        };
        let image = self.image();
        let range = image.block(index as u32).unwrap_or_default();
        let place = image.bytes_mut().get_mut(range).unwrap_or_default();
        let (filled, rest) = place
            .split_at_mut_checked(bytes.len())
            .filter(|_| bytes.len() <= most)
            .ok_or_else(too_large)?;
        filled.copy_from_slice(bytes);
        if let (true, Some(end)) = (room.is_text, rest.first_mut()) {
            *end = 0;
        }
        if let Some(range) = room.count.and_then(|count| image.block(count)) {
            let count = (bytes.len() as u64).to_le_bytes();
            let place = image.bytes_mut().get_mut(range).unwrap_or_default();
            let size = place.len().min(count.len());
            place[..size].copy_from_slice(&count[..size]);
        }
        Ok(())
    }

    /// Leaves an integer as the result, in as many bytes as that has.
    pub fn give_integer(&mut self, value: i64) {
        let bytes = value.to_le_bytes();
        let result = self.result();
        let size = result.len().min(bytes.len());
        result[..size].copy_from_slice(&bytes[..size]);
    }
}
