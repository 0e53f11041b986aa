//! The caller's memory that stands for an object of the VM's.

use super::apply::{Applier, Destination};
use super::decode::{Checker, is_handle};
use super::encode::{Encoder, State};
use super::walk::{Met, Sink, Walk};
use super::{Caller, Root, Sent, Shared, known};
use crate::marshal::image::integer;
use crate::marshal::memory::{CallerMemory, Residence};
use crate::marshal::resident::{Resident, Walker};
use crate::marshal::standing::Standing;
use crate::marshal::wire::Block;
use crate::marshal::{MarshalError, RESIDENT, wire};
use crate::types::{Handle, Identity, TypeId};

impl Caller {
    /// How the object that a block stands for travels; `None` for blocks of data.
    pub(super) fn resident(&self, sent: &Sent) -> Option<&Resident> {
        let handle = matches!(self.pointer(sent.ty)?.identity, Identity::Handle(_));
        self.plans.resident(sent.parameter?).filter(|_| handle)
    }
}

/// A buffer that a member walks through in this call.
struct Walked {
    walker: Walker,
    address: u64,
    reference: usize,
    capacity: u64,
    parent: (u32, u64),
    root: Root,
}

impl<M: CallerMemory> Encoder<'_, M> {
    /// The reference for memory of the caller's that stands, or will stand, for an object; `None`
    /// where it does not.
    pub(super) fn resident(
        &mut self,
        index: u32,
        handle: &Handle,
        address: u64,
    ) -> Result<Option<u64>, MarshalError> {
        let caller = self.caller;
        if caller.plans.resident(index).is_none() {
            return Ok(None);
        }
        let root = Root::Parameter(index);
        let wire = match handle.resident {
            true => Some(0),
            false => self
                .memory
                .resident(address)
                .map_err(|error| MarshalError::memory(&caller.place(root), error))?,
        };
        let Some(wire) = wire else { return Ok(None) };
        self.scratch.states.push(State {
            index,
            address,
            reference: self.scratch.references.len() + 1,
        });
        Ok(Some(RESIDENT | wire))
    }

    /// Writes what both sides keep alike of objects, and the buffers their members walk through.
    pub(super) fn states(&mut self) -> Result<(), MarshalError> {
        let mut walked = Vec::new();
        for position in 0..self.scratch.states.len() {
            if let Some(&state) = self.scratch.states.get(position) {
                self.state(state, &mut walked)?;
            }
        }
        for walked in walked {
            self.walked(&walked)?;
        }
        Ok(())
    }

    fn state(&mut self, state: State, walked: &mut Vec<Walked>) -> Result<(), MarshalError> {
        let caller = self.caller;
        let parameter = caller.frame.parameters().get(state.index as usize);
        let (Some(resident), Some(parameter)) = (caller.plans.resident(state.index), parameter)
        else {
            return Ok(());
        };
        let root = Root::Parameter(state.index);
        self.null_members(resident, state.address, root)?;
        self.is_once(resident, state, root)?;
        let number = self.start(
            Sent {
                address: state.address,
                capacity: resident.callee_size,
                ty: parameter.ty,
                parameter: Some(state.index),
                root,
                leaves: resident.changes,
                parent: None,
                cursor: false,
                shared: None,
            },
            state.reference,
            true,
        )?;
        let at = self.request.len();
        self.request.resize(at + resident.callee_size as usize, 0);
        self.steps(&resident.values, state.address, at, root, None)?;
        wire::pad(self.request);
        let size = usize::from(caller.caller.model().pointer.size);
        let standing = match resident.walkers.is_empty() {
            true => Standing::default(),
            false => self.memory.standing(state.address),
        };
        for walker in &resident.walkers {
            let from = state.address.wrapping_add(walker.caller as u64);
            let address = self.number(from, size, root)?;
            let (place, width, signed) = walker.available;
            let left = integer(self.request, at + place, width, signed).max(0);
            if address != 0 && left > 0 {
                self.is_callers(&standing, walker, state, size)?;
            }
            let capacity = self.bounded((left as u128).checked_mul(walker.units.1.into()), root)?;
            let reference = self.scratch.references.len();
            self.scratch.references.push(0);
            if address != 0 {
                walked.push(Walked {
                    walker: *walker,
                    address,
                    reference,
                    capacity,
                    parent: (number, walker.caller as u64),
                    root,
                });
            }
        }
        Ok(())
    }

    /// Whether the program itself has said how far this member reaches. `size` is that of its pointer.
    fn is_callers(
        &self,
        standing: &Standing,
        walker: &Walker,
        state: State,
        size: usize,
    ) -> Result<(), MarshalError> {
        let caller = self.caller;
        let root = caller.place(Root::Parameter(state.index));
        let read = |place| known::value(self.memory, state.address, place);
        let may = read(walker.count)
            .and_then(|now| standing.may_walk((walker.count, now), (walker.caller, size), read));
        match may.map_err(|error| MarshalError::memory(&root, error))? {
            true => Ok(()),
            false => Err(MarshalError::NotTheCallers {
                place: root,
                member: caller.member(state.index, walker.field),
            }),
        }
    }

    /// An object that a member of walks through a buffer is passed as one parameter only: else the
    /// other would say of the same memory how much is left.
    fn is_once(&self, resident: &Resident, state: State, root: Root) -> Result<(), MarshalError> {
        let walks = |resident: &Resident| !resident.walkers.is_empty();
        let twice = self.scratch.states.iter().any(|other| {
            let plan = self.caller.plans.resident(other.index);
            other.index != state.index
                && other.address == state.address
                && plan.is_some_and(|plan| {
                    plan.changes && resident.changes && (walks(plan) || walks(resident))
                })
        });
        let reason = "it is passed twice in one call, and a member of it walks through a buffer";
        match twice {
            true => Err(MarshalError::argument(&self.caller.place(root), reason)),
            false => Ok(()),
        }
    }

    /// Functions and cookies of the program's mean nothing to an object in the VM.
    fn null_members(
        &self,
        resident: &Resident,
        address: u64,
        root: Root,
    ) -> Result<(), MarshalError> {
        let size = usize::from(self.caller.caller.model().pointer.size);
        for place in &resident.nulls {
            if self.number(address.wrapping_add(*place as u64), size, root)? != 0 {
                let reason =
                    "a function or cookie in it is not NULL, and the object lives in the VM";
                return Err(MarshalError::argument(&self.caller.place(root), reason));
            }
        }
        Ok(())
    }

    /// Where the buffer is that a member walks through, if both ends see it.
    fn walked_elsewhere(&mut self, walked: &Walked) -> Result<Option<Shared>, MarshalError> {
        let caller = self.caller;
        let Some(pointer) = caller.pointer(walked.walker.ty) else {
            return Ok(None);
        };
        let plan = caller.plans.of(pointer.target);
        let (address, capacity, root) = (walked.address, walked.capacity, walked.root);
        match self.seen(pointer, address, root, None)? {
            Some(seen) if plan.bulk && capacity <= seen.left => Ok(Some(Shared::Own(seen.place))),
            _ => self.stage(plan, address, capacity, walked.walker.enters, root),
        }
    }

    fn walked(&mut self, walked: &Walked) -> Result<(), MarshalError> {
        let caller = self.caller;
        let walker = walked.walker;
        let shared = self.walked_elsewhere(walked)?;
        self.start(
            Sent {
                address: walked.address,
                capacity: walked.capacity,
                ty: walker.ty,
                parameter: None,
                root: walked.root,
                leaves: !walker.enters,
                parent: Some(walked.parent),
                cursor: true,
                shared,
            },
            walked.reference,
            walker.enters,
        )?;
        if !walker.enters || shared.is_some() {
            return Ok(());
        }
        let Some(pointer) = caller.pointer(walker.ty) else {
            return Ok(());
        };
        let plan = caller.plans.of(pointer.target);
        let at = self.lengthen(walked.capacity, walked.root)?;
        if plan.bulk {
            self.copy(walked.address, at, walked.capacity as usize, walked.root)?;
        } else {
            let count = walked.capacity / walker.units.1.max(1);
            self.elements(plan, walked.address, at, count, walked.root, None)?;
        }
        wire::pad(self.request);
        Ok(())
    }
}

