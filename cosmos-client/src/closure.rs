//! C function pointers that lead to [`call`](crate::call).
//!
//! Functions of a few numbers, and of plain bytes, have a thunk of [`callframe_native`], which hands on the
//! registers as they are; the others, and those for which no thunk is left, a libffi closure.
//!
//! Either may be entered by any number of threads at once and again while it runs (a signal
//! handler), so nothing it reaches is exclusive: it gets a shared pointer to a [`Resolved`], and
//! takes a reference of its own for as long as it runs.

use crate::call;
use crate::channel;
use crate::error::Error;
use crate::fork::apart_from_forks;
use crate::last;
use crate::memory::{Errno, errno, set_errno};
use crate::plain::Plain;
use crate::quick::Way;
use crate::resolved::{NoPointer, Resolved};
use crate::uncancelled::Uncancelled;
use crate::variadic::{from_c, registers};
use callframe::marshal::{COMPACT_PARAMETERS as MOST_PARAMETERS, Outcome};
use callframe_ffi::FfiError;
use callframe_native::{Entered, EnteredScalars, Passed};
use cosmos_rpc::{Fault, FaultCode};
use libffi::low::{ffi_cif, ffi_closure, try_closure_alloc};
use libffi::middle::Cif;
use libffi::raw::{ffi_closure_free, ffi_prep_closure_loc, ffi_status_FFI_OK};
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;
use std::sync::Arc;

/// Arguments up to this number need no memory of their own.
const FEW: usize = 16;

/// A C function pointer over a [`Resolved`], which holds it.
pub(crate) enum Thunk {
    Native(callframe_native::Thunk),
    Closure(Closure),
}

impl Thunk {
    /// A pointer that calls `function`. It must be kept in `function` itself, so that it does not
    /// outlive it.
    pub(crate) fn new(function: &Arc<Resolved>) -> Result<Thunk, NoPointer> {
        let data = Arc::as_ptr(function).cast::<c_void>();
        let native = match (function.quick(), function.plain()) {
            (Some(quick), _) => quick
                .convention()
                .and_then(|it| callframe_native::Thunk::new::<InWords>(it, data)),
            (None, Some(plain)) => plain
                .scalars()
                .and_then(|it| callframe_native::Thunk::of_scalars::<InRegisters>(it, data)),
            (None, None) => None,
        };
        match native {
            Some(thunk) => Ok(Thunk::Native(thunk)),
            None => Closure::new(function).map(Thunk::Closure),
        }
    }

    /// The C function pointer.
    pub(crate) fn code(&self) -> *const c_void {
        match self {
            Thunk::Native(thunk) => thunk.code(),
            Thunk::Closure(closure) => closure.code,
        }
    }
}

/// A libffi closure.
pub(crate) struct Closure {
    closure: NonNull<ffi_closure>,
    code: *const c_void,
    /// libffi keeps pointers into it.
    _interface: Box<Cif>,
}

// SAFETY: after `new` nothing of a thunk is written until it is dropped, and libffi's closures may
// be entered and freed by any thread.
unsafe impl Send for Closure {}
// SAFETY: as above.
unsafe impl Sync for Closure {}

impl Closure {
    fn new(function: &Arc<Resolved>) -> Result<Closure, NoPointer> {
        let refused = || FfiError::Refused {
            function: function.name().to_owned(),
        };
        let interface = Box::new(match function.open() {
            None => callframe_ffi::cif(function.frame())?,
            Some(_) => registers::interface(function.frame())?,
        });
        let (closure, code) = apart_from_forks(try_closure_alloc).ok_or_else(refused)?;
        let closure = NonNull::new(closure).ok_or_else(refused)?;
        let made = Closure {
            closure,
            code: code.as_ptr(),
            _interface: interface,
        };
        // SAFETY: the closure and its code pointer come from libffi's allocator; the interface is
        // boxed and lives in the closure; `function` outlives the closure it holds; `enter` has the
        // signature libffi calls.
        let prepare = || unsafe {
            ffi_prep_closure_loc(
                made.closure.as_ptr(),
                made._interface.as_raw_ptr(),
                Some(enter),
                Arc::as_ptr(function).cast_mut().cast::<c_void>(),
                code.as_mut_ptr(),
            )
        };
        // It takes the lock of libffi's trampolines.
        let status = apart_from_forks(prepare);
        if status == ffi_status_FFI_OK {
            Ok(made)
        } else {
            Err(refused().into())
        }
    }
}

impl Drop for Closure {
    fn drop(&mut self) {
        // SAFETY: it came from libffi's allocator and is freed here only; a thread that still
        // stands in it holds the function, so this does not run then. libffi's allocator has locks.
        apart_from_forks(|| unsafe { ffi_closure_free(self.closure.as_ptr().cast()) });
    }
}

