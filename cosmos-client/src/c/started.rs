//! Calls that are started now and waited for later.

use super::dl::cosmos_fn;
use super::together::{cosmos_step, runs};
use super::variadic::addresses;
use super::{given, guard};
use crate::call;
use crate::call::together::{Ended, Run, Steps, invoke_all};
use crate::closure::report;
use crate::error::Error;
use crate::memory::{errno, set_errno};
use crate::resolved::Resolved;
use crate::session::Session;
use crate::started::{Underway, await_any, begin, begin_many, by_vm};
use callframe::marshal::Outcome;
use cosmos_rpc::{Fault, FaultCode};
use std::cell::RefCell;
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
/// EINVAL function is none of cosmos's, or its prototype ends with '...', or arguments is NULL and it has
/// some; ECOMM there is no thread.
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
        // SAFETY: the caller's promise: there is a pointer for each parameter.
        let addresses = unsafe { addresses(arguments, count) }?;
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

/// Starts count calls, each VM's in the order of their steps on a thread of their own, together as
/// cosmos_call_all makes them; those of several VMs run side by side. calls has room for count calls, and
/// gets them in the order of the steps, each to be given to cosmos_call_wait. A call has ended when its
/// message has come back, which may be before others are made. Arguments and results stay where they are
/// as with cosmos_call_start; the steps themselves need not, and their errors are left alone.
///
/// Returns 0, or -1 with errno set: EINVAL a function is none of cosmos's, or its prototype ends with '...',
/// or what has to lead somewhere is NULL, and no call was made; ECOMM there is no thread, and those of some VMs may have been made and have ended.
///
/// # Safety
/// steps leads to count steps, each as a call of its function with its arguments; calls to room for count.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cosmos_call_start_all(
    steps: *const cosmos_step,
    count: usize,
    calls: *mut *mut cosmos_call,
) -> c_int {
    guard(-1, || {
        if count == 0 {
            return Ok(0);
        }
        // SAFETY: the caller's promise.
        let steps = unsafe { std::slice::from_raw_parts(given(steps, "the steps")?, count) };
        given(calls, "the room for the calls")?;
        let functions = runs(steps)?;
        let every = || functions.iter().flat_map(repeated);
        let before = errno();
        let mut all: Vec<(usize, Arc<Underway<_>>)> = Vec::new();
        for places in by_vm(every().map(|function| &**function)) {
            let mut of_vm = Laid::default();
            let mut functions = every().zip(steps).enumerate();
            for place in &places {
                // Both are in order.
                if let Some((_, (function, step))) = functions.find(|(at, _)| at == place) {
                    // SAFETY: the caller's promise.
                    unsafe { of_vm.add(function, step) };
                }
            }
            let begun = begin_many(places.len(), move |tell| {
                // SAFETY: the caller's promise, until the calls were waited for.
                unsafe { of_vm.make(before, tell) };
            });
            match begun {
                Ok(begun) => all.extend(places.into_iter().zip(begun)),
                Err(fault) => {
                    // Nobody is given those that run, and so nobody would wait for them.
                    for (_, underway) in all {
                        await_any(&[&*underway]);
                    }
                    return Err(fault.into());
                }
            }
        }
        all.sort_by_key(|(place, _)| *place);
        let handles = Session::current().handles();
        for ((place, underway), function) in all.into_iter().zip(every()) {
            let function = Arc::clone(function);
            let handle = handles.add_call(Started { function, underway });
            let call = std::ptr::without_provenance_mut(handle as usize);
            // SAFETY: the caller's promise.
            unsafe { calls.add(place).write(call) };
        }
        Ok(0)
    })
}

fn repeated(run: &Run) -> impl Iterator<Item = &Arc<Resolved>> {
    std::iter::repeat_n(&run.function, run.calls)
}

/// Waits for the end of count calls and releases them. Returns 0 if all succeeded; else -1 with errno as
/// of the first that failed, and failed, unless it is NULL, gets 0 or errno for each. EBADF is that of a call
/// that was waited for already, or never was one. EINVAL: calls is NULL, and nothing was waited for.
///
/// # Safety
/// calls leads to count calls, failed to room for count numbers, or is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cosmos_call_wait_all(
    calls: *const *mut cosmos_call,
    count: usize,
    failed: *mut c_int,
) -> c_int {
    guard(-1, || {
        if count > 0 {
            given(calls, "the calls")?;
        }
        let mut first = None;
        for index in 0..count {
            // SAFETY: the caller's promise.
            let ended = wait(unsafe { *calls.add(index) });
            if !failed.is_null() {
                let error = ended.as_ref().err().map_or(0, Error::errno);
                // SAFETY: the caller's promise.
                unsafe { failed.add(index).write(error) };
            }
            if let Err(error) = ended {
                first.get_or_insert(error);
            }
        }
        first.map_or(Ok(0), Err)
    })
}

