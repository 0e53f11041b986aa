//! Hand-over to a successor: nothing is lost, and strangers cannot ask for it.

mod common;

use common::*;
use cosmos_rpc::blocking::Connection;
use cosmos_rpc::message::registry::{Dump, HandOver, Route};
use cosmos_rpc::{Blame, FaultCode, Role};
use nix::sys::signal::{Signal, kill};
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A registry with a supervisor, and the supervisor's connection to it.
fn supervised() -> (Running, Connection) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let registry = Running::with(|command| {
        command
            .args(["--supervisor", "0"])
            .stdin(Stdio::from(OwnedFd::from(theirs)));
    });
    let mut supervisor = Connection::connect(ours, Role::Supervisor).unwrap();
    supervisor.set_timeout(Some(Duration::from_secs(20)));
    (registry, supervisor)
}

/// A successor that waits for the hand-over, and the socket to give to the registry.
fn successor(registry: &Running) -> (Child, OwnedFd) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let child = command(registry.path())
        .args(["--take-over", "0"])
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .spawn()
        .unwrap();
    (child, ours.into())
}

fn hang_up(registry: &Running) {
    let before = registry.pid();
    kill(before, Signal::SIGHUP).unwrap();
    eventually("a successor serves", || registry.pid() != before);
}

#[test]
fn the_supervisor_hands_everything_to_a_successor() {
    let (mut registry, mut supervisor) = supervised();
    let mut owner = registry.client_as(Role::Coordinator);
    register(&mut owner, "cosmosd").unwrap();
    register_as(&mut owner, "brief", Route::Handed, 500, &[]).unwrap();
    let path = registry.path().join("service.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let passed = OwnedFd::from(listener.try_clone().unwrap());
    register_as(&mut owner, "listening", Route::Listening, 0, &[&passed]).unwrap();
    let mut client = registry.client();
    let before = supervisor.call(&Dump, &[]).unwrap().0;
    assert_eq!(before.len(), 3);

    let (mut child, socket) = successor(&registry);
    supervisor.call(&HandOver, &[socket.as_fd()]).unwrap();
    assert_eq!(first_line(&mut child), "ready");
    assert!(registry.child.wait().unwrap().success());
    assert_eq!(registry.pid().as_raw() as u32, child.id());

    // The same connections, the same names.
    let after = supervisor.call(&Dump, &[]).unwrap().0;
    assert_eq!(
        after.iter().map(|e| &e.name).collect::<Vec<_>>(),
        ["brief", "cosmosd", "listening"]
    );
    assert!((498..=500).contains(&after[0].expires_in), "{after:?}");
    assert_eq!(after[2].route, Route::Listening);
    let _ours = connect(&mut client, "cosmosd").unwrap();
    assert_eq!(incoming(&mut owner).1.pid, std::process::id() as i32);
    let _ours = connect(&mut client, "listening").unwrap();
    listener.accept().unwrap();
    // The owner of reserved names still is the one.
    let mut other = registry.client_as(Role::Coordinator);
    assert_eq!(
        register(&mut other, "vm/x").unwrap_err().code,
        FaultCode::NotPermitted
    );
    register(&mut owner, "vm/x").unwrap();
    drop(owner);
    eventually("its names are gone with it", || {
        names(&mut client, "").is_empty()
    });
    kill(registry.pid(), Signal::SIGTERM).unwrap();
    assert!(child.wait().unwrap().success());
    assert!(!registry.path().join("cosmosdb.sock").exists());
}

#[test]
fn strangers_can_neither_dump_nor_order_a_hand_over() {
    let registry = Running::start();
    for role in [Role::Client, Role::Supervisor, Role::Coordinator] {
        let mut stranger = registry.client_as(role);
        assert_eq!(
            stranger.call(&Dump, &[]).unwrap_err().code,
            FaultCode::NotPermitted
        );
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let fault = stranger.call(&HandOver, &[ours.as_fd()]).unwrap_err();
        assert_eq!(fault.code, FaultCode::NotPermitted);
    }
}

#[test]
fn a_successor_that_fails_costs_nothing() {
    let (mut registry, mut supervisor) = supervised();
    let mut owner = registry.client();
    register(&mut owner, "svc").unwrap();
    let mut client = registry.client();

    // It never speaks the protocol, or ends at once, or is no registry.
    let (ours, theirs) = UnixStream::pair().unwrap();
    drop(theirs);
    let fault = supervisor.call(&HandOver, &[ours.as_fd()]).unwrap_err();
    assert_eq!(fault.blame, Blame::Peer, "{fault}");
    let (ours, theirs) = UnixStream::pair().unwrap();
    let stranger = std::thread::spawn(move || Connection::connect(theirs, Role::Client));
    let fault = supervisor.call(&HandOver, &[ours.as_fd()]).unwrap_err();
    assert_eq!(fault.code, FaultCode::Protocol, "{fault}");
    drop(stranger.join().unwrap());
    // It takes everything and then ends instead of serving.
    let (ours, theirs) = UnixStream::pair().unwrap();
    let thief = std::thread::spawn(move || {
        let mut thief = Connection::connect(theirs, Role::Registry).unwrap();
        thief.receive().unwrap();
    });
    supervisor.call(&HandOver, &[ours.as_fd()]).unwrap_err();
    thief.join().unwrap();

    assert!(registry.child.try_wait().unwrap().is_none());
    let _ours = connect(&mut client, "svc").unwrap();
    incoming(&mut owner);
    drop(owner);
    eventually("the name is gone", || names(&mut client, "").is_empty());
}

/// Clients ask without pause while the registry replaces itself five times.
#[test]
fn under_load_no_request_is_lost() {
    let registry = Running::start();
    let ending = Arc::new(AtomicBool::new(false));
    let clients_ended = Arc::new(AtomicBool::new(false));
    let served = Arc::new(AtomicU64::new(0));
    let mut owner = registry.client();
    register(&mut owner, "echo").unwrap();
    owner.set_timeout(Some(Duration::from_millis(200)));
    let echoing = {
        let clients_ended = clients_ended.clone();
        std::thread::spawn(move || {
            while !clients_ended.load(Ordering::Relaxed) {
                match owner.receive() {
                    Ok(Some(mut frame)) => {
                        let mut stream = UnixStream::from(frame.descriptors.remove(0));
                        stream.write_all(b"!").unwrap();
                    }
                    Ok(None) => panic!("the owner's connection ended"),
                    Err(fault) => assert_eq!(fault.code, FaultCode::TimedOut, "{fault}"),
                }
            }
        })
    };
    let ask = |client: &mut Connection| {
        let mut stream = connect(client, "echo").unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        stream.read_exact(&mut [0]).unwrap();
    };
    std::thread::scope(|scope| {
        for number in 0..4 {
            let (ending, served, registry) = (&ending, &served, &registry);
            scope.spawn(move || {
                let mut client = registry.client();
                while !ending.load(Ordering::Relaxed) {
                    // Half of them come anew each time.
                    if number % 2 == 0 {
                        client = registry.client();
                    }
                    ask(&mut client);
                    served.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for _ in 0..5 {
            let before = served.load(Ordering::Relaxed);
            hang_up(&registry);
            eventually("requests go on", || {
                served.load(Ordering::Relaxed) > before + 20
            });
        }
        ending.store(true, Ordering::Relaxed);
    });
    clients_ended.store(true, Ordering::Relaxed);
    echoing.join().unwrap();
    assert!(served.load(Ordering::Relaxed) > 100);
}

/// A client in the middle of sending a request is waited for.
#[test]
fn a_request_half_sent_is_finished_first() {
    let registry = Running::start();
    let mut owner = registry.client();
    register(&mut owner, "svc").unwrap();
    let client = registry.client();
    let mut raw = UnixStream::from(client.as_fd().try_clone_to_owned().unwrap());
    // List: kind 0x0104, id 77, eight bytes of an empty pattern's length.
    let request = [
        8, 0, 0, 0, 4, 1, 0, 0, 77, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ];
    raw.write_all(&request[..11]).unwrap();
    std::thread::sleep(Duration::from_millis(50));
    let before = registry.pid();
    kill(before, Signal::SIGHUP).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    raw.write_all(&request[11..]).unwrap();
    raw.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut header = [0; 16];
    raw.read_exact(&mut header).unwrap();
    assert_eq!((&header[4..6], header[8]), (&[4u8, 0x81][..], 77));
    eventually("a successor serves", || registry.pid() != before);
    assert_eq!(names(&mut registry.client(), ""), ["svc"]);
}

#[test]
fn sigterm_ends_it_in_order() {
    let ends = || {
        let mut registry = Running::start();
        let mut client = registry.client();
        kill(registry.pid(), Signal::SIGTERM).unwrap();
        let before = Instant::now();
        assert!(registry.child.wait().unwrap().success());
        let took = before.elapsed();
        assert!(client.receive().unwrap().is_none());
        assert!(!registry.path().join("cosmosdb.sock").exists());
        took
    };
    // An idle client is not waited for, as one that asks something is for two seconds. What else the
    // machine does may take as long, but hardly five times in a row.
    assert!((0..5).any(|_| ends() < Duration::from_secs(2)));
}

#[test]
fn a_successor_without_a_predecessor_says_so() {
    let directory = directory();
    let mut command = command(directory.path());
    command.args(["--take-over", "0"]).stderr(Stdio::null());
    let output = command.output().unwrap();
    assert!(!output.status.success());
    assert_ne!(String::from_utf8_lossy(&output.stdout).trim(), "ready");
}

/// systemd learns which process the service is, also after a hand-over.
#[test]
fn the_service_manager_is_told_who_serves() {
    let place = directory();
    let path = place.path().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    let told = || {
        let mut text = [0; 100];
        let length = manager.recv(&mut text).unwrap();
        String::from_utf8_lossy(&text[..length]).into_owned()
    };
    let registry = Running::with(|command| {
        command.env("NOTIFY_SOCKET", &path);
    });
    assert_eq!(told(), format!("READY=1\nMAINPID={}", registry.child.id()));
    hang_up(&registry);
    assert_eq!(told(), format!("READY=1\nMAINPID={}", registry.pid()));
}

/// Hundreds of idle owners and clients are all there afterwards.
#[test]
fn many_idle_connections_survive() {
    let registry = Running::start();
    let mut owners: Vec<Connection> = (0..300)
        .map(|number| {
            let mut owner = registry.client();
            register(&mut owner, &format!("svc/{number}")).unwrap();
            owner
        })
        .collect();
    hang_up(&registry);
    hang_up(&registry);
    let mut client = registry.client();
    assert_eq!(names(&mut client, "svc/*").len(), 300);
    for (number, owner) in owners.iter_mut().enumerate() {
        let _ours = connect(&mut client, &format!("svc/{number}")).unwrap();
        assert_eq!(incoming(owner).1.pid, std::process::id() as i32);
    }
    drop(owners);
    eventually("all names are gone", || names(&mut client, "").is_empty());
}
