//! What the function left, to reply bytes.

mod measure;

use super::Callee;
use crate::marshal::evaluate::Failure;
use crate::marshal::image::{Image, ImageBlock, Owner, first_terminator, integer, unsigned};
use crate::marshal::memory::{CalleeMemory, Object};
use crate::marshal::plan::{Plan, Step, chosen};
use crate::marshal::{
    CONSTANT, MAXIMUM_BLOCKS, MAXIMUM_BODY, MOVED_TO_NULL, MarshalError, SHARED, UNCHANGED,
    constant_reference, wire,
};
use crate::types::{Extent, Handle, Identity, Ownership, Pointer, RecordId, Type, TypeId};
use std::collections::{HashMap, HashSet};

/// The root of what is reached from the result.
const RESULT: u32 = u32::MAX;

pub(super) fn encode<M: CalleeMemory>(
    callee: &Callee,
    image: &Image,
    memory: &mut M,
    errno: i32,
    result: &[u8],
    reply: &mut Vec<u8>,
) -> Result<(), MarshalError> {
    let mut writer = Writer {
        callee,
        image,
        memory,
        result,
        reply,
        references: Vec::new(),
        returned: Vec::new(),
        blocks: 0,
        data: 0,
        leaving: leaving(callee, image).count() as u64,
        holds: HashMap::new(),
        replaced: HashSet::new(),
        moved: HashMap::new(),
    };
    writer.write_result()?;
    let success = writer.success()?;
    for (block, owner, pointer) in leaving(callee, image) {
        writer.leaving_block(block, &owner, pointer, success)?;
    }
    let mut next = 0;
    while let Some(&returned) = writer.returned.get(next) {
        writer.returned_block(next, &returned)?;
        next += 1;
    }
    writer.leave_buffers()?;
    writer.release()?;
    writer.keep();
    let errno = if callee.template.frame().contract().no_errno {
        0
    } else {
        errno
    };
    wire::finish(writer.reply, errno, &writer.references, writer.blocks);
    if writer.reply.len() as u64 > MAXIMUM_BODY {
        let bytes = writer.reply.len() as u128;
        return Err(MarshalError::TooLarge {
            place: "reply".into(),
            bytes,
            limit: MAXIMUM_BODY,
        });
    }
    Ok(())
}

/// Whether the copy of a terminated array still ends with its first terminator.
fn still_terminated(copy: &[u8], pointer: &Pointer, unit: usize) -> bool {
    let terminator = match &pointer.extent {
        Extent::NullTerminated => 0,
        Extent::TerminatedBy(value) => *value as u64,
        _ => return true,
    };
    first_terminator(copy, unit as u64, terminator) == Some(copy.len() as u64)
}

/// The blocks of an image that come back, in order.
fn leaving<'a>(
    callee: &'a Callee,
    image: &'a Image,
) -> impl Iterator<Item = (&'a ImageBlock, Owner, &'a Pointer)> {
    image.blocks.iter().filter_map(|block| {
        let owner = block.owner?;
        let pointer = callee.pointer(owner.ty)?;
        // Of objects and of what they walk through, what is not const comes back.
        let leaves = match pointer.identity {
            Identity::Handle(_) => !pointer.constant,
            _ => pointer.direction.leaves(),
        };
        leaves.then_some((block, owner, pointer))
    })
}

pub(super) struct Writer<'a, M> {
    pub(super) callee: &'a Callee,
    pub(super) image: &'a Image,
    pub(super) memory: &'a mut M,
    pub(super) result: &'a [u8],
    pub(super) reply: &'a mut Vec<u8>,
    pub(super) references: Vec<u64>,
    pub(super) returned: Vec<Returned>,
    pub(super) blocks: u32,
    /// Bytes of memory that the reply carries.
    pub(super) data: u64,
    pub(super) leaving: u64,
    /// By parameter: the first handle that its record holds now.
    pub(super) holds: HashMap<u32, u64>,
    /// Positions in the image of replaced buffers that were copied.
    pub(super) replaced: HashSet<usize>,
    /// By offset of its block in the image: the reference of a pointer that was moved.
    pub(super) moved: HashMap<usize, u64>,
}

/// A pointer of the VM's whose contents go into a block of their own.
#[derive(Clone, Copy)]
pub(super) struct Returned {
    pub(super) ty: TypeId,
    pub(super) address: u64,
    pub(super) root: u32,
    /// The record it is a member of, and where that begins in the reply.
    pub(super) record: Option<(RecordId, usize)>,
    /// The returned block it lies in.
    pub(super) parent: Option<usize>,
}

/// Where the bytes under way came from.
#[derive(Clone, Copy)]
struct Source {
    root: u32,
    /// Where in the image they were, when they were in a block that was sent with contents.
    inout: Option<usize>,
    /// The returned block they are of.
    returned: Option<usize>,
}

