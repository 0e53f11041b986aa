//! Opened targets.
//!
//! ```text
//! open ── close, or the last owner goes ──▶ closed ── the last call in flight returns ──▶ freed
//! ```
//!
//! A call holds on to its library, so closing one under calls in flight lets them finish; calls
//! that begin later are refused. The VM is let go of when the last of them has returned.

use crate::again::Spare;
use crate::arena::Buffer;
use crate::budget::Budget;
use crate::closers::Closers;
use crate::coordinator::chosen;
use crate::error::Error;
use crate::fork;
use crate::function::Function;
use crate::gate::Gate;
use crate::link::{Hold, Link};
use crate::names;
use crate::opened::Asked;
use crate::options::{Bounds, MOST_CALLBACKS, Options};
use crate::resolved::{self, Resolved};
use crate::session::{Answered, Session, configuration, configured_timeout, lock};
use crate::shelf::Shelf;
use crate::signature::Signature;
use crate::symbol::Symbol;
use crate::trace;
use crate::uncancelled::Uncancelled;
use crate::vm::Vm;
use callframe::CallFrame;
use cosmos_config::Host;
use cosmos_packs::Packs;
use cosmos_rpc::message::coordinator::{Purpose, TargetName, Which};
use cosmos_rpc::message::vm::{self, Close, ObjectToken, Open};
use cosmos_rpc::{Fault, FaultCode};
use std::any::Any;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

/// Opens a library in a VM, with the configuration's defaults.
///
/// `target` is a bare name (`libz.so.1`), searched for as the dynamic linker does, or a path;
/// relative paths resolve in the current directory.
///
/// # Errors
/// When there is no such target, no VM can run it, none can be started, or its constructors fail.
pub fn dlopen(target: &str) -> Result<Library, Error> {
    dlopen_with(target, &Options::default())
}

/// Opens a library in a VM.
///
/// # Errors
/// As [`dlopen`].
pub fn dlopen_with(target: &str, options: &Options) -> Result<Library, Error> {
    trace::step("open", target, || open(target, options))
}

fn open(target: &str, options: &Options) -> Result<Library, Error> {
    let session = Session::current();
    let configured = configuration()?;
    let asked = Asked::of(target, options, &configured)?;
    let known = asked
        .as_ref()
        .and_then(|asked| session.opened().find(asked));
    let bounds = Bounds {
        timeout: match options.timeout {
            Some(timeout) => Some(timeout),
            None => configured_timeout(&configured),
        },
        callbacks: options.callbacks.unwrap_or(MOST_CALLBACKS),
    };
    let packs = names::packs(options, &configured);
    let placed = match (known, &options.vm) {
        (Some(known), _) => Some(known),
        (None, Some(vm)) => Some(place(session, target, vm)?),
        (None, None) => None,
    };
    let (hold, object, path, functions) = match placed {
        Some((hold, path)) => {
            let target = path.clone();
            let place = format!("opening {path}");
            let object = hold.request(&Open { target }, bounds.timeout, &place)?;
            (hold, object, path, Vec::new())
        }
        None => {
            let name = target_name(target, &chosen(options.host.as_ref(), &configured))?;
            let purpose = Purpose::Target(name);
            session.open_target(purpose, options, &configured, bounds.timeout)?
        }
    };
    let target = Target::new(hold, object, path, bounds);
    *lock(&target.answered) = functions;
    target.packs.get_or_init(|| packs);
    target.spare.get_or_init(|| Spare::of(options));
    if let Some(asked) = asked {
        session.opened().note(asked, &target);
    }
    Ok(Library {
        target: Owned::new(target),
    })
}

/// A library open in a VM.
///
/// Dropping it closes it, unless [`Function`]s or [`Symbol`]s of it are left: the last of them
/// does. Libraries can be used by any number of threads at once.
#[derive(Debug)]
pub struct Library {
    target: Arc<Owned>,
}

impl Library {
    /// Resolves a function from its prototype, for calls with values or through a C pointer. A
    /// name alone, `crc32`, is looked up in the library's prototype pack.
    ///
    /// # Errors
    /// When the prototype is refused, the library defines no such symbol, or the VM lays the call
    /// out in another way than this process does.
    pub fn function(&self, prototype: &str) -> Result<Function, Error> {
        let resolved = self.target.resolve(prototype)?;
        Ok(Function::new(Arc::clone(&self.target), resolved))
    }

