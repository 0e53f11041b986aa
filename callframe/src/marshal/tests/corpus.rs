//! The functions a first release must carry, with closures in their place: what C would do is
//! written out, and the VM may be of the same data model or of ILP32.

use super::arena::Arena;
use super::build::*;
use super::vm::{IMAGE, Machine};
use super::{Link, pointer};
use crate::marshal::{Keep, MarshalError};
use crate::types::*;
use crate::{CallFrame, DataModel};
use std::sync::Arc;

const ILP32: DataModel = DataModel::ILP32;
const LP64: DataModel = DataModel::LP64;

fn machine() -> (Arena, Machine) {
    (Arena::new(), Machine::default())
}

#[test]
fn scalars_go_in_and_out_with_errno() {
    let mut build = Build::new();
    let double = build.scalar(Scalar::Double);
    build.parameter("x", double);
    let link = Link::native(&build.finish("cos", double));
    let (mut arena, mut machine) = machine();
    let call = link.call(
        &mut arena,
        &mut machine,
        &[1.5f64.to_le_bytes().to_vec()],
        |function| {
            assert_eq!(*function.errno, 7);
            let x = f64::from_le_bytes(function.argument(0).try_into().unwrap());
            function.give(&(x * 2.0).to_le_bytes());
            *function.errno = 33;
        },
    );
    let call = call.unwrap();
    assert_eq!(call.result, 3.0f64.to_le_bytes());
    assert_eq!(call.outcome.errno, 33);
}

#[test]
fn without_errno_the_callers_stays() {
    let mut build = Build::new();
    let int = build.scalar(Scalar::Int);
    build.contract.no_errno = true;
    let link = Link::native(&build.finish("f", int));
    let (mut arena, mut machine) = machine();
    let call = link.call(&mut arena, &mut machine, &[], |function| {
        assert_eq!(*function.errno, 0);
        *function.errno = 33;
    });
    assert_eq!(call.unwrap().outcome.errno, 7);
}

#[test]
fn structs_come_back_by_value() {
    let mut build = Build::new();
    let int = build.scalar(Scalar::Int);
    let long = build.scalar(Scalar::Long);
    let ldiv = build.record("ldiv", &[("small", int), ("quot", long), ("rem", long)]);
    build.parameter("v", ldiv);
    let frame = build.finish("f", ldiv);
    let mut value = vec![1, 0, 0, 0, 0xaa, 0xaa, 0xaa, 0xaa];
    value.extend((-5i64).to_le_bytes());
    value.extend(6i64.to_le_bytes());
    for callee in [LP64, ILP32] {
        let link = Link::new(&frame, LP64, callee);
        let (mut arena, mut machine) = machine();
        let call = link.call(&mut arena, &mut machine, &[value.clone()], |function| {
            let seen = function.argument(0).to_vec();
            match callee == ILP32 {
                true => assert_eq!(seen, [1, 0, 0, 0, 0xfb, 0xff, 0xff, 0xff, 6, 0, 0, 0]),
                // What lay in the caller's padding stays there.
                false => assert_eq!(seen[4..8], [0; 4]),
            }
            function.give(&seen);
        });
        let result = call.unwrap().result;
        assert_eq!(result[..4], value[..4]);
        assert_eq!(
            result[4..8],
            [0xee; 4],
            "the program's padding is not written"
        );
        assert_eq!(result[8..], value[8..]);
    }
}

#[test]
fn a_number_too_large_for_the_vm_is_refused_by_name() {
    let mut build = Build::new();
    let long = build.scalar(Scalar::Long);
    build.parameter("amount", long);
    let link = Link::new(&build.finish("f", long), LP64, ILP32);
    let (mut arena, mut machine) = machine();
    let arguments = [(1i64 << 40).to_le_bytes().to_vec()];
    let call = link.call(&mut arena, &mut machine, &arguments, |_| panic!("called"));
    let error = call.err().unwrap().to_string();
    assert_eq!(
        error,
        "parameter 'amount': 1099511627776 does not fit the 4 bytes its type has in the VM"
    );
}

