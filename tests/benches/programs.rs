//! What running a program through cosmos costs beside running it here, in one run.
//!
//! | row | yardstick | floor or ceiling |
//! |---|---|---|
//! | 200 MB through `cat`, in and out | the same through `cat` and two pipes of this process | at least 0.7 of its speed |
//! | `true`, from start to end, at each level | posix_spawn of it, and waiting | at most 1.3 of its time at level `none` |
//! | the same without a report of a crash, which nobody need be ready to make | likewise | |
//!
//! The two take turns; each figure is a median. `cargo bench -p cosmos-tests --bench programs`. The exit
//! status says whether every byte arrived; what lies beyond a bound is said with the other targets.

use cosmos::{Options, Program, Stream};
use cosmos_tests::stream::there_and_back;
use cosmos_tests::targets::Target;
use cosmos_tests::turns::{Outcome, check, median};
use std::fs::File;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const BYTES: usize = 200_000_000;
const STREAM_ROUNDS: usize = 5;
const LAUNCHES: usize = 300;
const SPEED: Target = Target::at_least("200 MB through a program", 0.7, "x plain pipes");
const START: Target = Target::at_most("a short program, at level none", 1.3, "x posix_spawn");

fn main() -> Outcome {
    if !cosmos_tests::is_measuring() {
        return Ok(());
    }
    streams()?;
    for level in ["none", "limits", "landlock+seccomp", "namespaces"] {
        launches(level)?;
    }
    Ok(())
}

fn streams() -> Outcome {
    let program = Program::open("cat", &Options::new())?;
    let (mut ours, mut plain) = (Vec::new(), Vec::new());
    for _ in 0..STREAM_ROUNDS {
        let mut command = program.command();
        let mut running = command.stdin(Stream::Pipe).stdout(Stream::Pipe).spawn()?;
        let ends = running.stdin.take().zip(running.stdout.take());
        let (input, output) = ends.ok_or("no pipes")?;
        ours.push(there_and_back(input, output, BYTES)?);
        check(running.wait()?.success(), "cosmos exec")?;

        let mut child = Command::new("cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let ends = child.stdin.take().zip(child.stdout.take());
        let (input, output) = ends.ok_or("no pipes")?;
        let file = |end: std::os::fd::OwnedFd| File::from(end);
        plain.push(there_and_back(
            file(input.into()),
            file(output.into()),
            BYTES,
        )?);
        check(child.wait()?.success(), "the program")?;
    }
    let (ours, plain) = (median(ours), median(plain));
    let speed = |time: Duration| BYTES as f64 / 1e6 / time.as_secs_f64();
    let ratio = speed(ours) / speed(plain);
    println!(
        "200 MB in and out      {:7.0} MB/s   plain pipes {:7.0} MB/s   ratio {ratio:.2}",
        speed(ours),
        speed(plain),
    );
    Ok(SPEED.reached(ratio)?)
}

fn launches(level: &str) -> Outcome {
    let options = Options::new().isolation(level);
    let program = match Program::open("true", &options) {
        Ok(program) => program,
        Err(error) => {
            println!("true at {level:16} not to be had here: {error}");
            return Ok(());
        }
    };
    let path = program.path().to_owned();
    let ours = |reported: bool| -> Outcome<Duration> {
        let begin = Instant::now();
        let mut command = program.command();
        // At every level there.
        let status = command.crash_report(reported).current_dir("/").status()?;
        check(status.success(), "cosmos exec")?;
        Ok(begin.elapsed())
    };
    let plain = || -> Outcome<Duration> {
        let mut command = Command::new(&path);
        let begin = Instant::now();
        check(command.current_dir("/").status()?.success(), "the program")?;
        Ok(begin.elapsed())
    };
    let (mut times, mut bare, mut yardstick) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..LAUNCHES {
        let turn = (ours(true)?, plain()?, ours(false)?);
        // The first find nothing warm.
        if round >= LAUNCHES / 10 {
            times.push(turn.0);
            yardstick.push(turn.1);
            bare.push(turn.2);
        }
    }
    let (ours, bare, plain) = (median(times), median(bare), median(yardstick));
    let to_plain = |time: Duration| time.as_secs_f64() / plain.as_secs_f64();
    let ratio = to_plain(ours);
    if level == "none" {
        START.reached(ratio)?;
    }
    println!(
        "true at {:16} {:6.0} us   posix_spawn {:6.0} us   ratio {ratio:.2}   without reports {:.2}",
        program.isolation(),
        ours.as_secs_f64() * 1e6,
        plain.as_secs_f64() * 1e6,
        to_plain(bare),
    );
    Ok(())
}
