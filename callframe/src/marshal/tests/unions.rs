//! Unions: as bytes, and by the member that their tag says is there.

use super::arena::Arena;
use super::vm::{Function, Machine};
use super::{Link, pointer};
use crate::DataModel;
use crate::marshal::{MarshalError, UNCHANGED};
use std::sync::Arc;

fn link(prototype: &str, callee: DataModel) -> Link {
    let frame = Arc::new(crate::parse(prototype).unwrap());
    Link::new(&frame, DataModel::LP64, callee)
}

/// `kind` 1 a long, 2 and 3 a text, 4 a double, else nothing.
const VALUE: &str = "struct value { \
     union { long number __case(1); const char *__in __null_terminated text __case(2, 3); \
             double real __case(4); } as __switch(kind); \
     int kind; };";

/// A `struct value` as the caller has it.
fn value(bits: u64, kind: i32) -> Vec<u8> {
    let mut bytes = bits.to_le_bytes().to_vec();
    bytes.extend(kind.to_le_bytes());
    bytes.extend([0xee; 4]);
    bytes
}

#[test]
fn the_member_that_is_there_goes_in() {
    let prototype = format!("{VALUE} int f(const struct value *__counted_by(n) values, int n)");
    for callee in [DataModel::LP64, DataModel::ILP32] {
        let link = link(&prototype, callee);
        let mut arena = Arena::new();
        let text = arena.constant(b"text\0");
        let values = [
            value(u64::MAX, 1),
            value(text, 3),
            value(2.5f64.to_bits(), 4),
            // Nothing is there: this leads nowhere and is not followed.
            value(0xdead_beef_0000, 9),
        ];
        let values = arena.constant(&values.concat());
        let arguments = [pointer(values), 4i32.to_le_bytes().to_vec()];
        link.call(&mut arena, &mut Machine::default(), &arguments, |call| {
            let at = call.target(0);
            let word = callee.long.size as usize;
            let kind = 8;
            let size = call.image.block(0).unwrap().len() / 4;
            assert_eq!(size, if word == 8 { 16 } else { 12 });
            assert_eq!(call.read(at..at + word), vec![0xff; word]);
            assert_eq!(call.read(at + kind..at + kind + 4), [1, 0, 0, 0]);
            let text = call.read(at + size..at + size + word);
            let mut address = [0; 8];
            address[..word].copy_from_slice(&text);
            let text = call.inside(u64::from_le_bytes(address));
            assert_eq!(call.read(text..text + 5), b"text\0");
            let real = at + 2 * size;
            assert_eq!(call.read(real..real + 8), 2.5f64.to_le_bytes());
            let nothing = at + 3 * size;
            assert_eq!(call.read(nothing..nothing + 8), [0; 8]);
        })
        .unwrap();
    }
}

const RETURNED: &str = "struct value { int kind; \
     union { long number __case(1); char *__owned(free) text __case(2); } as __switch(kind); };";

#[test]
fn the_member_that_is_there_comes_back() {
    let prototype = format!("{RETURNED} void f(struct value *__out __counted_by(2) values)");
    for callee in [DataModel::LP64, DataModel::ILP32] {
        let link = link(&prototype, callee);
        let word = callee.long.size as usize;
        let mut arena = Arena::new();
        let values = arena.writable(&[0xdd; 32]);
        let mut machine = Machine::default();
        link.call(&mut arena, &mut machine, &[pointer(values)], |call| {
            let at = call.target(0);
            let text = call.machine.allocate(b"made\0");
            call.write(at, &2i32.to_le_bytes());
            call.write(at + word, &text.to_le_bytes()[..word]);
            call.write(at + 2 * word, &1i32.to_le_bytes());
            call.write(at + 3 * word, &(-7i64).to_le_bytes()[..word]);
        })
        .unwrap();
        let read = |at: u64| u64::from_le_bytes(arena.bytes(at, 8).try_into().unwrap());
        assert_eq!(arena.bytes(read(values + 8), 5), b"made\0");
        assert_eq!(read(values + 24) as i64, -7);
        assert_eq!(machine.released.len(), 1);
    }
}

const CHANGED: &str = "struct value { int kind; \
     union { long number __case(1); const char *__in __null_terminated text __case(2); \
             const char *__static __null_terminated name __case(3); } as __switch(kind); }; \
     void f(struct value *__inout value)";

