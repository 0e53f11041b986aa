//! Turns: a batch of each system after a batch of each other one, so that what else the machine does
//! meets all of them, and what a row comes to.

use crate::far::{Far, Placement, place, place_here};
use crate::peers::{Outcome, Peer, System, compared, reset};
use std::time::{Duration, Instant};

/// How long a batch of one system takes, about.
const BATCH: Duration = Duration::from_millis(3);
/// Most of a batch, and most of it that are timed one by one.
const MOST: u32 = 1 << 13;
const SINGLE: u32 = 200;
/// A system that took so long for a row has no more turns, once it has had a few.
const LONG: Duration = Duration::from_secs(2);
const FEWEST: usize = 3;
pub const CALLS: usize = 1000;
pub const ELEMENTS: usize = 10_000;

/// What is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload {
    /// `cos`.
    Scalar,
    /// So many bytes there, and as many back.
    Bytes(usize),
    /// [`CALLS`] calls, handed over together where there is a way.
    Batch,
    /// [`ELEMENTS`] numbers, sorted at the far end by a function of the near one's.
    Sort,
}

impl Payload {
    pub const DENSE: [Payload; 4] = [
        Payload::Scalar,
        Payload::Bytes(4096),
        Payload::Bytes(1 << 20),
        Payload::Batch,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Payload::Scalar => "cos",
            Payload::Bytes(4096) => "4 KiB in and out",
            Payload::Bytes(_) => "1 MiB in and out",
            Payload::Batch => "1,000 calls at once",
            Payload::Sort => "10,000 sorted, called back",
        }
    }

    fn word(self) -> String {
        match self {
            Payload::Scalar => "cos".to_owned(),
            Payload::Bytes(size) => format!("echo{size}"),
            Payload::Batch => "batch".to_owned(),
            Payload::Sort => "sort".to_owned(),
        }
    }
}

/// Nanoseconds of one.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// The median of the rounds' means.
    pub median: f64,
    /// The 99th percentile of those that were timed alone.
    pub p99: f64,
}

/// A system that was started and connected.
pub struct Ready {
    pub system: System,
    peer: Box<dyn Peer>,
    far: Option<Far>,
    given: Vec<u8>,
    back: Vec<u8>,
}

impl Ready {
    /// Whether it is worth a row there: who spins beside somebody else waits for whole time slices.
    pub fn belongs(system: &System, placement: Placement) -> bool {
        match placement {
            Placement::TwoCores => true,
            Placement::OneCore => system.name != "spin on shared memory",
            Placement::BusyNeighbour => !matches!(
                system.name,
                "spin on shared memory" | "yield on shared memory"
            ),
        }
    }

    /// Starts the far end, connects, and places both.
    pub fn start(system: System, placement: Placement) -> Outcome<Ready> {
        let far = match system.has_far {
            true => Some(Far::start(&["far", system.name])?),
            false => None,
        };
        if let Some(far) = &far {
            place(far.pid(), &placement.far()?)?;
        }
        let peer = (system.connect)(far.as_ref())?;
        let mut ready = Ready {
            system,
            peer,
            far,
            given: Vec::new(),
            back: Vec::new(),
        };
        // What its threads are is known once it serves.
        let _ = ready.once(Payload::Scalar);
        let _ = ready.once(Payload::Bytes(4096));
        ready.place(placement)?;
        ready.rest()?;
        Ok(ready)
    }

    fn place(&mut self, placement: Placement) -> Outcome {
        let mut processes = self.peer.others()?;
        processes.extend(self.far.as_ref().map(Far::pid));
        for process in processes {
            place(process, &placement.far()?)?;
        }
        Ok(())
    }

    /// Keeps a far end that spins from the others' turns.
    fn rest(&self) -> Outcome {
        match &self.far {
            Some(far) if self.system.spins => far.stop(),
            _ => Ok(()),
        }
    }

    fn rise(&self) -> Outcome {
        match &self.far {
            Some(far) if self.system.spins => far.resume(),
            _ => Ok(()),
        }
    }

    /// One; `false` where the system has nothing for that.
    fn once(&mut self, payload: Payload) -> Outcome<bool> {
        match payload {
            Payload::Scalar => {
                let x = std::hint::black_box(0.5f64);
                match (self.peer.cos(x)? - x.cos()).abs() < 1e-9 {
                    true => Ok(true),
                    false => Err("cos gave a wrong answer".into()),
                }
            }
            Payload::Bytes(size) => {
                if self.given.len() != size {
                    self.given = (0..size).map(|at| (at * 31 + 7) as u8).collect();
                    self.back = vec![0; size];
                }
                self.back[size - 1] = !self.given[size - 1];
                let has = self.peer.echo(&self.given, &mut self.back)?;
                match !has || self.back[size - 1] == self.given[size - 1] {
                    true => Ok(has),
                    false => Err("other bytes came back".into()),
                }
            }
            Payload::Batch => self.peer.batch(CALLS).map(|()| true),
            Payload::Sort => self.sort(),
        }
    }

