//! Pointers of the caller's that the function moves: cursors through pointers to pointers, and
//! members of records.

use super::arena::Arena;
use super::vm::Machine;
use super::{Link, pointer};
use crate::DataModel;
use crate::marshal::{MOVED_TO_NULL, MarshalError, UNCHANGED};
use std::sync::Arc;

const ICONV: &str =
    "size_t iconv(char *__in __sized_by(*inleft) *__inout in, size_t *__inout inleft,
    char *__out __sized_by(*outleft) *__inout out, size_t *__inout outleft)";

fn link(prototype: &str, callee: DataModel) -> Link {
    let frame = Arc::new(crate::parse(prototype).unwrap());
    Link::new(&frame, DataModel::LP64, callee)
}

/// The caller's side of one conversion.
struct Conversion {
    arena: Arena,
    input: u64,
    output: u64,
    /// Where the four arguments lead: in, inleft, out, outleft.
    places: [u64; 4],
}

impl Conversion {
    fn new(text: &[u8], room: usize) -> Conversion {
        let mut arena = Arena::new();
        let input = arena.constant(text);
        let output = arena.writable(&vec![0xdd; room]);
        let places = [input, text.len() as u64, output, room as u64]
            .map(|value| arena.writable(&value.to_le_bytes()));
        Conversion {
            arena,
            input,
            output,
            places,
        }
    }

    fn arguments(&self) -> Vec<Vec<u8>> {
        self.places.map(pointer).to_vec()
    }

    fn word(&self, index: usize) -> u64 {
        let bytes = self.arena.bytes(self.places[index], 8);
        u64::from_le_bytes(bytes.try_into().unwrap())
    }
}

/// The function: copies upper-case letters until one of the buffers ends, moving both.
fn shout(function: &mut super::vm::Function<'_>, most: usize) {
    let word = usize::from(function.template.model().pointer.size);
    let at = [0, 1, 2, 3].map(|index| function.target(index));
    let number = |function: &super::vm::Function<'_>, at: usize| {
        let mut bytes = [0; 8];
        bytes[..word].copy_from_slice(&function.read(at..at + word));
        u64::from_le_bytes(bytes)
    };
    let [from, left, to, room] = at.map(|at| number(function, at));
    let count = left.min(room).min(most as u64);
    let source = function.inside(from);
    let text = function.read(source..source + count as usize);
    let target = function.inside(to);
    function.write(target, &text.to_ascii_uppercase());
    let after = [from + count, left - count, to + count, room - count];
    for (at, value) in at.into_iter().zip(after) {
        function.write(at, &value.to_le_bytes()[..word]);
    }
}

#[test]
fn cursors_move_in_the_callers_buffers_and_only_what_they_moved_over_comes_back() {
    for model in [DataModel::LP64, DataModel::ILP32] {
        let link = link(ICONV, model);
        for most in [0, 1, 3, 5] {
            let mut conversion = Conversion::new(b"hello", 9);
            let arguments = conversion.arguments();
            let mut machine = Machine::default();
            link.call(
                &mut conversion.arena,
                &mut machine,
                &arguments,
                |function| {
                    shout(function, most);
                },
            )
            .unwrap();
            assert_eq!(conversion.word(0), conversion.input + most as u64);
            assert_eq!(conversion.word(1), 5 - most as u64);
            assert_eq!(conversion.word(2), conversion.output + most as u64);
            assert_eq!(conversion.word(3), 9 - most as u64);
            let mut expected = vec![0xdd; 9];
            expected[..most].copy_from_slice(&b"HELLO"[..most]);
            assert_eq!(conversion.arena.bytes(conversion.output, 9), expected);
        }
    }
}

