//! Both ends of a call in one process, with memory that knows what may be touched.

mod arena;
mod brief;
mod buffers;
pub(crate) mod build;
mod callbacks;
mod compact;
mod corpus;
mod extents;
mod handles;
mod hostile;
mod in_line;
mod kept;
mod lists;
mod model;
mod moved;
mod numbers;
mod property;
mod records;
mod residents;
mod shared;
mod standing;
mod unions;
mod vm;

use super::{Callee, Caller, MarshalError, Outcome};
use crate::{CallFrame, DataModel};
use arena::Arena;
use std::sync::Arc;
use vm::{Function, Machine};

/// A function, a client of `caller`'s model and a VM of `callee`'s.
struct Link {
    caller: Caller,
    callee: Callee,
}

/// A call that returned.
struct Returned {
    outcome: Outcome,
    /// The result in the caller's representation.
    result: Vec<u8>,
}

impl Link {
    fn new(frame: &Arc<CallFrame>, caller: DataModel, callee: DataModel) -> Link {
        let caller = Caller::new(Arc::clone(frame), caller, callee).unwrap();
        let callee = Callee::new(caller.callee_template().clone());
        Link { caller, callee }
    }

    fn native(frame: &Arc<CallFrame>) -> Link {
        Link::new(frame, DataModel::LP64, DataModel::LP64)
    }

    /// Puts argument values (their bytes) into the caller's memory and calls.
    fn call(
        &self,
        arena: &mut Arena,
        machine: &mut Machine,
        arguments: &[Vec<u8>],
        function: impl FnOnce(&mut Function<'_>),
    ) -> Result<Returned, MarshalError> {
        let addresses: Vec<u64> = arguments
            .iter()
            .map(|bytes| arena.constant(bytes))
            .collect();
        let size = self.caller.caller_template().result().size as usize;
        let result = arena.writable(&vec![0xee; size]);
        let mut request = Vec::new();
        let mut descriptors = Vec::new();
        let pending = self
            .caller
            .encode(arena, &addresses, 7, &mut request, &mut descriptors)?;
        machine.received = descriptors;
        let reply = self.serve(machine, &request, function)?;
        let left = std::mem::take(&mut machine.left);
        let outcome = self.caller.decode(arena, &pending, &reply, &left, result)?;
        Ok(Returned {
            outcome,
            result: arena.bytes(result, size),
        })
    }

    /// What the VM does with a request.
    fn serve(
        &self,
        machine: &mut Machine,
        request: &[u8],
        function: impl FnOnce(&mut Function<'_>),
    ) -> Result<Vec<u8>, MarshalError> {
        let mut image = self.callee.decode(request, machine)?;
        image.relocate(vm::IMAGE);
        let mut result = vec![0; (self.callee.template().result().size as usize).max(16)];
        let mut errno = image.errno();
        function(&mut Function {
            template: self.callee.template(),
            image: &mut image,
            machine,
            result: &mut result,
            errno: &mut errno,
        });
        let mut reply = Vec::new();
        self.callee
            .encode_reply(&image, machine, errno, &result, &mut reply)?;
        Ok(reply)
    }
}

/// A pointer argument.
fn pointer(address: u64) -> Vec<u8> {
    address.to_le_bytes().to_vec()
}
