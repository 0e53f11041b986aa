//! Bad input: a clear error, nothing lost, nothing hung.

use cosmos::{FaultCode, Value};
use cosmos_tests::{c, in_world, run};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const COS: &str = "double cos(double x)";
const CRC32: &str = "uLong crc32(uLong crc, const Bytef *__sized_by(len) buf, uInt len)";

/// Exit codes of `cosmos`.
const FAILED: i32 = 1;
const USAGE: i32 = 2;

#[test]
fn no_such_library() {
    in_world(|world| {
        let ran = world.call(&["libnothing.so.9", COS, "0"]);
        ran.failed(FAILED, &["error:", "libnothing.so.9"]);
        let ran = world.call(&["/no/such/directory/libz.so.1", COS, "0"]);
        ran.failed(FAILED, &["/no/such/directory/libz.so.1"]);
        let ran = world.call(&["./libz.so.1", COS, "0"]);
        ran.failed(FAILED, &["libz.so.1"]);
        let error = cosmos::dlopen("libnothing.so.9").expect_err("there is none");
        assert_eq!(error.code(), FaultCode::NoSuchTarget);
        assert_eq!(error.errno(), libc::ENOENT);
        let ran = world.call(&["", COS, "0"]);
        assert_ne!(ran.code(), 0, "{ran:?}");
    });
}

#[test]
fn not_an_elf_file() {
    in_world(|world| {
        for (name, contents) in [
            ("text.so", &b"This is a text, not a library.\n"[..]),
            ("empty.so", b""),
            ("short.so", b"\x7fELF\x02\x01"),
        ] {
            let path = world.directory().join(name);
            std::fs::write(&path, contents).expect("a file");
            let ran = world.call(&[text(&path), COS, "0"]);
            ran.failed(FAILED, &["error:", name]);
            let error = cosmos::dlopen(text(&path)).expect_err("no library");
            assert_eq!(error.code(), FaultCode::NotLoadable, "{error}");
            assert_eq!(error.errno(), libc::ENOEXEC);
        }
        let ran = world.call(&[text(world.directory()), COS, "0"]);
        ran.failed(FAILED, &["error:"]);
    });
}

/// The first 64 bytes of an ELF file for another machine, and zeros.
fn foreign_elf(class: u8, machine: u16) -> Vec<u8> {
    let mut bytes = vec![0u8; 4096];
    bytes[..8].copy_from_slice(&[0x7f, b'E', b'L', b'F', class, 1, 1, 0]);
    bytes[16..18].copy_from_slice(&3u16.to_le_bytes());
    bytes[18..20].copy_from_slice(&machine.to_le_bytes());
    bytes[20..24].copy_from_slice(&1u32.to_le_bytes());
    let (size_at, size) = if class == 1 { (40, 52u16) } else { (52, 64u16) };
    bytes[size_at..size_at + 2].copy_from_slice(&size.to_le_bytes());
    bytes
}

#[test]
fn wrong_architecture() {
    in_world(|world| {
        for (name, class, machine, said) in
            [("i386.so", 1, 3, "i386"), ("aarch64.so", 2, 183, "aarch64")]
        {
            let path = world.directory().join(name);
            std::fs::write(&path, foreign_elf(class, machine)).expect("a file");
            let ran = world.call(&[text(&path), COS, "0"]);
            // What it needs, and which VMs there are.
            ran.failed(FAILED, &["error:", name, said, "hostfn", "x86"]);
            let error = cosmos::dlopen(text(&path)).expect_err("another machine");
            assert_eq!(error.code(), FaultCode::WrongArchitecture, "{error}");
            let ran = world.run_cosmos(&["which", text(&path), "--explain"]);
            let told = format!("{}{}", ran.stdout, ran.stderr);
            assert!(told.contains("hostfn") && told.contains(said), "{ran:?}");
        }
    });
}

#[test]
fn no_such_symbol() {
    in_world(|world| {
        let ran = world.call(&["libm.so.6", "double coss(double x)", "0"]);
        ran.failed(FAILED, &["error:", "coss", "cos", "libm.so.6"]);
        let ran = world.call(&["libz.so.1", "unsigned long crc23(unsigned long c)", "0"]);
        ran.failed(FAILED, &["crc23", "crc32"]);
        let library = cosmos::dlopen("libm.so.6").expect("libm");
        let error = library
            .function("double coss(double x)")
            .expect_err("there is none");
        assert_eq!(error.code(), FaultCode::NoSuchSymbol);
        // The library is as open as before.
        assert!(library.function(COS).is_ok());
    });
}

#[test]
fn malformed_prototype() {
    in_world(|world| {
        for prototype in [
            "double cos(double x",
            "double cos(dubble x)",
            "",
            "double",
            "int compress2(unsigned char *dest, unsigned long *destLen)",
            "double cos(double x) __nonsense",
            "double cos(double x) double",
            "void f(int a[)",
            "\u{0}\u{1}",
            "int f(int x) /* unended",
        ] {
            if prototype.contains('\0') {
                let library = cosmos::dlopen("libm.so.6").expect("libm");
                let error = library.function(prototype).expect_err("no C");
                assert_eq!(error.code(), FaultCode::BadPrototype);
                continue;
            }
            let ran = world.call(&["libm.so.6", prototype, "0"]);
            assert_eq!(ran.code(), FAILED, "{prototype:?}: {ran:?}");
            assert!(has_number(&ran.stderr), "{prototype:?}: {ran:?}");
            assert!(ran.stderr.contains('^'), "{prototype:?}: {ran:?}");
        }
    });
}

