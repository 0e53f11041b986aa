//! Handles, descriptors and large data: what outlives a call, and what must not.

mod common;

use common::harness::{Failure, at};
use common::{World, direct, with_errno};
use cosmos_rpc::FaultCode;
use std::ffi::{CString, c_char, c_int, c_uint, c_void};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

const LIBC: &str = "libc.so.6";
const LIBZ: &str = "libz.so.1";

fn stale(failure: Failure) {
    let Failure::Fault(fault) = failure else {
        panic!("{failure:?}")
    };
    assert_eq!(fault.code, FaultCode::StaleHandle, "{fault}");
}

#[test]
fn a_handle_lives_until_it_is_consumed() {
    let mut world = World::new();
    let gzopen = world.function(
        LIBZ,
        "gzFile __closed_by(gzclose) gzopen(const char *path, const char *mode);",
    );
    let gzread = world.function(
        LIBZ,
        "int gzread(gzFile __handle file, voidp __out __sized_by(len) __filled(return) buf, unsigned len);",
    );
    let gzclose = world.function(LIBZ, "int gzclose(gzFile __handle __consume file);");
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"plain text is read as it is").unwrap();
    let path = CString::new(file.path().to_str().unwrap()).unwrap();
    let (path, mode): (*const c_char, *const c_char) = (path.as_ptr(), c"rb".as_ptr());
    // SAFETY: all calls here are as their prototypes say.
    unsafe {
        let (handle, _): (u64, i32) = world.call(&gzopen, &[at(&path), at(&mode)]);
        assert_ne!(handle, 0);
        let mut buffer = [0u8; 10];
        let (place, length) = (buffer.as_mut_ptr(), 10 as c_uint);
        let arguments = [at(&handle), at(&place), at(&length)];
        assert_eq!(world.call::<c_int>(&gzread, &arguments).0, 10);
        assert_eq!(&buffer, b"plain text");
        assert_eq!(world.call::<c_int>(&gzclose, &[at(&handle)]).0, 0);
        stale(world.try_call::<c_int>(&gzread, &arguments).unwrap_err());
        stale(
            world
                .try_call::<c_int>(&gzclose, &[at(&handle)])
                .unwrap_err(),
        );
        let (again, _): (u64, i32) = world.call(&gzopen, &[at(&path), at(&mode)]);
        assert_ne!(again, handle, "a new object has a new number");
        // A failure gives NULL, and the errno of the VM.
        let nowhere = c"/no/such/file".as_ptr();
        let failed: (u64, i32) = world.call(&gzopen, &[at(&nowhere), at(&mode)]);
        assert_eq!(failed, (0, libc::ENOENT));
    }
}

#[test]
fn a_descriptor_comes_back_as_the_callers_own() {
    let mut world = World::new();
    let open = world.function(LIBC, "int __fd open(const char *path, int flags);");
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"contents").unwrap();
    let path = CString::new(file.path().to_str().unwrap()).unwrap();
    let (path, flags) = (path.as_ptr(), libc::O_RDONLY);
    let before = descriptors(&mut world);
    // SAFETY: as the prototype says; the descriptor is this process's.
    let opened = unsafe {
        let (fd, _): (c_int, i32) = world.call(&open, &[at(&path), at(&flags)]);
        OwnedFd::from_raw_fd(fd)
    };
    let mut text = String::new();
    std::fs::File::from(opened)
        .read_to_string(&mut text)
        .unwrap();
    assert_eq!(text, "contents");
    let nowhere = c"/no/such/file".as_ptr();
    // SAFETY: as the prototype says.
    let failed: (c_int, i32) = unsafe { world.call(&open, &[at(&nowhere), at(&flags)]) };
    assert_eq!(failed, (-1, libc::ENOENT));
    assert_eq!(descriptors(&mut world), before, "the VM keeps none");
}

