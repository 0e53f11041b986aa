//! A library that says more is left of the program's buffers than there is, in calls that do not walk
//! through them: the program's next call reads and writes nothing beyond. Its buffers end where memory
//! ends, so that a byte more would end the program.

use cosmos::{FaultCode, Library};
use cosmos_tests::{c, in_world};
use std::ffi::{c_int, c_long, c_uint, c_void};
use std::io::Read;
use std::os::fd::AsRawFd;
use std::path::Path;

const STREAM: &str = "struct inner; struct stream { const char *next_in; unsigned avail_in;
    char *next_out; unsigned avail_out; struct inner *state; };";

#[repr(C)]
struct Stream {
    next_in: *const u8,
    avail_in: c_uint,
    next_out: *mut u8,
    avail_out: c_uint,
    state: usize,
}

type Tell = unsafe extern "C" fn(*mut Stream, c_uint, c_uint) -> c_int;
type Feed = unsafe extern "C" fn(*mut Stream) -> c_int;
type Total = unsafe extern "C" fn(*mut Stream) -> c_long;

/// The library's functions, in a VM.
struct Liar {
    begin: Tell,
    feed: Feed,
    restart: Tell,
    total: Total,
    end: Tell,
    library: Library,
}

/// The functions of these prototypes, kept by their library.
macro_rules! function {
    ($library:expr, $prototype:expr, $ty:ty) => {{
        let prototype = format!("{STREAM} {}", $prototype);
        let function = $library.function(&prototype).expect(&prototype);
        // SAFETY: the pointer is a function of this C type, by its prototype.
        unsafe { std::mem::transmute::<*const c_void, $ty>(function.pointer()) }
    }};
}

impl Liar {
    fn open(world: &cosmos_tests::World) -> Liar {
        Liar::of(&c::library("liar.c", world.directory()))
    }

    fn of(path: &Path) -> Liar {
        let library = cosmos::dlopen(path.to_str().expect("UTF-8")).expect("the library");
        let begin = "int begin(struct stream *__closed_by(end) s, unsigned in, unsigned out)";
        let feed = "int feed(struct stream *__handle __cursor(next_in, avail_in)
            __cursor(next_out, avail_out) s)";
        let restart = "int restart(struct stream *__handle s, unsigned in, unsigned out)";
        let total = "long total(struct stream *__handle s)";
        let end = "int end(struct stream *__handle __consume s, unsigned in, unsigned out)";
        Liar {
            begin: function!(library, begin, Tell),
            feed: function!(library, feed, Feed),
            restart: function!(library, restart, Tell),
            total: function!(library, total, Total),
            end: function!(library, end, Tell),
            library,
        }
    }

    /// A call of feed is refused by name.
    fn is_refused(&self, stream: &mut Stream, member: &str) {
        cosmos::clear_last_error();
        // SAFETY: the stream's buffers are as large as the program has said.
        assert_eq!(unsafe { (self.feed)(stream) }, -1);
        assert_eq!(cosmos_tests::errno(), libc::EPROTO);
        let error = cosmos::last_error().expect("an error");
        assert_eq!(error.code(), FaultCode::Protocol);
        assert!(
            error.to_string().contains(&format!("'{member}'")),
            "{error}"
        );
    }
}

/// Memory with nothing behind it.
struct Edge {
    start: *mut u8,
}

const PAGE: usize = 4096;

impl Edge {
    fn new(fill: u8) -> Edge {
        let rights = libc::PROT_READ | libc::PROT_WRITE;
        let kind = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        // SAFETY: two new pages, of which the second is taken away.
        unsafe {
            let start = libc::mmap(std::ptr::null_mut(), 2 * PAGE, rights, kind, -1, 0);
            assert_ne!(start, libc::MAP_FAILED);
            let start = start.cast::<u8>();
            std::ptr::write_bytes(start, fill, PAGE);
            assert_eq!(
                libc::mprotect(start.add(PAGE).cast(), PAGE, libc::PROT_NONE),
                0
            );
            Edge { start }
        }
    }

    /// The last bytes of it.
    fn last(&self, count: usize) -> *mut u8 {
        // SAFETY: inside of the first page.
        unsafe { self.start.add(PAGE - count) }
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        // SAFETY: mapped in `new`, and nothing leads there any more.
        unsafe { libc::munmap(self.start.cast(), 2 * PAGE) };
    }
}

/// What the program has: a text of five bytes, and room for eight.
struct Buffers {
    input: Edge,
    output: Edge,
}

impl Buffers {
    fn new() -> Buffers {
        Buffers {
            input: Edge::new(b'i'),
            output: Edge::new(b'o'),
        }
    }

    fn stream(&self) -> Stream {
        Stream {
            next_in: self.input.last(5),
            avail_in: 5,
            next_out: self.output.last(8),
            avail_out: 8,
            state: 0,
        }
    }
}

