//! What `unmarshal` does with an input, for the fuzzer and for the test that replays its inputs.
//!
//! | byte of the input | meaning |
//! |---|---|
//! | 0 | which of [`PROTOTYPES`], modulo their number |
//! | 1 | bit 0: 0 a request, 1 a reply; bit 1: the VM is LP64 or ILP32 |
//! | 2.. | the body |
//!
//! A decoder may refuse or accept. It may not panic, may not write outside of what the call
//! declared writable, and a refused reply may not have written at all. A pointer that walks and the
//! number beside it reach no further than they did.

use callframe::marshal::{
    Callee, CalleeMemory, Caller, CallerBytes, CallerMemory, Keep, MemoryError, Object, Pending,
    Residence,
};
use callframe::{DataModel, Template};
use std::sync::Arc;

/// Functions whose calls use every part of the layout.
pub const PROTOTYPES: [&str; 14] = [
    "double cos(double x)",
    "double strtod(const char *nptr, char *__alias(nptr) *__out endptr)",
    "struct tm *__borrowed localtime(const time_t *timep)",
    "ssize_t read(int __fd fd, void *__out __sized_by(count) __filled(return) buf, size_t count)",
    "char *__owned(free) strdup(const char *s)",
    "int compress2(unsigned char *__out __sized_by(*destLen) dest, unsigned long *__inout destLen, \
     const unsigned char *__sized_by(sourceLen) source, unsigned long sourceLen, int level)",
    "int poll(struct pollfd *__inout __counted_by(nfds) fds, nfds_t nfds, int timeout)",
    "struct thing; struct thing *__handle make(struct thing *__handle *__out other, \
     const char *__static __null_terminated *__out name)",
    "int fill(char *__out __sized_by(n) __null_terminated s, size_t n)",
    "struct node { int value; char *__in __null_terminated text; struct node *__in next; }; \
     struct node *__owned(free) list(int n)",
    "struct value { int kind; union { long number __case(1); char *__owned(free) text __case(2); } as \
     __switch(kind); }; int values(struct value *__out __counted_by(2) values)",
    "struct flags { unsigned low : 3; unsigned high : 9; }; \
     const short *__borrowed __counted_by(count(n)) numbers(int n, struct flags *__inout flags)",
    "struct inner; struct stream { const char *next_in; unsigned avail_in; char *next_out; \
     unsigned avail_out; long total; struct inner *state; }; int begin(struct stream \
     *__closed_by(end) __cursor(next_in, avail_in) __cursor(next_out, avail_out) stream)",
    "struct span { char *__inout __sized_by(left) next; unsigned left; }; \
     int take(struct span *__inout span)",
];

/// Decodes `input`.
pub fn run(input: &[u8]) {
    let Some((&[which, how], body)) = input.split_first_chunk::<2>() else {
        return;
    };
    let prototype = PROTOTYPES[usize::from(which) % PROTOTYPES.len()];
    let frame = Arc::new(callframe::parse(prototype).expect("a prototype of the list"));
    let model = if how & 2 == 0 {
        DataModel::LP64
    } else {
        DataModel::ILP32
    };
    if how & 1 == 0 {
        let callee = Callee::new(Template::of(&frame, model).expect("a layout"));
        if let Ok(mut image) = callee.decode(body, &mut Nothing::default()) {
            image.relocate(0x4000_0000);
        }
        return;
    }
    let caller = Caller::new(frame, DataModel::LP64, model).expect("a conversion");
    let (mut memory, pending, result) = call(&caller);
    let before = memory.buffers.clone();
    let attached = [3, 4];
    let attached = &attached[..usize::from(how >> 2) % 3];
    let decoded = caller.decode(&mut memory, &pending, body, attached, result);
    assert!(
        decoded.is_ok() || memory.buffers == before,
        "a refused reply has changed something"
    );
    for (place, start, size) in walks(&caller) {
        let next = memory.number(TARGET_ADDRESS + place, 8);
        let left = memory.number(TARGET_ADDRESS + place + 8, 4);
        let inside = next >= start && next + left <= start + size;
        assert!(next == 0 || inside, "{next:#x} and {left} reach too far");
    }
}

/// The members of a call's record that walk: where the pointer is, where its buffer begins and how
/// large that is.
fn walks(caller: &Caller) -> Vec<(u64, u64, u64)> {
    match caller.frame().name() {
        "begin" => vec![(0, INPUT.0, INPUT.1), (16, OUTPUT.0, OUTPUT.1)],
        "take" => vec![(0, INPUT.0, INPUT.1)],
        _ => vec![],
    }
}

