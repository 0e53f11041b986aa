//! Calls by values, for languages that have no C compiler at hand: what goes in and comes out is bytes.

use super::dl::cosmos_dl;
use super::{given, guard, text};
use crate::dynamic;
use crate::error::Error;
use crate::memory::set_errno;
use crate::session::{Session, lock};
use crate::sizes;
use crate::value::wire::{self, Known};
use crate::value::{Memory, Value};
use crate::{Answer, callback_writing};
use cosmos_rpc::{Fault, FaultCode};
use std::collections::HashMap;
use std::ffi::{c_char, c_int, c_ulong, c_void};
use std::sync::{Arc, LazyLock, Mutex};

/// What a function of the program answers a library: see cosmos_functions.
#[allow(non_camel_case_types)]
#[derive(Debug)]
pub struct cosmos_answer {
    bytes: Vec<u8>,
}

/// The functions of a program that calls by values, which it knows by numbers of its own choice.
#[allow(non_camel_case_types)]
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct cosmos_functions {
    /// Given to both.
    pub cookie: *mut c_void,
    /// Calls the function of a number with values, on the thread that waits for the library. It gives
    /// its result, and what it wrote, to cosmos_answer_set; where it does not, the call fails.
    pub call: Option<
        unsafe extern "C" fn(
            cookie: *mut c_void,
            function: c_ulong,
            values: *const c_void,
            length: usize,
            answer: *mut cosmos_answer,
        ),
    >,
    /// Told, on any thread, when no library can call the function of a number any more that was passed
    /// once.
    pub release: Option<unsafe extern "C" fn(cookie: *mut c_void, function: c_ulong)>,
}

// SAFETY: the caller of cosmos_call_values promises that the functions may be called on any thread.
unsafe impl Send for cosmos_functions {}
// SAFETY: likewise.
unsafe impl Sync for cosmos_functions {}

/// Memory that stands for objects, by its number.
static MEMORIES: LazyLock<Mutex<Memories>> = LazyLock::new(Mutex::default);

#[derive(Default)]
struct Memories {
    last: u64,
    all: HashMap<u64, Memory>,
}

/// Calls a function by values: length bytes that docs/python.md of cosmos_vm describes, one value for
/// each parameter, then those in place of `...`. Parameters that do nothing but say how large a buffer is
/// that goes in may be left out, all of them together, and so may those that only come back. functions
/// may be NULL where no function is among the values.
///
/// reply gets what the function returned, what it wrote, and errno as it left it, in reply_length bytes to
/// be freed by cosmos_values_free. Unlike a call through a pointer, a failed one has no result.
///
/// Returns 0, or -1 with errno set as cosmos_dlsym and calls through its pointers do; EINVAL also where
/// the values are none, or do not fit the prototype. Any thread may call it.
///
/// # Safety
/// prototype is NULL or a string; values leads to length bytes; functions is NULL or leads to functions
/// that may be called with its cookie, on any thread, until the release of each number; reply and
/// reply_length are writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cosmos_call_values(
    dl: *mut cosmos_dl,
    prototype: *const c_char,
    values: *const c_void,
    length: usize,
    functions: *const cosmos_functions,
    reply: *mut *mut c_void,
    reply_length: *mut usize,
) -> c_int {
    guard(-1, || {
        given(reply, "the place of the reply")?;
        given(reply_length, "the place of its length")?;
        // SAFETY: the caller's promise.
        let (prototype, values) =
            unsafe { (text(prototype, "the prototype")?, bytes(values, length)?) };
        // SAFETY: likewise.
        let functions = unsafe { functions.as_ref() }.copied();
        let values = wire::values(values, &Host { functions }).map_err(refused)?;
        let target = Session::current()
            .handles()
            .with_library(dl.addr() as u64, |library| Arc::clone(library.target()))?;
        let function = target.resolve(prototype)?;
        let values = sizes::completed(function.frame(), values);
        let outcome = dynamic::call(&function, &values)?;
        let mut bytes = Vec::new();
        wire::write_outcome(&mut bytes, &outcome);
        let bytes = Box::leak(bytes.into_boxed_slice());
        // SAFETY: both are writable, by the caller's promise.
        unsafe {
            reply_length.write(bytes.len());
            reply.write(bytes.as_mut_ptr().cast());
        }
        set_errno(outcome.errno);
        Ok(0)
    })
}

