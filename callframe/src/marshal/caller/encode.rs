//! Arguments to request bytes.

use super::{Caller, Fill, Pending, Pointee, Root, Sent};
use crate::marshal::image::integer;
use crate::marshal::memory::CallerMemory;
use crate::marshal::plan::{Plan, Step, chosen};
use crate::marshal::{
    CLOSED, MAXIMUM_BLOCKS, MAXIMUM_DESCRIPTORS, MarshalError, RESIDENT, constant_reference, wire,
};
use crate::template::align_up;
use crate::types::{Extent, Identity, Ownership, Pointer, RecordId, Type, TypeId};
use std::collections::HashSet;

/// Why a list that bites its tail is not sent.
const LOOP: &str = "what it leads to leads back to itself";

mod functions;

/// Buffers of an encoding, kept for the next one.
#[derive(Debug, Default)]
pub(in crate::marshal) struct Scratch {
    pub(super) references: Vec<u64>,
    pub(super) states: Vec<State>,
    fixed: Vec<Work>,
    sized: Vec<Work>,
    aliases: Vec<Alias>,
    callbacks: Vec<functions::Function>,
    /// Handles among the parameters: index and wire form.
    handles: Vec<(u32, u64)>,
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

/// A pointer into what a parameter leads to, to be translated when all blocks are known.
#[derive(Clone, Copy, Debug)]
struct Alias {
    reference: usize,
    address: u64,
    into: u32,
    root: Root,
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
    };
    let done = encoder.run(arguments);
    let scratch = encoder.scratch;
    pending.scratch = scratch;
    done
}

