//! The other machine has been taken over: whatever it sends, the command ends at once with a sentence
//! that no terminal obeys, and the library with an error.

use super::{PATIENCE, exec, running};
use cosmos_rpc::frame::Header as Frame;
use cosmos_rpc::handshake::{self, Hello};
use cosmos_rpc::message::coordinator::{VmOpen, VmOpened};
use cosmos_rpc::message::{FAULT, Message, REPLY};
use cosmos_rpc::mux::{Header, Kind, MOST_DATA, PREAMBLE};
use cosmos_rpc::{Fault, FaultCode, Limits, Role, codec};
use cosmos_tests::machine::{Machine, write_program};
use cosmos_tests::{World, eventually, in_world_for};

/// The stream that the near end opens first.
const FIRST: u32 = 1;
const OPENED: u16 = VmOpen::KIND | REPLY;

fn message(stream: u32, kind: Kind, amount: usize) -> Vec<u8> {
    let amount = u32::try_from(amount).expect("a small number");
    let header = Header {
        stream,
        amount,
        kind,
    };
    header.encode().to_vec()
}

fn data(stream: u32, bytes: &[u8]) -> Vec<u8> {
    let pieces = bytes.chunks(MOST_DATA);
    let pieces = pieces.map(|piece| [message(stream, Kind::Data, piece.len()), piece.to_vec()]);
    pieces.flatten().flatten().collect()
}

/// A frame on the first stream, with these numbers for descriptors.
fn frame(kind: u16, id: u64, descriptors: &[u32], body: &[u8]) -> Vec<u8> {
    let header = Frame {
        length: u32::try_from(body.len()).expect("a small number"),
        kind,
        descriptors: u16::try_from(descriptors.len()).expect("a small number"),
        id,
    };
    let numbers = descriptors.iter().flat_map(|number| number.to_le_bytes());
    let bytes: Vec<u8> = header.encode().into_iter().chain(numbers).collect();
    data(FIRST, &[&bytes, body].concat())
}

/// What a cosmosd says first.
fn hello(role: Role) -> Vec<u8> {
    Hello::new(role, &Limits::CALL).encode().to_vec()
}

fn opened() -> Vec<u8> {
    let opened = VmOpened {
        name: "vm/exec-1".into(),
        kind: "exec".into(),
        host: "local".into(),
        target: "/bin/true".into(),
        isolation: "none".into(),
    };
    codec::encode(&opened).expect("a body")
}

fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..length).map(next).collect()
}

/// What is sent after the preamble, and before or after a handshake that is right.
fn attacks() -> Vec<(&'static str, Vec<u8>)> {
    let greeted = |rest: Vec<u8>| {
        let greeting = frame(handshake::KIND, 0, &[], &hello(Role::Coordinator));
        [greeting, rest].concat()
    };
    let raw = |length: u32, kind: u16, descriptors: u16| {
        let header = Frame {
            length,
            kind,
            descriptors,
            id: 1,
        };
        data(FIRST, &header.encode())
    };
    let open = |stream| message(stream, Kind::Open, 0);
    let words = Fault::caller(
        FaultCode::NotLoadable,
        format!("\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31m{}", "x".repeat(4000)),
    );
    let words = codec::encode(&words).expect("a body");
    let flood: Vec<u8> = (1..1200u32).flat_map(|number| open(number * 2)).collect();
    let stranger = frame(handshake::KIND, 0, &[], &hello(Role::Vm));
    vec![
        ("noise", noise(1 << 20)),
        ("noise on the stream", data(FIRST, &noise(200_000))),
        ("a VM in the place of cosmosd", stranger),
        ("a message of 4 GB", raw(u32::MAX, OPENED, 0)),
        (
            "a message of 4 GB, later",
            greeted(raw(u32::MAX, OPENED, 0)),
        ),
        ("65535 descriptors", greeted(raw(0, OPENED, u16::MAX))),
        (
            "a handshake with a descriptor",
            frame(handshake::KIND, 0, &[2], &hello(Role::Coordinator)),
        ),
        (
            "an answer to nothing",
            greeted(frame(OPENED, 999, &[], &opened())),
        ),
        (
            "a stream that is not there",
            greeted(frame(OPENED, 1, &[2], &opened())),
        ),
        (
            "a stream of the near end's",
            greeted(frame(OPENED, 1, &[FIRST], &opened())),
        ),
        (
            "no connection to the VM",
            greeted(frame(OPENED, 1, &[], &opened())),
        ),
        (
            "a VM that is noise",
            greeted(
                [
                    open(2),
                    frame(OPENED, 1, &[2], &opened()),
                    data(2, &noise(5000)),
                ]
                .concat(),
            ),
        ),
        (
            "an answer that is noise",
            greeted([open(2), frame(OPENED, 1, &[2], &noise(300))].concat()),
        ),
        (
            "one stream for two",
            greeted([open(2), frame(OPENED, 1, &[2, 2], &opened())].concat()),
        ),
        ("a flood of streams", greeted(flood)),
        (
            "words for the terminal",
            greeted(frame(FAULT, 1, &[], &words)),
        ),
        ("words before the handshake", frame(FAULT, 0, &[], &words)),
    ]
}

fn survives(world: &World, name: &str, stays: bool, attack: &[u8]) {
    let bin = world.directory().join("bin");
    let bytes = world.directory().join("attack");
    std::fs::write(&bytes, [&PREAMBLE[..], attack].concat()).expect("written");
    let then = if stays {
        "exec cat > /dev/null"
    } else {
        "exit 0"
    };
    let text = format!("#!/bin/sh\ncat '{}'\n{then}\n", bytes.display());
    write_program(&bin.join("cosmosd"), &text);
    println!("{name}");
    let ran = exec(world, &["--", "true"]);
    assert!(
        matches!(ran.code(), 125 | 126),
        "{name}: {}: {}",
        ran.code(),
        ran.stderr
    );
    assert!(ran.stderr.starts_with("error: "), "{name}: {}", ran.stderr);
    let is_obeyed = |letter: char| letter.is_control() && letter != '\n';
    assert!(!ran.stderr.contains(is_obeyed), "{name}: {:?}", ran.stderr);
    let left = || running(world, &["cat", "ssh", "cosmos-relay"]);
    let gone = eventually(PATIENCE, || left().is_empty().then_some(()));
    assert!(gone.is_some(), "{name}: {:?}", left());
}

#[test]
fn a_machine_that_was_taken_over_gets_nothing_but_a_refusal() {
    in_world_for(3 * PATIENCE, |world| {
        let bin = world.directory().join("bin");
        std::fs::create_dir(&bin).expect("a directory");
        let path = format!("{}:/usr/bin:/bin", bin.display());
        let Some(_machine) = Machine::with_path(world, &path) else {
            return;
        };
        for (name, attack) in attacks() {
            survives(world, name, true, &attack);
        }
        // Cut short, at its end and within.
        for (name, attack) in attacks() {
            let length = attack.len().min(90);
            survives(world, name, false, &attack[..length]);
        }
    });
}
