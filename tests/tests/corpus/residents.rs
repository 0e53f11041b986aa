//! Rows 21, 22 and 40: objects that a function makes in memory of the program's. They live in the VM;
//! their numbers, and the buffers they walk through, are the program's.

use crate::objects::{Functions, compare_all, plain, row};
use crate::*;
use cosmos_tests::in_world;
use std::ffi::{CStr, c_char, c_int, c_uint, c_ulong, c_void};
use std::ptr::{null, null_mut};

/// `regex_t` of glibc, of which `re_nsub` is the programmer's.
#[repr(C, align(8))]
struct Regex {
    bytes: [u8; 64],
}

impl Regex {
    fn groups(&self) -> u64 {
        let mut word = [0; 8];
        word.copy_from_slice(&self.bytes[48..56]);
        u64::from_le_bytes(word)
    }
}

type Compile = unsafe extern "C" fn(*mut Regex, *const c_char, c_int) -> c_int;
type Execute =
    unsafe extern "C" fn(*const Regex, *const c_char, usize, *mut [i32; 2], c_int) -> c_int;
type Free = unsafe extern "C" fn(*mut Regex);

#[test]
fn rows_21_and_22_regular_expressions() {
    in_world(|_| {
        let prototypes = [
            row("regcomp"),
            row("regexec"),
            plain("regfree", "void regfree(regex_t *__handle __consume preg)"),
        ];
        compare_all(C, &prototypes, expressions);
    });
}

fn expressions(functions: &Functions) -> Seen {
    let compile = as_function!(functions.get("regcomp"), Compile);
    let execute = as_function!(functions.get("regexec"), Execute);
    let free = as_function!(functions.get("regfree"), Free);
    let mut seen = Vec::new();
    let patterns = [c"a(b*)c(d)?", c"^[0-9]+$", c"(", c""];
    for pattern in patterns {
        // What is in the memory before is nobody's business.
        let mut regex = Regex { bytes: [0x5a; 64] };
        // SAFETY: the memory is a regex_t's, the texts end, the matches are three.
        unsafe {
            let compiled = compile(&mut regex, pattern.as_ptr(), 1);
            if compiled != 0 {
                seen.push(format!("{pattern:?}: {compiled}"));
                continue;
            }
            seen.push(format!("{pattern:?}: {} groups", regex.groups()));
            for text in [c"xabbbcd", c"12345", c"ac", c""] {
                let mut matches = [[-7, -7]; 3];
                let found = execute(&regex, text.as_ptr(), 3, matches.as_mut_ptr(), 0);
                let none = execute(&regex, text.as_ptr(), 0, null_mut(), 1);
                seen.push(format!("{text:?}: {found} {none}"));
                if found == 0 {
                    seen.push(format!("{matches:?}"));
                }
            }
            free(&mut regex);
        }
    }
    seen
}