    /// Resolves a function from its prototype, for calls with Rust types. `F` is its type in Rust:
    /// `extern "C" fn(f64) -> f64` where everything travels by value, `unsafe extern "C" fn(…)`
    /// where pointers are among the parameters.
    ///
    /// # Errors
    /// As [`Library::function`]; [`Error::Signature`] names the parameter where `F` and the
    /// prototype differ.
    pub fn symbol<F: Signature>(&self, prototype: &str) -> Result<Symbol<F>, Error> {
        Symbol::new(self.function(prototype)?)
    }

    /// The absolute path of the target.
    pub fn path(&self) -> &str {
        &self.target.path
    }

    /// The VM it is open in, `hostfn-3`.
    pub fn vm(&self) -> &str {
        self.target.link().label()
    }

    /// The kind of that VM, `hostfn`.
    pub fn kind(&self) -> &str {
        self.target.link().kind()
    }

    /// The host of that VM, `local` for this one.
    pub fn host(&self) -> &str {
        self.target.link().host()
    }

    /// The isolation level that VM has.
    pub fn isolation(&self) -> &str {
        self.target.link().isolation()
    }

    /// The system calls that its VM was refused until now, each by its name and how often, as the
    /// kernel told it: what the functions of the library tried beyond what the VM was granted.
    pub fn denials(&self) -> Vec<(String, u64)> {
        self.target.link().denied_calls()
    }

    /// The limits that its VM has, and what is used of each; see [`Budget`].
    ///
    /// # Errors
    /// When the VM is gone, or cosmosd does not answer.
    pub fn budget(&self) -> Result<Vec<Budget>, Error> {
        self.target.link().budget()
    }

    /// Memory that this program and the library's VM both see: a pointer into it, passed to a function
    /// of that VM, is not copied. It lasts until it is dropped, whatever becomes of library and VM.
    ///
    /// # Errors
    /// When the library is closed, its VM gone or of a kind that shares no memory, or there is none.
    pub fn alloc(&self, size: usize) -> Result<Buffer, Error> {
        Buffer::adopt(self.target.allocate(size)?, size)
    }

    /// Ends the calls of its functions that are under way, on whichever threads: they fail with
    /// [`FaultCode::Cancelled`] (ECANCELED). A private VM is killed with that, whatever else is open
    /// in it; in a shared one what the functions do goes on, and nobody waits for it. Gives how many
    /// calls there were; where there were none, nothing is ended.
    ///
    /// # Errors
    /// When the library is closed, or its VM gone.
    pub fn cancel(&self) -> Result<usize, Error> {
        self.target.cancel()
    }

    /// Closes it now: calls in flight finish, later ones fail.
    ///
    /// # Errors
    /// When the VM's destructors fail; it is closed all the same.
    pub fn close(self) -> Result<(), Error> {
        self.target.close()
    }

    /// The same library once more; it closes when the last one goes.
    pub(crate) fn again(&self) -> Library {
        Library {
            target: Arc::clone(&self.target),
        }
    }

    /// What the C face works with.
    pub(crate) fn target(&self) -> &Arc<Target> {
        &self.target
    }
}

/// An open target, shared by its library, its functions and the calls in flight.
pub(crate) struct Target {
    hold: Hold,
    generation: u64,
    object: ObjectToken,
    path: String,
    bounds: Bounds,
    gate: Arc<Gate>,
    functions: Mutex<HashMap<String, Arc<Resolved>>>,
    /// Those of a closed library, which a call under way holds, or has left to it, and by that them.
    retired: Mutex<Vec<Arc<Resolved>>>,
    closers: Mutex<Closers>,
    on_error: Mutex<Option<Handler>>,
    shelf: Shelf,
    /// What was resolved as it was opened, and was not asked for yet.
    answered: Mutex<Answered>,
    /// Where prototypes are that are asked for by name.
    packs: OnceLock<Packs>,
    /// Where calls are made that may be made again.
    spare: OnceLock<Spare>,
}

/// What libraries, functions and symbols have of a target: with the last of them it closes.
pub(crate) struct Owned(Arc<Target>);

