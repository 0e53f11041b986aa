//! The client's end of a call.

use super::brief::Brief;
use super::compact::Compact;
use super::error::MarshalError;
use super::evaluate::{Failure, Operand, evaluate};
use super::line::Line;
use super::memory::CallerMemory;
use super::numbers::Numbers;
use super::plan::Plans;
use crate::expression::{Expression, Operation};
use crate::template::{LayoutError, Template};
use crate::types::{Direction, Extent, Filled, Identity, Ownership, Pointer, Scalar, Type, TypeId};
use crate::{CallFrame, DataModel};
use std::collections::HashMap;
use std::sync::Arc;

mod apply;
mod copies;
mod decode;
mod encode;
mod extent;
mod failure;
mod known;
mod resident;
mod shared;
mod walk;

pub(super) use shared::STAGED_FROM;

/// Carries calls of one function to VMs of one data model. Immutable: one serves all threads.
#[derive(Debug)]
pub struct Caller {
    frame: Arc<CallFrame>,
    caller: Template,
    callee: Template,
    plans: Plans,
    /// Of a function whose calls carry numbers alone.
    numbers: Option<Numbers>,
}

/// What is known of a call under way: what was sent, and where in the caller's memory the answer
/// belongs. Reusable; [`Caller::encode_into`] empties it first.
#[derive(Debug, Default)]
pub struct Pending {
    errno: i32,
    blocks: Vec<Sent>,
    parameters: Vec<i128>,
    pointees: Vec<Pointee>,
    /// By block and place in it: the block that the pointer there leads to.
    children: HashMap<(u32, u64), u32>,
    /// Values of the outer function's integers, where what is called is a callback.
    outer: Arc<[i128]>,
    scratch: encode::Scratch,
}

/// What came of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What the calling thread's errno is now; what it was, under `__noerrno`.
    pub errno: i32,
    /// Whether the outputs were copied back: false where `__success(e)` says that it failed.
    pub success: bool,
}

/// A block that was sent.
#[derive(Clone, Copy, Debug)]
struct Sent {
    /// Where it is in the caller's memory.
    address: u64,
    /// Bytes it has in the callee.
    capacity: u64,
    /// The pointer that names it.
    ty: TypeId,
    /// The parameter that is this pointer.
    parameter: Option<u32>,
    /// The parameter it was reached from, for messages.
    root: Root,
    /// Whether it comes back.
    leaves: bool,
    /// The block that holds the pointer, and where in it that lies in the caller's layout.
    parent: Option<(u32, u64)>,
    /// Whether the pointer says by its place how much was filled; see [`is_cursor`].
    cursor: bool,
    /// Where its contents are, if both ends see them.
    shared: Option<Shared>,
}

/// Where the contents of a block are that both ends see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shared {
    /// At this place, in memory of the program's own: there is nothing to be brought.
    Own(u64),
    /// Copied to this place for the call, and from there back.
    Staged(u64),
}

/// What a parameter leads to, before the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pointee {
    Unknown,
    Null,
    Value(i128),
}

/// A parameter by index, or the result; turned into words only when something is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Root {
    Parameter(u32),
    Result,
}

impl Caller {
    /// Prepares a function of the `caller`'s model for a VM of the `callee`'s.
    ///
    /// # Errors
    /// When the frame has no layout under one of them, or cannot be converted between them.
    pub fn new(
        frame: Arc<CallFrame>,
        caller: DataModel,
        callee: DataModel,
    ) -> Result<Caller, LayoutError> {
        let caller = Template::of(&frame, caller)?;
        let callee = Template::of(&frame, callee)?;
        let plans = Plans::between(&caller, &callee)?;
        Ok(Caller {
            numbers: Numbers::of(&callee, &plans),
            frame,
            caller,
            callee,
            plans,
        })
    }

    /// The frame.
    pub fn frame(&self) -> &Arc<CallFrame> {
        &self.frame
    }

