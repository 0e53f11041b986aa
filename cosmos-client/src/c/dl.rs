//! Opening targets and resolving functions.

use super::options::cosmos_options;
use super::{guard, text};
use crate::error::Error;
use crate::library::{Handler, Library, dlopen_with};
use crate::options::Options;
use crate::session::Session;
use std::ffi::{c_char, c_int, c_void};
use std::sync::Arc;

/// An open target.
#[allow(non_camel_case_types)]
#[derive(Debug)]
pub struct cosmos_dl {
    _opaque: [u8; 0],
}

/// A C function of any type; cast it to its own before calling it.
#[allow(non_camel_case_types)]
pub type cosmos_fn = Option<unsafe extern "C" fn()>;

/// Told of a failed call, with the cookie it was registered with.
#[allow(non_camel_case_types)]
pub type cosmos_error_handler = Option<unsafe extern "C" fn(cookie: *mut c_void)>;

/// Opens a library in a VM. target is a bare name ("libz.so.1"), searched for as the dynamic
/// linker does, or a path; a relative one starts from the current directory. options may be NULL:
/// the configuration's defaults. Close the result with cosmos_dlclose.
///
/// Returns NULL on failure, with errno set: EINVAL target is NULL or not UTF-8, or the options or the
/// configuration cannot be; ENOENT no such target; ENOEXEC no VM can run it;
/// ECOMM the daemons or the VM cannot be reached or started; ETIMEDOUT; see cosmos_dlerror for the
/// whole story. Any thread may call it; the result may be used by all threads.
///
/// # Safety
/// target is NULL or a string; options is NULL or from cosmos_options_new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cosmos_dlopen(
    target: *const c_char,
    options: *const cosmos_options,
) -> *mut cosmos_dl {
    guard(std::ptr::null_mut(), || {
        // SAFETY: the caller's promise.
        let target = unsafe { text(target, "the target") }?;
        // SAFETY: likewise.
        let options = unsafe { options.as_ref() }
            .map(cosmos_options::get)
            .unwrap_or_default();
        let library = dlopen_with(target, &options)?;
        let handle = Session::current().handles().add_library(library);
        Ok(std::ptr::without_provenance_mut(handle as usize))
    })
}

/// Resolves a function from its prototype, a C declaration such as "double cos(double x)", and
/// returns a pointer to it: cast it to the type of the declaration and call it. A name alone, such
/// as "crc32", is looked up in the library's prototype pack. The pointer may be
/// called from any thread, and again while a call of it is under way: from a callback, or from a signal
/// handler, of which the rest of the program is promised nothing that malloc does not promise: it must
/// not interrupt malloc, nor a function of this library. It is valid until cosmos_dlclose; do not free it. Distinct functions have distinct pointers; the
/// same prototype gives the same pointer again.
///
/// Pointers to functions among the arguments are called back on the calling thread while the call
/// waits; see the prototype language for how long the library may keep them. They must return, and not by
/// longjmp or an exception; pthread_exit in one aborts the program. They may call exit, fork and exec, and
/// any function of this library.
///
/// A call that cannot be carried returns what the prototype declares with __fail(v), otherwise
/// NULL, -1, all ones for an unsigned type, NaN; it sets errno to ECOMM, ETIMEDOUT, EOWNERDEAD,
/// EPROTO or what else cosmos_error_errno tells, and leaves an error for cosmos_error. Calling
/// cosmos_error_clear before tells such a failure from a value that the function returned.
///
/// Returns NULL on failure, with errno set: EINVAL the prototype was refused (cosmos_dlerror shows
/// where); ENOSYS no such symbol; EPROTO the VM understood the prototype in another way; EBADF dl
/// was closed. ISO C has no conversion from void * to a function pointer, POSIX does: where that
/// matters use cosmos_dlfunc.
///
/// # Safety
/// prototype is NULL or a string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cosmos_dlsym(dl: *mut cosmos_dl, prototype: *const c_char) -> *mut c_void {
    // SAFETY: the caller's promise.
    guard(std::ptr::null_mut(), || unsafe { resolve(dl, prototype) })
}

/// The same as cosmos_dlsym, with a result that ISO C allows to call once it is cast to the
/// function's type.
///
/// # Safety
/// As cosmos_dlsym.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cosmos_dlfunc(dl: *mut cosmos_dl, prototype: *const c_char) -> cosmos_fn {
    // SAFETY: the caller's promise.
    let pointer = guard(std::ptr::null_mut(), || unsafe { resolve(dl, prototype) });
    // SAFETY: NULL is None, and anything else is a function's address.
    unsafe { std::mem::transmute::<*mut c_void, cosmos_fn>(pointer) }
}

/// Closes dl. Calls under way finish; pointers from cosmos_dlsym must not be called any more. A
/// private VM in which nothing is open any more may be kept for the next cosmos_dlopen; it ends
/// with the process at the latest.
///
/// Returns 0, or -1 with errno set: EBADF dl was closed already, or never was one; EOWNERDEAD and
/// others: dl is closed, but the VM did not close it in good order. Any thread may call it.
#[unsafe(no_mangle)]
pub extern "C" fn cosmos_dlclose(dl: *mut cosmos_dl) -> c_int {
    guard(-1, || {
        let library = Session::current()
            .handles()
            .remove_library(dl.addr() as u64)?;
        library.close()?;
        Ok(0)
    })
}

/// Has handler called with cookie whenever a call of a function of dl fails, on the thread that
/// called, after errno's value is settled and before the call returns; cosmos_error and its kin
/// tell what failed. It may abort, exit or log; it must return otherwise, and not by longjmp.
/// NULL removes it. Any thread may call it; it holds for calls that begin later.
///
/// Returns 0, or -1 with errno EBADF.
///
/// # Safety
/// handler may be called with cookie, on any thread, until it is removed or dl is closed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cosmos_dl_onerror(
    dl: *mut cosmos_dl,
    handler: cosmos_error_handler,
    cookie: *mut c_void,
) -> c_int {
    guard(-1, || {
        let cookie = Cookie(cookie);
        let handler = handler.map(|handler| -> Handler {
            Arc::new(move |_: &Error| {
                let cookie = &cookie;
                // SAFETY: the caller's promise.
                unsafe { handler(cookie.0) }
            })
        });
        Session::current()
            .handles()
            .with_library(dl.addr() as u64, |library| {
                library.target().set_on_error(handler)
            })?;
        Ok(0)
    })
}

struct Cookie(*mut c_void);

// SAFETY: it is only handed back; who registered it promised that any thread may have it.
unsafe impl Send for Cookie {}
// SAFETY: as above.
unsafe impl Sync for Cookie {}

/// # Safety
/// prototype is NULL or a string.
unsafe fn resolve(dl: *mut cosmos_dl, prototype: *const c_char) -> Result<*mut c_void, Error> {
    // SAFETY: the caller's promise.
    let prototype = unsafe { text(prototype, "the prototype") }?;
    let handles = Session::current().handles();
    handles.with_library(dl.addr() as u64, |library: &Library| {
        let function = library.target().resolve(prototype)?;
        let code = function.code()?;
        handles.note_function(&function, code.addr());
        Ok(code.cast_mut())
    })?
}

impl cosmos_options {
    fn get(&self) -> Options {
        self.options().clone()
    }
}
