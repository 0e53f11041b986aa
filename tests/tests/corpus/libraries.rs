//! Rows 11 to 15: zlib, libcrypto, descriptors in structs, complex numbers.

use crate::*;
use cosmos_tests::in_world;
use std::ffi::{c_double, c_int, c_uint, c_ulong, c_void};
use std::os::fd::AsRawFd;
use std::ptr::{null, null_mut};

type Compress2 = unsafe extern "C" fn(*mut u8, *mut c_ulong, *const u8, c_ulong, c_int) -> c_int;

#[test]
fn row_11_compress2() {
    in_world(|_| {
        let text = b"It is the same bytes, or it is not a call. ".repeat(300);
        compare(Z, "compress2", |pointer| {
            let compress2 = as_function!(pointer, Compress2);
            let mut seen = Vec::new();
            for (capacity, level) in [
                (20_000, 9),
                (20_000, 0),
                (20_000, 1),
                (10, 6),
                (0, 6),
                (20_000, 77),
            ] {
                let mut packed = vec![0xaau8; 20_000];
                let mut size: c_ulong = capacity;
                let length = text.len() as c_ulong;
                let (result, after) = with_errno(4, || {
                    // SAFETY: the buffers hold what the lengths say.
                    unsafe {
                        compress2(packed.as_mut_ptr(), &mut size, text.as_ptr(), length, level)
                    }
                });
                // What a failed call left in the buffer beyond what it filled is zlib's business
                // within the capacity, and nobody's beyond.
                let filled = usize::try_from(size).expect("a size");
                let checked = if result == 0 {
                    &packed[..filled]
                } else {
                    &packed[..0]
                };
                let beyond = packed[usize::try_from(capacity).expect("a size")..]
                    .iter()
                    .all(|byte| *byte == 0xaa);
                seen.push(format!(
                    "{capacity} {level}: {result}, size {size}, errno {after}, {beyond} {}",
                    hex(checked)
                ));
            }
            seen.extend(null_variants_of_compress2(compress2));
            seen
        });
    });
}

fn null_variants_of_compress2(compress2: Compress2) -> Seen {
    let mut packed = [0xaau8; 64];
    let mut size: c_ulong = 64;
    // SAFETY: no byte of the source is read; the destination holds 64.
    let (empty, after) = with_errno(4, || unsafe {
        compress2(packed.as_mut_ptr(), &mut size, null(), 0, 6)
    });
    let filled = usize::try_from(size).expect("a size");
    let first = format!(
        "empty: {empty}, size {size}, errno {after}, {}",
        hex(&packed[..filled])
    );
    let mut size: c_ulong = 64;
    // SAFETY: zlib refuses a NULL destination.
    let (nowhere, after) = with_errno(4, || unsafe {
        compress2(null_mut(), &mut size, packed.as_ptr(), 10, 6)
    });
    vec![
        first,
        format!("nowhere: {nowhere}, size {size}, errno {after}"),
    ]
}

#[test]
fn row_12_crc32() {
    in_world(|_| {
        let bytes: Vec<u8> = (0..200_000u32)
            .map(|index| (index * 7 % 251) as u8)
            .collect();
        compare(Z, "crc32", |pointer| {
            let crc32 = as_function!(
                pointer,
                unsafe extern "C" fn(c_ulong, *const u8, c_uint) -> c_ulong
            );
            let mut seen = Vec::new();
            for (initial, count) in [(0, 0), (0, 5), (0, 200_000), (0xdead_beef, 1000)] {
                // SAFETY: the buffer holds that many.
                let (result, after) =
                    with_errno(6, || unsafe { crc32(initial, bytes.as_ptr(), count) });
                seen.push(format!("{initial:x} {count}: {result:x}, errno {after}"));
            }
            for count in [0, 10] {
                // SAFETY: NULL asks for the initial value, whatever the length.
                let (result, after) = with_errno(6, || unsafe { crc32(5, null(), count) });
                seen.push(format!("NULL {count}: {result:x}, errno {after}"));
            }
            seen
        });
    });
}

type EvpDigest = unsafe extern "C" fn(
    *const c_void,
    usize,
    *mut u8,
    *mut c_uint,
    *const c_void,
    *mut c_void,
) -> c_int;

#[test]
fn row_13_evp_digest() {
    in_world(|_| {
        let mut seen = Vec::new();
        for mut source in [Source::Direct, Source::Vm(HashMap::new())] {
            let digest = source.resolve(CRYPTO, "EVP_Digest", &prototype("EVP_Digest"));
            let kinds = ["EVP_sha256", "EVP_sha512", "EVP_md5"].map(|name| {
                let prototype = format!("const EVP_MD *__handle {name}(void)");
                let getter = source.resolve(CRYPTO, name, &prototype);
                let get = as_function!(getter.pointer, extern "C" fn() -> *const c_void);
                (name, get())
            });
            seen.push(digests(as_function!(digest.pointer, EvpDigest), &kinds));
        }
        assert_same("EVP_Digest", &seen);
    });
}