    /// The layout under the caller's own model: of the argument values and of the result.
    pub fn caller_template(&self) -> &Template {
        &self.caller
    }

    /// The layout under the VM's model; its [`encode`](Template::encode) must equal what the VM
    /// answered to `sym`.
    pub fn callee_template(&self) -> &Template {
        &self.callee
    }

    /// The same, but that all calls go the general way.
    #[cfg(test)]
    pub(crate) fn without_shortcut(mut self) -> Caller {
        self.numbers = None;
        self
    }

    /// Whether calls carry numbers alone: nothing of the caller's memory is looked at but the
    /// arguments, and nothing written but the result.
    pub fn carries_numbers_alone(&self) -> bool {
        self.numbers.is_some()
    }

    /// How calls travel whose request and reply fit into a few words each; `None` where they do not.
    pub fn line(&self) -> Option<Line> {
        self.numbers.as_ref()?.line()
    }

    /// Of a callback that was passed in a call whose integers are `outer`: how it travels where its
    /// arguments are a few bytes, and both ends lay them out alike; `None` where it is not so.
    pub fn brief(&self, outer: &[i128]) -> Option<Brief> {
        let alike = self.caller.model() == self.callee.model();
        alike
            .then(|| Brief::of(&self.callee, &self.plans, outer))
            .flatten()
    }

    /// How calls travel that carry numbers and plain bytes alone; `None` where they carry more, or the two
    /// ends lay anything out in different ways.
    pub fn compact(&self) -> Option<Compact> {
        let alike = self.caller.model() == self.callee.model();
        alike
            .then(|| Compact::of(&self.callee, &self.plans))
            .flatten()
    }

    /// Writes the request of a call, emptying `request` and `descriptors` first.
    ///
    /// `arguments[i]` is the address, in the caller's memory, of the i-th argument *value* in the
    /// caller's C representation: exactly what a libffi closure is given. Everything behind
    /// pointers is read once. `descriptors` are what the request attaches, still the caller's.
    ///
    /// # Errors
    /// When a value cannot be carried. Nothing was changed then.
    pub fn encode<M: CallerMemory>(
        &self,
        memory: &mut M,
        arguments: &[u64],
        errno: i32,
        request: &mut Vec<u8>,
        descriptors: &mut Vec<i32>,
    ) -> Result<Pending, MarshalError> {
        let mut pending = Pending::default();
        self.encode_into(memory, arguments, errno, request, descriptors, &mut pending)?;
        Ok(pending)
    }

    /// As [`encode`](Caller::encode), into a [`Pending`] whose allocations are used again.
    ///
    /// # Errors
    /// As [`encode`](Caller::encode).
    pub fn encode_into<M: CallerMemory>(
        &self,
        memory: &mut M,
        arguments: &[u64],
        errno: i32,
        request: &mut Vec<u8>,
        descriptors: &mut Vec<i32>,
        pending: &mut Pending,
    ) -> Result<(), MarshalError> {
        pending.errno = errno;
        if let Some(numbers) = &self.numbers
            && arguments.len() == self.frame.parameters().len()
        {
            descriptors.clear();
            pending.reset();
            let room = numbers.room_for_request(request);
            let read = |address, into: &mut [u8]| memory.read(address, into);
            if numbers.encode(read, arguments, errno, room).is_some() {
                return Ok(());
            }
        }
        encode::encode(self, memory, arguments, request, descriptors, pending)
    }

