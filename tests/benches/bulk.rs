//! What a call with bytes costs beside what the machine allows, in one run, in turns.
//!
//! The call is `memcpy` in a VM: so many bytes in, as many out.
//!
//! | row | yardstick |
//! |---|---|
//! | a text in, a struct out | a call of one number |
//! | both buffers in the arena | one `memcpy` of as many bytes in this process: either core has what it copies in its own cache |
//! | the same, with the program writing all of the one buffer before and reading all of the other after | the three in this process; the same by hand, with another process: all bytes then go from the one core to the other, and back |
//! | both in ordinary memory | the same by hand, with another process: copied to memory that both map, copied there by the other one, copied back; who waits spins and yields |
//!
//! `cargo bench -p cosmos-tests --bench bulk [-- --json FILE]`. Timing decides nothing: the exit status
//! says whether every call gave the right bytes.

use cosmos_tests::targets::Target;
use cosmos_tests::turns::{Outcome, Report, check, compare};
use std::ffi::{CStr, c_char, c_int, c_void};
use std::fs::File;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// Set in the process at the far end of the yardstick.
const FAR: &str = "COSMOSTEST_FAR";
const KIB: usize = 1024;
const SIZES: [(usize, &str); 4] = [
    (4 * KIB, "4 KiB"),
    (64 * KIB, "64 KiB"),
    (KIB * KIB, "1 MiB"),
    (16 * KIB * KIB, "16 MiB"),
];
const LARGEST: usize = 16 * KIB * KIB;

type Memcpy = unsafe extern "C" fn(*mut u8, *const u8, usize) -> *mut u8;

fn main() -> Outcome {
    if std::env::var_os(FAR).is_some() {
        return far();
    }
    if !cosmos_tests::is_measuring() {
        return Ok(());
    }
    let mut report = Report::default();
    small(&mut report)?;
    let libc = cosmos::dlopen("libc.so.6")?;
    let function = libc.function(
        "void *__alias(dst) memcpy(void *__out __sized_by(n) dst, \
         const void *__sized_by(n) src, size_t n)",
    )?;
    // SAFETY: the prototype is the type.
    let remote: Memcpy = unsafe { std::mem::transmute(function.pointer()) };
    for (size, name) in SIZES {
        arena(&mut report, &libc, remote, size, name)?;
    }
    let mut pair = Shared::start()?;
    worked_on(&mut report, &libc, remote, &mut pair)?;
    for (size, name) in SIZES {
        copied(&mut report, &mut pair, remote, size, name)?;
    }
    report.print();
    Ok(report.save()?)
}

fn arena(
    report: &mut Report,
    libc: &cosmos::Library,
    remote: Memcpy,
    size: usize,
    name: &str,
) -> Outcome {
    let mut source = libc.alloc(size)?;
    let target = libc.alloc(size)?;
    source.write(0, &vec![7; size])?;
    let (from, to) = (source.as_ptr(), target.as_mut_ptr());
    let (here, mut there) = (vec![7u8; size], vec![0u8; size]);
    let measured = compare(
        // SAFETY: both buffers have so many bytes.
        &mut || check(unsafe { remote(to, from, size) } == to, "memcpy"),
        &mut || {
            std::hint::black_box(&mut there).copy_from_slice(std::hint::black_box(&here));
            Ok(())
        },
    )?;
    check(target.to_vec()? == here, "memcpy")?;
    if size == KIB * KIB {
        Target::at_most("1 MiB in and out, arena", 1.1, "x memcpy").reached(measured.ratio())?;
    }
    report.row(
        &format!("{name} in and out, arena"),
        measured,
        "memcpy here",
    );
    Ok(())
}

