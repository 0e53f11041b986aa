//! Memory that a program and a VM both see, at addresses that differ, for one of them has something else
//! there: what is passed itself is found by its place, and records with pointers in them are refused by
//! name.

use crate::{NODE, comes_back_as_the_programs_own, is_copied, is_seen_later, open};
use cosmos::{Buffer, Error, FaultCode, Library, Symbol, Value};
use cosmos_tests::{World, in_world};
use std::ffi::{c_int, c_long, c_ulong, c_void};

/// Where segments go (`cosmos-rpc/src/arena/memory.rs`).
const ROOM: (usize, usize) = (0x2000_0000_0000, 0x4000_0000_0000);

/// A library whose VM has something of its own wherever the program has its segments.
fn open_with_taken_room(world: &World) -> Library {
    let library = open(world);
    let occupy: Symbol<extern "C" fn(c_ulong, c_ulong) -> c_int> = library
        .symbol("int occupy(unsigned long from, unsigned long to)")
        .expect("occupy");
    assert_eq!(occupy.call(ROOM.0 as c_ulong, ROOM.1 as c_ulong), 0);
    library
}

/// Where the VM has a buffer of the program's.
fn place_of(library: &Library, buffer: &Buffer) -> usize {
    let place: Symbol<unsafe extern "C" fn(*const c_void, usize) -> c_ulong> = library
        .symbol("unsigned long place(const void *__sized_by(size) memory, size_t size)")
        .expect("place");
    // SAFETY: the function only looks at the pointer.
    let seen = unsafe { place.try_call(buffer.as_ptr().cast(), buffer.len()) };
    seen.expect("it is there") as usize
}

/// A list of two nodes in the buffer, through the library.
fn sum_of_two(library: &Library, buffer: &mut Buffer) -> Result<c_long, Error> {
    let second = buffer.as_ptr().wrapping_add(64).addr() as u64;
    put_node(buffer, 0, second, 30);
    put_node(buffer, 64, 0, 5);
    sum(library, buffer.as_mut_ptr())
}

fn put_node(buffer: &mut Buffer, at: usize, next: u64, value: c_long) {
    let bytes = [next.to_ne_bytes(), value.to_ne_bytes()].concat();
    buffer.write(at, &bytes).expect("there is room");
}

fn sum(library: &Library, list: *mut u8) -> Result<c_long, Error> {
    let sum: Symbol<unsafe extern "C" fn(*mut c_void) -> c_long> = library
        .symbol(&format!("{NODE} long sum(struct node *__inout list)"))
        .expect("sum");
    // SAFETY: the list is whole, and ends.
    unsafe { sum.try_call(list.cast()) }
}

/// What is passed itself is used where it is, whatever its address there.
fn is_found_by_its_place(library: &Library) {
    let mut from = library.alloc(1 << 20).expect("a buffer");
    assert_ne!(place_of(library, &from), from.as_ptr().addr());
    is_copied(library, &mut from);
    is_seen_later(library, &mut from);
}

/// A record elsewhere leads to it, for that record is translated on its way.
fn is_led_to_by_records_elsewhere(library: &Library) {
    #[repr(C)]
    struct Part {
        bytes: *const u8,
        size: usize,
    }
    let buffer = library.alloc(10_000).expect("a buffer");
    let part_place: Symbol<unsafe extern "C" fn(*const Part) -> c_ulong> = library
        .symbol(
            "struct part { const char *__sized_by(size) bytes; size_t size; }; \
             unsigned long part_place(const struct part *part)",
        )
        .expect("part_place");
    let part = Part {
        bytes: buffer.as_ptr().wrapping_add(100),
        size: 9900,
    };
    // SAFETY: the part is as large as it says.
    let seen = unsafe { part_place.try_call(&part) }.expect("it is there") as usize;
    assert_eq!(seen, place_of(library, &buffer) + 100);
}

fn is_refused_by_name(library: &Library) {
    let mut buffer = library.alloc(4096).expect("a buffer");
    let error =
        sum_of_two(library, &mut buffer).expect_err("its pointers mean something else there");
    assert_eq!(error.code(), FaultCode::BadArgument, "{error}");
    assert_eq!(error.errno(), libc::EINVAL);
    let said = error.to_string();
    for part in [
        "sum: parameter 'list'",
        "pointers in it",
        "at another address",
    ] {
        assert!(said.contains(part), "{part} in: {said}");
    }
    // One whose pointer is elsewhere, and leads there, is refused as much.
    let outside = [buffer.as_ptr().addr() as u64, 100];
    let error = sum(library, outside.as_ptr().cast_mut().cast()).expect_err("likewise");
    let said = error.to_string();
    for part in ["parameter 'list'", "at another address"] {
        assert!(said.contains(part), "{part} in: {said}");
    }
    // Nobody touched it.
    let mut value = [0; 8];
    buffer.read(64 + 8, &mut value).expect("it is ours");
    assert_eq!(c_long::from_ne_bytes(value), 5);
}

