//! A client of eight-byte `long` and pointers and a VM of four-byte ones (`examples/small.rs`),
//! through real sockets: numbers, layouts, lists, unions and texts mean the same on both ends.

mod harness;

use callframe::DataModel;
use callframe::marshal::MarshalError;
use cosmos_rpc::blocking::Connection;
use harness::{Failure, Function, Started, at, open, sym};
use std::ffi::{CStr, c_char, c_int, c_long, c_void};
use std::ptr::{null, null_mut};

struct World {
    _vm: Started,
    client: Connection,
}

impl World {
    fn new() -> World {
        let own = std::env::current_exe().unwrap();
        let directory = own.parent().unwrap().parent().unwrap();
        let program = directory.join("examples/small");
        assert!(
            program.exists(),
            "{} is missing: cargo build --examples",
            program.display()
        );
        let mut vm = Started::new(&program, &["--private"]);
        let client = vm.client();
        World { _vm: vm, client }
    }

    fn function(&mut self, prototype: &str) -> Function {
        let object = open(&mut self.client, "/".as_ref()).unwrap();
        let function = sym(&mut self.client, object, prototype).unwrap();
        let model = function.caller.callee_template().model();
        assert_eq!(model, DataModel::ILP32);
        function
    }

    /// Calls with the addresses of the arguments, which are variables of the parameters' types.
    fn call<R>(&mut self, function: &Function, arguments: &[u64]) -> R {
        self.try_call(function, arguments).unwrap()
    }

    fn try_call<R>(&mut self, function: &Function, arguments: &[u64]) -> Result<R, Failure> {
        // SAFETY: the tests give what the prototype says.
        unsafe { function.call(&mut self.client, arguments, 0) }.map(|(result, _)| result)
    }
}

#[test]
fn longs_are_as_wide_as_each_end_has_them() {
    let mut world = World::new();
    let sum = world.function("long sum(const long *__counted_by(n) numbers, size_t n)");
    let numbers: [c_long; 4] = [1, -20, 300, i32::MAX.into()];
    let place = numbers.as_ptr();
    for (count, expected) in [(0usize, 0), (3, 281), (2, -19)] {
        let total: c_long = world.call(&sum, &[at(&place), at(&count)]);
        assert_eq!(total, expected);
    }
    // What does not fit there is refused here, before anything is sent.
    let numbers: [c_long; 1] = [1 << 40];
    let (place, count) = (numbers.as_ptr(), 1usize);
    let failed = world.try_call::<c_long>(&sum, &[at(&place), at(&count)]);
    assert!(matches!(
        failed,
        Err(Failure::Marshal(MarshalError::Argument { .. }))
    ));
}

#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq)]
struct Shape {
    tag: c_char,
    size: i64,
    weight: f64,
    name: *const c_char,
    mine: *mut c_void,
}

#[test]
fn members_lie_where_each_end_has_them() {
    let mut world = World::new();
    let grow = world.function(
        "struct shape {
             char tag; long long size; double weight; const char *__in __null_terminated name;
             void *__opaque mine;
         };
         int grow(struct shape *__inout __counted_by(n) shapes, int n)",
    );
    let mine = 0x1234_5678 as *mut c_void;
    let shape = |size, name| Shape {
        tag: 7,
        size,
        weight: 1.25,
        name,
        mine,
    };
    let mut shapes = [shape(1 << 40, c"seven".as_ptr()), shape(-3, null())];
    let before = shapes;
    let (place, count) = (shapes.as_mut_ptr(), 2 as c_int);
    let length: c_int = world.call(&grow, &[at(&place), at(&count)]);
    assert_eq!(length, 5);
    for (after, before) in shapes.iter().zip(before) {
        let expected = Shape {
            size: 2 * before.size,
            weight: 1.75,
            ..before
        };
        assert_eq!(*after, expected);
    }
}

#[repr(C)]
#[derive(Clone, Copy)]
struct Node {
    kind: i16,
    value: Value,
    next: *const Node,
}

