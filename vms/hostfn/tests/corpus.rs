//! Rows 01 to 15 of the corpus: each function called in a VM and directly, compared byte for byte
//! and errno for errno, NULL variants included.

#[macro_use]
mod common;

use common::harness::at;
use common::{World, bytes};
use std::ffi::{CStr, CString, c_char, c_int, c_uint, c_ulong, c_void};
use std::io::Write;
use std::os::fd::{AsRawFd, OwnedFd};
use std::ptr::{null, null_mut};

const LIBC: &str = "libc.so.6";
const LIBM: &str = "libm.so.6";
const LIBZ: &str = "libz.so.1";
const LIBCRYPTO: &str = "libcrypto.so.3";

#[test]
fn row_01_cos() {
    let mut world = World::new();
    let there = world.function(LIBM, "double cos(double x);");
    here!(LIBM, fn cos(f64) -> f64);
    for x in [
        0.0f64,
        1.0,
        -2.5,
        1e300,
        f64::NAN,
        f64::INFINITY,
        f64::MIN_POSITIVE,
    ] {
        let expected: (f64, c_int) = local!(cos(x));
        let got: (f64, c_int) = remote!(world, there, x);
        assert_eq!(
            (got.0.to_bits(), got.1),
            (expected.0.to_bits(), expected.1),
            "cos({x})"
        );
    }
}

#[repr(C)]
#[derive(Debug, PartialEq, Clone, Copy)]
struct Quotient {
    quotient: c_int,
    remainder: c_int,
}

#[test]
fn row_02_div() {
    let mut world = World::new();
    let there = world.function(LIBC, "div_t div(int numer, int denom);");
    here!(LIBC, fn div(c_int, c_int) -> Quotient);
    for (numerator, denominator) in [(7, 2), (-7, 2), (7, -2), (0, 5), (c_int::MIN, 1)] {
        let expected = local!(div(numerator, denominator));
        let got: (Quotient, c_int) = remote!(world, there, numerator, denominator);
        assert_eq!(got, expected);
    }
}

#[test]
fn row_03_strtod() {
    let mut world = World::new();
    let there = world.function(
        LIBC,
        "double strtod(const char *nptr, char *__alias(nptr) *__out endptr);",
    );
    here!(LIBC, fn strtod(*const c_char, *mut *mut c_char) -> f64);
    for text in [
        c"3.25abc",
        c"",
        c"  -1e5",
        c"1e999",
        c"1e-999",
        c"nan",
        c"0x1p4 rest",
        c"none",
    ] {
        let start = text.as_ptr();
        let mut expected_end = null_mut();
        let expected = local!(strtod(start, &raw mut expected_end));
        let mut end: *mut c_char = null_mut();
        let place: *mut *mut c_char = &raw mut end;
        let got: (f64, c_int) = remote!(world, there, start, place);
        assert_eq!(
            (got.0.to_bits(), got.1),
            (expected.0.to_bits(), expected.1),
            "{text:?}"
        );
        assert_eq!(end, expected_end, "{text:?}");
        let nowhere: *mut *mut c_char = null_mut();
        let got: (f64, c_int) = remote!(world, there, start, nowhere);
        assert_eq!(
            (got.0.to_bits(), got.1),
            (expected.0.to_bits(), expected.1),
            "{text:?}"
        );
    }
}

#[test]
fn row_04_time() {
    let mut world = World::new();
    let there = world.function(LIBC, "time_t time(time_t *__out tloc);");
    here!(LIBC, fn time(*mut i64) -> i64);
    let mut stored = 0i64;
    let place = &raw mut stored;
    let before = local!(time(null_mut()));
    let got: (i64, c_int) = remote!(world, there, place);
    let after = local!(time(null_mut()));
    assert!(before.0 <= got.0 && got.0 <= after.0);
    assert_eq!((stored, got.1), (got.0, before.1));
    let nowhere: *mut i64 = null_mut();
    let got: (i64, c_int) = remote!(world, there, nowhere);
    assert!(got.0 >= after.0);
}

