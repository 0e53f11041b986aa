//! What hostile peers do to both transports over real sockets: an error each time, in bounded
//! time, and not one descriptor leaked.
#![cfg(feature = "tokio")]

use cosmos_rpc::descriptor::{Wait, receive, send};
use cosmos_rpc::frame::{Decoder, Header};
use cosmos_rpc::handshake::{self, Hello};
use cosmos_rpc::message::registry::{Incoming, List};
use cosmos_rpc::message::vm::CALL;
use cosmos_rpc::message::{FAULT, Message, REPLY};
use cosmos_rpc::{Blame, Fault, FaultCode, Frame, Limits, Role, asynchronous, blocking, codec};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use proptest::prelude::*;
use std::io::{IoSlice, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// The tests of this file count descriptors, so one runs at a time.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    let alone = ALONE
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner());
    // The first runtime of a process may open what all of them share.
    drop(runtime());
    alone
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

fn open_descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

fn null() -> OwnedFd {
    std::fs::File::open("/dev/null").unwrap().into()
}

fn hello() -> Vec<u8> {
    let body = Hello::new(Role::Vm, &Limits::CALL).encode();
    let header = Header {
        length: 16,
        kind: handshake::KIND,
        descriptors: 0,
        id: 0,
    };
    [&header.encode()[..], &body].concat()
}

/// What a peer writes: bytes, and how many descriptors with the first of them.
type Writes<'a> = &'a [(&'a [u8], usize)];

fn write(stream: &UnixStream, writes: Writes<'_>) {
    let null = null();
    for &(bytes, count) in writes {
        let attached: Vec<BorrowedFd<'_>> = (0..count).map(|_| null.as_fd()).collect();
        if count == 0 {
            let _ = { stream }.write_all(bytes);
        } else {
            let _ = send(stream.as_fd(), &[IoSlice::new(bytes)], &attached, Wait::Yes);
        }
    }
}

/// Everything the blocking end gets out of it, and how it ended.
fn blocking_end(writes: Writes<'_>) -> (Vec<Frame>, Result<(), Fault>) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || write(&theirs, writes));
        let mut frames = Vec::new();
        let mut connection = match blocking::Connection::connect(ours, Role::Client) {
            Ok(connection) => connection,
            Err(fault) => return (frames, Err(fault)),
        };
        connection.set_timeout(Some(Duration::from_secs(30)));
        loop {
            match connection.receive() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => return (frames, Ok(())),
                Err(fault) => {
                    assert_eq!(connection.receive().unwrap_err(), fault, "broken for good");
                    return (frames, Err(fault));
                }
            }
        }
    })
}

/// The same of the asynchronous end.
fn asynchronous_end(writes: Writes<'_>) -> (Vec<Frame>, Result<(), Fault>) {
    let runtime = runtime();
    let (ours, theirs) = UnixStream::pair().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || write(&theirs, writes));
        runtime.block_on(async {
            ours.set_nonblocking(true).unwrap();
            let stream = tokio::net::UnixStream::from_std(ours).unwrap();
            let mut frames = Vec::new();
            let mut connection = match asynchronous::Connection::connect(stream, Role::Client).await
            {
                Ok(connection) => connection,
                Err(fault) => return (frames, Err(fault)),
            };
            loop {
                match connection.receive().await {
                    Ok(Some(frame)) => frames.push(frame),
                    Ok(None) => return (frames, Ok(())),
                    Err(fault) => return (frames, Err(fault)),
                }
            }
        })
    })
}

/// What both ends get out of it, which leaks nothing.
fn ends(writes: Writes<'_>) -> [(usize, Option<FaultCode>); 2] {
    let before = open_descriptors();
    let results = [blocking_end(writes), asynchronous_end(writes)]
        .map(|(frames, how)| (frames.len(), how.err().map(|fault| fault.code)));
    assert_eq!(open_descriptors(), before, "descriptors leaked");
    results
}

