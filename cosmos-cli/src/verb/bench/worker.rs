//! The process of a way: makes calls as it is told, and says what each took.

use super::native::Native;
use super::way::Way;
use crate::arguments::Bench;
use crate::literal::Given;
use cosmos::{Options, Value};
use std::fmt::Write as _;
use std::io::{self, BufRead, Write};
use std::time::{Duration, Instant};

/// Calls that are timed together where one alone is as short as reading the clock.
const TOGETHER: u32 = 64;
/// Below this a call is that short.
const SHORT: Duration = Duration::from_micros(1);
/// Most times of a turn.
const MOST: usize = 2000;

/// Does what comes over standard input, until that ends.
pub fn work(bench: &Bench, way: Way, prototype: &str, given: &Given) {
    let worked = match way {
        Way::Native => natively(bench, given),
        Way::Ring(level) | Way::Socket(level) | Way::There(level) => {
            in_a_vm(bench, level.name(), prototype, &given.values)
        }
    };
    if let Err(why) = worked {
        let why = why.lines().next().unwrap_or_default().to_owned();
        // Whoever would read it is what may be gone.
        let _ = say(&format!("failed: {why}"));
    }
}

fn natively(bench: &Bench, given: &Given) -> Result<(), String> {
    let mut native = Native::open(&bench.target, given)?;
    serve(&mut || {
        native.call();
        Ok(())
    })
}

fn in_a_vm(bench: &Bench, level: &str, prototype: &str, values: &[Value]) -> Result<(), String> {
    let options = bench
        .confinement
        .apply(Options::new())
        .isolation(level)
        .fresh(true);
    let failed = |error: cosmos::Error| error.to_string();
    let library = cosmos::dlopen_with(&bench.target, &options).map_err(failed)?;
    let function = library.function(prototype).map_err(failed)?;
    serve(&mut || function.call(values).map(drop).map_err(failed))
}

fn serve(call: &mut dyn FnMut() -> Result<(), String>) -> Result<(), String> {
    let mut together = None;
    for line in io::stdin().lock().lines() {
        let line = line.map_err(|error| error.to_string())?;
        let time = line.parse().map_err(|_| format!("'{line}' is no time"))?;
        let together = match together {
            Some(together) => together,
            None => *together.insert(try_out(call)?),
        };
        let mut answer = String::new();
        for took in turn(call, Duration::from_micros(time), together)? {
            let _ = write!(answer, "{took} ");
        }
        say(&answer).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// How many calls are timed together, as the first ones are: the very first does what is done once.
fn try_out(call: &mut dyn FnMut() -> Result<(), String>) -> Result<u32, String> {
    call()?;
    let begun = Instant::now();
    call()?;
    if begun.elapsed() > SHORT * 20 {
        return Ok(1);
    }
    let begun = Instant::now();
    for _ in 0..TOGETHER {
        call()?;
    }
    Ok(if begun.elapsed() < SHORT * TOGETHER {
        TOGETHER
    } else {
        1
    })
}

/// What each call took, in nanoseconds; at least one.
fn turn(
    call: &mut dyn FnMut() -> Result<(), String>,
    time: Duration,
    together: u32,
) -> Result<Vec<f64>, String> {
    let mut took = Vec::new();
    let begun = Instant::now();
    while took.is_empty() || begun.elapsed() < time && took.len() < MOST {
        let before = Instant::now();
        for _ in 0..together {
            call()?;
        }
        took.push(before.elapsed().as_nanos() as f64 / f64::from(together));
    }
    Ok(took)
}

fn say(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}