const TIMES: [i64; 5] = [0, 1_700_000_000, -86_401, 4_102_444_800, i64::MAX];

/// Everything of a `struct tm`, the zone by its letters.
fn parts(tm: &libc::tm) -> ([c_int; 9], i64, Option<String>) {
    let numbers = [
        tm.tm_sec,
        tm.tm_min,
        tm.tm_hour,
        tm.tm_mday,
        tm.tm_mon,
        tm.tm_year,
        tm.tm_wday,
        tm.tm_yday,
        tm.tm_isdst,
    ];
    // SAFETY: the C library's zone, or a copy of it, or NULL.
    let zone = (!tm.tm_zone.is_null()).then(|| unsafe { CStr::from_ptr(tm.tm_zone) });
    (
        numbers,
        tm.tm_gmtoff,
        zone.map(|zone| zone.to_str().unwrap().to_owned()),
    )
}

#[test]
fn row_05_localtime_r() {
    let mut world = World::new();
    let there = world.function(
        LIBC,
        "struct tm *__alias(result) localtime_r(const time_t *timep, struct tm *__out result);",
    );
    here!(LIBC, fn localtime_r(*const i64, *mut libc::tm) -> *mut libc::tm);
    for time in TIMES {
        let source: *const i64 = &raw const time;
        // SAFETY: all zeros is a `tm`.
        let mut expected_tm: libc::tm = unsafe { std::mem::zeroed() };
        let expected = local!(localtime_r(source, &raw mut expected_tm));
        // SAFETY: as above.
        let mut tm: libc::tm = unsafe { std::mem::zeroed() };
        let place = &raw mut tm;
        let got: (*mut libc::tm, c_int) = remote!(world, there, source, place);
        assert_eq!(
            (got.0.is_null(), got.1),
            (expected.0.is_null(), expected.1),
            "{time}"
        );
        if !got.0.is_null() {
            assert_eq!(got.0, place, "the result is the caller's own");
            assert_eq!(parts(&tm), parts(&expected_tm), "{time}");
        }
    }
}

#[test]
fn row_06_localtime() {
    let mut world = World::new();
    let there = world.function(
        LIBC,
        "struct tm *__borrowed localtime(const time_t *timep);",
    );
    here!(LIBC, fn localtime(*const i64) -> *mut libc::tm);
    for time in TIMES {
        let source: *const i64 = &raw const time;
        let expected = local!(localtime(source));
        let got: (*mut libc::tm, c_int) = remote!(world, there, source);
        assert_eq!(
            (got.0.is_null(), got.1),
            (expected.0.is_null(), expected.1),
            "{time}"
        );
        if !got.0.is_null() {
            // SAFETY: the C library's own, and the copy of the VM's.
            let (got, expected) = unsafe { (&*got.0, &*expected.0) };
            assert_eq!(parts(got), parts(expected), "{time}");
        }
    }
}

#[test]
fn row_07_read() {
    let mut world = World::new();
    let there = world.function(
        LIBC,
        "ssize_t read(int __fd fd, void *__out __sized_by(count) __filled(return) buf, size_t count);",
    );
    here!(LIBC, fn read(c_int, *mut c_void, usize) -> isize);
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"what a file holds").unwrap();
    let open = || OwnedFd::from(std::fs::File::open(file.path()).unwrap());
    let (one, other) = (open(), open());
    for count in [4usize, 0, 100, 100] {
        let (mut expected_buffer, mut buffer) = ([b'-'; 128], [b'-'; 128]);
        let expected = local!(read(
            other.as_raw_fd(),
            expected_buffer.as_mut_ptr().cast(),
            count
        ));
        let (fd, place) = (one.as_raw_fd(), buffer.as_mut_ptr());
        let got: (isize, c_int) = remote!(world, there, fd, place, count);
        assert_eq!((got, buffer), (expected, expected_buffer), "{count}");
    }
    for (fd, count) in [(-1, 4usize), (987, 4), (open().as_raw_fd(), 0)] {
        let mut buffer = [0u8; 8];
        let place = buffer.as_mut_ptr();
        let expected = local!(read(fd, place.cast(), count));
        let got: (isize, c_int) = remote!(world, there, fd, place, count);
        assert_eq!(got, expected, "{fd}");
    }
    let (fd, nowhere, count) = (one.as_raw_fd(), null_mut::<u8>(), 0usize);
    let expected = local!(read(fd, null_mut(), count));
    let got: (isize, c_int) = remote!(world, there, fd, nowhere, count);
    assert_eq!(got, expected);
}

