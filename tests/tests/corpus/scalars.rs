//! Rows 01 to 06: numbers, text, time.

use crate::*;
use cosmos_tests::in_world;
use std::ffi::{CStr, c_char, c_double, c_int};
use std::ptr::null_mut;

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