#[test]
fn pointers_that_are_null_stay_so() {
    let link = link(ICONV, DataModel::LP64);
    let mut machine = Machine::default();
    let mut conversion = Conversion::new(b"hello", 9);
    let nothing = vec![pointer(0); 4];
    link.call(&mut conversion.arena, &mut machine, &nothing, |function| {
        assert_eq!([0, 1, 2, 3].map(|index| function.number(index)), [0; 4]);
    })
    .unwrap();
    let inner = conversion.arena.writable(&[0; 8]);
    let mut arguments = conversion.arguments();
    arguments[0] = pointer(inner);
    link.call(
        &mut conversion.arena,
        &mut machine,
        &arguments,
        |function| {
            let at = function.target(0);
            assert_eq!(function.read(at..at + 8), [0; 8]);
        },
    )
    .unwrap();
    assert_eq!(conversion.arena.bytes(inner, 8), [0; 8]);
    let moved = link.call(
        &mut conversion.arena,
        &mut machine,
        &arguments,
        |function| {
            let at = function.target(0);
            let elsewhere = function.number(1);
            function.write(at, &elsewhere.to_le_bytes());
        },
    );
    assert!(matches!(moved.err(), Some(MarshalError::Callee { .. })));
}

#[test]
fn a_member_moves_in_its_buffer_or_to_null() {
    let text = "struct span { const int *__in __counted_by(n) next; unsigned n; };
                int take(struct span *__inout span)";
    for model in [DataModel::LP64, DataModel::ILP32] {
        let link = link(text, model);
        // Where it moved to, how many it says are left there, and whether they are.
        for (moved, left, good) in [
            (Some(0), 3u32, true),
            (Some(0), 4, false),
            (Some(0), u32::MAX, false),
            (Some(2), 1, true),
            (Some(2), 0, true),
            (Some(2), 2, false),
            (Some(2), 3, false),
            (Some(3), 0, true),
            (Some(3), 1, false),
            (None, 1000, true),
        ] {
            let mut arena = Arena::new();
            let numbers = arena.constant(&[7; 12]);
            let mut span = numbers.to_le_bytes().to_vec();
            span.extend([3, 0, 0, 0, 0xee, 0xee, 0xee, 0xee]);
            let span = arena.writable(&span);
            let word = usize::from(model.pointer.size);
            let before = arena.snapshot();
            let call = link.call(
                &mut arena,
                &mut Machine::default(),
                &[pointer(span)],
                |function| {
                    let at = function.target(0);
                    function.write(at + word, &left.to_le_bytes());
                    let mut first = [0; 8];
                    first[..word].copy_from_slice(&function.read(at..at + word));
                    let next = match moved {
                        Some(elements) => u64::from_le_bytes(first) + 4 * elements,
                        None => 0,
                    };
                    function.write(at, &next.to_le_bytes()[..word]);
                },
            );
            assert_eq!(call.is_ok(), good, "{moved:?} {left}");
            if !good {
                assert!(matches!(call.err(), Some(MarshalError::Callee { .. })));
                assert_eq!(arena.snapshot()[..before.len()], before);
                continue;
            }
            let expected = moved.map_or(0, |elements| numbers + 4 * elements);
            assert_eq!(arena.bytes(span, 8), expected.to_le_bytes());
            assert_eq!(arena.bytes(span + 8, 4), left.to_le_bytes());
        }
    }
}

/// An array of them: each is measured by its own number.
#[test]
fn a_member_of_an_array_reaches_no_further_than_it_did() {
    let text = "struct span { char *__inout __sized_by(n) next; unsigned n; };
                int take(struct span *__inout __counted_by(2) spans)";
    let link = link(text, DataModel::LP64);
    for (numbers, good) in [([3u32, 5], true), ([5, 3], false), ([2, 6], false)] {
        let mut arena = Arena::new();
        let buffers = [3, 5].map(|size| arena.writable(&vec![7; size]));
        let span =
            |buffer: u64, n: u32| [buffer.to_le_bytes(), u64::from(n).to_le_bytes()].concat();
        let spans = arena.writable(&[span(buffers[0], 3), span(buffers[1], 5)].concat());
        let call = link.call(
            &mut arena,
            &mut Machine::default(),
            &[pointer(spans)],
            |function| {
                let at = function.target(0);
                function.write(at + 8, &numbers[0].to_le_bytes());
                function.write(at + 24, &numbers[1].to_le_bytes());
            },
        );
        assert_eq!(call.is_ok(), good, "{numbers:?}");
    }
}

