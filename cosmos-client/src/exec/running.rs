//! A program that runs.

use super::program::Opened;
use crate::error::Error;
use crate::fork::Own;
use crate::link::Begun;
use crate::trace::Step;
use cosmos_program::terminal::resize;
use cosmos_rpc::message::crash::{Fallen, KeepReport};
use cosmos_rpc::message::vm::{Exec, ProgramEnd, Reached};
use cosmos_rpc::steering::{RECORD, Steer, Window};
use cosmos_rpc::{Fault, FaultCode};
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, send};
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// How much longer than the program's time its VM may take to say that it is over.
const GRACE: Duration = Duration::from_secs(15);
/// Bytes of the end of its standard error that a report of a crash has.
const LAST: usize = 4 << 10;
/// Read at once.
const PIECE: usize = 64 << 10;

/// A program that runs. Dropping it ends the program, with all that it started.
#[derive(Debug)]
pub struct Running {
    /// Our ends of the streams that are pipes: its standard input, output and error. The input is
    /// closed by dropping it.
    pub stdin: Option<File>,
    /// See `stdin`.
    pub stdout: Option<File>,
    /// See `stdin`.
    pub stderr: Option<File>,
    /// Our end of its terminal, where it has one: what is typed and what is shown. It is a terminal
    /// itself, or a socket where the program runs on another machine.
    pub terminal: Option<File>,
    opened: Arc<Opened>,
    begun: Option<Begun>,
    steering: Steering,
    timeout: Option<Duration>,
    since: Instant,
    /// Its command line, in words.
    line: String,
    /// The step that its run is, where a trace is written.
    pub(super) step: Option<Step>,
}

/// What a start gave.
pub(super) struct Started {
    pub(super) opened: Arc<Opened>,
    pub(super) begun: Begun,
    pub(super) steering: Own<UnixStream>,
    pub(super) streams: [Option<File>; 3],
    pub(super) terminal: Option<File>,
    pub(super) screen: Screen,
    pub(super) timeout: Option<Duration>,
    pub(super) line: String,
}

/// How a program ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Its exit code; 0 where a signal ended it.
    pub code: i32,
    /// The signal that ended it, or 0.
    pub signal: i32,
    /// Whether it was killed because its time was over.
    pub timed_out: bool,
    /// Processor time that it and what it waited for spent in user mode.
    pub user: Duration,
    /// Likewise in the kernel.
    pub system: Duration,
    /// The most memory that it or one of those had resident, in bytes.
    pub peak: u64,
    /// From its start to its end, as this process saw it.
    pub elapsed: Duration,
    /// The system calls that programs of its VM were refused until then, by the kernel's word, and how
    /// often each. What Landlock refuses is none of them.
    pub denials: Vec<(String, u64)>,
    /// The limit that it was ended for, where it was: `limits.cpu_seconds = 1`.
    pub limit: Option<Reached>,
    /// Where it crashed, as who ran it saw it.
    pub crash: Option<ProgramCrash>,
}

/// A crash of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramCrash {
    /// The number of the report that is kept of it, which `cosmos crash show` takes; empty: none is.
    pub report: String,
    /// The address that could not be used, where its signal tells one.
    pub address: Option<u64>,
    /// Its innermost calls, a line each.
    pub backtrace: Vec<String>,
}

/// What a program wrote, and how it ended.
#[derive(Clone, Debug)]
pub struct Captured {
    /// How it ended.
    pub ended: Ended,
    /// The beginning of its standard output.
    pub stdout: Vec<u8>,
    /// The beginning of its standard error.
    pub stderr: Vec<u8>,
    /// Whether it wrote more than was kept.
    pub is_truncated: bool,
}

/// The way to a program while it runs, for any thread.
#[derive(Clone, Debug)]
pub struct Steering {
    socket: Arc<Own<UnixStream>>,
    screen: Screen,
}

