//! What a process gives up for good, and what holds several together.
//!
//! | room | purpose |
//! |---|---|
//! | [`alone`] | a process that only computes: nothing but that
//! | [`files`] | Landlock: files, signals and abstract sockets beyond a process's own |
//! | [`rules`] | which system calls are allowed, each with its reason |
//! | [`filter`] | the rules as a seccomp filter, in two stages |
//! | [`listener`] | what the kernel says was refused, by name |
//! | [`privileges`] | the capabilities of root |
//! | [`namespaces`] | a view of the machine with nothing in it but what was granted |
//! | [`totals`] | memory and processes of a whole group, by control groups |
//! | [`offers`] | which of all that there is here |
//!
//! The launcher does first what needs no knowledge of the target; the VM does the rest when it is told
//! its target, before foreign code is loaded:
//!
//! | when | who | what |
//! |---|---|---|
//! | before the VM's program is executed | launcher | limits, totals, namespaces, capabilities, [`files::scope`], [`filter::first`] |
//! | with one thread, before a client or a library | VM | [`files::restrict`], [`filter::second`], its listener to the launcher |
//!
//! Nothing here can be undone by the process that did it, nor by what it starts.

pub mod alone;
pub mod files;
pub mod filter;
pub mod listener;
pub mod namespaces;
pub mod offers;
pub mod privileges;
pub mod rules;
pub mod totals;

/// Why a process could not be confined. It must not go on then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A path that was granted cannot be opened.
    #[error("{0} was granted and cannot be opened: {1}")]
    Granted(String, String),
    /// Landlock refused, or this kernel's is too old.
    #[error("Landlock: {0}")]
    Landlock(String),
    /// The filter cannot be made or installed.
    #[error("the filter of system calls: {0}")]
    Filter(String),
    /// A system call failed.
    #[error("{0}: {1}")]
    System(&'static str, nix::errno::Errno),
    /// There are other threads, which would stay as they are.
    #[error("the process has {0} threads; it can be confined with one alone")]
    Threads(usize),
}

/// Refuses where the process has more than one thread: what follows would hold for one of them.
///
/// # Errors
/// [`Error::Threads`].
pub fn single_threaded() -> Result<(), Error> {
    // Without /proc nobody can tell; what was started with one thread has one, then.
    match std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count) {
        1 => Ok(()),
        threads => Err(Error::Threads(threads)),
    }
}
