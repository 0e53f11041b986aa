//! Copies of what the VM's pointers lead to, made for the program.
//!
//! What belongs to a block that comes back with an owner (the nodes of a list, the texts in them) is
//! copied behind that block, into one piece of memory: whoever frees the first frees all of it.

use super::apply::{Applier, Destination};
use super::decode::Claim;
use super::encode::whole;
use super::walk::Walk;
use crate::marshal::memory::{CallerMemory, Keep};
use crate::marshal::{MarshalError, MemoryError};
use crate::template::align_up;
use crate::types::Ownership;

/// A copy in the making.
#[derive(Default)]
pub(super) struct Copy {
    bytes: Vec<u8>,
    /// Where the block that is copied now begins.
    start: u64,
    /// Where pointers to other parts of the copy lie, and how far from its start those begin.
    links: Vec<(u64, u64)>,
}

impl Copy {
    /// Puts bytes at `at` from the start of the block that is copied now.
    pub fn put(&mut self, at: u64, bytes: &[u8]) {
        let at = self.start.saturating_add(at) as usize;
        let end = at.saturating_add(bytes.len());
        if let Some(place) = self.bytes.get_mut(at..end) {
            place.copy_from_slice(bytes);
        }
    }
}

impl<'a, M: CallerMemory> Applier<'a, M> {
    /// Copies returned blocks for the program. A block comes after the one that leads to it, so
    /// from the last to the first every pointer finds its copy made.
    pub(super) fn keep_returned(&mut self) -> Result<(), MarshalError> {
        let claims = &self.checked.claims;
        let mut parts: Vec<Vec<usize>> = Vec::new();
        if claims.iter().any(|claim| claim.within.is_some()) {
            parts.resize_with(claims.len(), Vec::new);
            for (index, claim) in claims.iter().enumerate() {
                if let Some(parts) = claim.within.and_then(|root| parts.get_mut(root)) {
                    parts.push(index);
                }
            }
        }
        for (index, claim) in claims.iter().enumerate().rev() {
            if claim.within.is_some() {
                continue;
            }
            let parts = parts.get(index).map_or(&[][..], Vec::as_slice);
            let address = self.keep(index, claim, parts)?;
            if let Some(kept) = self.kept.get_mut(index) {
                *kept = address;
            }
        }
        Ok(())
    }

    /// Copies the block of a claim and, behind it, the parts that belong to it.
    fn keep(&mut self, root: usize, claim: &Claim, parts: &[usize]) -> Result<u64, MarshalError> {
        let keep = self.keeping(claim);
        let caller = self.caller;
        let failed = |error| MarshalError::memory(&caller.place(claim.root), error);
        if keep == Keep::Owned && claim.inout {
            return self.replace(root, claim);
        }
        if parts.is_empty()
            && let Some(bytes) = self.bulk(root)
        {
            return self.memory.keep(bytes, keep).map_err(failed);
        }
        let mut size = 0;
        for &part in std::iter::once(&root).chain(parts) {
            let start = align_up(size, 16).ok_or_else(|| failed(MemoryError::Exhausted))?;
            if let Some(place) = self.kept.get_mut(part) {
                *place = start;
            }
            size = start.saturating_add(self.size(part));
        }
        let size = usize::try_from(size).map_err(|_| failed(MemoryError::Exhausted))?;
        let mut copy = Copy {
            bytes: vec![0; size],
            ..Copy::default()
        };
        for &part in std::iter::once(&root).chain(parts) {
            copy.start = self.kept.get(part).copied().unwrap_or(0);
            copy = self.part(part, copy)?;
        }
        self.place(copy, keep).map_err(failed)
    }

    /// Puts a buffer that the function may have replaced into the program's own allocation.
    fn replace(&mut self, root: usize, claim: &Claim) -> Result<u64, MarshalError> {
        let (caller, checked) = (self.caller, self.checked);
        let place = caller.place(claim.root);
        let Some(pointer) = caller.pointer(claim.ty) else {
            return Ok(0);
        };
        let plan = caller.plans.of(pointer.target);
        let size = |bytes: u64| plan.caller_bytes(bytes).unwrap_or(0);
        let block = checked.body.blocks.get(checked.leaving() + root);
        let capacity = block.map_or(0, |block| size(block.capacity));
        let number = claim.replaces;
        let sent = number.and_then(|number| self.pending.blocks.get(number as usize));
        let (old, had) = sent.map_or((0, 0), |sent| (sent.address, size(sent.capacity)));
        let bytes = usize::try_from(self.size(root))
            .map_err(|_| MarshalError::memory(&place, MemoryError::Exhausted))?;
        let copy = Copy {
            bytes: vec![0; bytes],
            ..Copy::default()
        };
        let copy = self.part(root, copy)?;
        self.memory
            .replace(old, had, &copy.bytes, capacity)
            .map_err(|error| MarshalError::memory(&place, error))
    }

