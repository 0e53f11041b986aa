//! What the ring costs beside the floors of this machine, in one run.
//!
//! A floor is the least that two processes can do to hand a number to each other: spinning on a
//! shared word, yielding between looks, sleeping on a futex, bytes through a Unix stream. Ring and
//! floors take turns in batches, each with a process of its own at the far end, which is stopped
//! while it is not its turn where it would not sleep; every round trip computes a cosine there. Absolute times move with the
//! machine; the ratios of one run are what to look at. Timing decides nothing.
//!
//! `cargo bench -p cosmos-rpc --bench ring [SCENARIO...]`

use cosmos_rpc::descriptor::{self, Wait};
use cosmos_rpc::ring::{AREA, End, Peer, Segment, Settings};
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
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
const FAR_END: &str = "COSMOSBENCH_FAR_END";
const ROUNDS: usize = 15;
const BATCH: Duration = Duration::from_millis(20);
const SPIN: &str = "spin";
const YIELD: &str = "yield";
const FUTEX: &str = "futex";
const SOCKET: &str = "socket";
const RING: &str = "ring";
const HOG: &str = "hog";

fn main() {
    if let Some(carrier) = std::env::var_os(FAR_END) {
        return far_end(&carrier.to_string_lossy());
    }
    if !std::env::args().any(|word| word == "--bench") {
        return;
    }
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with('-'))
        .collect();
    let whole = sched_getaffinity(Pid::from_raw(0)).expect("the mask");
    let cpus: Vec<usize> = (0..CpuSet::count())
        .filter(|cpu| whole.is_set(*cpu) == Ok(true))
        .collect();
    let (first, second) = (cpus[0], *cpus.last().expect("a CPU"));
    for scenario in SCENARIOS {
        if wanted.is_empty() || wanted.iter().any(|name| name == scenario.name) {
            scenario.run(&whole, first, second);
        }
    }
    if wanted.is_empty() || wanted.iter().any(|name| name == "pauses") {
        after_pauses(&whole);
    }
    if wanted.is_empty() || wanted.iter().any(|name| name == "bursts") {
        bursts();
    }
    for clients in [4, 10] {
        if wanted.is_empty() || wanted.iter().any(|name| name == "clients") {
            many(clients);
        }
    }
}

struct Scenario {
    name: &'static str,
    title: &'static str,
    carriers: &'static [&'static str],
    place: Place,
    hogs: usize,
    gap: Option<Duration>,
}

#[derive(Clone, Copy)]
enum Place {
    TwoCores,
    OneCore,
    Anywhere,
}

const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "two",
        title: "two cores, pinned",
        carriers: &[RING, SPIN, YIELD, FUTEX, SOCKET],
        place: Place::TwoCores,
        hogs: 0,
        gap: None,
    },
    Scenario {
        name: "one",
        title: "one core",
        carriers: &[RING, YIELD, FUTEX, SOCKET],
        place: Place::OneCore,
        hogs: 0,
        gap: None,
    },
    Scenario {
        name: "anywhere",
        title: "unpinned",
        carriers: &[RING, SPIN, YIELD, FUTEX, SOCKET],
        place: Place::Anywhere,
        hogs: 0,
        gap: None,
    },
    Scenario {
        name: "hog",
        title: "unpinned, beside a hog",
        carriers: &[RING, YIELD, FUTEX, SOCKET],
        place: Place::Anywhere,
        hogs: 1,
        gap: None,
    },
    Scenario {
        name: "hogs",
        title: "unpinned, beside two hogs",
        carriers: &[RING, YIELD, FUTEX, SOCKET],
        place: Place::Anywhere,
        hogs: 2,
        gap: None,
    },
    Scenario {
        name: "corehog",
        title: "one core, with a hog on it",
        carriers: &[RING, YIELD, FUTEX, SOCKET],
        place: Place::OneCore,
        hogs: 1,
        gap: None,
    },
    Scenario {
        name: "sparse",
        title: "a call every 100 us, unpinned",
        carriers: &[RING, FUTEX, SOCKET],
        place: Place::Anywhere,
        hogs: 0,
        gap: Some(Duration::from_micros(100)),
    },
    Scenario {
        name: "sparse",
        title: "a call every 1 ms, unpinned",
        carriers: &[RING, FUTEX, SOCKET],
        place: Place::Anywhere,
        hogs: 0,
        gap: Some(Duration::from_millis(1)),
    },
    Scenario {
        name: "sparse",
        title: "a call every 10 ms, unpinned",
        carriers: &[RING, FUTEX, SOCKET],
        place: Place::Anywhere,
        hogs: 0,
        gap: Some(Duration::from_millis(10)),
    },
];

