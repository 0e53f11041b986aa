//! Functions that the library can call and that are the client's: thunks of [`callframe_native`], and
//! libffi closures where a callback's type has no convention, or no thunk is left.
//!
//! A closure costs an allocation and a page of code that may have to be made executable, so those
//! of one callback type are made when they are needed and then used again: the pool of a resolved
//! function has as many as its calls ever needed at once.
//!
//! The pool lives as long as the library, whose destructors may call what it was given once.
//!
//! What a closure stands for is changed under a lock, for a library may call it when it must not, while
//! it is bound anew. A thread that has bound it for one call needs none while that call runs, which is
//! the thread's own: nobody binds it anew meanwhile.
//!
//! A closure stays bound to the last function it stood for. A library that calls it after the call
//! it was passed to is so told apart from one that may, and the client is told.

use callframe::marshal::MemoryError;
use callframe::types::Type;
use callframe::{CallFrame, DataModel, Template};
use callframe_ffi::{FfiError, NarrowResult};
use callframe_native::{Convention, Entered, EnteredScalars, Passed, Scalars, Thunk};
use cosmos_vm_core::{Callback, Undelivered};
use libffi::low::{ffi_cif, ffi_closure, try_closure_alloc};
use libffi::middle::Cif;
use libffi::raw::{ffi_closure_free, ffi_prep_closure_loc, ffi_status_FFI_OK};
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Arguments up to this number need no memory of their own.
const FEW: usize = 16;

/// The closures of one callback type.
pub(crate) struct Pool {
    signature: Arc<Signature>,
    idle: Mutex<Vec<Closure>>,
}

/// A closure that stands for one of the client's functions until this is dropped.
pub(crate) struct Bound {
    pool: Arc<Pool>,
    closure: Option<Closure>,
}

/// What libffi and the way back need to know of a callback type.
struct Signature {
    interface: Cif,
    /// Of a callback that can be entered without libffi: by two words, or by one for each parameter.
    convention: Option<Convention>,
    scalars: Option<Scalars>,
    parameters: usize,
    /// Bytes of the result; 0 for none.
    result: usize,
    narrow: Option<NarrowResult>,
}

// SAFETY: the raw pointers in a Cif lead to type descriptions it owns. They are written when it is
// made, and by libffi never again.
unsafe impl Send for Signature {}
// SAFETY: as above.
unsafe impl Sync for Signature {}

struct Closure {
    entrance: Entrance,
    /// Its address is handed to every call.
    slot: Box<Slot>,
}

/// The code that the library calls.
enum Entrance {
    Native(Thunk),
    Ffi(NonNull<ffi_closure>, *const c_void),
}

// SAFETY: either may be entered, and freed, on any thread.
unsafe impl Send for Entrance {}

struct Slot {
    signature: Arc<Signature>,
    stands_for: Mutex<Arc<Callback>>,
    /// The same, to be followed by the thread that has bound it, and which that is; 0 for none.
    bound: AtomicPtr<Callback>,
    by: AtomicUsize,
}

impl Pool {
    /// For callbacks of this frame.
    pub fn new(
        callback: &Arc<CallFrame>,
        model: DataModel,
        result: usize,
    ) -> Result<Pool, FfiError> {
        let template = Template::of(callback, model).ok();
        let is_void = matches!(callback.ty(callback.result()), Type::Void);
        Ok(Pool {
            signature: Arc::new(Signature {
                interface: callframe_ffi::cif(callback)?,
                convention: template.as_ref().and_then(Convention::of),
                scalars: template.as_ref().and_then(Scalars::of),
                parameters: callback.parameters().len(),
                result: if is_void { 0 } else { result },
                narrow: callframe_ffi::result_of(callback),
            }),
            idle: Mutex::default(),
        })
    }

    /// A closure that stands for `callback` until the value is dropped, by this thread.
    pub fn bind(self: &Arc<Pool>, callback: Arc<Callback>) -> Result<Bound, MemoryError> {
        let known = lock(&self.idle).pop();
        let closure = match known {
            Some(closure) => {
                *lock(&closure.slot.stands_for) = callback;
                closure
            }
            None => Closure::new(&self.signature, callback).ok_or(MemoryError::Exhausted)?,
        };
        closure.slot.bind();
        Ok(Bound {
            pool: Arc::clone(self),
            closure: Some(closure),
        })
    }
}

impl Bound {
    /// The address that the library calls.
    pub fn address(&self) -> u64 {
        self.closure
            .as_ref()
            .map_or(0, |closure| closure.code().expose_provenance() as u64)
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        let closure = self.closure.take();
        if let Some(closure) = &closure {
            closure.slot.by.store(0, Ordering::Release);
        }
        lock(&self.pool.idle).extend(closure);
    }
}