impl Owned {
    pub(crate) fn new(target: Arc<Target>) -> Arc<Owned> {
        Arc::new(Owned(target))
    }
}

impl std::ops::Deref for Owned {
    type Target = Arc<Target>;

    fn deref(&self) -> &Arc<Target> {
        &self.0
    }
}

impl std::fmt::Debug for Owned {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(formatter)
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        let target = &self.0;
        if !fork::is_current(target.generation) {
            return;
        }
        let _uncancelled = Uncancelled::new();
        // Nobody is left who could be told.
        let _ = target.close();
        let kept: Arc<dyn Any + Send + Sync> = Arc::clone(target) as _;
        target.hold.leave(target.object.0, &kept);
    }
}

/// Called with every failed call through a C pointer.
pub(crate) type Handler = Arc<dyn Fn(&Error) + Send + Sync>;

impl std::fmt::Debug for Target {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Target")
            .field("path", &self.path)
            .field("vm", &self.hold.label())
            .finish_non_exhaustive()
    }
}

impl Target {
    /// An object that the VM has opened.
    pub(crate) fn new(
        hold: Hold,
        object: ObjectToken,
        path: String,
        bounds: Bounds,
    ) -> Arc<Target> {
        resolved::make_what_is_shared();
        Arc::new(Target {
            generation: fork::generation(),
            object,
            path,
            bounds,
            gate: Gate::new(hold.key(), object.0),
            functions: Mutex::default(),
            retired: Mutex::default(),
            hold,
            closers: Mutex::default(),
            on_error: Mutex::default(),
            shelf: Shelf::default(),
            answered: Mutex::default(),
            packs: OnceLock::new(),
            spare: OnceLock::new(),
        })
    }

    /// The function of this prototype; asked twice with the same text, the same one.
    pub(crate) fn resolve(self: &Arc<Target>, prototype: &str) -> Result<Arc<Resolved>, Error> {
        self.usable()?;
        if let Some(known) = lock(&self.functions).get(prototype) {
            return Ok(Arc::clone(known));
        }
        let packs = self.packs.get_or_init(Packs::default);
        let meant = names::prototype(packs, &self.path, prototype)?;
        let known = lock(&self.functions).get(&*meant).map(Arc::clone);
        let fresh = match known {
            Some(known) => known,
            None => Resolved::resolve(self, &meant)?,
        };
        let mut functions = lock(&self.functions);
        // Another thread may have been faster: one function, one pointer, by whichever name.
        let one = Arc::clone(functions.entry(meant.into_owned()).or_insert(fresh));
        functions.insert(prototype.to_owned(), Arc::clone(&one));
        Ok(one)
    }

    /// What came of asking for the function of this prototype as it was opened, once.
    pub(crate) fn answered(&self, prototype: &str) -> Option<vm::Resolved> {
        let mut answered = lock(&self.answered);
        let place = answered.iter().position(|(known, _)| known == prototype)?;
        Some(answered.swap_remove(place).1)
    }

    /// Refuses a library that is closed, inherited by fork, or whose VM is gone.
    pub(crate) fn usable(&self) -> Result<(), Error> {
        self.hold.usable()?;
        if self.gate.is_closed() {
            return Err(self.hold.named(Fault::caller(
                FaultCode::StaleHandle,
                format!("{} was closed", self.path),
            )));
        }
        Ok(())
    }

    /// What its functions see of it.
    pub(crate) fn gate(&self) -> &Arc<Gate> {
        &self.gate
    }

    /// Lets go of the object; see the module.
    pub(crate) fn close(&self) -> Result<(), Error> {
        if !fork::is_current(self.generation) {
            return self.hold.usable();
        }
        if !self.gate.close() {
            return Ok(());
        }
        self.spare().close();
        let functions = std::mem::take(&mut *lock(&self.functions));
        lock(&self.retired).extend(functions.into_values());
        let session = Session::current();
        session
            .callbacks()
            .library_closed(self.hold.key(), self.object.0);
        session
            .residents()
            .library_closed(self.hold.key(), self.object.0);
        if self.hold.is_gone() {
            return Ok(());
        }
        let place = format!("closing {}", self.path);
        self.hold.request(
            &Close {
                object: self.object,
            },
            self.bounds.timeout,
            &place,
        )
    }

