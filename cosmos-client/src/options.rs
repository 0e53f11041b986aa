//! How a target is to be opened.

use crate::vm::Vm;
use cosmos_config::Host;
use cosmos_rpc::message::confine::Grants;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often a call may call back, where the options do not say.
pub(crate) const MOST_CALLBACKS: u64 = 100_000_000;

/// What calls of a library are bounded by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// How long each may take.
    pub(crate) timeout: Option<Duration>,
    /// How often each may call back.
    pub(crate) callbacks: u64,
}

/// Options of [`dlopen_with`](crate::dlopen_with) and [`Vm::open`].
///
/// The default asks for what the configuration says: its isolation, its limits, no timeout, and the
/// VM this process already has where that one fits.
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub(crate) timeout: Option<Duration>,
    pub(crate) callbacks: Option<u64>,
    pub(crate) settings: Vec<(String, String)>,
    pub(crate) fresh: bool,
    pub(crate) shared_name: String,
    pub(crate) vm: Option<Vm>,
    pub(crate) packs: Vec<PathBuf>,
    pub(crate) grants: Grants,
    pub(crate) host: Option<Host>,
}

impl Options {
    /// The defaults.
    pub fn new() -> Options {
        Options::default()
    }

    /// How long opening, resolving and each call may take. When a call's time is up the call fails
    /// with ETIMEDOUT and a private VM is killed. Zero means no limit, which is the default. The
    /// time that the program's own functions take, which the call calls back, does not count.
    pub fn timeout(mut self, timeout: Duration) -> Options {
        self.timeout = (!timeout.is_zero()).then_some(timeout);
        self
    }

    /// How often one call may call functions of this program back, 100 million at first. The time
    /// that those take does not count for the timeout, so a VM could put it off for ever by them.
    pub fn callbacks(mut self, most: u64) -> Options {
        self.callbacks = Some(most);
        self
    }

    /// The least isolation to accept: `none`, `limits`, `landlock+seccomp` or `namespaces`. The
    /// configuration may ask for more, never get less.
    pub fn isolation(self, level: &str) -> Options {
        self.setting("isolation.level", level)
    }

    /// Grants the VM a file, or a directory with all that is in it, to read; a relative path is one of
    /// the current directory. Without grants, a VM at `landlock+seccomp` or above can open its
    /// target's own files alone.
    pub fn read(mut self, path: impl AsRef<Path>) -> Options {
        self.grants.read.push(absolute(path.as_ref()));
        self
    }

    /// Grants the VM a file, or a directory with all that is in it, to read and to change.
    pub fn write(mut self, path: impl AsRef<Path>) -> Options {
        self.grants.write.push(absolute(path.as_ref()));
        self
    }

    /// Whether the VM may use the network, and with that read how names are resolved and which
    /// certificates count.
    pub fn network(mut self, network: bool) -> Options {
        self.grants.network = network;
        self
    }

    /// Whether the VM may start the programs that it can read: become one, and where a control group
    /// bounds its processes, fork as well. What it starts is confined as it is.
    pub fn programs(mut self, programs: bool) -> Options {
        self.grants.programs = programs;
        self
    }

    /// An upper bound for the VM: `memory_bytes`, `cpu_seconds` or another key of the section
    /// `limits` of the configuration; it can only tighten what is configured.
    pub fn limit(self, name: &str, most: u64) -> Options {
        self.setting(&format!("limits.{name}"), &most.to_string())
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

    /// The machine to run on, read from `local` or `ssh://[USER@]HOST[:PORT]`. On another one, names
    /// and paths are of that machine, relative ones start in the home directory there, and so do
    /// programs. What the configuration here grants does not count there; its limits and isolation do.
    pub fn host(mut self, host: Host) -> Options {
        self.host = Some(host);
        self
    }

    /// Open in this VM and no other.
    pub fn vm(mut self, vm: &Vm) -> Options {
        self.vm = Some(vm.clone());
        self
    }
}

/// The VM has another working directory. What is no text is refused by the name that it gets here.
fn absolute(path: &Path) -> String {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    path.to_string_lossy().into_owned()
}
