//! What opening costs beside what the machine allows, in one run, in turns.
//!
//! | row | yardstick |
//! |---|---|
//! | open a library again, close it | 64 bytes there and back through a Unix socket to a process |
//! | the same where it was closed meanwhile | the same |
//! | start a VM, open, resolve, call: until the result is there | a process starts one that starts one, which opens the library, calls the function, and answers once over a socket: until the answer is there |
//! | the same, and the end | the same, until both have ended |
//!
//! cosmos starts a launcher, which starts the VM: each is an executable of its own, so there are two
//! starts on either side. The launcher stays, as the one in the middle does.
//!
//! `cargo bench -p cosmos-tests --bench opening [-- --json FILE]`. Timing decides nothing.

use cosmos_tests::targets::Target;
use cosmos_tests::turns::{Outcome, Report, check, compare, compare_parts};
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Set in the processes of the yardsticks: what each is.
const PART: &str = "COSMOSTEST_PART";
const LIBRARY: &str = "libz.so.1";
const FUNCTION: &str = "uLong zlibCompileFlags(void)";
/// For what was started to end, before something else is started that is measured.
const SETTLE: Duration = Duration::from_millis(5);

fn main() -> Outcome {
    match std::env::var(PART).as_deref() {
        Ok("echo") => return echo(),
        Ok("middle") => return middle(),
        Ok("last") => return last(),
        _ => {}
    }
    if !cosmos_tests::is_measuring() {
        return Ok(());
    }
    let mut report = Report::default();
    again(&mut report)?;
    cold(&mut report)?;
    report.print();
    Ok(report.save()?)
}

fn again(report: &mut Report) -> Outcome {
    let first = cosmos::dlopen(LIBRARY)?;
    let mut far = Echo::start()?;
    let mut open = || Ok(cosmos::dlopen(LIBRARY)?.close()?);
    let pair = compare(&mut open, &mut || far.round())?;
    report.row("open again, close", pair, "64 bytes through a socket");
    Target::at_most("second open of a library", 2.0, "x a socket request").reached(pair.ratio())?;
    let mut resolve = || {
        let library = cosmos::dlopen(LIBRARY)?;
        library.function(FUNCTION)?;
        Ok(library.close()?)
    };
    let pair = compare(&mut resolve, &mut || far.round())?;
    report.row(
        "open again, resolve, close",
        pair,
        "64 bytes through a socket",
    );
    first.close()?;
    let pair = compare(&mut open, &mut || far.round())?;
    report.row(
        "open what was closed, close",
        pair,
        "64 bytes through a socket",
    );
    Ok(())
}

fn cold(report: &mut Report) -> Outcome {
    let pair = compare_parts(&mut || start(SETTLE), &mut || chain(SETTLE))?;
    Target::at_most("cold open to first result", 1.5, "x two starts and dlopen")
        .reached(pair.ratio())?;
    report.row(
        "start a VM, open, call",
        pair,
        "two starts, dlopen, one answer",
    );
    let pair = compare(&mut || start(Duration::ZERO).map(drop), &mut || {
        chain(Duration::ZERO).map(drop)
    })?;
    report.row(
        "start a VM, open, call, end",
        pair,
        "two starts, dlopen, one answer, both ends",
    );
    Ok(())
}

/// Until the first result of a VM of its own; then it is closed, and has this long to end.
fn start(settle: Duration) -> Outcome<Duration> {
    let begin = Instant::now();
    let options = cosmos::Options::new().fresh(true);
    let library = cosmos::dlopen_with(LIBRARY, &options)?;
    let outcome = library.function(FUNCTION)?.call(&[])?;
    let took = begin.elapsed();
    check(outcome.result != cosmos::Value::Int(0), FUNCTION)?;
    library.close()?;
    sleep(settle);
    Ok(took)
}

/// Starts a process that starts the last one, until its answer; then waits for the end of both.
fn chain(settle: Duration) -> Outcome<Duration> {
    let begin = Instant::now();
    let (mut ours, theirs) = UnixStream::pair()?;
    let mut middle = part("middle", theirs)?;
    let mut answer = [0; 8];
    ours.read_exact(&mut answer)?;
    let took = begin.elapsed();
    drop(ours);
    middle.wait()?;
    check(u64::from_ne_bytes(answer) != 0, FUNCTION)?;
    sleep(settle);
    Ok(took)
}

fn middle() -> Outcome {
    let socket = std::io::stdin().as_fd().try_clone_to_owned()?;
    part("last", UnixStream::from(socket))?.wait()?;
    Ok(())
}

fn last() -> Outcome {
    let mut socket = UnixStream::from(std::io::stdin().as_fd().try_clone_to_owned()?);
    // SAFETY: zlib's constructors do nothing; the function has this type.
    let flags = unsafe {
        let library = libloading::Library::new(LIBRARY)?;
        let function = library.get::<extern "C" fn() -> u64>(b"zlibCompileFlags\0")?;
        function()
    };
    socket.write_all(&flags.to_ne_bytes())?;
    // The VM of the row lives until its client goes.
    let _ = socket.read(&mut [0]);
    Ok(())
}

fn part(name: &str, socket: UnixStream) -> Outcome<Child> {
    let child = Command::new(std::env::current_exe()?)
        .env(PART, name)
        .stdin(OwnedFd::from(socket))
        .stdout(Stdio::null())
        .spawn()?;
    Ok(child)
}

/// A process that answers 64 bytes with 64 bytes.
struct Echo {
    process: Child,
    socket: UnixStream,
}

impl Echo {
    fn start() -> Outcome<Echo> {
        let (socket, theirs) = UnixStream::pair()?;
        let process = part("echo", theirs)?;
        Ok(Echo { process, socket })
    }

    fn round(&mut self) -> Outcome {
        let mut bytes = [1; 64];
        self.socket.write_all(&bytes)?;
        Ok(self.socket.read_exact(&mut bytes)?)
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn echo() -> Outcome {
    let mut socket = UnixStream::from(std::io::stdin().as_fd().try_clone_to_owned()?);
    let mut bytes = [0; 64];
    while socket.read_exact(&mut bytes).is_ok() {
        socket.write_all(&bytes)?;
    }
    Ok(())
}
