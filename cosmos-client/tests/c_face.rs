//! The C face, called as C calls it.

use cosmos::c::code::*;
use cosmos::c::dl::*;
use cosmos::c::error::*;
use cosmos::c::options::*;
use cosmos::c::vm::*;
use cosmos_tests::{c, errno, in_world, set_errno};
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicUsize, Ordering};

fn text(pointer: *const c_char) -> Option<String> {
    if pointer.is_null() {
        return None;
    }
    // SAFETY: what the library shows is NULL or a string.
    let shown = unsafe { CStr::from_ptr(pointer) };
    Some(shown.to_str().unwrap().to_owned())
}

fn open(target: &str) -> *mut cosmos_dl {
    let target = CString::new(target).unwrap();
    // SAFETY: a string and NULL.
    let dl = unsafe { cosmos_dlopen(target.as_ptr(), null()) };
    assert!(!dl.is_null(), "{:?}", text(cosmos_dlerror()));
    dl
}

fn find(dl: *mut cosmos_dl, prototype: &str) -> *mut c_void {
    let prototype = CString::new(prototype).unwrap();
    // SAFETY: a string.
    unsafe { cosmos_dlsym(dl, prototype.as_ptr()) }
}

type Unary = extern "C" fn(f64) -> f64;

#[test]
fn open_find_call_close() {
    in_world(|_| {
        let dl = open("libm.so.6");
        let pointer = find(dl, "double cos(double x)");
        assert!(!pointer.is_null());
        // SAFETY: the prototype is of this type.
        let cos: Unary = unsafe { std::mem::transmute(pointer) };
        assert_eq!(cos(0.0), 1.0);
        assert_eq!(find(dl, "double cos(double x)"), pointer);
        // SAFETY: a string.
        let function = unsafe { cosmos_dlfunc(dl, c"double sin(double x)".as_ptr()) };
        assert!(function.is_some_and(|function| function as *mut c_void != pointer));
        assert_eq!(cosmos_error(), COSMOS_OK);
        assert_eq!(text(cosmos_dlerror()), None);
        assert_eq!(cosmos_dlclose(dl), 0);
        // A pointer that is called against the rules, soon after: still an answer, not a crash.
        assert!(cos(0.0).is_nan());
        assert_eq!(
            (errno(), cosmos_error()),
            (libc::EBADF, COSMOS_ERROR_STALE_HANDLE)
        );
        assert_eq!(text(cosmos_version()).unwrap(), env!("CARGO_PKG_VERSION"));
    });
}

#[test]
fn stale_and_strange_handles_are_told_apart() {
    in_world(|_| {
        let dl = open("libm.so.6");
        assert_eq!(cosmos_dlclose(dl), 0);
        let refused = |dl: *mut cosmos_dl, what: &str| {
            cosmos_error_clear();
            set_errno(0);
            assert_eq!(cosmos_dlclose(dl), -1);
            let message = text(cosmos_dlerror()).unwrap();
            assert!(message.contains(what), "{message}");
            assert_eq!(text(cosmos_dlerror()), None, "told once");
            errno()
        };
        assert_eq!(refused(dl, "was closed already"), libc::EBADF);
        assert_eq!(refused(null_mut(), "is NULL"), libc::EBADF);
        assert_eq!(
            refused(dl.wrapping_byte_add(1 << 20), "was closed already"),
            libc::EBADF
        );
        let mut somewhere = 0u64;
        let strange = (&raw mut somewhere).cast::<cosmos_dl>();
        assert_eq!(
            refused(strange, "cosmos_dlopen never gave it out"),
            libc::EBADF
        );
        assert!(find(dl, "double cos(double x)").is_null());
        // SAFETY: NULL is allowed.
        assert!(unsafe { cosmos_dlopen(null(), null()) }.is_null());
        assert_eq!(
            (errno(), cosmos_error_errno()),
            (libc::EINVAL, libc::EINVAL)
        );
    });
}

#[test]
fn a_refused_prototype_shows_where() {
    in_world(|_| {
        let dl = open("libc.so.6");
        assert!(find(dl, "int puts(char *s)").is_null());
        assert_eq!(errno(), libc::EINVAL);
        assert_eq!(cosmos_error(), COSMOS_ERROR_BAD_PROTOTYPE);
        assert_eq!(cosmos_error_blame(), COSMOS_BLAME_CALLER);
        let message = text(cosmos_error_message()).unwrap();
        assert!(
            message.contains("[E0103]") && message.contains("               ^ pointer to char"),
            "{message}"
        );
        assert!(find(dl, "int no_such_function_here(void)").is_null());
        assert_eq!(
            (errno(), cosmos_error()),
            (libc::ENOSYS, COSMOS_ERROR_NO_SUCH_SYMBOL)
        );
        assert_eq!(
            text(cosmos_error_function()).unwrap(),
            "no_such_function_here"
        );
        assert_eq!(cosmos_dlclose(dl), 0);
    });
}

static CALLS: AtomicUsize = AtomicUsize::new(0);

