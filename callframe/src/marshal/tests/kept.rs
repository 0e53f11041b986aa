//! Memory that outlives a call: what the library keeps, and buffers that the function allocates
//! anew.

use super::arena::Arena;
use super::vm::{Function, Machine};
use super::{Link, pointer};
use crate::DataModel;
use crate::marshal::{CalleeMemory, MarshalError, MemoryError, UNCHANGED};
use std::sync::Arc;

const GETLINE: &str =
    "long getline(char *__owned(free) __sized_by(*n) __filled(return + 1) *__inout lineptr,
    unsigned long *__inout n)";

fn link(prototype: &str, callee: DataModel) -> Link {
    let frame = Arc::new(crate::parse(prototype).unwrap());
    Link::new(&frame, DataModel::LP64, callee)
}

/// The caller's variables: where the line is and how large its buffer is.
struct Line {
    arena: Arena,
    places: [u64; 2],
}

impl Line {
    fn new(buffer: Option<&[u8]>) -> Line {
        let mut arena = Arena::new();
        let address = buffer.map_or(0, |bytes| arena.writable(bytes));
        let size = buffer.map_or(0, |bytes| bytes.len() as u64);
        let places = [address, size].map(|value| arena.writable(&value.to_le_bytes()));
        Line { arena, places }
    }

    fn arguments(&self) -> Vec<Vec<u8>> {
        self.places.map(pointer).to_vec()
    }

    fn word(&self, index: usize) -> u64 {
        let bytes = self.arena.bytes(self.places[index], 8);
        u64::from_le_bytes(bytes.try_into().unwrap())
    }
}

/// A word of the callee's at `at`.
fn word(function: &Function<'_>, at: usize) -> u64 {
    let size = usize::from(function.template.model().pointer.size);
    let mut bytes = [0; 8];
    bytes[..size].copy_from_slice(&function.read(at..at + size));
    u64::from_le_bytes(bytes)
}

/// What getline does: reads `text` into its buffer, or into a larger one.
fn read_line(function: &mut Function<'_>, text: &[u8]) {
    let size = usize::from(function.template.model().pointer.size);
    let [at, n] = [0, 1].map(|index| function.target(index));
    let (mut address, mut room) = (word(function, at), word(function, n) as usize);
    if address == 0 || room < text.len() + 1 {
        room = (text.len() + 1).next_multiple_of(16);
        address = function.machine.allocate(&vec![0; room]);
    }
    let memory = &mut function.machine.memory;
    let (_, bytes) = memory
        .iter_mut()
        .find(|(start, _)| *start == address)
        .expect("memory of the allocator");
    bytes[..text.len()].copy_from_slice(text);
    bytes[text.len()] = 0;
    function.write(at, &address.to_le_bytes()[..size]);
    function.write(n, &(room as u64).to_le_bytes()[..size]);
    function.give(&(text.len() as i64).to_le_bytes()[..size]);
}

#[test]
fn a_buffer_is_used_again_or_allocated_anew() {
    for model in [DataModel::LP64, DataModel::ILP32] {
        let link = link(GETLINE, model);
        for (buffer, text, reused) in [
            (None, &b"first line\n"[..], false),
            (Some(&[0xaa; 32][..]), b"fits\n", true),
            (Some(&[0xaa; 4]), b"does not fit\n", false),
            (Some(&[]), b"x", false),
        ] {
            let mut line = Line::new(buffer);
            let before = line.word(0);
            let mut machine = Machine::default();
            let arguments = line.arguments();
            link.call(&mut line.arena, &mut machine, &arguments, |function| {
                read_line(function, text);
            })
            .unwrap();
            let (address, room) = (line.word(0), line.word(1) as usize);
            assert_eq!(address == before, reused);
            assert_eq!(line.arena.string(address).as_bytes(), text);
            assert!(room > text.len());
            assert_eq!(
                line.arena.bytes(address, room).len(),
                room,
                "as large as it says"
            );
            let freed: Vec<u64> = buffer
                .filter(|_| !reused)
                .map(|_| before)
                .into_iter()
                .collect();
            assert_eq!(line.arena.freed, freed);
            let [(function, _)] = &machine.released[..] else {
                panic!("{:?}", machine.released)
            };
            assert_eq!(function, "free");
        }
    }
}

