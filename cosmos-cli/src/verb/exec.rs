//! `cosmos exec [--manifest FILE] PROGRAM`.
//!
//! | code | meaning |
//! |---|---|
//! | 0 to 255 | the program's own |
//! | 124 | its time was over |
//! | 125 | cosmos failed, or the program came to no exit of its own |
//! | 126 | it cannot be run |
//! | 127 | it is not there |

use crate::arguments::Exec;
use crate::report::{COSMOS, Problem, Report, Verdict};
use cosmos::{Blame, Error, FaultCode, Options, Program};
use std::fs::File;
use std::io::{stderr, stdin, stdout};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;

const LATE: u8 = 124;
const CANNOT_RUN: u8 = 126;
const NOT_FOUND: u8 = 127;

/// Runs the program; its code.
pub fn run(exec: &Exec) -> Verdict {
    let manifest = exec.manifest.as_ref().map(|path| {
        File::open(path).map_err(|error| {
            let message = format!("the manifest {}: {error}", path.display());
            Problem::Told(Report::new(message), CANNOT_RUN)
        })
    });
    let manifest = manifest.transpose()?;
    let (input, output, error) = (stdin(), stdout(), stderr());
    let arguments = exec.arguments.iter();
    let arguments: Vec<Vec<u8>> = arguments.map(|word| word.as_bytes().to_vec()).collect();
    let program = Program {
        path: &exec.program,
        arguments: &arguments,
        streams: [input.as_fd(), output.as_fd(), error.as_fd()],
        manifest: manifest.as_ref().map(AsFd::as_fd),
    };
    match cosmos::exec(&program, &Options::default()) {
        // What a shell sees of any program's code.
        Ok(code) => Ok(code as u8),
        Err(error) => Err(problem(error)),
    }
}

fn problem(error: Error) -> Problem {
    let code = match (error.blame(), error.code()) {
        (_, FaultCode::Cancelled) => return Problem::Closed,
        (Blame::Vm, FaultCode::TimedOut) => LATE,
        (Blame::Caller, FaultCode::NoSuchTarget) => NOT_FOUND,
        (Blame::Caller, FaultCode::Configuration) => COSMOS,
        (Blame::Caller, _) => CANNOT_RUN,
        _ => COSMOS,
    };
    match Problem::from(error) {
        Problem::Told(report, _) => Problem::Told(report, code),
        Problem::Closed => Problem::Closed,
    }
}
