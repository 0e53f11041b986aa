//! Many calls in one go.

use super::dl::cosmos_fn;
use super::{given, guard};
use crate::call::together::{Ended, Run, Steps, invoke_all};
use crate::closure::report;
use crate::error::Error;
use crate::memory::errno;
use crate::resolved::Resolved;
use crate::session::Session;
use cosmos_rpc::{Fault, FaultCode};
use std::cell::RefCell;
use std::ffi::{c_int, c_void};
use std::sync::Arc;

/// One of many calls: see cosmos_call_all.
#[allow(non_camel_case_types)]
#[repr(C)]
#[derive(Debug)]
pub struct cosmos_step {
    /// What is called: a pointer that cosmos_dlsym or cosmos_dlfunc gave.
    pub function: cosmos_fn,
    /// A pointer to each argument's value.
    pub arguments: *const *mut c_void,
    /// Room for what it returns; NULL: nowhere.
    pub result: *mut c_void,
    /// 0 where the call succeeded, else what errno would say of it.
    pub error: c_int,
}

/// Makes count calls, in order, on this thread. Those that follow each other and are of functions of one
/// library that take and return a few numbers (16 bytes of each) travel together, in few messages there and
/// back, which costs far less than a call each; others are made at their place. A call that fails leaves
/// the others alone: its step's error says how, and its result has the failure value. Where the VM dies,
/// every call of a message that was under way fails. A time limit holds for a message.
///
/// Arguments may be read before the calls in front of theirs are made: no step's argument may be what
/// another step returns.
///
/// Returns 0 if all calls succeeded, else -1 with errno as of the first that failed. EINVAL: a function is
/// none of cosmos's, or its prototype ends with '...', or what has to lead somewhere is NULL; nothing was
/// called then.
///
/// # Safety
/// steps leads to count steps, each as a call of its function with its arguments.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cosmos_call_all(steps: *mut cosmos_step, count: usize) -> c_int {
    guard(-1, || {
        if count == 0 {
            return Ok(0);
        }
        // SAFETY: the caller's promise.
        let steps =
            unsafe { std::slice::from_raw_parts_mut(given(steps, "the steps")?.cast_mut(), count) };
        let runs = runs(steps)?;
        let calls = Calls {
            steps,
            failed: RefCell::default(),
        };
        // SAFETY: the caller's promise.
        unsafe { invoke_all(&runs, &calls, errno()) };
        settle(steps, &runs, calls.failed.into_inner()).map_or(Ok(0), Err)
    })
}

/// Tells each step how its call has ended; gives the first failure.
fn settle(steps: &mut [cosmos_step], runs: &[Run], failed: Vec<(usize, Error)>) -> Option<Error> {
    for step in &mut *steps {
        step.error = 0;
    }
    let first = failed.first().map(|(_, error)| error.clone());
    let mut runs = runs.iter();
    let (mut run, mut end) = (None, 0);
    for (call, error) in failed {
        while call >= end
            && let Some(next) = runs.next()
        {
            end += next.calls;
            run = Some(next);
        }
        if let (Some(run), Some(step)) = (run, steps.get_mut(call)) {
            let place = step.result.expose_provenance() as u64;
            // SAFETY: the caller of cosmos_call_all promises that there is room for the result.
            unsafe { crate::call::fail(&run.function, place) };
            step.error = report(&run.function, error);
        }
    }
    first
}

/// The steps, while their calls are made.
struct Calls<'a> {
    steps: &'a [cosmos_step],
    failed: RefCell<Vec<(usize, Error)>>,
}

impl Steps for Calls<'_> {
    #[inline]
    fn argument(&self, call: usize, parameter: usize) -> *const u8 {
        let Some(step) = self.steps.get(call) else {
            return std::ptr::null();
        };
        // SAFETY: the caller of cosmos_call_all promises that there is a pointer for each parameter.
        unsafe { (*step.arguments.add(parameter)).cast_const().cast() }
    }

    #[inline]
    fn result(&self, call: usize) -> u64 {
        let step = self.steps.get(call);
        step.map_or(0, |step| step.result.expose_provenance() as u64)
    }

    #[inline]
    fn ended(&self, call: usize, how: Ended) {
        if let Err(error) = how {
            self.failed.borrow_mut().push((call, error));
        }
    }
}

/// The functions of the steps.
pub(super) fn runs(steps: &[cosmos_step]) -> Result<Vec<Run>, Error> {
    let mut known = Known::default();
    let mut runs: Vec<Run> = Vec::new();
    let mut last = None;
    for step in steps {
        let address = step.function.map_or(0, |function| function as usize);
        // Mostly it is the one before once more.
        if let (Some(run), true) = (runs.last_mut(), last == Some(address)) {
            has_arguments(step, &run.function)?;
            run.calls += 1;
            continue;
        }
        let function = known.function(address)?;
        has_arguments(step, &function)?;
        runs.push(Run { function, calls: 1 });
        last = Some(address);
    }
    Ok(runs)
}

fn has_arguments(step: &cosmos_step, function: &Resolved) -> Result<(), Error> {
    if step.arguments.is_null() && !function.frame().parameters().is_empty() {
        given(step.arguments, "where the arguments of a step are")?;
    }
    Ok(())
}

/// Functions that were looked up, by the last bits of their addresses.
#[derive(Default)]
struct Known([Option<(usize, Arc<Resolved>)>; 16]);

impl Known {
    fn function(&mut self, address: usize) -> Result<Arc<Resolved>, Error> {
        // Code is aligned.
        let place = &mut self.0[address / 16 % 16];
        if let Some((known, function)) = place
            && *known == address
        {
            return Ok(Arc::clone(function));
        }
        let function = Session::current().handles().function(address)?;
        if function.open().is_some() {
            let message = format!("{}: a call with '...' is made alone", function.name());
            return Err(Fault::caller(FaultCode::BadArgument, message).into());
        }
        Ok(Arc::clone(&place.insert((address, function)).1))
    }
}
