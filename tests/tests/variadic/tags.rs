//! One argument, of the type that the value of a parameter says.

use cosmos::{FaultCode, Value};
use cosmos_tests::{c, errno, in_world, set_errno};
use std::ffi::{CStr, c_char, c_int, c_long, c_uint, c_void};
use std::ptr::null_mut;

const CHOSEN: &str = "struct point { double x, y; int z; };
    union chosen_variadic {
        int number __case(1);
        double real __case(2);
        const char *text __case(3);
        long double extended __case(4);
        struct point point __case(5);
        int *__out written __case(6);
        long other __case_range(-100, 100);
    };
    int chosen(char *__out __sized_by(size) __null_terminated buffer, size_t size, int kind, ...)
        __variadic_by(kind)";

#[test]
fn the_tag_chooses_the_type() {
    in_world(|world| {
        let path = c::library("various.c", world.directory());
        let library = cosmos::dlopen(path.to_str().expect("UTF-8")).expect("the library");
        let function = library.function(CHOSEN).expect("chosen");
        let third = [0, 0, 0, 0, 0, 0, 0, 0x80, 0xfd, 0x3f];
        let point = Value::Struct(vec![1.5.into(), 2.5.into(), 3.into()]);
        for (kind, value, said) in [
            (1, Value::from(-7), "int -7"),
            (2, 0.5.into(), "double 0.5"),
            (3, "words".into(), "text words"),
            (3, Value::Null, "text (null)"),
            (4, Value::LongDouble(third), "long double 0.25"),
            (5, point, "point 1.5 2.5 3"),
            (0, (1i64 << 40).into(), "long 1099511627776"),
            (-100, (-1).into(), "long -1"),
        ] {
            let values = [Value::Out, 64.into(), kind.into(), value];
            let outcome = function.call(&values).expect(said);
            assert_eq!(outcome.outputs[0].1, said.into());
        }
        let written = [Value::Out, 64.into(), 6.into(), Value::Out];
        let outcome = function.call(&written).expect("written");
        assert_eq!(outcome.outputs[1], ("written".to_owned(), 66.into()));
        for (values, said) in [
            (
                vec![Value::Out, 64.into(), 101.into(), 1.into()],
                "no type for 'kind' = 101",
            ),
            (
                vec![Value::Out, 64.into(), 1.into()],
                "takes 1 argument in place of '...', 0 were",
            ),
            (
                vec![Value::Out, 64.into(), 1.into(), 1.into(), 2.into()],
                "2 were given",
            ),
            (
                vec![Value::Out, 64.into(), 1.into(), "text".into()],
                "number",
            ),
        ] {
            let error = function.call(&values).expect_err(said);
            assert_eq!(error.code(), FaultCode::BadArgument);
            assert!(error.to_string().contains(said), "{error}");
        }
        through_the_pointer(&function);
    });
}

fn through_the_pointer(function: &cosmos::Function) {
    type Chosen = unsafe extern "C" fn(*mut c_char, usize, c_int, ...) -> c_int;
    // SAFETY: the function has this type.
    let chosen = unsafe { std::mem::transmute::<*const c_void, Chosen>(function.pointer()) };
    let mut buffer = [0 as c_char; 64];
    let (start, room) = (buffer.as_mut_ptr(), 64);
    let mut written = 0;
    // SAFETY: each gets what its kind says, the last two nothing that is looked at.
    unsafe {
        let text = || CStr::from_ptr(start).to_str().expect("ASCII");
        assert_eq!((chosen(start, room, 1, -7), text()), (6, "int -7"));
        assert_eq!((chosen(start, room, 2, 0.5), text()), (10, "double 0.5"));
        assert_eq!(
            (chosen(start, room, 3, c"t".as_ptr()), text()),
            (6, "text t")
        );
        assert_eq!((chosen(start, room, 6, &raw mut written), written), (7, 66));
        assert_eq!((chosen(start, room, -5, -9i64), text()), (7, "long -9"));
        for kind in [5, 101] {
            set_errno(0);
            assert_eq!((chosen(start, room, kind, 1), errno()), (-1, libc::EINVAL));
        }
    }
}

