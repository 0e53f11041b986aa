//! What the machine allows between two processes: words in shared memory, by spinning, yielding or a
//! futex, and a Unix stream.
//!
//! | offset | what |
//! |---|---|
//! | 1024 | number of the request; 8 on, its length or value |
//! | 1152 | number of the answer; 8 on, its value |
//! | 4096 | bytes of the request |
//! | 4096 + 2 MiB | bytes of the answer |

use super::{Outcome, Peer, System, copy_back, far_of, socket};
use crate::far::{Far, paths, ready};
use std::ffi::c_void;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

const AREA: usize = 2 << 20;
const SIZE: usize = 4096 + 2 * AREA;
/// Set in the length of a request that is a number for `cos`.
const SCALAR: u64 = u64::MAX;

#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    Spin,
    Yield,
    Futex,
}

const fn floor(
    name: &'static str,
    spins: bool,
    connect: fn(Option<&Far>) -> Outcome<Box<dyn Peer>>,
    serve: fn(&Path) -> Outcome,
) -> System {
    System {
        name,
        spins,
        has_far: true,
        inside: false,
        connect,
        serve,
    }
}

pub const SPIN: System = floor(
    "spin on shared memory",
    true,
    |far| Words::connect(far, How::Spin),
    |_| serve(How::Spin),
);
pub const YIELD: System = floor(
    "yield on shared memory",
    true,
    |far| Words::connect(far, How::Yield),
    |_| serve(How::Yield),
);
pub const FUTEX: System = floor(
    "futex on shared memory",
    false,
    |far| Words::connect(far, How::Futex),
    |_| serve(How::Futex),
);
pub const STREAM: System = floor("Unix stream", false, Stream::connect, serve_stream);

struct Words {
    page: Page,
    how: How,
    number: u32,
    /// Keeps the memory open for the far end to find.
    _memory: OwnedFd,
}

impl Words {
    fn connect(far: Option<&Far>, how: How) -> Outcome<Box<dyn Peer>> {
        let far = far_of(far)?;
        let memory = nix::sys::memfd::memfd_create(c"floor", nix::sys::memfd::MFdFlags::empty())?;
        let file = File::from(memory.try_clone()?);
        file.set_len(SIZE as u64)?;
        let page = Page::map(&file)?;
        let path = format!("/proc/{}/fd/{}", std::process::id(), memory.as_raw_fd());
        far.tell(&path)?;
        match far.hear()?.as_str() {
            "mapped" => {}
            other => return Err(format!("the far end says {other:?}").into()),
        }
        Ok(Box::new(Words {
            page,
            how,
            number: 0,
            _memory: memory,
        }))
    }

    fn round(&mut self) {
        self.number = self.number.wrapping_add(1);
        self.page.publish(0, self.number, self.how);
        self.page.wait_for(1, self.number, self.how);
    }
}

impl Peer for Words {
    fn cos(&mut self, x: f64) -> Outcome<f64> {
        self.page.length().store(SCALAR, Ordering::Relaxed);
        self.page.value(0).store(x.to_bits(), Ordering::Relaxed);
        self.round();
        Ok(f64::from_bits(self.page.value(1).load(Ordering::Relaxed)))
    }

    fn echo(&mut self, given: &[u8], back: &mut [u8]) -> Outcome<bool> {
        self.page
            .length()
            .store(given.len() as u64, Ordering::Relaxed);
        self.page.copy_in(given);
        self.round();
        self.page.copy_out(back);
        Ok(true)
    }
}

fn serve(how: How) -> Outcome {
    ready();
    for path in paths() {
        let page = Page::map(&File::options().read(true).write(true).open(path)?)?;
        std::thread::spawn(move || page.serve(how));
        println!("mapped");
    }
    Ok(())
}

struct Page(*mut u8);

// SAFETY: what is shared is used by atomics, or by whose turn it is.
unsafe impl Send for Page {}

