//! How a target is to be opened.

use crate::vm::Vm;
use std::path::PathBuf;
use std::time::Duration;

/// Options of [`dlopen_with`](crate::dlopen_with) and [`Vm::open`].
///
/// The default asks for what the configuration says: its isolation, its limits, no timeout, and the
/// VM this process already has where that one fits.
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub(crate) timeout: Option<Duration>,
    pub(crate) settings: Vec<(String, String)>,
    pub(crate) fresh: bool,
    pub(crate) shared_name: String,
    pub(crate) vm: Option<Vm>,
    pub(crate) packs: Vec<PathBuf>,
}

impl Options {
    /// The defaults.
    pub fn new() -> Options {
        Options::default()
    }

    /// How long opening, resolving and each call may take. When a call's time is up the call fails
    /// with ETIMEDOUT and a private VM is killed. Zero means no limit, which is the default.
    pub fn timeout(mut self, timeout: Duration) -> Options {
        self.timeout = (!timeout.is_zero()).then_some(timeout);
        self
    }

    /// The least isolation to accept: `none`, `limits`, `landlock+seccomp` or `namespaces`. The
    /// configuration may ask for more, never get less.
    pub fn isolation(self, level: &str) -> Options {
        self.setting("isolation.level", level)
    }

    /// A configuration key for this VM alone; it can only tighten what is configured.
    pub fn setting(mut self, key: &str, value: &str) -> Options {
        self.settings.push((key.to_owned(), value.to_owned()));
        self
    }

    /// Whether to start a new VM even where this process has one that fits. Nothing else is opened
    /// in it, unless it is named by [`Options::vm`].
    pub fn fresh(mut self, fresh: bool) -> Options {
        self.fresh = fresh;
        self
    }

    /// Open in the VM of this name that processes of the same uid share; started if it is not there.
    pub fn shared(mut self, name: &str) -> Options {
        name.clone_into(&mut self.shared_name);
        self
    }

    /// Looks functions that are given by name up in the prototype packs of this directory too, before
    /// those of directories given later, of the configuration and of cosmos itself. A pack is a file
    /// of prototypes named `SONAME.protos`.
    pub fn packs(mut self, directory: impl Into<PathBuf>) -> Options {
        self.packs.push(directory.into());
        self
    }

    /// Open in this VM and no other.
    pub fn vm(mut self, vm: &Vm) -> Options {
        self.vm = Some(vm.clone());
        self
    }
}