unsafe extern "C" fn count(cookie: *mut c_void) {
    assert_eq!(cosmos_error(), COSMOS_ERROR_VM_DIED);
    // SAFETY: the cookie is the counter.
    unsafe { &*cookie.cast::<AtomicUsize>() }.fetch_add(1, Ordering::Relaxed);
}

#[test]
fn a_dead_vm_is_told_in_every_way() {
    in_world(|world| {
        let path = c::library("misbehave.c", world.directory());
        let dl = open(path.to_str().unwrap());
        let cookie = (&raw const CALLS).cast_mut().cast::<c_void>();
        // SAFETY: `count` may be called with the counter on any thread.
        assert_eq!(unsafe { cosmos_dl_onerror(dl, Some(count), cookie) }, 0);
        let pointer = find(dl, "int die_by_segv(void) __fail(-7)");
        // SAFETY: the prototype is of this type.
        let die: extern "C" fn() -> c_int = unsafe { std::mem::transmute(pointer) };
        set_errno(0);
        assert_eq!((die(), errno()), (-7, libc::EOWNERDEAD));
        assert_eq!(cosmos_error(), COSMOS_ERROR_VM_DIED);
        assert_eq!(cosmos_error_blame(), COSMOS_BLAME_VM);
        assert_eq!(cosmos_error_signal(), libc::SIGSEGV);
        assert_eq!(text(cosmos_error_function()).unwrap(), "die_by_segv");
        assert_eq!(text(cosmos_error_host()).unwrap(), "local");
        assert!(text(cosmos_error_vm()).unwrap().starts_with("hostfn-"));
        assert_eq!(die(), -7);
        assert_eq!(CALLS.load(Ordering::Relaxed), 2);
        // SAFETY: as above.
        assert_eq!(unsafe { cosmos_dl_onerror(dl, None, null_mut()) }, 0);
        assert_eq!(die(), -7);
        assert_eq!(CALLS.load(Ordering::Relaxed), 2);
        assert_eq!(cosmos_dlclose(dl), 0, "a dead VM's library can be closed");
        cosmos_error_clear();
        assert_eq!(cosmos_error(), COSMOS_OK);
        assert_eq!(text(cosmos_error_message()), None);
    });
}

#[test]
fn options_and_vms() {
    in_world(|_| {
        let options = cosmos_options_new();
        // SAFETY: options are from cosmos_options_new, strings are strings, the VM is open.
        unsafe {
            assert_eq!(cosmos_options_set_timeout(options, 5000), 0);
            let stronger = cosmos_options_new();
            let level = c"landlock+seccomp";
            assert_eq!(cosmos_options_set_isolation(stronger, level.as_ptr()), 0);
            let vm = cosmos_vm_open(c"hostfn".as_ptr(), stronger);
            let refused = || text(cosmos_dlerror()).expect("a sentence");
            assert!(!vm.is_null() || refused().contains("isolation level"));
            cosmos_vm_close(vm);
            cosmos_options_free(stronger);
            assert_eq!(
                cosmos_options_set_limit(options, c"open_files".as_ptr(), 64),
                0
            );
            assert_eq!(cosmos_options_set_fresh(options, 1), 0);
            let vm = cosmos_vm_open(c"hostfn".as_ptr(), options);
            assert!(!vm.is_null(), "{:?}", text(cosmos_dlerror()));
            assert_eq!(cosmos_options_set_vm(options, vm), 0);
            let dl = cosmos_dlopen(c"libm.so.6".as_ptr(), options);
            assert!(!dl.is_null(), "{:?}", text(cosmos_dlerror()));
            let cos: Unary = std::mem::transmute(find(dl, "double cos(double x)"));
            assert_eq!(cos(0.0), 1.0);
            assert_eq!(cosmos_vm_close(vm), 0);
            assert!(cos(0.0).is_nan());
            assert_eq!(errno(), libc::EOWNERDEAD);
            assert_eq!(cosmos_vm_close(vm), -1);
            assert_eq!(errno(), libc::EBADF);
            assert_eq!(cosmos_options_set_vm(options, vm), -1);
            assert_eq!(cosmos_dlclose(dl), 0);
            assert_eq!(cosmos_options_set_limit(options, null(), 1), -1);
            assert_eq!(errno(), libc::EINVAL);
            assert_eq!(cosmos_options_set_timeout(null_mut(), 1), -1);
            cosmos_options_free(options);
            cosmos_options_free(null_mut());
        }
    });
}

