//! Memory that a program and a VM both see: what is in it does not travel, what cannot be used there
//! is refused by name, and what was freed is not passed on.

mod elsewhere;

use cosmos::{Buffer, FaultCode, Library, Options, Symbol};
use cosmos_tests::{World, c, errno, in_world, set_errno};
use std::ffi::{c_char, c_int, c_long, c_uint, c_ulong, c_void};

type Copy = unsafe extern "C" fn(*mut c_void, *const c_void, usize);
type Place = unsafe extern "C" fn(*const c_void, usize) -> c_ulong;

const COPY: &str =
    "void copy(void *__out __sized_by(size) to, const void *__sized_by(size) from, size_t size)";
const PLACE: &str = "unsigned long place(const void *__sized_by(size) memory, size_t size)";
const NODE: &str = "struct node { struct node *__in next; long value; };";

fn open(world: &World) -> Library {
    let path = c::library("arena.c", world.directory());
    cosmos::dlopen(path.to_str().expect("UTF-8")).expect("the library")
}

fn place_of(library: &Library, memory: *const u8, size: usize) -> Result<u64, cosmos::Error> {
    let place: Symbol<Place> = library.symbol(PLACE).expect("place");
    // SAFETY: the function only looks at the pointer.
    unsafe { place.try_call(memory.cast(), size) }
}

fn node_at(buffer: &mut Buffer, at: usize, next: *const u8, value: c_long) -> *mut u8 {
    let bytes = [(next.addr() as u64).to_ne_bytes(), value.to_ne_bytes()].concat();
    buffer.write(at, &bytes).expect("there is room");
    buffer.as_mut_ptr().wrapping_add(at)
}

/// The library copies all of it to another buffer.
fn is_copied(library: &Library, from: &mut Buffer) {
    let to = library.alloc(from.len()).expect("another");
    let bytes: Vec<u8> = (0..from.len()).map(|at| (at % 251) as u8).collect();
    from.write(0, &bytes).expect("there is room");
    let copy: Symbol<Copy> = library.symbol(COPY).expect("copy");
    // SAFETY: both have so many bytes.
    unsafe { copy.call(to.as_mut_ptr().cast(), from.as_ptr().cast(), from.len()) };
    assert!(to.to_vec().expect("it is ours") == bytes);
}

/// It is the same memory, not a copy: the library may keep the pointer, and sees what is written later.
fn is_seen_later(library: &Library, buffer: &mut Buffer) {
    let note: Symbol<unsafe extern "C" fn(*const c_void, usize)> = library
        .symbol("void note(const void *__sized_by(size) memory, size_t size)")
        .expect("note");
    let noted: Symbol<extern "C" fn(usize) -> c_int> = library
        .symbol("int noted_byte(size_t at)")
        .expect("noted_byte");
    // SAFETY: the buffer has so many bytes, and lives until the end.
    unsafe { note.call(buffer.as_ptr().cast(), buffer.len()) };
    buffer.write(777, &[42]).expect("there is room");
    assert_eq!(noted.call(777), 42);
}

/// What comes back leads into the program's own memory.
fn comes_back_as_the_programs_own(library: &Library) {
    #[repr(C)]
    struct Cursor {
        next: *mut u8,
        left: c_uint,
    }
    let mut buffer = library.alloc(10_000).expect("a buffer");
    let cursor = "struct part2 { char *__sized_by(left) next; unsigned left; }; \
                  void walk(struct part2 *__inout cursor)";
    let walk: Symbol<unsafe extern "C" fn(*mut Cursor)> = library.symbol(cursor).expect("walk");
    let mut cursor = Cursor {
        next: buffer.as_mut_ptr().wrapping_add(16),
        left: 8000,
    };
    // SAFETY: so much is left.
    unsafe { walk.try_call(&mut cursor) }.expect("it walks");
    assert_eq!(cursor.next, buffer.as_mut_ptr().wrapping_add(8016));
    assert_eq!(cursor.left, 0);
    buffer.write(0, b"a needle\0").expect("there is room");
    let find: Symbol<unsafe extern "C" fn(*mut c_char, c_int) -> *mut c_char> = library
        .symbol("char *__alias(text) find(const char *text, int letter)")
        .expect("find");
    // SAFETY: it ends with its NUL.
    let found = unsafe { find.try_call(buffer.as_mut_ptr().cast(), c_int::from(b'n')) };
    let found = found.expect("it is a text");
    assert_eq!(found.addr(), buffer.as_ptr().addr() + 2);
}

