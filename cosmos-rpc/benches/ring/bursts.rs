//! Calls back to back after a pause.

use super::ends::{NearEnd, RING, SPIN};
use super::quantile;
use nix::sched::sched_getaffinity;
use nix::unistd::Pid;
use std::time::Duration;

/// Times from which a call counts as a long one.
const LONG: u64 = 1_500;

/// As most programs make them, beside as many without a pause by spinning: what a call of a burst takes on average, and how many of them took long.
pub(super) fn run() {
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
                floor.call();
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