    /// Copies one block to its place.
    fn part(&mut self, part: usize, mut copy: Copy) -> Result<Copy, MarshalError> {
        if let Some(bytes) = self.bulk(part) {
            copy.put(0, bytes);
            return Ok(copy);
        }
        let (caller, checked) = (self.caller, self.checked);
        let number = checked.leaving() + part;
        let (Some(block), Some(claim)) = (
            checked.body.blocks.get(number).copied(),
            checked.claims.get(part),
        ) else {
            return Ok(copy);
        };
        let Some(pointer) = caller.pointer(claim.ty) else {
            return Ok(copy);
        };
        let plan = caller.plans.of(pointer.target);
        let count = whole(block.length as u64, plan.callee_size).unwrap_or(0);
        let mut walk = Walk {
            body: &checked.body,
            next: checked.references.get(number).copied().unwrap_or(0),
            root: claim.root,
            inout: None,
            returned: Some(part),
        };
        self.destination = Destination::Copy(copy);
        walk.elements(plan, block.start, count, self)?;
        match std::mem::replace(&mut self.destination, Destination::Memory(0)) {
            Destination::Copy(copy) => Ok(copy),
            Destination::Memory(_) => Ok(Copy::default()),
        }
    }

    /// Gives a copy to the program and makes the pointers inside of it real.
    fn place(&mut self, mut copy: Copy, keep: Keep) -> Result<u64, MemoryError> {
        if keep == Keep::Static {
            // Equal bytes share one copy: those whose pointers lie elsewhere must not be equal.
            for (position, _) in &copy.links {
                copy.bytes.extend(position.to_le_bytes());
            }
        }
        let address = self.memory.keep(&copy.bytes, keep)?;
        let size = usize::from(self.caller.caller.model().pointer.size).min(8);
        for (position, target) in copy.links {
            let value = address.wrapping_add(target).to_le_bytes();
            let value = value.get(..size).unwrap_or(&value);
            self.memory.write(address.wrapping_add(position), value)?;
        }
        Ok(address)
    }

    /// What a pointer at `at` to a returned block is in the program.
    pub(super) fn copy_of(&mut self, at: u64, reference: u64) -> u64 {
        let number = reference.checked_sub(self.checked.leaving() as u64 + 1);
        let Some(index) = number.and_then(|number| usize::try_from(number).ok()) else {
            return 0;
        };
        let kept = self.kept.get(index).copied().unwrap_or(0);
        let claim = self.checked.claims.get(index);
        match (&mut self.destination, claim.and_then(|claim| claim.within)) {
            (Destination::Copy(copy), Some(_)) => {
                copy.links.push((copy.start.saturating_add(at), kept));
                kept
            }
            _ => kept,
        }
    }

    /// How long a copy lasts.
    fn keeping(&self, claim: &Claim) -> Keep {
        let pointer = self.caller.pointer(claim.ty);
        match pointer.map(|pointer| &pointer.ownership) {
            Some(Ownership::Owned(_)) => Keep::Owned,
            Some(Ownership::Static) => Keep::Static,
            Some(Ownership::BorrowedFrom(parameter)) => {
                Keep::BorrowedFrom(self.pending.parameter(*parameter).unwrap_or(0) as u64)
            }
            _ => Keep::Borrowed,
        }
    }

    /// The contents of a block that need no conversion.
    fn bulk(&self, part: usize) -> Option<&'a [u8]> {
        let checked = self.checked;
        let claim = checked.claims.get(part)?;
        let block = checked.body.blocks.get(checked.leaving() + part)?;
        let plan = self.caller.plans.of(self.caller.pointer(claim.ty)?.target);
        plan.bulk.then(|| checked.body.contents(*block))
    }

    /// Bytes a block has in the program.
    fn size(&self, part: usize) -> u64 {
        let checked = self.checked;
        let block = checked.body.blocks.get(checked.leaving() + part);
        let pointer = checked
            .claims
            .get(part)
            .and_then(|claim| self.caller.pointer(claim.ty));
        let (Some(block), Some(pointer)) = (block, pointer) else {
            return 0;
        };
        let plan = self.caller.plans.of(pointer.target);
        if plan.bulk {
            return block.length as u64;
        }
        let count = whole(block.length as u64, plan.callee_size).unwrap_or(0);
        count.saturating_mul(plan.caller_size)
    }
}