impl Pending {
    fn reset(&mut self) {
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

    /// Gives the pointer at `at` in the caller's memory its reference, and queues its block.
    fn pointer(
        &mut self,
        ty: TypeId,
        at: u64,
        record: Option<(RecordId, usize)>,
        root: Root,
        parameter: Option<u32>,
    ) -> Result<(), MarshalError> {
        let size = usize::from(self.caller.caller.model().pointer.size);
        let address = self.number(at, size, root)?;
        let parent = self
            .around
            .map(|around| (around.number, at.wrapping_sub(around.address)));
        let Some(pointer) = self.caller.pointer(ty) else {
            return Ok(());
        };
        let parameter = parameter.filter(|_| record.is_none());
        let reference = self.scratch.references.len();
        let value = match &pointer.identity {
            _ if address == 0 => 0,
            Identity::Handle(handle) => {
                let object = match parameter {
                    Some(index) => self.resident(index, handle, address)?,
                    None => None,
                };
                if let (Some(object), Some(index)) = (object, parameter) {
                    let named = (index, object & !RESIDENT);
                    self.scratch.handles.extend((named.1 != 0).then_some(named));
                    self.scratch.references.push(object);
                    self.scratch.references.push(0);
                    return Ok(());
                }
                match constant_reference(&handle.constants, address, size) {
                    Some(constant) => constant,
                    None => {
                        let wire = self.handle(address, root)?;
                        let named = parameter.map(|index| (index, wire));
                        self.scratch.handles.extend(named);
                        wire
                    }
                }
            }
            Identity::Alias(into) => {
                self.scratch.aliases.push(Alias {
                    reference,
                    address,
                    into: *into,
                    root,
                });
                0
            }
            Identity::Opaque => self.opaque(address, root)?,
            Identity::Callback(callback) => {
                let size = usize::from(self.caller.caller.model().pointer.size);
                let constant = constant_reference(&callback.constants, address, size);
                if constant.is_none() {
                    self.scratch.callbacks.push(functions::Function {
                        reference,
                        ty,
                        address,
                        root,
                    });
                }
                constant.unwrap_or(0)
            }
            Identity::Data => {
                let ours = pointer.ownership.is_callers()
                    || matches!(pointer.ownership, Ownership::Owned(_)) && self.comes_back(parent);
                if ours || self.memory.kept(address) {
                    let work = Work {
                        ty,
                        address,
                        reference,
                        record,
                        parameter,
                        root,
                        parent,
                    };
                    self.queue(pointer, work);
                }
                0
            }
        };
        self.scratch.references.push(value);
        let null = parameter.filter(|_| address == 0);
        let pointee = null.and_then(|index| self.pending.pointees.get_mut(index as usize));
        if let Some(pointee) = pointee {
            *pointee = Pointee::Null;
        }
        Ok(())
    }

    fn handle(&self, address: u64, root: Root) -> Result<u64, MarshalError> {
        let wire = self.memory.handle_wire(address);
        wire.map_err(|error| MarshalError::memory(&self.caller.place(root), error))
    }

    fn queue(&mut self, pointer: &Pointer, work: Work) {
        match pointer.extent {
            Extent::Counted(_) | Extent::Sized(_) => self.scratch.sized.push(work),
            _ => self.scratch.fixed.push(work),
        }
    }

    fn opaque(&self, value: u64, root: Root) -> Result<u64, MarshalError> {
        let bits = 8 * u32::from(self.caller.callee.model().pointer.size);
        if bits < 64 && value >> bits != 0 {
            let reason = format!("{value:#x} does not fit a pointer of the VM");
            return Err(MarshalError::argument(&self.caller.place(root), reason));
        }
        Ok(value)
    }

    fn descriptor(&mut self, fd: i32, root: Root) -> Result<(), MarshalError> {
        let reference = if fd < 0 {
            i64::from(fd) as u64
        } else if let Some(open) = self.memory.descriptor(fd) {
            if self.descriptors.len() >= MAXIMUM_DESCRIPTORS {
                let reason = format!("a call carries at most {MAXIMUM_DESCRIPTORS} descriptors");
                return Err(MarshalError::argument(&self.caller.place(root), reason));
            }
            self.descriptors.push(open);
            self.descriptors.len() as u64 - 1
        } else {
            CLOSED
        };
        self.scratch.references.push(reference);
        Ok(())
    }

    fn fixed_blocks(&mut self) -> Result<(), MarshalError> {
        while let Some(&work) = self.scratch.fixed.get(self.room) {
            self.room += 1;
            self.block(work)?;
        }
        Ok(())
    }

    /// Writes a block and what is known of it, and queues what its pointers lead to.
    fn block(&mut self, work: Work) -> Result<(), MarshalError> {
        let caller = self.caller;
        let Some(pointer) = caller.pointer(work.ty) else {
            return Ok(());
        };
        let plan = caller.plans.of(pointer.target);
        let extent = self.extent(pointer, plan, &work)?;
        let capacity = plan.callee_bytes(extent).ok_or_else(|| {
            let reason = format!("{extent} bytes are no whole number of elements");
            MarshalError::argument(&caller.place(work.root), reason)
        })?;
        // What is filled cannot be known without the length: every byte travels both ways, so that
        // those the function leaves alone stay what they are.
        let unknown = matches!(super::fill(&caller.frame, pointer),
            Some(Fill::Amount(filled)) if self.pending.follows_null(filled));
        let enters = pointer.direction.enters() || (unknown && !plan.references);
        let number = self.pending.blocks.len();
        if number >= MAXIMUM_BLOCKS as usize {
            let reason = match self.loops(&work) {
                true => LOOP.to_owned(),
                false => format!("a call carries at most {MAXIMUM_BLOCKS} buffers"),
            };
            return Err(MarshalError::argument(&caller.place(work.root), reason));
        }
        let room = self.make_room(capacity, work.root);
        if room.is_err() && self.loops(&work) {
            return Err(MarshalError::argument(&caller.place(work.root), LOOP));
        }
        room?;
        if let Some(reference) = self.scratch.references.get_mut(work.reference) {
            *reference = number as u64 + 1;
        }
        if let Some(parent) = work.parent {
            self.pending.children.insert(parent, number as u32);
        }
        self.pending.blocks.push(Sent {
            address: work.address,
            capacity,
            ty: work.ty,
            parameter: work.parameter,
            root: work.root,
            leaves: pointer.direction.leaves(),
            parent: work.parent,
            cursor: self.is_cursor(&work),
        });
        wire::start_block(self.request, if enters { capacity } else { 0 }, capacity);
        if enters {
            self.around = Some(Around {
                number: number as u32,
                address: work.address,
            });
            self.contents(plan, &work, capacity)?;
            self.around = None;
            self.remember_pointee(&work, capacity);
        }
        Ok(())
    }

    /// Whether what is around a pointer comes back.
    fn comes_back(&self, parent: Option<(u32, u64)>) -> bool {
        let outer = parent.and_then(|(number, _)| self.pending.blocks.get(number as usize));
        outer.is_some_and(|outer| outer.leaves)
    }

    /// Starts a block that the reference at `reference` names; gives its number.
    pub(super) fn start(
        &mut self,
        sent: Sent,
        reference: usize,
        enters: bool,
    ) -> Result<u32, MarshalError> {
        let number = self.pending.blocks.len();
        if number >= MAXIMUM_BLOCKS as usize {
            let reason = format!("a call carries at most {MAXIMUM_BLOCKS} buffers");
            return Err(MarshalError::argument(
                &self.caller.place(sent.root),
                reason,
            ));
        }
        self.make_room(sent.capacity, sent.root)?;
        if let Some(reference) = self.scratch.references.get_mut(reference) {
            *reference = number as u64 + 1;
        }
        if let Some(parent) = sent.parent {
            self.pending.children.insert(parent, number as u32);
        }
        let length = if enters { sent.capacity } else { 0 };
        wire::start_block(self.request, length, sent.capacity);
        self.pending.blocks.push(sent);
        Ok(number as u32)
    }

    fn is_cursor(&self, work: &Work) -> bool {
        let outer = work.parent.and_then(|(number, _)| {
            let sent = self.pending.blocks.get(number as usize)?;
            self.caller.pointer(sent.ty)
        });
        outer.is_some_and(|outer| super::is_cursor(&self.caller.frame, outer, work.ty))
    }

    /// Whether what led to a block led there in a circle.
    fn loops(&self, work: &Work) -> bool {
        let mut seen = HashSet::from([(work.ty, work.address)]);
        let mut parent = work.parent;
        while let Some((number, _)) = parent {
            let Some(sent) = self.pending.blocks.get(number as usize) else {
                break;
            };
            if !seen.insert((sent.ty, sent.address)) {
                return true;
            }
            parent = sent.parent;
        }
        false
    }

    fn contents(&mut self, plan: &Plan, work: &Work, capacity: u64) -> Result<(), MarshalError> {
        let at = self.request.len();
        self.request.resize(at + capacity as usize, 0);
        if plan.bulk {
            self.copy(work.address, at, capacity as usize, work.root)?;
        } else {
            let count = whole(capacity, plan.callee_size).ok_or_else(|| {
                let reason = format!("{capacity} bytes are no whole number of elements");
                MarshalError::argument(&self.caller.place(work.root), reason)
            })?;
            self.elements(plan, work.address, at, count, work.root, None)?;
        }
        wire::pad(self.request);
        Ok(())
    }

    /// Notes the number a length parameter leads to, as it was sent.
    fn remember_pointee(&mut self, work: &Work, capacity: u64) {
        let Some(index) = work.parameter else { return };
        let watched = self
            .caller
            .plans
            .watched
            .get(index as usize)
            .copied()
            .unwrap_or(false);
        let Some((size, signed)) = self.caller.pointee_integer(index).filter(|_| watched) else {
            return;
        };
        let padded = (capacity as usize).next_multiple_of(16);
        let at = self.request.len().saturating_sub(padded);
        let value = integer(self.request, at, size, signed);
        if let Some(pointee) = self.pending.pointees.get_mut(index as usize) {
            *pointee = Pointee::Value(value);
        }
    }

    /// Accounts for a block of the VM's memory and of the request.
    pub(super) fn make_room(&mut self, capacity: u64, root: Root) -> Result<(), MarshalError> {
        let block = align_up(capacity.max(1), 16).unwrap_or(u64::MAX);
        let image = u128::from(self.image) + u128::from(block);
        let references = 8 * self.scratch.references.len() as u128 + 16;
        let request = self.request.len() as u128 + 16 + u128::from(block) + references;
        self.bounded(Some(image.max(request)), root)?;
        self.image += block;
        Ok(())
    }

    /// Where parameter `index` points, if it is an alias and not NULL.
    pub(super) fn alias_address(&self, index: u32) -> Option<u64> {
        let root = Root::Parameter(index);
        let mut aliases = self.scratch.aliases.iter();
        let found = aliases.find(|alias| alias.root == root);
        found.map(|alias| alias.address)
    }

    fn aliases(&mut self) -> Result<(), MarshalError> {
        for index in 0..self.scratch.aliases.len() {
            let Some(&alias) = self.scratch.aliases.get(index) else {
                break;
            };
            let offset = self.pending.block_of(alias.into).and_then(|(_, sent)| {
                let plan = self.caller.plans.of(self.caller.pointer(sent.ty)?.target);
                let offset = alias.address.checked_sub(sent.address)?;
                plan.callee_bytes(offset)
                    .filter(|&offset| offset <= sent.capacity)
            });
            let Some(offset) = offset else {
                let reason = "it does not point into what it is an alias of";
                return Err(MarshalError::argument(
                    &self.caller.place(alias.root),
                    reason,
                ));
            };
            if let Some(reference) = self.scratch.references.get_mut(alias.reference) {
                *reference = offset + 1;
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
        self.bounded(
            Some(self.request.len() as u128 + references),
            Root::Parameter(0),
        )?;
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
