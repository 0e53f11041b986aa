//! Following requests, for C: as [`crate::trace`] for Rust.

use super::{guard, text};
use crate::trace::{self, Span};
use cosmos_rpc::{Fault, FaultCode};
use std::cell::RefCell;
use std::ffi::{CString, c_char, c_int};

thread_local! {
    /// The steps that this thread has begun and not ended, the innermost last.
    static BEGUN: RefCell<Vec<Span>> = const { RefCell::new(Vec::new()) };
    /// What this thread was shown last.
    static SHOWN: RefCell<CString> = RefCell::default();
}

/// The step that this thread is in, as W3C's trace context writes it, "00-TRACE-SPAN-01", for who is to
/// go on with it: for TRACEPARENT in the environment of a program, or the header traceparent of a request.
/// NULL where steps are not followed (the setting trace), or this thread is in none. The string is this
/// thread's, valid until it calls this again; do not free it.
#[unsafe(no_mangle)]
pub extern "C" fn cosmos_traceparent() -> *const c_char {
    guard(std::ptr::null(), || {
        let Some(step) = trace::traceparent() else {
            return Ok(std::ptr::null());
        };
        let step = CString::new(step).unwrap_or_default();
        let show = |shown: &RefCell<CString>| {
            let mut shown = shown.borrow_mut();
            *shown = step;
            shown.as_ptr()
        };
        Ok(SHOWN.try_with(show).unwrap_or(std::ptr::null()))
    })
}

/// Makes what this thread does from now on a part of the step that traceparent names, of whichever
/// program, until it is set anew, or the step of cosmos_trace_begin that it was set in ends; NULL: a part of
/// none. Returns 0, also where steps are not followed; or -1 with errno EINVAL: traceparent names no step,
/// and nothing was set.
///
/// # Safety
/// traceparent is NULL or a string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cosmos_traceparent_set(traceparent: *const c_char) -> c_int {
    guard(-1, || {
        if traceparent.is_null() {
            trace::set(None)?;
            return Ok(0);
        }
        // SAFETY: the caller's promise.
        let given = unsafe { text(traceparent, "the traceparent") }?;
        trace::set(Some(given))?;
        Ok(0)
    })
}

/// Begins a step of the program's own, what being what it is about, or NULL: what this thread does until
/// cosmos_trace_end is a part of it. Where steps are not followed (the setting trace) this does nothing.
/// Returns 0, or -1 with errno EINVAL: name is NULL, or one of both is not UTF-8, and nothing was begun.
///
/// # Safety
/// name and what are NULL or strings.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cosmos_trace_begin(name: *const c_char, what: *const c_char) -> c_int {
    guard(-1, || {
        // SAFETY: the caller's promise.
        let name = unsafe { text(name, "the step's name") }?;
        let what = match what.is_null() {
            true => "",
            // SAFETY: the caller's promise.
            false => unsafe { text(what, "what the step is about") }?,
        };
        if trace::is_written() {
            let span = trace::span(name, what);
            // A thread that is ending begins none.
            let _ = BEGUN.try_with(|begun| begun.borrow_mut().push(span));
        }
        Ok(0)
    })
}

/// Ends the step that this thread has begun last; failed, unless it is NULL, says why it failed. Returns
/// 0, also where steps are not followed; or -1 with errno EINVAL: this thread is in no step of
/// cosmos_trace_begin, or failed is not UTF-8, and nothing was ended.
///
/// # Safety
/// failed is NULL or a string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cosmos_trace_end(failed: *const c_char) -> c_int {
    guard(-1, || {
        let why = match failed.is_null() {
            true => None,
            // SAFETY: the caller's promise.
            false => Some(unsafe { text(failed, "why the step failed") }?),
        };
        if !trace::is_written() {
            return Ok(0);
        }
        let last = BEGUN.try_with(|begun| begun.borrow_mut().pop());
        let Some(mut span) = last.ok().flatten() else {
            let message = "this thread is in no step that it has begun";
            return Err(Fault::caller(FaultCode::BadArgument, message).into());
        };
        if let Some(why) = why {
            span.fail(&why);
        }
        Ok(0)
    })
}
