//! A call: the words of a command line, and what the program made of it.

use crate::pool::Pool;
use crate::program::Program;
use crate::template::{CommandLine, Output, Part, Value};
use cosmos_rpc::message::vm::ProgramEnd;
use cosmos_rpc::{Fault, FaultCode};
use cosmos_vm_core::{Call, Run};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;
use std::thread;

/// An entry of a program, ready to be called.
#[derive(Debug)]
pub struct Entry {
    pub(crate) program: Arc<Program>,
    pub(crate) line: CommandLine,
}

/// What was kept of streams 1 and 2.
type Kept = Vec<Option<Vec<u8>>>;

/// What a program gets and what is kept of what it gives.
struct Streams {
    input: Option<Vec<u8>>,
    /// For streams 1 and 2: how much there is room for, where anything is kept.
    rooms: [Option<usize>; 2],
}

/// Where a program called as a function runs: it has no caller's directory.
const DIRECTORY: &[u8] = b"/";
const MASK: u32 = 0o077;

impl Entry {
    /// Calls it.
    pub(crate) fn call(&self, pool: &Pool, call: &mut Call<'_>) -> Result<(), Fault> {
        let arguments = self.words(call)?;
        let (end, kept) = self.run(pool, arguments, &self.streams(call)?)?;
        for (index, part) in self.line.parts.iter().enumerate() {
            if let Part::Output(output) = part
                && let Some(bytes) = kept.get(output.stream - 1).and_then(Option::as_ref)
            {
                give(call, index, *output, bytes)?;
            }
        }
        let code = match end.signal {
            0 => end.code,
            signal => 128 + signal,
        };
        let result = call.result();
        let code = i64::from(code).to_le_bytes();
        let size = result.len().min(code.len());
        if let (Some(result), Some(code)) = (result.get_mut(..size), code.get(..size)) {
            result.copy_from_slice(code);
        }
        Ok(())
    }

    fn words(&self, call: &mut Call<'_>) -> Result<Vec<Vec<u8>>, Fault> {
        let mut words = vec![self.program.path().as_os_str().as_bytes().to_vec()];
        words.extend(
            self.line
                .entry
                .iter()
                .map(|entry| entry.clone().into_bytes()),
        );
        for (index, part) in self.line.parts.iter().enumerate() {
            match part {
                Part::Flag(name) if argument(call, index)?.iter().any(|byte| *byte != 0) => {
                    words.push(name.clone().into_bytes());
                }
                Part::Word(option, value) => {
                    if let Some(word) = word(call, index, *value)? {
                        words.extend(option.iter().map(|name| name.clone().into_bytes()));
                        words.push(word);
                    }
                }
                _ => {}
            }
        }
        Ok(words)
    }

    fn streams(&self, call: &mut Call<'_>) -> Result<Streams, Fault> {
        let mut streams = Streams {
            input: None,
            rooms: [None, None],
        };
        for (index, part) in self.line.parts.iter().enumerate() {
            match part {
                Part::Input { is_text } => {
                    let bytes = block(call, index).unwrap_or_default();
                    streams.input = Some(match is_text {
                        true => text(&bytes).to_vec(),
                        false => bytes,
                    });
                }
                Part::Output(output) => {
                    let room = call.image().block(index as u32);
                    let room = room.map(|range| range.len());
                    if let Some(place) = streams.rooms.get_mut(output.stream - 1) {
                        // The NUL takes one.
                        *place = room.map(|room| room.saturating_sub(output.is_text.into()));
                    }
                }
                _ => {}
            }
        }
        Ok(streams)
    }

