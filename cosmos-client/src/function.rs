//! Resolved functions.

use crate::{Error, Outcome, Value, library::unfinished};
use callframe::CallFrame;
use std::ffi::c_void;
use std::sync::Arc;

/// A function in a VM, callable with values or through a C function pointer.
#[derive(Clone, Debug)]
pub struct Function {
    frame: Arc<CallFrame>,
}

impl Function {
    /// Its name.
    pub fn name(&self) -> &str {
        self.frame.name()
    }

    /// Its prototype.
    pub fn frame(&self) -> &Arc<CallFrame> {
        &self.frame
    }

    /// Calls it: one value per parameter, in order. The memory that pointers lead to is made here,
    /// as large as the prototype says, and freed again; what the function wrote is in the outcome.
    pub fn call(&self, _arguments: &[Value]) -> Result<Outcome, Error> {
        Err(unfinished())
    }

    /// A C function pointer for it, valid as long as this `Function` or a clone of it lives.
    pub fn pointer(&self) -> *const c_void {
        std::ptr::null()
    }
}
