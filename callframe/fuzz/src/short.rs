//! What `short` does with an input, for the fuzzer and for the test that replays its inputs: the bodies
//! of compact calls and of brief callbacks, which have no length or list in them that could be checked
//! before everything else is.
//!
//! | byte of the input | meaning |
//! |---|---|
//! | 0 | which of [`CALLS`], or, after these, of [`CALLBACKS`], modulo their number |
//! | 1 | bit 0: the rest is a request or a reply; the others: what the function returns |
//! | 2.. | the body |
//!
//! Either end may refuse or accept. It may not panic, a function gets no address but of its own call's
//! memory, and a program's memory is written where the prototype lets it be.

use callframe::marshal::{
    Brief, BriefBody, Callee, CalleeMemory, Caller, CallerBytes, CallerMemory, Compact, Entered,
    Keep, Kind, MemoryError, Object, Seen, Sent,
};
use callframe::{CallFrame, DataModel, Template};
use std::sync::Arc;

/// Functions whose calls are compact.
pub const CALLS: [&str; 6] = [
    "size_t length(const char *text)",
    "int copy(void *__out __sized_by(room) __filled(return) to, int room, \
     const void *__sized_by(size) from, int size)",
    "struct pair { long one; int other[2]; }; void swap(struct pair *__inout pair, const struct pair *with)",
    "char *__alias(text) find(const char *text, int which)",
    "_Bool scale(double *__inout __counted_by(n) numbers, short n, float by, _Bool yes)",
    "void *__alias(to) move(void *__out __sized_by(n) to, const void *__sized_by(n) from, size_t n)",
];

/// Functions that are given one to call whose calls are brief.
pub const CALLBACKS: [&str; 4] = [
    "void f(int (*compare)(const int *a, const int *b))",
    "void f(size_t size, int (*compare)(const void *__sized_by(size) a, const void *__sized_by(size) b))",
    "struct pair { long one; double other; }; void f(size_t n, _Bool (*wanted)( \
     const int *__counted_by(n + 1) numbers, char c, const struct pair *pair, void *__opaque cookie, _Bool yes))",
    "void f(void (*tick)(double now, float since, short n, unsigned char c))",
];

/// The integers of the call that passed the function.
const OUTER: [i128; 1] = [4];
/// Bytes that each pointer of the program's leads to, and what its first number is.
const BYTES: u64 = 64;
const NUMBER: u64 = 4;

/// Takes `input` as what a peer sent.
pub fn run(input: &[u8]) {
    let Some((&[which, how], body)) = input.split_first_chunk::<2>() else {
        return;
    };
    let which = usize::from(which) % (CALLS.len() + CALLBACKS.len());
    let (is_reply, returned) = (how & 1 != 0, u64::from(how >> 1));
    match which.checked_sub(CALLS.len()) {
        None if is_reply => reply(which, body),
        None => request(which, body, returned),
        Some(which) => callback(which, body, is_reply, returned),
    }
}

fn link(prototype: &str) -> (Caller, Callee) {
    let frame = Arc::new(callframe::parse(prototype).expect("a prototype of the list"));
    let caller = Caller::new(frame, DataModel::LP64, DataModel::LP64).expect("a layout");
    let callee = Callee::new(caller.callee_template().clone());
    (caller, callee)
}

/// A VM gets a request.
fn request(which: usize, body: &[u8], returned: u64) {
    let (_, callee) = link(CALLS[which]);
    let compact = callee.compact().expect("a compact call");
    let mut call = Entered::default();
    if compact.enter(body, &mut Vm, &mut call).is_err() {
        return;
    }
    let parameters = callee.template().frame().parameters().len();
    for index in 0..parameters {
        if let Some(block) = call.block(index) {
            let start = block.as_ptr().addr() as u64;
            assert_eq!(call.arguments()[index], start, "another block's address");
        }
    }
    let first = call.arguments()[0];
    let mut reply = Vec::new();
    for result in [
        returned,
        first.wrapping_add(returned),
        first.wrapping_sub(1),
    ] {
        let _ = compact.leave(&call, 0, result, &mut reply);
    }
}

/// The program's end of an honest call: its request too.
pub fn call(which: usize) -> (Compact, Sent, Vec<u8>) {
    let (caller, _) = link(CALLS[which]);
    let compact = caller.compact().expect("a compact call");
    let frame: &CallFrame = caller.frame();
    let addresses: Vec<u64> = (0..frame.parameters().len() as u64)
        .map(
            |index| match caller.frame().ty(frame.parameters()[index as usize].ty) {
                callframe::types::Type::Pointer(_) => POINTERS + index * BYTES,
                _ => NUMBERS,
            },
        )
        .collect();
    let mut request = Vec::new();
    let sent = compact
        .encode(&mut Program, &addresses, 0, &mut request)
        .expect("an honest call");
    (compact, sent, request)
}

/// A program gets a reply.
fn reply(which: usize, body: &[u8]) {
    let (compact, sent, _) = call(which);
    let _ = compact.decode(&mut Program, &sent, body, RESULT);
}