impl Page {
    fn map(file: &File) -> Outcome<Page> {
        // SAFETY: a fresh mapping, kept until the process ends.
        let page = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                SIZE,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                file.as_raw_fd(),
                0,
            )
        };
        if page == libc::MAP_FAILED {
            return Err(std::io::Error::last_os_error().into());
        }
        Ok(Page(page.cast()))
    }

    fn serve(&self, how: How) {
        let mut number = 0u32;
        loop {
            number = number.wrapping_add(1);
            self.wait_for(0, number, how);
            match self.length().load(Ordering::Relaxed) {
                SCALAR => {
                    let x = f64::from_bits(self.value(0).load(Ordering::Relaxed));
                    self.value(1).store(x.cos().to_bits(), Ordering::Relaxed);
                }
                length => self.turn_over((length as usize).min(AREA)),
            }
            self.publish(1, number, how);
        }
    }

    fn word(&self, line: usize) -> &AtomicU32 {
        // SAFETY: inside of the mapping, aligned, only ever used as an atomic.
        unsafe { AtomicU32::from_ptr(self.0.add(1024 + 128 * line).cast()) }
    }

    fn value(&self, line: usize) -> &AtomicU64 {
        // SAFETY: as above.
        unsafe { AtomicU64::from_ptr(self.0.add(1024 + 128 * line + 8).cast()) }
    }

    fn length(&self) -> &AtomicU64 {
        // SAFETY: as above.
        unsafe { AtomicU64::from_ptr(self.0.add(1024 + 16).cast()) }
    }

    fn copy_in(&self, bytes: &[u8]) {
        let length = bytes.len().min(AREA);
        // SAFETY: the area has room, and the far end waits.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.0.add(4096), length) };
    }

    fn copy_out(&self, bytes: &mut [u8]) {
        let length = bytes.len().min(AREA);
        // SAFETY: as above.
        unsafe {
            std::ptr::copy_nonoverlapping(self.0.add(4096 + AREA), bytes.as_mut_ptr(), length)
        };
    }

    /// The far end's work: as many bytes from one area to the other.
    fn turn_over(&self, length: usize) {
        // SAFETY: both areas have as many bytes, and the near end waits.
        unsafe { std::ptr::copy_nonoverlapping(self.0.add(4096), self.0.add(4096 + AREA), length) };
    }

    fn publish(&self, line: usize, number: u32, how: How) {
        self.word(line).store(number, Ordering::Release);
        if how == How::Futex {
            let word: *mut c_void = self.word(line).as_ptr().cast();
            // SAFETY: the address is a word of the mapping.
            unsafe { libc::syscall(libc::SYS_futex, word, libc::FUTEX_WAKE, 1) };
        }
    }

    fn wait_for(&self, line: usize, number: u32, how: How) {
        loop {
            let present = self.word(line).load(Ordering::Acquire);
            if present == number {
                return;
            }
            match how {
                How::Spin => std::hint::spin_loop(),
                How::Yield => std::thread::yield_now(),
                How::Futex => {
                    let none = std::ptr::null::<libc::timespec>();
                    let word = self.word(line).as_ptr();
                    // SAFETY: the address is a word of the mapping.
                    unsafe {
                        libc::syscall(libc::SYS_futex, word, libc::FUTEX_WAIT, present, none)
                    };
                }
            }
        }
    }
}

/// Eight bytes of length, and as many bytes; a length of [`SCALAR`] is followed by a number.
struct Stream {
    stream: UnixStream,
    bytes: Vec<u8>,
}

impl Stream {
    fn connect(far: Option<&Far>) -> Outcome<Box<dyn Peer>> {
        Ok(Box::new(Stream {
            stream: UnixStream::connect(socket(far_of(far)?.directory()))?,
            bytes: Vec::new(),
        }))
    }
}

impl Peer for Stream {
    fn cos(&mut self, x: f64) -> Outcome<f64> {
        let mut message = [0; 16];
        message[..8].copy_from_slice(&SCALAR.to_ne_bytes());
        message[8..].copy_from_slice(&x.to_ne_bytes());
        self.stream.write_all(&message)?;
        let mut answer = [0; 8];
        self.stream.read_exact(&mut answer)?;
        Ok(f64::from_ne_bytes(answer))
    }

    fn echo(&mut self, given: &[u8], back: &mut [u8]) -> Outcome<bool> {
        self.stream.write_all(&(given.len() as u64).to_ne_bytes())?;
        self.stream.write_all(given)?;
        self.bytes.resize(given.len(), 0);
        self.stream.read_exact(&mut self.bytes)?;
        copy_back(&self.bytes, back)
    }
}

fn serve_stream(directory: &Path) -> Outcome {
    let listener = UnixListener::bind(socket(directory))?;
    ready();
    for stream in listener.incoming() {
        let mut stream = stream?;
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            let mut head = [0; 8];
            while stream.read_exact(&mut head).is_ok() {
                let done = match u64::from_ne_bytes(head) {
                    SCALAR => stream.read_exact(&mut head).and_then(|()| {
                        stream.write_all(&f64::from_ne_bytes(head).cos().to_ne_bytes())
                    }),
                    length => {
                        bytes.resize((length as usize).min(AREA), 0);
                        stream
                            .read_exact(&mut bytes)
                            .and_then(|()| stream.write_all(&bytes))
                    }
                };
                if done.is_err() {
                    return;
                }
            }
        });
    }
    Ok(())
}
