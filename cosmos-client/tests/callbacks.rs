//! Functions of the program that libraries in VMs call: real daemons, real VMs, real libraries.

use cosmos_tests::in_world;
use std::ffi::{c_int, c_void};

const QSORT: &str = "void qsort(void *__inout __sized_by(nmemb * size) base, size_t nmemb, size_t size, \
     int (*compar)(const void *__sized_by(size) a, const void *__sized_by(size) b))";
const BSEARCH: &str = "void *__alias(base) bsearch(const void *__sized_by(size) key, \
     const void *__sized_by(nmemb * size) base, size_t nmemb, size_t size, \
     int (*compar)(const void *__sized_by(size) a, const void *__sized_by(size) b))";

type Compare = unsafe extern "C" fn(*const c_void, *const c_void) -> c_int;
type Qsort = unsafe extern "C" fn(*mut c_void, usize, usize, Option<Compare>);
type Bsearch = unsafe extern "C" fn(
    *const c_void,
    *const c_void,
    usize,
    usize,
    Option<Compare>,
) -> *mut c_void;

unsafe extern "C" fn ascending(a: *const c_void, b: *const c_void) -> c_int {
    // SAFETY: elements of the tests are u32.
    let (a, b) = unsafe { (a.cast::<u32>().read(), b.cast::<u32>().read()) };
    a.cmp(&b) as c_int
}

/// Numbers in no order, some of them equal.
fn shuffled(count: u32) -> Vec<u32> {
    (0..count)
        .map(|index| index.wrapping_mul(2_654_435_761) % count)
        .collect()
}

#[test]
fn qsort_sorts_ten_thousand_elements_by_a_function_of_the_program() {
    in_world(|_| {
        let library = cosmos::dlopen("libc.so.6").expect("libc");
        let qsort = library.symbol::<Qsort>(QSORT).expect("qsort");
        let mut numbers = shuffled(10_000);
        let mut expected = numbers.clone();
        expected.sort_unstable();
        // SAFETY: the base has so many elements of that size.
        unsafe {
            qsort.call(
                numbers.as_mut_ptr().cast(),
                numbers.len(),
                4,
                Some(ascending),
            )
        };
        assert_eq!(cosmos::last_error(), None);
        assert_eq!(numbers, expected);
    });
}

#[test]
fn bsearch_finds_by_a_function_of_the_program() {
    in_world(|_| {
        let library = cosmos::dlopen("libc.so.6").expect("libc");
        let bsearch = library.symbol::<Bsearch>(BSEARCH).expect("bsearch");
        let numbers: Vec<u32> = (0..1000).map(|index| index * 3).collect();
        let base = numbers.as_ptr().cast::<c_void>();
        for (key, expected) in [
            (0u32, Some(0)),
            (2997, Some(999)),
            (300, Some(100)),
            (301, None),
        ] {
            // SAFETY: the base has so many elements of that size.
            let found = unsafe {
                bsearch.call(
                    (&raw const key).cast(),
                    base,
                    numbers.len(),
                    4,
                    Some(ascending),
                )
            };
            let expected =
                expected.map_or(std::ptr::null(), |index: usize| &raw const numbers[index]);
            assert_eq!(found.cast_const().cast::<u32>(), expected, "{key}");
        }
    });
}