/// A hundred objects at once, each in memory of its own, that do not mix; and memory used again.
#[test]
fn objects_in_memory_of_the_programs_are_apart() {
    in_world(|_| {
        let library = cosmos::dlopen(C).expect(C);
        let function = |prototype: &str| library.function(prototype).expect(prototype);
        let compile = function(&prototype("regcomp"));
        let execute = function(&prototype("regexec"));
        let free = function("void regfree(regex_t *__handle __consume preg)");
        let compile = as_function!(compile.pointer(), Compile);
        let execute = as_function!(execute.pointer(), Execute);
        let free = as_function!(free.pointer(), Free);
        let mut all: Vec<Regex> = (0..100).map(|_| Regex { bytes: [0; 64] }).collect();
        let text = |number: usize| std::ffi::CString::new(format!("^{number}$")).expect("no NUL");
        let word = |number: usize| std::ffi::CString::new(number.to_string()).expect("no NUL");
        // SAFETY: the memory is a regex_t's, and texts end.
        unsafe {
            for (number, regex) in all.iter_mut().enumerate() {
                assert_eq!(compile(regex, text(number).as_ptr(), 1), 0);
            }
            for (number, regex) in all.iter().enumerate() {
                let own = execute(regex, word(number).as_ptr(), 0, null_mut(), 0);
                let other = execute(regex, word(number + 1).as_ptr(), 0, null_mut(), 0);
                assert_eq!((own, other), (0, 1), "{number}");
            }
            // A copy elsewhere is no object, and one whose token was overwritten is stale.
            let copy = Regex {
                bytes: all[3].bytes,
            };
            cosmos_tests::set_errno(0);
            assert_eq!(execute(&copy, c"3".as_ptr(), 0, null_mut(), 0), -1);
            assert_eq!(cosmos_tests::errno(), libc::EINVAL);
            let token = all[4].bytes;
            all[4].bytes = all[5].bytes;
            assert_eq!(execute(&all[4], c"4".as_ptr(), 0, null_mut(), 0), -1);
            assert_eq!(cosmos_tests::errno(), libc::EBADF);
            all[4].bytes = token;
            assert_eq!(execute(&all[4], c"4".as_ptr(), 0, null_mut(), 0), 0);
            // Freed once, then not again, then made anew in the same place.
            let first = all[0].bytes;
            free(&mut all[0]);
            assert_eq!(all[0].bytes[..8], [0; 8]);
            cosmos_tests::set_errno(0);
            free(&mut all[0]);
            assert_eq!(cosmos_tests::errno(), libc::EBADF);
            all[0].bytes = first;
            assert_eq!(execute(&all[0], c"0".as_ptr(), 0, null_mut(), 0), -1);
            assert_eq!(compile(&mut all[0], c"^again$".as_ptr(), 1), 0);
            assert_eq!(execute(&all[0], c"again".as_ptr(), 0, null_mut(), 0), 0);
            // The library's own memory is a handle's, and no address of the program's.
            assert_eq!(execute(null(), null(), 0, null_mut(), 0), -1);
        }
    });
}

/// `z_stream` of zlib.h.
#[repr(C)]
struct Stream {
    next_in: *const u8,
    avail_in: c_uint,
    total_in: c_ulong,
    next_out: *mut u8,
    avail_out: c_uint,
    total_out: c_ulong,
    msg: *const c_char,
    state: *mut c_void,
    zalloc: *const c_void,
    zfree: *const c_void,
    opaque: *const c_void,
    data_type: c_int,
    adler: c_ulong,
    reserved: c_ulong,
}

impl Stream {
    fn new() -> Stream {
        // SAFETY: zeros are a z_stream as its documentation wants it at first.
        unsafe { std::mem::zeroed() }
    }

    fn message(&self) -> String {
        match self.msg.is_null() {
            true => "no message".to_owned(),
            // SAFETY: zlib's messages end, and live as long as the stream.
            false => unsafe { CStr::from_ptr(self.msg) }
                .to_string_lossy()
                .into_owned(),
        }
    }
}

type Init = unsafe extern "C" fn(*mut Stream, *const c_char, c_int) -> c_int;
type DeflateInit = unsafe extern "C" fn(*mut Stream, c_int, *const c_char, c_int) -> c_int;
type Work = unsafe extern "C" fn(*mut Stream, c_int) -> c_int;
type End = unsafe extern "C" fn(*mut Stream) -> c_int;

/// Feeds a stream in pieces, with room in pieces; what came out, and what each call said.
fn run(
    work: Work,
    stream: &mut Stream,
    input: &[u8],
    piece: usize,
    room: usize,
) -> (Vec<u8>, Seen) {
    let (mut seen, mut out, mut used) = (Vec::new(), Vec::new(), 0);
    let mut buffer = vec![0xddu8; room];
    for _ in 0..10_000 {
        let end = input.len().min(used + piece);
        stream.next_in = input[used..].as_ptr();
        stream.avail_in = c_uint::try_from(end - used).expect("small");
        stream.next_out = buffer.as_mut_ptr();
        stream.avail_out = c_uint::try_from(room).expect("small");
        let flush = if end == input.len() { 4 } else { 0 };
        // SAFETY: the buffers are as large as the stream says.
        let result = unsafe { work(stream, flush) };
        let walked = stream.next_in.addr() - input[used..].as_ptr().addr();
        let made = stream.next_out.addr() - buffer.as_ptr().addr();
        let untouched = buffer[made..].iter().all(|byte| *byte == 0xdd);
        seen.push(format!(
            "{result}: in {walked} left {}, out {made} left {}, {untouched}, totals {} {}, {} {:x} {}",
            stream.avail_in,
            stream.avail_out,
            stream.total_in,
            stream.total_out,
            stream.data_type,
            stream.adler,
            stream.message()
        ));
        used += walked;
        out.extend_from_slice(&buffer[..made]);
        buffer[..made].fill(0xdd);
        if result != 0 {
            break;
        }
    }
    (out, seen)
}