#[test]
fn row_08_strdup() {
    let mut world = World::new();
    let there = world.function(LIBC, "char *__owned(free) strdup(const char *s);");
    let long = CString::new(vec![b'x'; 100_000]).unwrap();
    for text in [c"", c"copy me", long.as_c_str()] {
        let source = text.as_ptr();
        let got: (*mut c_char, c_int) = remote!(world, there, source);
        assert_eq!(got.1, common::ERRNO);
        // SAFETY: a terminated copy.
        assert_eq!(unsafe { CStr::from_ptr(got.0) }, text);
        assert_ne!(got.0.cast_const(), source);
    }
}

#[test]
fn row_09_memcpy() {
    let mut world = World::new();
    let there = world.function(
        LIBC,
        "void *__alias(dst) memcpy(void *__out __sized_by(n) dst, const void *__sized_by(n) src, size_t n);",
    );
    let source: Vec<u8> = (0..100_000u32).map(|number| (number % 251) as u8).collect();
    for count in [0usize, 1, 17, source.len()] {
        let mut copy = vec![b'-'; source.len()];
        let (to, from) = (copy.as_mut_ptr(), source.as_ptr());
        let got: (*mut u8, c_int) = remote!(world, there, to, from, count);
        assert_eq!(got, (to, common::ERRNO));
        assert_eq!(copy[..count], source[..count]);
        assert!(copy[count..].iter().all(|&byte| byte == b'-'));
    }
    let (to, from, count) = (null_mut::<u8>(), null::<u8>(), 0usize);
    let got: (*mut u8, c_int) = remote!(world, there, to, from, count);
    assert_eq!(got, (null_mut(), common::ERRNO));
}

#[test]
fn row_10_mbstowcs() {
    let mut world = World::new();
    let there = world.function(
        LIBC,
        "size_t mbstowcs(wchar_t *__inout __counted_by(n) dst, const char *src, size_t n);",
    );
    here!(LIBC, fn mbstowcs(*mut i32, *const c_char, usize) -> usize);
    for text in [
        c"",
        c"wide",
        c"longer than the room",
        c"caf\xc3\xa9",
        c"bad \xff\xfe",
    ] {
        for count in [0usize, 4, 8] {
            let source = text.as_ptr();
            let (mut expected_wide, mut wide) = ([7i32; 12], [7i32; 12]);
            let expected = local!(mbstowcs(expected_wide.as_mut_ptr(), source, count));
            let place = wide.as_mut_ptr();
            let got: (usize, c_int) = remote!(world, there, place, source, count);
            assert_eq!((got, wide), (expected, expected_wide), "{text:?} {count}");
        }
        let (source, nowhere, count) = (text.as_ptr(), null_mut::<i32>(), 0usize);
        let expected = local!(mbstowcs(nowhere, source, count));
        let got: (usize, c_int) = remote!(world, there, nowhere, source, count);
        assert_eq!(got, expected, "{text:?} measured");
    }
}

