//! A call: the words of a command line, and what the program made of it.

use crate::pool::Pool;
use crate::program::Program;
use crate::template::{CommandLine, Part, Value};
use crate::walls::Walls;
use cosmos_rpc::message::crash::Casualty;
use cosmos_rpc::message::vm::ProgramEnd;
use cosmos_rpc::{Fault, FaultCode};
use cosmos_vm_core::{Call, Run};
use nix::sys::signal::Signal;
use std::cell::Cell;
use std::fs::File;
use std::io::{self, PipeReader, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

/// An entry of a program, ready to be called.
#[derive(Debug)]
pub struct Entry {
    pub(crate) program: Arc<Program>,
    pub(crate) line: CommandLine,
}

thread_local! {
    /// What the last call of this thread left, where its program crashed. A client's calls and its
    /// question for this are on one thread.
    static CASUALTY: Cell<Option<Box<Casualty>>> = const { Cell::new(None) };
}

/// What is left of the program that this thread called last, where it crashed; once.
pub(crate) fn casualty() -> Option<Box<Casualty>> {
    CASUALTY.take()
}

/// What was kept of streams 1 and 2.
type Kept = Vec<Option<Vec<u8>>>;

/// What a program gets and what is kept of what it gives.
struct Streams {
    input: Option<Vec<u8>>,
    /// For streams 1 and 2: how much there is room for, where anything is kept.
    rooms: [Option<usize>; 2],
}

/// Bytes of the end of its standard error that are told of one that crashed.
const LAST: usize = 4096;
/// Where a program called as a function runs: it has no caller's directory.
const DIRECTORY: &[u8] = b"/";
const MASK: u32 = 0o077;

impl Entry {
    /// Calls it.
    pub(crate) fn call(
        &self,
        how: (&Pool, &Walls),
        untraced: bool,
        call: &mut Call<'_>,
    ) -> Result<(), Fault> {
        let arguments = self.words(call);
        let begun = Instant::now();
        let (end, kept) = self.run(how, untraced, arguments.clone(), &self.streams(call))?;
        if end.limit.is_none() && cosmos_autopsy::is_crash(end.signal) {
            CASUALTY.set(end.fallen.map(|fallen| {
                Box::new(Casualty {
                    program: self.program.path().to_string_lossy().into_owned(),
                    arguments,
                    stderr: last(&kept),
                    age: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
                    fallen: *fallen,
                })
            }));
            return Err(self.crashed(end.signal));
        }
        for (index, part) in self.line.parts.iter().enumerate() {
            if let Part::Output(stream, room) = part
                && let Some(bytes) = kept.get(stream - 1).and_then(Option::as_ref)
            {
                call.fill(index, *room, bytes)?;
            }
        }
        call.give_integer(match end.signal {
            0 => end.code.into(),
            signal => i64::from(128 + signal),
        });
        Ok(())
    }

    fn crashed(&self, signal: i32) -> Fault {
        let name = Signal::try_from(signal).map_or("a signal", Signal::as_str);
        let message = format!("{} was killed by {name}", self.program.path().display());
        Fault::vm(FaultCode::ProgramDied, message)
    }

    fn words(&self, call: &mut Call<'_>) -> Vec<Vec<u8>> {
        let mut words = vec![self.program.path().as_os_str().as_bytes().to_vec()];
        words.extend(
            self.line
                .entry
                .iter()
                .map(|entry| entry.clone().into_bytes()),
        );
        for (index, part) in self.line.parts.iter().enumerate() {
            match part {
                Part::Flag(name) if call.integer(index, false).is_some_and(|flag| flag != 0) => {
                    words.push(name.clone().into_bytes());
                }
                Part::Word(option, value) => {
                    if let Some(word) = word(call, index, *value) {
                        words.extend(option.iter().map(|name| name.clone().into_bytes()));
                        words.push(word);
                    }
                }
                _ => {}
            }
        }
        words
    }

    fn streams(&self, call: &mut Call<'_>) -> Streams {
        let mut streams = Streams {
            input: None,
            rooms: [None, None],
        };
        for (index, part) in self.line.parts.iter().enumerate() {
            match part {
                Part::Input { is_text } => {
                    streams.input = Some(call.bytes(index, *is_text).unwrap_or_default());
                }
                Part::Output(stream, room) => {
                    let most = call.room(index, *room);
                    if let Some(place) = streams.rooms.get_mut(stream - 1) {
                        *place = most;
                    }
                }
                _ => {}
            }
        }
        streams
    }

    /// Runs the program; what was kept of streams 1 and 2.
    fn run(
        &self,
        (pool, walls): (&Pool, &Walls),
        untraced: bool,
        arguments: Vec<Vec<u8>>,
        streams: &Streams,
    ) -> Result<(ProgramEnd, Kept), Fault> {
        let failed = |error: io::Error| {
            Fault::host(FaultCode::System, format!("the program's streams: {error}"))
        };
        let too_much = || {
            let message = "the program wrote more than there is room for";
            Fault::caller(FaultCode::TooLarge, message)
        };
        let (feeder, input) = match &streams.input {
            Some(bytes) => {
                let (reader, writer) = io::pipe().map_err(failed)?;
                (Some((writer, bytes)), OwnedFd::from(reader))
            }
            None => (None, File::open("/dev/null").map_err(failed)?.into()),
        };
        let [output, error] = streams.rooms.map(output_stream);
        let ((output_reader, output), (error_reader, error)) =
            (output.map_err(failed)?, error.map_err(failed)?);
        let run = Run {
            arguments,
            environment: environment(),
            directory: DIRECTORY.into(),
            umask: MASK,
            timeout: None,
            terminal: false,
            streams: [input, output, error],
            steering: None,
            manifest: None,
            report: None,
            untraced,
            closed: [false; 3],
        };
        thread::scope(|scope| {
            if let Some((mut writer, bytes)) = feeder {
                // A program that does not read all of it is none that fails.
                scope.spawn(move || drop(writer.write_all(bytes)));
            }
            let mut reading = Vec::new();
            for reader in [output_reader, error_reader] {
                reading.push(reader.map(|(reader, room)| scope.spawn(move || keep(reader, room))));
            }
            let end = pool.run(&self.program, run, walls);
            let mut kept = Vec::new();
            for reader in reading {
                kept.push(match reader.map(|reader| reader.join()) {
                    None => None,
                    Some(Ok(bytes)) => Some(bytes.map_err(failed)?.ok_or_else(too_much)?),
                    Some(Err(_)) => return Err(failed(io::ErrorKind::Other.into())),
                });
            }
            Ok((end?, kept))
        })
    }
}

/// The word of an argument; none for NULL.
fn word(call: &mut Call<'_>, index: usize, value: Value) -> Option<Vec<u8>> {
    let is_short = call.argument(index).is_some_and(|bytes| bytes.len() == 4);
    let digits = match value {
        Value::Text => return call.bytes(index, true),
        // The fewest digits that mean it.
        Value::Float if is_short => (call.float(index)? as f32).to_string(),
        Value::Float => call.float(index)?.to_string(),
        Value::Signed => call.integer(index, true)?.to_string(),
        Value::Unsigned => call.integer(index, false)?.to_string(),
    };
    Some(digits.into_bytes())
}

/// An end for the program to write to; where that is kept, what reads it, and the most that is.
fn output_stream(room: Option<usize>) -> io::Result<(Option<(PipeReader, usize)>, OwnedFd)> {
    match room {
        Some(room) => {
            let (reader, writer) = io::pipe()?;
            Ok((Some((reader, room)), writer.into()))
        }
        // Where this VM's own messages go.
        None => Ok((None, io::stderr().as_fd().try_clone_to_owned()?)),
    }
}

/// All of a stream, or nothing where it is more than `room`; it is read to its end all the same.
fn keep(mut stream: impl Read, room: usize) -> io::Result<Option<Vec<u8>>> {
    let mut kept = Vec::new();
    stream.by_ref().take(room as u64).read_to_end(&mut kept)?;
    let rest = io::copy(&mut stream, &mut io::sink())?;
    Ok((rest == 0).then_some(kept))
}

/// The end of the standard error, where it was kept.
fn last(kept: &Kept) -> Vec<u8> {
    let all = kept.get(1).and_then(Option::as_deref).unwrap_or_default();
    let from = all.len().saturating_sub(LAST);
    all.get(from..).unwrap_or_default().to_vec()
}

/// PATH, as programs that are run have it.
fn environment() -> Vec<Vec<u8>> {
    let path = std::env::var_os("PATH");
    let text = |path: std::ffi::OsString| [b"PATH=", path.as_bytes()].concat();
    path.map(text).into_iter().collect()
}