/// A few bytes, beside a number.
fn small(report: &mut Report) -> Outcome {
    let (libc, libm) = (cosmos::dlopen("libc.so.6")?, cosmos::dlopen("libm.so.6")?);
    let strlen = libc.function("size_t strlen(const char *text)")?;
    let labs = libc.function("long labs(long number)")?;
    let frexp = libm.function("double frexp(double number, int *__out exponent)")?;
    // SAFETY: the prototypes are the types.
    let (strlen, labs, frexp) = unsafe {
        (
            std::mem::transmute::<*const c_void, unsafe extern "C" fn(*const c_char) -> usize>(
                strlen.pointer(),
            ),
            std::mem::transmute::<*const c_void, extern "C" fn(i64) -> i64>(labs.pointer()),
            std::mem::transmute::<*const c_void, unsafe extern "C" fn(f64, *mut c_int) -> f64>(
                frexp.pointer(),
            ),
        )
    };
    let mut number = || check(labs(-7) == 7, "labs");
    let mut exponent = 0;
    let long = [&[b'x'; 301][..], b"\0"].concat();
    let long = CStr::from_bytes_with_nul(&long)?;
    let texts = [
        (c"eleven more", "a text of 11 bytes in"),
        (long, "a text of 301 bytes in"),
    ];
    for (text, name) in texts {
        let length = text.to_bytes().len();
        // SAFETY: a text.
        let mut call = || check(unsafe { strlen(text.as_ptr()) } == length, "strlen");
        report.row(name, compare(&mut call, &mut number)?, "a number");
    }
    // SAFETY: an int.
    let mut call = || check(unsafe { frexp(8.0, &raw mut exponent) } == 0.5, "frexp");
    report.row("an int out", compare(&mut call, &mut number)?, "a number");
    check(exponent == 4, "frexp")
}

/// The program writes what is copied, and reads what was.
fn worked_on(
    report: &mut Report,
    libc: &cosmos::Library,
    remote: Memcpy,
    pair: &mut Shared,
) -> Outcome {
    const SIZE: usize = KIB * KIB;
    let (source, target) = (libc.alloc(SIZE)?, libc.alloc(SIZE)?);
    let (from, to) = (source.as_mut_ptr(), target.as_mut_ptr());
    let (mut here, mut there) = (vec![7u8; SIZE], vec![0u8; SIZE]);
    let mut turn = 0u8;
    let mut shared = || {
        turn = turn.wrapping_add(1);
        // SAFETY: both buffers have so many bytes, and nobody uses them during this.
        unsafe {
            from.write_bytes(turn, SIZE);
            remote(to, from, SIZE);
            check(is_all(std::slice::from_raw_parts(to, SIZE), turn), "memcpy")
        }
    };
    let in_process = compare(&mut shared, &mut || {
        std::hint::black_box(&mut here).fill(3);
        std::hint::black_box(&mut there).copy_from_slice(std::hint::black_box(&here));
        check(is_all(std::hint::black_box(&there), 3), "memcpy here")
    })?;
    let name = "1 MiB written, copied and read, arena";
    report.row(name, in_process, "the same here");
    let by_hand = compare(&mut shared, &mut || {
        let bytes = pair.round_in_place(SIZE, 5);
        check(is_all(bytes, 5), "by hand")
    })?;
    report.row(name, by_hand, "the same by hand");
    Ok(())
}

fn is_all(bytes: &[u8], byte: u8) -> bool {
    let (words, rest) = bytes.as_chunks::<8>();
    let word = [byte; 8];
    words.iter().fold(0, |all, it| {
        all | (u64::from_ne_bytes(*it) ^ u64::from_ne_bytes(word))
    }) == 0
        && rest.iter().all(|it| *it == byte)
}

fn copied(
    report: &mut Report,
    pair: &mut Shared,
    remote: Memcpy,
    size: usize,
    name: &str,
) -> Outcome {
    let (source, mut target) = (vec![7u8; size], vec![0u8; size]);
    let mut by_hand = vec![0u8; size];
    let to = target.as_mut_ptr();
    let measured = compare(
        // SAFETY: both buffers have so many bytes.
        &mut || check(unsafe { remote(to, source.as_ptr(), size) } == to, "memcpy"),
        &mut || {
            pair.round(&source, &mut by_hand);
            Ok(())
        },
    )?;
    check(source == target && source == by_hand, "memcpy")?;
    if size == KIB * KIB {
        Target::at_most("1 MiB in and out, copied", 1.2, "x by hand").reached(measured.ratio())?;
    }
    report.row(
        &format!("{name} in and out, copied"),
        measured,
        "through memory that both map",
    );
    Ok(())
}

