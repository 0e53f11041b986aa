//! Through C pointers: the arguments are recovered from the registers and the stack of the call.

use crate::{C, SNPRINTF, Snprintf, with_errno};
use cosmos_tests::{Prefix, c, in_world, in_world_for, run};
use std::ffi::{CStr, c_char, c_double, c_int, c_long, c_void};
use std::process::Command;
use std::time::Duration;

/// One call in words: result, errno, text, and whether nothing was written beyond the room.
macro_rules! say {
    ($seen:ident, $print:ident, $room:expr, $format:expr $(, $argument:expr)*) => {{
        let mut buffer = [0x55 as c_char; 600];
        // SAFETY: the buffer is larger than the room, and the arguments are what the format takes.
        let (result, after) = with_errno(7, || unsafe {
            $print(buffer.as_mut_ptr(), $room, $format.as_ptr() $(, $argument)*)
        });
        let room: usize = $room;
        let end = buffer[..room].iter().position(|byte| *byte == 0).unwrap_or(room);
        let untouched = buffer[room..].iter().all(|byte| *byte == 0x55);
        let text: Vec<u8> = buffer[..end].iter().map(|byte| *byte as u8).collect();
        $seen.push(format!(
            "{:?}: {result}, errno {after}, {} {untouched}", $format, text.escape_ascii()
        ));
    }};
}

#[test]
fn snprintf_recovers_what_it_was_given() {
    in_world(|_| {
        let library = cosmos::dlopen(C).expect(C);
        let function = library.function(SNPRINTF).expect("snprintf");
        // SAFETY: snprintf has this type.
        let remote = unsafe { std::mem::transmute::<*const c_void, Snprintf>(function.pointer()) };
        assert!(!function.pointer().is_null());
        let direct = observe(libc::snprintf);
        let seen = observe(remote);
        assert_eq!(seen.len(), direct.len());
        for (remote, direct) in seen.iter().zip(&direct) {
            assert_eq!(remote, direct, "left the VM's, right direct");
        }
    });
}

fn observe(print: Snprintf) -> Vec<String> {
    let mut seen = Vec::new();
    say!(seen, print, 64, c"");
    say!(seen, print, 64, c"nothing %% here");
    say!(seen, print, 64, c"%m");
    say!(seen, print, 64, c"%d %i", -5, c_int::MAX);
    say!(seen, print, 64, c"%hhd %hd %ld", 300, 70_000, c_long::MIN);
    say!(
        seen,
        print,
        64,
        c"%lld %jd %zd %td",
        i64::MIN,
        -1i64,
        -2isize,
        3isize
    );
    say!(seen, print, 64, c"%u %o %x %X", u32::MAX, 8, 255, 255);
    say!(
        seen,
        print,
        64,
        c"%#lx %llu %zu",
        u64::MAX,
        u64::MAX,
        usize::MAX
    );
    say!(seen, print, 64, c"%+.3e|%G|%a", 1.5, 1e-10, -0.1);
    say!(seen, print, 64, c"%f %f", f64::NAN, f64::NEG_INFINITY);
    say!(seen, print, 64, c"%c%c%c", b'a' as c_int, 0, b'b' as c_int);
    say!(
        seen,
        print,
        64,
        c"[%s] [%10s] [%-10s]",
        c"text".as_ptr(),
        c"a".as_ptr(),
        c"b".as_ptr()
    );
    say!(seen, print, 64, c"%s", std::ptr::null::<c_char>());
    say!(
        seen,
        print,
        64,
        c"%p %p",
        0x7fff_1234_usize,
        std::ptr::null::<c_void>()
    );
    say!(seen, print, 64, c"%*d|%-*d|%.*f", 8, 1, 8, 2, 3, 2.0);
    say!(seen, print, 64, c"%2$s is %1$d, %2$s", 3, c"x".as_ptr());
    say!(
        seen,
        print,
        64,
        c"%2$*1$d|%4$.*3$s",
        6,
        42,
        2,
        c"abcdef".as_ptr()
    );
    say!(seen, print, 4, c"%s", c"longer than the room".as_ptr());
    say!(seen, print, 0, c"%s", c"no room at all".as_ptr());
    say!(seen, print, 64, c"%300d", 5);
    say!(seen, print, 64, c"%2147483648d", 5);
    unterminated(&mut seen, print);
    written(&mut seen, print);
    many(&mut seen, print);
    wide(&mut seen, print);
    seen
}

