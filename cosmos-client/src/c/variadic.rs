//! Calls of functions with `...` for who walks a `va_list`: a wrapper that a C compiler translates can
//! do that on every machine, and nobody else can.

use super::dl::cosmos_dl;
use super::{guard, text};
use crate::call;
use crate::closure;
use crate::error::Error;
use crate::memory::{errno, set_errno};
use crate::resolved::Resolved;
use crate::session::Session;
use crate::variadic::from_c::{self, Expected};
use callframe::CallFrame;
use callframe::types::{Scalar, Type, Variadic};
use callframe::variadic::Argument;
use cosmos_rpc::{Fault, FaultCode};
use std::ffi::{c_char, c_int, c_void};
use std::sync::Arc;

/// Most arguments of a call in place of `...`.
pub const COSMOS_VARIADIC_ARGUMENTS: c_int = 127;

/// Tells what a call of a function with `...` takes there: its prototype says so by a format, a NULL
/// at the end of a list, or a table. named has the address of the value of each named parameter.
///
/// Writes one letter for each argument, and a NUL: i int, l long, q long long, d double, D long
/// double, p a pointer; s, which is the last: pointers to text up to and with a NULL. Take each with
/// va_arg and give their addresses to cosmos_variadic_call. capacity is that of types.
///
/// Returns the number of letters, or -1 with errno set: EINVAL the format is none, nothing is there for
/// the tag, or the prototype has no such `...`; EMSGSIZE more than fit; and what cosmos_dlsym sets.
///
/// # Safety
/// prototype is NULL or a string; named leads to as many addresses as it has named parameters, each of
/// a value of its type; types is writable for capacity bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cosmos_variadic_types(
    dl: *mut cosmos_dl,
    prototype: *const c_char,
    named: *const *mut c_void,
    types: *mut c_char,
    capacity: usize,
) -> c_int {
    guard(-1, || {
        // SAFETY: the caller's promise.
        let function = unsafe { open(dl, prototype) }?;
        let count = function.frame().parameters().len();
        // SAFETY: likewise.
        let named = unsafe { addresses(named, count) }?;
        // SAFETY: likewise.
        let letters = match unsafe { from_c::expected(&function, named) }? {
            Expected::List => vec![b's'],
            Expected::Arguments(arguments) => arguments
                .iter()
                .map(|argument| letter(&function, *argument))
                .collect::<Result<_, _>>()?,
        };
        if types.is_null() || letters.len() >= capacity {
            let message = format!("{} letters and a NUL do not fit", letters.len());
            return Err(Fault::caller(FaultCode::TooLarge, message).into());
        }
        for (index, letter) in letters.iter().chain([&0]).enumerate() {
            // SAFETY: there is room for all of them, as was checked.
            unsafe { types.add(index).write(*letter as c_char) };
        }
        Ok(c_int::try_from(letters.len()).unwrap_or(c_int::MAX))
    })
}

/// Calls a function with `...`. arguments has the address of the value of each named parameter, then
/// of count more in place of `...`, of the types that cosmos_variadic_types tells. What it returns is
/// written to result, which may be NULL.
///
/// errno is the function's afterwards. A call that cannot be carried leaves there what it does after a
/// call through a pointer of cosmos_dlsym, and writes the failure value; one whose prototype cannot be
/// resolved writes nothing. Either way it returns -1, else 0.
///
/// # Safety
/// prototype is NULL or a string; arguments leads to as many addresses, each of a value of its type,
/// and what pointers among them lead to is as the prototype says; result is NULL or has room for a
/// value of the type of the result.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cosmos_variadic_call(
    dl: *mut cosmos_dl,
    prototype: *const c_char,
    arguments: *const *mut c_void,
    count: c_int,
    result: *mut c_void,
) -> c_int {
    let before = errno();
    guard(-1, || {
        // SAFETY: the caller's promise.
        let function = unsafe { open(dl, prototype) }?;
        let further = usize::try_from(count)
            .ok()
            .filter(|_| count <= COSMOS_VARIADIC_ARGUMENTS)
            .ok_or_else(|| {
                let message = format!("{count} arguments in place of '...'");
                Fault::caller(FaultCode::TooLarge, message)
            })?;
        let count = function.frame().parameters().len() + further;
        // SAFETY: likewise.
        let addresses = unsafe { addresses(arguments, count) }?;
        let place = match function.is_void() {
            true => 0,
            false => result.expose_provenance() as u64,
        };
        let Some(open) = function.open() else {
            return Err(closed_list(&function));
        };
        // SAFETY: likewise.
        let outcome = unsafe { from_c::invoke_given(&function, open, addresses, before, place) };
        let (left, returned) = match outcome {
            Ok(outcome) => (outcome.errno, 0),
            Err(error) => {
                // SAFETY: likewise.
                unsafe { call::fail(&function, place) };
                (closure::report(&function, error), -1)
            }
        };
        set_errno(left);
        Ok(returned)
    })
}

/// The function of a prototype whose `...` is open.
///
/// # Safety
/// prototype is NULL or a string.
unsafe fn open(dl: *mut cosmos_dl, prototype: *const c_char) -> Result<Arc<Resolved>, Error> {
    // SAFETY: the caller's promise.
    let prototype = unsafe { text(prototype, "the prototype") }?;
    let target = Session::current()
        .handles()
        .with_library(dl.addr() as u64, |library| Arc::clone(library.target()))?;
    let function = target.resolve(prototype)?;
    match function.open() {
        Some(_) => Ok(function),
        None => Err(closed_list(&function)),
    }
}

fn closed_list(function: &Resolved) -> Error {
    let message = format!(
        "{} takes nothing in place of '...'; cosmos_dlsym gives a pointer to it",
        function.name()
    );
    Fault::caller(FaultCode::BadArgument, message).into()
}

/// # Safety
/// `from` is NULL or leads to so many addresses.
pub(super) unsafe fn addresses(from: *const *mut c_void, count: usize) -> Result<Vec<u64>, Fault> {
    if from.is_null() && count > 0 {
        return Err(Fault::caller(
            FaultCode::BadArgument,
            "the addresses of the arguments are NULL",
        ));
    }
    let address = |index| {
        // SAFETY: the caller's promise.
        unsafe { *from.add(index) }.expose_provenance() as u64
    };
    Ok((0..count).map(address).collect())
}

/// The type of a case of the function's table.
fn case_type(frame: &CallFrame, case: usize) -> Option<&Type> {
    match frame.variadic() {
        Some(Variadic::By(table)) => table.cases.get(case).map(|case| frame.ty(case.ty)),
        _ => None,
    }
}

/// What an argument is to `va_arg`.
fn letter(function: &Resolved, argument: Argument) -> Result<u8, Fault> {
    let frame = function.frame();
    let scalar = match argument {
        Argument::Scalar(scalar) => scalar,
        Argument::Case(case) => match case_type(frame, case) {
            Some(Type::Scalar(scalar)) => *scalar,
            Some(Type::Descriptor) => Scalar::Int,
            Some(Type::Pointer(_)) => return Ok(b'p'),
            _ => {
                let message = format!("{}: a struct in place of '...'", function.name());
                return Err(Fault::caller(FaultCode::Unsupported, message));
            }
        },
        _ => return Ok(b'p'),
    };
    Ok(match scalar {
        Scalar::Float | Scalar::Double => b'd',
        Scalar::LongDouble => b'D',
        integer => match function.native().scalar(integer).size as usize {
            size if size <= size_of::<c_int>() => b'i',
            size if size == size_of::<std::ffi::c_long>() => b'l',
            _ => b'q',
        },
    })
}