/// `double strtod(const char *nptr, char *__alias(nptr) *__out endptr)`
fn strtod() -> Arc<CallFrame> {
    let mut build = Build::new();
    let text = build.string();
    let char = build.scalar(Scalar::Char);
    let alias = build.pointer(char, Direction::In, Extent::Single, |pointer| {
        pointer.identity = Identity::Alias(0);
    });
    let end = build.pointer(alias, Direction::Out, Extent::Single, |_| {});
    build.parameter("nptr", text).parameter("endptr", end);
    let double = build.scalar(Scalar::Double);
    build.finish("strtod", double)
}

#[test]
fn an_alias_comes_back_as_the_callers_own_pointer() {
    for callee in [LP64, ILP32] {
        let link = Link::new(&strtod(), LP64, callee);
        let (mut arena, mut machine) = machine();
        let text = arena.constant(b"1.5xyz\0");
        let end = arena.writable(&[0xdd; 8]);
        let size = callee.pointer.size as usize;
        link.call(
            &mut arena,
            &mut machine,
            &[pointer(text), pointer(end)],
            |function| {
                let text = function.target(0);
                assert_eq!(function.read(text..text + 7), b"1.5xyz\0");
                let end = function.target(1);
                assert_eq!(function.read(end..end + size), vec![0; size]);
                let address = function.number(0) + 3;
                function.write(end, &address.to_le_bytes()[..size]);
            },
        )
        .unwrap();
        assert_eq!(arena.bytes(end, 8), pointer(text + 3));
    }
}

#[test]
fn null_stays_null_everywhere() {
    let link = Link::native(&strtod());
    let (mut arena, mut machine) = machine();
    link.call(
        &mut arena,
        &mut machine,
        &[pointer(0), pointer(0)],
        |function| {
            assert_eq!((function.number(0), function.number(1)), (0, 0));
        },
    )
    .unwrap();
    let end = arena.writable(&[0xdd; 8]);
    link.call(
        &mut arena,
        &mut machine,
        &[pointer(0), pointer(end)],
        |_| {},
    )
    .unwrap();
    assert_eq!(arena.bytes(end, 8), pointer(0));
}

#[test]
fn an_alias_outside_of_its_block_is_the_functions_fault() {
    let link = Link::native(&strtod());
    for offset in [-1i64, 8, 1 << 20] {
        let (mut arena, mut machine) = machine();
        let text = arena.constant(b"1.5xyz\0");
        let end = arena.writable(&[0xdd; 8]);
        let call = link.call(
            &mut arena,
            &mut machine,
            &[pointer(text), pointer(end)],
            |function| {
                let address = function.number(0).wrapping_add_signed(offset);
                let end = function.target(1);
                function.write(end, &address.to_le_bytes());
            },
        );
        assert!(
            matches!(call.err().unwrap(), MarshalError::Callee { .. }),
            "{offset}"
        );
        assert_eq!(arena.bytes(end, 8), [0xdd; 8]);
    }
}

#[test]
fn localtime_r_walks_into_the_record_and_keeps_the_zone() {
    let mut build = Build::new();
    let tm = build.tm();
    let out = build.pointer(tm, Direction::Out, Extent::Single, |_| {});
    build.parameter("result", out);
    let incomplete = build.incomplete("tm");
    let result = build.pointer(incomplete, Direction::In, Extent::Single, |pointer| {
        pointer.identity = Identity::Alias(0);
    });
    let frame = build.finish("localtime_r", result);
    for callee in [LP64, ILP32] {
        let link = Link::new(&frame, LP64, callee);
        let (mut arena, mut machine) = machine();
        let record = arena.writable(&[0xdd; 56]);
        let call = link.call(&mut arena, &mut machine, &[pointer(record)], |function| {
            let zone = function.machine.allocate(b"CEST\0");
            let at = function.target(0);
            let (offset, place) = if callee == LP64 { (40, 48) } else { (36, 40) };
            function.write(at, &59i32.to_le_bytes());
            let long = callee.long.size as usize;
            function.write(at + offset, &7200i64.to_le_bytes()[..long]);
            function.write(at + place, &zone.to_le_bytes()[..long]);
            let address = function.number(0);
            function.give(&address.to_le_bytes());
        });
        assert_eq!(call.unwrap().result, pointer(record));
        let after = arena.bytes(record, 56);
        assert_eq!(after[..4], 59i32.to_le_bytes());
        assert_eq!(after[36..40], [0xdd; 4], "padding");
        assert_eq!(after[40..48], 7200i64.to_le_bytes());
        let zone = u64::from_le_bytes(after[48..56].try_into().unwrap());
        assert_eq!(arena.string(zone), "CEST");
        assert_eq!(arena.kept, [(zone, Keep::Static)]);
    }
}

