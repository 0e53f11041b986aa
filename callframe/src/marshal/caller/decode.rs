//! Whether a reply is one that the function may give: everything a VM sent, looked at before any of
//! it is used.

use super::known::Known;
use super::{Caller, Fill, Pending, Pointee, Root, Sent};
use crate::expression::Expression;
use crate::marshal::evaluate::{Failure, Operand, field, outer, size_of};
use crate::marshal::image::{first_terminator, integer};
use crate::marshal::memory::CallerMemory;
use crate::marshal::plan::Plan;
use crate::marshal::wire::{Block, Body};
use crate::marshal::{MOVED_TO_NULL, MarshalError, UNCHANGED, constant_value};
use crate::types::{Extent, Identity, Pointer, RecordId, Type, TypeId};

use super::encode::whole;
use super::walk::{Met, Sink, Walk};
use std::collections::HashMap;

mod remaining;
mod returned;

/// A reply that was found good.
pub(super) struct Checked<'a> {
    pub body: Body<'a>,
    /// Whether outputs are copied back.
    pub success: bool,
    /// By block: its first reference.
    pub references: Vec<usize>,
    /// By returned block: the pointer that leads to it.
    pub claims: Vec<Claim>,
    /// What is known of objects after the call.
    pub known: Vec<Known>,
    /// The handles: each with its pointer, and for messages where that is.
    handles: Vec<(u64, TypeId, Root)>,
}

/// A pointer that leads to a returned block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claim {
    pub ty: TypeId,
    pub root: Root,
    /// The record the pointer is a member of, and where that begins in the reply.
    record: Option<(RecordId, usize)>,
    /// The claim of the block that it belongs to and is copied with, if to one: the root of all that
    /// belongs together.
    pub within: Option<usize>,
    /// The block of the request that it replaces.
    pub replaces: Option<u32>,
    /// Whether it came in a block that was sent with contents.
    pub inout: bool,
}

impl Checked<'_> {
    /// Whether each handle is one that the program can have, before anything is written.
    pub fn handles<M: CallerMemory>(
        &self,
        caller: &Caller,
        memory: &M,
    ) -> Result<(), MarshalError> {
        for &(wire, ty, root) in &self.handles {
            let pointer = caller.pointer(ty);
            let record = pointer.and_then(|pointer| caller.frame.object_name(pointer));
            let token = memory.handle_token(wire, record);
            token.map_err(|error| MarshalError::memory(&caller.place(root), error))?;
        }
        Ok(())
    }

    /// Number of blocks before the first returned one.
    pub fn leaving(&self) -> usize {
        self.body.blocks.len() - self.claims.len()
    }
}

pub(super) fn check<'a>(
    caller: &Caller,
    pending: &Pending,
    known: Vec<Known>,
    reply: &'a [u8],
    descriptors: &[i32],
) -> Result<Checked<'a>, MarshalError> {
    let mut body = Body::parse(reply, caller.callee.result().size)?;
    super::shared::filled(pending, &mut body)?;
    let leaving = pending.leaving().count();
    let mut checker = Checker {
        caller,
        pending,
        body: &body,
        leaving,
        claims: Vec::new(),
        moved: HashMap::new(),
        known,
        handles: Vec::new(),
        descriptors: descriptors.len(),
        next_descriptor: 0,
    };
    let mut references = Vec::with_capacity(body.blocks.len());
    let mut next = checker.result()?;
    checker.capacities()?;
    let success = checker.success()?;
    for (block, (number, sent)) in body.blocks.iter().zip(pending.leaving()) {
        references.push(next);
        next = checker.leaving_block(*block, (number, sent), success, next)?;
    }
    let mut returned = 0;
    while let Some(&claim) = checker.claims.get(returned) {
        references.push(next);
        let block = body.blocks.get(leaving + returned).copied();
        next = checker.returned_block(returned, block, claim, next)?;
        returned += 1;
    }
    let Checker {
        claims,
        known,
        handles,
        next_descriptor,
        ..
    } = checker;
    if leaving + returned != body.blocks.len() {
        return Err(MarshalError::Malformed("a block that nothing names"));
    }
    if next != body.references() {
        return Err(MarshalError::Malformed("references are left over"));
    }
    if next_descriptor != descriptors.len() {
        return Err(MarshalError::Malformed("descriptors that nothing names"));
    }
    Ok(Checked {
        body,
        success,
        references,
        claims,
        known,
        handles,
    })
}

pub(super) struct Checker<'a> {
    pub(super) caller: &'a Caller,
    pending: &'a Pending,
    pub(super) body: &'a Body<'a>,
    leaving: usize,
    claims: Vec<Claim>,
    /// By block of the request and place in it: the reference of a pointer that was moved.
    moved: HashMap<(u32, u64), u64>,
    pub(super) known: Vec<Known>,
    handles: Vec<(u64, TypeId, Root)>,
    descriptors: usize,
    next_descriptor: usize,
}

