//! Many calls of a function with a Rust type.

use super::valid;
use crate::call::together::{Ended, Run, Steps, invoke_all};
use crate::error::Error;
use crate::function::Function;
use crate::memory::errno;
use crate::signature::{Carried, Shape};
use std::cell::RefCell;
use std::mem::MaybeUninit;
use std::sync::Arc;

/// Tuples of arguments, in memory.
pub(super) struct Arguments {
    pub(super) first: *const u8,
    pub(super) count: usize,
    /// From one tuple to the next.
    pub(super) stride: usize,
    /// Where each argument is in a tuple.
    pub(super) offsets: Vec<usize>,
}

/// Carries calls to results of type `R`, which was checked to be the prototype's.
///
/// # Safety
/// There are as many tuples of values of the prototype's parameters, and pointers among them lead to what
/// the prototype says.
pub(super) unsafe fn carry_all<R: Carried>(
    function: &Function,
    arguments: Arguments,
) -> Vec<Result<R, Error>> {
    let count = arguments.count;
    let mut results: Vec<MaybeUninit<R>> = (0..count).map(|_| MaybeUninit::zeroed()).collect();
    let calls = Calls {
        arguments,
        results: results.as_mut_ptr().cast(),
        size: match R::SHAPE {
            Shape::Unit => None,
            _ => Some(size_of::<R>()),
        },
        failed: RefCell::default(),
    };
    let runs = [Run {
        function: Arc::clone(function.resolved()),
        calls: count,
    }];
    // SAFETY: the caller's promise; each result has the size of the prototype's.
    unsafe { invoke_all(&runs, &calls, errno()) };
    let mut failed = calls.failed.into_inner().into_iter().peekable();
    let ended = |(call, result)| match failed.next_if(|(failed, _)| *failed == call) {
        Some((_, error)) => Err(error),
        // SAFETY: it is zero, or what the call has returned.
        None => Ok(unsafe { valid(result) }),
    };
    results.into_iter().enumerate().map(ended).collect()
}

/// The calls while they are made.
struct Calls {
    arguments: Arguments,
    results: *mut u8,
    /// Bytes of a result, where there is one.
    size: Option<usize>,
    failed: RefCell<Vec<(usize, Error)>>,
}

impl Steps for Calls {
    #[inline]
    fn argument(&self, call: usize, parameter: usize) -> *const u8 {
        let Arguments {
            first,
            stride,
            offsets,
            ..
        } = &self.arguments;
        first.wrapping_add(call * stride + offsets.get(parameter).copied().unwrap_or(0))
    }

    #[inline]
    fn result(&self, call: usize) -> u64 {
        match self.size {
            Some(size) => self.results.wrapping_add(call * size).expose_provenance() as u64,
            None => 0,
        }
    }

    #[inline]
    fn ended(&self, call: usize, how: Ended) {
        if let Err(error) = how {
            self.failed.borrow_mut().push((call, error));
        }
    }
}