impl Scenario {
    fn run(&self, whole: &CpuSet, first: usize, second: usize) {
        let (near, far) = match self.place {
            Place::TwoCores => (only(first), only(second)),
            Place::OneCore => (only(first), only(first)),
            Place::Anywhere => (*whole, *whole),
        };
        sched_setaffinity(Pid::from_raw(0), &near).expect("placing this process");
        let mut ends: Vec<NearEnd> = self
            .carriers
            .iter()
            .map(|carrier| NearEnd::start(carrier, &far))
            .collect();
        let _hogs: Vec<Running> = (0..self.hogs)
            .map(|_| Running::start(HOG, None, &near))
            .collect();
        let mut times: Vec<Vec<u64>> = vec![Vec::new(); ends.len()];
        for _ in 0..ROUNDS {
            for (end, times) in ends.iter_mut().zip(&mut times) {
                end.turn(self.gap, times);
            }
        }
        println!("\n{}", self.title);
        println!(
            "{:10} {:>10} {:>10} {:>10} {:>10} {:>8}",
            "", "calls", "median us", "99 % us", "max us", "ring is"
        );
        let ring = quantile(&mut times[0], 50);
        for ((carrier, times), end) in self.carriers.iter().zip(&mut times).zip(&ends) {
            let median = quantile(times, 50);
            println!(
                "{carrier:10} {:>10} {:>10.3} {:>10.3} {:>10.1} {:>8.3}  far end used {:.2} % CPU",
                times.len(),
                median as f64 / 1e3,
                quantile(times, 99) as f64 / 1e3,
                quantile(times, 100) as f64 / 1e3,
                ring as f64 / median as f64,
                end.load(),
            );
        }
        sched_setaffinity(Pid::from_raw(0), whole).expect("the mask back");
    }
}

/// What single steps of a call cost in this thread after it slept, nobody else being involved: the
/// part of a sparse call that no way of waiting saves.
fn after_pauses(whole: &CpuSet) {
    let word = AtomicU32::new(0);
    let steps: [(&str, &dyn Fn()); 5] = [
        ("nothing", &|| ()),
        ("cos", &|| {
            std::hint::black_box(std::hint::black_box(0.5f64).cos());
        }),
        ("a wake", &|| {
            // SAFETY: the kernel takes the address as a name; nobody sleeps there.
            unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAKE, 1) };
        }),
        ("a yield", &|| std::thread::yield_now()),
        ("its mask", &|| {
            sched_setaffinity(Pid::from_raw(0), whole).expect("the mask it has");
        }),
    ];
    println!("\nsingle steps, median us");
    println!(
        "{:10} {:>10} {:>10} {:>10}",
        "after", "no pause", "1 ms", "10 ms"
    );
    for (name, step) in steps {
        print!("{name:10}");
        for gap in [0, 1, 10] {
            let mut times: Vec<u64> = (0..200)
                .map(|_| {
                    if gap > 0 {
                        std::thread::sleep(Duration::from_millis(gap));
                    }
                    let before = Instant::now();
                    step();
                    u64::try_from(before.elapsed().as_nanos()).expect("short")
                })
                .collect();
            print!(" {:>10.3}", quantile(&mut times, 50) as f64 / 1e3);
        }
        println!();
    }
}

