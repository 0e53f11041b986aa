//! The launcher that waits for the next VM: it is as any other, is used once, and is nobody's loss.

mod support;

use cosmos_rpc::message::coordinator::VmOpen;
use support::{Client, World, end, eventually, lives, of_kind};

fn world() -> World {
    World::new(&[("COSMOS_SPARE_LAUNCHER", "true")])
}

/// Opens a new VM; the pid of its launcher.
fn launched(client: &mut Client) -> u32 {
    let fresh = VmOpen {
        fresh: true,
        ..of_kind("puppet")
    };
    let opened = client.open(&fresh).unwrap();
    let status = format!(
        "/proc/{}/status",
        client.row(opened.name.trim_start_matches("vm/")).pid
    );
    let status = std::fs::read_to_string(status).unwrap();
    let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"));
    parent.unwrap().trim().parse().unwrap()
}

/// The one that waits, once there is one beside these.
fn waiting(world: &World, others: &[u32]) -> u32 {
    let mut found = Vec::new();
    let there = eventually(|| {
        found = world.children();
        found.retain(|(pid, state)| !others.contains(pid) && *state != 'Z');
        found.len() == 1
    });
    assert!(there, "{found:?}");
    found[0].0
}

#[test]
fn the_next_vm_is_started_by_the_one_that_waits() {
    let world = world();
    let mut client = world.client();
    let mut launchers = vec![launched(&mut client)];
    for _ in 0..3 {
        let spare = waiting(&world, &launchers);
        assert_eq!(launched(&mut client), spare);
        launchers.push(spare);
    }
    // Each of them ends with its VM, and the one that waits stays.
    let spare = waiting(&world, &launchers);
    drop(client);
    assert!(eventually(|| world.children().len() == 1));
    assert_eq!(world.children()[0].0, spare);
}

#[test]
fn one_that_was_killed_is_collected_and_missed_by_nobody() {
    let world = world();
    let mut client = world.client();
    let first = launched(&mut client);
    let spare = waiting(&world, &[first]);
    end(spare);
    assert!(eventually(|| world.children() == [(first, 'S')]));
    let second = launched(&mut client);
    assert_ne!(second, spare);
    // In the moment that it is needed, whether that has been noticed or not.
    let mut launchers = vec![first, second];
    for _ in 0..5 {
        let spare = waiting(&world, &launchers);
        end(spare);
        let launcher = launched(&mut client);
        assert_ne!(launcher, spare);
        launchers.push(launcher);
    }
}

#[test]
fn it_has_nothing_that_a_launcher_has_not_and_ends_with_cosmosd() {
    let mut world = world();
    let mut client = world.client();
    let first = launched(&mut client);
    let spare = waiting(&world, &[first]);
    let at = |name: &str| format!("/proc/{spare}/{name}");
    // Before it is executed it has what cosmosd has.
    let is_empty = || std::fs::read(at("environ")).unwrap().is_empty();
    assert!(eventually(is_empty));
    // When it waits it has its socket once more, apart from standard input; three ways to the process behind it,
    // and that process; and the rules that all VMs have.
    assert!(eventually(|| support::descriptors(spare) == 9));
    drop(client);
    world.terminate_coordinator();
    assert!(eventually(|| !lives(spare)));
}

#[test]
fn there_is_none_where_none_is_wanted() {
    let world = World::new(&[]);
    let mut client = world.client();
    let first = launched(&mut client);
    let second = launched(&mut client);
    let mut children: Vec<u32> = world.children().iter().map(|(pid, _)| *pid).collect();
    children.sort_unstable();
    let mut launchers = vec![first, second];
    launchers.sort_unstable();
    assert_eq!(children, launchers);
}
