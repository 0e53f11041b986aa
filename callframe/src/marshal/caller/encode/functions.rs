//! Functions of the caller's that a call passes.

use super::Encoder;
use crate::marshal::MarshalError;
use crate::marshal::caller::Root;
use crate::marshal::memory::{CallerMemory, Given};
use crate::types::{Identity, TypeId};

/// A function that is passed, to be given its number when all integers of the call are known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Function {
    pub reference: usize,
    pub ty: TypeId,
    pub address: u64,
    pub root: Root,
}

impl<M: CallerMemory> Encoder<'_, M> {
    /// Gives the functions that are passed their numbers.
    pub(super) fn callbacks(&mut self) -> Result<(), MarshalError> {
        if self.scratch.callbacks.is_empty() {
            return Ok(());
        }
        let parameters = 0..self.caller.frame.parameters().len() as u32;
        let outer: Vec<i128> = parameters
            .map(|index| self.parameter(index).unwrap_or(0))
            .collect();
        for function in std::mem::take(&mut self.scratch.callbacks) {
            let scope = match self.caller.pointer(function.ty).map(|it| &it.identity) {
                Some(Identity::Callback(callback)) => callback.scope,
                _ => None,
            };
            let handles = &self.scratch.handles;
            let scope = scope.and_then(|index| handles.iter().find(|it| it.0 == index));
            let number = self.memory.callback(&Given {
                ty: function.ty,
                address: function.address,
                outer: &outer,
                scope: scope.map(|(_, wire)| *wire),
            });
            let number = number
                .map_err(|error| MarshalError::memory(&self.caller.place(function.root), error))?;
            if let Some(reference) = self.scratch.references.get_mut(function.reference) {
                *reference = number;
            }
        }
        Ok(())
    }
}
