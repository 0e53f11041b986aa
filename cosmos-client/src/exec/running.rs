//! A program that runs.

use super::program::Opened;
use crate::error::Error;
use crate::fork::Own;
use crate::link::Begun;
use cosmos_program::terminal::resize;
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
        self.ended()
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
            // A program that does not read all of it is none that fails.
            scope.spawn(move || stdin.map(|mut stdin| stdin.write_all(input)));
            let readers = streams.map(|stream| scope.spawn(move || keep(stream, limit)));
            let ended = self.ended();
            let [stdout, stderr] = readers.map(|reader| reader.join().unwrap_or_default());
            Ok(Captured {
                ended: ended?,
                is_truncated: stdout.1 || stderr.1,
                stdout: stdout.0,
                stderr: stderr.0,
            })
        })
    }

    fn ended(&mut self) -> Result<Ended, Error> {
        let place = format!("running {}", self.opened.path);
        let patience = self.timeout.map(|timeout| timeout + GRACE);
        let begun = self.begun.take().ok_or_else(|| {
            Fault::caller(FaultCode::BadArgument, "its end was waited for already")
        })?;
        let end = self.opened.hold.finish::<Exec>(begun, patience, &place)?;
        let elapsed = self.since.elapsed();
        Ok(Ended::new(end, elapsed, self.opened.hold.denied_calls()))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Others may hold the socket still.
        if !self.opened.hold.is_foreign() {
            let _ = self.steering.socket.shutdown(Shutdown::Both);
        }
    }
}

impl Ended {
    fn new(end: ProgramEnd, elapsed: Duration, denials: Vec<(String, u64)>) -> Ended {
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

/// Reads to the end; at most `limit` bytes of it, and whether there was more.
fn keep(stream: Option<File>, limit: usize) -> (Vec<u8>, bool) {
    let Some(mut stream) = stream else {
        return (Vec::new(), false);
    };
    let mut kept = Vec::new();
    let mut piece = vec![0; PIECE];
    let mut is_truncated = false;
    loop {
        match stream.read(&mut piece) {
            Ok(0) => return (kept, is_truncated),
            Ok(count) => {
                let room = limit - kept.len();
                let read = piece.get(..count).unwrap_or_default();
                kept.extend_from_slice(read.get(..room.min(count)).unwrap_or_default());
                is_truncated |= count > room;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return (kept, is_truncated),
        }
    }
}
