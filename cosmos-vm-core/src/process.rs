//! The few things a VM asks of its own process that Rust calls unsafe.

use std::ffi::{c_int, c_void};
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// Takes over the descriptor of this number, where it is open, and marks it close-on-exec.
///
/// # Safety
/// Nothing else in the process may own the number: it was inherited for this use, or a foreign
/// function made it and its prototype says that the caller gets it.
pub(crate) unsafe fn adopt(number: RawFd) -> Option<OwnedFd> {
    // SAFETY: F_SETFD takes no pointer; a number that is not open gives EBADF.
    if number < 0 || unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) } != 0 {
        return None;
    }
    // SAFETY: it is open, and nobody else owns it by this function's contract.
    Some(unsafe { OwnedFd::from_raw_fd(number) })
}

/// Lets memory faults end the process as they end a C program: Rust's own handlers, which look for
/// its stack guards, would let a fault that was sent (`raise(SIGSEGV)`) pass once. And has nobody who hangs
/// up end it, as Rust has it, which may have prepared nothing here.
pub(crate) fn settle() {
    for signal in [libc::SIGSEGV, libc::SIGBUS] {
        // SAFETY: the default action needs no handler; no other thread runs yet.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
    // SAFETY: what is ignored needs no handler; no other thread runs yet.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
}

/// Ends the process at once: no exit handlers, no destructors of foreign code, which may be in the
/// middle of anything on other threads.
pub(crate) fn end(status: i32) -> ! {
    // SAFETY: _exit takes no pointer and does not return.
    unsafe { libc::_exit(status) }
}

/// Has the kernel map all code and constants of the program and its libraries now, where they would come in page
/// by page as they are first used. They are in memory anyway, for all that run the same.
pub(crate) fn map_what_is_constant() {
    // SAFETY: the callback has the type that is asked for, takes no data, and lets no panic out.
    unsafe { libc::dl_iterate_phdr(Some(map), std::ptr::null_mut()) };
}

/// Maps the constant segments of one object.
unsafe extern "C" fn map(
    information: *mut libc::dl_phdr_info,
    _size: usize,
    _data: *mut c_void,
) -> c_int {
    const PAGE: usize = 4096;
    // SAFETY: dl_iterate_phdr gives a valid description of an object, whose headers are an array of the length
    // it says.
    let (base, headers) = unsafe {
        let object = &*information;
        let headers = match object.dlpi_phdr.is_null() {
            true => &[],
            false => std::slice::from_raw_parts(object.dlpi_phdr, usize::from(object.dlpi_phnum)),
        };
        (object.dlpi_addr as usize, headers)
    };
    for header in headers {
        if header.p_type != libc::PT_LOAD || header.p_flags & libc::PF_W != 0 {
            continue;
        }
        let begin = base.wrapping_add(header.p_vaddr as usize);
        let first = begin & !(PAGE - 1);
        let length = begin
            .wrapping_add(header.p_memsz as usize)
            .wrapping_sub(first);
        // SAFETY: this changes nothing of what is there, but that it need not be fetched; a range that is none is
        // refused, and an older kernel does not know it.
        unsafe {
            libc::madvise(
                std::ptr::with_exposed_provenance_mut(first),
                length,
                libc::MADV_POPULATE_READ,
            );
        }
    }
    0
}

/// Descriptors that foreign code passed to a callback, for as long as it waits for that.
pub(crate) fn borrowed(numbers: &[i32]) -> Vec<BorrowedFd<'_>> {
    numbers
        .iter()
        .filter(|number| **number >= 0)
        // SAFETY: the number is no negative one, and it is only looked up or given to sendmsg. The
        // kernel refuses one that is not open; foreign code that closes it meanwhile sends what it
        // names then, as with any call.
        .map(|number| unsafe { BorrowedFd::borrow_raw(*number) })
        .collect()
}
