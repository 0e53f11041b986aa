//! Every row 01 to 15 of the corpus, called through a VM and directly, must do the same: result,
//! memory and errno. The other rows have the verdict that is recorded for them.

use cosmos_tests::{errno, in_world, repository, set_errno};
use std::collections::HashMap;
use std::ffi::{CStr, c_char, c_double, c_int, c_long, c_uint, c_ulong, c_void};
use std::os::fd::AsRawFd;
use std::ptr::{null, null_mut};

type Pointer = *const c_void;

/// What one call did, in words that can be compared.
type Seen = Vec<String>;

/// Where a function comes from.
enum Source {
    Direct,
    Vm(HashMap<&'static str, cosmos::Library>),
}

/// A resolved function, with what keeps its pointer valid.
struct Resolved {
    pointer: Pointer,
    _direct: Option<libloading::Library>,
    _remote: Option<cosmos::Function>,
}

impl Source {
    fn resolve(&mut self, library: &'static str, name: &str, prototype: &str) -> Resolved {
        match self {
            Source::Direct => {
                // SAFETY: the libraries of this test run no code of note when loaded.
                let direct = unsafe { libloading::Library::new(library) }.expect(library);
                // SAFETY: only the address is taken here; whoever calls it knows the type, and the
                // library stays open as long as the pointer is kept.
                let pointer = unsafe {
                    let symbol = direct.get::<Pointer>(name.as_bytes()).expect(name);
                    symbol.try_as_raw_ptr().expect(name).cast_const()
                };
                Resolved {
                    pointer,
                    _direct: Some(direct),
                    _remote: None,
                }
            }
            Source::Vm(libraries) => {
                let opened = libraries
                    .entry(library)
                    .or_insert_with(|| cosmos::dlopen(library).expect(library));
                let function = opened.function(prototype).expect(name);
                assert_eq!(function.name(), name);
                Resolved {
                    pointer: function.pointer(),
                    _direct: None,
                    _remote: Some(function),
                }
            }
        }
    }
}

/// The prototypes of the corpus by function name.
fn prototype(name: &str) -> String {
    let path = repository().join("tests/corpus/protos.h");
    let text = std::fs::read_to_string(path).expect("the corpus");
    let mut text = text.as_str();
    let mut plain = String::new();
    while let Some((before, comment)) = text.split_once("/*") {
        plain.push_str(before);
        text = comment.split_once("*/").expect("the end of the comment").1;
    }
    plain.push_str(text);
    let declares = |declaration: &&str| {
        declaration.split_once('(').is_some_and(|_| {
            declaration
                .match_indices(name)
                .any(|(at, _)| is_declared_at(declaration, at, name))
        })
    };
    let found = plain.split(';').map(str::trim).find(declares);
    found
        .unwrap_or_else(|| panic!("{name} is not in the corpus"))
        .to_owned()
}

/// The declared name follows a space or a star and comes before the list of parameters.
fn is_declared_at(declaration: &str, at: usize, name: &str) -> bool {
    let before = declaration[..at].chars().last();
    declaration[at + name.len()..].starts_with('(')
        && matches!(before, Some(' ' | '*' | '\n'))
        && declaration[..at].matches('(').count() == declaration[..at].matches(')').count()
}

/// Runs `observe` on the function itself and on the one in the VM, and compares.
fn compare(library: &'static str, name: &str, observe: impl Fn(Pointer) -> Seen) {
    let mut seen = Vec::new();
    for mut source in [Source::Direct, Source::Vm(HashMap::new())] {
        let function = source.resolve(library, name, &prototype(name));
        seen.push(observe(function.pointer));
    }
    assert_same(name, &seen);
}

fn assert_same(name: &str, seen: &[Seen]) {
    let [direct, remote] = seen else {
        panic!("two sources")
    };
    assert!(!direct.is_empty());
    assert_eq!(direct.len(), remote.len(), "{name}");
    for (index, (direct, remote)) in direct.iter().zip(remote).enumerate() {
        assert_eq!(
            remote, direct,
            "{name}, observation {index}: left the VM's, right direct"
        );
    }
    println!("{name}: {} observations agree", direct.len());
}

/// Calls with errno set to `before` and says what it was after.
fn with_errno<T>(before: c_int, call: impl FnOnce() -> T) -> (T, c_int) {
    set_errno(before);
    let result = call();
    (result, errno())
}

/// Gives a pointer a C function type; the test states the true one.
macro_rules! as_function {
    ($pointer:expr, $type:ty) => {
        // SAFETY: the pointer is a function of this C type, by the row's prototype.
        unsafe { std::mem::transmute::<Pointer, $type>($pointer) }
    };
}

/// The bytes of plain data, padding excluded by the choice of types.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

const C: &str = "libc.so.6";
const M: &str = "libm.so.6";
const Z: &str = "libz.so.1";
const CRYPTO: &str = "libcrypto.so.3";

#[test]
fn row_01_cos() {
    in_world(|_| {
        compare(M, "cos", |pointer| {
            let cos = as_function!(pointer, extern "C" fn(c_double) -> c_double);
            [
                0.0,
                -0.0,
                1.0,
                0.5,
                -1e300,
                f64::MIN_POSITIVE,
                f64::INFINITY,
                f64::NAN,
            ]
            .into_iter()
            .flat_map(|x| {
                [0, 77].map(|before| {
                    let (result, after) = with_errno(before, || cos(x));
                    format!("cos({x}) = {:016x}, errno {after}", result.to_bits())
                })
            })
            .collect()
        });
    });
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
struct Div {
    quotient: c_int,
    remainder: c_int,
}

#[test]
fn row_02_div() {
    in_world(|_| {
        compare(C, "div", |pointer| {
            let div = as_function!(pointer, extern "C" fn(c_int, c_int) -> Div);
            [
                (7, 2),
                (-7, 2),
                (7, -2),
                (0, 5),
                (i32::MAX, 3),
                (i32::MIN, 3),
            ]
            .into_iter()
            .map(|(numerator, denominator)| {
                let (result, after) = with_errno(5, || div(numerator, denominator));
                format!("div({numerator}, {denominator}) = {result:?}, errno {after}")
            })
            .collect()
        });
    });
}

#[test]
fn row_03_strtod() {
    in_world(|_| {
        compare(C, "strtod", |pointer| {
            let strtod = as_function!(
                pointer,
                unsafe extern "C" fn(*const c_char, *mut *mut c_char) -> c_double
            );
            let texts = [
                c"1.5",
                c"  -2e3xyz",
                c"",
                c"none",
                c"1e999",
                c"-1e999",
                c"1e-999",
                c"0x1.8p3!",
                c"nan(7)rest",
                c"inf",
                c"3",
            ];
            let mut seen = Vec::new();
            for text in texts {
                for wants_end in [true, false] {
                    let mut end: *mut c_char = null_mut();
                    let place = if wants_end { &raw mut end } else { null_mut() };
                    // SAFETY: the text is terminated and the place NULL or a pointer variable.
                    let (result, after) = with_errno(0, || unsafe { strtod(text.as_ptr(), place) });
                    let offset = wants_end.then(|| end as usize - text.as_ptr() as usize);
                    seen.push(format!(
                        "{text:?} = {:016x}, end {offset:?}, errno {after}",
                        result.to_bits()
                    ));
                }
            }
            seen
        });
    });
}

#[test]
fn row_04_time() {
    in_world(|_| {
        compare(C, "time", |pointer| {
            let time = as_function!(pointer, unsafe extern "C" fn(*mut i64) -> i64);
            let now = || {
                let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
                i64::try_from(since.expect("after 1970").as_secs()).expect("seconds")
            };
            let mut seen = Vec::new();
            for wants_it in [true, false] {
                let mut stored = -1i64;
                let place = if wants_it {
                    &raw mut stored
                } else {
                    null_mut()
                };
                let before = now();
                // SAFETY: the place is NULL or a time_t.
                let (result, after) = with_errno(3, || unsafe { time(place) });
                // The kernel's coarse clock, which time() reads, lags by a tick.
                let in_range = (before - 1..=now()).contains(&result);
                let stored = if wants_it { stored - result } else { stored };
                seen.push(format!("now {in_range}, stored {stored}, errno {after}"));
            }
            seen
        });
    });
}

fn broken_down(time: &libc::tm) -> String {
    let zone = if time.tm_zone.is_null() {
        "NULL".to_owned()
    } else {
        // SAFETY: tm_zone is NULL or text, in the caller's memory.
        unsafe { CStr::from_ptr(time.tm_zone) }
            .to_string_lossy()
            .into_owned()
    };
    format!(
        "{}-{}-{} {}:{}:{} wday {} yday {} dst {} gmtoff {} zone {zone}",
        time.tm_year,
        time.tm_mon,
        time.tm_mday,
        time.tm_hour,
        time.tm_min,
        time.tm_sec,
        time.tm_wday,
        time.tm_yday,
        time.tm_isdst,
        time.tm_gmtoff
    )
}

const TIMES: [i64; 6] = [0, 1, -1, 1_700_000_000, 4_102_444_800, i64::MAX];

#[test]
fn row_05_localtime_r() {
    in_world(|_| {
        compare(C, "localtime_r", |pointer| {
            let localtime_r = as_function!(
                pointer,
                unsafe extern "C" fn(*const i64, *mut libc::tm) -> *mut libc::tm
            );
            TIMES
                .iter()
                .map(|time| {
                    // SAFETY: all zero is a valid tm.
                    let mut parts: libc::tm = unsafe { std::mem::zeroed() };
                    let place = &raw mut parts;
                    // SAFETY: both point to objects of their types.
                    let (result, after) = with_errno(0, || unsafe { localtime_r(time, place) });
                    if result.is_null() {
                        return format!("{time}: NULL, errno {after}");
                    }
                    let itself = result == place;
                    format!(
                        "{time}: {}, itself {itself}, errno {after}",
                        broken_down(&parts)
                    )
                })
                .collect()
        });
    });
}

#[test]
fn row_06_localtime() {
    in_world(|_| {
        compare(C, "localtime", |pointer| {
            let localtime =
                as_function!(pointer, unsafe extern "C" fn(*const i64) -> *const libc::tm);
            TIMES
                .iter()
                .map(|time| {
                    // SAFETY: it points to a time_t.
                    let (result, after) = with_errno(0, || unsafe { localtime(time) });
                    // SAFETY: NULL, or a tm valid until the next call.
                    match unsafe { result.as_ref() } {
                        Some(parts) => format!("{time}: {}, errno {after}", broken_down(parts)),
                        None => format!("{time}: NULL, errno {after}"),
                    }
                })
                .collect()
        });
    });
}

#[test]
fn row_07_read() {
    in_world(|world| {
        let path = world.directory().join("data");
        std::fs::write(&path, b"0123456789abcdef").expect("a file");
        compare(C, "read", |pointer| {
            let read = as_function!(
                pointer,
                unsafe extern "C" fn(c_int, *mut c_void, usize) -> isize
            );
            let file = std::fs::File::open(&path).expect("the file");
            let directory = std::fs::File::open(world.directory()).expect("the directory");
            let closed = 987;
            let mut seen = Vec::new();
            let attempts: [(c_int, usize, bool); 9] = [
                (file.as_raw_fd(), 4, true),
                (file.as_raw_fd(), 0, true),
                (file.as_raw_fd(), 0, false),
                (file.as_raw_fd(), 4, false),
                (file.as_raw_fd(), 64, true),
                (file.as_raw_fd(), 8, true),
                (directory.as_raw_fd(), 8, true),
                (closed, 8, true),
                (-1, 8, true),
            ];
            for (descriptor, count, has_buffer) in attempts {
                let mut buffer = [0xaau8; 80];
                let place = if has_buffer {
                    buffer.as_mut_ptr().cast()
                } else {
                    null_mut()
                };
                // SAFETY: the buffer is larger than every count; NULL is EFAULT or unused.
                let (result, after) = with_errno(0, || unsafe { read(descriptor, place, count) });
                let offset = offset_of(&file);
                seen.push(format!(
                    "read {count} into {has_buffer}: {result}, errno {after}, at {offset}, {}",
                    hex(&buffer)
                ));
            }
            seen
        });
    });
}

fn offset_of(file: &std::fs::File) -> u64 {
    use std::io::Seek;
    (&*file).stream_position().expect("the position")
}

#[test]
fn row_08_strdup() {
    in_world(|_| {
        let long = std::ffi::CString::new(vec![b'x'; 100_000]).expect("no NUL");
        compare(C, "strdup", |pointer| {
            let strdup = as_function!(pointer, unsafe extern "C" fn(*const c_char) -> *mut c_char);
            [c"", c"hello", c"\xff\x80 not UTF-8", long.as_c_str()]
                .into_iter()
                .map(|text| {
                    // SAFETY: the text is terminated.
                    let (result, after) = with_errno(9, || unsafe { strdup(text.as_ptr()) });
                    assert_ne!(result.cast_const(), text.as_ptr());
                    // SAFETY: a fresh, terminated copy that is this program's to free.
                    let copy = unsafe {
                        let copy = CStr::from_ptr(result).to_owned();
                        libc::free(result.cast());
                        copy
                    };
                    format!("{copy:?}, errno {after}")
                })
                .collect()
        });
    });
}

#[test]
fn row_09_memcpy() {
    in_world(|_| {
        compare(C, "memcpy", |pointer| {
            let memcpy = as_function!(
                pointer,
                unsafe extern "C" fn(*mut c_void, *const c_void, usize) -> *mut c_void
            );
            let source: Vec<u8> = (0..=255).cycle().take(70_000).collect();
            let mut seen: Seen = [0, 1, 15, 4096, 70_000]
                .into_iter()
                .map(|count| {
                    let mut destination = vec![0xaau8; 70_010];
                    let place = destination.as_mut_ptr();
                    let (result, after) = with_errno(1, || {
                        // SAFETY: both hold `count` bytes.
                        unsafe { memcpy(place.cast(), source.as_ptr().cast(), count) }
                    });
                    let itself = result == place.cast();
                    let right = destination[..count] == source[..count];
                    let beyond = destination[count..].iter().all(|byte| *byte == 0xaa);
                    format!("{count}: {itself} {right} {beyond}, errno {after}")
                })
                .collect();
            // SAFETY: nothing is copied.
            let (result, after) = with_errno(1, || unsafe { memcpy(null_mut(), null(), 0) });
            seen.push(format!("NULL: {}, errno {after}", result.is_null()));
            seen
        });
    });
}

#[test]
fn row_10_mbstowcs() {
    in_world(|_| {
        compare(C, "mbstowcs", |pointer| {
            let mbstowcs = as_function!(
                pointer,
                unsafe extern "C" fn(*mut i32, *const c_char, usize) -> usize
            );
            let mut seen = Vec::new();
            for text in [c"", c"hello", c"bad \xff byte", c"0123456789"] {
                for (count, has_buffer) in [(0, true), (3, true), (8, true), (0, false), (8, false)]
                {
                    let mut wide = [0x5555_5555i32; 12];
                    let place = if has_buffer {
                        wide.as_mut_ptr()
                    } else {
                        null_mut()
                    };
                    let (result, after) = with_errno(0, || {
                        // SAFETY: the text is terminated, the buffer holds twelve; NULL: counts.
                        unsafe { mbstowcs(place, text.as_ptr(), count) }
                    });
                    let result = result as isize;
                    seen.push(format!(
                        "{text:?} {count} {has_buffer}: {result}, errno {after}, {wide:x?}"
                    ));
                }
            }
            seen
        });
    });
}

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

/// The verdicts on all forty rows are those recorded. Set UPDATE_VERDICTS to record anew.
#[test]
fn every_row_has_its_verdict() {
    in_world(|world| {
        let corpus = repository().join("tests/corpus");
        let header = corpus.join("protos.h");
        let header = header.to_str().expect("a path in UTF-8");
        let ran = world.run_cosmos(&["proto", "check", header]);
        let lines: Vec<&str> = ran.stdout.lines().collect();
        assert_eq!(lines.len(), 40, "{ran:?}");
        let recorded = corpus.join("verdicts.txt");
        if std::env::var_os("UPDATE_VERDICTS").is_some() {
            std::fs::write(&recorded, &ran.stdout).expect("the record");
        }
        let recorded = std::fs::read_to_string(recorded).expect("the record");
        for (line, expected) in lines.iter().zip(recorded.lines()) {
            assert_eq!(*line, expected);
        }
        for (index, line) in lines.iter().enumerate() {
            let words: Vec<&str> = line.split_whitespace().collect();
            let named = matches!(words.as_slice(), ["ok", _] | ["refused", _, _, ..]);
            assert!(named, "{line}");
            assert!(index >= 15 || words[0] == "ok", "row {}: {line}", index + 1);
            if words[0] == "refused" {
                let number = words[2].strip_prefix('E').map(str::parse::<u32>);
                assert!(
                    matches!(number, Some(Ok(_))),
                    "refused by a numbered error: {line}"
                );
            }
        }
    });
}

/// What `cosmos proto check` allows resolves: none of rows 16 to 40 of the libraries installed
/// everywhere is refused only later.
#[test]
fn allowed_rows_resolve() {
    in_world(|_| {
        let verdicts = std::fs::read_to_string(repository().join("tests/corpus/verdicts.txt"));
        let verdicts = verdicts.expect("the record");
        let rows = [
            (Z, "gzopen"),
            (Z, "gzread"),
            (Z, "gzclose"),
            (C, "qsort"),
            (C, "bsearch"),
            (C, "regcomp"),
            (C, "regexec"),
            (C, "getaddrinfo"),
            (C, "fopen"),
            (C, "readv"),
            (C, "getline"),
            (C, "sigqueue"),
            (C, "iconv"),
            (Z, "inflate"),
        ];
        for (library, name) in rows {
            let opened = cosmos::dlopen(library).expect(library);
            let allowed = verdicts.lines().any(|line| line == format!("ok {name}"));
            let resolved = opened.function(&prototype(name));
            assert_eq!(resolved.is_ok(), allowed, "{name}: {resolved:?}");
        }
    });
}

/// Row 16 to 18 together, where they are allowed: a file written by one face of zlib and read back
/// through handles.
#[test]
fn rows_16_to_18_read_a_compressed_file() {
    in_world(|world| {
        let path = world.directory().join("text.gz");
        let text = b"read back through a handle ".repeat(1000);
        write_compressed(&path, &text);
        let zlib = cosmos::dlopen(Z).expect(Z);
        let [open, read, close] = ["gzopen", "gzread", "gzclose"]
            .map(|name| zlib.function(&prototype(name)).expect(name));
        let gzopen = as_function!(
            open.pointer(),
            unsafe extern "C" fn(*const c_char, *const c_char) -> *mut c_void
        );
        let gzread = as_function!(
            read.pointer(),
            unsafe extern "C" fn(*mut c_void, *mut u8, c_uint) -> c_int
        );
        let gzclose = as_function!(close.pointer(), unsafe extern "C" fn(*mut c_void) -> c_int);
        let name = std::ffi::CString::new(path.to_str().expect("UTF-8")).expect("no NUL");
        let mut bytes = vec![0u8; text.len() + 100];
        let room = c_uint::try_from(bytes.len()).expect("small");
        // SAFETY: the pointers have the types of their rows; the buffer holds `room`.
        unsafe {
            let file = gzopen(name.as_ptr(), c"rb".as_ptr());
            assert!(!file.is_null());
            let count = gzread(file, bytes.as_mut_ptr(), room);
            assert_eq!(usize::try_from(count), Ok(text.len()));
            assert_eq!(&bytes[..text.len()], &text[..]);
            assert_eq!(gzclose(file), 0);
            // The handle is consumed: the VM must not be asked to use it again.
            set_errno(0);
            let again = gzread(file, bytes.as_mut_ptr(), room);
            assert_eq!(again, -1);
            assert_eq!(errno(), libc::EBADF);
        }
    });
}

fn write_compressed(path: &std::path::Path, text: &[u8]) {
    // SAFETY: zlib runs no code of note when loaded; the functions have these types.
    unsafe {
        let zlib = libloading::Library::new(Z).expect(Z);
        type Open = unsafe extern "C" fn(*const c_char, *const c_char) -> *mut c_void;
        type Write = unsafe extern "C" fn(*mut c_void, *const c_void, c_uint) -> c_int;
        type Close = unsafe extern "C" fn(*mut c_void) -> c_int;
        let name = std::ffi::CString::new(path.to_str().expect("UTF-8")).expect("no NUL");
        let file = zlib.get::<Open>(b"gzopen").expect("gzopen")(name.as_ptr(), c"wb".as_ptr());
        let count = c_uint::try_from(text.len()).expect("small");
        let written =
            zlib.get::<Write>(b"gzwrite").expect("gzwrite")(file, text.as_ptr().cast(), count);
        assert_eq!(c_long::from(written), c_long::from(count));
        assert_eq!(zlib.get::<Close>(b"gzclose").expect("gzclose")(file), 0);
    }
}
