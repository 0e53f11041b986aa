//! A VM that is only being started when it is spoken to: it is met when it has said its handshake, and not
//! before, whatever else it says or does.

use super::vm::*;
use crate::lately::FIRST_OBJECT;
use crate::link::{Aim, Attached, Meeting};
use cosmos_rpc::blocking::Connection;
use cosmos_rpc::message::vm::{Attach, ObjectToken, Open, Sym};
use cosmos_rpc::message::{Message, REPLY};
use cosmos_rpc::{Fault, FaultCode, Frame, Hello, Role, codec, handshake};
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(30);

type Met = Result<(Connection, Option<Result<Attached, Fault>>), Fault>;

fn meet(streams: (UnixStream, Option<UnixStream>), open: &Open, deadline: Instant) -> Met {
    meet_for(streams, open, Vec::new(), deadline)
}

fn meet_for(
    streams: (UnixStream, Option<UnixStream>),
    open: &Open,
    functions: Vec<Sym>,
    deadline: Instant,
) -> Met {
    let aim = Aim {
        open,
        functions,
        timeout: Some(LONG),
    };
    Meeting::begin(streams, &nature(), Some(aim), || ())?.heard(deadline)
}

/// What comes of meeting a VM that does this with its end.
fn met(patience: Duration, vm: impl FnOnce(UnixStream) + Send + 'static) -> Met {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let vm = std::thread::spawn(move || vm(theirs));
    let open = Open {
        target: opened().target,
    };
    let deadline = Instant::now() + patience;
    let met = meet((ours, None), &open, deadline);
    // What is left of it ends with the connection, and is not waited for where it stays on purpose.
    drop(vm);
    met
}

/// The same of one that was given a channel as well.
fn met_on_both(vm: impl FnOnce(UnixStream, UnixStream) + Send + 'static) -> Met {
    let (main, theirs) = UnixStream::pair().unwrap();
    let (first, other) = UnixStream::pair().unwrap();
    std::thread::spawn(move || vm(theirs, other));
    let open = Open {
        target: opened().target,
    };
    let deadline = Instant::now() + LONG;
    meet((main, Some(first)), &open, deadline)
}

fn failed(patience: Duration, vm: impl FnOnce(UnixStream) + Send + 'static) -> FaultCode {
    met(patience, vm).map(drop).unwrap_err().code
}

fn frame(kind: u16, id: u64, body: &[u8]) -> Vec<u8> {
    let mut bytes = u32::try_from(body.len()).unwrap().to_le_bytes().to_vec();
    bytes.extend(kind.to_le_bytes());
    bytes.extend([0, 0]);
    bytes.extend(id.to_le_bytes());
    bytes.extend(body);
    bytes
}

fn object(answer: &Frame) -> ObjectToken {
    answer.reply::<Open>().unwrap()
}

#[test]
fn all_that_was_said_lies_there_when_it_comes() {
    for manners in [Manners::of(Answer::End), Manners::on_socket(Answer::End)] {
        let is_shared = manners.shares;
        let (ours, theirs) = UnixStream::pair().unwrap();
        let open = Open {
            target: opened().target,
        };
        let client = std::thread::spawn(move || {
            let deadline = Instant::now() + LONG;
            meet((ours, None), &open, deadline)
        });
        // It comes when all was said.
        let mut left = [0; 1];
        let peek = nix::sys::socket::MsgFlags::MSG_PEEK;
        let fd = std::os::fd::AsRawFd::as_raw_fd(&theirs);
        assert_eq!(nix::sys::socket::recv(fd, &mut left, peek), Ok(1));
        assert!(!client.is_finished(), "before it was heard");
        std::thread::spawn(move || serve(theirs, manners));
        let (main, first) = client.join().unwrap().unwrap();
        assert_eq!(main.peer().role, Role::Vm);
        let (channel, answer, _) = first.unwrap().unwrap();
        assert_eq!(object(&answer.unwrap()), ObjectToken(1));
        assert_eq!(channel.shares(), is_shared);
    }
}

#[test]
fn one_that_ends_before_it_says_so_was_not_met() {
    assert_eq!(failed(LONG, drop), FaultCode::Disconnected);
    // Part of a handshake is none.
    let half = |mut stream: UnixStream| {
        let hello = Hello::new(Role::Vm, &Role::Vm.limits()).encode();
        let bytes = frame(handshake::KIND, 0, &hello);
        stream.write_all(&bytes[..bytes.len() - 1]).unwrap();
    };
    assert!(met(LONG, half).is_err());
}

