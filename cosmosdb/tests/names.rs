//! Names and routes, with the real program.

mod common;

use common::*;
use cosmos_rpc::blocking::Connection;
use cosmos_rpc::message::registry::{Remove, Route};
use cosmos_rpc::{FaultCode, Role};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::Duration;

/// What goes in at one end comes out at the other.
fn assert_joined(mut one: &UnixStream, mut other: &UnixStream) {
    one.write_all(b"ping").unwrap();
    let mut bytes = [0; 4];
    other
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    other.read_exact(&mut bytes).unwrap();
    assert_eq!(&bytes, b"ping");
}

#[test]
fn a_handed_name_gives_each_client_a_fresh_pair_and_tells_who_it_is() {
    let registry = Running::start();
    let mut owner = registry.client();
    register(&mut owner, "svc/a").unwrap();
    let mut client = registry.client();
    for _ in 0..2 {
        let ours = connect(&mut client, "svc/a").unwrap();
        let (theirs, identity, pidfd) = incoming(&mut owner);
        assert_joined(&ours, &theirs);
        assert_eq!(identity.pid, std::process::id() as i32);
        assert_eq!(identity.uid, nix::unistd::geteuid().as_raw());
        if let Some(pidfd) = pidfd {
            let info = format!("/proc/self/fdinfo/{}", pidfd.as_raw_fd());
            let info = std::fs::read_to_string(info).unwrap();
            let line = format!("Pid:\t{}", std::process::id());
            assert!(info.lines().any(|found| found == line), "{info}");
        }
    }
}

