//! What stands for a pointer or a descriptor in the request: a handle, a constant, an offset, or the
//! number of a block that is queued to be written.

use super::{Encoder, Work, functions};
use crate::marshal::caller::{Pointee, Root};
use crate::marshal::memory::CallerMemory;
use crate::marshal::{CLOSED, MAXIMUM_DESCRIPTORS, MarshalError, RESIDENT, constant_reference};
use crate::types::{Extent, Handle, Identity, Ownership, Pointer, RecordId, TypeId};

/// A pointer into what a parameter leads to, to be translated when all blocks are known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Alias {
    reference: usize,
    address: u64,
    into: u32,
    root: Root,
}

impl<M: CallerMemory> Encoder<'_, M> {
    /// Gives the pointer at `at` in the caller's memory its reference, and queues its block.
    pub(super) fn pointer(
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
                return self.handle(pointer, handle, address, root, parameter);
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
                    let seen = self.seen(pointer, address, root, parameter)?;
                    let work = Work {
                        ty,
                        address,
                        reference,
                        record,
                        parameter,
                        root,
                        parent,
                        seen,
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

    /// The reference of a handle, which is two where it stands for an object that is kept there.
    fn handle(
        &mut self,
        pointer: &Pointer,
        handle: &Handle,
        address: u64,
        root: Root,
        parameter: Option<u32>,
    ) -> Result<(), MarshalError> {
        let object = match parameter {
            Some(index) => self.resident(index, handle, address)?,
            None => None,
        };
        if let (Some(object), Some(index)) = (object, parameter) {
            let named = (index, object & !RESIDENT);
            self.scratch.handles.extend((named.1 != 0).then_some(named));
            self.scratch.references.extend([object, 0]);
            return Ok(());
        }
        let size = usize::from(self.caller.caller.model().pointer.size);
        let constant = constant_reference(&handle.constants, address, size);
        let reference = match constant {
            Some(constant) => constant,
            None => {
                let record = self.caller.frame.object_name(pointer);
                let wire = self.memory.handle_wire(address, record);
                let wire =
                    wire.map_err(|error| MarshalError::memory(&self.caller.place(root), error))?;
                let named = parameter.map(|index| (index, wire));
                self.scratch.handles.extend(named);
                wire
            }
        };
        self.scratch.references.push(reference);
        Ok(())
    }

    fn queue(&mut self, pointer: &Pointer, work: Work) {
        match pointer.extent {
            Extent::Counted(_) | Extent::Sized(_) => self.scratch.sized.push(work),
            _ => self.scratch.fixed.push(work),
        }
    }

    fn opaque(&mut self, value: u64, root: Root) -> Result<u64, MarshalError> {
        let bits = 8 * u32::from(self.caller.callee.model().pointer.size);
        if bits < 64 && value >> bits != 0 {
            let reason = format!("{value:#x} does not fit a pointer of the VM");
            return Err(MarshalError::argument(&self.caller.place(root), reason));
        }
        self.memory.opaque_leaves(value);
        Ok(value)
    }

    pub(super) fn descriptor(&mut self, fd: i32, root: Root) -> Result<(), MarshalError> {
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

    pub(super) fn aliases(&mut self) -> Result<(), MarshalError> {
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

    /// Where parameter `index` points, if it is an alias and not NULL.
    pub(in crate::marshal::caller) fn alias_address(&self, index: u32) -> Option<u64> {
        let root = Root::Parameter(index);
        let mut aliases = self.scratch.aliases.iter();
        let found = aliases.find(|alias| alias.root == root);
        found.map(|alias| alias.address)
    }
}
