//! Buffers in memory that both ends see: which travel by their place there, and what a record there
//! may hold.
//!
//! A record in such memory is used where it is, so nothing in it is translated on its way: it may hold
//! numbers, and pointers to more such memory where both ends have that at the same addresses.

use super::encode::{Encoder, Work};
use super::{Caller, Fill, Pending, Root, Shared, fill};
use crate::marshal::image::integer;
use crate::marshal::memory::{CallerMemory, Seen};
use crate::marshal::plan::{Plan, Step, Tag, chosen};
use crate::marshal::wire::{self, Body};
use crate::marshal::{CLEARED, MAXIMUM_BLOCKS, MAXIMUM_CALL, MarshalError, PLACE_BITS, SHARED};
use crate::types::{Extent, Identity, Ownership, Pointer, TypeId};
use std::collections::HashSet;

/// From how many bytes on it is worth the while to have a buffer elsewhere than in the request.
pub(in crate::marshal) const STAGED_FROM: u64 = 4096;

impl<M: CallerMemory> Encoder<'_, M> {
    /// Where a pointer leads in memory that the VM sees; `None` where its contents travel.
    pub(super) fn seen(
        &self,
        pointer: &Pointer,
        address: u64,
        root: Root,
        parameter: Option<u32>,
    ) -> Result<Option<Seen>, MarshalError> {
        // A number that expressions ask for travels: both ends have to have the same one.
        if parameter.is_some_and(|index| self.caller.is_watched(index)) {
            return Ok(None);
        }
        let place = || self.caller.place(root);
        let seen = self.memory.seen(address);
        let seen = seen.map_err(|error| MarshalError::memory(&place(), error))?;
        let seen = seen.filter(|seen| seen.place >> PLACE_BITS == 0);
        if seen.is_some() && !pointer.ownership.is_callers() {
            let reason = "it leads to shared memory, which a function can neither free nor replace";
            return Err(MarshalError::argument(&place(), reason));
        }
        Ok(seen)
    }

    /// Where the contents of a block go that both ends see; `None` where they travel.
    pub(super) fn share(
        &mut self,
        pointer: &Pointer,
        plan: &Plan,
        work: &Work,
        capacity: u64,
        enters: bool,
    ) -> Result<Option<Shared>, MarshalError> {
        if let Some(seen) = work.seen {
            self.lies_there(pointer, plan, work, capacity)?;
            return Ok(Some(Shared::Own(seen.place)));
        }
        if plan.references && enters && self.memory.others_write(work.address) {
            let reason = "it has pointers in it, and is in memory that another VM may write, which so would \
                          choose what is passed on; copy it first";
            return Err(MarshalError::argument(
                &self.caller.place(work.root),
                reason,
            ));
        }
        let watched = work
            .parameter
            .is_some_and(|index| self.caller.is_watched(index));
        // Where it ends is looked for in what comes back.
        let ends = matches!(
            pointer.extent,
            Extent::NullTerminated | Extent::TerminatedBy(_)
        );
        let looked_at = matches!(fill(&self.caller.frame, pointer), Some(Fill::Until(_)))
            || ends && pointer.direction.leaves();
        if watched || looked_at || pointer.ownership != Ownership::Caller {
            return Ok(None);
        }
        self.stage(plan, work.address, capacity, enters, work.root)
    }

    /// Copies what a pointer leads to to where the VM sees it, where that is worth the while.
    pub(super) fn stage(
        &mut self,
        plan: &Plan,
        address: u64,
        capacity: u64,
        enters: bool,
        root: Root,
    ) -> Result<Option<Shared>, MarshalError> {
        if capacity < STAGED_FROM || !plan.bulk {
            return Ok(None);
        }
        let staged = self.memory.stage(address, capacity, enters);
        let place =
            staged.map_err(|error| MarshalError::memory(&self.caller.place(root), error))?;
        let place = place.filter(|place| place >> PLACE_BITS == 0);
        Ok(place.map(Shared::Staged))
    }

    /// Starts a block whose contents both ends see.
    pub(super) fn start_shared(&mut self, shared: Shared, capacity: u64, enters: bool) {
        let length = match shared {
            Shared::Own(place) => SHARED | place,
            Shared::Staged(place) if enters => SHARED | place,
            Shared::Staged(place) => SHARED | CLEARED | place,
        };
        wire::start_block(self.request, length, capacity);
    }

    /// Refuses what cannot be used where it is.
    fn lies_there(
        &self,
        pointer: &Pointer,
        plan: &Plan,
        work: &Work,
        capacity: u64,
    ) -> Result<(), MarshalError> {
        if !plan.identical {
            return Err(self.refused(work, "the VM lays it out in another way"));
        }
        if !plan.references {
            return Ok(());
        }
        if work.seen.is_some_and(|seen| !seen.agreed) {
            let reason = "it has pointers in it, and the VM has the shared memory it is in at another \
                          address; allocate it elsewhere";
            return Err(self.refused(work, reason));
        }
        let mut inside = Inside {
            encoder: self,
            work,
            enters: pointer.direction.enters(),
            met: HashSet::new(),
            waiting: Vec::new(),
        };
        inside.elements(plan, work.address, capacity)?;
        while let Some((ty, address)) = inside.waiting.pop() {
            if let Some(target) = self.caller.pointer(ty).map(|pointer| pointer.target) {
                let plan = self.caller.plans.of(target);
                inside.elements(plan, address, plan.caller_size)?;
            }
        }
        Ok(())
    }

    fn refused(&self, work: &Work, reason: &str) -> MarshalError {
        let reason = format!("it is in shared memory, and cannot be used there: {reason}");
        MarshalError::argument(&self.caller.place(work.root), reason)
    }
}

