//! Memory by which a program and a VM talk, of which one of them changes a word, between calls, during them, or all
//! the while: each call of the other one gives a value or an error by name, within its deadline, and touches no memory
//! that is not the call's.
//!
//! The words and what they become are drawn, always the same ones; `FLIPS` draws more, `FLIPS_SEED`
//! others.

use cosmos::{Batch, Error, FaultCode, Function, Library, Options, Symbol, Value};
use cosmos_tests::{Fenced, Prefix, c, eventually, in_world, in_world_for, run};
use std::ffi::{c_char, c_int};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What each call may take.
const DEADLINE: Duration = Duration::from_millis(500);
/// What a round of calls takes at most, on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(30);
const ROUNDS: u64 = 60;
/// How often a VM ends a connection.
const TIMES: u32 = 4;
/// Bytes of a body area of the ring, and of what is before them.
const AREA: u64 = 2 << 20;
const PAGE: u64 = 4096;
/// Ways to change a word, of `flips.h`.
const WAYS: u64 = 11;

type Turns = unsafe extern "C" fn(*mut u8, usize) -> c_int;
type Fills = unsafe extern "C" fn(*mut u8, usize) -> usize;
type Sums = unsafe extern "C" fn(*const u8, usize) -> u64;
type Each = unsafe extern "C" fn(Option<extern "C" fn(c_int) -> c_int>, c_int) -> c_int;
type Tells =
    unsafe extern "C" fn(Option<extern "C" fn(*const c_char, usize) -> c_int>, c_int) -> c_int;

/// xorshift: the same numbers everywhere.
struct Drawn(u64);

impl Drawn {
    fn number(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: u64) -> u64 {
        (self.number() >> 16) % bound
    }
}

/// What is changed, how, and when.
#[derive(Debug)]
struct Blow {
    memory: &'static str,
    place: u64,
    how: u64,
    wide: bool,
    random: u64,
    always: bool,
}

impl Blow {
    fn draw(drawn: &mut Drawn) -> Blow {
        let memory = match drawn.below(8) {
            0 => "cosmos arena",
            _ => "cosmos ring",
        };
        let place = match (memory, drawn.below(8)) {
            ("cosmos arena", _) => 4 * drawn.below(64),
            (_, 0) => 4 * drawn.below(6),
            (_, 1..=2) => 128 + 4 * drawn.below(20),
            (_, 3..=5) => 256 + 4 * drawn.below(20),
            (_, 6) => PAGE + 4 * drawn.below(32),
            _ => PAGE + AREA + 4 * drawn.below(32),
        };
        Blow {
            memory,
            place,
            how: drawn.below(WAYS),
            wide: drawn.below(3) == 0,
            random: drawn.number(),
            always: drawn.below(3) == 0,
        }
    }

    /// Has the library strike so from now on.
    fn arm(&self, library: &Library) {
        let arms = library
            .function("int arms(const char *memory, uint64_t place, int how, int wide, uint64_t random, int when)")
            .expect("arms");
        // What comes of it is as uncertain as all that follows.
        let _ = arms.call(&[
            Value::Text(self.memory.into()),
            self.place.into(),
            (self.how as i32).into(),
            i32::from(self.wide).into(),
            self.random.into(),
            i32::from(self.always).into(),
        ]);
    }
}

/// An error has a name, and says who is to blame.
fn by_name(error: &Error) {
    assert!(!error.to_string().is_empty());
    assert!(error.errno() != 0, "{error:?}");
}

fn named<T>(outcome: Result<T, Error>) -> Option<T> {
    outcome.inspect_err(by_name).ok()
}

extern "C" fn twice(number: c_int) -> c_int {
    number.wrapping_mul(2)
}

extern "C" fn length(text: *const c_char, length: usize) -> c_int {
    if text.is_null() {
        return 0;
    }
    // SAFETY: the library calls back with so many bytes, or the call back does not come.
    let bytes = unsafe { std::slice::from_raw_parts(text.cast::<u8>(), length) };
    bytes.iter().map(|byte| c_int::from(*byte)).sum()
}

/// The functions of flipper.c, of each way that calls take.
struct Flipper {
    library: Library,
    half: Function,
    sums: Symbol<Sums>,
    turns: Symbol<Turns>,
    fills: Symbol<Fills>,
    each: Symbol<Each>,
    tells: Symbol<Tells>,
}

impl Flipper {
    fn open(path: &str) -> Flipper {
        let options = Options::new()
            .fresh(true)
            .isolation("none")
            .callbacks(10_000);
        Flipper::open_with(path, &options)
    }

