//! Calls that are started now and waited for later.

use super::dl::cosmos_fn;
use super::guard;
use crate::call;
use crate::closure::report;
use crate::error::Error;
use crate::memory::{errno, set_errno};
use crate::resolved::Resolved;
use crate::session::Session;
use crate::started::{Underway, await_any, begin};
use callframe::marshal::Outcome;
use cosmos_rpc::{Fault, FaultCode};
use std::ffi::{c_int, c_void};
use std::os::fd::AsRawFd;
use std::sync::Arc;

/// A call that was started.
#[allow(non_camel_case_types)]
#[derive(Debug)]
pub struct cosmos_call {
    _opaque: [u8; 0],
}

/// A call that was started, and the function.
#[derive(Clone)]
pub(super) struct Started {
    function: Arc<Resolved>,
    underway: Arc<Underway<Result<Outcome, Error>>>,
}

/// Starts a call of a function, a pointer that cosmos_dlsym or cosmos_dlfunc gave, and returns at
/// once. arguments has a pointer to each argument's value, result leads to room for what the function
/// returns (NULL: nowhere); all of that, and what the arguments lead to, stays as it is until
/// cosmos_call_wait has returned. The call is made by another thread, on which callbacks run, as soon
/// as one is free: 64 calls run at once. The limit of cosmos_thread_timeout goes with it. cosmos_cancel
/// ends it as any other, and cosmos_dlclose lets it finish if it is under way.
///
/// Give every call that was started to cosmos_call_wait. Returns NULL on failure, with errno set:
/// EINVAL function is none of cosmos's, or its prototype ends with '...'; ECOMM there is no thread.
///
/// # Safety
/// As a call of function with these arguments.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cosmos_call_start(
    function: cosmos_fn,
    result: *mut c_void,
    arguments: *const *mut c_void,
) -> *mut cosmos_call {
    guard(std::ptr::null_mut(), || {
        let handles = Session::current().handles();
        let function = handles.function(function.map_or(0, |function| function as usize))?;
        if function.open().is_some() {
            let message = format!("{}: a call with '...' cannot be started", function.name());
            return Err(Fault::caller(FaultCode::BadArgument, message).into());
        }
        let count = function.frame().parameters().len();
        let addresses: Vec<u64> = (0..count)
            // SAFETY: the caller's promise: there is a pointer for each parameter.
            .map(|index| unsafe { *arguments.add(index) }.expose_provenance() as u64)
            .collect();
        let (before, place) = (errno(), result.expose_provenance() as u64);
        let there = Arc::clone(&function);
        let underway = begin(move || {
            // SAFETY: the caller's promise, until the call was waited for.
            let outcome = unsafe { call::invoke(&there, &addresses, before, place) };
            if outcome.is_err() {
                // SAFETY: likewise.
                unsafe { call::fail(&there, place) };
            }
            outcome
        })?;
        let started = Started { function, underway };
        let handle = handles.add_call(started);
        Ok(std::ptr::without_provenance_mut(handle as usize))
    })
}

/// Whether a call has ended: 1 yes, cosmos_call_wait does not wait; 0 no; -1 with errno EBADF: call was
/// waited for already, or never was one.
#[unsafe(no_mangle)]
pub extern "C" fn cosmos_call_poll(call: *mut cosmos_call) -> c_int {
    guard(-1, || {
        Ok(c_int::from(started(call)?.underway.is_finished()))
    })
}

/// A descriptor that becomes readable when a call has ended, for poll and its kin. Do not read or close
/// it: cosmos_call_wait closes it. Returns -1 on failure, with errno set: EBADF as above; ECOMM there
/// is no descriptor.
#[unsafe(no_mangle)]
pub extern "C" fn cosmos_call_fd(call: *mut cosmos_call) -> c_int {
    guard(-1, || Ok(started(call)?.underway.descriptor()?.as_raw_fd()))
}

/// Waits until one of count calls has ended, and returns which. It is to be given to cosmos_call_wait
/// still. Returns -1 with errno set: EBADF as above; EINVAL count is 0.
///
/// # Safety
/// calls leads to count calls.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cosmos_call_wait_any(
    calls: *const *mut cosmos_call,
    count: usize,
) -> c_int {
    guard(-1, || {
        let calls: Result<Vec<_>, Error> = (0..count)
            // SAFETY: the caller's promise.
            .map(|index| started(unsafe { *calls.add(index) }))
            .collect();
        let calls = calls?;
        let every: Vec<_> = calls.iter().map(|call| &*call.underway).collect();
        let over = await_any(&every).and_then(|index| c_int::try_from(index).ok());
        over.ok_or_else(|| Fault::caller(FaultCode::BadArgument, "there is no call").into())
    })
}

/// Waits for the end of a call and releases it. Returns 0 with errno as the function left it, its result
/// and outputs being where they belong; or -1 where the call failed, as calls through the pointer do:
/// errno says how, cosmos_error tells more, and result has the failure value. EBADF: call was waited
/// for already, or never was one.
#[unsafe(no_mangle)]
pub extern "C" fn cosmos_call_wait(call: *mut cosmos_call) -> c_int {
    guard(-1, || {
        let handles = Session::current().handles();
        let Started { function, underway } = handles.remove_call(call.addr() as u64)?;
        await_any(&[&*underway]);
        match underway.take()? {
            Ok(outcome) => {
                set_errno(outcome.errno);
                Ok(0)
            }
            Err(error) => {
                report(&function, error.clone());
                Err(error)
            }
        }
    })
}

fn started(call: *mut cosmos_call) -> Result<Started, Error> {
    Ok(Session::current().handles().call(call.addr() as u64)?)
}
