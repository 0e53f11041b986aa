//! Resolved functions, as a program holds them.

use crate::dynamic;
use crate::error::Error;
use crate::library::Owned;
use crate::resolved::Resolved;
use crate::value::{Outcome, Value};
use callframe::CallFrame;
use std::ffi::c_void;
use std::sync::Arc;

/// A function in a VM, callable with values or through a C function pointer, from any thread.
///
/// It keeps its library open.
#[derive(Clone, Debug)]
pub struct Function {
    // Dropped first: the function is then retired rather than freed under somebody's feet.
    library: Arc<Owned>,
    resolved: Arc<Resolved>,
}

impl Function {
    pub(crate) fn new(library: Arc<Owned>, resolved: Arc<Resolved>) -> Function {
        Function { library, resolved }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.resolved.name()
    }

    /// Its prototype.
    pub fn frame(&self) -> &Arc<CallFrame> {
        self.resolved.frame()
    }

    /// The VM it runs in, `hostfn-3`.
    pub fn vm(&self) -> &str {
        self.library.link().label()
    }

    /// Calls it: one value per parameter, in order, then those in place of `...`, whose number and
    /// types its format, sentinel or tag tells. The memory that pointers lead to is made here,
    /// as large as the prototype says, and freed again; what the function wrote is in the outcome.
    ///
    /// # Errors
    /// When the values do not fit the prototype, and whatever makes a call fail: unlike a call
    /// through the C pointer, a failed one has no result.
    pub fn call(&self, arguments: &[Value]) -> Result<Outcome, Error> {
        dynamic::call(&self.resolved, arguments)
    }

    /// A C function pointer for it. Asking again gives the same one; other functions have others.
    /// It may be called from any thread, and again while a call of it is under way.
    ///
    /// It is valid as long as a `Function` or `Symbol` for it lives, or its library is open.
    /// Of a function with `...` it recovers the arguments of each call as the function itself would;
    /// where the machine, or its named parameters, do not allow that, the pointer is NULL.
    pub fn pointer(&self) -> *const c_void {
        self.resolved.pointer()
    }

    pub(crate) fn resolved(&self) -> &Arc<Resolved> {
        &self.resolved
    }
}
