//! Functions of the program that libraries in VMs call: real daemons, real VMs, real libraries.

use cosmos::{Answer, Value, callback, callback_writing};
use cosmos_tests::{c, in_world};
use std::ffi::{c_char, c_int, c_void};
use std::sync::{Arc, Mutex};

const QSORT: &str = "void qsort(void *__inout __sized_by(nmemb * size) base, size_t nmemb, size_t size, \
     int (*compar)(const void *__sized_by(size) a, const void *__sized_by(size) b))";
const BSEARCH: &str = "void *__alias(base) bsearch(const void *__sized_by(size) key, \
     const void *__sized_by(nmemb * size) base, size_t nmemb, size_t size, \
     int (*compar)(const void *__sized_by(size) a, const void *__sized_by(size) b))";

const EXCHANGE: &str = "struct point { double x, y; }; double exchange( \
     double (*by_value)(struct point point, float scale, char letter, int64_t wide), \
     void (*in_place)(struct point *__inout __counted_by(count) points, int count), \
     void (*fill)(char *__out __sized_by(size) text, size_t size))";

type Compare = unsafe extern "C" fn(*const c_void, *const c_void) -> c_int;
type Qsort = unsafe extern "C" fn(*mut c_void, usize, usize, Option<Compare>);
type Bsearch = unsafe extern "C" fn(
    *const c_void,
    *const c_void,
    usize,
    usize,
    Option<Compare>,
) -> *mut c_void;

unsafe extern "C" fn ascending(a: *const c_void, b: *const c_void) -> c_int {
    // SAFETY: elements of the tests are u32.
    let (a, b) = unsafe { (a.cast::<u32>().read(), b.cast::<u32>().read()) };
    a.cmp(&b) as c_int
}

/// Numbers in no order, some of them equal.
fn shuffled(count: u32) -> Vec<u32> {
    (0..count)
        .map(|index| index.wrapping_mul(2_654_435_761) % count)
        .collect()
}

#[test]
fn qsort_sorts_ten_thousand_elements_by_a_function_of_the_program() {
    in_world(|_| {
        let library = cosmos::dlopen("libc.so.6").expect("libc");
        let qsort = library.symbol::<Qsort>(QSORT).expect("qsort");
        let mut numbers = shuffled(10_000);
        let mut expected = numbers.clone();
        expected.sort_unstable();
        // SAFETY: the base has so many elements of that size.
        unsafe {
            qsort.call(
                numbers.as_mut_ptr().cast(),
                numbers.len(),
                4,
                Some(ascending),
            )
        };
        assert_eq!(cosmos::last_error(), None);
        assert_eq!(numbers, expected);
    });
}

#[test]
fn bsearch_finds_by_a_function_of_the_program() {
    in_world(|_| {
        let library = cosmos::dlopen("libc.so.6").expect("libc");
        let bsearch = library.symbol::<Bsearch>(BSEARCH).expect("bsearch");
        let numbers: Vec<u32> = (0..1000).map(|index| index * 3).collect();
        let base = numbers.as_ptr().cast::<c_void>();
        for (key, expected) in [
            (0u32, Some(0)),
            (2997, Some(999)),
            (300, Some(100)),
            (301, None),
        ] {
            // SAFETY: the base has so many elements of that size.
            let found = unsafe {
                bsearch.call(
                    (&raw const key).cast(),
                    base,
                    numbers.len(),
                    4,
                    Some(ascending),
                )
            };
            let expected =
                expected.map_or(std::ptr::null(), |index: usize| &raw const numbers[index]);
            assert_eq!(found.cast_const().cast::<u32>(), expected, "{key}");
        }
    });
}

/// The library of `tests/c/callbacks.c`, in a VM.
fn opened(world: &cosmos_tests::World) -> cosmos::Library {
    let path = c::library("callbacks.c", world.directory());
    cosmos::dlopen(path.to_str().expect("UTF-8")).expect("the library")
}

