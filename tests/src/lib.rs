//! The harness of the end-to-end tests: real daemons, real libraries, C programs, hostile peers.
//!
//! # One world per test
//!
//! [`in_world`] runs the body of a test in a process of its own, with a socket directory, a home
//! and a configuration of its own, so that tests run side by side and nothing of the machine's own
//! cosmos is touched:
//!
//! ```text
//! test process ──spawns──> supervisor ──spawns──> body (the test's closure)
//!   makes the directory      adopts every orphan     starts daemons on demand, VMs, clients
//!   shows the output         kills what is left
//! ```
//!
//! All three are the same test executable. The supervisor is the *child subreaper* of everything
//! below it: a daemon that detached from the body becomes the supervisor's child. When the body
//! ends or its time is up, the supervisor kills its children and theirs, each a child it has not
//! reaped yet, so no process id can mean another process by then. Nothing else is ever signalled.

mod binaries;
pub mod c;
mod fenced;
pub mod machine;
mod measuring;
mod offers;
mod prefix;
mod process;
mod run;
pub mod stream;
pub mod targets;
pub mod terminal;
pub mod turns;
pub mod window;
mod world;

pub use binaries::{DAEMONS, built, built_with, repository};
pub use fenced::Fenced;
pub use measuring::{is_measuring, is_measuring_with};
pub use prefix::Prefix;
pub use process::{Process, open_descriptors, resident_bytes};
pub use run::{Ran, run};
pub use world::{World, in_world, in_world_for};

use std::time::{Duration, Instant};

/// errno of this thread.
pub fn errno() -> i32 {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

/// Sets errno of this thread.
pub fn set_errno(value: i32) {
    // SAFETY: __errno_location gives this thread's own int, valid as long as the thread runs.
    unsafe { *libc::__errno_location() = value }
}

/// Looks every few milliseconds until `holds` gives a value, at most `patience` long.
pub fn eventually<T>(patience: Duration, mut holds: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(value) = holds() {
            return Some(value);
        }
        if Instant::now() >= deadline {
            return None;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Whether this test may look into processes that are not dumpable, which only root may.
pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}