impl Checker<'_> {
    /// Checks what came back of an object; `None` for blocks of data.
    pub(super) fn resident_block(
        &mut self,
        block: Block,
        (number, sent): (u32, &Sent),
        success: bool,
        next: usize,
    ) -> Option<Result<usize, MarshalError>> {
        let resident = self.caller.resident(sent)?;
        Some(self.resident_values(block, (number, sent), resident, success, next))
    }

    fn resident_values(
        &mut self,
        block: Block,
        (number, sent): (u32, &Sent),
        resident: &Resident,
        success: bool,
        next: usize,
    ) -> Result<usize, MarshalError> {
        let expected = if success { sent.capacity } else { 0 };
        if block.length as u64 != expected {
            return Err(self.protocol(sent.root, "an object came back in part"));
        }
        if !success {
            return Ok(next);
        }
        let body = self.body;
        let wire = body.reference(next)?;
        if wire != 0 && !is_handle(wire) {
            return Err(self.protocol(sent.root, "a handle that no VM may send"));
        }
        let known = known::of(&self.known, number);
        let (Some(known), true) = (known, self.is_same_object(known, wire)) else {
            return Err(self.protocol(sent.root, "the handle of another object"));
        };
        let mut walk = Walk {
            body,
            next: next + 1,
            root: sent.root,
            inout: None,
            returned: None,
        };
        walk.steps(&resident.values, block.start, 0, self)?;
        let mut walked = Vec::new();
        for walker in &resident.walkers {
            let met = met(walk.reference()?, walker.ty, sent.root, Some(number));
            if met.reference != 0 {
                self.moved(walker.caller as u64, met)?;
            }
            if self.walker_remains(walker, block, number)? {
                walked.push(walker.count);
            }
        }
        let bytes = body.contents(block);
        let known = self.known.get_mut(known);
        if !known.is_some_and(|known| known.take(resident, bytes, &walked)) {
            return Err(self.wrong(sent.root, "more is left of a buffer than there was"));
        }
        for (at, _, ty) in &resident.texts {
            let met = met(walk.reference()?, *ty, sent.root, None);
            self.pointer(*at as u64, met)?;
        }
        Ok(walk.next)
    }
}

