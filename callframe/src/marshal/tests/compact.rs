//! Compact calls do what general ones do, and believe as little.

use super::arena::Arena;
use super::vm::{COMMON, Machine};
use super::{Link, pointer};
use crate::marshal::{CLEARED, Compact, Entered, MarshalError, SHARED, Seen};
use crate::types::CallFrame;
use crate::{DataModel, Template};
use proptest::prelude::*;
use std::sync::Arc;

fn link(prototype: &str) -> Link {
    Link::native(&Arc::new(crate::parse(prototype).unwrap()))
}

/// As both ends see it.
fn compact(prototype: &str) -> Option<Compact> {
    let link = link(prototype);
    let (program, vm) = (link.caller.compact(), link.callee.compact());
    assert_eq!(format!("{program:?}"), format!("{vm:?}"));
    program
}

/// Functions whose calls are compact.
const CARRIED: [&str; 8] = [
    "size_t length(const char *text)",
    "int copy(void *__out __sized_by(room) __filled(return) to, int room, \
     const void *__sized_by(size) from, int size)",
    "struct pair { long one; int other[2]; }; \
     void swap(struct pair *__inout pair, const struct pair *with)",
    "char *__alias(text) find(const char *text, int which)",
    "_Bool scale(double *__inout __counted_by(n) numbers, short n, float by, _Bool yes)",
    "long sum(const int *__counted_by(n * 2 + 1) numbers, unsigned char n)",
    "void *__alias(to) move(void *__out __sized_by(n) to, const void *__sized_by(n) from, size_t n)",
    "double __noerrno half(short *__out __counted_by(sizeof(long)) first, \
     long *__inout second, double third, unsigned long long fourth)",
];

#[test]
fn what_is_compact() {
    for prototype in CARRIED {
        assert!(compact(prototype).is_some(), "{prototype}");
    }
    for prototype in [
        "int f(int a, int b, int c, int d, int e, int f, int g, int h, const char *i)",
        "int f(long double number)",
        "int f(const char *text, int __fd file)",
        "int f(struct thing *__handle thing)",
        "int f(void *__opaque cookie)",
        "int f(size_t *__inout size, char *__out __sized_by(*size) bytes)",
        "int f(char *__out __sized_by(n) __null_terminated text, int n)",
        "struct list { struct list *__in next; int number; }; int f(const struct list *list)",
        "struct said { _Bool yes; }; int f(const struct said *said)",
        "const char *__borrowed f(int which)",
        "char *__owned(free) f(const char *text)",
        "int f(int *__out number) __success(return == 0)",
        "int f(int (*compare)(const int *a, const int *b))",
    ] {
        assert!(compact(prototype).is_none(), "{prototype}");
    }
    // Nor what is laid out in two ways.
    let frame: Arc<CallFrame> = Arc::new(crate::parse(CARRIED[0]).unwrap());
    let link = Link::new(&frame, DataModel::LP64, DataModel::ILP32);
    assert!(link.caller.compact().is_none() && link.callee.compact().is_none());
}

/// What a call left: the result, errno, and the program's buffers.
type Left = (Vec<u8>, i32, Vec<Vec<u8>>);

/// An argument: a value, or what a pointer leads to.
#[derive(Clone, Debug)]
enum Given {
    Value(u64),
    Null,
    Bytes(Vec<u8>),
}

/// Arguments for a prototype of [`CARRIED`], out of random numbers: honest ones.
fn given(which: usize, sizes: [usize; 2], seed: u64, null: bool) -> Vec<Given> {
    use Given::{Bytes, Null, Value};
    let byte = |index: usize| (seed.rotate_left(index as u32 * 7) as u8) | 1;
    let bytes = |length: usize| Bytes((0..length).map(byte).collect());
    let text = |length: usize| {
        let mut text: Vec<u8> = (0..length).map(byte).collect();
        text.push(0);
        Bytes(text)
    };
    let or_null = |given: Given| if null { Null } else { given };
    let [first, second] = sizes;
    match which {
        0 => vec![text(first)],
        1 => vec![
            or_null(bytes(first)),
            Value(first as u64),
            bytes(second),
            Value(second as u64),
        ],
        2 => vec![or_null(bytes(16)), bytes(16)],
        3 => vec![text(first), Value(seed)],
        4 => {
            let n = first % 700;
            vec![bytes(8 * n), Value(n as u64), Value(seed), Value(seed & 1)]
        }
        5 => {
            let n = first % 256;
            vec![or_null(bytes(4 * (2 * n + 1))), Value(n as u64)]
        }
        6 => vec![bytes(first), bytes(first), Value(first as u64)],
        _ => vec![bytes(16), bytes(8), Value(seed), Value(seed)],
    }
}

