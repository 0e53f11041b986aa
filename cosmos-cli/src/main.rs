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
use std::process::ExitCode;

fn main() -> ExitCode {
    match Arguments::try_parse() {
        Ok(arguments) => report::finish(verb::run(arguments)),
        Err(refused) => {
            // A closed standard output is the reader's wish to see no more, not an error.
            let _ = refused.print();
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