impl Checker<'_> {
    /// Checks the result; answers the number of its references.
    fn result(&mut self) -> Result<usize, MarshalError> {
        let ty = self.caller.frame.result();
        let plan = self.caller.plans.of(ty);
        if matches!(self.caller.frame.ty(ty), Type::Void) || !plan.checked {
            return Ok(0);
        }
        let body = self.body;
        let mut walk = Walk {
            body,
            next: 0,
            root: Root::Result,
            inout: None,
            returned: None,
        };
        walk.elements(plan, body.front.start, 1, self)?;
        Ok(walk.next)
    }

    /// Every block that was sent to come back did, with the size it was sent with.
    fn capacities(&self) -> Result<(), MarshalError> {
        if self.body.blocks.len() < self.leaving {
            return Err(MarshalError::Malformed("too few blocks"));
        }
        for (block, (_, sent)) in self.body.blocks.iter().zip(self.pending.leaving()) {
            if block.capacity != sent.capacity {
                return Err(self.protocol(sent.root, "a buffer has changed its size"));
            }
        }
        Ok(())
    }

    fn success(&self) -> Result<bool, MarshalError> {
        let Some(success) = &self.caller.frame.contract().success else {
            return Ok(true);
        };
        match self.evaluate(success, None) {
            Ok(value) => Ok(value != 0),
            // It follows a pointer that is NULL: nothing can say that it failed.
            Err(Failure::Null) => Ok(true),
            Err(_) => Err(self.protocol(Root::Result, "'__success' has no value")),
        }
    }

    fn leaving_block(
        &mut self,
        block: Block,
        (number, sent): (u32, &Sent),
        success: bool,
        next: usize,
    ) -> Result<usize, MarshalError> {
        if let Some(done) = self.resident_block(block, (number, sent), success, next) {
            return done;
        }
        let Some(pointer) = self.caller.pointer(sent.ty) else {
            return Ok(next);
        };
        let plan = self.caller.plans.of(pointer.target);
        let watched = sent
            .parameter
            .and_then(|index| self.caller.plans.watched.get(index as usize));
        let filled = match success || watched == Some(&true) {
            true => self.filled(block, sent, plan)?,
            false => 0,
        };
        if block.length as u64 != filled {
            let reason = format!(
                "{} bytes came back where {filled} were filled",
                block.length
            );
            return Err(self.protocol(sent.root, &reason));
        }
        if sent.shared.is_some() {
            return Ok(next);
        }
        self.still_ends(block, sent, pointer, plan)?;
        if !plan.checked {
            return Ok(next);
        }
        let count = self.whole(block.length as u64, plan, sent.root)?;
        let body = self.body;
        let inout = pointer.direction.enters().then_some(number);
        let mut walk = Walk {
            body,
            next,
            root: sent.root,
            inout,
            returned: None,
        };
        walk.elements(plan, block.start, count, self)?;
        Ok(walk.next)
    }

    /// Bytes of a block that the function filled, by what it answered.
    fn filled(&self, block: Block, sent: &Sent, plan: &Plan) -> Result<u64, MarshalError> {
        let Some(pointer) = self.caller.pointer(sent.ty) else {
            return Ok(0);
        };
        if let Some(moved) = self.moved_over(sent) {
            return Ok(moved);
        }
        let expression = match super::fill(&self.caller.frame, pointer) {
            None => return Ok(sent.capacity),
            Some(Fill::Until(_)) if sent.shared.is_some() => return Ok(sent.capacity),
            Some(Fill::Until(terminator)) => {
                let bytes = self.body.contents(block);
                let end = first_terminator(bytes, plan.callee_size, terminator);
                return Ok(end.unwrap_or(sent.capacity));
            }
            Some(Fill::Amount(expression)) => expression,
        };
        let unit = match pointer.extent {
            Extent::Sized(_) => 1,
            _ => plan.callee_size,
        };
        let amount = match self.evaluate(expression, None) {
            Ok(amount) => amount.max(0),
            Err(Failure::Null) => return Ok(sent.capacity),
            Err(_) => return Err(self.protocol(sent.root, "how much was filled overflows")),
        };
        let bytes = amount
            .checked_mul(i128::from(unit))
            .and_then(|bytes| u64::try_from(bytes).ok());
        match bytes {
            Some(bytes) if bytes <= sent.capacity => {
                if !plan.bulk {
                    self.whole(bytes, plan, sent.root)?;
                }
                Ok(bytes)
            }
            _ => {
                let reason = format!(
                    "{amount} were filled of a buffer of {} bytes",
                    sent.capacity
                );
                Err(self.protocol(sent.root, &reason))
            }
        }
    }

    /// Bytes between where the pointer to a block led and where it leads now; `None` where they say
    /// nothing of how much was filled.
    fn moved_over(&self, sent: &Sent) -> Option<u64> {
        match sent.parent.and_then(|place| self.moved.get(&place)) {
            Some(&MOVED_TO_NULL) => Some(sent.capacity),
            Some(reference) => Some(reference - 1),
            None if sent.cursor => Some(0),
            None => None,
        }
    }

    /// Whether a pointer that was not NULL was sent at this place of a block.
    fn came(&self, at: u64, met: Met) -> bool {
        let place = met.inout.map(|number| (number, at));
        place.is_some_and(|place| self.pending.child_as(met.ty, place).is_some())
    }

    /// A pointer of the caller's that the function moved: within its buffer, or to NULL.
    pub(super) fn moved(&mut self, at: u64, met: Met) -> Result<(), MarshalError> {
        let place = met.inout.map(|number| (number, at));
        let sent = place.and_then(|place| self.pending.child_as(met.ty, place));
        let (Some(place), Some(sent)) = (place, sent) else {
            return Err(self.protocol(met.root, "a pointer for the caller's own"));
        };
        if met.reference != MOVED_TO_NULL && moved_to(self.caller, sent, met.reference).is_none() {
            return Err(self.protocol(met.root, "a pointer moved out of its buffer"));
        }
        self.moved.insert(place, met.reference);
        Ok(())
    }

    fn evaluate(
        &self,
        expression: &Expression,
        record: Option<(RecordId, usize)>,
    ) -> Result<i128, Failure> {
        self.caller.evaluate(expression, |operand| match operand {
            Operand::Parameter(index) => self.pending.parameter(index),
            Operand::Pointee(index) => self.pointee(index),
            Operand::Field(index) => field(&self.caller.callee, self.body.bytes, index, record),
            Operand::Outer(index) => outer(&self.pending.outer, index),
            Operand::Return => self.returned(),
            Operand::SizeOf(ty) => size_of(&self.caller.callee, ty),
        })
    }

    /// What parameter `index` leads to after the call.
    fn pointee(&self, index: u32) -> Result<i128, Failure> {
        let before = self.pending.pointee(index);
        let Some((number, sent)) = self.pending.block_of(index) else {
            return before.value();
        };
        if before == Pointee::Null || !sent.leaves {
            return before.value();
        }
        let earlier = self.pending.blocks.get(..number).unwrap_or_default();
        let place = earlier.iter().filter(|sent| sent.leaves).count();
        let block = self.body.blocks.get(place).ok_or(Failure::Absent)?;
        let (size, signed) = self.caller.pointee_integer(index).ok_or(Failure::Absent)?;
        if block.length < size {
            return Err(Failure::Absent);
        }
        Ok(integer(self.body.bytes, block.start, size, signed))
    }

    fn returned(&self) -> Result<i128, Failure> {
        let frame = &self.caller.frame;
        match frame.ty(frame.result()) {
            Type::Scalar(scalar) => {
                let front = &self.body.front;
                Ok(integer(
                    self.body.bytes,
                    front.start,
                    front.len(),
                    scalar.is_signed(),
                ))
            }
            Type::Pointer(_) => {
                let reference = self.body.reference(0).map_err(|_| Failure::Absent)?;
                Ok(i128::from(reference != 0))
            }
            Type::Descriptor => {
                let reference = self.body.reference(0).map_err(|_| Failure::Absent)?;
                Ok(i128::from((reference as i64).min(0)))
            }
            _ => Err(Failure::Absent),
        }
    }

    fn whole(&self, bytes: u64, plan: &Plan, root: Root) -> Result<u64, MarshalError> {
        whole(bytes, plan.callee_size)
            .ok_or_else(|| self.protocol(root, "the last element is incomplete"))
    }

    /// Text of the program's that has no other bound still ends where it ended, or before.
    fn still_ends(
        &self,
        block: Block,
        sent: &Sent,
        pointer: &Pointer,
        plan: &Plan,
    ) -> Result<(), MarshalError> {
        let terminator = match pointer.extent {
            Extent::NullTerminated => 0,
            Extent::TerminatedBy(value) => value as u64,
            _ => return Ok(()),
        };
        let bytes = self.body.contents(block);
        if bytes.is_empty()
            || self.caller.pointer(pointer.target).is_some()
            || first_terminator(bytes, plan.callee_size, terminator).is_some()
        {
            return Ok(());
        }
        Err(self.wrong(sent.root, "it has no end any more"))
    }

    /// A pointer to a block that the function made, which is read when all that leads to it is.
    fn claim(&mut self, at: u64, met: Met, pointer: &Pointer) -> Result<(), MarshalError> {
        if met.reference != (self.leaving + self.claims.len()) as u64 + 1 {
            return Err(self.protocol(met.root, "a reference out of order"));
        }
        let parts = met.returned.filter(|_| pointer.ownership.is_callers());
        let came = met.inout.filter(|_| self.came(at, met));
        self.claims.push(Claim {
            ty: met.ty,
            root: met.root,
            record: met.record,
            within: parts.map(|outer| self.tree(outer)),
            replaces: came.and_then(|number| self.pending.child_number((number, at))),
            inout: met.inout.is_some(),
        });
        Ok(())
    }

    pub(super) fn protocol(&self, root: Root, reason: &str) -> MarshalError {
        MarshalError::protocol(&self.caller.place(root), reason)
    }

    /// What an honest VM may have sent whose library left it so.
    pub(super) fn wrong(&self, root: Root, reason: &str) -> MarshalError {
        MarshalError::callee(&self.caller.place(root), reason)
    }
}

