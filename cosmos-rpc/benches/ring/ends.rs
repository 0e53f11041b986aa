//! The two ends of each carrier, in two processes of this program.

use cosmos_rpc::descriptor::{self, Wait};
use cosmos_rpc::ring::{AREA, End, Peer, Segment, Settings};
use nix::sched::{CpuSet, sched_setaffinity};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs::File;
use std::io::{IoSlice, Read, Write};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Set in the process at the far end: which carrier it serves.
pub(super) const FAR_END: &str = "COSMOSBENCH_FAR_END";
const BATCH: Duration = Duration::from_millis(20);
pub(super) const SPIN: &str = "spin";
pub(super) const YIELD: &str = "yield";
pub(super) const FUTEX: &str = "futex";
pub(super) const SOCKET: &str = "socket";
pub(super) const RING: &str = "ring";
pub(super) const HOG: &str = "hog";

/// A process of this program at the far end, ended when dropped.
pub(super) struct Running(Child);

impl Running {
    pub(super) fn start(carrier: &str, socket: Option<UnixStream>, mask: &CpuSet) -> Running {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.env(FAR_END, carrier);
        command.stdin(socket.map_or(Stdio::null(), |socket| Stdio::from(OwnedFd::from(socket))));
        let child = command.spawn().expect("a process");
        let running = Running(child);
        sched_setaffinity(running.pid(), mask).expect("placing the far end");
        running
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.0.id()).expect("a pid"))
    }

    fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).expect("a signal");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(super) struct NearEnd {
    running: Running,
    carrier: Carrier,
    busy: Duration,
}

enum Carrier {
    Ring(Box<End>, Silent, Vec<u8>),
    Words(Words, &'static str, u32),
    Socket(UnixStream),
}

/// Far ends are ended by this process alone.
struct Silent;

impl Peer for Silent {
    fn is_gone(&mut self) -> bool {
        false
    }
}

impl NearEnd {
    pub(super) fn start(name: &'static str, mask: &CpuSet) -> NearEnd {
        let (near, far) = UnixStream::pair().expect("a socket pair");
        let running = Running::start(name, Some(far), mask);
        let segment = Segment::new(AREA).expect("a segment");
        let sent = segment.descriptor();
        descriptor::send(near.as_fd(), &[IoSlice::new(b"x")], &[sent], Wait::Yes).expect("sending");
        let carrier = match name {
            RING => Carrier::Ring(
                Box::new(End::client(segment, &Settings::ASKING)),
                Silent,
                Vec::new(),
            ),
            SOCKET => Carrier::Socket(near.try_clone().expect("a socket")),
            _ => Carrier::Words(
                Words::map(sent.try_clone_to_owned().expect("memory")),
                name,
                0,
            ),
        };
        let mut ready = [0];
        (&near).read_exact(&mut ready).expect("the far end");
        let mut end = NearEnd {
            running,
            carrier,
            busy: Duration::ZERO,
        };
        for _ in 0..1000 {
            end.carrier.call();
        }
        end.stop();
        end
    }

    pub(super) fn call(&mut self) {
        self.carrier.call();
    }

    pub(super) fn turn(&mut self, gap: Option<Duration>, times: &mut Vec<u64>) {
        self.go_on();
        self.batch(gap, times);
        self.stop();
    }

    /// Far ends that never sleep would be in the way of the others.
    pub(super) fn stop(&self) {
        if matches!(self.carrier, Carrier::Words(_, SPIN | YIELD, _)) {
            self.running.signal(Signal::SIGSTOP);
        }
    }

    pub(super) fn go_on(&self) {
        if matches!(self.carrier, Carrier::Words(_, SPIN | YIELD, _)) {
            self.running.signal(Signal::SIGCONT);
        }
    }

    pub(super) fn batch(&mut self, gap: Option<Duration>, times: &mut Vec<u64>) {
        let length = gap.map_or(BATCH, |gap| (20 * gap).max(BATCH));
        let begun = Instant::now();
        // What comes back from being stopped is not counted.
        self.carrier.call();
        while begun.elapsed() < length {
            if let Some(gap) = gap {
                std::thread::sleep(gap);
            }
            let before = Instant::now();
            self.carrier.call();
            times.push(u64::try_from(before.elapsed().as_nanos()).expect("short"));
        }
        self.busy += begun.elapsed();
    }

    pub(super) fn burst(&mut self, count: u64) -> Vec<u64> {
        let mut last = Instant::now();
        (0..count)
            .map(|_| {
                self.carrier.call();
                let now = Instant::now();
                let took = now.duration_since(std::mem::replace(&mut last, now));
                u64::try_from(took.as_nanos()).expect("short")
            })
            .collect()
    }

