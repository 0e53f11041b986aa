//! An open library.

use crate::thunk::Pool;
use crate::{elf, loader};
use cosmos_rpc::{Fault, FaultCode};
use libloading::os::unix::{Library as Loaded, RTLD_LOCAL, RTLD_NOW};
use std::ffi::{CString, c_void};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// A library that the dynamic loader holds for as long as this value lives.
pub struct Library {
    // Dropped first: its destructors may call what follows.
    loaded: Loaded,
    path: PathBuf,
    /// The closures that its functions were given, which it may have kept.
    pools: Mutex<Vec<Arc<Pool>>>,
}

impl Library {
    /// Loads the library at `path` with everything it needs; its constructors run.
    ///
    /// # Errors
    /// `NoSuchTarget`, `WrongArchitecture`, `NotLoadable` with the loader's own words.
    pub(crate) fn open(path: &Path) -> Result<Library, Fault> {
        elf::whole(path)?;
        // SAFETY: constructors of the library may do anything; this process exists to run them.
        match unsafe { Loaded::open(Some(path), RTLD_NOW | RTLD_LOCAL) } {
            Ok(loaded) => Ok(Library {
                loaded,
                path: path.to_owned(),
                pools: Mutex::default(),
            }),
            Err(error) => Err(elf::why_not_loadable(path, &words(&error))),
        }
    }

    /// Keeps closures as long as the library.
    pub(crate) fn keep(&self, pool: &Arc<Pool>) {
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        pools.push(Arc::clone(pool));
    }

    /// Where the code of function `name` is, in this library or one it needs.
    ///
    /// # Errors
    /// `NoSuchSymbol`, with near names, or because the symbol is data.
    pub(crate) fn function(&self, name: &str) -> Result<*mut c_void, Fault> {
        let address = self.symbol(name).ok_or_else(|| self.missing(name))?;
        if loader::is_code(address) {
            Ok(address)
        } else {
            Err(Fault::caller(
                FaultCode::NoSuchSymbol,
                format!(
                    "'{name}' in {} is data, not a function; only functions can be called",
                    self.path.display()
                ),
            ))
        }
    }

    /// The function that frees what another one returned: this library's own view of the name
    /// first, then everything this process has loaded, where `free` is.
    pub(crate) fn deallocator(&self, name: &str) -> Result<*mut c_void, Fault> {
        let own = self.symbol(name);
        let address = own.or_else(|| symbol_of(&Loaded::this(), name));
        address
            .filter(|&address| loader::is_code(address))
            .ok_or_else(|| {
                Fault::caller(
                    FaultCode::NoSuchSymbol,
                    format!(
                        "the deallocator '{name}' of the prototype is no function of {}{}",
                        self.path.display(),
                        elf::near(&self.path, name)
                    ),
                )
            })
    }

    fn symbol(&self, name: &str) -> Option<*mut c_void> {
        symbol_of(&self.loaded, name)
    }

    fn missing(&self, name: &str) -> Fault {
        Fault::caller(
            FaultCode::NoSuchSymbol,
            format!(
                "{} has no function '{name}'{}",
                self.path.display(),
                elf::near(&self.path, name)
            ),
        )
    }
}

fn symbol_of(library: &Loaded, name: &str) -> Option<*mut c_void> {
    let name = CString::new(name).ok()?;
    // SAFETY: the symbol is taken as an address and nothing is done with it here.
    let symbol = unsafe { library.get::<*mut c_void>(name.as_c_str()) }.ok()?;
    let address = symbol.as_raw_ptr();
    (!address.is_null()).then_some(address)
}

/// What the loader said, without the words around it.
fn words(error: &libloading::Error) -> String {
    let cause = std::error::Error::source(error);
    cause.map_or_else(|| error.to_string(), ToString::to_string)
}