impl Sink for Checker<'_> {
    fn bytes(&mut self, _at: u64, _bytes: &[u8], _root: Root) -> Result<(), MarshalError> {
        Ok(())
    }

    fn pointer(&mut self, at: u64, met: Met) -> Result<(), MarshalError> {
        let Some(pointer) = self.caller.pointer(met.ty) else {
            return Ok(());
        };
        match &pointer.identity {
            Identity::Handle(_) if met.reference == 0 => Ok(()),
            Identity::Handle(_) if is_handle(met.reference) => {
                self.handles.push((met.reference, met.ty, met.root));
                Ok(())
            }
            Identity::Handle(handle)
                if constant_value(&handle.constants, met.reference).is_some() =>
            {
                Ok(())
            }
            Identity::Handle(_) => Err(self.protocol(met.root, "a handle that no VM may send")),
            Identity::Opaque => {
                let bits = 8 * u32::from(self.caller.caller.model().pointer.size);
                match bits < 64 && met.reference >> bits != 0 {
                    true => Err(self.protocol(met.root, "a cookie that was never given")),
                    false => Ok(()),
                }
            }
            Identity::Callback(_) if met.reference == 0 => Ok(()),
            Identity::Callback(_) if met.reference == UNCHANGED && met.inout.is_some() => Ok(()),
            Identity::Callback(callback) => {
                match constant_value(&callback.constants, met.reference) {
                    Some(_) => Ok(()),
                    None => Err(self.protocol(met.root, "a function")),
                }
            }
            Identity::Alias(into) => match alias(self.caller, self.pending, *into, met.reference) {
                Some(_) => Ok(()),
                None => Err(self.protocol(met.root, "a pointer outside of what it is an alias of")),
            },
            Identity::Data if pointer.ownership.is_callers() && met.returned.is_none() => {
                if met.reference != 0 {
                    self.moved(at, met)?;
                }
                self.reaches(at, met, pointer)
            }
            Identity::Data if met.reference == 0 => Ok(()),
            Identity::Data if met.reference == UNCHANGED && self.came(at, met) => {
                self.reaches(at, met, pointer)
            }
            Identity::Data => self.claim(at, met, pointer),
        }
    }

    fn descriptor(&mut self, _at: u64, reference: u64, root: Root) -> Result<(), MarshalError> {
        let value = reference as i64;
        if value < 0 && i32::try_from(value).is_ok() {
            return Ok(());
        }
        if reference != self.next_descriptor as u64 || self.next_descriptor >= self.descriptors {
            return Err(self.protocol(root, "a descriptor that did not come with it"));
        }
        self.next_descriptor += 1;
        Ok(())
    }
}