/// Memory of two processes: a page with two words and a length, then the bytes there and back.
struct Mapping(*mut u8);

const PAGE: usize = 4096;

impl Mapping {
    fn of(file: &OwnedFd) -> Outcome<Mapping> {
        // SAFETY: a fresh mapping at an address of the kernel's choice.
        let start = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                PAGE + 2 * LARGEST,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                file.as_raw_fd(),
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(std::io::Error::last_os_error().into());
        }
        Ok(Mapping(start.cast()))
    }

    /// Word 0: how often the near end asked. Word 16: how often the far end answered. Word 32: how
    /// many bytes.
    fn word(&self, index: usize) -> &AtomicU32 {
        // SAFETY: in the first page, and aligned.
        unsafe { AtomicU32::from_ptr(self.0.cast::<u32>().add(index)) }
    }

    fn there(&self) -> *mut u8 {
        self.0.wrapping_add(PAGE)
    }

    fn back(&self) -> *mut u8 {
        self.0.wrapping_add(PAGE + LARGEST)
    }

    fn wait(&self, word: usize, not: u32) -> u32 {
        let mut looks = 0u32;
        loop {
            let value = self.word(word).load(Ordering::Acquire);
            if value != not {
                return value;
            }
            looks += 1;
            if looks.is_multiple_of(256) {
                std::thread::yield_now();
            }
            std::hint::spin_loop();
        }
    }
}

/// The near end of the yardstick.
struct Shared {
    process: Child,
    mapping: Mapping,
    asked: u32,
}

impl Shared {
    fn start() -> Outcome<Shared> {
        // SAFETY: the name is a string; what it gives is this process's own.
        let file = unsafe {
            let file = libc::memfd_create(c"bench".as_ptr(), libc::MFD_CLOEXEC);
            if file < 0 {
                return Err(std::io::Error::last_os_error().into());
            }
            OwnedFd::from_raw_fd(file)
        };
        File::from(file.try_clone()?).set_len((PAGE + 2 * LARGEST) as u64)?;
        let mapping = Mapping::of(&file)?;
        let process = Command::new(std::env::current_exe()?)
            .env(FAR, "1")
            .stdin(Stdio::from(file))
            .spawn()?;
        Ok(Shared {
            process,
            mapping,
            asked: 0,
        })
    }

    /// Has the other end copy so many bytes.
    fn ask(&mut self, size: usize) {
        let before = self.asked;
        self.asked += 1;
        self.mapping.word(32).store(size as u32, Ordering::Relaxed);
        self.mapping.word(0).store(self.asked, Ordering::Release);
        self.mapping.wait(16, before);
    }

    /// Writes so many bytes where the other end copies them from; gives those that it copied.
    fn round_in_place(&mut self, size: usize, byte: u8) -> &[u8] {
        assert!(size <= LARGEST);
        // SAFETY: both areas have room for the largest size, and the other end waits.
        unsafe {
            self.mapping.there().write_bytes(byte, size);
            self.ask(size);
            std::slice::from_raw_parts(self.mapping.back(), size)
        }
    }

    fn round(&mut self, source: &[u8], target: &mut [u8]) {
        // SAFETY: both areas have room for the largest size, and the other end waits.
        unsafe {
            self.mapping
                .there()
                .copy_from_nonoverlapping(source.as_ptr(), source.len());
            self.ask(source.len());
            let from = self.mapping.back().cast_const();
            target
                .as_mut_ptr()
                .copy_from_nonoverlapping(from, target.len());
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The far end: copies until it is killed.
fn far() -> Outcome {
    // SAFETY: standard input is open, and this process's own.
    let mapping = Mapping::of(&unsafe { OwnedFd::from_raw_fd(0) })?;
    let mut asked = 0;
    loop {
        asked = mapping.wait(0, asked);
        let size = mapping.word(32).load(Ordering::Relaxed) as usize;
        // SAFETY: as above.
        unsafe {
            mapping
                .back()
                .copy_from_nonoverlapping(mapping.there(), size.min(LARGEST))
        };
        mapping.word(16).store(asked, Ordering::Release);
    }
}
