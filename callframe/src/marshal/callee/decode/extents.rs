//! Whether the blocks of a request are as large as the prototype says for the numbers in it.

use super::Decoder;
use crate::marshal::MarshalError;
use crate::marshal::evaluate::Failure;
use crate::marshal::image::ImageBlock;
use crate::marshal::memory::CalleeMemory;
use crate::types::{Direction, Extent, Filled, Pointer};

impl<M: CalleeMemory> Decoder<'_, M> {
    /// Whether blocks whose extent is an expression have the size it says: a function that is told
    /// `n` gets a buffer of `n`.
    pub(super) fn extents(&self) -> Result<(), MarshalError> {
        for block in &self.image.blocks {
            let Some(owner) = block.owner else { continue };
            let Some(pointer) = self.callee.pointer(owner.ty) else {
                continue;
            };
            let (expression, unit) = match &pointer.extent {
                Extent::Counted(expression) => {
                    (expression, self.callee.plans.of(pointer.target).callee_size)
                }
                Extent::Sized(expression) => (expression, 1),
                Extent::EndedBy(end) => {
                    self.ended(block, *end)?;
                    continue;
                }
                _ => continue,
            };
            let amount = match self.evaluate(expression, &owner) {
                Ok(amount) => amount.checked_mul(i128::from(unit)),
                Err(Failure::Null) => Some(0),
                Err(_) => None,
            };
            let short =
                |amount: i128| amount > block.capacity as i128 && self.ends_early(pointer, block);
            if amount != Some(block.capacity as i128) && !amount.is_some_and(short) {
                return Err(MarshalError::Malformed(
                    "a block of another size than its extent",
                ));
            }
        }
        Ok(())
    }

    /// Whether a block that only goes in ends at its terminator, before its capacity.
    fn ends_early(&self, pointer: &Pointer, block: &ImageBlock) -> bool {
        let unit = self.callee.plans.of(pointer.target).callee_size as usize;
        match (&pointer.filled, pointer.direction) {
            (Some(Filled::Until(terminator)), Direction::In) => {
                self.terminated(block, unit, *terminator as u64)
            }
            _ => false,
        }
    }

    /// Whether the pointer that ends a block points behind its last byte.
    fn ended(&self, block: &ImageBlock, end: u32) -> Result<(), MarshalError> {
        let slot = self.callee.template.arguments().get(end as usize);
        let position = slot.map(|slot| slot.offset as usize);
        let mut relocations = self.image.relocations.iter();
        let found = relocations.find(|entry| Some(entry.position) == position);
        match found {
            Some(entry) if entry.target == block.offset + block.capacity => Ok(()),
            _ => Err(MarshalError::Malformed(
                "an end that is not where the block ends",
            )),
        }
    }
}