const VISIT_ALL: &str = "int visit_all(int count, int (*visit)(void *__opaque cookie, int value), \
     void *__opaque cookie)";

#[test]
fn closures_are_called_with_values_and_return_one() {
    in_world(|world| {
        let library = opened(world);
        let visit_all = library.function(VISIT_ALL).expect("visit_all");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let notes = Arc::clone(&seen);
        let visit = callback(move |arguments| {
            notes.lock().expect("a lock").push(arguments.to_vec());
            match arguments {
                [_, Value::Int(3)] => Value::from(42),
                _ => Value::from(0),
            }
        });
        let outcome = visit_all
            .call(&[Value::from(10), visit, Value::from(0x1234)])
            .expect("a call");
        assert_eq!(outcome.result, Value::from(42));
        let cookie = Value::Int(0x1234);
        let expected: Vec<_> = (0..4)
            .map(|value| vec![cookie.clone(), Value::Int(value)])
            .collect();
        assert_eq!(*seen.lock().expect("a lock"), expected);
        // A closure is kept no longer than its call.
        assert_eq!(Arc::strong_count(&seen), 1);
    });
}

#[derive(Clone, Copy)]
#[repr(C)]
struct Point {
    x: f64,
    y: f64,
}

extern "C" fn by_value(point: Point, scale: f32, letter: c_char, wide: i64) -> f64 {
    assert_eq!(
        (point.x, point.y, scale, letter, wide),
        (1.0, 2.0, 0.5, b'x' as c_char, -1_234_567_890_123)
    );
    0.125
}

unsafe extern "C" fn in_place(points: *mut Point, count: c_int) {
    // SAFETY: the prototype says that there are so many.
    let points = unsafe { std::slice::from_raw_parts_mut(points, count as usize) };
    for point in points {
        point.x += 1.0;
        point.y *= 2.0;
    }
}

unsafe extern "C" fn fill(text: *mut c_char, size: usize) {
    assert_eq!(size, 16);
    // SAFETY: the prototype says that there are so many bytes.
    unsafe { text.copy_from_nonoverlapping(c"filled".as_ptr(), 7) };
}

#[test]
fn structs_buffers_and_numbers_of_every_width_go_to_a_callback_and_come_back() {
    type Exchange = unsafe extern "C" fn(
        Option<extern "C" fn(Point, f32, c_char, i64) -> f64>,
        Option<unsafe extern "C" fn(*mut Point, c_int)>,
        Option<unsafe extern "C" fn(*mut c_char, usize)>,
    ) -> f64;
    in_world(|world| {
        let library = opened(world);
        let exchange = library.symbol::<Exchange>(EXCHANGE).expect("exchange");
        // SAFETY: the functions are what the prototype says.
        let result = unsafe { exchange.call(Some(by_value), Some(in_place), Some(fill)) };
        assert_eq!(cosmos::last_error(), None);
        assert_eq!(result, 0.125 + 2.0 * 100.0 + 12.0 * 10_000.0 + 0.5);
    });
}