/// What the function does to a buffer, by its parameter, and what it returns, as eight bytes: how far
/// into the first buffer it points for an alias, at most what was passed as room where it fills.
fn act(index: usize, buffer: &mut [u8], seed: u64) {
    for (at, byte) in buffer.iter_mut().enumerate() {
        *byte = byte.wrapping_mul(3) ^ (seed >> (at % 8)) as u8 ^ index as u8;
    }
}

struct Laid {
    arena: Arena,
    addresses: Vec<u64>,
    /// The length of each buffer; 0 for none.
    lengths: Vec<usize>,
}

/// Puts arguments into a program's memory.
fn lay(template: &Template, given: &[Given]) -> Laid {
    let mut arena = Arena::new();
    arena.staged = Some(Vec::new());
    let (mut addresses, mut lengths) = (Vec::new(), Vec::new());
    for (given, slot) in given.iter().zip(template.arguments()) {
        let value = match given {
            Given::Value(value) => value.to_le_bytes()[..slot.size as usize].to_vec(),
            Given::Null => pointer(0),
            Given::Bytes(bytes) => pointer(arena.writable(bytes)),
        };
        lengths.push(match given {
            Given::Bytes(bytes) => bytes.len(),
            _ => 0,
        });
        addresses.push(arena.constant(&value));
    }
    Laid {
        arena,
        addresses,
        lengths,
    }
}

/// The result of the function, given its first buffer's address and length.
fn result(which: usize, first: u64, laid: &Laid, seed: u64) -> u64 {
    match which {
        1 => (seed % (laid.lengths[0] as u64 + 2)).wrapping_sub(1) & 0xffff_ffff,
        3 | 6 if seed & 3 == 0 => 0,
        3 | 6 => first + seed % (laid.lengths[0] as u64 + 1),
        4 => seed & 1,
        2 => 0,
        _ => seed,
    }
}

fn generally(which: usize, given: &[Given], seed: u64) -> Left {
    let link = link(CARRIED[which]);
    let laid = lay(link.caller.caller_template(), given);
    let size = link.caller.caller_template().result().size as usize;
    let mut machine = machine();
    let Laid { mut arena, .. } = laid.clone_memory();
    let place = arena.writable(&vec![0xee; size]);
    let (mut request, mut none) = (Vec::new(), Vec::new());
    let pending = link
        .caller
        .encode(&mut arena, &laid.addresses, 7, &mut request, &mut none)
        .unwrap();
    let staged = arena.staged.clone();
    let mut seen = Vec::new();
    let reply = link
        .serve(&mut machine, &request, |function| {
            for index in 0..given.len() {
                if let Some(range) = function.image.block(index as u32) {
                    act(index, &mut function.image.bytes_mut()[range], seed);
                }
            }
            let first = function.number(0);
            let value = result(which, first, &laid, seed).to_le_bytes();
            let size = size.min(8);
            function.give(&value[..size]);
            *function.errno = 11;
            seen = staged.unwrap();
        })
        .unwrap();
    arena.staged = Some(touched(&machine, seen, seed));
    let outcome = link
        .caller
        .decode(&mut arena, &pending, &reply, &[], place)
        .unwrap();
    (arena.bytes(place, size), outcome.errno, arena.snapshot())
}

