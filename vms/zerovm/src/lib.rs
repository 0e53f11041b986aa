//! Runs a program of the first generation of ZeroVM: an untrusted nexe, its manifest, and nothing
//! else.
//!
//! Two walls stand around a guest. The first is made of its own instructions: the validator accepts
//! only code that touches the 4 GiB it is given and leaves them through the trap. The second is the
//! kernel's: before a guest runs, its process gives up everything that a session does not need.
//!
//! | module | what |
//! |---|---|
//! | [`supervise`] | the process that was started: manifest, report, the second clock |
//! | [`told`] | what the guest's process tells its parent |
//! | [`process`] | forks, names, streams; unsafe |
//! | [`processor`] | where processes run that wait for each other |
//! | [`broker`], [`setup`] | daemon mode, and what its sessions are given |
//! | [`descriptors`] | open files from one process to another; unsafe |
//! | [`sender`] | which process is at the other end |
//! | [`session`] | the steps of a session, in that process |
//! | [`load`] | file to memory |
//! | [`space`] | the guest's 4 GiB; unsafe |
//! | [`switch`] | into the guest and out of it; unsafe |
//! | [`signals`] | what ends a guest; unsafe |
//! | [`calls`] | system calls that signals end; unsafe |
//! | [`channel`] | files of the host |
//! | [`alone`] | what dialect `fast` rests on; unsafe |
//! | [`confine`] | the second wall |
//! | [`validation`] | the first |
//! | [`user`], [`doctor`], [`syslog`], [`trace`] | root, `--doctor`, the log, `-T` |
//!
//! Everything that can be computed without memory, files and signals is in `zerovm-session`.

pub mod alone;
pub mod broker;
pub mod calls;
pub mod channel;
pub mod confine;
mod crash_site;
pub mod descriptors;
pub mod doctor;
pub mod load;
pub mod process;
pub mod processor;
pub mod sender;
pub mod session;
pub mod setup;
pub mod signals;
pub mod space;
pub mod supervise;
pub mod switch;
pub mod syslog;
pub mod told;
pub mod trace;
pub mod user;
pub mod validation;
