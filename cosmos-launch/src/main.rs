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
//! - The launcher outlives cosmosd: it stays until its VM ends, so that the VM keeps its clients, and
//!   gives the VM to the next cosmosd that it finds: see `keepsake`.
//! - The VM is signalled through its pidfd only, and reaped exactly once.
//! - Where a signal kills the VM, the launcher has looked at it before: see `cosmos_autopsy`.
//!
//! For a VM in namespaces the launcher makes them and forks: the process inside, the first of its pid
//! space, is the monitor, and the one outside waits for it, being the process that cosmosd holds. Each
//! dies with the one before it, and with the process inside everything in its pid space.
//!
//! It may be started before there is a VM to start, and waits for its first word. With `--ahead` it has a child
//! meanwhile that has given up all that most VMs do: see `child`.
//!
//! With `--follow` it also says in which steps it started the VM. With `--offers` it says what this machine
//! offers, as a launcher finds it, and ends.

mod child;
mod inside;
mod keepsake;
mod monitor;
mod plan;
mod steps;

use child::{Child, Waiting};
use cosmos_autopsy::{aside, trace};
use cosmos_confine::files;
use cosmos_confine::offers::Offers;
use cosmos_confine::totals::{Bounds, Totals};
use cosmos_rpc::blocking::Connection;
use cosmos_rpc::descriptor::{self, Wait};
use cosmos_rpc::handshake::Role;
use cosmos_rpc::message::Message;
use cosmos_rpc::message::follow::Teller;
use cosmos_rpc::message::launch::{Start, Started, Steps, Walls};
use cosmos_rpc::trail::{Place, Trail};
use cosmos_rpc::{Fault, FaultCode, Frame};
use inside::{Part, become_parent, wait};
use keepsake::Keepsake;
use monitor::Monitor;
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, recv};
use plan::Plan;
use std::io::IoSlice;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;

/// Exit status of a launcher whose cosmosd vanished or broke the protocol before a VM ran.
const NOT_STARTED: u8 = 125;

fn main() -> ExitCode {
    let has = |word: &str| std::env::args_os().skip(1).any(|it| it == word);
    if has("--offers") {
        let offers = Offers {
            tracing: tracing_tried(),
            ..Offers::of_this_machine()
        };
        print!("{}", offers.to_text());
        return ExitCode::SUCCESS;
    }
    match launch(has("--follow"), has("--ahead")) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("cosmos-launch: {fault}");
            ExitCode::from(NOT_STARTED)
        }
    }
}

fn launch(is_followed: bool, is_ahead: bool) -> Result<(), Fault> {
    renounce()?;
    let stream = standard_input()?;
    // Most VMs have these walls. What cannot be had is made with the order.
    let ahead = is_ahead.then(|| Ahead {
        child: Waiting::fork(Walls::Vm, None).ok(),
        files: files::Ahead::make().ok(),
    });
    if !is_wanted(&stream)? {
        return Ok(());
    }
    let ahead = ahead.unwrap_or_default();
    let mut trail = is_followed.then(|| Trail::of(Teller::Launcher));
    let greeting = begin(&mut trail, "shake hands with cosmosd");
    let mut coordinator = Connection::accept(stream, Role::Launcher)?.expect(Role::Coordinator)?;
    let Some(frame) = coordinator.receive()? else {
        return Ok(());
    };
    let id = frame.id;
    end(&mut trail, greeting);
    let preparing = begin(&mut trail, "make its control groups");
    match prepare(frame) {
        Ok((plan, given, totals)) => {
            end(&mut trail, preparing);
            start((coordinator, id), trail, ahead, &plan, given, totals)
        }
        Err(fault) => {
            // The answer is the error report; that it cannot be delivered changes nothing.
            let _ = coordinator.fault(id, &fault);
            Ok(())
        }
    }
}

/// What is there before the order, where that was waited for.
#[derive(Default)]
struct Ahead {
    /// A child that has given up what needs no knowledge of its VM.
    child: Option<Waiting>,
    /// What every VM may use of the file system.
    files: Option<files::Ahead>,
}

/// Waits for the first word, which may come long after this process was started; whether one came.
fn is_wanted(stream: &UnixStream) -> Result<bool, Fault> {
    loop {
        match recv(stream.as_raw_fd(), &mut [0], MsgFlags::MSG_PEEK) {
            Ok(bytes) => return Ok(bytes > 0),
            Err(Errno::EINTR) => {}
            // A cosmosd that was killed.
            Err(Errno::ECONNRESET) => return Ok(false),
            Err(error) => {
                let message = format!("waiting for cosmosd: {}", error.desc());
                return Err(Fault::host(FaultCode::System, message));
            }
        }
    }
}

/// What comes with Start.
struct Given {
    /// The VM's end of its control socket.
    control: OwnedFd,
    /// Where what the VM writes can be read.
    output: OwnedFd,
}

