//! Many calls in one go.

use super::dl::cosmos_fn;
use super::guard;
use crate::call::together::{Step, invoke_all};
use crate::closure::report;
use crate::memory::errno;
use crate::resolved::Resolved;
use crate::session::Session;
use cosmos_rpc::{Fault, FaultCode};
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
/// library that take and return a few numbers (16 bytes of each) travel together, in one message there and
/// one back, which costs far less than a call each; others are made at their place. A call that fails
/// leaves the others alone: its step's error says how, and its result has the failure value. Where the VM
/// dies, every call of the message that was under way fails. A time limit holds for a message.
///
/// Returns 0 if all calls succeeded, else -1 with errno as of the first that failed. EINVAL: a function is
/// none of cosmos's, or its prototype ends with '...'; nothing was called then.
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
        let steps = unsafe { std::slice::from_raw_parts_mut(steps, count) };
        let functions = functions(steps)?;
        let mut addresses = Vec::new();
        for (step, function) in steps.iter().zip(&functions) {
            for index in 0..function.frame().parameters().len() {
                // SAFETY: the caller's promise: there is a pointer for each parameter.
                let argument = unsafe { *step.arguments.add(index) };
                addresses.push(argument.expose_provenance() as u64);
            }
        }
        let mut left = addresses.as_slice();
        let calls: Vec<Step<'_>> = steps
            .iter()
            .zip(&functions)
            .map(|(step, function)| {
                let count = function.frame().parameters().len();
                let (arguments, rest) = left.split_at_checked(count).unwrap_or_default();
                left = rest;
                Step {
                    function,
                    arguments,
                    result: step.result.expose_provenance() as u64,
                }
            })
            .collect();
        let mut ended = Vec::with_capacity(count);
        // SAFETY: the caller's promise.
        unsafe { invoke_all(&calls, errno(), |end| ended.push(end.err())) };
        let mut first = None;
        for ((step, call), error) in steps.iter_mut().zip(&calls).zip(ended) {
            step.error = 0;
            if let Some(error) = error {
                // SAFETY: the caller's promise.
                unsafe { crate::call::fail(call.function, call.result) };
                step.error = report(call.function, error.clone());
                first.get_or_insert(error);
            }
        }
        first.map_or(Ok(0), Err)
    })
}

/// The functions of the steps.
fn functions(steps: &[cosmos_step]) -> Result<Vec<Arc<Resolved>>, crate::error::Error> {
    let handles = Session::current().handles();
    let mut functions: Vec<Arc<Resolved>> = Vec::with_capacity(steps.len());
    let mut last = None;
    for step in steps {
        let address = step.function.map_or(0, |function| function as usize);
        // Mostly it is the one before once more.
        let function = match (functions.last(), last == Some(address)) {
            (Some(function), true) => Arc::clone(function),
            _ => handles.function(address)?,
        };
        if function.open().is_some() {
            let message = format!("{}: a call with '...' is made alone", function.name());
            return Err(Fault::caller(FaultCode::BadArgument, message).into());
        }
        last = Some(address);
        functions.push(function);
    }
    Ok(functions)
}
