//! What a process gives up for good, and what holds several together.
//!
//! | room | purpose |
//! |---|---|
//! | [`alone`] | a process that only computes: nothing but that
//! | [`files`] | Landlock: files, signals and abstract sockets beyond a process's own |
//! | `ruleset` | what Landlock leaves, by its descriptor |
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
//! | before a client or a library, in every thread | VM | [`files::restrict`], [`filter::second`], its listener to the launcher |
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
mod ruleset;
pub mod totals;

use std::os::unix::fs::MetadataExt;

/// Why a process could not be confined. It must not go on then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A path that was granted cannot be opened.
    #[error("{0} was granted (`--ro`, `--rw`, or the configuration) and cannot be opened: {1}")]
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
    #[error("the process has {there} threads, and {known} of them can be confined")]
    Threads {
        /// How many there are.
        there: u64,
        /// How many were expected.
        known: u64,
    },
    /// A thread could not be confined, or is gone.
    #[error("a thread of the process could not be confined")]
    Thread,
}

/// Refuses where the process has other threads than so many: what follows would not hold for them.
///
/// # Errors
/// [`Error::Threads`].
pub fn has_threads(known: u64) -> Result<(), Error> {
    // A directory has a link in each directory below it, beside its own two. Without /proc nobody can tell;
    // what was started with one thread has those then that it made.
    let tasks = std::fs::metadata("/proc/self/task");
    match tasks.map_or(known, |tasks| tasks.nlink().saturating_sub(2)) {
        there if there == known => Ok(()),
        there => Err(Error::Threads { there, known }),
    }
}

#[cfg(test)]
mod tests;