    /// Checks the reply to a call and copies it back: results, outputs, copies of what the VM owns.
    ///
    /// `result` is where the C return value goes, in the caller's representation and not widened; 0
    /// where there is none. `descriptors` are what the reply attached; on success all of them
    /// belong to the program now, on failure none does.
    ///
    /// # Errors
    /// When the reply is anything but what the function of this template may answer. The whole
    /// reply is checked before anything is written, so nothing was changed then, unless the
    /// caller's own memory failed.
    pub fn decode<M: CallerMemory>(
        &self,
        memory: &mut M,
        pending: &Pending,
        reply: &[u8],
        descriptors: &[i32],
        result: u64,
    ) -> Result<Outcome, MarshalError> {
        if let Some(numbers) = &self.numbers
            && descriptors.is_empty()
            && let Some(errno) = numbers.decode(
                |address, bytes| memory.write(address, bytes),
                pending.errno,
                reply,
                result,
            )
        {
            let success = true;
            return Ok(Outcome { errno, success });
        }
        let known = known::known(self, memory, pending)?;
        let checked = decode::check(self, pending, known, reply, descriptors)?;
        checked.handles(self, memory)?;
        apply::apply(self, memory, pending, descriptors, result, &checked)
    }

    /// Writes what the function returns when the call itself failed: the value of `__fail(v)`, else
    ///
    /// | result | value |
    /// |---|---|
    /// | pointer, handle | NULL |
    /// | signed integer, descriptor | -1 |
    /// | unsigned integer | all ones |
    /// | `_Bool` | false: a predicate that fails to find out has not found |
    /// | floating, complex | NaN |
    /// | struct, union | zero bytes |
    pub fn write_failure<M: CallerMemory>(&self, memory: &mut M, result: u64) {
        failure::write(self, memory, result);
    }

    /// `parameter 'n'` or `result`.
    fn place(&self, root: Root) -> String {
        match root {
            Root::Parameter(index) => match self.frame.parameters().get(index as usize) {
                Some(parameter) => format!("parameter '{}'", parameter.name),
                None => "a parameter".to_owned(),
            },
            Root::Result => "result".to_owned(),
        }
    }

    /// The name of a member of the record that parameter `index` leads to.
    fn member(&self, index: u32, field: u32) -> String {
        let parameter = self.frame.parameters().get(index as usize);
        let pointer = parameter.and_then(|parameter| self.pointer(parameter.ty));
        let record = pointer.map(|pointer| self.frame.ty(pointer.target));
        let Some(Type::Record(record)) = record else {
            return String::new();
        };
        let field = self.frame.record(*record).fields.get(field as usize);
        field.map_or_else(String::new, |field| field.name.clone())
    }

    fn pointer(&self, ty: TypeId) -> Option<&Pointer> {
        match self.frame.ty(ty) {
            Type::Pointer(pointer) => Some(pointer),
            _ => None,
        }
    }

    fn scalar(&self, ty: TypeId) -> Option<Scalar> {
        match self.frame.ty(ty) {
            Type::Scalar(scalar) => Some(*scalar),
            _ => None,
        }
    }

    /// Size in the callee and signedness of the integer parameter `index` leads to.
    fn pointee_integer(&self, index: u32) -> Option<(usize, bool)> {
        let parameter = self.frame.parameters().get(index as usize)?;
        let scalar = self.scalar(self.pointer(parameter.ty)?.target)?;
        Some((self.callee.scalar(scalar).size as usize, scalar.is_signed()))
    }

    fn evaluate(
        &self,
        expression: &Expression,
        operand: impl Fn(Operand) -> Result<i128, Failure>,
    ) -> Result<i128, Failure> {
        evaluate(expression, &self.callee.model(), operand)
    }
}

impl Pending {
    /// Notes what a callback's annotations know of the function it was given to: the values of
    /// that call's integer parameters, by index. Before encoding; they stay until set again.
    pub fn set_outer(&mut self, values: Arc<[i128]>) {
        self.outer = values;
    }

    fn pointee(&self, index: u32) -> Pointee {
        self.pointees
            .get(index as usize)
            .copied()
            .unwrap_or(Pointee::Unknown)
    }

    fn parameter(&self, index: u32) -> Result<i128, Failure> {
        self.parameters
            .get(index as usize)
            .copied()
            .ok_or(Failure::Absent)
    }

