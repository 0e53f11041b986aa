//! Who speaks first, and what goes out when: a handshake with the request behind it, in one piece.

use cosmos_rpc::blocking::{Connection, Opening};
use cosmos_rpc::message::vm::{Attach, Open};
use cosmos_rpc::message::{Message, REPLY};
use cosmos_rpc::{FaultCode, Hello, Role, codec, handshake};
use std::io::Read;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(20);
/// Bytes of a header, and of a handshake.
const HEADER: usize = 16;
const HANDSHAKE: usize = HEADER + handshake::LENGTH;

fn believed() -> Hello {
    Hello::new(Role::Vm, &Role::Vm.limits())
}

/// A client that has said nothing yet, and the other end of its stream.
fn silent(most: u32) -> (Opening, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    theirs.set_read_timeout(Some(PATIENCE)).unwrap();
    let opening = Connection::open(ours, Role::Client, most, None, &believed()).unwrap();
    (opening, theirs)
}

/// What lies in a stream now.
fn there(stream: &mut UnixStream) -> Vec<u8> {
    let mut bytes = vec![0; 1 << 16];
    stream.set_nonblocking(true).unwrap();
    let count = stream.read(&mut bytes).unwrap_or(0);
    stream.set_nonblocking(false).unwrap();
    bytes.truncate(count);
    bytes
}

fn kind(frame: &[u8]) -> u16 {
    u16::from_le_bytes(frame[4..6].try_into().unwrap())
}

fn body() -> Vec<u8> {
    let target = "/lib/libz.so.1".to_owned();
    codec::encode(&Open { target }).unwrap()
}

#[test]
fn a_request_goes_with_the_handshake_and_is_answered_like_any() {
    let (mut opening, mut theirs) = silent(u32::MAX);
    assert_eq!(there(&mut theirs), b"");
    let body = body();
    let (first, second) = body.split_at(5);
    let asked = opening.ask(Open::KIND, &[first, second], &[]);
    let asked = asked.unwrap().unwrap();
    let said = there(&mut theirs);
    assert_eq!(said.len(), HANDSHAKE + HEADER + body.len());
    assert_eq!(kind(&said), handshake::KIND);
    assert_eq!(kind(&said[HANDSHAKE..]), Open::KIND);
    assert_eq!(said[HANDSHAKE + HEADER..], body);
    // It is said once.
    opening.say();
    opening.ask(Open::KIND, &[&body], &[]).unwrap().unwrap();
    assert_eq!(there(&mut theirs).len(), HEADER + body.len());
    let vm = Connection::speak(theirs, Role::Vm).unwrap();
    let mut client = opening.heard().unwrap().expect(Role::Vm).unwrap();
    client.set_timeout(Some(Duration::from_millis(20)));
    // Nobody has answered, for what was asked was read here.
    let fault = client.await_reply(asked).unwrap_err();
    assert_eq!(fault.code, FaultCode::TimedOut);
    drop(vm);
}

#[test]
fn both_ends_understand_it() {
    let (mut opening, theirs) = silent(u32::MAX);
    let body = body();
    let asked = opening.ask(Open::KIND, &[&body], &[]).unwrap().unwrap();
    let mut vm = Connection::accept(theirs, Role::Vm).unwrap();
    let request = vm.receive().unwrap().unwrap();
    assert_eq!((request.kind, request.id), (Open::KIND, asked));
    assert_eq!(request.body, body);
    let object = codec::encode(&7u64).unwrap();
    vm.send_raw(Open::KIND | REPLY, asked, &[&object], &[])
        .unwrap();
    let mut client = opening.heard().unwrap();
    client.set_timeout(Some(PATIENCE));
    assert_eq!(client.await_reply(asked).unwrap().body, object);
}

#[test]
fn descriptors_go_behind_it_and_not_with_it() {
    let (mut opening, theirs) = silent(u32::MAX);
    let (one, other) = UnixStream::pair().unwrap();
    opening
        .ask(Attach::KIND, &[], &[one.as_fd()])
        .unwrap()
        .unwrap();
    drop((one, other));
    let mut vm = Connection::accept(theirs, Role::Vm).unwrap();
    let request = vm.receive().unwrap().unwrap();
    assert_eq!((request.kind, request.descriptors.len()), (Attach::KIND, 1));
}

#[test]
fn who_asks_nothing_speaks_when_the_peer_is_waited_for() {
    let (opening, mut theirs) = silent(u32::MAX);
    assert_eq!(there(&mut theirs), b"");
    let vm = std::thread::spawn(move || Connection::accept(theirs, Role::Vm).unwrap());
    opening.heard().unwrap();
    vm.join().unwrap();
}

#[test]
fn a_request_that_is_too_large_costs_nothing() {
    let (mut opening, mut theirs) = silent(u32::MAX);
    let large = vec![0; 2 << 20];
    let fault = opening.ask(Open::KIND, &[&large], &[]).unwrap_err();
    assert_eq!(fault.code, FaultCode::TooLarge);
    assert_eq!(there(&mut theirs), b"");
    opening.ask(Open::KIND, &[&body()], &[]).unwrap().unwrap();
    assert_eq!(kind(&there(&mut theirs)), handshake::KIND);
}

#[test]
fn a_peer_that_is_gone_may_have_said_why() {
    let (mut opening, theirs) = silent(u32::MAX);
    let refusal = cosmos_rpc::Fault::host(FaultCode::LimitReached, "there is no room");
    drop(Connection::speak(theirs, Role::Vm).unwrap());
    // Nobody hears it.
    let asked = opening.ask(Open::KIND, &[&body()], &[]).unwrap();
    assert_eq!(asked, None);
    opening.heard().unwrap();

    let (mut opening, theirs) = silent(u32::MAX);
    let frame = codec::encode(&refusal).unwrap();
    let header = cosmos_rpc::frame::Header {
        length: u32::try_from(frame.len()).unwrap(),
        kind: cosmos_rpc::message::FAULT,
        descriptors: 0,
        id: 0,
    };
    std::io::Write::write_all(&mut &theirs, &[&header.encode()[..], &frame].concat()).unwrap();
    drop(theirs);
    opening.ask(Open::KIND, &[&body()], &[]).unwrap();
    assert_eq!(opening.heard().unwrap_err(), refusal);
}
