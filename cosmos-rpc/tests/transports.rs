//! Both transports against each other over real sockets.
#![cfg(feature = "tokio")]

use cosmos_rpc::message::registry::{Connect, Entry, List, Register, Route};
use cosmos_rpc::message::vm::CALL;
use cosmos_rpc::{Fault, FaultCode, Role, asynchronous, blocking};
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

fn pair() -> (blocking::Connection, blocking::Connection) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let peer = std::thread::spawn(|| blocking::Connection::accept(theirs, Role::Vm).unwrap());
    (
        blocking::Connection::connect(ours, Role::Client).unwrap(),
        peer.join().unwrap(),
    )
}

fn asynchronously<R>(future: impl Future<Output = R>) -> R {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

#[test]
fn a_request_and_its_reply_carry_their_descriptors() {
    let (mut client, mut server) = pair();
    let serving = std::thread::spawn(move || {
        let mut frame = server.receive().unwrap().unwrap();
        let request: Register = frame.message().unwrap();
        assert_eq!(request.route, Route::Listening);
        std::fs::File::from(frame.descriptors.remove(0))
            .write_all(b"hello")
            .unwrap();
        server.reply::<Register>(frame.id, &(), &[]).unwrap();
        let frame = server.receive().unwrap().unwrap();
        assert_eq!(frame.message::<Connect>().unwrap().name, "x");
        let null = std::fs::File::open("/dev/null").unwrap();
        server
            .reply::<Connect>(frame.id, &(), &[null.as_fd()])
            .unwrap();
        assert!(server.receive().unwrap().is_none());
    });
    let (mut reader, writer) = std::io::pipe().unwrap();
    let request = Register {
        name: "a".into(),
        route: Route::Listening,
        expires_in: 0,
        shared: false,
    };
    client.call(&request, &[writer.as_fd()]).unwrap();
    drop(writer);
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    assert_eq!(text, "hello");
    let (_, descriptors) = client.call(&Connect { name: "x".into() }, &[]).unwrap();
    assert_eq!(descriptors.len(), 1);
    drop(client);
    serving.join().unwrap();
}

#[test]
fn a_large_call_goes_through_in_pieces() {
    let (mut client, mut server) = pair();
    let serving = std::thread::spawn(move || {
        let frame = server.receive().unwrap().unwrap();
        assert_eq!(frame.kind, CALL);
        server
            .send_raw(CALL | 0x8000, frame.id, &[&frame.body], &[])
            .unwrap();
    });
    let body: Vec<u8> = (0..9_000_017u32).map(|n| (n % 251) as u8).collect();
    let frame = client
        .call_raw(CALL, &[&body[..5], &body[5..]], &[])
        .unwrap();
    assert!(frame.body == body);
    serving.join().unwrap();
}

#[test]
fn a_reply_that_is_late_times_out_and_is_dropped_when_it_comes() {
    let (mut client, mut server) = pair();
    client.set_timeout(Some(Duration::from_millis(30)));
    let fault = client
        .call(
            &List {
                pattern: String::new(),
            },
            &[],
        )
        .unwrap_err();
    assert_eq!(fault.code, FaultCode::TimedOut);
    let late = server.receive().unwrap().unwrap();
    server.reply::<List>(late.id, &Vec::new(), &[]).unwrap();
    client.set_timeout(None);
    let serving = std::thread::spawn(move || {
        let frame = server.receive().unwrap().unwrap();
        server
            .fault(frame.id, &Fault::caller(FaultCode::NoSuchName, "none such"))
            .unwrap();
    });
    let fault = client.call(&Connect { name: "b".into() }, &[]).unwrap_err();
    assert_eq!(fault, Fault::caller(FaultCode::NoSuchName, "none such"));
    serving.join().unwrap();
}

#[test]
fn tokio_and_blocking_ends_understand_each_other() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let client = std::thread::spawn(move || {
        let mut client = blocking::Connection::connect(ours, Role::Client).unwrap();
        assert_eq!(client.peer().role, Role::Registry);
        let null: OwnedFd = std::fs::File::open("/dev/null").unwrap().into();
        let all: Vec<_> = (0..253).map(|_| null.as_fd()).collect();
        let fault = client
            .call(
                &List {
                    pattern: "*".into(),
                },
                &all[..1],
            )
            .unwrap_err();
        assert_eq!(fault.code, FaultCode::BadArgument);
        client.send_raw(CALL, 7, &[b"x"], &all).unwrap();
        client
            .call(
                &List {
                    pattern: "*".into(),
                },
                &[],
            )
            .unwrap()
            .0
    });
    let rows = asynchronously(async move {
        theirs.set_nonblocking(true).unwrap();
        let stream = tokio::net::UnixStream::from_std(theirs).unwrap();
        let mut server = asynchronous::Connection::accept(stream, Role::Registry)
            .await
            .unwrap();
        assert_eq!(
            server.receive().await.unwrap().unwrap().descriptors.len(),
            253
        );
        let frame = server.receive().await.unwrap().unwrap();
        frame.message::<List>().unwrap();
        let row = Entry {
            name: "n".into(),
            route: Route::Address("unix:/x".into()),
            uid: 1,
            pid: 2,
            expires_in: 3,
            shared: true,
        };
        server
            .reply::<List>(frame.id, &vec![row.clone()], Vec::new())
            .await
            .unwrap();
        assert!(server.receive().await.unwrap().is_none());
        vec![row]
    });
    assert_eq!(client.join().unwrap(), rows);
}