    fn open_with(path: &str, options: &Options) -> Flipper {
        let library = cosmos::dlopen_with(path, options).expect("the library");
        const BUFFER: &str = "unsigned char *__inout __sized_by(size) bytes, size_t size";
        Flipper {
            half: library.function("double half(double number)").expect("half"),
            sums: library
                .symbol("uint64_t sums(const unsigned char *__sized_by(size) bytes, size_t size)")
                .expect("sums"),
            turns: library.symbol(&format!("int turns({BUFFER})")).expect("turns"),
            fills: library
                .symbol("size_t fills(unsigned char *__out __sized_by(size) __filled(return) bytes, size_t size)")
                .expect("fills"),
            each: library
                .symbol("int each(int (*function)(int number), int count)")
                .expect("each"),
            tells: library
                .symbol("int tells(int (*function)(const char *__sized_by(length) text, size_t length), int count)")
                .expect("tells"),
            library,
        }
    }

    /// One call of each way or more; how many of them returned.
    fn calls(&self) -> usize {
        let mut returned = 0;
        for number in 0..10 {
            returned += usize::from(named(self.half.call(&[f64::from(number).into()])).is_some());
        }
        for size in [3usize, 20, 600, 100_000] {
            returned += self.buffers(size);
        }
        // SAFETY: the functions are of these types.
        unsafe {
            returned += usize::from(named(self.each.try_call(Some(twice), 6)).is_some());
            returned += usize::from(named(self.tells.try_call(Some(length), 3)).is_some());
        }
        returned + self.nested() + self.together() + self.shared()
    }

    fn buffers(&self, size: usize) -> usize {
        let mut buffer = Fenced::of(size);
        let at = buffer.start();
        // SAFETY: the buffer has so many bytes.
        let (sums, turns) =
            unsafe { (self.sums.try_call(at, size), self.turns.try_call(at, size)) };
        buffer.stands();
        let mut buffer = Fenced::of(size);
        // SAFETY: as above.
        let filled = named(unsafe { self.fills.try_call(buffer.start(), size) });
        buffer.stands();
        assert!(
            filled.is_none_or(|filled| filled <= size),
            "{filled:?} of {size}"
        );
        let returned = [
            named(sums).is_some(),
            named(turns).is_some(),
            filled.is_some(),
        ];
        returned.into_iter().filter(|returned| *returned).count()
    }

    /// Calls in calls back.
    fn nested(&self) -> usize {
        let half = self.half.clone();
        let inner = cosmos::callback(move |_| {
            named(half.call(&[1.0.into()]));
            1.into()
        });
        usize::from(named(self.each.function().call(&[inner, 4.into()])).is_some())
    }

    /// Calls that travel together, and some that are started, on threads of their own.
    fn together(&self) -> usize {
        let mut batch = Batch::new();
        for number in 0..600 {
            batch.add(&self.half, [f64::from(number).into()]);
        }
        let together = batch.run();
        let started = (0..3).filter_map(|_| named(self.half.start(vec![3.0.into()])));
        let started = cosmos::wait_all(started.collect::<Vec<_>>());
        let all = together.into_iter().chain(started);
        all.filter_map(named).count()
    }

    /// Memory that both see.
    fn shared(&self) -> usize {
        let Some(buffer) = named(self.library.alloc(100_000)) else {
            return 0;
        };
        // SAFETY: the buffer has so many bytes.
        let sum = unsafe { self.sums.try_call(buffer.as_ptr(), 100_000) };
        usize::from(named(sum).is_some()) + usize::from(named(buffer.to_vec()).is_some())
    }
}

fn number_of(variable: &str, otherwise: u64) -> u64 {
    let said = std::env::var(variable).ok();
    said.and_then(|said| said.parse().ok()).unwrap_or(otherwise)
}

#[test]
fn a_vm_that_changes_words_of_it_gets_no_further_than_its_own_calls() {
    in_world_for(Duration::from_secs(900), |world| {
        let path = c::library("flipper.c", world.directory());
        let path = path.to_str().expect("UTF-8");
        let mut drawn = Drawn(number_of("FLIPS_SEED", 0x9e37_79b9_7f4a_7c15));
        let (mut whole, mut broken) = (0, 0);
        for round in 0..number_of("FLIPS", ROUNDS) {
            let blow = Blow::draw(&mut drawn);
            let begun = Instant::now();
            let flipper = Flipper::open(path);
            let returned = cosmos::within(DEADLINE, || {
                blow.arm(&flipper.library);
                flipper.calls() + flipper.calls()
            });
            let took = begun.elapsed();
            println!("{round}: {blow:x?}: {returned} returned, {took:?}");
            assert!(took < PATIENCE, "{round}: {blow:x?}: {took:?}");
            match cosmos::within(DEADLINE, || named(flipper.half.call(&[1.0.into()]))) {
                Some(_) => whole += 1,
                None => broken += 1,
            }
        }
        assert!(whole > 0 && broken > 0, "{whole} whole, {broken} broken");
    });
}

