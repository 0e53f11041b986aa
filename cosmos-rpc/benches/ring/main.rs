//! What the ring costs beside the floors of this machine, in one run.
//!
//! A floor is the least that two processes can do to hand a number to each other: spinning on a
//! shared word, yielding between looks, sleeping on a futex, bytes through a Unix stream. Ring and
//! floors take turns in batches, each with a process of its own at the far end, which is stopped
//! while it is not its turn where it would not sleep; every round trip computes a cosine there. Absolute times move with the
//! machine; the ratios of one run are what to look at. Timing decides nothing.
//!
//! `cargo bench -p cosmos-rpc --bench ring [SCENARIO...]`

mod bursts;
mod ends;

use ends::{FAR_END, FUTEX, HOG, NearEnd, RING, Running, SOCKET, SPIN, YIELD, far_end};
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;
use std::sync::atomic::AtomicU32;
use std::time::{Duration, Instant};

const ROUNDS: usize = 15;

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
        bursts::run();
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
