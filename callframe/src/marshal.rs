//! Arguments to request bytes, request bytes to callee memory, and back.
//!
//! A call is carried by two bodies, both in the *callee's* representation: the [`Caller`] converts,
//! so that the VM can use what it gets in place. Everything is little-endian. Sections begin at
//! multiples of 16, so what was aligned for the callee stays aligned; the bytes between are zero.
//!
//! # Request body
//!
//! | offset | bytes | meaning |
//! |---|---|---|
//! | 0 | 4 | `i32` errno of the calling thread; 0 under `__noerrno` |
//! | 4 | 4 | `u32` number R of references |
//! | 8 | 4 | `u32` number B of blocks, at most [`MAXIMUM_BLOCKS`] |
//! | 12 | 4 | zero |
//! | 16 | S | the argument slots, where [`Template::arguments`](crate::Template::arguments) says |
//! | … | … | B blocks |
//! | … | 8·R | the references, `u64` each; then zeros to a multiple of 16 |
//!
//! # Block
//!
//! What a pointer leads to.
//!
//! | offset | bytes | meaning |
//! |---|---|---|
//! | 0 | 8 | `u64` length: bytes that follow; the capacity, or 0 for a block the callee finds zeroed |
//! | 8 | 8 | `u64` capacity: bytes the block has in the callee |
//! | 16 | length | contents; then zeros to a multiple of 16 |
//!
//! Where both ends see some memory, the contents may be there instead of behind the header, and are
//! used where they are:
//!
//! | offset | bytes | meaning |
//! |---|---|---|
//! | 0 | 8 | `u64` to the VM [`SHARED`] and the place, below 2^[`PLACE_BITS`], and [`CLEARED`] where the callee is to zero it first; back [`SHARED`] and how much was filled |
//! | 8 | 8 | `u64` capacity: bytes the block has there |
//!
//! # Reply body
//!
//! | offset | bytes | meaning |
//! |---|---|---|
//! | 0 | 4 | `i32` errno the function left; 0 under `__noerrno` |
//! | 4 | 4 | `u32` number R of references |
//! | 8 | 4 | `u32` number B of blocks |
//! | 12 | 4 | zero |
//! | 16 | … | the result, its size rounded up to 16; nothing for `void` |
//! | … | … | first one block for each `__out` and `__inout` block of the request, in the order of the request: length is what was filled; then the *returned* blocks, which are what pointers of the VM lead to, with length equal to capacity |
//! | … | 8·R | the references, then zeros |
//!
//! # References
//!
//! Pointers and descriptors travel beside the bytes that hold them, whose place is zero. They are
//! listed in the order in which a reader meets them: slots (or the result) first, then block after
//! block, element after element, field after field. Blocks that were not sent have none.
//!
//! | value | to the VM | back |
//! |---|---|---|
//! | data pointer | 0 NULL, else 1 + number of its block | 0 NULL, else 1 + number of its returned block; [`UNCHANGED`] where an `__inout` record still holds what it came with |
//! | data pointer of the caller's, inside an `__inout` block | as above | 0: the caller's pointer stays; 1 + offset: it was moved to there in the block it came with, one past the end allowed; [`MOVED_TO_NULL`] |
//! | `__alias(p)` | 0 NULL, else 1 + offset into the block of `p` | the same |
//! | `__handle` | 0 NULL; [`CONSTANT`] and a value of its `__or_const`; else generation and index given by the VM, below 2^48 | the same |
//! | `__opaque` | the value | the value |
//! | callback | 0 NULL; [`CONSTANT`] and a value of its `__or_const`; else the number of a function in the client, below 2^48 | 0, a constant, or [`UNCHANGED`] where an `__inout` record still holds what it came with |
//! | `__fd` | negative (as `i64`): the number itself; [`CLOSED`]: a number that is not open; else index of an attached descriptor | the same; nothing inside an `__inout` block, where the caller's number stays |
//!
//! How much of a block comes back is said by `__filled` or by its extent, unless its pointer came in
//! an `__inout` block and was moved: then it is what the pointer moved over. Of a pointer to a
//! pointer (`char *__out __sized_by(*left) *__inout next`) that is so also where it did not move:
//! nothing was filled.
//!
//! A union with a tag comes after the other members of its record, and only the member that is there
//! has references.
//!
//! A handle parameter to an object that lives in the VM and that memory of the caller's stands for is
//! [`RESIDENT`] with its handle, or with 0 where the function is to make it. A second reference names
//! the block of its state: as many bytes as the record has, holding its numbers. To the VM the
//! references of that block are those of the buffers its `__cursor` members walk through: 0 NULL, else
//! 1 + number of a block of as many elements as are left. Back, where the function may change the
//! object, they are its handle, 0 where it lives no more; then the cursors, as for a pointer that may
//! be moved; then the texts that the library put there, as returned blocks.
//!
//! Every block is named by exactly one reference, which comes before it. Blocks whose size is fixed
//! or ends with a terminator come before those whose size is an expression, so that the numbers in
//! an expression are always those that were sent, whatever other threads do to the caller's memory.
//!
//! # Callbacks
//!
//! A call from the VM to a function of the client goes by the same two bodies, by the frame that
//! [`CallFrame::callback`](crate::CallFrame::callback) derives and with the roles reversed: the VM
//! is the [`Caller`], the client the [`Callee`]. Integers of the outer function that the callback's
//! annotations name are not sent: each end notes them when the callback is passed
//! ([`Pending::set_outer`], [`Image::set_outer`]).
//!
//! Callbacks of numbers and of pointers to a few bytes have shorter bodies besides: see [`Brief`]. So
//! have calls of numbers and of pointers to plain bytes: see [`Compact`].
//!
//! # Who believes what
//!
//! The callee checks that a request is well formed, so that garbage cannot make it read or write
//! out of bounds. The caller believes nothing: sizes are those it sent, every expression is
//! evaluated again from the reply, and the whole reply is checked before the first byte of the
//! caller's memory is written.