#[test]
fn borrowed_records_are_copied_for_the_program() {
    let mut build = Build::new();
    let tm = build.tm();
    let result = build.pointer(tm, Direction::Out, Extent::Single, |pointer| {
        pointer.ownership = Ownership::Borrowed;
    });
    let link = Link::native(&build.finish("localtime", result));
    let (mut arena, mut machine) = machine();
    let call = link.call(&mut arena, &mut machine, &[], |function| {
        let zone = function.machine.allocate(b"UTC\0");
        let mut record = vec![9; 48];
        record.extend(zone.to_le_bytes());
        let address = function.machine.allocate(&record);
        function.give(&address.to_le_bytes());
    });
    let address = u64::from_le_bytes(call.unwrap().result.try_into().unwrap());
    let zone = u64::from_le_bytes(arena.bytes(address + 48, 8).try_into().unwrap());
    assert_eq!(arena.bytes(address, 4), [9; 4]);
    assert_eq!(arena.string(zone), "UTC");
    assert_eq!(
        arena.kept,
        [(zone, Keep::Static), (address, Keep::Borrowed)]
    );
    let null = link.call(&mut arena, &mut machine, &[], |_| {}).unwrap();
    assert_eq!(null.result, pointer(0));
}

#[test]
fn owned_strings_are_copied_and_released() {
    let mut build = Build::new();
    let text = build.string();
    build.parameter("s", text);
    let char = build.scalar(Scalar::Char);
    let result = build.pointer(char, Direction::Out, Extent::NullTerminated, |pointer| {
        pointer.ownership = Ownership::Owned("free".into());
    });
    let link = Link::native(&build.finish("strdup", result));
    let (mut arena, mut machine) = machine();
    let text = arena.constant(b"h\xc3\xa9llo\0");
    let call = link.call(&mut arena, &mut machine, &[pointer(text)], |function| {
        let at = function.target(0);
        let bytes = function.read(at..at + 7);
        let copy = function.machine.allocate(&bytes);
        function.give(&copy.to_le_bytes());
    });
    let address = u64::from_le_bytes(call.unwrap().result.try_into().unwrap());
    assert_eq!(arena.string(address), "h\u{e9}llo");
    assert_eq!(arena.kept, [(address, Keep::Owned)]);
    assert_eq!(machine.released, [("free".to_owned(), 0x7000_0000)]);
}

#[test]
fn a_string_the_function_did_not_end_is_its_fault() {
    let mut build = Build::new();
    let char = build.scalar(Scalar::Char);
    let result = build.pointer(char, Direction::Out, Extent::NullTerminated, |pointer| {
        pointer.ownership = Ownership::Static;
    });
    let link = Link::native(&build.finish("f", result));
    let (mut arena, mut machine) = machine();
    let call = link.call(&mut arena, &mut machine, &[], |function| {
        let copy = function.machine.allocate(b"no end");
        function.give(&copy.to_le_bytes());
    });
    assert!(matches!(call.err().unwrap(), MarshalError::Memory { .. }));
}

