//! System calls that may wait, and that a signal of the sixteen ends: also one that came right before
//! them, which would otherwise be noticed only when the wait is over.
//!
//! The assembly looks whether a signal came and makes the call; the signal handler knows these
//! instructions and sends one that it finds between the look and the call to the refusal.

use crate::signals::{self, is_pending};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::libc;
use std::arch::global_asm;
use std::ffi::{CString, c_long};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Opens a file. A FIFO waits for its other end.
pub fn open(path: &Path, flags: OFlag, mode: u32) -> nix::Result<OwnedFd> {
    let path = CString::new(path.as_os_str().as_bytes()).map_err(|_| Errno::ENOENT)?;
    let directory = libc::AT_FDCWD.into();
    let arguments = [
        directory,
        path.as_ptr() as i64,
        flags.bits().into(),
        mode.into(),
    ];
    // SAFETY: the path ends with a NUL and outlives the call.
    let descriptor = unsafe { call(libc::SYS_openat, arguments) }?;
    // SAFETY: the kernel gave this descriptor right now, so nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor as RawFd) })
}

/// Reads what there is, at an offset or where the file is.
pub fn read(file: BorrowedFd<'_>, buffer: &mut [u8], offset: Option<u64>) -> nix::Result<usize> {
    let number = match offset {
        Some(_) => libc::SYS_pread64,
        None => libc::SYS_read,
    };
    let arguments = [
        file.as_raw_fd().into(),
        buffer.as_mut_ptr() as i64,
        buffer.len() as i64,
        offset.unwrap_or_default() as i64,
    ];
    // SAFETY: the kernel writes no more than the buffer's length, and nobody else uses the buffer.
    unsafe { call(number, arguments) }.map(|count| count as usize)
}

/// Writes what finds room, at an offset or where the file is.
pub fn write(file: BorrowedFd<'_>, buffer: &[u8], offset: Option<u64>) -> nix::Result<usize> {
    let number = match offset {
        Some(_) => libc::SYS_pwrite64,
        None => libc::SYS_write,
    };
    let arguments = [
        file.as_raw_fd().into(),
        buffer.as_ptr() as i64,
        buffer.len() as i64,
        offset.unwrap_or_default() as i64,
    ];
    // SAFETY: the kernel reads no more than the buffer's length.
    unsafe { call(number, arguments) }.map(|count| count as usize)
}

/// Makes a call, again if it was interrupted for nothing.
///
/// # Safety
///
/// The arguments are right for the call: pointers in them are valid for what the kernel does.
unsafe fn call(number: c_long, arguments: [i64; 4]) -> nix::Result<i64> {
    let [a, b, c, d] = arguments;
    loop {
        // SAFETY: as the caller promises; the assembly keeps the calling convention.
        let result = unsafe { zerovm_call(number, a, b, c, d) };
        if result >= 0 {
            return Ok(result);
        }
        let error = Errno::from_raw(-result as i32);
        if error != Errno::EINTR || is_pending() {
            return Err(error);
        }
    }
}

/// Whether the instruction at an address is one between the look and the call.
pub(crate) fn is_before_call(address: u64) -> bool {
    let looked = zerovm_call_checked as *const () as u64;
    (looked..zerovm_call_made as *const () as u64).contains(&address)
}

/// Where a call ends that is not made.
pub(crate) fn refused_address() -> u64 {
    zerovm_call_refused as *const () as u64
}

unsafe extern "C" {
    fn zerovm_call(number: i64, a: i64, b: i64, c: i64, d: i64) -> i64;
    fn zerovm_call_checked();
    fn zerovm_call_made();
    fn zerovm_call_refused();
}

global_asm!(
    ".pushsection .text.zerovm_call, \"ax\", @progbits",
    ".globl zerovm_call",
    ".hidden zerovm_call",
    "zerovm_call:",
    ".cfi_startproc",
    "    mov rax, rdi",
    "    mov rdi, rsi",
    "    mov rsi, rdx",
    "    mov rdx, rcx",
    "    mov r10, r8",
    ".globl zerovm_call_checked",
    ".hidden zerovm_call_checked",
    "zerovm_call_checked:",
    "    cmp dword ptr [rip + {pending}], 0",
    "    jne zerovm_call_refused",
    "    syscall",
    ".globl zerovm_call_made",
    ".hidden zerovm_call_made",
    "zerovm_call_made:",
    "    ret",
    ".globl zerovm_call_refused",
    ".hidden zerovm_call_refused",
    "zerovm_call_refused:",
    "    mov rax, {eintr}",
    "    ret",
    ".cfi_endproc",
    ".popsection",
    pending = sym signals::PENDING,
    eintr = const -(libc::EINTR as i64),
);

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;

    #[test]
    fn files_are_read_and_written() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("file");
        let flags = OFlag::O_RDWR | OFlag::O_CREAT | OFlag::O_CLOEXEC;
        let file = open(&path, flags, 0o600).expect("a file");
        assert_eq!(write(file.as_fd(), b"some text", None), Ok(9));
        assert_eq!(write(file.as_fd(), b"more", Some(5)), Ok(4));
        let mut buffer = [0; 20];
        assert_eq!(read(file.as_fd(), &mut buffer, None), Ok(0));
        assert_eq!(read(file.as_fd(), &mut buffer, Some(5)), Ok(4));
        assert_eq!(buffer[..5], *b"more\0");
        let missing = open(&directory.path().join("nothing"), OFlag::O_RDONLY, 0);
        assert_eq!(missing.map(drop), Err(Errno::ENOENT));
    }
}