/// Calls back to back after a pause, as most programs make them, beside as many without one by
/// spinning: what a call of a burst takes on average, and how many of them took long.
fn bursts() {
    const LONG: u64 = 1_500;
    println!("\nbursts after a pause, unpinned; medians of bursts");
    println!(
        "{:>6} {:>8} {:>12} {:>12} {:>12} {:>12}",
        "calls", "pause ms", "us a call", "long ones", "first us", "spinning"
    );
    for pause in [1, 10, 100] {
        for count in [20, 100, 2_000] {
            let whole = sched_getaffinity(Pid::from_raw(0)).expect("the mask");
            let mut ring = NearEnd::start(RING, &whole);
            let mut floor = NearEnd::start(SPIN, &whole);
            let (mut means, mut long, mut first, mut least) = (vec![], vec![], vec![], vec![]);
            for _ in 0..20 {
                std::thread::sleep(Duration::from_millis(pause));
                let times = ring.burst(count);
                means.push(times.iter().sum::<u64>() / count);
                long.push(times.iter().filter(|time| **time > LONG).count() as u64);
                first.push(times[0]);
                floor.go_on();
                floor.carrier.call();
                let times = floor.burst(count);
                floor.stop();
                least.push(times.iter().sum::<u64>() / count);
            }
            println!(
                "{count:>6} {pause:>8} {:>12.3} {:>12} {:>12.1} {:>12.3}",
                quantile(&mut means, 50) as f64 / 1e3,
                quantile(&mut long, 50),
                quantile(&mut first, 50) as f64 / 1e3,
                quantile(&mut least, 50) as f64 / 1e3,
            );
        }
    }
}

/// Several clients, each with a far end of its own, all at once.
fn many(clients: usize) {
    println!("\n{clients} clients, unpinned");
    let whole = sched_getaffinity(Pid::from_raw(0)).expect("the mask");
    for carrier in [RING, FUTEX, YIELD] {
        let threads: Vec<_> = (0..clients)
            .map(|_| {
                std::thread::spawn(move || {
                    let mut end = NearEnd::start(carrier, &whole);
                    end.go_on();
                    let (begun, mut times) = (Instant::now(), Vec::new());
                    while begun.elapsed() < Duration::from_secs(2) {
                        end.batch(None, &mut times);
                    }
                    times
                })
            })
            .collect();
        let mut all: Vec<Vec<u64>> = threads
            .into_iter()
            .map(|thread| thread.join().expect("a client"))
            .collect();
        let total: usize = all.iter().map(Vec::len).sum();
        let least = all.iter().map(Vec::len).min().unwrap_or(0);
        let mut times: Vec<u64> = all.drain(..).flatten().collect();
        println!(
            "{carrier:10} {:>10.0} calls/s, the least served has {:.2} of its share; median {:.3} us, 99 % {:.1} us, max {:.0} us",
            total as f64 / 2.0,
            least as f64 * clients as f64 / total as f64,
            quantile(&mut times, 50) as f64 / 1e3,
            quantile(&mut times, 99) as f64 / 1e3,
            quantile(&mut times, 100) as f64 / 1e3,
        );
    }
}

/// A process of this program at the far end, ended when dropped.
struct Running(Child);

impl Running {
    fn start(carrier: &str, socket: Option<UnixStream>, mask: &CpuSet) -> Running {
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

struct NearEnd {
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
    fn start(name: &'static str, mask: &CpuSet) -> NearEnd {
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

    fn turn(&mut self, gap: Option<Duration>, times: &mut Vec<u64>) {
        self.go_on();
        self.batch(gap, times);
        self.stop();
    }

    /// Far ends that never sleep would be in the way of the others.
    fn stop(&self) {
        if matches!(self.carrier, Carrier::Words(_, SPIN | YIELD, _)) {
            self.running.signal(Signal::SIGSTOP);
        }
    }

    fn go_on(&self) {
        if matches!(self.carrier, Carrier::Words(_, SPIN | YIELD, _)) {
            self.running.signal(Signal::SIGCONT);
        }
    }

    fn batch(&mut self, gap: Option<Duration>, times: &mut Vec<u64>) {
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

    fn burst(&mut self, count: u64) -> Vec<u64> {
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
    fn load(&self) -> f64 {
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

fn far_end(carrier: &str) {
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

fn only(cpu: usize) -> CpuSet {
    let mut mask = CpuSet::new();
    mask.set(cpu).expect("a CPU");
    mask
}

fn quantile(times: &mut [u64], percent: usize) -> u64 {
    times.sort_unstable();
    times
        .get(times.len().saturating_sub(1) * percent / 100)
        .copied()
        .unwrap_or(0)
}
