//! Buffers and what is filled of them, as `corpus` does it.

use super::arena::{Arena, TOKEN};
use super::build::*;
use super::vm::{Machine, Made};
use super::{Link, pointer};
use crate::expression::Operation;
use crate::marshal::{CLOSED_DESCRIPTOR, MarshalError};
use crate::types::*;
use crate::{CallFrame, DataModel};
use std::sync::Arc;

const ILP32: DataModel = DataModel::ILP32;
const LP64: DataModel = DataModel::LP64;

fn machine() -> (Arena, Machine) {
    (Arena::new(), Machine::default())
}

/// `ssize_t read(int __fd fd, void *__out __sized_by(count) __filled(return) buf, size_t count)`
fn read() -> Arc<CallFrame> {
    let mut build = Build::new();
    let fd = build.ty(Type::Descriptor);
    let void = build.void();
    let buffer = build.pointer(
        void,
        Direction::Out,
        Extent::Sized(value_of(2)),
        |pointer| {
            pointer.filled = Some(Filled::Amount(returned()));
        },
    );
    let size = build.scalar(Scalar::Size);
    build
        .parameter("fd", fd)
        .parameter("buf", buffer)
        .parameter("count", size);
    let result = build.scalar(Scalar::SignedSize);
    build.finish("read", result)
}

fn number(value: u64) -> Vec<u8> {
    value.to_le_bytes().to_vec()
}

#[test]
fn only_what_was_filled_comes_back() {
    for callee in [LP64, ILP32] {
        let link = Link::new(&read(), LP64, callee);
        for (result, filled) in [(5i64, 5), (0, 0), (-1, 0), (16, 16)] {
            let (mut arena, mut machine) = machine();
            arena.open = vec![3];
            let buffer = arena.writable(&[0xdd; 16]);
            let arguments = [3i32.to_le_bytes().to_vec(), pointer(buffer), number(16)];
            let call = link.call(&mut arena, &mut machine, &arguments, |function| {
                assert_eq!(function.number(0), 103);
                let at = function.target(1);
                assert_eq!(
                    function.read(at..at + 16),
                    [0; 16],
                    "the caller's bytes are not sent"
                );
                function.write(at, &[0x55; 16]);
                function.give(&result.to_le_bytes()[..callee.pointer.size as usize]);
            });
            assert_eq!(call.unwrap().result, result.to_le_bytes());
            let after = arena.bytes(buffer, 16);
            assert_eq!(after[..filled], vec![0x55; filled]);
            assert_eq!(after[filled..], vec![0xdd; 16 - filled]);
        }
    }
}

#[test]
fn more_filled_than_there_is_room_for_is_the_functions_fault() {
    let link = Link::native(&read());
    let (mut arena, mut machine) = machine();
    let buffer = arena.writable(&[0xdd; 16]);
    let arguments = [(-1i32).to_le_bytes().to_vec(), pointer(buffer), number(16)];
    let call = link.call(&mut arena, &mut machine, &arguments, |function| {
        function.give(&17i64.to_le_bytes());
    });
    assert_eq!(
        call.err().unwrap().to_string(),
        "parameter 'buf': the function says that it filled 17 of a buffer of 16 bytes"
    );
}

#[test]
fn descriptors_negative_open_and_closed() {
    let link = Link::native(&read());
    for (fd, seen) in [(-5, -5), (9, 109), (10, CLOSED_DESCRIPTOR)] {
        let (mut arena, mut machine) = machine();
        arena.open = vec![9];
        let arguments = [i32::to_le_bytes(fd).to_vec(), pointer(0), number(0)];
        link.call(&mut arena, &mut machine, &arguments, |function| {
            assert_eq!(function.number(0) as u32 as i32, seen);
        })
        .unwrap();
    }
}

#[test]
fn a_size_beyond_any_call_is_refused_before_it_is_sent() {
    let link = Link::native(&read());
    for count in [u64::MAX, 1 << 40, (64 << 20) + 1] {
        let (mut arena, mut machine) = machine();
        let buffer = arena.writable(&[0; 16]);
        let arguments = [
            (-1i32).to_le_bytes().to_vec(),
            pointer(buffer),
            number(count),
        ];
        let call = link.call(&mut arena, &mut machine, &arguments, |_| panic!("called"));
        assert!(matches!(call.err().unwrap(), MarshalError::TooLarge { .. }));
    }
}

/// `size_t mbstowcs(wchar_t *__inout __counted_by(n) dst, size_t n)`
#[test]
fn wide_characters_travel_both_ways() {
    let mut build = Build::new();
    let wide = build.scalar(Scalar::WideChar);
    let dst = build.pointer(wide, Direction::InOut, Extent::Counted(value_of(1)), |_| {});
    let size = build.scalar(Scalar::Size);
    build.parameter("dst", dst).parameter("n", size);
    let frame = build.finish("mbstowcs", size);
    for callee in [LP64, ILP32] {
        let link = Link::new(&frame, LP64, callee);
        let (mut arena, mut machine) = machine();
        let dst = arena.writable(&[0xdd; 16]);
        link.call(
            &mut arena,
            &mut machine,
            &[pointer(dst), number(4)],
            |function| {
                let at = function.target(0);
                assert_eq!(function.read(at..at + 16), [0xdd; 16]);
                function.write(at, &0x1f600u32.to_le_bytes());
            },
        )
        .unwrap();
        assert_eq!(arena.bytes(dst, 4), 0x1f600u32.to_le_bytes());
        assert_eq!(arena.bytes(dst + 4, 12), [0xdd; 12]);
    }
}

