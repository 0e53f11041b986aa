//! Arguments to request bytes.

use super::{Caller, Pending, Pointee, Root};
use crate::marshal::image::integer;
use crate::marshal::memory::{CallerMemory, Seen};
use crate::marshal::plan::{Plan, Step, chosen};
use crate::marshal::{MAXIMUM_BODY, MarshalError, wire};
use crate::types::{RecordId, Type, TypeId};

mod blocks;
mod functions;
mod references;

/// Buffers of an encoding, kept for the next one.
#[derive(Debug, Default)]
pub(in crate::marshal) struct Scratch {
    pub(super) references: Vec<u64>,
    pub(super) states: Vec<State>,
    fixed: Vec<Work>,
    sized: Vec<Work>,
    aliases: Vec<references::Alias>,
    callbacks: Vec<functions::Function>,
    /// Handles among the parameters: index and wire form.
    pub(super) handles: Vec<(u32, u64)>,
}

/// A pointer whose block is still to be written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Work {
    pub(super) ty: TypeId,
    pub(super) address: u64,
    /// Which reference names the block.
    pub(super) reference: usize,
    /// The record the pointer is a member of, and where that begins in the request.
    pub(super) record: Option<(RecordId, usize)>,
    pub(super) parameter: Option<u32>,
    pub(super) root: Root,
    /// The block that holds the pointer, and where in it that lies in the caller's layout.
    parent: Option<(u32, u64)>,
    /// Where it is in memory that the VM sees, if there.
    pub(super) seen: Option<Seen>,
}

/// Memory that stands for an object, which is still to be written.
#[derive(Clone, Copy, Debug)]
pub(super) struct State {
    pub index: u32,
    pub address: u64,
    /// Which reference names its block.
    pub reference: usize,
}

/// A block whose contents are being written.
#[derive(Clone, Copy, Debug)]
struct Around {
    number: u32,
    address: u64,
}

pub(super) fn encode<M: CallerMemory>(
    caller: &Caller,
    memory: &mut M,
    arguments: &[u64],
    request: &mut Vec<u8>,
    descriptors: &mut Vec<i32>,
    pending: &mut Pending,
) -> Result<(), MarshalError> {
    descriptors.clear();
    pending.reset();
    let mut scratch = std::mem::take(&mut pending.scratch);
    scratch.reset();
    let mut encoder = Encoder {
        caller,
        memory,
        request,
        descriptors,
        pending,
        scratch,
        around: None,
        room: 0,
        image: 0,
        data: 0,
    };
    let done = encoder.run(arguments);
    let scratch = encoder.scratch;
    pending.scratch = scratch;
    done
}

impl Pending {
    pub(super) fn reset(&mut self) {
        self.blocks.clear();
        self.parameters.clear();
        self.pointees.clear();
        self.children.clear();
    }
}

impl Scratch {
    fn reset(&mut self) {
        self.references.clear();
        self.states.clear();
        self.fixed.clear();
        self.sized.clear();
        self.aliases.clear();
        self.callbacks.clear();
        self.handles.clear();
    }
}

pub(super) struct Encoder<'a, M> {
    pub(super) caller: &'a Caller,
    pub(super) memory: &'a mut M,
    pub(super) request: &'a mut Vec<u8>,
    descriptors: &'a mut Vec<i32>,
    pub(super) pending: &'a mut Pending,
    pub(super) scratch: Scratch,
    /// The block whose contents are being written.
    around: Option<Around>,
    /// Entries of `scratch.fixed` that were taken.
    room: usize,
    /// Bytes the call will have in the VM.
    image: u64,
    /// Bytes of the program's own memory that it carries, in the request and beside it.
    data: u64,
}