/// Functions that a prototype wants need no `Option`; closures write as functions do.
#[test]
fn functions_need_no_option_and_closures_write_to_memory() {
    type Exchange = unsafe extern "C" fn(
        extern "C" fn(Point, f32, c_char, i64) -> f64,
        unsafe extern "C" fn(*mut Point, c_int),
        unsafe extern "C" fn(*mut c_char, usize),
    ) -> f64;
    in_world(|world| {
        let library = opened(world);
        let exchange = library.symbol::<Exchange>(EXCHANGE).expect("exchange");
        // SAFETY: the functions are what the prototype says.
        let result = unsafe { exchange.call(by_value, in_place, fill) };
        let expected = 0.125 + 2.0 * 100.0 + 12.0 * 10_000.0 + 0.5;
        assert_eq!(result, expected);

        let by_value = || callback(|_| Value::from(0.125));
        let in_place = || {
            callback_writing(|arguments| {
                let [Value::Array(points), Value::Int(3)] = arguments else {
                    panic!("{arguments:?}")
                };
                assert_eq!(points.len(), 3);
                let point = |x: f64, y: f64| Value::Struct(vec![x.into(), y.into()]);
                let doubled = vec![point(2.0, 4.0), point(6.0, 8.0), point(10.0, 12.0)];
                Answer::new(Value::Void).output("points", Value::Array(doubled))
            })
        };
        let text = |answer: fn() -> Answer| {
            callback_writing(move |arguments| {
                assert_eq!(arguments, [Value::Out, Value::Int(16)]);
                answer()
            })
        };
        let exchange = exchange.function();
        let filled = text(|| Answer::new(Value::Void).output("text", "filled"));
        let outcome = exchange.call(&[by_value(), in_place(), filled]);
        assert_eq!(outcome.expect("a call").result, expected.into());

        // What does not fit is no overflow: the call fails, and says why.
        for (answer, words) in [
            (
                (|| Answer::new(Value::Void).output("text", Value::Bytes(vec![b'x'; 17])))
                    as fn() -> Answer,
                "room for 16 bytes, 17 were given",
            ),
            (
                || Answer::new(Value::Void).output("size", 5),
                "nothing comes back there",
            ),
            (
                || Answer::new(Value::Void).output("words", "filled"),
                "no such parameter",
            ),
            (|| Answer::new(5), "returns nothing"),
        ] {
            let outcome = exchange.call(&[by_value(), in_place(), text(answer)]);
            let error = outcome.expect_err(words).to_string();
            assert!(error.contains(words), "{error}");
        }
    });
}

unsafe extern "C" fn give(number: c_int) -> *mut c_char {
    match number {
        0 => std::ptr::null_mut(),
        // SAFETY: a string.
        _ => unsafe { libc::strdup(c"a gift".as_ptr()) },
    }
}

#[test]
fn what_a_callback_gives_away_is_freed_on_both_sides() {
    in_world(|world| {
        let library = opened(world);
        let length = library
            .function("size_t length_of_given(char *__owned(free) (*give)(int number), int number)")
            .expect("length_of_given");
        // SAFETY: the function has this type.
        let pointer = unsafe {
            std::mem::transmute::<
                *const c_void,
                unsafe extern "C" fn(unsafe extern "C" fn(c_int) -> *mut c_char, c_int) -> usize,
            >(length.pointer())
        };
        // SAFETY: the callback is what the prototype says.
        unsafe {
            assert_eq!(pointer(give, 1), 6);
            assert_eq!(pointer(give, 0), 0);
        }
        let give = callback(|_| Value::from("of a closure"));
        let outcome = length.call(&[give, Value::from(1)]).expect("a call");
        assert_eq!(outcome.result, Value::from(12));
    });
}

#[test]
fn what_a_callback_lends_is_there_until_its_next_call_or_for_good() {
    in_world(|world| {
        let library = opened(world);
        for (owner, both, expected) in [("__borrowed", 0, 304), ("__static", 1, 30403)] {
            let lengths = library
                .function(&format!(
                    "size_t lengths_of_names(const char *{owner} (*name)(int number), int both)"
                ))
                .expect("lengths_of_names");
            let name = callback(|arguments| match arguments {
                [Value::Int(1)] => Value::from("one"),
                _ => Value::from("four"),
            });
            let outcome = lengths.call(&[name, Value::from(both)]).expect("a call");
            assert_eq!(outcome.result, Value::from(expected), "{owner}");
            let nothing = callback(|_| Value::Null);
            let outcome = lengths.call(&[nothing, Value::from(both)]).expect("a call");
            assert_eq!(outcome.result, Value::from(0), "{owner}");
        }
    });
}

