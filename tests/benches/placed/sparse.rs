//! Single calls, each after a pause.

use crate::floor::Floor;
use crate::{Cos, Outcome, ROUNDS, call, median, used};
use cosmos_tests::targets::Target;
use nix::sched::CpuSet;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// Set in a process that makes such calls, and waits by the futex alone.
const BY_FUTEX: &str = "COSMOSTEST_BY_FUTEX";
/// Calls a turn.
const TURN: usize = 20;

pub fn measure(vm: i32, cos: Cos, gap: Duration, far: &CpuSet) -> Outcome {
    let mut floors = [
        Floor::start("futex", far)?,
        Floor::start("futex, as a VM", far)?,
        Floor::start("futex, as a VM, as many pages", far)?,
    ];
    let mut plain = Plain::start()?;
    let (mut calls, mut by_futex) = (Vec::new(), Vec::new());
    let (mut futex, mut busy) = ([const { Vec::new() }; 3], Duration::ZERO);
    let before = used(vm)?;
    for _ in 0..ROUNDS {
        let begin = Instant::now();
        after_pauses(gap, &mut calls, || call(cos))?;
        busy += begin.elapsed();
        for (floor, times) in floors.iter_mut().zip(&mut futex) {
            after_pauses(gap, times, || floor.call())?;
        }
        plain.turn(gap, &mut by_futex)?;
    }
    let load = (used(vm)? - before) / busy.as_nanos() as f64;
    println!(
        "sparse, every {gap:?}: a call {}, the VM uses {:.2} % of a CPU",
        spread(&mut calls),
        100.0 * load,
    );
    let names = ["the futex", "as a VM", "as many pages"];
    for (name, times) in names.into_iter().zip(&mut futex) {
        beside(name, &calls, times);
    }
    let ratio = beside("a call by the futex", &calls, &mut by_futex);
    let [call, vm, waiting] = match gap.as_millis() {
        1 => [
            "a call every 1 ms",
            "the VM of a call every 1 ms",
            "a call every 1 ms, beside one by the futex",
        ],
        _ => [
            "a call every 10 ms",
            "the VM of a call every 10 ms",
            "a call every 10 ms, beside one by the futex",
        ],
    };
    Target::at_most(call, 10.0, "us").reached(median(&mut calls) / 1e3)?;
    Target::at_most(vm, 1.0, "% of a CPU").reached(100.0 * load)?;
    Ok(Target::at_most(waiting, 1.1, "x").reached(ratio)?)
}

/// Gives how many times as long a call takes.
fn beside(name: &str, calls: &[f64], times: &mut [f64]) -> f64 {
    let ratio = median(&mut calls.to_vec()) / median(times);
    println!("    {name:20} {}, a call is {ratio:.2} x", spread(times));
    ratio
}

fn after_pauses(gap: Duration, times: &mut Vec<f64>, mut call: impl FnMut() -> Outcome) -> Outcome {
    for _ in 0..TURN {
        std::thread::sleep(gap);
        let begin = Instant::now();
        call()?;
        times.push(begin.elapsed().as_nanos() as f64);
    }
    Ok(())
}

/// The median, what one in eight stays below, and what all but one in a hundred do. Sorts the values.
fn spread(values: &mut [f64]) -> String {
    let median = median(values) / 1e3;
    let eighth = values[values.len() / 8] / 1e3;
    let most = values[values.len() * 99 / 100] / 1e3;
    format!("{median:.2} us (1/8 {eighth:.2}, 99 % {most:.1})")
}

/// A process that makes calls of which each wait is a futex's alone: neither end looks for the other one in place of
/// sleeping, and nobody moves to the other one's CPU.
struct Plain {
    process: Child,
    turns: ChildStdin,
    times: BufReader<ChildStdout>,
}

impl Plain {
    fn start() -> Outcome<Plain> {
        let mut process = Command::new(std::env::current_exe()?)
            .env(BY_FUTEX, "1")
            .env("COSMOS_RING_SPIN_US", "0")
            .env("COSMOS_RING_COLOCATE", "0")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (Some(turns), Some(times)) = (process.stdin.take(), process.stdout.take()) else {
            return Err("a process without pipes".into());
        };
        let times = BufReader::new(times);
        Ok(Plain {
            process,
            turns,
            times,
        })
    }

    fn turn(&mut self, gap: Duration, times: &mut Vec<f64>) -> Outcome {
        writeln!(self.turns, "{}", gap.as_micros())?;
        let mut line = String::new();
        self.times.read_line(&mut line)?;
        let before = times.len();
        for time in line.split_whitespace() {
            times.push(time.parse()?);
        }
        match times.len() - before {
            TURN => Ok(()),
            _ => Err("the process that calls by the futex ended".into()),
        }
    }
}

impl Drop for Plain {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Whether this process is such a one.
pub fn is_asked_for() -> bool {
    std::env::var_os(BY_FUTEX).is_some()
}

/// Makes a turn for each line, of so many microseconds' pauses, and says what each of its calls took.
pub fn by_the_futex() -> Outcome {
    let library = cosmos::dlopen("libm.so.6")?;
    let function = library.function("double cos(double x)")?;
    // SAFETY: the prototype is the type.
    let cos: Cos = unsafe { std::mem::transmute(function.pointer()) };
    for line in std::io::stdin().lines() {
        let (gap, mut times) = (Duration::from_micros(line?.parse()?), Vec::new());
        after_pauses(gap, &mut times, || call(cos))?;
        let words: Vec<String> = times.iter().map(f64::to_string).collect();
        println!("{}", words.join(" "));
    }
    Ok(())
}