/// The number of frames both ends get, and the code they both end with.
fn both_ends(writes: Writes<'_>) -> (usize, Option<FaultCode>) {
    let [blocking, asynchronous] = ends(writes);
    assert_eq!(blocking, asynchronous);
    blocking
}

fn frame(kind: u16, announced: u16, body: &[u8]) -> Vec<u8> {
    let header = Header {
        length: body.len() as u32,
        kind,
        descriptors: announced,
        id: 1,
    };
    [&header.encode()[..], body].concat()
}

#[test]
fn descriptors_are_counted_by_the_frame_they_come_with() {
    let _alone = alone();
    let hello = &hello()[..];
    let plain = &frame(CALL, 0, b"plain")[..];
    let announced = |count| frame(CALL, count, b"some");
    let (one, two, all) = (&announced(1)[..], &announced(2)[..], &announced(253)[..]);
    let protocol = Some(FaultCode::Protocol);
    // What is right.
    assert_eq!(
        both_ends(&[(hello, 0), (plain, 0), (one, 1), (plain, 0), (two, 2)]),
        (4, None)
    );
    assert_eq!(both_ends(&[(hello, 0), (all, 253), (all, 253)]), (2, None));
    let slow: Vec<(&[u8], usize)> = one[1..]
        .iter()
        .map(|byte| (std::slice::from_ref(byte), 0))
        .collect();
    assert_eq!(
        both_ends(&[&[(hello, 0), (&one[..1], 1)], &slow[..]].concat()),
        (1, None)
    );
    // Missing, surplus, late, early.
    assert_eq!(both_ends(&[(hello, 0), (one, 0)]), (0, protocol));
    assert_eq!(both_ends(&[(hello, 0), (one, 2)]), (0, protocol));
    assert_eq!(both_ends(&[(hello, 0), (two, 1)]), (0, protocol));
    assert_eq!(both_ends(&[(hello, 0), (plain, 1)]), (0, protocol));
    assert_eq!(
        both_ends(&[(hello, 0), (plain, 253), (one, 1)]),
        (0, protocol)
    );
    assert_eq!(
        both_ends(&[(hello, 0), (&one[..1], 1), (&one[1..], 1)]),
        (0, protocol)
    );
    assert_eq!(
        both_ends(&[(hello, 0), (&one[..18], 1), (&one[18..], 1)]),
        (0, protocol)
    );
    assert_eq!(both_ends(&[(hello, 1), (plain, 0)]), (0, protocol));
    assert_eq!(
        both_ends(&[(hello, 0), (&frame(CALL, 254, b"")[..], 253)]),
        (0, protocol)
    );
    // Descriptors with the body of a large call.
    let large = &frame(CALL, 0, &[7; 200_000])[..];
    assert_eq!(
        both_ends(&[(hello, 0), (&large[..150_000], 0), (&large[150_000..], 3)]),
        (0, protocol)
    );
    // The connection ends with descriptors nobody claimed, or within a frame.
    let gone = Some(FaultCode::Disconnected);
    assert_eq!(both_ends(&[(hello, 0), (&one[..5], 1)]), (0, gone));
    assert_eq!(both_ends(&[(hello, 0), (&one[..17], 1)]), (0, gone));
}

#[test]
fn a_header_that_a_read_cut_has_its_descriptors_whatever_comes_behind_it() {
    let _alone = alone();
    let one = &frame(CALL, 1, b"some")[..];
    // Wherever the first reads end.
    for length in (900..1100).chain(16_300..16_500) {
        let before = open_descriptors();
        let (ours, theirs) = UnixStream::pair().unwrap();
        let plain = frame(CALL, 0, &vec![7; length % 1024]);
        let filling = plain.repeat(1 + length / 1024);
        write(&theirs, &[(&filling, 0), (one, 1), (one, 1), (one, 1)]);
        drop(theirs);
        let mut decoder = Decoder::new(Limits::CALL);
        let mut came = Vec::new();
        loop {
            while let Some(frame) = decoder.frame().unwrap() {
                came.push((frame.body.len(), frame.descriptors.len()));
            }
            let read = receive(ours.as_fd(), decoder.space(), Wait::Yes).unwrap();
            if read.bytes == 0 {
                break;
            }
            decoder.filled(read.bytes, read.descriptors).unwrap();
        }
        decoder.end().unwrap();
        assert_eq!(came.split_off(came.len() - 3), [(4, 1); 3], "{length}");
        assert_eq!(came, vec![(length % 1024, 0); 1 + length / 1024]);
        drop(ours);
        assert_eq!(open_descriptors(), before, "descriptors leaked");
    }
}

