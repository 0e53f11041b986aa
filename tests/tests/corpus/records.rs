//! Rows with lists, vectors of buffers, unions by value and sizes that are asked for: the same calls
//! directly and through a VM, by function pointer.

use crate::objects::{compare_all, row};
use crate::*;
use cosmos_tests::in_world;
use std::ffi::{CStr, c_char};
use std::os::fd::AsRawFd;
use std::ptr::{null, null_mut};

const C: &str = "libc.so.6";

/// Row 28: the list is one piece of memory in the program, which `free` frees; the C library's own
/// is freed by its own function.
#[test]
fn row_28_lists_addresses() {
    in_world(|_| {
        compare_all(C, &[row("getaddrinfo")], |functions| {
            type List = *mut libc::addrinfo;
            let getaddrinfo = as_function!(
                functions.get("getaddrinfo"),
                unsafe extern "C" fn(
                    *const c_char,
                    *const c_char,
                    *const libc::addrinfo,
                    *mut List,
                ) -> c_int
            );
            let direct = std::ptr::fn_addr_eq(
                getaddrinfo,
                libc::getaddrinfo
                    as unsafe extern "C" fn(
                        *const c_char,
                        *const c_char,
                        *const libc::addrinfo,
                        *mut List,
                    ) -> c_int,
            );
            // SAFETY: all zeros is a value of it.
            let mut hints: libc::addrinfo = unsafe { std::mem::zeroed() };
            hints.ai_flags = libc::AI_NUMERICHOST | libc::AI_CANONNAME;
            let mut seen = Vec::new();
            for node in [c"127.0.0.1", c"::1", c"no number"] {
                let mut list: List = null_mut();
                // SAFETY: the arguments are of the row's types.
                let result = unsafe {
                    getaddrinfo(
                        node.as_ptr(),
                        c"80".as_ptr(),
                        &raw const hints,
                        &raw mut list,
                    )
                };
                seen.push(format!("{result}"));
                let mut entry = list.cast_const();
                // SAFETY: the list that came back, or a copy of it.
                while let Some(one) = unsafe { entry.as_ref() } {
                    // SAFETY: as above; the address has as many bytes as the entry says.
                    let address = unsafe {
                        std::slice::from_raw_parts(
                            one.ai_addr.cast::<u8>(),
                            one.ai_addrlen as usize,
                        )
                    };
                    // SAFETY: as above.
                    let name = (!one.ai_canonname.is_null())
                        .then(|| unsafe { CStr::from_ptr(one.ai_canonname) });
                    seen.push(format!("{} {address:?} {name:?}", one.ai_socktype));
                    entry = one.ai_next;
                }
                // SAFETY: what C has it freed by, and what a copy is freed by.
                unsafe {
                    match direct {
                        true if !list.is_null() => libc::freeaddrinfo(list),
                        _ => libc::free(list.cast()),
                    }
                }
            }
            seen
        });
    });
}

/// Row 36, into buffers that are full but for the last one.
#[test]
fn row_36_reads_into_a_vector() {
    in_world(|world| {
        let path = world.directory().join("text");
        std::fs::write(&path, b"what a file holds, in pieces").expect("a file");
        compare_all(C, &[row("readv")], |functions| {
            let readv = as_function!(
                functions.get("readv"),
                unsafe extern "C" fn(c_int, *const libc::iovec, c_int) -> isize
            );
            let file = std::fs::File::open(&path).expect("the file");
            let mut buffers = [vec![0u8; 5], vec![0u8; 7], vec![0u8; 16]];
            let vector = buffers.each_mut().map(|buffer| libc::iovec {
                iov_base: buffer.as_mut_ptr().cast(),
                iov_len: buffer.len(),
            });
            set_errno(0);
            // SAFETY: the vector leads to the buffers, and says their sizes.
            let results = unsafe {
                [
                    readv(file.as_raw_fd(), vector.as_ptr(), 3),
                    readv(file.as_raw_fd(), vector.as_ptr(), 0),
                    readv(-1, null(), 0),
                ]
            };
            vec![format!("{results:?} {}", errno()), format!("{buffers:?}")]
        });
    });
}

/// Row 38: signal 0 to this process, which takes the union by value and sends nothing.
#[test]
fn row_38_takes_a_union_by_value() {
    in_world(|_| {
        // Signals to another process: nothing grants those where there are walls.
        // SAFETY: this process has one thread yet.
        unsafe { std::env::set_var("COSMOS_ISOLATION_LEVEL", "limits") };
        compare_all(C, &[row("sigqueue")], |functions| {
            let sigqueue = as_function!(
                functions.get("sigqueue"),
                unsafe extern "C" fn(c_int, c_int, libc::sigval) -> c_int
            );
            let value = libc::sigval {
                sival_ptr: std::ptr::without_provenance_mut(0x1234_5678),
            };
            let own = std::process::id().cast_signed();
            let mut seen = Vec::new();
            for (pid, signal) in [(own, 0), (own, 4000), (c_int::MAX, 0)] {
                set_errno(0);
                // SAFETY: the arguments are of the row's types.
                let result = unsafe { sigqueue(pid, signal, value) };
                seen.push(format!("{result} {}", errno()));
            }
            seen
        });
    });
}
