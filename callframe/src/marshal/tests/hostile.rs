//! Requests and replies that break one rule each, and are refused for it.

use super::arena::Arena;
use super::build::*;
use super::vm::Machine;
use super::{Link, pointer};
use crate::marshal::{MAXIMUM_BLOCKS, MarshalError, Pending, UNCHANGED};
use crate::types::*;
use crate::{CallFrame, DataModel};
use std::sync::Arc;

/// `char *__alias(text) find(const char *text, char *__out __sized_by(4) __filled(*n) buffer,
/// unsigned *__out n, struct object *__out made, char *__static __null_terminated *__out name)`
fn frame() -> Arc<CallFrame> {
    let mut build = Build::new();
    let text = build.string();
    let char = build.scalar(Scalar::Char);
    let four = expression(vec![crate::expression::Operation::Constant(4)]);
    let buffer = build.pointer(char, Direction::Out, Extent::Sized(four), |pointer| {
        pointer.filled = Some(Filled::Amount(pointee(2)));
    });
    let unsigned = build.scalar(Scalar::UnsignedInt);
    let n = build.pointer(unsigned, Direction::Out, Extent::Single, |_| {});
    let handle = build.handle("object", Handle::default());
    let made = build.pointer(handle, Direction::Out, Extent::Single, |_| {});
    let name = build.pointer(char, Direction::Out, Extent::NullTerminated, |pointer| {
        pointer.ownership = Ownership::Static;
    });
    let name = build.pointer(name, Direction::Out, Extent::Single, |_| {});
    let result = build.pointer(char, Direction::In, Extent::Single, |pointer| {
        pointer.identity = Identity::Alias(0);
    });
    build
        .parameter("text", text)
        .parameter("buffer", buffer)
        .parameter("n", n);
    build.parameter("made", made).parameter("name", name);
    build.finish("find", result)
}

/// A call of [`frame`] up to its reply.
struct Call {
    link: Link,
    arena: Arena,
    request: Vec<u8>,
    pending: Pending,
    reply: Vec<u8>,
    result: u64,
}

/// Offsets in the request: the slots, the contents of `text`, the references.
const REQUEST_SLOTS: usize = 16;
const REQUEST_TEXT: usize = 64;
/// Offsets in the reply.
const RESULT: usize = 16;
const N: usize = 32;
const MADE: usize = 64;
const NAME: usize = 96;
const BUFFER: usize = 128;
const NAME_TEXT: usize = 160;
/// Its references: result, made, name.
const REFERENCES: usize = 192;

fn call() -> Call {
    let link = Link::native(&frame());
    let mut arena = Arena::new();
    let text = arena.constant(b"text\0");
    let outs: Vec<u64> = [4, 4, 8, 8]
        .map(|size| arena.writable(&vec![0xdd; size]))
        .into();
    let arguments: Vec<u64> = std::iter::once(text)
        .chain(outs)
        .map(|address| arena.constant(&pointer(address)))
        .collect();
    let result = arena.writable(&[0xee; 8]);
    let mut request = Vec::new();
    let pending = link
        .caller
        .encode(&mut arena, &arguments, 7, &mut request, &mut Vec::new())
        .unwrap();
    let reply = link.serve(&mut Machine::default(), &request, |function| {
        let (n, made, name) = (function.target(2), function.target(3), function.target(4));
        function.write(n, &2u32.to_le_bytes());
        function.write(made, &0x99u64.to_le_bytes());
        let text = function.machine.allocate(b"name\0");
        function.write(name, &text.to_le_bytes());
        let found = function.number(0) + 4;
        function.give(&found.to_le_bytes());
    });
    Call {
        link,
        arena,
        request,
        pending,
        reply: reply.unwrap(),
        result,
    }
}

