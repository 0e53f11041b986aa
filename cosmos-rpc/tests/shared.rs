//! Connections whose frames go through shared memory: the same frames, whichever way they go.

use cosmos_rpc::blocking::Connection;
use cosmos_rpc::handshake;
use cosmos_rpc::message::vm::{CALL, Open, Share};
use cosmos_rpc::message::{FAULT, Message, REPLY};
use cosmos_rpc::ring::{AREA, Segment, Settings};
use cosmos_rpc::{Blame, Fault, FaultCode, Limits, Role};
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, AsRawFd, FromRawFd};
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixStream;
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// A VM that answers calls with their own bytes and descriptors, in this process.
fn vm() -> (Connection, JoinHandle<Result<u32, Fault>>) {
    let (near, far) = UnixStream::pair().unwrap();
    let serving = thread::spawn(move || {
        let mut connection = Connection::accept(far, Role::Vm)?.expect(Role::Client)?;
        let mut answered = 0;
        while let Some(frame) = connection.receive()? {
            let descriptors: Vec<_> = frame.descriptors.iter().map(AsFd::as_fd).collect();
            if frame.kind == CALL {
                connection.send_raw(CALL | REPLY, frame.id, &[&frame.body], &descriptors)?;
            } else {
                let fault = Fault::caller(FaultCode::Unsupported, "a test's VM only echoes");
                connection.fault(frame.id, &fault)?;
            }
            connection.recycle(frame.body);
            answered += 1;
        }
        Ok(answered)
    });
    let client = Connection::connect(near, Role::Client).unwrap();
    (client, serving)
}

fn shared() -> (Connection, JoinHandle<Result<u32, Fault>>) {
    let (mut client, serving) = vm();
    assert!(client.share(&Settings::ASKING).unwrap());
    assert!(client.shares());
    (client, serving)
}

#[test]
fn frames_of_every_size_come_back_through_ring_or_socket() {
    let (mut client, serving) = shared();
    let sizes = [0, 1, 40, 41, 5000, AREA - 8, AREA, AREA + 1, 3 * AREA, 17];
    for size in sizes {
        let body: Vec<u8> = (0..size).map(|at| (at * 31) as u8).collect();
        let id = [7u8; 8];
        let frame = client.call_raw(CALL, &[&id, &body], &[]).unwrap();
        assert_eq!(frame.kind, CALL | REPLY);
        assert_eq!(frame.body[..8], id);
        assert!(frame.body[8..] == body, "{size} bytes");
        client.recycle(frame.body);
    }
    drop(client);
    assert_eq!(serving.join().unwrap(), Ok(sizes.len() as u32));
}

/// Whoever answers takes what comes while it is awake as it is, and leaves to frames what is not of the kind.
#[test]
fn messages_taken_without_a_frame_are_the_same() {
    let (near, far) = UnixStream::pair().unwrap();
    let serving = thread::spawn(move || {
        let mut connection = Connection::accept(far, Role::Vm)?.expect(Role::Client)?;
        loop {
            if let Some((message, body)) = connection.next_short() {
                connection.send_short(message.kind | REPLY, message.id, &body)?;
            } else if let Some((id, body)) = connection.next_longer(CALL) {
                connection.send_raw(CALL | REPLY, id, &[&body], &[])?;
                connection.recycle(body);
            } else if let Some(frame) = connection.receive()? {
                connection.send_raw(frame.kind | REPLY, frame.id, &[&frame.body], &[])?;
                connection.recycle(frame.body);
            } else {
                return Ok::<_, Fault>(());
            }
        }
    });
    let mut client = Connection::connect(near, Role::Client).unwrap();
    assert!(client.share(&Settings::ASKING).unwrap());
    for round in 0..200usize {
        for (kind, size) in [
            (CALL, 41),
            (CALL, 8),
            (Open::KIND, 300),
            (CALL, 5000),
            (CALL, AREA + 1),
        ] {
            let body: Vec<u8> = (0..size + round % 9)
                .map(|at| (at * 31 + round) as u8)
                .collect();
            let frame = client.call_raw(kind, &[&body], &[]).unwrap();
            assert_eq!(frame.kind, kind | REPLY);
            assert!(frame.body == body, "{size} bytes");
            client.recycle(frame.body);
        }
    }
    drop(client);
    assert_eq!(serving.join().unwrap(), Ok(()));
}