#[test]
fn a_buffer_is_used_where_it_is() {
    in_world(|world| {
        let library = open(world);
        let mut from = library.alloc(1 << 20).expect("a buffer");
        is_copied(&library, &mut from);
        // At the same address, also in the middle, and with nothing behind it.
        for at in [0, 1, 4097, 1 << 20] {
            let address = from.as_ptr().wrapping_add(at);
            let seen = place_of(&library, address, (1 << 20) - at).expect("it is there");
            assert_eq!(seen, address.addr() as u64);
        }
        is_seen_later(&library, &mut from);
    });
}

#[test]
fn records_in_it_lead_to_what_is_in_it() {
    in_world(|world| {
        let library = open(world);
        let mut buffer = library.alloc(4096).expect("a buffer");
        let sum: Symbol<unsafe extern "C" fn(*mut c_void) -> c_long> = library
            .symbol(&format!("{NODE} long sum(struct node *__inout list)"))
            .expect("sum");
        let last = node_at(&mut buffer, 1024, std::ptr::null(), 5);
        let middle = node_at(&mut buffer, 64, last, 30);
        let first = node_at(&mut buffer, 2048, middle, 100);
        // SAFETY: a list of three.
        assert_eq!(unsafe { sum.try_call(first.cast()) }.expect("a list"), 135);
        let mut value = [0; 8];
        buffer.read(1024 + 8, &mut value).expect("it is ours");
        assert_eq!(c_long::from_ne_bytes(value), 10);

        // What leads elsewhere, into what was freed, or cannot be meant there, is refused.
        let elsewhere = Box::new([0u64; 2]);
        node_at(&mut buffer, 1024, elsewhere.as_ptr().cast(), 5);
        // SAFETY: the call is refused before anybody follows the pointer.
        let error = unsafe { sum.try_call(first.cast()) }.expect_err("it leads elsewhere");
        assert_eq!(error.code(), FaultCode::BadArgument, "{error}");
        assert!(error.to_string().contains("parameter 'list'"), "{error}");
        assert!(
            error.to_string().contains("which the VM does not see"),
            "{error}"
        );
        let freed = library
            .alloc(64)
            .expect("a buffer")
            .as_ptr()
            .wrapping_add(8);
        node_at(&mut buffer, 1024, freed, 5);
        // SAFETY: as above.
        let error = unsafe { sum.try_call(first.cast()) }.expect_err("it was freed");
        assert!(error.to_string().contains("was freed"), "{error}");
        let user = "int use(const struct user { int (*function)(int number); int value; } *user)";
        let user: Symbol<unsafe extern "C" fn(*const c_void) -> c_int> =
            library.symbol(user).expect("use");
        // SAFETY: as above.
        let error = unsafe { user.try_call(first.cast()) }.expect_err("a function is in it");
        assert!(error.to_string().contains("a function"), "{error}");
        assert_eq!(error.errno(), libc::EINVAL);
    });
}

/// A pointer to the arena in a record that is elsewhere is the arena's all the same.
#[test]
fn records_elsewhere_may_lead_into_it() {
    in_world(|world| {
        #[repr(C)]
        struct Part {
            bytes: *const u8,
            size: usize,
        }
        let library = open(world);
        let buffer = library.alloc(10_000).expect("a buffer");
        let part = "struct part { const char *__sized_by(size) bytes; size_t size; }; \
                    unsigned long part_place(const struct part *part)";
        let part_place: Symbol<unsafe extern "C" fn(*const Part) -> c_ulong> =
            library.symbol(part).expect("part_place");
        let part = Part {
            bytes: buffer.as_ptr().wrapping_add(100),
            size: 9900,
        };
        // SAFETY: the part is as large as it says.
        let seen = unsafe { part_place.try_call(&part) }.expect("it is there");
        assert_eq!(seen, part.bytes.addr() as u64);
        let long = Part { size: 9901, ..part };
        // SAFETY: the call is refused.
        let error = unsafe { part_place.try_call(&long) }.expect_err("it is too long");
        assert!(error.to_string().contains("9900 are left"), "{error}");

        comes_back_as_the_programs_own(&library);
    });
}

