//! A VM whose client was answered when it was only being started: what is said to it waits for it, nobody
//! takes it for one that serves before it does, and where it never does the client learns why.

mod support;

use cosmos_rpc::{
    Fault, FaultCode,
    message::coordinator::{VmBegin, VmOpened, VmReady},
};
use std::{
    io::{Read, Write},
    os::unix::net::UnixStream,
    time::Duration,
};
use support::{Client, World, ask, eventually, field, lives, of_kind};

/// Longer than any VM may take to be ready and any launcher to report its end, and then some.
const BOUND: Duration = Duration::from_secs(18);

fn begin(client: &mut Client, kind: &str) -> Result<(VmOpened, Option<UnixStream>), Fault> {
    let begin = VmBegin(of_kind(kind));
    let (opened, descriptors) = client.connection.call(&begin, &[])?;
    let stream = descriptors.into_iter().next().map(UnixStream::from);
    let wait = |stream: &UnixStream| stream.set_read_timeout(Some(BOUND)).unwrap();
    stream.iter().for_each(wait);
    Ok((opened, stream))
}

fn ready(client: &mut Client, name: &str) -> Result<(), Fault> {
    let name = name.to_owned();
    let answer = client.connection.call(&VmReady { name }, &[]);
    answer.map(|((), _)| ())
}

/// All that a connection brings until it ends, which it does.
fn heard(mut stream: UnixStream) -> Vec<u8> {
    let mut heard = Vec::new();
    // What was not read when it was closed is an error of the socket's, and as good an end.
    if let Err(error) = stream.read_to_end(&mut heard) {
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{error}");
    }
    heard
}

#[test]
fn what_is_said_at_once_the_vm_hears_when_it_serves() {
    let world = World::new(&[]);
    let mut client = world.client();
    let (opened, stream) = begin(&mut client, "puppet").unwrap();
    let mut stream = stream.unwrap();
    let said = ask(&mut stream, b'i');
    // It has answered, and cosmosd may be told of it a moment later.
    ready(&mut client, &opened.name).unwrap();
    let row = client.row(&opened.name);
    assert_eq!((row.state.as_str(), row.kind.as_str()), ("ready", "puppet"));
    assert_eq!(field(&said, "pid"), row.pid.to_string());
    // It has that one now: the next answer waits for nobody, and brings no other connection.
    let (again, none) = begin(&mut client, "puppet").unwrap();
    assert_eq!(again.name, opened.name);
    assert!(none.is_none());
    // It is the client's own, and ends as such.
    drop(stream);
    assert!(eventually(|| !lives(u32::try_from(row.pid).unwrap())));
}

#[test]
fn why_a_vm_never_serves_is_told_as_if_it_had_been_waited_for() {
    for kind in ["puppetdies", "missing"] {
        let world = World::new(&[]);
        let mut client = world.client();
        let waited = client.open(&of_kind(kind)).unwrap_err();
        let (opened, stream) = begin(&mut client, kind).unwrap();
        let mut stream = stream.unwrap();
        // It may be gone by now.
        let _ = stream.write_all(b"i");
        assert_eq!(heard(stream), b"", "{kind}");
        let fault = ready(&mut client, &opened.name).unwrap_err();
        assert_eq!((fault.blame, fault.code), (waited.blame, waited.code));
        // But for the number, and the path of the log, in which that is as well.
        let plain = |fault: &Fault| {
            let digits = |text: &str| text.replace(|letter: char| letter.is_ascii_digit(), "");
            digits(&fault.message)
        };
        assert_eq!(plain(&fault), plain(&waited), "{kind}");
        assert!(eventually(|| world.children().is_empty()));
    }
}

#[test]
fn a_vm_that_never_says_a_word_is_given_up_and_has_heard_none() {
    let world = World::new(&[]);
    let mut client = world.client();
    // It never gets ready, so who was answered was not made to wait for that.
    let (opened, stream) = begin(&mut client, "puppetsilent").unwrap();
    let mut stream = stream.unwrap();
    stream.write_all(b"i").unwrap();
    assert_eq!(client.row(&opened.name).state, "starting");
    assert_eq!(heard(stream), b"");
    let fault = ready(&mut client, &opened.name).unwrap_err();
    assert_eq!(fault.code, FaultCode::LaunchFailed, "{fault}");
    assert!(eventually(|| world.children().is_empty()));
}

#[test]
fn only_its_owner_is_told_whether_a_vm_serves() {
    let world = World::new(&[]);
    let (mut client, mut other) = (world.client(), world.client());
    let (opened, _stream) = begin(&mut client, "puppet").unwrap();
    ready(&mut client, &opened.name).unwrap();
    // Of the same process, which is what owns it.
    ready(&mut other, &opened.name).unwrap();
    let fault = ready(&mut client, "vm/puppet-999").unwrap_err();
    assert_eq!(fault.code, FaultCode::NoSuchName);
    // A client that goes takes along what was begun for it, served or not.
    let pid = client.row(&opened.name).pid;
    let (begun, _stream) = begin(&mut client, "puppetsilent").unwrap();
    assert!(eventually(|| client.row(&begun.name).pid != 0));
    let second = client.row(&begun.name).pid;
    drop(client);
    for pid in [pid, second] {
        assert!(eventually(|| !lives(u32::try_from(pid).unwrap())), "{pid}");
    }
}
