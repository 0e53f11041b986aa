//! What is on the control socket before the VM's first instruction, and in which order: nobody is served by
//! a VM that has to give something up and has not.

mod harness;

use cosmos_rpc::blocking::Connection;
use cosmos_rpc::descriptor::{self, Wait};
use cosmos_rpc::frame::Header;
use cosmos_rpc::message::Message;
use cosmos_rpc::message::confine::Grants;
use cosmos_rpc::message::launch::{Accept, Confine, Confined, Ready};
use cosmos_rpc::message::vm::Open;
use cosmos_rpc::{Frame, Hello, Role, codec, handshake};
use harness::{Raw, Running, client};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::fs;
use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};

fn calculator() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let program = own.parent().unwrap().parent().unwrap();
    let program = program.join("examples/calculator");
    assert!(program.exists(), "cargo build --examples");
    program
}

fn order() -> Confine {
    Confine {
        target: Vec::new(),
        grants: Grants::default(),
        memory_files: false,
        processes: false,
    }
}

/// Says this to a VM that has to be confined, before it starts, with a client that has spoken already: what it
/// says to cosmosd, what to its client. It must have ended.
fn told(say: impl FnOnce(&mut Raw, BorrowedFd<'_>), has_launcher: bool) -> (Vec<Frame>, Vec<u8>) {
    let (mut raw, control) = Raw::greeting();
    let (mut client, theirs) = UnixStream::pair().unwrap();
    let (launcher, confining) = UnixStream::pair().unwrap();
    speak(&mut client);
    say(&mut raw, theirs.as_fd());
    drop(theirs);
    let launcher = has_launcher.then_some(launcher);
    let mut vm = Running::new(&calculator(), &["--private"], control, Some(confining));
    vm.ended();
    let mut heard = Vec::new();
    client.set_read_timeout(Some(harness::PATIENCE)).unwrap();
    // Closed with what was not read in it, or without.
    let _ = client.read_to_end(&mut heard);
    drop(launcher);
    (raw.heard(), heard)
}

/// Says what a client says that does not wait for its VM: its handshake, and a request behind it.
fn speak(client: &mut UnixStream) {
    let hello = Hello::new(Role::Client, &Role::Client.limits()).encode();
    let target = "/".to_owned();
    let open = codec::encode(&Open { target }).unwrap();
    for (kind, id, body) in [(handshake::KIND, 0, &hello[..]), (Open::KIND, 1, &open[..])] {
        let header = Header {
            length: u32::try_from(body.len()).unwrap(),
            kind,
            descriptors: 0,
            id,
        };
        client.write_all(&header.encode()).unwrap();
        client.write_all(body).unwrap();
    }
}

/// That it never told that it gave anything up, and never spoke to a client.
fn served_nobody(name: &str, (frames, heard): (Vec<Frame>, Vec<u8>)) {
    assert_eq!(heard, b"", "{name}");
    assert_ne!(is_confined(&frames), Some(true), "{name}");
    assert_eq!(frames.first().map(|frame| frame.kind), Some(Ready::KIND));
}

#[test]
fn nobody_is_served_before_the_vm_is_confined() {
    let accept = client;
    let body = codec::encode(&accept()).unwrap();
    served_nobody(
        "a client alone",
        told(|raw, client| raw.say(&accept(), &[client]), true),
    );
    served_nobody(
        "a client first",
        told(
            |raw, client| {
                raw.say(&accept(), &[client]);
                raw.say(&order(), &[]);
            },
            true,
        ),
    );
    served_nobody(
        "many of them",
        told(
            |raw, client| {
                raw.put(Accept::KIND, &body, &[client; 253]);
                raw.say(&order(), &[]);
            },
            true,
        ),
    );
}

#[test]
fn nobody_is_served_where_the_order_is_none() {
    let accept = client;
    let whole = codec::encode(&order()).unwrap();
    for length in 0..whole.len() {
        // A few of the places where it can end are as good as all.
        if length % 7 != 0 {
            continue;
        }
        served_nobody(
            &format!("{length} bytes of an order"),
            told(
                |raw, client| {
                    raw.put(Confine::KIND, &whole[..length], &[]);
                    raw.say(&accept(), &[client]);
                },
                true,
            ),
        );
    }
    served_nobody(
        "an order and something behind it",
        told(
            |raw, client| {
                raw.put(Confine::KIND, &[&whole[..], &[0]].concat(), &[]);
                raw.say(&accept(), &[client]);
            },
            true,
        ),
    );
    served_nobody(
        "an order with a client attached",
        told(
            |raw, client| {
                raw.put(Confine::KIND, &whole, &[client]);
                raw.say(&accept(), &[client]);
            },
            true,
        ),
    );
}

#[test]
fn nobody_is_served_where_the_vm_cannot_be_confined() {
    let accept = client;
    let ungranted = Confine {
        grants: Grants {
            read: vec!["/nonexistent/granted".to_owned()],
            ..Grants::default()
        },
        ..order()
    };
    for (name, order, has_launcher) in [
        ("a grant of nothing", ungranted, true),
        ("no launcher", order(), false),
    ] {
        let told = told(
            |raw, client| {
                raw.say(&order, &[]);
                raw.say(&accept(), &[client]);
            },
            has_launcher,
        );
        assert_eq!(is_confined(&told.0), Some(false), "{name}: it says why");
        served_nobody(name, told);
    }
}

/// Whether a VM said that it gave up what it had to; `None` where it did not say.
fn is_confined(frames: &[Frame]) -> Option<bool> {
    let confined = frames.iter().find(|frame| frame.kind == Confined::KIND)?;
    let Confined { problem } = confined.message().unwrap();
    println!("{problem:?}");
    Some(problem.is_none())
}

#[test]
fn a_second_order_is_none() {
    let (frames, heard) = told(
        |raw, client_stream| {
            raw.say(&order(), &[]);
            raw.say(&order(), &[]);
            raw.say(&client(), &[client_stream]);
        },
        true,
    );
    assert!(is_confined(&frames).is_some());
    assert_eq!(heard, b"");
}

#[test]
fn a_client_behind_the_order_finds_the_vm_confined() {
    let (mut raw, control) = Raw::greeting();
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    let (launcher, confining) = UnixStream::pair().unwrap();
    speak(&mut ours);
    raw.say(&order(), &[]);
    raw.say(&client(), &[theirs.as_fd()]);
    drop(theirs);
    // There is no room for what it has to say to the launcher, so it stays there for as long as is looked.
    let stuffed = stuff(&confining);
    let vm = Running::new(&calculator(), &["--private"], control, Some(confining));
    let listener = || listener(vm.pid());
    if !eventually(|| listener().is_some() || !lives(vm.pid())) || listener().is_none() {
        // A kernel without such walls: it says so, and ends.
        assert_eq!(is_confined(&raw.heard()), Some(false));
        return;
    }
    let status = fs::read_to_string(format!("/proc/{}/status", vm.pid())).unwrap();
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name));
    assert_eq!(field("Seccomp:").map(str::trim), Some("2"));
    let mut heard = [PollFd::new(ours.as_fd(), PollFlags::POLLIN)];
    assert_eq!(poll(&mut heard, PollTimeout::from(100u16)), Ok(0), "served");
    // It goes on, and answers what the client had said.
    let mut left = vec![0; stuffed];
    (&launcher).read_exact(&mut left).unwrap();
    let received = descriptor::receive(launcher.as_fd(), &mut [0], Wait::Yes).unwrap();
    assert_eq!(received.descriptors.len(), 1);
    let mut hello = [0; 16 + handshake::LENGTH];
    ours.set_read_timeout(Some(harness::PATIENCE)).unwrap();
    ours.read_exact(&mut hello).unwrap();
    assert_eq!(hello.get(16..20), Some(&handshake::MAGIC[..]));
    // What is opened there waits until the launcher looks after it.
    let mut heard = [PollFd::new(ours.as_fd(), PollFlags::POLLIN)];
    assert_eq!(poll(&mut heard, PollTimeout::from(100u16)), Ok(0), "opened");
    drop(launcher);
    let mut answer = [0; 16];
    ours.read_exact(&mut answer).unwrap();
    assert_eq!(answer.get(8), Some(&1), "the answer to request 1");
}

