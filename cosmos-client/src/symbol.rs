//! Functions with a Rust type.

use crate::call;
use crate::closure;
use crate::error::Error;
use crate::function::Function;
use crate::memory::{errno, set_errno};
use crate::signature::{Argument, ByValue, Carried, Shape, Signature, check};
use many::{Arguments, carry_all};
use std::marker::PhantomData;
use std::mem::MaybeUninit;

mod many;

/// A function in a VM with the Rust type `F`, which has been checked against its prototype.
///
/// It keeps its library open. It can be used by any number of threads at once.
///
/// - `call` calls it as C would: where the call itself fails (the VM died, say) it returns the
///   declared failure value, sets errno, and [`last_error`](crate::last_error) says more.
/// - `try_call` gives the failure as a value instead.
/// - [`Symbol::pointer`] is the bare C function pointer.
///
/// Where `F` takes nothing but values, `call` is safe, whatever the code in the VM does. Where
/// pointers are among the parameters, `F` is an `unsafe extern "C" fn` and so is `call`: that they
/// lead to as much memory as the prototype says is the program's promise.
#[derive(Clone, Debug)]
pub struct Symbol<F> {
    function: Function,
    ty: PhantomData<F>,
}

impl<F: Signature> Symbol<F> {
    pub(crate) fn new(function: Function) -> Result<Symbol<F>, Error> {
        check::<F>(function.resolved()).map_err(Error::Signature)?;
        Ok(Symbol {
            function,
            ty: PhantomData,
        })
    }

    /// The C function pointer.
    ///
    /// # Safety
    /// It must not be called after the last `Symbol` and `Function` for it was dropped, or its
    /// library was closed.
    pub unsafe fn pointer(&self) -> F {
        // SAFETY: the closure has the prototype's signature, and `F` was checked to be that.
        unsafe { F::from_pointer(self.function.pointer()) }
    }

    /// The same function without its Rust type.
    pub fn function(&self) -> &Function {
        &self.function
    }
}

/// Carries a call to a result of type `R`, which was checked to be the prototype's.
///
/// # Safety
/// The addresses are of values of the prototype's parameters, and pointers among them lead to what
/// the prototype says.
unsafe fn carry<R: Carried>(function: &Function, arguments: &[u64]) -> (R, Result<(), Error>) {
    let before = errno();
    let function = function.resolved();
    let mut result = MaybeUninit::<R>::zeroed();
    let place = match R::SHAPE {
        Shape::Unit => 0,
        _ => result.as_mut_ptr().expose_provenance() as u64,
    };
    // SAFETY: the caller's promise; `result` has the size of the prototype's result.
    let outcome = unsafe { call::invoke(function, arguments, before, place) };
    if outcome.is_err() {
        // SAFETY: as above.
        unsafe { call::fail(function, place) };
    }
    set_errno(outcome.as_ref().map_or(before, |outcome| outcome.errno));
    // SAFETY: it is zero, or what the call has returned.
    (unsafe { valid(result) }, outcome.map(drop))
}

/// A result as a value.
///
/// # Safety
/// Its bytes are initialised.
unsafe fn valid<R: Carried>(mut result: MaybeUninit<R>) -> R {
    if R::SHAPE == Shape::Bool {
        let byte = result.as_mut_ptr().cast::<u8>();
        // SAFETY: a bool is one byte, and 0 and 1 are its valid values.
        unsafe { byte.write(u8::from(byte.read() != 0)) };
    }
    // SAFETY: it is initialised, and R takes any bits.
    unsafe { result.assume_init() }
}

macro_rules! calls {
    ($bound:ident, [$($safety:tt)*], $($parameter:ident $name:ident)*) => {
        impl<R: Carried, $($parameter: $bound),*> Symbol<$($safety)* extern "C" fn($($parameter),*) -> R> {
            /// Calls it as C would: a failed call returns the declared failure value, sets errno
            /// and is remembered for [`last_error`](crate::last_error).
            ///
            /// # Safety
            /// An `unsafe` one only: pointers lead to as much memory as the prototype says, and
            /// no other thread writes it meanwhile.
            #[allow(clippy::too_many_arguments)]
            pub $($safety)* fn call(&self, $($name: $parameter),*) -> R {
                let arguments = [$((&raw const $name).expose_provenance() as u64),*];
                // SAFETY: one address for each parameter, of its type, as was checked; what
                // pointers lead to is the program's promise.
                let (result, outcome) = unsafe { carry::<R>(&self.function, &arguments) };
                if let Err(error) = outcome {
                    let left = closure::report(self.function.resolved(), error);
                    set_errno(left);
                }
                result
            }

            /// Calls it and gives a failure of the call as a value. What the function itself
            /// returns is never taken for a failure.
            ///
            /// # Errors
            /// Whatever makes a call fail.
            ///
            /// # Safety
            /// As `call`.
            #[allow(clippy::too_many_arguments)]
            pub $($safety)* fn try_call(&self, $($name: $parameter),*) -> Result<R, Error> {
                let arguments = [$((&raw const $name).expose_provenance() as u64),*];
                // SAFETY: as above.
                let (result, outcome) = unsafe { carry::<R>(&self.function, &arguments) };
                outcome.map(|()| result)
            }

            /// Calls it once for each of these tuples of arguments, in their order; gives what each
            /// call returned, or how it failed. Where all parameters and the result are a few numbers,
            /// the calls travel in few messages, which costs far less than a call each. As for what
            /// happens when a VM dies, or time is over, see [`Batch`](crate::Batch).
            ///
            /// # Safety
            /// As `call`, for each.
            pub $($safety)* fn call_all(&self, calls: &[($($parameter,)*)]) -> Vec<Result<R, Error>> {
                let Some(first) = calls.first() else {
                    return Vec::new();
                };
                let arguments = Arguments {
                    first: calls.as_ptr().cast(),
                    count: calls.len(),
                    stride: size_of::<($($parameter,)*)>(),
                    offsets: {
                        let base = std::ptr::from_ref(first).addr();
                        let ($($name,)*) = first;
                        let addresses: Vec<usize> = vec![$(std::ptr::from_ref($name).addr()),*];
                        addresses.into_iter().map(|address| address - base).collect()
                    },
                };
                // SAFETY: tuples of values of the parameters, as was checked; what pointers lead to
                // is the program's promise.
                unsafe { carry_all::<R>(&self.function, arguments) }
            }
        }
    };
}

macro_rules! all_calls {
    ($(($($parameter:ident $name:ident)*))*) => {$(
        calls!(ByValue, [], $($parameter $name)*);
        calls!(Argument, [unsafe], $($parameter $name)*);
    )*};
}

all_calls! {
    ()
    (A a)
    (A a B b)
    (A a B b C c)
    (A a B b C c D d)
    (A a B b C c D d E e)
    (A a B b C c D d E e G g)
    (A a B b C c D d E e G g H h)
    (A a B b C c D d E e G g H h I i)
    (A a B b C c D d E e G g H h I i J j)
    (A a B b C c D d E e G g H h I i J j K k)
    (A a B b C c D d E e G g H h I i J j K k L l)
    (A a B b C c D d E e G g H h I i J j K k L l M m)
}
