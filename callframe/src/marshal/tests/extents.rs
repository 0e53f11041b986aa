//! Capacities with a terminator, ends given by a pointer, arrays of pointers that end with NULL.

use super::arena::Arena;
use super::vm::Machine;
use super::{Link, pointer};
use crate::DataModel;
use crate::marshal::MarshalError;
use std::sync::Arc;

fn link(prototype: &str, callee: DataModel) -> Link {
    let frame = Arc::new(crate::parse(prototype).unwrap());
    Link::new(&frame, DataModel::LP64, callee)
}

fn words(values: &[u64]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

const FILL: &str = "int fill(char *__out __sized_by(n) __null_terminated s, size_t n)";

#[test]
fn a_capacity_with_a_terminator_comes_back_up_to_it() {
    let link = link(FILL, DataModel::LP64);
    let cases: [(&[u8], &[u8]); 4] = [
        (b"abc\0de\0", b"abc\0----"),
        (b"\0bcdefgh", b"\0-------"),
        (b"abcdefgh", b"abcdefgh"),
        (b"abcdefg\0", b"abcdefg\0"),
    ];
    for (left, expected) in cases {
        let mut arena = Arena::new();
        let buffer = arena.writable(b"--------");
        let arguments = [pointer(buffer), words(&[8])];
        link.call(&mut arena, &mut Machine::default(), &arguments, |call| {
            let at = call.target(0);
            assert_eq!(call.read(at..at + 8), [0; 8]);
            call.write(at, left);
        })
        .unwrap();
        assert_eq!(arena.bytes(buffer, 8), expected);
    }
    let arguments = [pointer(0), words(&[8])];
    let call = link.call(
        &mut Arena::new(),
        &mut Machine::default(),
        &arguments,
        |call| {
            assert_eq!(call.number(0), 0);
        },
    );
    assert!(call.unwrap().outcome.success);
}

#[test]
fn input_with_a_capacity_and_a_terminator_is_read_no_further() {
    let prototype =
        "char *__owned(free) strndup(const char *__sized_by(n) __null_terminated s, size_t n)";
    let link = link(prototype, DataModel::LP64);
    // The arena has nothing behind these bytes: reading on would fail.
    for (text, n, sent) in [
        (&b"ab\0"[..], 100, 3usize),
        (b"abcd", 4, 4),
        (b"abcd", 2, 2),
        (b"\0", u64::MAX >> 44, 1),
        (b"", 0, 0),
    ] {
        let mut arena = Arena::new();
        let start = arena.constant(text);
        let arguments = [pointer(start), words(&[n])];
        link.call(&mut arena, &mut Machine::default(), &arguments, |call| {
            let at = call.target(0);
            assert_eq!(call.read(at..at + sent), &text[..sent]);
        })
        .unwrap();
    }
}

/// Encodes a call, changes its reply, and decodes it.
fn answered(
    link: &Link,
    arena: &mut Arena,
    arguments: &[Vec<u8>],
    function: impl FnOnce(&mut super::Function<'_>),
    change: impl FnOnce(&mut Vec<u8>),
) -> Result<(), MarshalError> {
    let addresses: Vec<u64> = arguments.iter().map(|it| arena.constant(it)).collect();
    let size = link.caller.caller_template().result().size as usize;
    let result = arena.writable(&vec![0; size]);
    let mut request = Vec::new();
    let pending = link
        .caller
        .encode(arena, &addresses, 0, &mut request, &mut Vec::new())?;
    let mut reply = link.serve(&mut Machine::default(), &request, function)?;
    change(&mut reply);
    link.caller
        .decode(arena, &pending, &reply, &[], result)
        .map(|_| ())
}

#[test]
fn a_vm_cannot_say_that_more_was_filled_than_up_to_the_terminator() {
    let link = link(FILL, DataModel::LP64);
    let fill = |bytes: &'static [u8]| {
        move |call: &mut super::Function<'_>| {
            let at = call.target(0);
            call.write(at, bytes);
        }
    };
    // The block: header at 32, length and capacity, then its bytes.
    const LENGTH: usize = 32;
    const BYTES: usize = 48;
    type Lie = fn(&mut Vec<u8>);
    let lies: [Lie; 4] = [
        // A terminator in the middle of what came.
        |reply| reply[BYTES + 1] = 0,
        // None at the end, of less than there is room for.
        |reply| reply[BYTES + 3] = b'x',
        // Less came than was filled.
        |reply| reply[LENGTH] = 3,
        // More room than was sent.
        |reply| reply[LENGTH + 8] = 9,
    ];
    for lie in lies {
        let mut arena = Arena::new();
        let buffer = arena.writable(b"--------");
        let arguments = [pointer(buffer), words(&[8])];
        let call = answered(&link, &mut arena, &arguments, fill(b"abc\0"), lie);
        assert!(
            matches!(call, Err(MarshalError::Protocol { .. })),
            "{call:?}"
        );
        assert_eq!(arena.bytes(buffer, 8), b"--------");
    }
}

