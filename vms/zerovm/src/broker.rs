//! Daemon mode: the process that owns the Job socket, and never runs guest code.
//!
//! | who | what |
//! |---|---|
//! | broker | starts the guest's process; when the guest forks, listens on the socket of its manifest |
//! | a thread of it, one a connection | reads a manifest, opens its channels, watches the session, answers |
//! | guest's process | has forked: clones itself for each socket that it is sent |
//! | session | a clone: says who it is over its socket, waits there for open files, and goes on behind the fork |
//!
//! There is a thread and a clone that wait already when somebody connects, and who the clone is has been
//! asked; others are made while these work. A session is a message to its clone and its report back. The broker has no threads
//! before the guest's process is there, and makes no process afterwards.
//!
//! Whoever ends the broker ends them all. None of them becomes a zombie: children of the broker and
//! of the guest's process are collected by the kernel.
//!
//! A request is eight characters, the length as a number, and a manifest; the answer is eight
//! characters and a report.

use crate::channel::{self, Sources};
use crate::descriptors::is_readable_within;
use crate::process;
use crate::sender::Guest;
use crate::told::{self, Heard, Limit};
use crate::validation::Rules;
use crate::{descriptors, setup, supervise};
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signalfd::SignalFd;
use rustix::process::{Signal, pidfd_send_signal};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;
use zerovm_session::Error;
use zerovm_session::channel::{check_same, order};
use zerovm_session::command_line::CommandLine;
use zerovm_session::manifest::{ChannelLine, Manifest, integer};
use zerovm_session::report::Report;

/// The length before a manifest and a report.
const PREFIX: usize = 8;
const MAX_REQUEST: usize = 0x10000;
/// Most are shorter, and read at once.
const USUAL_REQUEST: usize = 0x1000;
/// A client that says no more than this long has said all; the length may be larger than what comes.
const SILENCE: Duration = Duration::from_millis(100);
/// And one that says nothing is not waited for longer than this.
const PATIENCE: Duration = Duration::from_secs(30);

/// A session that is over so soon is waited for before anything else is done.
const QUICK: Duration = Duration::from_millis(1);
/// A session whose clones are ended by somebody as fast as they are made is given up.
const CLONES_TO_TRY: usize = 4;
/// How many threads wait for connections. Each has its turn: of many none would have anything at hand.
const THREADS: usize = 2;
const STACK: usize = 0x40000;

/// Runs the session of a manifest that has a Job, and becomes its daemon if the guest forks. What
/// comes of the first session is told.
pub fn run(
    line: &CommandLine,
    manifest: &Manifest,
    job: &Path,
    rules: &dyn Rules,
    told: File,
) -> u8 {
    let (report, daemon) = match start(line, manifest, job, rules) {
        Ok(outcome) => outcome,
        Err(error) => {
            let code = error.code();
            (Report::failed(error, code), None)
        }
    };
    if told::report(&told, &report).is_err() {
        return u8::MAX;
    }
    drop(told);
    if let Some(daemon) = daemon {
        daemon.serve();
    }
    0
}

/// A guest that has forked, and who asks for it.
struct Daemon {
    listener: UnixListener,
    // To the guest's process: each socket that is sent there has another clone at its other end.
    to_guest: File,
    guest: Guest,
    // Who waits for a session.
    waiting: Mutex<Option<Clone>>,
    channels: Vec<ChannelLine>,
    preallocate: bool,
    signals: SignalFd,
    // How many threads wait for a connection.
    idle: AtomicUsize,
}