#[test]
fn what_was_freed_or_does_not_reach_is_refused() {
    in_world(|world| {
        let library = open(world);
        let buffer = library.alloc(1000).expect("a buffer");
        let neighbour = library.alloc(1000).expect("its neighbour");
        let error = place_of(&library, buffer.as_ptr(), 1001).expect_err("it has 1000");
        assert_eq!(error.code(), FaultCode::BadArgument);
        assert!(error.to_string().contains("1000 are left"), "{error}");
        let error = place_of(&library, buffer.as_ptr().wrapping_add(1010), 1).expect_err("no");
        assert!(error.to_string().contains("never allocated"), "{error}");
        let (stale, kept) = (buffer.as_ptr(), neighbour.as_ptr());
        drop(buffer);
        let error = place_of(&library, stale, 1).expect_err("it was freed");
        assert!(error.to_string().contains("was freed"), "{error}");
        assert_eq!(
            place_of(&library, kept, 1000).expect("it lives"),
            kept.addr() as u64
        );
        // A text that does not end in what was allocated.
        let mut text = library.alloc(100).expect("a buffer");
        text.write(0, &[b'x'; 100]).expect("there is room");
        let find: Symbol<unsafe extern "C" fn(*mut c_char, c_int) -> *mut c_char> = library
            .symbol("char *__alias(text) find(const char *text, int letter)")
            .expect("find");
        // SAFETY: nobody reads behind the buffer: that is what is tested.
        let error = unsafe { find.try_call(text.as_mut_ptr().cast(), 0) }.expect_err("no end");
        assert!(
            error.to_string().contains("no terminator within 100"),
            "{error}"
        );
        assert!(library.alloc(usize::MAX).is_err());
        assert!(library.alloc(1 << 46).is_err());
        assert_eq!(library.alloc(0).expect("nothing").len(), 0);
    });
}

/// What is given back is gone for the VM, too, and a number is not used twice.
#[test]
fn large_ones_come_and_go() {
    in_world(|world| {
        let library = open(world);
        for round in 0..50 {
            let buffer = library.alloc(64 << 20).expect("a buffer");
            let at = buffer.as_ptr().wrapping_add(round << 20);
            assert_eq!(
                place_of(&library, at, 1 << 20).expect("seen"),
                at.addr() as u64
            );
            drop(buffer);
            assert_eq!(shared_with(world), [0; 2]);
        }
        let many: Vec<Buffer> = (0..3000)
            .map(|size| library.alloc(size * 7).expect("a buffer"))
            .collect();
        for buffer in &many {
            let seen = place_of(&library, buffer.as_ptr(), buffer.len()).expect("seen");
            assert_eq!(seen, buffer.as_ptr().addr() as u64);
        }
        drop(many);
        let kept = shared_with(world);
        assert!(
            kept[0] <= 4 << 20 && kept[1] == kept[0],
            "one is kept for the next: {kept:?}"
        );
    });
}

/// Bytes of shared buffers that this process and its VM have mapped.
fn shared_with(world: &World) -> [u64; 2] {
    let vms = world.processes_named("cosmos-hostfn");
    assert_eq!(vms.len(), 1, "{vms:?}");
    [std::process::id().to_string(), vms[0].pid.to_string()].map(|process| {
        let maps = std::fs::read_to_string(format!("/proc/{process}/maps")).expect("its maps");
        let shared = maps
            .lines()
            .filter(|line| line.contains("memfd:cosmos arena"));
        let length = |line: &str| {
            let (from, to) = line.split_once(' ')?.0.split_once('-')?;
            let number = |text| u64::from_str_radix(text, 16).ok();
            Some(number(to)? - number(from)?)
        };
        shared.map(|line| length(line).expect("a range")).sum()
    })
}

/// Of what ordinary buffers were copied to little is kept, at both ends alike.
#[test]
fn what_large_buffers_needed_is_given_back() {
    in_world(|world| {
        // SAFETY: no other thread of this process reads or writes the environment yet.
        unsafe { std::env::set_var("COSMOS_RING", "1") };
        let library = open(world);
        let copy: Symbol<Copy> = library.symbol(COPY).expect("copy");
        // The second needs more than the first, and of that nothing is kept.
        for (size, least, most) in [
            (10 << 20, 1, 32 << 20),
            (30 << 20, 0, 0),
            (5000, 1, 4 << 20),
        ] {
            let (from, mut to) = (vec![1u8; size], vec![0u8; size]);
            for _ in 0..2 {
                // SAFETY: both have so many bytes.
                unsafe { copy.call(to.as_mut_ptr().cast(), from.as_ptr().cast(), size) };
                assert!(from == to, "{size} bytes");
                let [ours, theirs] = shared_with(world);
                assert_eq!(ours, theirs, "{size} bytes");
                assert!((least..=most).contains(&ours), "{size} bytes: {ours}");
            }
        }
    });
}

