//! The command line of `cosmos bench`.

use super::{Confinement, duration};
use crate::verb::Way;
use clap::Args;
use std::time::Duration;

/// Measure what one call costs on each way that it can go.
///
/// The ways are: in one process, by dlopen and libffi; and in a VM of each isolation level that this
/// machine offers, through shared memory (ring) and through a socket; with --host, in a VM of each level
/// that the other machine offers (there). They make calls in turns. Printed are the median, the 99th
/// percentile, and the ratio of the median to that of the first way; a way on which the call fails is
/// named with the reason. ARGs are those of `cosmos call`.
///
/// Exits with 1 when the call fails on every way.
#[derive(Args)]
#[command(after_help = BENCH_EXAMPLES)]
pub struct Bench {
    /// Print one JSON object: {"ways": [{"way": …, "median_ns": …, "p99_ns": …, "ratio": …}, …], …}.
    #[arg(long)]
    pub json: bool,
    /// How long each way makes calls: milliseconds, or 500ms, 2s, 1m.
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = duration)]
    pub time: Duration,
    /// Make calls on this way, as standard input says.
    #[arg(long, hide = true)]
    pub way: Option<Way>,
    #[command(flatten)]
    pub confinement: Confinement,
    /// The library or program: a name that is searched for (libz.so.1) or a path.
    pub target: String,
    /// The function, as for `cosmos call`.
    pub prototype: String,
    /// One value per parameter.
    #[arg(
        value_name = "ARG",
        allow_hyphen_values = true,
        trailing_var_arg = true
    )]
    pub arguments: Vec<String>,
}

const BENCH_EXAMPLES: &str = "\
Example:
  $ cosmos bench libz.so.1 crc32 0 hello";