/// Text that ends at its precision, not at a NUL.
fn unterminated(seen: &mut Vec<String>, print: Snprintf) {
    // Two pages, the second of which may not be read.
    // SAFETY: asks for fresh memory, and lets nobody read its second page.
    let page = unsafe {
        let pages = libc::mmap(
            std::ptr::null_mut(),
            8192,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            -1,
            0,
        );
        assert_ne!(pages, libc::MAP_FAILED);
        assert_eq!(
            libc::mprotect(pages.byte_add(4096), 4096, libc::PROT_NONE),
            0
        );
        libc::memset(pages, c_int::from(b'x'), 4096);
        pages.cast::<c_char>().add(4090)
    };
    say!(seen, print, 64, c"%.6s", page);
    say!(seen, print, 64, c"%.*s|%.*s", 6, page, 0, page);
    say!(
        seen,
        print,
        64,
        c"%.*s",
        -1,
        c"negative: all of it".as_ptr()
    );
    say!(
        seen,
        print,
        64,
        c"%.100s|%.*s",
        c"shorter".as_ptr(),
        1000,
        c"too".as_ptr()
    );
    say!(seen, print, 64, c"%.*s", 5, std::ptr::null::<c_char>());
    // SAFETY: it was mapped above.
    unsafe { libc::munmap(page.sub(4090).cast(), 8192) };
}

/// `%n` of every length writes into the caller's memory, and nothing beside it.
fn written(seen: &mut Vec<String>, print: Snprintf) {
    let mut places = [-1i64; 6];
    let [a, b, c, d, e, f] = &mut places;
    say!(
        seen,
        print,
        64,
        c"%s%hhn%hn%n%ln%lln%jn",
        c"seven 7".as_ptr(),
        a as *mut i64,
        b as *mut i64,
        c as *mut i64,
        d as *mut i64,
        e as *mut i64,
        f as *mut i64
    );
    seen.push(format!("{places:x?}"));
    say!(
        seen,
        print,
        2,
        c"%s%n",
        c"cut off".as_ptr(),
        places.as_mut_ptr()
    );
    seen.push(format!("{places:x?}"));
}

/// More than the registers hold, of both classes.
fn many(seen: &mut Vec<String>, print: Snprintf) {
    say!(
        seen,
        print,
        400,
        c"%d %g %d %g %d %g %d %g %d %g %d %g %d %g %d %g %d %g %d %g %d %g %s",
        1,
        1.5,
        2,
        2.5,
        3,
        3.5,
        4,
        4.5,
        5,
        5.5,
        6,
        6.5,
        7,
        7.5,
        8,
        8.5,
        9,
        9.5,
        10,
        10.5,
        11,
        11.5,
        c"end".as_ptr()
    );
    say!(
        seen,
        print,
        400,
        c"%g %g %g %g %g %g %g %g %g %g %s %ld %ld %ld %ld",
        0.1,
        0.2,
        0.3,
        0.4,
        0.5,
        0.6,
        0.7,
        0.8,
        0.9,
        1.0,
        c"s".as_ptr(),
        1i64,
        -2i64,
        3i64,
        -4i64
    );
}

