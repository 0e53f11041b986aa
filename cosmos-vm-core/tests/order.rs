//! What is on the control socket before the VM's first instruction, and in which order: nobody is served by
//! a VM that has to give something up and has not.

mod harness;

use cosmos_confine::listener::Listener;
use cosmos_rpc::blocking::Connection;
use cosmos_rpc::descriptor::{self, Wait};
use cosmos_rpc::message::Message;
use cosmos_rpc::message::confine::Grants;
use cosmos_rpc::message::launch::{Accept, Confine, Confined, Ready};
use cosmos_rpc::{Frame, Role, codec};
use harness::{Raw, Running, client};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::fs;
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

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

/// Says this to a VM that has to be confined, before it starts: what it says to cosmosd, what to its
/// client. It must have ended.
fn told(say: impl FnOnce(&mut Raw, BorrowedFd<'_>), has_launcher: bool) -> (Vec<Frame>, Vec<u8>) {
    let (mut raw, control) = Raw::greeting();
    let (mut client, theirs) = UnixStream::pair().unwrap();
    let (launcher, confining) = UnixStream::pair().unwrap();
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
    let (_ours, theirs) = UnixStream::pair().unwrap();
    let (launcher, confining) = UnixStream::pair().unwrap();
    raw.say(&order(), &[]);
    raw.say(&client(), &[theirs.as_fd()]);
    drop(theirs);
    let mut vm = Running::new(&calculator(), &["--private"], control, Some(confining));
    launcher.set_read_timeout(Some(harness::PATIENCE)).unwrap();
    let received = descriptor::receive(launcher.as_fd(), &mut [0], Wait::Yes).unwrap();
    if received.bytes == 0 {
        // A kernel without such walls: it says so, and ends.
        vm.ended();
        assert_eq!(is_confined(&raw.heard()), Some(false));
        return;
    }
    let [listener] = <[_; 1]>::try_from(received.descriptors).unwrap();
    // The first thing that is done for a client is a thread, in the way that the launcher takes away from a
    // VM before it is one: here it waits to be refused, and nobody was served before.
    let listener = Listener::new(listener);
    let mut ready = [PollFd::new(listener.as_fd(), PollFlags::POLLIN)];
    assert_eq!(poll(&mut ready, PollTimeout::from(20_000u16)), Ok(1));
    assert_eq!(listener.receive().unwrap().unwrap().name(), "clone3");
    let status = fs::read_to_string(format!("/proc/{}/status", vm.pid())).unwrap();
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name));
    assert_eq!(field("Seccomp:").map(str::trim), Some("2"));
    assert_eq!(field("Threads:").map(str::trim), Some("1"));
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
