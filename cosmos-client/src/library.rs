//! Opened targets.

use crate::{Error, Function, Options};
use cosmos_rpc::{Fault, FaultCode};

/// Opens a library in a VM, with default options.
pub fn dlopen(target: &str) -> Result<Library, Error> {
    dlopen_with(target, &Options::default())
}

/// Opens a library in a VM.
pub fn dlopen_with(_target: &str, _options: &Options) -> Result<Library, Error> {
    Err(unfinished())
}

/// A library open in a VM. Dropping it closes it; functions of it stay callable until they are
/// dropped too.
#[derive(Debug)]
pub struct Library {
    path: String,
    vm: String,
}

impl Library {
    /// Resolves a function from its prototype.
    pub fn function(&self, _prototype: &str) -> Result<Function, Error> {
        Err(unfinished())
    }

    /// The absolute path of the target.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The VM it is open in, `hostfn-3`.
    pub fn vm(&self) -> &str {
        &self.vm
    }

    /// Closes it.
    pub fn close(self) -> Result<(), Error> {
        Err(unfinished())
    }
}

pub(crate) fn unfinished() -> Error {
    Fault::host(FaultCode::Unsupported, "not built yet").into()
}