mod brief;
mod callee;
mod caller;
mod compact;
mod error;
mod evaluate;
mod image;
mod line;
mod memory;
mod numbers;
mod plan;
mod resident;
mod standing;
mod wire;

pub use brief::{Argument, Brief, BriefBody, InLine, Kind, MOST_PARAMETERS, Part};
pub use callee::Callee;
pub use caller::{Caller, Outcome, Pending};
pub use compact::{Compact, Entered, MOST_PARAMETERS as COMPACT_PARAMETERS, Sent};
pub use error::{MarshalError, MemoryError};
pub use image::Image;
pub use line::{Line, Piece, WORDS as LINE_WORDS};
pub use memory::{CalleeMemory, CallerBytes, CallerMemory, Given, Keep, Object, Residence, Seen};
pub use standing::Standing;

/// Most bytes of the caller's memory that a call carries there, and as many back.
pub const MAXIMUM_CALL: u64 = 64 << 20;
/// Most bytes of a request, of a reply, and of the memory one call has in the VM: what it carries, and what
/// describes that. A frame has a few more.
pub const MAXIMUM_BODY: u64 = MAXIMUM_CALL + (1 << 20) - 64;
/// Most blocks of one call.
pub const MAXIMUM_BLOCKS: u32 = 65_536;
/// Most descriptors of one call, each way: what one message of Linux carries.
pub const MAXIMUM_DESCRIPTORS: usize = 253;
/// Reference to a data pointer that still leads where it led when the call came.
pub const UNCHANGED: u64 = u64::MAX;
/// Mark of a reference to an object of which the caller keeps a part; the rest is its handle, or 0
/// for one that the function is to make.
pub const RESIDENT: u64 = 1 << 62;
/// Reference, from a VM, to a data pointer of the caller's that the function set to NULL.
pub const MOVED_TO_NULL: u64 = u64::MAX - 1;
/// Mark of a block whose contents are in memory that both ends see: the bits below say, to the VM, at
/// which place, and back how much of it was filled.
pub const SHARED: u64 = 1 << 63;
/// Beside [`SHARED`], to the VM: it is to be zeroed first.
pub const CLEARED: u64 = 1 << 62;
/// Bits of a place in memory that both ends see.
pub const PLACE_BITS: u32 = 62;
/// Mark of a reference that is a constant of `__or_const`; its low 32 bits are the value, an `i32`.
pub const CONSTANT: u64 = 1 << 63;
/// Bits of the number of a callback.
pub const CALLBACK_BITS: u32 = 48;
/// Reference to a descriptor that is not open in the caller: the callee sees a number that is not
/// open there either.
pub const CLOSED: u64 = i64::MAX as u64;
/// The number the callee sees for [`CLOSED`]; above what Linux lets a process open.
pub const CLOSED_DESCRIPTOR: i32 = i32::MAX;

/// The reference for a pointer of `size` bytes whose value is one of `constants`.
fn constant_reference(constants: &[i128], value: u64, size: usize) -> Option<u64> {
    let shift = 64 - 8 * size.clamp(1, 8) as u32;
    let signed = (value << shift) as i64 >> shift;
    let known = constants.contains(&i128::from(signed));
    let narrow = i32::try_from(signed).ok().filter(|_| known)?;
    Some(CONSTANT | u64::from(narrow as u32))
}

/// The value of a pointer that a reference says is one of `constants`; `None` where it is none of
/// them or no constant.
fn constant_value(constants: &[i128], reference: u64) -> Option<u64> {
    if reference & !u64::from(u32::MAX) != CONSTANT {
        return None;
    }
    let value = reference as u32 as i32;
    constants
        .contains(&i128::from(value))
        .then_some(i64::from(value) as u64)
}

#[cfg(test)]
pub(crate) mod tests;
