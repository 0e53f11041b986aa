//! The call itself.

use callframe_native::{Convention, Scalars};
use libffi::middle::Cif;
use libffi::raw;
use std::ffi::{c_int, c_void};

/// A function's code, of the signature its call interface describes.
#[derive(Clone, Copy)]
pub(crate) struct Code(unsafe extern "C" fn());

impl Code {
    /// The code at an address.
    ///
    /// # Safety
    /// `address` is that of code that stays loaded as long as this value is used.
    pub unsafe fn at(address: *mut c_void) -> Option<Code> {
        // SAFETY: a function pointer and a data pointer are the same on every POSIX system, and
        // NULL is the None of `Option`.
        unsafe { std::mem::transmute::<*mut c_void, Option<unsafe extern "C" fn()>>(address) }
            .map(Code)
    }

    /// Where it is.
    pub(crate) fn address(self) -> usize {
        (self.0 as *const ()).addr()
    }
}

/// Enters `code` with `errno` set, and gives the errno it left.
///
/// # Safety
/// `arguments` has a pointer to each argument `interface` describes, in its C representation and
/// aligned for its type; `result` leads to room for the result and for a register at least, aligned
/// to 16; and `code` has this signature, as the prototype says.
pub(crate) unsafe fn invoke(
    interface: &Cif,
    code: Code,
    arguments: &mut [*mut c_void],
    result: *mut c_void,
    errno: c_int,
) -> c_int {
    let interface = interface.as_raw_ptr();
    let arguments = arguments.as_mut_ptr();
    // SAFETY: the caller's promise. errno is thread-local and always there. Nothing between the two
    // accesses to it runs but the call.
    unsafe {
        *libc::__errno_location() = errno;
        raw::ffi_call(interface, Some(code.0), result, arguments);
        *libc::__errno_location()
    }
}

/// The same for a function of a few numbers, whose arguments are the words of its registers; gives
/// those of its result, too.
///
/// # Safety
/// `convention` is that of the code's signature, as the prototype says.
#[inline(always)]
pub(crate) unsafe fn invoke_native(
    convention: &Convention,
    code: Code,
    words: [u64; 2],
    errno: c_int,
) -> ([u64; 2], c_int) {
    // SAFETY: the caller's promise; as for errno, see `invoke`.
    unsafe {
        let place = libc::__errno_location();
        *place = errno;
        let result = convention.call(code.0, words);
        (result, *place)
    }
}

/// The same for a function of a word for each parameter.
///
/// # Safety
/// `scalars` are those of the code's signature, as the prototype says.
#[inline]
pub(crate) unsafe fn invoke_scalars(
    scalars: &Scalars,
    code: Code,
    words: &[u64],
    errno: c_int,
) -> ([u64; 2], c_int) {
    // SAFETY: the caller's promise; as for errno, see `invoke`.
    unsafe {
        let place = libc::__errno_location();
        *place = errno;
        let result = scalars.call(code.0, words);
        (result, *place)
    }
}

/// Runs a deallocator: a function of one pointer, whose result does not matter.
///
/// # Safety
/// `code` is such a function, and `address` is one it may be given.
pub(crate) unsafe fn deallocate(code: Code, address: *mut c_void) {
    // SAFETY: the caller's promise; a result in a register is ignored by not looking there.
    unsafe {
        let code = std::mem::transmute::<unsafe extern "C" fn(), unsafe extern "C" fn(*mut c_void)>(
            code.0,
        );
        code(address);
    }
}
