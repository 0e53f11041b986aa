//! A thread of the program is one thread of the VM, whichever way its calls go: through the ring or beside it,
//! with descriptors, with a callback, inside of one. A second thread of the program is another one there.

use cosmos::{Function, Library, Value};
use cosmos_tests::{World, c, in_world};
use std::fs::File;
use std::os::fd::AsRawFd;

const DEPTH: i32 = 3;

/// One function for each way that a call can go.
#[derive(Clone)]
struct Ways {
    thread: Function,
    bytes: Function,
    text: Function,
    descriptor: Function,
    another: Function,
    around: Function,
}

impl Ways {
    fn of(library: &Library) -> Ways {
        let function = |prototype| library.function(prototype).expect(prototype);
        Ways {
            thread: function("int thread(void)"),
            bytes: function(
                "int thread_of_bytes(const unsigned char *__sized_by(size) bytes, size_t size)",
            ),
            text: function("int thread_of_text(const char *text)"),
            descriptor: function("int thread_of_descriptor(int __fd fd)"),
            another: function("int __fd another(int __fd fd, int *__out where)"),
            around: function("int thread_around(int (*function)(int number), int number)"),
        }
    }

    /// Makes a call of each way, and from within each other to this depth; all ran on this thread of the VM's,
    /// which is given.
    fn thread(&self, depth: i32) -> Value {
        let call = |function: &Function, arguments: &[Value]| {
            function.call(arguments).expect("a call").result
        };
        let file = File::open("/dev/null").expect("a file");
        let thread = call(&self.thread, &[]);
        // What fits into a line, into the ring, and what is copied beside it.
        for size in [1, 16, 200, 5000, 3 << 20] {
            let arguments = [Value::Bytes(vec![b'x'; size]), Value::Int(size as i128)];
            assert_eq!(call(&self.bytes, &arguments), thread, "{size} bytes");
        }
        // A request that does not fit into the ring.
        let text = "x".repeat(3 << 20);
        assert_eq!(call(&self.text, &[text.as_str().into()]), thread, "a text");
        let fd = || Value::from(file.as_raw_fd());
        assert_eq!(call(&self.descriptor, &[fd()]), thread, "a descriptor");
        let outcome = self.another.call(&[fd(), Value::Out]).expect("a call");
        assert_eq!(outcome.outputs[0].1, thread, "descriptors both ways");
        if depth > 0 {
            let ways = self.clone();
            let inside = cosmos::callback(move |_: &[Value]| ways.thread(depth - 1));
            let around = call(&self.around, &[inside, depth.into()]);
            assert_eq!(around, thread, "around a callback");
        }
        assert_eq!(call(&self.thread, &[]), thread);
        thread
    }
}

fn open(world: &World) -> Library {
    let path = c::library("thread.c", world.directory());
    cosmos::dlopen(path.to_str().expect("UTF-8")).expect("the library")
}

fn every_way_is_one_thread(world: &World) {
    let ways = Ways::of(&open(world));
    let first = ways.thread(DEPTH);
    assert_ne!(first, Value::from(-1));
    std::thread::scope(|scope| {
        let other = scope.spawn(|| ways.thread(DEPTH)).join().expect("a thread");
        assert_ne!(other, first, "another thread of the program");
    });
    assert_eq!(ways.thread(0), first, "and still");
}

fn set_ring(value: &str) {
    // SAFETY: no other thread of this process reads or writes the environment yet.
    unsafe { std::env::set_var("COSMOS_RING", value) };
}

#[test]
fn calls_of_every_way_run_on_one_thread() {
    in_world(|world| {
        set_ring("1");
        every_way_is_one_thread(world);
    });
}

#[test]
fn so_do_calls_without_the_ring() {
    in_world(|world| {
        set_ring("0");
        every_way_is_one_thread(world);
    });
}