#[repr(C)]
#[derive(Clone, Copy)]
union Value {
    number: c_long,
    text: *const c_char,
}

#[test]
fn lists_and_unions_go_there_and_come_back() {
    let mut world = World::new();
    let reversed = world.function(
        "struct node {
             short kind;
             union { long number __case(1); const char *__in __null_terminated text __case(2); }
                 as __switch(kind);
             struct node *__in next;
         };
         struct node *__owned(free_list) reversed(const struct node *list)",
    );
    let lists = world.function("int lists(void)");
    let number = |number, next| Node {
        kind: 1,
        value: Value { number },
        next,
    };
    let third = Node {
        kind: 2,
        value: Value {
            text: c"three".as_ptr(),
        },
        next: null(),
    };
    let second = number(-22, &raw const third);
    let first = number(1, &raw const second);
    let list = &raw const first;
    let mut node: *const Node = world.call(&reversed, &[at(&list)]);
    // SAFETY: the copy that came back, a list of three.
    unsafe {
        assert_eq!((*node).kind, 2);
        assert_eq!(CStr::from_ptr((*node).value.text), c"three");
        for expected in [-22, 1] {
            node = (*node).next;
            assert_eq!(((*node).kind, (*node).value.number), (1, expected));
        }
        assert!((*node).next.is_null());
    }
    let nothing = null::<Node>();
    let none: *const Node = world.call(&reversed, &[at(&nothing)]);
    assert!(none.is_null());
    let left: c_int = world.call(&lists, &[]);
    assert_eq!(left, 0, "what was copied was freed there");
}

#[test]
fn times_and_long_doubles_are_converted() {
    let mut world = World::new();
    let next_day = world.function("time_t next_day(time_t *__inout when)");
    let mut when = 1_700_000_000i64;
    let place = &raw mut when;
    let next: i64 = world.call(&next_day, &[at(&place)]);
    assert_eq!((next, when), (1_700_086_400, 1_700_086_400));
    let mut late = i64::from(i32::MAX) + 1;
    let place = &raw mut late;
    let failed = world.try_call::<i64>(&next_day, &[at(&place)]);
    assert!(matches!(
        failed,
        Err(Failure::Marshal(MarshalError::Argument { .. }))
    ));
    let negated = world.function("long double negated(long double x)");
    // 1.5 in extended precision: mantissa, then exponent and sign; padded to sixteen bytes.
    let number: u128 = (0x3fff << 64) | (3 << 62);
    let result: u128 = world.call(&negated, &[at(&number)]);
    assert_eq!(result & ((1 << 80) - 1), number | (1 << 79));
}

#[test]
fn arrays_of_pointers_and_buffers_are_converted() {
    let mut world = World::new();
    let join = world.function(
        "size_t join(char *__null_terminated const *__null_terminated texts,
             char *__out __sized_by(size) __null_terminated into, size_t size)",
    );
    let texts = [c"one".as_ptr(), c"".as_ptr(), c"two".as_ptr(), null()];
    let texts = texts.as_ptr();
    for (size, expected) in [(8usize, b"onetwo\0-"), (4, b"onet----")] {
        let mut buffer = *b"--------";
        let place = buffer.as_mut_ptr();
        let length: usize = world.call(&join, &[at(&texts), at(&place), at(&size)]);
        assert_eq!((length, &buffer), (6, expected));
    }
    let nowhere = null_mut::<u8>();
    let size = 0usize;
    let failed = world.try_call::<usize>(&join, &[at(&texts), at(&nowhere), at(&size)]);
    // The function writes to NULL; its VM says so, and serves on.
    assert!(matches!(failed, Err(Failure::Fault(_))), "{failed:?}");
    let sum = world.function("long sum(const long *__counted_by(n) numbers, size_t n)");
    let (numbers, count) = (null::<c_long>(), 0usize);
    let total: c_long = world.call(&sum, &[at(&numbers), at(&count)]);
    assert_eq!(total, 0);
}
