//! The `cosmos` command: call C functions that live in other processes, and look after the daemons
//! that make it possible.
//!
//! One file per verb under [`verb`]. What a verb prints goes to standard output and nothing else
//! does; errors go to standard error in the form `error:`, `help:`, `see:` (see [`report`]), which
//! is also where exit codes are decided. [`literal`] reads the arguments of a call, [`format`] and
//! [`json`] write its results.

mod arguments;
mod describe;
mod format;
mod input;
mod json;
mod kernel;
mod literal;
mod packs;
mod progress;
mod report;
mod streams;
mod verb;

use arguments::Arguments;
use clap::Parser;
use clap::error::ErrorKind;
use report::{Problem, Report};
use std::process::ExitCode;

fn main() -> ExitCode {
    match Arguments::try_parse() {
        Ok(arguments) => report::finish(verb::run(arguments)),
        Err(refused) => {
            match refused.kind() {
                ErrorKind::InvalidUtf8 => {
                    report::finish(Err(not_utf8()));
                }
                // A closed standard output is the reader's wish to see no more, not an error.
                _ => drop(refused.print()),
            }
            let is_exec = std::env::args_os()
                .nth(1)
                .is_some_and(|verb| verb == "exec");
            ExitCode::from(match refused.use_stderr() {
                // The code of usage elsewhere may be its program's here.
                true if is_exec => report::COSMOS,
                true => report::USAGE,
                false => 0,
            })
        }
    }
}

/// Which argument it is, and how its bytes can be given all the same.
fn not_utf8() -> Problem {
    let mut words = std::env::args_os();
    let word = words.find(|word| word.to_str().is_none());
    let message = format!("the argument {:?} is not UTF-8", word.unwrap_or_default());
    Problem::usage(Report::new(message).help(
        "the bytes of a text or a buffer can be given as '\"\\xff\"', hex:ff or @FILE; a library by a link \
         whose name is UTF-8",
    ))
}
