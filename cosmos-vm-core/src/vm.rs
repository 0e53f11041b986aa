//! What a kind of VM has to say for itself.

use crate::Call;
use callframe::marshal::MemoryError;
use callframe::{DataModel, Template};
use cosmos_rpc::{Fault, FaultCode};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;

/// A kind of VM: five verbs, and how to reach the memory its functions leave results in.
///
/// Every method may be called by several threads at once, for the same object too. A panic in a
/// method becomes a fault of the one request; no lock of this crate is held while a method runs.
pub trait Vm: Send + Sync + 'static {
    /// An open target. It is dropped when it was closed and no call into it runs any more.
    type Object: Send + Sync;
    /// A function that is ready to be called: everything that needs doing once was done.
    type Runable: Send + Sync;

    /// The kind's name, as its profile has it.
    fn kind(&self) -> &'static str;

    /// How its functions lay data out.
    fn model(&self) -> DataModel;

    /// Loads a target, given by absolute path.
    ///
    /// # Errors
    /// `NoSuchTarget`, `NotLoadable`, `WrongArchitecture`.
    fn open(&self, target: &Path) -> Result<Self::Object, Fault>;

    /// Resolves the function that `template` describes, once.
    ///
    /// # Errors
    /// `NoSuchSymbol` with near names; `BadPrototype` for what this kind cannot call.
    fn sym(&self, object: &Arc<Self::Object>, template: &Template) -> Result<Self::Runable, Fault>;

    /// Calls a function: reads the arguments from `call`, leaves result and errno there.
    ///
    /// # Errors
    /// When the function was not called. What a function returns is never an error here.
    fn call(&self, runable: &Self::Runable, call: &mut Call<'_>) -> Result<(), Fault>;

    /// Runs a program with these arguments and standard descriptors; gives its exit status.
    ///
    /// # Errors
    /// `Unsupported` for kinds that run functions.
    fn exec(
        &self,
        object: &Arc<Self::Object>,
        arguments: &[Vec<u8>],
        descriptors: Vec<OwnedFd>,
    ) -> Result<i32, Fault> {
        let _ = (object, arguments, descriptors);
        Err(Fault::caller(
            FaultCode::Unsupported,
            format!("a {} VM runs functions, not programs", self.kind()),
        ))
    }

    /// The client let go of an object. Calls into it may still run; they hold it, too.
    ///
    /// # Errors
    /// What the kind's own unloading says.
    fn close(&self, object: Arc<Self::Object>) -> Result<(), Fault> {
        drop(object);
        Ok(())
    }

    /// Copies from memory that a function left behind, by its own address. Kinds whose functions
    /// return no pointers leave this as it is.
    ///
    /// # Errors
    /// When `address` is known not to be readable.
    fn read(&self, address: u64, into: &mut [u8]) -> Result<(), MemoryError> {
        let _ = into;
        Err(MemoryError::Address(address))
    }

    /// Number of elements of `unit` bytes up to and including the first that equals `terminator`.
    ///
    /// # Errors
    /// [`MemoryError::Unterminated`] when there is none among the first `limit`.
    fn terminated_length(
        &self,
        address: u64,
        unit: usize,
        terminator: u64,
        limit: u64,
    ) -> Result<u64, MemoryError> {
        let _ = (unit, terminator, limit);
        Err(MemoryError::Address(address))
    }

    /// Frees what `runable` returned at `address` by the deallocator its prototype names.
    ///
    /// # Errors
    /// When there is no such function.
    fn release(
        &self,
        runable: &Self::Runable,
        deallocator: &str,
        address: u64,
    ) -> Result<(), MemoryError> {
        let _ = (runable, address);
        Err(MemoryError::Other(format!(
            "a {} VM has no function '{deallocator}'",
            self.kind()
        )))
    }
}