#[test]
fn descriptors_that_go_in_and_out_are_shared_files() {
    let mut world = World::new();
    let dup = world.function(LIBC, "int __fd dup(int __fd fd);");
    let dup2 = world.function(LIBC, "int __fd dup2(int __fd from, int __fd to);");
    let lseek = world.function(LIBC, "off_t lseek(int __fd fd, off_t offset, int whence);");
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(b"0123456789").unwrap();
    let other = tempfile::tempfile().unwrap();
    let (fd, to) = (file.as_raw_fd(), other.as_raw_fd());
    let before = descriptors(&mut world);
    // SAFETY: as the prototypes say; the descriptors are this process's.
    let (copy, second) = unsafe {
        let (offset, whence) = (4i64, libc::SEEK_SET);
        assert_eq!(
            world
                .call::<i64>(&lseek, &[at(&fd), at(&offset), at(&whence)])
                .0,
            4
        );
        let (copy, _): (c_int, i32) = world.call(&dup, &[at(&fd)]);
        let (second, _): (c_int, i32) = world.call(&dup2, &[at(&fd), at(&to)]);
        (OwnedFd::from_raw_fd(copy), OwnedFd::from_raw_fd(second))
    };
    for descriptor in [copy, second] {
        let mut copied = std::fs::File::from(descriptor);
        assert_eq!(copied.stream_position().unwrap(), 4, "the same open file");
        copied.seek(SeekFrom::Start(4)).unwrap();
    }
    assert_eq!(descriptors(&mut world), before, "the VM keeps none");
}

/// How many descriptors the VM has open between two requests.
fn descriptors(world: &mut World) -> usize {
    // The VM closes what it sent after it sent it: an answer to one more request comes later still.
    let abs = world.function(LIBC, "int abs(int number);");
    let number: c_int = -1;
    // SAFETY: as the prototype says.
    assert_eq!(unsafe { world.call::<c_int>(&abs, &[at(&number)]) }.0, 1);
    std::fs::read_dir(format!("/proc/{}/fd", world.vm.pid()))
        .unwrap()
        .count()
}

#[test]
fn large_data_travels_whole() {
    let mut world = World::new();
    let memcpy = world.function(
        LIBC,
        "void *__alias(dst) memcpy(void *__out __sized_by(n) dst, const void *__sized_by(n) src, size_t n);",
    );
    let source: Vec<u8> = (0..16u32 << 20)
        .map(|number| ((number * 31) >> 7) as u8)
        .collect();
    let mut copy = vec![0u8; source.len()];
    let (to, from, count) = (copy.as_mut_ptr(), source.as_ptr(), source.len());
    // SAFETY: as the prototype says.
    unsafe { world.call::<*mut c_void>(&memcpy, &[at(&to), at(&from), at(&count)]) };
    assert!(copy == source);
    // More than a call may carry is refused here, before anything is sent.
    let count = 1usize << 40;
    // SAFETY: it is refused before a byte is read.
    let refused = unsafe { world.try_call::<u64>(&memcpy, &[at(&to), at(&from), at(&count)]) };
    assert!(matches!(refused, Err(Failure::Marshal(_))), "{refused:?}");
}

#[test]
fn narrow_arguments_and_results_keep_their_values() {
    let mut world = World::new();
    let htons = world.function(LIBC, "uint16_t htons(uint16_t number);");
    let toupper = world.function(LIBC, "int toupper(int letter);");
    let labs = world.function(LIBC, "long labs(long number);");
    // SAFETY: all calls here are as their prototypes say.
    unsafe {
        for number in [0u16, 1, 0x80ff, u16::MAX] {
            assert_eq!(world.call::<u16>(&htons, &[at(&number)]).0, number.to_be());
        }
        for letter in [-1 as c_int, 97, 65] {
            let here: unsafe extern "C" fn(c_int) -> c_int = direct(LIBC, "toupper");
            let expected = with_errno(|| here(letter));
            assert_eq!(world.call::<c_int>(&toupper, &[at(&letter)]), expected);
        }
        for number in [i64::MIN + 1, -1, 0, i64::MAX] {
            assert_eq!(world.call::<i64>(&labs, &[at(&number)]).0, number.abs());
        }
    }
}
