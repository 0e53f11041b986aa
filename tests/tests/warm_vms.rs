//! The VM's side of a call that was made before costs no allocation and no system call but such as wait, either:
//! what it does is looked at by the library that it runs, on the thread that runs it.

use cosmos::{Buffer, Library, Options, Symbol, Value, Vm};
use cosmos_tests::{World, c, in_world};
use std::ffi::{c_int, c_long, c_ulong};

/// Calls of each way whose allocations are counted.
const CALLS: c_long = 1000;

type Negated = extern "C" fn(c_long) -> c_long;
type Sum = unsafe extern "C" fn(*const u8, usize) -> c_ulong;
type Ask = unsafe extern "C" fn(extern "C" fn(c_int) -> c_int, c_int) -> c_long;

/// What is called, in a VM that lets its library do what it does here.
struct Watched {
    negated: Symbol<Negated>,
    sum: Symbol<Sum>,
    asks: Symbol<Ask>,
    shared: Buffer,
    library: Library,
    _vm: Vm,
}

extern "C" fn one(_number: c_int) -> c_int {
    1
}

impl Watched {
    fn open(world: &World) -> Watched {
        // SAFETY: no other thread of this process reads or writes the environment yet.
        unsafe { std::env::set_var("COSMOS_RING", "1") };
        let path = c::library("watched.c", world.directory());
        let path = path.to_str().expect("UTF-8");
        let options = Options::new().isolation("none");
        let vm = Vm::open("hostfn", &options).expect("a VM");
        let library = cosmos::dlopen_with(path, &Options::new().vm(&vm)).expect("the library");
        let sum = "unsigned long sum(const unsigned char *__sized_by(size) bytes, size_t size)";
        let asks = "long asks(int (*function)(int number), int times)";
        let mut shared = library.alloc(100).expect("shared memory");
        shared.write(0, &[1; 100]).expect("room");
        Watched {
            negated: library
                .symbol("long negated(long number)")
                .expect("negated"),
            sum: library.symbol(sum).expect(sum),
            asks: library.symbol(asks).expect(asks),
            shared,
            library,
            _vm: vm,
        }
    }

    /// Calls of numbers, and of bytes that travel, that are copied to where the VM sees them, and that are there.
    fn calls(&self, times: c_long) {
        let large = [1; 5000];
        for number in 1..=times {
            assert_eq!(self.negated.call(number), -number);
            // SAFETY: there are so many bytes.
            let sum = |from, size| unsafe { self.sum.call(from, size) };
            assert_eq!(sum(large.as_ptr(), 9), 9);
            assert_eq!(sum(large.as_ptr(), large.len()), 5000);
            assert_eq!(sum(self.shared.as_ptr(), 100), 100);
        }
    }

    /// Has the library call back, which gives how often it found something allocated for it.
    fn callbacks(&self, times: c_int) -> c_long {
        // SAFETY: the function is one of those.
        let allocated = unsafe { self.asks.call(one, times) };
        assert!(allocated >= 0, "it got wrong answers");
        allocated
    }

    fn number(&self, prototype: &str) -> i128 {
        let function = self.library.function(prototype).expect(prototype);
        match function.call(&[]).expect(prototype).result {
            Value::Int(number) => number,
            other => panic!("{prototype}: {other:?}"),
        }
    }
}

#[test]
fn warm_calls_allocate_nothing_in_the_vm() {
    in_world(|world| {
        let watched = Watched::open(world);
        assert!(watched.number("int count_allocations(void)") >= 4);
        watched.calls(100);
        let allocations = || watched.number("long allocations(void)");
        // It does count: what was asked for just now was.
        let before = allocations();
        assert!(before > 0);
        watched.calls(CALLS);
        // A request that came while the thread slept may, once in many, be answered a longer way.
        let allocated = allocations() - before;
        assert!(allocated < i128::from(CALLS) / 2, "{allocated} times");
        watched.callbacks(100);
        let allocated = watched.callbacks(1000);
        assert!(allocated < 500, "{allocated} times in callbacks");
    });
}

#[test]
fn warm_calls_make_no_system_call_but_to_wait_in_the_vm() {
    in_world(|world| {
        let watched = Watched::open(world);
        let other = watched.library.function("int other(void)").expect("other");
        assert_eq!(other.call(&[]).expect("a call").result, 1.into());
        watched.calls(100);
        watched.callbacks(100);
        assert_eq!(watched.number("int allow_only_waiting(void)"), 0);
        watched.calls(1000);
        watched.callbacks(3000);
        let error = other.call(&[]).expect_err("it is one of them");
        assert!(error.to_string().contains("SIGSYS"), "{error}");
    });
}
