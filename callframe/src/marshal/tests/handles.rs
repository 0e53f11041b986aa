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
            ..Handle::default()
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
            ..Handle::default()
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

/// Prototypes of one library: what opens its objects, works on them and closes them.
fn linked(prototype: &str) -> Link {
    Link::native(&std::sync::Arc::new(crate::parse(prototype).unwrap()))
}

#[test]
fn constants_in_place_of_handles_travel_as_they_are() {
    let text = "iconv_t __closed_by(iconv_close) __or_const(-1) iconv_open(iconv_t __handle __or_const(-1, 2) like)";
    let frame = std::sync::Arc::new(crate::parse(text).unwrap());
    for model in [LP64, ILP32] {
        let link = Link::new(&frame, LP64, model);
        let word = usize::from(model.pointer.size);
        for (value, carried) in [(-1i64, true), (2, true), (-2, false), (1, false)] {
            let (mut arena, mut machine) = machine();
            let argument = [value.to_le_bytes().to_vec()];
            let call = link.call(&mut arena, &mut machine, &argument, |function| {
                assert_eq!(function.argument(0), &value.to_le_bytes()[..word]);
                function.give(&(-1i64).to_le_bytes()[..word]);
            });
            match call {
                Ok(call) => {
                    assert!(carried, "{value}");
                    assert_eq!(call.result, (-1i64).to_le_bytes());
                }
                Err(error) => {
                    assert!(!carried, "{value}: {error}");
                    assert!(matches!(error, MarshalError::StaleHandle { .. }), "{error}");
                }
            }
            assert!(machine.objects.is_empty(), "no object was made");
        }
    }
}

/// A VM may answer with the constants that are listed, and with no others.
#[test]
fn constants_that_are_not_listed_are_refused() {
    let link = linked("iconv_t __handle __or_const(-1) iconv_open(void)");
    let (mut arena, mut machine) = machine();
    let (mut request, mut descriptors) = (Vec::new(), Vec::new());
    let pending = link
        .caller
        .encode(&mut arena, &[], 0, &mut request, &mut descriptors)
        .unwrap();
    let reply = link
        .serve(&mut machine, &request, |function| {
            function.give(&(-1i64).to_le_bytes());
        })
        .unwrap();
    let result = arena.writable(&[0; 8]);
    for (reference, good) in [
        (1 << 63 | 0xffff_ffff, true),
        (1 << 63 | 0xffff_fffe, false),
        (1 << 63 | 1 << 40 | 0xffff_ffff, false),
        (1 << 63, false),
        (u64::MAX, false),
        (1 << 48 | 1, false),
    ] {
        let mut forged = reply.clone();
        let at = forged.len() - 16;
        forged[at..at + 8].copy_from_slice(&u64::to_le_bytes(reference));
        let decoded = link
            .caller
            .decode(&mut arena, &pending, &forged, &[], result);
        assert_eq!(decoded.is_ok(), good, "{reference:#x}: {decoded:?}");
    }
}

#[test]
fn an_object_of_another_type_is_refused_by_name() {
    let open = linked("sqlite3 *__closed_by(sqlite3_close) open_database(void)");
    let step = linked("int step(sqlite3_stmt *__handle statement)");
    let any = linked("int look(void *__handle object)");
    let (mut arena, mut machine) = machine();
    let database = open
        .call(&mut arena, &mut machine, &[], |function| {
            function.give(&0x5000_u64.to_le_bytes());
        })
        .unwrap()
        .result;
    let arguments = [database];
    let wrong = step.call(&mut arena, &mut machine, &arguments, |_| panic!("called"));
    let error = wrong.err().unwrap();
    let words = "parameter 'statement': the handle is of sqlite3, and sqlite3_stmt is needed";
    assert_eq!(error.to_string(), words);
    any.call(&mut arena, &mut machine, &arguments, |function| {
        assert_eq!(function.number(0), 0x5000);
    })
    .unwrap();
}

/// What an object is `__closed_by` destroys it, whether its own prototype says `__consume` or not.
#[test]
fn the_closer_of_an_object_consumes_it() {
    let open = linked("struct box *__closed_by(shut) open_box(void)");
    let shut = linked("int shut(struct box *__handle box)");
    let look = linked("int look(struct box *__handle box)");
    let (mut arena, mut machine) = machine();
    let object = open
        .call(&mut arena, &mut machine, &[], |function| {
            function.give(&0x5000_u64.to_le_bytes());
        })
        .unwrap()
        .result;
    let arguments = [object];
    for link in [&look, &shut] {
        link.call(&mut arena, &mut machine, &arguments, |_| {})
            .unwrap();
    }
    let again = look.call(&mut arena, &mut machine, &arguments, |_| panic!("called"));
    assert!(matches!(
        again.err(),
        Some(MarshalError::StaleHandle { .. })
    ));
}

/// A handle member that the function set to NULL was closed by it; one it replaced is a new object.
#[test]
fn handles_in_records_that_come_back_may_be_closed_or_made() {
    let text = "struct image { struct control *__handle opaque; int version; };
                int read_image(struct image *__inout image)";
    let link = linked(text);
    let (mut arena, mut machine) = machine();
    let image = arena.writable(&[0; 16]);
    let arguments = [pointer(image)];
    for (leaves, known) in [(0x6000_u64, 1), (0x6000, 1), (0, 1), (0, 1), (0x7000, 2)] {
        link.call(&mut arena, &mut machine, &arguments, |function| {
            let at = function.target(0);
            function.write(at, &leaves.to_le_bytes());
        })
        .unwrap();
        let token = u64::from_le_bytes(arena.bytes(image, 8).try_into().unwrap());
        assert_eq!(token == 0, leaves == 0);
        assert_eq!(machine.objects.len(), known);
        let alive = machine.objects.iter().filter(|(_, made)| made.is_some());
        assert_eq!(alive.count(), usize::from(leaves != 0));
    }
}

/// Where the program is a VM that is called back, it knows which objects it has made.
#[test]
fn a_handle_that_the_program_cannot_have_changes_nothing() {
    let link =
        linked("struct box *__handle choose(int *__out number, struct box *__handle *__out other)");
    for unknown in [1 << 24 | 1, 1 << 24 | 2] {
        let (mut arena, mut machine) = machine();
        arena.unknown.push(unknown);
        let outs = [arena.writable(&[0xdd; 4]), arena.writable(&[0xdd; 8])];
        let before = arena.snapshot();
        let call = link.call(&mut arena, &mut machine, &outs.map(pointer), |function| {
            let at = [0, 1].map(|index| function.target(index));
            function.write(at[0], &7i32.to_le_bytes());
            function.write(at[1], &0x2000u64.to_le_bytes());
            function.give(&0x1000u64.to_le_bytes());
        });
        let error = call.err().unwrap();
        assert!(matches!(error, MarshalError::StaleHandle { .. }), "{error}");
        assert_eq!(arena.snapshot()[..2], before[..2]);
    }
}