const CURL: &str = "libcurl.so.4";
const SETOPT: &str =
    "CURLcode curl_easy_setopt(CURL *__handle h, CURLoption option, ...) __variadic_by(option)";
const GETINFO: &str =
    "CURLcode curl_easy_getinfo(CURL *curl, CURLINFO info, ...) __variadic_by(info)";
const SLIST: &str = "struct curl_slist *__handle curl_slist_append(struct curl_slist *__handle list, const char *text)";

type Curl = *mut c_void;
type Setopt = unsafe extern "C" fn(Curl, c_uint, ...) -> c_uint;

/// The functions of one libcurl: this process's own, or that of a VM.
struct Functions {
    init: unsafe extern "C" fn() -> Curl,
    setopt: Setopt,
    getinfo: Setopt,
    perform: unsafe extern "C" fn(Curl) -> c_uint,
    append: unsafe extern "C" fn(*mut c_void, *const c_char) -> *mut c_void,
    cleanup: unsafe extern "C" fn(Curl),
}

/// Numbers, text, lists of curl's, cookies and large numbers go in and come back as directly.
#[test]
fn curl_takes_options_and_tells_them() {
    in_world(|_| {
        // It moves files of the test's own directory, and asks no network.
        let here = std::env::current_dir().expect("the test's own directory");
        let options = cosmos::Options::new().write(here);
        let library = cosmos::dlopen_with(CURL, &options).expect(CURL);
        let function = |prototype: &str| library.function(prototype).expect(prototype);
        let functions = [
            function("CURL *__closed_by(curl_easy_cleanup) curl_easy_init(void)"),
            function(SETOPT),
            function(GETINFO),
            function("CURLcode curl_easy_perform(CURL *curl)"),
            function(SLIST),
            function("void curl_easy_cleanup(CURL *__handle __consume curl)"),
        ];
        let pointers = functions.each_ref().map(|function| function.pointer());
        // SAFETY: the functions have these types.
        let remote = unsafe { of(pointers) };
        // SAFETY: libcurl runs no code of note when loaded; the types are the header's.
        let direct = unsafe {
            let library = Box::leak(Box::new(libloading::Library::new(CURL).expect(CURL)));
            of([
                c"curl_easy_init",
                c"curl_easy_setopt",
                c"curl_easy_getinfo",
                c"curl_easy_perform",
                c"curl_slist_append",
                c"curl_easy_cleanup",
            ]
            .map(|name| {
                let symbol = library
                    .get::<*const c_void>(name.to_bytes())
                    .expect("a symbol");
                symbol.try_as_raw_ptr().expect("an address").cast_const()
            }))
        };
        let expected = observe(&direct);
        assert_eq!(observe(&remote), expected);
        for done in [
            "perform 37",
            "download 0",
            "250000 bytes, right true",
            "refused 23",
            "done 0",
        ] {
            assert!(expected.contains(&done.to_owned()), "{done}: {expected:?}");
        }
        with_values(&library);
    });
}

/// # Safety
/// The pointers are of these functions.
unsafe fn of(pointers: [*const c_void; 6]) -> Functions {
    let [init, setopt, getinfo, perform, append, cleanup] = pointers;
    // SAFETY: the caller's promise.
    unsafe {
        Functions {
            init: std::mem::transmute::<*const c_void, unsafe extern "C" fn() -> Curl>(init),
            setopt: std::mem::transmute::<*const c_void, Setopt>(setopt),
            getinfo: std::mem::transmute::<*const c_void, Setopt>(getinfo),
            perform: std::mem::transmute::<*const c_void, unsafe extern "C" fn(Curl) -> c_uint>(
                perform,
            ),
            append: std::mem::transmute::<
                *const c_void,
                unsafe extern "C" fn(*mut c_void, *const c_char) -> *mut c_void,
            >(append),
            cleanup: std::mem::transmute::<*const c_void, unsafe extern "C" fn(Curl)>(cleanup),
        }
    }
}

