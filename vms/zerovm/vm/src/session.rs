//! A session, from the VM: started, given what it needs, and heard.

use crate::SESSION;
use crate::child::Order;
use crate::nexe::Nexe;
use crate::pump;
use cosmos_rpc::{Fault, FaultCode};
use nix::errno::Errno;
use nix::libc::SIGALRM;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::stat::{SFlag, fstat};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
use zerovm::{descriptors, process, signals};
use zerovm_session::report::{Report, ValidatorState};

/// Runs a program with these streams; the report of it, or none where its time was over and it was
/// killed.
///
/// # Errors
/// `Cancelled` when nobody takes what it writes, and what keeps a session from being there.
pub(crate) fn run(
    order: &Order,
    streams: [OwnedFd; 3],
    timeout: Option<Duration>,
) -> Result<Option<Report>, Fault> {
    let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    let [input, output, error] = streams.map(File::from);
    let input = Input::of(input)?;
    let (written, output_end) = pipe()?;
    let (complained, error_end) = pipe()?;
    let (socket, theirs) = process::pair().map_err(|error| system("a socket", error.into()))?;
    let session = Session::start(theirs, output_end, error_end)?;
    let report = thread::scope(|scope| {
        scope.spawn(|| session.forward(&written, &output));
        scope.spawn(|| session.forward(&complained, &error));
        if let Some((file, end)) = input.pumped {
            // A guest that does not read all of it is none that fails.
            scope.spawn(move || drop(pump::carry(&file, &end)));
        }
        session.converse(socket, input.guests, order, deadline)
    });
    if session.is_unheard.load(Ordering::Acquire) {
        let message = "the program was ended: nobody reads what it writes";
        return Err(Fault::caller(FaultCode::Cancelled, message));
    }
    report
}

/// The guest's standard input.
struct Input {
    /// What it gets.
    guests: OwnedFd,
    /// Where that comes from, and the end of the pipe it goes into.
    pumped: Option<(File, File)>,
}

impl Input {
    /// Pipes and devices are the guest's own: nothing is taken from them that it does not read.
    fn of(stream: File) -> Result<Input, Fault> {
        let status = fstat(&stream).map_err(|error| system("standard input", error.into()))?;
        let kind = SFlag::from_bits_truncate(status.st_mode & SFlag::S_IFMT.bits());
        match kind {
            SFlag::S_IFIFO | SFlag::S_IFCHR => Ok(Input {
                guests: stream.into(),
                pumped: None,
            }),
            SFlag::S_IFREG => {
                let (guests, end) = pipe()?;
                Ok(Input {
                    guests: guests.into(),
                    pumped: Some((stream, end)),
                })
            }
            _ => {
                let message = "standard input is neither a file, a pipe nor a device";
                Err(Fault::caller(FaultCode::Unsupported, message))
            }
        }
    }
}

/// A session that runs.
struct Session {
    child: Mutex<Child>,
    /// Whether somebody stopped to take what it writes.
    is_unheard: AtomicBool,
}

impl Session {
    fn start(socket: File, output: File, error: File) -> Result<Session, Fault> {
        let failed = |error| system("a session of ZeroVM", error);
        let own = std::env::current_exe().map_err(failed)?;
        let child = Command::new(own)
            .arg(SESSION)
            .stdin(socket)
            .stdout(output)
            .stderr(error)
            .spawn()
            .map_err(failed)?;
        Ok(Session {
            child: Mutex::new(child),
            is_unheard: AtomicBool::new(false),
        })
    }

    /// Carries what the guest writes.
    fn forward(&self, from: &File, to: &File) {
        if pump::carry(from, to).is_err() {
            self.is_unheard.store(true, Ordering::Release);
            // One that has ended already is what was wanted.
            let _ = self.child().kill();
        }
    }

    /// Has the session run, and waits for its end.
    fn converse(
        &self,
        socket: File,
        input: OwnedFd,
        order: &Order,
        deadline: Option<Instant>,
    ) -> Result<Option<Report>, Fault> {
        let sent = descriptors::send(&socket, &[input.as_fd()])
            .map_err(io::Error::from)
            .and_then(|()| order.send(&socket));
        // Held here, its end would keep a pump from seeing that nobody reads any more.
        drop(input);
        let mut report = Vec::new();
        let heard = sent.and_then(|()| read_until(&socket, &mut report, deadline));
        drop(socket);
        let mut child = self.child();
        if !matches!(heard, Ok(true)) {
            // The guest ends with its session.
            let _ = child.kill();
        }
        let status = child.wait();
        if !heard.map_err(|error| system("the session's socket", error))? {
            return Ok(None);
        }
        serde_json::from_slice(&report)
            .map_err(|_| {
                let ended =
                    status.map_or_else(|error| error.to_string(), |status| status.to_string());
                let message = format!("the session ended without a report: {ended}");
                Fault::vm(FaultCode::VmDied, message)
            })
            .map(Some)
    }

    fn child(&self) -> MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The code of a guest that came to its exit, or what ended the session instead.
///
/// # Errors
/// `NotLoadable` when the session refused the program, `TimedOut`, `VmDied` with the report's words
/// when it came to another end than its own.
pub(crate) fn judge(nexe: &Nexe, report: &Report) -> Result<i32, Fault> {
    if report.code == 0 {
        return Ok(report.user_code);
    }
    let detail = report.detail.as_deref().unwrap_or_default();
    let separator = if detail.is_empty() { "" } else { ": " };
    let path = nexe.path().display();
    let message = format!("{path}: {}{separator}{detail}", report.state);
    Err(if report.state == signals::describe(SIGALRM, 0) {
        Fault::vm(FaultCode::TimedOut, message)
    } else if report.validator == ValidatorState::Passed {
        Fault::vm(FaultCode::VmDied, message)
    } else {
        Fault::caller(FaultCode::NotLoadable, message)
    })
}

/// Reads to the end; whether that came before the deadline.
fn read_until(
    mut socket: &File,
    into: &mut Vec<u8>,
    deadline: Option<Instant>,
) -> io::Result<bool> {
    let mut piece = [0; 4096];
    loop {
        if let Some(deadline) = deadline {
            let left = deadline.saturating_duration_since(Instant::now());
            // Rounded up: at a deadline that is to come nobody looks in vain.
            let patience = PollTimeout::try_from(left + Duration::from_millis(1));
            let mut watched = [PollFd::new(socket.as_fd(), PollFlags::POLLIN)];
            match poll(&mut watched, patience.unwrap_or(PollTimeout::MAX)) {
                Ok(0) if Instant::now() >= deadline => return Ok(false),
                Ok(0) | Err(Errno::EINTR) => continue,
                Err(error) => return Err(error.into()),
                Ok(_) => {}
            }
        }
        match socket.read(&mut piece) {
            Ok(0) => return Ok(true),
            Ok(count) => into.extend_from_slice(piece.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn pipe() -> Result<(File, File), Fault> {
    let (reader, writer) = io::pipe().map_err(|error| system("a pipe", error))?;
    let file = |end: OwnedFd| File::from(end);
    Ok((file(reader.into()), file(writer.into())))
}

fn system(what: &str, error: io::Error) -> Fault {
    Fault::host(FaultCode::System, format!("{what}: {error}"))
}
