//! The VM for C libraries: opens them with the dynamic loader, calls them through libffi.
//!
//! | room | purpose |
//! |---|---|
//! | [`HostFn`] | the five verbs |
//! | `library` | an open library: its file, its symbols |
//! | `function` | a resolved function: code pointer, call interface, deallocators |
//! | `invoke` | the call itself: argument pointers, result register, errno |
//! | `thunk` | what the library calls in place of the client's functions |
//! | `raw` | memory by address |
//! | `loader` | what the dynamic loader knows of an address |
//! | `output` | what libraries print, line by line |
//! | `elf` | what a file says of itself, for messages |
//!
//! # What holds
//!
//! 1. A symbol is resolved once, its call interface prepared once, its deallocators found once: at
//!    `sym`. A call does none of it.
//! 2. errno is set to the caller's right before the function is entered and read right after it
//!    returned; nothing that could touch it runs in between.
//! 3. A library stays loaded while a function of it is resolved or runs.
//! 4. Calls run in parallel; there is no lock on the way of a call.
//!
//! Code in a library can do anything to this process. That is what the process is for: its crash
//! is an error to the client, and what it may reach outside is the launcher's business.

mod elf;
mod function;
mod invoke;
mod library;
mod loader;
mod output;
mod query;
mod raw;
mod thunk;

use callframe::expression::Query;
use callframe::marshal::MemoryError;
use callframe::types::TypeId;
use callframe::{DataModel, Template};
use cosmos_rpc::Fault;
use cosmos_rpc::ahead::Ahead;
use cosmos_vm_core::{Call, Callback, Held, Numbers, Vm, Words};
use function::Function;
use library::Library;
use std::path::Path;
use std::sync::Arc;

/// The kind `hostfn`.
pub struct HostFn;

/// Does what can only be done before the process is confined: libffi makes a file for the code of its
/// closures with the first of them, and grows it from then on. And what can only be done before a library
/// prints.
pub fn prepare() {
    thunk::prepare();
    output::by_line();
}

impl Vm for HostFn {
    type Object = Library;
    type Runable = Function;

    fn kind(&self) -> &'static str {
        "hostfn"
    }

    fn model(&self) -> DataModel {
        // Where it is none of the known models, preparing the first call says so.
        DataModel::native().unwrap_or(DataModel::LP64)
    }

    fn prepare(&self) {
        callframe::standard::prepare();
    }

    fn open(&self, target: &Path) -> Result<Library, Fault> {
        Library::open(target)
    }

    fn sym(&self, object: &Arc<Library>, template: &Template) -> Result<Function, Fault> {
        Function::resolve(object, template)
    }

    fn call(&self, runable: &Function, call: &mut Call<'_>) -> Result<(), Fault> {
        runable.call(call)
    }

    fn needs(&self, runable: &Function, ahead: &mut Ahead) {
        runable.needs(ahead);
    }

    #[inline(always)]
    fn call_numbers(&self, runable: &Function, numbers: &mut Numbers) -> bool {
        runable.call_numbers(numbers)
    }

    #[inline]
    fn call_words(&self, runable: &Function, words: &mut Words<'_>) -> bool {
        runable.call_words(words)
    }

    #[inline]
    fn read(&self, address: u64, into: &mut [u8]) -> Result<(), MemoryError> {
        raw::read(address, into)
    }

    #[inline]
    fn write(&self, address: u64, bytes: &[u8]) -> Result<(), MemoryError> {
        raw::write(address, bytes)
    }

    fn allocate(&self, bytes: &[u8]) -> Result<u64, MemoryError> {
        raw::allocate(bytes)
    }

    fn hold(&self, bytes: &[u8]) -> Result<Held, MemoryError> {
        let mut copy = vec![0u128; bytes.len().div_ceil(16).max(1)];
        let address = copy.as_mut_ptr().expose_provenance() as u64;
        raw::write(address, bytes)?;
        Ok(Held::new(address, copy))
    }

    fn shares_memory(&self) -> bool {
        true
    }

    fn calls_back(&self) -> bool {
        true
    }

    fn thunk(
        &self,
        runable: &Function,
        ty: TypeId,
        callback: Arc<Callback>,
    ) -> Result<Held, MemoryError> {
        runable.thunk(ty, callback)
    }

    fn terminated_length(
        &self,
        address: u64,
        unit: usize,
        terminator: u64,
        limit: u64,
    ) -> Result<u64, MemoryError> {
        raw::terminated_length(address, unit, terminator, limit)
    }

    fn query(
        &self,
        runable: &Function,
        query: &Query,
        arguments: &[&[u8]],
    ) -> Result<i128, MemoryError> {
        runable.query(query, arguments)
    }

    fn deallocate(&self, address: u64) {
        raw::deallocate(address);
    }

    fn release(
        &self,
        runable: &Function,
        deallocator: &str,
        address: u64,
    ) -> Result<(), MemoryError> {
        runable.release(deallocator, address)
    }
}