/// Fills a socket's other end; by how much.
fn stuff(stream: &UnixStream) -> usize {
    stream.set_nonblocking(true).unwrap();
    let mut stuffed = 0;
    for size in [4096, 1] {
        while let Ok(count) = (&*stream).write(&vec![0; size]) {
            stuffed += count;
        }
    }
    stream.set_nonblocking(false).unwrap();
    stuffed
}

/// The process's own end of a filter's listener, where it has one.
fn listener(pid: u32) -> Option<PathBuf> {
    let files = fs::read_dir(format!("/proc/{pid}/fd")).ok()?;
    let is_listener = |path: &PathBuf| {
        fs::read_link(path).is_ok_and(|name| name.to_string_lossy().contains("seccomp notify"))
    };
    files.flatten().map(|file| file.path()).find(is_listener)
}

fn eventually(mut holds: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + harness::PATIENCE;
    while !holds() {
        if Instant::now() > deadline {
            return false;
        }
        sleep(Duration::from_millis(5));
    }
    true
}

fn lives(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ")
        .is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

#[test]
fn what_came_with_the_handshake_is_heard() {
    let (mut raw, control) = Raw::greeting();
    let (ours, theirs) = UnixStream::pair().unwrap();
    raw.say(&client(), &[theirs.as_fd()]);
    let _vm = Running::new(&calculator(), &[], control, None);
    // Nothing else is sent on the control socket that could wake it.
    let client = Connection::connect(ours, Role::Client).unwrap();
    assert_eq!(client.peer().role, Role::Vm);
}