/// Runs it where hardly more descriptors can be opened.
fn without_room<T>(run: impl FnOnce() -> T) -> T {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    let most = open_descriptors() as u64 + 20;
    setrlimit(Resource::RLIMIT_NOFILE, most, hard).unwrap();
    let result = run();
    setrlimit(Resource::RLIMIT_NOFILE, soft, hard).unwrap();
    result
}

/// The kernel drops descriptors for which there is no room, and says so by a flag alone.
#[test]
fn descriptors_without_room_fail_what_they_came_with_and_nothing_else() {
    let _alone = alone();
    let hello = hello();
    let first = frame(CALL, 100, &[7; 20_000]);
    let answer = frame(CALL | REPLY, 100, b"an answer");
    let after = frame(CALL, 1, b"after");
    let (ours, theirs) = UnixStream::pair().unwrap();
    write(&theirs, &[(&hello, 0)]);
    let mut connection = blocking::Connection::connect(ours, Role::Client).unwrap();
    let id = connection.request_raw(CALL, &[b"asked"], &[]).unwrap();
    write(&theirs, &[(&first, 100), (&answer, 100), (&after, 1)]);
    let before = open_descriptors();
    let answered = without_room(|| connection.await_reply(id).unwrap());
    assert_eq!(open_descriptors(), before);
    let fault = answered.fault().expect("a fault in place of the answer");
    assert_eq!(fault.code, FaultCode::TooManyFiles);
    assert_eq!((fault.blame, fault.errno()), (Blame::Host, 24));
    assert!(fault.message.contains("ulimit"), "{fault}");
    // The stream went on.
    let frame = connection.receive().unwrap().unwrap();
    assert_eq!(
        (&frame.body[..], frame.descriptors.len()),
        (&b"after"[..], 1)
    );
    drop(frame);
    // The request was answered by this end itself.
    let mut peer = blocking::Connection::connect(theirs, Role::Vm).unwrap();
    let told = std::iter::from_fn(|| peer.receive().unwrap())
        .find_map(|frame| frame.fault())
        .expect("an answer to the request");
    assert_eq!(told.code, FaultCode::TooManyFiles);

    let (ours, theirs) = UnixStream::pair().unwrap();
    write(&theirs, &[(&hello, 0)]);
    let runtime = runtime();
    let connection = runtime.block_on(async {
        ours.set_nonblocking(true).unwrap();
        let stream = tokio::net::UnixStream::from_std(ours).unwrap();
        asynchronous::Connection::connect(stream, Role::Client).await
    });
    let mut connection = connection.unwrap();
    write(&theirs, &[(&first, 100), (&answer, 100), (&after, 1)]);
    let mut next = || {
        runtime
            .block_on(connection.receive())
            .unwrap()
            .expect("a frame")
    };
    let mut frames = without_room(|| vec![next(), next()]);
    frames.push(next());
    let told: Vec<_> = frames
        .iter()
        .map(|frame| (frame.lost, frame.fault().map(|fault| fault.code)))
        .collect();
    let lost = Some(FaultCode::TooManyFiles);
    assert_eq!(told, [(true, None), (false, lost), (false, None)]);
    assert_eq!(frames[0].whole().unwrap_err().code, FaultCode::TooManyFiles);
    assert_eq!(frames[2].descriptors.len(), 1);
}

