//! Functions that are passed, and calls of them, in which the VM is the caller.

use super::arena::{Arena, Passed};
use super::vm::{Function, Machine, function_of};
use super::{Link, pointer};
use crate::marshal::{
    CONSTANT, Callee, CalleeMemory, Caller, MarshalError, MemoryError, Pending, UNCHANGED,
};
use crate::types::{CallFrame, TypeId};
use crate::{DataModel, Template};
use std::sync::Arc;

fn parsed(prototype: &str) -> Arc<CallFrame> {
    let frame =
        crate::parse(prototype).unwrap_or_else(|error| panic!("{}", error.render(prototype)));
    Arc::new(frame)
}

const QSORT: &str = "void qsort(void *__inout __sized_by(nmemb * size) base, size_t nmemb, size_t size, \
     int (*compar)(const void *__sized_by(size) a, const void *__sized_by(size) b))";

/// A callback of a function: the VM of one model calls a client of the other.
struct Back {
    caller: Caller,
    callee: Callee,
}

impl Back {
    fn of(frame: &CallFrame, ty: TypeId, vm: DataModel, client: DataModel) -> Back {
        let callback = Arc::new(frame.callback(ty).unwrap());
        let caller = Caller::new(Arc::clone(&callback), vm, client).unwrap();
        let callee = Callee::new(Template::of(&callback, client).unwrap());
        // What the client derives of its own is what the VM sends by.
        assert_eq!(
            caller.callee_template().encode(),
            callee.template().encode()
        );
        Back { caller, callee }
    }

