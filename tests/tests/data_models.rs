//! A program of eight-byte `long` and pointers whose functions are called back by the code of a VM of
//! four-byte ones (`cosmos-vm-core/examples/small.rs`), through the whole stack: from C and from Rust.

use cosmos::{Answer, FaultCode, Library, Options, Value, Vm, callback, callback_writing};
use cosmos_tests::{World, built, in_world, run};
use std::ffi::{CStr, c_char, c_int, c_long, c_void};
use std::process::Command;
use std::time::Duration;

const SUM: &str = "long sum(const long *__counted_by(n) numbers, size_t n)";
const VISIT: &str = "long visit(const long *__counted_by(n) numbers, size_t n, \
     long (*each)(void *__opaque mine, long number, long *__inout total), void *__opaque mine)";
const ORDER: &str = "struct item { char tag; long long key; const char *__in __null_terminated name; }; \
     void order(const struct item *__counted_by(n) items, int *__out __counted_by(n) places, size_t n, \
     int (*compare)(const struct item *a, const struct item *b))";
const COLLECT: &str = "size_t collect(char *__out __sized_by(size) __null_terminated into, size_t size, \
     size_t (*fill)(char *__out __sized_by(room) __filled(return) text, size_t room), \
     char *__owned(free) (*name)(long number))";

/// A library in a VM of the small machine.
fn open(world: &World) -> Library {
    let program = built().join("examples/small");
    if !program.exists() {
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
        let mut command = Command::new(cargo);
        command
            .args(["build", "--locked", "-p", "cosmos-vm-core"])
            .args(["--example", "small"])
            .current_dir(cosmos_tests::repository());
        run(&mut command, Duration::from_secs(300)).succeeded();
    }
    let profiles = world.directory().join("profiles");
    std::fs::create_dir(&profiles).expect("a directory");
    let profile = format!(
        "kind = \"small\"\nexecutable = \"{}\"\nruns = \"functions of a small machine\"\n\
         formats = [\"script\"]\nclass = \"native\"\nmachine = \"native\"\n\
         data_model = \"ILP32\"\nos_abi = [\"sysv\"]\n",
        program.display()
    );
    std::fs::write(profiles.join("small.toml"), profile).expect("the profile");
    let configuration = std::env::var("XDG_CONFIG_HOME").expect("set by the harness");
    let configuration = std::path::Path::new(&configuration).join("cosmos");
    std::fs::create_dir_all(&configuration).expect("a directory");
    let text = format!("profiles = [\"{}\"]\n", profiles.display());
    std::fs::write(configuration.join("cosmos.toml"), text).expect("the configuration");
    let target = world.directory().join("anything");
    std::fs::write(&target, "#!small\n").expect("the target");
    let vm = Vm::open("small", &Options::new()).expect("the small machine");
    let target = target.to_str().expect("UTF-8");
    cosmos::dlopen_with(target, &Options::new().vm(&vm)).expect("its target")
}

type Each = unsafe extern "C" fn(*mut c_void, c_long, *mut c_long) -> c_long;
type Visit = unsafe extern "C" fn(*const c_long, usize, Each, *mut c_void) -> c_long;

/// As wide as a cookie can be there.
const COOKIE: usize = 0xffff_fff0;

unsafe extern "C" fn each(mine: *mut c_void, number: c_long, total: *mut c_long) -> c_long {
    assert_eq!(mine.addr(), COOKIE);
    // SAFETY: a number as the prototype says.
    unsafe {
        *total += match number {
            -99..=99 => 10 * number,
            large => -large,
        };
    }
    number
}

unsafe extern "C" fn too_wide(_: *mut c_void, number: c_long, _: *mut c_long) -> c_long {
    number << 40
}

unsafe extern "C" fn grows(_: *mut c_void, _: c_long, total: *mut c_long) -> c_long {
    // SAFETY: as the prototype says.
    unsafe { *total = 1 << 33 };
    0
}

#[test]
fn numbers_are_as_wide_as_each_end_has_them_in_callbacks() {
    in_world(|world| {
        let library = open(world);
        let visit = library.symbol::<Visit>(VISIT).expect("visit");
        let numbers: [c_long; 4] = [1, -2, i32::MAX.into(), i32::MIN.into()];
        let mine = std::ptr::without_provenance_mut::<c_void>(COOKIE);
        // SAFETY: the callback is what the prototype says.
        let total = unsafe { visit.call(numbers.as_ptr(), 2, each, mine) };
        assert_eq!((total, cosmos::last_error()), (-11, None));
        // SAFETY: as above. The largest and the smallest number there cancel each other out.
        let total = unsafe { visit.call(numbers.as_ptr().add(2), 2, each, mine) };
        assert_eq!((total, cosmos::last_error()), (0, None));
        // SAFETY: as above.
        let failed = unsafe { visit.try_call(numbers.as_ptr(), 1, each, mine.wrapping_add(16)) };
        let error = failed.expect_err("the cookie does not fit");
        assert_eq!(error.code(), FaultCode::BadArgument, "{error}");
        // What does not fit there fails the call, from the result and from what was written.
        for function in [too_wide as Each, grows] {
            // SAFETY: as above.
            let failed = unsafe { visit.try_call(numbers.as_ptr(), 1, function, mine) };
            let error = failed.expect_err("it does not fit");
            assert_eq!(error.code(), FaultCode::CallbackFailed, "{error}");
        }
        // The VM is whole, and serves calls inside of callbacks.
        let sum = library.function(SUM).expect("sum");
        let nested = callback_writing(move |arguments| {
            let [_, Value::Int(number), Value::Int(total)] = arguments else {
                panic!("{arguments:?}")
            };
            let both = Value::Array(vec![(*number as i64).into(), (*total as i64).into()]);
            let outcome = sum.call(&[both, 2.into()]).expect("a call in a callback");
            Answer::new(0).output("total", outcome.result)
        });
        let numbers = Value::Array((1..=5).map(Value::from).collect());
        let arguments = [numbers, 5.into(), nested, Value::Null];
        let outcome = visit.function().call(&arguments).expect("visit");
        assert_eq!(outcome.result, 15.into());
    });
}