    /// The VM.
    pub(crate) fn link(&self) -> &Arc<Link> {
        &self.hold
    }

    /// Memory that this process and the VM both see; gives the address.
    pub(crate) fn allocate(&self, size: usize) -> Result<u64, Error> {
        self.usable()?;
        self.hold.arena().allocate(&self.hold, size)
    }

    /// The VM's token for it.
    pub(crate) fn object(&self) -> ObjectToken {
        self.object
    }

    /// Its absolute path.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// Where calls are made that may be made again.
    pub(crate) fn spare(&self) -> &Spare {
        self.spare.get_or_init(Spare::default)
    }

    /// Ends the calls under way.
    pub(crate) fn cancel(&self) -> Result<usize, Error> {
        self.usable()?;
        Ok(self.hold.cancel(self.object.0))
    }

    /// How long a call may take.
    pub(crate) fn timeout(&self) -> Option<Duration> {
        self.bounds.timeout
    }

    /// How often a call may call back.
    pub(crate) fn callbacks(&self) -> u64 {
        self.bounds.callbacks
    }

    /// Notes what a prototype says destroys its objects.
    pub(crate) fn learn_closers(&self, frame: &CallFrame) {
        lock(&self.closers).learn(frame);
    }

    /// The parameters of a function that are handles it destroys.
    pub(crate) fn destroyed_by(&self, frame: &CallFrame) -> Vec<usize> {
        if frame.handles().next().is_none() {
            return Vec::new();
        }
        lock(&self.closers).destroyed_by(frame)
    }

    /// Where results are kept.
    pub(crate) fn shelf(&self) -> &Shelf {
        &self.shelf
    }

    /// Sets what is called with failed calls.
    pub(crate) fn set_on_error(&self, handler: Option<Handler>) {
        *lock(&self.on_error) = handler;
    }

    /// What is called with failed calls.
    pub(crate) fn on_error(&self) -> Option<Handler> {
        lock(&self.on_error).clone()
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        let _uncancelled = Uncancelled::new();
        // Nobody is left who could be told; an inherited one is left alone.
        let _ = self.close();
        if fork::is_current(self.generation) {
            Session::current().retire(std::mem::take(&mut *lock(&self.retired)));
        }
    }
}

/// This VM, if it can run the target, and the target's absolute path.
fn place(session: &Session, target: &str, vm: &Vm) -> Result<(Hold, String), Error> {
    let name = target_name(target, vm.machine())?;
    let hold = vm.take()?;
    let placement = session.ask(hold.coordinator(), &Which { target: name })?;
    let candidate = placement
        .candidates
        .iter()
        .find(|candidate| candidate.kind == hold.kind());
    match candidate.map(|candidate| candidate.refused.as_slice()) {
        Some([]) => Ok((hold, placement.path)),
        Some(reasons) => Err(hold.named(Fault::caller(
            FaultCode::NotLoadable,
            format!(
                "{} cannot run {}: {}",
                hold.label(),
                placement.path,
                reasons.join("; ")
            ),
        ))),
        None => Err(hold.named(Fault::caller(
            FaultCode::NotLoadable,
            format!(
                "{} cannot run {}: cosmosd does not consider a {} for it",
                hold.label(),
                placement.path,
                hold.kind()
            ),
        ))),
    }
}

/// A target with the directory that a relative path of it starts from.
pub(crate) fn target_name(target: &str, host: &Host) -> Result<TargetName, Fault> {
    if target.is_empty() {
        return Err(Fault::caller(
            FaultCode::NoSuchTarget,
            "the target's name is empty",
        ));
    }
    if *host != Host::Local {
        // Relative paths start where sessions there do.
        return Ok(TargetName {
            name: target.to_owned(),
            directory: String::new(),
        });
    }
    // A bare name or an absolute path does not need the directory, which may be gone or unreadable.
    let directory = match std::env::current_dir() {
        Ok(directory) => directory.to_string_lossy().into_owned(),
        Err(_) if target.starts_with('/') || !target.contains('/') => String::new(),
        Err(error) => {
            return Err(Fault::host(
                FaultCode::System,
                format!(
                    "{target} is relative to the current directory, which cannot be found: {error}"
                ),
            ));
        }
    };
    Ok(TargetName {
        name: target.to_owned(),
        directory,
    })
}