    /// Runs the program; what was kept of streams 1 and 2.
    fn run(
        &self,
        pool: &Pool,
        arguments: Vec<Vec<u8>>,
        streams: &Streams,
    ) -> Result<(ProgramEnd, Kept), Fault> {
        let failed = |error: io::Error| {
            Fault::host(FaultCode::System, format!("the program's streams: {error}"))
        };
        let (feeder, input) = match &streams.input {
            Some(bytes) => {
                let (reader, writer) = io::pipe().map_err(failed)?;
                (Some((writer, bytes)), OwnedFd::from(reader))
            }
            None => (None, File::open("/dev/null").map_err(failed)?.into()),
        };
        let mut ends = Vec::new();
        let mut readers = Vec::new();
        let too_much = || {
            let message = "the program wrote more than there is room for";
            Fault::caller(FaultCode::TooLarge, message)
        };
        for room in streams.rooms {
            ends.push(match room {
                Some(room) => {
                    let (reader, writer) = io::pipe().map_err(failed)?;
                    readers.push(Some((reader, room)));
                    OwnedFd::from(writer)
                }
                // Where this VM's own messages go.
                None => {
                    readers.push(None);
                    io::stderr().as_fd().try_clone_to_owned().map_err(failed)?
                }
            });
        }
        let [output, error] = <[OwnedFd; 2]>::try_from(ends)
            .map_err(|_| failed(io::ErrorKind::InvalidInput.into()))?;
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
        };
        thread::scope(|scope| {
            if let Some((mut writer, bytes)) = feeder {
                // A program that does not read all of it is none that fails.
                scope.spawn(move || drop(writer.write_all(bytes)));
            }
            let mut reading = Vec::new();
            for reader in readers {
                reading.push(reader.map(|(reader, room)| scope.spawn(move || keep(reader, room))));
            }
            let end = pool.run(&self.program, run);
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

/// Hands over what a stream got.
fn give(call: &mut Call<'_>, index: usize, output: Output, bytes: &[u8]) -> Result<(), Fault> {
    let broken = || {
        let message = "a buffer that the program filled is gone";
        Fault::vm(FaultCode::System, message)
    };
    let image = call.image();
    let Some(range) = image.block(index as u32) else {
        return Ok(());
    };
    let end = range.start + bytes.len();
    let place = image.bytes_mut().get_mut(range.start..end);
    place.ok_or_else(broken)?.copy_from_slice(bytes);
    if output.is_text
        && let Some(last) = image
            .bytes_mut()
            .get_mut(end..range.end)
            .and_then(<[u8]>::first_mut)
    {
        *last = 0;
    }
    if let Some(range) = output.count.and_then(|count| image.block(count)) {
        let count = (bytes.len() as u64).to_le_bytes();
        let place = image.bytes_mut().get_mut(range).ok_or_else(broken)?;
        let size = place.len().min(count.len());
        place[..size].copy_from_slice(&count[..size]);
    }
    Ok(())
}

fn argument<'c>(call: &'c Call<'_>, index: usize) -> Result<&'c [u8], Fault> {
    call.argument(index).ok_or_else(|| {
        Fault::peer(
            FaultCode::Protocol,
            format!("argument {index} is not there"),
        )
    })
}

/// The word of an argument; none for NULL.
fn word(call: &mut Call<'_>, index: usize, value: Value) -> Result<Option<Vec<u8>>, Fault> {
    if value == Value::Text {
        return Ok(block(call, index).map(|bytes| text(&bytes).to_vec()));
    }
    let bytes = argument(call, index)?;
    let is_negative = value == Value::Signed && bytes.last().is_some_and(|byte| *byte >= 0x80);
    let mut wide = [if is_negative { 0xff } else { 0 }; 8];
    let size = bytes.len().min(8);
    wide[..size].copy_from_slice(&bytes[..size]);
    let digits = match (value, size) {
        (Value::Float, 4) => f32::from_bits(u64::from_le_bytes(wide) as u32).to_string(),
        (Value::Float, _) => f64::from_le_bytes(wide).to_string(),
        (Value::Signed, _) => i64::from_le_bytes(wide).to_string(),
        _ => u64::from_le_bytes(wide).to_string(),
    };
    Ok(Some(digits.into_bytes()))
}

/// What a pointer leads to.
fn block(call: &mut Call<'_>, index: usize) -> Option<Vec<u8>> {
    let image = call.image();
    let range = image.block(index as u32)?;
    image.bytes().get(range).map(<[u8]>::to_vec)
}

/// Up to the NUL.
fn text(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().position(|byte| *byte == 0);
    bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default()
}

/// All of a stream, or nothing where it is more than `room`; it is read to its end all the same.
fn keep(mut stream: impl Read, room: usize) -> io::Result<Option<Vec<u8>>> {
    let mut kept = Vec::new();
    stream.by_ref().take(room as u64).read_to_end(&mut kept)?;
    let rest = io::copy(&mut stream, &mut io::sink())?;
    Ok((rest == 0).then_some(kept))
}

/// PATH, as programs that are run have it.
fn environment() -> Vec<Vec<u8>> {
    let path = std::env::var_os("PATH");
    let text = |path: std::ffi::OsString| [b"PATH=", path.as_bytes()].concat();
    path.map(text).into_iter().collect()
}