#[repr(C)]
struct Item {
    tag: c_char,
    key: i64,
    name: *const c_char,
}

unsafe extern "C" fn by_key_then_name(a: *const Item, b: *const Item) -> c_int {
    // SAFETY: records as the prototype says, whose names end.
    let (a, b) = unsafe { (&*a, &*b) };
    // SAFETY: as above.
    let names = unsafe { (CStr::from_ptr(a.name), CStr::from_ptr(b.name)) };
    a.key.cmp(&b.key).then(names.0.cmp(names.1)) as c_int
}

#[test]
fn members_and_texts_lie_where_each_end_has_them_in_callbacks() {
    type Order = unsafe extern "C" fn(
        *const Item,
        *mut c_int,
        usize,
        unsafe extern "C" fn(*const Item, *const Item) -> c_int,
    );
    in_world(|world| {
        let library = open(world);
        let order = library.symbol::<Order>(ORDER).expect("order");
        let item = |tag, key, name: &'static CStr| Item {
            tag,
            key,
            name: name.as_ptr(),
        };
        let items = [
            item(1, 1 << 40, c"late"),
            item(2, -1, c"minus"),
            item(3, 7, c"b"),
            item(4, 7, c"a"),
        ];
        let mut places = [-1; 4];
        // SAFETY: four items, and what compares them.
        unsafe { order.call(items.as_ptr(), places.as_mut_ptr(), 4, by_key_then_name) };
        assert_eq!(cosmos::last_error(), None);
        assert_eq!(places, [3, 0, 2, 1]);

        let compare = callback(|arguments| {
            let [Value::Record(a), Value::Record(b)] = arguments else {
                panic!("{arguments:?}")
            };
            let key = |members: &[(String, Value)]| match members[1].1 {
                Value::Int(key) => key,
                ref other => panic!("{other:?}"),
            };
            assert!(matches!(a[2].1, Value::Text(_)), "{a:?}");
            (key(b).cmp(&key(a)) as i32).into()
        });
        let item = |tag: i8, key: i64, name: &str| {
            Value::Struct(vec![tag.into(), key.into(), name.into()])
        };
        let items = Value::Array(vec![item(1, 5, "x"), item(2, 1 << 50, "y")]);
        let arguments = [items, Value::Out, 2.into(), compare];
        let outputs = order.function().call(&arguments).expect("order").outputs;
        assert_eq!(outputs[0].1, Value::Array(vec![1.into(), 0.into()]));
    });
}

unsafe extern "C" fn fill(text: *mut c_char, room: usize) -> usize {
    assert_eq!(room, 7);
    // SAFETY: there is as much room.
    unsafe { text.copy_from_nonoverlapping(c"seven: ".as_ptr(), room) };
    room
}

unsafe extern "C" fn name(number: c_long) -> *mut c_char {
    match number {
        // SAFETY: a string.
        -7 => unsafe { libc::strdup(c"given away".as_ptr()) },
        _ => std::ptr::null_mut(),
    }
}

#[test]
fn what_callbacks_fill_and_give_away_gets_there() {
    type Collect = unsafe extern "C" fn(
        *mut c_char,
        usize,
        unsafe extern "C" fn(*mut c_char, usize) -> usize,
        unsafe extern "C" fn(c_long) -> *mut c_char,
    ) -> usize;
    in_world(|world| {
        let library = open(world);
        let collect = library.symbol::<Collect>(COLLECT).expect("collect");
        let mut into = [0x55 as c_char; 40];
        // SAFETY: the buffer is as large; the functions are what the prototype says.
        let length = unsafe { collect.call(into.as_mut_ptr(), 40, fill, name) };
        assert_eq!((length, cosmos::last_error()), (17, None));
        // SAFETY: it was filled and ended.
        let text = unsafe { CStr::from_ptr(into.as_ptr()) };
        assert_eq!(text, c"seven: given away");
        let given = library.function("int given(void)").expect("given");
        assert_eq!(given.call(&[]).expect("a call").result, 0.into());

        let fill = callback_writing(|_| Answer::new(3).output("text", Value::from(&b"abc"[..])));
        let nothing = callback(|_| Value::Null);
        let outcome = collect
            .function()
            .call(&[Value::Out, 10.into(), fill, nothing])
            .expect("collect");
        assert_eq!(outcome.outputs[0].1, "abc".into());
    });
}