/// Where the terminal of a program is.
#[derive(Clone, Debug)]
pub(super) enum Screen {
    None,
    Here(Arc<File>),
    There,
}

impl Running {
    pub(super) fn new(started: Started) -> Running {
        let [stdin, stdout, stderr] = started.streams;
        Running {
            stdin,
            stdout,
            stderr,
            terminal: started.terminal,
            opened: started.opened,
            begun: Some(started.begun),
            steering: Steering {
                socket: Arc::new(started.steering),
                screen: started.screen,
            },
            timeout: started.timeout,
            since: Instant::now(),
            line: started.line,
            step: None,
        }
    }

    /// The way to it for other threads, while this one waits.
    pub fn steering(&self) -> Steering {
        self.steering.clone()
    }

    /// The name of its VM, `exec-3`.
    pub fn vm(&self) -> &str {
        self.opened.hold.label()
    }

    /// Waits for its end, and for that of all that it started. Its standard input, where that is a
    /// pipe, is closed first.
    ///
    /// # Errors
    /// `NoSuchTarget`, `NotLoadable` and `BadArgument` when it could not be started, `VmDied` when its
    /// VM ended.
    pub fn wait(mut self) -> Result<Ended, Error> {
        drop(self.stdin.take());
        let (mut ended, fallen) = self.ended()?;
        ended.crash = self.report(fallen, &ended, &[]);
        Ok(ended)
    }

    /// Reads what pipes of its outputs bring, at most `limit` bytes of each, and waits for its end.
    ///
    /// # Errors
    /// As [`Running::wait`].
    pub fn output(self, limit: usize) -> Result<Captured, Error> {
        self.capture(&[], limit)
    }

    /// Writes `input` to its standard input, reads its outputs, and waits for its end.
    pub(super) fn capture(mut self, input: &[u8], limit: usize) -> Result<Captured, Error> {
        let stdin = self.stdin.take();
        let streams = [self.stdout.take(), self.stderr.take()];
        thread::scope(|scope| {
            let begin = || -> io::Result<_> {
                let [stdout, stderr] = streams;
                // A program that does not read all of it is none that fails.
                let feed = move || stdin.map(|mut stdin| stdin.write_all(input));
                beside(scope, feed)?;
                let stdout = beside(scope, move || keep(stdout, limit))?;
                let stderr = beside(scope, move || keep(stderr, limit))?;
                Ok([stdout, stderr])
            };
            let readers = begin().map_err(|error| {
                // Those that were started would wait for what the program does next.
                self.stop();
                let message = format!("no thread can be started for its streams: {error}");
                Fault::host(FaultCode::System, message)
            })?;
            let ended = self.ended();
            let [stdout, stderr] = readers.map(|reader| reader.join().unwrap_or_default());
            let (mut ended, fallen) = ended?;
            ended.crash = self.report(fallen, &ended, &stderr.last());
            Ok(Captured {
                ended,
                is_truncated: stdout.is_truncated || stderr.is_truncated,
                stdout: stdout.first,
                stderr: stderr.first,
            })
        })
    }

    /// Has the program ended, with all that it started.
    fn stop(&self) {
        // Others may hold the socket still.
        let _ = self.steering.socket.shutdown(Shutdown::Both);
    }

    /// How it ended, and what is left of it where it crashed.
    fn ended(&mut self) -> Result<(Ended, Option<Box<Fallen>>), Error> {
        let place = format!("running {}", self.opened.path);
        let patience = self.timeout.map(|timeout| timeout + GRACE);
        let begun = self.begun.take().ok_or_else(|| {
            Fault::caller(FaultCode::BadArgument, "its end was waited for already")
        })?;
        let mut step = self.step.take();
        let finish = || self.opened.hold.finish::<Exec>(begun, patience, &place);
        let finished = match &mut step {
            None => finish(),
            Some(step) => step
                .within(finish)
                .inspect_err(|error| step.fail(error))
                .inspect(|end| note(step, end)),
        };
        drop(step);
        let mut end = finished?;
        let elapsed = self.since.elapsed();
        let fallen = end.fallen.take();
        let ended = Ended::new(&end, elapsed, self.opened.hold.denied_calls());
        Ok((ended, fallen))
    }

