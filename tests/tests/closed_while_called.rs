//! Libraries that are closed while other threads are in calls of their functions: those calls end as they
//! would have, and after the last of them, not before, the library is closed in its VM.

use cosmos::{Batch, FaultCode, Function, Library, Outcome, Value};
use cosmos_tests::{World, c, in_world};
use std::ffi::{c_int, c_void};
use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::{Scope, ScopedJoinHandle};

type Numbers = extern "C" fn(c_int) -> c_int;
type Bytes = unsafe extern "C" fn(*mut u8, usize) -> c_int;
type Asks = extern "C" fn(extern "C" fn(c_int) -> c_int, c_int) -> c_int;

/// A function of each way that calls take.
const NUMBERS: &str = "int numbers(int number)";
const BYTES: &str = "int bytes(unsigned char *__inout __sized_by(size) bytes, size_t size)";
const ASKS: &str = "int asks(int (*function)(int number), int number)";
/// One call of each way; the numbers are what is passed, or how much.
#[derive(Clone, Copy)]
enum Call {
    Numbers(c_int),
    Bytes(usize),
    Asks(c_int),
}

const ALL: [Call; 5] = [
    Call::Numbers(7),
    Call::Numbers(-7),
    Call::Bytes(5),
    Call::Bytes(100_000),
    Call::Asks(21),
];

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

/// Starts a call on a thread of its own, through a bare pointer, which holds nothing; it says whether it
/// returned what it should. The thread has made such calls before, for the first ones take the long way.
fn start<'scope>(
    scope: &'scope Scope<'scope, '_>,
    lingering: &Lingering,
    call: Call,
) -> ScopedJoinHandle<'scope, bool> {
    match call {
        Call::Numbers(number) => {
            let pointer = lingering.pointer(NUMBERS);
            // SAFETY: the function has this type.
            let numbers = unsafe { std::mem::transmute::<*const c_void, Numbers>(pointer) };
            scope.spawn(move || {
                let calls = [0, 0, number].map(|number| numbers(number) == number + 1);
                calls == [true; 3]
            })
        }
        Call::Bytes(size) => {
            let pointer = lingering.pointer(BYTES);
            // SAFETY: the function has this type.
            let bytes = unsafe { std::mem::transmute::<*const c_void, Bytes>(pointer) };
            scope.spawn(move || {
                let calls = [0, 0, 41].map(|byte| {
                    let mut buffer = vec![byte; size];
                    // SAFETY: the buffer has so many bytes.
                    let returned = unsafe { bytes(buffer.as_mut_ptr(), size) };
                    returned == size as c_int && buffer.iter().all(|it| *it == byte + 1)
                });
                calls == [true; 3]
            })
        }
        Call::Asks(number) => {
            let pointer = lingering.pointer(ASKS);
            // SAFETY: the function has this type.
            let asks = unsafe { std::mem::transmute::<*const c_void, Asks>(pointer) };
            scope.spawn(move || {
                let calls = [0, 0, number].map(|number| asks(twice, number) == 2 * number + 1);
                calls == [true; 3]
            })
        }
    }
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

/// Closes the library while the calls are under way, and then lets them go.
fn closes_under_calls(world: &World, kept: &Library, calls: &[Call], close: fn(Library)) {
    let lingering = Lingering::open(world);
    std::thread::scope(|scope| {
        let start = |call: &Call| start(scope, &lingering, *call);
        let under_way: Vec<_> = calls.iter().map(start).collect();
        let Lingering {
            library,
            mut said,
            mut lets_go,
        } = lingering;
        let mut begun = vec![0; calls.len()];
        said.read_exact(&mut begun).expect("all of them begin");
        assert_eq!(begun, vec![b'+'; calls.len()]);
        close(library);
        others_come_and_go(kept);
        lets_go.write_all(&begun).expect("they are let go");
        for call in under_way {
            assert!(call.join().expect("no panic"));
        }
        // Whatever the library does is in the order in which it was said.
        let mut rest = vec![0; calls.len() + 1];
        said.read_exact(&mut rest).expect("it is unloaded");
        assert_eq!(rest.pop(), Some(b'u'));
        assert_eq!(rest, vec![b'-'; calls.len()]);
    });
}

