//! Copying a checked reply back.

use super::copies::Copy;
use super::decode::{Checked, alias, moved_to};
use super::encode::whole;
use super::walk::{Met, Sink, Walk};
use super::{Caller, Outcome, Pending, Root, Sent, Shared};
use crate::marshal::memory::CallerMemory;
use crate::marshal::wire::Block;
use crate::marshal::{MOVED_TO_NULL, MarshalError, UNCHANGED, constant_value};
use crate::types::{Identity, Ownership, Pointer, Type};

pub(super) fn apply<M: CallerMemory>(
    caller: &Caller,
    memory: &mut M,
    pending: &Pending,
    descriptors: &[i32],
    result: u64,
    checked: &Checked<'_>,
) -> Result<Outcome, MarshalError> {
    let kept = vec![0; checked.claims.len()];
    let mut applier = Applier {
        caller,
        memory,
        pending,
        descriptors,
        checked,
        kept,
        destination: Destination::Memory(0),
    };
    applier.keep_returned()?;
    if checked.success {
        for (index, (block, sent)) in checked
            .body
            .blocks
            .iter()
            .zip(pending.leaving())
            .enumerate()
        {
            applier.leaving(index, *block, sent)?;
        }
    }
    applier.result(result)?;
    let no_errno = caller.frame.contract().no_errno;
    let errno = if no_errno {
        pending.errno
    } else {
        checked.body.errno
    };
    Ok(Outcome {
        errno,
        success: checked.success,
    })
}

pub(super) struct Applier<'a, M> {
    pub(super) caller: &'a Caller,
    pub(super) memory: &'a mut M,
    pub(super) pending: &'a Pending,
    descriptors: &'a [i32],
    pub(super) checked: &'a Checked<'a>,
    /// By returned block: where the program's copy is; of one that is copied behind another, from the
    /// start of that one.
    pub(super) kept: Vec<u64>,
    pub(super) destination: Destination,
}

/// Where the values that are walked go.
pub(super) enum Destination {
    /// The caller's memory from this address on.
    Memory(u64),
    /// A copy in the making.
    Copy(Copy),
}

impl<M: CallerMemory> Applier<'_, M> {
    fn leaving(
        &mut self,
        index: usize,
        block: Block,
        (number, sent): (u32, &Sent),
    ) -> Result<(), MarshalError> {
        let caller = self.caller;
        let checked = self.checked;
        let next = checked.references.get(index).copied().unwrap_or(0);
        if let Some(done) = self.resident_block(block, (number, sent), next) {
            return done;
        }
        let Some(pointer) = caller.pointer(sent.ty) else {
            return Ok(());
        };
        let plan = caller.plans.of(pointer.target);
        if block.length == 0 {
            return Ok(());
        }
        let failed = |error| MarshalError::memory(&caller.place(sent.root), error);
        match sent.shared {
            Some(Shared::Own(_)) => return Ok(()),
            Some(Shared::Staged(place)) => {
                let length = block.length as u64;
                let done = self.memory.fetch(place, sent.address, length);
                return done.map_err(failed);
            }
            None => {}
        }
        if plan.bulk {
            let done = self
                .memory
                .write(sent.address, checked.body.contents(block));
            return done.map_err(failed);
        }
        self.destination = Destination::Memory(sent.address);
        let next = checked.references.get(index).copied().unwrap_or(0);
        let inout = pointer.direction.enters().then_some(number);
        let mut walk = Walk {
            body: &checked.body,
            next,
            root: sent.root,
            inout,
            returned: None,
        };
        let count = whole(block.length as u64, plan.callee_size).unwrap_or(0);
        walk.elements(plan, block.start, count, self)
    }

    fn result(&mut self, address: u64) -> Result<(), MarshalError> {
        let caller = self.caller;
        let checked = self.checked;
        let ty = caller.frame.result();
        if address == 0 || matches!(caller.frame.ty(ty), Type::Void) {
            return Ok(());
        }
        self.destination = Destination::Memory(address);
        let mut walk = Walk {
            body: &checked.body,
            next: 0,
            root: Root::Result,
            inout: None,
            returned: None,
        };
        walk.elements(caller.plans.of(ty), checked.body.front.start, 1, self)
    }

    /// Where a pointer of the caller's leads now; `None` where the function left it alone.
    pub(super) fn moved(&self, at: u64, met: Met) -> Option<u64> {
        match met.reference {
            // Where no pointer was sent there is none: it is NULL, or another member of a union was
            // there, whose bytes must not become a pointer.
            0 => match self.pending.child_as(met.ty, (met.inout?, at)) {
                Some(_) => None,
                None => Some(0),
            },
            MOVED_TO_NULL => Some(0),
            reference => {
                let sent = self.pending.child_as(met.ty, (met.inout?, at))?;
                moved_to(self.caller, sent, reference)
            }
        }
    }

    /// The function freed a buffer of the program's and put nothing in its place.
    fn discard(&mut self, pointer: &Pointer, at: u64, met: Met) {
        let old = met
            .inout
            .and_then(|number| self.pending.child_as(met.ty, (number, at)));
        if let (Some(old), Ownership::Owned(_)) = (old, &pointer.ownership) {
            self.memory.discard(old.address);
        }
    }

    pub(super) fn write_pointer(
        &mut self,
        at: u64,
        value: u64,
        root: Root,
    ) -> Result<(), MarshalError> {
        let size = usize::from(self.caller.caller.model().pointer.size).min(8);
        self.bytes(at, &value.to_le_bytes()[..size], root)
    }
}