fn compactly(which: usize, given: &[Given], seed: u64) -> Option<Left> {
    let compact = compact(CARRIED[which]).unwrap();
    let link = link(CARRIED[which]);
    let laid = lay(link.caller.caller_template(), given);
    let size = link.caller.caller_template().result().size as usize;
    let mut machine = machine();
    let Laid { mut arena, .. } = laid.clone_memory();
    let place = arena.writable(&vec![0xee; size]);
    let mut request = b"before".to_vec();
    let sent = compact.encode(&mut arena, &laid.addresses, 7, &mut request)?;
    let staged = arena.staged.clone().unwrap();
    let mut call = Entered::default();
    compact
        .enter(&request[6..], &mut machine, &mut call)
        .unwrap();
    for index in 0..given.len() {
        if let Some(block) = call.block(index) {
            act(index, block, seed);
        }
    }
    let first = call.arguments().first().copied().unwrap_or(0);
    let value = result(which, first, &laid, seed);
    let mut reply = Vec::new();
    compact.leave(&call, 11, value, &mut reply).unwrap();
    arena.staged = Some(touched(&machine, staged, seed));
    let outcome = compact.decode(&mut arena, &sent, &reply, place).unwrap();
    Some((arena.bytes(place, size), outcome.errno, arena.snapshot()))
}

impl Laid {
    fn clone_memory(&self) -> Laid {
        Laid {
            arena: self.arena.clone(),
            addresses: self.addresses.clone(),
            lengths: self.lengths.clone(),
        }
    }
}

fn machine() -> Machine {
    Machine {
        common: 1 << 20,
        ..Machine::default()
    }
}

/// What the function did in memory that both see.
fn touched(machine: &Machine, mut staged: Vec<u8>, seed: u64) -> Vec<u8> {
    for (place, length) in &machine.cleared {
        staged[*place as usize..(place + length) as usize].fill(0);
    }
    act(0, &mut staged, seed);
    staged
}

proptest! {
    #[test]
    fn both_ways_come_to_the_same(
        which in 0..CARRIED.len(),
        sizes in [0usize..6000, 0usize..6000],
        seed: u64,
        null: bool,
    ) {
        let given = given(which, sizes, seed, null);
        if which == 1 && null && seed % 2 > 0 {
            // Nothing can have been filled there.
            return Ok(());
        }
        if let Some(left) = compactly(which, &given, seed) {
            prop_assert_eq!(left, generally(which, &given, seed));
        } else {
            // Long texts go the general way.
            prop_assert!(matches!(which, 0 | 3) && sizes[0] >= 4095);
        }
    }

    /// Whatever bytes come, a VM takes a request of this function or none.
    #[test]
    fn no_bytes_confuse_a_vm(
        which in 0..CARRIED.len(),
        mut bytes in proptest::collection::vec(any::<u8>(), 0..200),
        small: bool,
    ) {
        if small {
            bytes.iter_mut().for_each(|byte| *byte %= 9);
            bytes.iter_mut().skip(4).take(4).for_each(|byte| *byte = 0);
        }
        let compact = compact(CARRIED[which]).unwrap();
        let mut call = Entered::default();
        let entered = compact.enter(&bytes, &mut machine(), &mut call);
        if entered.is_ok() {
            let mut reply = Vec::new();
            let _ = compact.leave(&call, 0, 3, &mut reply);
        }
    }

    /// Whatever a VM answers, the program gets nothing or what the function may do.
    #[test]
    fn no_answer_writes_where_none_may(
        which in 0..CARRIED.len(),
        mut reply in proptest::collection::vec(any::<u8>(), 0..80),
        result in 0u64..40,
        fits: bool,
    ) {
        let compact = compact(CARRIED[which]).unwrap();
        let link = link(CARRIED[which]);
        let given = given(which, [20, 20], 77, false);
        let mut laid = lay(link.caller.caller_template(), &given);
        let place = laid.arena.writable(&[0xee; 8]);
        let mut request = Vec::new();
        let sent = compact.encode(&mut laid.arena, &laid.addresses, 7, &mut request).unwrap();
        if fits && reply.len() >= 16 {
            reply[4..8].fill(0);
            reply[8..16].copy_from_slice(&result.to_le_bytes());
            reply.truncate(reply.len() / 8 * 8);
        }
        let before = laid.arena.snapshot();
        // Memory that was not passed to be written panics where it is.
        let decoded = compact.decode(&mut laid.arena, &sent, &reply, place);
        if decoded.is_err() {
            prop_assert_eq!(before, laid.arena.snapshot());
        }
    }
}

fn word(bytes: &[u8], index: usize) -> u64 {
    u64::from_le_bytes(bytes[8 * index..8 * index + 8].try_into().unwrap())
}