#[test]
fn a_listening_socket_is_connected_to_and_kept() {
    let registry = Running::start();
    let mut owner = registry.client();
    let path = registry.path().join("service.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let passed = OwnedFd::from(listener.try_clone().unwrap());
    register_as(&mut owner, "svc", Route::Listening, 0, &[&passed]).unwrap();
    let ours = connect(&mut registry.client(), "svc").unwrap();
    let (theirs, _) = listener.accept().unwrap();
    assert_joined(&ours, &theirs);

    let (stream, _other) = UnixStream::pair().unwrap();
    let fault = register_as(&mut owner, "no", Route::Listening, 0, &[&stream.into()]).unwrap_err();
    assert_eq!(fault.code, FaultCode::BadArgument);
}

#[test]
fn an_address_is_connected_to() {
    let registry = Running::start();
    let mut owner = registry.client();
    let path = registry.path().join("service.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let address = |text: String| Route::Address(text);
    let good = address(format!("unix:{}", path.display()));
    register_as(&mut owner, "svc", good, 0, &[]).unwrap();
    let ours = connect(&mut owner, "svc").unwrap();
    let (theirs, _) = listener.accept().unwrap();
    assert_joined(&ours, &theirs);
    drop((listener, theirs));
    let fault = connect(&mut owner, "svc").unwrap_err();
    assert_eq!(fault.code, FaultCode::Disconnected, "{fault}");

    for bad in [
        "tcp:1",
        "unix:relative",
        "/no/scheme",
        &format!("unix:/{}", "x".repeat(108)),
    ] {
        let fault = register_as(&mut owner, "x", address(bad.into()), 0, &[]).unwrap_err();
        assert_eq!(fault.code, FaultCode::BadArgument, "{bad}");
    }
}

#[test]
fn names_are_listed_by_pattern_and_removed_by_their_owner_alone() {
    let registry = Running::start();
    let mut owner = registry.client();
    for name in ["a/1", "a/2", "b/1"] {
        register(&mut owner, name).unwrap();
    }
    let mut other = registry.client();
    assert_eq!(names(&mut other, ""), ["a/1", "a/2", "b/1"]);
    assert_eq!(names(&mut other, "a/*"), ["a/1", "a/2"]);
    assert_eq!(names(&mut other, "*1"), ["a/1", "b/1"]);
    let remove = |name: &str| Remove {
        name: name.to_owned(),
    };
    assert_eq!(
        other.call(&remove("a/1"), &[]).unwrap_err().code,
        FaultCode::NotPermitted
    );
    assert_eq!(
        owner.call(&remove("zz"), &[]).unwrap_err().code,
        FaultCode::NoSuchName
    );
    owner.call(&remove("a/1"), &[]).unwrap();
    assert_eq!(names(&mut other, "a/*"), ["a/2"]);
    assert_eq!(
        register(&mut other, "a/2").unwrap_err().code,
        FaultCode::NameTaken
    );
    assert_eq!(
        connect(&mut other, "a/1").unwrap_err().code,
        FaultCode::NoSuchName
    );
    for bad in ["", "a b", "é", &"x".repeat(256)] {
        assert_eq!(
            register(&mut other, bad).unwrap_err().code,
            FaultCode::BadArgument
        );
        assert_eq!(
            connect(&mut other, bad).unwrap_err().code,
            FaultCode::BadArgument
        );
    }
    register(&mut other, &"x".repeat(255)).unwrap();
}

#[test]
fn a_name_expires() {
    let registry = Running::start();
    let mut owner = registry.client();
    register_as(&mut owner, "long", Route::Handed, 3600, &[]).unwrap();
    let left = list(&mut owner, "long")[0].expires_in;
    assert!((3000..=3600).contains(&left), "{left}");
    register_as(&mut owner, "brief", Route::Handed, 1, &[]).unwrap();
    std::thread::sleep(Duration::from_millis(1050));
    assert_eq!(
        connect(&mut owner, "brief").unwrap_err().code,
        FaultCode::NoSuchName
    );
    assert_eq!(names(&mut owner, ""), ["long"]);
    register(&mut owner, "brief").unwrap();
}

#[test]
fn a_name_is_gone_with_its_owners_connection() {
    let registry = Running::start();
    let mut owner = registry.client();
    register(&mut owner, "svc").unwrap();
    let mut client = registry.client();
    assert_eq!(names(&mut client, ""), ["svc"]);
    drop(owner);
    eventually("the name is gone", || names(&mut client, "").is_empty());
}

/// The owner is killed by SIGKILL while a child of it holds a copy of its connection.
#[test]
fn a_name_is_gone_with_its_owners_process() {
    let registry = Running::start();
    let mut owner = helper("owner_process", registry.path());
    let mut lines = BufReader::new(owner.stdout.take().unwrap()).lines();
    let heir: i32 = lines
        .find_map(|line| {
            line.unwrap()
                .strip_prefix("heir ")
                .map(|pid| pid.parse().unwrap())
        })
        .unwrap();
    let mut client = registry.client();
    assert_eq!(names(&mut client, ""), ["orphan"]);
    kill(Pid::from_raw(owner.id() as i32), Signal::SIGKILL).unwrap();
    owner.wait().unwrap();
    eventually("the name is gone", || names(&mut client, "").is_empty());
    kill(Pid::from_raw(heir), Signal::SIGKILL).unwrap();
}

#[test]
#[ignore = "the owner's process, run by another test"]
fn owner_process() {
    let Some(directory) = helper_directory() else {
        return;
    };
    let directory = cosmos_rpc::rendezvous::SocketDirectory::open(&directory).unwrap();
    let stream = directory
        .connect(cosmos_rpc::rendezvous::REGISTRY_SOCKET)
        .unwrap();
    let copy = stream.as_fd().try_clone_to_owned().unwrap();
    let mut owner = Connection::connect(stream, Role::Client).unwrap();
    register(&mut owner, "orphan").unwrap();
    let heir = std::process::Command::new("sleep")
        .arg("20")
        .stdin(copy)
        .spawn()
        .unwrap();
    println!("\nheir {}", heir.id());
    // Nobody waits for it: this process is killed first.
    std::mem::forget(heir);
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}

#[test]
fn reserved_names_go_to_one_coordinator_at_a_time() {
    let registry = Running::start();
    let mut client = registry.client();
    for name in ["cosmosd", "cosmos-other", "vm/hostfn-1"] {
        let fault = register(&mut client, name).unwrap_err();
        assert_eq!(fault.code, FaultCode::NotPermitted, "{name}");
    }
    let mut first = registry.client_as(Role::Coordinator);
    register(&mut first, "cosmosd").unwrap();
    register(&mut first, "vm/hostfn-1").unwrap();
    let mut second = registry.client_as(Role::Coordinator);
    assert_eq!(
        register(&mut second, "cosmosd").unwrap_err().code,
        FaultCode::NameTaken
    );
    assert_eq!(
        register(&mut second, "vm/hostfn-2").unwrap_err().code,
        FaultCode::NotPermitted
    );
    drop(first);
    eventually("the first is gone", || names(&mut client, "").is_empty());
    register(&mut second, "cosmosd").unwrap();
}

#[test]
fn limits_on_names_and_connections_are_told() {
    let registry = Running::with(|command| {
        command
            .env("COSMOS_LIMITS_NAMES", "2")
            .env("COSMOS_LIMITS_CONNECTIONS", "2");
    });
    let mut owner = registry.client();
    register(&mut owner, "a").unwrap();
    register(&mut owner, "b").unwrap();
    assert_eq!(
        register(&mut owner, "c").unwrap_err().code,
        FaultCode::LimitReached
    );
    let _second = registry.client();
    let fault = Connection::connect(registry.stream(), Role::Client).unwrap_err();
    assert_eq!(fault.code, FaultCode::LimitReached, "{fault}");
    drop(owner);
    eventually("there is room again", || {
        Connection::connect(registry.stream(), Role::Client).is_ok()
    });
}