#[test]
fn complex_and_long_double() {
    let mut build = Build::new();
    let complex = build.scalar(Scalar::ComplexDouble);
    let extended = build.scalar(Scalar::LongDouble);
    build.parameter("z", complex).parameter("x", extended);
    let frame = build.finish("f", extended);
    for callee in [LP64, ILP32] {
        let link = Link::new(&frame, LP64, callee);
        let (mut arena, mut machine) = machine();
        let z = [1.0f64.to_le_bytes(), 2.0f64.to_le_bytes()].concat();
        let mut x: Vec<u8> = (1..=10).collect();
        x.extend([0xaa; 6]);
        let call = link.call(
            &mut arena,
            &mut machine,
            &[z.clone(), x.clone()],
            |function| {
                assert_eq!(function.argument(0), z);
                let seen = function.argument(1).to_vec();
                assert_eq!(seen[..10], x[..10]);
                assert!(
                    seen[10..].iter().all(|byte| *byte == 0),
                    "padding is not sent"
                );
                function.give(&seen);
            },
        );
        let result = call.unwrap().result;
        assert_eq!(result[..10], x[..10]);
    }
}

#[test]
fn a_zone_the_program_did_not_get_from_us_is_not_followed() {
    let mut build = Build::new();
    let tm = build.tm();
    let inout = build.pointer(tm, Direction::InOut, Extent::Single, |_| {});
    build.parameter("tm", inout);
    let long = build.scalar(Scalar::Long);
    let link = Link::native(&build.finish("mktime", long));
    let (mut arena, mut machine) = machine();
    // Uninitialised, as most programs leave it.
    let mut record = vec![1; 48];
    record.extend(0xdead_beef_dead_beef_u64.to_le_bytes());
    let place = arena.writable(&record);
    link.call(&mut arena, &mut machine, &[pointer(place)], |function| {
        let at = function.target(0);
        assert_eq!(function.read(at + 48..at + 56), [0; 8]);
        let zone = function.machine.allocate(b"EST\0");
        function.write(at + 48, &zone.to_le_bytes());
    })
    .unwrap();
    let first = u64::from_le_bytes(arena.bytes(place + 48, 8).try_into().unwrap());
    assert_eq!(arena.string(first), "EST");
    // What it got from us goes back, and stays the same pointer if the function leaves it alone.
    link.call(&mut arena, &mut machine, &[pointer(place)], |function| {
        let at = function.target(0);
        let zone = u64::from_le_bytes(function.read(at + 48..at + 56).try_into().unwrap());
        let zone = function.inside(zone);
        assert_eq!(function.read(zone..zone + 4), b"EST\0");
        assert!(function.number(0) >= IMAGE);
    })
    .unwrap();
    assert_eq!(arena.bytes(place + 48, 8), first.to_le_bytes());
}

#[test]
fn failure_values_declared_and_not() {
    let failure = |scalar: Scalar, fail: Option<FailValue>| {
        let mut build = Build::new();
        let ty = build.scalar(scalar);
        build.contract.fail = fail;
        let link = Link::native(&build.finish("f", ty));
        let mut arena = Arena::new();
        let size = link.caller.caller_template().result().size as usize;
        let result = arena.writable(&vec![0xee; size]);
        link.caller.write_failure(&mut arena, result);
        arena.bytes(result, size)
    };
    assert_eq!(failure(Scalar::Int, None), (-1i32).to_le_bytes());
    assert_eq!(failure(Scalar::UnsignedLong, None), u64::MAX.to_le_bytes());
    assert_eq!(failure(Scalar::Bool, None), [0]);
    assert!(f64::from_le_bytes(failure(Scalar::Double, None).try_into().unwrap()).is_nan());
    assert!(f32::from_le_bytes(failure(Scalar::Float, None).try_into().unwrap()).is_nan());
    assert_eq!(
        failure(Scalar::Int, Some(FailValue::Integer(-2))),
        (-2i32).to_le_bytes()
    );
    let zero = Some(FailValue::Float(0.25f64.to_bits()));
    assert_eq!(failure(Scalar::Float, zero), 0.25f32.to_le_bytes());
    let complex = failure(Scalar::ComplexDouble, Some(FailValue::Integer(3)));
    assert_eq!(complex, [3.0f64.to_le_bytes(), 0f64.to_le_bytes()].concat());
}