#[test]
fn a_pointer_ends_another_one() {
    let prototype = "long sum(const long *__ended_by(last) first, const long *last)";
    for callee in [DataModel::LP64, DataModel::ILP32] {
        let link = link(prototype, callee);
        let size = callee.long.size as usize;
        for count in [3u64, 1, 0] {
            let mut arena = Arena::new();
            let first = arena.constant(&words(&[5, 6, 7]));
            let arguments = [pointer(first), pointer(first + 8 * count)];
            let call = link.call(&mut arena, &mut Machine::default(), &arguments, |call| {
                let (first, last) = (call.target(0), call.target(1));
                assert_eq!((last - first) / size, count as usize);
                let sum: u64 = call.read(first..last).iter().map(|&it| u64::from(it)).sum();
                call.give(&sum.to_le_bytes()[..size]);
            });
            let expected = [0u64, 5, 11, 18][count as usize];
            assert_eq!(call.unwrap().result, expected.to_le_bytes());
        }
    }
}

#[test]
fn an_end_that_is_none_is_refused() {
    let prototype = "long sum(const long *__ended_by(last) first, const long *last)";
    let link = link(prototype, DataModel::LP64);
    let mut arena = Arena::new();
    let first = arena.constant(&words(&[5, 6, 7]));
    let wrong = [0, first - 8, first + 4, first + (1 << 40)];
    for last in wrong {
        let arguments = [pointer(first), pointer(last)];
        let call = link.call(&mut arena, &mut Machine::default(), &arguments, |_| {
            panic!("the call was carried")
        });
        assert!(
            matches!(
                call.err(),
                Some(
                    MarshalError::Argument { .. }
                        | MarshalError::TooLarge { .. }
                        | MarshalError::Memory { .. }
                )
            ),
            "{last}"
        );
    }
    let call = link.call(
        &mut arena,
        &mut Machine::default(),
        &[pointer(0), pointer(0)],
        |call| assert_eq!((call.number(0), call.number(1)), (0, 0)),
    );
    assert!(call.is_ok());
}

#[test]
fn a_request_cannot_lie_about_an_end() {
    let prototype = "long sum(const long *__ended_by(last) first, const long *last)";
    let link = link(prototype, DataModel::LP64);
    let mut arena = Arena::new();
    let first = arena.constant(&words(&[5, 6, 7]));
    let arguments = [
        arena.constant(&pointer(first)),
        arena.constant(&pointer(first + 16)),
    ];
    let mut request = Vec::new();
    link.caller
        .encode(&mut arena, &arguments, 0, &mut request, &mut Vec::new())
        .unwrap();
    // Header, slots, block header and contents, then the references: the block, and the end.
    let end = 16 + 16 + 16 + 16 + 8;
    assert_eq!(request[end], 17);
    let serve = |request: &[u8]| link.serve(&mut Machine::default(), request, |_| ());
    assert!(serve(&request).is_ok());
    for lie in [9, 0, 16, 18] {
        request[end] = lie;
        assert!(
            matches!(serve(&request), Err(MarshalError::Malformed(_))),
            "{lie}"
        );
    }
}

