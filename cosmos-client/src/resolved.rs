//! A function of an open target, resolved and prepared once.

use crate::closure::Thunk;
use crate::error::{Error, Refusal};
use crate::library::Target;
use crate::session::native_model;
use callframe::marshal::Caller;
use callframe::template::{LayoutError, Template};
use callframe::types::Type;
use callframe::{CallFrame, DataModel};
use callframe_ffi::NarrowResult;
use cosmos_rpc::message::vm::Sym;
use cosmos_rpc::{Fault, FaultCode};
use std::ffi::c_void;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};

/// What a call needs. It does not keep its library open: who calls does.
pub(crate) struct Resolved {
    id: u64,
    library: Weak<Target>,
    runable: u64,
    native: Template,
    caller: Caller,
    narrow: Option<NarrowResult>,
    /// Set before anybody sees the value; it needs its address.
    thunk: OnceLock<Thunk>,
}

impl std::fmt::Debug for Resolved {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Resolved")
            .field("name", &self.name())
            .finish_non_exhaustive()
    }
}

impl Resolved {
    /// Parses the prototype, has the VM resolve it, and compares what both made of it.
    pub(crate) fn resolve(library: &Arc<Target>, prototype: &str) -> Result<Arc<Resolved>, Error> {
        let frame = Arc::new(parse(prototype)?);
        let model = native_model()?;
        let native = Template::of(&frame, model).map_err(refused)?;
        let link = library.link();
        let request = Sym {
            object: library.object(),
            prototype: prototype.to_owned(),
        };
        let place = format!("resolving {}", frame.name());
        let answer = link
            .request(&request, library.timeout(), &place)
            .map_err(|error| error.in_function(frame.name()))?;
        if !answer.model.is_possible() {
            let fault = Fault::peer(
                FaultCode::Protocol,
                "its data model is none that C can have",
            );
            return Err(link.diagnose(fault, &place).in_function(frame.name()));
        }
        let caller = prepare(&frame, model, answer.model)?;
        if caller.callee_template().encode() != answer.template {
            let fault = Fault::vm(
                FaultCode::TemplateMismatch,
                format!(
                    "{}: {} lays this call out in another way than this process does; install both \
                     from the same release",
                    frame.name(),
                    link.label()
                ),
            );
            return Err(link.named(fault).in_function(frame.name()));
        }
        let resolved = Arc::new(Resolved {
            id: fresh_id(),
            library: Arc::downgrade(library),
            runable: answer.runable,
            narrow: callframe_ffi::result_of(&frame),
            native,
            caller,
            thunk: OnceLock::new(),
        });
        let thunk = Thunk::new(&resolved).map_err(|error| {
            let message = error.to_string();
            Error::Prototype(Refusal {
                code: String::new(),
                rendered: message.clone(),
                message,
            })
        })?;
        resolved.thunk.get_or_init(|| thunk);
        Ok(resolved)
    }

    /// The function's name.
    pub(crate) fn name(&self) -> &str {
        self.frame().name()
    }

    /// Its prototype.
    pub(crate) fn frame(&self) -> &Arc<CallFrame> {
        self.native.frame()
    }

    /// Its layout in this process.
    pub(crate) fn native(&self) -> &Template {
        &self.native
    }

    /// Its marshalling.
    pub(crate) fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Its number in this process, unlike any other's.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// Its number in the VM.
    pub(crate) fn runable(&self) -> u64 {
        self.runable
    }

    /// Its library, while that is open or called into.
    pub(crate) fn library(&self) -> Option<Arc<Target>> {
        self.library.upgrade()
    }

    /// How a narrow integer result is widened for libffi.
    pub(crate) fn narrow(&self) -> Option<NarrowResult> {
        self.narrow
    }

    /// Whether it returns nothing.
    pub(crate) fn is_void(&self) -> bool {
        matches!(self.frame().ty(self.frame().result()), Type::Void)
    }

    /// The C function pointer to it, valid as long as this value.
    pub(crate) fn pointer(&self) -> *const c_void {
        self.thunk.get().map_or(std::ptr::null(), Thunk::code)
    }
}

/// Parses a prototype string.
pub(crate) fn parse(prototype: &str) -> Result<CallFrame, Error> {
    callframe::parse(prototype).map_err(|error| {
        Error::Prototype(Refusal {
            code: error.code().to_string(),
            message: error.message().to_string(),
            rendered: error.render(prototype),
        })
    })
}

/// A layout's refusal as the prototype's.
fn refused(error: LayoutError) -> Error {
    let message = error.to_string();
    Error::Prototype(Refusal {
        code: String::new(),
        rendered: message.clone(),
        message,
    })
}

fn prepare(frame: &Arc<CallFrame>, ours: DataModel, theirs: DataModel) -> Result<Caller, Error> {
    Caller::new(Arc::clone(frame), ours, theirs).map_err(refused)
}

fn fresh_id() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    LAST.fetch_add(1, Ordering::Relaxed) + 1
}