impl Closure {
    fn new(signature: &Arc<Signature>, callback: Arc<Callback>) -> Option<Closure> {
        let slot = Box::new(Slot {
            signature: Arc::clone(signature),
            bound: AtomicPtr::default(),
            by: AtomicUsize::new(0),
            stands_for: Mutex::new(callback),
        });
        let data = (&raw const *slot).cast::<c_void>();
        let native = match (&signature.convention, &signature.scalars) {
            (Some(convention), _) => Thunk::new::<InWords>(convention, data),
            (None, Some(scalars)) => Thunk::of_scalars::<InRegisters>(scalars, data),
            (None, None) => None,
        };
        let entrance = match native {
            Some(thunk) => Entrance::Native(thunk),
            None => Entrance::ffi(signature, data)?,
        };
        Some(Closure { entrance, slot })
    }

    fn code(&self) -> *const c_void {
        match &self.entrance {
            Entrance::Native(thunk) => thunk.code(),
            Entrance::Ffi(_, code) => *code,
        }
    }
}

impl Entrance {
    /// A libffi closure over a slot, which has the signature and outlives it.
    fn ffi(signature: &Arc<Signature>, slot: *const c_void) -> Option<Entrance> {
        let (closure, code) = try_closure_alloc()?;
        let entrance = Entrance::Ffi(NonNull::new(closure)?, code.as_ptr());
        // SAFETY: the closure and its code come from libffi's allocator; the interface lives in the
        // signature, which the slot holds; the slot is boxed and lives as long as the closure;
        // `enter` has the signature libffi calls.
        let status = unsafe {
            ffi_prep_closure_loc(
                closure,
                signature.interface.as_raw_ptr(),
                Some(enter),
                slot.cast_mut(),
                code.as_mut_ptr(),
            )
        };
        (status == ffi_status_FFI_OK).then_some(entrance)
    }
}

/// Has libffi's allocator make what all closures are made from.
pub(crate) fn prepare() {
    if let Some((closure, _)) = try_closure_alloc() {
        // SAFETY: it was just allocated, and nothing was made of it.
        unsafe { ffi_closure_free(closure.cast()) };
    }
}

impl Drop for Entrance {
    fn drop(&mut self) {
        if let Entrance::Ffi(closure, _) = self {
            // SAFETY: it came from libffi's allocator and is freed here only. A library that calls it
            // from now on does what no program may do to a function that is gone.
            unsafe { ffi_closure_free(closure.as_ptr().cast()) };
        }
    }
}

/// What a thunk leads to.
struct InWords;

impl Entered for InWords {
    #[inline]
    unsafe fn enter(slot: *const c_void, (first, second): (u64, u64)) -> (u64, u64) {
        // SAFETY: the caller's promise.
        let [first, second] = unsafe { enter_in_words(slot, |_| Some([first, second])) };
        (first, second)
    }
}

/// The same of a function of more words.
struct InRegisters;

impl EnteredScalars for InRegisters {
    #[inline]
    unsafe fn enter(slot: *const c_void, passed: &Passed) -> [u64; 2] {
        // SAFETY: the caller's promise.
        unsafe {
            enter_in_words(slot, |signature| {
                Some(signature.scalars.as_ref()?.words(passed))
            })
        }
    }
}

/// Calls what a thunk stands for, with the words of its arguments; gives those of the result, zeros where
/// there is none.
///
/// # Safety
/// `slot` is what the thunk was made of.
#[inline]
unsafe fn enter_in_words<const WORDS: usize>(
    slot: *const c_void,
    words: impl FnOnce(&Signature) -> Option<[u64; WORDS]>,
) -> [u64; 2] {
    // SAFETY: errno is where it is as long as the thread lives, which is in here; the slot lives as long as the
    // thunk, which the library holds.
    let (place, slot) = unsafe { (libc::__errno_location(), &*slot.cast::<Slot>()) };
    // SAFETY: as above.
    let before = unsafe { *place };
    let call = || match words(&slot.signature) {
        Some(words) => slot.call_in_words(words, before),
        None => ([0; 2], before),
    };
    let (result, after) = catch_unwind(AssertUnwindSafe(call)).unwrap_or(([0; 2], before));
    // SAFETY: as above.
    unsafe { *place = after };
    result
}

/// What the library calls. No panic leaves it.
///
/// # Safety
/// libffi calls it: `result` and `arguments` are those of a call of the interface that the slot's
/// signature holds; `slot` is what was given to libffi.
unsafe extern "C" fn enter(
    _interface: *mut ffi_cif,
    result: *mut c_void,
    arguments: *mut *mut c_void,
    slot: *mut c_void,
) {
    // SAFETY: errno is thread-local and always there.
    let before = unsafe { *libc::__errno_location() };
    // SAFETY: the slot lives as long as the closure, which the library holds.
    let slot = unsafe { &*slot.cast_const().cast::<Slot>() };
    // SAFETY: libffi has room for the result, and for a register where that is narrower.
    unsafe { slot.signature.zero(result) };
    // SAFETY: libffi's promise.
    let call = || unsafe { slot.call(result, arguments, before) };
    let after = catch_unwind(AssertUnwindSafe(call)).unwrap_or(before);
    // SAFETY: as above.
    unsafe { *libc::__errno_location() = after };
}

