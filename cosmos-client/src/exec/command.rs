//! A program to run, and what it gets.

use super::environment::Environment;
use super::program::{Opened, Program};
use super::running::{Captured, Ended, Running, Screen, Started};
use crate::descriptor::is_what_it_says;
use crate::error::Error;
use crate::fork::Own;
use crate::options::Options;
use crate::trace::{self, Span};
use cosmos_program::terminal::open_pair;
use cosmos_rpc::message::crash::MAXIMUM_CALL;
use cosmos_rpc::message::vm::Exec;
use cosmos_rpc::steering::Window;
use cosmos_rpc::{Fault, FaultCode};
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Bytes that wait in a pipe: what every user may have.
const ROOM: i32 = 1 << 20;
/// What a program runs in where its client's mask cannot be told.
const USUAL_MASK: u32 = 0o022;

/// Where a program's standard input comes from, or its output goes to.
#[derive(Debug, Default)]
pub enum Stream {
    /// This process's own, which the program has closed where this process has it closed.
    #[default]
    Inherit,
    /// None: the program has it closed.
    Closed,
    /// Nothing: an empty input, an output that is dropped.
    Null,
    /// A pipe whose other end [`Running`] has.
    Pipe,
    /// This file, pipe or socket.
    File(OwnedFd),
}

/// A program to run in a VM, and what it gets.
///
/// Unless it is told otherwise, it gets the streams, the working directory and the file mode creation
/// mask of this process, and of the environment PATH alone.
#[derive(Debug)]
pub struct Command {
    program: Source,
    options: Options,
    arguments: Vec<OsString>,
    environment: Environment,
    directory: Option<PathBuf>,
    umask: Option<u32>,
    streams: [Stream; 3],
    terminal: Option<Window>,
    manifest: Option<OwnedFd>,
    report: Option<OwnedFd>,
    untraced: bool,
}

#[derive(Debug)]
enum Source {
    Named(OsString),
    Open(Program),
}

/// What goes to the VM, and what stays.
struct Ends {
    theirs: [OwnedFd; 3],
    closed: [bool; 3],
    ours: [Option<File>; 3],
    terminal: Option<File>,
    screen: Screen,
}

impl Command {
    /// To run this program: a path, or a name that is searched for in PATH.
    pub fn new(program: impl AsRef<OsStr>) -> Command {
        Command::from(Source::Named(program.as_ref().to_owned()))
    }

    pub(super) fn of(program: &Program) -> Command {
        Command::from(Source::Open(program.clone()))
    }

    fn from(program: Source) -> Command {
        Command {
            program,
            options: Options::default(),
            arguments: Vec::new(),
            environment: Environment::default(),
            directory: None,
            umask: None,
            streams: Default::default(),
            terminal: None,
            manifest: None,
            report: None,
            untraced: false,
        }
    }

    /// How the VM is isolated, what limits it has, and how long the program may take: then it is
    /// killed with all that it started. They do not matter for a program that is open already, but
    /// for the time.
    pub fn options(&mut self, options: &Options) -> &mut Command {
        self.options = options.clone();
        self
    }