fn start(
    line: &CommandLine,
    manifest: &Manifest,
    job: &Path,
    rules: &dyn Rules,
) -> Result<(Report, Option<Daemon>), Error> {
    let signals = supervise::watch_signals()?;
    let (report, guest) = supervise::watch_guest(line, manifest, rules, &signals)?;
    let Some(guest) = guest else {
        return Ok((report, None));
    };
    let failed = |error: std::io::Error| Error::Host {
        code: error.raw_os_error().unwrap_or(libc::EFAULT),
        what: "becoming a daemon",
        why: error.to_string(),
    };
    let channels = order(manifest.channels.clone())?;
    let job = std::path::absolute(job).map_err(failed)?;
    process::become_daemon(&job).map_err(failed)?;
    // It is rewritten, whatever it was.
    let _ = std::fs::remove_file(&job);
    let listener = UnixListener::bind(&job).map_err(failed)?;
    process::allow_many_files();
    // Its number is its own as long as it may not be collected.
    let process = Guest::of(guest.number()).map_err(failed)?;
    process::collect_nobody().map_err(|error| failed(error.into()))?;
    process::share_memory_among_threads();
    let daemon = Daemon {
        listener,
        to_guest: guest.leave(),
        guest: process,
        waiting: Mutex::new(None),
        channels,
        preallocate: !line.no_preallocation,
        signals,
        idle: AtomicUsize::new(0),
    };
    daemon.have_another();
    Ok((report, Some(daemon)))
}

impl Daemon {
    /// Answers until the guest's process ends, or a signal other than a hang-up comes; who is answered
    /// then gets no more, as the process ends.
    fn serve(self) {
        let daemon = Arc::new(self);
        for _ in 0..THREADS {
            daemon.start_thread();
        }
        loop {
            let mut sources = [
                PollFd::new(daemon.to_guest.as_fd(), PollFlags::POLLIN),
                PollFd::new(daemon.signals.as_fd(), PollFlags::POLLIN),
            ];
            let _ = poll(&mut sources, PollTimeout::NONE);
            let [ended, signalled] = sources.map(|source| source.any().unwrap_or(false));
            let is_hangup = |number| number == libc::SIGHUP as u32;
            if signalled
                && let Ok(Some(information)) = daemon.signals.read_signal()
                && !is_hangup(information.ssi_signo)
            {
                return;
            }
            // It says nothing any more but that it has ended.
            if ended {
                return;
            }
        }
    }

    /// Another thread that waits for connections. On a machine that has none left, those that are
    /// there do what there is.
    fn start_thread(self: &Arc<Self>) {
        self.idle.fetch_add(1, Relaxed);
        let daemon = Arc::clone(self);
        let work = move || daemon.answer_all();
        if thread::Builder::new()
            .stack_size(STACK)
            .spawn(work)
            .is_err()
        {
            self.idle.fetch_sub(1, Relaxed);
        }
    }

    /// Answers one connection after the other, as long as few others wait for one.
    fn answer_all(self: Arc<Self>) {
        loop {
            // Without descriptors left nothing is accepted, until somebody closes some.
            let Ok((connection, _)) = self.listener.accept() else {
                thread::sleep(SILENCE);
                continue;
            };
            if self.idle.fetch_sub(1, Relaxed) == 1 {
                self.start_thread();
            }
            self.answer(connection);
            // Only who accepts connections is counted, so that somebody always does.
            let as_one_more = |idle: usize| (idle < THREADS).then_some(idle + 1);
            let stays = self.idle.fetch_update(Relaxed, Relaxed, as_one_more);
            self.have_another();
            if stays.is_err() {
                return;
            }
        }
    }

    fn answer(&self, mut connection: UnixStream) {
        // A client that speaks another language gets no answer, as ever.
        let Some(request) = read_request(&mut connection) else {
            return;
        };
        let (report, clone) = self.session(&request).unwrap_or_else(|error| {
            let code = error.code();
            (Report::failed(error, code), None)
        });
        let text = report.text("\n");
        let mut answer = format!("{:#08x}", text.len()).into_bytes();
        answer.extend(text);
        // Nobody may be waiting.
        let _ = connection.write_all(&answer);
        drop(connection);
        drop(clone);
    }