#[test]
fn row_11_compress2() {
    let mut world = World::new();
    let there = world.function(
        LIBZ,
        "int compress2(Bytef *__out __sized_by(*destLen) dest, uLongf *__inout destLen,
                       const Bytef *__sized_by(sourceLen) source, uLong sourceLen, int level);",
    );
    here!(LIBZ, fn compress2(*mut u8, *mut c_ulong, *const u8, c_ulong, c_int) -> c_int);
    let text: Vec<u8> = b"to be or not to be, "
        .iter()
        .cycle()
        .take(50_000)
        .copied()
        .collect();
    for (room, length, level) in [
        (60_000usize, text.len(), 9),
        (60_000, 0, 6),
        (10, text.len(), 6),
        (0, text.len(), 6),
        (60_000, 1000, 0),
        (60_000, 1000, 99),
    ] {
        let (mut expected_room, mut got_room) = (room as c_ulong, room as c_ulong);
        let (mut expected_bytes, mut got_bytes) = (vec![0u8; room], vec![0u8; room]);
        let expected = local!(compress2(
            expected_bytes.as_mut_ptr(),
            &raw mut expected_room,
            text.as_ptr(),
            length as c_ulong,
            level
        ));
        let (place, room_place) = (got_bytes.as_mut_ptr(), &raw mut got_room);
        let (source, source_length) = (text.as_ptr(), length as c_ulong);
        let got: (c_int, c_int) = remote!(
            world,
            there,
            place,
            room_place,
            source,
            source_length,
            level
        );
        assert_eq!(
            (got, got_room),
            (expected, expected_room),
            "{room} {length} {level}"
        );
        // What was filled; zlib may have used the rest as it liked.
        let filled = got_room as usize;
        assert_eq!(
            got_bytes[..filled],
            expected_bytes[..filled],
            "{room} {length} {level}"
        );
    }
}

#[test]
fn row_12_crc32() {
    let mut world = World::new();
    let there = world.function(
        LIBZ,
        "uLong crc32(uLong crc, const Bytef *__sized_by(len) buf, uInt len);",
    );
    here!(LIBZ, fn crc32(c_ulong, *const u8, c_uint) -> c_ulong);
    for text in [&b""[..], b"a", b"123456789"] {
        for start in [0 as c_ulong, 0xffff_ffff, 12345] {
            let (source, length) = (text.as_ptr(), text.len() as c_uint);
            let expected = local!(crc32(start, source, length));
            let got: (c_ulong, c_int) = remote!(world, there, start, source, length);
            assert_eq!(got, expected);
        }
    }
    let (start, nowhere, length) = (9 as c_ulong, null::<u8>(), 0 as c_uint);
    let expected = local!(crc32(start, nowhere, length));
    let got: (c_ulong, c_int) = remote!(world, there, start, nowhere, length);
    assert_eq!(got, expected);
}

#[test]
#[allow(non_snake_case)] // the functions' own names
fn row_13_evp_digest() {
    let mut world = World::new();
    let there = world.function(
        LIBCRYPTO,
        "int EVP_Digest(const void *__sized_by(count) data, size_t count,
                        unsigned char *__out __sized_by(64) __filled(*size) md,
                        unsigned int *__out size,
                        const EVP_MD *__handle type, ENGINE *__handle impl);",
    );
    here!(LIBCRYPTO, fn EVP_Digest(
        *const u8, usize, *mut u8, *mut c_uint, *const c_void, *const c_void) -> c_int);
    here!(LIBCRYPTO, fn EVP_sha256() -> *const c_void);
    let sha256 = world.function(LIBCRYPTO, "const EVP_MD *__handle EVP_sha256(void);");
    let sha512 = world.function(LIBCRYPTO, "const EVP_MD *__handle EVP_sha512(void);");
    // SAFETY: no arguments.
    let kind: u64 = unsafe { world.call(&sha256, &[]) }.0;
    // SAFETY: no arguments.
    let again: u64 = unsafe { world.call(&sha256, &[]) }.0;
    // SAFETY: no arguments.
    let other: u64 = unsafe { world.call(&sha512, &[]) }.0;
    assert!(
        kind != 0 && kind == again && kind != other,
        "one token an object"
    );
    let engine = 0u64;
    for text in [&b""[..], b"abc", &[7; 100_000]] {
        let (mut expected_digest, mut digest) = ([7u8; 64], [7u8; 64]);
        let (mut expected_size, mut size) = (0 as c_uint, 0 as c_uint);
        let expected = local!(EVP_Digest(
            text.as_ptr(),
            text.len(),
            expected_digest.as_mut_ptr(),
            &raw mut expected_size,
            EVP_sha256(),
            null()
        ));
        let (source, count, place) = (text.as_ptr(), text.len(), digest.as_mut_ptr());
        let size_place = &raw mut size;
        let got: (c_int, c_int) =
            remote!(world, there, source, count, place, size_place, kind, engine);
        assert_eq!(
            (got, digest, size),
            (expected, expected_digest, expected_size)
        );
        // Without a size the library says nothing of how much it wrote.
        let (nowhere, mut blind) = (null_mut::<c_uint>(), [7u8; 64]);
        let place = blind.as_mut_ptr();
        let got: (c_int, c_int) =
            remote!(world, there, source, count, place, nowhere, kind, engine);
        assert_eq!((got, blind), (expected, expected_digest));
    }
    // A token that was never given is refused before anything runs.
    let (source, count, forged) = (b"abc".as_ptr(), 3usize, kind ^ 1 << 40);
    let (mut digest, mut size) = ([0u8; 64], 0 as c_uint);
    let (place, size_place) = (digest.as_mut_ptr(), &raw mut size);
    let arguments = [
        at(&source),
        at(&count),
        at(&place),
        at(&size_place),
        at(&forged),
        at(&engine),
    ];
    // SAFETY: as for the calls above.
    let refused = unsafe { world.try_call::<c_int>(&there, &arguments) };
    let Err(common::harness::Failure::Fault(fault)) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(fault.code, cosmos_rpc::FaultCode::StaleHandle);
}

