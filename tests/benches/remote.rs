//! What running a program on another machine costs beside plain ssh, in one run.
//!
//! | row | yardstick |
//! |---|---|
//! | `cosmos exec --host`, a new connection each | `ssh`, likewise |
//! | the same over a master connection (`ControlMaster`) | `ssh` over that master |
//! | a program that is open already, run again by the library | likewise |
//! | 100 MB through `cat`, in and out | the same through `ssh` and `cat` |
//!
//! The other machine is this one, by a real sshd. The two take turns; each figure is a median, and what
//! each does last is wait for the end. `cargo bench -p cosmos-tests --bench remote`. The exit status says
//! whether every byte arrived and every program ended well.

use cosmos::{Options, Program};
use cosmos_tests::built_with;
use cosmos_tests::machine::{Machine, THERE};
use cosmos_tests::stream::there_and_back;
use cosmos_tests::turns::{Outcome, check, median};
use std::fs::File;
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const BYTES: usize = 100_000_000;
const COLD: usize = 20;
const WARM: usize = 60;
const STREAMS: usize = 5;

fn main() -> Outcome {
    if !cosmos_tests::is_measuring() {
        return Ok(());
    }
    let directory = tempfile::Builder::new().prefix("cr-").tempdir()?;
    let Some(machine) = Machine::measured(&directory.path().join("there")) else {
        return Ok(());
    };
    compare("cold, a new connection each", COLD, ours(), plain(&machine))?;
    streams(&machine)?;

    let master = directory.path().join("m");
    let more = format!(
        " ControlMaster auto\n ControlPath {}\n ControlPersist 600\n",
        master.display()
    );
    machine.settings("user", &more);
    compare("warm, over a master", WARM, ours(), plain(&machine))?;
    let options = Options::new().host(THERE.parse()?);
    let program = Program::open("true", &options)?;
    let again = || {
        let status = program.command().status()?;
        check(status.success(), "cosmos exec")
    };
    compare("warm, run again", WARM, again, plain(&machine))?;
    drop(program);
    let end = Command::new(machine.ssh())
        .args(["-O", "exit", "there"])
        .stderr(Stdio::null())
        .status()?;
    check(end.success(), "ssh")?;
    stop_there(directory.path())
}

fn cosmos() -> Command {
    let needed = [
        "cosmos",
        "cosmosdb",
        "cosmosd",
        "cosmos-launch",
        "cosmos-relay",
        "cosmos-exec",
    ];
    Command::new(built_with(&needed).join("cosmos"))
}

fn ours() -> impl FnMut() -> Outcome {
    || {
        let mut command = cosmos();
        command.args(["exec", "--host", THERE, "--", "true"]);
        check(
            command.stdin(Stdio::null()).status()?.success(),
            "cosmos exec",
        )
    }
}

fn plain(machine: &Machine) -> impl FnMut() -> Outcome + use<> {
    let ssh = machine.ssh();
    move || {
        let mut command = Command::new(&ssh);
        command.args(["-T", "there", "true"]).stdin(Stdio::null());
        check(command.status()?.success(), "ssh")
    }
}

fn compare(
    name: &str,
    rounds: usize,
    mut ours: impl FnMut() -> Outcome,
    mut plain: impl FnMut() -> Outcome,
) -> Outcome {
    // Starts what has to be started, the master among it.
    plain()?;
    ours()?;
    let (mut times, mut yardstick) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        times.push(timed(&mut ours)?);
        yardstick.push(timed(&mut plain)?);
    }
    let (ours, plain) = (median(times), median(yardstick));
    println!(
        "{name:28} {:7.1} ms   ssh {:7.1} ms   ratio {:.2}",
        ours.as_secs_f64() * 1e3,
        plain.as_secs_f64() * 1e3,
        ours.as_secs_f64() / plain.as_secs_f64()
    );
    Ok(())
}

fn timed(work: &mut impl FnMut() -> Outcome) -> Outcome<Duration> {
    let begin = Instant::now();
    work()?;
    Ok(begin.elapsed())
}

fn streams(machine: &Machine) -> Outcome {
    let (mut ours, mut plain) = (Vec::new(), Vec::new());
    for _ in 0..STREAMS {
        let mut command = cosmos();
        ours.push(through(
            command.args(["exec", "--host", THERE, "--", "cat"]),
        )?);
        plain.push(through(
            Command::new(machine.ssh()).args(["-T", "there", "cat"]),
        )?);
    }
    let (ours, plain) = (median(ours), median(plain));
    let speed = |time: Duration| BYTES as f64 / 1e6 / time.as_secs_f64();
    println!(
        "100 MB in and out            {:7.0} MB/s ssh {:7.0} MB/s ratio {:.2}",
        speed(ours),
        speed(plain),
        speed(ours) / speed(plain)
    );
    Ok(())
}

fn through(command: &mut Command) -> Outcome<Duration> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let ends = child.stdin.take().zip(child.stdout.take());
    let (input, output) = ends.ok_or("no pipes")?;
    let (input, output): (OwnedFd, OwnedFd) = (input.into(), output.into());
    let took = there_and_back(File::from(input), File::from(output), BYTES)?;
    check(child.wait()?.success(), "the program")?;
    Ok(took)
}

/// The daemons of the machine do not end by themselves.
fn stop_there(directory: &std::path::Path) -> Outcome {
    let mut command = cosmos();
    command.env("COSMOS_SOCKET_DIRECTORY", directory.join("there/s"));
    check(command.arg("stop").status()?.success(), "cosmos stop")
}