/// A callback gets a copy, at whatever address the VM has the original.
fn is_copied_for_callbacks(library: &Library) {
    let mut buffer = library.alloc(5000).expect("a buffer");
    buffer.write(0, &[41; 5000]).expect("there is room");
    type Ask = unsafe extern "C" fn(extern "C" fn(c_int) -> c_int, *const u8, usize) -> c_int;
    extern "C" fn next(number: c_int) -> c_int {
        number + 1
    }
    let ask: Symbol<Ask> = library
        .symbol(
            "int ask(int (*function)(int number), const unsigned char *__sized_by(size) memory, \
             size_t size)",
        )
        .expect("ask");
    // SAFETY: the buffer has so many bytes.
    let asked = unsafe { ask.try_call(next, buffer.as_ptr(), buffer.len()) };
    assert_eq!(asked.expect("it calls back"), 42 + 41);
}

fn everything_that_holds_there(library: &Library) {
    is_found_by_its_place(library);
    comes_back_as_the_programs_own(library);
    is_led_to_by_records_elsewhere(library);
    is_refused_by_name(library);
    is_copied_for_callbacks(library);
}

#[test]
fn where_the_vm_has_something_else_there() {
    in_world(|world| everything_that_holds_there(&open_with_taken_room(world)));
}

#[test]
fn where_the_vm_has_something_else_there_and_calls_go_through_sockets() {
    in_world(|world| {
        // SAFETY: no other thread of this process reads or writes the environment yet.
        unsafe { std::env::set_var("COSMOS_RING", "0") };
        everything_that_holds_there(&open_with_taken_room(world));
    });
}

/// What was allocated before is where it was, in the same VM.
#[test]
fn segments_that_are_agreed_on_and_others_are_told_apart() {
    in_world(|world| {
        let library = open(world);
        let mut agreed = library.alloc(4096).expect("a buffer");
        assert_eq!(place_of(&library, &agreed), agreed.as_ptr().addr());
        // The rest of the room, on both sides of what is there.
        let occupy = library
            .function("int occupy(unsigned long from, unsigned long to)")
            .expect("occupy");
        let taken = segment_at(agreed.as_ptr().addr());
        for (from, to) in [(ROOM.0, taken.0), (taken.1, ROOM.1)] {
            let done = occupy.call(&[Value::Int(from as i128), Value::Int(to as i128)]);
            assert_eq!(done.expect("a call").result, Value::Int(0));
        }
        let mut other = library.alloc(64 << 20).expect("one in another segment");
        assert_ne!(place_of(&library, &other), other.as_ptr().addr());
        assert_eq!(sum_of_two(&library, &mut agreed).expect("a list"), 35);
        let error = sum_of_two(&library, &mut other).expect_err("it is elsewhere");
        assert!(error.to_string().contains("at another address"), "{error}");
        // From the one into the other.
        put_node(&mut agreed, 0, other.as_ptr().addr() as u64, 1);
        let error = sum(&library, agreed.as_mut_ptr()).expect_err("it leads there");
        assert_eq!(error.code(), FaultCode::BadArgument, "{error}");
        assert!(error.to_string().contains("parameter 'list'"), "{error}");
        assert!(
            error.to_string().contains("which the VM does not see"),
            "{error}"
        );
    });
}

/// Beginning and end of the mapping that an address of this process is in.
fn segment_at(address: usize) -> (usize, usize) {
    let maps = std::fs::read_to_string("/proc/self/maps").expect("our maps");
    let ranges = maps.lines().filter_map(|line| {
        let (from, to) = line.split_once(' ')?.0.split_once('-')?;
        let number = |text| usize::from_str_radix(text, 16).ok();
        Some((number(from)?, number(to)?))
    });
    let mut around = ranges.filter(|(from, to)| (*from..*to).contains(&address));
    around.next().expect("it is mapped")
}

/// The program has no room where segments go: they are elsewhere, and what is refused is what the VM does not
/// have at the same address.
#[test]
fn where_the_program_has_something_else_there() {
    in_world(|world| {
        // SAFETY: memory that nobody touches, where nothing is.
        let taken = unsafe {
            let flags = libc::MAP_PRIVATE
                | libc::MAP_ANONYMOUS
                | libc::MAP_NORESERVE
                | libc::MAP_FIXED_NOREPLACE;
            let start = std::ptr::with_exposed_provenance_mut(ROOM.0);
            libc::mmap(start, ROOM.1 - ROOM.0, libc::PROT_NONE, flags, -1, 0)
        };
        assert_eq!(taken.addr(), ROOM.0);
        let library = open(world);
        let mut buffer = library.alloc(4096).expect("a buffer");
        let address = buffer.as_ptr().addr();
        assert!(!(ROOM.0..ROOM.1).contains(&address), "{address:#x}");
        let is_agreed = place_of(&library, &buffer) == address;
        match sum_of_two(&library, &mut buffer) {
            Ok(sum) => assert!(is_agreed && sum == 35, "{sum}"),
            Err(error) => {
                assert!(!is_agreed, "{error}");
                assert!(error.to_string().contains("at another address"), "{error}");
            }
        }
        comes_back_as_the_programs_own(&library);
        is_copied_for_callbacks(&library);
    });
}
