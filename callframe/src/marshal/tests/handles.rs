//! Objects and descriptors that live in the VM, as `corpus` does it.

use super::arena::{Arena, TOKEN};
use super::build::*;
use super::vm::Machine;
use super::{Link, pointer};
use crate::DataModel;
use crate::expression::Operation;
use crate::marshal::{CLOSED_DESCRIPTOR, MarshalError};
use crate::types::*;

const ILP32: DataModel = DataModel::ILP32;
const LP64: DataModel = DataModel::LP64;

fn machine() -> (Arena, Machine) {
    (Arena::new(), Machine::default())
}

#[test]
fn handles_are_made_by_results_and_outputs_and_ended_by_consumption() {
    let mut build = Build::new();
    let handle = build.handle(
        "db",
        Handle {
            closed_by: Some("shut".into()),
            consumed: false,
        },
    );
    let out = build.pointer(handle, Direction::Out, Extent::Single, |_| {});
    build.parameter("db", out);
    let open = Link::native(&build.finish("open", handle));
    let mut build = Build::new();
    let handle = build.handle(
        "db",
        Handle {
            closed_by: None,
            consumed: true,
        },
    );
    build.parameter("db", handle);
    let void = build.void();
    let shut = Link::native(&build.finish("shut", void));

    let (mut arena, mut machine) = machine();
    let place = arena.writable(&[0xdd; 8]);
    let call = open.call(&mut arena, &mut machine, &[pointer(place)], |function| {
        let at = function.target(0);
        function.write(at, &0xaaaa_u64.to_le_bytes());
        function.give(&0xaaaa_u64.to_le_bytes());
    });
    let token = pointer(TOKEN + (1 << 24 | 1));
    assert_eq!(
        call.unwrap().result,
        token,
        "the same object has the same handle"
    );
    assert_eq!(arena.bytes(place, 8), token);
    let arguments = [token];
    shut.call(&mut arena, &mut machine, &arguments, |function| {
        assert_eq!(function.number(0), 0xaaaa);
    })
    .unwrap();
    let again = shut.call(&mut arena, &mut machine, &arguments, |_| panic!("called"));
    assert!(matches!(
        again.err().unwrap(),
        MarshalError::StaleHandle { .. }
    ));
}

/// `int poll(struct pollfd *__inout __counted_by(nfds) fds, nfds_t nfds)`
#[test]
fn descriptors_in_records_stay_the_callers() {
    let mut build = Build::new();
    let fd = build.ty(Type::Descriptor);
    let short = build.scalar(Scalar::Short);
    let pollfd = build.record(
        "pollfd",
        &[("fd", fd), ("events", short), ("revents", short)],
    );
    let fds = build.pointer(
        pollfd,
        Direction::InOut,
        Extent::Counted(value_of(1)),
        |_| {},
    );
    let long = build.scalar(Scalar::UnsignedLong);
    build.parameter("fds", fds).parameter("nfds", long);
    let int = build.scalar(Scalar::Int);
    let frame = build.finish("poll", int);
    for callee in [LP64, ILP32] {
        let link = Link::new(&frame, LP64, callee);
        let (mut arena, mut machine) = machine();
        arena.open = vec![4, 6];
        let mut records = Vec::new();
        for fd in [4i32, -1, 5, 6] {
            records.extend(fd.to_le_bytes());
            records.extend([1, 0, 0, 0]);
        }
        let fds = arena.writable(&records);
        link.call(
            &mut arena,
            &mut machine,
            &[pointer(fds), 4u64.to_le_bytes().to_vec()],
            |function| {
                let at = function.target(0);
                let seen: Vec<i32> = (0..4)
                    .map(|index| function.read(at + index * 8..at + index * 8 + 4))
                    .map(|bytes| i32::from_le_bytes(bytes.try_into().unwrap()))
                    .collect();
                assert_eq!(seen, [104, -1, CLOSED_DESCRIPTOR, 106]);
                for index in 0..4 {
                    function.write(at + index * 8 + 6, &[index as u8, 0]);
                }
            },
        )
        .unwrap();
        for index in 0..4 {
            records[index * 8 + 6] = index as u8;
        }
        assert_eq!(arena.bytes(fds, 32), records);
        assert!(machine.left.is_empty());
    }
}

#[test]
fn descriptors_that_the_function_made_are_attached() {
    let mut build = Build::new();
    let fd = build.ty(Type::Descriptor);
    let two = expression(vec![Operation::Constant(2)]);
    let pipe = build.pointer(fd, Direction::Out, Extent::Counted(two), |_| {});
    build.parameter("pipe", pipe);
    let link = Link::native(&build.finish("f", fd));
    let (mut arena, mut machine) = machine();
    let pipe = arena.writable(&[0; 8]);
    let call = link.call(&mut arena, &mut machine, &[pointer(pipe)], |function| {
        let at = function.target(0);
        function.write(at, &[21, 0, 0, 0, 22, 0, 0, 0]);
        function.give(&20i32.to_le_bytes());
    });
    assert_eq!(call.unwrap().result, 20i32.to_le_bytes());
    assert_eq!(arena.bytes(pipe, 8), [21, 0, 0, 0, 22, 0, 0, 0]);
    let call = link.call(&mut arena, &mut machine, &[pointer(0)], |function| {
        function.give(&(-1i32).to_le_bytes());
    });
    assert_eq!(call.unwrap().result, (-1i32).to_le_bytes());
}
