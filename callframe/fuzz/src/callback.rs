//! What `callback` does with an input, for the fuzzer and for the test that replays its inputs.
//!
//! The VM calls a function of the client's: every byte of the request is the VM's.
//!
//! | byte of the input | meaning |
//! |---|---|
//! | 0 | which of [`PROTOTYPES`], modulo their number |
//! | 1 | bit 0: the function leaves its memory as it came, or full of noise; bit 1: the client is LP64 or ILP32; the rest: what it returns |
//! | 2.. | the request |
//!
//! The client may refuse or accept. It may not panic, and what it hands to the function leads into
//! the request's own copy, or nowhere.

#[path = "unmarshal.rs"]
pub mod unmarshal;

use callframe::marshal::{Callee, CalleeMemory, Caller, Image, MemoryError, Object};
use callframe::types::{CallFrame, Identity, Type};
use callframe::{DataModel, Template};
use std::sync::Arc;

/// Functions that are given one to call, whose calls use every part of the layout.
pub const PROTOTYPES: [&str; 8] = [
    "void qsort(void *__inout __sized_by(nmemb * size) base, size_t nmemb, size_t size, \
     int (*compar)(const void *__sized_by(size) a, const void *__sized_by(size) b))",
    "int rows(int (*row)(void *__opaque cookie, int n, char *__null_terminated *__in __counted_by(n) values))",
    "struct point { int x; long y; }; int points(int (*point)(struct point *__inout __counted_by(n) \
     points, int n, const char *name))",
    "int things(int (*thing)(struct thing *__handle thing, int __fd fd, enum e { A } kind))",
    "int reads(int (*read)(char *__out __sized_by(size) __filled(return) buffer, int size, \
     int *__inout __sized_by(*left) rest, unsigned *__inout left))",
    "struct node { int value; char *__in __null_terminated text; struct node *__in next; }; \
     int nodes(void (*node)(const struct node *list))",
    "struct value { int kind; union { long number __case(1); const char *__in text __case(2); } as \
     __switch(kind); }; int values(int (*value)(const struct value *value, struct value plain))",
    "int texts(const char *__borrowed (*text)(int n, const char *__alias(names) *__out end, \
     const char *names, _Bool sure))",
];

/// The integers of the call that passed the function, by parameter.
const OUTER: [i128; 4] = [0, 1, 2, 0];

/// Decodes `input`, and answers it where it is a call.
pub fn run(input: &[u8]) {
    let Some((&[which, how], request)) = input.split_first_chunk::<2>() else {
        return;
    };
    let frame = callback(usize::from(which) % PROTOTYPES.len());
    let model = if how & 2 == 0 {
        DataModel::LP64
    } else {
        DataModel::ILP32
    };
    let callee = Callee::new(Template::of(&frame, model).expect("a layout"));
    let mut image = Image::default();
    image.set_outer(OUTER.into());
    let mut program = Program { attached: 2 };
    if callee
        .decode_into(request, &mut program, &mut image)
        .is_err()
    {
        return;
    }
    image.relocate(BASE);
    confined(&callee, &image);
    if how & 1 != 0 {
        image.bytes_mut().fill(how);
    }
    let result = vec![how >> 2; callee.template().result().size.max(16) as usize];
    let mut reply = Vec::new();
    let _ = callee.encode_reply(&image, &mut program, 0, &result, &mut reply);
}

/// Where the function sees its memory.
const BASE: u64 = 0x4000_0000;

/// What is called back through the function that this prototype takes.
pub fn callback(which: usize) -> Arc<CallFrame> {
    let frame = callframe::parse(PROTOTYPES[which]).expect("a prototype of the list");
    let passed = *frame
        .callbacks()
        .first()
        .expect("one that takes a function");
    Arc::new(frame.callback(passed).expect("a function"))
}

/// A request of an honest VM: every number is 2, every pointer leads to zeros after a 2. The texts
/// of a row are NULL.
pub fn request(caller: &Caller) -> Vec<u8> {
    let target: &[u8] = match caller.frame().name() {
        "row" => &[],
        _ => &[2],
    };
    unmarshal::request_within(caller, &OUTER, target).1
}

fn confined(callee: &Callee, image: &Image) {
    let template = callee.template();
    let within = BASE..=BASE + image.bytes().len() as u64;
    for (parameter, slot) in template
        .frame()
        .parameters()
        .iter()
        .zip(template.arguments())
    {
        let data = match template.frame().ty(parameter.ty) {
            Type::Pointer(pointer) => matches!(pointer.identity, Identity::Data),
            _ => false,
        };
        let (at, size) = (slot.offset as usize, slot.size as usize);
        let mut value = [0; 8];
        if data {
            value[..size].copy_from_slice(&image.bytes()[at..at + size]);
        }
        let value = u64::from_le_bytes(value);
        assert!(
            value == 0 || within.contains(&value),
            "'{}' leads to {value:#x}",
            parameter.name
        );
    }
    for block in image.blocks() {
        assert!(block.end <= image.bytes().len(), "a block beyond the image");
    }
}

/// A program that has nothing but what came, and knows every handle that has the form of one.
struct Program {
    attached: usize,
}

impl CalleeMemory for Program {
    fn read(&self, address: u64, _: &mut [u8]) -> Result<(), MemoryError> {
        Err(MemoryError::Address(address))
    }

    fn terminated_length(
        &self,
        address: u64,
        _: usize,
        _: u64,
        _: u64,
    ) -> Result<u64, MemoryError> {
        Err(MemoryError::Address(address))
    }

    fn handle_enter(&mut self, address: u64, _: Object<'_>) -> Result<u64, MemoryError> {
        Ok(address)
    }

    fn handle_resolve(&self, wire: u64, _: Option<&str>) -> Result<u64, MemoryError> {
        match wire >> 48 {
            0 => Ok(wire),
            _ => Err(MemoryError::StaleHandle),
        }
    }

    fn handle_closes(&self, _: u64, _: &str) -> bool {
        false
    }

    fn handle_consume(&mut self, _: u64) {}

    fn release(&mut self, function: &str, _: u64) -> Result<(), MemoryError> {
        Err(MemoryError::Other(function.to_owned()))
    }

    fn descriptor(&mut self, index: usize) -> Result<i32, MemoryError> {
        match index < self.attached {
            true => Ok(index as i32 + 10),
            false => Err(MemoryError::Other("it did not come".to_owned())),
        }
    }

    fn descriptor_leave(&mut self, _: i32) -> Result<u64, MemoryError> {
        Err(MemoryError::Exhausted)
    }
}