fn wide(seen: &mut Vec<String>, print: Snprintf) {
    let text: [libc::wchar_t; 5] = ['w', 'i', 'd', 'e', '\0'].map(|letter| letter as libc::wchar_t);
    let foreign: [libc::wchar_t; 2] = [0x20ac, 0];
    say!(
        seen,
        print,
        64,
        c"%ls %S %.2ls",
        text.as_ptr(),
        text.as_ptr(),
        text.as_ptr()
    );
    say!(seen, print, 64, c"%lc%C", b'x' as c_int, b'y' as c_int);
    say!(seen, print, 64, c"%ls", foreign.as_ptr());
}

#[test]
fn named_parameters_of_every_class_come_first() {
    in_world(|world| {
        let path = c::library("various.c", world.directory());
        let library = cosmos::dlopen(path.to_str().expect("UTF-8")).expect("the library");
        let scaled = "double scaled(float factor, const char *format, ...) __printf(2, 3)";
        let scaled = library.function(scaled).expect("scaled");
        type Scaled = unsafe extern "C" fn(f32, *const c_char, ...) -> c_double;
        // SAFETY: the function has this type, and gets what its format takes.
        unsafe {
            let scaled = std::mem::transmute::<*const c_void, Scaled>(scaled.pointer());
            assert_eq!(scaled(0.5, c"%d%s".as_ptr(), 12, c".25".as_ptr()), 6.125);
            assert_eq!(scaled(2.0, c"%.1f".as_ptr(), 1.5f64), 3.0);
        }
        // A struct by value has its place where only a compiler knows: no pointer, but values do.
        let framed = "struct point { double x, y; int z; };
            int framed(char *__out __sized_by(size) buffer, size_t size, struct point point,
                       const char *format, ...) __printf(4, 5)";
        let framed = library.function(framed).expect("framed");
        assert!(framed.pointer().is_null());
        let point = cosmos::Value::Struct(vec![1.5.into(), 2.5.into(), 3.into()]);
        let outcome = framed
            .call(&[cosmos::Value::Out, 32.into(), point, "%d!".into(), 7.into()])
            .expect("framed");
        assert_eq!(outcome.result, 14.into());
        let cosmos::Value::Bytes(buffer) = &outcome.outputs[0].1 else {
            panic!("{outcome:?}");
        };
        assert!(buffer.starts_with(b"(1.5 2.5 3) 7!"));
    });
}

#[test]
fn threads_share_the_pointer() {
    in_world(|_| {
        let library = cosmos::dlopen(C).expect(C);
        let function = library.function(SNPRINTF).expect("snprintf");
        // SAFETY: snprintf has this type.
        let print = unsafe { std::mem::transmute::<*const c_void, Snprintf>(function.pointer()) };
        std::thread::scope(|scope| {
            for thread in 0..4 {
                scope.spawn(move || {
                    for round in 0..50 {
                        let mut buffer = [0 as c_char; 64];
                        // SAFETY: there is room, and the format takes these.
                        let text = unsafe {
                            let room = buffer.len();
                            match round % 2 {
                                0 => print(buffer.as_mut_ptr(), room, c"%d".as_ptr(), thread),
                                _ => print(
                                    buffer.as_mut_ptr(),
                                    room,
                                    c"%.0f".as_ptr(),
                                    f64::from(thread),
                                ),
                            };
                            CStr::from_ptr(buffer.as_ptr())
                        };
                        assert_eq!(text.to_str(), Ok(thread.to_string().as_str()));
                    }
                });
            }
        });
    });
}

/// What a C compiler passes, long doubles included.
#[test]
fn a_c_program_prints_the_same() {
    in_world_for(Duration::from_secs(120), |world| {
        let prefix = Prefix::installed(world);
        let program = world.directory().join("variadic");
        prefix.compile(
            "gcc",
            "variadic.c",
            &["-std=gnu11", "-Wall", "-Wextra", "-Werror"],
            &program,
        );
        let ran = run(
            prefix.environment(&mut Command::new(&program)),
            Duration::from_secs(30),
        );
        assert!(ran.succeeded().ends_with("25 calls agree\n"), "{ran:?}");
    });
}
