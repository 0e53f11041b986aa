//! Links that fall silent, and links that live.

use super::*;
use std::os::unix::net::UnixStream;

const QUICK: Pulse = Pulse {
    heartbeat: Duration::from_millis(10),
    silence: Duration::from_millis(300),
};

struct Socket(UnixStream);

impl Carrier for Socket {
    type Reader = UnixStream;
    type Writer = UnixStream;
    type Explain = fn(Fault, bool) -> Fault;

    fn split(self) -> (UnixStream, UnixStream, Self::Explain) {
        let writer = self.0.try_clone().expect("again");
        (self.0, writer, |fault, _| fault)
    }
}

fn link(side: Side) -> (Link, UnixStream) {
    let (ours, theirs) = UnixStream::pair().expect("sockets");
    let link = Link::start_with(Streams::new(side), Socket(ours), QUICK);
    (link.expect("a link"), theirs)
}

#[test]
fn an_end_that_falls_silent_is_given_up_and_so_are_its_streams() {
    for side in [Side::Near, Side::Far] {
        let (link, mut other) = link(side);
        other.write_all(&PREAMBLE).expect("its word");
        let stream = link.open().expect("a stream");
        let waits = stream.clone();
        let waiting = thread::spawn(move || waits.receive(&mut [0]));
        // It sends until the credit is used up, and then waits as well.
        let sending = thread::spawn(move || stream.send(&vec![0; 2 << 20]));
        let fault = link.wait_until_ended();
        assert_eq!(fault.code, FaultCode::Disconnected, "{fault}");
        assert!(fault.message.contains("nothing was heard"), "{fault}");
        let received = waiting.join().expect("no panic");
        assert_eq!(received, Err(fault));
        // What is stuck in the socket goes on when that ends.
        drop(other);
        assert!(sending.join().expect("no panic").is_err());
    }
}

#[test]
fn an_end_that_lives_stays_and_one_that_was_never_heard_is_waited_for() {
    let slow = Pulse {
        silence: Duration::from_secs(60),
        ..QUICK
    };
    let (near, far) = UnixStream::pair().expect("sockets");
    // Its patience is over at once, and counts from the other one's first word.
    let none = Pulse {
        silence: Duration::ZERO,
        ..QUICK
    };
    let waits = Link::start_with(Streams::new(Side::Near), Socket(near), none).expect("a link");
    thread::sleep(QUICK.heartbeat * 5);
    assert_eq!(waits.ended(), None);
    drop(far);
    waits.wait_until_ended();

    let (near, far) = UnixStream::pair().expect("sockets");
    let near = Link::start_with(Streams::new(Side::Near), Socket(near), slow).expect("a link");
    let far = Link::start_with(Streams::new(Side::Far), Socket(far), slow).expect("a link");
    let stream = near.open().expect("a stream");
    let theirs = far.await_opened(stream.id()).expect("a stream");
    thread::sleep(QUICK.heartbeat * 5);
    stream.send(b"still").expect("sent");
    let mut read = [0; 5];
    assert_eq!(theirs.receive_exact(&mut read), Ok(true));
    assert_eq!(&read, b"still");
}
