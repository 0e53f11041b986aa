//! The bytes that docs/protocol.md gives are the bytes that are sent.

use callframe::marshal::{Caller, CallerBytes, CallerMemory, Keep, MemoryError};
use callframe::{DataModel, Template};
use cosmos_rpc::frame::{CONTROL_BODY, Header};
use cosmos_rpc::message::catalogue::CATALOGUE;
use cosmos_rpc::message::coordinator::{Purpose, TargetName, VmOpen};
use cosmos_rpc::message::launch::Accept;
use cosmos_rpc::message::registry::{Identity, List, Register, Route};
use cosmos_rpc::message::vm::{CALL, ObjectToken, Sym};
use cosmos_rpc::message::{FAULT, Message, REPLY};
use cosmos_rpc::mux::{Side, Streams};
use cosmos_rpc::{Fault, FaultCode, Hello, Limits, Role, codec, handshake};
use std::sync::Arc;

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
                connect: true,
                settings: Vec::new(),
                grants: Default::default(),
            },
        ),
        message(
            3,
            &Sym {
                model: callframe::DataModel::LP64,
                object: ObjectToken(1),
                prototype: "double cos(double x)".into(),
            },
        ),
        Template::of(&frame_of("double cos(double x)"), DataModel::LP64)
            .unwrap()
            .encode(),
        frame(CALL, 4, 0, &strlen_of_hi()),
        // What a VM answers; `a_documented_answer_is_understood` reads it.
        frame(
            CALL | REPLY,
            4,
            0,
            &[&[0; 16][..], &answer_of_two()].concat(),
        ),
        compact_strlen_of_hi(),
        compact_answer_of_two(),
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
        streams(),
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

/// Opening stream 1, and three bytes of it.
fn streams() -> Vec<u8> {
    let mut near = Streams::new(Side::Near);
    let open = near.open().unwrap();
    let data = near.send(open.stream, 3).unwrap();
    [&open.encode()[..], &data.encode(), b"abc"].concat()
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
    assert_eq!((handshake::MAJOR, handshake::MINOR), (1, 8));
    assert!(document().contains("Version 1.8."));
    assert_eq!(CONTROL_BODY, 1_048_576);
    assert_eq!(Limits::CALL.body, 65 << 20);
    assert_eq!(FaultCode::Forked as u32, 22);
    assert_eq!(FaultCode::Cancelled as u32, 24);
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

/// What the example of a reply means to the caller who sent the example of a request.
#[test]
fn a_documented_answer_is_understood() {
    let caller = strlen();
    let mut memory = TwoLetters::default();
    let (mut request, mut descriptors) = (Vec::new(), Vec::new());
    let pending = caller
        .encode(&mut memory, &[POINTER], 0, &mut request, &mut descriptors)
        .unwrap();
    let reply = [&[0; 16][..], &answer_of_two()].concat();
    let outcome = caller
        .decode(&mut memory, &pending, &reply, &[], RESULT)
        .unwrap();
    assert_eq!(outcome.errno, 0);
    assert_eq!(memory.result, 2u64.to_le_bytes());
}

/// The body of the same call as a compact one; its answer is understood, too.
fn compact_strlen_of_hi() -> Vec<u8> {
    let compact = strlen().compact().unwrap();
    let mut memory = TwoLetters::default();
    let mut request = 1u64.to_le_bytes().to_vec();
    let sent = compact
        .encode(&mut memory, &[POINTER], 0, &mut request)
        .unwrap();
    let outcome = compact.decode(&mut memory, &sent, &compact_answer_of_two(), RESULT);
    assert_eq!(outcome.unwrap().errno, 0);
    assert_eq!(memory.result, 2u64.to_le_bytes());
    request
}

/// Its answer.
fn compact_answer_of_two() -> Vec<u8> {
    [[0; 8], 2u64.to_le_bytes()].concat()
}

/// The result, padded to sixteen bytes.
fn answer_of_two() -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[0] = 2;
    bytes
}

fn frame_of(prototype: &str) -> Arc<callframe::CallFrame> {
    Arc::new(callframe::parse(prototype).unwrap())
}

fn strlen() -> Caller {
    let frame = frame_of("size_t strlen(const char *s)");
    Caller::new(frame, DataModel::LP64, DataModel::LP64).unwrap()
}

/// The body of a call of runable 1, `strlen("hi")`.
fn strlen_of_hi() -> Vec<u8> {
    let (mut request, mut descriptors) = (Vec::new(), Vec::new());
    strlen()
        .encode(
            &mut TwoLetters::default(),
            &[POINTER],
            0,
            &mut request,
            &mut descriptors,
        )
        .unwrap();
    [&1u64.to_le_bytes()[..], &request].concat()
}

/// Where the argument is, what it points at, and where the result goes.
const POINTER: u64 = 0x1000;
const TEXT: u64 = 0x2000;
const RESULT: u64 = 0x3000;

/// A program's memory that holds a pointer to "hi".
#[derive(Default)]
struct TwoLetters {
    result: Vec<u8>,
}

impl CallerBytes for TwoLetters {
    fn read(&self, address: u64, into: &mut [u8]) -> Result<(), MemoryError> {
        match address {
            POINTER => into.copy_from_slice(&TEXT.to_le_bytes()),
            TEXT => into.copy_from_slice(b"hi\0"),
            _ => panic!("nothing is at {address:#x}"),
        }
        Ok(())
    }

    fn write(&mut self, address: u64, bytes: &[u8]) -> Result<(), MemoryError> {
        assert_eq!(address, RESULT);
        self.result = bytes.to_vec();
        Ok(())
    }

    fn terminated_length(
        &self,
        address: u64,
        _unit: usize,
        _terminator: u64,
        _limit: u64,
    ) -> Result<u64, MemoryError> {
        assert_eq!(address, TEXT);
        Ok(3)
    }
}

impl CallerMemory for TwoLetters {
    fn keep(&mut self, _bytes: &[u8], _keep: Keep) -> Result<u64, MemoryError> {
        unreachable!("nothing comes back that is kept")
    }

    fn handle_token(&self, wire: u64, _: Option<&str>) -> Result<u64, MemoryError> {
        Ok(wire)
    }

    fn handle_wire(&self, token: u64, _: Option<&str>) -> Result<u64, MemoryError> {
        Ok(token)
    }

    fn descriptor(&mut self, _fd: i32) -> Option<i32> {
        None
    }
}
