//! Streams between machines: a link over real pipes, and the stored inputs of the fuzz target.

#[path = "../fuzz/check_streams.rs"]
mod check_streams;

use cosmos_rpc::mux::{Carrier, Link, Side};
use cosmos_rpc::{Fault, FaultCode};
use proptest::prelude::*;
use std::io::{PipeReader, PipeWriter, pipe};
use std::path::Path;
use std::thread;
use std::time::Duration;

const SILENCE: Duration = Duration::from_secs(60);

/// Two pipes.
struct Pipes(PipeReader, PipeWriter);

impl Carrier for Pipes {
    type Reader = PipeReader;
    type Writer = PipeWriter;
    type Explain = fn(Fault, bool) -> Fault;

    fn split(self) -> (PipeReader, PipeWriter, Self::Explain) {
        (self.0, self.1, |fault, _| fault)
    }
}

fn pair() -> (Link, Link) {
    let ((there, out), (here, back)) = (pipe().expect("a pipe"), pipe().expect("a pipe"));
    let near = Link::start(Side::Near, Pipes(here, out), SILENCE).expect("a link");
    let far = Link::start(Side::Far, Pipes(there, back), SILENCE).expect("a link");
    (near, far)
}

#[test]
fn what_is_stored_keeps_its_promises() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/streams");
    let mut count = 0;
    for entry in std::fs::read_dir(corpus).expect("the corpus") {
        check_streams::check(&std::fs::read(entry.expect("an entry").path()).expect("a file"));
        count += 1;
    }
    assert!(count > 0);
}

proptest! {
    #[test]
    fn whatever_bytes_come_keep_the_promises(data in proptest::collection::vec(any::<u8>(), 0..400)) {
        check_streams::check(&data);
    }
}

#[test]
fn megabytes_go_both_ways_while_another_stream_is_stuck() {
    let (near, far) = pair();
    let stuck = near.open().expect("a stream");
    // As much as the window takes, and nobody reads it.
    stuck.send(&vec![1; 1 << 20]).expect("sent");
    let stream = near.open().expect("a stream");
    let other = far.await_opened(stream.id()).expect("it");
    let echo = thread::spawn(move || {
        let mut piece = vec![0; 10_000];
        while let Ok(count @ 1..) = other.receive(&mut piece) {
            other.send(&piece[..count]).expect("sent");
        }
        other.end();
    });
    let sent: Vec<u8> = (0..5_000_000u32)
        .map(|number| (number % 251) as u8)
        .collect();
    let sends = stream.clone();
    let expected = sent.clone();
    let sender = thread::spawn(move || {
        sends.send(&sent).expect("sent");
        sends.end();
    });
    let mut came = vec![0; expected.len()];
    assert!(stream.receive_exact(&mut came).expect("the bytes"));
    assert!(came == expected);
    assert_eq!(stream.receive(&mut [0; 10]).expect("the end"), 0);
    sender.join().expect("the sender");
    echo.join().expect("the echo");
}

#[test]
fn either_end_uses_the_first_stream_before_it_hears_of_the_other() {
    let ((there, out), (here, back)) = (pipe().expect("a pipe"), pipe().expect("a pipe"));
    let (_far, theirs) = Link::start_first(Side::Far, Pipes(there, back), SILENCE).expect("a link");
    // Nobody is at the other end yet.
    theirs.send(b"from afar").expect("sent");
    let (near, ours) = Link::start_first(Side::Near, Pipes(here, out), SILENCE).expect("a link");
    ours.send(b"from nearby").expect("sent");
    let mut came = [0; 9];
    assert!(ours.receive_exact(&mut came).expect("the bytes"));
    assert_eq!(&came, b"from afar");
    let mut came = [0; 11];
    assert!(theirs.receive_exact(&mut came).expect("the bytes"));
    assert_eq!(&came, b"from nearby");
    // The next one is another.
    assert_eq!(near.open().expect("a stream").id(), ours.id() + 2);
}

#[test]
fn a_stream_that_nobody_wants_and_a_link_that_ended_say_so() {
    let (near, far) = pair();
    let stream = near.open().expect("a stream");
    let other = far.await_opened(stream.id()).expect("it");
    assert!(far.accept(stream.id()).is_err(), "it is taken");
    assert!(far.accept(99).is_err(), "it was never opened");
    other.stop();
    let refused = loop {
        // Until the word has arrived, and then at once.
        if let Err(fault) = stream.send(&[0; 1000]) {
            break fault;
        }
    };
    assert_eq!(refused.code, FaultCode::Disconnected);
    let waits = near.open().expect("a stream");
    let waiter = thread::spawn(move || waits.receive(&mut [0; 10]).expect_err("the end"));
    far.end(Fault::peer(FaultCode::Cancelled, "enough"));
    assert_eq!(waiter.join().expect("it").code, FaultCode::Disconnected);
    assert_eq!(near.wait_until_ended().code, FaultCode::Disconnected);
    assert!(near.open().is_err());
}
