//! Blocks that came back because a pointer leads to them: whether each is as large as the prototype
//! says, and ends as it says.

use super::{Checker, Claim};
use crate::expression::Expression;
use crate::marshal::MarshalError;
use crate::marshal::caller::encode::whole;
use crate::marshal::caller::walk::Walk;
use crate::marshal::evaluate::Failure;
use crate::marshal::image::first_terminator;
use crate::marshal::plan::Plan;
use crate::marshal::wire::Block;
use crate::types::{Extent, Filled, Pointer};

impl Checker<'_> {
    pub(super) fn returned_block(
        &mut self,
        number: usize,
        block: Option<Block>,
        claim: Claim,
        next: usize,
    ) -> Result<usize, MarshalError> {
        let (Some(pointer), Some(block)) = (self.caller.pointer(claim.ty), block) else {
            return Err(MarshalError::Malformed(
                "a reference to a block that is not there",
            ));
        };
        let plan = self.caller.plans.of(pointer.target);
        let length = block.length as u64;
        let complete = match self.valid(pointer, plan, &claim)? {
            Some(valid) => length == valid && length <= block.capacity,
            None => length == block.capacity,
        };
        if !complete {
            return Err(self.protocol(claim.root, "what came back is incomplete"));
        }
        let reach = block.capacity;
        if plan.caller_bytes(reach).is_none() {
            return Err(self.protocol(claim.root, "the last element is incomplete"));
        }
        let good = match &pointer.extent {
            Extent::Single => reach == plan.callee_size,
            // Pointers have left their places: their references tell, below.
            Extent::NullTerminated if self.leads_to_pointers(pointer) => true,
            Extent::NullTerminated => self.terminated(block, plan, 0),
            Extent::TerminatedBy(value) => self.terminated(block, plan, *value as u64),
            Extent::Counted(extent) => self.amounts(extent, plan.callee_size, &claim, reach)?,
            Extent::Sized(extent) => self.amounts(extent, 1, &claim, reach)?,
            Extent::EndedBy(_) => false,
        };
        if !good {
            let reason = format!("{length} bytes do not fit what the prototype says of its extent");
            return Err(self.protocol(claim.root, &reason));
        }
        let count = match plan.bulk {
            true => return Ok(next),
            false => self.whole(length, plan, claim.root)?,
        };
        if !plan.checked {
            return Ok(next);
        }
        let mut walk = Walk {
            body: self.body,
            next,
            root: claim.root,
            inout: None,
            returned: Some(number),
        };
        walk.elements(plan, block.start, count, self)?;
        let after = walk.next;
        if pointer.extent == Extent::NullTerminated
            && self.leads_to_pointers(pointer)
            && !self.null_terminated(next, count)
        {
            return Err(self.protocol(
                claim.root,
                "an array of pointers that does not end with NULL",
            ));
        }
        Ok(after)
    }

    /// The root of what the block of claim `number` belongs to.
    pub(super) fn tree(&self, number: usize) -> usize {
        let claim = self.claims.get(number);
        claim.and_then(|claim| claim.within).unwrap_or(number)
    }

    /// How many bytes are valid of a buffer that the function may have replaced; `None` where all
    /// are.
    fn valid(
        &self,
        pointer: &Pointer,
        plan: &Plan,
        claim: &Claim,
    ) -> Result<Option<u64>, MarshalError> {
        let Some(Filled::Amount(filled)) = &pointer.filled else {
            return Ok(None);
        };
        let unit = match pointer.extent {
            Extent::Sized(_) => 1,
            _ => plan.callee_size,
        };
        let amount = match self.evaluate(filled, claim.record) {
            Ok(amount) => amount.max(0),
            Err(Failure::Null) => 0,
            Err(_) => return Err(self.protocol(claim.root, "how much was filled overflows")),
        };
        let bytes = amount.checked_mul(i128::from(unit));
        let bytes = bytes.and_then(|bytes| u64::try_from(bytes).ok());
        match bytes {
            Some(bytes) => Ok(Some(bytes)),
            None => Err(self.protocol(claim.root, "how much was filled overflows")),
        }
    }

    fn leads_to_pointers(&self, pointer: &Pointer) -> bool {
        self.caller.pointer(pointer.target).is_some()
    }

    /// Whether a block ends with its first terminator.
    fn terminated(&self, block: Block, plan: &Plan, terminator: u64) -> bool {
        let bytes = self.body.contents(block);
        first_terminator(bytes, plan.callee_size, terminator) == Some(block.length as u64)
    }

    /// Whether of the `count` pointers of a block, whose references begin at `first`, the last is the
    /// first that is NULL.
    fn null_terminated(&self, first: usize, count: u64) -> bool {
        let mut references = (first..).take(count as usize);
        let null = references.position(|index| matches!(self.body.reference(index), Ok(0)));
        null.is_some_and(|null| null as u64 + 1 == count)
    }

    fn amounts(
        &self,
        extent: &Expression,
        unit: u64,
        claim: &Claim,
        length: u64,
    ) -> Result<bool, MarshalError> {
        if extent.queries().next().is_some() {
            // Only the VM could ask: any whole number of elements may be the answer.
            return Ok(whole(length, unit).is_some());
        }
        match self.evaluate(extent, claim.record) {
            Ok(amount) => {
                Ok(amount.max(0).checked_mul(i128::from(unit)) == Some(i128::from(length)))
            }
            Err(Failure::Null) => Ok(length == 0),
            Err(_) => Err(self.protocol(claim.root, "its size overflows")),
        }
    }
}