impl Checker<'_> {
    /// Whether an object that is there before the call is still the same, or no more.
    fn is_same_object(&self, known: Option<usize>, wire: u64) -> bool {
        let known = known.and_then(|index| self.known.get(index));
        known.is_some_and(|known| known.wire == 0 || wire == 0 || wire == known.wire)
    }
}

impl<M: CallerMemory> Applier<'_, M> {
    /// Copies back what the caller sees of an object, and what stands for it; `None` for blocks of
    /// data.
    pub(super) fn resident_block(
        &mut self,
        block: Block,
        (number, sent): (u32, &Sent),
        next: usize,
    ) -> Option<Result<(), MarshalError>> {
        let caller = self.caller;
        let resident = caller.resident(sent)?;
        Some(self.resident_values(block, (number, sent), resident, next))
    }

    fn resident_values(
        &mut self,
        block: Block,
        (number, sent): (u32, &Sent),
        resident: &Resident,
        next: usize,
    ) -> Result<(), MarshalError> {
        let known = known::of(&self.checked.known, number);
        let known = known.and_then(|index| self.checked.known.get(index));
        let Some(known) = known.filter(|known| known.stands && block.length > 0) else {
            return Ok(());
        };
        let body = &self.checked.body;
        let wire = body.reference(next)?;
        let mut walk = Walk {
            body,
            next: next + 1,
            root: sent.root,
            inout: None,
            returned: None,
        };
        self.destination = Destination::Memory(sent.address);
        walk.steps(&resident.values, block.start, 0, self)?;
        for walker in &resident.walkers {
            let met = met(walk.reference()?, walker.ty, sent.root, Some(number));
            // Also where it did not move: with the number that counts it is one thing, whatever a
            // callback has put there meanwhile.
            let place = (number, walker.caller as u64);
            let before = self.pending.child(place).map(|sent| sent.address);
            if let Some(address) = self.moved(walker.caller as u64, met).or(before) {
                self.write_pointer(walker.caller as u64, address, sent.root)?;
            }
        }
        for (at, _, _) in &resident.texts {
            let value = match walk.reference()? {
                0 => 0,
                reference => self.copy_of(*at as u64, reference),
            };
            self.write_pointer(*at as u64, value, sent.root)?;
        }
        let object = Residence {
            wire,
            token: resident.token as u64,
            standing: known.standing.clone(),
        };
        self.memory
            .resident_is(sent.address, object)
            .map_err(|error| MarshalError::memory(&self.caller.place(sent.root), error))
    }
}

fn met(reference: u64, ty: TypeId, root: Root, inout: Option<u32>) -> Met {
    Met {
        ty,
        reference,
        root,
        record: None,
        inout,
        returned: None,
    }
}