#[test]
fn received_descriptors_are_closed_on_exec() {
    let _alone = alone();
    let hello = hello();
    let (frames, _) = blocking_end(&[(&hello, 0), (&frame(CALL, 2, b""), 2)]);
    for descriptor in &frames[0].descriptors {
        let flags = nix::fcntl::fcntl(descriptor, nix::fcntl::FcntlArg::F_GETFD).unwrap();
        assert_eq!(flags & libc::FD_CLOEXEC, libc::FD_CLOEXEC);
    }
}

#[test]
fn handshakes_that_are_wrong_say_why() {
    let _alone = alone();
    let with = |at: usize, byte: u8| {
        let mut bytes = hello();
        bytes[at] = byte;
        bytes
    };
    let how = |writes: Writes<'_>| blocking_end(writes).1.unwrap_err();
    let version = how(&[(&with(20, 2), 0)]);
    assert_eq!(version.code, FaultCode::Version);
    assert!(
        version.message.contains("2.8") && version.message.contains("1.8"),
        "{version}"
    );
    assert_eq!(how(&[(&with(24, 99), 0)]).code, FaultCode::Version);
    for (at, byte) in [(16, b'c'), (4, 9), (8, 1)] {
        let fault = how(&[(&with(at, byte), 0)]);
        assert_eq!(fault.code, FaultCode::Protocol);
        assert!(fault.message.contains("magic COSM"), "{fault}");
    }
    assert_eq!(
        how(&[(b"SSH-2.0-OpenSSH_9.6 and so on\r\n", 0)]).code,
        FaultCode::TooLarge
    );
    assert_eq!(how(&[]).code, FaultCode::Disconnected);
    let said = Fault::caller(FaultCode::LimitReached, "come back later");
    let instead = frame(FAULT, 0, &codec::encode(&said).unwrap());
    assert_eq!(how(&[(&instead, 0)]), said);
    // A later minor version may say more; every end takes what it knows.
    let mut longer = with(22, 7);
    longer[0] = 20;
    longer.extend([1, 2, 3, 4]);
    assert_eq!(both_ends(&[(&longer, 0)]), (0, None));
}

#[test]
fn replies_that_nobody_asked_for_are_a_breach() {
    let _alone = alone();
    let (ours, theirs) = UnixStream::pair().unwrap();
    let reply = Header {
        length: 0,
        kind: List::KIND | 0x8000,
        descriptors: 0,
        id: 99,
    }
    .encode();
    write(&theirs, &[(&hello(), 0), (&reply, 0)]);
    let mut connection = blocking::Connection::connect(ours, Role::Client).unwrap();
    let ask = List {
        pattern: String::new(),
    };
    assert_eq!(
        connection.call(&ask, &[]).unwrap_err().code,
        FaultCode::Protocol
    );
    assert_eq!(
        connection.call(&ask, &[]).unwrap_err().code,
        FaultCode::Protocol
    );
}

/// A peer that floods with notices instead of answering is cut off.
#[test]
fn notices_instead_of_an_answer_are_bounded() {
    let _alone = alone();
    let (ours, theirs) = UnixStream::pair().unwrap();
    let flooding = std::thread::spawn(move || {
        write(&theirs, &[(&hello(), 0)]);
        let notice = Header {
            length: 0,
            kind: Incoming::KIND,
            descriptors: 0,
            id: 0,
        }
        .encode();
        while { &theirs }.write_all(&notice).is_ok() {}
    });
    let mut connection = blocking::Connection::connect(ours, Role::Client).unwrap();
    let fault = connection
        .call(
            &List {
                pattern: String::new(),
            },
            &[],
        )
        .unwrap_err();
    assert_eq!(fault.code, FaultCode::Protocol, "{fault}");
    drop(connection);
    flooding.join().unwrap();
}

