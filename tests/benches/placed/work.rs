//! Work of a given time that an end does between what it gets and what it hands over.

use std::hint::black_box;
use std::time::Instant;

/// What the name of a floor has between itself and a number of nanoseconds.
const AND: &str = ", and ";
const TRIALS: u32 = 200;
const MANY: u32 = 10_000;

/// Multiplications, each of what the one before it gave.
pub struct Work(u32);

impl Work {
    /// As much at either end as the name of the floor says, in nanoseconds, if it says so.
    pub fn of(name: &str) -> Work {
        let nanoseconds = name
            .split_once(AND)
            .and_then(|(_, after)| after.split(' ').next()?.parse::<f64>().ok());
        match nanoseconds {
            Some(nanoseconds) => Work((nanoseconds / one()).round() as u32),
            None => Work(0),
        }
    }

    /// The same number, later.
    #[inline(always)]
    pub fn done_on(&self, number: f64) -> f64 {
        multiplied(number, self.0)
    }
}

#[inline(always)]
fn multiplied(mut number: f64, times: u32) -> f64 {
    for _ in 0..times {
        number *= black_box(1.0);
    }
    number
}

/// Nanoseconds that one takes at the least.
fn one() -> f64 {
    let took = |_| {
        let begin = Instant::now();
        black_box(multiplied(black_box(1.0), MANY));
        begin.elapsed().as_nanos() as f64 / f64::from(MANY)
    };
    (0..TRIALS).map(took).fold(f64::MAX, f64::min)
}