/// At the end of the file the function answers -1: nothing is valid, and the buffer stays.
#[test]
fn nothing_filled_leaves_the_buffer_alone() {
    let link = link(GETLINE, DataModel::LP64);
    let mut line = Line::new(Some(&[0xaa; 32]));
    let before = line.word(0);
    let arguments = line.arguments();
    let mut machine = Machine::default();
    link.call(&mut line.arena, &mut machine, &arguments, |function| {
        function.give(&(-1i64).to_le_bytes());
    })
    .unwrap();
    assert_eq!((line.word(0), line.word(1)), (before, 32));
    assert_eq!(line.arena.bytes(before, 32), [0xaa; 32]);
    assert_eq!(machine.released.len(), 1);
}

#[test]
fn a_buffer_that_the_function_freed_is_freed() {
    let link = link(GETLINE, DataModel::LP64);
    let mut line = Line::new(Some(&[0xaa; 32]));
    let before = line.word(0);
    let arguments = line.arguments();
    link.call(
        &mut line.arena,
        &mut Machine::default(),
        &arguments,
        |function| {
            let [at, n] = [0, 1].map(|index| function.target(index));
            function.write(at, &[0; 8]);
            function.write(n, &[0; 8]);
            function.give(&(-1i64).to_le_bytes());
        },
    )
    .unwrap();
    assert_eq!((line.word(0), line.word(1)), (0, 0));
    assert_eq!(line.arena.freed, [before]);
}

#[test]
fn outputs_that_do_not_come_back_are_released_in_the_vm() {
    let link = link(
        &format!("{GETLINE} __success(return >= 0)"),
        DataModel::LP64,
    );
    let mut line = Line::new(Some(&[0xaa; 8]));
    let before = (line.word(0), line.arena.bytes(line.word(0), 8));
    let arguments = line.arguments();
    let mut machine = Machine::default();
    link.call(&mut line.arena, &mut machine, &arguments, |function| {
        read_line(function, b"more than eight");
        function.give(&(-1i64).to_le_bytes());
    })
    .unwrap();
    assert_eq!((line.word(0), line.arena.bytes(line.word(0), 8)), before);
    assert_eq!(machine.released.len(), 1);
}

/// A buffer that the function left where it was is as large as it was, whatever it says.
#[test]
fn a_buffer_that_stays_does_not_grow() {
    let link = link(GETLINE, DataModel::LP64);
    let mut line = Line::new(Some(&[0xaa; 32]));
    let addresses: Vec<u64> = line
        .places
        .map(|place| line.arena.constant(&pointer(place)))
        .to_vec();
    let (mut request, mut descriptors) = (Vec::new(), Vec::new());
    let pending = link
        .caller
        .encode(
            &mut line.arena,
            &addresses,
            0,
            &mut request,
            &mut descriptors,
        )
        .unwrap();
    let result = line.arena.writable(&[0; 8]);
    let before = line.arena.snapshot();
    // The pointer's block comes back empty but for its reference, then `*n`.
    let reply = |n: u64| {
        let mut reply = [0u32, 1, 2, 0].map(u32::to_le_bytes).concat();
        reply.extend([-1i64, 0].map(i64::to_le_bytes).concat());
        for contents in [0, n] {
            reply.extend([8, 8, contents, 0].map(u64::to_le_bytes).concat());
        }
        reply.extend([UNCHANGED, 0].map(u64::to_le_bytes).concat());
        reply
    };
    for n in [33, 1 << 20, u64::MAX] {
        let decoded = link
            .caller
            .decode(&mut line.arena, &pending, &reply(n), &[], result);
        assert!(
            matches!(decoded, Err(MarshalError::Callee { .. })),
            "{n}: {decoded:?}"
        );
        assert_eq!(line.arena.snapshot(), before);
    }
    link.caller
        .decode(&mut line.arena, &pending, &reply(32), &[], result)
        .unwrap();
    assert_eq!(line.word(1), 32);
}

