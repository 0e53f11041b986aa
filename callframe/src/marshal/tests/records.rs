//! Pointers inside records and arrays, and what lies behind them.

use super::arena::{Arena, TOKEN};
use super::build::*;
use super::vm::{Machine, Made};
use super::{Link, pointer};
use crate::DataModel;
use crate::expression::Operation;
use crate::marshal::{Keep, MarshalError};
use crate::types::*;

fn words(values: &[u64]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

#[test]
fn vectors_of_buffers_go_both_ways() {
    // ssize_t readv(const struct iovec *__counted_by(n) iov, int n), with an __out buffer in each.
    let mut build = Build::new();
    let byte = build.scalar(Scalar::UnsignedChar);
    let size = build.scalar(Scalar::Size);
    let length = Extent::Sized(expression(vec![Operation::Field(1)]));
    let base = build.pointer(byte, Direction::Out, length, |_| {});
    let iovec = build.record("iovec", &[("iov_base", base), ("iov_len", size)]);
    let iov = build.pointer(iovec, Direction::In, Extent::Counted(value_of(1)), |_| {});
    let int = build.scalar(Scalar::Int);
    build.parameter("iov", iov).parameter("n", int);
    let frame = build.finish("readv", int);
    for callee in [DataModel::LP64, DataModel::ILP32] {
        let link = Link::new(&frame, DataModel::LP64, callee);
        let mut arena = Arena::new();
        let first = arena.writable(&[0xdd; 3]);
        let second = arena.writable(&[0xdd; 20]);
        let iov = arena.constant(&words(&[first, 3, 0, 0, second, 20]));
        let arguments = [pointer(iov), 3i32.to_le_bytes().to_vec()];
        let word = callee.pointer.size as usize;
        link.call(
            &mut arena,
            &mut Machine::default(),
            &arguments,
            |function| {
                let iov = function.target(0);
                for (index, length) in [(0, 3), (2, 20)] {
                    let entry = function.read(iov + index * 2 * word..iov + (index * 2 + 1) * word);
                    let mut address = [0; 8];
                    address[..word].copy_from_slice(&entry);
                    let at = function.inside(u64::from_le_bytes(address));
                    assert_eq!(function.read(at..at + length), vec![0; length]);
                    function.write(at, &vec![index as u8 + 1; length]);
                }
            },
        )
        .unwrap();
        assert_eq!(arena.bytes(first, 3), [1; 3]);
        assert_eq!(arena.bytes(second, 20), [3; 20]);
    }
}

#[test]
fn arrays_of_strings() {
    let mut build = Build::new();
    let text = build.string();
    let values = build.pointer(text, Direction::In, Extent::Counted(value_of(1)), |_| {});
    let int = build.scalar(Scalar::Int);
    build.parameter("values", values).parameter("n", int);
    let link = Link::native(&build.finish("f", int));
    let mut arena = Arena::new();
    let one = arena.constant(b"one\0");
    let two = arena.constant(b"\0");
    let values = arena.constant(&words(&[one, 0, two]));
    let arguments = [pointer(values), 3i32.to_le_bytes().to_vec()];
    link.call(
        &mut arena,
        &mut Machine::default(),
        &arguments,
        |function| {
            let at = function.target(0);
            let word = |index: usize| function.read(at + 8 * index..at + 8 * index + 8);
            assert_eq!(word(1), [0; 8]);
            let one = function.inside(u64::from_le_bytes(word(0).try_into().unwrap()));
            assert_eq!(function.read(one..one + 4), b"one\0");
            let two = function.inside(u64::from_le_bytes(word(2).try_into().unwrap()));
            assert_eq!(function.read(two..two + 1), [0]);
        },
    )
    .unwrap();
}

/// `struct node { int value; struct node *__static next; }`
fn list() -> Link {
    let mut build = Build::new();
    let int = build.scalar(Scalar::Int);
    let node = TypeId(2);
    let next = build.pointer(node, Direction::Out, Extent::Single, |pointer| {
        pointer.ownership = Ownership::Static;
    });
    assert_eq!(
        build.record("node", &[("value", int), ("next", next)]),
        node
    );
    let result = build.pointer(node, Direction::Out, Extent::Single, |pointer| {
        pointer.ownership = Ownership::Borrowed;
    });
    Link::native(&build.finish("list", result))
}

#[test]
fn linked_lists_are_copied_link_by_link() {
    let link = list();
    let mut arena = Arena::new();
    let call = link.call(&mut arena, &mut Machine::default(), &[], |function| {
        let mut next = 0;
        for value in [3u64, 2, 1] {
            next = function.machine.allocate(&words(&[value, next]));
        }
        function.give(&next.to_le_bytes());
    });
    let mut next = u64::from_le_bytes(call.unwrap().result.try_into().unwrap());
    for value in 1..=3 {
        assert_eq!(arena.bytes(next, 4), i32::to_le_bytes(value));
        next = u64::from_le_bytes(arena.bytes(next + 8, 8).try_into().unwrap());
    }
    assert_eq!(next, 0);
    let keeps: Vec<Keep> = arena.kept.iter().map(|(_, keep)| *keep).collect();
    assert_eq!(keeps, [Keep::Static, Keep::Static, Keep::Borrowed]);
}

#[test]
fn a_list_that_bites_its_tail_ends_at_the_limit() {
    let link = list();
    let call = link.call(
        &mut Arena::new(),
        &mut Machine::default(),
        &[],
        |function| {
            let address = function.machine.allocate(&[0; 16]);
            function.machine.memory[0].1 = words(&[1, address]);
            function.give(&address.to_le_bytes());
        },
    );
    assert!(matches!(call.err().unwrap(), MarshalError::Callee { .. }));
}

#[test]
fn counts_of_members_that_come_back() {
    // struct list { unsigned n; const long *__static __counted_by(n) items; } get(void)
    let mut build = Build::new();
    let long = build.scalar(Scalar::Long);
    let count = build.scalar(Scalar::UnsignedInt);
    let extent = Extent::Counted(expression(vec![Operation::Field(0)]));
    let items = build.pointer(long, Direction::Out, extent, |pointer| {
        pointer.ownership = Ownership::Static;
    });
    let list = build.record("list", &[("n", count), ("items", items)]);
    let frame = build.finish("get", list);
    for callee in [DataModel::LP64, DataModel::ILP32] {
        let link = Link::new(&frame, DataModel::LP64, callee);
        let mut arena = Arena::new();
        let word = callee.long.size as usize;
        let call = link.call(&mut arena, &mut Machine::default(), &[], |function| {
            let mut items = Vec::new();
            for value in [-1i64, 2] {
                items.extend(&value.to_le_bytes()[..word]);
            }
            let address = function.machine.allocate(&items);
            function.result[0] = 2;
            function.result[word..2 * word].copy_from_slice(&address.to_le_bytes()[..word]);
        });
        let result = call.unwrap().result;
        let items = u64::from_le_bytes(result[8..16].try_into().unwrap());
        assert_eq!(arena.bytes(items, 16), words(&[u64::MAX, 2]));
    }
}

#[test]
fn borrowed_from_a_handle_lasts_with_it() {
    let mut build = Build::new();
    let handle = build.handle("stmt", Handle::default());
    let byte = build.scalar(Scalar::UnsignedChar);
    let result = build.pointer(byte, Direction::Out, Extent::NullTerminated, |pointer| {
        pointer.ownership = Ownership::BorrowedFrom(0);
    });
    build.parameter("stmt", handle);
    let link = Link::native(&build.finish("text", result));
    let mut arena = Arena::new();
    let mut machine = Machine::default();
    machine.objects.push((1, Some(Made::at(0x99))));
    let token = TOKEN + (1 << 24 | 1);
    link.call(&mut arena, &mut machine, &[pointer(token)], |function| {
        let copy = function.machine.allocate(b"text\0");
        function.give(&copy.to_le_bytes());
    })
    .unwrap();
    assert_eq!(arena.kept[0].1, Keep::BorrowedFrom(token));
}

#[test]
fn unions_are_bytes_and_cannot_be_converted_where_they_differ() {
    let mut build = Build::new();
    let int = build.scalar(Scalar::Int);
    let long = build.scalar(Scalar::Long);
    let plain = build.union("sigval", &[("i", int), ("l", long)]);
    build.parameter("value", plain);
    let frame = build.finish("f", int);
    let link = Link::native(&frame);
    let mut arena = Arena::new();
    link.call(
        &mut arena,
        &mut Machine::default(),
        &[words(&[0x1122_3344_5566_7788])],
        |function| {
            assert_eq!(function.number(0), 0x1122_3344_5566_7788);
        },
    )
    .unwrap();
    let differs = crate::marshal::Caller::new(frame, DataModel::LP64, DataModel::ILP32);
    assert!(
        differs
            .unwrap_err()
            .to_string()
            .contains("a union travels as raw bytes")
    );

    let mut own = Build::new();
    let int = own.scalar(Scalar::Int);
    let text = own.string();
    let holds = own.union("sigval", &[("i", int), ("p", text)]);
    own.parameter("value", holds);
    let refused = crate::Template::of(&own.finish("f", int), DataModel::LP64);
    assert!(
        refused
            .unwrap_err()
            .to_string()
            .contains("may not hold pointers")
    );
}

#[test]
fn pointers_into_a_parameter_go_in_as_well() {
    let mut build = Build::new();
    let wide = build.scalar(Scalar::Long);
    let base = build.pointer(wide, Direction::In, Extent::Counted(value_of(2)), |_| {});
    let from = build.pointer(wide, Direction::In, Extent::Single, |pointer| {
        pointer.identity = Identity::Alias(0);
    });
    let size = build.scalar(Scalar::Size);
    build
        .parameter("base", base)
        .parameter("from", from)
        .parameter("n", size);
    let frame = build.finish("f", from);
    for callee in [DataModel::LP64, DataModel::ILP32] {
        let link = Link::new(&frame, DataModel::LP64, callee);
        let mut arena = Arena::new();
        let base = arena.constant(&words(&[1, 2, 3]));
        let word = u64::from(callee.long.size);
        let arguments = [pointer(base), pointer(base + 16), words(&[3])];
        let call = link.call(
            &mut arena,
            &mut Machine::default(),
            &arguments,
            |function| {
                assert_eq!(function.number(1), function.number(0) + 2 * word);
                let last = function.number(0) + 3 * word;
                function.give(&last.to_le_bytes()[..word as usize]);
            },
        );
        assert_eq!(call.unwrap().result, pointer(base + 24));
        let outside = [pointer(base), pointer(base + 32), words(&[3])];
        let call = link.call(&mut arena, &mut Machine::default(), &outside, |_| {
            panic!("called")
        });
        assert!(matches!(call.err().unwrap(), MarshalError::Argument { .. }));
    }
}
