//! What a call costs on this machine: median and 99th percentile of many, through the whole stack.
//!
//! Every call is measured on its own with the monotonic clock, which itself costs about 25 ns. The
//! first thousand calls of each row are not counted. Nothing is averaged over machines or runs:
//! the numbers are those of this one.

use std::ffi::{c_double, c_int, c_uint, c_ulong, c_void};
use std::time::{Duration, Instant};

const CALLS: usize = 20_000;
const WARM_UP: usize = 1_000;

fn main() {
    if cosmos_tests::is_measuring() {
        measure();
    }
}

fn measure() {
    println!("{:44} {:>12} {:>12}", "", "median", "99 %");
    cos();
    crc32();
    callbacks();
    row("open and close a library", 2_000, || {
        let library = cosmos::dlopen("libz.so.1").expect("zlib");
        library.close().expect("close");
    });
    let math = cosmos::dlopen("libm.so.6").expect("libm");
    let mut number = 0;
    row("resolve a symbol", 2_000, || {
        // Resolved before, it would be answered from memory.
        number += 1;
        math.function(&format!("double cos(double x{number})"))
            .expect("cos");
    });
    row("start a VM, open, resolve, call, end", 50, || {
        let options = cosmos::Options::new().fresh(true);
        let library = cosmos::dlopen_with("libm.so.6", &options).expect("libm");
        let cos = library.function("double cos(double x)").expect("cos");
        cos.call(&[0.0.into()]).expect("a call");
    });
}

fn cos() {
    let library = cosmos::dlopen("libm.so.6").expect("libm");
    let function = library.function("double cos(double x)").expect("cos");
    // SAFETY: the function has this type.
    let cos = unsafe {
        std::mem::transmute::<*const c_void, extern "C" fn(c_double) -> c_double>(
            function.pointer(),
        )
    };
    row("cos, by function pointer", CALLS, || {
        std::hint::black_box(cos(std::hint::black_box(0.5)));
    });
    row("cos, by values (Function::call)", CALLS, || {
        function.call(&[0.5.into()]).expect("a call");
    });
    let libc_library = cosmos::dlopen("libc.so.6").expect("libc");
    let function = libc_library.function("int abs(int number)").expect("abs");
    // SAFETY: the function has this type.
    let abs = unsafe {
        std::mem::transmute::<*const c_void, extern "C" fn(c_int) -> c_int>(function.pointer())
    };
    row("abs, by function pointer", CALLS, || {
        std::hint::black_box(abs(std::hint::black_box(-5)));
    });
}

fn crc32() {
    let library = cosmos::dlopen("libz.so.1").expect("zlib");
    let prototype = "uLong crc32(uLong crc, const Bytef *__sized_by(len) buf, uInt len)";
    let function = library.function(prototype).expect("crc32");
    type Crc32 = unsafe extern "C" fn(c_ulong, *const u8, c_uint) -> c_ulong;
    // SAFETY: the function has this type.
    let crc32 = unsafe { std::mem::transmute::<*const c_void, Crc32>(function.pointer()) };
    for (size, calls) in [
        (64, CALLS),
        (4096, CALLS),
        (65_536, 5_000),
        (1_048_576, 500),
    ] {
        let buffer = vec![7u8; size];
        let count = c_uint::try_from(size).expect("small");
        row(&format!("crc32 of {size} bytes"), calls, || {
            // SAFETY: the buffer holds `count` bytes.
            std::hint::black_box(unsafe { crc32(0, buffer.as_ptr(), count) });
        });
    }
}

/// What a function of this program costs that a VM calls: the difference of the two rows. bsearch
/// compares once where there is one element, and not at all where there is none.
fn callbacks() {
    unsafe extern "C" fn equal(_: *const c_void, _: *const c_void) -> c_int {
        0
    }
    type Compare = unsafe extern "C" fn(*const c_void, *const c_void) -> c_int;
    type Bsearch = unsafe extern "C" fn(
        *const c_void,
        *const c_void,
        usize,
        usize,
        Option<Compare>,
    ) -> *mut c_void;
    let library = cosmos::dlopen("libc.so.6").expect("libc");
    let bsearch = library
        .symbol::<Bsearch>(
            "void *__alias(base) bsearch(const void *__sized_by(size) key, \
             const void *__sized_by(nmemb * size) base, size_t nmemb, size_t size, \
             int (*compar)(const void *__sized_by(size) a, const void *__sized_by(size) b))",
        )
        .expect("bsearch");
    let (key, element) = ([1u8; 8], [1u8; 8]);
    for (name, count) in [("without a callback", 0), ("with one callback", 1)] {
        row(&format!("bsearch, {name}"), CALLS, || {
            // SAFETY: so many elements of that size.
            let found = unsafe {
                bsearch.call(
                    key.as_ptr().cast(),
                    element.as_ptr().cast(),
                    count,
                    8,
                    Some(equal),
                )
            };
            assert_eq!(found.is_null(), count == 0);
        });
    }
}

fn row(name: &str, calls: usize, mut call: impl FnMut()) {
    for _ in 0..WARM_UP.min(calls / 2) {
        call();
    }
    let mut times: Vec<Duration> = (0..calls)
        .map(|_| {
            let begun = Instant::now();
            call();
            begun.elapsed()
        })
        .collect();
    times.sort_unstable();
    let at = |part: usize| times[(times.len() - 1) * part / 100];
    println!(
        "{name:44} {:>9.1} us {:>9.1} us",
        micros(at(50)),
        micros(at(99))
    );
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