impl Signature {
    /// What is returned where nothing else is.
    ///
    /// # Safety
    /// `result` is libffi's room for a result of this signature.
    unsafe fn zero(&self, result: *mut c_void) {
        let size = match self.narrow {
            Some(_) => size_of::<usize>(),
            None => self.result,
        };
        // SAFETY: the caller's promise.
        unsafe { result.cast::<u8>().write_bytes(0, size) };
    }
}

/// What no two threads that live have in common, and is not 0.
fn this_thread() -> usize {
    thread_local! {
        static HERE: u8 = const { 0 };
    }
    HERE.with(|here| std::ptr::from_ref(here).addr())
}

impl Slot {
    /// Where it stands for something during a call alone, this thread makes that.
    fn bind(&self) {
        let callback = lock(&self.stands_for);
        if callback.is_for_one_call() {
            let pointer = Arc::as_ptr(&callback).cast_mut();
            self.bound.store(pointer, Ordering::Relaxed);
            self.by.store(this_thread(), Ordering::Release);
        }
    }

    /// Has `call` use what it stands for.
    #[inline]
    fn with<T>(&self, call: impl FnOnce(&Callback) -> T) -> T {
        if self.by.load(Ordering::Acquire) == this_thread() {
            // SAFETY: this thread has bound it for a call, lets go of it when the function has returned, and
            // is in that still. Until then nobody binds it anew, so the slot holds what it stands for.
            return call(unsafe { &*self.bound.load(Ordering::Relaxed) });
        }
        let callback = Arc::clone(&lock(&self.stands_for));
        call(&callback)
    }

    /// Calls what it stands for with the words of the arguments, each of which begins one; gives those of
    /// the result, and errno.
    #[inline]
    fn call_in_words<const WORDS: usize>(
        &self,
        words: [u64; WORDS],
        errno: i32,
    ) -> ([u64; 2], i32) {
        let parameters = self.signature.parameters;
        let arguments = words.get(..parameters).unwrap_or_default();
        let in_line = self.with(|callback| callback.call_in_line(arguments, errno));
        let ([mut result, second], errno) = match in_line {
            Some(Ok((errno, result))) => ([result, 0], errno),
            Some(Err(Undelivered)) => ([0; 2], errno),
            None => self.call_by_addresses(words, errno),
        };
        if let Some(narrow) = self.signature.narrow {
            result = narrow.widened(result.to_le_bytes()) as u64;
        }
        ([result, second], errno)
    }

    /// The same where arguments and result are found by their addresses.
    #[cold]
    fn call_by_addresses<const WORDS: usize>(
        &self,
        mut words: [u64; WORDS],
        errno: i32,
    ) -> ([u64; 2], i32) {
        let signature = &*self.signature;
        let first = words.as_mut_ptr().expose_provenance() as u64;
        let addresses: [u64; WORDS] =
            std::array::from_fn(|index| first + (index * size_of::<u64>()) as u64);
        let addresses = addresses.get(..signature.parameters).unwrap_or_default();
        let mut result = [0u64; 2];
        let place = match signature.result {
            0 => 0,
            _ => result.as_mut_ptr().expose_provenance() as u64,
        };
        let left = self.with(|callback| callback.call(addresses, errno, place));
        (result, left.unwrap_or(errno))
    }

    /// Calls what the closure stands for. The result, which is zero before, stays so where that
    /// cannot be.
    ///
    /// # Safety
    /// As [`enter`].
    unsafe fn call(&self, result: *mut c_void, arguments: *mut *mut c_void, errno: i32) -> i32 {
        let signature = &*self.signature;
        let mut few = [0; FEW];
        let mut many = Vec::new();
        let addresses = match few.get_mut(..signature.parameters) {
            Some(few) => few,
            None => {
                many.resize(signature.parameters, 0);
                many.as_mut_slice()
            }
        };
        for (index, address) in addresses.iter_mut().enumerate() {
            // SAFETY: libffi gives one pointer for each parameter.
            *address = unsafe { *arguments.add(index) }.expose_provenance() as u64;
        }
        let mut register = [0u8; size_of::<usize>()];
        let place = match (signature.result, signature.narrow) {
            (0, _) => 0,
            (_, Some(_)) => register.as_mut_ptr().expose_provenance() as u64,
            (_, None) => result.expose_provenance() as u64,
        };
        let left = self.with(|callback| callback.call(addresses, errno, place));
        if let Some(narrow) = signature.narrow {
            let value = narrow.widened(register);
            // SAFETY: libffi has room for a whole register where the result is a narrow integer.
            unsafe { result.cast::<usize>().write_unaligned(value) };
        }
        left.unwrap_or(errno)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