#[test]
fn row_14_poll() {
    let mut world = World::new();
    let there = world.function(
        LIBC,
        "int poll(struct pollfd *__inout __counted_by(nfds) fds, nfds_t nfds, int timeout);",
    );
    here!(LIBC, fn poll(*mut libc::pollfd, c_ulong, c_int) -> c_int);
    let (mut writer, reader) = std::os::unix::net::UnixStream::pair().unwrap();
    let (quiet, _other) = std::os::unix::net::UnixStream::pair().unwrap();
    writer.write_all(b"x").unwrap();
    let entry = |fd, events| libc::pollfd {
        fd,
        events,
        revents: 0x55,
    };
    let wanted = [
        entry(reader.as_raw_fd(), libc::POLLIN),
        entry(quiet.as_raw_fd(), libc::POLLIN | libc::POLLOUT),
        entry(quiet.as_raw_fd(), libc::POLLIN),
        entry(-1, libc::POLLIN),
        entry(987, libc::POLLIN),
    ];
    for count in [wanted.len(), 1, 3, 0] {
        let (mut expected_entries, mut entries) = (wanted, wanted);
        let expected = local!(poll(expected_entries.as_mut_ptr(), count as c_ulong, 0));
        let (place, number, timeout) = (entries.as_mut_ptr(), count as c_ulong, 0 as c_int);
        let got: (c_int, c_int) = remote!(world, there, place, number, timeout);
        assert_eq!(got, expected, "{count}");
        assert_eq!(bytes(&entries), bytes(&expected_entries), "{count}");
    }
    let (nowhere, number, timeout) = (null_mut::<libc::pollfd>(), 0 as c_ulong, 1 as c_int);
    let expected = local!(poll(nowhere, number, timeout));
    let got: (c_int, c_int) = remote!(world, there, nowhere, number, timeout);
    assert_eq!(got, expected);
}

#[test]
fn row_15_cexp() {
    #[repr(C)]
    #[derive(Clone, Copy)]
    struct Complex {
        real: f64,
        imaginary: f64,
    }
    let mut world = World::new();
    let there = world.function(LIBM, "double complex cexp(double complex z);");
    here!(LIBM, fn cexp(Complex) -> Complex);
    for (real, imaginary) in [
        (0.0, 0.0),
        (1.0, 2.0),
        (-1.5, 0.25),
        (f64::INFINITY, 1.0),
        (710.0, 0.1),
    ] {
        let z = Complex { real, imaginary };
        let expected = local!(cexp(z));
        let got: (Complex, c_int) = remote!(world, there, z);
        assert_eq!(
            (bytes(&got.0), got.1),
            (bytes(&expected.0), expected.1),
            "{real} {imaginary}"
        );
    }
}
