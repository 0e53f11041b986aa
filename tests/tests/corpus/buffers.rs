//! Rows 07 to 10: bytes and characters that go and come back.

use crate::*;
use cosmos_tests::in_world;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::os::fd::AsRawFd;
use std::ptr::{null, null_mut};

#[test]
fn row_07_read() {
    in_world(|world| {
        let path = world.directory().join("data");
        std::fs::write(&path, b"0123456789abcdef").expect("a file");
        compare(C, "read", |pointer| {
            let read = as_function!(
                pointer,
                unsafe extern "C" fn(c_int, *mut c_void, usize) -> isize
            );
            let file = std::fs::File::open(&path).expect("the file");
            let closed = 987;
            let mut seen = Vec::new();
            let attempts: [(c_int, usize, bool); 8] = [
                (file.as_raw_fd(), 4, true),
                (file.as_raw_fd(), 0, true),
                (file.as_raw_fd(), 0, false),
                (file.as_raw_fd(), 4, false),
                (file.as_raw_fd(), 64, true),
                (file.as_raw_fd(), 8, true),
                (closed, 8, true),
                (-1, 8, true),
            ];
            for (descriptor, count, has_buffer) in attempts {
                let mut buffer = [0xaau8; 80];
                let place = if has_buffer {
                    buffer.as_mut_ptr().cast()
                } else {
                    null_mut()
                };
                // SAFETY: the buffer is larger than every count; NULL is EFAULT or unused.
                let (result, after) = with_errno(0, || unsafe { read(descriptor, place, count) });
                let offset = offset_of(&file);
                seen.push(format!(
                    "read {count} into {has_buffer}: {result}, errno {after}, at {offset}, {}",
                    hex(&buffer)
                ));
            }
            seen
        });
    });
}

fn offset_of(file: &std::fs::File) -> u64 {
    use std::io::Seek;
    (&*file).stream_position().expect("the position")
}

#[test]
fn row_08_strdup() {
    in_world(|_| {
        let long = std::ffi::CString::new(vec![b'x'; 100_000]).expect("no NUL");
        compare(C, "strdup", |pointer| {
            let strdup = as_function!(pointer, unsafe extern "C" fn(*const c_char) -> *mut c_char);
            [c"", c"hello", c"\xff\x80 not UTF-8", long.as_c_str()]
                .into_iter()
                .map(|text| {
                    // SAFETY: the text is terminated.
                    let (result, after) = with_errno(9, || unsafe { strdup(text.as_ptr()) });
                    assert_ne!(result.cast_const(), text.as_ptr());
                    // SAFETY: a fresh, terminated copy that is this program's to free.
                    let copy = unsafe {
                        let copy = CStr::from_ptr(result).to_owned();
                        libc::free(result.cast());
                        copy
                    };
                    format!("{copy:?}, errno {after}")
                })
                .collect()
        });
    });
}

#[test]
fn row_09_memcpy() {
    in_world(|_| {
        compare(C, "memcpy", |pointer| {
            let memcpy = as_function!(
                pointer,
                unsafe extern "C" fn(*mut c_void, *const c_void, usize) -> *mut c_void
            );
            let source: Vec<u8> = (0..=255).cycle().take(70_000).collect();
            let mut seen: Seen = [0, 1, 15, 4096, 70_000]
                .into_iter()
                .map(|count| {
                    let mut destination = vec![0xaau8; 70_010];
                    let place = destination.as_mut_ptr();
                    let (result, after) = with_errno(1, || {
                        // SAFETY: both hold `count` bytes.
                        unsafe { memcpy(place.cast(), source.as_ptr().cast(), count) }
                    });
                    let itself = result == place.cast();
                    let right = destination[..count] == source[..count];
                    let beyond = destination[count..].iter().all(|byte| *byte == 0xaa);
                    format!("{count}: {itself} {right} {beyond}, errno {after}")
                })
                .collect();
            // SAFETY: nothing is copied.
            let (result, after) = with_errno(1, || unsafe { memcpy(null_mut(), null(), 0) });
            seen.push(format!("NULL: {}, errno {after}", result.is_null()));
            seen
        });
    });
}

#[test]
fn row_10_mbstowcs() {
    in_world(|_| {
        compare(C, "mbstowcs", |pointer| {
            let mbstowcs = as_function!(
                pointer,
                unsafe extern "C" fn(*mut i32, *const c_char, usize) -> usize
            );
            let mut seen = Vec::new();
            for text in [c"", c"hello", c"bad \xff byte", c"0123456789"] {
                for (count, has_buffer) in [(0, true), (3, true), (8, true), (0, false), (8, false)]
                {
                    let mut wide = [0x5555_5555i32; 12];
                    let place = if has_buffer {
                        wide.as_mut_ptr()
                    } else {
                        null_mut()
                    };
                    let (result, after) = with_errno(0, || {
                        // SAFETY: the text is terminated, the buffer holds twelve; NULL: counts.
                        unsafe { mbstowcs(place, text.as_ptr(), count) }
                    });
                    let result = result as isize;
                    seen.push(format!(
                        "{text:?} {count} {has_buffer}: {result}, errno {after}, {wide:x?}"
                    ));
                }
            }
            seen
        });
    });
}