    /// One more argument.
    pub fn arg(&mut self, argument: impl AsRef<OsStr>) -> &mut Command {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    /// More arguments.
    pub fn args(&mut self, arguments: impl IntoIterator<Item: AsRef<OsStr>>) -> &mut Command {
        let arguments = arguments.into_iter();
        self.arguments
            .extend(arguments.map(|it| it.as_ref().to_owned()));
        self
    }

    /// Sets a variable of its environment.
    pub fn env(&mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> &mut Command {
        self.environment.set(name.as_ref(), value.as_ref());
        self
    }

    /// Gives it a variable as this process has it, if it has it.
    pub fn env_inherit(&mut self, name: impl AsRef<OsStr>) -> &mut Command {
        self.environment.inherit(name.as_ref());
        self
    }

    /// Takes a variable out again, PATH too.
    pub fn env_remove(&mut self, name: impl AsRef<OsStr>) -> &mut Command {
        self.environment.remove(name.as_ref());
        self
    }

    /// Sets the variables that a file lists: one a line, `NAME=value`, or `NAME` for this process's;
    /// `#` begins a line that says nothing.
    ///
    /// # Errors
    /// When it cannot be read or a line is none of these.
    pub fn env_file(&mut self, path: impl AsRef<Path>) -> Result<&mut Command, Error> {
        self.environment.read_file(path.as_ref())?;
        Ok(self)
    }

    /// Whether it gets a variable of this name.
    pub fn has_env(&self, name: &str) -> bool {
        self.environment.has(name)
    }

    /// Its working directory.
    pub fn current_dir(&mut self, directory: impl Into<PathBuf>) -> &mut Command {
        self.directory = Some(directory.into());
        self
    }

    /// Its file mode creation mask.
    pub fn umask(&mut self, mask: u32) -> &mut Command {
        self.umask = Some(mask);
        self
    }

    /// Where its standard input comes from.
    pub fn stdin(&mut self, stream: Stream) -> &mut Command {
        self.stream(0, stream)
    }

    /// Where its standard output goes to.
    pub fn stdout(&mut self, stream: Stream) -> &mut Command {
        self.stream(1, stream)
    }

    /// Where its standard error goes to.
    pub fn stderr(&mut self, stream: Stream) -> &mut Command {
        self.stream(2, stream)
    }

    /// The same by number, 0 to 2; others mean nothing.
    pub(crate) fn stream(&mut self, number: usize, stream: Stream) -> &mut Command {
        if let Some(place) = self.streams.get_mut(number) {
            *place = stream;
        }
        self
    }

    /// Gives it a terminal of this size in place of its streams; [`Running`] has the other end.
    pub fn terminal(&mut self, window: Window) -> &mut Command {
        self.terminal = Some(window);
        self
    }

    /// A file with the manifest of a program of ZeroVM; without one it gets the streams alone.
    pub fn manifest(&mut self, manifest: impl Into<OwnedFd>) -> &mut Command {
        self.manifest = Some(manifest.into());
        self
    }

    /// A file that the report of a program of ZeroVM is written to when it ends, whatever its end is.
    pub fn report(&mut self, report: impl Into<OwnedFd>) -> &mut Command {
        self.report = Some(report.into());
        self
    }

    /// Whether it is looked at when it crashes, which it is at first: who runs it traces it, so that
    /// no debugger can attach to it.
    pub fn crash_report(&mut self, wanted: bool) -> &mut Command {
        self.untraced = !wanted;
        self
    }

    /// Starts it. That it cannot be run may show only when it is waited for.
    ///
    /// # Errors
    /// `NoSuchTarget` when it is not there, `NotLoadable` when it is nothing that can be run, and what
    /// keeps its VM from starting.
    pub fn spawn(&mut self) -> Result<Running, Error> {
        let named = || match &self.program {
            Source::Open(program) => program.path().to_string_lossy().into_owned(),
            Source::Named(name) => name.to_string_lossy().into_owned(),
        };
        let mut span = trace::is_on().then(|| trace::span("exec", &named()));
        let mut spawned = self.spawn_noted();
        match (&mut spawned, &mut span) {
            // It ends when the program does.
            (Ok(running), _) => running.step = span.and_then(Span::detach),
            (Err(error), Some(span)) => span.fail(error),
            (Err(_), None) => {}
        }
        spawned
    }

    fn spawn_noted(&mut self) -> Result<Running, Error> {
        let program = match &self.program {
            Source::Open(program) => program.clone(),
            Source::Named(name) => Program::open(name, &self.options)?,
        };
        let opened = Arc::clone(program.opened());
        let ends = self.ends(opened.is_here)?;
        let (steering, theirs) = UnixStream::pair().map_err(|error| system("a socket", &error))?;
        let timeout = self.options.timeout.or(opened.timeout);
        let request = self.request(&opened, timeout, ends.closed)?;
        let mut descriptors: Vec<BorrowedFd<'_>> = ends.theirs.iter().map(AsFd::as_fd).collect();
        if opened.hold.is_walled() {
            descriptors
                .iter()
                .try_for_each(|stream| is_what_it_says(*stream))?;
        }
        descriptors.push(theirs.as_fd());
        let attached = [&self.manifest, &self.report];
        descriptors.extend(attached.into_iter().flatten().map(AsFd::as_fd));
        let place = format!("running {}", opened.path);
        let line = command_line(&request.arguments);
        let begun = opened.hold.begin(&request, &descriptors, timeout, &place)?;
        Ok(Running::new(Started {
            opened,
            begun,
            steering: Own::new(steering),
            streams: ends.ours,
            terminal: ends.terminal,
            screen: ends.screen,
            timeout,
            line,
        }))
    }

    /// Runs it to its end.
    ///
    /// # Errors
    /// As [`Command::spawn`] and [`Running::wait`].
    pub fn status(&mut self) -> Result<Ended, Error> {
        self.spawn()?.wait()
    }

    /// Runs it to its end with `input` as its standard input, and keeps at most `limit` bytes of each
    /// of its outputs that is neither a file nor closed; what comes after those is dropped.
    ///
    /// # Errors
    /// As [`Command::spawn`] and [`Running::wait`].
    pub fn output(&mut self, input: &[u8], limit: usize) -> Result<Captured, Error> {
        for number in 0..3 {
            if !matches!(self.streams[number], Stream::File(_) | Stream::Closed) {
                self.stream(number, Stream::Pipe);
            }
        }
        self.spawn()?.capture(input, limit)
    }

    fn request(
        &self,
        opened: &Opened,
        timeout: Option<Duration>,
        closed: [bool; 3],
    ) -> Result<Exec, Fault> {
        let mut arguments = vec![opened.name.as_bytes().to_vec()];
        arguments.extend(self.arguments.iter().map(|it| it.as_bytes().to_vec()));
        if arguments.iter().any(|argument| argument.contains(&0)) {
            return Err(bad("a NUL byte in an argument"));
        }
        Ok(Exec {
            object: opened.object,
            arguments,
            environment: self.environment.texts(opened.is_here)?,
            directory: self.directory(opened.is_here)?,
            umask: self.umask.unwrap_or_else(own_mask),
            timeout: timeout.map_or(0, |timeout| {
                u64::try_from(timeout.as_millis())
                    .unwrap_or(u64::MAX)
                    .max(1)
            }),
            terminal: self.terminal,
            steered: true,
            has_manifest: self.manifest.is_some(),
            wants_report: self.report.is_some(),
            untraced: self.untraced,
            closed,
        })
    }

    /// Empty on another machine: where its sessions begin.
    fn directory(&self, is_here: bool) -> Result<Vec<u8>, Fault> {
        let own =
            || std::env::current_dir().map_err(|error| system("the working directory", &error));
        let directory = match &self.directory {
            None if is_here => own()?,
            None => PathBuf::new(),
            Some(path) if path.is_absolute() || !is_here => path.clone(),
            Some(path) => own()?.join(path),
        };
        let directory = directory.as_os_str().as_bytes().to_vec();
        match directory.contains(&0) {
            true => Err(bad("a NUL byte in the working directory")),
            false => Ok(directory),
        }
    }

    fn ends(&self, is_here: bool) -> Result<Ends, Fault> {
        let failed = |error: io::Error| system("its streams", &error);
        if let Some(window) = self.terminal {
            let (ours, theirs) = match is_here {
                true => open_pair(window)?,
                // The terminal is there, and its bytes travel.
                false => {
                    let (ours, theirs) = UnixStream::pair().map_err(failed)?;
                    (File::from(OwnedFd::from(ours)), theirs.into())
                }
            };
            let screen = match is_here {
                true => Screen::Here(Arc::new(ours.try_clone().map_err(failed)?)),
                false => Screen::There,
            };
            let copy = || theirs.try_clone().map_err(failed);
            return Ok(Ends {
                theirs: [copy()?, copy()?, copy()?],
                closed: [false; 3],
                ours: [None, None, None],
                terminal: Some(ours),
                screen,
            });
        }
        let mut theirs = Vec::with_capacity(3);
        let mut ours = [None, None, None];
        let mut closed = [false; 3];
        let places = ours.iter_mut().zip(&mut closed);
        for (number, (stream, (ours, is_closed))) in self.streams.iter().zip(places).enumerate() {
            let end = match stream {
                Stream::Inherit => inherited(number).and_then(|own| {
                    *is_closed = own.is_none();
                    own.map_or_else(null, Ok)
                }),
                Stream::Null => null(),
                Stream::Closed => {
                    *is_closed = true;
                    null()
                }
                Stream::File(file) => file.try_clone(),
                Stream::Pipe => pipe(number).map(|(mine, end)| {
                    *ours = Some(mine);
                    end
                }),
            };
            theirs.push(end.map_err(failed)?);
        }
        let theirs = <[OwnedFd; 3]>::try_from(theirs).map_err(|_| bad("it has three streams"))?;
        Ok(Ends {
            theirs,
            closed,
            ours,
            terminal: None,
            screen: Screen::None,
        })
    }
}

/// A command line in words, fit for one line, and no longer than a report has it.
pub(crate) fn command_line(arguments: &[Vec<u8>]) -> String {
    let mut line = String::new();
    for argument in arguments {
        let text = String::from_utf8_lossy(argument);
        let is_plain =
            |letter: char| letter.is_ascii_alphanumeric() || "-_./=:,+@%".contains(letter);
        if !line.is_empty() {
            line.push(' ');
        }
        match !text.is_empty() && text.chars().all(is_plain) {
            true => line.push_str(&text),
            false => line.push_str(&format!("{text:?}")),
        }
        if line.len() > MAXIMUM_CALL {
            let end = (0..=MAXIMUM_CALL - 3).rfind(|at| line.is_char_boundary(*at));
            line.truncate(end.unwrap_or(0));
            line.push('…');
            break;
        }
    }
    line
}

/// One of this process's own streams; `None` where it has none, or has in its place what a program that it
/// executed would not have. A descriptor of the library's own is such a one, where the number was free.
fn inherited(number: usize) -> io::Result<Option<OwnedFd>> {
    let copied = match number {
        0 => copied(io::stdin()),
        1 => copied(io::stdout()),
        _ => copied(io::stderr()),
    };
    match copied {
        Err(error) if error.raw_os_error() == Some(libc::EBADF) => Ok(None),
        copied => copied,
    }
}

fn copied(stream: impl AsFd) -> io::Result<Option<OwnedFd>> {
    let flags = FdFlag::from_bits_retain(fcntl(&stream, FcntlArg::F_GETFD)?);
    match flags.contains(FdFlag::FD_CLOEXEC) {
        true => Ok(None),
        false => stream.as_fd().try_clone_to_owned().map(Some),
    }
}

fn null() -> io::Result<OwnedFd> {
    let file = File::options().read(true).write(true).open("/dev/null")?;
    Ok(file.into())
}

/// A pipe for a stream: our end, and the program's.
fn pipe(number: usize) -> io::Result<(File, OwnedFd)> {
    let (reader, writer) = io::pipe()?;
    let (reader, writer) = (OwnedFd::from(reader), OwnedFd::from(writer));
    // Fewer turns between both ends. Where the user has too many of these, the usual size does.
    let _ = fcntl(&writer, FcntlArg::F_SETPIPE_SZ(ROOM));
    Ok(match number {
        0 => (writer.into(), reader),
        _ => (reader.into(), writer),
    })
}

/// The mask of this process, which only changing it would tell otherwise.
fn own_mask() -> u32 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("Umask:"));
    let mask = line.and_then(|text| u32::from_str_radix(text.trim(), 8).ok());
    mask.unwrap_or(USUAL_MASK)
}

fn bad(what: &str) -> Fault {
    Fault::caller(FaultCode::BadArgument, what)
}

fn system(what: &str, error: &io::Error) -> Fault {
    let errno = error.raw_os_error().unwrap_or(0);
    Fault::system(errno, format!("{what}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_is_a_line_with_an_end() {
        let words = |words: &[&str]| {
            let words: Vec<Vec<u8>> = words.iter().map(|word| word.as_bytes().to_vec()).collect();
            command_line(&words)
        };
        assert_eq!(words(&["a", "-n", "3"]), "a -n 3");
        assert_eq!(
            words(&["a b", "", "x\ny\u{1b}"]),
            r#""a b" "" "x\ny\u{1b}""#
        );
        let long = words(&["ä"; 1000]);
        assert!(long.len() <= MAXIMUM_CALL && long.ends_with('…'), "{long}");
    }
}