fn digests(digest: EvpDigest, kinds: &[(&str, *const c_void)]) -> Seen {
    let data: Vec<u8> = (0..100_000u32).map(|index| (index % 253) as u8).collect();
    let mut seen = Vec::new();
    for (name, kind) in kinds {
        for (count, wants_size, has_data) in [
            (100_000, true, true),
            (3, false, true),
            (0, true, true),
            (0, true, false),
        ] {
            let mut result = [0xaau8; 80];
            let mut size: c_uint = 0x5555;
            let place = if wants_size {
                &raw mut size
            } else {
                null_mut()
            };
            let source = if has_data {
                data.as_ptr().cast()
            } else {
                null()
            };
            let (status, after) = with_errno(2, || {
                // SAFETY: the result holds more than the 64 bytes the prototype states.
                unsafe { digest(source, count, result.as_mut_ptr(), place, *kind, null_mut()) }
            });
            seen.push(format!(
                "{name} {count} {wants_size} {has_data}: {status}, size {size}, errno {after}, {}",
                hex(&result)
            ));
        }
    }
    seen
}

#[test]
fn row_14_poll() {
    in_world(|world| {
        let path = world.directory().join("file");
        std::fs::write(&path, b"x").expect("a file");
        compare(C, "poll", |pointer| {
            let poll = as_function!(
                pointer,
                unsafe extern "C" fn(*mut libc::pollfd, libc::nfds_t, c_int) -> c_int
            );
            let (readable, mut writer) = std::io::pipe().expect("a pipe");
            let (silent, _open) = std::io::pipe().expect("a pipe");
            let (hung_up, other) = std::io::pipe().expect("a pipe");
            drop(other);
            std::io::Write::write_all(&mut writer, b"data").expect("room in a pipe");
            let file = std::fs::File::open(&path).expect("the file");
            let one = |descriptor, events| libc::pollfd {
                fd: descriptor,
                events,
                revents: 0x55,
            };
            let sets: [Vec<libc::pollfd>; 6] = [
                vec![one(readable.as_raw_fd(), libc::POLLIN)],
                vec![
                    one(silent.as_raw_fd(), libc::POLLIN),
                    one(writer.as_raw_fd(), libc::POLLOUT),
                ],
                vec![
                    one(hung_up.as_raw_fd(), libc::POLLIN),
                    one(-1, libc::POLLIN),
                ],
                vec![one(file.as_raw_fd(), libc::POLLIN | libc::POLLOUT)],
                vec![one(silent.as_raw_fd(), libc::POLLIN)],
                vec![one(987, libc::POLLIN)],
            ];
            let mut seen: Seen = sets
                .into_iter()
                .map(|mut set| {
                    let count = set.len() as libc::nfds_t;
                    // SAFETY: the array holds that many.
                    let (result, after) =
                        with_errno(8, || unsafe { poll(set.as_mut_ptr(), count, 20) });
                    let after_call: Vec<_> = set
                        .iter()
                        .map(|one| (one.fd, one.events, one.revents))
                        .collect();
                    // The numbers of descriptors differ between two rounds; that they are the
                    // caller's own does not.
                    let own = after_call.iter().all(|(fd, ..)| {
                        [-1, 987].contains(fd)
                            || [&readable as &dyn AsRawFd, &silent, &hung_up, &writer, &file]
                                .iter()
                                .any(|stream| stream.as_raw_fd() == *fd)
                    });
                    let events: Vec<_> = after_call
                        .iter()
                        .map(|(_, events, revents)| (events, revents))
                        .collect();
                    format!("{result}, errno {after}, own {own}, {events:?}")
                })
                .collect();
            // SAFETY: an empty set is no memory.
            let (result, after) = with_errno(8, || unsafe { poll(null_mut(), 0, 1) });
            seen.push(format!("NULL: {result}, errno {after}"));
            seen
        });
    });
}

#[test]
fn row_15_cexp() {
    in_world(|world| {
        // Rust has no complex numbers in C's calling convention: a few lines of C have.
        let library = cosmos_tests::c::library("complex.c", world.directory());
        // SAFETY: the library runs no code when loaded.
        let library = unsafe { libloading::Library::new(&library) }.expect("the library");
        type Apply = unsafe extern "C" fn(Pointer, *const [c_double; 2], *mut [c_double; 2]);
        // SAFETY: the function has this type.
        let apply = unsafe { library.get::<Apply>(b"apply") }.expect("apply");
        compare(M, "cexp", |pointer| {
            let numbers = [
                [0.0, 0.0],
                [1.0, -2.5],
                [-0.0, std::f64::consts::PI],
                [1000.0, 1.0],
                [f64::NEG_INFINITY, f64::INFINITY],
                [f64::NAN, 0.0],
            ];
            numbers
                .iter()
                .map(|number| {
                    let mut result = [0.0; 2];
                    // SAFETY: the pointer is a `double complex (double complex)`.
                    let ((), after) =
                        with_errno(0, || unsafe { apply(pointer, number, &mut result) });
                    let bits = result.map(f64::to_bits);
                    format!("{number:?} = {bits:x?}, errno {after}")
                })
                .collect()
        });
    });
}
