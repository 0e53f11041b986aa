//! The bytes that docs/protocol.md gives are the bytes that are sent.

use cosmos_rpc::frame::{CONTROL_BODY, Header};
use cosmos_rpc::message::catalogue::CATALOGUE;
use cosmos_rpc::message::coordinator::{Purpose, TargetName, VmOpen};
use cosmos_rpc::message::launch::Accept;
use cosmos_rpc::message::registry::{Identity, List, Register, Route};
use cosmos_rpc::message::vm::{ObjectToken, Sym};
use cosmos_rpc::message::{FAULT, Message};
use cosmos_rpc::{Fault, FaultCode, Hello, Limits, Role, codec, handshake};

fn document() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/protocol.md");
    std::fs::read_to_string(path).unwrap()
}

/// The examples of the document: runs of indented lines, of which the hex pairs count.
fn examples() -> Vec<Vec<u8>> {
    let mut examples: Vec<Vec<u8>> = Vec::new();
    let mut within = false;
    for line in document().lines() {
        let example = line.starts_with("    ");
        if example && !within {
            examples.push(Vec::new());
        }
        within = example;
        if let (true, Some(bytes)) = (example, examples.last_mut()) {
            let pairs = line.split_whitespace().map_while(|word| {
                (word.len() == 2)
                    .then(|| u8::from_str_radix(word, 16).ok())
                    .flatten()
            });
            bytes.extend(pairs);
        }
    }
    examples
}

fn frame(kind: u16, id: u64, descriptors: u16, body: &[u8]) -> Vec<u8> {
    let header = Header {
        length: body.len() as u32,
        kind,
        descriptors,
        id,
    };
    [&header.encode()[..], body].concat()
}

fn message<M: Message>(id: u64, message: &M) -> Vec<u8> {
    frame(
        M::KIND,
        id,
        M::DESCRIPTORS.0,
        &codec::encode(message).unwrap(),
    )
}

#[test]
fn the_examples_are_what_is_sent() {
    let hello = Hello::new(Role::Client, &Limits::CALL).encode();
    let fault = Fault::caller(FaultCode::NoSuchName, "no such it");
    let expected = [
        message(
            1,
            &List {
                pattern: String::new(),
            },
        ),
        frame(handshake::KIND, 0, 0, &hello),
        frame(FAULT, 5, 0, &codec::encode(&fault).unwrap()),
        message(
            2,
            &Register {
                name: "svc".into(),
                route: Route::Handed,
                expires_in: 0,
                shared: false,
            },
        ),
        message(
            1,
            &VmOpen {
                purpose: Purpose::Target(TargetName {
                    name: "libz.so.1".into(),
                    directory: "/".into(),
                }),
                shared_name: String::new(),
                fresh: false,
                settings: Vec::new(),
            },
        ),
        message(
            3,
            &Sym {
                object: ObjectToken(1),
                prototype: "double cos(double x)".into(),
            },
        ),
        message(
            0,
            &Accept {
                client: Identity {
                    uid: 1000,
                    gid: 1000,
                    pid: 4123,
                },
            },
        ),
    ];
    let shown = |bytes: &[u8]| {
        bytes
            .iter()
            .map(|byte| format!("{byte:02x} "))
            .collect::<String>()
    };
    let found: Vec<String> = examples().iter().map(|bytes| shown(bytes)).collect();
    let expected: Vec<String> = expected.iter().map(|bytes| shown(bytes)).collect();
    assert_eq!(found, expected);
}

/// Every message has its row, with its number and its descriptors.
#[test]
fn every_message_is_documented() {
    let document = document();
    let count = |(fewest, most): (u16, u16)| {
        if fewest == most {
            fewest.to_string()
        } else {
            format!("{fewest}–{most}")
        }
    };
    for message in CATALOGUE {
        let request = count(message.descriptors);
        let reply = count(message.reply_descriptors);
        let row = |reply: &str| {
            format!(
                "| `{:#06x}` | {} | {request}, {reply} |",
                message.kind, message.name
            )
        };
        assert!(
            document.contains(&row(&reply)) || document.contains(&row("–")),
            "no row: {}",
            row(&reply)
        );
    }
}

#[test]
fn the_numbers_of_the_document_are_those_of_the_code() {
    assert_eq!((handshake::MAJOR, handshake::MINOR), (1, 0));
    assert!(document().contains("Version 1.0."));
    assert_eq!(CONTROL_BODY, 1_048_576);
    assert_eq!(Limits::CALL.body, 65 << 20);
    assert_eq!(FaultCode::Forked as u32, 22);
    assert_eq!(codec::encode(&FaultCode::Forked).unwrap(), [22, 0, 0, 0]);
    assert_eq!(
        codec::encode(&callframe::DataModel::LP64).unwrap().len(),
        16
    );
    for (number, role) in (1..).zip([
        Role::Client,
        Role::Registry,
        Role::Coordinator,
        Role::Vm,
        Role::Launcher,
        Role::Supervisor,
    ]) {
        assert_eq!(role as u32, number);
        assert_eq!(Role::from_number(number), Some(role));
    }
    assert_eq!(Role::from_number(0), None);
}