#[test]
fn a_library_that_says_more_is_left_reaches_no_further() {
    in_world(|world| {
        let liar = Liar::open(world);
        let buffers = Buffers::new();
        // SAFETY: the stream and its buffers live through all calls.
        unsafe {
            // Told when the stream was made, and then when it was begun anew.
            for (in_, out, member) in [(1, 0, "avail_in"), (0, 4000, "avail_out")] {
                let mut stream = buffers.stream();
                assert_eq!((liar.begin)(&mut stream, in_, out), 0);
                liar.is_refused(&mut stream, member);
                assert_eq!((liar.end)(&mut stream, 0, 0), 0);

                let mut stream = buffers.stream();
                assert_eq!((liar.begin)(&mut stream, 0, 0), 0);
                assert_eq!((liar.restart)(&mut stream, in_, out), 0);
                liar.is_refused(&mut stream, member);
                // What the program says itself is believed.
                (stream.avail_in, stream.avail_out) = (5, 8);
                assert_eq!((liar.feed)(&mut stream), 5);
                assert_eq!((stream.avail_in, stream.avail_out), (0, 3));
                assert_eq!((liar.total)(&mut stream), 5);
                // Once a call has walked by the counts, another one that raises them fails itself.
                assert_eq!((liar.restart)(&mut stream, in_, out), -1);
                assert_eq!(cosmos_tests::errno(), libc::EPROTO);
                assert_eq!((stream.avail_in, stream.avail_out), (0, 3));
                assert_eq!(stream.next_out, buffers.output.last(3));
                assert_eq!((liar.end)(&mut stream, 0, 0), 0);
            }
        }
    });
}

#[test]
fn ending_an_object_launders_nothing() {
    in_world(|world| {
        let liar = Liar::open(world);
        let buffers = Buffers::new();
        // SAFETY: the stream and its buffers live through all calls.
        unsafe {
            let mut stream = buffers.stream();
            assert_eq!((liar.begin)(&mut stream, 0, 0), 0);
            assert_eq!((liar.restart)(&mut stream, 100, 0), 0);
            assert_eq!((liar.end)(&mut stream, 0, 100), 0);
            assert_eq!((stream.avail_in, stream.avail_out), (105, 108));
            assert_eq!((liar.begin)(&mut stream, 0, 0), 0);
            liar.is_refused(&mut stream, "avail_in");
            stream.avail_in = 5;
            liar.is_refused(&mut stream, "avail_out");
            stream.avail_out = 8;
            assert_eq!((liar.feed)(&mut stream), 5);
            assert_eq!((liar.end)(&mut stream, 0, 0), 0);
        }
    });
}

/// Closing the library ends its objects, and the memory that stood for them stands for nothing.
#[test]
fn memory_of_a_closed_library_stands_for_nothing() {
    in_world(|world| {
        let buffers = Buffers::new();
        let mut stream = buffers.stream();
        let path = c::library("liar.c", world.directory());
        let first = Liar::of(&path);
        // SAFETY: the stream and its buffers live through all calls.
        unsafe {
            assert_eq!((first.begin)(&mut stream, 0, 0), 0);
            first.library.close().expect("closed");
            let second = Liar::of(&path);
            assert_ne!(stream.state, 0, "the memory itself was not touched");
            assert_eq!((second.total)(&mut stream), -1);
            assert_eq!(cosmos_tests::errno(), libc::EBADF);
            // And can be used for another one.
            assert_eq!((second.begin)(&mut stream, 0, 0), 0);
            assert_eq!((second.feed)(&mut stream), 5);
            assert_eq!((second.total)(&mut stream), 5);
            assert_eq!((second.end)(&mut stream, 0, 0), 0);
        }
    });
}

/// An object that one thread ends while another one's call of it is under way: that call returns, and
/// brings nothing back to memory that stands for another object by then.
#[test]
fn an_object_that_another_thread_ends_stays_ended() {
    in_world(|world| {
        type Linger = unsafe extern "C" fn(*mut Stream, c_int, c_int) -> c_int;
        let buffers = Buffers::new();
        let liar = Liar::open(world);
        let linger = "int linger(struct stream *__handle s, int __fd started, int __fd fd)";
        let linger = function!(liar.library, linger, Linger);
        let mut stream = buffers.stream();
        let (mut started, start) = std::io::pipe().expect("a pipe");
        let (wait, go) = std::io::pipe().expect("a pipe");
        // SAFETY: the stream and its buffers live through all calls; the two threads take turns.
        unsafe {
            assert_eq!((liar.begin)(&mut stream, 0, 0), 0);
            let address = &raw mut stream as usize;
            let first = stream.state;
            let held = std::thread::spawn(move || {
                let stream = address as *mut Stream;
                let result = linger(stream, start.as_raw_fd(), wait.as_raw_fd());
                (result, cosmos::last_error())
            });
            let mut byte = [1];
            started.read_exact(&mut byte).expect("it is under way");
            assert_eq!((liar.end)(&mut stream, 0, 0), 0);
            assert_eq!((liar.total)(&mut stream), -1);
            assert_eq!(cosmos_tests::errno(), libc::EBADF);
            assert_eq!((liar.begin)(&mut stream, 0, 0), 0);
            let second = stream.state;
            assert_ne!(second, first);
            drop(go);
            let (result, error) = held.join().expect("no panic");
            assert_eq!((result, error), (7, None));
            assert_eq!((stream.state, stream.avail_in), (second, 5));
            assert_eq!((liar.feed)(&mut stream), 5);
            assert_eq!((liar.end)(&mut stream, 0, 0), 0);
        }
    });
}