impl Call {
    /// Decodes the reply after a change; a refused one has changed nothing.
    fn decode(mut self, change: impl FnOnce(&mut Vec<u8>)) -> Result<Call, MarshalError> {
        change(&mut self.reply);
        let before = self.arena.snapshot();
        let Call {
            link,
            arena,
            pending,
            reply,
            result,
            ..
        } = &mut self;
        match link.caller.decode(arena, pending, reply, &[], *result) {
            Ok(_) => Ok(self),
            Err(error) => {
                assert_eq!(arena.snapshot(), before, "{error}");
                Err(error)
            }
        }
    }

    fn refuse(change: impl FnOnce(&mut Vec<u8>)) -> String {
        call()
            .decode(change)
            .err()
            .expect("a reply that should be refused")
            .to_string()
    }

    fn serve(change: impl FnOnce(&mut Vec<u8>)) -> Result<(), MarshalError> {
        let mut call = call();
        change(&mut call.request);
        call.link
            .callee
            .decode(&call.request, &mut Machine::default())
            .map(drop)
    }
}

fn put(body: &mut [u8], at: usize, value: u64) {
    body[at..at + 8].copy_from_slice(&value.to_le_bytes());
}

fn put32(body: &mut [u8], at: usize, value: u32) {
    body[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

#[test]
fn the_layout_of_both_bodies_is_as_documented() {
    let call = call().decode(|_| {}).unwrap();
    let word = |body: &[u8], at: usize| u64::from_le_bytes(body[at..at + 8].try_into().unwrap());
    let request = &call.request;
    assert_eq!(
        request[..16],
        [7, 0, 0, 0, 5, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0]
    );
    assert_eq!(request[REQUEST_SLOTS..REQUEST_TEXT], [0; 48]);
    let request_text = REQUEST_TEXT + 16;
    assert_eq!(
        (word(request, REQUEST_TEXT), word(request, REQUEST_TEXT + 8)),
        (5, 5)
    );
    assert_eq!(request[request_text..request_text + 5], *b"text\0");
    let references: Vec<u64> = request[request.len() - 48..][..40]
        .chunks(8)
        .map(|word8| word(word8, 0))
        .collect();
    // What has a fixed extent comes first, so the buffer's block is the last.
    assert_eq!(references, [1, 5, 2, 3, 4]);

    let reply = &call.reply;
    assert_eq!(
        reply[..16],
        [7, 0, 0, 0, 3, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0]
    );
    assert_eq!(reply[RESULT..RESULT + 16], [0; 16]);
    let made = REFERENCES + 8;
    assert_eq!(
        [
            word(reply, REFERENCES),
            word(reply, made),
            word(reply, made + 8)
        ],
        [5, 1 << 24 | 1, 5]
    );
    assert_eq!(reply.len(), REFERENCES + 32);
    let found = u64::from_le_bytes(call.arena.bytes(call.result, 8).try_into().unwrap());
    assert_eq!(call.arena.string(found), "");
}

#[test]
fn every_truncation_is_refused() {
    let Call { reply, request, .. } = call();
    for length in 0..reply.len() {
        Call::refuse(|reply| reply.truncate(length));
    }
    for length in 0..request.len() {
        assert!(Call::serve(|request| request.truncate(length)).is_err());
    }
}

#[test]
fn bytes_after_the_end_are_refused() {
    assert_eq!(
        Call::refuse(|reply| reply.extend([0; 16])),
        "malformed call: bytes are left over"
    );
    assert!(Call::serve(|request| request.extend([0; 16])).is_err());
    assert!(Call::serve(|request| request.push(0)).is_err());
    // One more reference takes the place of padding.
    let left_over = "malformed call: references are left over";
    assert_eq!(Call::refuse(|reply| put32(reply, 4, 4)), left_over);
    let served = Call::serve(|request| put32(request, 4, 6));
    assert_eq!(served.unwrap_err().to_string(), left_over);
}

#[test]
fn headers_are_checked() {
    let malformed = |what: &str| format!("malformed call: {what}");
    let limit = malformed("more blocks than a call may have");
    assert_eq!(
        Call::refuse(|reply| put32(reply, 8, MAXIMUM_BLOCKS + 1)),
        limit
    );
    assert_eq!(Call::refuse(|reply| put32(reply, 8, u32::MAX)), limit);
    assert_eq!(
        Call::refuse(|reply| put32(reply, 4, u32::MAX)),
        malformed("truncated")
    );
    assert_eq!(
        Call::refuse(|reply| put32(reply, 12, 1)),
        malformed("reserved bytes are set")
    );
    assert_eq!(
        Call::refuse(|reply| put(reply, BUFFER, 1 << 40)),
        malformed("a block is longer than its capacity")
    );
    assert_eq!(
        Call::refuse(|reply| put(reply, BUFFER + 8, u64::MAX)),
        malformed("a block is larger than a call may be")
    );
}

#[test]
fn buffers_keep_their_size() {
    let error = Call::refuse(|reply| put(reply, NAME_TEXT + 8, 16));
    assert!(error.contains("incomplete"), "{error}");
    let grown = Call::refuse(|reply| {
        // n's block, with room for eight bytes.
        put(reply, N, 8);
        put(reply, N + 8, 8);
    });
    assert!(grown.contains("has changed its size"), "{grown}");
}

#[test]
fn what_was_filled_is_computed_not_believed() {
    for claimed in [0u32, 1, 3, 4, 5, u32::MAX] {
        let error = Call::refuse(|reply| put32(reply, N + 16, claimed));
        assert!(
            error.contains("filled") || error.contains("bytes came back"),
            "{error}"
        );
    }
}

#[test]
fn aliases_stay_inside() {
    for offset in [7u64, 100, 1 << 40, u64::MAX] {
        let error = Call::refuse(|reply| put(reply, REFERENCES, offset));
        assert!(
            error.contains("outside of what it is an alias of"),
            "{error}"
        );
    }
    // One past the end is a pointer that C allows.
    assert!(call().decode(|reply| put(reply, REFERENCES, 6)).is_ok());
    let null = call().decode(|reply| put(reply, REFERENCES, 0)).unwrap();
    assert_eq!(null.arena.bytes(null.result, 8), [0; 8]);
}

#[test]
fn references_to_blocks_are_in_order() {
    let name = REFERENCES + 16;
    for reference in [1, 4, 6, 1 << 40, UNCHANGED] {
        let error = Call::refuse(|reply| put(reply, name, reference));
        assert!(error.contains("out of order"), "{reference}: {error}");
    }
    let unnamed = Call::refuse(|reply| put(reply, name, 0));
    assert_eq!(unnamed, "malformed call: a block that nothing names");
}

#[test]
fn strings_of_the_vm_end_with_their_first_nul() {
    let Call { reply, .. } = call();
    let at = reply.windows(5).position(|word| word == b"name\0").unwrap();
    assert_eq!(at, NAME_TEXT + 16);
    for (place, byte) in [(at + 4, b'!'), (at + 1, 0)] {
        let error = Call::refuse(|reply| reply[place] = byte);
        assert!(
            error.contains("do not fit what the prototype says"),
            "{error}"
        );
    }
}

/// Text that the function may change has no bound but its end.
#[test]
fn text_that_comes_back_still_ends() {
    for (prototype, unit) in [
        ("int f(char *__inout __null_terminated text)", 1),
        ("int f(wchar_t *__inout __null_terminated text)", 4),
        ("int f(char *__inout __terminated_by(47) text)", 1),
    ] {
        let link = Link::native(&Arc::new(crate::parse(prototype).unwrap()));
        let end = if prototype.contains("47") { 47 } else { 0 };
        let mut whole = vec![b'x'; 4 * unit];
        whole.extend(vec![0; unit]);
        whole[4 * unit] = end;
        for (at, byte, good) in [(4, b'y', false), (4, end, true), (0, end, true)] {
            let mut arena = Arena::new();
            let text = arena.writable(&whole);
            let call = link.call(
                &mut arena,
                &mut Machine::default(),
                &[pointer(text)],
                |function| {
                    let start = function.target(0);
                    let mut element = vec![0; unit];
                    element[0] = byte;
                    function.write(start + at * unit, &element);
                },
            );
            match call {
                Ok(_) => assert!(good, "{prototype} {at} {byte}"),
                Err(error) => {
                    assert!(
                        !good && matches!(error, MarshalError::Callee { .. }),
                        "{error}"
                    );
                    assert_eq!(arena.bytes(text, whole.len()), whole);
                }
            }
        }
    }
}

#[test]
fn the_reply_of_another_function_is_refused() {
    let mut build = Build::new();
    let double = build.scalar(Scalar::Double);
    build.parameter("x", double);
    let cos = Link::native(&build.finish("cos", double));
    let mut arena = Arena::new();
    let argument = arena.constant(&1f64.to_le_bytes());
    let result = arena.writable(&[0; 8]);
    let mut request = Vec::new();
    let pending = cos
        .caller
        .encode(&mut arena, &[argument], 0, &mut request, &mut Vec::new())
        .unwrap();
    let other = call();
    let decoded = cos
        .caller
        .decode(&mut arena, &pending, &other.reply, &[], result);
    assert!(decoded.is_err());
    let reply = cos
        .serve(&mut Machine::default(), &request, |_| {})
        .unwrap();
    Call::refuse(|other| *other = reply);
}

#[test]
fn descriptors_nobody_asked_for_are_refused() {
    let mut call = call();
    let decoded = call.link.caller.decode(
        &mut call.arena,
        &call.pending,
        &call.reply,
        &[3],
        call.result,
    );
    assert_eq!(
        decoded.unwrap_err().to_string(),
        "malformed call: descriptors that nothing names"
    );
}

#[test]
fn a_descriptor_that_did_not_come_is_refused() {
    let mut build = Build::new();
    let fd = build.ty(Type::Descriptor);
    let link = Link::native(&build.finish("open", fd));
    let mut arena = Arena::new();
    let result = arena.writable(&[0xee; 4]);
    let mut request = Vec::new();
    let pending = link
        .caller
        .encode(&mut arena, &[], 0, &mut request, &mut Vec::new())
        .unwrap();
    let mut machine = Machine::default();
    let reply = link
        .serve(&mut machine, &request, |function| function.give(&[9]))
        .unwrap();
    assert_eq!(machine.left, [9]);
    let mut decode = |reply: &[u8], attached: &[i32]| {
        link.caller
            .decode(&mut arena, &pending, reply, attached, result)
            .is_ok()
    };
    assert!(!decode(&reply, &[]), "none came");
    assert!(!decode(&reply, &[9, 10]), "one too many came");
    let mut forged = reply.clone();
    put(&mut forged, 32, 1);
    assert!(!decode(&forged, &[9]), "another index");
    put(&mut forged, 32, i64::MIN as u64);
    assert!(!decode(&forged, &[]), "a negative number of 64 bits");
    assert!(decode(&reply, &[9]));
}

#[test]
fn booleans_are_zero_or_one() {
    let mut build = Build::new();
    let bool = build.scalar(Scalar::Bool);
    let link = Link::native(&build.finish("f", bool));
    let call = link.call(
        &mut Arena::new(),
        &mut Machine::default(),
        &[],
        |function| {
            function.give(&[0x40]);
        },
    );
    assert_eq!(call.unwrap().result, [1]);
}

#[test]
fn sizes_that_overflow_are_refused() {
    let mut build = Build::new();
    let long = build.scalar(Scalar::UnsignedLong);
    let product = expression(
        [0, 1, 0, 1]
            .map(crate::expression::Operation::Parameter)
            .into_iter()
            .chain([const { crate::expression::Operation::Multiply }; 3])
            .collect(),
    );
    let void = build.void();
    let buffer = build.pointer(void, Direction::In, Extent::Sized(product), |_| {});
    build
        .parameter("n", long)
        .parameter("size", long)
        .parameter("base", buffer);
    let link = Link::native(&build.finish("f", long));
    for (n, wanted) in [
        (u64::MAX, "its size overflows"),
        (1 << 20, "the limit is 67108864"),
    ] {
        let mut arena = Arena::new();
        let base = arena.constant(&[0; 16]);
        let arguments = [pointer(n), pointer(n), pointer(base)];
        let call = link.call(&mut arena, &mut Machine::default(), &arguments, |_| {
            panic!("called")
        });
        let error = call.err().unwrap().to_string();
        assert!(
            error.starts_with("parameter 'base': ") && error.contains(wanted),
            "{error}"
        );
    }
}

#[test]
fn negative_counts_are_refused() {
    let mut build = Build::new();
    let int = build.scalar(Scalar::Int);
    let buffer = build.pointer(int, Direction::In, Extent::Counted(value_of(0)), |_| {});
    build.parameter("n", int).parameter("p", buffer);
    let link = Link::native(&build.finish("f", int));
    let mut arena = Arena::new();
    let place = arena.constant(&[0; 16]);
    let arguments = [(-1i32).to_le_bytes().to_vec(), pointer(place)];
    let call = link.call(&mut arena, &mut Machine::default(), &arguments, |_| {
        panic!("called")
    });
    let error = call.err().unwrap().to_string();
    assert_eq!(error, "parameter 'p': its size is negative: -1");
}

#[test]
fn a_vm_believes_no_count_either() {
    // text is block 0; its reference is the first of five at the end.
    let references = call().request.len() - 48;
    let refused = |change: &dyn Fn(&mut Vec<u8>), wanted: &str| {
        let error = Call::serve(|request| change(request))
            .unwrap_err()
            .to_string();
        assert_eq!(error, format!("malformed call: {wanted}"));
    };
    refused(
        &|request| put(request, references, 9),
        "a reference to a block that is not there",
    );
    refused(
        &|request| put(request, references + 8, 1),
        "two references to one block",
    );
    refused(
        &|request| put(request, references, 0),
        "a block that nothing names",
    );
    refused(
        &|request| request[REQUEST_TEXT + 16 + 4] = b'!',
        "a block of another size than its extent",
    );
    let last = references - 16;
    refused(
        &|request| put(request, last + 8, 5),
        "a block of another size than its extent",
    );
    refused(
        &|request| put(request, last + 8, 65 << 20),
        "a block is larger than a call may be",
    );
    refused(&|request| put32(request, 8, 4), "bytes are left over");
    let decoded = Call::serve(|request| {
        for block in 0..4 {
            // Each may be 64 MiB by itself; all together may not.
            put(request, last - 16 * block + 8, 64 << 20);
        }
    });
    assert!(decoded.is_err());
}

#[test]
fn both_ends_count_the_same() {
    // The whole of the reply's blocks, so that the constants above are right.
    let Call { reply, .. } = call();
    let word = |at: usize| u64::from_le_bytes(reply[at..at + 8].try_into().unwrap());
    assert_eq!((word(N), word(N + 8)), (4, 4), "n");
    assert_eq!((word(MADE), word(MADE + 8)), (8, 8), "made");
    assert_eq!((word(NAME), word(NAME + 8)), (8, 8), "name");
    assert_eq!((word(BUFFER), word(BUFFER + 8)), (2, 4), "buffer");
    assert_eq!(
        (word(NAME_TEXT), word(NAME_TEXT + 8)),
        (5, 5),
        "name's text"
    );
    assert_eq!(DataModel::native(), Some(DataModel::LP64));
}