#[test]
fn tables_of_callbacks_travel_in_records() {
    in_world(|world| {
        let library = opened(world);
        let run_table = library
            .function(
                "struct table { int (*open)(const char *name); int (*close)(int number); int calls; }; \
                 int run_table(struct table *__inout table, const char *name)",
            )
            .expect("run_table");
        let open = callback(|arguments| {
            Value::from(match arguments {
                [Value::Text(name)] => name.len() as i32,
                _ => -1,
            })
        });
        let close = callback(|arguments| match arguments {
            [Value::Int(number)] => Value::Int(number * 2),
            _ => Value::from(-1),
        });
        for (close, expected, calls) in [(close, 14, 2), (Value::Null, 7, 1)] {
            let table = Value::Struct(vec![open.clone(), close, Value::from(5)]);
            let outcome = run_table
                .call(&[table, Value::from("library")])
                .expect("a call");
            assert_eq!(outcome.result, Value::from(expected));
            let [(_, Value::Record(members))] = outcome.outputs.as_slice() else {
                panic!("{:?}", outcome.outputs)
            };
            assert_eq!(members[2].1, Value::from(5 + calls));
        }
    });
}

#[test]
fn values_that_are_no_functions_travel_as_they_are() {
    in_world(|world| {
        let library = opened(world);
        let dispose = library
            .function(
                "int dispose(void (*destroy)(void *__opaque cookie) __or_const(0, -1), \
                 void *__opaque cookie)",
            )
            .expect("dispose");
        let disposed = Arc::new(Mutex::new(0));
        let note = Arc::clone(&disposed);
        let destroy = callback(move |_| {
            *note.lock().expect("a lock") += 1;
            Value::Void
        });
        for (given, expected) in [(Value::Null, 0), (Value::from(-1), -1), (destroy, 1)] {
            let outcome = dispose.call(&[given, Value::from(9)]).expect("a call");
            assert_eq!(outcome.result, Value::from(expected));
        }
        assert_eq!(*disposed.lock().expect("a lock"), 1);
        let refused = dispose
            .call(&[Value::from(-2), Value::from(9)])
            .unwrap_err();
        assert_eq!(refused.errno(), libc::EINVAL);
        // The same through C, where a pointer that is no function must not be called.
        // SAFETY: the function has this type.
        let pointer = unsafe {
            std::mem::transmute::<*const c_void, extern "C" fn(isize, usize) -> c_int>(
                dispose.pointer(),
            )
        };
        assert_eq!(pointer(-1, 9), -1);
        assert_eq!(pointer(-2, 9), -1);
        let error = cosmos::last_error().expect("an error");
        assert!(error.to_string().contains("__or_const"), "{error}");
    });
}

const KEEPER: &str = "struct keeper";

/// The functions of the keeper: open, set, call, close.
fn keeper(library: &cosmos::Library) -> [cosmos::Function; 4] {
    [
        format!("{KEEPER} *__closed_by(keeper_close) keeper_open(void)"),
        format!(
            "void keeper_set({KEEPER} *keeper, int (*visit)(void *__opaque cookie, int value) \
             __scope(keeper), void *__opaque cookie)"
        ),
        format!("int keeper_call({KEEPER} *keeper, int value)"),
        format!("int keeper_close({KEEPER} *__consume keeper)"),
    ]
    .map(|prototype| library.function(&prototype).expect(&prototype))
}

#[test]
fn a_scoped_callback_lives_until_its_handle_is_closed() {
    in_world(|world| {
        let library = opened(world);
        let [open, set, call, close] = keeper(&library);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let notes = Arc::clone(&seen);
        let visit = callback(move |arguments| {
            notes.lock().expect("a lock").push(arguments.to_vec());
            Value::from(5)
        });
        let keeper = open.call(&[]).expect("a call").result;
        let set_it = [keeper.clone(), visit, Value::from(77)];
        set.call(&set_it).expect("a call");
        // Passed again, it is the same function; nothing piles up.
        for _ in 0..100 {
            set.call(&set_it).expect("a call");
        }
        drop(set_it);
        let outcome = call
            .call(&[keeper.clone(), Value::from(1)])
            .expect("a call");
        assert_eq!(outcome.result, Value::from(5));
        // Another thread of the program may cause it to be called.
        std::thread::scope(|scope| {
            let there = scope.spawn(|| call.call(&[keeper.clone(), Value::from(2)]));
            assert_eq!(
                there.join().expect("a thread").expect("a call").result,
                Value::from(5)
            );
        });
        assert_eq!(Arc::strong_count(&seen), 2, "the library may call it still");
        // It is called once more by what closes the keeper, and then let go of.
        assert_eq!(
            close.call(&[keeper]).expect("a call").result,
            Value::from(5)
        );
        let cookie = Value::Int(77);
        let expected = [1, 2, -1].map(|value| vec![cookie.clone(), Value::Int(value)]);
        assert_eq!(*seen.lock().expect("a lock"), expected);
        assert_eq!(Arc::strong_count(&seen), 1);
    });
}