    fn sort(&mut self) -> Outcome<bool> {
        let mut random = 1u32;
        let mut numbers: Vec<i32> = std::iter::repeat_with(|| {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (random >> 8) as i32
        })
        .take(ELEMENTS)
        .collect();
        let mut sorted = numbers.clone();
        sorted.sort_unstable();
        let has = self.peer.sort(&mut numbers)?;
        match !has || numbers == sorted {
            true => Ok(has),
            false => Err("the numbers are not sorted".into()),
        }
    }

    fn batch(&mut self, payload: Payload, count: u32) -> Outcome<f64> {
        let begin = Instant::now();
        for _ in 0..count {
            self.once(payload)?;
        }
        Ok(begin.elapsed().as_nanos() as f64 / f64::from(count))
    }

    /// How many fill a batch; `None` where there is nothing for that.
    fn calibrate(&mut self, payload: Payload) -> Outcome<Option<u32>> {
        if self.peer.times(&payload.word(), 1).is_some() {
            return Ok(Some(1));
        }
        match self.once(payload) {
            Ok(true) => {}
            Ok(false) => return Ok(None),
            // A row that is about something else.
            Err(_) if self.system.name == "memcpy" || self.system.name == "cosmos, arena" => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        }
        let took = self.batch(payload, 1)?.max(1.0);
        let count = BATCH.as_nanos() as f64 / took;
        Ok(Some((count as u32).clamp(1, MOST)))
    }

    /// One turn: the mean of a batch, and some one by one.
    fn turn(&mut self, payload: Payload, count: u32, single: &mut Vec<f64>) -> Outcome<f64> {
        if let Some(times) = self.peer.times(
            &payload.word(),
            if payload == Payload::Scalar { 50 } else { 3 },
        ) {
            let times = times?;
            single.extend(&times);
            return Ok(times.iter().sum::<f64>() / times.len() as f64);
        }
        self.once(payload)?;
        let mean = self.batch(payload, count)?;
        for _ in 0..count.min(SINGLE) {
            single.push(self.batch(payload, 1)?);
        }
        Ok(mean)
    }
}

/// A row of the table.
pub struct Row {
    pub placement: Placement,
    pub payload: Payload,
    pub system: &'static str,
    pub times: Times,
}

/// Measures all of them in turns. One that fails is left out, by name.
pub fn dense(
    ready: &mut Vec<Ready>,
    placement: Placement,
    payload: Payload,
    rounds: usize,
) -> Outcome<Vec<Row>> {
    place_here(&placement.near()?)?;
    let mut counts = Vec::new();
    for one in ready.iter_mut() {
        one.rise()?;
        let count = one.calibrate(payload).unwrap_or_else(|error| {
            eprintln!("{}, {}: left out: {error}", one.system.name, payload.name());
            None
        });
        one.rest()?;
        counts.push(count);
    }
    let mut means = vec![Vec::new(); ready.len()];
    let mut spent = vec![Duration::ZERO; ready.len()];
    let mut single = vec![Vec::new(); ready.len()];
    for _ in 0..rounds {
        for (index, one) in ready.iter_mut().enumerate() {
            let Some(count) = counts[index] else { continue };
            if spent[index] > LONG && means[index].len() >= FEWEST {
                continue;
            }
            one.rise()?;
            let begin = Instant::now();
            match one.turn(payload, count, &mut single[index]) {
                Ok(mean) => means[index].push(mean),
                Err(error) => {
                    eprintln!("{}, {}: left out: {error}", one.system.name, payload.name());
                    counts[index] = None;
                }
            }
            spent[index] += begin.elapsed();
            one.rest()?;
        }
    }
    let mut rows = Vec::new();
    for (index, one) in ready.iter().enumerate() {
        if counts[index].is_some() {
            rows.push(Row {
                placement,
                payload,
                system: one.system.name,
                times: Times {
                    median: quantile(&mut means[index], 0.5),
                    p99: quantile(&mut single[index], 0.99),
                },
            });
        }
    }
    Ok(rows)
}

/// Sorting once each: it takes seconds where each comparison is a message.
pub fn sorting(ready: &mut Vec<Ready>, placement: Placement) -> Outcome<Vec<Row>> {
    place_here(&placement.near()?)?;
    let mut rows = Vec::new();
    for one in ready.iter_mut() {
        one.rise()?;
        reset();
        let begin = Instant::now();
        let done = match one.peer.times("sort", 1) {
            Some(times) => times.map(|times| times.first().copied()),
            None => one
                .sort()
                .map(|has| has.then(|| begin.elapsed().as_nanos() as f64)),
        };
        one.rest()?;
        match done {
            Ok(Some(took)) => {
                if compared() > 0 {
                    println!(
                        "    {:<24} {:>9.2} ms, {} comparisons, {:.3} us each",
                        one.system.name,
                        took / 1e6,
                        compared(),
                        took / 1e3 / compared() as f64
                    );
                }
                rows.push(Row {
                    placement,
                    payload: Payload::Sort,
                    system: one.system.name,
                    times: Times {
                        median: took,
                        p99: took,
                    },
                });
            }
            Ok(None) => {}
            Err(error) => eprintln!("{}, sorting: left out: {error}", one.system.name),
        }
    }
    Ok(rows)
}

/// Sorts the values; 0 where there are none.
pub fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = ((values.len() as f64) * share) as usize;
    values
        .get(at.min(values.len().saturating_sub(1)))
        .copied()
        .unwrap_or(0.0)
}