/// A call with a number whose reply is changed.
fn answered(
    kind: i32,
    bits: u64,
    arena: &mut Arena,
    function: impl FnOnce(&mut Function<'_>),
    change: impl FnOnce(&mut Vec<u8>),
) -> Result<Vec<u8>, MarshalError> {
    let link = link(CHANGED, DataModel::LP64);
    let mut bytes = kind.to_le_bytes().to_vec();
    bytes.extend([0; 4]);
    bytes.extend(bits.to_le_bytes());
    let place = arena.writable(&bytes);
    let argument = arena.constant(&pointer(place));
    let mut request = Vec::new();
    let pending = link
        .caller
        .encode(arena, &[argument], 0, &mut request, &mut Vec::new())?;
    let mut reply = link.serve(&mut Machine::default(), &request, function)?;
    change(&mut reply);
    link.caller.decode(arena, &pending, &reply, &[], 0)?;
    Ok(arena.bytes(place, 16))
}

#[test]
fn a_vm_that_lies_about_a_tag_makes_no_pointer_of_a_number() {
    // The block of the reply begins behind the header: its contents at 32, the tag first.
    const TAG: usize = 32;
    let number = 0x4141_4141_4141;
    let tagged = |kind: u8, reference: u64| {
        move |reply: &mut Vec<u8>| {
            reply[TAG] = kind;
            reply[4] = 1;
            reply.extend(reference.to_le_bytes());
            reply.extend([0; 8]);
        }
    };
    let answer = |kind: u8, reference: u64| {
        answered(
            1,
            number,
            &mut Arena::new(),
            |_| (),
            tagged(kind, reference),
        )
    };
    // A pointer of the caller's, left alone: there was none, so it is NULL.
    let bytes = answer(2, 0).unwrap();
    assert_eq!((bytes[0], &bytes[8..]), (2, &[0; 8][..]));
    let bytes = answer(3, 0).unwrap();
    assert_eq!((bytes[0], &bytes[8..]), (3, &[0; 8][..]));
    // One that moved, one that is unchanged: there was none.
    for (kind, reference) in [(2, 1), (2, UNCHANGED - 1), (2, UNCHANGED), (3, UNCHANGED)] {
        assert!(
            matches!(answer(kind, reference), Err(MarshalError::Protocol { .. })),
            "{kind}, {reference:x}"
        );
    }
    // References that the tag does not ask for.
    assert!(answer(1, 1).is_err());
    assert!(answer(9, 0).is_err());
}

/// The program's own pointer is not taken for memory of the allocator, because another member of the
/// union would be that.
#[test]
fn a_vm_that_lies_about_a_tag_frees_nothing_of_the_programs() {
    const TAG: usize = 32;
    let mut arena = Arena::new();
    let text = arena.constant(b"text\0");
    let flipped = |reference: u64| {
        move |reply: &mut Vec<u8>| {
            reply[TAG] = 3;
            let at = reply.len() - 16;
            reply[at..at + 8].copy_from_slice(&reference.to_le_bytes());
        }
    };
    let bytes = answered(2, text, &mut arena, |_| (), flipped(0)).unwrap();
    assert_eq!(bytes[8..], [0; 8]);
    assert_eq!(arena.freed, [0u64; 0]);
    let kept = answered(2, text, &mut arena, |_| (), flipped(UNCHANGED));
    assert!(
        matches!(kept, Err(MarshalError::Protocol { .. })),
        "{kept:?}"
    );
    // A name of its own in place of the program's text is a new one.
    let named = answered(
        2,
        text,
        &mut arena,
        |call| {
            let at = call.target(0);
            let name = call.machine.allocate(b"name\0");
            call.write(at, &3i32.to_le_bytes());
            call.write(at + 8, &name.to_le_bytes());
        },
        |_| (),
    );
    let name = u64::from_le_bytes(named.unwrap()[8..].try_into().unwrap());
    assert_ne!(name, text);
    assert_eq!(arena.bytes(name, 5), b"name\0");
    assert_eq!(arena.bytes(text, 5), b"text\0");
    assert_eq!(arena.freed, [0u64; 0]);
}

#[test]
fn a_function_may_choose_another_member() {
    let mut arena = Arena::new();
    let text = arena.constant(b"text\0");
    let bytes = answered(
        2,
        text,
        &mut arena,
        |call| {
            let at = call.target(0);
            call.write(at, &1i32.to_le_bytes());
            call.write(at + 8, &77u64.to_le_bytes());
        },
        |_| (),
    );
    assert_eq!(bytes.unwrap()[8..], 77u64.to_le_bytes());
    let bytes = answered(
        1,
        5,
        &mut arena,
        |call| {
            let at = call.target(0);
            let name = call.machine.allocate(b"name\0");
            call.write(at, &3i32.to_le_bytes());
            call.write(at + 8, &name.to_le_bytes());
        },
        |_| (),
    );
    let name = u64::from_le_bytes(bytes.unwrap()[8..].try_into().unwrap());
    assert_eq!(arena.bytes(name, 5), b"name\0");
    // A pointer of its own where one of the caller's belongs.
    let failed = answered(
        1,
        5,
        &mut arena,
        |call| {
            let at = call.target(0);
            call.write(at, &2i32.to_le_bytes());
            call.write(at + 8, &0x7000_0000u64.to_le_bytes());
        },
        |_| (),
    );
    assert!(matches!(failed, Err(MarshalError::Callee { .. })));
}

#[test]
fn a_union_without_a_tag_is_its_bytes() {
    let prototype = "int f(int sig, union sigval value)";
    let link = link(prototype, DataModel::LP64);
    let bits = 0x0123_4567_89ab_cdefu64;
    let arguments = [1i32.to_le_bytes().to_vec(), bits.to_le_bytes().to_vec()];
    link.call(
        &mut Arena::new(),
        &mut Machine::default(),
        &arguments,
        |call| assert_eq!(call.number(1), bits),
    )
    .unwrap();
}