/// It outlives its VM and its library; nothing more is allocated there.
#[test]
fn it_stays_readable_when_the_vm_is_gone() {
    in_world(|world| {
        let path = c::library("arena.c", world.directory());
        let path = path.to_str().expect("UTF-8");
        let vm = cosmos::Vm::open("hostfn", &Options::new().read(path)).expect("a VM");
        let library = cosmos::dlopen_with(path, &Options::new().vm(&vm)).expect("the library");
        let mut buffer = library.alloc(5000).expect("a buffer");
        let second = vm.alloc(70).expect("another, without the library");
        buffer.write(4000, b"still here").expect("there is room");
        let address = buffer.as_ptr();
        vm.close().expect("it ends");
        let error = library.alloc(1).expect_err("the VM is gone");
        assert_eq!(error.errno(), libc::EOWNERDEAD, "{error}");
        let error = place_of_closed(&library, address);
        assert_eq!(error.errno(), libc::EOWNERDEAD, "{error}");
        let mut words = [0; 10];
        buffer.read(4000, &mut words).expect("it is ours");
        assert_eq!(&words, b"still here");
        drop(library);
        drop(second);
        buffer.write(0, b"x").expect("it is ours");
        // For another VM it is ordinary memory.
        let other = cosmos::dlopen(path).expect("the library elsewhere");
        assert_ne!(
            place_of(&other, address, 5000).expect("it is copied"),
            address.addr() as u64
        );
    });
}

fn place_of_closed(library: &Library, address: *const u8) -> cosmos::Error {
    match library.symbol::<Place>(PLACE) {
        Err(error) => error,
        // SAFETY: the function only looks at the pointer.
        Ok(place) => unsafe { place.try_call(address.cast(), 1) }.expect_err("it is gone"),
    }
}

#[test]
fn a_forked_child_does_not_have_it() {
    in_world(|world| {
        let library = open(world);
        let mut buffer = library.alloc(64).expect("a buffer");
        // SAFETY: the child uses what is under test, and leaves by _exit.
        let child = unsafe { libc::fork() };
        assert!(child >= 0);
        if child == 0 {
            // SAFETY: a child that hangs fails the test by this signal.
            unsafe { libc::alarm(20) };
            let code = |result: Result<(), cosmos::Error>| result.map_err(|error| error.code());
            let fine = code(buffer.read(0, &mut [0])) == Err(FaultCode::Forked)
                && code(buffer.write(0, &[0])) == Err(FaultCode::Forked)
                && code(library.alloc(1).map(drop)) == Err(FaultCode::Forked);
            drop(buffer);
            // SAFETY: ends the child without running anything of the test harness.
            unsafe { libc::_exit(i32::from(!fine)) }
        }
        let mut status = 0;
        // SAFETY: waits for the child made above; `status` is ours.
        assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
        assert_eq!(status, 0);
        buffer.write(0, b"ours").expect("the parent has it");
        assert!(place_of(&library, buffer.as_ptr(), 64).is_ok());
    });
}

/// Large ordinary buffers of nested calls, of every size, come back as they should.
#[test]
fn large_buffers_go_there_and_back() {
    in_world(|world| {
        let library = open(world);
        let copy: Symbol<Copy> = library.symbol(COPY).expect("copy");
        let half = "void half(unsigned char *__inout __sized_by(size) __filled(*filled) to, \
                    size_t *__out filled, size_t size)";
        let half: Symbol<unsafe extern "C" fn(*mut u8, *mut usize, usize)> =
            library.symbol(half).expect("half");
        for size in [
            0,
            1,
            4095,
            4096,
            4097,
            100_000,
            3 << 20,
            9 << 20,
            20 << 20,
            5000,
        ] {
            let from: Vec<u8> = (0..size).map(|at| (at % 253) as u8).collect();
            let mut to = vec![0xff; size];
            // SAFETY: both have so many bytes.
            let done = unsafe { copy.try_call(to.as_mut_ptr().cast(), from.as_ptr().cast(), size) };
            done.unwrap_or_else(|error| panic!("{size} bytes: {error}"));
            assert!(from == to, "{size} bytes");
            let mut filled = 0;
            // SAFETY: as above.
            let done = unsafe { half.try_call(to.as_mut_ptr(), &mut filled, size) };
            done.unwrap_or_else(|error| panic!("{size} bytes: {error}"));
            assert_eq!(filled, size / 2);
            let plus = |at: usize| from[at].wrapping_add(u8::from(at < size / 2));
            assert!((0..size).all(|at| to[at] == plus(at)), "{size} bytes");
        }
    });
}