#[test]
fn a_short_text_is_one_line() {
    let compact = compact(CARRIED[0]).unwrap();
    let mut arena = Arena::new();
    let text = pointer(arena.constant(b"hi\0"));
    let argument = arena.constant(&text);
    let mut request = Vec::new();
    compact
        .encode(&mut arena, &[argument], -1, &mut request)
        .unwrap();
    assert_eq!(request.len(), 24);
    assert_eq!((word(&request, 0), word(&request, 1)), (0xffff_ffff, 4));
    assert_eq!(&request[16..], b"hi\0\0\0\0\0\0");
}

/// What no memory has goes the general way, which says so: it is no text to its first zero.
#[test]
fn sizes_that_cannot_be_are_not_sent() {
    let prototype = "int f(const void *__sized_by(n * 16) from, unsigned long n)";
    let compact = compact(prototype).unwrap();
    let mut arena = Arena::new();
    let text = pointer(arena.constant(b"sixteen letters\0"));
    let from = arena.constant(&text);
    let mut send = |n: u64| {
        let n = arena.constant(&n.to_le_bytes());
        let mut request = Vec::new();
        compact
            .encode(&mut arena, &[from, n], 0, &mut request)
            .is_some()
    };
    assert!(send(1));
    for n in [1 << 60, 1 << 61, u64::MAX] {
        assert!(!send(n), "{n}");
    }
}

#[test]
fn memory_that_both_see_is_one_word() {
    let compact = compact(CARRIED[6]).unwrap();
    let mut arena = Arena::new();
    let buffer = arena.writable(&[5; 9000]);
    arena.seen.push((
        buffer,
        Seen {
            place: 1 << 40,
            left: 9000,
            agreed: true,
        },
    ));
    let mut pass = |to: u64, from: u64, n: u64| {
        let arguments = [to, from, n].map(|it| arena.constant(&it.to_le_bytes()));
        let mut request = Vec::new();
        compact
            .encode(&mut arena, &arguments, 0, &mut request)
            .map(|_| request)
    };
    let request = pass(buffer, buffer + 4500, 4500).unwrap();
    assert_eq!(request.len(), 32);
    assert_eq!(word(&request, 1), SHARED | 1 << 40);
    assert_eq!(word(&request, 2), SHARED | ((1 << 40) + 4500));
    // What reaches beyond it is refused, with the reason, the general way.
    assert!(pass(buffer, buffer + 4501, 4500).is_none());

    let enter = |request: &[u8]| {
        let mut call = Entered::default();
        let mut machine = Machine {
            common: (1 << 40) + 9000,
            ..Machine::default()
        };
        compact.enter(request, &mut machine, &mut call)?;
        Ok::<_, MarshalError>((call, machine))
    };
    let (mut call, machine) = enter(&request).unwrap();
    let there = COMMON + (1 << 40);
    assert_eq!(call.arguments(), [there, there + 4500, 4500]);
    assert!(machine.cleared.is_empty());
    for (index, value) in [
        (1, SHARED | CLEARED),
        (2, SHARED | ((1 << 40) + 4501)),
        (2, 4501),
        (2, 4502),
        (3, u64::MAX),
        (3, 4501),
    ] {
        let mut forged = request.clone();
        forged[8 * index..8 * index + 8].copy_from_slice(&value.to_le_bytes());
        let entered = enter(&forged);
        assert!(
            entered.is_err() || value == SHARED | CLEARED,
            "{index}: {value:#x}"
        );
    }
}

#[test]
fn what_a_function_may_not_do_is_said() {
    let compact = compact(CARRIED[1]).unwrap();
    let mut request = vec![0; 8];
    for word in [1 + 8, 8, 1, 0u64] {
        request.extend(word.to_le_bytes());
    }
    let mut call = Entered::default();
    compact.enter(&request, &mut machine(), &mut call).unwrap();
    let mut reply = Vec::new();
    let error = compact.leave(&call, 0, 9, &mut reply).unwrap_err();
    let message = error.to_string();
    assert!(
        message.contains("'to'") && message.contains("filled 9 of a buffer of 8"),
        "{message}"
    );
    // Less than nothing is nothing.
    compact
        .leave(&call, 0, -3i32 as u32 as u64, &mut reply)
        .unwrap();
    assert_eq!(reply.len(), 16);
}
