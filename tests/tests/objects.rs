//! Objects that live in a VM: who closes them, when, and which handles are refused.

use cosmos::{FaultCode, Library, Value, callback};
use cosmos_tests::{World, c, eventually, in_world};
use std::ffi::{c_int, c_void};
use std::io::pipe;
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const OPEN_BOX: &str = "struct box *__closed_by(close_box) open_box(const char *log, int number)";
const OPEN_LID: &str =
    "struct lid *__closed_by(close_lid) open_lid(struct box *__handle box, int number)";
const NUMBER_OF: &str = "int number_of(struct box *__handle box)";
const CLOSE_BOX: &str = "int close_box(struct box *__handle box)";
const CLOSE_LID: &str = "void close_lid(struct lid *__handle __consume lid)";

/// The libraries of these tests write a log into the test's own directory.
fn granted() -> cosmos::Options {
    let here = std::env::current_dir().expect("the test's own directory");
    cosmos::Options::new().write(here)
}

fn open(target: &str) -> Result<cosmos::Library, cosmos::Error> {
    cosmos::dlopen_with(target, &granted())
}

/// The library of objects, open in a VM, and the log of what was closed.
struct Boxes {
    library: Library,
    log: PathBuf,
}

impl Boxes {
    fn open(world: &World) -> Boxes {
        let path = c::library("objects.c", world.directory());
        Boxes {
            library: open(path.to_str().expect("UTF-8")).expect("the library"),
            log: world.directory().join("closed"),
        }
    }

    fn call(&self, prototype: &str, arguments: &[Value]) -> Result<Value, cosmos::Error> {
        let function = self.library.function(prototype).expect(prototype);
        function.call(arguments).map(|outcome| outcome.result)
    }

    fn make(&self, number: i32) -> Value {
        let log = self.log.to_str().expect("UTF-8");
        self.call(OPEN_BOX, &[log.into(), number.into()])
            .expect("a box")
    }