/// `int compress2(Bytef *__out __sized_by(*destLen) dest, uLongf *__inout destLen)`
fn compress() -> Arc<CallFrame> {
    let mut build = Build::new();
    let byte = build.scalar(Scalar::UnsignedChar);
    let dest = build.pointer(byte, Direction::Out, Extent::Sized(pointee(1)), |_| {});
    let long = build.scalar(Scalar::UnsignedLong);
    let length = build.pointer(long, Direction::InOut, Extent::Single, |_| {});
    build.parameter("dest", dest).parameter("destLen", length);
    let int = build.scalar(Scalar::Int);
    build.finish("compress2", int)
}

#[test]
fn a_length_that_comes_back_says_what_was_filled() {
    for callee in [LP64, ILP32] {
        let link = Link::new(&compress(), LP64, callee);
        for filled in [0u64, 3, 8] {
            let (mut arena, mut machine) = machine();
            let dest = arena.writable(&[0xdd; 8]);
            let length = arena.writable(&8u64.to_le_bytes());
            link.call(
                &mut arena,
                &mut machine,
                &[pointer(dest), pointer(length)],
                |function| {
                    let (dest, length) = (function.target(0), function.target(1));
                    function.write(dest, &[0x55; 8]);
                    function.write(length, &filled.to_le_bytes()[..callee.long.size as usize]);
                },
            )
            .unwrap();
            assert_eq!(arena.bytes(length, 8), filled.to_le_bytes());
            let after = arena.bytes(dest, 8);
            assert_eq!(after[..filled as usize], vec![0x55; filled as usize]);
            assert_eq!(after[filled as usize..], vec![0xdd; 8 - filled as usize]);
        }
    }
}

#[test]
fn a_length_that_grew_is_refused() {
    let link = Link::native(&compress());
    let (mut arena, mut machine) = machine();
    let dest = arena.writable(&[0xdd; 8]);
    let length = arena.writable(&8u64.to_le_bytes());
    let call = link.call(
        &mut arena,
        &mut machine,
        &[pointer(dest), pointer(length)],
        |function| {
            let length = function.target(1);
            function.write(length, &9u64.to_le_bytes());
        },
    );
    assert!(matches!(call.err().unwrap(), MarshalError::Callee { .. }));
    assert_eq!(arena.bytes(length, 8), 8u64.to_le_bytes());
}

#[test]
fn without_its_length_a_buffer_has_none() {
    let link = Link::native(&compress());
    let (mut arena, mut machine) = machine();
    let dest = arena.writable(&[0xdd; 8]);
    link.call(
        &mut arena,
        &mut machine,
        &[pointer(dest), pointer(0)],
        |function| {
            assert_ne!(function.number(0), 0);
            assert_eq!(function.image.block(0).unwrap().len(), 0);
        },
    )
    .unwrap();
    assert_eq!(arena.bytes(dest, 8), [0xdd; 8]);
}

/// `int EVP_Digest(unsigned char *__out __sized_by(8) __filled(*size) md,
/// unsigned int *__out size, const EVP_MD *__handle type)`
fn digest() -> Arc<CallFrame> {
    let mut build = Build::new();
    let byte = build.scalar(Scalar::UnsignedChar);
    let eight = expression(vec![Operation::Constant(8)]);
    let md = build.pointer(byte, Direction::Out, Extent::Sized(eight), |pointer| {
        pointer.filled = Some(Filled::Amount(pointee(1)));
    });
    let int = build.scalar(Scalar::UnsignedInt);
    let size = build.pointer(int, Direction::Out, Extent::Single, |_| {});
    let kind = build.handle("evp_md_st", Handle::default());
    build
        .parameter("md", md)
        .parameter("size", size)
        .parameter("type", kind);
    let int = build.scalar(Scalar::Int);
    build.finish("EVP_Digest", int)
}

#[test]
fn what_is_filled_is_counted_by_an_output() {
    for callee in [LP64, ILP32] {
        let link = Link::new(&digest(), LP64, callee);
        let (mut arena, mut machine) = machine();
        machine.objects.push((5, Some(Made::at(0x123456))));
        let md = arena.writable(&[0xdd; 8]);
        let size = arena.writable(&[0xdd; 4]);
        let token = TOKEN + (5 << 24 | 1);
        let arguments = [pointer(md), pointer(size), pointer(token)];
        link.call(&mut arena, &mut machine, &arguments, |function| {
            assert_eq!(function.number(2), 0x123456);
            let (md, size) = (function.target(0), function.target(1));
            assert_eq!(function.read(md..md + 8), [0; 8]);
            function.write(md, &[0x55; 8]);
            function.write(size, &5u32.to_le_bytes());
        })
        .unwrap();
        assert_eq!(
            arena.bytes(md, 8),
            [0x55, 0x55, 0x55, 0x55, 0x55, 0xdd, 0xdd, 0xdd]
        );
        assert_eq!(arena.bytes(size, 4), 5u32.to_le_bytes());
    }
}

