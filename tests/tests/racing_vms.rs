//! A VM whose threads rewrite memory that it shares with its client, all the while: each call gives a value or an
//! error by name, the client reads and writes nothing that is not the call's, and other VMs do not suffer.

use cosmos::{Buffer, Error, FaultCode, Library, Options, Symbol};
use cosmos_tests::{Fenced, World, c, in_world};
use std::ffi::{c_char, c_int, c_void};
use std::time::{Duration, Instant};

const LARGE: usize = 64 << 10;
const LONG: Duration = Duration::from_millis(1500);

type Text = unsafe extern "C" fn(*const c_char) -> usize;
type Span = unsafe extern "C" fn(*mut c_void, usize) -> c_int;

fn open(world: &World) -> Library {
    let path = c::library("racer.c", world.directory());
    let fresh = Options::new().fresh(true);
    cosmos::dlopen_with(path.to_str().expect("UTF-8"), &fresh).expect("the library")
}

fn begin(library: &Library, name: &str, memory: *mut u8, size: usize) {
    let prototype = format!("int {name}(void *__inout __sized_by(size) memory, size_t size)");
    let begin: Symbol<Span> = library.symbol(&prototype).expect("a function");
    // SAFETY: the memory has so many bytes.
    let begun = unsafe { begin.try_call(memory.cast(), size) }.expect("it begins");
    assert_eq!(begun, 0, "no thread");
}

/// For a while, and often enough on a busy machine.
fn again_and_again(mut step: impl FnMut(usize)) {
    let begun = Instant::now();
    let mut count = 0;
    while count < 200 || begun.elapsed() < LONG {
        step(count);
        count += 1;
    }
}

/// What a call may come to where its arguments change under its hands.
fn by_name(error: &Error) {
    let known = [FaultCode::BadArgument, FaultCode::Protocol];
    assert!(known.contains(&error.code()), "{error:?}");
    assert!(!error.to_string().is_empty());
}

fn lives(library: &Library) {
    let ignores: Symbol<unsafe extern "C" fn(*const c_void) -> c_int> = library
        .symbol("int ignores(const void *__sized_by(16) list)")
        .expect("a function");
    // SAFETY: it looks at nothing.
    let looked = unsafe { ignores.try_call(std::ptr::null()) };
    assert_eq!(looked.expect("it lives"), 0);
}

/// Large buffers are copied through memory in which the VM goes on writing.
#[test]
fn what_comes_back_of_a_rewritten_buffer_stays_within_it() {
    in_world(|world| {
        // Without it what the thread writes to is the VM's alone, which may break it.
        // SAFETY: no other thread looks at the environment yet.
        unsafe { std::env::set_var("COSMOS_RING", "1") };
        let library = open(world);
        // It is where the buffers of all later calls of this thread are.
        let mut first = Fenced::of(LARGE);
        begin(&library, "scribbles", first.start(), LARGE);
        first.stands();
        let fills: Symbol<unsafe extern "C" fn(*mut u8, usize) -> usize> = library
            .symbol("size_t fills(unsigned char *__out __sized_by(size) __filled(return) to, size_t size)")
            .expect("fills");
        let tells: Symbol<unsafe extern "C" fn(*mut u8, usize)> = library
            .symbol("void tells(char *__out __sized_by(size) __null_terminated to, size_t size)")
            .expect("tells");
        again_and_again(|count| {
            let size = LARGE - 64 * (count % 64);
            let mut buffer = Fenced::of(size);
            // SAFETY: the buffer has so many bytes.
            let filled = unsafe { fills.try_call(buffer.start(), size) }.expect("it fills");
            buffer.stands();
            assert_eq!(filled, size / 2);
            let untouched = &buffer.inner()[size / 2..];
            assert!(
                untouched.iter().all(|byte| *byte == 0x5a),
                "more than was filled"
            );
            let mut buffer = Fenced::of(size);
            // SAFETY: as above.
            let told = unsafe { tells.try_call(buffer.start(), size) };
            buffer.stands();
            match told {
                // A text is one: what the program reads up to the NUL is in it.
                Ok(()) => assert!(buffer.inner().contains(&0)),
                Err(error) => by_name(&error),
            }
        });
        lives(&library);
    });
}

/// A buffer of the arena of which the last byte is the last of what is mapped.
fn whole_segment(library: &Library) -> Buffer {
    library.alloc(400 << 20).expect("a segment of its own")
}

