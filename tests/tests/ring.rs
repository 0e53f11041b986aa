//! Calls through shared memory, through the whole stack: used by default, left out on request, and
//! the same for the program either way.

use cosmos_tests::{World, eventually, in_world, in_world_for};
use std::ffi::{c_int, c_uint, c_ulong, c_void};
use std::fs::File;
use std::os::fd::AsRawFd;
use std::time::Duration;

/// Whether this process has memory that it shares with a VM.
fn shares_memory() -> bool {
    let maps = std::fs::read_to_string("/proc/self/maps").expect("the maps of this process");
    maps.contains("memfd:cosmos ring")
}

fn set_ring(value: &str) {
    // SAFETY: no other thread of this process reads or writes the environment yet.
    unsafe { std::env::set_var("COSMOS_RING", value) };
}

fn calls_of_every_kind(_world: &World) {
    let library = cosmos::dlopen("libc.so.6").expect("libc");
    let abs = library.function("int abs(int number)").expect("abs");
    // SAFETY: the function has this type.
    let abs = unsafe {
        std::mem::transmute::<*const c_void, extern "C" fn(c_int) -> c_int>(abs.pointer())
    };
    for number in 0..2000 {
        assert_eq!(abs(-number), number);
    }
    let zlib = cosmos::dlopen("libz.so.1").expect("zlib");
    let prototype = "uLong crc32(uLong crc, const Bytef *__sized_by(len) buf, uInt len)";
    let crc32 = zlib.function(prototype).expect("crc32");
    type Crc32 = unsafe extern "C" fn(c_ulong, *const u8, c_uint) -> c_ulong;
    // SAFETY: the function has this type.
    let crc32 = unsafe { std::mem::transmute::<*const c_void, Crc32>(crc32.pointer()) };
    // From what fits into one cache line to what has to go beside the ring, and back.
    for size in [0, 1, 24, 25, 4096, 1 << 20, 2 << 20, 5 << 20, 1] {
        let bytes = vec![b'a'; size];
        // SAFETY: the buffer has as many bytes.
        let here = unsafe { crc32(0, bytes.as_ptr(), size as c_uint) };
        let mut table = !0u32;
        for byte in &bytes {
            table ^= u32::from(*byte);
            for _ in 0..8 {
                table = table >> 1 ^ if table & 1 == 1 { 0xedb8_8320 } else { 0 };
            }
        }
        let expected = if size == 0 { 0 } else { c_ulong::from(!table) };
        assert_eq!(here, expected, "{size} bytes");
    }
}

#[test]
fn calls_go_through_shared_memory_by_default() {
    in_world(|world| {
        // SAFETY: as in `set_ring`.
        unsafe { std::env::remove_var("COSMOS_RING") };
        assert!(!shares_memory());
        calls_of_every_kind(world);
        assert!(shares_memory());
    });
}

#[test]
fn calls_go_through_sockets_on_request() {
    in_world(|world| {
        set_ring("0");
        calls_of_every_kind(world);
        assert!(!shares_memory());
    });
}

#[test]
fn threads_that_end_leave_no_channel_in_the_vm() {
    // Each of them has to be scheduled some times, here and there, and there may not be fewer.
    in_world_for(Duration::from_secs(600), |_| {
        set_ring("1");
        let library = cosmos::dlopen("libc.so.6").expect("libc");
        let abs = library.function("int abs(int number)").expect("abs");
        // More than a VM has channels for at once.
        for number in 0..1500i64 {
            let outcome = std::thread::scope(|scope| {
                let call = scope.spawn(|| abs.call(&[(-number).into()]));
                call.join().expect("the thread")
            });
            assert_eq!(
                outcome.expect("a call").result,
                cosmos::Value::from(number as i32)
            );
        }
    });
}

#[test]
fn a_vm_that_is_killed_in_a_call_is_missed_at_once_and_told_apart() {
    in_world(|_| {
        set_ring("1");
        for _ in 0..5 {
            let library = cosmos::dlopen("libc.so.6").expect("libc");
            let raise = library.function("int raise(int signal)").expect("raise");
            let error = raise.call(&[libc::SIGKILL.into()]).expect_err("it is dead");
            assert_eq!(error.errno(), libc::EOWNERDEAD, "{error}");
            assert!(error.to_string().contains("SIGKILL"), "{error}");
        }
    });
}

/// As programs do that go into the background, and then open files of their own.
fn closes_what_it_did_not_open(world: &World) {
    let library = cosmos::dlopen("libc.so.6").expect("libc");
    let abs = library.function("int abs(int number)").expect("abs");
    assert!(abs.call(&[1.into()]).is_ok());
    let file = File::create(world.directory().join("own")).expect("a file");
    for socket in sockets() {
        // SAFETY: it is done to the library on purpose, which closes the number in the end.
        assert!(unsafe { libc::dup3(file.as_raw_fd(), socket, 0) } >= 0);
    }
    // The VM may answer until it hears of it.
    let fails = || abs.call(&[1.into()]).is_err().then_some(());
    eventually(Duration::from_secs(30), fails).expect("an error");
    assert_eq!(fails(), Some(()));
    assert_eq!(file.metadata().expect("its length").len(), 0);
}

#[test]
fn a_program_that_closes_what_it_did_not_open_gets_errors_with_the_ring() {
    in_world_for(Duration::from_secs(180), |world| {
        set_ring("1");
        closes_what_it_did_not_open(world);
    });
}

#[test]
fn a_program_that_closes_what_it_did_not_open_gets_errors_without_the_ring() {
    in_world_for(Duration::from_secs(180), |world| {
        set_ring("0");
        closes_what_it_did_not_open(world);
    });
}

/// The sockets of this process.
fn sockets() -> Vec<c_int> {
    let open = std::fs::read_dir("/proc/self/fd").expect("the descriptors of this process");
    open.filter_map(|entry| {
        let entry = entry.ok()?;
        let target = std::fs::read_link(entry.path()).ok()?;
        let is_socket = target.to_str()?.starts_with("socket:");
        is_socket.then_some(entry.file_name().to_str()?.parse().ok()?)
    })
    .collect()
}
