//! Lists that end with NULL, arguments that are written out, and programs that replace a VM.

use crate::{C, with_errno};
use cosmos::{FaultCode, Options, Value};
use cosmos_tests::{c, in_world};
use std::ffi::{CStr, c_char, c_double, c_int, c_void};
use std::ptr::null;

const EXECL: &str = "int execl(const char *path, const char *arg, ...) __sentinel";
const JOIN: &str = "char *__owned(free) join(const char *first, ...) __sentinel";

fn various(directory: &std::path::Path) -> cosmos::Library {
    let path = c::library("various.c", directory);
    cosmos::dlopen(path.to_str().expect("UTF-8")).expect("the library")
}

#[test]
fn text_up_to_a_null_from_c_and_from_values() {
    in_world(|world| {
        let library = various(world.directory());
        let join = library.function(JOIN).expect("join");
        type Join = unsafe extern "C" fn(*const c_char, ...) -> *mut c_char;
        let end = null::<c_char>();
        let taken = |text: *mut c_char| {
            // SAFETY: what join returned, which is this program's to free.
            unsafe {
                let copy = CStr::from_ptr(text).to_owned();
                libc::free(text.cast());
                copy
            }
        };
        // SAFETY: the function has this type, and each list ends.
        unsafe {
            let join = std::mem::transmute::<*const c_void, Join>(join.pointer());
            let (a, b) = (c"a".as_ptr(), c"b".as_ptr());
            assert_eq!(taken(join(a, end)).as_c_str(), c"a|");
            assert_eq!(taken(join(a, b, end)).as_c_str(), c"a|b|");
            assert_eq!(
                taken(join(a, b, a, b, a, b, a, b, a, b, end)).as_c_str(),
                c"a|b|a|b|a|b|a|b|a|b|"
            );
            // What follows the end is not looked at, whatever it is.
            assert_eq!(taken(join(end, 1usize, 2usize)).as_c_str(), c"");
            assert_eq!(taken(join(a, end, 1usize)).as_c_str(), c"a|");
        }
        let call = |values: &[Value]| join.call(values).map(|outcome| outcome.result);
        assert_eq!(call(&["x".into()]), Ok("x|".into()));
        assert_eq!(call(&["x".into(), "y".into()]), Ok("x|y|".into()));
        assert_eq!(
            call(&["x".into(), "y".into(), Value::Null]),
            Ok("x|y|".into())
        );
        assert_eq!(call(&[Value::Null]), Ok("".into()));
        for wrong in [
            vec!["x".into(), Value::Null, "y".into()],
            vec![Value::Null, "y".into()],
            vec!["x".into(), 1.5.into()],
            vec![],
        ] {
            let error = call(&wrong).expect_err("no list");
            assert_eq!(error.code(), FaultCode::BadArgument, "{error}");
        }
        let count = "int count(int number, ...) __attribute__((sentinel))";
        let count = library.function(count).expect("count");
        let values = [10.into(), "x".into(), "y".into(), "z".into()];
        assert_eq!(count.call(&values).expect("count").result, 13.into());
        type Count = unsafe extern "C" fn(c_int, ...) -> c_int;
        // SAFETY: as above.
        unsafe {
            let count = std::mem::transmute::<*const c_void, Count>(count.pointer());
            assert_eq!(count(0, end), 0);
            assert_eq!(count(3, c"a".as_ptr(), c"b".as_ptr(), end), 5);
        }
    });
}

#[test]
fn arguments_that_are_written_out() {
    in_world(|world| {
        let library = various(world.directory());
        let sum = "double sum(int number, double a, double b, double c) __variadic(1)";
        let function = library.function(sum).expect("sum");
        let values = [3.into(), 0.5.into(), 0.25.into(), 4.0.into()];
        assert_eq!(function.call(&values).expect("sum").result, 4.75.into());
        type Sum = unsafe extern "C" fn(c_int, ...) -> c_double;
        // SAFETY: the function has this type.
        unsafe {
            let sum = std::mem::transmute::<*const c_void, Sum>(function.pointer());
            assert_eq!(sum(2, 1.5, 2.0, 0.0), 3.5);
        }
        let symbol = library
            .symbol::<extern "C" fn(c_int, c_double, c_double, c_double) -> c_double>(sum)
            .expect("sum");
        assert_eq!(symbol.call(3, 1.0, 2.0, 4.0), 7.0);

        // A Rust type has no `...`, so the prototype may not have one.
        let print = "int printf(const char *format, ...) __printf(1, 2)";
        let printer = cosmos::dlopen(C).expect(C);
        let error = printer
            .symbol::<unsafe extern "C" fn(*const c_char) -> c_int>(print)
            .expect_err("an open list");
        assert!(error.to_string().contains("__variadic(n)"), "{error}");
    });
}

#[test]
fn execl_that_fails_does_so_as_directly() {
    in_world(|_| {
        let options = Options::new().programs(true);
        let library = cosmos::dlopen_with(C, &options).expect(C);
        let function = library.function(EXECL).expect("execl");
        type Execl = unsafe extern "C" fn(*const c_char, *const c_char, ...) -> c_int;
        // SAFETY: execl has this type.
        let remote = unsafe { std::mem::transmute::<*const c_void, Execl>(function.pointer()) };
        for path in [c"/no/such/program", c"/etc", c"", c"/etc/passwd/x"] {
            let calls = [libc::execl as Execl, remote].map(|execl| {
                // SAFETY: the list ends, and no such program can be run.
                with_errno(0, || unsafe {
                    execl(
                        path.as_ptr(),
                        c"name".as_ptr(),
                        c"argument".as_ptr(),
                        null::<c_char>(),
                    )
                })
            });
            assert_eq!(calls[1].0, calls[0].0, "{path:?}");
            assert_eq!(calls[1].1, calls[0].1, "{path:?}");
            assert_ne!(calls[0].1, 0);
        }
        let values = ["/no/such/program".into(), "name".into(), "argument".into()];
        let outcome = function.call(&values).expect("a failing execl");
        assert_eq!((outcome.result, outcome.errno), ((-1).into(), libc::ENOENT));
    });
}

/// The program takes the place of the VM, which is a VM no more: the call fails by name, whatever
/// the program does.
#[test]
fn execl_that_succeeds_ends_the_vm() {
    in_world(|world| {
        for (program, arguments) in [
            ("/bin/true", &[][..]),
            ("/bin/false", &[]),
            ("/bin/sleep", &["100"]),
            ("/bin/sh", &["-c", "kill -9 $$"]),
        ] {
            // The programs, and what loads them.
            let options = Options::new().fresh(true).programs(true);
            let options = options.read("/bin").read("/lib64");
            let library = cosmos::dlopen_with(C, &options).expect(C);
            let function = library.function(EXECL).expect("execl");
            let mut values: Vec<Value> = vec![program.into(), program.into()];
            values.extend(arguments.iter().map(|text| Value::from(*text)));
            let error = function.call(&values).expect_err(program);
            assert_eq!(error.code(), FaultCode::VmDied, "{program}: {error}");
            assert_eq!(error.errno(), libc::EOWNERDEAD, "{program}");
            let again = function.call(&values).expect_err("it is gone");
            assert_eq!(again.errno(), libc::EOWNERDEAD, "{again}");
        }
        let left = cosmos_tests::eventually(std::time::Duration::from_secs(10), || {
            world.processes_named("sleep").is_empty().then_some(())
        });
        assert!(left.is_some(), "the program in the VM's place is ended too");
    });
}
