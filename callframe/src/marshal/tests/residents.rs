//! Objects that live in the VM and are stood for by memory of the caller's.

use super::arena::Arena;
use super::vm::{Function, Machine};
use super::{Link, pointer};
use crate::DataModel;
use crate::marshal::{CalleeMemory, CallerBytes, CallerMemory, MarshalError, RESIDENT};
use std::sync::Arc;

/// A stream that copies its input to its output in capitals. `state` is the library's own.
pub(super) const STREAM: &str =
    "struct inner; struct stream { const char *next_in; unsigned avail_in;
    char *next_out; unsigned avail_out; long total; struct inner *state; const char *__static msg;
    void (*hook)(int); };";
pub(super) const MAKE: &str = "int make(struct stream *__closed_by(end) s) __success(return == 0)";
pub(super) const WORK: &str =
    "int work(struct stream *__handle __cursor(next_in, avail_in) __cursor(next_out, avail_out) s)";
pub(super) const LOOK: &str = "long look(const struct stream *__handle s)";
pub(super) const END: &str = "int end(struct stream *__handle s)";

/// Offsets in the stream under LP64.
pub(super) const NEXT_IN: u64 = 0;
pub(super) const AVAIL_IN: u64 = 8;
pub(super) const NEXT_OUT: u64 = 16;
pub(super) const AVAIL_OUT: u64 = 24;
pub(super) const TOTAL: u64 = 32;
pub(super) const STATE: u64 = 40;
pub(super) const MSG: u64 = 48;
pub(super) const HOOK: u64 = 56;
pub(super) const SIZE: usize = 64;

pub(super) fn link(prototype: &str) -> Link {
    let frame = Arc::new(crate::parse(&format!("{STREAM} {prototype}")).unwrap());
    Link::new(&frame, DataModel::LP64, DataModel::LP64)
}

/// A caller with a stream, and the VM.
pub(super) struct World {
    pub arena: Arena,
    pub machine: Machine,
    pub stream: u64,
}

impl World {
    pub fn new() -> World {
        let mut arena = Arena::new();
        let stream = arena.writable(&[0; SIZE]);
        World {
            arena,
            machine: Machine::default(),
            stream,
        }
    }

    /// One with an object in it, at the address that is given too.
    pub fn made() -> (World, u64) {
        let mut world = World::new();
        let mut address = 0;
        world.call(MAKE, |function| {
            address = function.number(0);
            set(function, address + STATE, 0x1234);
        });
        (world, address)
    }