impl<M: CalleeMemory> Writer<'_, M> {
    fn write_result(&mut self) -> Result<(), MarshalError> {
        let callee = self.callee;
        let size = callee.template.result().size;
        wire::start(self.reply, size);
        let Some(bytes) = self.result.get(..size as usize) else {
            return Err(MarshalError::callee("result", "shorter than its type"));
        };
        let at = wire::HEADER;
        self.reply[at..at + bytes.len()].copy_from_slice(bytes);
        let ty = callee.template.frame().result();
        let plan = callee.plans.of(ty);
        if matches!(callee.template.frame().ty(ty), Type::Void) || !plan.references {
            return Ok(());
        }
        self.steps(
            &plan.steps,
            at,
            Source {
                root: RESULT,
                inout: None,
                returned: None,
            },
            0,
        )
    }

    fn success(&self) -> Result<bool, MarshalError> {
        let Some(success) = &self.callee.template.frame().contract().success else {
            return Ok(true);
        };
        match self.evaluate(success, None) {
            Ok(value) => Ok(value != 0),
            Err(Failure::Null) => Ok(true),
            Err(_) => Err(MarshalError::callee("result", "'__success' has no value")),
        }
    }

    fn leaving_block(
        &mut self,
        block: &ImageBlock,
        owner: &Owner,
        pointer: &Pointer,
        success: bool,
    ) -> Result<(), MarshalError> {
        if let Some(object) = self.resident_of(block) {
            return self.resident_block(&object, block, success);
        }
        let plan = self.callee.plans.of(pointer.target);
        let watched = owner
            .parameter
            .and_then(|index| self.callee.plans.watched.get(index as usize));
        let length = match success || watched == Some(&true) {
            true => self.filled(block, owner, pointer, plan)?,
            false => 0,
        };
        if block.shared.is_some() {
            return self.shared_block(length, block, owner.root);
        }
        let contents = self.image.bytes().get(block.offset..block.offset + length);
        let contents = contents.unwrap_or_default();
        self.start_block(contents.len() as u64, block.capacity as u64, owner.root)?;
        let at = self.reply.len();
        self.reply.extend_from_slice(contents);
        let inout = pointer.direction.enters().then_some(block.offset);
        self.sanitize(
            plan,
            at,
            contents.len(),
            Source {
                root: owner.root,
                inout,
                returned: None,
            },
        )?;
        wire::pad(self.reply);
        Ok(())
    }

    /// Says how much of a block was filled that the caller sees.
    fn shared_block(
        &mut self,
        length: usize,
        block: &ImageBlock,
        root: u32,
    ) -> Result<(), MarshalError> {
        self.start_block(0, block.capacity as u64, root)?;
        let at = self.reply.len() - wire::BLOCK_HEADER;
        let length = SHARED | length as u64;
        self.reply[at..at + 8].copy_from_slice(&length.to_le_bytes());
        Ok(())
    }

    /// The reference of a pointer of the caller's, which lies at `position` of the image.
    fn moved(&mut self, position: usize, address: u64, root: u32) -> Result<u64, MarshalError> {
        let block = self.image.block_at(position).copied();
        if self.image.came_with(position).unwrap_or(0) == address {
            return Ok(0);
        }
        let reference = match block {
            Some(_) if address == 0 => Some(MOVED_TO_NULL),
            Some(block) => self.place_in(&block, address).map(|offset| offset + 1),
            None => None,
        };
        let (Some(block), Some(reference)) = (block, reference) else {
            return Err(MarshalError::callee(
                &self.callee.place(root),
                "the function moved a pointer in it to outside of the buffer that it led to",
            ));
        };
        self.moved.insert(block.offset, reference);
        Ok(reference)
    }

    /// Bytes from the start of a block to `address`, where that is the start or the end of an
    /// element in it.
    pub(super) fn place_in(&self, block: &ImageBlock, address: u64) -> Option<u64> {
        let pointer = self.callee.pointer(block.owner?.ty)?;
        let unit = self.callee.plans.of(pointer.target).callee_size;
        let offset = address.checked_sub(block.address(self.image.base()))?;
        (offset <= block.capacity as u64 && offset.is_multiple_of(unit.max(1))).then_some(offset)
    }

    fn returned_block(&mut self, number: usize, returned: &Returned) -> Result<(), MarshalError> {
        let callee = self.callee;
        let Some(pointer) = callee.pointer(returned.ty) else {
            return Ok(());
        };
        let plan = callee.plans.of(pointer.target);
        let capacity = self.extent(pointer, plan, returned)?;
        let length = self.valid(pointer, plan, returned, capacity)?;
        let started = self.start_block(length as u64, capacity as u64, returned.root);
        if started.is_err() && self.loops(returned) {
            let reason = "what it leads to leads back to itself";
            return Err(MarshalError::callee(&callee.place(returned.root), reason));
        }
        started?;
        let at = self.reply.len();
        self.reply.resize(at + length, 0);
        self.memory
            .read(returned.address, &mut self.reply[at..])
            .map_err(|error| MarshalError::memory(&callee.place(returned.root), error))?;
        if !still_terminated(&self.reply[at..], pointer, plan.callee_size as usize) {
            // The caller would take it for a lie of this VM.
            let reason = "another thread of the library changed it while it was copied";
            return Err(MarshalError::callee(&callee.place(returned.root), reason));
        }
        self.sanitize(
            plan,
            at,
            length,
            Source {
                root: returned.root,
                inout: None,
                returned: Some(number),
            },
        )?;
        wire::pad(self.reply);
        Ok(())
    }

    pub(super) fn start_block(
        &mut self,
        length: u64,
        capacity: u64,
        root: u32,
    ) -> Result<(), MarshalError> {
        if self.blocks >= MAXIMUM_BLOCKS {
            let reason = format!("it leads to more than {MAXIMUM_BLOCKS} blocks");
            return Err(MarshalError::callee(&self.callee.place(root), reason));
        }
        let data = u128::from(self.data) + u128::from(length);
        self.data = self.bounded(data, root)? as u64;
        let after = self.reply.len() as u128 + u128::from(length) + 16;
        self.at_most(
            MAXIMUM_BODY,
            after + 8 * self.references.len() as u128,
            root,
        )?;
        self.blocks += 1;
        wire::start_block(self.reply, length, capacity);
        Ok(())
    }

    /// Replaces the pointers and descriptors among `length` bytes at `at` by references.
    fn sanitize(
        &mut self,
        plan: &Plan,
        at: usize,
        length: usize,
        source: Source,
    ) -> Result<(), MarshalError> {
        if !plan.references {
            return Ok(());
        }
        let stride = plan.callee_size.max(1) as usize;
        for index in 0..length / stride {
            self.steps(&plan.steps, at + index * stride, source, index * stride)?;
        }
        Ok(())
    }

    /// One element, or one repetition in it, that begins at `at` in the reply and `inside` its
    /// block.
    fn steps(
        &mut self,
        steps: &[Step],
        at: usize,
        source: Source,
        inside: usize,
    ) -> Result<(), MarshalError> {
        for step in steps {
            match *step {
                Step::Copy { .. } | Step::Bool { .. } | Step::Integer { .. } => {}
                Step::Descriptor { callee, .. } => self.descriptor(at + callee, source)?,
                Step::Pointer {
                    callee, ty, record, ..
                } => {
                    let record = record.map(|(id, offset)| (id, at + offset));
                    let was = source.inout.map(|block| block + inside + callee);
                    self.pointer(at + callee, ty, record, source, was)?;
                }
                Step::Repeat {
                    count,
                    callee,
                    callee_stride,
                    ref steps,
                    ..
                } => {
                    for index in 0..count {
                        let offset = callee + index * callee_stride;
                        self.steps(steps, at + offset, source, inside + offset)?;
                    }
                }
                Step::Union {
                    callee,
                    tag,
                    ref cases,
                    ..
                } => {
                    let tag = integer(self.reply, at + tag.at, tag.size, tag.signed);
                    self.steps(chosen(cases, tag), at + callee, source, inside + callee)?;
                }
            }
        }
        Ok(())
    }

    fn descriptor(&mut self, at: usize, source: Source) -> Result<(), MarshalError> {
        let value = unsigned(self.reply, at, 4) as u32 as i32;
        self.reply[at..at + 4].fill(0);
        if source.inout.is_some() {
            return Ok(());
        }
        let reference = if value < 0 {
            i64::from(value) as u64
        } else {
            let left = self.memory.descriptor_leave(value);
            left.map_err(|error| MarshalError::memory(&self.callee.place(source.root), error))?
        };
        self.references.push(reference);
        Ok(())
    }

    /// `was`: where in the image the pointer lay, when it had come with contents.
    fn pointer(
        &mut self,
        at: usize,
        ty: TypeId,
        record: Option<(RecordId, usize)>,
        source: Source,
        was: Option<usize>,
    ) -> Result<(), MarshalError> {
        let callee = self.callee;
        let root = source.root;
        let Some(pointer) = callee.pointer(ty) else {
            return Ok(());
        };
        let size = usize::from(callee.template.model().pointer.size).min(8);
        let address = unsigned(self.reply, at, size);
        self.reply[at..at + size].fill(0);
        let reference = match &pointer.identity {
            // Part of a block that comes back belongs to that block.
            Identity::Data if pointer.ownership.is_callers() && source.returned.is_none() => {
                match was {
                    Some(position) => self.moved(position, address, root)?,
                    None => 0,
                }
            }
            Identity::Handle(_) if address == 0 => {
                self.let_go(was);
                0
            }
            _ if address == 0 => 0,
            Identity::Handle(handle) => {
                let reference = self.handle(pointer, handle, address, root)?;
                if was.is_some() && reference & CONSTANT == 0 {
                    self.holds.entry(root).or_insert(reference);
                }
                reference
            }
            Identity::Opaque => {
                self.memory.opaque_leaves(address);
                address
            }
            Identity::Alias(into) => self.alias(*into, address, root)?,
            Identity::Callback(callback) => {
                let constant = constant_reference(&callback.constants, address, size);
                let same = was.and_then(|at| self.image.function_at(at)) == Some(address);
                let reference = constant.or_else(|| same.then_some(UNCHANGED));
                reference.ok_or_else(|| {
                    let reason = "a function of the library comes back, which cannot be called \
                                  from another process";
                    MarshalError::callee(&callee.place(root), reason)
                })?
            }
            Identity::Data
                if was.and_then(|position| self.image.came_with(position)) == Some(address) =>
            {
                UNCHANGED
            }
            Identity::Data => {
                self.replaced.extend(was);
                self.returned.push(Returned {
                    ty,
                    address,
                    root,
                    record,
                    parent: source.returned,
                });
                self.leaving + self.returned.len() as u64
            }
        };
        self.references.push(reference);
        Ok(())
    }

    /// A handle that is not there any more was closed by the function.
    fn let_go(&mut self, was: Option<usize>) {
        let wire = was.and_then(|position| self.image.handle_at(position));
        if let Some(wire) = wire {
            self.memory.handle_consume(wire);
        }
    }

    /// The reference for an object of the VM's.
    fn handle(
        &mut self,
        pointer: &Pointer,
        handle: &Handle,
        address: u64,
        root: u32,
    ) -> Result<u64, MarshalError> {
        let template = &self.callee.template;
        let size = usize::from(template.model().pointer.size);
        if let Some(constant) = constant_reference(&handle.constants, address, size) {
            return Ok(constant);
        }
        let object = Object {
            record: template.frame().object_name(pointer),
            closed_by: handle.closed_by.as_deref(),
        };
        self.memory
            .handle_enter(address, object)
            .map_err(|error| MarshalError::memory(&self.callee.place(root), error))
    }

    /// The reference for `address` inside of what parameter `into` leads to.
    fn alias(&self, into: u32, address: u64, root: u32) -> Result<u64, MarshalError> {
        let offset = self.image.block_of(into).and_then(|block| {
            address
                .checked_sub(block.address(self.image.base()))
                .filter(|&offset| offset <= block.capacity as u64)
        });
        offset.map(|offset| offset + 1).ok_or_else(|| {
            let place = self.callee.place(root);
            let into = self.callee.place(into);
            MarshalError::callee(&place, format!("it points outside of what {into} leads to"))
        })
    }

    /// Frees what the function gave away, now that it was copied.
    fn release(&mut self) -> Result<(), MarshalError> {
        for returned in std::mem::take(&mut self.returned) {
            let Some(pointer) = self.callee.pointer(returned.ty) else {
                continue;
            };
            if let Ownership::Owned(function) = &pointer.ownership {
                self.memory
                    .release(function, returned.address)
                    .map_err(|error| {
                        MarshalError::memory(&self.callee.place(returned.root), error)
                    })?;
            }
        }
        self.release_replaced()
    }

    /// Frees the buffers that were given to the function and were not copied back.
    fn release_replaced(&mut self) -> Result<(), MarshalError> {
        let image = self.image;
        for allocated in &image.allocated {
            let Some(pointer) = self.callee.pointer(allocated.ty) else {
                continue;
            };
            let Ownership::Owned(function) = &pointer.ownership else {
                continue;
            };
            let address = unsigned(image.bytes(), allocated.position, image.pointer_size);
            if address != 0 && !self.replaced.contains(&allocated.position) {
                let root = "a buffer that the function may replace";
                self.memory
                    .release(function, address)
                    .map_err(|error| MarshalError::memory(root, error))?;
            }
        }
        Ok(())
    }

    /// Tells for which objects the library keeps what it was given.
    fn keep(&mut self) {
        let image = self.image;
        for allocated in &image.allocated {
            let pointer = self.callee.pointer(allocated.ty);
            let Some(Ownership::Retained(parameter)) = pointer.map(|pointer| &pointer.ownership)
            else {
                continue;
            };
            let slot = self.callee.template.arguments().get(*parameter as usize);
            let handle = slot.and_then(|slot| image.handle_at(slot.offset as usize));
            let keeper = handle.or(self.holds.get(parameter).copied());
            self.memory.retained_by(allocated.address, keeper);
        }
    }
}
