//! What is said of a call that did not come back as it should.

use super::Call;
use crate::channel::Channel;
use crate::error::Error;
use crate::memory::CallMemory;
use crate::resolved::Resolved;
use crate::summary::summary;
use crate::turn::Busy;
use callframe::marshal::{MarshalError, MemoryError};
use cosmos_rpc::message::vm::Fell;
use cosmos_rpc::{Fault, FaultCode};

pub(crate) fn closed(function: &Resolved) -> Error {
    Fault::caller(
        FaultCode::StaleHandle,
        format!("{}: its library was closed", function.name()),
    )
    .into()
}

impl Call<'_> {
    /// With what the VM knows of a program that crashed when it was called.
    pub(super) fn explained(&self, error: Error, channel: &mut Channel) -> Error {
        let link = self.library.link();
        if error.code() != FaultCode::ProgramDied || link.minor() < Fell::SINCE {
            return error;
        }
        // A VM that does not answer is found out by the next call.
        match channel.connection.call(&Fell, &[]) {
            Ok((Some(casualty), _)) => link.fell(error, *casualty),
            _ => error,
        }
    }

    /// The exchange itself failed.
    pub(super) fn lost(&self, fault: Fault, memory: &CallMemory) -> Error {
        if self.is_cancelled() {
            return self.cancelled(memory);
        }
        let place = format!("in {}", summary(self.function, memory, self.arguments));
        self.library.link().diagnose(fault, &place)
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.busy.get().is_some_and(Busy::is_cancelled)
    }

    /// Another thread has ended it.
    pub(super) fn cancelled(&self, memory: &CallMemory) -> Error {
        let link = self.library.link();
        let after = if link.is_shared() {
            "; what it does in the VM goes on"
        } else {
            "; its VM was killed"
        };
        let call = summary(self.function, memory, self.arguments);
        let message = format!("{call} was cancelled{after}");
        link.named(Fault::caller(FaultCode::Cancelled, message))
    }

    /// The call could not be packed, or the answer not be unpacked.
    pub(super) fn unmarshalled(&self, error: MarshalError) -> Error {
        let message = format!("{}: {error}", self.function.name());
        let fault = match &error {
            MarshalError::Argument { .. } | MarshalError::WrongHandle { .. } => {
                Fault::caller(FaultCode::BadArgument, message)
            }
            MarshalError::TooLarge { .. } => Fault::caller(FaultCode::TooLarge, message),
            MarshalError::StaleHandle { .. } => Fault::caller(FaultCode::StaleHandle, message),
            MarshalError::Callee { .. } | MarshalError::NotTheCallers { .. } => {
                Fault::vm(FaultCode::Protocol, message)
            }
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