#[test]
fn a_handle_that_its_closer_closed_ends_the_scope_too() {
    in_world(|world| {
        let library = opened(world);
        let [open, set, ..] = keeper(&library);
        // Nothing says __consume here: where the keeper came from says what closes it.
        let close = library.function(&format!("int keeper_close({KEEPER} *keeper)"));
        let close = close.expect("keeper_close");
        let seen = Arc::new(());
        let held = Arc::clone(&seen);
        let visit = callback(move |_| {
            let _ = &held;
            Value::from(5)
        });
        let keeper = open.call(&[]).expect("a call").result;
        set.call(&[keeper.clone(), visit, Value::Null])
            .expect("a call");
        assert_eq!(Arc::strong_count(&seen), 2);
        assert_eq!(
            close.call(&[keeper]).expect("a call").result,
            Value::from(5)
        );
        assert_eq!(Arc::strong_count(&seen), 1);
    });
}

#[test]
fn closing_a_library_lets_go_of_its_scoped_callbacks() {
    in_world(|world| {
        let library = opened(world);
        let [open, set, ..] = keeper(&library);
        let seen = Arc::new(Mutex::new(0));
        let notes = Arc::clone(&seen);
        let visit = callback(move |_| {
            *notes.lock().expect("a lock") += 1;
            Value::from(5)
        });
        let keeper = open.call(&[]).expect("a call").result;
        set.call(&[keeper, visit, Value::Null]).expect("a call");
        assert_eq!(Arc::strong_count(&seen), 2);
        drop((open, set));
        // keeper_close runs there and calls back, but in no call of this program.
        library.close().expect("it closes");
        assert_eq!(Arc::strong_count(&seen), 1);
        assert_eq!(*seen.lock().expect("a lock"), 0);
    });
}

#[test]
fn a_callback_may_call_the_same_vm_and_be_called_by_that() {
    in_world(|world| {
        let library = opened(world);
        let visit_all = Arc::new(library.function(VISIT_ALL).expect("visit_all"));
        let pid = library.function("int own_pid(void)").expect("own_pid");
        let vm = pid.call(&[]).expect("a call").result;
        /// Visits one value per level, each from within the one before.
        fn descend(
            visit_all: &Arc<cosmos::Function>,
            pid: &cosmos::Function,
            vm: &Value,
            left: i32,
        ) -> i32 {
            let (again, pid, vm) = (Arc::clone(visit_all), pid.clone(), vm.clone());
            let visit = callback(move |_| {
                assert_eq!(pid.call(&[]).expect("a call").result, vm);
                Value::from(match left {
                    1 => 1,
                    _ => 1 + descend(&again, &pid, &vm, left - 1),
                })
            });
            let outcome = visit_all
                .call(&[Value::from(1), visit, Value::Null])
                .expect("a call");
            let Value::Int(depth) = outcome.result else {
                panic!("{outcome:?}")
            };
            depth as i32
        }
        // A debug build takes more stack for each level than a test's thread has for 64.
        let deep = std::thread::Builder::new().stack_size(32 << 20);
        let deep = deep.spawn(move || descend(&visit_all, &pid, &vm, 64));
        assert_eq!(deep.expect("a thread").join().expect("its end"), 64);
    });
}
