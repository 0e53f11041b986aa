//! A function of an open target, resolved and prepared once.

use crate::callback::{Signature, Signatures, signatures};
use crate::closure::Thunk;
use crate::error::{Error, Refusal};
use crate::fork::apart_from_forks;
use crate::library::Target;
use crate::plain::Plain;
use crate::quick::Quick;
use crate::session::{Session, native_model};
use crate::trace;
use crate::variadic::Open;
use callframe::marshal::Caller;
use callframe::template::Template;
use callframe::types::{Type, TypeId};
use callframe::{CallFrame, DataModel};
use callframe_ffi::{FfiError, NarrowResult};
use cosmos_rpc::message::vm::Sym;
use cosmos_rpc::{Fault, FaultCode};
use std::ffi::c_void;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};

/// What a call needs. It does not keep its library open: who calls does.
pub(crate) struct Resolved {
    id: u64,
    library: Weak<Target>,
    runable: u64,
    native: Template,
    caller: Caller,
    /// Where its calls may go the shortest way: how.
    quick: Option<Quick>,
    /// The same of a short way.
    plain: Option<Plain>,
    narrow: Option<NarrowResult>,
    /// Of a function with `...`: how its calls are made.
    open: Option<Open>,
    callbacks: Signatures,
    /// Objects that what a call returns belongs to, by parameter.
    lenders: Vec<usize>,
    /// Set before anybody sees the value; it needs its address.
    thunk: OnceLock<Result<Thunk, NoPointer>>,
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
        let resolved = if Open::is(&frame) {
            // The VM is asked for the call without further arguments, so that a function it has not
            // is missed now.
            let bare = Arc::new(frame.with_arguments(&[]));
            let mut resolved = Resolved::bind(library, &bare, &bare.to_string(), fresh_id())?;
            resolved.native = Template::of(&frame, native_model()?).map_err(refused)?;
            resolved.open = Some(Open::new(&frame));
            resolved.quick = None;
            resolved.plain = None;
            Arc::new(resolved)
        } else {
            Arc::new(Resolved::bind(library, &frame, prototype, fresh_id())?)
        };
        let thunk = Thunk::new(&resolved);
        match &thunk {
            Err(reason) if resolved.open.is_none() => return Err(reason.refusal()),
            // It can be called with values.
            _ => {
                resolved.thunk.get_or_init(|| thunk);
            }
        }
        Ok(resolved)
    }

    /// The same function with these arguments in place of its `...`. What it returns is kept as
    /// results of the one function; nobody gets a pointer to it.
    pub(crate) fn with_arguments(
        &self,
        library: &Arc<Target>,
        frame: &Arc<CallFrame>,
    ) -> Result<Arc<Resolved>, Error> {
        Resolved::bind(library, frame, &frame.to_string(), self.id).map(Arc::new)
    }

    fn bind(
        library: &Arc<Target>,
        frame: &Arc<CallFrame>,
        prototype: &str,
        id: u64,
    ) -> Result<Resolved, Error> {
        let model = native_model()?;
        let native = Template::of(frame, model).map_err(refused)?;
        let callbacks = signatures(&native).map_err(refused)?;
        let link = library.link();
        let request = Sym {
            object: library.object(),
            prototype: prototype.to_owned(),
            model,
        };
        let place = format!("resolving {}", frame.name());
        let answer = match library.answered(prototype) {
            Some(answer) => answer,
            None => link
                .request(&request, library.timeout(), &place)
                .map_err(|error| error.in_function(frame.name()))?,
        };
        let session = Session::current();
        session.lately().note(library.path(), link.key(), prototype);
        if !answer.model.is_possible() {
            let fault = Fault::peer(
                FaultCode::Protocol,
                "its data model is none that C can have",
            );
            return Err(link.diagnose(fault, &place).in_function(frame.name()));
        }
        let caller = prepare(frame, model, answer.model)?;
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
        library.learn_closers(frame);
        let narrow = callframe_ffi::result_of(frame);
        Ok(Resolved {
            // A call that is followed goes where its steps are noted.
            quick: match trace::is_on() {
                false => Quick::of(&caller, library.gate(), answer.runable, &native),
                true => None,
            },
            plain: match trace::is_on() {
                false => {
                    let gate = library.gate();
                    Plain::of(&caller, gate, answer.runable, &native, link.minor())
                }
                true => None,
            },
            id,
            library: Arc::downgrade(library),
            runable: answer.runable,
            narrow,
            callbacks,
            lenders: frame
                .lenders()
                .iter()
                .map(|index| *index as usize)
                .collect(),
            native,
            caller,
            open: None,
            thunk: OnceLock::new(),
        })
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

    /// How its calls go the shortest way, where they do.
    #[inline]
    pub(crate) fn quick(&self) -> Option<&Quick> {
        self.quick.as_ref()
    }

    /// How its calls go a short way, where they do.
    #[inline]
    pub(crate) fn plain(&self) -> Option<&Plain> {
        self.plain.as_ref()
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

    /// How a callback is called that it is passed as a pointer of this type.
    pub(crate) fn callback(&self, ty: TypeId) -> Option<Arc<Signature>> {
        self.callbacks.get(&ty).cloned()
    }

    /// The parameters whose objects own what a call returns.
    pub(crate) fn lenders(&self) -> &[usize] {
        &self.lenders
    }

    /// Whether it returns nothing.
    pub(crate) fn is_void(&self) -> bool {
        matches!(self.frame().ty(self.frame().result()), Type::Void)
    }

    /// How its calls are made, of a function with `...`.
    pub(crate) fn open(&self) -> Option<&Open> {
        self.open.as_ref()
    }

    /// The C function pointer to it, valid as long as this value; NULL where it has none.
    pub(crate) fn pointer(&self) -> *const c_void {
        self.code().unwrap_or(std::ptr::null())
    }

    /// The same, with the reason where there is none.
    ///
    /// # Errors
    /// Of a function with `...` whose arguments no pointer could recover.
    pub(crate) fn code(&self) -> Result<*const c_void, Error> {
        match self.thunk.get() {
            Some(Ok(thunk)) => Ok(thunk.code()),
            Some(Err(reason)) => Err(reason.refusal()),
            None => Ok(std::ptr::null()),
        }
    }
}

/// Makes what all prototypes share, which is otherwise made at its first use: a child forked meanwhile
/// by another thread would wait for a thread that it does not have.
pub(crate) fn make_what_is_shared() {
    static IS_MADE: AtomicBool = AtomicBool::new(false);
    if !IS_MADE.load(Ordering::Acquire) {
        apart_from_forks(|| {
            let _ = callframe::parse("void f(void)");
            let _ = native_model();
        });
        IS_MADE.store(true, Ordering::Release);
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

/// Why there is no C pointer to a function.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum NoPointer {
    /// libffi cannot.
    #[error("{0}")]
    Interface(#[from] FfiError),
    /// What stands in place of `...` cannot be recovered from a call.
    #[error(
        "'{function}': a pointer to it cannot recover what is passed in place of '...' {reason}; call it \
         with values, or write the arguments of the call out and add __variadic(n)"
    )]
    Arguments {
        /// The function.
        function: String,
        /// Where, or beside what.
        reason: &'static str,
    },
}

impl NoPointer {
    fn refusal(&self) -> Error {
        refusal(self.to_string())
    }
}

/// A layout's refusal as the prototype's.
fn refused(error: impl std::fmt::Display) -> Error {
    refusal(error.to_string())
}

fn refusal(message: String) -> Error {
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