#[test]
fn one_that_says_something_else_was_not_met() {
    // That it has done what it was asked, before it was heard to be there at all.
    let answers = |mut stream: UnixStream| {
        let body = codec::encode(&ObjectToken(1)).unwrap();
        let _ = stream.write_all(&frame(Attach::KIND | REPLY, 1, &[]));
        let _ = stream.write_all(&frame(Open::KIND | REPLY, 1, &body));
        drop(stream);
    };
    assert_eq!(failed(LONG, answers), FaultCode::Protocol);
    let is_somebody_else = |stream: UnixStream| {
        drop(Connection::accept(stream, Role::Coordinator));
    };
    assert_eq!(failed(LONG, is_somebody_else), FaultCode::Protocol);
}

#[test]
fn one_that_says_nothing_is_waited_for_until_the_deadline() {
    let begun = Instant::now();
    let silent = |stream: UnixStream| std::mem::forget(stream);
    let code = failed(Duration::from_millis(50), silent);
    assert_eq!(code, FaultCode::TimedOut);
    assert!(begun.elapsed() < LONG);
}

#[test]
fn one_of_an_older_version_is_let_go_of_and_asked_for_step_by_step() {
    for less in ["version", "body"] {
        let older = move |mut stream: UnixStream| {
            let mut hello = Hello::new(Role::Vm, &Role::Vm.limits());
            match less {
                "version" => hello.minor -= 1,
                _ => hello.body -= 1,
            }
            let _ = stream.write_all(&frame(handshake::KIND, 0, &hello.encode()));
        };
        assert_eq!(failed(LONG, older), FaultCode::Version, "{less}");
    }
}

#[test]
fn one_that_refuses_the_channel_was_met_all_the_same() {
    let refuses = |stream: UnixStream| {
        let mut main = Connection::accept(stream, Role::Vm).unwrap();
        let asked = main.receive().unwrap().unwrap();
        assert_eq!(asked.kind, Attach::KIND);
        let fault = Fault::caller(FaultCode::LimitReached, "enough");
        main.fault(asked.id, &fault).unwrap();
        // The channel's end goes with what came, and the main connection stays.
        drop(asked);
        let _ = main.receive();
    };
    let (main, first) = met(LONG, refuses).unwrap();
    assert_eq!(main.peer().role, Role::Vm);
    assert_eq!(
        first.unwrap().map(drop).unwrap_err().code,
        FaultCode::LimitReached
    );
}

#[test]
fn a_channel_that_came_with_it_is_used_without_being_asked_for() {
    let serves = |main: UnixStream, first: UnixStream| {
        let channel = std::thread::spawn(|| serve(first, Manners::of(Answer::End)));
        let mut main = Connection::accept(main, Role::Vm).unwrap();
        let _ = main.receive();
        let _ = channel.join();
    };
    let (main, first) = met_on_both(serves).unwrap();
    assert_eq!(main.peer().role, Role::Vm);
    let (channel, answer, _) = first.unwrap().unwrap();
    assert_eq!(object(&answer.unwrap()), ObjectToken(1));
    assert!(channel.shares());
}

#[test]
fn one_that_drops_that_channel_was_met_all_the_same_and_one_that_drops_the_other_was_not() {
    let drops_the_channel = |main: UnixStream, first: UnixStream| {
        drop(first);
        let mut main = Connection::accept(main, Role::Vm).unwrap();
        let _ = main.receive();
    };
    let (main, first) = met_on_both(drops_the_channel).unwrap();
    assert_eq!(main.peer().role, Role::Vm);
    assert_eq!(
        first.unwrap().map(drop).unwrap_err().code,
        FaultCode::Disconnected
    );
    let drops_the_connection = |main: UnixStream, first: UnixStream| {
        drop(main);
        serve(first, Manners::of(Answer::End));
    };
    assert_eq!(
        met_on_both(drops_the_connection)
            .map(drop)
            .unwrap_err()
            .code,
        FaultCode::Disconnected
    );
}

