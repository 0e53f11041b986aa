//! What the C face gives out instead of addresses.
//!
//! ```text
//! bit  63   62   61 60   59 ........ 44   43 ............... 0
//!       0    1   kind    generation       serial number
//! ```
//!
//! No such number is an address on x86-64, and none is given out twice, so a handle that was closed
//! is refused for ever. The generation (see [`crate::fork`]) tells a child that a handle is its
//! parent's.

use super::started::Started;
use crate::exec::Running;
use crate::library::Library;
use crate::resolved::Resolved;
use crate::session::lock;
use crate::vm::Vm;
use cosmos_rpc::{Fault, FaultCode};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, Weak};

/// The handles of one process.
pub(crate) struct Handles {
    generation: u64,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    last: u64,
    libraries: HashMap<u64, Library>,
    vms: HashMap<u64, Vm>,
    programs: HashMap<u64, Running>,
    calls: HashMap<u64, Started>,
    /// Functions by their code, as far as they were resolved here.
    functions: HashMap<usize, Weak<Resolved>>,
}

#[derive(Clone, Copy)]
enum Kind {
    Call = 0,
    Library = 1,
    Vm = 2,
    Program = 3,
}

const MARK: u64 = 1 << 62;
const SERIAL: u64 = (1 << 44) - 1;

impl std::fmt::Debug for Handles {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Handles")
            .field("generation", &self.generation)
            .finish_non_exhaustive()
    }
}

impl Handles {
    /// An empty table for the process of this generation.
    pub(crate) fn new(generation: u64) -> Handles {
        Handles {
            generation,
            table: Mutex::default(),
        }
    }

    /// A handle for a library.
    pub(super) fn add_library(&self, library: Library) -> u64 {
        let mut table = lock(&self.table);
        let handle = self.next(&mut table, Kind::Library);
        table.libraries.insert(handle, library);
        handle
    }

    /// Uses a library.
    pub(super) fn with_library<T>(
        &self,
        handle: u64,
        use_library: impl FnOnce(&Library) -> T,
    ) -> Result<T, Fault> {
        let library = lock(&self.table).libraries.get(&handle).map(Library::again);
        library
            .map(|library| use_library(&library))
            .ok_or_else(|| self.stale(handle, Kind::Library))
    }

    /// Takes a library out.
    pub(super) fn remove_library(&self, handle: u64) -> Result<Library, Fault> {
        let library = lock(&self.table).libraries.remove(&handle);
        library.ok_or_else(|| self.stale(handle, Kind::Library))
    }

    /// A handle for a VM.
    pub(super) fn add_vm(&self, vm: Vm) -> u64 {
        let mut table = lock(&self.table);
        let handle = self.next(&mut table, Kind::Vm);
        table.vms.insert(handle, vm);
        handle
    }

    /// The VM of a handle.
    pub(super) fn vm(&self, handle: u64) -> Result<Vm, Fault> {
        let vm = lock(&self.table).vms.get(&handle).cloned();
        vm.ok_or_else(|| self.stale(handle, Kind::Vm))
    }

    /// Takes a VM out.
    pub(super) fn remove_vm(&self, handle: u64) -> Result<Vm, Fault> {
        let vm = lock(&self.table).vms.remove(&handle);
        vm.ok_or_else(|| self.stale(handle, Kind::Vm))
    }

    /// A handle for a program that runs.
    pub(super) fn add_program(&self, program: Running) -> u64 {
        let mut table = lock(&self.table);
        let handle = self.next(&mut table, Kind::Program);
        table.programs.insert(handle, program);
        handle
    }

    /// Uses a program that runs, for a moment.
    pub(super) fn with_program<T>(
        &self,
        handle: u64,
        use_program: impl FnOnce(&mut Running) -> T,
    ) -> Result<T, Fault> {
        let mut table = lock(&self.table);
        let program = table.programs.get_mut(&handle).map(use_program);
        program.ok_or_else(|| self.stale(handle, Kind::Program))
    }

    /// Takes a program out.
    pub(super) fn remove_program(&self, handle: u64) -> Result<Running, Fault> {
        let program = lock(&self.table).programs.remove(&handle);
        program.ok_or_else(|| self.stale(handle, Kind::Program))
    }

    /// A handle for a call that was started.
    pub(super) fn add_call(&self, call: Started) -> u64 {
        let mut table = lock(&self.table);
        let handle = self.next(&mut table, Kind::Call);
        table.calls.insert(handle, call);
        handle
    }

    /// The call of a handle.
    pub(super) fn call(&self, handle: u64) -> Result<Started, Fault> {
        let call = lock(&self.table).calls.get(&handle).cloned();
        call.ok_or_else(|| self.stale(handle, Kind::Call))
    }

    /// Takes a call out.
    pub(super) fn remove_call(&self, handle: u64) -> Result<Started, Fault> {
        let call = lock(&self.table).calls.remove(&handle);
        call.ok_or_else(|| self.stale(handle, Kind::Call))
    }

    /// Notes whose code a pointer is that the program gets.
    pub(super) fn note_function(&self, function: &Arc<Resolved>, code: usize) {
        let mut table = lock(&self.table);
        let functions = &mut table.functions;
        if functions.len() == functions.capacity() {
            functions.retain(|_, known| known.strong_count() > 0);
        }
        functions.insert(code, Arc::downgrade(function));
    }

    /// The function whose code this is.
    pub(super) fn function(&self, code: usize) -> Result<Arc<Resolved>, Fault> {
        let known = lock(&self.table)
            .functions
            .get(&code)
            .and_then(Weak::upgrade);
        known.ok_or_else(|| {
            let message = format!(
                "{code:#x} is no function that cosmos_dlsym gave, or its library was closed"
            );
            Fault::caller(FaultCode::BadArgument, message)
        })
    }

    fn next(&self, table: &mut Table, kind: Kind) -> u64 {
        table.last = (table.last + 1) & SERIAL;
        self.head(kind) | table.last
    }

    /// All of a handle but its serial number.
    fn head(&self, kind: Kind) -> u64 {
        MARK | (kind as u64) << 60 | (self.generation & 0xffff) << 44
    }

    fn stale(&self, handle: u64, kind: Kind) -> Fault {
        let (name, made) = match kind {
            Kind::Library => ("cosmos_dl", "cosmos_dlopen"),
            Kind::Vm => ("cosmos_vm", "cosmos_vm_open"),
            Kind::Program => ("cosmos_program", "cosmos_exec_start"),
            Kind::Call => ("cosmos_call", "cosmos_call_start"),
        };
        if handle == 0 {
            return Fault::caller(FaultCode::StaleHandle, format!("the {name} is NULL"));
        }
        let kind_bits = 0b11 << 60;
        if handle & (MARK | kind_bits) != self.head(kind) & (MARK | kind_bits) {
            return Fault::caller(
                FaultCode::StaleHandle,
                format!("{handle:#x} is no {name}: {made} never gave it out"),
            );
        }
        if handle & !SERIAL != self.head(kind) {
            return Fault::caller(
                FaultCode::Forked,
                format!(
                    "the {name} belongs to the process this one was forked from; open again here"
                ),
            );
        }
        Fault::caller(
            FaultCode::StaleHandle,
            format!("the {name} was closed already"),
        )
    }
}