    /// Calls with these argument values of the VM's, `outer` being the integers of the outer call.
    fn call(
        &self,
        vm: &mut Arena,
        client: &mut Machine,
        outer: &[i128],
        arguments: &[Vec<u8>],
        function: impl FnOnce(&mut Function<'_>),
    ) -> Result<Vec<u8>, MarshalError> {
        let addresses: Vec<u64> = arguments.iter().map(|bytes| vm.constant(bytes)).collect();
        let size = self.caller.caller_template().result().size as usize;
        let result = vm.writable(&vec![0xee; size]);
        let (mut request, mut descriptors) = (Vec::new(), Vec::new());
        let mut pending = Pending::default();
        pending.set_outer(outer.into());
        self.caller.encode_into(
            vm,
            &addresses,
            0,
            &mut request,
            &mut descriptors,
            &mut pending,
        )?;
        let mut image = crate::marshal::Image::default();
        image.set_outer(outer.into());
        self.callee.decode_into(&request, client, &mut image)?;
        image.relocate(super::vm::IMAGE);
        let mut left = vec![0; self.callee.template().result().size.max(16) as usize];
        let mut errno = image.errno();
        function(&mut Function {
            template: self.callee.template(),
            image: &mut image,
            machine: client,
            result: &mut left,
            errno: &mut errno,
        });
        let mut reply = Vec::new();
        self.callee
            .encode_reply(&image, client, errno, &left, &mut reply)?;
        self.caller.decode(vm, &pending, &reply, &[], result)?;
        Ok(vm.bytes(result, size))
    }
}

#[test]
fn a_function_is_passed_as_a_number_with_the_integers_of_its_call() {
    let frame = parsed(QSORT);
    let callback = frame.parameters()[3].ty;
    for callee in [DataModel::LP64, DataModel::ILP32] {
        let link = Link::new(&frame, DataModel::LP64, callee);
        let (mut arena, mut machine) = (Arena::new(), Machine::default());
        let base = arena.writable(&[3, 1, 2]);
        let arguments = [
            pointer(base),
            3u64.to_le_bytes().to_vec(),
            1u64.to_le_bytes().to_vec(),
            pointer(0x7f00_1234_5678),
        ];
        link.call(&mut arena, &mut machine, &arguments, |function| {
            assert_eq!(function.number(3), function_of(1));
        })
        .unwrap();
        let passed = |address| Passed {
            ty: callback,
            address,
            outer: vec![0, 3, 1, 0],
            scope: None,
        };
        assert_eq!(arena.passed, [passed(0x7f00_1234_5678)]);
        assert_eq!(machine.passed, [passed(1)]);
    }
}

#[test]
fn a_callback_is_called_by_the_integers_of_the_outer_call() {
    let frame = parsed(QSORT);
    let callback = frame.parameters()[3].ty;
    for (vm, client) in [
        (DataModel::LP64, DataModel::LP64),
        (DataModel::ILP32, DataModel::LP64),
        (DataModel::LP64, DataModel::ILP32),
    ] {
        let back = Back::of(&frame, callback, vm, client);
        let (mut arena, mut machine) = (Arena::new(), Machine::default());
        let (a, b) = (arena.constant(b"abc"), arena.constant(b"abd"));
        let word = usize::from(vm.pointer.size);
        let arguments = [a, b].map(|address| address.to_le_bytes()[..word].to_vec());
        let result = back.call(
            &mut arena,
            &mut machine,
            &[0, 7, 3, 0],
            &arguments,
            |function| {
                let (a, b) = (function.target(0), function.target(1));
                assert_eq!(function.read(a..a + 3), b"abc");
                assert_eq!(function.read(b..b + 3), b"abd");
                function.give(&(-1i32).to_le_bytes());
            },
        );
        assert_eq!(result, Ok((-1i32).to_le_bytes().to_vec()));
    }
}

#[test]
fn the_two_ends_of_a_callback_must_know_the_same_outer_call() {
    let frame = parsed(QSORT);
    let back = Back::of(
        &frame,
        frame.parameters()[3].ty,
        DataModel::LP64,
        DataModel::LP64,
    );
    let (mut arena, mut machine) = (Arena::new(), Machine::default());
    let a = arena.constant(b"abc");
    let arguments = [pointer(a), pointer(a)].map(|bytes| arena.constant(&bytes));
    let (mut request, mut descriptors) = (Vec::new(), Vec::new());
    let mut pending = Pending::default();
    pending.set_outer([0, 7, 3, 0].into());
    back.caller
        .encode_into(
            &mut arena,
            &arguments,
            0,
            &mut request,
            &mut descriptors,
            &mut pending,
        )
        .unwrap();
    // A VM that sends more or less than the size that was passed is found out.
    for size in [2, 4, -1, i128::MAX] {
        let mut image = crate::marshal::Image::default();
        image.set_outer([0, 7, size, 0].into());
        let decoded = back.callee.decode_into(&request, &mut machine, &mut image);
        assert!(
            matches!(decoded, Err(MarshalError::Malformed(_))),
            "{size}: {decoded:?}"
        );
    }
    let mut image = crate::marshal::Image::default();
    let decoded = back.callee.decode_into(&request, &mut machine, &mut image);
    assert!(
        matches!(decoded, Err(MarshalError::Malformed(_))),
        "{decoded:?}"
    );
}

#[test]
fn data_comes_back_from_a_callback() {
    let frame = parsed(
        "struct point { int x; long y; }; int each(int (*visit)( \
         struct point *__inout __counted_by(n) points, int n, \
         char *__out __sized_by(8) __filled(return) text, const char *name, void *__opaque cookie))",
    );
    let back = Back::of(
        &frame,
        frame.parameters()[0].ty,
        DataModel::ILP32,
        DataModel::LP64,
    );
    let (mut arena, mut machine) = (Arena::new(), Machine::default());
    let mut points = Vec::new();
    for (x, y) in [(1i32, -2i32), (3, 4)] {
        points.extend(x.to_le_bytes());
        points.extend(y.to_le_bytes());
    }
    let points = arena.writable(&points);
    let text = arena.writable(b"........");
    let name = arena.constant(b"name\0");
    let word = |address: u64| address.to_le_bytes()[..4].to_vec();
    let arguments = [
        word(points),
        vec![2, 0, 0, 0],
        word(text),
        word(name),
        word(0xc0c0_c0c0),
    ];
    let result = back.call(&mut arena, &mut machine, &[], &arguments, |function| {
        let at = function.target(0);
        assert_eq!(function.read(at + 8..at + 16), (-2i64).to_le_bytes());
        function.write(at + 24, &77i64.to_le_bytes());
        let text = function.target(2);
        function.write(text, b"abc");
        assert_eq!(function.number(4), 0xc0c0_c0c0);
        function.give(&3i32.to_le_bytes());
    });
    assert_eq!(result, Ok(3i32.to_le_bytes().to_vec()));
    assert_eq!(arena.bytes(points + 12, 4), 77i32.to_le_bytes());
    assert_eq!(arena.bytes(text, 8), b"abc.....");
}

const DISPOSE: &str = "struct t *__or_const(-2) keep(struct t *t, void (*destroy)(void *__opaque p) \
     __scope(t) __or_const(0, -1))";

#[test]
fn constants_travel_as_they_are_and_scopes_by_their_handle() {
    let frame = parsed(DISPOSE);
    for callee in [DataModel::LP64, DataModel::ILP32] {
        let link = Link::new(&frame, DataModel::LP64, callee);
        let (mut arena, mut machine) = (Arena::new(), Machine::default());
        let object = crate::marshal::Object {
            record: None,
            closed_by: None,
        };
        let wire = CalleeMemory::handle_enter(&mut machine, 0x9000, object).unwrap();
        let token = super::arena::TOKEN + wire;
        for (given, seen) in [(0, 0), (u64::MAX, u64::MAX), (0x4444, function_of(1))] {
            let arguments = [pointer(token), pointer(given)];
            link.call(&mut arena, &mut machine, &arguments, |function| {
                let mask = u64::MAX >> (64 - 8 * u32::from(callee.pointer.size));
                assert_eq!(function.number(1), seen & mask);
            })
            .unwrap();
        }
        assert_eq!(arena.passed.len(), 1);
        assert_eq!(machine.passed[0].scope, Some(wire));
        assert_eq!(arena.passed[0].scope, Some(wire));
    }
}

const TABLE: &str = "struct table { int (*open)(int n); void (*close)(void) __or_const(1); int calls; }; \
     int run(struct table *__inout table)";

/// A table of functions as the caller has it.
fn table(arena: &mut Arena, open: u64, close: u64) -> u64 {
    let mut bytes = open.to_le_bytes().to_vec();
    bytes.extend(close.to_le_bytes());
    bytes.extend([5, 0, 0, 0, 0, 0, 0, 0]);
    arena.writable(&bytes)
}

#[test]
fn a_record_keeps_the_functions_it_came_with() {
    let frame = parsed(TABLE);
    let link = Link::native(&frame);
    let (mut arena, mut machine) = (Arena::new(), Machine::default());
    let record = table(&mut arena, 0x1111, 0x2222);
    let arguments = [pointer(record)];
    link.call(&mut arena, &mut machine, &arguments, |function| {
        let at = function.target(0);
        assert_eq!(function.read(at..at + 8), function_of(1).to_le_bytes());
        function.write(at + 8, &1u64.to_le_bytes());
        function.write(at + 16, &[6]);
    })
    .unwrap();
    assert_eq!(arena.bytes(record, 8), 0x1111u64.to_le_bytes());
    assert_eq!(arena.bytes(record + 8, 8), 1u64.to_le_bytes());
    assert_eq!(arena.bytes(record + 16, 1), [6]);
    // A function that it did not come with is none that the caller could call.
    for (place, function) in [(0, function_of(2)), (8, 0x6000), (0, 1)] {
        let refused = link.call(&mut arena, &mut machine, &arguments, |there| {
            let at = there.target(0);
            there.write(at + place, &u64::to_le_bytes(function));
        });
        assert!(matches!(refused, Err(MarshalError::Callee { .. })));
    }
}

#[test]
fn what_a_vm_may_not_answer_for_a_function_is_refused() {
    let frame = parsed(TABLE);
    let link = Link::native(&frame);
    let (mut arena, mut machine) = (Arena::new(), Machine::default());
    let record = table(&mut arena, 0x1111, 0);
    let address = arena.constant(&pointer(record));
    let (mut request, mut descriptors) = (Vec::new(), Vec::new());
    let pending = link
        .caller
        .encode(&mut arena, &[address], 0, &mut request, &mut descriptors)
        .unwrap();
    let reply = link.serve(&mut machine, &request, |_| {}).unwrap();
    let references = reply.len() - 16;
    for (open, close, good) in [
        (UNCHANGED, UNCHANGED, true),
        (0, CONSTANT | 1, true),
        (1, 0, false),
        (CONSTANT | 1, 0, false),
        (0, CONSTANT | 2, false),
        (0, CONSTANT | 1 << 40, false),
        (0, CONSTANT | 1 << 32 | 1, false),
        (UNCHANGED - 1, 0, false),
    ] {
        let mut forged = reply.clone();
        forged[references..references + 8].copy_from_slice(&u64::to_le_bytes(open));
        forged[references + 8..references + 16].copy_from_slice(&u64::to_le_bytes(close));
        let before = arena.snapshot();
        let decoded = link.caller.decode(&mut arena, &pending, &forged, &[], 0);
        assert_eq!(decoded.is_ok(), good, "{open:#x} {close:#x}: {decoded:?}");
        if !good {
            assert!(matches!(decoded, Err(MarshalError::Protocol { .. })));
            assert_eq!(arena.snapshot(), before);
        }
    }
}

#[test]
fn a_request_that_lies_about_functions_is_refused() {
    let frame = parsed(DISPOSE);
    let link = Link::native(&frame);
    let (mut arena, mut machine) = (Arena::new(), Machine::default());
    let arguments = [pointer(0), pointer(0x4444)].map(|bytes| arena.constant(&bytes));
    let (mut request, mut descriptors) = (Vec::new(), Vec::new());
    link.caller
        .encode(&mut arena, &arguments, 0, &mut request, &mut descriptors)
        .unwrap();
    let reference = request.len() - 8;
    for (number, good) in [
        (0, true),
        (1, true),
        ((1 << 48) - 1, true),
        (CONSTANT | u64::from(u32::MAX), true),
        (1 << 48, false),
        (CONSTANT, true),
        (CONSTANT | 7, false),
        (u64::MAX, false),
    ] {
        request[reference..].copy_from_slice(&u64::to_le_bytes(number));
        let decoded = link.callee.decode(&request, &mut machine);
        assert_eq!(decoded.is_ok(), good, "{number:#x}: {decoded:?}");
    }
}

#[test]
fn memory_that_knows_no_functions_passes_none() {
    /// A machine that can make no functions.
    struct Plain(Machine);
    impl crate::marshal::CalleeMemory for Plain {
        fn read(&self, address: u64, into: &mut [u8]) -> Result<(), MemoryError> {
            self.0.read(address, into)
        }
        fn terminated_length(&self, a: u64, u: usize, t: u64, l: u64) -> Result<u64, MemoryError> {
            self.0.terminated_length(a, u, t, l)
        }
        fn handle_enter(
            &mut self,
            a: u64,
            o: crate::marshal::Object<'_>,
        ) -> Result<u64, MemoryError> {
            self.0.handle_enter(a, o)
        }
        fn handle_resolve(&self, wire: u64, record: Option<&str>) -> Result<u64, MemoryError> {
            self.0.handle_resolve(wire, record)
        }
        fn handle_closes(&self, wire: u64, function: &str) -> bool {
            self.0.handle_closes(wire, function)
        }
        fn handle_consume(&mut self, wire: u64) {
            self.0.handle_consume(wire);
        }
        fn release(&mut self, function: &str, address: u64) -> Result<(), MemoryError> {
            self.0.release(function, address)
        }
        fn descriptor(&mut self, index: usize) -> Result<i32, MemoryError> {
            self.0.descriptor(index)
        }
        fn descriptor_leave(&mut self, fd: i32) -> Result<u64, MemoryError> {
            self.0.descriptor_leave(fd)
        }
    }
    let frame = parsed("void each(void (*visit)(void))");
    let link = Link::native(&frame);
    let mut arena = Arena::new();
    let argument = arena.constant(&pointer(0x4444));
    let (mut request, mut descriptors) = (Vec::new(), Vec::new());
    link.caller
        .encode(&mut arena, &[argument], 0, &mut request, &mut descriptors)
        .unwrap();
    let refused = link.callee.decode(&request, &mut Plain(Machine::default()));
    assert!(
        matches!(refused, Err(MarshalError::Memory { .. })),
        "{refused:?}"
    );
}
