//! Peers that break the protocol, are slow, or have no right to be there.

mod common;

use common::*;
use cosmos_rpc::blocking::Connection;
use cosmos_rpc::descriptor::{Wait, send};
use cosmos_rpc::message::registry::{Connect, Dump, List, Register, Route};
use cosmos_rpc::message::{Message, vm::CALL};
use cosmos_rpc::{FaultCode, Role};
use std::io::{IoSlice, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Whether the registry ends the connection, whatever else it says first.
fn is_dropped(connection: &mut Connection) -> bool {
    connection.set_timeout(Some(Duration::from_secs(30)));
    for _ in 0..4 {
        match connection.receive() {
            Ok(None) => return true,
            Ok(Some(_)) => {}
            Err(fault) => return fault.code == FaultCode::Disconnected,
        }
    }
    false
}

fn null() -> OwnedFd {
    std::fs::File::open("/dev/null").unwrap().into()
}

/// Descriptor counts that a message does not state: all closed, connection dropped, others served.
#[test]
fn wrong_descriptor_counts_drop_the_connection_and_leak_nothing() {
    let registry = Running::start();
    let mut bystander = registry.client();
    register(&mut bystander, "svc").unwrap();
    let before = registry.descriptors();
    let null = null();
    let many: Vec<BorrowedFd<'_>> = (0..253).map(|_| null.as_fd()).collect();
    let list = [0u8; 8];
    let body_of = |route| {
        let message = Register {
            name: "x".into(),
            route,
            expires_in: 0,
            shared: false,
        };
        cosmos_rpc::codec::encode(&message).unwrap()
    };
    let (handed, listening) = (body_of(Route::Handed), body_of(Route::Listening));
    let breaches: [(u16, &[u8], usize); 6] = [
        (List::KIND, &list, 1),
        (List::KIND, &list, 253),
        (Register::KIND, &handed, 1),
        (Register::KIND, &listening, 0),
        (Register::KIND, &listening, 253),
        (0x0177, &[], 253),
    ];
    for (kind, body, count) in breaches {
        let mut peer = registry.client();
        peer.send_raw(kind, 1, &[body], &many[..count]).unwrap();
        assert!(is_dropped(&mut peer), "{kind:#x} with {count}");
    }
    assert_eq!(names(&mut bystander, ""), ["svc"]);
    eventually("every descriptor is closed", || {
        registry.descriptors() == before
    });
}

/// Headers that lie about their descriptors, which no honest transport can send.
#[test]
fn lies_about_descriptors_drop_the_connection_and_leak_nothing() {
    let registry = Running::start();
    let mut bystander = registry.client();
    let before = registry.descriptors();
    let header = |announced: u8| {
        [
            8, 0, 0, 0, 4, 1, announced, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        ]
    };
    let null = null();
    let many: Vec<BorrowedFd<'_>> = (0..253).map(|_| null.as_fd()).collect();
    for (announced, attached) in [(0u8, 1), (0, 253), (1, 0), (1, 2), (253, 252), (254, 253)] {
        let mut peer = registry.client();
        let bytes = header(announced);
        send(
            peer.as_fd(),
            &[IoSlice::new(&bytes)],
            &many[..attached],
            Wait::Yes,
        )
        .unwrap();
        assert!(
            is_dropped(&mut peer),
            "announced {announced}, attached {attached}"
        );
    }
    // Descriptors with every byte of one frame.
    let mut peer = registry.client();
    for byte in header(0) {
        if send(peer.as_fd(), &[IoSlice::new(&[byte])], &many, Wait::Yes).is_err() {
            break;
        }
    }
    assert!(is_dropped(&mut peer));
    assert!(names(&mut bystander, "").is_empty());
    eventually("every descriptor is closed", || {
        registry.descriptors() == before
    });
}

#[test]
fn bytes_that_are_no_protocol_drop_the_connection() {
    let registry = Running::start();
    let mut bystander = registry.client();
    let openings: [&[u8]; 4] = [
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        &[0xff; 64],
        // A handshake of version 2.7.
        &[
            16, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, b'C', b'O', b'S', b'M', 2, 0, 7, 0, 1,
            0, 0, 0, 0, 0, 1, 0,
        ],
        // Another magic.
        &[
            16, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, b'C', b'O', b'S', b'N', 1, 0, 0, 0, 1,
            0, 0, 0, 0, 0, 1, 0,
        ],
    ];
    for opening in openings {
        let mut stream = registry.stream();
        stream
            .set_read_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        stream.write_all(opening).unwrap();
        // Its own handshake, and then the end.
        match stream.read_to_end(&mut Vec::new()) {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
        }
    }
    for (kind, id, body) in [
        (List::KIND, 1, &b"xx"[..]),
        (List::KIND, 0, &[0; 8]),
        (List::KIND | 0x8000, 1, &[0; 8]),
        (Connect::KIND, 1, &[255; 16]),
        (CALL, 1, &[0; 8]),
    ] {
        let mut peer = registry.client();
        peer.send_raw(kind, id, &[body], &[]).unwrap();
        if kind == CALL {
            let fault = peer.receive().unwrap().unwrap().fault().unwrap();
            assert_eq!(fault.code, FaultCode::Unsupported);
        } else {
            assert!(is_dropped(&mut peer), "{kind:#x}");
        }
    }
    assert!(names(&mut bystander, "").is_empty());
}

/// One asks and never reads, one sends half a request, one never shakes hands, one owner never
/// takes its clients: the others are answered at once.
#[test]
fn slow_peers_hold_nobody_up() {
    let registry = Running::start();
    let mut owner = registry.client();
    for number in 0..200 {
        register(&mut owner, &format!("{number:0>200}")).unwrap();
    }
    register(&mut owner, "lazy").unwrap();
    let mut deaf = registry.client();
    deaf.set_timeout(Some(Duration::from_millis(300)));
    let mut asked = 0;
    while deaf
        .send_raw(List::KIND, asked + 1, &[&[0; 8]], &[])
        .is_ok()
    {
        asked += 1;
        assert!(asked < 100_000, "the registry takes requests without end");
    }
    let half = registry.client();
    half.as_fd()
        .try_clone_to_owned()
        .map(UnixStream::from)
        .unwrap()
        .write_all(&[8, 0])
        .unwrap();
    let _mute = registry.stream();

    // Who waited for one of them would wait until it is given up as stuck, after ten seconds.
    let before = Instant::now();
    let mut client = registry.client();
    assert_eq!(names(&mut client, "lazy"), ["lazy"]);
    let mut refused = None;
    for _ in 0..2000 {
        match connect(&mut client, "lazy") {
            Ok(_) => {}
            Err(fault) => {
                refused = Some(fault);
                break;
            }
        }
    }
    assert_eq!(
        refused.expect("an owner's queue has an end").code,
        FaultCode::LimitReached
    );
    assert_eq!(names(&mut client, "lazy"), ["lazy"]);
    assert!(
        before.elapsed() < Duration::from_secs(10),
        "{:?}",
        before.elapsed()
    );
}

/// A registry under systemd activation, with rules, at a socket anybody can reach.
fn open_to_all(rules: &str) -> (Running, tempfile::TempDir) {
    open_to_all_under("", rules)
}

/// The same, started by another command.
fn open_to_all_under(starter: &str, rules: &str) -> (Running, tempfile::TempDir) {
    let place = tempfile::Builder::new()
        .permissions(std::fs::Permissions::from_mode(0o755))
        .tempdir()
        .unwrap();
    let socket = place.path().join("open.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(0o666)).unwrap();
    let file = place.path().join("rules.toml");
    std::fs::write(&file, rules).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let registry = Running::with(|command| {
        let mut shell = Command::new("/bin/sh");
        shell
            .arg("-c")
            .arg(format!(
                "LISTEN_PID=$$ LISTEN_FDS=1 exec {starter} \"$0\" --rules \"$1\" 3<&0 </dev/null"
            ))
            .arg(PROGRAM)
            .arg(&file)
            .env_clear()
            .env("HOME", "/")
            .env("COSMOS_SOCKET_DIRECTORY", "/nonexistent/cosmos")
            .stdin(Stdio::from(OwnedFd::from(listener)))
            .stdout(Stdio::piped());
        *command = shell;
    });
    (registry, place)
}

/// Connects in a thread whose credentials, and only whose, are another uid's.
fn as_uid<R: Send>(uid: u32, socket: &Path, act: impl FnOnce(UnixStream) -> R + Send) -> R {
    std::thread::scope(|scope| {
        let acting = scope.spawn(|| {
            // SAFETY: the plain system call changes the calling thread alone.
            let changed = unsafe { libc::syscall(libc::SYS_setresuid, uid, uid, uid) };
            assert_eq!(changed, 0);
            act(UnixStream::connect(socket).unwrap())
        });
        acting.join().unwrap()
    })
}

#[test]
fn socket_activation_serves_the_socket_it_is_given() {
    let (registry, place) = open_to_all("");
    let stream = UnixStream::connect(place.path().join("open.sock")).unwrap();
    let mut client = Connection::connect(stream, Role::Client).unwrap();
    register(&mut client, "svc").unwrap();
    // The socket stays, and survives a hand-over: it is systemd's.
    let before = registry.child.id() as i32;
    nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(before),
        nix::sys::signal::Signal::SIGTERM,
    )
    .unwrap();
    eventually("it ends", || {
        client.receive().is_ok_and(|frame| frame.is_none())
    });
    assert!(place.path().join("open.sock").exists());
}

#[test]
fn other_uids_have_what_a_rule_gives_them() {
    if !is_root() {
        return;
    }
    let (_registry, place) = open_to_all(
        "connections_per_uid = 1\nnames_per_uid = 1\n\
         [[rule]]\nuid = 4711\nnames = \"svc/*\"\nmay = [\"connect\", \"register\"]\n",
    );
    let socket = place.path().join("open.sock");
    let own = UnixStream::connect(&socket).unwrap();
    let mut own = Connection::connect(own, Role::Client).unwrap();
    register(&mut own, "svc/private").unwrap();
    let message = Register {
        name: "svc/shared".into(),
        route: Route::Handed,
        expires_in: 0,
        shared: true,
    };
    own.call(&message, &[]).unwrap();
    register(&mut own, "other").unwrap();

    as_uid(4711, &socket, |stream| {
        let mut granted = Connection::connect(stream, Role::Coordinator).unwrap();
        assert_eq!(names(&mut granted, ""), ["svc/shared"]);
        connect(&mut granted, "svc/shared").unwrap();
        for hidden in ["svc/private", "other", "nothing"] {
            let fault = connect(&mut granted, hidden).unwrap_err();
            assert_eq!(fault.code, FaultCode::NotPermitted, "{hidden}");
        }
        assert_eq!(
            connect(&mut granted, "svc/none").unwrap_err().code,
            FaultCode::NoSuchName
        );
        register(&mut granted, "svc/mine").unwrap();
        assert_eq!(
            register(&mut granted, "svc/more").unwrap_err().code,
            FaultCode::LimitReached
        );
        for denied in ["cosmosd", "vm/x", "elsewhere"] {
            let fault = register(&mut granted, denied).unwrap_err();
            assert_eq!(fault.code, FaultCode::NotPermitted, "{denied}");
        }
        assert_eq!(
            granted.call(&Dump, &[]).unwrap_err().code,
            FaultCode::NotPermitted
        );
        let second = UnixStream::connect(&socket).unwrap();
        let fault = Connection::connect(second, Role::Client).unwrap_err();
        assert_eq!(fault.code, FaultCode::LimitReached, "{fault}");
    });
    as_uid(4712, &socket, |stream| {
        let fault = Connection::connect(stream, Role::Client).unwrap_err();
        assert_eq!(fault.code, FaultCode::NotPermitted, "{fault}");
    });
    eventually("its name is gone", || {
        !names(&mut own, "").contains(&"svc/mine".to_owned())
    });
}

const EVERYBODY: &str = "[[rule]]\nuid = \"any\"\nnames = \"*\"\nmay = [\"connect\"]\n";

/// Where each uid has a number, `nobody`'s is one like any other.
#[test]
fn nobody_is_admitted_where_each_uid_has_a_number() {
    let map = std::fs::read_to_string("/proc/self/uid_map").unwrap();
    if !is_root() || !map.contains("4294967295") {
        return;
    }
    let (_registry, place) = open_to_all(EVERYBODY);
    let socket = place.path().join("open.sock");
    as_uid(65534, &socket, |stream| {
        Connection::connect(stream, Role::Client).unwrap();
    });
}

/// Even a rule for everybody admits neither a uid without a number, nor a process of another pid
/// namespace.
#[test]
fn peers_of_whom_nothing_is_known_are_refused() {
    if !is_root() {
        return;
    }
    let has_one_uid = "unshare --user --map-root-user";
    let allowed = Command::new("/bin/sh")
        .args(["-c", &format!("{has_one_uid} true")])
        .stderr(Stdio::null())
        .status();
    if allowed.unwrap().success() {
        let (_registry, place) = open_to_all_under(has_one_uid, EVERYBODY);
        let socket = place.path().join("open.sock");
        for uid in [4711, 65534] {
            as_uid(uid, &socket, |stream| {
                let fault = Connection::connect(stream, Role::Client).unwrap_err();
                assert_eq!(fault.code, FaultCode::NotPermitted);
                assert!(fault.message.contains("65534"), "{fault}");
            });
        }
    }

    let directory = directory();
    let mut command = Command::new("unshare");
    command
        .args([
            "--pid",
            "--fork",
            "--kill-child",
            PROGRAM,
            "--socket-directory",
        ])
        .arg(directory.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let Ok(mut child) = command.spawn() else {
        return;
    };
    if first_line(&mut child) == "ready" {
        let stream = UnixStream::connect(directory.path().join("cosmosdb.sock")).unwrap();
        let fault = Connection::connect(stream, Role::Client).unwrap_err();
        assert!(fault.message.contains("pid namespace"), "{fault}");
    }
    let _ = child.kill();
    let _ = child.wait();
}

#[test]
fn rules_that_others_could_write_are_refused() {
    let directory = directory();
    let file = directory.path().join("rules.toml");
    std::fs::write(&file, "").unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o666)).unwrap();
    let mut command = command(directory.path());
    let output = command
        .arg("--rules")
        .arg(&file)
        .stderr(Stdio::null())
        .output()
        .unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("writable by nobody else"), "{said}");
}