impl<M: CallerMemory> Encoder<'_, M> {
    fn run(&mut self, arguments: &[u64]) -> Result<(), MarshalError> {
        self.image = self.caller.callee.arguments_size();
        wire::start(self.request, self.image);
        self.slots(arguments)?;
        self.states()?;
        self.fixed_blocks()?;
        // Expressions see only numbers that are in the request by now.
        let mut next = 0;
        while let Some(&work) = self.scratch.sized.get(next) {
            next += 1;
            self.block(work)?;
            self.fixed_blocks()?;
        }
        self.aliases()?;
        self.callbacks()?;
        self.finish(arguments)
    }

    fn slots(&mut self, arguments: &[u64]) -> Result<(), MarshalError> {
        let caller = self.caller;
        let parameters = caller.frame.parameters();
        if arguments.len() != parameters.len() {
            let reason = format!("{} arguments were given", arguments.len());
            let place = format!("'{}' takes {}", caller.frame.name(), parameters.len());
            return Err(MarshalError::argument(&place, reason));
        }
        let slots = caller.callee.arguments();
        if caller.plans.expressions {
            self.pending
                .pointees
                .resize(parameters.len(), Pointee::Unknown);
        }
        for (index, ((parameter, slot), &address)) in
            parameters.iter().zip(slots).zip(arguments).enumerate()
        {
            let at = wire::HEADER + slot.offset as usize;
            let plan = caller.plans.of(parameter.ty);
            let root = Root::Parameter(index as u32);
            self.elements(plan, address, at, 1, root, Some(index as u32))?;
        }
        Ok(())
    }

    /// Converts `count` elements at `address` into the request at `at`, where there is room.
    pub(super) fn elements(
        &mut self,
        plan: &Plan,
        address: u64,
        at: usize,
        count: u64,
        root: Root,
        parameter: Option<u32>,
    ) -> Result<(), MarshalError> {
        for index in 0..count {
            let from = address.wrapping_add(index * plan.caller_size);
            let to = at + (index * plan.callee_size) as usize;
            self.steps(&plan.steps, from, to, root, parameter)?;
        }
        Ok(())
    }

    pub(super) fn steps(
        &mut self,
        steps: &[Step],
        from: u64,
        to: usize,
        root: Root,
        parameter: Option<u32>,
    ) -> Result<(), MarshalError> {
        for step in steps {
            match *step {
                Step::Copy {
                    caller,
                    callee,
                    length,
                } => {
                    self.copy(from.wrapping_add(caller as u64), to + callee, length, root)?;
                }
                Step::Bool { caller, callee } => {
                    let value = self.number(from.wrapping_add(caller as u64), 1, root)?;
                    self.put(to + callee, &[u8::from(value != 0)]);
                }
                Step::Integer {
                    caller,
                    callee,
                    caller_size,
                    callee_size,
                    signed,
                } => {
                    let mut bytes = [0; 8];
                    let address = from.wrapping_add(caller as u64);
                    self.read(address, &mut bytes[..caller_size.min(8)], root)?;
                    let value = integer(&bytes, 0, caller_size, signed);
                    self.put_integer(to + callee, value, callee_size, signed, root)?;
                }
                Step::Descriptor { caller, callee: _ } => {
                    let value = self.number(from.wrapping_add(caller as u64), 4, root)?;
                    self.descriptor(value as u32 as i32, root)?;
                }
                Step::Pointer {
                    caller,
                    callee: _,
                    ty,
                    record,
                } => {
                    let at = from.wrapping_add(caller as u64);
                    let record = record.map(|(id, offset)| (id, to + offset));
                    self.pointer(ty, at, record, root, parameter)?;
                }
                Step::Repeat {
                    count,
                    caller,
                    callee,
                    caller_stride,
                    callee_stride,
                    ref steps,
                } => {
                    for index in 0..count {
                        let from = from.wrapping_add((caller + index * caller_stride) as u64);
                        let to = to + callee + index * callee_stride;
                        self.steps(steps, from, to, root, None)?;
                    }
                }
                Step::Union {
                    caller,
                    callee,
                    tag,
                    ref cases,
                } => {
                    let tag = integer(self.request, to + tag.at, tag.size, tag.signed);
                    let from = from.wrapping_add(caller as u64);
                    self.steps(chosen(cases, tag), from, to + callee, root, None)?;
                }
            }
        }
        Ok(())
    }

    fn finish(&mut self, arguments: &[u64]) -> Result<(), MarshalError> {
        let caller = self.caller;
        if caller.plans.expressions {
            let pointer = usize::from(caller.caller.model().pointer.size);
            for (index, parameter) in caller.frame.parameters().iter().enumerate() {
                let root = Root::Parameter(index as u32);
                let value = match (caller.frame.ty(parameter.ty), arguments.get(index)) {
                    (Type::Scalar(_), _) => self.parameter(index as u32).unwrap_or(0),
                    (Type::Pointer(_), Some(&address)) => {
                        i128::from(self.number(address, pointer, root)?)
                    }
                    _ => 0,
                };
                self.pending.parameters.push(value);
            }
        }
        let references = 8 * self.scratch.references.len() as u128 + 16;
        let request = self.request.len() as u128 + references;
        self.at_most(MAXIMUM_BODY, Some(request), Root::Parameter(0))?;
        let errno = if caller.frame.contract().no_errno {
            0
        } else {
            self.pending.errno
        };
        let blocks = self.pending.blocks.len() as u32;
        wire::finish(self.request, errno, &self.scratch.references, blocks);
        Ok(())
    }

    fn put_integer(
        &mut self,
        at: usize,
        value: i128,
        size: usize,
        signed: bool,
        root: Root,
    ) -> Result<(), MarshalError> {
        if !fits(value, size, signed) {
            let reason = format!("{value} does not fit the {size} bytes its type has in the VM");
            return Err(MarshalError::argument(&self.caller.place(root), reason));
        }
        let bytes = value.to_le_bytes();
        self.put(at, &bytes[..size.min(bytes.len())]);
        Ok(())
    }

    pub(super) fn number(
        &self,
        address: u64,
        size: usize,
        root: Root,
    ) -> Result<u64, MarshalError> {
        let mut bytes = [0; 8];
        self.read(address, &mut bytes[..size.min(8)], root)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn read(&self, address: u64, into: &mut [u8], root: Root) -> Result<(), MarshalError> {
        self.memory
            .read(address, into)
            .map_err(|error| MarshalError::memory(&self.caller.place(root), error))
    }

    pub(super) fn copy(
        &mut self,
        from: u64,
        to: usize,
        length: usize,
        root: Root,
    ) -> Result<(), MarshalError> {
        let Some(place) = self.request.get_mut(to..to + length) else {
            return Ok(());
        };
        self.memory
            .read(from, place)
            .map_err(|error| MarshalError::memory(&self.caller.place(root), error))
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        if let Some(place) = self.request.get_mut(at..at + bytes.len()) {
            place.copy_from_slice(bytes);
        }
    }
}

/// Whether an integer of `size` bytes can hold `value`.
pub(super) fn fits(value: i128, size: usize, signed: bool) -> bool {
    let bits = 8 * size.min(8) as u32;
    if signed {
        let limit = 1i128 << (bits - 1);
        (-limit..limit).contains(&value)
    } else {
        (0..1i128 << bits).contains(&value)
    }
}

/// `total / size` where that is whole; one element of size zero has no bytes.
pub(in crate::marshal) fn whole(total: u64, size: u64) -> Option<u64> {
    match size {
        0 => Some(0),
        size => total.is_multiple_of(size).then_some(total / size),
    }
}
