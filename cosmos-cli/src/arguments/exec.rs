//! The command line of `cosmos exec`.

use super::{Confinement, duration};
use clap::Args;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// Run a program in a VM as if it ran here.
///
/// It has the standard input, output and error of this command, its working directory and its signals.
///
/// Of the environment the program gets PATH alone, and what --env and --env-file give. It ends with all
/// that it started: when it is done, when its time is over, and when this command ends.
///
/// Programs of ZeroVM, called nexes, run in the sandbox of that: they reach their streams and nothing
/// else of this machine, unless a manifest gives them more.
///
/// Exits with the program's own code (its low eight bits), or with 128 and the number of the signal that
/// ended it; 124 when its time was over, 125 when cosmos failed or was used wrongly, 126 when the program
/// cannot be run, 127 when it is not there.
#[derive(Args)]
#[command(after_help = EXEC_EXAMPLES)]
pub struct Exec {
    /// Set a variable of its environment, or, by its name alone, give it this command's.
    #[arg(long, short = 'e', value_name = "NAME[=VALUE]")]
    pub env: Vec<OsString>,
    /// Set the variables that a file lists, one a line: NAME=value, or NAME alone.
    #[arg(long, value_name = "FILE")]
    pub env_file: Vec<PathBuf>,
    /// Its working directory.
    #[arg(long, short = 'C', value_name = "DIR")]
    pub cwd: Option<PathBuf>,
    /// Its file mode creation mask, in octal.
    #[arg(long, value_name = "MASK", value_parser = octal)]
    pub umask: Option<u32>,
    /// Give it a terminal, and make this one a window to that.
    #[arg(long, short = 't', conflicts_with = "json")]
    pub terminal: bool,
    /// Kill it, with all that it started, after this many milliseconds; also 1.5s, 2m, 1h [default:
    /// never].
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub timeout: Option<Duration>,
    /// Keep what it writes and print one JSON object: {"exit": …, "signal": …, "stdout": …, …}.
    #[arg(long)]
    pub json: bool,
    /// With --json, the most bytes to keep of each of its outputs; the rest is dropped.
    #[arg(long, value_name = "BYTES", default_value_t = 1 << 20)]
    pub capture: usize,
    /// Do not look at it when it crashes; a debugger can attach to it then.
    #[arg(long)]
    pub no_crash_report: bool,
    #[command(flatten)]
    pub confinement: Confinement,
    /// What a program of ZeroVM may use, as for the command zerovm; PROGRAM takes the place of the
    /// manifest's.
    #[arg(long, value_name = "FILE")]
    pub manifest: Option<PathBuf>,
    /// Where the report of a program of ZeroVM goes, as the command zerovm prints it: a file, or
    /// /dev/stderr.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// The program: a path, or a name that is searched for in PATH.
    pub program: OsString,
    /// What follows its name.
    #[arg(
        value_name = "ARG",
        allow_hyphen_values = true,
        trailing_var_arg = true
    )]
    pub arguments: Vec<OsString>,
}

const EXEC_EXAMPLES: &str = "\
Examples:
  $ cosmos exec -- gzip -9 < FILE > FILE.gz
  $ cosmos exec --timeout 10s --env LANG=C.UTF-8 --cwd /srv -- make test
  $ cosmos exec -t -- sh
  $ cosmos exec ./hello.nexe";

fn octal(text: &str) -> Result<u32, String> {
    match u32::from_str_radix(text, 8) {
        Ok(mask) if mask <= 0o777 => Ok(mask),
        _ => Err("a mask has one to three octal digits".into()),
    }
}