impl<M: CallerMemory> Sink for Applier<'_, M> {
    fn bytes(&mut self, at: u64, bytes: &[u8], root: Root) -> Result<(), MarshalError> {
        match &mut self.destination {
            Destination::Memory(base) => self
                .memory
                .write(base.wrapping_add(at), bytes)
                .map_err(|error| MarshalError::memory(&self.caller.place(root), error)),
            Destination::Copy(copy) => {
                copy.put(at, bytes);
                Ok(())
            }
        }
    }

    fn pointer(&mut self, at: u64, met: Met) -> Result<(), MarshalError> {
        let Some(pointer) = self.caller.pointer(met.ty) else {
            return Ok(());
        };
        let value = match &pointer.identity {
            Identity::Data if pointer.ownership.is_callers() && met.returned.is_none() => {
                match self.moved(at, met) {
                    Some(address) => address,
                    None => return Ok(()),
                }
            }
            Identity::Data if met.reference == UNCHANGED && met.inout.is_some() => return Ok(()),
            Identity::Data if met.reference == 0 => {
                self.discard(pointer, at, met);
                0
            }
            Identity::Data => self.copy_of(at, met.reference),
            Identity::Alias(into) => {
                alias(self.caller, self.pending, *into, met.reference).unwrap_or(0)
            }
            Identity::Handle(_) if met.reference == 0 => 0,
            Identity::Handle(handle) => match constant_value(&handle.constants, met.reference) {
                Some(value) => value,
                None => {
                    let record = self.caller.frame.object_name(pointer);
                    let token = self.memory.handle_token(met.reference, record);
                    let failed = |error| MarshalError::memory(&self.caller.place(met.root), error);
                    token.map_err(failed)?
                }
            },
            Identity::Opaque => met.reference,
            Identity::Callback(_) if met.reference == UNCHANGED && met.inout.is_some() => {
                return Ok(());
            }
            Identity::Callback(callback) => {
                constant_value(&callback.constants, met.reference).unwrap_or(0)
            }
        };
        self.write_pointer(at, value, met.root)
    }

    fn descriptor(&mut self, at: u64, reference: u64, root: Root) -> Result<(), MarshalError> {
        let value = match i32::try_from(reference as i64) {
            Ok(value) if value < 0 => value,
            _ => usize::try_from(reference)
                .ok()
                .and_then(|index| self.descriptors.get(index))
                .copied()
                .unwrap_or(-1),
        };
        self.bytes(at, &value.to_le_bytes(), root)
    }
}