#[test]
fn descriptors_go_beside_the_ring_both_ways() {
    let (mut client, serving) = shared();
    let null = File::open("/dev/null").unwrap();
    for round in 0..3 {
        let frame = client.call_raw(CALL, &[b"plain"], &[]).unwrap();
        assert!(frame.descriptors.is_empty());
        let frame = client
            .call_raw(CALL, &[b"with two"], &[null.as_fd(), null.as_fd()])
            .unwrap();
        assert_eq!(frame.descriptors.len(), 2, "round {round}");
        assert!(
            frame
                .descriptors
                .iter()
                .all(|fd| fd.as_raw_fd() != null.as_raw_fd())
        );
    }
    drop(client);
    assert_eq!(serving.join().unwrap(), Ok(6));
}

#[test]
fn faults_and_messages_of_the_codec_go_through_the_ring() {
    let (mut client, serving) = shared();
    let request = Open {
        target: "/nowhere".into(),
    };
    let fault = client.call(&request, &[]).unwrap_err();
    assert_eq!(fault.code, FaultCode::Unsupported);
    let frame = client.call_raw(Open::KIND, &[b""], &[]).unwrap();
    assert_eq!(frame.kind, FAULT);
    // Too large for its kind: refused before anything is handed over.
    let fault = client
        .call_raw(Open::KIND, &[&vec![0; 2 << 20]], &[])
        .unwrap_err();
    assert_eq!(fault.code, FaultCode::TooLarge);
    assert!(client.call_raw(CALL, &[b"still"], &[]).is_ok());
    drop(client);
    assert_eq!(serving.join().unwrap(), Ok(3));
}

#[test]
fn the_end_of_either_is_seen_by_the_other() {
    let (client, serving) = shared();
    drop(client);
    assert_eq!(serving.join().unwrap(), Ok(0));

    let (near, far) = UnixStream::pair().unwrap();
    let vm = thread::spawn(move || {
        let mut connection = Connection::accept(far, Role::Vm).unwrap();
        connection.receive().unwrap();
        // It goes without an answer.
    });
    let mut client = Connection::connect(near, Role::Client).unwrap();
    assert!(client.share(&Settings::ASKING).unwrap());
    let fault = client.call_raw(CALL, &[b"last"], &[]).unwrap_err();
    assert_eq!(fault.code, FaultCode::Disconnected);
    vm.join().unwrap();
}

#[test]
fn an_answer_that_does_not_come_ends_with_the_timeout() {
    let (near, far) = UnixStream::pair().unwrap();
    let (over, wait) = std::sync::mpsc::channel::<()>();
    let vm = thread::spawn(move || {
        let mut connection = Connection::accept(far, Role::Vm).unwrap();
        connection.receive().unwrap();
        let _ = wait.recv();
    });
    let mut client = Connection::connect(near, Role::Client).unwrap();
    assert!(client.share(&Settings::ASKING).unwrap());
    client.set_timeout(Some(Duration::from_millis(10)));
    let fault = client.call_raw(CALL, &[b"slow"], &[]).unwrap_err();
    assert_eq!(fault.code, FaultCode::TimedOut);
    drop(over);
    vm.join().unwrap();
}

#[test]
fn a_vm_of_before_is_not_asked() {
    let (near, far) = UnixStream::pair().unwrap();
    let vm = thread::spawn(move || {
        use std::io::{Read, Write};
        let mut hello = [0; 32];
        (&far).read_exact(&mut hello).unwrap();
        // Minor version 0, and the role of a VM.
        hello[22..24].copy_from_slice(&0u16.to_le_bytes());
        hello[24..28].copy_from_slice(&(Role::Vm as u32).to_le_bytes());
        (&far).write_all(&hello).unwrap();
        let mut rest = Vec::new();
        (&far).read_to_end(&mut rest).unwrap();
        assert!(rest.is_empty(), "it was asked all the same");
    });
    let mut client = Connection::connect(near, Role::Client).unwrap();
    assert_eq!(
        (client.peer().major, client.peer().minor),
        (handshake::MAJOR, 0)
    );
    assert!(!client.share(&Settings::ASKING).unwrap());
    assert!(!client.shares());
    drop(client);
    vm.join().unwrap();
}

#[test]
fn a_vm_that_refuses_is_called_through_its_socket() {
    let (near, far) = UnixStream::pair().unwrap();
    let vm = thread::spawn(move || {
        let mut connection = Connection::accept(far, Role::Vm).unwrap();
        connection.refuse_sharing();
        let frame = connection.receive().unwrap().unwrap();
        let body: &[u8] = &frame.body;
        connection
            .send_raw(CALL | REPLY, frame.id, &[body], &[])
            .unwrap();
        assert!(connection.receive().unwrap().is_none());
    });
    let mut client = Connection::connect(near, Role::Client).unwrap();
    assert!(!client.share(&Settings::ASKING).unwrap());
    let frame = client.call_raw(CALL, &[b"all the same"], &[]).unwrap();
    assert_eq!(frame.body, b"all the same");
    drop(client);
    vm.join().unwrap();
}