/// Both ends of the callback of a function.
pub fn brief(which: usize) -> (Brief, Template) {
    let frame = callframe::parse(CALLBACKS[which]).expect("a prototype of the list");
    let passed = frame.callbacks()[0];
    let callback = Arc::new(frame.callback(passed).expect("a function"));
    let template = Template::of(&callback, DataModel::LP64).expect("a layout");
    let brief = Callee::new(template.clone()).brief(&OUTER);
    (brief.expect("a brief callback"), template)
}

fn callback(which: usize, bytes: &[u8], is_reply: bool, returned: u64) {
    let (brief, template) = brief(which);
    if is_reply {
        if let Some((_, result)) = brief.result(bytes) {
            let behind = &result[brief.result_size()..];
            assert!(behind.iter().all(|byte| *byte == 0), "more than the result");
        }
        return;
    }
    let mut body = BriefBody::default();
    if brief.enter(bytes, &mut body).is_none() {
        return;
    }
    assert_eq!(bytes.len(), brief.request_length());
    for part in brief.parts() {
        let place = &body.bytes()[part.at..part.at + part.size];
        assert!(part.kind != Kind::Boolean || place[0] < 2, "no truth");
    }
    assert!(brief.unfolded(&body, &template).is_some());
    let [header, _] = brief.reply(-1, returned);
    assert_eq!(header, 0xffff_ffff);
}

/// Where the program has pointers, one for each parameter, what they lead to, numbers, and room for the
/// result.
const POINTERS: u64 = 0x1_0000;
const BUFFERS: u64 = 0x2_0000;
const NUMBERS: u64 = 0x3_0000;
const RESULT: u64 = 0x4_0000;

/// A program whose buffers all hold the same text.
struct Program;

impl CallerBytes for Program {
    fn read(&self, address: u64, into: &mut [u8]) -> Result<(), MemoryError> {
        let value = match address {
            POINTERS..BUFFERS => BUFFERS + (address - POINTERS),
            NUMBERS => NUMBER,
            _ => {
                into.fill(b'x');
                // A text ends.
                into.last_mut().into_iter().for_each(|last| *last = 0);
                return Ok(());
            }
        };
        into.copy_from_slice(&value.to_le_bytes()[..into.len()]);
        Ok(())
    }

    fn write(&mut self, address: u64, bytes: &[u8]) -> Result<(), MemoryError> {
        let end = address + bytes.len() as u64;
        let inside = |start: u64, length: u64| address >= start && end <= start + length;
        let buffer = BUFFERS + (address.wrapping_sub(BUFFERS)) / BYTES * BYTES;
        assert!(
            inside(RESULT, 8) || address >= BUFFERS && inside(buffer, BYTES) && end <= NUMBERS,
            "{} bytes written at {address:#x}",
            bytes.len()
        );
        Ok(())
    }

    fn terminated_length(&self, _: u64, _: usize, _: u64, _: u64) -> Result<u64, MemoryError> {
        Ok(BYTES)
    }

    fn seen(&self, _: u64) -> Result<Option<Seen>, MemoryError> {
        Ok(None)
    }
}

impl CallerMemory for Program {
    fn keep(&mut self, _: &[u8], _: Keep) -> Result<u64, MemoryError> {
        Err(MemoryError::Exhausted)
    }

    fn handle_token(&self, _: u64, _: Option<&str>) -> Result<u64, MemoryError> {
        Err(MemoryError::StaleHandle)
    }

    fn handle_wire(&self, _: u64, _: Option<&str>) -> Result<u64, MemoryError> {
        Err(MemoryError::StaleHandle)
    }

    fn descriptor(&mut self, _: i32) -> Option<i32> {
        None
    }
}

/// A VM with a megabyte that the client sees as well.
struct Vm;

impl CalleeMemory for Vm {
    fn read(&self, address: u64, _: &mut [u8]) -> Result<(), MemoryError> {
        Err(MemoryError::Address(address))
    }

    fn terminated_length(&self, at: u64, _: usize, _: u64, _: u64) -> Result<u64, MemoryError> {
        Err(MemoryError::Address(at))
    }

    fn shared(&mut self, place: u64, length: u64, _: bool) -> Result<u64, MemoryError> {
        match place.checked_add(length) {
            Some(end) if end <= 1 << 20 => Ok((1 << 40) + place),
            _ => Err(MemoryError::Address(place)),
        }
    }

    fn handle_enter(&mut self, address: u64, _: Object<'_>) -> Result<u64, MemoryError> {
        Ok(address)
    }

    fn handle_resolve(&self, _: u64, _: Option<&str>) -> Result<u64, MemoryError> {
        Err(MemoryError::StaleHandle)
    }

    fn handle_closes(&self, _: u64, _: &str) -> bool {
        false
    }

    fn handle_consume(&mut self, _: u64) {}

    fn release(&mut self, function: &str, _: u64) -> Result<(), MemoryError> {
        Err(MemoryError::Other(function.to_owned()))
    }

    fn descriptor(&mut self, _: usize) -> Result<i32, MemoryError> {
        Err(MemoryError::Exhausted)
    }

    fn descriptor_leave(&mut self, _: i32) -> Result<u64, MemoryError> {
        Err(MemoryError::Exhausted)
    }
}
