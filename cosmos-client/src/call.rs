//! `cosmos_vfn`: how one call goes to a VM and comes back.
//!
//! The closures of the C face, [`Symbol::call`](crate::Symbol) and
//! [`Function::call`](crate::Function::call) all come here, with the addresses of the argument
//! values, as a C function finds them in its registers and on its stack.

use crate::channel::{self, Channel};
use crate::error::Error;
use crate::library::Target;
use crate::memory::{CallMemory, borrow_descriptors};
use crate::resolved::Resolved;
use crate::summary::summary;
use callframe::marshal::{MarshalError, MemoryError, Outcome, Pending};
use cosmos_rpc::message::REPLY;
use cosmos_rpc::message::vm::CALL;
use cosmos_rpc::{Blame, Fault, FaultCode, Frame};
use std::os::fd::{AsRawFd, IntoRawFd, RawFd};
use std::sync::Arc;

/// Calls `function` with the values at these addresses; writes its outputs, and its result, as
/// wide as C has it, to address `result` (0: nowhere).
///
/// # Safety
/// The arguments, and what they lead to, are memory as the prototype says: see
/// [`CallMemory::new`]. `result` is 0 or leads to room for the result.
pub(crate) unsafe fn invoke(
    function: &Resolved,
    arguments: &[u64],
    errno: i32,
    result: u64,
) -> Result<Outcome, Error> {
    let outcome = match function.library() {
        None => Err(closed(function)),
        Some(library) => library.usable().and_then(|()| {
            // SAFETY: the caller's promise.
            let mut memory = unsafe { CallMemory::new(library.shelf(), library.link().number()) };
            let outcome = Call {
                function,
                library: &library,
                arguments,
            }
            .carry(&mut memory, errno, result);
            memory.finish(function.id(), outcome.is_ok());
            outcome
        }),
    };
    outcome.map_err(|error| error.in_function(function.name()))
}

/// Writes what the function returns when a call of it fails.
///
/// # Safety
/// `result` is 0 or leads to room for the result.
pub(crate) unsafe fn fail(function: &Resolved, result: u64) {
    let shelf = crate::shelf::Shelf::default();
    let Some(number) = crate::token::VmNumber::new(1) else {
        return;
    };
    // SAFETY: only `result` is written.
    let mut memory = unsafe { CallMemory::new(&shelf, number) };
    function.caller().write_failure(&mut memory, result);
}

struct Call<'call> {
    function: &'call Resolved,
    library: &'call Arc<Target>,
    arguments: &'call [u64],
}

impl Call<'_> {
    fn carry(&self, memory: &mut CallMemory, errno: i32, result: u64) -> Result<Outcome, Error> {
        let link = self.library.link();
        let mut channel = channel::take(link, self.library.timeout())
            .map_err(|fault| self.lost(fault, memory))?;
        if let Err(error) = self.encode(memory, errno, &mut channel) {
            channel::park(link, channel);
            return Err(self.unmarshalled(error));
        }
        let mut frame = match self.send(&mut channel) {
            Ok(frame) => frame,
            Err(fault) if fault.blame == Blame::Caller => {
                // Refused before a byte went out: the channel is in step.
                channel::park(link, channel);
                return Err(link.named(fault));
            }
            Err(fault) => return Err(self.lost(fault, memory)),
        };
        let answer = self.receive(memory, &channel.pending, &mut frame, result);
        channel.connection.recycle(frame.body);
        if !link.is_gone() {
            channel::park(link, channel);
        }
        answer
    }

    fn encode(
        &self,
        memory: &mut CallMemory,
        errno: i32,
        channel: &mut Channel,
    ) -> Result<(), MarshalError> {
        let Channel {
            request,
            descriptors,
            pending,
            ..
        } = channel;
        self.function.caller().encode_into(
            memory,
            self.arguments,
            errno,
            request,
            descriptors,
            pending,
        )
    }

    fn send(&self, channel: &mut Channel) -> Result<Frame, Fault> {
        let Channel {
            connection,
            request,
            descriptors,
            ..
        } = channel;
        let runable = self.function.runable().to_le_bytes();
        let descriptors = borrow_descriptors(descriptors);
        connection.call_raw(CALL, &[&runable, request], &descriptors)
    }

    fn receive(
        &self,
        memory: &mut CallMemory,
        pending: &Pending,
        frame: &mut Frame,
        result: u64,
    ) -> Result<Outcome, Error> {
        if let Some(mut fault) = frame.fault() {
            // What the function left breaks its prototype; no argument of the program's is wrong.
            if (fault.blame, fault.code) == (Blame::Vm, FaultCode::BadArgument) {
                fault.code = FaultCode::Protocol;
            }
            return Err(self.library.link().named(fault));
        }
        if frame.kind != CALL | REPLY {
            let message = format!(
                "it answered a call with a message of kind {:#06x}",
                frame.kind
            );
            return Err(self.lost(Fault::peer(FaultCode::Protocol, message), memory));
        }
        let descriptors = std::mem::take(&mut frame.descriptors);
        let numbers: Vec<RawFd> = descriptors.iter().map(AsRawFd::as_raw_fd).collect();
        let outcome = self
            .function
            .caller()
            .decode(memory, pending, &frame.body, &numbers, result);
        let outcome = outcome.map_err(|error| match error {
            // No honest VM sends this: it checks the same before it answers.
            MarshalError::Malformed(_) | MarshalError::Protocol { .. } => {
                self.lost(Fault::peer(FaultCode::Protocol, error.to_string()), memory)
            }
            error => self.unmarshalled(error),
        })?;
        // They are the program's now; after any failure they are closed.
        for descriptor in descriptors {
            let _ = descriptor.into_raw_fd();
        }
        Ok(outcome)
    }

    /// The exchange itself failed.
    fn lost(&self, fault: Fault, memory: &CallMemory) -> Error {
        let place = format!("in {}", summary(self.function, memory, self.arguments));
        self.library.link().diagnose(fault, &place)
    }

    /// The call could not be packed, or the answer not be unpacked.
    fn unmarshalled(&self, error: MarshalError) -> Error {
        let message = format!("{}: {error}", self.function.name());
        let fault = match &error {
            MarshalError::Argument { .. } | MarshalError::WrongHandle { .. } => {
                Fault::caller(FaultCode::BadArgument, message)
            }
            MarshalError::TooLarge { .. } => Fault::caller(FaultCode::TooLarge, message),
            MarshalError::StaleHandle { .. } => Fault::caller(FaultCode::StaleHandle, message),
            MarshalError::Callee { .. } => Fault::vm(FaultCode::Protocol, message),
            MarshalError::Memory {
                error: MemoryError::Exhausted,
                ..
            } => Fault::host(FaultCode::System, message),
            MarshalError::Memory { .. } => Fault::caller(FaultCode::BadArgument, message),
            _ => Fault::peer(FaultCode::Protocol, message),
        };
        self.library.link().named(fault)
    }
}

pub(crate) fn closed(function: &Resolved) -> Error {
    Fault::caller(
        FaultCode::StaleHandle,
        format!("{}: its library was closed", function.name()),
    )
    .into()
}