/// What is met on the way through records in shared memory.
struct Inside<'a, 'e, M> {
    encoder: &'a Encoder<'e, M>,
    work: &'a Work,
    /// Whether there is something in it before the call.
    enters: bool,
    met: HashSet<(TypeId, u64)>,
    waiting: Vec<(TypeId, u64)>,
}

impl<M: CallerMemory> Inside<'_, '_, M> {
    fn elements(&mut self, plan: &Plan, address: u64, bytes: u64) -> Result<(), MarshalError> {
        if !plan.references {
            return Ok(());
        }
        for index in 0..bytes / plan.caller_size.max(1) {
            self.steps(&plan.steps, address + index * plan.caller_size)?;
        }
        Ok(())
    }

    fn steps(&mut self, steps: &[Step], from: u64) -> Result<(), MarshalError> {
        for step in steps {
            match *step {
                Step::Copy { .. } | Step::Bool { .. } | Step::Integer { .. } => {}
                Step::Descriptor { .. } => {
                    return Err(self.refused("a descriptor in it has another number in the VM"));
                }
                Step::Pointer { caller, ty, .. } => self.pointer(from + caller as u64, ty)?,
                Step::Repeat {
                    count,
                    caller,
                    caller_stride,
                    ref steps,
                    ..
                } => {
                    for index in 0..count {
                        self.steps(steps, from + (caller + index * caller_stride) as u64)?;
                    }
                }
                Step::Union {
                    caller,
                    tag,
                    ref cases,
                    ..
                } if self.enters => {
                    let tag = self.tag(from, tag)?;
                    self.steps(chosen(cases, tag), from + caller as u64)?;
                }
                Step::Union { .. } => {}
            }
        }
        Ok(())
    }

    /// A pointer in a record: to more of the shared memory, or NULL.
    fn pointer(&mut self, at: u64, ty: TypeId) -> Result<(), MarshalError> {
        let encoder = self.encoder;
        let Some(pointer) = encoder.caller.pointer(ty) else {
            return Ok(());
        };
        let data = match &pointer.identity {
            Identity::Opaque => return Ok(()),
            Identity::Data => pointer.ownership.is_callers(),
            Identity::Alias(_) => true,
            Identity::Handle(_) | Identity::Callback(_) => false,
        };
        if !data {
            return Err(self.refused(
                "a handle, a function or a copy in it is another one in the VM; pass a record that is \
                 elsewhere",
            ));
        }
        if !self.enters {
            return Ok(());
        }
        let size = usize::from(encoder.caller.caller.model().pointer.size);
        let address = encoder.number(at, size, self.work.root)?;
        if address == 0 || self.met.len() >= MAXIMUM_BLOCKS as usize {
            return Ok(());
        }
        let seen = encoder.memory.seen(address);
        let place = || encoder.caller.place(self.work.root);
        let seen = seen.map_err(|error| MarshalError::memory(&place(), error))?;
        let needed = encoder.caller.plans.of(pointer.target).caller_size;
        if !seen.is_some_and(|seen| seen.agreed && seen.left >= needed) {
            let reason =
                format!("a pointer in it leads to {address:#x}, which the VM does not see");
            return Err(self.refused(&reason));
        }
        if self.met.insert((ty, address)) {
            self.waiting.push((ty, address));
        }
        Ok(())
    }

    fn tag(&self, from: u64, tag: Tag) -> Result<i128, MarshalError> {
        let size = tag.size.min(8);
        let value = self
            .encoder
            .number(from + tag.at as u64, size, self.work.root)?;
        Ok(integer(&value.to_le_bytes(), 0, size, tag.signed))
    }

    fn refused(&self, reason: &str) -> MarshalError {
        self.encoder.refused(self.work, reason)
    }
}

impl Caller {
    /// Whether some expression asks for what a parameter leads to.
    fn is_watched(&self, index: u32) -> bool {
        let watched = self.plans.watched.get(index as usize);
        watched.copied().unwrap_or(false)
    }
}

/// Takes what a reply says of blocks whose contents both ends see.
pub(super) fn filled(pending: &Pending, body: &mut Body<'_>) -> Result<(), MarshalError> {
    let mut leaving = pending.leaving();
    let mut data = 0u128;
    for block in &mut body.blocks {
        let sent = leaving.next().and_then(|(_, sent)| sent.shared);
        match (sent, block.shared) {
            (None, None) => {}
            (Some(_), Some(filled)) if filled <= block.capacity => {
                block.length = usize::try_from(filled).unwrap_or(usize::MAX);
            }
            _ => {
                return Err(MarshalError::Malformed(
                    "a block whose contents are not where they were sent",
                ));
            }
        }
        if !matches!(sent, Some(Shared::Own(_))) {
            data += block.length as u128;
        }
    }
    // A VM counts what is in its reply; what is beside it counts as much.
    if data > u128::from(MAXIMUM_CALL) {
        return Err(MarshalError::TooLarge {
            place: "reply".into(),
            bytes: data,
            limit: MAXIMUM_CALL,
        });
    }
    Ok(())
}