/// Frees a reply of cosmos_call_values; NULL is allowed.
///
/// # Safety
/// reply is NULL, or what cosmos_call_values gave, with its length, and not used after.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cosmos_values_free(reply: *mut c_void, length: usize) {
    if !reply.is_null() {
        let bytes = std::ptr::slice_from_raw_parts_mut(reply.cast::<u8>(), length);
        // SAFETY: it was leaked from a box of so many bytes, and is given back once.
        drop(unsafe { Box::from_raw(bytes) });
    }
}

/// Answers a library: length bytes with the value that the function returns and what it wrote, as
/// docs/python.md of cosmos_vm describes. Returns 0, or -1 with errno EINVAL.
///
/// # Safety
/// answer is NULL, or what the function was given and has not returned from; values leads to length
/// bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cosmos_answer_set(
    answer: *mut cosmos_answer,
    values: *const c_void,
    length: usize,
) -> c_int {
    guard(-1, || {
        given(answer, "the answer")?;
        // SAFETY: the caller's promise.
        unsafe { (*answer).bytes = bytes(values, length)?.to_vec() };
        Ok(0)
    })
}

/// Memory in which a library may make an object, and that stands for it in later calls: a number, which
/// is never 0. Give it to cosmos_memory_free.
#[unsafe(no_mangle)]
pub extern "C" fn cosmos_memory_new() -> c_ulong {
    let mut memories = lock(&MEMORIES);
    memories.last += 1;
    let number = memories.last;
    memories.all.insert(number, Memory::new());
    number
}

/// Forgets memory; an object that was made in it and not destroyed stays in its VM until its library is
/// closed. Returns 0, or -1 with errno EBADF: it was forgotten already, or never was.
#[unsafe(no_mangle)]
pub extern "C" fn cosmos_memory_free(memory: c_ulong) -> c_int {
    guard(-1, || {
        let forgotten = lock(&MEMORIES).all.remove(&memory);
        forgotten.map(|_| 0).ok_or_else(|| {
            let message = format!("there is no memory {memory}");
            Fault::caller(FaultCode::StaleHandle, message).into()
        })
    })
}

/// What numbers among values stand for.
struct Host {
    functions: Option<cosmos_functions>,
}

/// A function of the program that a library may call, until it is dropped.
struct Passed {
    functions: cosmos_functions,
    number: u64,
}

impl Known for Host {
    fn function(&self, number: u64) -> Value {
        let Some(functions) = self.functions else {
            return Value::Null;
        };
        let passed = Passed { functions, number };
        let host = Host { ..*self };
        callback_writing(move |arguments| {
            let answered = passed.call(arguments);
            // What is no answer is of no type that a callback returns, which fails the call.
            wire::answer(&answered, &host).unwrap_or_else(|_| Answer::new(Value::Out))
        })
    }

    fn memory(&self, number: u64) -> Option<Memory> {
        lock(&MEMORIES).all.get(&number).cloned()
    }
}

impl Passed {
    fn call(&self, arguments: &[Value]) -> Vec<u8> {
        let mut values = Vec::new();
        arguments
            .iter()
            .for_each(|value| wire::write(&mut values, value));
        let mut answer = cosmos_answer { bytes: Vec::new() };
        if let Some(call) = self.functions.call {
            // SAFETY: it may be called with its cookie, by the promise of cosmos_call_values; the values
            // are so many bytes, and the answer lives until it returns.
            unsafe {
                call(
                    self.functions.cookie,
                    self.number,
                    values.as_ptr().cast(),
                    values.len(),
                    &mut answer,
                );
            }
        }
        answer.bytes
    }
}

impl Drop for Passed {
    fn drop(&mut self) {
        if let Some(release) = self.functions.release {
            // SAFETY: as in `call`.
            unsafe { release(self.functions.cookie, self.number) };
        }
    }
}

fn refused(what: String) -> Error {
    Fault::caller(FaultCode::BadArgument, what).into()
}

/// # Safety
/// `from` is NULL or leads to so many bytes, which nobody writes while the result lives.
unsafe fn bytes<'b>(from: *const c_void, length: usize) -> Result<&'b [u8], Fault> {
    if length == 0 {
        return Ok(&[]);
    }
    let from = given(from, "the values")?;
    // SAFETY: the caller's promise.
    Ok(unsafe { std::slice::from_raw_parts(from.cast(), length) })
}