fn observe(curl: &Functions) -> Vec<String> {
    let mut seen = Vec::new();
    let mut cookie = 5;
    // SAFETY: every option gets what curl takes for it.
    unsafe {
        let handle = (curl.init)();
        assert!(!handle.is_null());
        let setopt = curl.setopt;
        let getinfo = curl.getinfo;
        let list = (curl.append)(
            (curl.append)(null_mut(), c"A: 1".as_ptr()),
            c"B: 2".as_ptr(),
        );
        seen.push(format!("timeout {}", setopt(handle, 155, 5000 as c_long)));
        seen.push(format!("negative {}", setopt(handle, 13, -5 as c_long)));
        seen.push(format!("list {}", setopt(handle, 10023, list)));
        seen.push(format!(
            "no list {}",
            setopt(handle, 10023, null_mut::<c_void>())
        ));
        seen.push(format!("large {}", setopt(handle, 30115, 1i64 << 40)));
        seen.push(format!("unknown {}", setopt(handle, 9999, 1 as c_long)));
        seen.push(format!("cookie {}", setopt(handle, 10103, &raw mut cookie)));
        let mut back: *mut c_int = null_mut();
        seen.push(format!(
            "private {}",
            getinfo(handle, 0x10_0015, &raw mut back)
        ));
        seen.push(format!(
            "the same {}",
            std::ptr::eq(back, &raw const cookie)
        ));
        for url in [c"nosuch://host/", c"file:///no/such/file", c"http://[::"] {
            seen.push(format!("url {}", setopt(handle, 10002, url.as_ptr())));
            seen.push(format!("perform {}", (curl.perform)(handle)));
            let mut text: *const c_char = std::ptr::null();
            let told = getinfo(handle, 0x10_0001, &raw mut text);
            seen.push(format!("effective {told} {:?}", CStr::from_ptr(text)));
        }
        let (mut code, mut time, mut size) = (-1 as c_long, -1.0f64, -1i64);
        seen.push(format!(
            "code {} ",
            getinfo(handle, 0x20_0002, &raw mut code)
        ));
        seen.push(format!(
            "time {}",
            getinfo(handle, 0x30_0003, &raw mut time)
        ));
        seen.push(format!(
            "size {}",
            getinfo(handle, 0x60_0007, &raw mut size)
        ));
        seen.push(format!("{code} {} {size}", time >= 0.0));
        perform(curl, handle, &mut seen);
        (curl.cleanup)(handle);
    }
    seen
}

/// What a transfer gives the program, and what the program gives it.
#[derive(Default)]
struct Transfer {
    received: Vec<u8>,
    calls: usize,
    to_send: Vec<u8>,
}

/// # Safety
/// curl calls it, with a `Transfer` as cookie.
unsafe extern "C" fn write(
    data: *const u8,
    size: usize,
    count: usize,
    cookie: *mut c_void,
) -> usize {
    // SAFETY: the caller's promise.
    let (data, transfer) = unsafe {
        let data = std::slice::from_raw_parts(data, size * count);
        (data, &mut *cookie.cast::<Transfer>())
    };
    transfer.received.extend_from_slice(data);
    transfer.calls += 1;
    match transfer.received.ends_with(b"stop\n") {
        true => 0,
        false => size * count,
    }
}

/// # Safety
/// As [`write`].
unsafe extern "C" fn read(data: *mut u8, size: usize, count: usize, cookie: *mut c_void) -> usize {
    // SAFETY: the caller's promise.
    let (data, transfer) = unsafe {
        let data = std::slice::from_raw_parts_mut(data, size * count);
        (data, &mut *cookie.cast::<Transfer>())
    };
    let now = transfer.to_send.len().min(data.len());
    for (place, byte) in data.iter_mut().zip(transfer.to_send.drain(..now)) {
        *place = byte;
    }
    now
}

