//! The blocks that pointers lead to: how large each is, and what of it travels.

use super::{Around, Encoder, Work, whole};
use crate::marshal::caller::{Fill, Pointee, Root, Sent, Shared, fill, is_cursor};
use crate::marshal::image::integer;
use crate::marshal::memory::CallerMemory;
use crate::marshal::plan::Plan;
use crate::marshal::{MAXIMUM_BLOCKS, MAXIMUM_BODY, MarshalError, MemoryError, wire};
use crate::template::align_up;
use crate::types::Extent;
use std::collections::HashSet;

/// Why a list that bites its tail is not sent.
const LOOP: &str = "what it leads to leads back to itself";

/// Bytes that usually follow a buffer in a request.
const FOLLOWS: usize = 4096;

impl<M: CallerMemory> Encoder<'_, M> {
    pub(super) fn fixed_blocks(&mut self) -> Result<(), MarshalError> {
        while let Some(&work) = self.scratch.fixed.get(self.room) {
            self.room += 1;
            self.block(work)?;
        }
        Ok(())
    }

    /// Writes a block and what is known of it, and queues what its pointers lead to.
    pub(super) fn block(&mut self, work: Work) -> Result<(), MarshalError> {
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
        let unknown = matches!(fill(&caller.frame, pointer),
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
        let shared = self.share(pointer, plan, &work, capacity, enters)?;
        let room = self.make_room(capacity, shared, work.root);
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
            shared,
        });
        if let Some(shared) = shared {
            self.start_shared(shared, capacity, enters);
            return Ok(());
        }
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

    /// Starts a block that the reference at `reference` names; gives its number.
    pub(in crate::marshal::caller) fn start(
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
        self.make_room(sent.capacity, sent.shared, sent.root)?;
        if let Some(reference) = self.scratch.references.get_mut(reference) {
            *reference = number as u64 + 1;
        }
        if let Some(parent) = sent.parent {
            self.pending.children.insert(parent, number as u32);
        }
        match sent.shared {
            Some(shared) => self.start_shared(shared, sent.capacity, enters),
            None => {
                let length = if enters { sent.capacity } else { 0 };
                wire::start_block(self.request, length, sent.capacity);
            }
        }
        self.pending.blocks.push(sent);
        Ok(number as u32)
    }

    /// Refuses a copy that does not end with its terminator any more, which was there when its length was
    /// looked for: no callee takes it.
    fn still_ends(
        &self,
        plan: &Plan,
        work: &Work,
        at: usize,
        length: usize,
    ) -> Result<(), MarshalError> {
        let extent = self.caller.pointer(work.ty).map(|pointer| &pointer.extent);
        let terminator = match extent {
            Some(Extent::NullTerminated) => 0i128,
            Some(Extent::TerminatedBy(value)) => *value,
            _ => return Ok(()),
        };
        let unit = (plan.caller_size as usize).min(size_of::<u64>());
        let copy = self.request.get(at..at + length).unwrap_or_default();
        if copy.ends_with(
            (terminator as u64)
                .to_le_bytes()
                .get(..unit)
                .unwrap_or_default(),
        ) {
            return Ok(());
        }
        let reason = "it was changed while it was read: its end was taken away";
        Err(MarshalError::argument(
            &self.caller.place(work.root),
            reason,
        ))
    }

    fn contents(&mut self, plan: &Plan, work: &Work, capacity: u64) -> Result<(), MarshalError> {
        let at = self.lengthen(capacity, work.root)?;
        if plan.bulk {
            self.copy(work.address, at, capacity as usize, work.root)?;
            self.still_ends(plan, work, at, capacity as usize)?;
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

    /// Has the request be as many bytes longer; gives where they begin.
    pub(in crate::marshal::caller) fn lengthen(
        &mut self,
        bytes: u64,
        root: Root,
    ) -> Result<usize, MarshalError> {
        let at = self.request.len();
        // With room for what usually follows, which would double all of it.
        if self.request.try_reserve(bytes as usize + FOLLOWS).is_err() {
            let place = self.caller.place(root);
            return Err(MarshalError::memory(&place, MemoryError::Exhausted));
        }
        self.request.resize(at + bytes as usize, 0);
        Ok(at)
    }

    /// Accounts for a block: of what the call carries, of the VM's memory, and of the request.
    pub(super) fn make_room(
        &mut self,
        capacity: u64,
        shared: Option<Shared>,
        root: Root,
    ) -> Result<(), MarshalError> {
        if !matches!(shared, Some(Shared::Own(_))) {
            let data = u128::from(self.data) + u128::from(capacity);
            self.data = self.bounded(Some(data), root)?;
        }
        let inside = shared.map_or(capacity, |_| 1);
        let block = align_up(inside.max(1), 16).unwrap_or(u64::MAX);
        let image = u128::from(self.image) + u128::from(block);
        let references = 8 * self.scratch.references.len() as u128 + 16;
        let request = self.request.len() as u128 + 16 + u128::from(block) + references;
        self.at_most(MAXIMUM_BODY, Some(image.max(request)), root)?;
        self.image += block;
        Ok(())
    }

    /// Whether what is around a pointer comes back.
    pub(super) fn comes_back(&self, parent: Option<(u32, u64)>) -> bool {
        let outer = parent.and_then(|(number, _)| self.pending.blocks.get(number as usize));
        outer.is_some_and(|outer| outer.leaves)
    }

    fn is_cursor(&self, work: &Work) -> bool {
        let outer = work.parent.and_then(|(number, _)| {
            let sent = self.pending.blocks.get(number as usize)?;
            self.caller.pointer(sent.ty)
        });
        outer.is_some_and(|outer| is_cursor(&self.caller.frame, outer, work.ty))
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
}
