//! Calls that are made once more: of an `__idempotent` function, when its VM died.
//!
//! The library whose VM died stays as it is, for what it had in the VM is gone. Its idempotent
//! functions need nothing of that: they are called in a *spare*, the same target open in a fresh VM,
//! which serves as long as it lives and closes with the library. A call is repeated once at most,
//! and only where it takes no handle: an object of a dead VM is in no other.

use crate::error::Error;
use crate::library::{Library, Target, dlopen_with};
use crate::options::Options;
use crate::resolved::Resolved;
use crate::session::lock;
use callframe::types::{Identity, Type};
use cosmos_rpc::FaultCode;
use std::sync::{Arc, Mutex};

/// How a library is opened again, and the library where it was.
#[derive(Debug, Default)]
pub(crate) struct Spare {
    options: Option<Options>,
    open: Mutex<Option<Library>>,
}

impl Spare {
    /// For a library that was opened with these options. One that was opened in a given VM belongs
    /// there and has no spare.
    pub(crate) fn of(options: &Options) -> Spare {
        let fresh = options.shared_name.is_empty();
        Spare {
            options: options.vm.is_none().then(|| options.clone().fresh(fresh)),
            open: Mutex::default(),
        }
    }

    /// The target in another VM than the one that died, opened now where it is not.
    fn open(&self, path: &str) -> Option<Result<Arc<Target>, Error>> {
        let options = self.options.as_ref()?;
        let mut open = lock(&self.open);
        let known = open.as_ref().map(Library::target);
        if let Some(known) = known.filter(|known| known.usable().is_ok()) {
            return Some(Ok(Arc::clone(known)));
        }
        let fresh = match dlopen_with(path, options) {
            Ok(fresh) => open.insert(fresh),
            Err(error) => return Some(Err(error)),
        };
        Some(Ok(Arc::clone(fresh.target())))
    }

    /// Lets go of it.
    pub(crate) fn close(&self) {
        drop(lock(&self.open).take());
    }
}

/// The function to call in place of one whose call failed with this error; `None` where it may not
/// be called again, or cannot.
pub(crate) fn instead(
    function: &Resolved,
    library: &Target,
    error: &Error,
) -> Option<(Arc<Resolved>, Arc<Target>)> {
    let frame = function.frame();
    let takes_handles = || {
        frame.types().any(|ty| {
            matches!(ty, Type::Pointer(pointer) if matches!(pointer.identity, Identity::Handle(_)))
        })
    };
    if error.code() != FaultCode::VmDied || !frame.contract().idempotent || takes_handles() {
        return None;
    }
    let spare = library.spare().open(library.path())?.ok()?;
    let function = spare.resolve(&frame.to_string()).ok()?;
    Some((function, spare))
}