#[test]
fn a_deadline_holds_over_all_the_pieces_of_an_answer() {
    let _alone = alone();
    let (ours, theirs) = UnixStream::pair().unwrap();
    write(&theirs, &[(&hello(), 0)]);
    let dripping = std::thread::spawn(move || {
        // Twenty seconds for all of it.
        let reply = frame(List::KIND | 0x8000, 0, &[0; 2000]);
        for byte in reply {
            std::thread::sleep(Duration::from_millis(10));
            if { &theirs }.write_all(&[byte]).is_err() {
                return;
            }
        }
    });
    let mut connection = blocking::Connection::connect(ours, Role::Client).unwrap();
    connection.set_timeout(Some(Duration::from_millis(150)));
    let before = Instant::now();
    let fault = connection
        .call(
            &List {
                pattern: String::new(),
            },
            &[],
        )
        .unwrap_err();
    assert_eq!(fault.code, FaultCode::TimedOut);
    assert!(
        before.elapsed() < Duration::from_secs(10),
        "{:?}",
        before.elapsed()
    );
    drop(connection);
    dripping.join().unwrap();
}

/// A write given up half-way breaks the connection; one not begun does not.
#[test]
fn a_peer_that_does_not_read_times_the_writer_out() {
    let _alone = alone();
    let (ours, theirs) = UnixStream::pair().unwrap();
    write(&theirs, &[(&hello(), 0)]);
    let mut connection = blocking::Connection::connect(ours, Role::Client).unwrap();
    connection.set_timeout(Some(Duration::from_millis(50)));
    let body = vec![0; 8 << 20];
    assert_eq!(
        connection
            .send_raw(CALL, 1, &[&body], &[])
            .unwrap_err()
            .code,
        FaultCode::TimedOut
    );
    // It is broken, not tried again, which would take as long as this.
    connection.set_timeout(Some(Duration::from_secs(600)));
    let before = Instant::now();
    assert_eq!(
        connection.send_raw(CALL, 2, &[], &[]).unwrap_err().code,
        FaultCode::TimedOut
    );
    assert!(before.elapsed() < Duration::from_secs(300));
}

/// Signals that interrupt system calls are survived.
#[test]
fn interruptions_are_survived() {
    let _alone = alone();
    extern "C" fn nothing(_: libc::c_int) {}
    // SAFETY: installs a handler that does nothing, without SA_RESTART.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = nothing as extern "C" fn(libc::c_int) as usize;
        libc::sigaction(libc::SIGUSR1, &action, std::ptr::null_mut());
    }
    let (ours, theirs) = UnixStream::pair().unwrap();
    let peer = std::thread::spawn(move || {
        let mut peer = blocking::Connection::accept(theirs, Role::Vm).unwrap();
        let request = peer.receive().unwrap().unwrap();
        std::thread::sleep(Duration::from_millis(100));
        peer.reply::<List>(request.id, &Vec::new(), &[]).unwrap();
    });
    let mut connection = blocking::Connection::connect(ours, Role::Client).unwrap();
    connection.set_timeout(Some(Duration::from_secs(30)));
    // SAFETY: names the calling thread.
    let this = unsafe { libc::pthread_self() };
    let interrupting = std::thread::spawn(move || {
        for _ in 0..8 {
            std::thread::sleep(Duration::from_millis(10));
            // SAFETY: the thread waits for this one, so it lives.
            unsafe { libc::pthread_kill(this, libc::SIGUSR1) };
        }
    });
    connection
        .call(
            &List {
                pattern: String::new(),
            },
            &[],
        )
        .unwrap();
    interrupting.join().unwrap();
    peer.join().unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Both transports end, and leak nothing, whatever comes with whatever.
    #[test]
    fn whatever_comes_ends_in_bounded_time(
        shakes: bool,
        writes in prop::collection::vec(
            (prop_oneof![
                prop::collection::vec(any::<u8>(), 1..60),
                (any::<u8>(), 0u16..4).prop_map(|(length, count)| frame(CALL, count, &vec![3; length.into()])),
            ], prop_oneof![4 => Just(0usize), 1 => 1usize..4, 1 => Just(253)]),
            0..6,
        ),
    ) {
        let _alone = alone();
        let hello = hello();
        let mut all: Vec<(&[u8], usize)> = if shakes { vec![(&hello, 0)] } else { Vec::new() };
        all.extend(writes.iter().map(|(bytes, count)| (bytes.as_slice(), *count)));
        ends(&all);
    }
}
