//! `cosmos-launch`: confines and starts one VM, and stays as its parent.
//!
//! cosmosd never forks itself: it spawns this small program with a socket as standard input and
//! sends [`Start`] there. The launcher is single-threaded from its first instruction to its last,
//! which is what makes its fork safe and its parent-death signal mean what it says (the kernel
//! sends that signal when the *thread* that forked ends).
//!
//! ```text
//!          Start + control socket                exec                   wait
//! cosmosd ────────────────────────▶ launcher ───────────▶ VM ─────────────────▶ launcher
//!         ◀──────── Started ───────                          Kill, Ended with cosmosd
//! ```
//!
//! What it promises:
//!
//! - A VM either runs as asked, confined before its first instruction, or does not run at all and
//!   the answer says which step failed.
//! - The VM is killed when the launcher ends, however it ends.
//! - The launcher outlives cosmosd: it stays until its VM ends, so that the VM keeps its clients.
//! - The VM is signalled through its pidfd only, and reaped exactly once.

mod child;
mod monitor;
mod plan;

use cosmos_rpc::blocking::Connection;
use cosmos_rpc::handshake::Role;
use cosmos_rpc::message::Message;
use cosmos_rpc::message::launch::{Start, Started};
use cosmos_rpc::{Fault, FaultCode, Frame};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;

/// Exit status of a launcher whose cosmosd vanished or broke the protocol before a VM ran.
const NOT_STARTED: u8 = 125;

fn main() -> ExitCode {
    match launch() {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("cosmos-launch: {fault}");
            ExitCode::from(NOT_STARTED)
        }
    }
}

fn launch() -> Result<(), Fault> {
    renounce()?;
    let mut coordinator =
        Connection::accept(standard_input()?, Role::Launcher)?.expect(Role::Coordinator)?;
    let Some(frame) = coordinator.receive()? else {
        return Ok(());
    };
    let id = frame.id;
    match start(frame) {
        Ok(child) => {
            coordinator.reply::<Start>(id, &Started { pid: child.pid() }, &[])?;
            monitor::watch(coordinator, child)
        }
        Err(fault) => {
            // The answer is the error report; that it cannot be delivered changes nothing.
            let _ = coordinator.fault(id, &fault);
            Ok(())
        }
    }
}

fn start(mut frame: Frame) -> Result<child::Child, Fault> {
    if frame.kind != Start::KIND {
        return Err(Fault::peer(
            FaultCode::Protocol,
            format!(
                "the launcher expects Start first, not message 0x{:04x}",
                frame.kind
            ),
        ));
    }
    let start: Start = frame.message()?;
    let Some(control) = frame.descriptors.pop() else {
        return Err(Fault::peer(
            FaultCode::Protocol,
            "Start came without the VM's control socket",
        ));
    };
    child::spawn(&plan::Plan::new(&start)?, control.as_fd())
}

/// Gives up what a monitor never needs: privileges of set-id programs, and being looked into by
/// other processes of its uid.
fn renounce() -> Result<(), Fault> {
    nix::sys::prctl::set_no_new_privs()
        .and_then(|()| nix::sys::prctl::set_dumpable(false))
        .map_err(|error| Fault::host(FaultCode::System, format!("prctl failed: {}", error.desc())))
}

/// Standard input as a socket of this process's own, so that the VM's standard input can be
/// something else.
fn standard_input() -> Result<UnixStream, Fault> {
    std::io::stdin()
        .as_fd()
        .try_clone_to_owned()
        .map(UnixStream::from)
        .map_err(|error| {
            Fault::host(
                FaultCode::System,
                format!("standard input is no socket of cosmosd's: {error}"),
            )
        })
}
