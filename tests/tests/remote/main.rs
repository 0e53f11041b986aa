//! VMs on another machine, by a real sshd: they appear local, and nothing is left when the connection
//! ends.

mod broken;
mod calls;
mod hostile;
mod programs;
mod refused;
mod silent;
mod terminal;
mod together;
mod verbs;

use cosmos::{Host, Options};
use cosmos_tests::machine::THERE;
use cosmos_tests::{Process, Ran, World, run};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);

/// Options of an open there.
fn there() -> Options {
    let host: Host = THERE.parse().expect("a host");
    Options::new().host(host)
}

/// `cosmos exec` there with these arguments.
fn exec(world: &World, arguments: &[&str]) -> Ran {
    let mut command = world.cosmos();
    command.args(["exec", "--host", THERE]).args(arguments);
    run(&mut command, PATIENCE)
}

/// The processes of this world that run a VM, a relay or a program of these names.
fn running(world: &World, programs: &[&str]) -> Vec<Process> {
    let ours = |process: &Process| {
        let name = process.name.as_str();
        name == "cosmos-exec" || name == "cosmos-hostfn" || programs.contains(&name)
    };
    world.processes().into_iter().filter(ours).collect()
}