/// A VM ends the connection of a thread by its own doing, and lives on: that is told at once, however often it does so.
#[test]
fn a_vm_that_ends_one_connection_does_not_delay_the_error() {
    in_world(|world| {
        // SAFETY: no other thread looks at the environment yet.
        unsafe { std::env::set_var("COSMOS_RING", "1") };
        let path = c::library("flipper.c", world.directory());
        let flipper = Flipper::open(path.to_str().expect("UTF-8"));
        // The word of the program's line becomes one that nobody honest writes.
        let blow = Blow {
            memory: "cosmos ring",
            place: 128,
            how: 2,
            wide: false,
            random: 0,
            always: false,
        };
        blow.arm(&flipper.library);
        let half = || flipper.half.call(&[3.0.into()]);
        let mut delays = Vec::new();
        for _ in 0..TIMES {
            let struck = half().expect("the reply was written behind it");
            assert_eq!(struck.result, Value::Float(1.5));
            // The VM's end finds it where it waits for the next call; where that comes first, on a machine that is
            // busy, it is answered, and struck in its turn.
            let is_found = || {
                std::thread::sleep(Duration::from_millis(200));
                let asked = Instant::now();
                match half() {
                    Ok(struck) => {
                        assert_eq!(struck.result, Value::Float(1.5));
                        None
                    }
                    Err(error) => Some((error, asked.elapsed())),
                }
            };
            let (error, delay) = eventually(PATIENCE, is_found).expect("no connection");
            assert_eq!(error.code(), FaultCode::Disconnected, "{error}");
            assert!(error.to_string().contains("still runs"), "{error}");
            delays.push(delay);
        }
        // Something else may have the processor, but hardly each time.
        let soon = |delay: &Duration| *delay < Duration::from_secs(4);
        assert!(delays.iter().any(soon), "{delays:?}");
    });
}

/// Right results all the while, in a VM that others use.
fn honest(flipper: &Flipper, over: &AtomicBool) -> u64 {
    let mut calls = 0;
    while !over.load(Ordering::Relaxed) {
        let half = flipper.half.call(&[5.0.into()]).expect("half");
        assert_eq!(half.result, Value::Float(2.5));
        let mut bytes = [3u8; 700];
        // SAFETY: the functions are of these types.
        unsafe {
            assert_eq!(
                flipper.sums.try_call(bytes.as_ptr(), 700).expect("sums"),
                2100
            );
            assert_eq!(
                flipper
                    .turns
                    .try_call(bytes.as_mut_ptr(), 700)
                    .expect("turns"),
                700
            );
            assert_eq!(flipper.each.try_call(Some(twice), 4).expect("each"), 12);
        }
        assert_eq!(bytes, [!3; 700]);
        calls += 1;
    }
    calls
}

#[test]
fn a_client_that_changes_words_of_it_harms_no_other_client_of_its_vm() {
    in_world_for(Duration::from_secs(900), |world| {
        let prefix = Prefix::installed(world);
        let program = world.directory().join("flipping_client");
        let flags = ["-std=gnu99", "-Wall", "-Wextra", "-Werror", "-pthread"];
        prefix.compile("gcc", "flipping_client.c", &flags, &program);
        let library = c::library("flipper.c", world.directory());
        let library = library.to_str().expect("UTF-8");
        let flipper =
            Flipper::open_with(library, &Options::new().shared("common").isolation("none"));
        let mut drawn = Drawn(number_of("FLIPS_SEED", 0x2545_f491_4f6c_dd1d));
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let other = scope.spawn(|| honest(&flipper, &over));
            for round in 0..number_of("FLIPS", ROUNDS / 3) {
                let blow = Blow::draw(&mut drawn);
                let mut command = Command::new(&program);
                command.args(["common", library, blow.memory]);
                let (how, wide, always) = (blow.how, u8::from(blow.wide), u8::from(blow.always));
                let numbers = [blow.place, how, wide.into(), blow.random, always.into()];
                command.args(numbers.map(|number| number.to_string()));
                let ran = run(prefix.environment(&mut command), Duration::from_secs(60));
                println!("{round}: {blow:x?}: {:?} {:?}", ran.status, ran.took);
                assert!(!other.is_finished(), "{round}: {blow:x?}");
                let was_own = ran.stdout.contains("done") || !ran.status.success();
                assert!(was_own, "{ran:?}");
            }
            over.store(true, Ordering::Relaxed);
            let calls = other.join().expect("no call of it failed");
            assert!(calls > 0);
        });
    });
}