/// What a thunk leads to.
struct InWords;

impl Entered for InWords {
    unsafe fn enter(function: *const c_void, words: (u64, u64)) -> (u64, u64) {
        // SAFETY: as in `enter`.
        let resolved = unsafe { &*function.cast::<Resolved>() };
        let errno = channel::errno().unwrap_or_else(Errno::here);
        let before = errno.get();
        let Some(quick) = resolved.quick() else {
            // The thunk was made because there is one.
            return (0, 0);
        };
        let slots = quick.slots([words.0, words.1]);
        match quick.enter_words(resolved, slots, before) {
            Ok((result, after)) => {
                errno.set(after);
                result
            }
            // SAFETY: as above.
            Err(way) => unsafe {
                let [first, second] = go_on_in_words(function, way, &mut { slots }, before);
                (first, second)
            },
        }
    }
}

/// What a thunk of a call of plain bytes leads to.
struct InRegisters;

impl EnteredScalars for InRegisters {
    #[inline]
    unsafe fn enter(function: *const c_void, passed: &Passed) -> [u64; 2] {
        let before = errno();
        // SAFETY: as in `enter`.
        let resolved = unsafe { &*function.cast::<Resolved>() };
        let plain = resolved.plain().and_then(|it| Some((it, it.scalars()?)));
        let Some((plain, scalars)) = plain else {
            // The thunk was made because there are both.
            return [0; 2];
        };
        let mut words = scalars.words(passed);
        // SAFETY: the program's promise: these are the arguments of its call.
        match unsafe { plain.call_words(resolved, &words, before) } {
            Ok((word, after)) => {
                set_errno(after);
                match resolved.narrow() {
                    Some(narrow) => [narrow.widened(word.to_le_bytes()) as u64, 0],
                    None => [word, 0],
                }
            }
            // SAFETY: as above.
            Err(way) => unsafe { go_on_in_words(function, way, &mut words, before) },
        }
    }
}

/// As [`go_on`], for a function each of whose parameters begins with the word of the same number.
///
/// # Safety
/// As [`Entered::enter`]; there are as many words as the function's parameters have.
#[cold]
unsafe fn go_on_in_words(
    function: *const c_void,
    way: Way,
    words: &mut [u64],
    before: i32,
) -> [u64; 2] {
    let first = words.as_mut_ptr();
    let mut arguments = [std::ptr::null_mut(); MOST_PARAMETERS];
    for (index, argument) in arguments.iter_mut().take(words.len()).enumerate() {
        *argument = first.wrapping_add(index).cast::<c_void>();
    }
    let mut result = [0u64; 2];
    // SAFETY: the words are those of all arguments, and a struct of two is both of them; the result has
    // two words, of which the function's is one or both.
    let after = unsafe {
        let result = result.as_mut_ptr().cast();
        go_on(
            function.cast_mut(),
            way,
            result,
            arguments.as_mut_ptr(),
            before,
        )
    };
    set_errno(after);
    result
}

/// What the pointer of a closure leads to. No panic leaves it.
///
/// # Safety
/// libffi calls it: `result` and `arguments` are those of a call of the interface in the thunk,
/// `function` is what was given to [`Closure::new`].
unsafe extern "C" fn enter(
    _interface: *mut ffi_cif,
    result: *mut c_void,
    arguments: *mut *mut c_void,
    function: *mut c_void,
) {
    let before = errno();
    // SAFETY: the pointer came from an Arc that the library, or the session's list of retired
    // functions, still holds: nobody may call a function after its library was closed. While a quick
    // call waits, it holds the library.
    let way = unsafe {
        let function = &*function.cast_const().cast::<Resolved>();
        match (function.quick(), function.plain()) {
            (Some(quick), _) => quick.enter(function, result, arguments, before),
            (None, Some(plain)) => enter_plain(function, plain, result, arguments, before),
            (None, None) => Way::No,
        }
    };
    let after = match way {
        Way::Done(after) => after,
        // SAFETY: as above.
        way => unsafe { go_on(function, way, result, arguments, before) },
    };
    set_errno(after);
}

/// Makes a call of plain bytes.
///
/// # Safety
/// As [`enter`]; `plain` is of `function`.
unsafe fn enter_plain(
    function: &Resolved,
    plain: &Plain,
    result: *mut c_void,
    arguments: *mut *mut c_void,
    errno: i32,
) -> Way {
    let mut addresses = [0; MOST_PARAMETERS];
    let count = function.frame().parameters().len();
    let Some(addresses) = addresses.get_mut(..count) else {
        return Way::No;
    };
    for (index, address) in addresses.iter_mut().enumerate() {
        // SAFETY: libffi gives one pointer for each parameter.
        *address = unsafe { *arguments.add(index) }.expose_provenance() as u64;
    }
    // SAFETY: the addresses are those of the arguments, and `place` is room for the result.
    unsafe {
        store(function, result, |place| {
            plain.call(function, addresses, errno, place)
        })
    }
}