fn last(buffer: &Buffer, size: usize) -> *mut u8 {
    buffer.as_mut_ptr().wrapping_add((400 << 20) - size)
}

fn other() -> (Library, Symbol<Text>) {
    let fresh = Options::new().fresh(true);
    let library = cosmos::dlopen_with("libc.so.6", &fresh).expect("libc");
    let length = library
        .symbol("size_t strlen(const char *s)")
        .expect("strlen");
    (library, length)
}

/// A text in the arena of one VM, passed to another one: its length is looked for where the first one writes.
#[test]
fn a_text_whose_end_is_taken_away_is_not_read_past_its_memory() {
    in_world(|world| {
        let library = open(world);
        let (_other, length) = other();
        let buffer = whole_segment(&library);
        let own: Symbol<Text> = library
            .symbol("size_t measures(const char *text)")
            .expect("measures");
        for size in [100usize, 3000, 100_000] {
            let text = last(&buffer, size);
            let bytes = [&vec![b'x'; size - 1][..], &[0]].concat();
            buffer_write(&buffer, size, &bytes);
            // SAFETY: it ends with a NUL.
            let found = unsafe { length.try_call(text.cast()) }.expect("a text");
            assert_eq!(found, size - 1);
            let prototype = "void unterminate(void *__out __sized_by(size) memory, size_t size)";
            let unterminate: Symbol<unsafe extern "C" fn(*mut c_void, usize)> =
                library.symbol(prototype).expect("unterminate");
            // SAFETY: the memory has so many bytes.
            unsafe { unterminate.try_call(text.cast(), size) }.expect("it does");
            for measured in [&length, &own] {
                // SAFETY: what is there is checked.
                let error = unsafe { measured.try_call(text.cast()) }.expect_err("no text");
                assert_eq!(error.code(), FaultCode::BadArgument, "{error}");
            }
        }
        begin(&library, "scribbles", last(&buffer, 5000), 5000);
        again_and_again(|count| {
            let size = 1 + count % 5000;
            // SAFETY: as above.
            match unsafe { length.try_call(last(&buffer, size).cast()) } {
                Ok(found) => assert!(found < size, "{found} of {size}"),
                Err(error) => by_name(&error),
            }
        });
        // The other VM was told nothing that it takes amiss.
        // SAFETY: a text.
        let four = unsafe { length.try_call(c"four".as_ptr()) };
        assert_eq!(four.expect("it lives"), 4);
        lives(&library);
    });
}

fn buffer_write(buffer: &Buffer, from_end: usize, bytes: &[u8]) {
    let at = (400 << 20) - from_end;
    // SAFETY: the buffer has so many bytes; nobody else writes there yet.
    unsafe {
        let to = buffer.as_mut_ptr().wrapping_add(at);
        std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len());
    }
}

/// Records in the arena whose pointers lead to anywhere by the time that they are looked at.
#[test]
fn pointers_that_are_rewritten_are_followed_to_nothing_of_the_clients() {
    in_world(|world| {
        let library = open(world);
        let elsewhere = open(world);
        let size = 64 << 10;
        let buffer = library.alloc(size).expect("a buffer");
        let prototype = "struct node { struct node *__in next; long value; }; \
                         int ignores(const struct node *list)";
        type Ignores = unsafe extern "C" fn(*const c_void) -> c_int;
        let own: Symbol<Ignores> = library.symbol(prototype).expect("ignores");
        let others: Symbol<Ignores> = elsewhere.symbol(prototype).expect("ignores");
        begin(&library, "misleads", buffer.as_mut_ptr(), size);
        let (mut taken, mut refused) = (0, 0);
        again_and_again(|count| {
            let list = buffer.as_ptr().wrapping_add(16 * (count % (size / 16)));
            // SAFETY: it looks at nothing; what is looked at here is checked.
            match unsafe { own.try_call(list.cast()) } {
                Ok(one) => taken += one,
                Err(error) => {
                    by_name(&error);
                    refused += 1;
                }
            }
            // SAFETY: as above.
            let error = unsafe { others.try_call(list.cast()) }.expect_err("not to be followed");
            assert_eq!(error.code(), FaultCode::BadArgument, "{error}");
            assert!(error.to_string().contains("copy it first"), "{error}");
        });
        assert!(taken > 0 && refused > 0, "{taken} taken, {refused} refused");
        lives(&library);
        lives(&elsewhere);
    });
}