/// More filled than there is, and a VM that lies about how much that is.
#[test]
fn lies_about_replaced_buffers_are_caught() {
    let link = link(GETLINE, DataModel::LP64);
    let mut line = Line::new(None);
    let arguments = line.arguments();
    let error = link.call(
        &mut line.arena,
        &mut Machine::default(),
        &arguments,
        |function| {
            read_line(function, b"text\n");
            function.give(&1000u64.to_le_bytes());
        },
    );
    assert!(matches!(error.err(), Some(MarshalError::Callee { .. })));
    let addresses: Vec<u64> = line
        .places
        .map(|place| line.arena.constant(&pointer(place)))
        .to_vec();
    let (mut request, mut descriptors) = (Vec::new(), Vec::new());
    let pending = link
        .caller
        .encode(
            &mut line.arena,
            &addresses,
            0,
            &mut request,
            &mut descriptors,
        )
        .unwrap();
    let reply = link
        .serve(&mut Machine::default(), &request, |function| {
            read_line(function, b"text\n");
        })
        .unwrap();
    let result = line.arena.writable(&[0; 8]);
    let before = line.arena.snapshot();
    // The result is at 16, `*n` behind the header of the second block, the line's header last.
    for (at, value) in [
        (16, 2u64),
        (16, u64::MAX),
        (80, 15),
        (80, 1 << 40),
        (96, 5),
        (104, 17),
    ] {
        let mut forged = reply.clone();
        assert_ne!(forged[at..at + 8], value.to_le_bytes());
        forged[at..at + 8].copy_from_slice(&value.to_le_bytes());
        let decoded = link
            .caller
            .decode(&mut line.arena, &pending, &forged, &[], result);
        assert!(
            matches!(
                decoded,
                Err(MarshalError::Protocol { .. } | MarshalError::Malformed(_))
            ),
            "{at} {value}: {decoded:?}"
        );
        assert_eq!(line.arena.snapshot(), before);
    }
    let decoded = link
        .caller
        .decode(&mut line.arena, &pending, &reply, &[], result);
    assert!(decoded.is_ok(), "{decoded:?}");
}

#[test]
fn what_the_library_keeps_is_outside_of_the_call_and_belongs_to_its_keeper() {
    let text = "int bind(struct statement *__handle statement,
                const char *__sized_by(n) __retained(statement) text, int n)";
    for model in [DataModel::LP64, DataModel::ILP32] {
        let link = link(text, model);
        let mut machine = Machine::default();
        let object = crate::marshal::Object {
            record: Some("statement"),
            closed_by: None,
        };
        let wire = machine.handle_enter(0x5000, object).unwrap();
        for (given, keeper) in [(super::arena::TOKEN + wire, Some(wire)), (0, None)] {
            let mut arena = Arena::new();
            let bytes = arena.constant(b"kept");
            let arguments = [pointer(given), pointer(bytes), 4i32.to_le_bytes().to_vec()];
            let mut seen = 0;
            link.call(&mut arena, &mut machine, &arguments, |function| {
                seen = function.number(1);
                let mut copy = [0; 4];
                function.machine.read(seen, &mut copy).unwrap();
                assert_eq!(&copy, b"kept");
            })
            .unwrap();
            assert_eq!(machine.retained.pop(), Some((seen, keeper)));
        }
        let mut arena = Arena::new();
        let arguments = [pointer(0), pointer(0), 4i32.to_le_bytes().to_vec()];
        link.call(&mut arena, &mut machine, &arguments, |function| {
            assert_eq!(function.number(1), 0);
        })
        .unwrap();
        assert!(machine.retained.is_empty());
    }
}

/// A record that comes back keeps by the handle that it holds then.
#[test]
fn a_record_keeps_by_the_handle_it_holds_after_the_call() {
    let text = "int begin(png_image *__inout image,
                const void *__sized_by(size) __retained(image) memory, size_t size)";
    let link = link(text, DataModel::LP64);
    let size = link.caller.caller_template().frame().parameters().len();
    assert_eq!(size, 3);
    for (leaves, kept) in [(0x6000_u64, true), (0, false)] {
        let mut arena = Arena::new();
        let mut machine = Machine::default();
        let image = arena.writable(&[0; 104]);
        let bytes = arena.constant(b"png");
        let arguments = [pointer(image), pointer(bytes), 3u64.to_le_bytes().to_vec()];
        link.call(&mut arena, &mut machine, &arguments, |function| {
            let at = function.target(0);
            function.write(at, &leaves.to_le_bytes());
        })
        .unwrap();
        let [(_, keeper)] = machine.retained[..] else {
            panic!("{:?}", machine.retained)
        };
        assert_eq!(keeper.is_some(), kept);
        let resolved = keeper.map(|wire| machine.handle_resolve(wire, Some("png_control")));
        assert_eq!(resolved, kept.then_some(Ok::<u64, MemoryError>(0x6000)));
    }
}