    /// Has a report kept of a crash, with the last that it wrote to its standard error.
    fn report(
        &self,
        fallen: Option<Box<Fallen>>,
        ended: &Ended,
        last: &[u8],
    ) -> Option<ProgramCrash> {
        let request = KeepReport {
            name: self.opened.hold.name().to_owned(),
            program: self.opened.path.clone(),
            command: self.line.clone(),
            stderr: String::from_utf8_lossy(last).into_owned(),
            age: u64::try_from(ended.elapsed.as_millis()).unwrap_or(u64::MAX),
            fallen: *fallen?,
        };
        let crash = self.opened.hold.keep_report(&request)?;
        Some(ProgramCrash {
            report: crash.id,
            address: crash.address,
            backtrace: crash.backtrace,
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.opened.hold.is_foreign() {
            self.stop();
        }
    }
}

/// Notes an end that is none of a program that did what it was run for.
fn note(step: &mut Step, end: &ProgramEnd) {
    match (end.timed_out, end.signal, end.code) {
        (true, ..) => step.fail(&"its time was over"),
        (false, 0, 0) => {}
        (false, 0, code) => step.fail(&format_args!("exit code {code}")),
        (false, signal, _) => step.fail(&format_args!("signal {signal}")),
    }
}

impl Ended {
    fn new(end: &ProgramEnd, elapsed: Duration, denials: Vec<(String, u64)>) -> Ended {
        Ended {
            code: end.code,
            signal: end.signal,
            timed_out: end.timed_out,
            user: Duration::from_micros(end.user),
            system: Duration::from_micros(end.system),
            peak: end.peak,
            elapsed,
            denials,
            limit: end.limit,
            crash: None,
        }
    }

    /// Whether it came to its own end with code 0.
    pub fn success(&self) -> bool {
        !self.timed_out && self.signal == 0 && self.code == 0
    }

    /// The code that a shell gives for it: its own, 128 and the signal's number, or 124 when its time
    /// was over.
    pub fn shell_code(&self) -> u8 {
        match (self.timed_out, self.signal) {
            (true, _) => 124,
            // The low eight bits are what any parent sees.
            (false, 0) => self.code as u8,
            (false, signal) => (128 + signal) as u8,
        }
    }
}

impl Steering {
    /// Gives the program a signal, by its number.
    ///
    /// # Errors
    /// `BadArgument` for what is no signal; `Disconnected` when it has ended.
    pub fn signal(&self, signal: i32) -> Result<(), Error> {
        self.tell(Steer::Signal(signal))
    }

    /// Gives a signal to every process of the program's group, as a terminal does.
    ///
    /// # Errors
    /// As [`Steering::signal`].
    pub fn signal_group(&self, signal: i32) -> Result<(), Error> {
        self.tell(Steer::SignalGroup(signal))
    }

    /// Gives its terminal another size; the programs on it are told by SIGWINCH.
    ///
    /// # Errors
    /// `BadArgument` when it has none; `Disconnected` when it has ended.
    pub fn resize(&self, window: Window) -> Result<(), Error> {
        match &self.screen {
            Screen::None => {
                let message = "the program has no terminal";
                Err(Fault::caller(FaultCode::BadArgument, message).into())
            }
            Screen::There => self.tell(Steer::Resized(window)),
            Screen::Here(terminal) => resize(&**terminal, window).map_err(|error| {
                let message = format!("the size of the program's terminal: {error}");
                Fault::host(FaultCode::System, message).into()
            }),
        }
    }

    fn tell(&self, record: Steer) -> Result<(), Error> {
        let bytes = record.encode();
        Steer::decode(bytes)
            .map_err(|_| Fault::caller(FaultCode::BadArgument, "this is no number of a signal"))?;
        // Records are small and read at once: a full socket is a keeper that is stuck.
        let flags = MsgFlags::MSG_NOSIGNAL | MsgFlags::MSG_DONTWAIT;
        match send(self.socket.as_raw_fd(), &bytes, flags) {
            Ok(RECORD) => Ok(()),
            Ok(_) | Err(Errno::EAGAIN) => Err(Fault::vm(
                FaultCode::TimedOut,
                "the program's keeper does not take signals",
            )
            .into()),
            Err(_) => Err(Fault::caller(FaultCode::Disconnected, "the program has ended").into()),
        }
    }

    /// The next that is told of the program: that it was stopped, by this signal, or that it goes on,
    /// 0. `None` once it has ended. One thread at a time waits for it.
    pub fn next(&self) -> Option<i32> {
        loop {
            let mut record = [0; RECORD];
            (&**self.socket).read_exact(&mut record).ok()?;
            match Steer::decode(record).ok()? {
                Steer::Started => {}
                Steer::Stopped(signal) => return Some(signal),
                Steer::Continued => return Some(0),
                // A VM says no such thing.
                Steer::Signal(_) | Steer::SignalGroup(_) | Steer::Resized(_) => return None,
            }
        }
    }
}

/// What is kept of a stream.
#[derive(Debug, Default)]
struct Kept {
    /// Its beginning, as much as there is room for.
    first: Vec<u8>,
    /// The last of what there was no room for.
    rest: Vec<u8>,
    is_truncated: bool,
}

impl Kept {
    fn take(&mut self, bytes: &[u8], limit: usize) {
        let room = limit.saturating_sub(self.first.len()).min(bytes.len());
        let (first, rest) = bytes.split_at(room);
        self.first.extend_from_slice(first);
        if !rest.is_empty() {
            self.is_truncated = true;
            self.rest.extend_from_slice(rest);
            let surplus = self.rest.len().saturating_sub(LAST);
            self.rest.drain(..surplus);
        }
    }

    /// The last bytes of the whole.
    fn last(&self) -> Vec<u8> {
        let wanted = LAST.saturating_sub(self.rest.len());
        let from = self.first.len().saturating_sub(wanted);
        let end = self.first.get(from..).unwrap_or_default();
        [end, &self.rest].concat()
    }
}

/// Does something on a thread of its own, where one can be started.
fn beside<'scope, T: Send + 'scope>(
    scope: &'scope thread::Scope<'scope, '_>,
    body: impl FnOnce() -> T + Send + 'scope,
) -> io::Result<thread::ScopedJoinHandle<'scope, T>> {
    thread::Builder::new().spawn_scoped(scope, body)
}

/// Reads to the end; at most `limit` bytes from its beginning are kept, and a few from its end.
fn keep(stream: Option<File>, limit: usize) -> Kept {
    let mut kept = Kept::default();
    let Some(mut stream) = stream else {
        return kept;
    };
    let mut piece = vec![0; PIECE];
    loop {
        match stream.read(&mut piece) {
            Ok(0) => return kept,
            Ok(count) => kept.take(piece.get(..count).unwrap_or_default(), limit),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return kept,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginning_and_end_of_a_stream_are_kept() {
        let text: Vec<u8> = (0..20_000u32).map(|number| number as u8).collect();
        for limit in [0, 10, 4000, 19_999, 20_000, 30_000] {
            for piece in [1, 7, 4096, 20_000] {
                let mut kept = Kept::default();
                text.chunks(piece).for_each(|bytes| kept.take(bytes, limit));
                assert_eq!(kept.first, text[..limit.min(text.len())]);
                assert_eq!(kept.is_truncated, limit < text.len());
                assert_eq!(kept.last(), text[text.len() - LAST..], "{limit} {piece}");
            }
        }
    }
}