/// Whether there is an error number, an E and four digits.
fn has_number(text: &str) -> bool {
    text.as_bytes()
        .windows(5)
        .any(|window| window[0] == b'E' && window[1..].iter().all(u8::is_ascii_digit))
}

/// It would be a text of one letter, the one of that number.
#[test]
fn a_number_is_no_text() {
    in_world(|_| {
        let library = cosmos::dlopen("libc.so.6").expect("libc");
        let strlen = library
            .function("size_t strlen(const char *s)")
            .expect("the function");
        for (value, given) in [
            (Value::Int(65), "an integer"),
            (6.5.into(), "a floating-point number"),
        ] {
            let error = strlen.call(&[value]).expect_err("a number");
            assert_eq!(error.code(), FaultCode::BadArgument, "{error}");
            let words = format!("argument 's': text is needed, {given} was given");
            assert!(error.to_string().contains(&words), "{error}");
        }
        // Where one element is pointed to, that is what a number is.
        let time = library
            .function("char *__borrowed ctime(const time_t *t)")
            .expect("the function");
        let Value::Text(text) = time.call(&[Value::Int(86400)]).expect("a time").result else {
            panic!("no text");
        };
        assert!(text.ends_with(b"1970\n"), "{text:?}");
    });
}

#[test]
fn wrong_argument_count() {
    in_world(|world| {
        world
            .call(&["libm.so.6", COS])
            .failed(USAGE, &["error:", "cos"]);
        world
            .call(&["libm.so.6", COS, "0", "1"])
            .failed(USAGE, &["error:", "cos"]);
        let library = cosmos::dlopen("libm.so.6").expect("libm");
        let cos = library.function(COS).expect("cos");
        let error = cos.call(&[]).expect_err("one is due");
        assert_eq!(error.code(), FaultCode::BadArgument);
        let error = cos.call(&[0.0.into(), 1.0.into()]).expect_err("one is due");
        assert_eq!(error.code(), FaultCode::BadArgument);
        assert!(cos.call(&[0.0.into()]).is_ok());
    });
}

#[test]
fn wrong_argument_type() {
    in_world(|world| {
        world
            .call(&["libm.so.6", COS, "zero"])
            .failed(USAGE, &["error:", "x"]);
        world
            .call(&["libz.so.1", CRC32, "0", "hello", "five"])
            .failed(USAGE, &["len"]);
        world
            .call(&["libz.so.1", CRC32, "0", "hello", "4294967296"])
            .failed(USAGE, &["len"]);
        world
            .call(&["libz.so.1", CRC32, "0", "hello", "-1"])
            .failed(USAGE, &["len"]);
        world
            .call(&["libc.so.6", "div_t div(int a, int b)", "1.5", "2"])
            .failed(USAGE, &["a"]);
        world
            .call(&["libc.so.6", "div_t div(int a, int b)", "NULL", "2"])
            .failed(USAGE, &["a"]);
        world
            .call(&["libz.so.1", CRC32, "0", "@/no/such/file", "5"])
            .failed(USAGE, &["/no/such/file"]);
    });
}

#[test]
fn null_where_bytes_are_read() {
    in_world(|world| {
        let library = c::library("misbehave.c", world.directory());
        let sum =
            "unsigned long sum(const unsigned char *__sized_by(count) bytes, unsigned long count)";
        // Legal by the prototype, fatal in this function: the VM dies, nobody else.
        let ran = world.call(&[text(&library), sum, "NULL", "5"]);
        ran.failed(FAILED, &["error:", "sum", "SIGSEGV"]);
        assert_eq!(
            world.call(&[text(&library), sum, "NULL", "0"]).succeeded(),
            "0\n"
        );
        let strdup = "char *__owned(free) strdup(const char *s)";
        world
            .call(&["libc.so.6", strdup, "NULL"])
            .failed(FAILED, &["strdup", "SIGSEGV"]);
        assert_eq!(
            world
                .call(&["libz.so.1", CRC32, "7", "NULL", "0"])
                .succeeded(),
            "0\n"
        );
    });
}

