//! What a C program can learn of a failure.

use super::code::{COSMOS_OK, of_blame, of_code};
use super::guard;
use crate::error::Error;
use crate::last;
use std::cell::RefCell;
use std::ffi::{CString, c_char, c_int};

/// The message of this thread's last failure of a cosmos_ function or of a call, or NULL where
/// there was none since this was last called, as with dlerror. The string is this thread's, valid
/// until it calls cosmos_dlerror again; do not free it.
#[unsafe(no_mangle)]
pub extern "C" fn cosmos_dlerror() -> *const c_char {
    guard(std::ptr::null(), || {
        let text = last::take_untold().map(|error| error.to_string());
        Ok(shown(Shown::Dlerror, text))
    })
}

/// The code of this thread's last failure, COSMOS_ERROR_..., or COSMOS_OK where there was none
/// since cosmos_error_clear. A success does not clear it.
#[unsafe(no_mangle)]
pub extern "C" fn cosmos_error() -> c_int {
    guard(COSMOS_OK, || {
        Ok(last::get().map_or(COSMOS_OK, |error| of_code(error.code())))
    })
}

/// Forgets this thread's last failure.
#[unsafe(no_mangle)]
pub extern "C" fn cosmos_error_clear() {
    guard((), || {
        last::clear();
        Ok(())
    });
}

/// Its message: what failed, with the names involved, and what to do; NULL where there was no
/// failure. Strings of this and the following functions are this thread's, valid until it calls
/// the same function again; do not free them.
#[unsafe(no_mangle)]
pub extern "C" fn cosmos_error_message() -> *const c_char {
    tell(Shown::Message, |error| Some(error.to_string()))
}

/// The function that was called or looked up; NULL where none was.
#[unsafe(no_mangle)]
pub extern "C" fn cosmos_error_function() -> *const c_char {
    tell(Shown::Function, |error| error.function().map(str::to_owned))
}

/// The VM, as "hostfn-3"; NULL where none was involved.
#[unsafe(no_mangle)]
pub extern "C" fn cosmos_error_vm() -> *const c_char {
    tell(Shown::Vm, |error| error.vm().map(str::to_owned))
}

/// The VM's host, "local" for this one; NULL where no VM was involved.
#[unsafe(no_mangle)]
pub extern "C" fn cosmos_error_host() -> *const c_char {
    tell(Shown::Host, |error| error.host().map(str::to_owned))
}

/// The signal that ended the VM; 0 where none did.
#[unsafe(no_mangle)]
pub extern "C" fn cosmos_error_signal() -> c_int {
    guard(0, || {
        Ok(last::get().and_then(|error| error.signal()).unwrap_or(0))
    })
}

/// The number of the crash report that is kept of it, "c-3f9a0c12", which `cosmos crash show` takes;
/// NULL where there is none.
#[unsafe(no_mangle)]
pub extern "C" fn cosmos_error_crash() -> *const c_char {
    tell(Shown::Crash, |error| error.crash().map(str::to_owned))
}

/// The innermost calls of the VM when it crashed, one a line; NULL where it did not, or nobody could
/// look.
#[unsafe(no_mangle)]
pub extern "C" fn cosmos_error_backtrace() -> *const c_char {
    tell(Shown::Backtrace, |error| match error.backtrace() {
        [] => None,
        lines => Some(lines.join("\n")),
    })
}

/// Whose fault it was, COSMOS_BLAME_...; 0 where there was no failure.
#[unsafe(no_mangle)]
pub extern "C" fn cosmos_error_blame() -> c_int {
    guard(0, || {
        Ok(last::get().map_or(0, |error| of_blame(error.blame())))
    })
}

/// The errno that went with it; 0 where there was no failure.
#[unsafe(no_mangle)]
pub extern "C" fn cosmos_error_errno() -> c_int {
    guard(0, || Ok(last::get().map_or(0, |error| error.errno())))
}

/// The version of the library, "0.1.0". The string lives for ever.
#[unsafe(no_mangle)]
pub extern "C" fn cosmos_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// Strings that a thread has been shown, one of each.
#[derive(Clone, Copy)]
enum Shown {
    Dlerror,
    Message,
    Function,
    Vm,
    Host,
    Crash,
    Backtrace,
}

thread_local! {
    static STRINGS: RefCell<[Option<CString>; 7]> = RefCell::default();
}

fn tell(which: Shown, part: impl FnOnce(&Error) -> Option<String>) -> *const c_char {
    guard(std::ptr::null(), || {
        Ok(shown(which, last::get().and_then(|error| part(&error))))
    })
}

/// Keeps a text for this thread and gives its address; NULL for none.
fn shown(which: Shown, text: Option<String>) -> *const c_char {
    let text = text.map(|mut text| {
        // A message may quote bytes of the program's; C strings end at a NUL.
        text.retain(|letter| letter != '\0');
        CString::new(text).unwrap_or_default()
    });
    STRINGS
        .try_with(|strings| {
            let mut strings = strings.try_borrow_mut().ok()?;
            let place = strings.get_mut(which as usize)?;
            *place = text;
            place.as_ref().map(|text| text.as_ptr())
        })
        .ok()
        .flatten()
        .unwrap_or(std::ptr::null())
}
