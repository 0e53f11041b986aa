//! Objects that live in a VM: who closes them, when, and which handles are refused.

use cosmos::{FaultCode, Library, Value};
use cosmos_tests::{World, c, eventually, in_world};
use std::io::pipe;
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::time::Duration;

const OPEN_BOX: &str = "struct box *__closed_by(close_box) open_box(const char *log, int number)";
const OPEN_LID: &str =
    "struct lid *__closed_by(close_lid) open_lid(struct box *__handle box, int number)";
const NUMBER_OF: &str = "int number_of(struct box *__handle box)";
const CLOSE_BOX: &str = "int close_box(struct box *__handle box)";
const CLOSE_LID: &str = "void close_lid(struct lid *__handle __consume lid)";

/// The library of objects, open in a VM, and the log of what was closed.
struct Boxes {
    library: Library,
    log: PathBuf,
}

impl Boxes {
    fn open(world: &World) -> Boxes {
        let path = c::library("objects.c", world.directory());
        Boxes {
            library: cosmos::dlopen(path.to_str().expect("UTF-8")).expect("the library"),
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
        let kept = cosmos::dlopen("libm.so.6").expect("libm");
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
        let kept = cosmos::dlopen("libm.so.6").expect("libm");
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
        let options = cosmos::Options::new().fresh(true);
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