/// What comes of asking a VM for these functions along with the open: of one that has a channel already, and of one
/// that is asked for it.
fn resolved_along(
    vm: fn(UnixStream) -> Option<()>,
    functions: &[&str],
) -> [Result<Attached, Fault>; 2] {
    let request = |prototype: &&str| Sym {
        object: FIRST_OBJECT,
        prototype: (*prototype).to_owned(),
        model: callframe::DataModel::LP64,
    };
    let functions: Vec<Sym> = functions.iter().map(request).collect();
    let open = Open {
        target: opened().target,
    };
    let deadline = || Instant::now() + LONG;
    let (main, theirs) = UnixStream::pair().unwrap();
    let (first, other) = UnixStream::pair().unwrap();
    std::thread::spawn(move || {
        let channel = std::thread::spawn(move || vm(other));
        let mut main = Connection::accept(theirs, Role::Vm).unwrap();
        let _ = main.receive();
        let _ = channel.join();
    });
    let lent = meet_for((main, Some(first)), &open, functions.clone(), deadline());
    let (main, theirs) = UnixStream::pair().unwrap();
    std::thread::spawn(move || {
        let mut main = Connection::accept(theirs, Role::Vm).unwrap();
        let mut asked = main.receive().unwrap().unwrap();
        assert_eq!(asked.kind, Attach::KIND);
        let channel = UnixStream::from(asked.descriptors.pop().unwrap());
        let channel = std::thread::spawn(move || vm(channel));
        main.reply::<Attach>(asked.id, &(), &[]).unwrap();
        let _ = main.receive();
        let _ = channel.join();
    });
    let started = meet_for((main, None), &open, functions, deadline());
    [lent, started].map(|met| met.unwrap().1.unwrap())
}

const TWO: [&str; 2] = ["int f(void)", "int g(int x)"];

#[test]
fn functions_are_asked_for_along_with_the_open_whatever_carries_the_answers() {
    let on_socket = |stream| serve(stream, Manners::on_socket(Answer::End));
    let shared = |stream| serve(stream, Manners::of(Answer::End));
    for (vm, shares) in [(on_socket as fn(_) -> _, false), (shared, true)] {
        for came in resolved_along(vm, &TWO) {
            let (channel, answer, functions) = came.unwrap();
            assert_eq!(object(&answer.unwrap()), FIRST_OBJECT);
            let functions = functions.unwrap();
            let names: Vec<&str> = functions.iter().map(|(name, _)| &**name).collect();
            assert_eq!(names, TWO);
            assert!(
                functions
                    .iter()
                    .all(|(_, answer)| answer.reply::<Sym>().is_ok())
            );
            assert_eq!(channel.shares(), shares);
        }
    }
}

#[test]
fn functions_that_are_refused_are_no_loss_and_of_those_never_answered_it_is_said() {
    let refuses = |stream| {
        let mut channel = Connection::accept(stream, Role::Vm).ok()?;
        channel.refuse_sharing();
        while let Ok(Some(frame)) = channel.receive() {
            let fault = Fault::caller(FaultCode::NoSuchSymbol, "there is none");
            match frame.kind {
                Open::KIND => channel.reply::<Open>(frame.id, &FIRST_OBJECT, &[]).ok()?,
                _ => channel.fault(frame.id, &fault).ok()?,
            }
        }
        Some(())
    };
    for came in resolved_along(refuses, &TWO) {
        let (_, answer, functions) = came.unwrap();
        assert_eq!(object(&answer.unwrap()), FIRST_OBJECT);
        let functions = functions.unwrap();
        let codes = functions.iter().map(|(_, it)| it.fault().unwrap().code);
        assert_eq!(codes.collect::<Vec<_>>(), [FaultCode::NoSuchSymbol; 2]);
    }
    let goes = |stream| {
        let mut channel = Connection::accept(stream, Role::Vm).ok()?;
        let asked = channel.receive().ok()??;
        channel.reply::<Open>(asked.id, &FIRST_OBJECT, &[]).ok()
    };
    for came in resolved_along(goes, &TWO) {
        let (_, answer, functions) = came.unwrap();
        assert_eq!(object(&answer.unwrap()), FIRST_OBJECT);
        assert_eq!(functions.unwrap_err().code, FaultCode::Disconnected);
    }
    let answers_others = |stream| {
        let mut channel = Connection::accept(stream, Role::Vm).ok()?;
        channel.refuse_sharing();
        let asked = channel.receive().ok()??;
        channel.reply::<Open>(asked.id, &FIRST_OBJECT, &[]).ok()?;
        let asked = channel.receive().ok()??;
        let fault = Fault::caller(FaultCode::NoSuchSymbol, "there is none");
        channel.fault(asked.id + 77, &fault).ok()?;
        channel.receive().ok().map(drop)
    };
    for came in resolved_along(answers_others, &TWO) {
        assert_eq!(came.map(drop).unwrap_err().code, FaultCode::Protocol);
    }
}
