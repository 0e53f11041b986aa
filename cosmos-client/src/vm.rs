//! A running VM, as a client sees it.

use crate::{Error, Options, library::unfinished};

/// A running VM.
#[derive(Clone, Debug)]
pub struct Vm {
    name: String,
}

impl Vm {
    /// A VM of this kind (`hostfn`), or the running one of this name (`hostfn-3`).
    pub fn open(_kind_or_name: &str, _options: &Options) -> Result<Vm, Error> {
        Err(unfinished())
    }

    /// Its name, `hostfn-3`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Ends a private VM, lets go of a shared one. Calls in flight fail with EOWNERDEAD.
    pub fn close(self) -> Result<(), Error> {
        Err(unfinished())
    }
}