/// Goes on with a call that has come so far; gives the errno it leaves.
///
/// # Safety
/// As [`enter`].
#[cold]
unsafe fn go_on(
    function: *mut c_void,
    way: Way,
    result: *mut c_void,
    arguments: *mut *mut c_void,
    before: i32,
) -> i32 {
    let _uncancelled = Uncancelled::new();
    // SAFETY: as in `enter`.
    let function = unsafe {
        let function = function.cast_const().cast::<Resolved>();
        Arc::increment_strong_count(function);
        Arc::from_raw(function)
    };
    // SAFETY: libffi's promise, and the program's.
    let call = || unsafe { carry(&function, way, result, arguments, before) };
    let after = catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|_| {
        last::set(internal(function.name()));
        // SAFETY: as above.
        let fail = || unsafe { store(&function, result, |place| call::fail(&function, place)) };
        let _ = catch_unwind(AssertUnwindSafe(fail));
        libc::ECOMM
    });
    let _ = catch_unwind(AssertUnwindSafe(|| drop(function)));
    after
}

/// Carries the call and gives the errno it leaves.
///
/// # Safety
/// As [`enter`].
unsafe fn carry(
    function: &Arc<Resolved>,
    way: Way,
    result: *mut c_void,
    arguments: *mut *mut c_void,
    errno: i32,
) -> i32 {
    if let Some(open) = function.open() {
        // SAFETY: libffi's promise: the closure of such a function is one over the register file.
        let walk = unsafe { registers::Walk::new(arguments) };
        // SAFETY: the caller's promise.
        return unsafe {
            finish(function, result, |place| {
                from_c::invoke(function, open, walk, errno, place)
            })
        };
    }
    let count = function.frame().parameters().len();
    let mut few = [0; FEW];
    let mut many = Vec::new();
    let addresses = match few.get_mut(..count) {
        Some(few) => few,
        None => {
            many.resize(count, 0);
            many.as_mut_slice()
        }
    };
    for (index, address) in addresses.iter_mut().enumerate() {
        // SAFETY: libffi gives one pointer for each parameter.
        *address = unsafe { *arguments.add(index) }.expose_provenance() as u64;
    }
    // SAFETY: the addresses are those of the arguments, and `place` is room for the result.
    unsafe {
        finish(function, result, |place| {
            call::go_on(function, way, addresses, (errno, place), &mut Vec::new())
        })
    }
}

/// Makes the call, whose result goes to the address it is given; gives the errno it leaves.
///
/// # Safety
/// `result` is libffi's room for the result of `function`.
unsafe fn finish(
    function: &Arc<Resolved>,
    result: *mut c_void,
    call: impl FnOnce(u64) -> Result<Outcome, Error>,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        store(function, result, |place| match call(place) {
            Ok(outcome) => outcome.errno,
            Err(error) => {
                call::fail(function, place);
                report(function, error)
            }
        })
    }
}

/// Has `write` put the result at the address it is given, then widens it where libffi wants that.
///
/// # Safety
/// `result` is libffi's room for the result of `function`.
unsafe fn store<T>(function: &Resolved, result: *mut c_void, write: impl FnOnce(u64) -> T) -> T {
    let mut register = [0u8; size_of::<usize>()];
    let place = match (function.is_void(), function.narrow()) {
        (true, _) => 0,
        (false, Some(_)) => register.as_mut_ptr().expose_provenance() as u64,
        (false, None) => result.expose_provenance() as u64,
    };
    let written = write(place);
    if let Some(narrow) = function.narrow() {
        // SAFETY: libffi has room for a whole register where the result is a narrow integer.
        unsafe {
            result
                .cast::<usize>()
                .write_unaligned(narrow.widened(register))
        };
    }
    written
}

/// Tells the program of a failed call; gives the errno that says so.
pub(crate) fn report(function: &Resolved, error: Error) -> i32 {
    let errno = error.errno();
    let handler = function.library().and_then(|library| library.on_error());
    last::set(error.clone());
    if let Some(handler) = handler {
        handler(&error);
    }
    errno
}

fn internal(function: &str) -> Error {
    let fault = Fault::host(
        FaultCode::System,
        format!("{function}: a mistake inside of libcosmos; its message is on standard error"),
    );
    Error::from(fault).in_function(function)
}
