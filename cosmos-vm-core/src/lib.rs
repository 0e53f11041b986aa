//! The main loop every VM shares.
//!
//! A kind of VM implements [`Vm`] and hands it to [`run`]: sockets, requests, marshalling, tables
//! and the end of the process are the same for all of them and are here.
//!
//! | room | purpose |
//! |---|---|
//! | [`Vm`] | what a kind has to say for itself |
//! | [`Call`] | one call, as the kind sees it |
//! | `main_loop` | clients come and go; the process ends in time; who listens for the first client |
//! | `channel` | a connection and the thread that serves it |
//! | `room` | how many of them there may be, so that descriptors are left for the rest |
//! | `conversation` | what is said on a channel: requests answered, the client's functions called |
//! | [`Callback`] | a function of the client's, as the kind calls it |
//! | `scopes` | functions of the client's that outlive the call they were passed to |
//! | `verb` | open, sym, call, exec, close, attach, map: one a file |
//! | `confine` | giving up all that was not granted, before the first client |
//! | `drain` | ending without breaking a call off |
//! | `segments` | memory that a client sees as well |
//! | `session` | what one client has: objects, runables, handles |
//! | `recent` | the functions that a channel called last |
//! | [`pins`] | what targets must be to be run |
//! | `presence` | which library a thread is in, for who closes that |
//! | `library` | an open object, and what is destroyed when it goes |
//! | `kept` | memory that functions use beyond their call |
//! | `table`, `handles` | numbers for things: index and generation, never an address |
//! | `memory`, `callback_memory` | what marshalling reaches besides the call's own bytes |
//! | `buffers` | bytes in and out, for kinds whose functions see no memory |
//! | `process` | the few unsafe things a process does to itself |
//! | `journal` | what the VM's own code has to say |
//!
//! # States
//!
//! ```text
//!                      Ready sent             Accept            main connection ends
//!   Starting ───────────────────────▶ Idle ─────────▶ Serving ───────────────────────┐
//!      │                               │ ▲              │  ▲                          │
//!      │ control socket                │ │ last client  │  │ Accept (shared VM)       │
//!      │ does not work                 │ │ of a shared  └──┘                          │
//!      │                               │ │ VM went ◀────────────── shared ────────────┤
//!      ▼                               ▼ │                                            │
//!     exit(1)        control socket ended, no client: exit(0)         private, last: _exit(0)
//!
//!   each channel:   Handshake ──▶ Idle ◀──▶ InCall ◀──▶ InCallback     any ──▶ Ended (peer gone,
//!                                              ▲            │          or it broke the protocol
//!                                              └── nested ──┘          and was told so)
//! ```
//!
//! A signal in foreign code, `exit(3)`, `abort(3)` take the process from any state to its end; the
//! launcher tells cosmosd how.
//!
//! # Invariants
//!
//! 1. A private VM does not outlive its client: from when there is one, the main thread only ever waits in
//!    `poll` for the hang-up, and ends the process by `_exit`, whatever other threads are doing.
//! 2. A VM does not outlive both cosmosd and its clients.
//! 3. Every request with an id gets exactly one answer, unless the process or the connection ends
//!    first, which the client sees. A panic is a fault.
//! 4. Each channel has one thread of its own, from its handshake to its end. Nested calls of one
//!    client thread stay on it.
//! 5. What a client names is looked up in its own session's tables, by index and generation.
//! 6. The VM makes no connection. Whoever it talks with, cosmosd gave it.

mod arguments;
mod buffers;
mod call;
mod callback;
mod callback_memory;
mod channel;
mod confine;
mod conversation;
mod count;
mod drain;
mod handles;
mod journal;
mod kept;
mod library;
mod main_loop;
mod memory;
pub mod pins;
mod presence;
mod process;
mod recent;
mod room;
mod scopes;
mod segments;
mod session;
mod table;
mod threads;
mod verb;
mod vm;

pub use buffers::{Buffer, Room};
pub use call::{Call, Numbers, Words};
pub use callback::{Callback, Undelivered};
pub use handles::MAXIMUM_HANDLES;
pub use kept::MAXIMUM_KEPT;
pub use main_loop::MAXIMUM_CLIENTS;
pub use scopes::MAXIMUM_SCOPED;
pub use session::{MAXIMUM_CHANNELS, MAXIMUM_OBJECTS, MAXIMUM_RUNABLES};
pub use vm::{Held, Run, Vm};

use arguments::Arguments;
use main_loop::Terms;
use std::io::Write;
use std::process::ExitCode;

/// The whole `main` of a VM executable.
///
/// | argument | meaning |
/// |---|---|
/// | `--control FD` | the inherited descriptor of the control socket |
/// | `--private` | the VM is one client's: it ends when that client goes |
/// | `--confine FD` | an inherited socket to the launcher: no client is served before the VM was told what to give up |
/// | `--call-depth N` | calls back of a thread, one inside of another; 64 at most |
/// | `--untraced` | programs are not looked at when they crash |
/// | `--pin SHA256=PATH` | a target that is run only with these contents |
///
/// Gives 0 when nobody is left to serve, 1 when the control socket does not work, 2 for wrong
/// arguments. A private VM ends inside this function.
pub fn run<V: Vm>(vm: V) -> ExitCode {
    ExitCode::from(status(vm))
}

/// The same for a `main` that is the C library's, where the standard library has prepared nothing.
pub fn status<V: Vm>(vm: V) -> u8 {
    journal::begin();
    let kind = vm.kind();
    process::settle();
    let arguments = match Arguments::parse(std::env::args_os().skip(1)) {
        Ok(arguments) => arguments,
        Err(problem) => {
            eprintln!(
                "{kind}: {problem}\nA VM is started by cosmosd: --control FD [--private] [--confine FD] [--call-depth N] [--untraced] [--pin SHA256=PATH]..."
            );
            return 2;
        }
    };
    // SAFETY: the number is a control socket made for this process; nothing was opened before.
    let Some(control) = (unsafe { process::adopt(arguments.control) }) else {
        eprintln!("{kind}: descriptor {} is not open", arguments.control);
        return 1;
    };
    let confining = match arguments.confine {
        // SAFETY: as above.
        Some(number) => match unsafe { process::adopt(number) } {
            None => {
                eprintln!("{kind}: descriptor {number} is not open");
                return 1;
            }
            confining => confining,
        },
        None => None,
    };
    if arguments.untraced {
        vm.leave_untraced();
    }
    if !arguments.pins.is_empty()
        && let Some(pins) = vm.pin(pins::Pins::of(arguments.pins))
    {
        verb::leave_closed(pins);
    }
    conversation::limit_depth(arguments.call_depth);
    cosmos_rpc::fence::prepare();
    let terms = Terms {
        private: arguments.private,
        confining,
    };
    match main_loop::serve(vm, control, terms) {
        // Not by returning: a call of a client that is gone may still run on its thread.
        Ok(()) => process::end(0),
        Err(fault) => {
            // cosmosd, which reads it, may be what is gone.
            let _ = writeln!(std::io::stderr(), "{kind}: {fault}");
            process::end(1)
        }
    }
}
