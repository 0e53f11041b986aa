//! Memory that the program and a VM both see.

use super::dl::cosmos_dl;
use super::guard;
use super::vm::cosmos_vm;
use crate::session::Session;
use std::ffi::{c_int, c_void};

/// Allocates memory that this program and the VM of dl both see, aligned to 64 bytes: the VM's arena.
/// A pointer into it that is passed to a function in that VM is not copied: the function uses the
/// memory where it is, and may keep the pointer. Passed to any other function it is ordinary memory,
/// but for a struct with pointers in it, which is refused there (EINVAL): copy it first.
/// Its contents are not defined at first.
///
/// A struct in it may hold pointers into it, and numbers, and is used as it is; handles, functions and
/// descriptors in it are refused (EINVAL), and so is a pointer that leads elsewhere.
///
/// The VM may write all of it at any time. Who checks what is there copies it first, and checks the
/// copy; cosmos_is_shared tells whether a pointer that was found there leads into it.
///
/// It stays readable and writable until cosmos_free, whatever becomes of dl and the VM. It is not there
/// in a child made by fork: touching it there is a SIGSEGV.
///
/// Returns NULL on failure, with errno set: EBADF dl was closed; EOWNERDEAD the VM is gone; ENOTSUP its
/// kind shares no memory; EAGAIN there is no memory, or never so much; EMFILE this process or the VM has no
/// room for more open files. Any thread may call it.
#[unsafe(no_mangle)]
pub extern "C" fn cosmos_alloc(dl: *mut cosmos_dl, size: usize) -> *mut c_void {
    guard(std::ptr::null_mut(), || {
        let address = Session::current()
            .handles()
            .with_library(dl.addr() as u64, |library| library.target().allocate(size))??;
        Ok(std::ptr::with_exposed_provenance_mut(address as usize))
    })
}

/// The same, in the arena of vm; EBADF vm was closed.
#[unsafe(no_mangle)]
pub extern "C" fn cosmos_vm_alloc(vm: *mut cosmos_vm, size: usize) -> *mut c_void {
    guard(std::ptr::null_mut(), || {
        let vm = Session::current().handles().vm(vm.addr() as u64)?;
        let address = vm.allocate(size)?;
        Ok(std::ptr::with_exposed_provenance_mut(address as usize))
    })
}

/// Frees what cosmos_alloc or cosmos_vm_alloc gave; NULL is fine. A pointer into it that is passed to a
/// call afterwards is refused. Any thread may call it.
///
/// Returns 0, or -1 with errno set: EINVAL memory is nothing they gave, was freed already, or is the
/// parent's of a child made by fork.
#[unsafe(no_mangle)]
pub extern "C" fn cosmos_free(memory: *mut c_void) -> c_int {
    guard(-1, || {
        if !memory.is_null() {
            Session::current().arenas().free(memory.addr() as u64)?;
        }
        Ok(0)
    })
}

/// Whether size bytes from memory on lie in one thing that cosmos_alloc or cosmos_vm_alloc gave and that
/// was not freed: 1 or 0. Nothing is read from there.
#[unsafe(no_mangle)]
pub extern "C" fn cosmos_is_shared(memory: *const c_void, size: usize) -> c_int {
    guard(0, || {
        let holds = Session::current()
            .arenas()
            .holds(memory.addr() as u64, size as u64);
        Ok(c_int::from(holds))
    })
}