/// Checks what was asked for, and makes this process what the VM's parent must be. In namespaces, the
/// process that returns is another one.
fn prepare(mut frame: Frame) -> Result<(Plan, Given, Totals), Fault> {
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
    let (Some(output), Some(control)) = (frame.descriptors.pop(), frame.descriptors.pop()) else {
        return Err(Fault::peer(
            FaultCode::Protocol,
            "Start came without the VM's control socket and output",
        ));
    };
    let plan = Plan::new(&start)?;
    let some = |bound: u64| (bound > 0).then_some(bound);
    let bounds = Bounds {
        memory: some(plan.bounds.memory_bytes),
        processes: some(plan.bounds.processes),
    };
    let name = format!("cosmos-vm-{}", std::process::id());
    let totals = Totals::make(&name, &bounds);
    Ok((plan, Given { control, output }, totals))
}

fn start(
    (mut coordinator, id): (Connection, u64),
    mut trail: Option<Trail>,
    ahead: Ahead,
    plan: &Plan,
    given: Given,
    totals: Totals,
) -> Result<(), Fault> {
    let Given { control, output } = given;
    let child = ahead.child.filter(|waiting| waiting.suits(plan));
    let secluding = plan.view.as_ref();
    let secluding = secluding.and_then(|_| begin(&mut trail, "make its namespaces"));
    match become_parent(plan) {
        Ok(Part::Parent) => end(&mut trail, secluding),
        // The other one talks with cosmosd; this one stays as the process that cosmosd knows.
        Ok(Part::Outside(inside)) => {
            drop((coordinator, control, output));
            return wait(inside, totals);
        }
        Err(fault) => {
            let _ = coordinator.fault(id, &fault);
            return Ok(());
        }
    }
    let words = match &child {
        Some(_) => "execute, by a process that was confined before",
        None => "fork, confine, execute",
    };
    let spawning = begin(&mut trail, words);
    let ahead = Ahead { child, ..ahead };
    match spawn(plan, &control, &totals, ahead) {
        Ok((pid, child, confining)) => {
            end(&mut trail, spawning);
            drop(control);
            let bounded = totals.bounded();
            let started = Started {
                pid,
                memory_bounded: bounded.memory,
                processes_bounded: bounded.processes,
            };
            if let Some(trail) = trail {
                let spans = trail.finish();
                coordinator.notify(&Steps { spans }, &[])?;
            }
            coordinator.reply::<Start>(id, &started, &[])?;
            let keepsake = Keepsake::new(plan.registry.clone(), started, output);
            let keepsake = keepsake.map_err(|error| {
                Fault::host(FaultCode::System, format!("the pipe: {}", error.desc()))
            })?;
            Monitor::new(plan, child, totals, coordinator, confining, keepsake)?.watch()
        }
        Err(fault) => {
            let _ = coordinator.fault(id, &fault);
            Ok(())
        }
    }
}

/// Gives the VM, which is only just being loaded, what every VM may use of the file system. It makes that itself
/// where it comes too late, or not at all, or where its view is another one than this process has.
fn give_files(plan: &Plan, vm: &UnixStream, ahead: Option<files::Ahead>) {
    if plan.walls != Walls::Vm || plan.view.is_some() {
        return;
    }
    let current = ahead.filter(files::Ahead::are_current);
    let Ok(files) = current.map_or_else(files::Ahead::make, Ok) else {
        return;
    };
    let byte = [IoSlice::new(&[0])];
    let _ = descriptor::send(vm.as_fd(), &byte, &[files.give().as_fd()], Wait::No);
}

/// A step begins, where steps are told.
fn begin(trail: &mut Option<Trail>, name: &str) -> Option<Place> {
    trail.as_mut().and_then(|trail| trail.begin(name, "", None))
}

fn end(trail: &mut Option<Trail>, step: Option<Place>) {
    if let Some(trail) = trail {
        trail.end(step, None);
    }
}

/// Has a child become the VM, the one that is there or a new one: its pid for people, itself, and the way on which it
/// sends its listener.
fn spawn(
    plan: &Plan,
    control: &OwnedFd,
    totals: &Totals,
    ahead: Ahead,
) -> Result<(i32, Child, Option<UnixStream>), Fault> {
    let become_vm = |waiting: Waiting, files| {
        let doors = totals.doors().map_err(|error| {
            let message = format!("its control groups: {error}");
            Fault::host(FaultCode::LaunchFailed, message)
        })?;
        let told = waiting.tell(plan, control.as_fd(), doors)?;
        // What need not wait for the VM's program is done while the kernel executes that.
        let pid = told.pid();
        if let Some(vm) = told.confining() {
            give_files(plan, vm, files);
        }
        let (child, confining) = told.until_executed(plan)?;
        Ok((pid, child, confining))
    };
    let Ahead { child, files } = ahead;
    // One that waited may have been killed in this very moment.
    match child.map(|child| become_vm(child, files)) {
        Some(Ok(started)) => Ok(started),
        Some(Err(_)) | None => become_vm(Waiting::fork(plan.walls, plan.view.as_ref())?, None),
    }
}

/// Whether a process that this one starts can be traced; why not.
fn tracing_tried() -> Result<(), String> {
    let nothing = std::fs::File::open("/dev/null").map_err(|error| error.to_string())?;
    // It waits to be ended.
    let tried = aside::fork(nothing, |_, _| {
        std::thread::sleep(std::time::Duration::from_secs(10));
    });
    let tried = tried.map_err(|error| error.desc().to_owned())?;
    let seized = trace::seize(tried.pid(), false);
    tried.end();
    seized.map_err(|error| format!("ptrace: {}", error.desc()))
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