/// Calls of one VM, and what they need of the program's memory.
#[derive(Default)]
struct Laid {
    runs: Vec<Run>,
    /// Addresses of the arguments of all calls, and where those of each begin.
    arguments: Vec<u64>,
    starts: Vec<usize>,
    results: Vec<u64>,
}

impl Laid {
    /// # Safety
    /// There is a pointer for each parameter.
    unsafe fn add(&mut self, function: &Arc<Resolved>, step: &cosmos_step) {
        self.starts.push(self.arguments.len());
        for index in 0..function.frame().parameters().len() {
            // SAFETY: the caller's promise.
            let argument = unsafe { *step.arguments.add(index) };
            self.arguments.push(argument.expose_provenance() as u64);
        }
        self.results.push(step.result.expose_provenance() as u64);
        match self.runs.last_mut() {
            Some(run) if Arc::ptr_eq(&run.function, function) => run.calls += 1,
            _ => self.runs.push(Run {
                function: Arc::clone(function),
                calls: 1,
            }),
        }
    }

    /// # Safety
    /// As a call of each function with its arguments.
    unsafe fn make(self, errno: i32, tell: &mut dyn FnMut(Result<Outcome, Error>)) {
        let functions = self.runs.iter().flat_map(repeated).collect();
        let steps = Making {
            laid: &self,
            functions,
            tell: RefCell::new(tell),
        };
        // SAFETY: the caller's promise.
        unsafe { invoke_all(&self.runs, &steps, errno) };
    }
}

struct Making<'a> {
    laid: &'a Laid,
    functions: Vec<&'a Arc<Resolved>>,
    tell: RefCell<&'a mut dyn FnMut(Result<Outcome, Error>)>,
}

impl Steps for Making<'_> {
    fn argument(&self, call: usize, parameter: usize) -> *const u8 {
        let start = self.laid.starts.get(call).copied().unwrap_or(usize::MAX);
        let address = self.laid.arguments.get(start.saturating_add(parameter));
        std::ptr::with_exposed_provenance(address.map_or(0, |address| *address as usize))
    }

    fn result(&self, call: usize) -> u64 {
        self.laid.results.get(call).copied().unwrap_or(0)
    }

    fn ended(&self, call: usize, how: Ended) {
        if let (Err(_), Some(function)) = (&how, self.functions.get(call)) {
            // SAFETY: there is room for the result, or an address of 0.
            unsafe { call::fail(function, self.result(call)) };
        }
        (self.tell.borrow_mut())(how);
    }
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
/// it: cosmos_call_wait closes it. Returns -1 on failure, with errno set: EBADF as above; EMFILE there
/// is no room for more open files; ECOMM there is no descriptor.
#[unsafe(no_mangle)]
pub extern "C" fn cosmos_call_fd(call: *mut cosmos_call) -> c_int {
    guard(-1, || Ok(started(call)?.underway.descriptor()?.as_raw_fd()))
}

/// Waits until one of count calls has ended, and returns which. It is to be given to cosmos_call_wait
/// still. Returns -1 with errno set: EBADF as above; EINVAL count is 0, or calls is NULL.
///
/// # Safety
/// calls leads to count calls.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cosmos_call_wait_any(
    calls: *const *mut cosmos_call,
    count: usize,
) -> c_int {
    guard(-1, || {
        if count > 0 {
            given(calls, "the calls")?;
        }
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
        set_errno(wait(call)?.errno);
        Ok(0)
    })
}

fn wait(call: *mut cosmos_call) -> Result<Outcome, Error> {
    let handles = Session::current().handles();
    let Started { function, underway } = handles.remove_call(call.addr() as u64)?;
    await_any(&[&*underway]);
    underway.take()?.inspect_err(|error| {
        report(&function, error.clone());
    })
}

fn started(call: *mut cosmos_call) -> Result<Started, Error> {
    Ok(Session::current().handles().call(call.addr() as u64)?)
}