    /// A session from its request to its report, and whose it was: that process has nothing more to do,
    /// but ending takes it longer than telling the client does.
    fn session(&self, request: &[u8]) -> Result<(Report, Option<Clone>), Error> {
        let host = |error: std::io::Error| Error::Host {
            code: libc::EFAULT,
            what: "starting a session",
            why: error.to_string(),
        };
        // It gets ready while the request is looked at and its files are opened.
        let clone = self.take_clone().map_err(|error| host(error.into()))?;
        let manifest = Manifest::parse(request)?;
        let lines = order(manifest.channels.clone())?;
        check_same(&self.channels, &lines)?;
        channel::refuse_connections(&manifest, &lines)?;
        if manifest.timeout < 1 {
            return Err(Error::Timeout(manifest.timeout));
        }
        let Some(clone) = clone else {
            return Ok((supervise::without_report(), None));
        };
        let opened: Result<Vec<(bool, Sources)>, Error> = lines
            .iter()
            .map(|line| Ok((line.etag, channel::open_sources(line, self.preallocate)?)))
            .collect();
        let opened = opened?;
        let sent = setup::send(&clone.socket, manifest.timeout.unsigned_abs(), &opened);
        // Its files are the session's now.
        drop(opened);
        sent.map_err(host)?;
        // The fork for the next session would be in the way of one that is over at once.
        if !is_readable_within(&clone.socket, QUICK) {
            self.have_another();
        }
        let limit = Limit::Running(told::time_limit(&manifest));
        let report = match told::listen(&clone.socket, limit, None, None) {
            Heard::Report(report) => *report,
            Heard::Nothing => supervise::without_report(),
            Heard::Late => supervise::too_late(),
        };
        Ok((report, Some(clone)))
    }

    /// The clone that waits, or another one if somebody has ended that meanwhile. It knows that its session
    /// comes soon.
    fn take_clone(&self) -> nix::Result<Option<Clone>> {
        for _ in 0..CLONES_TO_TRY {
            let waiting = self.waiting().take();
            let clone = match waiting {
                Some(clone) => Some(clone),
                None => self.make_clone()?,
            };
            let announced = |clone: &Clone| setup::announce(&clone.socket).is_ok();
            if let Some(clone) = clone.filter(announced) {
                return Ok(Some(clone));
            }
        }
        Ok(None)
    }

    /// Has a clone made for the next session, if none waits. Without one the next makes it itself; one
    /// that comes meanwhile waits for this one.
    fn have_another(&self) {
        let mut waiting = self.waiting();
        if waiting.is_none() {
            *waiting = self.make_clone().unwrap_or_default();
        }
    }

    /// Sends the guest's process a socket, at whose other end there will be a clone, and hears who that is.
    fn make_clone(&self) -> nix::Result<Option<Clone>> {
        let (socket, theirs) = process::pair()?;
        // Before anybody sends: what came earlier would be nobody's.
        descriptors::tell_senders(&socket)?;
        descriptors::send(&self.to_guest, &[theirs.as_fd()])?;
        drop(theirs);
        let process = self.guest.who_waits(&socket, PATIENCE);
        Ok(process.map(|process| Clone { socket, process }))
    }

    fn waiting(&self) -> MutexGuard<'_, Option<Clone>> {
        // What it holds is whole whoever panicked.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A clone of the guest's process that waits for a session, and ends with this.
struct Clone {
    socket: File,
    process: OwnedFd,
}

impl Drop for Clone {
    fn drop(&mut self) {
        // It may have ended.
        let _ = pidfd_send_signal(&self.process, Signal::KILL);
    }
}

/// Reads the length and as much of the manifest as comes. Nearly always all of it comes at once.
fn read_request(connection: &mut UnixStream) -> Option<Vec<u8>> {
    let mut request = vec![0; USUAL_REQUEST];
    let (mut wanted, mut count) = (PREFIX, 0);
    while count < wanted {
        let has_begun = count > PREFIX;
        let patience = if has_begun { SILENCE } else { PATIENCE };
        if !is_readable_within(&*connection, patience) {
            break;
        }
        match connection.read(&mut request[count..]) {
            Ok(0) | Err(_) => break,
            Ok(more) => count += more,
        }
        if wanted == PREFIX && count >= PREFIX {
            let length = integer(request.get(..PREFIX)?)?;
            wanted += usize::try_from(length).ok()?.min(MAX_REQUEST);
            request.resize(wanted.max(count), 0);
        }
    }
    request.truncate(count.min(wanted));
    (count >= PREFIX).then(|| request.split_off(PREFIX))
}