#[test]
fn a_pointer_that_leaves_its_buffer_fails_the_call() {
    let link = link(ICONV, DataModel::LP64);
    for away in [6u64, 100, u64::MAX] {
        let mut conversion = Conversion::new(b"hello", 9);
        let before = conversion.arena.snapshot();
        let arguments = conversion.arguments();
        let call = link.call(
            &mut conversion.arena,
            &mut Machine::default(),
            &arguments,
            |function| {
                let at = function.target(0);
                let first = function.read(at..at + 8);
                let first = u64::from_le_bytes(first.try_into().unwrap());
                function.write(at, &first.wrapping_add(away).to_le_bytes());
            },
        );
        let error = call.err().unwrap();
        assert!(matches!(error, MarshalError::Callee { .. }), "{error}");
        assert!(
            error.to_string().contains("outside of the buffer"),
            "{error}"
        );
        assert_eq!(conversion.arena.snapshot()[..6], before[..6]);
    }
}

/// A VM that lies about where pointers are is caught before anything is written.
#[test]
fn forged_places_are_refused() {
    let link = link(ICONV, DataModel::LP64);
    let lies = [
        (0, 7),
        (0, 1 << 40),
        (0, UNCHANGED),
        (0, UNCHANGED - 2),
        (1, 11),
        (1, 1 << 63),
    ];
    for (which, lie) in lies {
        let mut conversion = Conversion::new(b"hello", 9);
        let addresses: Vec<u64> = conversion
            .places
            .map(|place| conversion.arena.constant(&pointer(place)))
            .to_vec();
        let (mut request, mut descriptors) = (Vec::new(), Vec::new());
        let pending = link
            .caller
            .encode(
                &mut conversion.arena,
                &addresses,
                0,
                &mut request,
                &mut descriptors,
            )
            .unwrap();
        let reply = link
            .serve(&mut Machine::default(), &request, |function| {
                shout(function, 5);
            })
            .unwrap();
        let result = conversion.arena.writable(&[0; 8]);
        let before = conversion.arena.snapshot();
        let forged = with_reference(&reply, which, lie);
        let error = link
            .caller
            .decode(&mut conversion.arena, &pending, &forged, &[], result)
            .unwrap_err();
        assert!(
            matches!(error, MarshalError::Protocol { .. }),
            "{which} {lie:#x}: {error}"
        );
        assert_eq!(conversion.arena.snapshot(), before);
        // A NULL that a function may write is one that comes back, with the whole buffer.
        let null = with_reference(&reply, 0, MOVED_TO_NULL);
        link.caller
            .decode(&mut conversion.arena, &pending, &null, &[], result)
            .unwrap();
        assert_eq!(conversion.word(0), 0);
    }
}

/// What the program would pass to the next call as it is must lie in the buffers of this one.
#[test]
fn more_left_than_there_was_is_refused() {
    for model in [DataModel::LP64, DataModel::ILP32] {
        let link = link(ICONV, model);
        let word = usize::from(model.pointer.size);
        // Which number lies, and by how much; the buffers have 5 and 9 bytes, and 3 are converted.
        for (which, left, good) in [
            (1, 2u64, true),
            (1, 3, false),
            (1, 0x7fff_ffff, false),
            (3, 6, true),
            (3, 7, false),
            (3, 0x7fff_ffff, false),
        ] {
            let mut conversion = Conversion::new(b"hello", 9);
            let arguments = conversion.arguments();
            let before = conversion.arena.snapshot();
            let call = link.call(
                &mut conversion.arena,
                &mut Machine::default(),
                &arguments,
                |function| {
                    shout(function, 3);
                    let at = function.target(which);
                    function.write(at, &left.to_le_bytes()[..word]);
                },
            );
            assert_eq!(call.is_ok(), good, "{which} {left}");
            if !good {
                assert_eq!(conversion.arena.snapshot()[..6], before[..6]);
            }
        }
    }
}

/// A reply whose reference number `which`, of the two it has, is another.
fn with_reference(reply: &[u8], which: usize, value: u64) -> Vec<u8> {
    let mut forged = reply.to_vec();
    let at = forged.len() - 16 + 8 * which;
    forged[at..at + 8].copy_from_slice(&value.to_le_bytes());
    forged
}