const ARGUMENTS: &str = "int run(char *__null_terminated const *__null_terminated argv, int n)";

#[test]
fn arrays_of_pointers_end_with_null() {
    for callee in [DataModel::LP64, DataModel::ILP32] {
        let link = link(ARGUMENTS, callee);
        let size = callee.pointer.size as usize;
        let mut arena = Arena::new();
        let texts = [&b"one\0"[..], b"\0", b"three\0"].map(|text| arena.constant(text));
        let argv = arena.constant(&words(&[texts[0], texts[1], texts[2], 0]));
        let arguments = [pointer(argv), 3i32.to_le_bytes().to_vec()];
        link.call(&mut arena, &mut Machine::default(), &arguments, |call| {
            let argv = call.target(0);
            let entry = |index: usize| {
                let mut address = [0; 8];
                let entry = call.read(argv + index * size..argv + (index + 1) * size);
                address[..size].copy_from_slice(&entry);
                u64::from_le_bytes(address)
            };
            let third = call.inside(entry(2));
            assert_eq!(call.read(third..third + 6), b"three\0");
            assert_eq!(entry(3), 0);
        })
        .unwrap();
    }
}

#[test]
fn an_array_of_pointers_without_its_null_is_malformed() {
    let link = link(ARGUMENTS, DataModel::LP64);
    let mut arena = Arena::new();
    let text = arena.constant(b"one\0");
    let argv = arena.constant(&words(&[text, 0]));
    let arguments = [
        arena.constant(&pointer(argv)),
        arena.constant(&1i32.to_le_bytes()),
    ];
    let mut request = Vec::new();
    link.caller
        .encode(&mut arena, &arguments, 0, &mut request, &mut Vec::new())
        .unwrap();
    let serve = |request: &[u8]| link.serve(&mut Machine::default(), request, |_| ());
    assert!(serve(&request).is_ok());
    // The references are argv, its text, its NULL, padded to 16 bytes.
    let null = request.len() - 16;
    assert_eq!(request[null..null + 8], [0; 8]);
    request[null] = 2;
    assert!(matches!(serve(&request), Err(MarshalError::Malformed(_))));
}

#[test]
fn an_array_of_pointers_that_comes_back_ends_with_its_first_null() {
    let prototype = "char *__borrowed *__borrowed __null_terminated names(int n)";
    let link = link(prototype, DataModel::LP64);
    let names = |call: &mut super::Function<'_>| {
        let one = call.machine.allocate(b"one\0");
        let two = call.machine.allocate(b"two\0");
        let array = call.machine.allocate(&words(&[one, two, 0]));
        call.give(&array.to_le_bytes());
    };
    let mut arena = Arena::new();
    let arguments = [2i32.to_le_bytes().to_vec()];
    let call = link.call(&mut arena, &mut Machine::default(), &arguments, names);
    let array = u64::from_le_bytes(call.unwrap().result.try_into().unwrap());
    let read = |at: u64| u64::from_le_bytes(arena.bytes(at, 8).try_into().unwrap());
    assert_eq!(arena.bytes(read(array), 4), b"one\0");
    assert_eq!(arena.bytes(read(array + 8), 4), b"two\0");
    assert_eq!(read(array + 16), 0);
    // A reply whose array ends early, or not at all.
    for (reference, value) in [(1, 0), (3, 4)] {
        let arguments = [2i32.to_le_bytes().to_vec()];
        let answer = answered(&link, &mut Arena::new(), &arguments, names, |reply| {
            let first = reply.len() - 32;
            reply[first + 8 * reference] = value;
        });
        assert!(answer.is_err(), "reference {reference} = {value}");
    }
}

