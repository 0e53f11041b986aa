//! Rows 32 to 34: functions with `...`, called by pointer with what C would put there. What each
//! kind of list does besides is tested in tests/variadic.

use crate::objects::{Functions, compare_all, plain, row};
use crate::*;
use cosmos_tests::in_world;
use std::ffi::{CStr, c_char, c_double, c_int, c_long, c_uint, c_void};
use std::ptr::null_mut;

#[test]
fn row_32_snprintf() {
    in_world(|_| {
        compare_all(C, &[row("snprintf")], |functions| {
            type Print = unsafe extern "C" fn(*mut c_char, usize, *const c_char, ...) -> c_int;
            let print = as_function!(functions.get("snprintf"), Print);
            let mut seen = Vec::new();
            for room in [0, 1, 8, 64] {
                let mut buffer = [0x55u8; 64];
                let to = buffer.as_mut_ptr().cast();
                let mut count: c_int = -1;
                set_errno(3);
                // SAFETY: the buffer holds `room`, and the arguments are what the formats say.
                let results = unsafe {
                    [
                        print(to, room, c"no conversion %%".as_ptr()),
                        print(
                            to,
                            room,
                            c"%s has %d".as_ptr(),
                            c"text".as_ptr(),
                            -5 as c_int,
                        ),
                        print(
                            to,
                            room,
                            c"%.*s|%-9.3f|%#lx%n".as_ptr(),
                            3 as c_int,
                            b"not terminated".as_ptr(),
                            2.5 as c_double,
                            c_long::MIN,
                            &raw mut count,
                        ),
                    ]
                };
                let text = hex(&buffer);
                seen.push(format!("{room}: {results:?} {count} {} {text}", errno()));
            }
            seen
        });
    });
}

#[test]
fn row_33_curl_easy_setopt() {
    in_world(|world| {
        const CURL: &str = "libcurl.so.4";
        if crate::open(CURL).is_err() {
            println!("skipped: there is no {CURL}");
            return;
        }
        let path = world.directory().join("page");
        std::fs::write(&path, b"what the URL leads to").expect("a file");
        let url = format!("file://{}", path.to_str().expect("UTF-8"));
        let url = std::ffi::CString::new(url).expect("no NUL");
        let options = "union curl_easy_setopt_variadic {
                long number __case_range(0, 9999);
                const char *text __case(10002);
                void *__opaque cookie __case(10001);
                size_t (*write)(const char *__sized_by(size * n) data, size_t size, size_t n,
                    void *__opaque cookie) __scope(h) __case(20011);
            }; ";
        let (name, text) = row("curl_easy_setopt");
        let prototypes = [
            row("curl_easy_init"),
            plain(name, &format!("{options}{text}")),
            plain(
                "curl_easy_perform",
                "CURLcode curl_easy_perform(CURL *__handle h)",
            ),
            plain(
                "curl_easy_cleanup",
                "void curl_easy_cleanup(CURL *__handle __consume h)",
            ),
        ];
        compare_all(CURL, &prototypes, |functions| fetch(functions, &url));
    });
}

/// Takes what curl has fetched to the vector that is its cookie.
unsafe extern "C" fn take(data: *const u8, size: usize, count: usize, to: *mut Vec<u8>) -> usize {
    // SAFETY: curl gives so many bytes, and the cookie is the vector that was given to it.
    let (bytes, to) = unsafe { (std::slice::from_raw_parts(data, size * count), &mut *to) };
    to.extend_from_slice(bytes);
    bytes.len()
}

/// Rows 30 and 33: a handle, options of each type, and what the URL led to.
fn fetch(functions: &Functions, url: &CStr) -> Seen {
    type Curl = *mut c_void;
    let init = as_function!(
        functions.get("curl_easy_init"),
        unsafe extern "C" fn() -> Curl
    );
    let setopt = as_function!(
        functions.get("curl_easy_setopt"),
        unsafe extern "C" fn(Curl, c_uint, ...) -> c_uint
    );
    let perform = as_function!(
        functions.get("curl_easy_perform"),
        unsafe extern "C" fn(Curl) -> c_uint
    );
    let cleanup = as_function!(
        functions.get("curl_easy_cleanup"),
        unsafe extern "C" fn(Curl)
    );
    type Take = unsafe extern "C" fn(*const u8, usize, usize, *mut Vec<u8>) -> usize;
    let mut fetched = Vec::<u8>::new();
    let mut seen = Vec::new();
    // SAFETY: each option gets what curl takes for it; the vector outlives the handle.
    unsafe {
        let curl = init();
        assert!(!curl.is_null());
        seen.push(format!("timeout {}", setopt(curl, 13, 5 as c_long)));
        seen.push(format!("no option {}", setopt(curl, 9999, 1 as c_long)));
        let missing = c"file:///no/such/file";
        seen.push(format!("URL {}", setopt(curl, 10002, missing.as_ptr())));
        seen.push(format!("perform {}", perform(curl)));
        seen.push(format!("write {}", setopt(curl, 20011, take as Take)));
        seen.push(format!("cookie {}", setopt(curl, 10001, &raw mut fetched)));
        seen.push(format!("URL {}", setopt(curl, 10002, url.as_ptr())));
        seen.push(format!("perform {}", perform(curl)));
        seen.push(format!(
            "no URL {}",
            setopt(curl, 10002, null_mut::<c_char>())
        ));
        seen.push(format!("perform {}", perform(curl)));
        cleanup(curl);
    }
    seen.push(String::from_utf8_lossy(&fetched).into_owned());
    assert_eq!(fetched, b"what the URL leads to");
    seen
}

/// Row 34, where there is no such program: one that is there takes the caller's place.
#[test]
fn row_34_execl() {
    in_world(|_| {
        compare_all(C, &[row("execl")], |functions| {
            let execl = as_function!(
                functions.get("execl"),
                unsafe extern "C" fn(*const c_char, *const c_char, ...) -> c_int
            );
            let mut seen = Vec::new();
            for path in [c"/no/such/program", c"/", c""] {
                let end = null_mut::<c_char>();
                let (result, after) = with_errno(3, || {
                    // SAFETY: the lists end with NULL, and none of these can be executed.
                    unsafe {
                        [
                            execl(path.as_ptr(), path.as_ptr(), end),
                            execl(path.as_ptr(), path.as_ptr(), c"-x".as_ptr(), end),
                        ]
                    }
                });
                seen.push(format!("{path:?}: {result:?} {after}"));
            }
            seen
        });
    });
}
