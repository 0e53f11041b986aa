//! Functions of this program that a VM calls.
//!
//! ```text
//! a call passes a function ──▶ registry: number ──▶ the VM
//!                                                    │ CALLBACK, while the thread waits for its reply
//! the function runs, on that thread ◀── dispatch ◀───┘
//! ```
//!
//! | room | purpose |
//! |---|---|
//! | [`registry`] | numbers for functions, and how long each may be called |
//! | [`dispatch`] | one call back: request to arguments, the function, its result to the reply |
//! | [`brief`] | the same where the arguments are a few bytes, a shorter way |
//! | [`in_line`] | the same once more where they are a few numbers, and the function was called just before |
//! | [`memory`] | what marshalling reaches besides the call's own bytes |
//! | [`code`] | entering a C function |
//! | [`closure`] | functions that are Rust closures |
//!
//! The VM is not believed: a number must be one that was passed to *this* VM, on this thread where
//! it is good for one call, and the request must be one of the callback's type.

mod brief;
mod closure;
mod code;
mod dispatch;
mod in_line;
mod memory;
mod registry;

pub use closure::{Answer, Callback, callback, callback_writing};
pub(crate) use closure::{Closures, Lent};
pub(crate) use dispatch::{Asked, Progress, serve};
pub(crate) use in_line::serve as serve_brief;
pub(crate) use registry::{Allowed, Function, Passed, Registry, thread};

use callframe::CallFrame;
use callframe::marshal::Callee;
use callframe::template::{LayoutError, Template};
use callframe::types::TypeId;
use callframe_ffi::{FfiError, NarrowResult};
use callframe_native::{Convention, Scalars};
use libffi::middle::Cif;
use std::collections::HashMap;
use std::sync::Arc;

/// How functions of one callback type are called.
pub(crate) struct Signature {
    callee: Callee,
    interface: Cif,
    /// Of a function that can be called without libffi: by two words, or by one for each parameter.
    convention: Option<Convention>,
    scalars: Option<Scalars>,
    narrow: Option<NarrowResult>,
}

/// The signatures of the callbacks of one function, by the type of the pointer.
pub(crate) type Signatures = HashMap<TypeId, Arc<Signature>>;

/// The function that a pointer of the program's leads to; `None` for what can be no function.
pub(crate) fn function_at(address: u64) -> Option<Function> {
    if crate::memory::program::may_lead_somewhere(address) {
        return Some(Function::Code(address));
    }
    closure::of(address).map(Function::Closure)
}

/// Why a callback type cannot be called.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SignatureError {
    /// It has no layout here.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// libffi cannot call it.
    #[error(transparent)]
    Interface(#[from] FfiError),
}

impl std::fmt::Debug for Signature {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Signature")
            .field("name", &self.name())
            .finish_non_exhaustive()
    }
}

impl Signature {
    /// Its name, for people.
    fn name(&self) -> &str {
        self.callee.template().frame().name()
    }

    /// Its layout.
    fn template(&self) -> &Template {
        self.callee.template()
    }

    /// The names of its parameters.
    fn parameters(&self) -> impl Iterator<Item = &str> {
        let parameters = self.template().frame().parameters().iter();
        parameters.map(|parameter| parameter.name.as_str())
    }
}

/// The signatures of all callbacks that values of a frame hold.
pub(crate) fn signatures(native: &Template) -> Result<Signatures, SignatureError> {
    let frame = native.frame();
    let callback = |ty: TypeId| Some((ty, Arc::new(frame.callback(ty)?)));
    frame
        .callbacks()
        .into_iter()
        .filter_map(callback)
        .map(|(ty, callback)| Ok((ty, Arc::new(signature(&callback, native)?))))
        .collect()
}

fn signature(callback: &Arc<CallFrame>, native: &Template) -> Result<Signature, SignatureError> {
    let template = Template::of(callback, native.model())?;
    Ok(Signature {
        interface: callframe_ffi::cif(callback)?,
        convention: Convention::of(&template),
        scalars: Scalars::of(&template),
        narrow: callframe_ffi::result_of(callback),
        callee: Callee::new(template),
    })
}
