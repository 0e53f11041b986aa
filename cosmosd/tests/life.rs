//! The daemon's own life: restarts of it and of cosmosdb, its ends, its start on demand.

mod support;

use cosmos_rpc::message::coordinator::{Ending, VmOpen};
use std::time::Duration;
use support::{World, ask, end, eventually, field, lives, of_kind};

#[test]
fn names_outlive_a_restart_of_cosmosdb() {
    let mut world = World::new(&[("COSMOS_START_DAEMONS", "false")]);
    let mut client = world.client();
    let opened = client.puppet("").unwrap();
    let mut registry = world.registry.take().unwrap();
    registry.kill().unwrap();
    registry.wait().unwrap();
    // The connection to cosmosd does not run through cosmosdb.
    assert_eq!(client.autopsy(&opened.name, 0).unwrap(), Ending::Running);
    world.start_registry();
    let mut reached = None;
    assert!(eventually(|| {
        reached = client.reach(&opened.name).ok();
        reached.is_some()
    }));
    let mut stream = reached.unwrap();
    assert!(!ask(&mut stream, b'i').is_empty());
    assert!(eventually(|| world.try_client().is_ok()));
}

#[test]
fn cosmosd_restarts_a_dead_cosmosdb_where_it_may() {
    let mut world = World::new(&[("COSMOS_IDLE_SECONDS", "1")]);
    let mut client = world.client();
    let opened = client.puppet("").unwrap();
    let mut registry = world.registry.take().unwrap();
    registry.kill().unwrap();
    registry.wait().unwrap();
    assert!(eventually(|| client.reach(&opened.name).is_ok()));
    let own = cosmos_rpc::rendezvous::registry_socket(&world.rendezvous()).unwrap();
    let pid = cosmos_rpc::peer::identity(&own).unwrap().pid;
    drop(world);
    end(u32::try_from(pid).unwrap());
}

#[test]
fn sigterm_ends_the_vms_and_then_cosmosd() {
    let mut world = World::new(&[]);
    let mut client = world.client();
    client.puppet("").unwrap();
    client.puppet("stubborn").unwrap();
    let pids: Vec<u32> = client
        .list()
        .iter()
        .map(|row| u32::try_from(row.pid).unwrap())
        .collect();
    world.terminate_coordinator();
    assert!(eventually(|| pids.iter().all(|pid| !lives(*pid))));
}

#[test]
fn vms_outlive_a_killed_cosmosd_while_they_have_clients() {
    let mut world = World::new(&[]);
    let mut client = world.client();
    let opened = client.open(&VmOpen {
        shared_name: "l".to_owned(),
        ..of_kind("puppetstubborn")
    });
    let mut stream = client.reach(&opened.unwrap().name).unwrap();
    let said = ask(&mut stream, b'i');
    let launcher: u32 = field(&said, "parent").parse().unwrap();
    let mut coordinator = world.coordinator.take().unwrap();
    coordinator.kill().unwrap();
    coordinator.wait().unwrap();
    assert!(!ask(&mut stream, b'i').is_empty());
    // A new cosmosd takes over the directory.
    world.start_coordinator();
    assert!(world.client().puppet("").is_ok());
    end(launcher);
    let pid: u32 = field(&said, "pid").parse().unwrap();
    assert!(eventually(|| !lives(pid)));
}

#[test]
fn a_second_cosmosd_leaves_the_first_the_field() {
    let world = World::new(&[]);
    let output = world.command("cosmosd").output().unwrap();
    assert!(output.status.success());
    assert_eq!(output.stdout, b"taken\n");
    world.client();
}

#[test]
fn a_wrong_configuration_is_said_on_standard_output() {
    let world = World::empty(&[("COSMOS_IDLE_SECONDS", "soon")]);
    let output = world.command("cosmosd").output().unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    insta::assert_snapshot!(said, @"environment variable COSMOS_IDLE_SECONDS: `idle_seconds` takes a whole number, not \"soon\"");
}

#[test]
fn started_on_demand_it_ends_when_idle() {
    let world = World::empty(&[]);
    // Only the first client's environment reaches the daemons.
    let status = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "on_demand", "--ignored", "--nocapture"])
        .env("ON_DEMAND_ROOT", world.path(""))
        .env("COSMOS_IDLE_SECONDS", "1")
        .status()
        .unwrap();
    assert!(status.success());
    assert!(eventually(|| is_free(&world.path("s/cosmosd.lock"))));
    // It has as much time, and may have ended as well.
    if let Ok(own) = cosmos_rpc::rendezvous::registry_socket(&world.rendezvous()) {
        end(u32::try_from(cosmos_rpc::peer::identity(&own).unwrap().pid).unwrap());
    }
}

/// Whether nobody has this lock, which a daemon has as long as it runs.
fn is_free(lock: &std::path::Path) -> bool {
    let file = std::fs::File::open(lock).unwrap();
    nix::fcntl::Flock::lock(file, nix::fcntl::FlockArg::LockExclusiveNonblock).is_ok()
}

/// Played by a process whose environment the daemons get.
#[test]
#[ignore = "a part of started_on_demand_it_ends_when_idle"]
fn on_demand() {
    use cosmos_rpc::rendezvous::{Rendezvous, connect_coordinator};
    let Ok(root) = std::env::var("ON_DEMAND_ROOT") else {
        return;
    };
    let root = std::path::Path::new(&root);
    let rendezvous = Rendezvous {
        directory: root.join("s"),
        libexec: root.join("l"),
        start: true,
        patience: Duration::from_secs(20),
    };
    let _connection = connect_coordinator(&rendezvous).unwrap();
    assert!(!is_free(&root.join("s/cosmosd.lock")));
}