/// A call of any function of the list: every pointer leads to [`TARGET`] bytes, every number is 2.
pub fn call(caller: &Caller) -> (Memory, Pending, u64) {
    let (memory, _, pending, result) = request(caller);
    (memory, pending, result)
}

/// As [`call`], with the request.
pub fn request(caller: &Caller) -> (Memory, Vec<u8>, Pending, u64) {
    let target = if walks(caller).is_empty() {
        text()
    } else {
        walking()
    };
    request_within(caller, &[], &target)
}

/// As [`request`], of a callback that was passed in a call with these integers; every pointer leads
/// to `target`, followed by zeros.
pub fn request_within(
    caller: &Caller,
    outer: &[i128],
    target: &[u8],
) -> (Memory, Vec<u8>, Pending, u64) {
    let mut memory = Memory { buffers: vec![] };
    let template = caller.caller_template();
    let result = memory.add(vec![0xee; template.result().size as usize], true);
    let mut bytes = target.to_vec();
    bytes.resize(TARGET, 0);
    let target = memory.add(bytes, true);
    let mut arguments = Vec::new();
    for (parameter, slot) in caller.frame().parameters().iter().zip(template.arguments()) {
        let pointer = matches!(
            caller.frame().ty(parameter.ty),
            callframe::types::Type::Pointer(_)
        );
        let value: u64 = if pointer { target } else { 2 };
        let mut bytes = value.to_le_bytes().to_vec();
        bytes.resize(slot.size as usize, 0);
        arguments.push(memory.add(bytes, false));
    }
    let (mut body, mut descriptors) = (Vec::new(), Vec::new());
    let mut pending = Pending::default();
    pending.set_outer(outer.into());
    caller
        .encode_into(
            &mut memory,
            &arguments,
            0,
            &mut body,
            &mut descriptors,
            &mut pending,
        )
        .expect("a call that can be carried");
    (memory, body, pending, result)
}

/// The reply of a function that does nothing and returns zeros.
pub fn reply(caller: &Caller, request: &[u8]) -> Vec<u8> {
    let callee = Callee::new(caller.callee_template().clone());
    let mut vm = Nothing::default();
    let mut image = callee
        .decode(request, &mut vm)
        .expect("a request that was just made");
    image.relocate(0x4000_0000);
    let outside: Vec<(u64, Vec<u8>)> = image.outside().collect();
    for (address, bytes) in outside {
        vm.write(address, &bytes).expect("a member of the object");
    }
    let result = vec![0; caller.callee_template().result().size as usize];
    let mut reply = Vec::new();
    callee
        .encode_reply(&image, &mut vm, 0, &result, &mut reply)
        .expect("a reply that can be carried");
    reply
}

/// What every pointer of a call leads to: the number 2, then a text that ends.
const TARGET: usize = 64;

/// Where it is: the second buffer, behind the result.
const TARGET_ADDRESS: u64 = 2 << 16;
/// Buffers at its end: address and size.
const INPUT: (u64, u64) = (TARGET_ADDRESS + 48, 4);
const OUTPUT: (u64, u64) = (TARGET_ADDRESS + 56, 8);

/// A record whose members walk through what lies behind it.
fn walking() -> Vec<u8> {
    let words = [INPUT.0, INPUT.1, OUTPUT.0, OUTPUT.1];
    words.map(u64::to_le_bytes).concat()
}

fn text() -> Vec<u8> {
    let mut bytes = vec![0; TARGET];
    bytes[0] = 2;
    bytes
}

/// A program's memory: addresses are `(number of a buffer + 1) << 16`.
pub struct Memory {
    buffers: Vec<(Vec<u8>, bool)>,
}

impl Memory {
    fn add(&mut self, bytes: Vec<u8>, writable: bool) -> u64 {
        self.buffers.push((bytes, writable));
        (self.buffers.len() as u64) << 16
    }

    fn number(&self, address: u64, size: usize) -> u64 {
        let mut bytes = [0; 8];
        self.read(address, &mut bytes[..size]).expect("a buffer");
        u64::from_le_bytes(bytes)
    }

    fn place(&self, address: u64, length: usize) -> Option<(usize, usize)> {
        let index = usize::try_from(address >> 16).ok()?.checked_sub(1)?;
        let offset = (address & 0xffff) as usize;
        (offset.checked_add(length)? <= self.buffers.get(index)?.0.len()).then_some((index, offset))
    }
}

impl CallerBytes for Memory {
    fn read(&self, address: u64, into: &mut [u8]) -> Result<(), MemoryError> {
        let (index, offset) = self
            .place(address, into.len())
            .ok_or(MemoryError::Address(address))?;
        into.copy_from_slice(&self.buffers[index].0[offset..offset + into.len()]);
        Ok(())
    }