    /// How much of a CPU the far end used in its turns, in per cent.
    pub(super) fn load(&self) -> f64 {
        let path = format!("/proc/{}/schedstat", self.running.0.id());
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let used: f64 = text
            .split(' ')
            .next()
            .and_then(|word| word.parse().ok())
            .unwrap_or(0.0);
        used / self.busy.as_nanos().max(1) as f64 * 100.0
    }
}

impl Carrier {
    fn call(&mut self) {
        let asked = 0.5f64;
        let answer = match self {
            Carrier::Ring(end, peer, body) => {
                let mut request = [0u8; 32];
                request[16..24].copy_from_slice(&asked.to_le_bytes());
                end.post(0x310, 1, &[&request]).expect("posting");
                end.take(None, peer, body).expect("taking");
                f64::from_le_bytes(body[16..24].try_into().expect("eight bytes"))
            }
            Carrier::Words(words, name, number) => {
                *number = number.wrapping_add(1);
                words.value(0).store(asked.to_bits(), Ordering::Relaxed);
                words.publish(0, *number, name);
                words.await_number(1, *number, name);
                f64::from_bits(words.value(1).load(Ordering::Relaxed))
            }
            Carrier::Socket(stream) => {
                let mut bytes = [0u8; 64];
                bytes[..8].copy_from_slice(&asked.to_le_bytes());
                stream.write_all(&bytes).expect("writing");
                stream.read_exact(&mut bytes).expect("reading");
                f64::from_le_bytes(bytes[..8].try_into().expect("eight bytes"))
            }
        };
        assert_eq!(answer, asked.cos());
    }
}

pub(super) fn far_end(carrier: &str) {
    if carrier == HOG {
        loop {
            std::hint::black_box(0);
        }
    }
    // SAFETY: the descriptor is the socket this process was started with, and nobody else uses it.
    let mut stream = unsafe { UnixStream::from_raw_fd(0) };
    let mut byte = [0];
    let received = descriptor::receive(stream.as_fd(), &mut byte, Wait::Yes).expect("the memory");
    let memory = received
        .descriptors
        .into_iter()
        .next()
        .expect("a descriptor");
    let answer = |value: [u8; 8]| f64::from_le_bytes(value).cos().to_le_bytes();
    stream
        .write_all(b"r")
        .expect("saying that this end is ready");
    match carrier {
        RING => {
            let segment = Segment::received(memory).expect("a segment");
            let mut end = End::vm(segment, &Settings::SERVING);
            let mut body = Vec::new();
            while let Ok(message) = end.take(None, &mut Silent, &mut body) {
                let value = answer(body[16..24].try_into().expect("eight bytes"));
                body[16..24].copy_from_slice(&value);
                end.post(message.kind | 0x8000, message.id, &[&body])
                    .expect("posting");
            }
        }
        SOCKET => {
            let mut bytes = [0u8; 64];
            while stream.read_exact(&mut bytes).is_ok() {
                let value = answer(bytes[..8].try_into().expect("eight bytes"));
                bytes[..8].copy_from_slice(&value);
                stream.write_all(&bytes).expect("writing");
            }
        }
        name => {
            let words = Words::map(memory);
            let mut number = 0u32;
            loop {
                number = number.wrapping_add(1);
                words.await_number(0, number, name);
                let value = words.value(0).load(Ordering::Relaxed);
                let value = answer(f64::from_bits(value).to_le_bytes());
                words
                    .value(1)
                    .store(u64::from_le_bytes(value), Ordering::Relaxed);
                words.publish(1, number, name);
            }
        }
    }
}

/// Two lines of a shared page, each with a word and a value.
struct Words(*mut u8);

// SAFETY: only atomics in memory that is never unmapped are reached through it.
unsafe impl Send for Words {}

impl Words {
    fn map(memory: OwnedFd) -> Words {
        // SAFETY: a fresh mapping, kept until the process ends.
        let page = unsafe {
            let access = libc::PROT_READ | libc::PROT_WRITE;
            libc::mmap(
                std::ptr::null_mut(),
                4096,
                access,
                libc::MAP_SHARED,
                memory.as_raw_fd(),
                0,
            )
        };
        assert_ne!(page, libc::MAP_FAILED);
        drop(File::from(memory));
        Words(page.cast())
    }

    fn word(&self, line: usize) -> &AtomicU32 {
        // SAFETY: inside of the page, aligned.
        unsafe { AtomicU32::from_ptr(self.0.add(1024 + 128 * line).cast()) }
    }

    fn value(&self, line: usize) -> &AtomicU64 {
        // SAFETY: inside of the page, aligned.
        unsafe { AtomicU64::from_ptr(self.0.add(1024 + 128 * line + 8).cast()) }
    }

    fn publish(&self, line: usize, number: u32, name: &str) {
        self.word(line).store(number, Ordering::Release);
        if name == FUTEX {
            // SAFETY: the address is a word of the page.
            unsafe {
                libc::syscall(
                    libc::SYS_futex,
                    self.word(line).as_ptr(),
                    libc::FUTEX_WAKE,
                    1,
                )
            };
        }
    }

    fn await_number(&self, line: usize, number: u32, name: &str) {
        loop {
            let present = self.word(line).load(Ordering::Acquire);
            if present == number {
                return;
            }
            match name {
                SPIN => std::hint::spin_loop(),
                YIELD => std::thread::yield_now(),
                _ => {
                    let none = std::ptr::null::<libc::timespec>();
                    let word = self.word(line).as_ptr();
                    // SAFETY: the address is a word of the page.
                    unsafe {
                        libc::syscall(libc::SYS_futex, word, libc::FUTEX_WAIT, present, none)
                    };
                }
            }
        }
    }
}
