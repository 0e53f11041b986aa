//! What a call through cosmos costs beside what the machine allows, in one run.
//!
//! Absolute times move with the machine and with what else it does. Here each row is measured in
//! turns with a yardstick, a batch of one after a batch of the other, and the ratio of the medians
//! is what to look at.
//!
//! | row | yardstick |
//! |---|---|
//! | a scalar call | the same function called in this process through libffi |
//! | a scalar call; resolve and open | 64 bytes there and back through a Unix socket to a process |
//! | 64 KiB in | the same with 64 KiB there |
//! | 1 MiB in and out | the same with 1 MiB each way |
//!
//! `cargo bench -p cosmos-tests --bench ratios [-- --json FILE]`. Timing decides nothing: the exit
//! status says whether every call gave the right answer.

use cosmos_tests::turns::{Outcome, Report, check, compare};
use libffi::middle::{Arg, Cif, CodePtr, Type};
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};

/// Set in the process at the far end of the yardstick's socket.
const ECHO: &str = "COSMOSTEST_ECHO";
const KIB: usize = 1024;

fn main() -> Outcome {
    if std::env::var_os(ECHO).is_some() {
        return echo();
    }
    if !cosmos_tests::is_measuring() {
        return Ok(());
    }
    let mut report = Report::default();
    scalar(&mut report)?;
    buffers(&mut report)?;
    opening(&mut report)?;
    report.print();
    Ok(report.save()?)
}

fn scalar(report: &mut Report) -> Outcome {
    let library = cosmos::dlopen("libm.so.6")?;
    let function = library.function("double cos(double x)")?;
    // SAFETY: the prototype is the type.
    let remote: extern "C" fn(f64) -> f64 = unsafe { std::mem::transmute(function.pointer()) };
    let mut echo = Echo::start()?;
    let expected = 0.5f64.cos();
    let mut call = || check(remote(0.5) == expected, "cos");
    let pair = compare(&mut call, &mut || echo.round(64, 64))?;
    report.row("scalar call", pair, "socket, 64 bytes each way");

    let here = Cif::new([Type::f64()], Type::f64());
    // SAFETY: the process is linked against libm, where cos has this type.
    let local = unsafe { libloading::Library::new("libm.so.6") }?;
    // SAFETY: cos has this type.
    let symbol = unsafe { local.get::<extern "C" fn(f64) -> f64>(b"cos\0") }?;
    let code = CodePtr::from_ptr(*symbol as *const std::ffi::c_void);
    let mut direct = || {
        // SAFETY: the call interface is that of cos.
        let value: f64 = unsafe { here.call(code, &[Arg::new(&0.5f64)]) };
        check(value == expected, "cos in this process")
    };
    let pair = compare(&mut call, &mut direct)?;
    report.row("scalar call", pair, "libffi in this process");
    Ok(())
}

fn buffers(report: &mut Report) -> Outcome {
    let mut echo = Echo::start()?;
    let zlib = cosmos::dlopen("libz.so.1")?;
    let function =
        zlib.function("uLong crc32(uLong crc, const Bytef *__sized_by(len) buf, uInt len)")?;
    type Crc32 = unsafe extern "C" fn(u64, *const u8, u32) -> u64;
    // SAFETY: the prototype is the type.
    let crc32: Crc32 = unsafe { std::mem::transmute(function.pointer()) };
    let bytes = vec![7u8; 64 * KIB];
    // SAFETY: the buffer holds 64 KiB, in each call below as well.
    let expected = unsafe { crc32(0, bytes.as_ptr(), 64 * 1024) };
    let pair = compare(
        &mut || {
            // SAFETY: as above.
            let sum = unsafe { crc32(0, bytes.as_ptr(), 64 * 1024) };
            check(sum == expected, "crc32")
        },
        &mut || echo.round(64 * KIB, 64),
    )?;
    report.row("64 KiB in (crc32)", pair, "socket, 64 KiB there");

    let libc = cosmos::dlopen("libc.so.6")?;
    let function = libc.function(
        "void *__alias(dst) memcpy(void *__out __sized_by(n) dst, \
         const void *__sized_by(n) src, size_t n)",
    )?;
    type Memcpy = unsafe extern "C" fn(*mut u8, *const u8, usize) -> *mut u8;
    // SAFETY: the prototype is the type.
    let memcpy: Memcpy = unsafe { std::mem::transmute(function.pointer()) };
    let (source, mut target) = (vec![7u8; KIB * KIB], vec![0u8; KIB * KIB]);
    let pair = compare(
        &mut || {
            let start = target.as_mut_ptr();
            // SAFETY: both buffers hold 1 MiB.
            let answer = unsafe { memcpy(start, source.as_ptr(), KIB * KIB) };
            check(answer == start, "memcpy")
        },
        &mut || echo.round(KIB * KIB, KIB * KIB),
    )?;
    check(source == target, "memcpy")?;
    report.row("1 MiB in and out (memcpy)", pair, "socket, 1 MiB each way");
    Ok(())
}

fn opening(report: &mut Report) -> Outcome {
    let first = cosmos::dlopen("libz.so.1")?;
    let mut echo = Echo::start()?;
    let mut open = || {
        let library = cosmos::dlopen("libz.so.1")?;
        library.function("uLong zlibCompileFlags(void)")?;
        Ok(library.close()?)
    };
    let pair = compare(&mut open, &mut || echo.round(64, 64))?;
    report.row(
        "open again, resolve, close",
        pair,
        "socket, 64 bytes each way",
    );
    Ok(first.close()?)
}

/// The yardstick: a process that answers some bytes with some bytes.
struct Echo {
    process: Child,
    socket: UnixStream,
    buffer: Vec<u8>,
}

impl Echo {
    fn start() -> Outcome<Echo> {
        let (socket, theirs) = UnixStream::pair()?;
        let process = Command::new(std::env::current_exe()?)
            .env(ECHO, "1")
            .stdin(OwnedFd::from(theirs))
            .stdout(Stdio::null())
            .spawn()?;
        Ok(Echo {
            process,
            socket,
            buffer: vec![0; KIB * KIB],
        })
    }

    /// At least sixteen bytes there: the two lengths.
    fn round(&mut self, there: usize, back: usize) -> Outcome {
        self.buffer[..8].copy_from_slice(&there.to_le_bytes());
        self.buffer[8..16].copy_from_slice(&back.to_le_bytes());
        self.socket.write_all(&self.buffer[..there])?;
        Ok(self.socket.read_exact(&mut self.buffer[..back])?)
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        // It would end with this socket; killing it serves the case that it hangs.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn echo() -> Outcome {
    let mut socket = UnixStream::from(std::io::stdin().as_fd().try_clone_to_owned()?);
    let mut buffer = vec![0; KIB * KIB];
    let mut length = [0; 8];
    while socket.read_exact(&mut length).is_ok() {
        let there = usize::from_le_bytes(length);
        socket.read_exact(&mut length)?;
        let back = usize::from_le_bytes(length);
        socket.read_exact(&mut buffer[16..there])?;
        socket.write_all(&buffer[..back])?;
    }
    Ok(())
}