    fn closed(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

/// Waits until the log reads so.
fn wait_for(log: impl Fn() -> String, expected: &str) {
    let seen = eventually(Duration::from_secs(20), || {
        (log() == expected).then_some(())
    });
    assert!(seen.is_some(), "{:?}, not {expected:?}", log());
}

#[test]
fn what_is_left_open_is_closed_with_its_library_newest_first() {
    in_world(|world| {
        let boxes = Boxes::open(world);
        let kept = open("libm.so.6").expect("libm");
        let [first, second, third] = [1, 2, 3].map(|number| boxes.make(number));
        let lid = |object: &Value, number: i32| {
            boxes
                .call(OPEN_LID, &[object.clone(), number.into()])
                .expect("a lid")
        };
        lid(&first, 10);
        let closed = lid(&second, 20);
        lid(&third, 30);
        boxes.call(CLOSE_LID, &[closed]).expect("closed by hand");
        boxes.call(CLOSE_BOX, &[second]).expect("closed by hand");
        assert_eq!(boxes.closed(), "lid 20\nbox 2\n");
        let log = boxes.log.clone();
        let also = boxes.library.function(NUMBER_OF).expect(NUMBER_OF);
        boxes.library.close().expect("closed");
        let left = std::fs::read_to_string(log).expect("the log");
        assert_eq!(left, "lid 20\nbox 2\nlid 30\nlid 10\nbox 3\nbox 1\n");
        let stale = also.call(&[first]).expect_err("its library is closed");
        assert_eq!(stale.code(), FaultCode::StaleHandle);
        drop(kept);
    });
}

/// Closing a library under a call of it: the objects that the call works on last until it returns.
#[test]
fn objects_are_closed_after_the_last_call_in_flight() {
    in_world(|world| {
        let boxes = Boxes::open(world);
        let kept = open("libm.so.6").expect("libm");
        let object = boxes.make(7);
        let hold = "int hold(struct box *__handle box, int __fd fd)";
        let hold = boxes.library.function(hold).expect(hold);
        let (reader, writer) = pipe().expect("a pipe");
        let log = boxes.log.clone();
        let closed = || std::fs::read_to_string(&log).unwrap_or_default();
        std::thread::scope(|scope| {
            let argument = object.clone();
            let number = reader.as_raw_fd();
            let held = scope.spawn(move || hold.call(&[argument, Value::Descriptor(number)]));
            wait_for(closed, "holding 7\n");
            boxes.library.close().expect("closed");
            assert_eq!(closed(), "holding 7\n", "its box is in use");
            drop(writer);
            let result = held.join().expect("the call").expect("it returns");
            assert_eq!(result.result, Value::Int(7));
        });
        wait_for(closed, "holding 7\nbox 7\n");
        drop(kept);
    });
}

/// A client that is killed leaves nothing in a VM that others share: what it had is closed, once, newest
/// first, and after the call that it was killed in.
#[test]
fn a_client_that_dies_leaves_nothing_in_a_shared_vm() {
    in_world(|world| {
        let path = c::library("objects.c", world.directory());
        let path = path.to_str().expect("UTF-8");
        let open = || {
            let options = granted().shared("boxes");
            Boxes {
                library: cosmos::dlopen_with(path, &options).expect("the library"),
                log: world.directory().join("closed"),
            }
        };
        let boxes = open();
        let own = boxes.make(100);
        let (reader, writer) = pipe().expect("a pipe");
        let before = "lid 10\nbox 2\nbox 1\nholding 1\n";
        for in_a_call in [false, true] {
            // SAFETY: the child uses what a forked child may, and ends by a signal.
            let child = unsafe { libc::fork() };
            assert!(child >= 0);
            if child == 0 {
                let writes = writer.as_raw_fd();
                // SAFETY: the parent's end, which would keep the call waiting for ever; and an end of
                // this process should the parent have failed.
                unsafe {
                    libc::close(writes);
                    libc::alarm(60);
                }
                let theirs = open();
                let first = theirs.make(1);
                theirs.make(2);
                let lid = theirs.call(OPEN_LID, &[first.clone(), 10.into()]);
                lid.expect("a lid");
                // SAFETY: ends the child, unless the call holds it until the parent does.
                unsafe {
                    if in_a_call {
                        let fd = Value::Descriptor(reader.as_raw_fd());
                        let hold = "int hold(struct box *__handle box, int __fd fd)";
                        let _ = theirs.call(hold, &[first, fd]);
                    }
                    libc::kill(libc::getpid(), libc::SIGKILL);
                    libc::_exit(1);
                }
            }
            if in_a_call {
                wait_for(|| boxes.closed(), before);
                // SAFETY: the child made above, which has not been waited for.
                unsafe { libc::kill(child, libc::SIGKILL) };
            }
            let mut status = 0;
            // SAFETY: waits for the child made above.
            assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
            assert!(libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == libc::SIGKILL);
            if !in_a_call {
                wait_for(|| boxes.closed(), "lid 10\nbox 2\nbox 1\n");
            }
        }
        let alive = boxes.call(NUMBER_OF, std::slice::from_ref(&own));
        assert_eq!(alive.expect("its box lives"), Value::Int(100));
        assert_eq!(boxes.closed(), before, "its call still runs");
        drop(writer);
        let after = format!("{before}lid 10\nbox 2\nbox 1\n");
        wait_for(|| boxes.closed(), &after);
        boxes.call(CLOSE_BOX, &[own]).expect("closed");
        assert_eq!(boxes.closed(), format!("{after}box 100\n"));
    });
}

#[test]
fn handles_that_do_not_fit_are_refused_by_name() {
    in_world(|world| {
        let boxes = Boxes::open(world);
        let object = boxes.make(5);
        let lid = boxes
            .call(OPEN_LID, &[object.clone(), 50.into()])
            .expect("a lid");
        let wrong = boxes.call(NUMBER_OF, std::slice::from_ref(&lid));
        let wrong = wrong.expect_err("a lid is no box");
        assert_eq!(wrong.code(), FaultCode::BadArgument);
        let words = "parameter 'box': the handle is of lid, and box is needed";
        assert!(wrong.to_string().contains(words), "{wrong}");
        // Nobody knows what a void pointer leads to, so anything may be given.
        let any = "int number_of(void *__handle box)";
        assert_eq!(
            boxes
                .call(any, std::slice::from_ref(&object))
                .expect("it is one"),
            Value::Int(5)
        );
        // Another VM's object, a number that was never given, one of another generation.
        let options = granted().fresh(true);
        let elsewhere = Boxes {
            library: cosmos::dlopen_with(boxes.library.path(), &options).expect("another VM"),
            log: boxes.log.clone(),
        };
        let foreign = elsewhere.make(6);
        let Value::Handle(token) = object else {
            panic!("{object:?} is no handle")
        };
        let forged = [
            token + 1,
            token + 77,
            token ^ 1 << 30,
            token & !(1 << 63),
            0x7fff_0000_0000,
        ];
        let refused = forged.into_iter().map(Value::Handle).chain([foreign]);
        for handle in refused {
            let error = boxes.call(NUMBER_OF, &[handle]).expect_err("it is none");
            let known = [FaultCode::StaleHandle, FaultCode::BadArgument];
            assert!(known.contains(&error.code()), "{error}");
        }
        boxes
            .call(CLOSE_LID, std::slice::from_ref(&lid))
            .expect("closed");
        let twice = boxes.call(CLOSE_LID, &[lid]).expect_err("closed twice");
        assert_eq!(twice.code(), FaultCode::StaleHandle);
        assert_eq!(
            boxes
                .call(NUMBER_OF, &[Value::Handle(token)])
                .expect("alive"),
            Value::Int(5)
        );
    });
}

/// Objects that a library gives to the program's function, and those that it gets of it, are told
/// apart by what their records are called, as everywhere.
#[test]
fn objects_of_callbacks_are_refused_by_name() {
    in_world(|world| {
        let boxes = Arc::new(Boxes::open(world));
        let object = boxes.make(5);
        let choose = "int box_for_lid(struct box *__handle box, \
                      struct box *__handle (*choose)(struct lid *__handle lid, int number))";
        let gone = boxes.make(6);
        boxes
            .call(CLOSE_BOX, std::slice::from_ref(&gone))
            .expect("closed");
        let stale = "the handle is not one of this VM, or was closed";
        let wrong = "the handle is of lid, and box is needed";
        for (given, expected) in [
            (None, Err(wrong)),
            (Some(object.clone()), Ok(Value::Int(5))),
            (Some(gone), Err(stale)),
            (Some(Value::Null), Ok(Value::Int(-1))),
        ] {
            let (seen, inside) = (Arc::new(Mutex::new(Vec::new())), Arc::clone(&boxes));
            let noted = Arc::clone(&seen);
            let function = callback(move |arguments| {
                let lid = arguments[0].clone();
                let wrong = inside.call(NUMBER_OF, std::slice::from_ref(&lid));
                let words = wrong.map_or_else(|error| error.to_string(), |_| String::new());
                noted.lock().expect("no panic").push(words);
                // Without a box to give, the lid itself, which is none.
                given.clone().unwrap_or(lid)
            });
            let said = boxes.call(choose, &[object.clone(), function]);
            match (said, expected) {
                (Ok(said), Ok(expected)) => assert_eq!(said, expected),
                (Err(error), Err(words)) => {
                    assert_eq!(error.code(), FaultCode::CallbackFailed);
                    let error = error.to_string();
                    assert!(error.contains("callback 'choose': result"), "{error}");
                    assert!(error.contains(words), "{error}");
                }
                (said, expected) => panic!("{said:?}, not {expected:?}"),
            }
            let seen = seen.lock().expect("no panic");
            let words = "parameter 'box': the handle is of lid, and box is needed";
            assert!(seen.len() == 1 && seen[0].contains(words), "{seen:?}");
        }
    });
}

static CHOSEN: AtomicU64 = AtomicU64::new(0);

/// A function in C has no types that would say whose the object is.
extern "C" fn chosen(_lid: *const c_void, _number: c_int) -> *const c_void {
    std::ptr::without_provenance(CHOSEN.load(Ordering::Relaxed) as usize)
}

/// The number of an object is the VM's own: another VM has one of the same number.
#[test]
fn objects_that_a_c_function_gives_are_of_the_vm_that_asked() {
    in_world(|world| {
        type Chosen = extern "C" fn(*const c_void, c_int) -> *const c_void;
        type BoxForLid = extern "C" fn(*const c_void, Chosen) -> c_int;
        let boxes = Boxes::open(world);
        let options = granted().fresh(true);
        let elsewhere = Boxes {
            library: cosmos::dlopen_with(boxes.library.path(), &options).expect("another VM"),
            log: boxes.log.clone(),
        };
        let (Value::Handle(own), Value::Handle(foreign)) = (boxes.make(5), elsewhere.make(6))
        else {
            panic!("no handles")
        };
        assert_eq!(own << 16, foreign << 16, "the same number in both");
        let choose = boxes.library.function(
            "int box_for_lid(struct box *__handle box, \
             struct box *__handle (*choose)(struct lid *__handle lid, int number))",
        );
        let choose = choose.expect("box_for_lid");
        // SAFETY: the function has this type.
        let choose = unsafe { std::mem::transmute::<*const c_void, BoxForLid>(choose.pointer()) };
        let object = std::ptr::without_provenance(own as usize);
        for (given, expected) in [(own, 5), (0, -1)] {
            CHOSEN.store(given, Ordering::Relaxed);
            assert_eq!(choose(object, chosen), expected);
        }
        for none in [foreign, own & !(1 << 63), own + 77, 0x7fff_0000_0000] {
            CHOSEN.store(none, Ordering::Relaxed);
            choose(object, chosen);
            let error = cosmos::last_error().expect("it is none of this VM");
            assert_eq!(
                error.code(),
                FaultCode::CallbackFailed,
                "{none:#x}: {error}"
            );
            let error = error.to_string();
            assert!(error.contains("callback 'choose': result"), "{error}");
        }
        CHOSEN.store(own, Ordering::Relaxed);
        assert_eq!(choose(object, chosen), 5);
    });
}

#[test]
fn constants_stand_in_for_objects() {
    in_world(|world| {
        let boxes = Boxes::open(world);
        let log = boxes.log.to_str().expect("UTF-8");
        let find =
            "void *__closed_by(close_box) __or_const(-1) find_box(const char *log, int number)";
        let none = boxes.call(find, &[log.into(), (-1).into()]).expect("none");
        assert_eq!(none, Value::Handle(u64::MAX));
        let found = boxes.call(find, &[log.into(), 4.into()]).expect("a box");
        assert_eq!(
            boxes.call(NUMBER_OF, &[found]).expect("a box"),
            Value::Int(4)
        );
        let unlisted = "void *__handle find_box(const char *log, int number)";
        let refused = boxes.call(NUMBER_OF, &[Value::Handle(u64::MAX)]);
        assert!(refused.is_err(), "-1 is no constant of this parameter");
        // Without the constant -1 is an object like any other: a token, not -1.
        let token = boxes
            .call(unlisted, &[log.into(), (-1).into()])
            .expect("a token");
        assert!(matches!(token, Value::Handle(token) if token != u64::MAX));
    });
}

#[test]
fn a_closer_that_does_not_exist_is_an_error_when_the_function_is_resolved() {
    in_world(|world| {
        let boxes = Boxes::open(world);
        let prototype = "struct box *__closed_by(close_bax) open_box(const char *log, int number)";
        let error = boxes.library.function(prototype).expect_err("no closer");
        assert_eq!(error.code(), FaultCode::NoSuchSymbol);
        assert!(error.to_string().contains("close_box"), "{error}");
    });
}

#[test]
fn what_the_library_keeps_stays_until_its_object_is_closed() {
    in_world(|world| {
        let boxes = Boxes::open(world);
        let [first, second] = [1, 2].map(|number| boxes.make(number));
        let label = "int label_box(struct box *__handle box, const char *__retained(box) text)";
        let label_of = "const char *__borrowed label_of(struct box *__handle box)";
        let text = |number: i32| Value::Text(format!("label {number}").repeat(50).into_bytes());
        for (object, number) in [(&first, 1), (&second, 2)] {
            boxes
                .call(label, &[object.clone(), text(number)])
                .expect("labelled");
        }
        // Other calls use the memory that the labels would have been in.
        for _ in 0..100 {
            let noise = Value::Text(vec![b'x'; 400]);
            boxes
                .call(
                    "int number_of(struct box *__handle box)",
                    std::slice::from_ref(&first),
                )
                .expect("a number");
            let scratch = boxes.make(3);
            boxes
                .call(label, &[scratch.clone(), noise])
                .expect("labelled");
            boxes.call(CLOSE_BOX, &[scratch]).expect("closed");
        }
        for (object, number) in [(&first, 1), (&second, 2)] {
            let seen = boxes
                .call(label_of, std::slice::from_ref(object))
                .expect("its label");
            assert_eq!(seen, text(number));
        }
        boxes.call(CLOSE_BOX, &[first]).expect("closed");
        assert_eq!(boxes.call(label_of, &[second]).expect("its label"), text(2));
    });
}

/// A record of the program's that holds an object: data is kept for that, and the object is gone
/// when the function says so by NULL.
#[test]
fn a_record_that_holds_an_object_keeps_data_for_it() {
    in_world(|world| {
        let path = c::library("objects.c", world.directory());
        let library = open(path.to_str().expect("UTF-8")).expect("the library");
        let prototype =
            "struct holder { struct box *__handle __closed_by(close_box) box; int number; };
            int fill_holder(struct holder *__inout holder, const char *log,
                            const char *__retained(holder) text)";
        let fill = library.function(prototype).expect("fill_holder");
        #[repr(C)]
        struct Holder {
            object: usize,
            number: i32,
        }
        type Fill = unsafe extern "C" fn(*mut Holder, *const u8, *const u8) -> i32;
        type Label = unsafe extern "C" fn(usize) -> *const std::ffi::c_char;
        // SAFETY: the pointers are functions of these C types, by their prototypes.
        let fill = unsafe { std::mem::transmute::<*const std::ffi::c_void, Fill>(fill.pointer()) };
        let label = library
            .function("const char *__borrowed label_of(struct box *__handle box)")
            .expect("label_of");
        // SAFETY: as above.
        let label =
            unsafe { std::mem::transmute::<*const std::ffi::c_void, Label>(label.pointer()) };
        let log = world.directory().join("closed");
        let name = std::ffi::CString::new(log.to_str().expect("UTF-8")).expect("no NUL");
        let mut holder = Holder {
            object: 0,
            number: 9,
        };
        // SAFETY: a record and two strings, as the prototype has it.
        unsafe {
            let text = String::from("the text goes away\0");
            assert_eq!(fill(&mut holder, name.as_ptr().cast(), text.as_ptr()), 0);
            drop(text);
            assert_ne!(holder.object, 0);
            let kept = std::ffi::CStr::from_ptr(label(holder.object));
            assert_eq!(kept, c"the text goes away");
            let before = holder.object;
            holder.number = -1;
            assert_eq!(
                fill(&mut holder, name.as_ptr().cast(), c"".as_ptr().cast()),
                0
            );
            assert_eq!(holder.object, 0);
            assert_eq!(std::fs::read_to_string(&log).expect("the log"), "box 9\n");
            // The handle that the record held names nothing any more.
            assert!(label(before).is_null());
            assert_eq!(cosmos_tests::errno(), libc::EBADF);
        }
        library.close().expect("closed");
        assert_eq!(std::fs::read_to_string(&log).expect("the log"), "box 9\n");
    });
}

/// Memory of the program's own allocator that a function allocates anew.
#[test]
fn a_buffer_that_the_function_allocates_anew_stays_the_programs() {
    in_world(|world| {
        let path = c::library("objects.c", world.directory());
        let library = open(path.to_str().expect("UTF-8")).expect("the library");
        let prototype = "int double_bytes(
            unsigned char *__owned(free) __sized_by(*count) *__inout bytes, size_t *__inout count)
            __success(return == 0)";
        let double = library.function(prototype).expect("double_bytes");
        type Double = unsafe extern "C" fn(*mut *mut u8, *mut usize) -> i32;
        // SAFETY: the pointer is a function of this C type, by its prototype.
        let double =
            unsafe { std::mem::transmute::<*const std::ffi::c_void, Double>(double.pointer()) };
        // SAFETY: the buffer is malloc's and as large as its count, before each call and after.
        unsafe {
            let mut bytes = libc::malloc(3).cast::<u8>();
            std::ptr::copy_nonoverlapping(b"abc".as_ptr(), bytes, 3);
            let mut count = 3usize;
            for round in 1..=10 {
                assert_eq!(double(&mut bytes, &mut count), 0);
                assert_eq!(count, 3 << round);
                let seen = std::slice::from_raw_parts(bytes, count);
                assert!(seen.chunks(3).all(|three| three == b"abc"), "round {round}");
            }
            libc::free(bytes.cast());
        }
    });
}
