//! Measuring two things in turns, a batch of one after a batch of the other, so that what else the
//! machine does meets both.

use std::time::{Duration, Instant};

/// Turns that a row and its yardstick take.
const ROUNDS: usize = 31;
/// How long a batch lasts, about.
const BATCH: Duration = Duration::from_millis(8);

/// What a measurement comes to.
pub type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

/// Fails a measurement of what was not done right.
///
/// # Errors
/// Where it was not.
pub fn check(right: bool, what: &str) -> Outcome {
    match right {
        true => Ok(()),
        false => Err(format!("{what}: what came back is wrong").into()),
    }
}

/// Nanoseconds of one: medians over the rounds.
#[derive(Clone, Copy, Debug)]
pub struct Pair {
    /// What is looked at.
    pub subject: f64,
    /// What it is compared with.
    pub yardstick: f64,
    /// The median of what each turn of the one was beside the turn of the other that followed: what both
    /// met, like where the host has the CPUs, is not in it.
    paired: f64,
}

impl Pair {
    /// How many times the yardstick the subject is.
    pub fn ratio(&self) -> f64 {
        self.paired
    }
}

/// Measures both in turns.
///
/// # Errors
/// What either of them gives.
pub fn compare(
    subject: &mut dyn FnMut() -> Outcome,
    yardstick: &mut dyn FnMut() -> Outcome,
) -> Outcome<Pair> {
    let counts = (calibrate(subject)?, calibrate(yardstick)?);
    in_turns(&mut || batch(counts.0, subject), &mut || {
        batch(counts.1, yardstick)
    })
}

/// Measures both in turns, one of each at a time, where each says itself how long it took: what it
/// needs before and after is not counted.
///
/// # Errors
/// What either of them gives.
pub fn compare_parts(
    subject: &mut dyn FnMut() -> Outcome<Duration>,
    yardstick: &mut dyn FnMut() -> Outcome<Duration>,
) -> Outcome<Pair> {
    let [pair] = compare_parts_with_each(subject, [yardstick])?;
    Ok(pair)
}

/// The same with several yardsticks, one of each after each subject.
///
/// # Errors
/// What any of them gives.
pub fn compare_parts_with_each<const N: usize>(
    subject: &mut dyn FnMut() -> Outcome<Duration>,
    mut yardsticks: [&mut dyn FnMut() -> Outcome<Duration>; N],
) -> Outcome<[Pair; N]> {
    // What only the first has to do.
    subject()?;
    for yardstick in &mut yardsticks {
        yardstick()?;
    }
    let (mut times, mut theirs) = (Vec::new(), [const { Vec::new() }; N]);
    for _ in 0..ROUNDS {
        times.push(subject()?.as_nanos() as f64);
        for (yardstick, times) in yardsticks.iter_mut().zip(&mut theirs) {
            times.push(yardstick()?.as_nanos() as f64);
        }
    }
    Ok(theirs.map(|theirs| pair(&times, theirs)))
}

fn in_turns(
    subject: &mut dyn FnMut() -> Outcome<f64>,
    yardstick: &mut dyn FnMut() -> Outcome<f64>,
) -> Outcome<Pair> {
    let mut times = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        times.0.push(subject()?);
        times.1.push(yardstick()?);
    }
    Ok(pair(&times.0, times.1))
}

fn pair(subjects: &[f64], yardsticks: Vec<f64>) -> Pair {
    let both = subjects.iter().zip(&yardsticks);
    let paired = both.map(|(subject, yardstick)| subject / yardstick);
    Pair {
        paired: median(paired.collect()),
        subject: median(subjects.to_vec()),
        yardstick: median(yardsticks),
    }
}

/// How many calls fill a batch.
fn calibrate(work: &mut dyn FnMut() -> Outcome) -> Outcome<u32> {
    let mut count = 1;
    while batch(count, work)? * f64::from(count) < BATCH.as_nanos() as f64 && count < 1 << 24 {
        count *= 2;
    }
    Ok(count)
}

fn batch(count: u32, work: &mut dyn FnMut() -> Outcome) -> Outcome<f64> {
    let begin = Instant::now();
    for _ in 0..count {
        work()?;
    }
    Ok(begin.elapsed().as_nanos() as f64 / f64::from(count))
}

/// The one in the middle.
///
/// # Panics
/// Where there is none.
pub fn median<T: PartialOrd + Copy>(mut values: Vec<T>) -> T {
    values.sort_by(|left, right| left.partial_cmp(right).expect("two numbers"));
    values[values.len() / 2]
}

/// The rows of a benchmark.
#[derive(Debug, Default)]
pub struct Report {
    rows: Vec<(String, Pair, String)>,
}

impl Report {
    /// Adds one.
    pub fn row(&mut self, subject: &str, pair: Pair, yardstick: &str) {
        self.rows
            .push((subject.to_owned(), pair, yardstick.to_owned()));
    }

    /// Prints a table.
    pub fn print(&self) {
        println!(
            "{:<40}{:>12}{:>14}{:>8}  yardstick",
            "through cosmos", "us", "yardstick us", "ratio"
        );
        for (subject, pair, yardstick) in &self.rows {
            println!(
                "{subject:<40}{:>12.2}{:>14.3}{:>8.2}  {yardstick}",
                pair.subject / 1e3,
                pair.yardstick / 1e3,
                pair.ratio()
            );
        }
    }

    /// The rows as JSON: subject, yardstick, nanoseconds of each, and the ratio.
    pub fn json(&self) -> String {
        let quoted = |text: &str| format!("\"{}\"", text.replace(['"', '\\'], "'"));
        let rows: Vec<String> = self
            .rows
            .iter()
            .map(|(subject, pair, yardstick)| {
                format!(
                    "  {{\"subject\": {}, \"subject_ns\": {:.1}, \"yardstick\": {}, \
                     \"yardstick_ns\": {:.1}, \"ratio\": {:.4}}}",
                    quoted(subject),
                    pair.subject,
                    quoted(yardstick),
                    pair.yardstick,
                    pair.ratio()
                )
            })
            .collect();
        format!("[\n{}\n]\n", rows.join(",\n"))
    }

    /// Writes the JSON to the file after `--json` on the command line, if there is one.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save(&self) -> std::io::Result<()> {
        let mut arguments = std::env::args().skip_while(|word| word != "--json");
        match arguments.nth(1) {
            Some(file) => std::fs::write(file, self.json()),
            None => Ok(()),
        }
    }
}
