//! What reading a prototype costs, for every function of the corpus.
//!
//! Each row is measured in turns with a yardstick: serde_json reading the words of the same text as
//! an array of strings, which is about the least that tokens in memory of their own can cost. The
//! ratio of the medians is what to look at; timing decides nothing.
//!
//! `cargo bench -p callframe --bench parse`

#[path = "../tests/common/mod.rs"]
mod common;

use callframe::{DataModel, Template, parse};
use common::ROWS;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Turns that a row and its yardstick take.
const ROUNDS: usize = 31;
/// Repetitions of a turn.
const BATCH: u32 = 64;

fn main() {
    // `cargo test --benches` runs it too, and is no place to measure.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    println!(
        "{:44} {:>10} {:>10} {:>8} {:>12}",
        "", "parse", "JSON", "ratio", "and lay out"
    );
    let mut slowest = Duration::ZERO;
    for (text, _) in ROWS {
        slowest = slowest.max(row(text));
    }
    println!("the slowest takes {:.1} us", micros(slowest));
}

fn row(text: &str) -> Duration {
    let words: Vec<&str> = text.split_whitespace().collect();
    let json = serde_json::to_string(&words).expect("strings");
    let (mut ours, mut theirs, mut laid_out) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(time(|| {
            let _ = black_box(parse(black_box(text)));
        }));
        theirs.push(time(|| {
            let _ = black_box(serde_json::from_str::<Vec<String>>(black_box(&json)));
        }));
        laid_out.push(time(|| {
            let frame = parse(black_box(text)).map(Arc::new);
            let _ = black_box(frame.map(|frame| Template::of(&frame, DataModel::LP64)));
        }));
    }
    let [ours, theirs, laid_out] = [ours, theirs, laid_out].map(median);
    let name = parse(text).map_or_else(
        |error| error.code().to_string(),
        |frame| frame.name().to_owned(),
    );
    println!(
        "{name:44} {:>7.2} us {:>7.2} us {:>8.1} {:>9.2} us",
        micros(ours),
        micros(theirs),
        ours.as_secs_f64() / theirs.as_secs_f64(),
        micros(laid_out),
    );
    ours
}

fn time(mut work: impl FnMut()) -> Duration {
    let begun = Instant::now();
    for _ in 0..BATCH {
        work();
    }
    begun.elapsed() / BATCH
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