/// `ListVms` of docs/protocol.md, byte by byte.
#[test]
fn raw_requests_reach_cosmosd() {
    in_world(|_| {
        let dl = open("libm.so.6");
        let mut reply = [0u8; 4096];
        let mut length = 0;
        // SAFETY: the buffers are as large as said.
        let code = unsafe {
            let room = reply.as_mut_ptr().cast::<c_void>();
            cosmos_rp_call(
                null_mut(),
                0x0204,
                null(),
                0,
                room,
                reply.len(),
                &mut length,
            )
        };
        assert_eq!(code, 0, "{:?}", text(cosmos_dlerror()));
        let answer = String::from_utf8_lossy(&reply[..length]).into_owned();
        assert!(answer.contains("hostfn-1"), "{answer:?}");
        // SAFETY: as above.
        let code = unsafe {
            let room = reply.as_mut_ptr().cast::<c_void>();
            cosmos_rp_call(null_mut(), 0x0204, null(), 0, room, 4, &mut length)
        };
        assert_eq!((code, errno()), (-1, libc::EMSGSIZE));
        assert!(length > 4);
        // SAFETY: as above.
        let code =
            unsafe { cosmos_rp_call(null_mut(), 0x8204, null(), 0, null_mut(), 0, null_mut()) };
        assert_eq!((code, errno()), (-1, libc::EINVAL));
        assert_eq!(cosmos_dlclose(dl), 0);
    });
}

#[test]
fn a_child_is_told_that_a_handle_is_its_parents() {
    in_world(|_| {
        let dl = open("libm.so.6");
        // SAFETY: nothing of this process runs beside the test; the child ends by _exit.
        let child = unsafe { libc::fork() };
        if child == 0 {
            let closed = cosmos_dlclose(dl) == 0;
            let forked = errno() == libc::ECOMM && cosmos_error() == COSMOS_ERROR_FORKED;
            let own = open("libm.so.6");
            let works = !find(own, "double cos(double x)").is_null() && cosmos_dlclose(own) == 0;
            // SAFETY: as above.
            unsafe { libc::_exit(i32::from(closed || !forked || !works)) }
        }
        let mut status = 0;
        // SAFETY: waits for the child made above.
        assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
        assert_eq!(status, 0);
        assert!(!find(dl, "double cos(double x)").is_null());
        assert_eq!(cosmos_dlclose(dl), 0);
    });
}

/// Who walks a va_list is told what to take from it, and may be wrong about everything else.
#[test]
fn variadic_functions_are_called_with_addresses_of_their_arguments() {
    use cosmos::c::variadic::{cosmos_variadic_call, cosmos_variadic_types};
    const PRINT: &CStr = c"int snprintf(char *__out __sized_by(n) __null_terminated s, size_t n, \
        const char *format, ...) __printf(3, 4)";
    in_world(|_| {
        // SAFETY: a string, and no options.
        let libc = unsafe { cosmos_dlopen(c"libc.so.6".as_ptr(), null()) };
        assert!(!libc.is_null());
        let mut buffer = [0 as c_char; 20];
        let (mut text, mut size) = (buffer.as_mut_ptr(), buffer.len());
        let mut format = c"%d|%s|%g|%Lg".as_ptr();
        let (mut number, mut word, mut real) = (5 as c_int, c"x".as_ptr(), 1.5f64);
        // 0.5 as an x87 long double, in sixteen bytes.
        let mut long: u128 = 0x3ffe << 64 | 1 << 63;
        let arguments = [
            (&raw mut text).cast::<c_void>(),
            (&raw mut size).cast(),
            (&raw mut format).cast(),
            (&raw mut number).cast(),
            (&raw mut word).cast(),
            (&raw mut real).cast(),
            (&raw mut long).cast(),
        ];
        let mut types = [0 as c_char; 8];
        let letters = |prototype: &CStr, types: &mut [c_char]| {
            let place = types.as_mut_ptr();
            // SAFETY: the arguments are of the prototype's types, and there is this much room.
            unsafe {
                let arguments = arguments.as_ptr();
                cosmos_variadic_types(libc, prototype.as_ptr(), arguments, place, types.len())
            }
        };
        assert_eq!(letters(PRINT, &mut types), 4);
        // SAFETY: it was ended.
        assert_eq!(unsafe { CStr::from_ptr(types.as_ptr()) }, c"ipdD");
        set_errno(0);
        assert_eq!(
            (letters(PRINT, &mut types[..4]), errno()),
            (-1, libc::EMSGSIZE)
        );
        let fixed = letters(c"int abs(int number)", &mut types);
        assert_eq!((fixed, errno()), (-1, libc::EINVAL));

        let mut printed: c_int = -7;
        let place = (&raw mut printed).cast::<c_void>();
        let call = |count: c_int| {
            // SAFETY: as above; the result is an int.
            unsafe { cosmos_variadic_call(libc, PRINT.as_ptr(), arguments.as_ptr(), count, place) }
        };
        assert_eq!(call(4), 0);
        // SAFETY: the call is over, and what it wrote ends.
        let read = || unsafe { ((place.cast::<c_int>()).read(), CStr::from_ptr(text)) };
        assert_eq!(read(), (11, c"5|x|1.5|0.5"));
        for (count, number) in [
            (3, libc::EINVAL),
            (-1, libc::EMSGSIZE),
            (128, libc::EMSGSIZE),
        ] {
            set_errno(0);
            assert_eq!((call(count), errno()), (-1, number), "{count}");
        }
        assert_eq!(
            read(),
            (-1, c"5|x|1.5|0.5"),
            "its failure value, and nothing else"
        );
        assert_eq!(cosmos_dlclose(libc), 0);
        assert_eq!((call(4), errno()), (-1, libc::EBADF));
    });
}