#[test]
fn a_flood_is_one_message_and_the_end() {
    let (near, far) = UnixStream::pair().unwrap();
    let vm = thread::spawn(move || {
        let mut connection = Connection::accept(far, Role::Vm).unwrap();
        connection.receive().unwrap();
        let sent = (0..).take_while(|_| connection.send_raw(CALL, 0, &[b"more"], &[]).is_ok());
        assert_eq!(sent.count(), 1);
    });
    let mut client = Connection::connect(near, Role::Client).unwrap();
    assert!(client.share(&Settings::ASKING).unwrap());
    let fault = client.call_raw(CALL, &[b"ask"], &[]).unwrap_err();
    assert_eq!(
        (fault.blame, fault.code),
        (Blame::Peer, FaultCode::Protocol)
    );
    vm.join().unwrap();
}

#[test]
fn memory_that_could_shrink_ends_the_channel() {
    let (mut client, serving) = vm();
    let file = tempfile::tempfile().unwrap();
    file.set_len(4096 + 2 * AREA as u64).unwrap();
    // It is laid out as it should be.
    let segment = Segment::new(AREA).unwrap();
    let made = File::from(segment.descriptor().try_clone_to_owned().unwrap());
    let mut page = [0; 4096];
    made.read_exact_at(&mut page, 0).unwrap();
    file.write_all_at(&page, 0).unwrap();
    let request = Share {
        spin: 50,
        colocate: true,
    };
    let fault = client.call(&request, &[file.as_fd()]).unwrap_err();
    assert_eq!(fault.code, FaultCode::Protocol);
    assert_eq!(
        serving.join().unwrap().unwrap_err().code,
        FaultCode::Protocol
    );
}

#[test]
fn a_channel_shares_once_and_only_what_a_client_made() {
    let (mut client, serving) = shared();
    let segment = Segment::new(AREA).unwrap();
    let request = Share {
        spin: u32::MAX,
        colocate: false,
    };
    // The second is a request like any other to the VM, which has none such.
    let fault = client.call(&request, &[segment.descriptor()]).unwrap_err();
    assert_eq!(fault.code, FaultCode::Unsupported);
    drop(client);
    assert_eq!(serving.join().unwrap(), Ok(1));

    // A VM that asks its client to map memory asks in vain.
    let (near, far) = UnixStream::pair().unwrap();
    let vm = thread::spawn(move || Connection::with_limits(far, Role::Vm, Limits::CALL).unwrap());
    let mut client = Connection::connect(near, Role::Client).unwrap();
    let mut vm = vm.join().unwrap();
    vm.send_raw(Share::KIND, 1, &[&[0; 5]], &[segment.descriptor()])
        .unwrap();
    let frame = client.receive().unwrap().unwrap();
    assert_eq!((frame.kind, frame.descriptors.len()), (Share::KIND, 1));
    assert!(!client.shares());
}

/// A program may close what it did not open, and open files of its own under the same numbers.
#[test]
fn a_descriptor_that_was_given_to_another_file_ends_the_channel() {
    for shares in [true, false] {
        let (mut client, serving) = vm();
        if shares {
            assert!(client.share(&Settings::ASKING).unwrap());
        }
        assert!(client.call_raw(CALL, &[b"before"], &[]).is_ok());
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        theirs.set_nonblocking(true).unwrap();
        // SAFETY: `client` goes on with the number, and is to notice.
        let replaced = unsafe { libc::dup3(ours.as_raw_fd(), client.as_raw_fd(), libc::O_CLOEXEC) };
        assert_eq!(replaced, client.as_raw_fd());
        // The VM hears that its client is gone, and nobody is left to answer.
        assert!(serving.join().unwrap().is_ok());
        client.set_timeout(Some(Duration::from_secs(60)));
        for body in [&[0u8; 8][..], &vec![0; 3 * AREA]] {
            let fault = client.call_raw(CALL, &[body], &[]).unwrap_err();
            assert_eq!(fault.code, FaultCode::Disconnected, "{fault}");
            assert!(fault.message.contains("somebody else"), "{fault}");
        }
        drop((client, ours));
        // SAFETY: the number was not closed with the connection, for it is this other file's.
        drop(unsafe { UnixStream::from_raw_fd(replaced) });
        let mut written = Vec::new();
        theirs.read_to_end(&mut written).unwrap();
        assert_eq!(written, b"", "shares: {shares}");
    }
}