/// A receive that is given up half-way, again and again, loses neither a byte nor a descriptor.
#[test]
fn receiving_is_cancel_safe() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let (given_up, waits) = std::sync::mpsc::channel();
    let sending = std::thread::spawn(move || {
        let mut peer = blocking::Connection::connect(ours, Role::Client).unwrap();
        let null = std::fs::File::open("/dev/null").unwrap();
        // Nothing is there before one was given up.
        waits.recv().unwrap();
        for number in 0..20u8 {
            let body = vec![number; 300_000];
            let attached = [null.as_fd(), null.as_fd()];
            peer.send_raw(CALL, 1, &[&body], &attached).unwrap();
            std::thread::sleep(Duration::from_millis(2));
        }
    });
    let cancelled = asynchronously(async move {
        theirs.set_nonblocking(true).unwrap();
        let stream = tokio::net::UnixStream::from_std(theirs).unwrap();
        let mut peer = asynchronous::Connection::accept(stream, Role::Vm)
            .await
            .unwrap();
        let (mut received, mut cancelled) = (0u8, 0);
        while received < 20 {
            let patience = Duration::from_micros(50);
            match tokio::time::timeout(patience, peer.receive()).await {
                Err(_) => {
                    cancelled += 1;
                    let _ = given_up.send(());
                }
                Ok(frame) => {
                    let frame = frame.unwrap().unwrap();
                    assert_eq!(frame.descriptors.len(), 2);
                    assert!(frame.body == vec![received; 300_000]);
                    received += 1;
                }
            }
        }
        assert!(peer.receive().await.unwrap().is_none());
        cancelled
    });
    sending.join().unwrap();
    assert!(cancelled > 0, "no receive was given up");
}

/// A flush that is given up half-way goes on at the next, and what was queued meanwhile follows.
#[test]
fn sending_is_cancel_safe() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let (given_up, waits) = std::sync::mpsc::channel();
    let receiving = std::thread::spawn(move || {
        let mut peer = blocking::Connection::connect(ours, Role::Client).unwrap();
        // Nobody reads before one flush was given up.
        waits.recv().unwrap();
        for number in 0..5u8 {
            std::thread::sleep(Duration::from_millis(20));
            let frame = peer.receive().unwrap().unwrap();
            assert_eq!(frame.descriptors.len(), 1);
            assert!(frame.body == vec![number; 1_000_000]);
        }
    });
    let cancelled = asynchronously(async move {
        theirs.set_nonblocking(true).unwrap();
        let stream = tokio::net::UnixStream::from_std(theirs).unwrap();
        let mut peer = asynchronous::Connection::accept(stream, Role::Vm)
            .await
            .unwrap();
        let mut cancelled = 0;
        for number in 0..5 {
            let null: OwnedFd = std::fs::File::open("/dev/null").unwrap().into();
            peer.writer
                .queue(CALL, 1, vec![number; 1_000_000], vec![null])
                .unwrap();
            let patience = Duration::from_millis(1);
            cancelled += u32::from(
                tokio::time::timeout(patience, peer.writer.flush())
                    .await
                    .is_err(),
            );
            let _ = given_up.send(());
        }
        peer.writer.flush().await.unwrap();
        assert_eq!(peer.writer.queued(), 0);
        cancelled
    });
    receiving.join().unwrap();
    assert!(cancelled > 0, "no flush was given up");
}