    fn write(&mut self, address: u64, bytes: &[u8]) -> Result<(), MemoryError> {
        let (index, offset) = self
            .place(address, bytes.len())
            .expect("a write into nothing");
        assert!(self.buffers[index].1, "a write into what is const");
        self.buffers[index].0[offset..offset + bytes.len()].copy_from_slice(bytes);
        Ok(())
    }

    fn terminated_length(
        &self,
        address: u64,
        unit: usize,
        terminator: u64,
        limit: u64,
    ) -> Result<u64, MemoryError> {
        let mut element = vec![0; unit];
        for index in 0..limit {
            self.read(address + index * unit as u64, &mut element)?;
            if element == terminator.to_le_bytes()[..unit] {
                return Ok(index + 1);
            }
        }
        Err(MemoryError::Unterminated(limit))
    }
}

impl CallerMemory for Memory {
    fn keep(&mut self, bytes: &[u8], _: Keep) -> Result<u64, MemoryError> {
        Ok(self.add(bytes.to_vec(), true))
    }

    fn handle_token(&self, wire: u64, _: Option<&str>) -> Result<u64, MemoryError> {
        Ok(wire)
    }

    fn handle_wire(&self, token: u64, _: Option<&str>) -> Result<u64, MemoryError> {
        Ok(token)
    }

    fn resident_is(&mut self, address: u64, object: Residence) -> Result<(), MemoryError> {
        self.write(address + object.token, &object.wire.to_le_bytes())
    }

    fn descriptor(&mut self, fd: i32) -> Option<i32> {
        Some(fd)
    }
}

/// A VM that has nothing but the image, and room for one object.
#[derive(Default)]
struct Nothing {
    object: Vec<u8>,
}

/// Where that is.
const OBJECT: u64 = 0x7000_2000;

impl Nothing {
    fn place(&self, address: u64, length: usize) -> Result<std::ops::Range<usize>, MemoryError> {
        let at = address
            .checked_sub(OBJECT)
            .and_then(|at| usize::try_from(at).ok());
        let range = at.and_then(|at| Some(at..at.checked_add(length)?));
        range
            .filter(|range| range.end <= self.object.len())
            .ok_or(MemoryError::Address(address))
    }
}

impl CalleeMemory for Nothing {
    fn shared(&mut self, place: u64, length: u64, _: bool) -> Result<u64, MemoryError> {
        match place.checked_add(length) {
            Some(end) if end <= 1 << 30 => Ok(0x6000_0000 + place),
            _ => Err(MemoryError::Address(place)),
        }
    }

    fn read(&self, address: u64, into: &mut [u8]) -> Result<(), MemoryError> {
        let place = self.place(address, into.len())?;
        into.copy_from_slice(&self.object[place]);
        Ok(())
    }

    fn write(&mut self, address: u64, bytes: &[u8]) -> Result<(), MemoryError> {
        let place = self.place(address, bytes.len())?;
        self.object[place].copy_from_slice(bytes);
        Ok(())
    }

    fn resident_make(&mut self, size: u64) -> Result<u64, MemoryError> {
        self.object = vec![0; usize::try_from(size).unwrap_or(0)];
        Ok(OBJECT)
    }

    fn resident_enter(&mut self, _: u64, _: Object<'_>) -> Result<u64, MemoryError> {
        Ok(1 << 24 | 1)
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

    fn handle_enter(&mut self, _: u64, _: Object<'_>) -> Result<u64, MemoryError> {
        Err(MemoryError::Exhausted)
    }

    fn handle_resolve(&self, _: u64, _: Option<&str>) -> Result<u64, MemoryError> {
        Err(MemoryError::StaleHandle)
    }

    fn handle_closes(&self, _: u64, _: &str) -> bool {
        false
    }

    fn handle_consume(&mut self, _: u64) {}

    fn give(&mut self, _: &[u8]) -> Result<u64, MemoryError> {
        Ok(0x7000_0000)
    }

    fn retain(&mut self, _: &[u8]) -> Result<u64, MemoryError> {
        Ok(0x7000_1000)
    }

    fn retained_by(&mut self, _: u64, _: Option<u64>) {}

    fn release(&mut self, function: &str, _: u64) -> Result<(), MemoryError> {
        Err(MemoryError::Other(function.to_owned()))
    }

    fn descriptor(&mut self, index: usize) -> Result<i32, MemoryError> {
        Ok(index as i32 + 10)
    }

    fn descriptor_leave(&mut self, _: i32) -> Result<u64, MemoryError> {
        Err(MemoryError::Exhausted)
    }
}