    /// The handle by which the object of a block was sent; 0 where the call is to make it.
    fn handle(&self, sent: &Sent) -> u64 {
        let index = sent.parameter;
        let mut handles = self.scratch.handles.iter();
        let found = handles.find(|(parameter, _)| Some(*parameter) == index);
        found.map_or(0, |(_, wire)| *wire)
    }

    /// The blocks that come back, each with its number in the request.
    fn leaving(&self) -> impl Iterator<Item = (u32, &Sent)> {
        let numbered = (0u32..).zip(&self.blocks);
        numbered.filter(|(_, sent)| sent.leaves)
    }

    fn block_of(&self, parameter: u32) -> Option<(usize, &Sent)> {
        self.blocks
            .iter()
            .enumerate()
            .find(|(_, sent)| sent.parameter == Some(parameter))
    }

    /// The block that the pointer at `place` of a block leads to.
    fn child(&self, place: (u32, u64)) -> Option<&Sent> {
        self.blocks.get(self.child_number(place)? as usize)
    }

    /// The same where that is of the type `ty`: a VM that changes the tag of a union makes another
    /// member of it there, to which the program's pointer means nothing.
    fn child_as(&self, ty: TypeId, place: (u32, u64)) -> Option<&Sent> {
        self.child(place).filter(|sent| sent.ty == ty)
    }

    fn child_number(&self, place: (u32, u64)) -> Option<u32> {
        self.children.get(&place).copied()
    }

    /// Whether `expression` follows a pointer that the call passed as NULL.
    fn follows_null(&self, expression: &Expression) -> bool {
        expression
            .operations
            .iter()
            .any(|operation| match operation {
                Operation::Pointee(index) => self.pointee(*index) == Pointee::Null,
                _ => false,
            })
    }
}

impl Pointee {
    fn value(self) -> Result<i128, Failure> {
        match self {
            Pointee::Unknown => Err(Failure::Absent),
            Pointee::Null => Err(Failure::Null),
            Pointee::Value(value) => Ok(value),
        }
    }
}

/// What says how much of a block was filled.
#[derive(Clone, Copy)]
pub(super) enum Fill<'a> {
    /// So many elements, or bytes.
    Amount(&'a Expression),
    /// Up to and including the first element of this value; all where there is none.
    Until(u64),
}

/// What says how much of a block was filled: `__filled`, a terminator, or an extent by a number that
/// comes back.
pub(super) fn fill<'a>(frame: &CallFrame, pointer: &'a Pointer) -> Option<Fill<'a>> {
    match &pointer.filled {
        Some(Filled::Amount(amount)) => return Some(Fill::Amount(amount)),
        Some(Filled::Until(terminator)) => return Some(Fill::Until(*terminator as u64)),
        None => {}
    }
    let (Extent::Counted(extent) | Extent::Sized(extent)) = &pointer.extent else {
        return None;
    };
    let is_field = |operation: &Operation| matches!(operation, Operation::Field(_));
    if extent.operations.iter().any(is_field) {
        return None;
    }
    let comes_back = extent.operations.iter().any(|operation| match operation {
        Operation::Pointee(index) => {
            let ty = frame
                .parameters()
                .get(*index as usize)
                .map(|found| frame.ty(found.ty));
            matches!(ty, Some(Type::Pointer(length)) if length.direction.leaves())
        }
        _ => false,
    });
    comes_back.then_some(Fill::Amount(extent))
}

/// Whether the pointer `ty`, which `outer` leads to, walks through its buffer: `T *e *__inout p`.
/// How far its extent reaches counts before the call; what came back is what it moved over.
pub(super) fn is_cursor(frame: &CallFrame, outer: &Pointer, ty: TypeId) -> bool {
    let Type::Pointer(pointer) = frame.ty(ty) else {
        return false;
    };
    outer.direction == Direction::InOut
        && outer.identity == Identity::Data
        && outer.extent == Extent::Single
        && outer.target == ty
        && pointer.identity == Identity::Data
        && pointer.ownership == Ownership::Caller
}
