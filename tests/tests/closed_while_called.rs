//! Libraries that are closed while other threads are in calls of their functions: those calls end as they
//! would have, and after the last of them, not before, the library is closed in its VM.

use cosmos::{Library, Value};
use cosmos_tests::{World, c, in_world};
use std::ffi::{c_int, c_void};
use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::os::fd::AsRawFd;
use std::thread::{Scope, ScopedJoinHandle};

type Numbers = extern "C" fn(c_int) -> c_int;
type Bytes = unsafe extern "C" fn(*mut u8, usize) -> c_int;
type Asks = extern "C" fn(extern "C" fn(c_int) -> c_int, c_int) -> c_int;

/// A function of each way that calls take.
const NUMBERS: &str = "int numbers(int number)";
const BYTES: &str = "int bytes(unsigned char *__inout __sized_by(size) bytes, size_t size)";
const ASKS: &str = "int asks(int (*function)(int number), int number)";
const SIZES: [usize; 2] = [5, 100_000];
const CALLS: usize = 2 + SIZES.len() + 1;

/// The library, and pipes by which its functions are let go and say how far they are.
struct Lingering {
    library: Library,
    said: PipeReader,
    lets_go: PipeWriter,
}

impl Lingering {
    fn open(world: &World) -> Lingering {
        let path = c::library("linger.c", world.directory());
        let library = cosmos::dlopen(path.to_str().expect("UTF-8")).expect("the library");
        let (said, says) = pipe().expect("a pipe");
        let (waits, lets_go) = pipe().expect("another");
        let ends = [&says.as_raw_fd(), &waits.as_raw_fd()].map(|fd| Value::Descriptor(*fd));
        let used = library
            .function("int use(int __fd said, int __fd waited)")
            .expect("use")
            .call(&ends)
            .expect("a call");
        assert_eq!(used.result, Value::Int(0));
        Lingering {
            library,
            said,
            lets_go,
        }
    }

    fn pointer(&self, prototype: &str) -> *const c_void {
        self.library.function(prototype).expect(prototype).pointer()
    }
}

extern "C" fn twice(number: c_int) -> c_int {
    2 * number
}

/// Starts the calls, each on a thread of its own, through bare pointers, which hold nothing; each says
/// whether it returned what it should.
fn calls<'scope>(
    scope: &'scope Scope<'scope, '_>,
    lingering: &Lingering,
) -> Vec<ScopedJoinHandle<'scope, bool>> {
    // SAFETY: the functions have these types.
    let (numbers, bytes, asks) = unsafe {
        (
            std::mem::transmute::<*const c_void, Numbers>(lingering.pointer(NUMBERS)),
            std::mem::transmute::<*const c_void, Bytes>(lingering.pointer(BYTES)),
            std::mem::transmute::<*const c_void, Asks>(lingering.pointer(ASKS)),
        )
    };
    let mut calls = Vec::new();
    for number in [7, -7] {
        calls.push(scope.spawn(move || numbers(number) == number + 1));
    }
    for size in SIZES {
        calls.push(scope.spawn(move || {
            let mut buffer = vec![41u8; size];
            // SAFETY: the buffer has so many bytes.
            let returned = unsafe { bytes(buffer.as_mut_ptr(), size) };
            returned == size as c_int && buffer.iter().all(|byte| *byte == 42)
        }));
    }
    calls.push(scope.spawn(move || asks(twice, 21) == 43));
    calls
}

/// Other libraries come and go, so many that nothing of a closed one is kept for its own sake.
fn others_come_and_go(kept: &Library) {
    for _ in 0..3 {
        let other = cosmos::dlopen(kept.path()).expect("libm once more");
        for number in 0..100 {
            let cos = other.function(&format!("double cos(double x{number})"));
            let cos = cos.expect("cos").pointer();
            // SAFETY: the function has this type.
            let cos =
                unsafe { std::mem::transmute::<*const c_void, extern "C" fn(f64) -> f64>(cos) };
            assert_eq!(cos(0.0), 1.0);
        }
    }
}

/// Closes the library while calls are under way, and lets them go one after the other.
fn closes_under_calls(world: &World, close: impl FnOnce(Library)) {
    let kept = cosmos::dlopen("libm.so.6").expect("libm, which keeps the VM");
    let lingering = Lingering::open(world);
    std::thread::scope(|scope| {
        let mut under_way = calls(scope, &lingering);
        let Lingering {
            library,
            mut said,
            mut lets_go,
        } = lingering;
        let mut begun = [0; CALLS];
        said.read_exact(&mut begun).expect("all of them begin");
        assert_eq!(begun, [b'+'; CALLS]);
        close(library);
        others_come_and_go(&kept);
        lets_go.write_all(&[0; CALLS]).expect("they are let go");
        let ended: Vec<bool> = under_way
            .drain(..)
            .map(|call| call.join().expect("no panic"))
            .collect();
        assert_eq!(ended, [true; CALLS]);
        // Whatever the library does is in the order in which it was said.
        let mut rest = [0; CALLS + 1];
        said.read_exact(&mut rest).expect("it is unloaded");
        assert_eq!(rest[..CALLS], [b'-'; CALLS]);
        assert_eq!(rest[CALLS], b'u');
    });
    // The VM goes on.
    others_come_and_go(&kept);
}

#[test]
fn calls_under_way_end_as_they_would_where_the_library_is_closed() {
    in_world(|world| {
        closes_under_calls(world, |library| library.close().expect("it closes"));
    });
}

#[test]
fn calls_under_way_end_as_they_would_where_nobody_has_the_library_any_more() {
    in_world(|world| closes_under_calls(world, drop));
}

#[test]
fn so_do_calls_through_sockets() {
    in_world(|world| {
        // SAFETY: no other thread of this process reads or writes the environment yet.
        unsafe { std::env::set_var("COSMOS_RING", "0") };
        closes_under_calls(world, drop);
    });
}