#[test]
fn sizes_that_overflow() {
    in_world(|world| {
        let library = c::library("misbehave.c", world.directory());
        let opened = cosmos::dlopen(text(&library)).expect("the library");
        let fill = |extent: &str| {
            let prototype = format!(
                "int fill(unsigned char *__out __sized_by({extent}) bytes, unsigned long count, int value)"
            );
            opened.function(&prototype).expect("fill")
        };
        type Fill = unsafe extern "C" fn(*mut u8, libc::c_ulong, libc::c_int) -> libc::c_int;
        for (extent, count) in [
            ("count * 16", 1 << 61),
            ("count + 16", u64::MAX),
            ("count", u64::MAX),
            ("count", 1 << 62),
            ("count", 1 << 40),
            ("count - 5", 1),
        ] {
            let function = fill(extent);
            // SAFETY: the function has this type.
            let pointer =
                unsafe { std::mem::transmute::<*const std::ffi::c_void, Fill>(function.pointer()) };
            let mut small = [7u8; 16];
            cosmos_tests::set_errno(0);
            // SAFETY: the call must be refused before a byte beyond the buffer is touched; a
            // library that did otherwise would fail this very test.
            let result = unsafe { pointer(small.as_mut_ptr(), count, 1) };
            let errno = cosmos_tests::errno();
            assert_eq!(result, -1, "{extent} of {count}");
            assert!(
                [libc::EINVAL, libc::EMSGSIZE, libc::ECOMM].contains(&errno),
                "{extent} of {count}: errno {errno}"
            );
            assert_eq!(small, [7; 16]);
        }
        // The VM has seen none of it.
        let pid = opened.function("int pid_of_vm(void)").expect("pid_of_vm");
        assert!(pid.call(&[]).is_ok());
    });
}

/// Results that break the prototype's promises fail the call and touch no byte beyond the buffers.
#[test]
fn results_that_break_the_prototype() {
    in_world(|world| {
        let library = c::library("misbehave.c", world.directory());
        let opened = cosmos::dlopen(text(&library)).expect("the library");
        let as_function = |prototype: &str| opened.function(prototype).expect(prototype);
        let boast = as_function(
            "long boast(unsigned char *__out __sized_by(count) __filled(return) bytes, unsigned long count)",
        );
        let grow = as_function(
            "int grow(unsigned char *__out __sized_by(*count) bytes, unsigned long *__inout count)",
        );
        let stray = as_function("char *__alias(text) stray(char *__inout __null_terminated text)");
        type Pointer = *const std::ffi::c_void;
        type Boast = unsafe extern "C" fn(*mut u8, libc::c_ulong) -> libc::c_long;
        type Grow = unsafe extern "C" fn(*mut u8, *mut libc::c_ulong) -> libc::c_int;
        type Stray = unsafe extern "C" fn(*mut libc::c_char) -> *mut libc::c_char;
        let mut buffer = [7u8; 64];
        // SAFETY: each pointer has the type of its prototype; 16 of 64 bytes are lent.
        unsafe {
            let call = std::mem::transmute::<Pointer, Boast>(boast.pointer());
            assert_eq!(call(buffer[16..].as_mut_ptr(), 16), -1);
            assert_eq!(cosmos_tests::errno(), libc::EPROTO);
            let call = std::mem::transmute::<Pointer, Grow>(grow.pointer());
            let mut count = 16;
            assert_eq!(call(buffer[16..].as_mut_ptr(), &mut count), -1);
            assert_eq!(cosmos_tests::errno(), libc::EPROTO);
            assert_eq!(count, 16);
            let call = std::mem::transmute::<Pointer, Stray>(stray.pointer());
            let mut text = *b"text\0";
            assert!(call(text.as_mut_ptr().cast()).is_null());
            assert_eq!(cosmos_tests::errno(), libc::EPROTO);
        }
        assert_eq!(buffer, [7; 64], "nothing of a failed call arrives");
    });
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

/// The compiler is there: the other tests depend on it.
#[test]
fn there_is_a_c_compiler() {
    let ran = run(
        Command::new("gcc").arg("--version"),
        Duration::from_secs(20),
    );
    ran.succeeded();
}

#[test]
fn a_pointer_is_moved_in_its_buffer_and_nowhere_else() {
    in_world(|world| {
        let path = c::library("misbehave.c", world.directory());
        let library = cosmos::dlopen(path.to_str().expect("UTF-8")).expect("the library");
        let span = "struct span { const char *__in __null_terminated text; int length; };";
        let text = |text: cosmos::Value| cosmos::Value::Struct(vec![text, 0.into()]);
        let four = || text(cosmos::Value::Text(b"four".to_vec()));
        let measure = library
            .function(&format!("{span} int measure(struct span *__inout span)"))
            .expect("measure");
        let outcome = measure.call(&[four()]);
        assert!(format!("{outcome:?}").contains("Int(4)"), "{outcome:?}");
        let nothing = measure.call(&[text(cosmos::Value::Null)]);
        assert!(format!("{nothing:?}").contains("Int(-1)"), "{nothing:?}");
        let advance = library
            .function(&format!("{span} int advance(struct span *__inout span)"))
            .expect("advance");
        let outcome = advance.call(&[four()]).expect("it moves within the text");
        let shown = format!("{:?}", outcome.outputs);
        assert!(shown.contains(&format!("{:?}", b"our")), "{shown}");
        let error = advance
            .call(&[text(cosmos::Value::Null)])
            .expect_err("it moves to memory of its own");
        assert!(error.to_string().contains("moved a pointer"), "{error}");
        // The function broke its prototype; the VM and its library are still there.
        assert!(measure.call(&[four()]).is_ok());
    });
}
