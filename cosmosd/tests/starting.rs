//! A VM that has a name, or is about to, and does not serve yet: who waits for it is told in bounded time.

mod support;

use cosmos_rpc::{
    Blame, FaultCode,
    message::{coordinator::VmRow, registry::List},
    rendezvous,
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{
    io::Read,
    thread,
    time::{Duration, Instant},
};
use support::{Client, World, ask, eventually, field, of_kind};

/// Longer than any VM may take to be ready and any launcher to report its end, and then some.
const BOUND: Duration = Duration::from_secs(18);

/// The first VM that starts, once it is `far` enough.
fn starting(client: &mut Client, far: impl Fn(&VmRow) -> bool) -> VmRow {
    let mut found = None;
    assert!(eventually(|| {
        found = client.list().into_iter().find(|row| far(row));
        found.is_some()
    }));
    found.unwrap()
}

fn names(world: &World) -> Vec<String> {
    let mut registry = rendezvous::connect_registry(&world.rendezvous()).unwrap();
    let pattern = "vm/*".to_owned();
    let (entries, _) = registry.call(&List { pattern }, &[]).unwrap();
    entries.into_iter().map(|entry| entry.name).collect()
}

fn signal_registry(world: &World, signal: Signal) {
    let pid = world.registry.as_ref().unwrap().id();
    kill(Pid::from_raw(i32::try_from(pid).unwrap()), signal).unwrap();
}

#[test]
fn who_connects_to_a_vm_that_never_serves_is_turned_away() {
    let world = World::new(&[]);
    let mut client = world.client();
    let mut opening = world.client();
    let opener = thread::spawn(move || opening.puppet("silent").unwrap_err());
    let row = starting(&mut client, |row| row.pid != 0);
    let name = format!("vm/{}", row.name);
    // Both before and after the handshake on its control socket, and more than are let to wait.
    let begun = Instant::now();
    let mut streams: Vec<_> = (0..80).filter_map(|_| client.reach(&name).ok()).collect();
    assert!(!streams.is_empty());
    for stream in &mut streams {
        stream.set_read_timeout(Some(BOUND)).unwrap();
        let mut said = Vec::new();
        // What was not read when it was closed is an error of the socket's, and as good an end.
        let read = stream.read_to_end(&mut said);
        let kind = read.as_ref().err().map(std::io::Error::kind);
        assert_ne!(kind, Some(std::io::ErrorKind::WouldBlock), "it hangs");
    }
    assert!(begun.elapsed() < BOUND, "{:?}", begun.elapsed());
    let fault = opener.join().unwrap();
    assert_eq!(
        (fault.blame, fault.code),
        (Blame::Vm, FaultCode::LaunchFailed)
    );
    assert!(eventually(|| names(&world).is_empty()));
    assert!(eventually(|| world.children().is_empty()));
}

#[test]
fn the_name_of_a_vm_that_does_not_start_vanishes() {
    let world = World::new(&[]);
    let mut client = world.client();
    for kind in ["puppetdies", "missing", "nothing"] {
        client.open(&of_kind(kind)).unwrap_err();
    }
    assert!(
        eventually(|| names(&world).is_empty()),
        "{:?}",
        names(&world)
    );
    assert!(eventually(|| world.children().is_empty()));
}

#[test]
fn a_vm_serves_once_its_name_leads_to_it() {
    let world = World::new(&[]);
    let mut client = world.client();
    let mut opening = world.client();
    signal_registry(&world, Signal::SIGSTOP);
    let opener = thread::spawn(move || (opening.puppet(""), opening));
    let row = starting(&mut client, |row| row.pid != 0);
    assert_eq!(row.state, "starting");
    signal_registry(&world, Signal::SIGCONT);
    let (opened, opening) = opener.join().unwrap();
    let opened = opened.unwrap();
    assert_eq!(client.row(&opened.name).state, "ready");
    let mut stream = opening.reach(&opened.name).unwrap();
    assert_eq!(field(&ask(&mut stream, b'i'), "pid"), row.pid.to_string());
}

#[test]
fn a_vm_that_gets_no_name_is_given_up() {
    let world = World::new(&[]);
    let mut opening = world.client();
    signal_registry(&world, Signal::SIGSTOP);
    let begun = Instant::now();
    let fault = opening.puppet("").unwrap_err();
    assert!(begun.elapsed() < BOUND, "{:?}", begun.elapsed());
    assert_eq!(fault.code, FaultCode::LaunchFailed, "{fault}");
    assert!(fault.message.contains("cannot be registered"), "{fault}");
    assert!(eventually(|| world.children().is_empty()));
    // It comes to registering and taking back.
    signal_registry(&world, Signal::SIGCONT);
    assert!(
        eventually(|| names(&world).is_empty()),
        "{:?}",
        names(&world)
    );
    opening.puppet("").unwrap();
}