/// Downloads and uploads files through callbacks that were given as options.
///
/// # Safety
/// `handle` is one of `curl`.
unsafe fn perform(curl: &Functions, handle: Curl, seen: &mut Vec<String>) {
    let directory = std::env::current_dir().expect("the test's own directory");
    let name = |name: &str| {
        let path = directory.join(format!("cosmos-{}-{name}", std::process::id()));
        let url = std::ffi::CString::new(format!("file://{}", path.display())).expect("no NUL");
        (path, url)
    };
    let (source, source_url) = name("source");
    let (target, target_url) = name("target");
    std::fs::write(&source, "line\n".repeat(50_000)).expect("a file");
    let mut transfer = Transfer::default();
    let cookie = &raw mut transfer;
    let setopt = curl.setopt;
    // SAFETY: every option gets what curl takes for it; the cookies outlive the transfers.
    unsafe {
        type Write = unsafe extern "C" fn(*const u8, usize, usize, *mut c_void) -> usize;
        type Read = unsafe extern "C" fn(*mut u8, usize, usize, *mut c_void) -> usize;
        seen.push(format!("write {}", setopt(handle, 20011, write as Write)));
        seen.push(format!("to {}", setopt(handle, 10001, cookie)));
        seen.push(format!(
            "url {}",
            setopt(handle, 10002, source_url.as_ptr())
        ));
        seen.push(format!("download {}", (curl.perform)(handle)));
        let received = &(*cookie).received;
        seen.push(format!(
            "{} bytes, right {}",
            received.len(),
            received.starts_with(b"line\nline")
        ));
        // A callback that refuses the data fails the transfer: CURLE_WRITE_ERROR.
        std::fs::write(&source, "stop\n").expect("a file");
        seen.push(format!("refused {}", (curl.perform)(handle)));
        (*cookie).to_send = b"sent ".repeat(1000);
        seen.push(format!("read {}", setopt(handle, 20012, read as Read)));
        seen.push(format!("from {}", setopt(handle, 10009, cookie)));
        seen.push(format!("upload {}", setopt(handle, 46, 1 as c_long)));
        seen.push(format!(
            "target {}",
            setopt(handle, 10002, target_url.as_ptr())
        ));
        seen.push(format!("done {}", (curl.perform)(handle)));
    }
    let sent = std::fs::read(&target).unwrap_or_default();
    seen.push(format!(
        "{} bytes sent, right {}",
        sent.len(),
        sent.starts_with(b"sent sent")
    ));
    for path in [source, target] {
        let _ = std::fs::remove_file(path);
    }
}

fn with_values(library: &cosmos::Library) {
    let function = |prototype: &str| library.function(prototype).expect(prototype);
    let init = function("CURL *__closed_by(curl_easy_cleanup) curl_easy_init(void)");
    let setopt = function(SETOPT);
    let handle = init.call(&[]).expect("a handle").result;
    let set = |option: i32, value: Value| setopt.call(&[handle.clone(), option.into(), value]);
    assert_eq!(
        set(10002, "file:///".into()).expect("a URL").result,
        0.into()
    );
    assert_eq!(set(155, 1000.into()).expect("a number").result, 0.into());
    assert_eq!(set(10015, "kept=1".into()).expect("kept").result, 0.into());
    // An option that would lead curl into the program's memory, and one of a wrong type.
    let error = set(10010, Value::Null).expect_err("CURLOPT_ERRORBUFFER");
    assert!(error.to_string().contains("'option' = 10010"), "{error}");
    let error = set(10002, 5.5.into()).expect_err("no text");
    assert_eq!(error.code(), FaultCode::BadArgument, "{error}");
}