    pub fn call(&mut self, prototype: &str, function: impl FnOnce(&mut Function<'_>)) {
        self.try_call(prototype, function).unwrap();
    }

    pub fn try_call(
        &mut self,
        prototype: &str,
        function: impl FnOnce(&mut Function<'_>),
    ) -> Result<(), MarshalError> {
        let arguments = [pointer(self.stream)];
        let link = link(prototype);
        link.call(&mut self.arena, &mut self.machine, &arguments, function)
            .map(drop)
    }

    pub fn set(&mut self, at: u64, value: u64) {
        let address = self.stream + at;
        self.arena.write(address, &value.to_le_bytes()).unwrap();
    }

    pub fn set32(&mut self, at: u64, value: u32) {
        let address = self.stream + at;
        self.arena.write(address, &value.to_le_bytes()).unwrap();
    }

    pub fn get(&self, at: u64) -> u64 {
        let bytes = self.arena.bytes(self.stream + at, 8);
        u64::from_le_bytes(bytes.try_into().unwrap())
    }

    pub fn number(&self, at: u64) -> u32 {
        self.get(at) as u32
    }

    /// Gives the stream buffers.
    pub fn buffers(&mut self, text: &[u8], room: usize) -> (u64, u64) {
        let input = self.arena.constant(text);
        let output = self.arena.writable(&vec![0xdd; room]);
        self.set(NEXT_IN, input);
        self.set(AVAIL_IN, text.len() as u64);
        self.set(NEXT_OUT, output);
        self.set(AVAIL_OUT, room as u64);
        (input, output)
    }
}

pub(super) fn get(function: &Function<'_>, at: u64) -> u64 {
    let mut bytes = [0; 8];
    function.machine.read(at, &mut bytes).unwrap();
    u64::from_le_bytes(bytes)
}

pub(super) fn set(function: &mut Function<'_>, at: u64, value: u64) {
    function.machine.write(at, &value.to_le_bytes()).unwrap();
}

/// The library's work: as much as both buffers allow.
pub(super) fn shout(function: &mut Function<'_>) {
    let outside: Vec<(u64, Vec<u8>)> = function.image.outside().collect();
    for (at, bytes) in outside {
        function.machine.write(at, &bytes).unwrap();
    }
    let stream = function.number(0);
    assert_eq!(get(function, stream + STATE), 0x1234, "the library's own");
    let left = get(function, stream + AVAIL_IN) as u32;
    let room = get(function, stream + AVAIL_OUT) as u32;
    let count = u64::from(left.min(room));
    let (from, to) = (
        get(function, stream + NEXT_IN),
        get(function, stream + NEXT_OUT),
    );
    let source = function.inside(from);
    let text = function.read(source..source + count as usize);
    let target = function.inside(to);
    function.write(target, &text.to_ascii_uppercase());
    set(function, stream + NEXT_IN, from + count);
    set(function, stream + AVAIL_IN, u64::from(left) - count);
    set(function, stream + NEXT_OUT, to + count);
    set(function, stream + AVAIL_OUT, u64::from(room) - count);
    let total = get(function, stream + TOTAL);
    set(function, stream + TOTAL, total + count);
}

#[test]
fn a_stream_walks_through_the_callers_buffers_over_many_calls() {
    let (mut world, _) = World::made();
    let (input, output) = world.buffers(b"hello world", 4);
    world.call(WORK, shout);
    assert_eq!(world.get(NEXT_IN), input + 4);
    assert_eq!(world.number(AVAIL_IN), 7);
    assert_eq!(world.get(NEXT_OUT), output + 4);
    assert_eq!(world.number(AVAIL_OUT), 0);
    assert_eq!(world.arena.bytes(output, 4), b"HELL");
    let second = world.arena.writable(&[0xdd; 20]);
    world.set(NEXT_OUT, second);
    world.set(AVAIL_OUT, 20);
    world.call(WORK, shout);
    assert_eq!(world.get(NEXT_IN), input + 11);
    assert_eq!(world.get(NEXT_OUT), second + 7);
    assert_eq!(world.get(TOTAL), 11);
    assert_eq!(world.arena.bytes(second, 8), b"O WORLD\xdd");
    // Between the calls no member of the object leads to buffers that are gone.
    world.call(LOOK, |function| {
        let stream = function.number(0);
        assert_eq!(get(function, stream + NEXT_IN), 0);
        assert_eq!(get(function, stream + NEXT_OUT), 0);
        assert_eq!(get(function, stream + TOTAL), 11);
    });
}

/// What the program would pass to the next call as it is must lie in the buffers of this one.
#[test]
fn more_left_of_a_buffer_than_there_was_is_refused() {
    for (member, left, good) in [
        (AVAIL_IN, 7, true),
        (AVAIL_IN, 8, false),
        (AVAIL_OUT, 0, true),
        (AVAIL_OUT, 1, false),
        (AVAIL_OUT, 0xffff_ffff, false),
    ] {
        let (mut world, _) = World::made();
        let (input, output) = world.buffers(b"hello world", 4);
        let call = world.try_call(WORK, |function| {
            shout(function);
            let stream = function.number(0);
            set(function, stream + member, left);
        });
        assert_eq!(call.is_ok(), good, "{member} {left}");
        if !good {
            assert_eq!(world.get(NEXT_IN), input);
            assert_eq!(world.number(AVAIL_IN), 11);
            assert_eq!(world.get(NEXT_OUT), output);
            assert_eq!(world.number(AVAIL_OUT), 4);
        }
    }
}

#[test]
fn numbers_go_both_ways_and_texts_come_back() {
    let (mut world, _) = World::made();
    world.set(TOTAL, 77);
    world.call(WORK, |function| {
        let stream = function.number(0);
        assert_eq!(get(function, stream + TOTAL), 77);
        let text = function.machine.allocate(b"a message\0");
        set(function, stream + MSG, text);
        set(function, stream + TOTAL, 78);
    });
    assert_eq!(world.get(TOTAL), 78);
    assert_eq!(world.arena.string(world.get(MSG)), "a message");
    // A function that gets it const leaves the caller's memory alone.
    world.set(TOTAL, 79);
    world.call(LOOK, |function| {
        let stream = function.number(0);
        assert_eq!(get(function, stream + TOTAL), 79);
        set(function, stream + TOTAL, 80);
    });
    assert_eq!(world.get(TOTAL), 79);
}

#[test]
fn its_closer_ends_an_object_and_a_failure_makes_none() {
    let (mut world, _) = World::made();
    assert_ne!(world.get(STATE), 0, "the token");
    world.call(END, |_| {});
    assert_eq!(world.get(STATE), 0);
    let again = world.try_call(END, |_| panic!("called"));
    assert!(
        matches!(again, Err(MarshalError::StaleHandle { .. })),
        "{again:?}"
    );
    world.call(MAKE, |function| function.give(&(-2i32).to_le_bytes()));
    assert_eq!(world.arena.resident(world.stream), Ok(None));
    let never = world.try_call(WORK, |_| panic!("called"));
    assert!(
        matches!(never, Err(MarshalError::StaleHandle { .. })),
        "{never:?}"
    );
}

#[test]
fn memory_that_holds_something_else_is_no_object() {
    let (mut world, _) = World::made();
    let token = world.get(STATE);
    world.set(STATE, token + 1);
    let stale = world.try_call(WORK, |_| panic!("called"));
    assert!(matches!(stale, Err(MarshalError::StaleHandle { .. })));
    world.set(STATE, token);
    world.call(LOOK, |_| {});
    let copy = world.arena.bytes(world.stream, SIZE);
    let first = std::mem::replace(&mut world.stream, world.arena.writable(&copy));
    let moved = world.try_call(WORK, |_| panic!("called"));
    assert!(moved.is_err());
    world.stream = first;
    world.set(HOOK, 0x4000);
    let hooked = world.try_call(WORK, |_| panic!("called")).unwrap_err();
    assert!(hooked.to_string().contains("not NULL"), "{hooked}");
}

/// What a client may send of an object is what the prototype says of it.
#[test]
fn forged_requests_are_refused() {
    let (mut world, _) = World::made();
    world.buffers(b"hello", 8);
    let work = link(WORK);
    let slot = world.arena.constant(&pointer(world.stream));
    let (mut request, mut descriptors) = (Vec::new(), Vec::new());
    work.caller
        .encode(&mut world.arena, &[slot], 0, &mut request, &mut descriptors)
        .unwrap();
    let serve = |request: &[u8], machine: &mut Machine| work.serve(machine, request, |_| {});
    assert!(serve(&request, &mut world.machine).is_ok());
    // Four references at the end: the object, its state, the two buffers.
    let references = request.len() - 32;
    let wire = 1 << 24 | 1;
    for (index, value) in [
        (0, RESIDENT),
        (0, RESIDENT | (wire + 1)),
        (0, RESIDENT | 1 << 48),
        (0, RESIDENT | u64::MAX >> 2),
        (0, wire),
        (0, 0),
        (1, 0),
        (1, 2),
        (1, 9),
        (2, 1),
        (2, 3),
        (2, 0),
        (3, 2),
        (3, u64::MAX),
    ] {
        let mut forged = request.clone();
        let at = references + 8 * index;
        forged[at..at + 8].copy_from_slice(&u64::to_le_bytes(value));
        let served = serve(&forged, &mut world.machine);
        assert!(served.is_err(), "{index} {value:#x}: {served:?}");
    }
    // The state begins behind the slots and its header: it may not say that there is more.
    for (at, value) in [(AVAIL_IN, 6u32), (AVAIL_IN, 0), (AVAIL_OUT, 9)] {
        let mut forged = request.clone();
        let at = 16 + 16 + 16 + at as usize;
        forged[at..at + 4].copy_from_slice(&value.to_le_bytes());
        let served = serve(&forged, &mut world.machine);
        assert!(
            matches!(served, Err(MarshalError::Malformed(_))),
            "{served:?}"
        );
    }
}

/// What a VM may answer of an object is checked before anything is written.
#[test]
fn forged_replies_are_refused() {
    let (mut world, _) = World::made();
    world.buffers(b"hello", 8);
    let work = link(WORK);
    let slot = world.arena.constant(&pointer(world.stream));
    let (mut request, mut descriptors) = (Vec::new(), Vec::new());
    let pending = work
        .caller
        .encode(&mut world.arena, &[slot], 0, &mut request, &mut descriptors)
        .unwrap();
    let reply = work.serve(&mut world.machine, &request, shout).unwrap();
    let result = world.arena.writable(&[0; 8]);
    let before = world.arena.snapshot();
    // The handle, the two cursors, the text.
    let references = reply.len() - 32;
    for (index, value) in [
        (0, 1 << 48 | 1),
        (0, 1 << 24),
        (0, RESIDENT | 1),
        (0, u64::MAX),
        (1, 7),
        (1, u64::MAX),
        (2, 10),
        (2, 3),
        (3, 1),
        (3, 9),
    ] {
        let mut forged = reply.clone();
        let at = references + 8 * index;
        assert_ne!(forged[at..at + 8], u64::to_le_bytes(value));
        forged[at..at + 8].copy_from_slice(&u64::to_le_bytes(value));
        let decoded = work
            .caller
            .decode(&mut world.arena, &pending, &forged, &[], result);
        assert!(decoded.is_err(), "{index} {value:#x}: {decoded:?}");
        assert_eq!(world.arena.snapshot(), before);
    }
    work.caller
        .decode(&mut world.arena, &pending, &reply, &[], result)
        .unwrap();
}

#[test]
fn a_cursor_that_leaves_its_buffer_fails_the_call() {
    let (mut world, _) = World::made();
    world.buffers(b"hello", 8);
    let error = world
        .try_call(WORK, |function| {
            let stream = function.number(0);
            set(function, stream + NEXT_OUT, 0x1234_5678);
        })
        .unwrap_err();
    assert!(error.to_string().contains("a cursor has left"), "{error}");
}

/// Between models the numbers are converted and the buffers counted in elements.
#[test]
fn a_vm_of_another_model_has_an_object_of_its_own_size() {
    let frame = |prototype: &str| Arc::new(crate::parse(&format!("{STREAM} {prototype}")).unwrap());
    let make = Link::new(&frame(MAKE), DataModel::LP64, DataModel::ILP32);
    let work = Link::new(&frame(WORK), DataModel::LP64, DataModel::ILP32);
    let mut world = World::new();
    let arguments = [pointer(world.stream)];
    let World { arena, machine, .. } = &mut world;
    make.call(arena, machine, &arguments, |_| {}).unwrap();
    let (input, _) = world.buffers(b"hello", 8);
    world.set(TOTAL, u64::MAX - 4);
    let World { arena, machine, .. } = &mut world;
    work.call(arena, machine, &arguments, |function| {
        let stream = function.number(0);
        let mut total = [0; 4];
        function.machine.read(stream + 16, &mut total).unwrap();
        assert_eq!(i32::from_le_bytes(total), -5);
        let first = function.image.outside().next().unwrap();
        let at = u32::from_le_bytes(first.1.clone().try_into().unwrap()) + 2;
        function.machine.write(first.0, &at.to_le_bytes()).unwrap();
        let left = 3u32.to_le_bytes();
        function.machine.write(stream + 4, &left).unwrap();
        function
            .machine
            .write(stream + 16, &7i32.to_le_bytes())
            .unwrap();
        let output = function.image.outside().nth(1).unwrap();
        function.machine.write(output.0, &output.1).unwrap();
    })
    .unwrap();
    assert_eq!(world.get(TOTAL), 7);
    assert_eq!(world.get(NEXT_IN), input + 2);
}

/// `bz_stream` has no pointer to a struct that is not known: the token lies in its `void *state`.
#[test]
fn a_token_lies_where_no_member_is_the_programs() {
    let stream = "struct bz { char *next_in; unsigned avail_in; unsigned total; void *state;
        void *__opaque opaque; };";
    let link = |prototype: &str| {
        let frame = Arc::new(crate::parse(&format!("{stream} {prototype}")).unwrap());
        Link::new(&frame, DataModel::LP64, DataModel::LP64)
    };
    let make = link("int make(struct bz *__closed_by(end) s)");
    let work = link("int work(struct bz *__handle __cursor(next_in, avail_in) s)");
    let (mut arena, mut machine) = (Arena::new(), Machine::default());
    let buffer = arena.writable(b"0123456789");
    let mut bytes = [buffer, 10, 0, 0].map(u64::to_le_bytes).concat();
    bytes.resize(32, 0);
    let memory = arena.writable(&bytes);
    make.call(&mut arena, &mut machine, &[pointer(memory)], |_| {})
        .unwrap();
    let word = |arena: &Arena, at: u64| {
        u64::from_le_bytes(arena.bytes(memory + at, 8).try_into().unwrap())
    };
    assert_eq!(word(&arena, 0), buffer);
    assert_ne!(word(&arena, 16), 0, "the token");
    work.call(&mut arena, &mut machine, &[pointer(memory)], |function| {
        let stream = function.number(0);
        let outside: Vec<(u64, Vec<u8>)> = function.image.outside().collect();
        for (at, bytes) in outside {
            function.machine.write(at, &bytes).unwrap();
        }
        let next = get(function, stream);
        set(function, stream, next + 4);
        function
            .machine
            .write(stream + 8, &6u32.to_le_bytes())
            .unwrap();
    })
    .unwrap();
    assert_eq!((word(&arena, 0), word(&arena, 8) as u32), (buffer + 4, 6));
}