#[test]
fn without_the_count_every_byte_travels_both_ways() {
    let link = Link::native(&digest());
    let (mut arena, mut machine) = machine();
    let md = arena.writable(&[1, 2, 3, 4, 5, 6, 7, 8]);
    link.call(
        &mut arena,
        &mut machine,
        &[pointer(md), pointer(0), pointer(0)],
        |function| {
            assert_eq!(function.number(2), 0);
            let md = function.target(0);
            assert_eq!(function.read(md..md + 8), [1, 2, 3, 4, 5, 6, 7, 8]);
            function.write(md, &[0x55; 3]);
        },
    )
    .unwrap();
    assert_eq!(arena.bytes(md, 8), [0x55, 0x55, 0x55, 4, 5, 6, 7, 8]);
}

#[test]
fn handles_of_nobody_are_refused_on_both_ends() {
    let link = Link::native(&digest());
    let (mut arena, mut machine) = machine();
    let stale = |token: u64, arena: &mut Arena, machine: &mut Machine| {
        let arguments = [pointer(0), pointer(0), pointer(token)];
        let call = link.call(arena, machine, &arguments, |_| panic!("called"));
        assert!(
            matches!(call.err().unwrap(), MarshalError::StaleHandle { .. }),
            "{token:#x}"
        );
    };
    stale(0x77, &mut arena, &mut machine);
    stale(TOKEN + (1 << 24 | 1), &mut arena, &mut machine);
    machine.objects.push((2, Some(Made::at(0x1000))));
    stale(TOKEN + (1 << 24 | 1), &mut arena, &mut machine);
}

#[test]
fn outputs_stay_where_success_says_no() {
    let mut build = Build::new();
    let int = build.scalar(Scalar::Int);
    let out = build.pointer(int, Direction::Out, Extent::Single, |_| {});
    build.parameter("value", out);
    build.contract.success = Some(expression(vec![
        Operation::Return,
        Operation::Constant(0),
        Operation::Compare(crate::expression::Comparison::Equal),
    ]));
    let link = Link::native(&build.finish("f", int));
    for (result, expected) in [(0i32, 5i32), (1, 9)] {
        let (mut arena, mut machine) = machine();
        let out = arena.writable(&9i32.to_le_bytes());
        let call = link.call(&mut arena, &mut machine, &[pointer(out)], |function| {
            let at = function.target(0);
            function.write(at, &5i32.to_le_bytes());
            function.give(&result.to_le_bytes());
        });
        assert_eq!(call.unwrap().outcome.success, result == 0);
        assert_eq!(arena.bytes(out, 4), expected.to_le_bytes());
    }
}

#[test]
fn a_count_that_is_needed_stays_too_where_success_says_no() {
    // int f(char *__out __sized_by(4) __filled(*n) text, int *__out n) __success(*n > 0)
    let mut build = Build::new();
    let char = build.scalar(Scalar::Char);
    let four = Extent::Sized(expression(vec![Operation::Constant(4)]));
    let text = build.pointer(char, Direction::Out, four, |pointer| {
        pointer.filled = Some(Filled::Amount(pointee(1)));
    });
    let int = build.scalar(Scalar::Int);
    let n = build.pointer(int, Direction::Out, Extent::Single, |_| {});
    build.parameter("text", text).parameter("n", n);
    build.contract.success = Some(expression(vec![
        Operation::Pointee(1),
        Operation::Constant(0),
        Operation::Compare(crate::expression::Comparison::Greater),
    ]));
    let link = Link::native(&build.finish("f", int));
    for (count, success) in [(2i32, true), (-2, false)] {
        let (mut arena, mut machine) = machine();
        let text = arena.writable(&[0xdd; 4]);
        let n = arena.writable(&[0xdd; 4]);
        let arguments = [pointer(text), pointer(n)];
        let call = link.call(&mut arena, &mut machine, &arguments, |function| {
            let (text, n) = (function.target(0), function.target(1));
            function.write(text, b"abcd");
            function.write(n, &count.to_le_bytes());
        });
        assert_eq!(call.unwrap().outcome.success, success);
        let (text, n) = (arena.bytes(text, 4), arena.bytes(n, 4));
        match success {
            true => assert_eq!(
                (text, n),
                (b"ab\xdd\xdd".to_vec(), count.to_le_bytes().to_vec())
            ),
            false => assert_eq!((text, n), (vec![0xdd; 4], vec![0xdd; 4])),
        }
    }
}
