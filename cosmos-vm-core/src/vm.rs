//! What a kind of VM has to say for itself.

use crate::pins::Pins;
use crate::{Call, Callback, Numbers, Words};
use callframe::expression::Query;
use callframe::marshal::MemoryError;
use callframe::types::TypeId;
use callframe::{DataModel, Template};
use cosmos_rpc::ahead::Ahead;
use cosmos_rpc::message::confine::Confine;
use cosmos_rpc::message::crash::Casualty;
use cosmos_rpc::message::vm::ProgramEnd;
use cosmos_rpc::{Fault, FaultCode};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Something that the code of a VM can use, as long as this value lives: a function, or memory.
pub struct Held {
    /// Its address, as the code sees it.
    pub address: u64,
    keep: Box<dyn Send>,
}

impl Held {
    /// What is at `address`, where `keep` keeps it.
    pub fn new(address: u64, keep: impl Send + 'static) -> Held {
        Held {
            address,
            keep: Box::new(keep),
        }
    }
}

impl std::fmt::Debug for Held {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let _ = &self.keep;
        formatter
            .debug_struct("Held")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

/// A program that is to be run, and what it gets.
#[derive(Debug)]
pub struct Run {
    /// Its arguments, the name first. No text here has NUL bytes.
    pub arguments: Vec<Vec<u8>>,
    /// Its whole environment, `NAME=value` each.
    pub environment: Vec<Vec<u8>>,
    /// Its working directory, an absolute path; empty for `/`.
    pub directory: Vec<u8>,
    /// Its file mode creation mask.
    pub umask: u32,
    /// After which it is killed with whatever it started.
    pub timeout: Option<Duration>,
    /// Its standard input is a terminal, which is to be its controlling one.
    pub terminal: bool,
    /// Its standard input, output and error.
    pub streams: [OwnedFd; 3],
    /// By which it is steered; see [`cosmos_rpc::steering`].
    pub steering: Option<OwnedFd>,
    /// A file that says what it may use.
    pub manifest: Option<OwnedFd>,
    /// A file to write a report of it to.
    pub report: Option<OwnedFd>,
    /// It is not to be looked at when it crashes.
    pub untraced: bool,
    /// Which of the streams it is to have closed; what stands in their places leads nowhere.
    pub closed: [bool; 3],
}

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

    /// Takes the confinement on itself, for programs that it starts, where this process runs no code
    /// but its own; or gives the launcher's socket back, and this process is confined. No client was
    /// served yet.
    ///
    /// # Errors
    /// When it cannot keep to the order; the process ends then.
    fn confine(&self, order: &Confine, launcher: OwnedFd) -> Result<Option<OwnedFd>, Fault> {
        let _ = order;
        Ok(Some(launcher))
    }

    /// Does what the first requests would wait for otherwise, while there is nothing else to do: once,
    /// on the main thread, before or after the process is confined.
    fn prepare(&self) {}

    /// Programs that it starts are not to be looked at when they crash. No client was served yet.
    fn leave_untraced(&self) {}

    /// Takes the SHA-256 that targets must have to be run; gives them back where this kind does not
    /// compare, and then none of them is opened. No client was served yet.
    fn pin(&self, pins: Pins) -> Option<Pins> {
        Some(pins)
    }

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
    /// When the function was not called; `ProgramDied` when it is a program, which crashed. What a
    /// function returns is never an error here.
    fn call(&self, runable: &Self::Runable, call: &mut Call<'_>) -> Result<(), Fault>;

    /// What is left of the program that the last call of this thread ran, where it crashed; once.
    fn casualty(&self) -> Option<Box<Casualty>> {
        None
    }

    /// Calls a function of a few numbers, a shorter way than [`call`](Vm::call), to the same effect.
    /// Whether it did; where not, nothing was done.
    fn call_numbers(&self, runable: &Self::Runable, numbers: &mut Numbers) -> bool {
        let _ = (runable, numbers);
        false
    }

    /// Says what a call of a function of a few numbers needs beside its runable, its code for one: it is asked
    /// for when a thread wakes after a pause.
    fn needs(&self, runable: &Self::Runable, ahead: &mut Ahead) {
        let _ = (runable, ahead);
    }

    /// Calls a function whose arguments are numbers and addresses of this process's own memory, a shorter
    /// way than [`call`](Vm::call), to the same effect. Whether it did; where not, nothing was done. Of kinds
    /// that [`share memory`](Vm::shares_memory) alone.
    fn call_words(&self, runable: &Self::Runable, words: &mut Words<'_>) -> bool {
        let _ = (runable, words);
        false
    }

    /// Runs a program to its end.
    ///
    /// # Errors
    /// `Unsupported` for kinds that run functions; `NoSuchTarget` and `NotLoadable` when the program
    /// was not started. However a program that ran ended is never an error here.
    fn exec(&self, object: &Arc<Self::Object>, run: Run) -> Result<ProgramEnd, Fault> {
        let _ = (object, run);
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

    /// Copies to memory of the VM's code: what a callback of the client's left, or memory that
    /// [`allocate`](Vm::allocate) gave. Kinds that do neither leave this as it is.
    ///
    /// # Errors
    /// When `address` is known not to be writable.
    fn write(&self, address: u64, bytes: &[u8]) -> Result<(), MemoryError> {
        let _ = bytes;
        Err(MemoryError::Address(address))
    }

    /// A copy of `bytes`, aligned for every C type, that the VM's code frees with `free` or
    /// allocates anew: what a callback returned as `__owned(free)`, or what a function keeps.
    ///
    /// # Errors
    /// [`MemoryError::Exhausted`].
    fn allocate(&self, bytes: &[u8]) -> Result<u64, MemoryError> {
        let _ = bytes;
        Err(MemoryError::Exhausted)
    }

    /// Frees what [`allocate`](Vm::allocate) gave and the VM's code has not freed.
    fn deallocate(&self, address: u64) {
        let _ = address;
    }

    /// A copy of `bytes` that the VM's code can read as long as the value lives: what a callback
    /// returned as `__borrowed` or `__static`.
    ///
    /// # Errors
    /// [`MemoryError::Exhausted`].
    fn hold(&self, bytes: &[u8]) -> Result<Held, MemoryError> {
        let _ = bytes;
        Err(MemoryError::Exhausted)
    }

    /// Whether functions of this kind can use memory of this process by its address, and so memory
    /// that the client sees as well.
    fn shares_memory(&self) -> bool {
        false
    }

    /// Whether functions of this kind can call functions of the client. Where not, prototypes that
    /// take some are refused.
    fn calls_back(&self) -> bool {
        false
    }

    /// Makes a function that the code of the VM can call, whose calls go to `callback`. `ty` is the
    /// type of the pointer in the frame of `runable`.
    ///
    /// # Errors
    /// When no more can be made.
    fn thunk(
        &self,
        runable: &Self::Runable,
        ty: TypeId,
        callback: Arc<Callback>,
    ) -> Result<Held, MemoryError> {
        let _ = (runable, ty, callback);
        Err(MemoryError::Other(format!(
            "a {} VM does not call back",
            self.kind()
        )))
    }

    /// Asks another function of the library of `runable`, which its prototype mentions, with bytes
    /// of arguments of the call.
    ///
    /// # Errors
    /// When there is no such function.
    fn query(
        &self,
        runable: &Self::Runable,
        query: &Query,
        arguments: &[&[u8]],
    ) -> Result<i128, MemoryError> {
        let _ = (runable, arguments);
        Err(MemoryError::Other(format!(
            "a {} VM has no function '{}'",
            self.kind(),
            query.function
        )))
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