#[test]
fn sizes_of_records_are_the_vms() {
    let prototype = "struct pair { char tag; long value; }; \
         int f(char *__out __sized_by(n * sizeof(struct pair)) p, int n)";
    for (callee, size) in [(DataModel::LP64, 16), (DataModel::ILP32, 8)] {
        let link = link(prototype, callee);
        let mut arena = Arena::new();
        let buffer = arena.writable(&[0xdd; 48]);
        let arguments = [pointer(buffer), 3i32.to_le_bytes().to_vec()];
        link.call(&mut arena, &mut Machine::default(), &arguments, |call| {
            let block = call.image.block(0).unwrap();
            assert_eq!(block.len(), 3 * size);
            call.write(block.start, &vec![1; 3 * size]);
        })
        .unwrap();
        assert_eq!(arena.bytes(buffer, 3 * size), vec![1; 3 * size]);
    }
}

#[test]
fn unnamed_members_lie_where_c_puts_them() {
    let prototype = "struct s { int kind; union { char c; double d; }; struct { short a; short b; }; }; \
         struct s f(struct s s)";
    let link = link(prototype, DataModel::LP64);
    let value: Vec<u8> = (1..=24).collect();
    let call = link.call(
        &mut Arena::new(),
        &mut Machine::default(),
        &[value],
        |call| {
            let argument = call.argument(0).to_vec();
            assert_eq!(argument.len(), 24);
            call.give(&argument);
        },
    );
    let result = call.unwrap().result;
    assert_eq!(result[..4], [1, 2, 3, 4]);
    assert_eq!(result[8..20], (9..=20).collect::<Vec<u8>>());
}

#[test]
fn the_vm_asks_how_large_it_is_what_comes_back() {
    let prototype = "const short *__counted_by(sum(a, b)) __borrowed f(long a, char b)";
    for callee in [DataModel::LP64, DataModel::ILP32] {
        let link = link(prototype, callee);
        for (a, b) in [(2u64, 3u8), (0, 0), (1, 0x80)] {
            let mut arena = Arena::new();
            let arguments = [words(&[a]), vec![b]];
            let call = link.call(&mut arena, &mut Machine::default(), &arguments, |call| {
                let numbers = call.machine.allocate(&[1, 0, 2, 0, 3, 0, 4, 0, 5, 0]);
                let size = usize::from(callee.pointer.size);
                call.give(&numbers.to_le_bytes()[..size]);
            });
            let copy = u64::from_le_bytes(call.unwrap().result.try_into().unwrap());
            let expected: &[u8] = if b == 3 {
                &[1, 0, 2, 0, 3, 0, 4, 0, 5, 0]
            } else {
                &[]
            };
            assert_eq!(arena.bytes(copy, expected.len()), expected);
        }
    }
}

#[test]
fn what_the_vm_says_that_it_was_answered_is_a_whole_number_of_elements() {
    let prototype = "const short *__counted_by(sum(a)) __borrowed f(char a)";
    let link = link(prototype, DataModel::LP64);
    let numbers = |call: &mut super::Function<'_>| {
        let numbers = call.machine.allocate(&[1, 0, 2, 0]);
        call.give(&numbers.to_le_bytes());
    };
    // The returned block: its length at 32, its capacity behind it.
    for (length, good) in [(4u8, true), (3, false)] {
        let answer = answered(&link, &mut Arena::new(), &[vec![2]], numbers, |reply| {
            (reply[32], reply[40]) = (length, length);
        });
        assert_eq!(answer.is_ok(), good, "{length}");
    }
    let asked = "const short *__counted_by(unknown(a)) __borrowed f(char a)";
    let link = self::link(asked, DataModel::LP64);
    let answer = answered(&link, &mut Arena::new(), &[vec![2]], numbers, |_| ());
    assert!(matches!(answer, Err(MarshalError::Memory { .. })));
}