/// Under a call of each way alone, for one that is held holds it for the others, and under all of them.
fn closes_under_each(world: &World, close: fn(Library)) {
    let kept = cosmos::dlopen("libm.so.6").expect("libm, which keeps the VM");
    for call in ALL {
        closes_under_calls(world, &kept, &[call], close);
    }
    closes_under_calls(world, &kept, &ALL, close);
    // The VM goes on.
    others_come_and_go(&kept);
}

fn closes(library: Library) {
    library.close().expect("it closes");
}

#[test]
fn calls_under_way_end_as_they_would_where_the_library_is_closed() {
    in_world(|world| closes_under_each(world, closes));
}

#[test]
fn calls_under_way_end_as_they_would_where_nobody_has_the_library_any_more() {
    in_world(|world| closes_under_each(world, drop));
}

#[test]
fn so_do_calls_through_sockets() {
    in_world(|world| {
        // SAFETY: no other thread of this process reads or writes the environment yet.
        unsafe { std::env::set_var("COSMOS_RING", "0") };
        closes_under_each(world, drop);
    });
}

/// Calls of one kind, again and again, until one finds the library closed; each before it returns what it should.
fn until_closed(done: &AtomicU32, make: impl Fn() -> Vec<(Result<Outcome, cosmos::Error>, Value)>) {
    loop {
        for (outcome, expected) in make() {
            match outcome {
                Ok(outcome) => assert_eq!(outcome.result, expected),
                Err(error) => {
                    assert_eq!(error.code(), FaultCode::StaleHandle, "{error}");
                    return;
                }
            }
        }
        done.fetch_add(1, Ordering::Relaxed);
    }
}

fn together(half: &Function) -> Vec<(Result<Outcome, cosmos::Error>, Value)> {
    let mut batch = Batch::new();
    for number in 0..600 {
        batch.add(half, [f64::from(number).into()]);
    }
    let halves = (0..600).map(|number| Value::Float(f64::from(number) / 2.0));
    batch.run().into_iter().zip(halves).collect()
}

fn started(half: &Function) -> Vec<(Result<Outcome, cosmos::Error>, Value)> {
    let calls = (0..4).map(|_| half.start(vec![3.0.into()]).expect("a thread"));
    let outcomes = cosmos::wait_all(calls.collect::<Vec<_>>());
    outcomes
        .into_iter()
        .map(|outcome| (outcome, 1.5.into()))
        .collect()
}

#[test]
fn libraries_are_closed_under_batches_started_calls_buffers_and_calls_back() {
    in_world(|world| {
        let path = c::library("flipper.c", world.directory());
        let path = path.to_str().expect("UTF-8");
        for round in 0..20 {
            let library = cosmos::dlopen(path).expect("the library");
            let function = |prototype| library.function(prototype).expect(prototype);
            let half = function("double half(double number)");
            let sums =
                function("uint64_t sums(const unsigned char *__sized_by(size) bytes, size_t size)");
            let each = function("int each(int (*function)(int number), int count)");
            let done = [const { AtomicU32::new(0) }; 5];
            std::thread::scope(|scope| {
                scope.spawn(|| until_closed(&done[0], || together(&half)));
                scope.spawn(|| until_closed(&done[1], || started(&half)));
                for (place, size) in [(2, 30u64), (3, 200_000)] {
                    let (done, sums) = (&done[place], &sums);
                    let arguments = [Value::Bytes(vec![1; size as usize]), size.into()];
                    let sum = Value::from(size);
                    let call = move || vec![(sums.call(&arguments), sum.clone())];
                    scope.spawn(move || until_closed(done, call));
                }
                scope.spawn(|| {
                    until_closed(&done[4], || {
                        let twice = cosmos::callback(|arguments| match arguments {
                            [Value::Int(number)] => (2 * *number as i32).into(),
                            _ => 0.into(),
                        });
                        vec![(each.call(&[twice, 5.into()]), 20.into())]
                    });
                });
                let begun = || done.iter().all(|it| it.load(Ordering::Relaxed) > round % 3);
                while !begun() {
                    std::thread::yield_now();
                }
                library.close().expect("closed");
            });
        }
    });
}