#[test]
fn row_40_inflate() {
    in_world(|_| {
        let cursors = "__cursor(next_in, avail_in) __cursor(next_out, avail_out)";
        let deflate = format!("int deflate(z_streamp __handle {cursors} strm, int flush)");
        let prototypes = [
            row("inflate"),
            plain("deflate", &deflate),
            plain(
                "inflateInit_",
                "int inflateInit_(z_streamp __closed_by(inflateEnd) strm, const char *version, int size)
                    __success(return == 0)",
            ),
            plain(
                "deflateInit_",
                "int deflateInit_(z_streamp __closed_by(deflateEnd) strm, int level,
                                  const char *version, int size) __success(return == 0)",
            ),
            plain("inflateEnd", "int inflateEnd(z_streamp __handle __consume strm)"),
            plain("deflateEnd", "int deflateEnd(z_streamp __handle __consume strm)"),
        ];
        compare_all(Z, &prototypes, streams);
    });
}

fn streams(functions: &Functions) -> Seen {
    let inflate = as_function!(functions.get("inflate"), Work);
    let deflate = as_function!(functions.get("deflate"), Work);
    let inflate_init = as_function!(functions.get("inflateInit_"), Init);
    let deflate_init = as_function!(functions.get("deflateInit_"), DeflateInit);
    let [inflate_end, deflate_end] =
        ["inflateEnd", "deflateEnd"].map(|name| as_function!(functions.get(name), End));
    let size = c_int::try_from(size_of::<Stream>()).expect("small");
    let text: Vec<u8> = (0..60_000u32)
        .map(|number| (number.wrapping_mul(number) >> 7) as u8 & 0x3f)
        .collect();
    let mut seen = Vec::new();
    for (piece, room) in [(60_000, 100_000), (7_000, 512), (333, 4096), (60_000, 100)] {
        // SAFETY: streams are whole and their buffers as large as they say.
        unsafe {
            let mut stream = Stream::new();
            seen.push(format!(
                "{}",
                deflate_init(&mut stream, 6, c"1.2".as_ptr(), size)
            ));
            let (packed, said) = run(deflate, &mut stream, &text, piece, room);
            seen.extend(said);
            seen.push(format!("{} {}", deflate_end(&mut stream), hex(&packed)));
            let mut stream = Stream::new();
            seen.push(format!(
                "{}",
                inflate_init(&mut stream, c"1.2".as_ptr(), size)
            ));
            let (back, said) = run(inflate, &mut stream, &packed, piece, room);
            seen.extend(said);
            seen.push(format!("{}, {}", inflate_end(&mut stream), back == text));
            let mut damaged = packed.clone();
            damaged[packed.len() / 2] ^= 0x55;
            damaged[packed.len() / 2 + 1] ^= 0x55;
            let mut stream = Stream::new();
            inflate_init(&mut stream, c"1.2".as_ptr(), size);
            let (_, said) = run(inflate, &mut stream, &damaged, piece, room);
            seen.extend(said.last().cloned());
            seen.push(format!("{}", inflate_end(&mut stream)));
        }
    }
    // SAFETY: a wrong version makes no stream; NULL buffers are zlib's to refuse.
    unsafe {
        let mut stream = Stream::new();
        seen.push(format!(
            "{}",
            inflate_init(&mut stream, c"9".as_ptr(), size)
        ));
        let mut stream = Stream::new();
        seen.push(format!(
            "{}",
            inflate_init(&mut stream, c"1.2".as_ptr(), size)
        ));
        seen.push(format!("{} {}", inflate(&mut stream, 0), stream.message()));
        seen.push(format!("{}", inflate_end(&mut stream)));
        seen.push(format!("{}", inflate(null_mut(), 0)));
    }
    seen
}
