//! VMs that wait to be asked for: whose they are, when, and that they keep nothing alive.

mod support;

use cosmos_rpc::message::coordinator::{VmOpen, VmRow};
use support::{Client, World, ask, eventually, field, lives, of_kind};

/// The VMs that wait, once there are so many and no more are being started.
fn waiting(client: &mut Client, count: usize) -> Vec<VmRow> {
    let mut found = Vec::new();
    let settled = eventually(|| {
        let rows = client.list();
        let starting = rows.iter().any(|row| row.state == "starting");
        found = rows;
        found.retain(|row| row.state == "waiting");
        !starting && found.len() == count
    });
    assert!(settled, "{:?}", client.list());
    found
}

#[test]
fn the_next_open_is_given_one_that_waits_and_another_takes_its_place() {
    let world = World::new(&[("COSMOS_POOL", "2")]);
    let mut first = world.client();
    assert!(first.list().is_empty(), "nothing was asked for yet");
    let opened = first.puppet("").unwrap();
    let pooled = waiting(&mut first, 2);
    // Nobody's: not even who will be given it may connect before.
    let name = format!("vm/{}", pooled[0].name);
    let mut said = Vec::new();
    let mut refused = first.reach(&name).unwrap();
    std::io::Read::read_to_end(&mut refused, &mut said).unwrap();
    assert!(String::from_utf8_lossy(&said).contains("belongs to another process"));
    // The same client stays with its own; another one is given one that waits, with its process.
    assert_eq!(first.puppet("").unwrap().name, opened.name);
    let mut second = world.client();
    let given = second.puppet("").unwrap();
    let row = pooled.iter().find(|row| given.name.ends_with(&row.name));
    let row = row.expect("one that waited");
    let mut stream = second.reach(&given.name).unwrap();
    let said = ask(&mut stream, b'i');
    assert_eq!(field(&said, "pid"), row.pid.to_string());
    assert_eq!(second.puppet("").unwrap().name, given.name);
    waiting(&mut second, 2);
    // It ends with its client, as any.
    drop(stream);
    drop(second);
    let pid = u32::try_from(row.pid).unwrap();
    assert!(eventually(|| !lives(pid)));
    waiting(&mut first, 2);
}

#[test]
fn one_that_was_asked_for_fresh_is_given_to_no_later_request() {
    let world = World::new(&[("COSMOS_POOL", "1")]);
    let mut client = world.client();
    client.puppet("").unwrap();
    let pooled = waiting(&mut client, 1);
    let fresh = VmOpen {
        fresh: true,
        ..of_kind("puppet")
    };
    let given = client.open(&fresh).unwrap();
    assert!(given.name.ends_with(&pooled[0].name));
    assert_ne!(client.open(&fresh).unwrap().name, given.name);
    assert_ne!(client.puppet("").unwrap().name, given.name);
}

#[test]
fn only_what_is_confined_alike_waits() {
    let world = World::new(&[("COSMOS_POOL", "1")]);
    let mut client = world.client();
    client.puppet("").unwrap();
    let before = waiting(&mut client, 1);
    let tighter = VmOpen {
        settings: vec![("limits.open_files".to_owned(), "100".to_owned())],
        ..of_kind("puppet")
    };
    let given = client.open(&tighter).unwrap();
    assert!(!given.name.ends_with(&before[0].name));
    // What waits now is for the next like this one.
    let pid = u32::try_from(before[0].pid).unwrap();
    assert!(eventually(|| !lives(pid)));
    let after = waiting(&mut client, 1);
    let mut second = world.client();
    assert!(
        second
            .open(&tighter)
            .unwrap()
            .name
            .ends_with(&after[0].name)
    );
}

#[test]
fn those_that_wait_end_with_cosmosd() {
    let mut world = World::new(&[("COSMOS_POOL", "2")]);
    let mut client = world.client();
    client.puppet("").unwrap();
    let pids: Vec<u32> = waiting(&mut client, 2)
        .iter()
        .map(|row| u32::try_from(row.pid).unwrap())
        .collect();
    world.terminate_coordinator();
    assert!(eventually(|| pids.iter().all(|pid| !lives(*pid))));
}

#[test]
fn a_connection_comes_with_a_new_vm_where_it_is_asked_for() {
    let world = World::new(&[]);
    let mut client = world.client();
    let request = VmOpen {
        connect: true,
        ..of_kind("puppet")
    };
    let (opened, mut descriptors) = client.connection.call(&request, &[]).unwrap();
    let mut stream = std::os::unix::net::UnixStream::from(descriptors.pop().unwrap());
    let said = ask(&mut stream, b'i');
    let pid = client.row(&opened.name).pid;
    assert_eq!(field(&said, "pid"), pid.to_string());
    // It has that one now, and nobody needs another connection to it.
    let (again, descriptors) = client.connection.call(&request, &[]).unwrap();
    assert_eq!((again.name, descriptors.len()), (opened.name, 0));
    drop(stream);
    assert!(eventually(|| !lives(u32::try_from(pid).unwrap())));
}