/// Whether a number has the form of a handle: 24 bits of generation, then 24 of index + 1.
pub(super) fn is_handle(wire: u64) -> bool {
    wire >> 48 == 0 && wire & 0xff_ffff != 0
}

/// The caller's address for a reference to an alias of what parameter `into` leads to; `None` where
/// that is outside.
pub(super) fn alias(caller: &Caller, pending: &Pending, into: u32, reference: u64) -> Option<u64> {
    let Some(offset) = reference.checked_sub(1) else {
        return Some(0);
    };
    let (_, sent) = pending.block_of(into)?;
    if offset > sent.capacity {
        return None;
    }
    let plan = caller.plans.of(caller.pointer(sent.ty)?.target);
    sent.address.checked_add(plan.caller_bytes(offset)?)
}

/// The caller's address for a reference to a place in the buffer that a pointer led to; `None`
/// where that is outside, or inside an element.
pub(super) fn moved_to(caller: &Caller, sent: &Sent, reference: u64) -> Option<u64> {
    let offset = reference.checked_sub(1)?;
    if offset > sent.capacity {
        return None;
    }
    let plan = caller.plans.of(caller.pointer(sent.ty)?.target);
    whole(offset, plan.callee_size)?;
    sent.address.checked_add(plan.caller_bytes(offset)?)
}