/// Of buffers that only come back, wherever they are copied: what the function leaves as it is is zeros, and
/// nothing of the calls before.
#[test]
fn what_nobody_wrote_comes_back_as_zeros() {
    in_world(|world| {
        let library = open(world);
        let copy: Symbol<Copy> = library.symbol(COPY).expect("copy");
        let leaves = "unsigned long place(void *__out __sized_by(size) memory, size_t size)";
        let leaves: Symbol<unsafe extern "C" fn(*mut u8, usize) -> c_ulong> =
            library.symbol(leaves).expect("place");
        for size in [100, 4096, 100_000, 5 << 20, 100_000] {
            let (from, mut to) = (vec![0x5a; size], vec![0; size]);
            // SAFETY: both have so many bytes.
            unsafe { copy.call(to.as_mut_ptr().cast(), from.as_ptr().cast(), size) };
            assert!(from == to, "{size} bytes");
            // SAFETY: as above.
            unsafe { leaves.call(to.as_mut_ptr(), size) };
            assert!(to.iter().all(|byte| *byte == 0), "{size} bytes");
        }
    });
}

#[test]
fn calls_of_callbacks_have_room_of_their_own() {
    in_world(|world| {
        let library = open(world);
        let copy: Symbol<Copy> = library.symbol(COPY).expect("copy");
        let ask = library
            .function(
                "int ask(int (*function)(int number), const unsigned char \
                 *__sized_by(size) memory, size_t size)",
            )
            .expect("ask");
        let inner = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let seen = std::sync::Arc::clone(&inner);
        let again = cosmos::callback(move |arguments: &[cosmos::Value]| {
            let from = vec![7u8; 6 << 20];
            let mut to = vec![0u8; 6 << 20];
            // SAFETY: both have so many bytes.
            unsafe { copy.call(to.as_mut_ptr().cast(), from.as_ptr().cast(), 6 << 20) };
            seen.lock().expect("no panic").push(to == from);
            arguments.first().cloned().unwrap_or(cosmos::Value::Void)
        });
        let outer = vec![3u8; 5 << 20];
        let size = outer.len() as i128;
        for _ in 0..3 {
            let arguments = [
                again.clone(),
                cosmos::Value::Bytes(outer.clone()),
                cosmos::Value::Int(size),
            ];
            let outcome = ask.call(&arguments).expect("it calls back");
            // What the function sees after the inner call is what it was given.
            assert_eq!(outcome.result, cosmos::Value::Int(6));
        }
        assert_eq!(*inner.lock().expect("no panic"), [true; 3]);
    });
}

/// Without shared memory for calls, buffers travel, and the arena works.
#[test]
fn it_works_without_the_ring() {
    in_world(|world| {
        // SAFETY: no other thread of this process reads or writes the environment yet.
        unsafe { std::env::set_var("COSMOS_RING", "0") };
        let library = open(world);
        let buffer = library.alloc(1 << 20).expect("a buffer");
        let seen = place_of(&library, buffer.as_ptr(), 1 << 20).expect("seen");
        assert_eq!(seen, buffer.as_ptr().addr() as u64);
        let copy: Symbol<Copy> = library.symbol(COPY).expect("copy");
        let from = vec![9u8; 1 << 20];
        // SAFETY: both have so many bytes.
        unsafe { copy.call(buffer.as_mut_ptr().cast(), from.as_ptr().cast(), 1 << 20) };
        assert!(buffer.to_vec().expect("it is ours") == from);
        set_errno(0);
        assert_eq!(errno(), 0);
    });
}
