//! Libraries there: calls, buffers, callbacks, crashes.

use super::there;
use cosmos::FaultCode;
use cosmos_tests::machine::{Machine, THERE};
use cosmos_tests::{in_world, run};
use std::ffi::{c_int, c_void};

extern "C" fn by_number(a: *const c_void, b: *const c_void) -> c_int {
    // SAFETY: qsort calls with elements of the array.
    let (a, b) = unsafe { (*a.cast::<i32>(), *b.cast::<i32>()) };
    a.cmp(&b) as c_int
}

const QSORT: &str = "void qsort(void *__inout __sized_by(count * size) base, size_t count, size_t size, \
     int (*compare)(const void *__sized_by(size) a, const void *__sized_by(size) b))";

#[test]
fn functions_of_a_library_there_are_called_as_if_they_were_here() {
    in_world(|world| {
        let Some(_machine) = Machine::start(world) else {
            return;
        };
        let call = |arguments: &[&str]| {
            let mut command = world.cosmos();
            command.args(["call", "--host", THERE]).args(arguments);
            run(&mut command, super::PATIENCE)
        };
        assert_eq!(
            call(&["libm.so.6", "double cos(double x)", "0"]).succeeded(),
            "1\n"
        );
        let math = cosmos::dlopen_with("libm.so.6", &there()).expect("a library");
        assert_eq!(math.host(), THERE);
        let cos = math
            .symbol::<extern "C" fn(f64) -> f64>("double cos(double x)")
            .expect("cos");
        for step in 0..200 {
            let x = f64::from(step) / 10.0;
            assert_eq!(cos.call(x), x.cos());
        }
        // Opened again by the same words, it is in the same VM; here it is another one.
        let again = cosmos::dlopen_with("libm.so.6", &there()).expect("again");
        assert_eq!(again.vm(), math.vm());
        let here = cosmos::dlopen("libm.so.6").expect("here");
        assert_eq!(here.host(), "local");
    });
}

#[test]
fn megabytes_and_callbacks_travel_by_frames() {
    in_world(|world| {
        let Some(_machine) = Machine::start(world) else {
            return;
        };
        let zlib = cosmos::dlopen_with("libz.so.1", &there()).expect("a library");
        let crc = zlib
            .function("unsigned long crc32(unsigned long crc, const unsigned char *__sized_by(n) data, unsigned int n)")
            .expect("crc32");
        let data: Vec<u8> = (0..8 << 20)
            .map(|byte: u32| (byte.wrapping_mul(2_654_435_761) >> 24) as u8)
            .collect();
        let length = data.len() as i64;
        let here = cosmos::dlopen("libz.so.1").expect("here");
        let local = here
            .function("unsigned long crc32(unsigned long crc, const unsigned char *__sized_by(n) data, unsigned int n)")
            .expect("crc32");
        let far = crc.call(&[0.into(), data[..].into(), length.into()]);
        let near = local.call(&[0.into(), data[..].into(), length.into()]);
        assert_eq!(far.expect("a call").result, near.expect("a call").result);

        let c = cosmos::dlopen_with("libc.so.6", &there()).expect("a library");
        type Compare = extern "C" fn(*const c_void, *const c_void) -> c_int;
        type Qsort = unsafe extern "C" fn(*mut c_void, usize, usize, Compare);
        let qsort = c.symbol::<Qsort>(QSORT).expect("qsort");
        let mut numbers = [9, -3, 7, 0, 7, 100, -50, 2];
        // SAFETY: the prototype says how far the pointer reaches.
        unsafe { qsort.call(numbers.as_mut_ptr().cast(), numbers.len(), 4, by_number) };
        assert_eq!(numbers, [-50, -3, 0, 2, 7, 7, 9, 100]);
    });
}

#[test]
fn a_vm_that_crashes_there_is_told_as_one_here() {
    in_world(|world| {
        let Some(_machine) = Machine::start(world) else {
            return;
        };
        let c = cosmos::dlopen_with("libc.so.6", &there()).expect("a library");
        let raise = c.function("int raise(int signal)").expect("raise");
        let error = raise.call(&[11.into()]).expect_err("it crashes");
        assert_eq!(error.code(), FaultCode::VmDied, "{error}");
        assert_eq!(error.signal(), Some(11), "{error}");
        assert_eq!(error.errno(), libc::EOWNERDEAD);
        let again = raise.call(&[0.into()]).expect_err("it is gone");
        assert_eq!(again.errno(), libc::EOWNERDEAD, "{again}");
        // The link lives on.
        let fresh = cosmos::dlopen_with("libc.so.6", &there()).expect("a fresh VM");
        let abs = fresh.function("int abs(int number)").expect("abs");
        assert!(abs.call(&[(-4).into()]).is_ok());
    });
}

#[test]
fn what_cannot_travel_is_refused_by_name() {
    in_world(|world| {
        let Some(_machine) = Machine::start(world) else {
            return;
        };
        let c = cosmos::dlopen_with("libc.so.6", &there()).expect("a library");
        let isatty = c.function("int isatty(int __fd fd)").expect("isatty");
        let error = isatty.call(&[0.into()]).expect_err("an open file");
        assert_eq!(error.code(), FaultCode::Unsupported, "{error}");
        assert!(error.to_string().contains("open files (__fd)"), "{error}");
        let error = c.alloc(4096).expect_err("shared memory");
        assert_eq!(error.code(), FaultCode::Unsupported, "{error}");
        // Neither harms what can travel.
        let abs = c.function("int abs(int number)").expect("abs");
        assert!(abs.call(&[(-4).into()]).is_ok());
    });
}
